//! The real recordings, decoded whole: no errors, the counts that were verified when they were
//! collected, books without gaps, overlaps or wrong checksums.

mod shared;

use std::collections::BTreeMap;
use std::path::Path;

use flyball_core::book::{Applied, Book, BookState};
use flyball_core::domain::{
    Body, ChecksumRule, Decimal, Event, Fees, Instrument, InstrumentId, InstrumentKind,
    InstrumentSpec, MarginTier, PriceRule, Rate, SequenceRule,
};
use flyball_venues::binance::Binance;
use flyball_venues::bybit::Bybit;
use flyball_venues::coinbase::{Coinbase, CsvBook};
use flyball_venues::hyperliquid::Hyperliquid;
use flyball_venues::kraken::Kraken;
use flyball_venues::{Decode, DecodeError, Listings, Seen};

/// What came out of a recording.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    market: u64,
    control: u64,
    unused: u64,
    depth: u64,
    touch: u64,
    trades: u64,
    missing_trade_ids: u64,
    changed: u64,
    waits: u64,
    stale: u64,
    broken: u64,
    crossed: u64,
}

struct Rules {
    sequence: SequenceRule,
    checksum: ChecksumRule,
    printed: bool,
}

const fn rules(sequence: SequenceRule) -> Rules {
    Rules { sequence, checksum: ChecksumRule::Absent, printed: false }
}

/// Instruments with the decimals that a survey found.
fn instruments(survey: &Listings, rules: &Rules) -> Vec<Instrument> {
    let spec = |it: &flyball_venues::Listed| {
        let found = it.surveyed().unwrap();
        let decimals =
            |used: flyball_venues::Used| if rules.printed { used.printed } else { used.needed };
        InstrumentSpec {
            symbol: it.symbol().to_owned(),
            kind: InstrumentKind::Linear,
            tick_size: Decimal::new(1, decimals(found.price)),
            lot_size: Decimal::new(1, decimals(found.qty)),
            contract_size: Decimal::new(1, 0),
            price_rule: PriceRule::AnyTick,
            sequence_rule: rules.sequence,
            checksum_rule: rules.checksum,
            min_notional: Decimal::new(0, 0),
            fees: Fees { maker: Rate::ZERO, taker: Rate::ZERO },
            margin_tiers: vec![MarginTier { from_notional: 0, max_leverage: 1 }],
            book_depth: 40_000,
        }
    };
    survey
        .iter()
        .map(|it| {
            let mut spec = spec(it);
            if spec.symbol.is_empty() {
                spec.symbol = "BTC-USD".into();
            }
            // Money keeps ten decimals: enough for what is tested here.
            let too_fine =
                (spec.tick_size.decimals() + spec.lot_size.decimals()).saturating_sub(10);
            let kind = if too_fine > 0 { InstrumentKind::Inverse } else { spec.kind };
            Instrument::new(it.id(), &InstrumentSpec { kind, ..spec }).unwrap()
        })
        .collect()
}

#[derive(Default)]
struct Tally {
    found: Found,
    books: BTreeMap<u16, Book>,
    last_trade: BTreeMap<u16, u64>,
}

impl Tally {
    fn new(instruments: &[Instrument]) -> Self {
        let books = instruments.iter().map(|it| (it.id().raw(), Book::new(it))).collect();
        Self { books, ..Self::default() }
    }

    fn take(&mut self, event: &Event<'_>) {
        let found = &mut self.found;
        match &event.body {
            Body::Depth(depth) => {
                found.depth += 1;
                let book = self.books.get_mut(&depth.instrument.raw()).unwrap();
                match book.apply(depth) {
                    Ok(Applied::Changed | Applied::Healed) => found.changed += 1,
                    Ok(Applied::Waits) => found.waits += 1,
                    Ok(Applied::Stale) => found.stale += 1,
                    Err(_) => found.broken += 1,
                }
                found.crossed += u64::from(book.state() == BookState::Crossed);
            }
            Body::Touch(_) => found.touch += 1,
            Body::Trade(trade) => {
                found.trades += 1;
                let last = self.last_trade.insert(trade.instrument.raw(), trade.id);
                if let Some(last) = last {
                    found.missing_trade_ids += u64::from(trade.id != last + 1);
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

fn run<D: Decode>(make: fn(Listings) -> D, lines: &[(i64, String)], rules: &Rules) -> Found {
    let mut survey = make(Listings::survey());
    for (_, message) in lines {
        survey.decode(message.as_bytes(), 0, |_| Ok::<_, DecodeError>(())).unwrap();
    }
    let instruments = instruments(survey.listings(), rules);
    let mut decoder = make(Listings::of(&instruments).unwrap());
    let mut tally = Tally::new(&instruments);
    for (at, (received_ns, message)) in lines.iter().enumerate() {
        let seen = decoder
            .decode(message.as_bytes(), *received_ns, |event| {
                tally.take(event);
                Ok::<_, DecodeError>(())
            })
            .unwrap_or_else(|error| panic!("line {}: {error}", at + 1));
        match seen {
            Seen::Market => tally.found.market += 1,
            Seen::Control => tally.found.control += 1,
            Seen::Unused => tally.found.unused += 1,
            Seen::Foreign => panic!("line {}: an instrument that the survey missed", at + 1),
        }
    }
    tally.found
}

/// `<time> <json>` lines of one folder's files, in the order of their names.
fn stamped(folder: &Path) -> Vec<(i64, String)> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        for line in shared::text(&file).lines() {
            let (time, message) = line.split_once(' ').unwrap();
            lines.push((time.parse().unwrap(), message.to_owned()));
        }
    }
    lines
}

/// `<seconds>: <json>` lines of a capture.
fn captured(file: &Path) -> Vec<(i64, String)> {
    let text = shared::text(file);
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    pairs
        .filter(|(time, _)| time.starts_with(|c: char| c.is_ascii_digit()))
        .map(|(_, message)| (0, message.to_owned()))
        .collect()
}

#[test]
fn binance_spot() {
    let Some(shared) = shared::shared() else { return };
    let rules = rules(SequenceRule::Contiguous);
    let nexo = stamped(&shared.join("books/binance_spot_nexousdt_20240723"));
    let found = run(Binance::new, &nexo, &rules);
    assert_eq!((found.depth, found.touch, found.trades), (68_183, 33_437, 12_458));
    assert_eq!((found.market, found.broken, found.crossed), (114_078, 0, 0));
    assert_eq!((found.waits, found.missing_trade_ids), (0, 0));

    let btc = stamped(&shared.join("books/binance_spot_btcusdt_20240808"));
    let found = run(Binance::new, &btc, &rules);
    assert_eq!((found.depth, found.touch, found.trades), (6_496, 73_174, 19_904));
    assert_eq!((found.broken, found.crossed, found.missing_trade_ids), (0, 0, 0));
    assert!(found.waits > 0, "the snapshot comes after changes that are newer than it");
}

#[test]
fn binance_futures() {
    let Some(shared) = shared::shared() else { return };
    let rules = rules(SequenceRule::NamesPrevious);
    for (folder, depth, touch, trades) in [
        ("binance_usdm_btcusdt_20240808", 6_552, 66_089, 21_313),
        ("binance_usdm_btcusdt_20240718", 9_023, 52_260, 10_701),
        ("binance_coinm_btcusd_perp_20240808", 44_796, 48_355, 5_235),
        ("binance_usdm_btcusdt_20220811", 207, 0, 1_326),
    ] {
        let lines = stamped(&shared.join("books").join(folder));
        let found = run(Binance::new, &lines, &rules);
        assert_eq!((found.depth, found.touch, found.trades), (depth, touch, trades), "{folder}");
        assert_eq!(found.market, lines.len() as u64, "{folder}");
        let wrong = (found.broken, found.crossed, found.missing_trade_ids);
        assert_eq!(wrong, (0, 0, 0), "{folder}: {found:?}");
    }
}

#[test]
fn hyperliquid() {
    let Some(shared) = shared::shared() else { return };
    let lines = stamped(&shared.join("books/hyperliquid_btc_20250126"));
    let found = run(Hyperliquid::new, &lines, &rules(SequenceRule::Unnumbered));
    assert_eq!((found.market, found.depth, found.trades), (55, 46, 64));
    assert_eq!((found.broken, found.crossed), (0, 0));
}

#[test]
fn bybit() {
    let Some(shared) = shared::shared() else { return };
    let file = shared.join("books/bybit_xrpusdt_ob500_20241201/2024-12-01_XRPUSDT_ob500.jsonl.gz");
    let lines: Vec<_> = shared::text(&file).lines().map(|line| (0, line.to_owned())).collect();
    let found = run(Bybit::new, &lines, &rules(SequenceRule::Contiguous));
    assert_eq!((found.market, found.depth, found.changed), (50, 50, 50));
    assert_eq!((found.broken, found.crossed), (0, 0));
}

#[test]
fn coinbase_csv() {
    let Some(shared) = shared::shared() else { return };
    let folder = shared.join("books/coinbase_btcusd_l2_20180424");
    let names = ["snapshot_bids", "snapshot_asks"].into_iter().map(str::to_owned);
    let names = names.chain((1..=4).map(|part| format!("l2update_15min_{part}")));
    let text: Vec<_> =
        names.map(|name| shared::text(&folder.join(format!("{name}.csv.gz")))).collect();
    let lines = || text.iter().flat_map(|text| text.lines());

    let mut survey = CsvBook::new(Listings::survey());
    for line in lines() {
        survey.row(line.as_bytes(), |_| Ok::<_, DecodeError>(())).unwrap();
    }
    survey.finish(|_| Ok::<_, DecodeError>(())).unwrap();
    let instruments = instruments(survey.listings(), &rules(SequenceRule::Unnumbered));

    let mut decoder = CsvBook::new(Listings::of(&instruments).unwrap());
    let mut tally = Tally::new(&instruments);
    let mut levels = 0;
    let mut visit = |event: &Event<'_>| {
        let Body::Depth(depth) = &event.body else { panic!("{event:?}") };
        levels += depth.bids.len() + depth.asks.len();
        tally.take(event);
        Ok::<_, DecodeError>(())
    };
    for line in lines() {
        decoder.row(line.as_bytes(), &mut visit).unwrap();
    }
    decoder.finish(&mut visit).unwrap();
    assert_eq!(levels, 13_741 + 14_078 + 193_848);
    assert_eq!((tally.found.depth, tally.found.changed), (191_612, 191_612));
    assert_eq!((tally.found.broken, tally.found.crossed), (0, 0));
    assert_eq!(decoder.rounded(), 5_349);
}

#[test]
fn captures_of_cryptofeed() {
    let Some(shared) = shared::shared() else { return };
    let folder = shared.join("wire/cryptofeed_raw");

    let coinbase = captured(&folder.join("COINBASE.ws.28.0.gz"));
    let found = run(Coinbase::new, &coinbase, &rules(SequenceRule::Unnumbered));
    assert_eq!((found.depth, found.trades), (9_719 + 10, 97 + 10));
    assert_eq!((found.control, found.unused), (3, 107));
    assert_eq!((found.broken, found.crossed, found.missing_trade_ids), (0, 0, 0));

    let kraken = Rules {
        sequence: SequenceRule::Unnumbered,
        checksum: ChecksumRule::KrakenTop10,
        printed: true,
    };
    let books = captured(&folder.join("KRAKEN.ws.50.0.gz"));
    let found = run(Kraken::new, &books, &kraken);
    assert_eq!((found.broken, found.crossed, found.unused), (0, 0, 0), "{found:?}");
    assert!(found.depth > 4_000);
    let trades = captured(&folder.join("KRAKEN.ws.48.0.gz"));
    let found = run(Kraken::new, &trades, &kraken);
    assert!(found.trades > 0 && found.unused == 0);
    let tickers = captured(&folder.join("KRAKEN.ws.49.0.gz"));
    let found = run(Kraken::new, &tickers, &kraken);
    assert!(found.unused > 0 && found.market == 0);
}

#[test]
fn messages_that_jkorf_collected() {
    let Some(shared) = shared::shared() else { return };
    let folder = shared.join("wire/jkorf_hyperliquid/Subscriptions");
    let mut listings = Listings::new();
    let step = Decimal::new(1, 4);
    listings.add(InstrumentId::new(0), "HYPE", step, step).unwrap();
    let mut decoder = Hyperliquid::new(listings);
    for (name, expected) in [
        ("BookTicker", Seen::Market),
        ("OrderBook", Seen::Market),
        ("Trades", Seen::Market),
        ("Prices", Seen::Unused),
        ("Klines", Seen::Unused),
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
        let (_, pushed) = text.split_once("\n=").unwrap();
        let seen = decoder.decode(pushed.as_bytes(), 1, |_| Ok::<_, DecodeError>(()));
        assert_eq!(seen.unwrap(), expected, "{name}");
    }
}
