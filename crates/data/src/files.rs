//! Files that are written under another name until they are complete.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flyball_core::journal::{Sink, SinkError};

use crate::DataError;

const BUFFER: usize = 1 << 20;

/// A file that gets its name when it is complete. Dropped before that, it is removed.
#[derive(Debug)]
pub(crate) struct Draft {
    file: BufWriter<File>,
    part: PathBuf,
    path: PathBuf,
    /// The first thing that went wrong, for callers that were told in other words.
    failure: Option<io::Error>,
    kept: bool,
}

impl Draft {
    /// Begin a file that will be called `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, DataError> {
        let draft = draft_of(path);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&draft);
        let file = file.map_err(DataError::write(&draft))?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, file),
            part: draft,
            path: path.to_owned(),
            failure: None,
            kept: false,
        })
    }

    /// Where it lies until it is complete.
    pub(crate) fn place(&self) -> &Path {
        &self.part
    }

    /// What it will be called.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The error behind a failed write.
    pub(crate) fn failure(&mut self, else_reason: &str) -> DataError {
        let path = self.path.clone();
        match self.failure.take() {
            Some(source) => DataError::Write { path, source },
            None => DataError::Record { path, reason: else_reason.to_owned() },
        }
    }

    /// Everything is on the disk, still under the other name.
    pub(crate) fn complete(&mut self) -> Result<(), DataError> {
        let done = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        done.map_err(DataError::write(&self.path))
    }

    /// Give it its name.
    pub(crate) fn keep(mut self) -> Result<(), DataError> {
        std::fs::rename(&self.part, &self.path).map_err(DataError::write(&self.path))?;
        self.kept = true;
        if let Some(folder) = self.path.parent() {
            sync_folder(folder)?;
        }
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.noting(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.noting(flushed)
    }
}

impl Draft {
    fn noting<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.failure.get_or_insert(error);
            copy
        })
    }
}

impl Sink for Draft {
    fn write(&mut self, words: &[u64]) -> Result<(), SinkError> {
        let written = self.write_all(bytemuck::cast_slice(words));
        written.map_err(|error| SinkError(error.to_string()))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing helps if this fails; the next import writes over it.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

/// What a file is called until it is complete.
pub(crate) fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Make the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), DataError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // Elsewhere a folder cannot be opened as a file, and renaming is durable by itself.
    if !cfg!(unix) {
        return Ok(());
    }
    let synced = File::open(folder).and_then(|file| file.sync_all());
    synced.map_err(DataError::write(folder))
}

/// Length and BLAKE3 hash of a file. `progress` hears of every piece that was read.
pub(crate) fn fingerprint(
    path: &Path,
    mut progress: impl FnMut(u64) -> Result<(), DataError>,
) -> Result<(u64, String), DataError> {
    let mut file = File::open(path).map_err(DataError::open(path))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0_u64;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => return Ok((bytes, hasher.finalize().to_hex().to_string())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => {
                return Err(DataError::Read { path: path.to_owned(), line: 0, source });
            }
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        bytes = bytes.saturating_add(count as u64);
        progress(count as u64)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_has_its_name_only_when_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        let mut draft = Draft::create(&path).unwrap();
        draft.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(draft);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");

        let mut draft = Draft::create(&path).unwrap();
        draft.write_all(b"whole").unwrap();
        draft.complete().unwrap();
        draft.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        let (bytes, hash) = fingerprint(&path, |_| Ok(())).unwrap();
        assert_eq!((bytes, hash), (5, blake3::hash(b"whole").to_hex().to_string()));
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        if !Path::new("/dev/full").exists() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        std::os::unix::fs::symlink("/dev/full", draft_of(&path)).unwrap();
        let mut draft = Draft::create(&path).unwrap();
        let words = vec![1_u64; BUFFER];
        let error = Sink::write(&mut draft, &words).unwrap_err();
        let error = draft.failure(&error.0).to_string();
        assert!(error.contains("x.bin") && error.contains("free some space"), "{error}");
        drop(draft);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
