//! What the told fills add up to: now, and at any moment of late, so that it can be compared with
//! what the venue held at that moment.

use std::collections::VecDeque;

use flyball_core::domain::{InstrumentId, MINUTE, NetQty};

/// Fills are remembered for this long: answers are never older.
const REMEMBERED_NS: i64 = 10 * MINUTE;

/// What the told fills add up to.
#[derive(Debug)]
pub(super) struct Holdings {
    now: Vec<NetQty>,
    recent: VecDeque<(i64, InstrumentId, NetQty)>,
}

impl Holdings {
    /// What was held at the beginning.
    pub(super) fn new(held: Vec<NetQty>) -> Self {
        Self { now: held, recent: VecDeque::new() }
    }

    /// What is held now.
    pub(super) fn now(&self, instrument: InstrumentId) -> NetQty {
        self.now.get(instrument.index()).copied().unwrap_or_default()
    }

    /// A fill was told: it happened at this time of the venue.
    pub(super) fn filled(&mut self, time_ns: i64, instrument: InstrumentId, change: NetQty) {
        if let Some(held) = self.now.get_mut(instrument.index()) {
            *held = held.plus(change);
        }
        self.recent.push_back((time_ns, instrument, change));
        let oldest = time_ns.saturating_sub(REMEMBERED_NS);
        while self.recent.front().is_some_and(|(then, _, _)| *then < oldest) {
            self.recent.pop_front();
        }
    }

    /// What was filled after this time, or at it and after.
    fn since(&self, time_ns: i64, instrument: InstrumentId, at_it_too: bool) -> NetQty {
        let later = |&&(then, id, _): &&(i64, InstrumentId, NetQty)| {
            id == instrument && (then > time_ns || (at_it_too && then == time_ns))
        };
        let all = self.recent.iter().filter(later);
        all.fold(NetQty::FLAT, |sum, (_, _, change)| sum.plus(*change))
    }

    /// Whether the told fills add up to what the venue held at this time. Of fills within the same
    /// millisecond it is not known on which side of it they lie.
    pub(super) fn fits(&self, time_ns: i64, instrument: InstrumentId, venue: NetQty) -> bool {
        let then =
            |at_it_too| self.now(instrument).minus(self.since(time_ns, instrument, at_it_too));
        then(false) == venue || then(true) == venue
    }

    /// The venue held this at this time, and is right.
    pub(super) fn adopt(&mut self, time_ns: i64, instrument: InstrumentId, venue: NetQty) {
        let now = venue.plus(self.since(time_ns, instrument, false));
        if let Some(held) = self.now.get_mut(instrument.index()) {
            *held = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: InstrumentId = InstrumentId::new(0);

    fn lots(lots: i64) -> NetQty {
        NetQty::from_lots(lots)
    }

    #[test]
    fn an_older_state_fits_what_was_held_then() {
        let mut holdings = Holdings::new(vec![lots(5)]);
        holdings.filled(100, ID, lots(3));
        holdings.filled(200, ID, lots(-4));
        assert_eq!(holdings.now(ID), lots(4));
        assert!(holdings.fits(99, ID, lots(5)));
        assert!(holdings.fits(100, ID, lots(5)) && holdings.fits(100, ID, lots(8)));
        assert!(holdings.fits(150, ID, lots(8)) && !holdings.fits(150, ID, lots(4)));
        assert!(holdings.fits(300, ID, lots(4)));
    }

    #[test]
    fn what_came_after_a_state_is_kept_when_the_state_is_adopted() {
        let mut holdings = Holdings::new(vec![lots(0)]);
        holdings.filled(200, ID, lots(-4));
        holdings.adopt(150, ID, lots(10));
        assert_eq!(holdings.now(ID), lots(6));
    }
}
