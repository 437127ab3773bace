//! When a position must be left. One owner per position decides, by the worst reason that holds.

use serde::{Deserialize, Serialize};

use crate::domain::{ExitReason, Money, NEVER, Price, Rate, Side};
use crate::execution::desk::Market;
use crate::execution::entries::within;
use crate::portfolio::{Portfolio, Position};
use crate::risk::ExitLimits;

/// What a strategy asked for when it opened the position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitPlan {
    /// Leave when the price gets here, losing.
    pub stop: Option<Price>,
    /// Leave when the price gets here, gaining.
    pub take_profit: Option<Price>,
    /// Leave when the price falls back this far from the best one, as a fraction of it.
    pub trailing: Option<Rate>,
    /// Leave after this long.
    pub max_holding_ns: Option<i64>,
    /// The best price since the position was opened: of the mark, which a wick in the book moves
    /// less.
    best: Option<Price>,
}

impl ExitPlan {
    /// A plan for a position that has yet to be opened.
    pub const fn new(
        stop: Option<Price>,
        take_profit: Option<Price>,
        trailing: Option<Rate>,
        max_holding_ns: Option<i64>,
    ) -> Self {
        Self { stop, take_profit, trailing, max_holding_ns, best: None }
    }

    /// Another plan for the same position: its best price stays what it was.
    pub(super) const fn renew(&mut self, plan: Self) {
        *self = Self { best: self.best, ..plan };
    }

    /// The position is gone.
    pub(super) const fn forget_best(&mut self) {
        self.best = None;
    }

    /// The price moved while a position is held.
    pub(super) fn follow(&mut self, position: &Position) {
        let (Some(_), Some(side), Some(mark)) =
            (self.trailing, position.closing_side(), position.mark())
        else {
            return;
        };
        // What is best for the position is worst for the order that closes it.
        let better = |best: Price| mark.better(side.opposite(), best);
        if self.best.is_none_or(better) {
            self.best = Some(mark);
        }
    }

    /// Where the strategy's own stops leave the position: the nearer of the fixed and the trailing
    /// one.
    pub(super) fn stop_level(&self, side: Side) -> Option<Price> {
        let trail = self.best.zip(self.trailing).map(|(best, back)| {
            let ticks = within(best.ticks(), back.parts());
            best.worse(side, ticks)
        });
        match (self.stop, trail) {
            (Some(stop), Some(trail)) if trail.better(side.opposite(), stop) => Some(trail),
            (None, trail) => trail,
            (stop, _) => stop,
        }
    }

    /// When the position has been held as long as it may be.
    pub(super) fn deadline_ns(&self, position: &Position, limits: &ExitLimits) -> i64 {
        if position.qty().is_flat() {
            return NEVER;
        }
        let most = self.max_holding_ns.unwrap_or(i64::MAX).min(limits.max_holding_ns);
        position.opened_ns().saturating_add(most)
    }

    /// The worst reason to leave the position now, if there is one.
    pub(super) fn due(
        &self,
        position: &Position,
        portfolio: &Portfolio,
        market: &Market,
        limits: &ExitLimits,
    ) -> Option<ExitReason> {
        let side = position.closing_side()?;
        let loss = position.unrealised().negated();
        let equity = portfolio.equity();
        let known = !equity.is_unknown() && loss > Money::ZERO;
        if known && loss >= equity.at_rate(limits.catastrophic_loss) {
            return Some(ExitReason::Catastrophic);
        }
        if known && loss >= equity.at_rate(limits.absolute_loss) {
            return Some(ExitReason::AbsoluteLoss);
        }
        // Where the strategy names no stop, or one further away, the profile's holds.
        if loss > Money::ZERO && loss >= position.entry_value().at_rate(limits.stop_distance) {
            return Some(ExitReason::Stop);
        }
        // A stop is crossed when the mark or the middle of the book is there, whichever is first.
        let prices = [market.references.mark.last(), market.best.map(crate::book::Best::mid)];
        let beyond = |level: Price, losing: bool| {
            prices.into_iter().flatten().any(|price| match (side, losing) {
                (Side::Ask, true) | (Side::Bid, false) => price <= level,
                (Side::Ask, false) | (Side::Bid, true) => price >= level,
            })
        };
        if self.stop_level(side).is_some_and(|stop| beyond(stop, true)) {
            return Some(ExitReason::Stop);
        }
        if self.take_profit.is_some_and(|target| beyond(target, false)) {
            return Some(ExitReason::TakeProfit);
        }
        None
    }
}
