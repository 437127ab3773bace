//! No position above a value.

use serde::{Deserialize, Serialize};

use crate::domain::{Money, Refusal, RuleName};
use crate::risk::{Case, Rule};

/// With this order and all others on its side filled, the position is worth no more than this.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxPosition(pub Money);

impl Rule for MaxPosition {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let value = case.value;
        if value <= self.0 || !case.adds_risk {
            return Ok(());
        }
        let (limit, actual) = (self.0.units(), value.units());
        Err(Refusal { rule: RuleName::MaxPosition, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, bid, reduce};
    use crate::testing::qty;

    use super::*;

    #[test]
    fn counts_position_and_open_orders_as_filled() {
        let mut desk = Desk::new();
        let rule = MaxPosition(Money::from_whole(200)); // 100 lots at 2.0000
        desk.hold(Side::Bid, 20_000, 40);
        desk.exposure.bids = qty(50);
        desk.exposure.asks = qty(1_000); // the other side is its own worst case
        assert_eq!(desk.refused(&rule, &bid(20_000, 9)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 10)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 11)), Some(RuleName::MaxPosition));
        assert_eq!(desk.refused(&rule, &reduce(Side::Ask, 20_000, 40)), None);
    }
}
