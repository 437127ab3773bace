//! The file that remembers what is killed: a line of JSON and a line with its hash. Missing where a
//! run went on before, or damaged in any way, it means that everything is killed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const NAME: &str = "killed";
const VERSION: u32 = 1;

/// One kill that was not released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killed {
    /// `all`, `instrument:SYMBOL` or `strategy:NAME`.
    pub scope: String,
    /// What did it: `api`, `command`, `file`, `signal:…`, `switch:…`, `missing`, `unreadable`.
    pub trigger: String,
    /// When, by the run's clock: UTC nanoseconds since 1970.
    pub time_ns: i64,
    /// Why, for people.
    pub why: String,
    /// Its number among the kills of this run: a release of an earlier one does not release it.
    #[serde(skip)]
    pub number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u32,
    killed: Vec<Killed>,
}

/// Why the file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot be written: {reason}")]
pub struct KillFileError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What was found at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is killed.
    pub killed: Vec<Killed>,
    /// Why everything is, when the file itself is the reason.
    pub alarm: Option<String>,
}

/// The file, in a run's state folder.
#[derive(Clone, Debug)]
pub struct KillFile {
    path: PathBuf,
}

impl KillFile {
    /// The file of a state folder.
    pub fn of(folder: &Path) -> Self {
        Self { path: folder.join(NAME) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is killed. `ran_before` is whether a run went on in this folder: then the file must be
    /// there. Nothing wrong with it is an error: it is a kill of everything.
    pub fn read(&self, ran_before: bool, now_ns: i64) -> Seen {
        let all = |trigger: &str, why: String| {
            let killed = Killed {
                scope: "all".to_owned(),
                trigger: trigger.to_owned(),
                time_ns: now_ns,
                why: why.clone(),
                number: 0,
            };
            Seen { killed: vec![killed], alarm: Some(why) }
        };
        match fs::read(&self.path) {
            Ok(bytes) => match decode(&bytes) {
                Ok(killed) => Seen { killed, alarm: None },
                Err(reason) => all("unreadable", format!("{}: {reason}", self.path.display())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound && !ran_before => {
                Seen { killed: Vec::new(), alarm: None }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = self.path.display();
                all("missing", format!("{path} is missing, and a run went on here before"))
            }
            Err(error) => all("unreadable", format!("{}: {error}", self.path.display())),
        }
    }

    /// Keep this, and nothing else, on the disk: after a crash there is the old file or this one.
    ///
    /// # Errors
    ///
    /// [`KillFileError`].
    pub fn write(&self, killed: &[Killed]) -> Result<(), KillFileError> {
        self.try_write(killed)
            .map_err(|error| KillFileError { path: self.path.clone(), reason: error.to_string() })
    }

    fn try_write(&self, killed: &[Killed]) -> io::Result<()> {
        let kept = Kept { version: VERSION, killed: killed.to_vec() };
        let line = serde_json::to_string(&kept)?;
        let draft = self.path.with_extension("new");
        let mut file = File::create(&draft)?;
        file.write_all(format!("{line}\n{}\n", hash(&line)).as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn hash(line: &str) -> String {
    blake3::hash(line.as_bytes()).to_hex().to_string()
}

fn decode(bytes: &[u8]) -> Result<Vec<Killed>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no text".to_owned())?;
    let mut lines = text.lines();
    let (Some(line), Some(told), None) = (lines.next(), lines.next(), lines.next()) else {
        return Err("is cut off, empty or too long".to_owned());
    };
    if told != hash(line) || !text.ends_with('\n') {
        return Err("does not have the hash that it says: it was changed or damaged".to_owned());
    }
    let kept: Kept = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if kept.version != VERSION {
        return Err(format!("is of version {}, and this build knows {VERSION}", kept.version));
    }
    Ok(kept.killed)
}
