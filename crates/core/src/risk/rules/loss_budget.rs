//! No risk that the rest of the loss budget could not carry.

use serde::{Deserialize, Serialize};

use crate::domain::{Money, Order, Rate, Refusal, RuleName};
use crate::risk::{Rule, View};

/// If the position, with all orders filled, then lost as much as a position may, neither the
/// drawdown nor the daily loss would reach its line. As the account loses, less and less fits.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct LossBudget {
    /// The drawdown line.
    pub drawdown: Rate,
    /// The daily loss line.
    pub daily_loss: Rate,
    /// What a position may lose, of its entry notional.
    pub position_loss: Rate,
}

impl LossBudget {
    /// What can still be lost before a line is reached.
    pub fn left(&self, view: &View<'_>) -> Money {
        let equity = view.portfolio.equity();
        if equity.is_unknown() {
            return Money::ZERO;
        }
        let left = |start: Money, line: Rate| start.at_rate(line).minus(start.minus(equity));
        let by_peak = left(view.portfolio.peak(), self.drawdown);
        by_peak.min(left(view.portfolio.day_start(), self.daily_loss))
    }
}

impl Rule for LossBudget {
    fn check(&self, order: &Order, view: &View<'_>) -> Result<(), Refusal> {
        if !view.adds_risk(order) {
            return Ok(());
        }
        let (limit, actual) =
            (self.left(view), view.worst_value(order).at_rate(self.position_loss));
        if actual < limit {
            return Ok(());
        }
        Err(Refusal { rule: RuleName::LossBudget, limit: limit.units(), actual: actual.units() })
    }
}

#[cfg(test)]
mod tests {
    use crate::risk::testing::{Desk, bid};

    use super::*;

    const RULE: LossBudget = LossBudget {
        drawdown: Rate::from_ppm(50_000),
        daily_loss: Rate::from_ppm(100_000),
        position_loss: Rate::from_ppm(20_000),
    };

    #[test]
    fn what_fits_shrinks_as_the_account_loses() {
        let mut desk = Desk::new(); // 1 000 USD: 50 to lose, so 2 500 of notional at 2 %
        assert_eq!(desk.refused(&RULE, &bid(20_000, 1_249)), None);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 1_250)), Some(RuleName::LossBudget));
        desk.lose(49);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 24)), None);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 25)), Some(RuleName::LossBudget));
        desk.lose(1);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 1)), Some(RuleName::LossBudget));
    }

    #[test]
    fn the_daily_line_counts_too() {
        let tight = LossBudget { daily_loss: Rate::from_ppm(10_000), ..RULE };
        let mut desk = Desk::new();
        desk.lose(10);
        assert_eq!(desk.refused(&tight, &bid(20_000, 1)), Some(RuleName::LossBudget));
    }
}
