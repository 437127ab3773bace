//! No order above a value.

use serde::{Deserialize, Serialize};

use crate::domain::{Money, Refusal, RuleName};
use crate::risk::{Case, Rule};

/// No single order that adds risk may be worth more than this, counted at the higher of its own
/// price and the mark. A hard block.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxOrderNotional(pub Money);

impl Rule for MaxOrderNotional {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if case.reduces {
            return Ok(());
        }
        let value = if case.mark == case.order.price {
            case.order_value
        } else {
            case.order_value.max(case.view.instrument.value(case.mark, case.order.qty))
        };
        if value <= self.0 {
            return Ok(());
        }
        let (limit, actual) = (self.0.units(), value.units());
        Err(Refusal { rule: RuleName::MaxOrderNotional, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::risk::testing::{Desk, bid};

    use super::*;

    #[test]
    fn refuses_one_tick_over_the_limit() {
        let mut desk = Desk::new();
        desk.set_mark(19_000);
        let rule = MaxOrderNotional(Money::from_whole(200));
        assert_eq!(desk.refused(&rule, &bid(19_999, 100)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 100)), None);
        assert_eq!(desk.refused(&rule, &bid(20_001, 100)), Some(RuleName::MaxOrderNotional));
        // A low price does not hide the size.
        desk.set_mark(20_001);
        assert_eq!(desk.refused(&rule, &bid(1, 100)), Some(RuleName::MaxOrderNotional));
    }

    #[test]
    fn a_value_that_does_not_fit_is_over_every_limit() {
        let desk = Desk::new();
        let rule = MaxOrderNotional(Money::from_whole(i64::MAX));
        assert_eq!(desk.refused(&rule, &bid(-5, 100)), Some(RuleName::MaxOrderNotional));
    }
}
