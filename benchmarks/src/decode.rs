//! Hyperliquid's book messages: decoded by the live path's decoder, applied to the engine's book.
#![expect(clippy::cast_precision_loss, reason = "less than 2^53")]

use std::hint::black_box;

use flyball_core::book::{Applied, Book};
use flyball_core::domain::{
    Body, ChecksumRule, Decimal, Event, Fees, Instrument, InstrumentId, InstrumentKind,
    InstrumentSpec, MarginTier, PriceRule, Rate, SequenceRule, Side,
};
use flyball_venues::hyperliquid::Hyperliquid;
use flyball_venues::{Decode, Listings};
use serde_json::{Value, json};

use crate::{Fallible, worker};

/// Messages of one run, however few were recorded.
const MESSAGES: usize = 20_000;

/// The recorded messages over and over.
pub(crate) fn many<'a>(messages: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
    messages.iter().copied().cycle().take(MESSAGES)
}

/// Processor time of the messages alone.
pub(crate) struct Started(f64);

impl Started {
    pub(crate) fn now() -> Self {
        Self(worker::cpu_s())
    }

    pub(crate) fn told(&self, best: &Value) -> Value {
        json!({"cpu_s": worker::cpu_s() - self.0, "messages": MESSAGES, "best": best})
    }
}

/// A coin whose prices have one decimal and sizes five, as BTC's.
pub(crate) fn instrument(coin: &str) -> Fallible<Instrument> {
    let spec = InstrumentSpec {
        symbol: coin.into(),
        kind: InstrumentKind::Linear,
        tick_size: Decimal::new(1, 1),
        lot_size: Decimal::new(1, 5),
        contract_size: Decimal::new(1, 0),
        price_rule: PriceRule::AnyTick,
        sequence_rule: SequenceRule::Unnumbered,
        checksum_rule: ChecksumRule::Absent,
        min_notional: Decimal::new(10, 0),
        fees: Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) },
        margin_tiers: vec![MarginTier { from_notional: 0, max_leverage: 40 }],
        book_depth: 64,
    };
    Ok(Instrument::new(InstrumentId::new(0), &spec)?)
}

/// Decoder and book of one coin.
pub(crate) struct Desk {
    decoder: Hyperliquid,
    pub(crate) book: Book,
    stale: u64,
}

impl Desk {
    pub(crate) fn new(coin: &str) -> Fallible<Self> {
        let instrument = instrument(coin)?;
        let book = Book::new(&instrument);
        let decoder = Hyperliquid::new(Listings::of(&[instrument])?);
        Ok(Self { decoder, book, stale: 0 })
    }

    /// Decode one message and apply it.
    pub(crate) fn take(&mut self, message: &[u8]) -> Fallible<()> {
        let Self { decoder, book, stale } = self;
        let visit = |event: &Event<'_>| -> Fallible<()> {
            if let Body::Depth(depth) = &event.body {
                *stale += u64::from(book.apply(depth)? == Applied::Stale);
            }
            Ok(())
        };
        decoder.decode(message, 0, visit)?;
        Ok(())
    }
}

/// As a contestant.
pub(crate) fn serve(coin: &str, lines: &str) -> Fallible<()> {
    let text = std::fs::read(lines)?;
    let messages: Vec<&[u8]> = text.split(|it| *it == b'\n').filter(|it| it.len() > 10).collect();
    let mut desk = Desk::new(coin)?;
    let bytes: usize = messages.iter().map(|it| it.len()).sum();
    worker::serve(|| {
        let started = Started::now();
        for message in many(&messages) {
            desk.take(black_box(message))?;
        }
        let best = |side| desk.book.levels(side).next().map(|level| level.price.ticks());
        let mut told = started.told(&json!([best(Side::Bid), best(Side::Ask)]));
        told["bytes"] = json!(bytes as f64 / messages.len() as f64);
        told["stale"] = json!(desk.stale);
        Ok(told)
    })
}
