//! A journal, run again: the same events must give the same commands and the same state.

use crate::domain::{CommandOf, Event, Order};
use crate::engine::{Engine, EngineError};
use crate::journal::{Entry, ReadError, Records};
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
    #[error(transparent)]
    Journal(#[from] ReadError),
    /// An event was refused.
    #[error("event {event}: {error}")]
    Engine {
        /// Number of the event, from 1.
        event: u64,
        /// What is wrong.
        error: EngineError,
    },
    /// Another command came out.
    #[error("event {event}: recorded {recorded:?}, this build gives {given:?}")]
    Command {
        /// Number of the event, from 1.
        event: u64,
        /// What was recorded; `None` when more came out than that.
        recorded: Box<Option<CommandOf<Order>>>,
        /// What came out; `None` when less came out than was recorded.
        given: Box<Option<CommandOf<Order>>>,
    },
    /// The state is another.
    #[error("event {event}: the state after it is not the recorded one")]
    State {
        /// Number of the event, from 1.
        event: u64,
    },
}

/// Runs a journal again, piece by piece.
#[derive(Debug)]
pub struct Replay<R> {
    records: R,
    engine: Engine,
    out: Commands,
    /// How many of the commands in `out` were met by recorded ones.
    met: usize,
    done: Replayed,
}

impl<R> Replay<R> {
    /// Run these records with this engine, as it was before the first event.
    pub fn new(records: R, engine: Engine) -> Self {
        let out = Commands::with_capacity(256);
        let done = Replayed { events: 0, commands: 0, snapshots: 0, state_hash: [0; 32] };
        Self { records, engine, out, met: 0, done }
    }

    /// The engine, as far as it is.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What it came to so far.
    pub const fn done(&self) -> &Replayed {
        &self.done
    }

    /// Go on for at most `records` records. What it came to, at the end.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] at the first difference.
    pub fn run<'a>(&mut self, records: u64) -> Result<Option<Replayed>, ReplayError>
    where
        R: Records<'a>,
    {
        for _ in 0..records {
            match self.records.next_record()? {
                Some(Entry::Event(event)) => self.event(&event)?,
                Some(Entry::Command(recorded)) => self.command(recorded)?,
                // What the run began with, when it went on where another one was.
                Some(Entry::Snapshot(first)) if self.done.events == 0 => {
                    self.engine = Engine::restore(first)
                        .map_err(|error| ReplayError::Engine { event: 0, error })?;
                    self.done.snapshots = self.done.snapshots.saturating_add(1);
                }
                Some(Entry::Snapshot(recorded)) => {
                    if self.engine.snapshot() != recorded {
                        return Err(ReplayError::State { event: self.done.events });
                    }
                    self.done.snapshots = self.done.snapshots.saturating_add(1);
                }
                Some(Entry::End(hash)) => {
                    self.all_met()?;
                    self.done.state_hash = self.engine.state_hash();
                    if self.done.state_hash != hash {
                        return Err(ReplayError::State { event: self.done.events });
                    }
                }
                None => return Ok(Some(self.done)),
            }
        }
        Ok(None)
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), ReplayError> {
        self.all_met()?;
        self.out.clear();
        self.met = 0;
        self.done.events = self.done.events.saturating_add(1);
        let number = self.done.events;
        let taken = self.engine.on_event(event, &mut self.out);
        taken.map_err(|error| ReplayError::Engine { event: number, error })
    }

    fn command(&mut self, recorded: CommandOf<Order>) -> Result<(), ReplayError> {
        let given = self.out.as_slice().get(self.met).map(plain);
        if given != Some(recorded) {
            return Err(self.differs(Some(recorded), given));
        }
        self.met = self.met.saturating_add(1);
        self.done.commands = self.done.commands.saturating_add(1);
        Ok(())
    }

    fn all_met(&self) -> Result<(), ReplayError> {
        match self.out.as_slice().get(self.met).map(plain) {
            None => Ok(()),
            more => Err(self.differs(None, more)),
        }
    }

    fn differs(
        &self,
        recorded: Option<CommandOf<Order>>,
        given: Option<CommandOf<Order>>,
    ) -> ReplayError {
        let (recorded, given) = (Box::new(recorded), Box::new(given));
        ReplayError::Command { event: self.done.events, recorded, given }
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
