//! A market whose best bid and ask both move at even times: every tick is one message, and nothing
//! else happens at its time. It can be made to fall.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flyball_core::domain::{
    ConfigError, Instrument, InstrumentId, Level, MILLISECOND, Price, Qty, Random, SECOND, Side,
};
use flyball_exchange::markets::{Change, Happening, Listing, Source};

const LEVELS: i64 = 20;
/// As far as the middle walks from where it began, in steps of the price.
const REACH: i64 = 40;
/// First price, in ticks of a millionth: 2.1 dollars.
const FIRST: i64 = 2_100_000;
/// What is left of the price after a fall, in hundredths.
pub(crate) const LEFT: i64 = 96;
/// A trade of two others happens so many ticks apart, halfway between two ticks.
const TRADE_EVERY: u64 = 5;

/// The market.
pub(crate) struct Paced {
    instrument: InstrumentId,
    every_ns: i64,
    step: i64,
    random: Random,
    /// Steps that the middle lies from where it began.
    at: i64,
    number: u64,
    next: Happening,
    reference_ns: i64,
    tick_ns: i64,
    fallen: Arc<AtomicBool>,
}

impl Paced {
    /// Every `every_ns` from `start_ns` on. It falls at the tick after `fallen` is set.
    pub(crate) fn new(
        listing: &Listing,
        instrument: InstrumentId,
        (start_ns, every_ns): (i64, i64),
        fallen: Arc<AtomicBool>,
    ) -> Result<Self, ConfigError> {
        let step =
            Instrument::new(instrument, &listing.spec())?.price_step(Price::from_ticks(FIRST));
        let price = Price::from_ticks(FIRST);
        let change = Change::Reference { mark: price, oracle: price };
        Ok(Self {
            instrument,
            every_ns: every_ns.max(MILLISECOND),
            step,
            random: Random::new(7),
            at: 0,
            number: 0,
            next: Happening { time_ns: start_ns, instrument, change },
            reference_ns: start_ns,
            tick_ns: start_ns,
            fallen,
        })
    }

    fn price(&self, steps: i64) -> Price {
        let left = if self.fallen.load(Ordering::Relaxed) { LEFT } else { 100 };
        Price::from_ticks(FIRST * left / 100 + (self.at + steps) * self.step)
    }

    fn side(&mut self, away: i64) -> Vec<Level> {
        let level = |this: &mut Self, at: i64| Level {
            price: this.price(away * at),
            qty: Qty::from_lots(5_000 + this.random.below(5_000)),
        };
        (1..=LEVELS).map(|at| level(self, at)).collect()
    }

    /// What comes after what happened last.
    fn follow(&mut self) {
        let half = self.every_ns / 2;
        let ticked = matches!(self.next.change, Change::Book { .. });
        let (time_ns, change) = if ticked && self.number.is_multiple_of(TRADE_EVERY) {
            let level = Level { price: self.price(1), qty: Qty::from_lots(100) };
            let trade = Change::Trade { aggressor: Side::Bid, level, id: self.number };
            (self.tick_ns + half, trade)
        } else if ticked && self.tick_ns >= self.reference_ns + SECOND {
            self.reference_ns = self.tick_ns;
            let price = self.price(0);
            (self.tick_ns + half, Change::Reference { mark: price, oracle: price })
        } else {
            let up = if self.at.abs() >= REACH { self.at < 0 } else { self.random.chance(0.5) };
            self.at += if up { 1 } else { -1 };
            self.number += 1;
            self.tick_ns += self.every_ns;
            let (bids, asks) = (self.side(-1), self.side(1));
            (self.tick_ns, Change::Book { bids, asks })
        };
        self.next = Happening { time_ns, instrument: self.instrument, change };
    }
}

impl Source for Paced {
    fn next_ns(&mut self) -> Option<i64> {
        Some(self.next.time_ns)
    }

    fn pop(&mut self) -> Option<Happening> {
        let now = self.next.clone();
        self.follow();
        Some(now)
    }
}
