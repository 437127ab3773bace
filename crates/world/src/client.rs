//! An engine with everything that belongs to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use flyball_core::domain::{Event, Notice, Random};
use flyball_core::journal::Encode;
use flyball_exchange::{Address, ConnId};
use flyball_live::duty::Duty;
use flyball_live::market::{Deliver, Market};
use flyball_live::node::{Keep, Node};
use flyball_live::outbox::Ahead;
use flyball_live::recover::Told;
use flyball_live::session::Session;

use crate::clock::Steered;
use crate::desk::Desk;

#[derive(Debug, Default)]
struct Kept {
    words: Vec<Vec<u64>>,
    records: u64,
    bytes: u64,
}

/// Words of the journal, as they would lie on a disk; or only how many they were.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    kept: Arc<Mutex<Kept>>,
    counts_only: bool,
}

impl Disk {
    /// One that only counts.
    pub(crate) fn counting() -> Self {
        Self { counts_only: true, ..Self::default() }
    }

    /// Records and bytes so far.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.records, kept.bytes)
    }

    /// What lies on it.
    pub(crate) fn words(&self) -> Vec<Vec<u64>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).words.clone()
    }
}

impl Keep for Disk {
    fn keep(&mut self, words: &mut Vec<u64>, records: u32) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.records += u64::from(records);
        kept.bytes += 8 * words.len() as u64;
        if self.counts_only {
            words.clear();
        } else {
            kept.words.push(std::mem::take(words));
        }
    }
}

/// Where actions are kept before they are sent; one that nobody will start anew forgets them.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    pub(crate) bytes: Vec<u8>,
    pub(crate) forgets: bool,
}

impl Ahead for Shelf {
    fn keep(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if !self.forgets {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// Events of the market, on their way to the engine.
#[derive(Debug, Default)]
pub(crate) struct Inbox(pub(crate) Vec<Vec<u64>>, Encode);

impl Deliver for Inbox {
    fn deliver(&mut self, event: &Event<'_>) {
        let mut words = Vec::new();
        self.1.event(event, &mut words);
        self.0.push(words);
    }
}

/// An engine with everything that belongs to it.
pub struct Client {
    /// The engine and its record.
    pub node: Node<Disk>,
    /// Its account's session.
    pub session: Session<Shelf>,
    pub(crate) market: Market<Inbox>,
    pub(crate) disk: Disk,
    pub(crate) first: Vec<u8>,
    pub(crate) told: Told,
    pub(crate) account_conn: Option<ConnId>,
    pub(crate) market_conn: Option<ConnId>,
    pub(crate) attempts: [u64; 2],
    pub(crate) asks: BTreeMap<u64, u64>,
    /// What the engine said, and when, where nobody stands beside it.
    pub notices: Vec<(i64, Notice)>,
    /// Orders that it sent.
    pub sent: u64,
    pub(crate) random: Random,
    /// Its account.
    pub address: Address,
    /// Whether its strategy without a plan decides.
    pub decides: bool,
    /// What its machine's clock shows.
    pub(crate) clock: Steered,
    /// Its process stands still until then.
    pub(crate) still_until_ns: i64,
    /// What stands beside it, where it is a run that is looked at.
    pub(crate) desk: Option<Box<Desk>>,
}

impl Client {
    /// When it wants to be looked at, by the world's time.
    pub(crate) fn due_ns(&self) -> i64 {
        let mut due = self.session.due_ns().min(self.market.due_ns());
        due = due.min(self.node.engine().due_ns());
        if let Some(desk) = &self.desk {
            due = due.min(desk.due_ns());
        }
        self.clock.when(due).max(self.still_until_ns)
    }
}
