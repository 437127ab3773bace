//! What a proof is made of. Python makes it, as JSON.

use flyball_core::domain::ConfigError;
use flyball_core::risk::Profile;
use flyball_data::DataError;
use serde::{Deserialize, Serialize};

/// A file of bars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSetup {
    /// For people: folder and file.
    pub name: String,
    /// Where it lies.
    pub path: String,
    /// Its instrument; `None` when the file names its instruments.
    pub symbol: Option<String>,
}

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// A few cells of each kind: for tests.
    Quick,
    /// All synthetic gaps and the worst windows with everything, and a sample of the others.
    Default,
    /// Every cell.
    Full,
}

/// What a proof is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// What protects. The last one is the absence of protection.
    pub profiles: Vec<Profile>,
    /// Recorded bars.
    pub sources: Vec<SourceSetup>,
    /// Everything random is drawn from it.
    pub seed: u64,
    /// How much is run.
    pub scale: Scale,
    /// Threads; at least one.
    pub threads: usize,
    /// Only windows whose name holds this, each with everything, and nothing besides.
    #[serde(default)]
    pub window: Option<String>,
    /// Cash of the account at the start of each cell, in whole units.
    pub cash: i64,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A recording cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A number makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something is missing.
    #[error("{0}")]
    Setup(String),
    /// A cell could not be run.
    #[error("cell {0}: {1}")]
    Cell(String, String),
}
