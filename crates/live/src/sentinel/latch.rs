//! What the sentinel keeps across its own end: the latch and the peak, in one small file.
//!
//! The file is replaced as a whole and is on the disk before anything is sent. A file that is
//! missing where a sentinel ran, or that cannot be read, is a latch that is set: nothing but an
//! operator's two steps on a flat account clears it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flyball_core::domain::Money;
use serde::{Deserialize, Serialize};

/// The folder below a run's, in which a sentinel keeps what it keeps.
pub const FOLDER: &str = "sentinel";
const NAME: &str = "state";

/// Whether the account is to be kept flat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latch {
    /// It is not.
    #[default]
    Clear,
    /// It is, until an operator releases it.
    Set {
        /// Why.
        reason: String,
        /// Since when: UTC nanoseconds since 1970, by the system's clock.
        since_ns: i64,
    },
}

impl Latch {
    /// Whether it is set.
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Set { .. })
    }

    /// Why it is set.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Set { reason, .. } => Some(reason),
            Self::Clear => None,
        }
    }
}

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The latch.
    pub latch: Latch,
    /// The peak, the last equity up to which the ledger is known, and the ledger's time in
    /// milliseconds; money in its units.
    pub peak: Option<(i128, i128, i64)>,
}

impl Kept {
    /// The peak as money.
    pub fn peak(&self) -> Option<(Money, Money, i64)> {
        let (peak, settled, ledger_ms) = self.peak?;
        Some((Money::from_units(peak), Money::from_units(settled), ledger_ms))
    }

    /// As bytes: a line of JSON and a line with its hash.
    fn bytes(&self) -> Vec<u8> {
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("{text}\n{}\n", blake3::hash(text.as_bytes()).to_hex()).into_bytes()
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (body, hash) = text.strip_suffix('\n')?.split_once('\n')?;
        if blake3::hash(body.as_bytes()).to_hex().as_str() != hash {
            return None;
        }
        serde_json::from_str(body).ok()
    }
}

/// What a run's folder says of its sentinel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// None ever ran there.
    Never,
    /// This was kept.
    Kept(Kept),
    /// One ran there, and what it kept is gone or damaged. That counts as a latch that is set.
    Damaged(String),
}

impl Stand {
    /// Why no run may trade; none when it may.
    pub fn refuses(&self) -> Option<String> {
        match self {
            Self::Never => None,
            Self::Kept(kept) => kept.latch.reason().map(ToOwned::to_owned),
            Self::Damaged(reason) => Some(reason.clone()),
        }
    }
}

/// Read what the sentinel of the run in this folder keeps. Never fails: what cannot be read is
/// damaged.
pub fn stand(run: &Path) -> Stand {
    let folder = run.join(FOLDER);
    let path = folder.join(NAME);
    match fs::read(&path) {
        Ok(bytes) => Kept::of(&bytes)
            .map_or_else(|| Stand::Damaged(format!("{} is damaged", path.display())), Stand::Kept),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Anything that only a sentinel writes, and writes after its state.
            let ran = fs::read_dir(&folder).is_ok_and(|mut found| {
                found.any(|entry| entry.is_ok_and(|it| it.file_name() != "state.new"))
            });
            if ran {
                Stand::Damaged(format!("{} is missing, and a sentinel ran there", path.display()))
            } else {
                Stand::Never
            }
        }
        Err(error) => Stand::Damaged(format!("{}: {error}", path.display())),
    }
}

/// Where it is kept.
#[derive(Debug)]
pub struct KeptFile {
    folder: PathBuf,
}

impl KeptFile {
    /// In the folder of this run. Its own folder is made.
    ///
    /// # Errors
    ///
    /// [`io::Error`].
    pub fn new(run: &Path) -> io::Result<Self> {
        let folder = run.join(FOLDER);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Keep this instead of what was kept: it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when it is not.
    pub fn keep(&self, kept: &Kept) -> io::Result<()> {
        let (draft, path) = (self.folder.join("state.new"), self.folder.join(NAME));
        let mut file = File::create(&draft)?;
        file.write_all(&kept.bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Kept {
        let latch = Latch::Set { reason: "silence".into(), since_ns: 7 };
        Kept { latch, peak: Some((-5, i128::from(i64::MAX) * 10, 3)) }
    }

    #[test]
    fn what_was_kept_is_read_again_and_a_folder_without_a_sentinel_says_so() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(stand(run.path()), Stand::Never);
        let file = KeptFile::new(run.path()).unwrap();
        assert_eq!(stand(run.path()), Stand::Never, "the folder alone is no sentinel");
        file.keep(&Kept::default()).unwrap();
        assert_eq!(stand(run.path()).refuses(), None);
        file.keep(&set()).unwrap();
        assert_eq!(stand(run.path()), Stand::Kept(set()));
        assert_eq!(stand(run.path()).refuses().as_deref(), Some("silence"));
    }

    #[test]
    fn a_file_that_is_missing_where_a_sentinel_ran_is_a_latch() {
        let run = tempfile::tempdir().unwrap();
        let file = KeptFile::new(run.path()).unwrap();
        file.keep(&Kept::default()).unwrap();
        fs::write(run.path().join(FOLDER).join("report.jsonl"), "").unwrap();
        fs::remove_file(run.path().join(FOLDER).join(NAME)).unwrap();
        assert!(stand(run.path()).refuses().unwrap().contains("missing"));
    }

    #[test]
    fn any_damage_is_a_latch() {
        let bytes = Kept::default().bytes();
        assert_eq!(Kept::of(&bytes), Some(Kept::default()));
        for cut in 0..bytes.len() {
            assert_eq!(Kept::of(&bytes[..cut]), None, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(Kept::of(&damaged), None, "bit {bit} of byte {at}");
            }
        }
        let run = tempfile::tempdir().unwrap();
        let file = KeptFile::new(run.path()).unwrap();
        file.keep(&set()).unwrap();
        fs::write(run.path().join(FOLDER).join(NAME), b"").unwrap();
        assert!(stand(run.path()).refuses().unwrap().contains("damaged"));
    }
}
