//! Files in memory, read where they lie. The only unsafe code of this crate.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::DataError;

/// What has been read is given back in pieces of this many bytes.
const WINDOW: usize = 8 << 20;

/// A file of 64-bit words, mapped.
#[derive(Debug)]
pub(crate) struct Map {
    map: Mmap,
}

impl Map {
    /// Map a whole file. Nothing is read yet.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::open(path))?;
        // SAFETY: the mapping is read-only and only ever seen as plain words, which are valid
        // whatever they hold; every block's checksum is tested before its words are used. Tapes
        // get their names when complete and are never written again; a journal's segment grows
        // behind what was mapped of it. A file that somebody cuts short under us ends this process
        // with SIGBUS: that is the one thing a mapping cannot turn into an error, and it harms
        // nothing but the reader.
        #[expect(unsafe_code, reason = "mapping a file is unsafe by nature")]
        let map = unsafe { Mmap::map(&file) }.map_err(DataError::open(path))?;
        // Only a hint: reading works without.
        #[cfg(unix)]
        let _ = map.advise(memmap2::Advice::Sequential);
        Ok(Self { map })
    }

    /// The whole words; up to seven odd bytes at the end are left out.
    pub(crate) fn words(&self) -> &[u64] {
        let whole = self.map.len().saturating_sub(self.map.len().checked_rem(8).unwrap_or(0));
        bytemuck::try_cast_slice(self.map.get(..whole).unwrap_or_default()).unwrap_or_default()
    }

    /// Its length.
    pub(crate) fn bytes(&self) -> usize {
        self.map.len()
    }

    /// Bytes behind the last whole word.
    pub(crate) fn odd_bytes(&self) -> usize {
        self.map.len().checked_rem(8).unwrap_or(0)
    }

    /// Give back the memory of bytes `from..to`. Returns from where to give back next.
    #[cold]
    fn release(&self, from: usize, to: usize) -> usize {
        let to = to.min(self.map.len()) & !4095;
        let length = to.saturating_sub(from);
        if length == 0 {
            return from;
        }
        // SAFETY: the file does not change while it is mapped (see `open`), so the pages come back
        // with the same content when something reads them again. Only a hint: if the system
        // refuses, memory stays in use.
        #[cfg(unix)]
        #[expect(unsafe_code, reason = "madvise is unsafe for private pages, which these are not")]
        let _ = unsafe {
            let done_with = memmap2::UncheckedAdvice::DontNeed;
            self.map.unchecked_advise_range(done_with, from, length)
        };
        to
    }
}

/// Gives back the memory of what has been read, so that it does not grow with the file.
#[derive(Clone, Debug)]
pub(crate) struct Releaser<'a> {
    map: &'a Map,
    released: usize,
}

impl<'a> Releaser<'a> {
    pub(crate) const fn new(map: &'a Map) -> Self {
        Self { map, released: 0 }
    }

    /// Words before `word` have been read.
    #[inline]
    pub(crate) fn read_up_to(&mut self, word: usize) {
        let byte = word.saturating_mul(8);
        if byte.saturating_sub(self.released) >= WINDOW {
            // The block that holds the current record stays.
            let keep = byte.saturating_sub(WINDOW / 4);
            self.released = self.map.release(self.released, keep);
        }
    }
}
