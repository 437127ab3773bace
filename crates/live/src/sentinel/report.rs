//! What the sentinel did and why: lines of JSON, each with the hash of the one before and of itself.
//! A changed, missing or added line breaks the chain at its place.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

/// The file's name in the sentinel's folder.
pub const NAME: &str = "report.jsonl";
/// The hash before the first line.
const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line, before it has a number and hashes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// What happened: `started`, `tripped`, `sent`, `answered`, `flat`, `late`, `released`, …
    pub kind: &'static str,
    /// By the system's clock: UTC nanoseconds since 1970.
    pub time_ns: i64,
    /// What there is to say of it.
    pub about: Value,
}

/// A chain as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Lines that are whole and follow each other.
    pub lines: u64,
    /// The hash of the last of them.
    pub hash: String,
    /// The number of the first line that is not: counted from 1; none when all are.
    pub broken_at: Option<u64>,
    /// Where the whole ones end, in bytes.
    #[serde(skip)]
    pub end: usize,
}

fn text(number: u64, line: &Line, before: &str) -> (String, String) {
    let mut all = Map::new();
    all.insert("number".into(), number.into());
    all.insert("kind".into(), line.kind.into());
    all.insert("time_ns".into(), line.time_ns.into());
    all.insert("about".into(), line.about.clone());
    all.insert("before".into(), before.into());
    let body = Value::Object(all).to_string();
    let hash = blake3::hash(body.as_bytes()).to_hex().to_string();
    // The hash is the last key: what it covers is everything before it.
    let open = body.strip_suffix('}').unwrap_or(&body);
    (format!("{open},\"hash\":\"{hash}\"}}\n"), hash)
}

/// Check a chain.
pub fn verify(bytes: &[u8]) -> Chain {
    let mut chain = Chain { lines: 0, hash: FIRST.to_owned(), broken_at: None, end: 0 };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(hash) = follows(line, chain.lines + 1, &chain.hash) else {
            chain.broken_at = Some(chain.lines + 1);
            return chain;
        };
        chain.lines += 1;
        chain.hash = hash;
        chain.end += line.len();
    }
    chain
}

/// The hash of a line that is whole, has this number, and follows the line with the hash `before`.
fn follows(line: &[u8], number: u64, before: &str) -> Option<String> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (open, hash) = line.strip_suffix("\"}")?.rsplit_once(",\"hash\":\"")?;
    let body = format!("{open}}}");
    let value: Value = serde_json::from_str(&body).ok()?;
    let fits = value.get("number")?.as_u64()? == number
        && value.get("before")?.as_str()? == before
        && blake3::hash(body.as_bytes()).to_hex().as_str() == hash;
    fits.then(|| hash.to_owned())
}

/// A report that goes on.
#[derive(Debug)]
pub struct Report {
    file: File,
    number: u64,
    hash: String,
}

impl Report {
    /// Open the report in this folder, or begin one. A damaged one is set aside under another name
    /// and a new one begins; a last line that was cut off by a crash is taken away.
    ///
    /// # Errors
    ///
    /// [`io::Error`].
    pub fn open(folder: &Path) -> io::Result<(Self, Option<u64>)> {
        let path = folder.join(NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut chain = verify(&bytes);
        let rest = bytes.get(chain.end..).unwrap_or_default();
        let cut_off = !rest.is_empty() && !rest.contains(&b'\n');
        let damaged = chain.broken_at.filter(|_| !cut_off);
        if cut_off {
            OpenOptions::new().write(true).open(&path)?.set_len(chain.end as u64)?;
        } else if damaged.is_some() {
            let aside = (1..).map(|at| folder.join(format!("report-damaged-{at}.jsonl")));
            let free = aside.into_iter().find(|path| !path.exists());
            std::fs::rename(&path, free.unwrap_or_else(|| folder.join("report-damaged.jsonl")))?;
            chain = verify(&[]);
        }
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok((Self { file, number: chain.lines, hash: chain.hash }, damaged))
    }

    /// Append a line: it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`io::Error`]; the next line is tried with the same number.
    pub fn append(&mut self, line: &Line) -> io::Result<()> {
        let (text, hash) = text(self.number + 1, line, &self.hash);
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        (self.number, self.hash) = (self.number + 1, hash);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(kind: &'static str) -> Line {
        Line { kind, time_ns: 5, about: json!({"reason": "a \",\"hash\":\" in the text"}) }
    }

    fn three() -> (tempfile::TempDir, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        for kind in ["started", "tripped", "flat"] {
            let (mut report, damaged) = Report::open(folder.path()).unwrap();
            assert_eq!(damaged, None);
            report.append(&line(kind)).unwrap();
        }
        let bytes = std::fs::read(folder.path().join(NAME)).unwrap();
        (folder, bytes)
    }

    #[test]
    fn a_chain_goes_on_across_restarts() {
        let (_folder, bytes) = three();
        let chain = verify(&bytes);
        assert_eq!((chain.lines, chain.broken_at), (3, None));
    }

    #[test]
    fn every_changed_byte_and_every_missing_line_is_found() {
        let (_folder, bytes) = three();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(verify(&changed).broken_at.is_some(), "byte {at}");
        }
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(verify(&[lines[0], lines[2]].concat()).broken_at, Some(2));
        assert_eq!(verify(&[lines[1], lines[2]].concat()).broken_at, Some(1));
    }

    #[test]
    fn a_line_that_a_crash_cut_off_is_taken_away_and_damage_is_set_aside() {
        let (folder, bytes) = three();
        let path = folder.path().join(NAME);
        std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        let (mut report, damaged) = Report::open(folder.path()).unwrap();
        report.append(&line("again")).unwrap();
        assert_eq!(damaged, None);
        assert_eq!(verify(&std::fs::read(&path).unwrap()).lines, 3);
        let mut changed = bytes.clone();
        changed[3] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let (mut report, damaged) = Report::open(folder.path()).unwrap();
        assert_eq!(damaged, Some(1));
        report.append(&line("anew")).unwrap();
        assert_eq!(std::fs::read(folder.path().join("report-damaged-1.jsonl")).unwrap(), changed);
        assert_eq!(verify(&std::fs::read(&path).unwrap()).lines, 1);
    }
}
