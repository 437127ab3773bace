//! The budget of actions of an account: 10 000 and one for each USDC traded; then one each ten
//! seconds. Cancels may use more: the limit and 100 000, at most twice the limit.

use flyball_core::domain::{Money, SECOND};

/// Actions that every account may send before it trades anything.
const FREE: u64 = 10_000;
/// How much more cancels may use.
const CANCELS_MORE: u64 = 100_000;
/// When the budget is used up: one action in this time.
const SLOW_NS: i64 = 10 * SECOND;

/// What an action asks of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// So many orders, or one action of another kind.
    Action(u64),
    /// So many cancels.
    Cancel(u64),
}

/// One account's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountBudget {
    used: u64,
    traded: Money,
    slow_after_ns: i64,
}

impl Default for AccountBudget {
    fn default() -> Self {
        Self { used: 0, traded: Money::ZERO, slow_after_ns: i64::MIN }
    }
}

impl AccountBudget {
    /// The account traded this value.
    pub fn traded(&mut self, value: Money) {
        self.traded = self.traded.plus(value);
    }

    /// All that it traded.
    pub const fn volume(&self) -> Money {
        self.traded
    }

    /// Actions used.
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Actions that it may use.
    pub fn limit(&self) -> u64 {
        let whole = self.traded.units().checked_div(Money::ONE.units()).unwrap_or(0);
        FREE.saturating_add(u64::try_from(whole).unwrap_or(0))
    }

    fn cancel_limit(&self) -> u64 {
        let limit = self.limit();
        limit.saturating_add(CANCELS_MORE).min(limit.saturating_mul(2))
    }

    /// Whether the budget carries it; it is counted if it does. Beyond the limit one action in ten
    /// seconds is let through.
    pub fn admit(&mut self, spend: Spend, now_ns: i64) -> bool {
        let (count, limit) = match spend {
            Spend::Action(count) => (count, self.limit()),
            Spend::Cancel(count) => (count, self.cancel_limit()),
        };
        let fits = self.used.saturating_add(count) <= limit;
        if !fits {
            if now_ns < self.slow_after_ns {
                return false;
            }
            self.slow_after_ns = now_ns.saturating_add(SLOW_NS);
        }
        self.used = self.used.saturating_add(count);
        true
    }

    /// Count without asking: a stale `expiresAfter` costs five times as much.
    pub fn charge(&mut self, count: u64) {
        self.used = self.used.saturating_add(count);
    }

    /// The venue's words when the budget is used up.
    pub fn refusal(&self) -> String {
        let cents = self.traded.units().checked_div(100_000_000).unwrap_or(0);
        let (whole, part) =
            (cents.checked_div(100).unwrap_or(0), cents.checked_rem(100).unwrap_or(0));
        let volume = match part {
            0 => format!("{whole}"),
            _ => format!("{whole}.{part:02}").trim_end_matches('0').to_owned(),
        };
        format!(
            "Too many cumulative requests sent ({} > {}) for cumulative volume traded ${volume}. \
             Place taker orders to free up 1 request per USDC traded.",
            self.used.saturating_add(1),
            self.limit(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_and_one_for_each_dollar_traded() {
        let mut budget = AccountBudget::default();
        assert!(budget.admit(Spend::Action(10_000), 0));
        assert_eq!((budget.used(), budget.limit()), (10_000, 10_000));
        budget.traded(Money::from_whole(3));
        assert!((0..3).all(|_| budget.admit(Spend::Action(1), 0)));
        assert!(budget.admit(Spend::Action(1), 0), "one in ten seconds is still let through");
        assert!(!budget.admit(Spend::Action(1), 1));
        assert!(!budget.admit(Spend::Action(1), SLOW_NS - 1));
        assert!(budget.admit(Spend::Action(1), SLOW_NS));
    }

    #[test]
    fn cancels_may_use_twice_the_limit_or_a_hundred_thousand_more() {
        let mut budget = AccountBudget::default();
        assert!(budget.admit(Spend::Action(10_000), 0));
        assert!(budget.admit(Spend::Cancel(10_000), 0));
        budget.admit(Spend::Cancel(1), 0);
        assert!(!budget.admit(Spend::Cancel(1), 1));
        let mut rich = AccountBudget::default();
        rich.traded(Money::from_whole(1_000_000));
        rich.charge(1_110_000 - 1);
        assert!(rich.admit(Spend::Cancel(1), 0));
        rich.admit(Spend::Cancel(1), 0);
        assert!(!rich.admit(Spend::Cancel(1), 1), "1 010 000 and 100 000");
    }

    #[test]
    fn the_refusal_says_how_many_of_how_many() {
        let mut budget = AccountBudget::default();
        budget.traded(Money::from_units(46_435_000_000_000));
        budget.charge(15_400);
        assert_eq!(
            budget.refusal(),
            "Too many cumulative requests sent (15401 > 14643) for cumulative volume traded \
             $4643.5. Place taker orders to free up 1 request per USDC traded."
        );
    }
}
