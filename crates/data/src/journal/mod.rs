//! The journal of a run, in files on disk: `000000.fbj`, `000001.fbj`, … in one folder. Each is a
//! segment whose header names the hash chain at the end of the one before, so that one chain runs
//! through all of them.

mod reader;
mod writer;

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flyball_core::journal::{Sink, SinkError};

use crate::DataError;
use crate::files::sync_folder;

pub use reader::{JournalCursor, JournalReader, Recovered};
pub use writer::Journal;

/// A segment ends when it has reached this many bytes, unless the caller says otherwise.
pub const SEGMENT_BYTES: u64 = 256 << 20;

/// The segments of one journal, as a place to write to. Segments are only ever added, never
/// written again. [`Journal`] does the rest: headers, records, moving on to the next segment.
#[derive(Debug)]
pub struct JournalFile {
    folder: PathBuf,
    file: File,
    number: u32,
    bytes: u64,
    max_bytes: u64,
    failure: Option<io::Error>,
}

impl JournalFile {
    /// Begin a journal in a folder, which is made if need be.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`]; [`DataError::Journal`] when the folder holds a journal already.
    pub fn create(folder: impl AsRef<Path>, max_bytes: u64) -> Result<Self, DataError> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(DataError::write(folder))?;
        if !segments(folder)?.is_empty() {
            return Err(DataError::Journal {
                path: folder.to_owned(),
                reason: "there is a journal here already: append to it, or choose another folder"
                    .to_owned(),
            });
        }
        Self::begin(folder, 0, max_bytes)
    }

    /// Begin the next segment of a journal whose last segment is `last`.
    pub(crate) fn begin(folder: &Path, number: u32, max_bytes: u64) -> Result<Self, DataError> {
        let path = segment_path(folder, number);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(DataError::write(&path))?;
        sync_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), file, number, bytes: 0, max_bytes, failure: None })
    }

    /// The folder has been given another name.
    pub(crate) fn moved(&mut self, folder: PathBuf) {
        self.folder = folder;
    }

    /// Number of the segment that is written now, from 0.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Bytes of the segment that is written now.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it is time for the next segment.
    pub const fn is_full(&self) -> bool {
        self.bytes >= self.max_bytes
    }

    /// Close this segment's file and begin the next one. Its writer must have ended it.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn next_segment(&mut self) -> Result<(), DataError> {
        self.sync()?;
        let number = self.number.saturating_add(1);
        *self = Self::begin(&self.folder, number, self.max_bytes)?;
        Ok(())
    }

    /// Wait until everything that was written is on the disk.
    ///
    /// # Errors
    ///
    /// [`DataError::Write`].
    pub fn sync(&mut self) -> Result<(), DataError> {
        self.file.sync_data().map_err(DataError::write(self.path()))
    }

    /// Where the segment that is written now lies.
    pub fn path(&self) -> PathBuf {
        segment_path(&self.folder, self.number)
    }

    /// The error behind a failed write.
    pub(crate) fn failure(&mut self, else_reason: &str) -> DataError {
        let path = self.path();
        match self.failure.take() {
            Some(source) => DataError::Write { path, source },
            None => DataError::Record { path, reason: else_reason.to_owned() },
        }
    }

    /// After half a write: take the half back, so that a second try does not come after it.
    fn take_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.file.seek(SeekFrom::Start(self.bytes)).map(drop)
    }
}

impl Sink for JournalFile {
    fn write(&mut self, words: &[u64]) -> Result<(), SinkError> {
        let bytes: &[u8] = bytemuck::cast_slice(words);
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.bytes = self.bytes.saturating_add(bytes.len() as u64);
                Ok(())
            }
            Err(error) => {
                let reason = match self.take_back() {
                    Ok(()) => error.to_string(),
                    Err(second) => {
                        format!("{error}, and the half written is still there: {second}")
                    }
                };
                self.failure = Some(error);
                Err(SinkError(reason))
            }
        }
    }
}

fn segment_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.fbj"))
}

/// Numbers of the segments in a folder, in order.
fn segments(folder: &Path) -> Result<Vec<u32>, DataError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::open(folder))? {
        let name = entry.map_err(DataError::open(folder))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".fbj"));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests;
