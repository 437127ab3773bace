//! When a position must be left. One owner per position decides, by the worst reason that holds.

use serde::{Deserialize, Serialize};

use crate::domain::{ExitReason, Money, NEVER, Price, Side};
use crate::execution::desk::Market;
use crate::portfolio::{Portfolio, Position};
use crate::risk::ExitLimits;

/// What a strategy asked for when it opened the position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitPlan {
    /// Leave when the price gets here, losing.
    pub stop: Option<Price>,
    /// Leave when the price gets here, gaining.
    pub take_profit: Option<Price>,
    /// Leave after this long.
    pub max_holding_ns: Option<i64>,
}

impl ExitPlan {
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
        if self.stop.is_some_and(|stop| beyond(stop, true)) {
            return Some(ExitReason::Stop);
        }
        if self.take_profit.is_some_and(|target| beyond(target, false)) {
            return Some(ExitReason::TakeProfit);
        }
        None
    }
}
