//! The engine and its record: every event that it takes in and every command that it gives goes
//! to the journal, in one sequence.

use flyball_core::domain::{Body, Event};
use flyball_core::engine::{Engine, EngineError};
use flyball_core::journal::Encode;
use flyball_core::risk::{Command, Commands};

/// Where the record goes. It must not wait: the engine does not.
pub trait Keep {
    /// Take what [`Encode`] made: `records` of them. The words may be swapped for empty ones.
    fn keep(&mut self, words: &mut Vec<u64>, records: u32);
}

/// Keeps nothing: for tests of other things.
impl Keep for () {
    fn keep(&mut self, words: &mut Vec<u64>, _: u32) {
        words.clear();
    }
}

/// The engine and its record.
#[derive(Debug)]
pub struct Node<K> {
    engine: Engine,
    out: Commands,
    encode: Encode,
    words: Vec<u64>,
    keep: K,
    events: u64,
}

impl<K: Keep> Node<K> {
    /// This engine, recorded from here on.
    pub fn new(engine: Engine, keep: K) -> Self {
        Self {
            engine,
            out: Commands::with_capacity(256),
            encode: Encode::default(),
            words: Vec::with_capacity(4096),
            keep,
            events: 0,
        }
    }

    /// The engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where the record goes.
    pub const fn keeper(&mut self) -> &mut K {
        &mut self.keep
    }

    /// Events that were taken in.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Something happened to the account, or time passed. By our clock it is `now_ns`.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when it is about something that is not configured. Nothing has changed then.
    pub fn happened(&mut self, body: Body<'_>, now_ns: i64) -> Result<(), EngineError> {
        self.take(&Event { time_ns: now_ns, received_ns: now_ns, body })
    }

    /// Take in an event. What is to be done about it is to be fetched with [`Node::drain`].
    ///
    /// # Errors
    ///
    /// As [`Node::happened`].
    pub fn take(&mut self, event: &Event<'_>) -> Result<(), EngineError> {
        let before = self.out.as_slice().len();
        self.engine.on_event(event, &mut self.out)?;
        self.events = self.events.saturating_add(1);
        self.encode.event(event, &mut self.words);
        let mut records = 1_u32;
        let now = self.engine.now_ns();
        for command in self.out.as_slice().iter().skip(before) {
            self.encode.command(command, now, &mut self.words);
            records = records.saturating_add(1);
        }
        self.keep.keep(&mut self.words, records);
        Ok(())
    }

    /// What is to be done, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Command> + '_ {
        self.out.drain()
    }

    /// The engine and where its record went.
    pub fn into_parts(self) -> (Engine, K) {
        (self.engine, self.keep)
    }

    /// Whether something is to be done.
    pub fn has_commands(&self) -> bool {
        !self.out.as_slice().is_empty()
    }
}
