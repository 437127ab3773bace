//! The message budget: so many a second, so many at once, and a share that only protection uses.

use serde::{Deserialize, Serialize};

use crate::domain::SECOND;
use crate::risk::GateLimits;

/// A token bucket. A token is a message; tokens are kept in billionths so that refilling by the
/// nanosecond loses nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageBudget {
    billionths: u64,
    full: u64,
    reserve: u64,
    per_second: u64,
    last_ns: i64,
}

const TOKEN: u64 = SECOND.unsigned_abs();

impl MessageBudget {
    /// A full bucket.
    pub const fn new(limits: &GateLimits) -> Self {
        let full = (limits.message_burst as u64).saturating_mul(TOKEN);
        Self {
            billionths: full,
            full,
            reserve: (limits.message_reserve as u64).saturating_mul(TOKEN),
            per_second: limits.messages_per_second as u64,
            last_ns: i64::MIN,
        }
    }

    fn refill(&mut self, now_ns: i64) {
        if self.last_ns == i64::MIN {
            self.last_ns = now_ns;
        }
        let elapsed = now_ns.saturating_sub(self.last_ns).max(0).unsigned_abs();
        self.last_ns = self.last_ns.max(now_ns);
        // `per_second` tokens a second are `per_second` billionths a nanosecond.
        let gained = elapsed.saturating_mul(self.per_second);
        self.billionths = self.billionths.saturating_add(gained).min(self.full);
    }

    /// Messages that can be sent now.
    pub fn available(&mut self, now_ns: i64, protects: bool) -> u64 {
        self.refill(now_ns);
        let floor = if protects { 0 } else { self.reserve };
        self.billionths.saturating_sub(floor).checked_div(TOKEN).unwrap_or(0)
    }

    /// Use one message, if there is one for this purpose.
    pub fn take(&mut self, now_ns: i64, protects: bool) -> bool {
        if self.available(now_ns, protects) == 0 {
            return false;
        }
        self.billionths = self.billionths.saturating_sub(TOKEN);
        true
    }

    /// When the next message for this purpose can be sent.
    pub fn next_ns(&self, protects: bool) -> i64 {
        let floor = if protects { 0 } else { self.reserve };
        let missing = floor.saturating_add(TOKEN).saturating_sub(self.billionths);
        let wait = missing.div_ceil(self.per_second.max(1));
        self.last_ns.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::risk::testing::profile;

    fn budget(per_second: u32, burst: u32, reserve: u32) -> MessageBudget {
        let mut limits = profile().gate;
        limits.messages_per_second = per_second;
        limits.message_burst = burst;
        limits.message_reserve = reserve;
        MessageBudget::new(&limits)
    }

    #[test]
    fn strategies_never_use_the_reserve() {
        let mut budget = budget(10, 10, 3);
        let sent = (0..100).filter(|_| budget.take(0, false)).count();
        assert_eq!(sent, 7);
        let protected = (0..100).filter(|_| budget.take(0, true)).count();
        assert_eq!(protected, 3);
        let next = budget.next_ns(true);
        assert!(!budget.take(next - 1, true) && budget.take(next, true));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_plus_rate(gaps in proptest::collection::vec(0_i64..300_000_000, 1..200)) {
            let mut budget = budget(10, 5, 1);
            let (mut now, mut sent) = (0, 0_u64);
            for gap in gaps {
                now += gap;
                sent += u64::from(budget.take(now, true));
                let allowed = 5 + now.unsigned_abs() * 10 / SECOND.unsigned_abs();
                prop_assert!(sent <= allowed);
            }
        }

        #[test]
        fn a_clock_that_goes_back_gives_nothing(times in proptest::collection::vec(-1_000_000_000_i64..1_000_000_000, 1..200)) {
            let mut budget = budget(10, 5, 1);
            let sent = times.iter().filter(|&&now| budget.take(now, true)).count();
            prop_assert!(sent <= 5 + 20);
        }
    }
}
