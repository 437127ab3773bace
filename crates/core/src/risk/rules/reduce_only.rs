//! What says it reduces must reduce.

use serde::{Deserialize, Serialize};

use crate::domain::{Refusal, RuleName};
use crate::risk::{Case, Rule};

/// A reduce-only order is on the closing side and no larger than the position.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReduceOnly;

impl Rule for ReduceOnly {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.order.reduce_only || case.reduces {
            return Ok(());
        }
        let limit = i128::from(case.view.position().abs().lots());
        let actual = i128::from(case.order.qty.lots());
        Err(Refusal { rule: RuleName::ReduceOnly, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, reduce};

    use super::*;

    #[test]
    fn it_cannot_open_turn_or_grow_a_position() {
        let mut desk = Desk::new();
        let refused = Some(RuleName::ReduceOnly);
        assert_eq!(desk.refused(&ReduceOnly, &reduce(Side::Ask, 20_000, 1)), refused);
        desk.hold(Side::Ask, 20_000, 10);
        assert_eq!(desk.refused(&ReduceOnly, &reduce(Side::Ask, 20_000, 1)), refused);
        assert_eq!(desk.refused(&ReduceOnly, &reduce(Side::Bid, 20_000, 9)), None);
        assert_eq!(desk.refused(&ReduceOnly, &reduce(Side::Bid, 20_000, 10)), None);
        let refusal = desk.check(&ReduceOnly, &reduce(Side::Bid, 20_000, 11));
        let (rule, limit, actual) = (RuleName::ReduceOnly, 10, 11);
        assert_eq!(refusal, Err(Refusal { rule, limit, actual }));
    }
}
