//! The record: everything that came in and everything that went out, in one sequence.
//!
//! A segment is a header (what, by which build, under which configuration) and blocks of records.
//! A tape of market data and the journal of a run are the same format. This room makes and reads
//! the words; whoever has files writes them.

mod block;
mod reader;
mod record;
mod writer;

pub use block::Chain;
pub use reader::{Cursor, Place, ReadError, Reader, Records};
pub use record::{Encode, Entry, decode};
pub use writer::{Sink, SinkError, Writer};

/// The version of the format that this build reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// What a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// Market data, recorded.
    Tape,
    /// A run: events in, commands out.
    Journal,
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It does not begin like a segment.
    #[error("this is not a flyball tape or journal")]
    NotASegment,
    /// It was written in another version of the format.
    #[error("format version {found}, this build reads version {FORMAT_VERSION}")]
    Version {
        /// The version that was found.
        found: u32,
    },
    /// It ends in the middle.
    #[error("it ends in the middle of a block")]
    Truncated,
    /// A block is not what was written.
    #[error("its checksum does not match: the block was altered or damaged")]
    Damaged,
    /// A block is sound but does not follow the one before it.
    #[error("it does not follow the block before it: something was removed, replaced or reordered")]
    ChainBroken,
    /// A record inside a sound block makes no sense.
    #[error("it holds a record that makes no sense")]
    Malformed,
    /// It has no end mark.
    #[error("it was never closed: the run that wrote it did not end, or the end was cut off")]
    NotClosed,
}

#[cfg(test)]
mod tests;
