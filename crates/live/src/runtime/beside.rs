//! A strategy as the engine's thread sees it: whether it answers, and in time.

use flyball_core::domain::{Attention, StrategyState};

use crate::mailbox::Mailbox;

/// What is done about strategies that answer late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A decision that took longer than this is dropped.
    pub deadline_ns: i64,
    /// Whether a strategy that is late may only reduce until it answers in time.
    pub reduce_only: bool,
}

/// A strategy as the engine's thread sees it.
#[derive(Debug)]
pub struct Beside {
    /// Where its questions go.
    pub mailbox: Mailbox,
    /// What people call it.
    pub name: String,
    pub(super) attention: Attention,
    pub(super) overruns: u64,
    pub(super) dropped: u64,
    pub(super) reason: Option<String>,
}

impl Beside {
    /// A strategy that has not been asked anything.
    pub const fn new(name: String, mailbox: Mailbox) -> Self {
        Self { mailbox, name, attention: Attention::Awake, overruns: 0, dropped: 0, reason: None }
    }

    /// Whether it answers.
    pub const fn attention(&self) -> Attention {
        self.attention
    }

    /// When its answer will be overdue, if it owes one.
    pub fn overdue_ns(&self, patience: Patience) -> Option<i64> {
        let awake = self.attention == Attention::Awake;
        let asked = self.mailbox.waiting_ns().filter(|_| awake);
        asked.map(|asked| asked.saturating_add(patience.deadline_ns))
    }

    /// Whether its answer has become overdue: it is late from now on.
    pub fn is_overdue(&mut self, patience: Patience, now_ns: i64) -> bool {
        let late = self.overdue_ns(patience).is_some_and(|due| now_ns > due);
        self.overruns += u64::from(late);
        late
    }

    /// It answered a question of `woken_ns`. Whether in time: what comes late is dropped.
    pub fn answered(&mut self, woken_ns: i64, patience: Patience, now_ns: i64) -> bool {
        let heard = self.mailbox.answered(woken_ns, now_ns, patience.deadline_ns);
        self.dropped += u64::from(!heard);
        heard
    }

    /// From now on it answers, is late, or is gone. What the engine is to be told.
    pub fn turn(&mut self, attention: Attention, patience: Patience) -> Option<StrategyState> {
        self.attention = attention;
        let told = attention != Attention::Late || patience.reduce_only;
        told.then(|| StrategyState { strategy: self.mailbox.strategy(), attention })
    }
}
