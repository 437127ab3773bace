//! No risk that the rest of the loss budget could not carry, were the price to jump before anybody
//! can act.

use serde::{Deserialize, Serialize};

use crate::domain::{InstrumentId, Money, Rate, Refusal, RuleName};
use crate::portfolio::{Portfolio, Position};
use crate::risk::{Case, Rule, View};

/// The worst that can happen to the whole book, with all orders filled, fits into what may still
/// be lost before the drawdown or the daily loss reaches its line. As the account loses, less and
/// less fits, down to nothing at the line.
///
/// The worst: every position first loses as much as a position may, then its price jumps by the
/// assumed gap, against all positions at once whichever way they point, and closing costs slippage
/// by depth and fees.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Governor {
    /// The drawdown line.
    pub drawdown: Rate,
    /// The daily loss line.
    pub daily_loss: Rate,
    /// What a position may lose before it is closed, of its entry notional.
    pub position_loss: Rate,
    /// What closing costs, of the value, while it takes no more than the depth that is seen.
    pub slippage: Rate,
}

impl Governor {
    /// What can still be lost before a line is reached, of which this share may be used.
    pub fn left(&self, portfolio: &Portfolio, share: Rate) -> Money {
        let equity = portfolio.equity();
        if equity.is_unknown() {
            return Money::ZERO;
        }
        let left = |start: Money, line: Rate| start.at_rate(line).minus(start.minus(equity));
        let by_peak = left(portfolio.peak(), self.drawdown);
        let left = by_peak.min(left(portfolio.day_start(), self.daily_loss));
        // What is overdrawn already does not become less by it.
        let cut = share < Rate::ONE && left > Money::ZERO;
        if cut { left.at_rate(share) } else { left }
    }

    /// Whether this loss is less than what can still be lost: what [`Self::left`] says, without
    /// working it out where all of the budget may be used.
    fn carries(&self, loss: Money, portfolio: &Portfolio, share: Rate) -> bool {
        if share != Rate::ONE {
            return !loss.is_unknown() && loss < self.left(portfolio, share);
        }
        // Less is at most one unit less.
        let under = loss.plus(Money::from_units(1)).minus(portfolio.equity());
        let above = |start: Money, line| under.plus(start).within(Rate::ONE, start, line);
        above(portfolio.peak(), self.drawdown) && above(portfolio.day_start(), self.daily_loss)
    }

    /// What the book could lose with this order and all others filled.
    pub fn worst_loss(&self, case: &Case<'_>) -> Money {
        let id = case.view.instrument.id();
        let qty = case.worst.abs();
        let value = case.value;
        let rate = self.position_loss.plus(case.view.scenarios.loss(id));
        let depth = case.closing_depth();
        let loss = if qty <= depth {
            value.at_rate(rate.plus(self.slippage))
        } else {
            // Beyond the depth that is seen, as far again for each time that it is used up.
            let slip = value.at_rate(self.slippage);
            value.at_rate(rate).plus(slip.scaled(qty.lots().into(), depth.lots().into()))
        };
        loss.plus(self.elsewhere(id, case.view))
    }

    fn elsewhere(&self, own: InstrumentId, view: &View<'_>) -> Money {
        let held = view.portfolio.position(own).map_or(Money::ZERO, Position::value);
        let orders = view.exposure.value_elsewhere;
        if view.portfolio.gross() == held && orders == Money::ZERO {
            return Money::ZERO;
        }
        let closing = self.position_loss.plus(self.slippage);
        let mut loss = orders.at_rate(closing.plus(view.scenarios.worst_loss()));
        for (index, position) in view.portfolio.positions().iter().enumerate() {
            let id = InstrumentId::new(u16::try_from(index).unwrap_or(u16::MAX));
            if id != own && !position.qty().is_flat() {
                let rate = closing.plus(view.scenarios.loss(id));
                loss = loss.plus(position.value().at_rate(rate));
            }
        }
        loss
    }
}

impl Rule for Governor {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        if !case.adds_risk {
            return Ok(());
        }
        let (portfolio, share) = (case.view.portfolio, case.view.share);
        let actual = self.worst_loss(case);
        if self.carries(actual, portfolio, share) {
            return Ok(());
        }
        let limit = self.left(portfolio, share);
        Err(Refusal { rule: RuleName::Governor, limit: limit.units(), actual: actual.units() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::risk::testing::{Desk, bid, profile};

    use super::*;
    use crate::domain::Side;
    use crate::risk::Scenarios;
    use crate::testing::qty;

    /// 2 % to lose, 38 % of a gap, no slippage; the test instrument's fees are 2 × 0.045 %.
    const RULE: Governor = Governor {
        drawdown: Rate::from_ppm(50_000),
        daily_loss: Rate::from_ppm(100_000),
        position_loss: Rate::from_ppm(20_000),
        slippage: Rate::ZERO,
    };

    fn desk(gap_ppm: i64) -> Desk {
        let mut profile = profile();
        profile.governor.gap_floor = Rate::from_ppm(gap_ppm);
        let mut desk = Desk::new();
        desk.instrument = crate::testing::free_of_fees("XRP");
        desk.scenarios = Scenarios::new(&profile, std::slice::from_ref(&desk.instrument));
        desk
    }

    #[test]
    fn what_fits_shrinks_as_the_account_loses() {
        let mut desk = desk(380_000); // 1 000 USD: 50 to lose, so 125 of notional at 40 %
        assert_eq!(desk.refused(&RULE, &bid(20_000, 61)), None);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 62)), None);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 63)), Some(RuleName::Governor));
        desk.lose(42);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 9)), None, "8 left: less than 20");
        assert_eq!(desk.refused(&RULE, &bid(20_000, 10)), Some(RuleName::Governor), "the line");
        assert_eq!(desk.refused(&RULE, &bid(20_000, 11)), Some(RuleName::Governor));
        desk.lose(8);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 1)), Some(RuleName::Governor));
    }

    #[test]
    fn half_the_budget_carries_half_the_size_and_none_carries_nothing() {
        let mut desk = desk(380_000);
        desk.share = Rate::from_ppm(500_000); // 25 to lose, so 62.5 of notional at 40 %
        assert_eq!(desk.refused(&RULE, &bid(20_000, 31)), None);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 32)), Some(RuleName::Governor));
        desk.share = Rate::ZERO;
        assert_eq!(desk.refused(&RULE, &bid(20_000, 1)), Some(RuleName::Governor));
        desk.lose(60);
        desk.share = Rate::from_ppm(500_000);
        assert_eq!(
            RULE.left(&desk.portfolio, desk.share),
            Money::from_whole(-10),
            "overdrawn as it is"
        );
    }

    #[test]
    fn the_daily_line_counts_too() {
        let tight = Governor { daily_loss: Rate::from_ppm(10_000), ..RULE };
        let mut desk = desk(380_000);
        desk.lose(10);
        assert_eq!(desk.refused(&tight, &bid(20_000, 1)), Some(RuleName::Governor));
    }

    #[test]
    fn fees_of_both_ways_are_part_of_the_loss() {
        let mut desk = desk(380_000);
        desk.instrument = crate::testing::xrp();
        let mut profile = profile();
        profile.governor.gap_floor = Rate::from_ppm(380_000);
        desk.scenarios = Scenarios::new(&profile, std::slice::from_ref(&desk.instrument));
        let fee = desk.instrument.fees().taker;
        let expected = Money::from_whole(20).at_rate(Rate::from_ppm(400_000).plus(fee).plus(fee));
        assert!(fee > Rate::ZERO);
        assert_eq!(RULE.worst_loss(&Case::new(&bid(20_000, 10), &desk.view())), expected);
    }

    #[test]
    fn closing_beyond_the_depth_costs_in_proportion() {
        let mut desk = desk(0);
        let rule = Governor { position_loss: Rate::ZERO, slippage: Rate::from_ppm(10_000), ..RULE };
        let loss =
            |desk: &Desk, lots| rule.worst_loss(&Case::new(&bid(20_000, lots), &desk.view()));
        desk.depth.bids = qty(100);
        assert_eq!(loss(&desk, 100), Money::from_whole(2), "1 % of 200");
        assert_eq!(loss(&desk, 200), Money::from_whole(8), "2 % of 400");
        desk.depth.bids = qty(0);
        assert!(loss(&desk, 1).is_unknown());
        assert_eq!(desk.refused(&rule, &bid(20_000, 1)), Some(RuleName::Governor), "no depth");
    }

    #[test]
    fn other_positions_jump_too_each_by_its_own_gap() {
        let mut profile = profile();
        profile.governor.gap_floor = Rate::from_ppm(400_000);
        profile.governor.gaps = vec![("BTC".into(), Rate::from_ppm(200_000))];
        let mut desk = Desk::pair();
        let pair = ["XRP", "BTC"].map(crate::testing::free_of_fees);
        desk.scenarios = Scenarios::new(&profile, &pair);
        let rule = Governor { position_loss: Rate::ZERO, ..RULE };
        let alone = rule.worst_loss(&Case::new(&bid(20_000, 10), &desk.view()));
        desk.hold_other(Side::Ask, 20_000, 50); // 100 USD short: 20 by its gap
        let both = rule.worst_loss(&Case::new(&bid(20_000, 10), &desk.view()));
        assert_eq!(both.minus(alone), Money::from_whole(20));
        desk.exposure.value_elsewhere = Money::from_whole(10); // somewhere: by the widest gap
        let orders = rule.worst_loss(&Case::new(&bid(20_000, 10), &desk.view()));
        assert_eq!(orders.minus(both), Money::from_whole(4));
    }

    #[test]
    fn what_is_held_of_the_same_instrument_is_counted_once() {
        let mut desk = Desk::pair();
        desk.hold_other(Side::Bid, 20_000, 50);
        let loss =
            |desk: &Desk, lots| RULE.worst_loss(&Case::new(&bid(20_000, lots), &desk.view()));
        let ordered = loss(&desk, 20);
        desk.hold(Side::Bid, 20_000, 10);
        assert_eq!(loss(&desk, 10), ordered);
    }

    #[test]
    fn what_is_unknown_carries_nothing() {
        let mut desk = desk(380_000);
        desk.exposure.value_elsewhere = Money::UNKNOWN;
        assert_eq!(desk.refused(&RULE, &bid(20_000, 1)), Some(RuleName::Governor));
        desk.share = Rate::from_ppm(500_000);
        assert_eq!(desk.refused(&RULE, &bid(20_000, 1)), Some(RuleName::Governor), "nor half");
        let mut blind = self::desk(380_000);
        blind.hold_unmarked(Side::Bid, 20_000, 1);
        assert_eq!(RULE.left(&blind.portfolio, Rate::ONE), Money::ZERO);
        assert_eq!(blind.refused(&RULE, &bid(20_000, 1)), Some(RuleName::Governor));
    }

    #[test]
    fn orders_elsewhere_count_also_where_nothing_is_held() {
        let mut desk = Desk::pair();
        let order = bid(20_000, 1);
        let alone = RULE.worst_loss(&Case::new(&order, &desk.view()));
        desk.exposure.value_elsewhere = Money::from_whole(100);
        let both = RULE.worst_loss(&Case::new(&order, &desk.view()));
        let rate = RULE.position_loss.plus(desk.scenarios.worst_loss());
        assert_eq!(both, alone.plus(Money::from_whole(100).at_rate(rate)));
    }

    proptest! {
        #[test]
        fn what_it_carries_is_less_than_what_is_left(
            cash in 1_i64..2_000, lost in -1_000_i64..1_000, near in -2_i128..3, loss in any::<i64>(),
        ) {
            let mut desk = Desk::with_cash(cash);
            desk.lose(lost);
            let account = &desk.portfolio;
            for share in [Rate::ONE, Rate::from_ppm(500_000)] {
                let left = RULE.left(account, share);
                let next_to = Money::from_units(left.units() + near);
                for loss in [next_to, Money::from_units(loss.into()), Money::UNKNOWN] {
                    let carried = RULE.carries(loss, account, share);
                    prop_assert_eq!(carried, !loss.is_unknown() && loss < left);
                }
            }
        }
    }
}
