//! Reading the journal of a run, through all its segments.

use std::path::{Path, PathBuf};

use flyball_core::journal::{Chain, Cursor, Entry, JournalError, Place, Reader};

use crate::DataError;
use crate::journal::writer::GOES_ON;
use crate::journal::{segment_path, segments};
use crate::map::{Map, Releaser};

/// All segments of a journal, ready to be read. The files are read only where a cursor is.
#[derive(Debug)]
pub struct JournalReader {
    folder: PathBuf,
    segments: Vec<Map>,
}

/// What a journal holds at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The chain after the last whole block.
    pub chain: Chain,
    /// Events, commands, snapshots and marks.
    pub entries: u64,
    /// Whether the run that wrote it ended it.
    pub closed: bool,
    /// Bytes at the end that cannot be read: a block that a crash cut off.
    pub lost_bytes: u64,
}

impl JournalReader {
    /// Open the journal in a folder.
    ///
    /// # Errors
    ///
    /// [`DataError::Open`]; [`DataError::Journal`] when there is none, or a segment is missing.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, DataError> {
        let folder = folder.as_ref();
        let numbers = segments(folder)?;
        let wrong = |path: PathBuf, reason: &str| {
            Err(DataError::Journal { path, reason: reason.to_owned() })
        };
        if numbers.is_empty() {
            return wrong(folder.to_owned(), "there is no journal here (000000.fbj, …)");
        }
        for (expected, number) in (0..).zip(&numbers) {
            if *number != expected {
                let path = segment_path(folder, expected);
                return wrong(path, "this segment is missing: put it back, the rest hangs on it");
            }
        }
        let segments = numbers.iter().map(|number| Map::open(&segment_path(folder, *number)));
        Ok(Self { folder: folder.to_owned(), segments: segments.collect::<Result<_, _>>()? })
    }

    /// How many segments there are.
    pub fn segments(&self) -> u32 {
        u32::try_from(self.segments.len()).unwrap_or(u32::MAX)
    }

    /// What the writer of the first segment says about the run.
    ///
    /// # Errors
    ///
    /// [`DataError::Segment`] when its header is damaged.
    pub fn about(&self) -> Result<&str, DataError> {
        let words = self.segments.first().map(Map::words).unwrap_or_default();
        let reader = Reader::open(words);
        reader.map(|reader| reader.about()).map_err(|error| self.wrong(0, Place::default(), error))
    }

    /// Read from the beginning, testing checksums, the chain within segments and across them.
    pub fn cursor(&self) -> JournalCursor<'_> {
        JournalCursor {
            journal: self,
            next: 0,
            open: None,
            chain: [0; 32],
            entries: 0,
            interruptions: 0,
        }
    }

    /// Read to the end, however it looks.
    ///
    /// # Errors
    ///
    /// [`DataError::Segment`] and [`DataError::Journal`] when something other than the very end is
    /// damaged.
    pub fn recover(&self) -> Result<Recovered, DataError> {
        let mut cursor = self.cursor();
        let closed = loop {
            match cursor.next() {
                Ok(Some(_)) => {}
                Ok(None) => break true,
                Err(DataError::Segment { error, .. }) if cursor.is_at_torn_end(error) => {
                    break false;
                }
                Err(error) => return Err(error),
            }
        };
        let lost_bytes = if closed { 0 } else { cursor.bytes_left() };
        Ok(Recovered { chain: cursor.chain(), entries: cursor.entries, closed, lost_bytes })
    }

    fn wrong(&self, number: usize, place: Place, error: JournalError) -> DataError {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        DataError::Segment { path: segment_path(&self.folder, number), place, error }
    }

    /// The chain that the next segment with a sound header says it follows, from this one on.
    fn followed_by(&self, from: usize) -> Option<Chain> {
        let later = self.segments.get(from..)?;
        later.iter().find_map(|map| Some(Reader::open(map.words()).ok()?.previous()))
    }
}

/// A segment that is being read.
#[derive(Clone, Debug)]
struct Open<'a> {
    number: usize,
    cursor: Cursor<'a>,
    releaser: Releaser<'a>,
}

/// A place in a journal from which entries are read in order.
#[derive(Clone, Debug)]
pub struct JournalCursor<'a> {
    journal: &'a JournalReader,
    next: usize,
    open: Option<Open<'a>>,
    chain: Chain,
    entries: u64,
    interruptions: u32,
}

impl<'a> JournalCursor<'a> {
    /// The next entry; `None` after the last one. The marks at which one segment hands over to the
    /// next are not shown. A segment that a crash cut off is read as far as it goes, if the next
    /// one was begun by whoever found it so.
    ///
    /// # Errors
    ///
    /// [`DataError::Segment`] when a segment is damaged, [`DataError::Journal`] when one does not
    /// follow the one before. Reading does not go on then. [`JournalError::NotClosed`] at the very
    /// end is what a crash leaves: everything before it was read.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "it can fail, and must not be skipped past")]
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, DataError> {
        loop {
            let Some(open) = &mut self.open else {
                if self.begin_segment()? {
                    continue;
                }
                return Ok(None);
            };
            match open.cursor.next() {
                Ok(Some(Entry::End(GOES_ON))) if self.next < self.journal.segments.len() => {}
                Ok(Some(entry)) => {
                    open.releaser.read_up_to(open.cursor.words_read());
                    self.entries = self.entries.saturating_add(1);
                    return Ok(Some(entry));
                }
                Ok(None) => {
                    self.chain = open.cursor.chain();
                    self.open = None;
                }
                Err(error) => self.after_damage(error)?,
            }
        }
    }

    #[cold]
    fn begin_segment(&mut self) -> Result<bool, DataError> {
        let number = self.next;
        let Some(map) = self.journal.segments.get(number) else { return Ok(false) };
        self.next = number.saturating_add(1);
        let reader = match Reader::open(map.words()) {
            Ok(reader) => reader,
            // A crash while the header was written: the next segment says so.
            Err(_) if self.journal.followed_by(self.next) == Some(self.chain) => {
                self.interruptions = self.interruptions.saturating_add(1);
                return Ok(true);
            }
            Err(error) => return Err(self.journal.wrong(number, Place::default(), error)),
        };
        if reader.previous() != self.chain {
            let path =
                segment_path(&self.journal.folder, u32::try_from(number).unwrap_or(u32::MAX));
            let reason = "it does not follow the segment before it: \
                          one of the two was replaced, or comes from another run";
            return Err(DataError::Journal { path, reason: reason.to_owned() });
        }
        let cursor = reader.verifying_cursor();
        self.open = Some(Open { number, cursor, releaser: Releaser::new(map) });
        Ok(true)
    }

    #[cold]
    fn after_damage(&mut self, error: JournalError) -> Result<(), DataError> {
        let Some(open) = &self.open else { return Ok(()) };
        let chain = open.cursor.chain();
        if self.journal.followed_by(self.next) == Some(chain) {
            self.interruptions = self.interruptions.saturating_add(1);
            self.chain = chain;
            self.open = None;
            return Ok(());
        }
        Err(self.journal.wrong(open.number, open.cursor.place(), error))
    }

    /// The chain up to here.
    pub fn chain(&self) -> Chain {
        self.open.as_ref().map_or(self.chain, |open| open.cursor.chain())
    }

    /// How many entries were read.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// How often a segment before this place was cut off by a crash.
    pub const fn interruptions(&self) -> u32 {
        self.interruptions
    }

    /// Whether an error is what a crash leaves: nothing sound comes after it.
    fn is_at_torn_end(&self, error: JournalError) -> bool {
        let torn = matches!(
            error,
            JournalError::NotClosed
                | JournalError::Truncated
                | JournalError::Damaged
                | JournalError::NotASegment
        );
        torn && self.journal.followed_by(self.next).is_none()
    }

    /// Bytes behind the last whole block.
    fn bytes_left(&self) -> u64 {
        let (from, read) = match &self.open {
            Some(open) => (open.number, open.cursor.words_read().saturating_mul(8)),
            None => (self.next.saturating_sub(1), 0),
        };
        let rest = self.journal.segments.get(from..).unwrap_or_default();
        let bytes: usize = rest.iter().map(Map::bytes).sum();
        bytes.saturating_sub(read) as u64
    }
}
