//! What says it reduces must reduce.

use serde::{Deserialize, Serialize};

use crate::domain::{Order, Refusal, RuleName};
use crate::risk::{Rule, View};

/// A reduce-only order is on the closing side and no larger than the position.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReduceOnly;

impl Rule for ReduceOnly {
    fn check(&self, order: &Order, view: &View<'_>) -> Result<(), Refusal> {
        if !order.reduce_only || view.reduces(order) {
            return Ok(());
        }
        let limit = i128::from(view.position().abs().lots());
        let actual = i128::from(order.qty.lots());
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
        assert_eq!(desk.refused(&ReduceOnly, &reduce(Side::Bid, 20_000, 11)), refused);
    }
}
