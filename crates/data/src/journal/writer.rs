//! Writing the journal of a run.

use std::path::Path;

use flyball_core::domain::{CommandOf, Event};
use flyball_core::journal::{Chain, SegmentKind, SinkError, Writer};
use serde::Serialize;

use crate::DataError;
use crate::files::sync_folder;
use crate::journal::{JournalFile, JournalReader, Recovered};

/// The state's hash in the mark that ends a segment which another one follows.
pub(super) const GOES_ON: [u8; 32] = [0; 32];

/// Writes the journal of a run: events in, commands out, over as many segments as it takes.
///
/// Records collect in a block of some 16 KiB; [`Journal::flush`] hands a part of one to the
/// system, [`Journal::sync`] waits until it is on the disk. After a failed write (a full disk) the
/// records stay in hand and the next call tries again.
#[derive(Debug)]
pub struct Journal {
    file: JournalFile,
    /// Nothing when a segment could not be ended or begun: then there is no going on.
    writer: Option<Writer>,
    about: String,
}

impl Journal {
    /// Begin a journal in an empty folder. `about` says what the run is, in every segment's header:
    /// JSON, by convention.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`]; [`DataError::Journal`] when there is a journal in the folder.
    pub fn create(
        folder: impl AsRef<Path>,
        about: &str,
        max_bytes: u64,
    ) -> Result<Self, DataError> {
        Self::begin(JournalFile::create(folder, max_bytes)?, about, [0; 32])
    }

    /// Go on with a journal, in a new segment: after a crash too. What the crash cut off is left
    /// where it lies and is not read again.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`]; [`DataError::Segment`] and [`DataError::Journal`] when the journal is
    /// damaged elsewhere than at its end.
    pub fn append(
        folder: impl AsRef<Path>,
        about: &str,
        max_bytes: u64,
    ) -> Result<(Self, Recovered), DataError> {
        let folder = folder.as_ref();
        let reader = JournalReader::open(folder)?;
        let recovered = reader.recover()?;
        let file = JournalFile::begin(folder, reader.segments(), max_bytes)?;
        Ok((Self::begin(file, about, recovered.chain)?, recovered))
    }

    fn begin(mut file: JournalFile, about: &str, previous: Chain) -> Result<Self, DataError> {
        let began = Writer::begin(SegmentKind::Journal, about, previous, &mut file);
        let writer = began.map_err(|error| file.failure(&error.0))?;
        Ok(Self { file, writer: Some(writer), about: about.to_owned() })
    }

    /// Give the journal's folder another name, all of what it holds on the disk: whoever finds it
    /// there finds all that was recorded until now.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`]. It keeps its name then.
    pub fn rename(&mut self, folder: impl AsRef<Path>) -> Result<(), DataError> {
        self.sync()?;
        let to = folder.as_ref();
        let from = self.file.path().parent().map(Path::to_owned).unwrap_or_default();
        std::fs::rename(&from, to).map_err(DataError::write(to))?;
        self.file.moved(to.to_owned());
        match to.parent() {
            Some(parent) => sync_folder(parent),
            None => Ok(()),
        }
    }

    /// Record an event.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    #[inline]
    pub fn event(&mut self, event: &Event<'_>) -> Result<(), DataError> {
        self.record(event.received_ns, |writer, file| writer.event(event, file))
    }

    /// Record a command that the last event brought.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn command<O: Serialize>(
        &mut self,
        command: &CommandOf<O>,
        now_ns: i64,
    ) -> Result<(), DataError> {
        self.record(now_ns, |writer, file| writer.command(command, now_ns, file))
    }

    /// Record what [`Encode`](flyball_core::journal::Encode) made on another thread: `records` of
    /// them, in order.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn append_words(
        &mut self,
        words: &[u64],
        records: u32,
        now_ns: i64,
    ) -> Result<(), DataError> {
        self.record(now_ns, |writer, file| writer.append(words, records, file))
    }

    /// Record the engine's whole state.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn snapshot(&mut self, state: &[u8], now_ns: i64) -> Result<(), DataError> {
        self.record(now_ns, |writer, file| writer.snapshot(state, now_ns, file))
    }

    /// Hand over to the system what was recorded so far.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn flush(&mut self) -> Result<(), DataError> {
        let Self { file, writer, .. } = self;
        let writer = writer.as_mut().ok_or_else(|| lost(file))?;
        writer.flush(file).map_err(|error| file.failure(&error.0))
    }

    /// The hash of all that was recorded so far: the chain at this point.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`] when what was recorded could not be handed to the system.
    pub fn chain(&mut self) -> Result<Chain, DataError> {
        self.flush()?;
        self.writer.as_ref().map(Writer::chain).ok_or_else(|| lost(&self.file))
    }

    /// Wait until everything that was recorded is on the disk.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn sync(&mut self) -> Result<(), DataError> {
        self.flush()?;
        self.file.sync()
    }

    /// Number of the segment that is written now, from 0.
    pub const fn segment(&self) -> u32 {
        self.file.number()
    }

    /// Close the journal with the hash of the final state, on the disk. Returns its chain.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn end(mut self, state_hash: [u8; 32], now_ns: i64) -> Result<Chain, DataError> {
        let chain = self.end_segment(state_hash, now_ns)?;
        self.file.sync()?;
        Ok(chain)
    }

    #[inline]
    fn record(
        &mut self,
        now_ns: i64,
        write: impl FnOnce(&mut Writer, &mut JournalFile) -> Result<(), SinkError>,
    ) -> Result<(), DataError> {
        if self.file.is_full() {
            self.roll(now_ns)?;
        }
        let Self { file, writer, .. } = self;
        let writer = writer.as_mut().ok_or_else(|| lost(file))?;
        write(writer, file).map_err(|error| file.failure(&error.0))
    }

    #[cold]
    fn roll(&mut self, now_ns: i64) -> Result<(), DataError> {
        let chain = self.end_segment(GOES_ON, now_ns)?;
        let file = &mut self.file;
        file.next_segment()?;
        let began = Writer::begin(SegmentKind::Journal, &self.about, chain, file);
        self.writer = Some(began.map_err(|error| file.failure(&error.0))?);
        Ok(())
    }

    fn end_segment(&mut self, state_hash: [u8; 32], now_ns: i64) -> Result<Chain, DataError> {
        // What is in hand first: if the disk is full now, nothing is lost and this can be tried again.
        self.flush()?;
        let Self { file, writer, .. } = self;
        let writer = writer.take().ok_or_else(|| lost(file))?;
        writer.end(state_hash, now_ns, file).map_err(|error| file.failure(&error.0))
    }
}

#[cold]
fn lost(file: &JournalFile) -> DataError {
    DataError::Journal {
        path: file.path(),
        reason: "an earlier error left no segment to write to: append to the journal to go on"
            .to_owned(),
    }
}
