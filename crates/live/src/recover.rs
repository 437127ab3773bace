//! The engine as the last run left it: its last snapshot, and what its journal holds after that.

use std::path::{Path, PathBuf};

use flyball_core::domain::{Body, Event, InstrumentId, Money};
use flyball_core::engine::{Engine, EngineError};
use flyball_core::journal::Entry;
use flyball_core::risk::Commands;
use flyball_data::DataError;
use flyball_data::journal::{JournalCursor, JournalReader};
use serde::{Deserialize, Serialize};

/// How many things of a kind are remembered as told.
const REMEMBERED: usize = 4096;

/// What of the account's history the engine was told, so that nothing is told twice or left out.
///
/// Times are the venue's, in nanoseconds. Nothing before `since_ns` is the engine's business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When the engine's history begins.
    pub since_ns: i64,
    fills: Remembered<u64>,
    funding: Remembered<u16>,
    transfers: Remembered<i128>,
}

/// Things that were told, each with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered<T> {
    told: Vec<(i64, T)>,
    /// What happened until then may have been told, and is not remembered.
    forgotten_ns: i64,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { told: Vec::new(), forgotten_ns: i64::MIN }
    }
}

impl<T: PartialEq> Remembered<T> {
    /// Whether this is news: neither remembered nor so old that it may have been forgotten.
    fn is_news(&mut self, time_ns: i64, what: T) -> bool {
        let one = (time_ns, what);
        if time_ns <= self.forgotten_ns || self.told.contains(&one) {
            return false;
        }
        if self.told.len() >= REMEMBERED {
            let forgotten = self.told.drain(..REMEMBERED / 4).map(|(time_ns, _)| time_ns);
            self.forgotten_ns = forgotten.fold(self.forgotten_ns, i64::max);
        }
        self.told.push(one);
        true
    }

    fn latest_ns(&self) -> Option<i64> {
        self.told.iter().map(|(time_ns, _)| *time_ns).max()
    }
}

impl Told {
    /// A history that begins at this time of the venue.
    pub fn since(since_ns: i64) -> Self {
        Self { since_ns, ..Self::default() }
    }

    /// A fill is to be told: whether it is news.
    pub fn fill(&mut self, time_ns: i64, trade_id: u64) -> bool {
        time_ns > self.since_ns && self.fills.is_news(time_ns, trade_id)
    }

    /// A funding payment is to be told: whether it is news.
    pub fn funding(&mut self, time_ns: i64, instrument: InstrumentId) -> bool {
        time_ns > self.since_ns && self.funding.is_news(time_ns, instrument.raw())
    }

    /// A transfer is to be told: whether it is news.
    pub fn transfer(&mut self, time_ns: i64, amount: Money) -> bool {
        time_ns > self.since_ns && self.transfers.is_news(time_ns, amount.units())
    }

    /// From when on fills have to be asked for: one at the time of the last may be missing still.
    pub fn fills_from_ns(&self) -> i64 {
        self.fills.latest_ns().unwrap_or(self.since_ns)
    }

    /// From when on funding has to be asked for.
    pub fn funding_from_ns(&self) -> i64 {
        self.funding.latest_ns().unwrap_or(self.since_ns)
    }

    /// From when on transfers have to be asked for.
    pub fn transfers_from_ns(&self) -> i64 {
        self.transfers.latest_ns().unwrap_or(self.since_ns)
    }

    /// From when on all transfers are remembered.
    pub fn transfers_since_ns(&self) -> i64 {
        self.since_ns.max(self.transfers.forgotten_ns)
    }

    /// Whether money was put in or taken out between these times, or at them.
    pub fn has_transfer(&self, from_ns: i64, until_ns: i64) -> bool {
        self.transfers.told.iter().any(|(time_ns, _)| (from_ns..=until_ns).contains(time_ns))
    }

    /// The engine took in an event.
    pub fn heard(&mut self, event: &Event<'_>) {
        match &event.body {
            Body::Fill(fill) => _ = self.fill(event.time_ns, fill.trade_id),
            Body::Funding(payment) => _ = self.funding(event.time_ns, payment.instrument),
            Body::Transfer(transfer) => _ = self.transfer(event.time_ns, transfer.amount),
            _ => {}
        }
    }
}

/// The text in the header of a live run's journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// `live`.
    pub kind: String,
    /// The build that wrote it.
    pub build: String,
    /// The account.
    pub account: String,
    /// What the engine was made of, in the engine's units.
    pub engine: serde_json::Value,
    /// What the engine had been told before the journal began.
    pub told: Told,
}

/// What the last run left.
#[derive(Debug)]
pub struct Recovered {
    /// The engine.
    pub engine: Engine,
    /// What it was told of the account.
    pub told: Told,
    /// What its journal says of itself.
    pub about: About,
    /// Events that came after the last snapshot.
    pub events: u64,
    /// Whether the run ended as it should, and was not cut off.
    pub closed: bool,
}

/// Why what the last run left cannot be gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] DataError),
    /// It holds no state.
    #[error("{0}: this journal holds no state to go on from")]
    NoState(PathBuf),
    /// Its state is another build's.
    #[error(
        "{path}: written by build {build}, whose state this build cannot read: go on with that \
         build, or flatten the account and begin anew in another folder"
    )]
    OtherBuild {
        /// The journal.
        path: PathBuf,
        /// The build that wrote it.
        build: String,
    },
    /// Its events do not fit its engine.
    #[error("{path}: {error}")]
    Engine {
        /// The journal.
        path: PathBuf,
        /// What is wrong.
        error: EngineError,
    },
}

/// Read the journal of a run and bring its engine to where it was.
///
/// # Errors
///
/// [`RecoverError`]. What a crash cut off the end of a journal is no error.
pub fn recover(folder: &Path) -> Result<Recovered, RecoverError> {
    let journal = JournalReader::open(folder)?;
    let text = journal.about()?;
    let no_state = || RecoverError::NoState(folder.to_owned());
    let about: About = serde_json::from_str(text).map_err(|_| no_state())?;
    let found = journal.recover()?;
    let last = last_snapshot(journal.cursor(), found.entries)?.ok_or_else(no_state)?;
    let mut cursor = journal.cursor();
    let (mut engine, mut told, mut events) = (None, about.told.clone(), 0_u64);
    let mut out = Commands::with_capacity(256);
    for number in 0..found.entries {
        match cursor.next()? {
            Some(Entry::Snapshot(state)) if number == last => {
                let path = folder.to_owned();
                let build = about.build.clone();
                let restored = Engine::restore(state);
                engine = Some(restored.map_err(|_| RecoverError::OtherBuild { path, build })?);
            }
            Some(Entry::Event(event)) => {
                told.heard(&event);
                if let Some(engine) = &mut engine {
                    let path = folder.to_owned();
                    let taken = engine.on_event(&event, &mut out);
                    taken.map_err(|error| RecoverError::Engine { path, error })?;
                    out.clear();
                    events += 1;
                }
            }
            Some(_) => {}
            None => break,
        }
    }
    let engine = engine.ok_or_else(no_state)?;
    Ok(Recovered { engine, told, about, events, closed: found.closed })
}

fn last_snapshot(mut cursor: JournalCursor<'_>, entries: u64) -> Result<Option<u64>, RecoverError> {
    let mut last = None;
    for number in 0..entries {
        match cursor.next()? {
            Some(Entry::Snapshot(_)) => last = Some(number),
            Some(_) => {}
            None => break,
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_forgotten_is_not_told_again() {
        let mut told = Told::since(0);
        let many = i64::try_from(3 * REMEMBERED).unwrap();
        for at in 1..=many {
            assert!(told.fill(at, at.unsigned_abs()), "{at}");
        }
        assert_eq!(told.fills_from_ns(), many);
        for at in 1..=many {
            assert!(!told.fill(at, at.unsigned_abs()), "{at} was told");
        }
        assert!(told.fill(many, 1), "another one at the time of the last");
        assert!(!told.fill(0, 1), "before its history began");
    }
}
