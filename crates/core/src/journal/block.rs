//! Blocks: what records are written in. Each carries its length, a CRC-32 of itself, and the hash
//! of everything before it and itself, so that damage is found, named, and cannot be hidden.

use crate::journal::JournalError;

/// Words before a block's records.
pub(super) const BLOCK_HEADER: usize = 8;
const MAGIC: u32 = u32::from_le_bytes(*b"FBLK");
/// A block is sealed when it holds this many words or more: small enough to say where damage is.
pub(super) const BLOCK_WORDS: usize = 2048;
/// No block is longer than this, whatever its header says.
const MAX_BLOCK_WORDS: u64 = 1 << 21;

/// The hash of all records so far.
pub type Chain = [u8; 32];

/// A block as it lies in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    pub(super) records: u32,
    pub(super) first_record: u64,
    pub(super) chain: Chain,
    pub(super) payload: &'a [u64],
}

fn chain_after(previous: &Chain, first_record: u64, payload: &[u64]) -> Chain {
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous);
    hasher.update(&first_record.to_le_bytes());
    hasher.update(bytemuck::cast_slice(payload));
    *hasher.finalize().as_bytes()
}

/// Fill in the header of a block whose records already lie behind room for it.
pub(super) fn seal(block: &mut [u64], records: u32, first_record: u64, previous: &Chain) -> Chain {
    let Some((header, payload)) = block.split_at_mut_checked(BLOCK_HEADER) else {
        return *previous;
    };
    let chain = chain_after(previous, first_record, payload);
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut words = [0_u64; BLOCK_HEADER];
    words[1] = u64::from(length) | (u64::from(records) << 32);
    words[2] = first_record;
    for (word, bytes) in words.iter_mut().skip(3).zip(chain.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    }
    words[0] = u64::from(MAGIC) | (u64::from(crc(&words, payload)) << 32);
    header.copy_from_slice(&words);
    chain
}

fn crc(header: &[u64; BLOCK_HEADER], payload: &[u64]) -> u32 {
    let [_, covered @ ..] = header;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytemuck::cast_slice(covered));
    hasher.update(bytemuck::cast_slice(payload));
    hasher.finalize()
}

impl<'a> Block<'a> {
    /// Read the block at the start of `words`: it, and its length in words.
    ///
    /// # Errors
    ///
    /// [`JournalError::Truncated`] when the words end inside it, [`JournalError::Damaged`] when it
    /// is not what was written.
    pub(super) fn read(words: &'a [u64]) -> Result<(Self, usize), JournalError> {
        let Some((header, rest)) = words.split_first_chunk::<BLOCK_HEADER>() else {
            return Err(JournalError::Truncated);
        };
        let [magic_crc, lengths, first_record, hash @ .., _] = *header;
        let payload_words = lengths & 0xFFFF_FFFF;
        if magic_crc & 0xFFFF_FFFF != u64::from(MAGIC) || payload_words > MAX_BLOCK_WORDS {
            return Err(JournalError::Damaged);
        }
        let length = usize::try_from(payload_words).map_err(|_| JournalError::Damaged)?;
        let payload = rest.get(..length).ok_or(JournalError::Truncated)?;
        if magic_crc >> 32 != u64::from(crc(header, payload)) {
            return Err(JournalError::Damaged);
        }
        let mut chain = [0; 32];
        for (to, word) in chain.chunks_exact_mut(8).zip(hash) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        let records = u32::try_from(lengths >> 32).map_err(|_| JournalError::Damaged)?;
        Ok((Self { records, first_record, chain, payload }, length.saturating_add(BLOCK_HEADER)))
    }

    /// Whether this block really comes after one whose chain is `previous`.
    pub(super) fn follows(&self, previous: &Chain) -> bool {
        self.chain == chain_after(previous, self.first_record, self.payload)
    }
}
