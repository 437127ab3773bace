//! No order above a number of lots.

use serde::{Deserialize, Serialize};

use crate::domain::{Qty, Refusal, RuleName};
use crate::risk::{Case, Rule};

/// No single order that adds risk may exceed this size.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxOrderQty(pub Qty);

impl Rule for MaxOrderQty {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if case.order.qty <= self.0 || case.reduces {
            return Ok(());
        }
        let (limit, actual) = (i128::from(self.0.lots()), i128::from(case.order.qty.lots()));
        Err(Refusal { rule: RuleName::MaxOrderQty, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, bid, reduce};

    use super::*;

    #[test]
    fn refuses_one_lot_over_the_limit() {
        let (desk, rule) = (Desk::new(), MaxOrderQty(Qty::from_lots(10)));
        assert_eq!(desk.refused(&rule, &bid(20_000, 9)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 10)), None);
        let refusal = desk.check(&rule, &bid(20_000, 11)).unwrap_err();
        assert_eq!(refusal, Refusal { rule: RuleName::MaxOrderQty, limit: 10, actual: 11 });
    }

    #[test]
    fn what_only_reduces_may_be_as_large_as_what_is_held() {
        let (mut desk, rule) = (Desk::new(), MaxOrderQty(Qty::from_lots(10)));
        desk.hold(Side::Bid, 20_000, 20);
        assert_eq!(desk.refused(&rule, &reduce(Side::Ask, 20_000, 20)), None);
    }
}
