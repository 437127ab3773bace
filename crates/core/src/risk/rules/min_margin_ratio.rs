//! Not too close to liquidation.

use serde::{Deserialize, Serialize};

use crate::domain::{Rate, Refusal, RuleName};
use crate::risk::rules::refused;
use crate::risk::{Case, Rule};

/// Equity ÷ maintenance margin, with all orders of all instruments filled, is at least this.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MinMarginRatio(pub Rate);

impl Rule for MinMarginRatio {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        if case.maintenance.within(self.0, case.equity, Rate::ONE) {
            return Ok(());
        }
        let needed = (case.maintenance, self.0);
        refused(RuleName::MinMarginRatio, needed, (case.equity, Rate::ONE))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Money, Side};
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

    #[test]
    fn what_is_unknown_allows_nothing() {
        let rule = MinMarginRatio(Rate::from_ppm(2_000_000));
        let mut desk = Desk::new();
        desk.exposure.maintenance_elsewhere = Money::UNKNOWN;
        assert_eq!(desk.refused(&rule, &bid(20_000, 1)), Some(RuleName::MinMarginRatio));
        let mut blind = Desk::new();
        blind.hold_unmarked(Side::Bid, 20_000, 1);
        assert_eq!(blind.refused(&rule, &bid(20_000, 1)), Some(RuleName::MinMarginRatio));
    }
}
