//! Whether the engine lives. Knows time only as an argument.

use flyball_core::domain::MILLISECOND;

use crate::sentinel::beat::Beat;
use crate::sentinel::settings::Times;

/// The sentinel looks at least this often; where it did not, it was itself held up.
const LOOKS_EVERY_NS: i64 = 300 * MILLISECOND;

/// What is known of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// No run goes on, as far as is known: nobody need answer.
    None,
    /// It was heard of late.
    Alive,
    /// It is late: half of its patience is used up.
    Late,
    /// It is silent for longer than it may be.
    Silent,
}

/// The engine's beats.
#[derive(Clone, Debug)]
pub struct Watch {
    silence_ns: i64,
    first_beat_ns: i64,
    /// Since when nobody was heard who should be; none while nobody need be.
    since_ns: Option<i64>,
    heard: Option<(i64, u64)>,
    looked_ns: Option<i64>,
    /// Time that the sentinel itself was held up since the last beat, and does not count.
    forgiven_ns: i64,
    last: Beat,
}

impl Watch {
    /// Before the first beat. With `expected` a run goes on, or was cut off: silence counts.
    pub fn new(times: &Times, expected: bool, now_ns: i64) -> Self {
        let first = expected.then_some(now_ns);
        Self {
            silence_ns: times.silence_ns,
            first_beat_ns: times.first_beat_ns,
            since_ns: first,
            heard: None,
            looked_ns: None,
            forgiven_ns: 0,
            last: Beat::default(),
        }
    }

    /// A beat came. Whether the engine's thread wrote it since the last one.
    pub fn beat(&mut self, beat: Beat, now_ns: i64) -> bool {
        let this = (beat.run, beat.sequence);
        let lives =
            self.heard.is_none_or(|(run, sequence)| beat.run != run || beat.sequence > sequence);
        if beat.goodbye {
            self.since_ns = None;
        } else if lives {
            self.since_ns = Some(now_ns);
            self.forgiven_ns = 0;
        }
        if lives || beat.goodbye {
            self.heard = Some(this);
            self.last = beat;
        }
        lives
    }

    /// The run ended in order: nobody need answer.
    pub fn left(&mut self) {
        self.since_ns = None;
    }

    /// The last beat.
    pub const fn last(&self) -> &Beat {
        &self.last
    }

    /// Whether a beat was ever heard.
    pub const fn was_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// What is known now. To be asked often: time in which it was not asked is time in which the
    /// sentinel itself stood still. The first such time since the last beat does not count; more of
    /// them do, or a sentinel that is always held up would never act.
    pub fn look(&mut self, now_ns: i64) -> Engine {
        let gap = self.looked_ns.map_or(0, |then| now_ns.saturating_sub(then));
        self.looked_ns = Some(now_ns);
        if gap > LOOKS_EVERY_NS && self.forgiven_ns == 0 {
            self.forgiven_ns = gap;
        }
        let Some(silent) = self.silent_ns(now_ns) else { return Engine::None };
        let most = self.patience_ns();
        match silent {
            _ if silent > most => Engine::Silent,
            _ if silent > most / 2 => Engine::Late,
            _ => Engine::Alive,
        }
    }

    const fn patience_ns(&self) -> i64 {
        if self.heard.is_some() { self.silence_ns } else { self.first_beat_ns }
    }

    /// How long nobody was heard while somebody listened; none while nobody need be.
    pub fn silent_ns(&self, now_ns: i64) -> Option<i64> {
        let since = self.since_ns?;
        Some(now_ns.saturating_sub(since).saturating_sub(self.forgiven_ns).max(0))
    }

    /// When it is to be looked at again.
    pub fn due_ns(&self) -> i64 {
        self.looked_ns.map_or(i64::MIN, |then| then.saturating_add(50 * MILLISECOND))
    }
}

#[cfg(test)]
mod tests {
    use flyball_core::domain::SECOND;

    use super::*;
    use crate::sentinel::settings::TIMES;

    const T: i64 = TIMES.silence_ns;

    fn beat(sequence: u64) -> Beat {
        Beat { run: 1, sequence, ..Beat::default() }
    }

    /// Look every 50 ms until then.
    fn look_until(watch: &mut Watch, from: i64, to: i64) -> Engine {
        let mut at = from;
        while at < to {
            watch.look(at);
            at += 50 * MILLISECOND;
        }
        watch.look(to)
    }

    #[test]
    fn silence_is_one_nanosecond_more_than_it_may_be() {
        let mut watch = Watch::new(&TIMES, true, 0);
        assert!(watch.beat(beat(1), 0));
        assert_eq!(look_until(&mut watch, 0, T / 2), Engine::Alive);
        assert_eq!(look_until(&mut watch, T / 2, T - 1), Engine::Late);
        assert_eq!(watch.look(T), Engine::Late);
        assert_eq!(watch.look(T + 1), Engine::Silent);
        assert!(watch.beat(beat(2), T + 2));
        assert_eq!(watch.look(T + 3), Engine::Alive, "it came back");
    }

    #[test]
    fn a_socket_that_answers_for_an_engine_that_stands_still_is_silence() {
        let mut watch = Watch::new(&TIMES, true, 0);
        watch.beat(beat(1), 0);
        for at in 1..=20 {
            assert!(!watch.beat(beat(1), at * 50 * MILLISECOND));
            watch.look(at * 50 * MILLISECOND);
        }
        assert_eq!(watch.look(T + 1), Engine::Silent);
    }

    #[test]
    fn another_run_may_begin_to_count_anew() {
        let mut watch = Watch::new(&TIMES, true, 0);
        watch.beat(beat(9), 0);
        assert!(watch.beat(Beat { run: 2, sequence: 1, ..Beat::default() }, 5));
    }

    #[test]
    fn a_goodbye_is_no_silence_and_a_new_run_is_watched_again() {
        let mut watch = Watch::new(&TIMES, true, 0);
        watch.beat(beat(1), 0);
        watch.beat(Beat { goodbye: true, ..beat(2) }, 1);
        assert_eq!(look_until(&mut watch, 1, 60 * SECOND), Engine::None);
        watch.beat(Beat { run: 2, ..beat(1) }, 60 * SECOND);
        assert_eq!(watch.look(60 * SECOND), Engine::Alive);
        assert_eq!(look_until(&mut watch, 60 * SECOND, 61 * SECOND + 1), Engine::Silent);
    }

    #[test]
    fn the_first_beat_is_waited_for_longer_and_without_a_run_for_ever() {
        let mut watch = Watch::new(&TIMES, true, 0);
        assert_eq!(look_until(&mut watch, 0, TIMES.first_beat_ns), Engine::Late);
        assert_eq!(watch.look(TIMES.first_beat_ns + 1), Engine::Silent);
        let mut idle = Watch::new(&TIMES, false, 0);
        assert_eq!(look_until(&mut idle, 0, 100 * SECOND), Engine::None);
    }

    #[test]
    fn a_sentinel_that_stood_still_itself_listens_first_and_only_so_long() {
        let mut watch = Watch::new(&TIMES, true, 0);
        watch.beat(beat(1), 0);
        watch.look(0);
        assert_eq!(watch.look(30 * SECOND), Engine::Alive, "it was not listening");
        assert_eq!(look_until(&mut watch, 30 * SECOND, 30 * SECOND + T), Engine::Late);
        assert_eq!(watch.look(30 * SECOND + T + 1), Engine::Silent, "now it was");
        // One that is held up again and again is still only forgiven once.
        let mut starved = Watch::new(&TIMES, true, 0);
        starved.beat(beat(1), 0);
        let found: Vec<Engine> = (1..=6).map(|at| starved.look(at * 400 * MILLISECOND)).collect();
        assert_eq!(found.last(), Some(&Engine::Silent));
    }
}
