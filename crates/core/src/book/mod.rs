//! Order books by price level, rebuilt from what a venue sends.
//!
//! Invariant: nobody is ever shown a crossed book, or one with messages missing. Where that cannot
//! be helped, the book shows nothing and says why, and a snapshot heals it.
//!
//! A feed that tells single orders (L3) would keep its orders beside the ladders and set each
//! level to their sum: everything downstream reads levels and stays as it is.

mod checksum;
mod far;
mod ladder;
mod sync;

use serde::{Deserialize, Serialize};

use crate::domain::{
    ChecksumRule, Depth, DepthKind, Instrument, InstrumentId, Level, Price, Qty, Side, Touch,
};
use ladder::Ladder;
use sync::{Follower, Verdict, WaitingRoom};

/// Why an update could not be applied. The book must be rebuilt from a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// An update is missing between two sequence numbers.
    #[error("gap: expected sequence {expected}, got {actual}")]
    Gap {
        /// The sequence number that the book was waiting for.
        expected: u64,
        /// The sequence number that arrived.
        actual: u64,
    },
    /// More price levels arrived than were reserved at start-up.
    #[error("more levels than the {capacity} reserved at start-up: raise book_depth")]
    Full {
        /// Levels a side outside the dense part.
        capacity: usize,
    },
    /// The venue's checksum is not ours.
    #[error("checksum {actual} instead of {expected}")]
    Checksum {
        /// What the venue says.
        expected: u32,
        /// What the rebuilt book gives.
        actual: u32,
    },
}

/// What a message did to a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The book changed.
    Changed,
    /// The book changed, and is whole again after a gap.
    Healed,
    /// Nothing: the message is older than the book.
    Stale,
    /// Nothing yet: the message waits for a snapshot.
    Waits,
}

/// Whether a book can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookState {
    /// No snapshot has come yet.
    Empty,
    /// It is whole.
    Live,
    /// Messages are missing, or a checksum was wrong. A snapshot heals it.
    Broken,
    /// Best bid and ask overlap. The next message that parts them heals it.
    Crossed,
}

/// The best bid and the best ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Best {
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

impl Best {
    /// Twice the mid price, in ticks: exact.
    pub const fn twice_mid(self) -> i64 {
        self.bid.price.ticks().saturating_add(self.ask.price.ticks())
    }

    /// The mid price rounded to the tick, half towards the ask.
    pub const fn mid(self) -> Price {
        Price::from_ticks(self.twice_mid().saturating_add(1).div_euclid(2))
    }

    /// The spread, in ticks.
    pub const fn spread(self) -> i64 {
        self.ask.price.ticks().saturating_sub(self.bid.price.ticks())
    }

    /// The best price of a side.
    pub const fn level(self, side: Side) -> Level {
        match side {
            Side::Bid => self.bid,
            Side::Ask => self.ask,
        }
    }

    const fn is_sound(self) -> bool {
        self.bid.price.ticks() < self.ask.price.ticks()
            && self.bid.price.is_tradable()
            && self.ask.price.is_tradable()
    }
}

/// An order book by price level (L2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Book {
    instrument: InstrumentId,
    bids: Ladder<true>,
    asks: Ladder<false>,
    state: BookState,
    follower: Follower,
    waiting: WaitingRoom,
    checksum_rule: ChecksumRule,
    /// Levels a side that the venue tells of; what falls out of them is gone without a word.
    kept: Option<usize>,
    /// The newest best prices that came ahead of the book's own messages.
    ahead: Option<Best>,
    ahead_sequence: u64,
}

impl Book {
    /// An empty book with room for the instrument's depth. This is the only allocation.
    pub fn new(instrument: &Instrument) -> Self {
        let depth = usize::try_from(instrument.book_depth()).unwrap_or(usize::MAX);
        let kept = (instrument.checksum_rule() == ChecksumRule::KrakenTop10).then_some(depth);
        // A message may add as many levels as there are before the worst ones fall out.
        let room = if kept.is_some() { depth.saturating_mul(2) } else { depth };
        Self {
            instrument: instrument.id(),
            bids: Ladder::with_capacity(room),
            asks: Ladder::with_capacity(room),
            state: BookState::Empty,
            follower: Follower::new(instrument.sequence_rule()),
            waiting: WaitingRoom::new(instrument.sequence_rule()),
            checksum_rule: instrument.checksum_rule(),
            kept,
            ahead: None,
            ahead_sequence: 0,
        }
    }

    /// Take in a message of the book's own feed.
    ///
    /// # Errors
    ///
    /// [`BookError`] when something is missing or wrong. The book then shows nothing until a
    /// snapshot comes; messages that follow wait for it.
    #[inline]
    pub fn apply(&mut self, depth: &Depth<'_>) -> Result<Applied, BookError> {
        match self.follower.judge(depth.kind, depth.sequence) {
            Verdict::Apply => self.change(depth),
            Verdict::Load => self.load(depth),
            Verdict::Stale => Ok(Applied::Stale),
            Verdict::Wait => {
                self.waiting.admit(depth);
                Ok(Applied::Waits)
            }
            Verdict::Gap { expected, actual } => {
                self.break_off();
                self.waiting.clear();
                self.waiting.admit(depth);
                Err(BookError::Gap { expected, actual })
            }
        }
    }

    #[inline]
    fn change(&mut self, depth: &Depth<'_>) -> Result<Applied, BookError> {
        if let Err(error) = self.set_levels(depth) {
            self.break_off();
            return Err(error);
        }
        self.settle(depth)
    }

    fn set_levels(&mut self, depth: &Depth<'_>) -> Result<(), BookError> {
        for &level in depth.bids {
            self.bids.set(level)?;
        }
        for &level in depth.asks {
            self.asks.set(level)?;
        }
        if let Some(depth) = self.kept {
            self.bids.truncate(depth)?;
            self.asks.truncate(depth)?;
        }
        Ok(())
    }

    /// A whole message is in: decide whether the book may be looked at.
    #[inline]
    fn settle(&mut self, depth: &Depth<'_>) -> Result<Applied, BookError> {
        let crossed = match (self.bids.best(), self.asks.best()) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        };
        let was = self.state;
        self.state = if crossed { BookState::Crossed } else { BookState::Live };
        if self.ahead_sequence <= self.follower.last() {
            self.ahead = None;
        }
        if let Some(expected) = depth.checksum {
            self.check(expected)?;
        }
        let healed = matches!(was, BookState::Broken | BookState::Crossed) && !crossed;
        Ok(if healed { Applied::Healed } else { Applied::Changed })
    }

    fn check(&mut self, expected: u32) -> Result<(), BookError> {
        let actual = match self.checksum_rule {
            ChecksumRule::Absent => return Ok(()),
            ChecksumRule::KrakenTop10 => checksum::kraken_top10(self),
        };
        if actual == expected {
            return Ok(());
        }
        self.break_off();
        Err(BookError::Checksum { expected, actual })
    }

    #[cold]
    fn load(&mut self, snapshot: &Depth<'_>) -> Result<Applied, BookError> {
        self.bids.clear();
        self.asks.clear();
        let mut applied = self.change(snapshot)?;
        let waiting = std::mem::replace(&mut self.waiting, WaitingRoom::none());
        let mut at = 0;
        let mut outcome = Ok(());
        while let Some(depth) = waiting.get(at, self.instrument) {
            match self.follower.judge(DepthKind::Diff, depth.sequence) {
                Verdict::Apply => match self.change(&depth) {
                    Ok(Applied::Healed) => applied = Applied::Healed,
                    Ok(_) => {}
                    Err(error) => outcome = Err(error),
                },
                Verdict::Gap { expected, actual } => {
                    outcome = Err(BookError::Gap { expected, actual });
                }
                Verdict::Stale | Verdict::Load | Verdict::Wait => {}
            }
            if outcome.is_err() {
                break;
            }
            at = at.saturating_add(1);
        }
        self.waiting = waiting;
        if outcome.is_err() {
            // The snapshot was older than what waits: keep that for the next one.
            self.break_off();
        } else {
            self.waiting.clear();
        }
        outcome.map(|()| applied)
    }

    fn break_off(&mut self) {
        self.state = BookState::Broken;
        self.follower.lose();
    }

    /// Take in best prices that a feed sends ahead of the book's own messages.
    #[inline]
    pub fn apply_touch(&mut self, touch: &Touch) -> Applied {
        let best = Best { bid: touch.bid, ask: touch.ask };
        let older = touch.sequence != 0
            && (touch.sequence < self.follower.last() || touch.sequence < self.ahead_sequence);
        if older || !best.is_sound() {
            return Applied::Stale;
        }
        self.ahead = Some(best);
        self.ahead_sequence = touch.sequence;
        Applied::Changed
    }

    /// The feed is gone: what the book shows is no longer true.
    pub fn disconnect(&mut self) {
        self.break_off();
        self.waiting.clear();
        self.ahead = None;
        self.ahead_sequence = 0;
    }

    /// Whether the book can be looked at.
    pub const fn state(&self) -> BookState {
        self.state
    }

    /// Number of the last update in the book.
    pub const fn sequence(&self) -> u64 {
        self.follower.last()
    }

    /// Best bid and ask, from the newest source. Nothing while the book is broken or crossed.
    #[inline]
    pub fn best(&self) -> Option<Best> {
        if matches!(self.state, BookState::Broken | BookState::Crossed) {
            return None;
        }
        self.ahead.or_else(|| self.ladder_best())
    }

    /// Best bid and ask of the ladders alone.
    #[inline]
    fn ladder_best(&self) -> Option<Best> {
        if !matches!(self.state, BookState::Live) {
            return None;
        }
        Some(Best { bid: self.bids.best_level()?, ask: self.asks.best_level()? })
    }

    /// Levels of one side, best first. Nothing while the book is broken or crossed.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let live = matches!(self.state, BookState::Live);
        let bids = (live && side == Side::Bid).then(|| self.bids.iter());
        let asks = (live && side == Side::Ask).then(|| self.asks.iter());
        bids.into_iter().flatten().chain(asks.into_iter().flatten())
    }

    /// Put all levels of one side into `all`, best first: for those who want every one of a deep
    /// book. Nothing while the book is broken or crossed.
    pub fn copy_levels(&self, side: Side, all: &mut Vec<Level>) {
        match (self.state, side) {
            (BookState::Live, Side::Bid) => self.bids.copy_to(all),
            (BookState::Live, Side::Ask) => self.asks.copy_to(all),
            _ => all.clear(),
        }
    }

    /// Levels of one side as far as they can be traded with: what came ahead of the book's own
    /// messages first, then the levels behind it. Nothing while the book is broken or crossed.
    pub fn liquidity(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let hidden = matches!(self.state, BookState::Broken | BookState::Crossed);
        let ahead = self.ahead.filter(|_| !hidden).map(|best| best.level(side));
        let behind = self.levels(side).skip_while(move |level| {
            ahead.is_some_and(|ahead| !ahead.price.better(side, level.price))
        });
        ahead.into_iter().chain(behind)
    }

    /// Lots on the best `most` levels of one side. None while the book is broken or crossed.
    #[inline]
    pub fn lots(&self, side: Side, most: usize) -> Qty {
        self.lots_near(side, most, u64::MAX)
    }

    fn lots_near(&self, side: Side, most: usize, reach: u64) -> Qty {
        match (self.state, side) {
            (BookState::Live, Side::Bid) => self.bids.lots(most, reach),
            (BookState::Live, Side::Ask) => self.asks.lots(most, reach),
            _ => Qty::ZERO,
        }
    }

    /// Lots of [`liquidity`](Self::liquidity) on the best `most` levels of one side, as far as they
    /// lie within so many ticks of the best one as `reach` says of its price, if of any.
    pub fn liquid_lots<F>(&self, side: Side, most: usize, reach: F) -> Qty
    where
        F: FnOnce(Price) -> Option<u64>,
    {
        let Some(best) = self.liquidity(side).next() else { return Qty::ZERO };
        let Some(reach) = reach(best.price) else { return Qty::ZERO };
        if self.ahead.is_none() {
            return self.lots_near(side, most, reach);
        }
        let levels = self.liquidity(side).take(most);
        let near = levels.take_while(|level| level.price.distance(best.price) <= reach);
        near.fold(Qty::ZERO, |sum, level| sum.plus(level.qty))
    }

    /// What rests at a price of one side. Nothing while the book is broken or crossed.
    #[inline]
    pub fn qty_at(&self, side: Side, price: Price) -> Qty {
        match (self.state, side) {
            (BookState::Live, Side::Bid) => self.bids.qty_at(price),
            (BookState::Live, Side::Ask) => self.asks.qty_at(price),
            _ => Qty::ZERO,
        }
    }

    /// Whether the book knows what rests at this price: whether it has shown a level there or
    /// beyond.
    pub fn reaches(&self, side: Side, price: Price) -> bool {
        let reach = match side {
            Side::Bid => self.bids.reach(),
            Side::Ask => self.asks.reach(),
        };
        reach.is_some_and(|reach| !reach.better(side, price))
    }

    /// How many levels a side has.
    pub const fn depth(&self, side: Side) -> usize {
        match side {
            Side::Bid => self.bids.len(),
            Side::Ask => self.asks.len(),
        }
    }
}

#[cfg(test)]
mod tests;
