//! Whether a connection stands, when to try again, and when silence means that it does not.
//! Knows time only as an argument.

use flyball_core::domain::{MILLISECOND, NEVER, Random, SECOND};

/// A ping goes out this often: the venue closes connections that say nothing for a minute.
const PING_AFTER_NS: i64 = 5 * SECOND;
/// A connection on which nothing came for this long is not one: the other end may be gone without
/// a word.
const SILENT_FOR_NS: i64 = 12 * SECOND;
/// An attempt to connect takes no longer than this.
const CONNECT_NS: i64 = 12 * SECOND;
const FIRST_RETRY_NS: i64 = 250 * MILLISECOND;
/// Two connections that cannot be made stay below the venue's 30 attempts a minute.
const LAST_RETRY_NS: i64 = 5 * SECOND;

/// What to do about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Connect.
    Connect,
    /// Send a ping.
    Ping,
    /// Close it: it is dead.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Down { retry_ns: i64 },
    Connecting { since_ns: i64 },
    Up { heard_ns: i64, pinged_ns: i64 },
}

/// A connection, as far as time is concerned.
#[derive(Clone, Debug)]
pub struct Link {
    state: State,
    attempts: u32,
    connects: u64,
    random: Random,
}

impl Link {
    /// A connection that is to be made at once. Retries are spread by `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            state: State::Down { retry_ns: i64::MIN },
            attempts: 0,
            connects: 0,
            random: Random::new(seed),
        }
    }

    /// Whether it stands.
    pub const fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// How often it was made.
    pub const fn connects(&self) -> u64 {
        self.connects
    }

    /// When something came last, while it stands.
    pub const fn heard_ns(&self) -> Option<i64> {
        match self.state {
            State::Up { heard_ns, .. } => Some(heard_ns),
            _ => None,
        }
    }

    /// When it wants to be looked at again.
    pub const fn due_ns(&self) -> i64 {
        match self.state {
            State::Down { retry_ns } => retry_ns,
            State::Connecting { since_ns } => since_ns.saturating_add(CONNECT_NS),
            State::Up { heard_ns, pinged_ns } => {
                let silent = heard_ns.saturating_add(SILENT_FOR_NS);
                let ping = pinged_ns.saturating_add(PING_AFTER_NS);
                if ping < silent { ping } else { silent }
            }
        }
    }

    /// What to do now, if something.
    pub fn step(&mut self, now_ns: i64) -> Option<Step> {
        if now_ns < self.due_ns() {
            return None;
        }
        match self.state {
            State::Down { .. } => {
                self.state = State::Connecting { since_ns: now_ns };
                Some(Step::Connect)
            }
            State::Connecting { .. } => Some(Step::Close),
            State::Up { heard_ns, .. } if now_ns.saturating_sub(heard_ns) >= SILENT_FOR_NS => {
                Some(Step::Close)
            }
            State::Up { heard_ns, .. } => {
                self.state = State::Up { heard_ns, pinged_ns: now_ns };
                Some(Step::Ping)
            }
        }
    }

    /// It stands.
    pub const fn connected(&mut self, now_ns: i64) {
        self.state = State::Up { heard_ns: now_ns, pinged_ns: now_ns };
        self.connects = self.connects.saturating_add(1);
    }

    /// Something came.
    pub const fn heard(&mut self, now_ns: i64) {
        if let State::Up { pinged_ns, .. } = self.state {
            self.state = State::Up { heard_ns: now_ns, pinged_ns };
            self.attempts = 0;
        }
    }

    /// It is gone, or could not be made. It is made again after a while, longer each time in a row.
    pub fn disconnected(&mut self, now_ns: i64) {
        let doubled = FIRST_RETRY_NS.saturating_mul(1 << self.attempts.min(10));
        let most = doubled.min(LAST_RETRY_NS);
        let jitter = self.random.below(most.unsigned_abs() / 4 + 1);
        let wait = most.saturating_add(i64::try_from(jitter).unwrap_or(0));
        self.attempts = self.attempts.saturating_add(1);
        self.state = State::Down { retry_ns: now_ns.saturating_add(wait) };
    }

    /// Do not connect any more.
    pub const fn stop(&mut self) {
        self.state = State::Down { retry_ns: NEVER };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tries_again_later_and_later_until_it_stands() {
        let mut link = Link::new(1);
        let (mut now, mut waits) = (0, Vec::new());
        for _ in 0..8 {
            assert_eq!(link.step(now), Some(Step::Connect));
            link.disconnected(now);
            waits.push(link.due_ns() - now);
            now = link.due_ns();
        }
        assert!(waits[0] >= FIRST_RETRY_NS && waits[0] <= FIRST_RETRY_NS * 5 / 4);
        assert!(waits[7] >= LAST_RETRY_NS && waits[7] <= LAST_RETRY_NS * 5 / 4);
        assert_eq!(link.step(now), Some(Step::Connect));
        link.connected(now);
        link.heard(now + 1);
        link.disconnected(now + 2);
        assert!(link.due_ns() - now - 2 <= FIRST_RETRY_NS * 5 / 4, "it begins anew");
    }

    #[test]
    fn a_connection_that_closes_at_once_each_time_is_not_hurried() {
        let mut link = Link::new(1);
        let mut now = 0;
        for _ in 0..6 {
            assert_eq!(link.step(now), Some(Step::Connect));
            link.connected(now);
            link.disconnected(now);
            now = link.due_ns();
        }
        assert!(now >= 7 * SECOND, "nothing was ever heard on it");
    }

    #[test]
    fn silence_is_asked_about_and_then_ends_it() {
        let mut link = Link::new(1);
        assert_eq!(link.step(0), Some(Step::Connect));
        link.connected(0);
        assert_eq!(link.step(PING_AFTER_NS - 1), None);
        assert_eq!(link.step(PING_AFTER_NS), Some(Step::Ping));
        assert_eq!(link.step(PING_AFTER_NS), None);
        assert_eq!(link.step(SILENT_FOR_NS), Some(Step::Close), "half of it is gone");
        link.heard(SILENT_FOR_NS);
        assert_ne!(link.step(SILENT_FOR_NS), Some(Step::Close));
    }

    #[test]
    fn an_attempt_that_takes_too_long_is_given_up() {
        let mut link = Link::new(1);
        link.step(0);
        assert_eq!(link.step(CONNECT_NS - 1), None);
        assert_eq!(link.step(CONNECT_NS), Some(Step::Close));
    }
}
