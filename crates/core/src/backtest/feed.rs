//! The market, twice: as the venue lives it, and as it reaches the engine later.

use serde::{Deserialize, Serialize};

use crate::domain::{Body, Event, NEVER};
use crate::journal::{Entry, ReadError, Records};

/// How late market data reaches the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FeedLatency {
    /// As it was recorded. Where the recorder's clock was wrong, this is added to it.
    Recorded {
        /// Nanoseconds.
        offset_ns: i64,
    },
    /// Always so late.
    Constant {
        /// Nanoseconds.
        ns: i64,
    },
}

/// One reader of a tape.
#[derive(Debug)]
pub(super) struct Side<'t, R> {
    records: R,
    next: Option<Event<'t>>,
    /// The venue's clock never goes back, although streams of one venue overtake each other.
    venue_ns: i64,
    arrived_ns: i64,
    at_ns: i64,
}

impl<'t, R: Records<'t>> Side<'t, R> {
    pub(super) const fn new(records: R) -> Self {
        Self { records, next: None, venue_ns: i64::MIN, arrived_ns: i64::MIN, at_ns: NEVER }
    }

    /// Read the next event; `latency` is given by the side that receives.
    #[inline]
    pub(super) fn advance(&mut self, latency: Option<FeedLatency>) -> Result<(), ReadError> {
        self.next = loop {
            match self.records.next_record()? {
                Some(Entry::Event(event)) => break Some(event),
                Some(_) => {}
                None => break None,
            }
        };
        let Some(event) = &mut self.next else {
            self.at_ns = NEVER;
            return Ok(());
        };
        self.venue_ns = self.venue_ns.max(event.time_ns);
        self.at_ns = match latency {
            None => self.venue_ns,
            Some(latency) => {
                let arrives = match latency {
                    FeedLatency::Recorded { offset_ns } => {
                        event.received_ns.saturating_add(offset_ns)
                    }
                    FeedLatency::Constant { ns } => self.venue_ns.saturating_add(ns),
                };
                // Nothing is received before it happened, or before what came ahead of it.
                self.arrived_ns = self.arrived_ns.max(arrives).max(self.venue_ns);
                event.received_ns = self.arrived_ns;
                self.arrived_ns
            }
        };
        Ok(())
    }

    /// When the next event happens on this side.
    #[inline]
    pub(super) const fn at_ns(&self) -> i64 {
        self.at_ns
    }

    #[inline]
    pub(super) const fn event(&self) -> Option<Event<'t>> {
        self.next
    }

    /// Whether the next event is a bar.
    pub(super) const fn is_bar(&self) -> bool {
        matches!(self.next, Some(Event { body: Body::Bar(_), .. }))
    }

    /// Words of the tape that have been read.
    pub(super) fn words_read(&self) -> usize {
        self.records.words_read()
    }
}
