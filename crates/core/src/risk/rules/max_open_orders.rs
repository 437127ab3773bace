//! No more orders than this.

use serde::{Deserialize, Serialize};

use crate::domain::{Refusal, RuleName};
use crate::risk::{Case, Rule};

/// Working, in flight and unknown orders together, all instruments. Protection is exempt: the
/// limit keeps the room that it needs (Hyperliquid refuses reduce-only orders above 1 000).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxOpenOrders(pub u32);

impl Rule for MaxOpenOrders {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let with = case.view.exposure.open_orders.saturating_add(1);
        if with <= self.0 || case.order.purpose.protects() {
            return Ok(());
        }
        let (limit, actual) = (i128::from(self.0), i128::from(with));
        Err(Refusal { rule: RuleName::MaxOpenOrders, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, bid, reduce};

    use super::*;

    #[test]
    fn the_order_itself_counts() {
        let mut desk = Desk::new();
        for (open, refused) in [(8, false), (9, false), (10, true)] {
            desk.exposure.open_orders = open;
            assert_eq!(desk.refused(&MaxOpenOrders(10), &bid(20_000, 1)).is_some(), refused);
        }
        assert_eq!(desk.refused(&MaxOpenOrders(10), &reduce(Side::Ask, 20_000, 1)), None);
    }
}
