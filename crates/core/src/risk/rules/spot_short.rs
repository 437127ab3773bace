//! What is not there cannot be sold.

use serde::{Deserialize, Serialize};

use crate::domain::{InstrumentKind, Refusal, RuleName};
use crate::risk::{Case, Rule};

/// On spot, the position with all sell orders filled is never below zero.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SpotShort;

impl Rule for SpotShort {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let spot = matches!(case.view.instrument.kind(), InstrumentKind::Spot);
        if !spot || !case.adds_risk {
            return Ok(());
        }
        let short = case.worst.lots().min(0).unsigned_abs();
        if short == 0 {
            return Ok(());
        }
        Err(Refusal { rule: RuleName::SpotShort, limit: 0, actual: i128::from(short) })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, ask, bid};

    use super::*;

    #[test]
    fn only_what_is_held_is_sold() {
        let mut desk = Desk::spot();
        assert_eq!(desk.refused(&SpotShort, &ask(20_000, 1)), Some(RuleName::SpotShort));
        desk.hold(Side::Bid, 20_000, 10);
        assert_eq!(desk.refused(&SpotShort, &ask(20_000, 9)), None);
        assert_eq!(desk.refused(&SpotShort, &ask(20_000, 10)), None);
        assert_eq!(desk.refused(&SpotShort, &ask(20_000, 11)), Some(RuleName::SpotShort));
        assert_eq!(Desk::new().refused(&SpotShort, &ask(20_000, 1)), None, "a perpetual may");
    }

    #[test]
    fn buying_is_not_its_business() {
        assert_eq!(Desk::spot().refused(&SpotShort, &bid(20_000, 1)), None);
    }
}
