//! The clock of a run. Nothing else in the live runtime knows the time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What time it is: the system's, or one that runs faster for a market that is made up.
///
/// A faster clock is shared with the local exchange that serves the market: both count from the
/// same anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    anchor_ns: i64,
    start_ns: i64,
    speed: u32,
}

impl Clock {
    /// The system's clock.
    pub const SYSTEM: Self = Self { anchor_ns: 0, start_ns: 0, speed: 1 };

    /// A clock that showed `start_ns` when the system's showed `anchor_ns`, and runs `speed` times
    /// as fast.
    pub const fn scaled(anchor_ns: i64, start_ns: i64, speed: u32) -> Self {
        Self { anchor_ns, start_ns, speed: if speed == 0 { 1 } else { speed } }
    }

    /// Now: UTC nanoseconds since 1970, by this clock.
    pub fn now_ns(self) -> i64 {
        let elapsed = system_ns().saturating_sub(self.anchor_ns);
        self.start_ns.saturating_add(elapsed.saturating_mul(i64::from(self.speed)))
    }

    /// How many times as fast as the system's it runs.
    pub const fn speed(self) -> u32 {
        self.speed
    }

    /// How long to wait, by the system's clock, until this one shows `at_ns`.
    pub fn until(self, at_ns: i64) -> Duration {
        let left = at_ns.saturating_sub(self.now_ns()).max(0);
        Duration::from_nanos(left.unsigned_abs().div_ceil(u64::from(self.speed)))
    }

    /// A duration of this clock, by the system's.
    pub fn real(self, ns: i64) -> Duration {
        Duration::from_nanos(ns.max(0).unsigned_abs().div_ceil(u64::from(self.speed)))
    }
}

/// The system's clock: UTC nanoseconds since 1970.
fn system_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_clock_counts_from_its_anchor() {
        let anchor = system_ns();
        let clock = Clock::scaled(anchor, 1_000, 100);
        let now = clock.now_ns();
        assert!((1_000..1_000 + 100 * 60_000_000_000).contains(&now));
        assert!(clock.until(now + 100_000_000_000) <= Duration::from_secs(1));
        assert_eq!(clock.real(100), Duration::from_nanos(1));
        assert_eq!(clock.until(0), Duration::ZERO, "the past is waited for no longer");
    }

    #[test]
    fn the_system_clock_is_the_systems() {
        let (before, now) = (system_ns(), Clock::SYSTEM.now_ns());
        assert!(now >= before && now - before < 60_000_000_000);
    }
}
