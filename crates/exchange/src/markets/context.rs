//! What the venue tells about a market beside its book: volume of a day, mark, oracle, funding.

use std::collections::VecDeque;

use flyball_core::domain::{DAY, Instrument, Level, MINUTE, Money, Price, Qty, Rate};

use crate::markets::INTEREST;

/// Volume of one minute.
#[derive(Clone, Copy, Debug)]
struct Minute {
    begin_ns: i64,
    value: Money,
    qty: Qty,
    first: Price,
}

/// The state of one market.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    minutes: VecDeque<Minute>,
    value: Money,
    qty: Qty,
    /// For margin and triggers.
    pub(crate) mark: Option<Price>,
    /// For funding.
    pub(crate) oracle: Option<Price>,
    /// The rate of the current hour.
    pub(crate) funding: Rate,
}

impl Context {
    pub(crate) const fn new() -> Self {
        Self {
            minutes: VecDeque::new(),
            value: Money::ZERO,
            qty: Qty::ZERO,
            mark: None,
            oracle: None,
            funding: INTEREST,
        }
    }

    /// Somebody traded.
    pub(crate) fn trade(&mut self, instrument: &Instrument, level: Level, now_ns: i64) {
        self.forget(now_ns);
        let begin_ns = now_ns.saturating_sub(now_ns.rem_euclid(MINUTE));
        let value = instrument.value(level.price, level.qty);
        if let Some(last) = self.minutes.back_mut().filter(|last| last.begin_ns >= begin_ns) {
            last.value = last.value.plus(value);
            last.qty = last.qty.plus(level.qty);
        } else {
            let (qty, first) = (level.qty, level.price);
            self.minutes.push_back(Minute { begin_ns, value, qty, first });
        }
        self.value = self.value.plus(value);
        self.qty = self.qty.plus(level.qty);
    }

    fn forget(&mut self, now_ns: i64) {
        while let Some(first) = self.minutes.front() {
            if first.begin_ns.saturating_add(DAY) > now_ns {
                break;
            }
            self.value = self.value.minus(first.value);
            self.qty = self.qty.minus(first.qty);
            self.minutes.pop_front();
        }
    }

    /// What was traded in a day: its value, and how much.
    pub(crate) const fn volume(&self) -> (Money, Qty) {
        (self.value, self.qty)
    }

    /// The price of a day ago, or the oldest that is known.
    pub(crate) fn day_ago(&self) -> Option<Price> {
        self.minutes.front().map(|minute| minute.first).or(self.mark)
    }
}
