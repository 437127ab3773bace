//! Never trade with ourselves.

use serde::{Deserialize, Serialize};

use crate::domain::{OrderKind, Refusal, RuleName, Side};
use crate::risk::{Case, Rule};

/// An order does not reach the price of a resting order of our own on the other side. Orders whose
/// cancel is on its way do not count.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SelfTrade;

impl Rule for SelfTrade {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let own = match case.order.side {
            Side::Bid => case.view.exposure.best_ask,
            Side::Ask => case.view.exposure.best_bid,
        };
        let (Some(own), OrderKind::Limit(_)) = (own, case.order.kind) else { return Ok(()) };
        if !case.order.price.crosses(case.order.side, own) {
            return Ok(());
        }
        let (limit, actual) = (i128::from(own.ticks()), i128::from(case.order.price.ticks()));
        Err(Refusal { rule: RuleName::SelfTrade, limit, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::risk::testing::{Desk, ask, bid};
    use crate::testing::price;

    use super::*;

    #[test]
    fn touching_is_trading() {
        let mut desk = Desk::new();
        desk.exposure.best_ask = Some(price(20_010));
        desk.exposure.best_bid = Some(price(19_990));
        for (order, refused) in [
            (bid(20_009, 1), false),
            (bid(20_010, 1), true),
            (bid(20_011, 1), true),
            (ask(19_991, 1), false),
            (ask(19_990, 1), true),
            (ask(19_989, 1), true),
        ] {
            assert_eq!(desk.refused(&SelfTrade, &order).is_some(), refused, "{order:?}");
        }
    }
}
