//! The synthetic market, for as long as somebody looks on.

use std::collections::VecDeque;
use std::convert::Infallible;

use flyball_core::domain::{
    Body, ConfigError, Decimal, Event, Instrument, InstrumentId, InstrumentSpec, Level, Price, Qty,
    Side,
};
use flyball_core::sim::{Crash, Synthetic, SyntheticConfig};

use crate::markets::ladder::Ladder;
use crate::markets::{Change, Happening, Listing, Source};

/// What the market is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SyntheticOptions {
    /// Everything follows from it.
    pub seed: u64,
    /// When it begins.
    pub start_ns: i64,
    /// The first price.
    pub start_price: Decimal,
    /// Book messages a second, on average.
    pub messages_per_second: f64,
    /// Volatility of a year, as a fraction.
    pub volatility: f64,
    /// Typical size at a level, in US dollars.
    pub level_value: f64,
    /// The crash, if there is one.
    pub crash: Option<Crash>,
}

impl SyntheticOptions {
    /// A lively market of a coin that trades around this price.
    pub const fn new(seed: u64, start_ns: i64, start_price: Decimal) -> Self {
        Self {
            seed,
            start_ns,
            start_price,
            messages_per_second: 4.0,
            volatility: 0.8,
            level_value: 20_000.0,
            crash: None,
        }
    }
}

/// The synthetic market of one instrument.
///
/// It moves in steps of five significant figures of its first price, as the venue's prices do; what
/// leaves that range is rounded to the venue's grid.
pub struct SyntheticMarket {
    instrument: Instrument,
    market: Synthetic,
    /// Ticks of the venue in one step of the market.
    step: i64,
    bids: Ladder,
    asks: Ladder,
    waiting: VecDeque<Happening>,
    ended: bool,
}

impl SyntheticMarket {
    /// The market of this listing, as the instrument with this id.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming what is wrong.
    pub fn new(
        listing: &Listing,
        id: InstrumentId,
        options: SyntheticOptions,
    ) -> Result<Self, ConfigError> {
        let instrument = Instrument::new(id, &listing.spec())?;
        let wrong = |reason: &str| ConfigError::new("start_price", reason);
        let ticks = options.start_price.in_steps(instrument.tick_size());
        let ticks = ticks.map_err(|_| wrong("is not on the venue's grid of prices"))?;
        let start = Price::from_ticks(ticks);
        if !instrument.is_valid_price(start) {
            return Err(wrong("has more than five significant figures"));
        }
        let step = instrument.price_step(start);
        let spec = InstrumentSpec {
            tick_size: Decimal::new(
                instrument.tick_size().units().saturating_mul(step),
                instrument.tick_size().decimals(),
            ),
            ..listing.spec()
        };
        let coarse = Instrument::new(id, &spec)?;
        let lot_value = options.start_price.to_f64() * listing.spec().lot_size.to_f64();
        let config = SyntheticConfig {
            seed: options.seed,
            start_ns: options.start_ns,
            duration_ns: i64::MAX.saturating_sub(options.start_ns.max(0)).saturating_sub(1),
            start_price: Price::from_ticks(ticks.checked_div(step).unwrap_or(ticks)),
            messages_per_second: options.messages_per_second,
            volatility: options.volatility,
            drift: 0.0,
            levels: 30,
            level_lots: (options.level_value / lot_value).max(1.0),
            jumps_per_day: 30.0,
            jump_size: 0.002,
            crash: options.crash,
        };
        Ok(Self {
            instrument,
            market: Synthetic::new(config, &coarse)?,
            step,
            bids: Ladder::default(),
            asks: Ladder::default(),
            waiting: VecDeque::new(),
            ended: false,
        })
    }

    fn fill(&mut self) {
        while self.waiting.is_empty() && !self.ended {
            let mut seen = Vec::new();
            let mut keep = |event: &Event<'_>| -> Result<(), Infallible> {
                seen.push(Seen::of(event));
                Ok(())
            };
            let more = match self.market.step(&mut keep) {
                Ok(more) => more,
                Err(never) => match never {},
            };
            self.ended = !more;
            for it in seen {
                self.take(it);
            }
        }
    }

    fn take(&mut self, seen: Seen) {
        let (step, time_ns) = (self.step, seen.time_ns);
        let place = |price: Price, side| {
            let ticks = price.ticks().saturating_mul(step).max(1);
            self.instrument.round_passive(Price::from_ticks(ticks), side)
        };
        let change = match seen.what {
            What::Book { bids, asks } => {
                self.bids.set_all(&bids);
                self.asks.set_all(&asks);
                let bid = |price, qty: Qty| (place(price, Side::Bid), qty);
                let ask = |price, qty: Qty| (place(price, Side::Ask), qty);
                Change::Book {
                    bids: self.bids.best(Side::Bid, bid),
                    asks: self.asks.best(Side::Ask, ask),
                }
            }
            What::Change(Change::Trade { aggressor, level, id }) => {
                let price = place(level.price, aggressor.opposite());
                Change::Trade { aggressor, level: Level { price, qty: level.qty }, id }
            }
            What::Change(Change::Reference { mark, oracle }) => {
                Change::Reference { mark: place(mark, Side::Bid), oracle: place(oracle, Side::Bid) }
            }
            What::Change(other) => other,
            What::Nothing => return,
        };
        let instrument = self.instrument.id();
        self.waiting.push_back(Happening { time_ns, instrument, change });
    }
}

/// An event of the market, kept.
struct Seen {
    time_ns: i64,
    what: What,
}

enum What {
    Book { bids: Vec<Level>, asks: Vec<Level> },
    Change(Change),
    Nothing,
}

impl Seen {
    fn of(event: &Event<'_>) -> Self {
        let what = match &event.body {
            Body::Depth(depth) => {
                What::Book { bids: depth.bids.to_vec(), asks: depth.asks.to_vec() }
            }
            Body::Trade(trade) => What::Change(Change::Trade {
                aggressor: trade.aggressor,
                level: Level { price: trade.price, qty: trade.qty },
                id: trade.id,
            }),
            Body::Reference(it) => {
                What::Change(Change::Reference { mark: it.mark, oracle: it.oracle })
            }
            Body::FundingRate(it) => {
                What::Change(Change::Funding { rate: it.rate, settles: it.settles })
            }
            _ => What::Nothing,
        };
        Self { time_ns: event.time_ns, what }
    }
}

impl Source for SyntheticMarket {
    fn next_ns(&mut self) -> Option<i64> {
        self.fill();
        self.waiting.front().map(|happening| happening.time_ns)
    }

    fn pop(&mut self) -> Option<Happening> {
        self.fill();
        self.waiting.pop_front()
    }
}
