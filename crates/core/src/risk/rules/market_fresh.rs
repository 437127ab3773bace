//! No new risk on old or contradictory prices.

use serde::{Deserialize, Serialize};

use crate::domain::{Rate, Refusal, RuleName};
use crate::risk::{Case, Rule, deviation, within};

/// An order that adds risk needs a fresh mid price, and fresh references that agree: this is the
/// largest distance between the lowest and the highest of them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MarketFresh(pub Rate);

impl Rule for MarketFresh {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let mid = case.view.references.mid;
        if mid.fresh(case.view.now_ns, case.view.max_age_ns).is_none() {
            let age = case.view.now_ns.saturating_sub(mid.time_ns());
            let actual = if mid.last().is_some() { i128::from(age) } else { i128::MAX };
            let limit = i128::from(case.view.max_age_ns);
            return Err(Refusal { rule: RuleName::MarketFresh, limit, actual });
        }
        let extremes = case.fresh.extremes();
        if extremes.is_some_and(|(low, high)| within(high, low, self.0)) {
            return Ok(());
        }
        let apart = extremes.map_or(Rate::MAX, |(low, high)| deviation(high, low));
        let (limit, actual) = (self.0.parts().into(), apart.parts().into());
        Err(Refusal { rule: RuleName::MarketFresh, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::Reading;
    use crate::risk::testing::{Desk, bid, reduce};
    use crate::testing::price;

    use super::*;

    const RULE: MarketFresh = MarketFresh(Rate::from_ppm(10_000));

    #[test]
    fn a_nanosecond_too_old_is_too_old() {
        let mut desk = Desk::new();
        desk.max_age_ns = 1_000;
        for (now, refused) in [(999, false), (1_000, false), (1_001, true)] {
            desk.now_ns = now;
            assert_eq!(desk.refused(&RULE, &bid(20_000, 1)).is_some(), refused, "{now}");
        }
        desk.references.mid = Reading::default();
        assert!(desk.refused(&RULE, &bid(20_000, 1)).is_some(), "no price at all");
    }

    #[test]
    fn sources_that_disagree_stop_what_adds_risk() {
        let mut desk = Desk::new();
        desk.references.mid = Reading::new(price(20_000), 0);
        for (mark, refused) in [(20_199, false), (20_200, false), (20_201, true)] {
            desk.references.mark = Reading::new(price(mark), 0);
            assert_eq!(desk.refused(&RULE, &bid(20_000, 1)).is_some(), refused, "{mark}");
        }
        desk.hold(Side::Bid, 20_000, 1);
        assert_eq!(desk.refused(&RULE, &reduce(Side::Ask, 20_000, 1)), None);
    }
}
