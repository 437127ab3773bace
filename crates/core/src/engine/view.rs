//! What a strategy sees when it is woken: the engine's own state, read where it lies.

use crate::book::Best;
use crate::domain::{Instrument, Money, NetQty, Price, StrategyId};
use crate::engine::Engine;
use crate::portfolio::Position;
use crate::strategy::{LastBar, Slot};

/// What a strategy sees. Prices are in ticks, quantities in lots.
#[derive(Clone, Copy, Debug)]
pub struct StrategyView<'a> {
    engine: &'a Engine,
    slot: &'a Slot,
}

impl Engine {
    /// What a strategy sees now.
    pub fn view(&self, strategy: StrategyId) -> Option<StrategyView<'_>> {
        let slot = self.slots.get(strategy.index())?;
        Some(StrategyView { engine: self, slot })
    }
}

impl<'a> StrategyView<'a> {
    /// Now.
    pub const fn time_ns(&self) -> i64 {
        self.engine.now_ns
    }

    /// What it trades.
    pub fn instrument(&self) -> Option<&'a Instrument> {
        self.engine.instruments.get(self.slot.instrument().index())
    }

    /// Best bid and ask, while the book can be looked at.
    pub fn best(&self) -> Option<Best> {
        self.engine.markets.get(self.slot.instrument().index())?.best
    }

    /// The position.
    pub fn position(&self) -> NetQty {
        self.engine.portfolio.qty(self.slot.instrument())
    }

    /// Average entry price; `None` when flat.
    pub fn entry_price(&self) -> Option<Price> {
        let position = self.engine.portfolio.position(self.slot.instrument())?;
        position.entry_price(self.instrument()?)
    }

    /// Gain or loss of the position at the mark.
    pub fn unrealised(&self) -> Money {
        let position = self.engine.portfolio.position(self.slot.instrument());
        position.map_or(Money::ZERO, Position::unrealised)
    }

    /// What the account is worth.
    pub const fn equity(&self) -> Money {
        self.engine.portfolio.equity()
    }

    /// The bar of its series that closed last.
    pub const fn bar(&self) -> Option<LastBar> {
        self.slot.last_bar()
    }

    /// The value of one of its features.
    pub fn feature(&self, index: usize) -> f64 {
        self.slot.features().value(index)
    }

    /// Levels of a side, best first.
    pub fn levels(
        &self,
        side: crate::domain::Side,
    ) -> impl Iterator<Item = crate::domain::Level> + 'a {
        let book = self.engine.books.get(self.slot.instrument().index());
        book.into_iter().flat_map(move |book| book.levels(side))
    }
}
