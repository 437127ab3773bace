//! Where the recordings are, and how they are read.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::io::Read;
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;

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

/// The text of a gzipped file.
pub(crate) fn text(path: &std::path::Path) -> String {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}
