//! Reading a segment.

use crate::journal::block::{Block, Chain};
use crate::journal::record::{Entry, decode};
use crate::journal::{FORMAT_VERSION, JournalError, SegmentKind};

/// Words of the fixed part of a header: magic, version and kind, length of the text, chain before.
const FIXED: usize = 7;
const CHAIN_WORDS: usize = 4;

/// Where in a segment something is, for messages to people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number of the block, from 0.
    pub block: u64,
    /// Byte at which the block begins.
    pub byte: u64,
    /// Number of the first record in the block.
    pub first_record: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { block, byte, first_record } = self;
        write!(f, "block {block} (from byte {byte}, record {first_record})")
    }
}

/// A segment, read where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    words: &'a [u64],
    kind: SegmentKind,
    about: &'a str,
    previous: Chain,
    chain: Chain,
    body: usize,
}

impl<'a> Reader<'a> {
    /// Open a segment and check its header.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when it is none, or of another version, or its header was altered.
    pub fn open(words: &'a [u64]) -> Result<Self, JournalError> {
        let Some(&[magic, version, length, ref previous @ ..]) = words.first_chunk::<FIXED>()
        else {
            return Err(JournalError::NotASegment);
        };
        if magic != u64::from_le_bytes(*b"FLYBALL\n") {
            return Err(JournalError::NotASegment);
        }
        let found = u32::try_from(version & 0xFFFF_FFFF).unwrap_or(u32::MAX);
        if found != FORMAT_VERSION {
            return Err(JournalError::Version { found });
        }
        let length = usize::try_from(length).map_err(|_| JournalError::Damaged)?;
        let text_end = FIXED.saturating_add(length.div_ceil(8));
        let body = text_end.saturating_add(CHAIN_WORDS);
        let header = words.get(..text_end).ok_or(JournalError::Truncated)?;
        let stored = words.get(text_end..body).ok_or(JournalError::Truncated)?;
        let chain = *blake3::hash(bytemuck::cast_slice(header)).as_bytes();
        if bytemuck::cast_slice::<u64, u8>(stored) != chain {
            return Err(JournalError::Damaged);
        }
        let text = bytemuck::cast_slice(header.get(FIXED..).unwrap_or_default());
        let text = text.get(..length).ok_or(JournalError::Damaged)?;
        let about = std::str::from_utf8(text).map_err(|_| JournalError::Damaged)?;
        let kind = if version >> 32 == 0 { SegmentKind::Tape } else { SegmentKind::Journal };
        let mut before = [0; 32];
        before.copy_from_slice(bytemuck::cast_slice(previous));
        Ok(Self { words, kind, about, previous: before, chain, body })
    }

    /// What the segment is.
    pub const fn kind(&self) -> SegmentKind {
        self.kind
    }

    /// The text that its writer put into its header.
    pub const fn about(&self) -> &'a str {
        self.about
    }

    /// The chain of the segment before this one; zeros for the first.
    pub const fn previous(&self) -> Chain {
        self.previous
    }

    /// Read from the beginning.
    pub const fn cursor(&self) -> Cursor<'a> {
        Cursor {
            words: self.words,
            next_block: self.body,
            payload: &[],
            chain: self.chain,
            place: Place { block: 0, byte: 0, first_record: 0 },
            blocks: 0,
            ended: false,
            check_chain: false,
        }
    }

    /// Read from the beginning, checking the hash chain as well as the checksums.
    pub const fn verifying_cursor(&self) -> Cursor<'a> {
        let mut cursor = self.cursor();
        cursor.check_chain = true;
        cursor
    }
}

/// Records that are read in order: of a segment, of a whole journal, of a tape on disk.
pub trait Records<'a> {
    /// The next record; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. Reading does not go on after it.
    fn next_record(&mut self) -> Result<Option<Entry<'a>>, ReadError>;

    /// Words that lie before the next record, for those who show progress.
    fn words_read(&self) -> usize;
}

/// Why records cannot be read on, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {error}")]
pub struct ReadError {
    /// What is wrong.
    pub error: JournalError,
    /// Where.
    pub place: Place,
}

impl<'a> Records<'a> for Cursor<'a> {
    #[inline]
    fn next_record(&mut self) -> Result<Option<Entry<'a>>, ReadError> {
        self.next().map_err(|error| ReadError { error, place: self.place })
    }

    fn words_read(&self) -> usize {
        self.next_block
    }
}

/// A place in a segment from which records are read in order.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    words: &'a [u64],
    next_block: usize,
    payload: &'a [u64],
    chain: Chain,
    place: Place,
    blocks: u64,
    ended: bool,
    check_chain: bool,
}

impl<'a> Cursor<'a> {
    /// The next record; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`JournalError`]; [`Cursor::place`] then says where. Reading does not go on after an error.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "it can fail, and must not be skipped past")]
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, JournalError> {
        if self.payload.is_empty() && !self.enter_block()? {
            return Ok(None);
        }
        let (entry, length) = decode(self.payload)?;
        self.payload = self.payload.get(length..).ok_or(JournalError::Malformed)?;
        if matches!(entry, Entry::End(_)) {
            self.ended = true;
        }
        Ok(Some(entry))
    }

    #[cold]
    fn enter_block(&mut self) -> Result<bool, JournalError> {
        let words = self.words.get(self.next_block..).unwrap_or_default();
        self.place.block = self.blocks;
        self.place.byte = (self.next_block as u64).saturating_mul(8);
        if words.is_empty() {
            return if self.ended { Ok(false) } else { Err(JournalError::NotClosed) };
        }
        let (block, length) = Block::read(words)?;
        self.place.first_record = block.first_record;
        if self.check_chain && !block.follows(&self.chain) {
            return Err(JournalError::ChainBroken);
        }
        self.chain = block.chain;
        self.payload = block.payload;
        self.next_block = self.next_block.saturating_add(length);
        self.blocks = self.blocks.saturating_add(1);
        if block.records == 0 { Err(JournalError::Malformed) } else { Ok(true) }
    }

    /// Where the cursor is: the block of the record read last.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The word at which the next block begins: what lies before it has been read.
    pub const fn words_read(&self) -> usize {
        self.next_block
    }

    #[cfg(test)]
    pub(super) const fn next_block_for_test(&self) -> usize {
        self.next_block
    }

    /// The chain up to here.
    pub const fn chain(&self) -> Chain {
        self.chain
    }
}
