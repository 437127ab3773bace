//! Heartbeats, both ways: what the engine says of itself and what the sentinel says of itself, a
//! line of JSON each over the run's control socket.
//!
//! The engine's beat is written by the engine's own thread: a beat that comes with the number of the
//! one before proves that the process has a socket, not that its engine lives.

use flyball_core::domain::Money;
use serde::{Deserialize, Serialize};

/// What an engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "facts, side by side")]
pub struct Beat {
    /// Which run: when it began, UTC nanoseconds since 1970.
    pub run: i64,
    /// Counts up with every beat that the engine's thread writes.
    pub sequence: u64,
    /// The engine's clock then.
    pub time_ns: i64,
    /// What the account is worth, in units of money; none while unknown.
    pub equity: Option<i128>,
    /// Whether it hears what happens to the account.
    pub account_known: bool,
    /// Whether trading is stopped by a switch or an operator.
    pub killed: bool,
    /// Whether something is being closed.
    pub closing: bool,
    /// What it thinks is held: the venue's name of the instrument, and lots.
    pub held: Vec<(String, i64)>,
    /// Whether the run has ended in order: silence from here on is no failure.
    pub goodbye: bool,
}

impl Beat {
    /// What the account is worth, says the engine.
    pub fn worth(&self) -> Money {
        self.equity.map_or(Money::UNKNOWN, Money::from_units)
    }
}

/// What the sentinel wants of the engine. It stands in every beat, so that none can be missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Nothing: trade on.
    #[default]
    Nothing,
    /// No new risk.
    ReduceOnly,
    /// Stop and close everything; stay stopped.
    Kill,
}

/// What a sentinel says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its process.
    pub pid: u32,
    /// Counts up with every beat.
    pub sequence: u64,
    /// What it wants.
    pub wish: Wish,
    /// Why it wants that, or why it is latched.
    pub reason: Option<String>,
    /// Whether its latch is set: it keeps the account flat.
    pub latched: bool,
    /// How old its knowledge of the account is, in milliseconds; none while it has none.
    pub age_ms: Option<i64>,
    /// What the account is worth, as it sees it: text, or `unknown`.
    pub equity: String,
}

/// A request over the control socket that carries the sentinel's beat.
#[derive(Debug, Serialize)]
pub struct Request<'a> {
    /// Always `beat`.
    pub what: &'static str,
    /// The beat.
    pub sentinel: &'a Said,
}

/// The line that is sent to the engine.
pub fn request(said: &Said) -> String {
    serde_json::to_string(&Request { what: "beat", sentinel: said }).unwrap_or_default()
}

/// The engine's beat in a line that it answered; none when it is no beat.
pub fn parse(line: &str) -> Option<Beat> {
    serde_json::from_str(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_read_as_it_was_written_and_nothing_else_is_one() {
        let beat = Beat {
            run: 7,
            sequence: 3,
            equity: Some(-5),
            held: vec![("XRP".into(), -4)],
            ..Beat::default()
        };
        assert_eq!(parse(&serde_json::to_string(&beat).unwrap()), Some(beat.clone()));
        assert_eq!(beat.worth(), Money::from_units(-5));
        assert!(Beat::default().worth().is_unknown());
        for line in ["", "{}", r#"{"error":"the run has ended"}"#, "[]", r#"{"run":1}"#] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
