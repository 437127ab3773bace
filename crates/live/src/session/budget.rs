//! How much may still be asked of the venue: by IP address, weight a minute, and messages over
//! websockets; by account, requests in all. A share is kept for what protects.

use flyball_core::domain::SECOND;

use crate::session::heard::RequestsLeft;

/// Weight that an IP address has a minute.
pub const WEIGHT_A_MINUTE: u32 = 1_200;
/// Requests of the account that only protection may use.
const REQUEST_RESERVE: u64 = 500;
const MINUTE_NS: i64 = 60 * SECOND;

/// How much may still be asked.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    minute: i64,
    weight: u32,
    /// Weight of the minute before: the venue's minute may begin at another moment than ours.
    before: u32,
    left: Option<u64>,
    a_minute: u32,
    /// Messages sent on the websocket in this minute.
    messages: u32,
}

impl Budget {
    /// All of it, with this weight a minute. A quarter of it only protection may use.
    pub(crate) const fn new(a_minute: u32) -> Self {
        Self { minute: i64::MIN, weight: 0, before: 0, left: None, a_minute, messages: 0 }
    }

    fn roll(&mut self, now_ns: i64) {
        let minute = now_ns.div_euclid(MINUTE_NS);
        if minute != self.minute {
            self.before = if minute == self.minute.saturating_add(1) { self.weight } else { 0 };
            (self.minute, self.weight) = (minute, 0);
            self.messages = 0;
        }
    }

    /// Weight used in the last minute: what is left of the minute before counts in proportion.
    fn used(&self, now_ns: i64) -> u32 {
        let left = MINUTE_NS.saturating_sub(now_ns.rem_euclid(MINUTE_NS));
        let share = i64::from(self.before).saturating_mul(left) / MINUTE_NS;
        self.weight.saturating_add(u32::try_from(share).unwrap_or(0))
    }

    /// Whether a request of this weight may be sent now.
    pub(crate) fn allows(&mut self, weight: u32, protects: bool, now_ns: i64) -> bool {
        self.roll(now_ns);
        let most = if protects { self.a_minute } else { self.a_minute - self.a_minute / 4 };
        self.used(now_ns).saturating_add(weight) <= most
    }

    /// A request of this weight is sent, with so many actions in it.
    pub(crate) fn take(&mut self, weight: u32, actions: u64, now_ns: i64) {
        self.roll(now_ns);
        self.weight = self.weight.saturating_add(weight);
        self.left = self.left.map(|left| left.saturating_sub(actions));
    }

    /// Whether one more message may go over the websocket in this minute; if so it is counted.
    /// What comes too late for it goes over HTTP.
    pub(super) fn take_message(&mut self, now_ns: i64) -> bool {
        self.roll(now_ns);
        let allowed = self.messages < self.a_minute.saturating_mul(3) / 2;
        self.messages = self.messages.saturating_add(u32::from(allowed));
        allowed
    }

    /// Whether the account may send this many actions that add risk.
    pub(super) const fn allows_actions(&self, actions: u64) -> bool {
        match self.left {
            Some(left) => left >= actions.saturating_add(REQUEST_RESERVE),
            None => true,
        }
    }

    /// The venue says how many requests the account has left.
    pub(super) const fn set(&mut self, requests: RequestsLeft) {
        self.left = Some(requests.allowed.saturating_sub(requests.used));
    }

    /// Requests that the account has left, where known.
    pub(super) const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Weight that is left in this minute.
    pub(crate) fn weight_left(&self, now_ns: i64) -> u32 {
        self.a_minute.saturating_sub(self.used(now_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_for_what_protects() {
        let mut budget = Budget::new(WEIGHT_A_MINUTE);
        budget.take(900, 1, 0);
        assert!(!budget.allows(1, false, 0));
        assert!(budget.allows(300, true, 0));
        assert!(!budget.allows(301, true, 0));
        let later = MINUTE_NS * 3 / 2;
        assert!(budget.allows(400, false, later), "half of the minute before has gone");
        assert!(!budget.allows(500, false, later));
        assert!(budget.allows(900, false, 3 * MINUTE_NS));
    }

    #[test]
    fn the_accounts_requests_are_counted_down_between_answers() {
        let mut budget = Budget::new(WEIGHT_A_MINUTE);
        assert!(budget.allows_actions(1_000_000), "nothing is known");
        budget.set(RequestsLeft { used: 9_000, allowed: 10_000 });
        assert!(budget.allows_actions(500) && !budget.allows_actions(501));
        budget.take(1, 100, 0);
        assert!(budget.allows_actions(400) && !budget.allows_actions(401));
    }
}
