//! What the engine knows, for those who look on; and its whole state, kept and restored.

use crate::book::Book;
use crate::domain::{Attention, Instrument, InstrumentId, Rate, SentinelState, StrategyId};
use crate::engine::{Engine, EngineError, Market};
use crate::execution::Execution;
use crate::portfolio::Portfolio;
use crate::risk::{Gate, Mode, Restraints, Scenarios, Switches};
use crate::strategy::Slot;

impl Engine {
    /// Now, by the engine's clock: where the events' was put back, it is ahead of that.
    pub const fn now_ns(&self) -> i64 {
        self.clock.now_ns()
    }

    /// The instruments.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// The account.
    pub const fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }

    /// The switches.
    pub const fn switches(&self) -> &Switches {
        &self.switches
    }

    /// What could happen to prices.
    pub const fn scenarios(&self) -> &Scenarios {
        &self.scenarios
    }

    /// The gate.
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Lanes, orders and refusals.
    pub const fn execution(&self) -> &Execution {
        &self.execution
    }

    /// The book of an instrument.
    pub fn book(&self, id: InstrumentId) -> Option<&Book> {
        self.books.get(id.index())
    }

    /// What is known of an instrument's market.
    pub fn market(&self, id: InstrumentId) -> Option<&Market> {
        self.markets.get(id.index())
    }

    /// The strategies' places.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether new risk may be taken in an instrument.
    pub fn mode(&self, id: InstrumentId) -> Mode {
        let locked = self.is_locked(id);
        if self.switches.is_stopped() || locked {
            Mode::Killed
        } else if self.switches.is_reducing()
            || self.switches.position_latch(id).is_tripped()
            || self.inattentive(id)
            || !self.account_known
            || self.sentinel != SentinelState::Watching
            || self.restraints.share() == Rate::ZERO
        {
            Mode::ReduceOnly
        } else {
            Mode::Normal
        }
    }

    /// Whether we hear what happens to the account.
    pub const fn account_known(&self) -> bool {
        self.account_known
    }

    /// What the sentinel is to this run.
    pub const fn sentinel(&self) -> SentinelState {
        self.sentinel
    }

    /// What may be used of the risk budget, in whose eyes.
    pub const fn restraints(&self) -> &Restraints {
        &self.restraints
    }

    /// The place of the strategy that trades an instrument.
    #[inline]
    pub(super) fn slot_of(&self, id: InstrumentId) -> Option<usize> {
        self.owners.get(id.index()).copied().flatten().map(StrategyId::index)
    }

    fn inattentive(&self, id: InstrumentId) -> bool {
        let slot = self.slot_of(id).and_then(|index| self.slots.get(index));
        slot.is_some_and(|slot| slot.attention() != Attention::Awake)
    }

    /// The whole state, as bytes from which [`Engine::restore`] makes the same engine again.
    pub fn snapshot(&self) -> Vec<u8> {
        // Serialising to memory cannot fail; if it did, the empty snapshot would not restore.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// The engine that a snapshot holds.
    ///
    /// # Errors
    ///
    /// [`EngineError::Snapshot`] when the bytes hold none, or one of another build.
    pub fn restore(snapshot: &[u8]) -> Result<Self, EngineError> {
        postcard::from_bytes(snapshot).map_err(|_| EngineError::Snapshot)
    }

    /// A hash of the whole state.
    pub fn state_hash(&self) -> [u8; 32] {
        *blake3::hash(&self.snapshot()).as_bytes()
    }
}
