//! Writing a tape.

use std::path::Path;

use flyball_core::domain::Event;
use flyball_core::journal::{Chain, SegmentKind, Writer};

use crate::DataError;
use crate::files::Draft;

/// Writes a tape. The file has its name only when [`TapeWriter::finish`] returns; dropped before
/// that, it leaves nothing.
#[derive(Debug)]
pub struct TapeWriter {
    writer: Writer,
    draft: Draft,
    last_ns: i64,
}

impl TapeWriter {
    /// Begin a tape. `about` says what it is: JSON, by convention.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn create(path: impl AsRef<Path>, about: &str) -> Result<Self, DataError> {
        let mut draft = Draft::create(path.as_ref())?;
        let began = Writer::begin(SegmentKind::Tape, about, [0; 32], &mut draft);
        let writer = began.map_err(|error| draft.failure(&error.0))?;
        Ok(Self { writer, draft, last_ns: 0 })
    }

    /// Record an event.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`]; [`DataError::Record`] when a book message is too large to be recorded.
    #[inline]
    pub fn event(&mut self, event: &Event<'_>) -> Result<(), DataError> {
        self.last_ns = event.received_ns;
        let written = self.writer.event(event, &mut self.draft);
        written.map_err(|error| self.draft.failure(&error.0))
    }

    /// How many events were recorded.
    pub const fn events(&self) -> u64 {
        self.writer.records()
    }

    /// Close the tape and give the file its name. Returns the chain at its end.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn finish(self) -> Result<Chain, DataError> {
        let (chain, draft) = self.complete()?;
        draft.keep()?;
        Ok(chain)
    }

    /// Close the tape; the file keeps the name of a draft.
    pub(crate) fn complete(self) -> Result<(Chain, Draft), DataError> {
        let Self { writer, mut draft, last_ns } = self;
        let ended = writer.end([0; 32], last_ns, &mut draft);
        let chain = ended.map_err(|error| draft.failure(&error.0))?;
        draft.complete()?;
        Ok((chain, draft))
    }
}
