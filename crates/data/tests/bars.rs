//! Every file of bars and funding rates is imported, and what was verified when it was collected
//! holds.

mod shared;

use std::path::Path;

use flyball_core::domain::{Bar, Body, Decimal, FundingRate, Rate};
use flyball_data::DataError;
use flyball_data::check::{FindingKind, Severity};
use flyball_data::recording::{Format, Recording};
use flyball_data::tape::{About, Tape};
use shared::{files, import, recording, shared};

const MINUTE: i64 = 60_000_000_000;

/// A recording of one file, imported: what its tape says, and its events.
fn imported(recording: Recording) -> (About, Vec<(i64, Body<'static>)>) {
    let out = tempfile::tempdir().unwrap();
    let imported = import(recording, out.path()).unwrap();
    let tape = Tape::open(&imported.tape).unwrap();
    let mut cursor = tape.cursor().unwrap();
    let mut events = Vec::new();
    while let Some(event) = cursor.next().unwrap() {
        assert_eq!(event.time_ns, event.received_ns);
        let body = match event.body {
            Body::Bar(bar) => Body::Bar(bar),
            Body::FundingRate(funding) => Body::FundingRate(funding),
            other => panic!("{other:?}"),
        };
        events.push((event.time_ns, body));
    }
    assert!(events.is_sorted_by_key(|(time_ns, _)| *time_ns));
    (imported.about, events)
}

fn of(path: &Path, symbol: &str) -> (About, Vec<(i64, Body<'static>)>) {
    let name = path.file_name().unwrap().to_string_lossy();
    let format = if name.contains("funding") { Format::Funding } else { Format::Bars };
    imported(recording(format, vec![path.to_owned()], symbol))
}

fn bars(events: &[(i64, Body<'static>)]) -> Vec<(i64, Bar)> {
    let bar = |(time_ns, body): &(i64, Body<'static>)| match body {
        Body::Bar(bar) => Some((*time_ns, *bar)),
        _ => None,
    };
    events.iter().filter_map(bar).collect()
}

#[test]
fn every_file_is_imported() {
    let Some(shared) = shared() else { return };
    let mut count = 0;
    for folder in files(&shared.join("bars")) {
        for file in files(&folder) {
            let symbol = if file.to_string_lossy().contains("top200") { "" } else { "X" };
            let (about, events) = of(&file, symbol);
            assert_eq!(about.report.counts.events, events.len() as u64, "{}", file.display());
            assert!(!events.is_empty(), "{}", file.display());
            assert!(about.report.worst() < Some(Severity::Error), "{}", file.display());
            count += 1;
        }
    }
    assert!(count >= 60, "{count} files");
}

#[test]
fn the_crash_of_october_2025_is_there_to_the_tick() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("bars/binance_usdm_5m_2025_oct10");
    let mut recording = recording(Format::Bars, vec![folder.join("XRPUSDT_5m.csv.gz")], "XRPUSDT");
    recording.funding = Some(folder.join("XRPUSDT_funding.csv.gz"));
    let (about, events) = imported(recording);
    let report = &about.report;
    assert_eq!((report.counts.bars, report.counts.funding_rates), (119_724, 1_247));
    assert_eq!(report.count(FindingKind::MissingBar), 0);
    assert_eq!(report.count(FindingKind::ZeroVolumeBar), 5);
    assert_eq!(about.interval_ns, Some(5 * MINUTE));
    assert_eq!(about.instruments[0].tick_size, Decimal::new(1, 4));

    let bars = bars(&events);
    // 2024-12-31 00:00, opened; the event is at its end.
    assert_eq!(bars[0].0, 1_735_603_200_000_000_000 + 5 * MINUTE);
    let lowest = bars.iter().filter(|(time_ns, _)| {
        // 2025-10-10 21:15 to 21:25 open.
        (1_760_130_900_000_000_000..=1_760_131_500_000_000_000).contains(&(time_ns - 5 * MINUTE))
    });
    let lowest = lowest.map(|(_, bar)| bar.low.ticks()).min().unwrap();
    assert_eq!(lowest, 11_792, "1.1792");

    // Funding is paid at its moment, and exactly: 6.076e-05 at the start.
    let first = events.iter().find_map(|(time_ns, body)| match body {
        Body::FundingRate(FundingRate { rate, settles: true, .. }) => Some((*time_ns, *rate)),
        _ => None,
    });
    assert_eq!(first, Some((1_735_603_200_000_000_000, Rate::from_parts(60_760_000))));
    // At 08:00 the bar that ends then comes before the rate.
    let eight = 1_735_632_000_000_000_000;
    let at_eight: Vec<_> = events.iter().filter(|(time_ns, _)| *time_ns == eight).collect();
    assert!(matches!(at_eight[..], [(_, Body::Bar(_)), (_, Body::FundingRate(_))]));
}

#[test]
fn missing_and_doubled_bars_are_told() {
    let Some(shared) = shared() else { return };
    for (file, missing, doubled, zero) in [
        ("binance_spot_1h_2017_2022/BTCUSDT_1h.csv.gz", 127, 0, 3),
        ("binance_spot_15m_2020_2022/DOTUSDT_15m.csv.gz", 89, 0, 5),
        ("binance_spot_1m_windows/BTCUSDT_1m_20210326_20210430.csv.gz", 434, 0, 0),
        ("binance_usdm_1h_taker_2025/BTCUSDT_1h_full_kline_columns.csv.gz", 0, 3, 0),
        ("usdc_depeg_202303/binanceus_BTCUSDC_1m.csv.gz", 0, 0, 12_971),
        ("binance_spot_5m_2025_oct10/XRPUSDT_spot_5m.csv.gz", 0, 0, 0),
    ] {
        let (about, _) = of(&shared.join("bars").join(file), "X");
        let report = about.report;
        let found = (
            report.count(FindingKind::MissingBar),
            report.count(FindingKind::DuplicateBar),
            report.count(FindingKind::ZeroVolumeBar),
        );
        assert_eq!(found, (missing, doubled, zero), "{file}");
    }
}

#[test]
fn a_wick_to_nothing_is_an_outlier() {
    let Some(shared) = shared() else { return };
    let (about, _) = of(&shared.join("bars/binance_spot_1h_2017_2022/LINKUSDT_1h.csv.gz"), "LINK");
    let outliers = about.report.findings.iter().find(|it| it.kind == FindingKind::Outlier).unwrap();
    let wick = outliers.examples.iter().find(|it| it.detail.starts_with("1 ticks")).unwrap();
    assert!(wick.place.starts_with("LINKUSDT_1h.csv.gz:"), "{wick:?}");
}

#[test]
fn headers_and_orders_of_all_kinds_are_understood() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("bars");
    // Newest first, with an adjusted close beside the close.
    let (about, events) = of(&folder.join("sp500_daily_1950_2015/GSPC.csv.gz"), "SPX");
    let bars_of = bars(&events);
    assert_eq!(bars_of.len(), 16_403);
    let (first, bar) = bars_of[0];
    assert_eq!(first, (-7303 + 1) * 24 * 60 * MINUTE, "1950-01-03, at its end");
    assert_eq!((bar.close.ticks(), bar.volume.lots()), (1666, 1_260_000));
    assert_eq!(about.report.count(FindingKind::DuplicateBar), 0);
    // One value a day, with days that have none.
    let (about, events) = of(&folder.join("arch_equity_daily/vix.csv.gz"), "VIX");
    let (_, bar) = bars(&events)[0];
    assert_eq!((bar.open.ticks(), bar.high.ticks(), bar.close.ticks()), (1376, 1376, 1376));
    assert_eq!(about.report.count(FindingKind::NoValue), 46);
    // Many instruments in one file, prices such as 7.17e-06.
    let panel = "coinbase_daily_panel_2020_2025/coinbase_top200_daily_20200101_20251025.csv.gz";
    let (about, events) = of(&folder.join(panel), "");
    assert_eq!((about.instruments.len(), events.len()), (136, 60_726));
    let pepe = about.instruments.iter().position(|it| it.symbol == "PEPE/USD").unwrap();
    let all = bars(&events);
    let last = all.iter().rev().find(|(_, bar)| bar.instrument.index() == pepe).unwrap();
    assert_eq!(last.1.close.ticks(), 713, "7.13e-06");
    let (one, _) = of(&folder.join(panel), "BTC/USD");
    assert_eq!((one.instruments.len(), one.report.counts.bars), (1, 2_125));
}

#[test]
fn funding_rates_keep_every_digit() {
    let Some(shared) = shared() else { return };
    let file = shared.join("bars/hyperliquid_funding_1h/XRP_funding_1h.csv.gz");
    let (about, events) = of(&file, "XRP");
    assert_eq!(about.report.counts.funding_rates, 18_458);
    let Body::FundingRate(second) = events[1].1 else { panic!("{events:?}") };
    assert_eq!(events[1].0, 1_687_050_000_315_000_000, "stamps jitter by milliseconds");
    assert_eq!(second.rate, Rate::from_parts(-102_763_700), "-0.0001027637");
}

/// A file of these lines, imported.
fn made_of(text: &str) -> Result<About, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    std::fs::write(&path, text).unwrap();
    let imported = import(recording(Format::Bars, vec![path], "X"), &folder.path().join("out"));
    imported.map(|imported| imported.about)
}

#[test]
fn a_file_without_a_header_is_read_as_kraken_writes_it() {
    let about = made_of(
        "1672531200,16531.8,16532.0,16531.8,16531.9,0.51,12\n\
         1672531260,16531.9,16531.9,16531.9,16531.9,0.02,1\n\
         1672531380,16531.9,16531.9,16531.9,16531.9,0.02,1\n\
         1672531440,16531.9,16531.9,16531.9,16531.9,0.02,1\n",
    )
    .unwrap();
    assert_eq!((about.report.counts.bars, about.interval_ns), (4, Some(MINUTE)));
    assert_eq!(about.report.first_ns, Some(1_672_531_260_000_000_000));
    assert_eq!(about.report.count(FindingKind::MissingBar), 1);
}

#[test]
fn what_is_wrong_with_a_line_is_told() {
    let error = |text: &str| made_of(text).unwrap_err().to_string();
    let header = "time_ms,open,high,low,close,volume\n";
    let bar = |time: u32| format!("{time}00000000,1,1,1,1,1\n");
    let back = error(&[header, &bar(16_000), &bar(16_002), &bar(16_001)].concat());
    assert!(back.contains("bars.csv, line 4: it is earlier than the line before it"), "{back}");
    let short = error(&[header, &bar(16_000), "1700000000000,1,1\n"].concat());
    assert!(short.contains("line 3: column \"low\" is missing"), "{short}");
    let text = error(&[header, "1700000000000,1,x,1,1,1\n"].concat());
    assert!(text.contains("line 2: column \"high\": \"x\" is not a decimal number"), "{text}");
    let time = error(&[header, "yesterday,1,1,1,1,1\n"].concat());
    assert!(time.contains("\"yesterday\" is not a time"), "{time}");
    let header = error("time_ms,open,high,close\n");
    assert!(header.contains("line 1: column \"low\" is missing"), "{header}");
    assert!(error("").contains("it holds nothing of X"));
}
