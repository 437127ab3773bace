//! What happens in the markets by itself: other traders' books and trades, marks, funding.

mod candles;
mod context;
mod ladder;
mod listing;
mod replay;
mod synthetic;

pub(crate) use candles::{Candle, Candles, INTERVALS};
pub(crate) use context::Context;
pub(crate) use ladder::merged;
pub use listing::Listing;
pub use replay::{Replay, ReplayOptions};
pub use synthetic::{SyntheticMarket, SyntheticOptions};

use flyball_core::domain::{
    Body, ConfigError, Depth, DepthKind, Event, FundingRate, Instrument, InstrumentId, Level,
    Price, Rate, Reference, Sequence, Side, Trade,
};

/// Something that happens in a market by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// When.
    pub time_ns: i64,
    /// Where.
    pub instrument: InstrumentId,
    /// What.
    pub change: Change,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// This is the book of the others now: bids and asks, best first.
    Book {
        /// Bids.
        bids: Vec<Level>,
        /// Asks.
        asks: Vec<Level>,
    },
    /// Two others traded.
    Trade {
        /// The side that took.
        aggressor: Side,
        /// Price and size.
        level: Level,
        /// Its number.
        id: u64,
    },
    /// The venue's mark and oracle prices.
    Reference {
        /// For margin, liquidation and triggers.
        mark: Price,
        /// For funding.
        oracle: Price,
    },
    /// A funding rate.
    Funding {
        /// Longs pay this fraction.
        rate: Rate,
        /// Whether it is paid now.
        settles: bool,
    },
}

impl Happening {
    /// Hand it to `take` as the event that the venue understands.
    pub(crate) fn as_event<T>(&self, take: impl FnOnce(&Event<'_>) -> T) -> T {
        let instrument = self.instrument;
        let body = match &self.change {
            Change::Book { bids, asks } => Body::Depth(Depth {
                instrument,
                kind: DepthKind::Snapshot,
                sequence: Sequence::default(),
                checksum: None,
                bids,
                asks,
            }),
            Change::Trade { aggressor, level, id } => Body::Trade(Trade {
                instrument,
                aggressor: *aggressor,
                price: level.price,
                qty: level.qty,
                id: *id,
            }),
            Change::Reference { mark, oracle } => {
                Body::Reference(Reference { instrument, mark: *mark, oracle: *oracle })
            }
            Change::Funding { rate, settles } => {
                Body::FundingRate(FundingRate { instrument, rate: *rate, settles: *settles })
            }
        };
        take(&Event { time_ns: self.time_ns, received_ns: self.time_ns, body })
    }
}

/// Where what happens comes from: in the order of time.
pub trait Source: Send {
    /// When the next thing happens; `None` when nothing ever will.
    fn next_ns(&mut self) -> Option<i64>;

    /// What happens next.
    fn pop(&mut self) -> Option<Happening>;
}

/// Nothing happens by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Source for Quiet {
    fn next_ns(&mut self) -> Option<i64> {
        None
    }

    fn pop(&mut self) -> Option<Happening> {
        None
    }
}

/// All markets: their instruments, and what happens in them.
pub struct Markets {
    listings: Vec<Listing>,
    instruments: Vec<Instrument>,
    sources: Vec<Box<dyn Source>>,
    /// What prices are multiplied with, in millionths.
    moved: Vec<i64>,
}

impl std::fmt::Debug for Markets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let coins: Vec<_> = self.listings.iter().map(|listing| listing.coin.as_str()).collect();
        f.debug_struct("Markets").field("coins", &coins).finish_non_exhaustive()
    }
}

/// The funding rate of an hour where nothing else is known: the interest alone, 0.01 % in 8 hours.
pub(crate) const INTEREST: Rate = Rate::from_parts(12_500_000);

/// Nothing moved.
const UNMOVED: i64 = 1_000_000;

impl Markets {
    /// These instruments, and what happens in them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when an instrument makes no sense.
    pub fn new(listings: Vec<Listing>, sources: Vec<Box<dyn Source>>) -> Result<Self, ConfigError> {
        let numbered = listings.iter().enumerate();
        let instruments = numbered.map(|(at, listing)| {
            Instrument::new(
                InstrumentId::new(u16::try_from(at).unwrap_or(u16::MAX)),
                &listing.spec(),
            )
        });
        let instruments = instruments.collect::<Result<Vec<_>, _>>()?;
        let moved = vec![UNMOVED; listings.len()];
        Ok(Self { listings, instruments, sources, moved })
    }

    /// The instruments.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// What the venue says about them.
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// The instrument of a coin.
    pub fn find(&self, coin: &str) -> Option<&Instrument> {
        self.instruments.iter().find(|instrument| instrument.symbol().as_str() == coin)
    }

    /// When the next thing happens.
    pub fn next_ns(&mut self) -> Option<i64> {
        self.sources.iter_mut().filter_map(|source| source.next_ns()).min()
    }

    /// What happens next, if it happens at `now_ns` or before.
    pub fn pop(&mut self, now_ns: i64) -> Option<Happening> {
        let times = self.sources.iter_mut().enumerate();
        let due = times.filter_map(|(at, source)| source.next_ns().map(|time| (time, at)));
        let (_, at) = due.min().filter(|(time, _)| *time <= now_ns)?;
        let mut happening = self.sources.get_mut(at)?.pop()?;
        self.shift(&mut happening);
        Some(happening)
    }

    /// From now on every price of an instrument is multiplied by so many millionths. With what they
    /// were multiplied until now, and are from now on.
    pub fn move_prices(&mut self, instrument: InstrumentId, millionths: i64) -> (i64, i64) {
        let now = millionths.clamp(1, 1_000 * UNMOVED);
        let place = self.moved.get_mut(instrument.index());
        (place.map_or(now, |moved| std::mem::replace(moved, now)), now)
    }

    fn shift(&self, happening: &mut Happening) {
        let index = happening.instrument.index();
        let (Some(&by), Some(instrument)) = (self.moved.get(index), self.instruments.get(index))
        else {
            return;
        };
        if by == UNMOVED {
            return;
        }
        let moved = |price: Price, side| {
            let ticks = i128::from(price.ticks()).saturating_mul(i128::from(by));
            let ticks = i64::try_from(ticks.div_euclid(i128::from(UNMOVED))).unwrap_or(i64::MAX);
            instrument.round_passive(Price::from_ticks(ticks.max(1)), side)
        };
        match &mut happening.change {
            Change::Book { bids, asks } => {
                *bids = ladder::merged(bids.iter().map(|l| (moved(l.price, Side::Bid), l.qty)));
                *asks = ladder::merged(asks.iter().map(|l| (moved(l.price, Side::Ask), l.qty)));
            }
            Change::Trade { aggressor, level, .. } => {
                level.price = moved(level.price, aggressor.opposite());
            }
            Change::Reference { mark, oracle } => {
                *mark = moved(*mark, Side::Bid);
                *oracle = moved(*oracle, Side::Bid);
            }
            Change::Funding { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
