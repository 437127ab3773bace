//! What a rule may look at.

use serde::{Deserialize, Serialize};

use crate::domain::{Instrument, Money, NetQty, Price, Qty, Rate};
use crate::portfolio::Portfolio;
use crate::risk::Scenarios;

/// A price and when it was last confirmed. Unknown until it was, and again when it is too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    price: Option<Price>,
    time_ns: i64,
}

impl Reading {
    /// A price as of now.
    pub const fn new(price: Price, time_ns: i64) -> Self {
        Self { price: Some(price), time_ns }
    }

    /// The same moment, but the price is not known any more.
    #[must_use]
    pub const fn hidden(self) -> Self {
        Self { price: None, time_ns: self.time_ns }
    }

    /// The price, however old.
    pub const fn last(self) -> Option<Price> {
        self.price
    }

    /// When it was confirmed.
    pub const fn time_ns(self) -> i64 {
        self.time_ns
    }

    /// The price, if it is tradable and no older than `max_age_ns`.
    pub fn fresh(self, now_ns: i64, max_age_ns: i64) -> Option<Price> {
        let age = now_ns.saturating_sub(self.time_ns);
        self.price.filter(|price| price.is_tradable() && age <= max_age_ns)
    }
}

/// The prices that are known of an instrument, by source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// Middle of the venue's best bid and ask.
    pub mid: Reading,
    /// The venue's mark.
    pub mark: Reading,
    /// The venue's oracle.
    pub oracle: Reading,
    /// Our own slow average of the mid.
    pub average: Reading,
}

/// The fresh ones among the references: at most four.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    lowest: Price,
    highest: Price,
    /// Four prices fit easily.
    sum_ticks: i64,
    many: u8,
}

impl References {
    /// Those that are fresh.
    pub fn fresh(&self, now_ns: i64, max_age_ns: i64) -> Fresh {
        let mut fresh =
            Fresh { lowest: Price::MAX, highest: Price::default(), sum_ticks: 0, many: 0 };
        for reading in [self.mid, self.mark, self.oracle, self.average] {
            if let Some(price) = reading.fresh(now_ns, max_age_ns) {
                fresh.lowest = fresh.lowest.min(price);
                fresh.highest = fresh.highest.max(price);
                fresh.sum_ticks = fresh.sum_ticks.wrapping_add(price.ticks());
                fresh.many = fresh.many.wrapping_add(1);
            }
        }
        fresh
    }

    /// The best price there is, however old: the mark, else the mid, else the oracle.
    pub fn last(&self) -> Option<Price> {
        self.mark.last().or(self.mid.last()).or(self.oracle.last())
    }
}

impl Fresh {
    /// The middle one; of an even number the mean of the two in the middle, rounded down.
    pub fn median(&self) -> Option<Price> {
        let ends = self.lowest.ticks().wrapping_add(self.highest.ticks());
        let between = self.sum_ticks.wrapping_sub(ends);
        let ticks = match self.many {
            0 => return None,
            1 => self.sum_ticks,
            2 => ends.div_euclid(2),
            3 => between,
            _ => between.div_euclid(2),
        };
        Some(Price::from_ticks(ticks))
    }

    /// The lowest and the highest.
    pub fn extremes(&self) -> Option<(Price, Price)> {
        (self.many > 0).then_some((self.lowest, self.highest))
    }
}

/// |price / reference − 1|, rounded up; the largest rate when the reference is no price.
pub fn deviation(price: Price, reference: Price) -> Rate {
    if reference.ticks() <= 0 {
        return Rate::MAX;
    }
    let distance = i128::from(price.distance(reference));
    let scaled = distance.saturating_mul(i128::from(Rate::ONE.parts()));
    let reference = i128::from(reference.ticks());
    let parts = scaled
        .saturating_add(reference.saturating_sub(1))
        .checked_div(reference)
        .unwrap_or(i128::MAX);
    Rate::from_parts(i64::try_from(parts).unwrap_or(i64::MAX))
}

/// Whether their [`deviation`] is at most `rate`.
pub fn within(price: Price, reference: Price, rate: Rate) -> bool {
    // Deviations that do not fit are held there.
    if rate.parts() == i64::MAX {
        return true;
    }
    // A deviation is rounded up: it is at most the rate when it was so before.
    let distance = i128::from(price.distance(reference));
    let most = i128::from(rate.parts()).wrapping_mul(i128::from(reference.ticks()));
    reference.ticks() > 0 && distance.wrapping_mul(i128::from(Rate::ONE.parts())) <= most
}

/// The most ticks by which a price may be away from a reference so that their [`deviation`] is at
/// most `rate`; `None` where there is no reference, or no such price.
pub fn ticks_within(reference: Price, rate: Rate) -> Option<u64> {
    if reference.ticks() <= 0 || rate.parts() < 0 {
        return None;
    }
    // Deviations that do not fit are held there.
    if rate.parts() == i64::MAX {
        return Some(u64::MAX);
    }
    // A deviation is rounded up: it is at most the rate when it was so before.
    let most = i128::from(rate.parts()).saturating_mul(i128::from(reference.ticks()));
    let ticks = most.checked_div(i128::from(Rate::ONE.parts()))?;
    Some(u64::try_from(ticks).unwrap_or(u64::MAX))
}

/// Our orders in an instrument, counted as if all of them filled: working ones, those in flight,
/// and those whose fate is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Lots that bids could still add, those that only reduce left out.
    pub bids: Qty,
    /// Lots that asks could still take, those that only reduce left out.
    pub asks: Qty,
    /// How many orders there are, in all instruments.
    pub open_orders: u32,
    /// Highest price of our bids.
    pub best_bid: Option<Price>,
    /// Lowest price of our asks.
    pub best_ask: Option<Price>,
    /// What orders in other instruments could add to gross exposure.
    pub value_elsewhere: Money,
    /// What orders in other instruments could add to maintenance margin.
    pub maintenance_elsewhere: Money,
}

/// What lasts in the book near the best prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearDepth {
    /// Lots that could be sold.
    pub bids: Qty,
    /// Lots that could be bought.
    pub asks: Qty,
}

/// Whether new risk may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mode {
    /// Yes.
    Normal,
    /// No: only what reduces positions.
    ReduceOnly,
    /// No, and positions are being closed.
    Killed,
}

/// What a rule may look at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Now.
    pub now_ns: i64,
    /// What the order is in.
    pub instrument: &'a Instrument,
    /// The account.
    pub portfolio: &'a Portfolio,
    /// Prices that are known.
    pub references: References,
    /// Oldest price on which risk may be added.
    pub max_age_ns: i64,
    /// Our orders.
    pub exposure: Exposure,
    /// What the book could take.
    pub depth: NearDepth,
    /// What could happen to prices.
    pub scenarios: &'a Scenarios,
    /// What may be used of the risk budget.
    pub share: Rate,
    /// Whether new risk may be taken in this instrument.
    pub mode: Mode,
}

impl View<'_> {
    /// What is held of the instrument.
    pub fn position(&self) -> NetQty {
        self.portfolio.qty(self.instrument.id())
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
