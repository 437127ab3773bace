//! Not too much exposure on the account.

use serde::{Deserialize, Serialize};

use crate::domain::{InstrumentKind, Rate, Refusal, RuleName};
use crate::risk::{Case, Rule};

/// Gross exposure ÷ equity, with all orders of all instruments filled, is at most this. Spot is
/// bought with what is there: never above one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxLeverage(pub Rate);

impl Rule for MaxLeverage {
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let spot = matches!(case.view.instrument.kind(), InstrumentKind::Spot);
        let rate = if spot { self.0.min(Rate::ONE) } else { self.0 };
        let held = case.view.portfolio.position(case.view.instrument.id());
        let held = held.map_or(case.view.portfolio.gross(), crate::portfolio::Position::value);
        let others =
            case.view.portfolio.gross().minus(held).plus(case.view.exposure.value_elsewhere);
        let worst = others.plus(case.value);
        let limit = case.equity.at_rate(rate);
        if !limit.is_unknown() && worst <= limit {
            return Ok(());
        }
        let (limit, actual) = (limit.units(), worst.units());
        Err(Refusal { rule: RuleName::MaxLeverage, limit, actual })
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
