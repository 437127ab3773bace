//! Nothing smaller than the venue takes.

use serde::{Deserialize, Serialize};

use crate::domain::{Refusal, RuleName};
use crate::risk::{Case, Rule};

/// An order that adds risk is worth at least the venue's minimum.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MinNotional;

impl Rule for MinNotional {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let value = case.order_value;
        let limit = case.view.instrument.min_notional();
        if value >= limit || case.reduces {
            return Ok(());
        }
        let (limit, actual) = (limit.units(), value.units());
        Err(Refusal { rule: RuleName::MinNotional, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, bid, reduce};

    use super::*;

    #[test]
    fn one_tick_under_the_minimum_is_refused() {
        let mut desk = Desk::new(); // 10 USD
        assert_eq!(desk.refused(&MinNotional, &bid(20_000, 5)), None);
        assert_eq!(desk.refused(&MinNotional, &bid(19_999, 5)), Some(RuleName::MinNotional));
        assert_eq!(desk.refused(&MinNotional, &bid(20_001, 5)), None);
        desk.hold(Side::Bid, 20_000, 1);
        assert_eq!(desk.refused(&MinNotional, &reduce(Side::Ask, 20_000, 1)), None, "dust closes");
    }
}
