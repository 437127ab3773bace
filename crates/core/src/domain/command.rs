//! What the engine tells the world to do.

use serde::{Deserialize, Serialize};

use crate::domain::{ClientOrderId, InstrumentId, Notice, StrategyId};

/// What woke a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WakeReason {
    /// Its timer.
    Timer,
    /// A bar closed.
    Bar,
    /// The book changed.
    Book,
    /// Somebody traded.
    Trade,
    /// One of its orders traded.
    Fill,
    /// A feature crossed the level that it named.
    Cross,
}

/// What the engine tells the world to do. `O` is what proves that an order may be sent: for the
/// engine `Approved<Order>`, for whoever reads a journal the plain order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandOf<O> {
    /// Send this order.
    Submit(O),
    /// Cancel this order. Cancelling what is gone does nothing.
    Cancel {
        /// Of what.
        instrument: InstrumentId,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// Ask the venue what became of this order.
    Query {
        /// Of what.
        instrument: InstrumentId,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// Ask the venue for all positions and open orders.
    ReadAccount {
        /// The number that the answer carries.
        request: u32,
    },
    /// Ask the venue for a fresh snapshot of this book.
    Resnapshot {
        /// Of what.
        instrument: InstrumentId,
    },
    /// Ask a strategy to decide.
    Wake {
        /// Who.
        strategy: StrategyId,
        /// Why.
        reason: WakeReason,
    },
    /// Tell people and programmes.
    Notice(Notice),
}

/// The commands that one event brought, in order. Room is reserved once and used again.
#[derive(Debug)]
pub struct Commands<O> {
    items: Vec<CommandOf<O>>,
}

impl<O> Commands<O> {
    /// Room for `capacity` commands. More than that still fit, at the price of an allocation:
    /// a command is never dropped.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { items: Vec::with_capacity(capacity) }
    }

    /// Add a command.
    pub fn push(&mut self, command: CommandOf<O>) {
        self.items.push(command);
    }

    /// Say something.
    pub fn notice(&mut self, notice: Notice) {
        self.items.push(CommandOf::Notice(notice));
    }

    /// The commands so far.
    pub fn as_slice(&self) -> &[CommandOf<O>] {
        &self.items
    }

    /// Forget them, keep the room.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Take them out, in order, keeping the room.
    pub fn drain(&mut self) -> impl Iterator<Item = CommandOf<O>> + '_ {
        self.items.drain(..)
    }
}
