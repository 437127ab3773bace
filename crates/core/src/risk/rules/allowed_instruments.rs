//! Only instruments on the list.

use serde::{Deserialize, Serialize};

use crate::domain::{Refusal, RuleName};
use crate::risk::{Case, Rule};

/// Deny by default: an instrument that is not on the list is not traded, except to close what is
/// held there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AllowedInstruments(pub Vec<bool>);

impl Rule for AllowedInstruments {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        let allowed = self.0.get(case.order.instrument.index()).copied().unwrap_or(false);
        if allowed || case.reduces {
            return Ok(());
        }
        let actual = i128::from(case.order.instrument.raw());
        Err(Refusal { rule: RuleName::AllowedInstruments, limit: 0, actual })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, bid, reduce};

    use super::*;

    #[test]
    fn what_is_not_listed_is_refused_unless_it_closes() {
        let mut desk = Desk::new();
        let (listed, unlisted) = (AllowedInstruments(vec![true]), AllowedInstruments(vec![]));
        assert_eq!(desk.refused(&listed, &bid(20_000, 1)), None);
        assert_eq!(desk.refused(&unlisted, &bid(20_000, 1)), Some(RuleName::AllowedInstruments));
        desk.hold(Side::Bid, 20_000, 1);
        assert_eq!(desk.refused(&unlisted, &reduce(Side::Ask, 20_000, 1)), None);
    }
}
