//! Every recording of books and trades is imported, and what was verified when it was collected
//! holds.

mod shared;

use std::path::Path;

use flyball_core::domain::{Decimal, Instrument, InstrumentId, PriceRule};
use flyball_data::check::{CheckOptions, FindingKind, Report, Severity, check_tape};
use flyball_data::recording::{Format, Recording};
use flyball_data::tape::{About, Tape};
use shared::{files, import, names, recording, shared};

/// Import, and check what holds for every import.
fn imported(recording: Recording) -> About {
    let out = tempfile::tempdir().unwrap();
    let imported = import(recording, out.path()).unwrap();
    assert!(imported.fresh);
    let about = imported.about;
    let tape = Tape::open(&imported.tape).unwrap();
    assert_eq!(tape.details().unwrap(), about);
    assert_eq!(tape.verify().unwrap().0, about.report.counts.events);
    let mut expected: Vec<_> = about.tables.iter().map(|table| table.file.clone()).collect();
    expected.push("tape.fbt".to_owned());
    expected.sort();
    assert_eq!(names(out.path()), expected, "nothing else is left");
    // What can be traded can be backtested: the inferred specification is a sound one.
    if !matches!(about.format, Format::KrakenCapture | Format::CoinbaseCapture) {
        for (id, spec) in (0..).zip(&about.instruments) {
            Instrument::new(InstrumentId::new(id), spec).unwrap();
        }
    }
    // Checking the tape finds the same, but for what was dealt with before it.
    let again = check_tape(&tape, CheckOptions::new(about.counts_trades)).unwrap();
    assert_eq!(numbers(&again), numbers(&about.report));
    about
}

fn numbers(report: &Report) -> Vec<(FindingKind, u64)> {
    let mut all: Vec<_> = report.findings.iter().map(|it| (it.kind, it.count)).collect();
    all.retain(|(kind, _)| *kind != FindingKind::Rounded);
    all
}

fn rows(about: &About, name: &str) -> u64 {
    let table = about.tables.iter().find(|it| it.file == format!("{name}.parquet"));
    table.map_or(0, |it| it.rows)
}

fn of_binance(shared: &Path, folder: &str) -> About {
    let files = files(&shared.join("books").join(folder));
    imported(recording(Format::Binance, files, ""))
}

#[test]
fn binance_books_are_whole() {
    let Some(shared) = shared() else { return };
    // Folder, lines, depth, bookTicker, trades, milliseconds of clock skew at the median.
    for (folder, lines, depth, touches, trades, skew) in [
        ("binance_spot_nexousdt_20240723", 114_078, 68_182, 33_437, 12_458, -40),
        ("binance_usdm_btcusdt_20240808", 93_954, 6_551, 66_089, 21_313, -1_268),
        ("binance_usdm_btcusdt_20240718", 71_984, 9_022, 52_260, 10_701, -1_519),
        ("binance_spot_btcusdt_20240808", 99_574, 6_495, 73_174, 19_904, -1_273),
        ("binance_coinm_btcusd_perp_20240808", 98_386, 44_795, 48_355, 5_235, -1_259),
        ("binance_usdm_btcusdt_20220811", 1_533, 206, 0, 1_326, -856),
    ] {
        let about = of_binance(&shared, folder);
        let (report, counts) = (&about.report, about.report.counts);
        assert_eq!((about.lines.lines, about.lines.market), (lines, lines), "{folder}");
        assert_eq!((counts.snapshots, counts.diffs), (1, depth), "{folder}");
        assert_eq!((counts.touches, counts.trades), (touches, trades), "{folder}");
        let tables = (rows(&about, "depth"), rows(&about, "quotes"), rows(&about, "trades"));
        assert_eq!(tables, (counts.levels, touches, trades), "{folder}");
        for kind in [
            FindingKind::SequenceGap,
            FindingKind::CrossedBook,
            FindingKind::CrossedQuote,
            FindingKind::MissingTrade,
            FindingKind::DuplicateTrade,
            FindingKind::ReceivedBack,
            FindingKind::Outlier,
        ] {
            assert_eq!(report.count(kind), 0, "{folder} {kind:?}");
        }
        assert!(report.worst() <= Some(Severity::Warning), "{folder}");
        let latency = report.latency.unwrap();
        let median_ms = latency.median_ns / 1_000_000;
        assert!((median_ms - skew).abs() <= 1, "{folder}: {median_ms} ms");
        assert_eq!(report.clock_offset_ns, 500_000 - latency.min_ns, "{folder}");
    }
}

#[test]
fn the_long_recording_is_quiet_for_43_seconds() {
    let Some(shared) = shared() else { return };
    let about = of_binance(&shared, "binance_spot_nexousdt_20240723");
    let silence = about.report.longest_silence.unwrap();
    assert_eq!(silence.ns / 100_000_000, 434);
    let length = about.report.last_ns.unwrap() - about.report.first_ns.unwrap();
    assert_eq!(length / 60_000_000_000, 24 * 60 + 20);
    let spec = &about.instruments[0];
    assert_eq!(spec.symbol, "NEXOUSDT");
    assert_eq!((spec.tick_size, spec.lot_size), (Decimal::new(1, 3), Decimal::new(1, 2)));
}

#[test]
fn snapshots_that_come_after_newer_changes_lose_nothing() {
    let Some(shared) = shared() else { return };
    for (folder, waiting) in
        [("binance_spot_btcusdt_20240808", 3), ("binance_coinm_btcusd_perp_20240808", 25)]
    {
        let report = of_binance(&shared, folder).report;
        assert_eq!(report.count(FindingKind::Waiting), waiting, "{folder}");
        assert_eq!(report.count(FindingKind::SequenceGap), 0, "{folder}");
    }
}

#[test]
fn hyperliquid_takes_its_time() {
    let Some(shared) = shared() else { return };
    let files = files(&shared.join("books/hyperliquid_btc_20250126"));
    let about = imported(recording(Format::Hyperliquid, files, ""));
    let counts = about.report.counts;
    assert_eq!((counts.snapshots, counts.trades, counts.levels), (46, 64, 46 * 40));
    let spec = &about.instruments[0];
    assert_eq!((spec.tick_size, spec.lot_size), (Decimal::new(1, 1), Decimal::new(1, 5)));
    assert_eq!(spec.price_rule, PriceRule::SignificantFigures(5));
    let latency = about.report.latency.unwrap();
    assert_eq!((latency.min_ns / 1_000_000, latency.max_ns / 1_000_000), (351, 774));
    assert_eq!(about.report.clock_offset_ns, 0);
    assert_eq!(about.report.worst(), Some(Severity::Note));
}

#[test]
fn bybit_and_coinbase_books_are_whole() {
    let Some(shared) = shared() else { return };
    let bybit = files(&shared.join("books/bybit_xrpusdt_ob500_20241201"));
    let about = imported(recording(Format::Bybit, bybit, ""));
    assert_eq!((about.report.counts.snapshots, about.report.counts.diffs), (1, 49));
    assert!(about.report.findings.is_empty());

    let folder = shared.join("books/coinbase_btcusd_l2_20180424");
    let mut names = vec!["snapshot_bids".to_owned(), "snapshot_asks".to_owned()];
    names.extend((1..=4).map(|part| format!("l2update_15min_{part}")));
    let files = names.iter().map(|name| folder.join(format!("{name}.csv.gz"))).collect();
    let about = imported(recording(Format::CoinbaseCsv, files, "BTC-USD"));
    assert_eq!(about.report.counts.levels, 13_741 + 14_078 + 193_848);
    assert_eq!(about.report.count(FindingKind::Rounded), 5_349);
    assert_eq!(about.report.findings.len(), 1, "and nothing else");
    assert_eq!(about.report.longest_silence.unwrap().ns, 1_290_000_000);
}

#[test]
fn lobster_is_a_whole_session() {
    let Some(shared) = shared() else { return };
    let files = files(&shared.join("books/lobster_amzn_20120621_L5"));
    let format = Format::Lobster { utc_offset_s: -4 * 3600 };
    let about = imported(recording(format, files, "AMZN"));
    let report = about.report;
    assert_eq!((about.lines.lines, about.lines.market), (155_935, 155_935));
    assert_eq!(report.counts.trades, 8_974 + 2_445);
    assert_eq!(report.count(FindingKind::CrossedBook), 0);
    assert_eq!(report.count(FindingKind::ReceivedBack), 0);
    // 09:30 to 16:00 in New York.
    let nine_thirty = 1_340_285_400_000_000_000;
    let (first, last) = (report.first_ns.unwrap(), report.last_ns.unwrap());
    assert_eq!((first - nine_thirty) / 1_000_000_000, 0);
    assert_eq!((last - nine_thirty) / 60_000_000_000, 389);
}

#[test]
fn trades_alone_are_a_recording_too() {
    let Some(shared) = shared() else { return };
    let json = files(&shared.join("books/freqtrade_xrpeth_trades_20191011"));
    let about = imported(recording(Format::TradesJson, json, "XRP/ETH"));
    assert_eq!(about.report.counts.trades, 12_477);
    assert_eq!(about.report.first_ns, Some(1_570_752_011_620_000_000));
    assert!(about.report.findings.is_empty(), "{:?}", about.report.findings);

    let parquet = files(&shared.join("books/binance_spot_btcusdt_trades_20210108"));
    let about = imported(recording(Format::TradesParquet, parquet, "BTCUSDT"));
    assert_eq!(about.report.counts.trades, 2_001);
    assert_eq!(about.instruments[0].lot_size, Decimal::new(1, 6), "no float artefacts");
    assert_eq!(about.report.count(FindingKind::MissingTrade), 0);
}

#[test]
fn captures_of_several_pairs_become_one_tape() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("wire/cryptofeed_raw");
    let coinbase = vec![folder.join("COINBASE.ws.28.0.gz")];
    let about = imported(recording(Format::CoinbaseCapture, coinbase.clone(), ""));
    assert_eq!((about.instruments.len(), about.report.counts.diffs), (10, 9_719));
    let one = imported(recording(Format::CoinbaseCapture, coinbase, "SKL-USD"));
    assert_eq!((one.instruments.len(), one.report.counts.snapshots), (1, 1));
    assert!(one.lines.foreign > 5_000);

    let kraken = ["48", "50"].map(|name| folder.join(format!("KRAKEN.ws.{name}.0.gz")));
    let about = imported(recording(Format::KrakenCapture, kraken.to_vec(), ""));
    assert_eq!((about.instruments.len(), about.report.counts.snapshots), (10, 10));
    assert!(about.report.counts.trades > 0);
    assert_eq!(about.report.count(FindingKind::WrongChecksum), 0);
    assert_eq!(about.report.count(FindingKind::ReceivedBack), 0, "merged by time");
}
