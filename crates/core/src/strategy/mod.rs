//! Strategies as the engine sees them: what wakes them, what they listen to, how large their
//! signals become. Deciding is theirs and happens elsewhere; the decision comes back as an event.
//!
//! signal → learner's multipliers → size → gate → execution → record → reward: the record of a
//! round trip ([`Notice::TradeClosed`](crate::domain::Notice::TradeClosed)) is what a learner is
//! rewarded by.

mod draft;
mod sizing;
mod wake;

use serde::{Deserialize, Serialize};

use crate::book::{Best, Book};
use crate::domain::{Attention, Bar, InstrumentId, StrategyId, Trade, WakeReason};
use crate::features::{ClosedBar, FeatureSet};
pub use draft::Draft;
pub use sizing::{Multipliers, Sizing, SizingInput};
use wake::Alarm;
pub use wake::{Crossing, WakeSpec};

/// A strategy's place in the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slot {
    id: StrategyId,
    instrument: InstrumentId,
    alarm: Alarm,
    features: FeatureSet,
    sizing: Sizing,
    multipliers: Multipliers,
    last_bar: Option<LastBar>,
    not_ready: u64,
    attention: Attention,
    due_ns: i64,
}

/// The bar that closed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBar {
    /// When it ended.
    pub end_ns: i64,
    /// Open, high, low, close in ticks.
    pub prices: [i64; 4],
    /// Lots.
    pub volume: u64,
}

impl Slot {
    /// A place for strategy `id` in this instrument.
    pub fn new(
        id: StrategyId,
        instrument: InstrumentId,
        wake: WakeSpec,
        features: FeatureSet,
        sizing: Sizing,
    ) -> Self {
        let due_ns = features.deadline_ns();
        Self {
            id,
            instrument,
            alarm: Alarm::new(wake),
            features,
            sizing,
            multipliers: Multipliers::IDENTITY,
            last_bar: None,
            not_ready: 0,
            attention: Attention::Awake,
            due_ns,
        }
    }

    /// Whose place it is.
    pub const fn id(&self) -> StrategyId {
        self.id
    }

    /// What it trades.
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// How its signals are sized.
    pub const fn sizing(&self) -> &Sizing {
        &self.sizing
    }

    /// What the learner says.
    pub const fn multipliers(&self) -> Multipliers {
        self.multipliers
    }

    /// Its features.
    pub const fn features(&self) -> &FeatureSet {
        &self.features
    }

    /// The bar that closed last.
    pub const fn last_bar(&self) -> Option<LastBar> {
        self.last_bar
    }

    /// Wakes that were left out because a declared feature had no value yet.
    pub const fn not_ready(&self) -> u64 {
        self.not_ready
    }

    /// Whether it answers when it is woken.
    pub const fn attention(&self) -> Attention {
        self.attention
    }

    /// It began or ceased to answer. Whether that is news.
    pub fn set_attention(&mut self, attention: Attention) -> bool {
        std::mem::replace(&mut self.attention, attention) != attention
    }

    /// When time alone makes something happen here.
    #[inline]
    pub const fn due_ns(&self) -> i64 {
        self.due_ns
    }

    fn refresh_due(&mut self) {
        self.due_ns = self.features.deadline_ns().min(self.alarm.timer_ns());
    }

    /// The book changed, or was hidden.
    #[inline]
    pub fn on_book(&mut self, book: &Book, best: Option<Best>, now_ns: i64) {
        self.features.on_book(book, best, now_ns);
        self.watch();
        self.alarm.heard(WakeReason::Book);
    }

    /// Somebody traded.
    #[inline]
    pub fn on_trade(&mut self, trade: &Trade, now_ns: i64) {
        if let Some(closed) = self.features.on_trade(trade, now_ns) {
            self.bar_closed(&closed);
        }
        self.watch();
        self.alarm.heard(WakeReason::Trade);
        self.refresh_due();
    }

    /// The source closed a bar.
    #[inline]
    pub fn on_bar(&mut self, bar: &Bar, end_ns: i64) {
        if let Some(closed) = self.features.on_bar(bar, end_ns) {
            self.bar_closed(&closed);
        }
        self.watch();
        self.refresh_due();
    }

    /// One of its orders traded.
    pub const fn on_fill(&mut self) {
        self.alarm.heard(WakeReason::Fill);
    }

    /// Time passed: bars whose end has come close, and the timer rings. Before what happened then.
    #[inline]
    pub fn on_time(&mut self, now_ns: i64) {
        if now_ns < self.due_ns {
            return;
        }
        while self.features.deadline_ns() <= now_ns {
            let Some(closed) = self.features.on_time(now_ns) else { break };
            self.bar_closed(&closed);
        }
        self.watch();
        self.alarm.tick(now_ns);
        self.refresh_due();
    }

    fn bar_closed(&mut self, closed: &ClosedBar) {
        let bar = &closed.bar;
        self.last_bar = Some(LastBar {
            end_ns: closed.time_ns,
            prices: [bar.open.ticks(), bar.high.ticks(), bar.low.ticks(), bar.close.ticks()],
            volume: bar.volume.lots(),
        });
        self.alarm.heard(WakeReason::Bar);
    }

    #[inline]
    fn watch(&mut self) {
        let features = &self.features;
        self.alarm.watch(|index| features.value(index));
    }

    /// Why the strategy is to be woken now, if it is. Not while a feature that it declared has no
    /// value: NaN is never decided on.
    #[inline]
    pub fn take_wake(&mut self) -> Option<WakeReason> {
        let reason = self.alarm.take()?;
        let ready = (0..self.features.len()).all(|index| !self.features.value(index).is_nan());
        if ready {
            return Some(reason);
        }
        self.not_ready = self.not_ready.saturating_add(1);
        None
    }
}
