//! Not too close to liquidation.

use serde::{Deserialize, Serialize};

use crate::domain::{Money, Order, Rate, Refusal, RuleName};
use crate::risk::{Rule, View};

/// Equity ÷ maintenance margin, with all orders of all instruments filled, is at least this.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MinMarginRatio(pub Rate);

impl Rule for MinMarginRatio {
    fn check(&self, order: &Order, view: &View<'_>) -> Result<(), Refusal> {
        if !view.adds_risk(order) {
            return Ok(());
        }
        let held = view.portfolio.position(view.instrument.id());
        let held = held.map_or(Money::ZERO, crate::portfolio::Position::maintenance);
        let others = view.portfolio.maintenance().minus(held);
        let own = view.instrument.maintenance_margin(view.worst_value(order));
        let margin = others.plus(view.exposure.maintenance_elsewhere).plus(own);
        let needed = margin.at_rate(self.0);
        let equity = view.portfolio.equity();
        if equity >= needed && !equity.is_unknown() && !needed.is_unknown() {
            return Ok(());
        }
        let (limit, actual) = (needed.units(), equity.units());
        Err(Refusal { rule: RuleName::MinMarginRatio, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::risk::testing::{Desk, bid};

    use super::*;

    #[test]
    fn equity_must_cover_the_margin_so_many_times() {
        let mut desk = Desk::new(); // 1 000 USD, maintenance 2.5 %
        let rule = MinMarginRatio(Rate::from_ppm(2_000_000));
        // 20 000 USD of notional needs 500 USD, twice that is 1 000.
        assert_eq!(desk.refused(&rule, &bid(20_000, 9_999)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 10_000)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 10_001)), Some(RuleName::MinMarginRatio));
        desk.exposure.maintenance_elsewhere = Money::from_units(1);
        assert_eq!(desk.refused(&rule, &bid(20_000, 10_000)), Some(RuleName::MinMarginRatio));
    }
}
