//! The engine: calls the rooms, in order, for every event.
//!
//! Invariant: the engine is a function of its events. The same events give the same commands and
//! the same state, bit for bit: [`Engine::state_hash`] says so.

mod account;
mod clock;
mod config;
mod decide;
mod doubt;
mod market;
mod protect;
mod resume;
mod state;
mod view;

use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::domain::{
    Body, ConfigError, Event, Instrument, InstrumentId, NEVER, Rate, SentinelState, StrategyId,
};
use crate::execution::{Desk, Execution, Lane};
use crate::portfolio::Portfolio;
use crate::risk::{Commands, ExitLimits, Gate, Restraints, Scenarios, Switches};
use crate::strategy::Slot;

pub use crate::execution::Market;
use clock::EngineClock;
pub use config::{EngineConfig, FeatureConfig, InstrumentConfig, StrategyConfig};
use market::Feed;
use protect::{Group, Lock};
pub use view::{Sight, Sighting, StrategyView};

/// Why an event was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// It is about an instrument that is not configured.
    #[error("an event about instrument {0}, which is not configured")]
    UnknownInstrument(u16),
    /// It is about a strategy that is not configured.
    #[error("a decision of strategy {0}, which is not configured")]
    UnknownStrategy(u16),
    /// A snapshot does not hold an engine of this build.
    #[error("the snapshot does not hold an engine of this build")]
    Snapshot,
}

/// The engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Engine {
    clock: EngineClock,
    instruments: Vec<Instrument>,
    books: Vec<Book>,
    markets: Vec<Market>,
    feeds: Vec<Feed>,
    portfolio: Portfolio,
    slots: Vec<Slot>,
    /// The strategy of each instrument.
    owners: Vec<Option<StrategyId>>,
    gate: Gate,
    scenarios: Scenarios,
    /// How far from the best price depth is counted.
    depth_reach: Rate,
    switches: Switches,
    execution: Execution,
    exits: ExitLimits,
    max_data_age_ns: i64,
    /// Instruments that an operator has killed.
    locks: Vec<Lock>,
    /// Whether we hear what happens to the account.
    account_known: bool,
    sentinel: SentinelState,
    restraints: Restraints,
    group: Option<Group>,
    /// Since when it hears at all; not yet when it begins.
    hears_since_ns: i64,
    /// When each lane wants to be looked at.
    lane_due: Vec<i64>,
    due_ns: i64,
}

impl Engine {
    /// An engine of this configuration, before its first event. All it will ever need is reserved
    /// here.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn new(config: &EngineConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let instruments = config.instruments()?;
        let count = instruments.len();
        let slots: Vec<Slot> = (0..config.strategies.len())
            .map(|index| config.slot(index, &instruments))
            .collect::<Result<_, _>>()?;
        let mut owners = vec![None; count];
        for slot in &slots {
            if let Some(owner) = owners.get_mut(slot.instrument().index()) {
                *owner = Some(slot.id());
            }
        }
        let limits = &config.profile;
        let capacity = usize::try_from(limits.gate.max_open_orders).unwrap_or(900);
        let scenarios = Scenarios::new(limits, &instruments);
        let mut portfolio = Portfolio::new(count, config.cash);
        config.margin(&mut portfolio, &instruments, &scenarios);
        Ok(Self {
            clock: EngineClock::new(),
            books: instruments.iter().map(Book::new).collect(),
            markets: config.markets(),
            feeds: vec![Feed::default(); count],
            portfolio,
            slots,
            owners,
            scenarios,
            depth_reach: limits.governor.slippage,
            gate: Gate::new(limits, vec![true; count], config.strategies.len()),
            switches: Switches::new(limits.switches, count),
            execution: Execution::new(count, capacity.saturating_add(32), config.answer_timeout_ns),
            exits: limits.exits,
            max_data_age_ns: limits.gate.max_data_age_ns,
            locks: vec![Lock::default(); count],
            account_known: true,
            sentinel: SentinelState::default(),
            restraints: Restraints::default(),
            group: None,
            hears_since_ns: i64::MIN,
            lane_due: vec![NEVER; count],
            due_ns: i64::MIN,
            instruments,
        })
    }

    /// Something happened: take it in, and say what is to be done about it.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when it is about something that is not configured. Nothing has changed then.
    #[inline]
    pub fn on_event(&mut self, event: &Event<'_>, out: &mut Commands) -> Result<(), EngineError> {
        self.check(&event.body)?;
        self.clock.hear(event.received_ns);
        self.portfolio.roll_day(self.clock.now_ns());
        if self.clock.now_ns() >= self.due_ns {
            self.on_due_before(out);
        }
        match &event.body {
            Body::Depth(depth) => self.on_depth(depth, out),
            Body::Touch(touch) => self.on_touch(touch, out),
            Body::Trade(trade) => self.on_trade(trade, out),
            Body::Bar(bar) => self.on_bar(bar, event.time_ns, out),
            Body::Reference(reference) => self.on_reference(reference, out),
            Body::FundingRate(_) | Body::Timer => {}
            Body::Feed(feed) => self.on_feed(*feed, out),
            Body::Order(report) => self.on_order(report, out),
            Body::Fill(fill) => self.on_fill(fill, event.time_ns, out),
            Body::Funding(payment) => self.on_funding(payment, out),
            Body::Transfer(transfer) => self.on_transfer(transfer, out),
            Body::Position(report) => self.on_position(report, out),
            Body::Decision(decision) => self.on_decision(decision, out),
            Body::Operator(operator) => self.on_operator(*operator, out),
            Body::Strategy(state) => self.on_attention(*state, out),
            Body::Account(state) => self.on_account(*state, out),
            Body::Sentinel(state) => self.on_sentinel(*state, out),
            Body::Restraint(restraint) => self.on_restraint(*restraint, out),
            Body::Ledger(record) => self.on_ledger(*record, out),
        }
        if self.clock.now_ns() >= self.due_ns {
            self.on_due(out);
        }
        Ok(())
    }

    fn check(&self, body: &Body<'_>) -> Result<(), EngineError> {
        if let Some(instrument) = body.instrument()
            && instrument.index() >= self.instruments.len()
        {
            return Err(EngineError::UnknownInstrument(instrument.raw()));
        }
        let strategy = match body {
            Body::Decision(decision) => decision.strategy,
            Body::Strategy(state) => state.strategy,
            _ => return Ok(()),
        };
        if strategy.index() >= self.slots.len() {
            return Err(EngineError::UnknownStrategy(strategy.raw()));
        }
        Ok(())
    }

    /// When time alone makes something happen: the engine wants a [`Body::Timer`] then, unless
    /// another event comes first. By the clock of the events.
    #[inline]
    pub const fn due_ns(&self) -> i64 {
        self.clock.told(self.due_ns)
    }

    /// What ended before the event now being taken in comes first: bars close.
    #[cold]
    fn on_due_before(&mut self, out: &mut Commands) {
        for index in 0..self.slots.len() {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.on_time(self.clock.now_ns());
            }
            self.wake(index, out);
        }
    }

    /// Deadlines that have come: lanes work, latches release, closed books are asked for.
    #[cold]
    fn on_due(&mut self, out: &mut Commands) {
        if self.hears_since_ns == i64::MIN {
            self.hears_since_ns = self.clock.now_ns();
        }
        for index in 0..self.instruments.len() {
            let due = self.lane_due.get(index).copied().unwrap_or(NEVER);
            if due <= self.clock.now_ns() {
                let id = self.instruments.get(index).map(Instrument::id).unwrap_or_default();
                self.check_blind(id, out);
                self.work(id, out);
            }
            self.ask_for_snapshot(index, out);
        }
        self.advance_group(out);
        self.release_latches(out);
        self.refresh_due();
    }

    fn refresh_due(&mut self) {
        let lanes = self.lane_due.iter().copied().min().unwrap_or(NEVER);
        let slots = self.slots.iter().map(Slot::due_ns).min().unwrap_or(NEVER);
        let feeds = self.feeds.iter().map(|feed| feed.resnapshot_ns).min().unwrap_or(NEVER);
        let group = self.group.map_or(NEVER, |group| group.again_ns);
        self.due_ns = lanes.min(slots).min(feeds).min(group).min(self.latches_due_ns());
    }

    /// Run something on the lane of an instrument, with all it needs, and note when it is due.
    fn on_lane<T>(
        &mut self,
        id: InstrumentId,
        out: &mut Commands,
        run: impl FnOnce(&mut Lane, &mut Desk<'_>, &mut u32) -> T,
    ) -> Option<T> {
        let mode = self.mode(id);
        let instrument = self.instruments.get(id.index())?;
        let lane = self.execution.lanes.get_mut(id.index())?;
        let mut desk = Desk {
            now_ns: self.clock.now_ns(),
            instrument,
            market: *self.markets.get(id.index())?,
            portfolio: &self.portfolio,
            scenarios: &self.scenarios,
            limits: &self.exits,
            share: self.restraints.share(),
            mode,
            gate: &mut self.gate,
            orders: &mut self.execution.orders,
            refusals: &mut self.execution.refusals,
            out,
        };
        let outcome = run(lane, &mut desk, &mut self.execution.last_request);
        let due = lane.due_ns(&desk).min(self.blind_due_ns(id));
        // A lane that still waits for something after it was seen to is looked at again a retry
        // later, not at once: what it waits for comes as an event of its own.
        let soon = self.clock.now_ns().saturating_add(self.exits.close_retry_ns);
        self.set_lane_due(id, if due <= self.clock.now_ns() { soon } else { due });
        Some(outcome)
    }

    fn set_lane_due(&mut self, id: InstrumentId, due_ns: i64) {
        let Some(place) = self.lane_due.get_mut(id.index()) else { return };
        *place = due_ns;
        // Earlier than known is known at once; later is found when the old moment comes.
        self.due_ns = self.due_ns.min(due_ns);
    }

    /// Something changed for an instrument: its lane does what is next.
    fn work(&mut self, id: InstrumentId, out: &mut Commands) {
        self.on_lane(id, out, Lane::work);
        self.advance_group(out);
    }

    /// Ask the strategy at this place to decide, if something woke it.
    #[inline]
    fn wake(&mut self, index: usize, out: &mut Commands) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        if let Some(reason) = slot.take_wake() {
            out.push(crate::domain::CommandOf::Wake { strategy: slot.id(), reason });
        }
        self.due_ns = self.due_ns.min(slot.due_ns());
    }
}

#[cfg(test)]
mod tests;
