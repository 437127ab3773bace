//! Imports: once, whole or not at all, and the same as what was recorded.
#![allow(clippy::float_cmp, reason = "the nearest float to a decimal is one float")]

mod shared;

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use flyball_core::domain::{
    Body, Decimal, DepthKind, Event, Instrument, InstrumentId, InstrumentKind, Level, Price, Qty,
    Side,
};
use flyball_data::import::{ImportSpec, Stage, import_recording};
use flyball_data::recording::{Format, Line, Recording, Visit, read, survey};
use flyball_data::tape::Tape;
use flyball_data::{DataError, LineError, book_states};
use flyball_venues::Listings;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use shared::{files, import, names, recording, shared};

fn nexo(shared: &Path) -> Recording {
    recording(Format::Binance, files(&shared.join("books/binance_spot_nexousdt_20240723")), "")
}

/// A small recording: the tiny fixture of 2022.
fn tiny(shared: &Path) -> Recording {
    recording(Format::Binance, files(&shared.join("books/binance_usdm_btcusdt_20220811")), "")
}

fn lines_of(recording: &Recording) -> Vec<String> {
    let file = std::fs::File::open(&recording.sources[0]).unwrap();
    let text = std::io::read_to_string(flate2::read::MultiGzDecoder::new(file)).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn gzip(path: &Path, lines: &[String]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(lines.join("\n").as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    std::fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn the_second_time_there_is_nothing_to_do() {
    let Some(shared) = shared() else { return };
    let out = tempfile::tempdir().unwrap();
    let first = import(tiny(&shared), out.path()).unwrap();
    let written = std::fs::metadata(&first.tape).unwrap().modified().unwrap();
    let second = import(tiny(&shared), out.path()).unwrap();
    assert!(first.fresh && !second.fresh);
    assert_eq!(first.about, second.about);
    assert_eq!(std::fs::metadata(&first.tape).unwrap().modified().unwrap(), written);

    // Another wish, another name, or a missing table: it is done again.
    let mut spec = ImportSpec::new("other", "somewhere", InstrumentKind::Linear, tiny(&shared));
    let mut go_on = |_| ControlFlow::Continue(());
    assert!(import_recording(&spec, out.path(), &mut go_on).unwrap().fresh);
    assert!(!import_recording(&spec, out.path(), &mut go_on).unwrap().fresh);
    spec.check.max_trade_move = 0.2;
    assert!(import_recording(&spec, out.path(), &mut go_on).unwrap().fresh);
    std::fs::remove_file(out.path().join("trades.parquet")).unwrap();
    assert!(import_recording(&spec, out.path(), &mut go_on).unwrap().fresh);
    // A changed file too.
    let copy = out.path().join("copy.gz");
    let mut lines = lines_of(&tiny(&shared));
    gzip(&copy, &lines);
    spec.recording.sources = vec![copy.clone()];
    assert!(import_recording(&spec, out.path(), &mut go_on).unwrap().fresh);
    lines.pop();
    gzip(&copy, &lines);
    assert!(import_recording(&spec, out.path(), &mut go_on).unwrap().fresh);
}

#[test]
fn the_same_recording_gives_the_same_files_to_the_bit() {
    let Some(shared) = shared() else { return };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    import(tiny(&shared), one.path()).unwrap();
    import(tiny(&shared), two.path()).unwrap();
    assert_eq!(names(one.path()), ["depth.parquet", "tape.fbt", "trades.parquet"]);
    for name in names(one.path()) {
        let read = |folder: &Path| std::fs::read(folder.join(&name)).unwrap();
        assert!(read(one.path()) == read(two.path()), "{name}");
    }
}

/// Compares what is read from a recording with what is on its tape.
struct Same<'a> {
    cursor: flyball_data::tape::TapeCursor<'a>,
}

impl Visit for Same<'_> {
    fn event(&mut self, event: &Event<'_>, line: Line) -> Result<(), DataError> {
        assert_eq!(self.cursor.next()?.as_ref(), Some(event), "{line:?}");
        Ok(())
    }
}

#[test]
fn a_tape_gives_back_every_event_of_its_recording() {
    let Some(shared) = shared() else { return };
    for recording in [nexo(&shared), tiny(&shared)] {
        let out = tempfile::tempdir().unwrap();
        let imported = import(recording.clone(), out.path()).unwrap();
        let tape = Tape::open(&imported.tape).unwrap();
        let mut listings = Listings::new();
        for (id, spec) in (0..).zip(&imported.about.instruments) {
            let id = InstrumentId::new(id);
            listings.add(id, &spec.symbol, spec.tick_size, spec.lot_size).unwrap();
        }
        let mut same = Same { cursor: tape.cursor().unwrap() };
        read(&recording, listings, &mut same).unwrap();
        assert_eq!(same.cursor.next().unwrap(), None);
        assert_eq!(same.cursor.events(), imported.about.report.counts.events);
    }
}

#[test]
fn books_rebuilt_from_a_tape_are_those_of_a_sorted_map() {
    let Some(shared) = shared() else { return };
    let out = tempfile::tempdir().unwrap();
    let tape = Tape::open(import(nexo(&shared), out.path()).unwrap().tape).unwrap();
    // The snapshot comes first in this recording, so that a map needs no waiting room.
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    let mut expected = BTreeMap::new();
    let mut last = 0;
    let mut cursor = tape.cursor().unwrap();
    while let Some(event) = cursor.next().unwrap() {
        if let Body::Depth(depth) = event.body
            && (depth.kind == DepthKind::Snapshot || depth.sequence.last > last)
        {
            last = depth.sequence.last;
            for (side, levels) in sides.iter_mut().zip([depth.bids, depth.asks]) {
                for level in levels {
                    side.insert(level.price, level.qty);
                }
                side.retain(|_, qty| !qty.is_zero());
            }
        }
        if cursor.events() % 997 == 0 {
            expected.insert(cursor.events(), sides.clone());
        }
    }
    expected.insert(cursor.events(), sides);
    let levels = |map: &BTreeMap<Price, Qty>| {
        map.iter().map(|(&price, &qty)| Level { price, qty }).collect::<Vec<_>>()
    };
    let mut compared = 0;
    book_states(&tape, InstrumentId::new(0), 997, |number, book| {
        let [bids, asks] = &expected[&number];
        assert!(book.levels(Side::Bid).eq(levels(bids).into_iter().rev()));
        assert!(book.levels(Side::Ask).eq(levels(asks)), "after event {number}");
        compared += 1;
    })
    .unwrap();
    assert_eq!(compared, expected.len());
    let error = book_states(&tape, InstrumentId::new(1), 1, |_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), "instrument 1 is not on the tape: it has 1");
}

#[test]
fn tables_say_in_decimals_what_the_tape_says_in_ticks() {
    let Some(shared) = shared() else { return };
    let out = tempfile::tempdir().unwrap();
    let tape = Tape::open(import(nexo(&shared), out.path()).unwrap().tape).unwrap();
    let open = |name: &str| {
        let file = std::fs::File::open(out.path().join(name)).unwrap();
        SerializedFileReader::new(file).unwrap()
    };
    let mut cursor = tape.cursor().unwrap();
    let trades = open("trades.parquet");
    for row in trades.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let (event, trade) = loop {
            let event = cursor.next().unwrap().unwrap();
            if let Body::Trade(trade) = event.body {
                break (event, trade);
            }
        };
        // event, time_ns, received_ns, symbol, aggressor, price, price_ticks, qty, qty_lots, trade_id
        assert_eq!(row.get_long(0).unwrap().unsigned_abs(), cursor.events());
        assert_eq!(row.get_long(1).unwrap(), event.time_ns);
        assert_eq!(row.get_long(2).unwrap(), event.received_ns);
        assert_eq!(row.get_string(3).unwrap(), "NEXOUSDT");
        let side = if trade.aggressor == Side::Bid { "bid" } else { "ask" };
        assert_eq!(row.get_string(4).unwrap(), side);
        let text = format!("{}.{:03}", trade.price.ticks() / 1000, trade.price.ticks() % 1000);
        assert_eq!(row.get_double(5).unwrap(), text.parse::<f64>().unwrap());
        assert_eq!(row.get_long(6).unwrap(), trade.price.ticks());
        assert_eq!(row.get_long(8).unwrap().unsigned_abs(), trade.qty.lots());
        assert_eq!(row.get_long(9).unwrap().unsigned_abs(), trade.id);
    }
    let depth = open("depth.parquet");
    let metadata = depth.metadata().file_metadata().key_value_metadata().unwrap();
    let steps = metadata.iter().find(|it| it.key == "flyball.instrument.NEXOUSDT").unwrap();
    assert_eq!(steps.value.as_deref(), Some("tick_size 0.001, lot_size 0.01"));
    let first = depth.get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!(
        (first.get_string(4).unwrap().as_str(), first.get_string(5).unwrap().as_str()),
        ("snapshot", "bid")
    );
    assert_eq!((first.get_double(6).unwrap(), first.get_double(8).unwrap()), (1.214, 63.38));
}

#[test]
fn given_instruments_are_taken_and_not_inferred() {
    let Some(shared) = shared() else { return };
    let recording = tiny(&shared);
    let mut found = survey(&recording, InstrumentKind::Linear, &mut |_| Ok(())).unwrap();
    let spec_of = |specs: Vec<_>| ImportSpec {
        instruments: specs,
        ..ImportSpec::new("x", "y", InstrumentKind::Linear, recording.clone())
    };
    let out = tempfile::tempdir().unwrap();
    let mut stages = Vec::new();
    found.instruments[0].book_depth = 4321;
    let spec = spec_of(found.instruments.clone());
    let imported = import_recording(&spec, out.path(), &mut |progress| {
        stages.push(progress.stage);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(!imported.about.inferred && !stages.contains(&Stage::Surveying));
    assert_eq!(imported.about.instruments[0].book_depth, 4321);

    // Ticks that are too coarse are an error that says where and what.
    found.instruments[0].tick_size = Decimal::new(1, 0);
    let spec = spec_of(found.instruments);
    let error =
        import_recording(&spec, out.path(), &mut |_| ControlFlow::Continue(())).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("dat.gz, line 1: price 24670.9: not a multiple of the step (steps of 1)"),
        "{text}"
    );
}

#[test]
fn contracts_of_a_hundred_dollars_are_what_the_caller_says() {
    let Some(shared) = shared() else { return };
    let files = files(&shared.join("books/binance_coinm_btcusd_perp_20240808"));
    let recording = recording(Format::Binance, files, "");
    let mut found = survey(&recording, InstrumentKind::Inverse, &mut |_| Ok(())).unwrap();
    found.instruments[0].contract_size = Decimal::new(100, 0);
    let mut spec = ImportSpec::new("x", "y", InstrumentKind::Inverse, recording);
    spec.instruments = found.instruments;
    let out = tempfile::tempdir().unwrap();
    let go_on = &mut |_| ControlFlow::Continue(());
    let about = import_recording(&spec, out.path(), go_on).unwrap().about;
    let btc = Instrument::new(InstrumentId::new(0), &about.instruments[0]).unwrap();
    // 10 contracts of 100 USD at 61 801.3 USD, in BTC.
    let value = btc.value(Price::from_ticks(618_013), Qty::from_lots(10));
    assert_eq!(value.units(), 161_808_894);
}

#[test]
fn a_format_without_names_needs_one() {
    let Some(shared) = shared() else { return };
    let files = files(&shared.join("books/freqtrade_xrpeth_trades_20191011"));
    let error = import(recording(Format::TradesJson, files, ""), &PathBuf::from("x")).unwrap_err();
    assert!(error.to_string().contains("say which one it is (symbols)"), "{error}");
    assert!(!Path::new("x").exists());
}

/// An import of these lines fails, and leaves nothing.
fn failing(lines: &[String], cut: usize) -> DataError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.gz");
    let bytes = gzip(&path, lines);
    std::fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
    let out = folder.path().join("out");
    let error = import(recording(Format::Binance, vec![path], ""), &out).unwrap_err();
    assert!(!out.exists(), "{:?}", names(&out));
    error
}

#[test]
fn damaged_recordings_are_errors_that_name_the_line() {
    let Some(shared) = shared() else { return };
    let lines = lines_of(&tiny(&shared));
    let error = failing(&lines, 5000);
    assert!(matches!(error, DataError::Truncated { line, .. } if line > 100), "{error}");

    let damage = |line: &str| {
        let mut lines = lines.clone();
        line.clone_into(&mut lines[99]);
        failing(&lines, 0)
    };
    let cut = &lines[99][..lines[99].len() / 2];
    let error = damage(cut);
    assert!(
        matches!(&error, DataError::Line { line: 100, reason: LineError::Message(_), .. }),
        "{error}"
    );
    let error = damage("{\"stream\":\"x\"}");
    assert!(
        matches!(&error, DataError::Line { line: 100, reason: LineError::NoTime, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("recording.gz, line 100: it does not begin with"),
        "{error}"
    );
    let missing = import(
        recording(Format::Binance, vec![PathBuf::from("/nowhere/x.gz")], ""),
        Path::new("/nowhere/out"),
    );
    let text = missing.unwrap_err().to_string();
    assert!(
        text.contains("cannot open /nowhere/x.gz") && text.contains("check the path"),
        "{text}"
    );
}

#[test]
fn a_full_disk_leaves_nothing_half_done() {
    let Some(shared) = shared() else { return };
    if !Path::new("/dev/full").exists() {
        return;
    }
    for name in ["body.fbt", "tape.fbt", "depth.parquet", "trades.parquet"] {
        let out = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", out.path().join(format!("{name}.part"))).unwrap();
        let error = import(nexo(&shared), out.path()).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, DataError::Write { .. }), "{name}: {text}");
        assert!(text.contains(name) && text.contains("free some space"), "{name}: {text}");
        assert_eq!(names(out.path()), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn no_permission_says_what_to_do() {
    let Some(shared) = shared() else { return };
    // Not even root makes folders here.
    if !Path::new("/sys/kernel").exists() {
        return;
    }
    let error = import(tiny(&shared), Path::new("/sys/kernel/flyball")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("cannot write /sys/kernel/flyball") && text.contains("; "), "{text}");
}

#[test]
fn an_import_can_be_stopped_and_begun_again() {
    let Some(shared) = shared() else { return };
    let spec = ImportSpec::new("x", "y", InstrumentKind::Spot, nexo(&shared));
    let out = tempfile::tempdir().unwrap();
    for stop_at in [Stage::Hashing, Stage::Surveying, Stage::Decoding, Stage::Finishing] {
        let mut last = 0;
        let error = import_recording(&spec, out.path(), &mut |progress| {
            assert!(progress.bytes >= last && progress.bytes <= progress.total_bytes);
            last = progress.bytes;
            let stop =
                progress.stage == stop_at && (progress.events > 5000 || stop_at != Stage::Decoding);
            if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(error, Err(DataError::Cancelled)), "{stop_at:?}");
        assert_eq!(names(out.path()), Vec::<String>::new(), "{stop_at:?}");
    }
    // What a killed one left behind is no obstacle.
    for name in ["body.fbt.part", "tape.fbt.part", "depth.parquet.part", "bars.parquet.part"] {
        std::fs::write(out.path().join(name), b"half").unwrap();
    }
    std::fs::write(out.path().join("bars.parquet"), b"of another import").unwrap();
    let mut last = None;
    let imported = import_recording(&spec, out.path(), &mut |progress| {
        last = Some(progress);
        ControlFlow::Continue(())
    });
    assert!(imported.unwrap().fresh);
    let last = last.unwrap();
    assert_eq!((last.bytes, last.events), (last.total_bytes, 114_078));
    let expected = ["depth.parquet", "quotes.parquet", "tape.fbt", "trades.parquet"];
    assert_eq!(names(out.path()), expected);
}
