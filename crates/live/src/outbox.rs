//! What is kept before it is sent: every signed action, with its nonce and its bytes.
//!
//! A venue that takes nonces takes each at most once, so sending the same bytes again is safe, and
//! signing the same intent again with another nonce is not. After a crash the outbox says which
//! actions may have reached the venue without an answer having reached us.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flyball_core::domain::{ClientOrderId, InstrumentId};
use serde::{Deserialize, Serialize};

/// What an action does when the venue executes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// It can add risk: it expires, and is never sent twice.
    Adds,
    /// It reduces or protects: it is sent again until it is answered.
    Protects,
    /// It cancels: it is sent again until it is answered.
    Cancels,
    /// It changes a setting of the account.
    Sets,
}

/// An action, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Its nonce: by it the venue knows it again.
    pub nonce: u64,
    /// What it does.
    pub effect: Effect,
    /// The orders that it is about, as they stand in it.
    pub orders: Vec<(InstrumentId, ClientOrderId)>,
    /// When the venue stops taking it, milliseconds since 1970.
    pub expires_ms: Option<u64>,
    /// The body of the request, byte for byte.
    pub body: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Record {
    Signed(Signed),
    Settled(u64),
    Marks { nonce: u64, order: Option<ClientOrderId> },
}

/// Where records go before what they are about is sent.
pub trait Ahead {
    /// Keep these bytes: when this returns, a crash of the process does not lose them.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when they could not be kept.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// In memory, for simulations: a process that is simulated to crash keeps its disk.
impl Ahead for Vec<u8> {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// A file that is only ever appended to. The system has the bytes when `keep` returns; they are on
/// the disk a little later, which only a crash of the whole machine can tell.
#[derive(Debug)]
pub struct OutboxFile {
    file: File,
    path: PathBuf,
}

impl OutboxFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Ahead for OutboxFile {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}

/// The actions that are not settled, and the nonces.
#[derive(Debug)]
pub struct Outbox<A> {
    ahead: A,
    last_nonce: u64,
    last_order: Option<ClientOrderId>,
    open: BTreeMap<u64, Signed>,
}

impl Outbox<OutboxFile> {
    /// Open the outbox of a signer, or begin one. What it holds is written anew without what is
    /// settled.
    ///
    /// # Errors
    ///
    /// [`io::Error`]; of kind `InvalidData` when something other than its end is damaged.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(mut file) => _ = file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let Contents { last_nonce, last_order, open } = read(&bytes)?;
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        let marks = Record::Marks { nonce: last_nonce, order: last_order };
        file.write_all(&frame(&marks))?;
        for signed in open.values() {
            file.write_all(&frame(&Record::Signed(signed.clone())))?;
        }
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        let ahead = OutboxFile { file, path: path.to_owned() };
        Ok(Self { ahead, last_nonce, last_order, open })
    }
}

impl<A: Ahead> Outbox<A> {
    /// The outbox whose kept bytes are `bytes`, going on in `ahead`.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of kind `InvalidData` when something other than the end is damaged.
    pub fn resume(bytes: &[u8], ahead: A) -> io::Result<Self> {
        let Contents { last_nonce, last_order, open } = read(bytes)?;
        Ok(Self { ahead, last_nonce, last_order, open })
    }

    /// The next nonce: the time in milliseconds, or one more than the last where that is not
    /// later. Nonces never go back, whatever the clock does.
    pub fn next_nonce(&mut self, now_ms: u64) -> u64 {
        self.last_nonce = now_ms.max(self.last_nonce.saturating_add(1));
        self.last_nonce
    }

    /// Keep a signed action. Only after this may it be sent.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when it could not be kept. It is remembered all the same.
    pub fn keep(&mut self, signed: Signed) -> io::Result<()> {
        let kept = self.ahead.keep(&frame(&Record::Signed(signed.clone())));
        self.last_order = self.last_order.max(highest(&signed));
        self.open.insert(signed.nonce, signed);
        kept
    }

    /// The fate of an action is known.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when that could not be kept: after a restart it is found out again.
    pub fn settle(&mut self, nonce: u64) -> io::Result<()> {
        if self.open.remove(&nonce).is_none() {
            return Ok(());
        }
        self.ahead.keep(&frame(&Record::Settled(nonce)))
    }

    /// An action that is not settled.
    pub fn get(&self, nonce: u64) -> Option<&Signed> {
        self.open.get(&nonce)
    }

    /// The actions that are not settled, oldest first.
    pub fn open_actions(&self) -> impl Iterator<Item = &Signed> {
        self.open.values()
    }

    /// The action that is not settled and sends this order.
    pub fn sending(&self, order: ClientOrderId) -> Option<&Signed> {
        let sends = |signed: &&Signed| matches!(signed.effect, Effect::Adds | Effect::Protects);
        self.open.values().filter(sends).find(|signed| signed.orders.iter().any(|o| o.1 == order))
    }

    /// The highest order id that was ever kept.
    pub const fn last_order(&self) -> Option<ClientOrderId> {
        self.last_order
    }

    /// Where records go.
    pub const fn ahead(&self) -> &A {
        &self.ahead
    }
}

/// A record with its length and checksum.
fn frame(record: &Record) -> Vec<u8> {
    // Writing to memory cannot fail; if it did, the empty record would not read back.
    let body = postcard::to_allocvec(record).unwrap_or_default();
    let mut framed = Vec::with_capacity(body.len() + 8);
    framed.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    framed.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    framed.extend_from_slice(&body);
    framed
}

/// What records add up to.
struct Contents {
    last_nonce: u64,
    last_order: Option<ClientOrderId>,
    open: BTreeMap<u64, Signed>,
}

fn highest(signed: &Signed) -> Option<ClientOrderId> {
    let places = matches!(signed.effect, Effect::Adds | Effect::Protects);
    signed.orders.iter().map(|(_, id)| *id).max().filter(|_| places)
}

/// Read records; what a crash cut off the end is left out.
fn read(bytes: &[u8]) -> io::Result<Contents> {
    let (mut last_nonce, mut last_order, mut open) = (0, None, BTreeMap::new());
    let mut rest = bytes;
    while let Some((record, after)) = next(rest)? {
        match record {
            Record::Signed(signed) => {
                last_nonce = last_nonce.max(signed.nonce);
                last_order = last_order.max(highest(&signed));
                open.insert(signed.nonce, signed);
            }
            Record::Settled(nonce) => _ = open.remove(&nonce),
            Record::Marks { nonce, order } => {
                last_nonce = last_nonce.max(nonce);
                last_order = last_order.max(order);
            }
        }
        rest = after;
    }
    Ok(Contents { last_nonce, last_order, open })
}

fn next(bytes: &[u8]) -> io::Result<Option<(Record, &[u8])>> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let Some((checksum, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some((body, after)) = rest.split_at_checked(length) else { return Ok(None) };
    let sound = crc32fast::hash(body) == u32::from_le_bytes(*checksum);
    match postcard::from_bytes(body) {
        Ok(record) if sound => Ok(Some((record, after))),
        // The last record, half written.
        _ if after.is_empty() => Ok(None),
        _ => {
            let reason = "the outbox is damaged: actions that were sent may be missing from it";
            Err(io::Error::new(io::ErrorKind::InvalidData, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(nonce: u64, order: u64) -> Signed {
        Signed {
            nonce,
            effect: Effect::Adds,
            orders: vec![(InstrumentId::new(0), ClientOrderId::new(order))],
            expires_ms: Some(nonce + 5_000),
            body: vec![1, 2, 3],
        }
    }

    #[test]
    fn nonces_never_go_back() {
        let mut outbox = Outbox::resume(&[], Vec::new()).unwrap();
        assert_eq!(outbox.next_nonce(1_000), 1_000);
        assert_eq!(outbox.next_nonce(1_000), 1_001, "the same millisecond");
        assert_eq!(outbox.next_nonce(10), 1_002, "the clock went back");
        let nonce = outbox.next_nonce(5_000);
        outbox.keep(signed(nonce, 1)).unwrap();
        let mut again = Outbox::resume(&outbox.ahead, Vec::new()).unwrap();
        assert_eq!(again.next_nonce(10), 5_001, "a restart forgets none");
    }

    #[test]
    fn what_is_not_settled_is_found_again_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox");
        let mut outbox = Outbox::open(&path).unwrap();
        for nonce in 1..=5 {
            outbox.keep(signed(nonce, 10 + nonce)).unwrap();
        }
        outbox.settle(2).unwrap();
        outbox.settle(4).unwrap();
        drop(outbox);
        let again = Outbox::open(&path).unwrap();
        let open: Vec<_> = again.open_actions().cloned().collect();
        assert_eq!(open, [signed(1, 11), signed(3, 13), signed(5, 15)]);
        assert_eq!(again.sending(ClientOrderId::new(13)).unwrap().nonce, 3);
        assert_eq!(again.last_order(), Some(ClientOrderId::new(15)));
    }

    #[test]
    fn a_cut_at_any_byte_loses_at_most_the_last_record() {
        let mut outbox = Outbox::resume(&[], Vec::new()).unwrap();
        for nonce in 1..=3 {
            outbox.keep(signed(nonce, nonce)).unwrap();
        }
        let bytes = outbox.ahead;
        let mut seen = Vec::new();
        for cut in 0..=bytes.len() {
            let again = Outbox::resume(&bytes[..cut], Vec::new()).unwrap();
            seen.push(again.open_actions().count());
        }
        assert!(seen.is_sorted() && seen.last() == Some(&3));
        let mut altered = bytes.clone();
        altered[20] ^= 1;
        assert!(Outbox::resume(&altered, Vec::new()).is_err(), "damage in the middle is told");
    }
}
