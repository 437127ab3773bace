//! Recordings, served.
#![allow(clippy::print_stdout, reason = "a skipped test says so, and what was compared")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flyball_core::domain::{Body, Decimal, Instrument, InstrumentId, InstrumentKind, Level};
use flyball_data::import::{ImportSpec, import_recording};
use flyball_data::recording::{Format, Recording};
use flyball_data::tape::Tape;
use flyball_exchange::markets::{Change, Happening, Markets, Replay, ReplayOptions, Source};
use flyball_exchange::{MarketSetup, Setup};

const KEEP: ReplayOptions = ReplayOptions { start_ns: None, again: false };

/// The folder of recordings; `None`, with a printed line, where it is absent.
fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("FLYBALL_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = root.join("data");
    if data.is_dir() {
        return Some(data);
    }
    println!("skipped: no recordings at {} (set FLYBALL_SHARED)", data.display());
    None
}

fn import(format: Format, source: PathBuf, symbol: &str, out: &Path) {
    let mut recording = Recording::new(format, vec![source]);
    if !symbol.is_empty() {
        recording.symbols = vec![symbol.to_owned()];
    }
    let spec = ImportSpec::new("test", "somewhere", InstrumentKind::Linear, recording);
    import_recording(&spec, out, &mut |_| ControlFlow::Continue(())).unwrap();
}

fn all(replay: &mut Replay) -> Vec<Happening> {
    std::iter::from_fn(|| replay.pop()).collect()
}

/// Prices and sizes as decimal numbers.
fn numbers(levels: &[Level], tick: Decimal, lot: Decimal) -> Vec<(Decimal, Decimal)> {
    let times = |count: i64, step: Decimal| Decimal::new(count * step.units(), step.decimals());
    let number = |level: &Level| {
        (times(level.price.ticks(), tick), times(level.qty.lots().cast_signed(), lot))
    };
    levels.iter().map(number).collect()
}

#[test]
fn a_recording_of_hyperliquid_comes_out_as_it_was() {
    let Some(data) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = data.join("books/hyperliquid_btc_20250126/btcusd_20250126.gz");
    import(Format::Hyperliquid, source, "", folder.path());
    let (listings, mut replay) = Replay::open(folder.path(), KEEP).unwrap();
    assert_eq!((listings[0].coin.as_str(), listings[0].sz_decimals), ("BTC", 5));
    let served = all(&mut replay);
    let tape = Tape::open(folder.path().join("tape.fbt")).unwrap();
    let spec = tape.details().unwrap().instruments[0].clone();
    let here = listings[0].spec();
    let mut served = served.iter().filter(|it| !matches!(it.change, Change::Funding { .. }));
    let (mut books, mut trades, mut last) = (0, 0, i64::MIN);
    let mut cursor = tape.cursor().unwrap();
    while let Some(event) = cursor.next().unwrap() {
        last = last.max(event.time_ns);
        match event.body {
            Body::Depth(depth) => {
                let happening = served.next().unwrap();
                assert_eq!(happening.time_ns, last, "its own times, never backwards");
                let Change::Book { bids, asks } = &happening.change else { panic!() };
                for (ours, theirs) in [(bids, depth.bids), (asks, depth.asks)] {
                    let ours = numbers(ours, here.tick_size, here.lot_size);
                    let mut theirs = numbers(theirs, spec.tick_size, spec.lot_size);
                    theirs.truncate(100);
                    assert_eq!(ours, theirs);
                }
                books += 1;
            }
            Body::Trade(trade) => {
                let Change::Trade { aggressor, level, id } = served.next().unwrap().change else {
                    panic!()
                };
                assert_eq!((aggressor, id), (trade.aggressor, trade.id));
                let theirs = Level { price: trade.price, qty: trade.qty };
                let ours = numbers(&[level], here.tick_size, here.lot_size);
                assert_eq!(ours, numbers(&[theirs], spec.tick_size, spec.lot_size));
                trades += 1;
            }
            _ => {}
        }
    }
    assert!(books > 40 && trades > 50);
    println!("{books} books and {trades} trades are served as they were recorded");
}

#[test]
fn a_recording_of_another_venue_is_put_on_the_grid_and_never_crossed() {
    let Some(data) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = data.join("books/binance_usdm_btcusdt_20220811/btcusdt_20220811.dat.gz");
    import(Format::Binance, source, "", folder.path());
    let options = ReplayOptions { start_ns: Some(1_700_000_000_000_000_000), again: false };
    let (listings, mut replay) = Replay::open(folder.path(), options).unwrap();
    assert_eq!(listings[0].coin, "BTC");
    assert_eq!(replay.start_ns(), 1_700_000_000_000_000_000, "shifted to that time");
    let instrument = Instrument::new(InstrumentId::default(), &listings[0].spec()).unwrap();
    let mut books = 0;
    for happening in all(&mut replay) {
        assert!(happening.time_ns >= 1_700_000_000_000_000_000 - 1_000_000_000);
        let Change::Book { bids, asks } = happening.change else { continue };
        let Some((bid, ask)) = bids.first().zip(asks.first()) else { continue };
        assert!(bid.price < ask.price);
        assert!(bids.iter().chain(&asks).all(|it| instrument.is_valid_price(it.price)));
        assert!(bids.windows(2).all(|pair| pair[0].price > pair[1].price));
        books += 1;
    }
    assert!(books > 50);
}

#[test]
fn a_recording_begins_again_at_its_end_when_told_to() {
    let Some(data) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = data.join("books/hyperliquid_btc_20250126/btcusd_20250126.gz");
    import(Format::Hyperliquid, source, "", folder.path());
    let (_, mut once) = Replay::open(folder.path(), KEEP).unwrap();
    let round = all(&mut once);
    let (listings, replay) =
        Replay::open(folder.path(), ReplayOptions { again: true, ..KEEP }).unwrap();
    let start = replay.start_ns();
    let mut markets = Markets::new(listings, vec![Box::new(replay)]).unwrap();
    let three: Vec<_> =
        std::iter::from_fn(|| markets.pop(i64::MAX)).take(round.len() * 3).collect();
    assert!(three.windows(2).all(|pair| pair[0].time_ns <= pair[1].time_ns));
    let length = three.last().unwrap().time_ns - start;
    assert!(length > 50_000_000_000, "three times 25 seconds: {length}");
}

#[test]
fn it_can_be_asked_for_by_its_folder() {
    let Some(data) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = data.join("books/hyperliquid_btc_20250126/btcusd_20250126.gz");
    import(Format::Hyperliquid, source, "", folder.path());
    let path = folder.path().to_owned();
    let market = MarketSetup::Replay { path, keep_times: true, again: false };
    let setup = Setup { market, ..Setup::synthetic(1) };
    let mut exchange = setup.exchange(0).unwrap();
    let start = exchange.now_ns();
    assert_eq!(start / 1_000_000_000, 1_737_918_843, "its own time");
    exchange.advance(start + 20_000_000_000);
    let peer = flyball_exchange::Peer([127, 0, 0, 1].into());
    let body = br#"{"type":"allMids"}"#;
    let reply = exchange.request(peer, "/info", body, start + 20_000_000_000);
    assert!(reply.body.starts_with(r#"{"BTC":"1050"#), "{}", reply.body);
}

#[test]
fn what_has_no_books_is_refused_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("XRP.csv");
    let row = |at: i64| format!("{},1.0,1.1,0.9,1.0,100", 1_700_000_000_000_i64 + at * 60_000);
    let rows = (0..50).map(row).collect::<Vec<_>>().join("\n");
    std::fs::write(&csv, format!("time_ms,open,high,low,close,volume\n{rows}\n")).unwrap();
    let out = folder.path().join("out");
    import(Format::Bars, csv, "XRP", &out);
    let error = Replay::open(&out, KEEP).err().unwrap().to_string();
    assert!(error.contains("it has no books"), "{error}");
    let error = Replay::open(Path::new("nowhere"), KEEP).err().unwrap().to_string();
    assert!(error.contains("cannot open nowhere"), "{error}");
}
