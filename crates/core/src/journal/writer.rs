//! Writing a segment.

use serde::Serialize;

use crate::domain::{Body, CommandOf, Event};
use crate::journal::block::{self, BLOCK_HEADER, BLOCK_WORDS, Chain};
use crate::journal::record::{Encoder, Scratch, fits};
use crate::journal::{FORMAT_VERSION, SegmentKind};

/// Where sealed words go. Implemented by whoever has a file.
pub trait Sink {
    /// Take these words, in order.
    ///
    /// # Errors
    ///
    /// [`SinkError`] when they could not be kept.
    fn write(&mut self, words: &[u64]) -> Result<(), SinkError>;
}

impl Sink for Vec<u64> {
    fn write(&mut self, words: &[u64]) -> Result<(), SinkError> {
        self.extend_from_slice(words);
        Ok(())
    }
}

/// Why words could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record could not be written: {0}")]
pub struct SinkError(pub String);

/// Turns events and commands into sealed blocks.
#[derive(Debug)]
pub struct Writer {
    block: Vec<u64>,
    records: u32,
    first_record: u64,
    chain: Chain,
    scratch: Scratch,
}

impl Writer {
    /// Begin a segment: writes its header.
    ///
    /// `about` is text that says what the segment is (by convention JSON: build, configuration,
    /// instruments, sources). It is covered by the hash chain.
    ///
    /// # Errors
    ///
    /// [`SinkError`] from the sink.
    pub fn begin<S: Sink>(
        kind: SegmentKind,
        about: &str,
        previous: Chain,
        sink: &mut S,
    ) -> Result<Self, SinkError> {
        let mut words = vec![
            u64::from_le_bytes(*b"FLYBALL\n"),
            u64::from(FORMAT_VERSION) | (u64::from(matches!(kind, SegmentKind::Journal)) << 32),
            about.len() as u64,
        ];
        words.extend(previous.chunks_exact(8).map(word));
        words.extend(about.as_bytes().chunks(8).map(word));
        let chain = *blake3::hash(bytemuck::cast_slice(&words)).as_bytes();
        words.extend(chain.chunks_exact(8).map(word));
        sink.write(&words)?;
        let mut block = Vec::with_capacity(BLOCK_WORDS.saturating_mul(4));
        block.resize(BLOCK_HEADER, 0);
        Ok(Self { block, records: 0, first_record: 0, chain, scratch: Scratch::new() })
    }

    /// The hash of all that was sealed so far.
    pub const fn chain(&self) -> Chain {
        self.chain
    }

    /// Record an event.
    ///
    /// # Errors
    ///
    /// [`SinkError`] from the sink, or when a book message is too large to be recorded.
    #[inline]
    pub fn event<S: Sink>(&mut self, event: &Event<'_>, sink: &mut S) -> Result<(), SinkError> {
        if let Body::Depth(depth) = &event.body
            && !fits(depth.bids.len().saturating_add(depth.asks.len()))
        {
            return Err(SinkError("a book message of more than 500 000 levels".into()));
        }
        Encoder::new(&mut self.block).event(event, &mut self.scratch);
        self.recorded(sink)
    }

    /// Record a command that the last event brought.
    ///
    /// # Errors
    ///
    /// [`SinkError`] from the sink.
    pub fn command<O: Serialize, S: Sink>(
        &mut self,
        command: &CommandOf<O>,
        now_ns: i64,
        sink: &mut S,
    ) -> Result<(), SinkError> {
        Encoder::new(&mut self.block).command(command, now_ns, &mut self.scratch);
        self.recorded(sink)
    }

    /// Record what [`Encode`](crate::journal::Encode) made: `records` of them, in order.
    ///
    /// # Errors
    ///
    /// [`SinkError`] from the sink.
    pub fn append<S: Sink>(
        &mut self,
        words: &[u64],
        records: u32,
        sink: &mut S,
    ) -> Result<(), SinkError> {
        self.block.extend_from_slice(words);
        self.records = self.records.saturating_add(records);
        if self.block.len() >= BLOCK_WORDS { self.flush(sink) } else { Ok(()) }
    }

    /// Record the engine's whole state.
    ///
    /// # Errors
    ///
    /// [`SinkError`] from the sink.
    pub fn snapshot<S: Sink>(
        &mut self,
        state: &[u8],
        now_ns: i64,
        sink: &mut S,
    ) -> Result<(), SinkError> {
        Encoder::new(&mut self.block).snapshot(state, now_ns);
        self.recorded(sink)
    }

    /// Close the segment with the hash of the final state. Returns the chain for what follows it.
    ///
    /// # Errors
    ///
    /// [`SinkError`] from the sink.
    pub fn end<S: Sink>(
        mut self,
        state_hash: [u8; 32],
        now_ns: i64,
        sink: &mut S,
    ) -> Result<Chain, SinkError> {
        Encoder::new(&mut self.block).end(state_hash, now_ns);
        self.recorded(sink)?;
        self.flush(sink)?;
        Ok(self.chain)
    }

    #[inline]
    fn recorded<S: Sink>(&mut self, sink: &mut S) -> Result<(), SinkError> {
        self.records = self.records.saturating_add(1);
        if self.block.len() >= BLOCK_WORDS { self.flush(sink) } else { Ok(()) }
    }

    /// Seal what was recorded so far and hand it to the sink.
    ///
    /// # Errors
    ///
    /// [`SinkError`] from the sink. The records stay in hand, and the next call tries again.
    pub fn flush<S: Sink>(&mut self, sink: &mut S) -> Result<(), SinkError> {
        if self.records == 0 {
            return Ok(());
        }
        let chain = block::seal(&mut self.block, self.records, self.first_record, &self.chain);
        sink.write(&self.block)?;
        self.chain = chain;
        self.first_record = self.first_record.saturating_add(u64::from(self.records));
        self.records = 0;
        self.block.truncate(BLOCK_HEADER);
        Ok(())
    }

    /// How many records were made.
    pub const fn records(&self) -> u64 {
        self.first_record.saturating_add(self.records as u64)
    }
}

/// Up to eight bytes as a word, padded with zeros.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte))
}
