//! No position that the book could not take back.

use serde::{Deserialize, Serialize};

use crate::domain::{Money, Qty, Rate, Refusal, RuleName};
use crate::risk::rules::refused;
use crate::risk::{Case, Rule};

/// A position with all orders filled is at most this multiple of the depth that lasts on the side
/// where it would be closed. Depth that comes is trusted slowly, depth that goes is gone at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxDepthShare(pub Rate);

impl Rule for MaxDepthShare {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let lots = |qty: Qty| Money::from_units(qty.lots().into());
        let (worst, depth) = (lots(case.worst.abs()), lots(case.closing_depth()));
        if worst.within(Rate::ONE, depth, self.0) {
            return Ok(());
        }
        refused(RuleName::MaxDepthShare, (depth, self.0), (worst, Rate::ONE))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Qty, Side};
    use crate::risk::testing::{Desk, ask, bid, reduce};
    use crate::testing::qty;

    use super::*;

    #[test]
    fn each_side_by_the_depth_that_would_close_it() {
        let rule = MaxDepthShare(Rate::from_ppm(500_000));
        let mut desk = Desk::new();
        (desk.depth.bids, desk.depth.asks) = (qty(20), qty(40));
        for (order, refused) in [
            (bid(20_000, 9), false),
            (bid(20_000, 10), false),
            (bid(20_000, 11), true),
            (ask(20_000, 20), false),
            (ask(20_000, 21), true),
        ] {
            assert_eq!(desk.refused(&rule, &order).is_some(), refused, "{order:?}");
        }
        desk.exposure.bids = qty(6);
        assert!(desk.refused(&rule, &bid(20_000, 5)).is_some(), "working orders count");
        (desk.depth.bids, desk.depth.asks) = (Qty::ZERO, Qty::ZERO);
        desk.hold(Side::Bid, 20_000, 100);
        assert_eq!(desk.refused(&rule, &reduce(Side::Ask, 20_000, 100)), None);
    }
}
