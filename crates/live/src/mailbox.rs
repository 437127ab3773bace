//! Where the engine leaves a question for a strategy, and when an answer is late.
//!
//! The engine never waits for a strategy. A question that was not taken up when the next one comes
//! is replaced by it: a strategy that is slow sees the newest state, not a queue of old ones.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use flyball_core::domain::{StrategyId, WakeReason};
use flyball_core::engine::{Sighting, StrategyView};
use flyball_core::strategy::Draft;

/// A question: decide, on this.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// When it was asked, by the engine's clock.
    pub woken_ns: i64,
    /// Why.
    pub reason: Option<WakeReason>,
    /// What the strategy sees.
    pub view: Sighting,
}

/// What came of a question.
#[derive(Debug)]
pub enum Answer {
    /// The strategy decided; an empty draft keeps what was wanted.
    Decided {
        /// The question that it answers.
        woken_ns: i64,
        /// What it wants.
        draft: Draft,
    },
    /// The strategy raised, or its thread ended: there will be no more answers.
    Gone {
        /// What is known of why, for people.
        reason: String,
    },
}

#[derive(Debug, Default)]
struct Shared {
    question: Option<Question>,
    /// A question that was answered, to be filled again.
    spare: Option<Question>,
    closed: bool,
}

/// The engine's end.
#[derive(Debug)]
pub struct Mailbox {
    strategy: StrategyId,
    shared: Arc<(Mutex<Shared>, Condvar)>,
    depth: usize,
    /// When the oldest question without an answer was asked.
    waiting_ns: Option<i64>,
    asked: u64,
    replaced: u64,
}

/// The strategy's end, on its own thread.
#[derive(Clone, Debug)]
pub struct Letters {
    shared: Arc<(Mutex<Shared>, Condvar)>,
}

impl Mailbox {
    /// A mailbox for a strategy that sees `depth` levels of each side.
    pub fn new(strategy: StrategyId, depth: usize) -> (Self, Letters) {
        let shared = Arc::new((Mutex::new(Shared::default()), Condvar::new()));
        let letters = Letters { shared: Arc::clone(&shared) };
        (Self { strategy, shared, depth, waiting_ns: None, asked: 0, replaced: 0 }, letters)
    }

    /// Whose it is.
    pub const fn strategy(&self) -> StrategyId {
        self.strategy
    }

    /// Ask for a decision on this. Never waits for the strategy.
    pub fn ask(&mut self, reason: WakeReason, view: &StrategyView<'_>, now_ns: i64) {
        let (lock, bell) = &*self.shared;
        // The strategy's end holds the lock only while it takes a question out.
        let mut shared = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = shared.question.take();
        self.replaced += u64::from(unread.is_some());
        let mut question = unread.or_else(|| shared.spare.take()).unwrap_or_else(|| Question {
            view: Sighting::with_depth(self.depth),
            ..Question::default()
        });
        question.woken_ns = now_ns;
        question.reason = Some(reason);
        question.view.fill(view);
        shared.question = Some(question);
        drop(shared);
        bell.notify_one();
        self.asked += 1;
        self.waiting_ns.get_or_insert(now_ns);
    }

    /// An answer to the question of `woken_ns` came. Whether it came within `deadline_ns`.
    pub fn answered(&mut self, woken_ns: i64, now_ns: i64, deadline_ns: i64) -> bool {
        let (lock, _) = &*self.shared;
        let shared = lock.lock().unwrap_or_else(PoisonError::into_inner);
        // A newer question may lie there, unread.
        self.waiting_ns = shared.question.as_ref().map(|question| question.woken_ns);
        now_ns.saturating_sub(woken_ns) <= deadline_ns
    }

    /// When the oldest question without an answer was asked.
    pub const fn waiting_ns(&self) -> Option<i64> {
        self.waiting_ns
    }

    /// Questions asked, and those of them that a newer one replaced before they were read.
    pub const fn counts(&self) -> (u64, u64) {
        (self.asked, self.replaced)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let (lock, bell) = &*self.shared;
        lock.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        bell.notify_all();
    }
}

impl Letters {
    /// Wait for the next question; `None` when there will be no more.
    pub fn next(&self) -> Option<Question> {
        let (lock, bell) = &*self.shared;
        let mut shared = lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if shared.closed {
                return None;
            }
            if let Some(question) = shared.question.take() {
                return Some(question);
            }
            shared = bell.wait(shared).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Give a question back that was answered, to be filled again.
    pub fn give_back(&self, question: Question) {
        let (lock, _) = &*self.shared;
        lock.lock().unwrap_or_else(PoisonError::into_inner).spare = Some(question);
    }
}
