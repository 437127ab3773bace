//! A journal, run again: the same events must give the same commands and the same state.

use crate::domain::{CommandOf, Event, Order};
use crate::engine::{Engine, EngineError};
use crate::journal::{Cursor, Entry, JournalError, Place};
use crate::risk::{Command, Commands};

/// What running a journal again came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Events that were taken in.
    pub events: u64,
    /// Commands that came out, and were the recorded ones.
    pub commands: u64,
    /// Snapshots on the way that were the recorded ones.
    pub snapshots: u64,
    /// The hash of the state at the end, which was the recorded one.
    pub state_hash: [u8; 32],
}

/// Why a journal does not replay.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read.
    #[error("{place}: {error}")]
    Journal {
        /// What is wrong.
        error: JournalError,
        /// Where.
        place: Place,
    },
    /// An event was refused.
    #[error("{place}: {error}")]
    Engine {
        /// What is wrong.
        error: EngineError,
        /// Where.
        place: Place,
    },
    /// Another command came out.
    #[error("event {event}, {place}: recorded {recorded:?}, this build gives {given:?}")]
    Command {
        /// Number of the event, from 0.
        event: u64,
        /// Where.
        place: Place,
        /// What was recorded; `None` when more came out than that.
        recorded: Box<Option<CommandOf<Order>>>,
        /// What came out; `None` when less came out than was recorded.
        given: Box<Option<CommandOf<Order>>>,
    },
    /// The state is another.
    #[error("event {event}, {place}: the state is not the recorded one")]
    State {
        /// Number of the last event, from 1.
        event: u64,
        /// Where.
        place: Place,
    },
}

/// Runs a journal again, piece by piece.
#[derive(Debug)]
pub struct Replay<'a> {
    cursor: Cursor<'a>,
    engine: Engine,
    out: Commands,
    /// How many of the commands in `out` were met by recorded ones.
    met: usize,
    done: Replayed,
}

impl<'a> Replay<'a> {
    /// Run the journal under `cursor` with this engine, as it was before the first event.
    pub fn new(cursor: Cursor<'a>, engine: Engine) -> Self {
        let out = Commands::with_capacity(256);
        let done = Replayed { events: 0, commands: 0, snapshots: 0, state_hash: [0; 32] };
        Self { cursor, engine, out, met: 0, done }
    }

    /// The engine, as far as it is.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Go on for at most `records` records. What it came to, at the end.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] at the first difference.
    pub fn run(&mut self, records: u64) -> Result<Option<Replayed>, ReplayError> {
        for _ in 0..records {
            let next = self.cursor.next();
            let place = self.cursor.place();
            match next.map_err(|error| ReplayError::Journal { error, place })? {
                Some(Entry::Event(event)) => self.event(&event, place)?,
                Some(Entry::Command(recorded)) => self.command(recorded, place)?,
                Some(Entry::Snapshot(recorded)) => {
                    if self.engine.snapshot() != recorded {
                        return Err(ReplayError::State { event: self.done.events, place });
                    }
                    self.done.snapshots = self.done.snapshots.saturating_add(1);
                }
                Some(Entry::End(hash)) => {
                    self.all_met(place)?;
                    self.done.state_hash = self.engine.state_hash();
                    if self.done.state_hash != hash {
                        return Err(ReplayError::State { event: self.done.events, place });
                    }
                }
                None => return Ok(Some(self.done)),
            }
        }
        Ok(None)
    }

    fn event(&mut self, event: &Event<'_>, place: Place) -> Result<(), ReplayError> {
        self.all_met(place)?;
        self.out.clear();
        self.met = 0;
        self.engine
            .on_event(event, &mut self.out)
            .map_err(|error| ReplayError::Engine { error, place })?;
        self.done.events = self.done.events.saturating_add(1);
        Ok(())
    }

    fn command(&mut self, recorded: CommandOf<Order>, place: Place) -> Result<(), ReplayError> {
        let given = self.out.as_slice().get(self.met).map(plain);
        if given != Some(recorded) {
            return Err(self.differs(Some(recorded), given, place));
        }
        self.met = self.met.saturating_add(1);
        self.done.commands = self.done.commands.saturating_add(1);
        Ok(())
    }

    fn all_met(&self, place: Place) -> Result<(), ReplayError> {
        match self.out.as_slice().get(self.met).map(plain) {
            None => Ok(()),
            more => Err(self.differs(None, more, place)),
        }
    }

    fn differs(
        &self,
        recorded: Option<CommandOf<Order>>,
        given: Option<CommandOf<Order>>,
        place: Place,
    ) -> ReplayError {
        let event = self.done.events.saturating_sub(1);
        let (recorded, given) = (Box::new(recorded), Box::new(given));
        ReplayError::Command { event, place, recorded, given }
    }
}

/// A command without the gate's proof, as a journal keeps it.
fn plain(command: &Command) -> CommandOf<Order> {
    match command {
        CommandOf::Submit(order) => CommandOf::Submit(*order.get()),
        CommandOf::Cancel { instrument, client_order_id } => {
            CommandOf::Cancel { instrument: *instrument, client_order_id: *client_order_id }
        }
        CommandOf::Query { instrument, client_order_id } => {
            CommandOf::Query { instrument: *instrument, client_order_id: *client_order_id }
        }
        CommandOf::ReadAccount { request } => CommandOf::ReadAccount { request: *request },
        CommandOf::Resnapshot { instrument } => CommandOf::Resnapshot { instrument: *instrument },
        CommandOf::Wake { strategy, reason } => {
            CommandOf::Wake { strategy: *strategy, reason: *reason }
        }
        CommandOf::Notice(notice) => CommandOf::Notice(*notice),
    }
}
