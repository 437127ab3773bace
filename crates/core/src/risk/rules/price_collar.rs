//! No price far from every reference.

use serde::{Deserialize, Serialize};

use crate::domain::{OrderKind, Rate, Refusal, RuleName};
use crate::risk::{Case, Rule, deviation, within};

/// A price is no further from the median of the fresh references than this. Without any fresh
/// reference nothing that adds risk passes; what reduces is then held to the last price known.
/// A resting stop is judged by its trigger.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct PriceCollar {
    /// For orders that add risk.
    pub entry: Rate,
    /// For orders that reduce it.
    pub exit: Rate,
}

impl Rule for PriceCollar {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let reduces = case.reduces;
        let limit = if reduces { self.exit } else { self.entry };
        let median = case.fresh.median();
        let reference = if reduces { median.or(case.view.references.last()) } else { median };
        let price = match case.order.kind {
            OrderKind::Stop { trigger } => trigger,
            OrderKind::Limit(_) => case.order.price,
        };
        if reference.is_some_and(|reference| within(price, reference, limit)) {
            return Ok(());
        }
        let distance = reference.map_or(Rate::MAX, |reference| deviation(price, reference));
        let (limit, actual) = (limit.parts().into(), distance.parts().into());
        Err(Refusal { rule: RuleName::PriceCollar, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, bid, reduce};
    use crate::risk::{Reading, References};
    use crate::testing::price;

    use super::*;

    const RULE: PriceCollar =
        PriceCollar { entry: Rate::from_ppm(10_000), exit: Rate::from_ppm(100_000) };

    #[test]
    fn refuses_one_tick_outside_on_either_side() {
        let desk = Desk::new(); // mid 20 000
        for (ticks, refused) in [(19_799, true), (19_800, false), (20_200, false), (20_201, true)] {
            assert_eq!(desk.refused(&RULE, &bid(ticks, 1)).is_some(), refused, "{ticks}");
        }
    }

    #[test]
    fn one_wild_source_does_not_move_the_median() {
        let mut desk = Desk::new();
        desk.references.mark = Reading::new(price(20_010), 0);
        desk.references.oracle = Reading::new(price(40_000), 0);
        assert_eq!(desk.refused(&RULE, &bid(20_100, 1)), None);
        assert_eq!(desk.refused(&RULE, &bid(39_000, 1)), Some(RuleName::PriceCollar));
    }

    #[test]
    fn without_a_fresh_reference_only_exits_pass() {
        let mut desk = Desk::new();
        desk.now_ns = desk.max_age_ns + 1;
        assert_eq!(desk.refused(&RULE, &bid(20_000, 1)), Some(RuleName::PriceCollar));
        desk.hold(Side::Bid, 20_000, 1);
        assert_eq!(desk.refused(&RULE, &reduce(Side::Ask, 18_000, 1)), None);
        assert!(desk.refused(&RULE, &reduce(Side::Ask, 17_999, 1)).is_some());
        desk.references = References::default();
        assert!(desk.refused(&RULE, &reduce(Side::Ask, 18_000, 1)).is_some(), "no price at all");
    }
}
