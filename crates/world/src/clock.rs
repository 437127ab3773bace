//! The clock of a machine: what it shows is not always what time it is.

/// A clock that was set at some moment and runs a little too fast or too slow since then.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Steered {
    since_ns: i64,
    ahead_ns: i64,
    /// Seconds that it gains in a second.
    rate: f64,
}

impl Steered {
    /// What it shows at this time.
    pub fn read(&self, now_ns: i64) -> i64 {
        let gained = (now_ns - self.since_ns) as f64 * self.rate;
        now_ns + self.ahead_ns + gained as i64
    }

    /// The first time at which it shows this or more.
    pub fn when(&self, shown_ns: i64) -> i64 {
        if shown_ns == i64::MAX || shown_ns < 0 {
            return shown_ns;
        }
        let after = shown_ns - self.since_ns - self.ahead_ns;
        if self.rate == 0.0 {
            return self.since_ns + after;
        }
        let mut at = self.since_ns + (after as f64 / (1.0 + self.rate)) as i64;
        while self.read(at) < shown_ns {
            at += 1;
        }
        at
    }

    /// How far it is ahead.
    pub fn ahead_ns(&self, now_ns: i64) -> i64 {
        self.read(now_ns) - now_ns
    }

    /// From now on it gains so many seconds in a second.
    pub fn drift(&mut self, rate: f64, now_ns: i64) {
        *self = Self { since_ns: now_ns, ahead_ns: self.ahead_ns(now_ns), rate };
    }

    /// Now it is put forward by so much, or back.
    pub fn put(&mut self, by_ns: i64, now_ns: i64) {
        let rate = self.rate;
        *self = Self { since_ns: now_ns, ahead_ns: self.ahead_ns(now_ns) + by_ns, rate };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_gains_shows_more_and_is_due_earlier() {
        let (start, second) = (1_760_000_000_000_000_000, 1_000_000_000);
        let mut clock = Steered::default();
        assert_eq!((clock.read(start), clock.when(start)), (start, start));
        clock.drift(0.01, start);
        let later = start + 100 * second;
        assert_eq!(clock.ahead_ns(later), second);
        assert!((clock.when(later) - (start + 99_009_900_991)).abs() < 1_000);
        clock.drift(-0.01, later);
        assert_eq!(clock.ahead_ns(later + 100 * second), 0);
        clock.put(5, later);
        assert_eq!(clock.ahead_ns(later), second + 5);
        assert_eq!(clock.when(i64::MAX), i64::MAX);
    }

    #[test]
    fn what_is_due_is_shown_then() {
        let start = 1_760_000_000_000_000_000;
        for rate in [0.05, 1e-7, -1e-7, -0.05] {
            let mut clock = Steered::default();
            clock.drift(rate, start);
            for after in [0, 1, 999, 123_456_789, 300_000_000_000] {
                assert!(clock.read(clock.when(start + after)) >= start + after);
            }
        }
    }
}
