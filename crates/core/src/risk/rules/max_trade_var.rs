//! Not too much at stake in one position, as prices move now.

use serde::{Deserialize, Serialize};

use crate::domain::{Rate, Refusal, RuleName};
use crate::risk::rules::refused;
use crate::risk::{Case, Rule};

/// Value at risk ÷ equity of a position with all orders filled, at 95 % and over the longest time
/// that it may be held, is at most this. It follows the market's volatility: when prices move more,
/// positions are smaller.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MaxTradeVar(pub Rate);

impl Rule for MaxTradeVar {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let share = case.view.scenarios.holding_var(case.view.instrument.id());
        if case.value.within(share, case.equity, self.0) {
            return Ok(());
        }
        refused(RuleName::MaxTradeVar, (case.equity, self.0), (case.value, share))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{SECOND, Side};
    use crate::risk::testing::{Desk, ask, bid};
    use crate::testing::price;

    use super::*;

    #[test]
    fn one_lot_more_than_the_volatility_allows() {
        let mut desk = Desk::new(); // 1 000 USD
        for second in 0..10_000_i64 {
            let ticks = 100_000 + 100 * (second % 2);
            desk.scenarios.observe(desk.instrument.id(), price(ticks), second * SECOND);
        }
        let var = desk.scenarios.holding_var(desk.instrument.id());
        assert!((var.to_f64() - 1.644_854 * 0.001 * 300_f64.sqrt()).abs() < 1e-3);
        // 2 % of 1 000 is 20: at 2.0000 so many lots.
        let rule = MaxTradeVar(Rate::from_ppm(20_000));
        let lots = (20.0 / var.to_f64() / 2.0) as u64;
        assert_eq!(desk.refused(&rule, &bid(20_000, lots)), None);
        assert_eq!(desk.refused(&rule, &bid(20_000, lots + 1)), Some(RuleName::MaxTradeVar));
        assert_eq!(desk.refused(&rule, &ask(20_000, lots + 1)), Some(RuleName::MaxTradeVar));
    }

    #[test]
    fn at_the_limit_it_passes_and_a_unit_over_it_does_not() {
        let desk = Desk::new();
        let share = desk.scenarios.holding_var(desk.instrument.id());
        let value = crate::domain::Money::from_whole(20).at_rate(share);
        let exact = value.fraction_of(desk.portfolio.equity()).unwrap();
        let at = Rate::from_parts(exact.parts() + 1);
        let under = Rate::from_parts(exact.parts() - 1);
        assert_eq!(desk.refused(&MaxTradeVar(at), &bid(20_000, 10)), None);
        assert!(desk.refused(&MaxTradeVar(under), &bid(20_000, 10)).is_some());
    }

    #[test]
    fn what_is_unknown_allows_nothing() {
        let rule = MaxTradeVar(Rate::MAX);
        let mut desk = Desk::new();
        let absurd = bid(i64::MAX, u64::MAX);
        assert_eq!(desk.refused(&rule, &absurd), Some(RuleName::MaxTradeVar));
        desk.hold_unmarked(Side::Bid, 20_000, 1);
        assert_eq!(desk.refused(&rule, &bid(20_000, 1)), Some(RuleName::MaxTradeVar));
    }
}
