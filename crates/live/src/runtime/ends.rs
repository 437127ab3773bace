//! What stands at the connections of the engine's thread: the account's session and the market.

use flyball_core::domain::{Body, Event};
use flyball_core::journal::Encode;

use crate::duty::Duty;
use crate::market::{self, Deliver, Market, Wish};
use crate::outbox::Ahead;
use crate::runtime::AccountSide;
use crate::session::{Batch, Session};

/// What sends the engine's orders and hears of the account.
pub trait Account: Duty<Message = Batch> {
    /// The next event for the engine: when it happened by the venue's clock, and what.
    fn next_event(&mut self) -> Option<(i64, Body<'static>)>;

    /// How it is doing.
    fn side(&self, now_ns: i64) -> AccountSide;
}

impl<A: Ahead> Account for Session<A> {
    fn next_event(&mut self) -> Option<(i64, Body<'static>)> {
        Self::next_event(self)
    }

    fn side(&self, now_ns: i64) -> AccountSide {
        AccountSide::of(self, now_ns)
    }
}

/// What hears the market.
pub trait Feed: Duty<Message = Wish> {
    /// Events that came and were not fetched yet, as words.
    fn words(&mut self) -> &mut Vec<u64>;

    /// How it is doing.
    fn counts(&self) -> market::Counts;
}

/// Events of the market, as words, until the engine takes them in.
#[derive(Debug, Default)]
pub struct Words {
    words: Vec<u64>,
    encode: Encode,
}

impl Deliver for Words {
    fn deliver(&mut self, event: &Event<'_>) {
        self.encode.event(event, &mut self.words);
    }
}

impl Words {
    /// What came and was not fetched yet.
    pub const fn words(&mut self) -> &mut Vec<u64> {
        &mut self.words
    }
}

impl Feed for Market<Words> {
    fn words(&mut self) -> &mut Vec<u64> {
        self.delivery().words()
    }

    fn counts(&self) -> market::Counts {
        Self::counts(self)
    }
}
