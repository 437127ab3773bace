//! No new risk on an account whose state is not known.

use serde::{Deserialize, Serialize};

use crate::domain::{Refusal, RuleName};
use crate::risk::{Case, Rule};

/// While equity is unknown, only what reduces a position passes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AccountKnown;

impl Rule for AccountKnown {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.equity.is_unknown() || case.reduces {
            return Ok(());
        }
        Err(Refusal { rule: RuleName::AccountKnown, limit: 1, actual: 0 })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, bid, reduce};

    use super::*;

    #[test]
    fn an_unmarked_position_stops_what_adds_risk() {
        let mut desk = Desk::new();
        assert_eq!(desk.refused(&AccountKnown, &bid(20_000, 1)), None);
        desk.hold_unmarked(Side::Bid, 20_000, 10);
        assert_eq!(desk.refused(&AccountKnown, &bid(20_000, 1)), Some(RuleName::AccountKnown));
        assert_eq!(desk.refused(&AccountKnown, &reduce(Side::Ask, 20_000, 10)), None);
    }
}
