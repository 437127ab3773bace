//! What a strategy sees when it is woken: the engine's own state, read where it lies, or a copy of
//! it for a strategy that decides on another thread.

use crate::book::Best;
use crate::domain::{Instrument, Level, Money, NetQty, Price, Side, StrategyId};
use crate::engine::Engine;
use crate::portfolio::Position;
use crate::strategy::{LastBar, Slot};

/// What a strategy sees. Prices are in ticks, quantities in lots.
pub trait Sight {
    /// Now.
    fn time_ns(&self) -> i64;

    /// What it trades.
    fn instrument(&self) -> Option<&Instrument>;

    /// Best bid and ask, while the book can be looked at.
    fn best(&self) -> Option<Best>;

    /// The position.
    fn position(&self) -> NetQty;

    /// Average entry price; `None` when flat.
    fn entry_price(&self) -> Option<Price>;

    /// Gain or loss of the position at the mark.
    fn unrealised(&self) -> Money;

    /// What the account is worth.
    fn equity(&self) -> Money;

    /// The bar of its series that closed last.
    fn bar(&self) -> Option<LastBar>;

    /// The value of one of its features.
    fn feature(&self, index: usize) -> f64;

    /// Copy the best `count` levels of a side behind what `levels` holds.
    fn copy_levels(&self, side: Side, count: usize, levels: &mut Vec<Level>);
}

/// The engine's own state, read where it lies.
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

impl Sight for StrategyView<'_> {
    fn time_ns(&self) -> i64 {
        self.engine.clock.now_ns()
    }

    fn instrument(&self) -> Option<&Instrument> {
        self.engine.instruments.get(self.slot.instrument().index())
    }

    fn best(&self) -> Option<Best> {
        self.engine.markets.get(self.slot.instrument().index())?.best
    }

    fn position(&self) -> NetQty {
        self.engine.portfolio.qty(self.slot.instrument())
    }

    fn entry_price(&self) -> Option<Price> {
        let position = self.engine.portfolio.position(self.slot.instrument())?;
        position.entry_price(self.instrument()?)
    }

    fn unrealised(&self) -> Money {
        let position = self.engine.portfolio.position(self.slot.instrument());
        position.map_or(Money::ZERO, Position::unrealised)
    }

    fn equity(&self) -> Money {
        self.engine.portfolio.equity()
    }

    fn bar(&self) -> Option<LastBar> {
        self.slot.last_bar()
    }

    fn feature(&self, index: usize) -> f64 {
        self.slot.features().value(index)
    }

    fn copy_levels(&self, side: Side, count: usize, levels: &mut Vec<Level>) {
        let book = self.engine.books.get(self.slot.instrument().index());
        levels.extend(book.into_iter().flat_map(|book| book.levels(side)).take(count));
    }
}

/// A copy of what a strategy saw, for one that decides on another thread. Filled again and again.
#[derive(Clone, Debug, Default)]
pub struct Sighting {
    instrument: Option<Instrument>,
    time_ns: i64,
    best: Option<Best>,
    position: NetQty,
    entry_price: Option<Price>,
    unrealised: Money,
    equity: Money,
    bar: Option<LastBar>,
    features: Vec<f64>,
    depth: usize,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Sighting {
    /// Room for a view with this many levels a side.
    pub fn with_depth(depth: usize) -> Self {
        Self {
            depth,
            bids: Vec::with_capacity(depth),
            asks: Vec::with_capacity(depth),
            ..Self::default()
        }
    }

    /// Copy what a strategy sees.
    pub fn fill(&mut self, view: &StrategyView<'_>) {
        if self.instrument.is_none() {
            self.instrument = view.instrument().cloned();
        }
        self.time_ns = view.time_ns();
        self.best = view.best();
        self.position = view.position();
        self.entry_price = view.entry_price();
        self.unrealised = view.unrealised();
        self.equity = view.equity();
        self.bar = view.bar();
        self.features.clear();
        let features = view.slot.features();
        self.features.extend((0..features.len()).map(|index| features.value(index)));
        self.bids.clear();
        self.asks.clear();
        if self.depth > 0 {
            view.copy_levels(Side::Bid, self.depth, &mut self.bids);
            view.copy_levels(Side::Ask, self.depth, &mut self.asks);
        }
    }
}

impl Sight for Sighting {
    fn time_ns(&self) -> i64 {
        self.time_ns
    }

    fn instrument(&self) -> Option<&Instrument> {
        self.instrument.as_ref()
    }

    fn best(&self) -> Option<Best> {
        self.best
    }

    fn position(&self) -> NetQty {
        self.position
    }

    fn entry_price(&self) -> Option<Price> {
        self.entry_price
    }

    fn unrealised(&self) -> Money {
        self.unrealised
    }

    fn equity(&self) -> Money {
        self.equity
    }

    fn bar(&self) -> Option<LastBar> {
        self.bar
    }

    fn feature(&self, index: usize) -> f64 {
        self.features.get(index).copied().unwrap_or(f64::NAN)
    }

    fn copy_levels(&self, side: Side, count: usize, levels: &mut Vec<Level>) {
        let own = match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        };
        levels.extend(own.iter().take(count));
    }
}
