//! The way between a client and the venue. A local exchange has none: what is assumed here stands in
//! for the internet.

use std::collections::BTreeMap;

use flyball_core::domain::{MILLISECOND, Random, SECOND};

/// Where a message travels: over which connection, and which way. What has the same lane stays in
/// order.
pub(crate) type Lane = (u64, bool);

/// How long messages take.
///
/// Assumed of normal running: 30 to 60 ms each way, a route that changes slowly, a few milliseconds
/// of jitter, one message of 500 that is lost and sent again, eight slow spells a day (10 to 60 s in
/// which each message takes 10 to 80 ms more), eight standstills a day of 0.3 to 2.5 s.
#[derive(Clone, Debug)]
pub struct Way {
    random: Random,
    level_ns: f64,
    route_ns: f64,
    slow_until_ns: i64,
    slow_ns: f64,
    next_slow_ns: i64,
    held_until_ns: i64,
    next_held_ns: i64,
    last_ns: BTreeMap<Lane, i64>,
    /// How much longer each message takes, each way: a fault.
    pub more_ns: i64,
}

const DAY: f64 = 86_400e9;

impl Way {
    /// The way of a run that begins now.
    pub fn new(seed: u64, now_ns: i64) -> Self {
        let mut random = Random::new(seed ^ 0x7761_7900);
        let level_ns = 30e6 + 30e6 * random.uniform();
        let mut way = Self {
            random,
            level_ns,
            route_ns: 0.0,
            slow_until_ns: 0,
            slow_ns: 0.0,
            next_slow_ns: now_ns,
            held_until_ns: 0,
            next_held_ns: now_ns,
            last_ns: BTreeMap::new(),
            more_ns: 0,
        };
        way.next_slow_ns = now_ns + way.random.exponential(DAY / 8.0) as i64;
        way.next_held_ns = now_ns + way.random.exponential(DAY / 8.0) as i64;
        way
    }

    /// A second has passed: the route changes, a slow spell or a standstill begins.
    pub(crate) fn second(&mut self, now_ns: i64) {
        self.route_ns = 0.995 * self.route_ns + 0.1e6 * self.random.normal();
        if now_ns >= self.next_slow_ns {
            self.slow_until_ns = now_ns + SECOND * (10 + self.random.below(51) as i64);
            self.slow_ns = 10e6 + 70e6 * self.random.uniform();
            self.next_slow_ns = now_ns + self.random.exponential(DAY / 8.0) as i64;
        }
        if now_ns >= self.next_held_ns {
            let ms = 300 + self.random.below(2_200) as i64;
            self.held_until_ns = now_ns + ms * MILLISECOND;
            self.next_held_ns = now_ns + self.random.exponential(DAY / 8.0) as i64;
        }
    }

    /// When something that is sent now arrives: behind what is on the same lane.
    pub(crate) fn arrives(&mut self, lane: Lane, now_ns: i64) -> i64 {
        let daily = 2e6 * (now_ns as f64 / DAY * std::f64::consts::TAU).sin();
        let mut takes = self.level_ns + self.route_ns + daily + self.random.exponential(2e6);
        if self.random.chance(0.002) {
            takes += 200e6 + self.random.exponential(50e6);
        }
        if now_ns < self.slow_until_ns {
            takes += self.slow_ns + self.random.exponential(10e6);
        }
        let free = (now_ns + self.more_ns + takes.max(1e6) as i64).max(self.held_until_ns);
        let last = self.last_ns.entry(lane).or_insert(i64::MIN);
        *last = free.max(*last);
        *last
    }

    /// A connection is gone, and with it what was in order on it.
    pub(crate) fn forget(&mut self, conn: u64) {
        self.last_ns.remove(&(conn, true));
        self.last_ns.remove(&(conn, false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_lane_stay_in_order_and_take_what_is_assumed() {
        let mut way = Way::new(3, 0);
        let (mut last, mut sum) = (0, 0);
        for second in 0..3_600 {
            let now = second * SECOND;
            way.second(now);
            for lane in [(1, true), (2, false)] {
                let arrives = way.arrives(lane, now);
                assert!(arrives > now);
                if lane.0 == 1 {
                    assert!(arrives >= last);
                    (last, sum) = (arrives, sum + arrives - now);
                }
            }
        }
        let mean = sum / 3_600;
        assert!((25 * MILLISECOND..90 * MILLISECOND).contains(&mean), "{mean}");
        way.more_ns = SECOND;
        assert!(way.arrives((3, true), 4_000 * SECOND) > 4_001 * SECOND);
    }
}
