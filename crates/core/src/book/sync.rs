//! Whether book messages follow each other, and what waits for a snapshot.

use serde::{Deserialize, Serialize};

use crate::domain::{Depth, DepthKind, InstrumentId, Level, Sequence, SequenceRule};

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Change the book by it.
    Apply,
    /// Replace the book by it, then apply what waited.
    Load,
    /// It is older than the book.
    Stale,
    /// It waits for a snapshot.
    Wait,
    /// Messages are missing before it. It waits for a snapshot.
    Gap {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        actual: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// No snapshot yet, or a gap since.
    Waiting,
    /// A snapshot was loaded and no change applied yet: the first one may overlap it.
    Loaded,
    /// Changes follow each other.
    Following,
}

/// The position in a feed's numbering.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Follower {
    rule: SequenceRule,
    state: State,
    last: u64,
}

impl Follower {
    pub(super) const fn new(rule: SequenceRule) -> Self {
        Self { rule, state: State::Waiting, last: 0 }
    }

    /// Number of the last update that is in the book.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// Start over: only a snapshot helps.
    pub(super) const fn lose(&mut self) {
        self.state = State::Waiting;
    }

    #[inline]
    pub(super) fn judge(&mut self, kind: DepthKind, sequence: Sequence) -> Verdict {
        if matches!(self.rule, SequenceRule::Unnumbered) {
            return self.judge_unnumbered(kind, sequence);
        }
        match kind {
            DepthKind::Snapshot => {
                if !self.is_waiting() && sequence.last < self.last {
                    return Verdict::Stale;
                }
                self.state = State::Loaded;
                self.last = sequence.last;
                Verdict::Load
            }
            DepthKind::Diff if self.is_waiting() => Verdict::Wait,
            DepthKind::Diff if sequence.last <= self.last => Verdict::Stale,
            DepthKind::Diff => {
                if let Some(gap) = self.gap_before(sequence) {
                    self.state = State::Waiting;
                    return gap;
                }
                self.state = State::Following;
                self.last = sequence.last;
                Verdict::Apply
            }
        }
    }

    fn judge_unnumbered(&mut self, kind: DepthKind, sequence: Sequence) -> Verdict {
        self.last = self.last.max(sequence.last);
        match kind {
            DepthKind::Snapshot => {
                self.state = State::Following;
                Verdict::Load
            }
            DepthKind::Diff if self.is_waiting() => Verdict::Wait,
            DepthKind::Diff => Verdict::Apply,
        }
    }

    const fn gap_before(&self, sequence: Sequence) -> Option<Verdict> {
        let next = self.last.saturating_add(1);
        // After a snapshot a message may begin inside it, and must reach on.
        let reaches = sequence.first <= next;
        let follows = match (self.rule, self.state) {
            (SequenceRule::NamesPrevious, State::Following) => sequence.previous == self.last,
            (SequenceRule::NamesPrevious, _) => reaches || sequence.previous == self.last,
            _ => reaches,
        };
        if follows {
            return None;
        }
        Some(match self.rule {
            SequenceRule::NamesPrevious => {
                Verdict::Gap { expected: self.last, actual: sequence.previous }
            }
            _ => Verdict::Gap { expected: next, actual: sequence.first },
        })
    }
}

const MAX_MESSAGES: usize = 1024;
const MAX_LEVELS: usize = 32 * 1024;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Waiting {
    sequence: Sequence,
    checksum: Option<u32>,
    start: usize,
    bids: usize,
    end: usize,
}

/// Changes that arrived before their snapshot. Room is reserved once; when it runs out what
/// waits is forgotten, and the snapshot that comes will be found too old.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WaitingRoom {
    messages: Vec<Waiting>,
    levels: Vec<Level>,
    open: bool,
}

impl WaitingRoom {
    pub(super) fn new(rule: SequenceRule) -> Self {
        if matches!(rule, SequenceRule::Unnumbered) {
            return Self::none();
        }
        Self {
            messages: Vec::with_capacity(MAX_MESSAGES),
            levels: Vec::with_capacity(MAX_LEVELS),
            open: true,
        }
    }

    /// A room that holds nothing: what stands in while the real one is being read.
    pub(super) const fn none() -> Self {
        Self { messages: Vec::new(), levels: Vec::new(), open: false }
    }

    pub(super) fn admit(&mut self, depth: &Depth<'_>) {
        let (bids, asks) = (depth.bids.len(), depth.asks.len());
        let more = bids.saturating_add(asks);
        if !self.open || more > MAX_LEVELS {
            return;
        }
        let full = self.messages.len() >= MAX_MESSAGES;
        if full || self.levels.len().saturating_add(more) > MAX_LEVELS {
            self.clear();
        }
        let start = self.levels.len();
        self.levels.extend_from_slice(depth.bids);
        self.levels.extend_from_slice(depth.asks);
        self.messages.push(Waiting {
            sequence: depth.sequence,
            checksum: depth.checksum,
            start,
            bids: start.saturating_add(bids),
            end: self.levels.len(),
        });
    }

    /// The message at this place in the queue.
    pub(super) fn get(&self, at: usize, instrument: InstrumentId) -> Option<Depth<'_>> {
        let waiting = self.messages.get(at)?;
        Some(Depth {
            instrument,
            kind: DepthKind::Diff,
            sequence: waiting.sequence,
            checksum: waiting.checksum,
            bids: self.levels.get(waiting.start..waiting.bids)?,
            asks: self.levels.get(waiting.bids..waiting.end)?,
        })
    }

    pub(super) fn clear(&mut self) {
        self.messages.clear();
        self.levels.clear();
    }
}
