//! What an imported tape says about itself.

use flyball_core::domain::{InstrumentKind, InstrumentSpec};
use serde::{Deserialize, Serialize};

use crate::check::Report;
use crate::recording::{Format, Totals};

/// The JSON in the header of an imported tape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// What people call it.
    pub name: String,
    /// Where it was recorded.
    pub venue: String,
    /// How a position in its instruments turns into money.
    pub kind: InstrumentKind,
    /// How the recording was written.
    pub format: Format,
    /// Its instruments, in the order of their ids. Tick and lot size are inferred from the
    /// recording unless the importer was told them.
    pub instruments: Vec<InstrumentSpec>,
    /// Whether tick and lot sizes are inferred.
    pub inferred: bool,
    /// For bars: how long they are, ns.
    pub interval_ns: Option<i64>,
    /// Whether the venue numbers its trades one by one.
    pub counts_trades: bool,
    /// The files that it was made from, in order.
    pub sources: Vec<Source>,
    /// What their lines were about.
    pub lines: Totals,
    /// What was found while it was made: counts, first and last time, the clock, what is odd.
    pub report: Report,
    /// The tables that were written beside it, with their rows.
    pub tables: Vec<Table>,
    /// The version of the importer, and the hash of what it was asked for: an import of the same
    /// files with the same wishes is not done again.
    pub importer: String,
}

/// A file that a tape was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name, without folders.
    pub file: String,
    /// Its length as it lies on disk.
    pub bytes: u64,
    /// Its BLAKE3 hash, in hexadecimal.
    pub blake3: String,
}

/// A table beside a tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its file name.
    pub file: String,
    /// How many rows it has.
    pub rows: u64,
}
