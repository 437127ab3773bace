//! Not too much exposure on the account.

use serde::{Deserialize, Serialize};

use crate::domain::{InstrumentKind, Rate, Refusal, RuleName};
use crate::risk::rules::refused;
use crate::risk::{Case, Rule};

/// Gross exposure ÷ equity, with all orders of all instruments filled, is at most this. Spot is
/// bought with what is there: never above one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxLeverage(pub Rate);

impl Rule for MaxLeverage {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let spot = matches!(case.view.instrument.kind(), InstrumentKind::Spot);
        let rate = if spot { self.0.min(Rate::ONE) } else { self.0 };
        if case.gross.within(Rate::ONE, case.equity, rate) {
            return Ok(());
        }
        refused(RuleName::MaxLeverage, (case.equity, rate), (case.gross, Rate::ONE))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Money, Side};
    use crate::risk::testing::{Desk, ask, bid};

    use super::*;

    #[test]
    fn counts_other_instruments_with_their_orders() {
        let mut desk = Desk::new(); // 1 000 USD
        let rule = MaxLeverage(Rate::from_ppm(3_000_000));
        desk.exposure.value_elsewhere = Money::from_whole(1_000);
        assert_eq!(desk.refused(&rule, &bid(20_000, 999)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 1_000)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 1_001)), Some(RuleName::MaxLeverage));
        assert_eq!(desk.refused(&rule, &ask(20_000, 1_001)), Some(RuleName::MaxLeverage));
    }

    #[test]
    fn spot_is_bought_with_what_is_there() {
        let desk = Desk::spot();
        let rule = MaxLeverage(Rate::from_ppm(3_000_000));
        assert_eq!(desk.refused(&rule, &bid(20_000, 500)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, 501)), Some(RuleName::MaxLeverage));
    }

    #[test]
    fn unknown_equity_allows_nothing() {
        let mut desk = Desk::new();
        desk.hold_unmarked(Side::Bid, 20_000, 1);
        let rule = MaxLeverage(Rate::from_ppm(3_000_000));
        assert_eq!(desk.refused(&rule, &bid(20_000, 1)), Some(RuleName::MaxLeverage));
    }
}
