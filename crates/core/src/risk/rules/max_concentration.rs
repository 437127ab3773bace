//! Not too much of the account in one instrument.

use serde::{Deserialize, Serialize};

use crate::domain::{Rate, Refusal, RuleName};
use crate::risk::rules::refused;
use crate::risk::{Case, Rule};

/// An instrument's value ÷ equity, with all orders filled, is at most this.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxConcentration(pub Rate);

impl Rule for MaxConcentration {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk || case.value.within(Rate::ONE, case.equity, self.0) {
            return Ok(());
        }
        refused(RuleName::MaxConcentration, (case.equity, self.0), (case.value, Rate::ONE))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Side;
    use crate::risk::testing::{Desk, ask, bid};

    use super::*;

    #[test]
    fn a_quarter_of_equity_and_not_a_lot_more() {
        let mut desk = Desk::new(); // 1 000 USD
        let rule = MaxConcentration(Rate::from_ppm(250_000));
        assert_eq!(desk.refused(&rule, &bid(20_000, 124)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 125)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 126)), Some(RuleName::MaxConcentration));
        desk.hold_unmarked(Side::Bid, 20_000, 1);
        assert!(desk.refused(&rule, &bid(20_000, 1)).is_some(), "unknown equity allows nothing");
    }

    #[test]
    fn without_equity_nothing_fits() {
        let desk = Desk::with_cash(0);
        let rule = MaxConcentration(Rate::from_ppm(250_000));
        assert_eq!(desk.refused(&rule, &bid(20_000, 1)), Some(RuleName::MaxConcentration));
    }

    #[test]
    fn what_makes_a_position_smaller_passes_however_large_it_is() {
        let mut desk = Desk::new();
        desk.hold(Side::Bid, 20_000, 400);
        let rule = MaxConcentration(Rate::from_ppm(250_000));
        assert_eq!(desk.refused(&rule, &ask(20_000, 1)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 1)), Some(RuleName::MaxConcentration));
    }
}
