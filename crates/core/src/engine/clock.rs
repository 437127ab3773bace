//! The engine's time: that of its events, as long as their clock goes forward. When it is put back,
//! the engine's goes on from where it was, at half speed until both agree again: every deadline
//! still comes, at most twice as late, and nothing happens twice.

use serde::{Deserialize, Serialize};

use crate::domain::{MINUTE, NEVER, SECOND};

/// Events of different threads come out of order by less than this.
const DISORDER_NS: i64 = SECOND;
/// A clock that goes forward by more at once was put forward: that pays for having been put back.
const STEP_NS: i64 = MINUTE;

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EngineClock {
    now_ns: i64,
    /// By the clock of the events; less than `now_ns` after that one was put back.
    told_ns: i64,
}

impl EngineClock {
    /// Before the first event.
    pub(super) const fn new() -> Self {
        Self { now_ns: i64::MIN, told_ns: i64::MIN }
    }

    /// Now. It never goes back.
    #[inline]
    pub(super) const fn now_ns(self) -> i64 {
        self.now_ns
    }

    /// An event came at this time of its clock.
    #[inline]
    pub(super) fn hear(&mut self, at_ns: i64) {
        if at_ns >= self.told_ns && self.now_ns == self.told_ns {
            *self = Self { now_ns: at_ns, told_ns: at_ns };
        } else {
            self.catch_up(at_ns);
        }
    }

    #[cold]
    fn catch_up(&mut self, at_ns: i64) {
        let elapsed = at_ns.saturating_sub(self.told_ns);
        if elapsed < -DISORDER_NS {
            self.told_ns = at_ns;
        } else if elapsed > 0 {
            let ahead = self.now_ns.saturating_sub(self.told_ns);
            let most = if elapsed > STEP_NS { elapsed } else { elapsed / 2 };
            self.now_ns = self.now_ns.saturating_add(elapsed.saturating_sub(ahead.min(most)));
            self.told_ns = at_ns;
        }
    }

    /// When the clock of the events will show what is this time by the engine's.
    #[inline]
    pub(super) const fn told(self, due_ns: i64) -> i64 {
        if self.now_ns == self.told_ns || due_ns == NEVER {
            return due_ns;
        }
        let left = due_ns.saturating_sub(self.now_ns);
        self.told_ns.saturating_add(left.saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::HOUR;

    fn at(ns: i64) -> EngineClock {
        let mut clock = EngineClock::new();
        clock.hear(ns);
        clock
    }

    #[test]
    fn it_follows_a_clock_that_goes_forward() {
        let mut clock = at(5);
        assert_eq!(clock.now_ns(), 5);
        clock.hear(HOUR);
        assert_eq!((clock.now_ns(), clock.told(2 * HOUR)), (HOUR, 2 * HOUR));
    }

    #[test]
    fn disorder_of_less_than_a_second_is_none() {
        let mut clock = at(10 * SECOND);
        clock.hear(9 * SECOND);
        assert_eq!((clock.now_ns(), clock.told_ns), (10 * SECOND, 10 * SECOND));
        clock.hear(9 * SECOND - 1);
        assert_eq!((clock.now_ns(), clock.told_ns), (10 * SECOND, 9 * SECOND - 1));
    }

    #[test]
    fn one_that_was_put_back_goes_on_at_half_speed_until_both_agree() {
        let mut clock = at(2 * HOUR);
        clock.hear(HOUR);
        assert_eq!(clock.now_ns(), 2 * HOUR, "not back");
        clock.hear(HOUR + 10 * SECOND);
        assert_eq!(clock.now_ns(), 2 * HOUR + 5 * SECOND);
        // A deadline is told in the time in which it will be heard of.
        let due = clock.told(clock.now_ns() + SECOND);
        assert_eq!(due, HOUR + 12 * SECOND);
        clock.hear(due);
        assert_eq!(clock.now_ns(), 2 * HOUR + 6 * SECOND);
        assert_eq!(clock.told(NEVER), NEVER);
        for second in 13..=7_200 {
            clock.hear(HOUR + second * SECOND);
        }
        assert_eq!((clock.now_ns(), clock.told_ns), (3 * HOUR, 3 * HOUR), "they agree again");
    }

    #[test]
    fn a_minute_at_once_is_a_quiet_minute_and_more_is_a_step() {
        for (at_once, ahead) in [(MINUTE, 30 * SECOND), (MINUTE + 1, 0)] {
            let mut clock = at(2 * HOUR);
            clock.hear(HOUR);
            clock.hear(HOUR + at_once);
            assert_eq!(clock.now_ns(), 2 * HOUR + ahead, "{at_once}");
        }
    }

    #[test]
    fn one_that_is_put_forward_again_is_as_if_nothing_had_been() {
        let mut clock = at(2 * HOUR);
        clock.hear(HOUR);
        clock.hear(HOUR + 10 * SECOND);
        clock.hear(2 * HOUR + 11 * SECOND);
        assert_eq!(
            (clock.now_ns(), clock.told_ns),
            (2 * HOUR + 11 * SECOND, 2 * HOUR + 11 * SECOND)
        );
    }
}
