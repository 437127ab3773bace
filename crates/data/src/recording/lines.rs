//! Lines of a file, gzipped or not.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::DataError;
use crate::error::LineError;

/// Longer lines are an error: a whole Coinbase book is one of a megabyte.
const MAX_LINE: usize = 64 << 20;
const COMPRESSED: usize = 64 << 10;
const PLAIN: usize = 256 << 10;

/// Whether it is time to tell of progress, at this line.
pub(crate) const fn is_due(line: u64) -> bool {
    line.is_multiple_of(256)
}

/// Counts the bytes that are read of files, compressed as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Rc<Cell<u64>>);

impl Meter {
    /// Bytes since the last call.
    pub(crate) fn take(&self) -> u64 {
        self.0.take()
    }

    pub(crate) fn count(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_add(bytes as u64));
    }
}

/// A file that counts what is read of it.
pub(crate) struct Metered {
    file: File,
    meter: Meter,
}

impl Metered {
    pub(crate) fn open(path: &Path, meter: &Meter) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::open(path))?;
        Ok(Self { file, meter: meter.clone() })
    }
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.meter.count(count);
        Ok(count)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// A file, unpacked where it is gzipped.
pub(crate) fn unpacked(path: &Path, meter: &Meter) -> Result<Box<dyn BufRead>, DataError> {
    let mut file = BufReader::with_capacity(COMPRESSED, Metered::open(path, meter)?);
    let is_gzip = file.fill_buf().map_err(DataError::open(path))?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip {
        Box::new(BufReader::with_capacity(PLAIN, MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    })
}

/// The lines of one file.
pub(crate) struct Lines<'a> {
    reader: Box<dyn BufRead + 'a>,
    path: PathBuf,
    current: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(crate) fn open(path: &Path, meter: &Meter) -> Result<Lines<'static>, DataError> {
        Ok(Lines::over(unpacked(path, meter)?, path))
    }

    /// The lines of something else that a file holds.
    pub(crate) fn over(reader: Box<dyn BufRead + 'a>, path: &Path) -> Self {
        Self { reader, path: path.to_owned(), current: Vec::new(), number: 0 }
    }

    /// Go to the next line. Whether there is one.
    pub(crate) fn advance(&mut self) -> Result<bool, DataError> {
        self.current.clear();
        let mut limited = (&mut self.reader).take(MAX_LINE as u64);
        if let Err(error) = limited.read_until(b'\n', &mut self.current) {
            return Err(self.failed(error));
        }
        if self.current.is_empty() {
            return Ok(false);
        }
        self.number = self.number.saturating_add(1);
        if self.current.len() >= MAX_LINE {
            let reason = LineError::TooLong(MAX_LINE);
            return Err(DataError::Line { path: self.path.clone(), line: self.number, reason });
        }
        while let [rest @ .., b'\n' | b'\r'] = self.current.as_slice() {
            let length = rest.len();
            self.current.truncate(length);
        }
        Ok(true)
    }

    /// The line, without its end.
    pub(crate) fn current(&self) -> &[u8] {
        &self.current
    }

    /// Its number, from 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    fn failed(&self, source: io::Error) -> DataError {
        let (path, line) = (self.path.clone(), self.number);
        failed(source, path, line)
    }
}

/// What went wrong when a file was read on.
pub(crate) fn failed(source: io::Error, path: PathBuf, line: u64) -> DataError {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => DataError::Truncated { path, line },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            DataError::Damaged { path, line, reason: source.to_string() }
        }
        _ => DataError::Read { path, line, source },
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzipped(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn read(content: &[u8]) -> Result<Vec<String>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        std::fs::write(&path, content).unwrap();
        let meter = Meter::default();
        let mut lines = Lines::open(&path, &meter)?;
        let mut all = Vec::new();
        while lines.advance()? {
            all.push(String::from_utf8(lines.current().to_vec()).unwrap());
        }
        assert_eq!((lines.number(), meter.take()), (all.len() as u64, content.len() as u64));
        Ok(all)
    }

    #[test]
    fn reads_plain_files_gzipped_ones_and_several_in_one() {
        assert_eq!(read(b"a\r\nb\n\nc").unwrap(), ["a", "b", "", "c"]);
        assert_eq!(read(b"").unwrap(), Vec::<String>::new());
        let both = [gzipped("a\nb\n"), gzipped("c\n")].concat();
        assert_eq!(read(&both).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn a_file_that_was_cut_off_says_after_which_line() {
        let lines: Vec<_> = (0..100_000).map(|n| format!("{n} {}\n", n * 7919 % 1000)).collect();
        let text = lines.concat();
        let whole = gzipped(&text);
        let error = read(&whole[..whole.len() / 2]).unwrap_err();
        assert!(matches!(error, DataError::Truncated { line, .. } if line > 1000), "{error}");
        let error = read(&whole[..whole.len() - 4]).unwrap_err();
        assert!(matches!(error, DataError::Truncated { line: 100_000, .. }), "{error}");
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 0x55;
        let error = read(&altered).unwrap_err();
        assert!(
            matches!(error, DataError::Damaged { .. } | DataError::Truncated { .. }),
            "{error}"
        );
    }
}
