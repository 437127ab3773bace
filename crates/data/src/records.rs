//! Tapes and journals on disk are records that the engine can be run over.

use flyball_core::journal::{Entry, JournalError, Place, ReadError, Records};

use crate::DataError;
use crate::journal::JournalCursor;
use crate::tape::TapeCursor;

/// What the core can say of an error on disk. Where the file lies is said by whoever opened it.
fn told(error: &DataError) -> ReadError {
    match error {
        DataError::Segment { place, error, .. } => ReadError { error: *error, place: *place },
        _ => ReadError { error: JournalError::Truncated, place: Place::default() },
    }
}

impl<'a> Records<'a> for TapeCursor<'a> {
    #[inline]
    fn next_record(&mut self) -> Result<Option<Entry<'a>>, ReadError> {
        match self.next() {
            Ok(event) => Ok(event.map(Entry::Event)),
            Err(error) => Err(told(&error)),
        }
    }

    fn words_read(&self) -> usize {
        usize::try_from(self.bytes_read() / 8).unwrap_or(usize::MAX)
    }
}

impl<'a> Records<'a> for JournalCursor<'a> {
    #[inline]
    fn next_record(&mut self) -> Result<Option<Entry<'a>>, ReadError> {
        self.next().map_err(|error| told(&error))
    }

    fn words_read(&self) -> usize {
        0
    }
}
