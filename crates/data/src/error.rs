//! What can go wrong with files.

use std::io;
use std::path::PathBuf;

use flyball_core::domain::{ConfigError, DecimalError};
use flyball_core::journal::{JournalError, Place};
use flyball_venues::DecodeError;

/// Why a file could not be read, written or understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder cannot be opened.
    #[error("cannot open {}: {source}; {}", path.display(), help(source))]
    Open {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}; {}", path.display(), help(source))]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read on.
    #[error("cannot read {} after line {line}: {source}; {}", path.display(), help(source))]
    Read {
        /// Which.
        path: PathBuf,
        /// The last line that was read, from 1.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// Compressed data ends in the middle.
    #[error(
        "{} ends in the middle of its compressed data, after line {line}: it was cut off; \
         copy or record it again, or leave it out",
        path.display()
    )]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// The last whole line, from 1.
        line: u64,
    },
    /// Compressed data is not what was written.
    #[error("{} is damaged after line {line}: {reason}; copy it again", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// The last whole line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of a recording makes no sense.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: LineError,
    },
    /// A tape or journal is not what was written.
    #[error("{}, {place}: {error}", path.display())]
    Segment {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        place: Place,
        /// What is wrong.
        error: JournalError,
    },
    /// A journal's files do not follow each other.
    #[error("{}: {reason}", path.display())]
    Journal {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file is not of the kind that was asked for.
    #[error("{}: {reason}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What it lacks, and what to do.
        reason: String,
    },
    /// An instrument's specification is wrong.
    #[error("instrument {symbol}: {error}")]
    Instrument {
        /// Which instrument.
        symbol: String,
        /// What is wrong.
        error: ConfigError,
    },
    /// What was asked for does not make sense.
    #[error("{0}")]
    Request(String),
    /// The caller asked to stop.
    #[error("stopped on request; nothing half done was left")]
    Cancelled,
    /// A record cannot be kept.
    #[error("{}: {reason}", path.display())]
    Record {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The venue's decoder does not understand it.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// It does not begin with the time at which it was received.
    #[error("it does not begin with the time at which it was received")]
    NoTime,
    /// A column that it needs is not there.
    #[error("column {0:?} is missing")]
    NoColumn(String),
    /// A column is no number.
    #[error("column {column:?}: {text:?} is {error}")]
    Number {
        /// Which column.
        column: String,
        /// What it holds.
        text: String,
        /// What is wrong with it.
        error: DecimalError,
    },
    /// A column is no time.
    #[error("{0:?} is not a time that this build reads")]
    Time(String),
    /// A line is earlier than the one before it.
    #[error("it is earlier than the line before it: sort the file by time")]
    Order,
    /// It is longer than any line should be.
    #[error("it is longer than {0} bytes: is this a recording?")]
    TooLong(usize),
    /// It is something else.
    #[error("{0}")]
    Other(String),
}

fn help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => {
            "its owner or its mode forbids it: change them, or choose another place"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or choose another disk"
        }
        io::ErrorKind::ReadOnlyFilesystem => "the disk is mounted read-only: choose another place",
        io::ErrorKind::AlreadyExists => "it exists already: choose another name, or remove it",
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            "a file is where a folder is needed, or the other way round"
        }
        _ => "try again; if it stays, check the disk",
    }
}

impl DataError {
    pub(crate) fn open(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Open { path, source }
    }

    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}
