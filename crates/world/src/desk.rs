//! What stands beside an engine in a run: its strategy, its counts, what it said of late, whether
//! its sentinel lives.

use std::collections::VecDeque;
use std::sync::Arc;

use flyball_core::domain::{Body, Decision, MILLISECOND, Notice, SECOND, StrategyId};
use flyball_core::engine::{Engine, Sight};
use flyball_core::strategy::Draft;
use flyball_live::mailbox::{Letters, Mailbox};
use flyball_live::measures::{Meters, Tally};
use flyball_live::runtime::{Beside, Guarded, Measured, Patience, Status};
use flyball_live::sentinel::beat::Wish;

use crate::trader::{DEPTH, Trader};

/// Notices that are kept: a status once a second misses none of them.
const NOTICES_KEPT: usize = 64;
/// A strategy answers within a second.
const PATIENCE: Patience = Patience { deadline_ns: SECOND, reduce_only: true };

/// What stands beside an engine.
pub(crate) struct Desk {
    pub(crate) beside: [Beside; 1],
    letters: Letters,
    pub(crate) trader: Trader,
    pub(crate) tally: Tally,
    pub(crate) meters: Arc<Meters>,
    notices: VecDeque<(i64, Notice)>,
    pub(crate) refused: u64,
    /// Whether a question lies in the mailbox, and nobody has said when it will be read.
    unread: bool,
    guarded: Guarded,
    /// When the sentinel was heard last; it says something ten times a second.
    pub(crate) sentinel_ns: i64,
}

/// What a strategy has decided, until its answer reaches the engine.
#[derive(Debug)]
pub(crate) struct Thought {
    pub(crate) woken_ns: i64,
    pub(crate) draft: Draft,
}

impl Desk {
    pub(crate) fn new(trader: Trader, meters: Arc<Meters>, now_ns: i64) -> Self {
        let (mailbox, letters) = Mailbox::new(StrategyId::new(0), DEPTH);
        Self {
            beside: [Beside::new("trader".to_owned(), mailbox)],
            letters,
            trader,
            tally: Tally::default(),
            meters,
            notices: VecDeque::with_capacity(NOTICES_KEPT),
            refused: 0,
            unread: false,
            guarded: Guarded::new(true),
            sentinel_ns: now_ns,
        }
    }

    pub(crate) fn said(&mut self, time_ns: i64, notice: Notice) {
        if self.notices.len() == NOTICES_KEPT {
            self.notices.pop_front();
        }
        self.notices.push_back((time_ns, notice));
    }

    /// Ask the strategy. How long until it reads the question, if it sleeps now.
    pub(crate) fn ask(
        &mut self,
        engine: &Engine,
        reason: flyball_core::domain::WakeReason,
        now_ns: i64,
    ) -> Option<i64> {
        let view = engine.view(StrategyId::new(0))?;
        self.beside[0].mailbox.ask(reason, &view, now_ns);
        let sleeps = !std::mem::replace(&mut self.unread, true);
        sleeps.then_some(MILLISECOND)
    }

    /// The strategy reads its question and decides. How long that takes, and what comes of it.
    pub(crate) fn think(&mut self) -> Option<(i64, Thought)> {
        if self.trader.is_stuck || !self.unread {
            return None;
        }
        self.unread = false;
        let question = self.letters.next()?;
        let mut draft = Draft::default();
        self.trader.decide(&question.view, &mut draft);
        let (woken_ns, _asked) = (question.woken_ns, question.view.time_ns());
        self.letters.give_back(question);
        Some((self.trader.takes_ns(), Thought { woken_ns, draft }))
    }

    /// A stuck strategy goes on: whether a question waits.
    pub(crate) const fn has_unread(&self) -> bool {
        self.unread
    }

    /// When the engine's thread wants to look at its strategy.
    pub(crate) fn due_ns(&self) -> i64 {
        self.beside[0].overdue_ns(PATIENCE).map_or(i64::MAX, |due| due.saturating_add(1))
    }

    /// What the engine hears because its strategy answered, as the engine's thread does it.
    pub(crate) fn answered<'a>(
        &mut self,
        thought: &'a Thought,
        now_ns: i64,
    ) -> (Option<Body<'static>>, Option<Body<'a>>) {
        use flyball_core::domain::Attention;
        let beside = &mut self.beside[0];
        if !beside.answered(thought.woken_ns, PATIENCE, now_ns) {
            return (None, None);
        }
        let late = beside.attention() == Attention::Late;
        let awake = if late { beside.turn(Attention::Awake, PATIENCE) } else { None };
        let (strategy, woken_ns) = (StrategyId::new(0), thought.woken_ns);
        let decided = thought.draft.intent();
        (
            awake.map(Body::Strategy),
            decided.map(|intent| Body::Decision(Decision { strategy, woken_ns, intent })),
        )
    }

    /// What the engine hears because its strategy did not answer.
    pub(crate) fn overdue(&mut self, now_ns: i64) -> Option<Body<'static>> {
        let beside = &mut self.beside[0];
        let late = beside.is_overdue(PATIENCE, now_ns);
        let state = late.then(|| beside.turn(flyball_core::domain::Attention::Late, PATIENCE));
        state.flatten().map(Body::Strategy)
    }

    /// What the engine hears because of its sentinel.
    pub(crate) fn watched(&mut self, now_ns: i64) -> Option<Body<'static>> {
        use flyball_live::runtime::Step;
        match self.guarded.look(Some((self.sentinel_ns, Wish::Nothing)), false, now_ns) {
            Some(Step::Tell(state)) => Some(Body::Sentinel(state)),
            _ => None,
        }
    }

    /// How the engine is doing, as its thread tells it.
    pub(crate) fn status(&self, engine: &Engine) -> (Status, Measured) {
        let notices = self.notices.iter().copied().collect();
        let status = Status::of(engine, &self.beside, notices, self.refused);
        (status, Measured::of(engine, &self.tally, &self.meters))
    }
}
