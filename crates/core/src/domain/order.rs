//! Orders.

use serde::{Deserialize, Serialize};

use crate::domain::{ClientOrderId, InstrumentId, Price, Qty, StrategyId};

/// Which side of the book an order is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Side {
    /// Buy.
    Bid = 0,
    /// Sell.
    Ask = 1,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }

    /// +1 for a bid, −1 for an ask.
    pub const fn sign(self) -> i64 {
        match self {
            Self::Bid => 1,
            Self::Ask => -1,
        }
    }
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeInForce {
    /// Until it is cancelled.
    GoodTilCancelled,
    /// What does not trade at once is cancelled.
    ImmediateOrCancel,
    /// Rejected if it would trade at once.
    PostOnly,
}

/// What makes an order act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderKind {
    /// A limit order, at once.
    Limit(TimeInForce),
    /// A stop: when the mark reaches `trigger`, the position is closed at the market, no further
    /// than the order's price. It always closes the whole position, whatever its size by then.
    Stop {
        /// Mark price that sets it off.
        trigger: Price,
    },
}

/// Why the engine sends an order. Decides which message budget it draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To work a position that a strategy wants.
    Entry,
    /// A quote that a strategy wants resting.
    Quote,
    /// The protective stop that rests at the venue.
    Stop,
    /// The exit owner closes a position.
    Exit,
    /// A switch, or an operator, flattens.
    Flatten,
}

impl Purpose {
    /// Whether the order serves protection, and so may draw on the reserved message budget.
    pub const fn protects(self) -> bool {
        matches!(self, Self::Stop | Self::Exit | Self::Flatten)
    }
}

/// An order that the engine wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The engine's id for it.
    pub client_order_id: ClientOrderId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// The strategy whose intent it serves.
    pub strategy: StrategyId,
    /// Bid or ask.
    pub side: Side,
    /// Limit price; for a stop the worst price it may close at.
    pub price: Price,
    /// Size.
    pub qty: Qty,
    /// What makes it act.
    pub kind: OrderKind,
    /// Whether the venue must refuse to open or flip a position with it.
    pub reduce_only: bool,
    /// Why it is sent.
    pub purpose: Purpose,
}
