//! Not too much in one direction.

use serde::{Deserialize, Serialize};

use crate::domain::{Rate, Refusal, RuleName, Side};
use crate::risk::rules::refused;
use crate::risk::{Case, Rule};

/// |Σ long − Σ short| ÷ equity, with all orders of all instruments filled against us, is at most
/// this.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxNetExposure(pub Rate);

impl Rule for MaxNetExposure {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let others = case.view.portfolio.net_without(case.view.instrument.id());
        let others = if case.order.side == Side::Bid { others } else { others.negated() };
        let worst = others.plus(case.value).plus(case.view.exposure.value_elsewhere);
        if worst.within(Rate::ONE, case.equity, self.0) {
            return Ok(());
        }
        refused(RuleName::MaxNetExposure, (case.equity, self.0), (worst, Rate::ONE))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Money;
    use crate::risk::testing::{Desk, ask, bid};

    use super::*;

    #[test]
    fn what_points_the_other_way_counts_against_it() {
        let rule = MaxNetExposure(Rate::from_ppm(1_000_000));
        let mut desk = Desk::pair(); // 1 000 USD
        for (lots, refused) in [(499, false), (500, false), (501, true)] {
            assert_eq!(desk.refused(&rule, &bid(20_000, lots)).is_some(), refused, "{lots}");
        }
        desk.hold_other(Side::Ask, 20_000, 100); // 200 USD short
        for (lots, refused) in [(600, false), (601, true)] {
            assert_eq!(desk.refused(&rule, &bid(20_000, lots)).is_some(), refused, "{lots}");
        }
        for (lots, refused) in [(400, false), (401, true)] {
            assert_eq!(desk.refused(&rule, &ask(20_000, lots)).is_some(), refused, "{lots}");
        }
        desk.exposure.value_elsewhere = Money::from_whole(200);
        assert_eq!(desk.refused(&rule, &bid(20_000, 501)), Some(RuleName::MaxNetExposure));
    }

    #[test]
    fn what_is_unknown_allows_nothing() {
        let rule = MaxNetExposure(Rate::from_ppm(1_000_000));
        let mut desk = Desk::pair();
        desk.exposure.value_elsewhere = Money::UNKNOWN;
        assert_eq!(desk.refused(&rule, &bid(20_000, 1)), Some(RuleName::MaxNetExposure));
        let mut blind = Desk::pair();
        blind.hold_unmarked(Side::Bid, 20_000, 1);
        assert_eq!(blind.refused(&rule, &bid(20_000, 1)), Some(RuleName::MaxNetExposure));
    }
}
