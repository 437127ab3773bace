//! Where the recordings are, and imports of them.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flyball_core::domain::InstrumentKind;
use flyball_data::DataError;
use flyball_data::import::{ImportSpec, Imported, import_recording};
use flyball_data::recording::{Format, Recording};

/// The folder of recordings; `None`, with a printed line, where it is absent.
pub(crate) fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("FLYBALL_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = root.join("data");
    if data.is_dir() {
        return Some(data);
    }
    println!("skipped: no recordings at {} (set FLYBALL_SHARED)", data.display());
    None
}

/// The files of a folder, in the order of their names.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    files
}

/// What lies in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    files(folder).iter().map(name).collect()
}

pub(crate) fn recording(format: Format, sources: Vec<PathBuf>, symbol: &str) -> Recording {
    let mut recording = Recording::new(format, sources);
    if !symbol.is_empty() {
        recording.symbols = vec![symbol.to_owned()];
    }
    recording
}

pub(crate) fn import(recording: Recording, out: &Path) -> Result<Imported, DataError> {
    let spec = ImportSpec::new("test", "somewhere", InstrumentKind::Linear, recording);
    import_recording(&spec, out, &mut |_| ControlFlow::Continue(()))
}
