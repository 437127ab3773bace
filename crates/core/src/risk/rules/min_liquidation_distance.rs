//! Far enough from liquidation.

use serde::{Deserialize, Serialize};

use crate::domain::{Rate, Refusal, RuleName};
use crate::risk::rules::refused;
use crate::risk::{Case, Rule};

/// The move of all prices against all positions at once that would bring equity down to the
/// maintenance margin, with all orders filled, is at least this fraction.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MinLiquidationDistance(pub Rate);

impl Rule for MinLiquidationDistance {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let spare = case.equity.minus(case.maintenance);
        if case.gross.within(self.0, spare, Rate::ONE) {
            return Ok(());
        }
        refused(RuleName::MinLiquidationDistance, (case.gross, self.0), (spare, Rate::ONE))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Money, Side};
    use crate::risk::testing::{Desk, bid};

    use super::*;

    #[test]
    fn the_distance_shrinks_with_size_and_with_what_is_elsewhere() {
        let mut desk = Desk::new(); // 1 000 USD, maintenance 2.5 % of the value
        // 40 % away: (1 000 − 0.025 v) ÷ v = 0.4 at v = 2 352.94.
        let rule = MinLiquidationDistance(Rate::from_ppm(400_000));
        assert_eq!(desk.refused(&rule, &bid(20_000, 1_176)), None);
        let refused = desk.refused(&rule, &bid(20_000, 1_177));
        assert_eq!(refused, Some(RuleName::MinLiquidationDistance));
        desk.exposure.value_elsewhere = Money::from_whole(100);
        assert_eq!(desk.refused(&rule, &bid(20_000, 1_129)), None);
        assert!(desk.refused(&rule, &bid(20_000, 1_130)).is_some());
        desk.lose(1_000);
        assert!(desk.refused(&rule, &bid(20_000, 1)).is_some());
    }

    #[test]
    fn what_is_unknown_allows_nothing() {
        let rule = MinLiquidationDistance(Rate::from_ppm(400_000));
        let refused = Some(RuleName::MinLiquidationDistance);
        let mut desk = Desk::new();
        desk.exposure.value_elsewhere = Money::UNKNOWN;
        assert_eq!(desk.refused(&rule, &bid(20_000, 1)), refused);
        let mut blind = Desk::new();
        blind.hold_unmarked(Side::Bid, 20_000, 1);
        assert_eq!(blind.refused(&rule, &bid(20_000, 1)), refused);
    }
}
