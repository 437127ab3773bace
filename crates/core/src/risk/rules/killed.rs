//! Nothing new while trading is stopped.

use serde::{Deserialize, Serialize};

use crate::domain::{Refusal, RuleName};
use crate::risk::{Case, Mode, Rule};

/// While trading is stopped or may only reduce, only what reduces a position passes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Killed;

impl Rule for Killed {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if case.view.mode == Mode::Normal || case.reduces {
            return Ok(());
        }
        Err(Refusal { rule: RuleName::Killed, limit: 0, actual: i128::from(case.order.qty.lots()) })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Order;
    use crate::domain::Side;
    use crate::risk::testing::{Desk, bid, reduce};

    use super::*;

    #[test]
    fn what_reduces_passes_in_every_mode_and_nothing_else_does() {
        for mode in [Mode::ReduceOnly, Mode::Killed] {
            let mut desk = Desk::new();
            desk.mode = mode;
            assert_eq!(desk.refused(&Killed, &bid(20_000, 1)), Some(RuleName::Killed));
            desk.hold(Side::Bid, 20_000, 10);
            assert_eq!(desk.refused(&Killed, &reduce(Side::Ask, 20_000, 10)), None);
            assert_eq!(
                desk.refused(&Killed, &reduce(Side::Ask, 20_000, 11)),
                Some(RuleName::Killed)
            );
            assert_eq!(
                desk.refused(&Killed, &reduce(Side::Bid, 20_000, 1)),
                Some(RuleName::Killed)
            );
            let plain = Order { reduce_only: false, ..reduce(Side::Ask, 20_000, 10) };
            assert_eq!(desk.refused(&Killed, &plain), Some(RuleName::Killed));
        }
    }
}
