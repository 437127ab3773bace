//! Far enough from liquidation.

use serde::{Deserialize, Serialize};

use crate::domain::{Money, Rate, Refusal, RuleName};
use crate::portfolio::Position;
use crate::risk::{Case, Rule};

/// The move of all prices against all positions at once that would bring equity down to the
/// maintenance margin, with all orders filled, is at least this fraction.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MinLiquidationDistance(pub Rate);

impl Rule for MinLiquidationDistance {
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let (portfolio, exposure) = (case.view.portfolio, &case.view.exposure);
        let held = portfolio.position(case.view.instrument.id());
        let (held, margin) = held.map_or((Money::ZERO, Money::ZERO), |position| {
            (Position::value(position), position.maintenance())
        });
        let value = case.value;
        let gross = portfolio.gross().minus(held).plus(value).plus(exposure.value_elsewhere);
        let margin = portfolio.maintenance().minus(margin).plus(case.maintenance);
        let spare = portfolio.equity().minus(margin.plus(exposure.maintenance_elsewhere));
        let needed = gross.at_rate(self.0);
        if !spare.is_unknown() && !needed.is_unknown() && spare >= needed {
            return Ok(());
        }
        let (limit, actual) = (needed.units(), spare.units());
        Err(Refusal { rule: RuleName::MinLiquidationDistance, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
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
