//! Market data as the engine reads it: one file of events, checksummed and hash-chained.

mod about;
mod writer;

use std::path::{Path, PathBuf};

use flyball_core::domain::Event;
use flyball_core::journal::{Chain, Cursor, Entry, JournalError, Place, Reader, SegmentKind};

use crate::DataError;
use crate::map::{Map, Releaser};

pub use about::{About, Source, Table};
pub use writer::TapeWriter;

/// A tape on disk. Opening reads its header only; events are read where they lie, and the memory
/// of what has been read is given back.
#[derive(Debug)]
pub struct Tape {
    map: Map,
    path: PathBuf,
    about: String,
}

impl Tape {
    /// Open a tape and check its header.
    ///
    /// # Errors
    ///
    /// [`DataError::Open`]; [`DataError::Segment`] when it is no tape, is of another version, or
    /// its header was altered; [`DataError::Format`] when it is the journal of a run.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let map = Map::open(path)?;
        let wrong =
            |error| DataError::Segment { path: path.to_owned(), place: Place::default(), error };
        let reader = Reader::open(map.words()).map_err(wrong)?;
        if reader.kind() == SegmentKind::Journal {
            let reason = "this is a segment of a run's journal, not a tape: open its folder";
            return Err(DataError::Format { path: path.to_owned(), reason: reason.to_owned() });
        }
        if map.odd_bytes() > 0 {
            return Err(wrong(JournalError::Truncated));
        }
        let about = reader.about().to_owned();
        Ok(Self { map, path: path.to_owned(), about })
    }

    /// What its writer says about it: JSON.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What its importer says about it.
    ///
    /// # Errors
    ///
    /// [`DataError::Format`] when it was not written by an importer of this build's kind.
    pub fn details(&self) -> Result<About, DataError> {
        serde_json::from_str(&self.about).map_err(|error| DataError::Format {
            path: self.path.clone(),
            reason: format!(
                "its header does not say what an importer says: {error}; import it again"
            ),
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        (self.map.words().len() as u64).saturating_mul(8)
    }

    /// Read from the beginning. Each block's checksum is tested when it is reached.
    ///
    /// # Errors
    ///
    /// [`DataError::Segment`] when the header was altered since the tape was opened.
    pub fn cursor(&self) -> Result<TapeCursor<'_>, DataError> {
        Ok(self.over(self.reader()?.cursor()))
    }

    /// Read from the beginning, testing the hash chain as well as the checksums.
    ///
    /// # Errors
    ///
    /// As [`Tape::cursor`].
    pub fn verifying_cursor(&self) -> Result<TapeCursor<'_>, DataError> {
        Ok(self.over(self.reader()?.verifying_cursor()))
    }

    /// Read it all, and test that it is what was written. Returns its events and its chain: the
    /// same for the same tape, for ever.
    ///
    /// # Errors
    ///
    /// [`DataError::Segment`] naming the first damaged block.
    pub fn verify(&self) -> Result<(u64, Chain), DataError> {
        let mut cursor = self.verifying_cursor()?;
        while cursor.next()?.is_some() {}
        Ok((cursor.events(), cursor.cursor.chain()))
    }

    fn reader(&self) -> Result<Reader<'_>, DataError> {
        Reader::open(self.map.words()).map_err(|error| self.wrong(Place::default(), error))
    }

    const fn over<'a>(&'a self, cursor: Cursor<'a>) -> TapeCursor<'a> {
        TapeCursor { tape: self, cursor, releaser: Releaser::new(&self.map), events: 0 }
    }

    fn wrong(&self, place: Place, error: JournalError) -> DataError {
        DataError::Segment { path: self.path.clone(), place, error }
    }
}

/// A place on a tape from which events are read in order.
#[derive(Clone, Debug)]
pub struct TapeCursor<'a> {
    tape: &'a Tape,
    cursor: Cursor<'a>,
    releaser: Releaser<'a>,
    events: u64,
}

impl<'a> TapeCursor<'a> {
    /// The next event; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`DataError::Segment`] when the tape is damaged or cut off. Reading does not go on then.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "it can fail, and must not be skipped past")]
    pub fn next(&mut self) -> Result<Option<Event<'a>>, DataError> {
        loop {
            match self.cursor.next() {
                Ok(Some(Entry::Event(event))) => {
                    self.releaser.read_up_to(self.cursor.words_read());
                    self.events = self.events.saturating_add(1);
                    return Ok(Some(event));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.tape.wrong(self.cursor.place(), error)),
            }
        }
    }

    /// How many events were read: the number of the last one, counting from 1.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Bytes of the tape that have been read.
    pub const fn bytes_read(&self) -> u64 {
        (self.cursor.words_read() as u64).saturating_mul(8)
    }
}

#[cfg(test)]
mod tests;
