//! What a strategy may want. Sizing, risk and the orders themselves are the engine's.

use serde::{Deserialize, Serialize};

use crate::domain::{Level, NetQty, Price, Rate, Side};

/// Quotes a side that a strategy can want at once.
pub const MAX_QUOTES: usize = 8;

/// Which way a signal points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Own it.
    Long,
    /// Owe it.
    Short,
    /// Neither: close what is open.
    Flat,
}

impl Direction {
    /// The side of the order that opens such a position.
    pub const fn side(self) -> Option<Side> {
        match self {
            Self::Long => Some(Side::Bid),
            Self::Short => Some(Side::Ask),
            Self::Flat => None,
        }
    }
}

/// A wish to hold a position, sized by the sizing policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Which way.
    pub direction: Direction,
    /// How sure, 0 to 1: the size is multiplied by it.
    pub confidence: f64,
    /// Where it is proven wrong.
    pub stop: Option<Price>,
    /// Where it has earned what it hoped for.
    pub take_profit: Option<Price>,
    /// How far it may fall back from the best price since it was opened, as a fraction of that.
    pub trailing: Option<Rate>,
    /// How long it may last, in nanoseconds.
    pub max_holding_ns: Option<i64>,
}

/// A wish for exactly this position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Lots wanted; negative is short.
    pub position: NetQty,
    /// Where it is proven wrong.
    pub stop: Option<Price>,
    /// Where it has earned what it hoped for.
    pub take_profit: Option<Price>,
    /// How far it may fall back from the best price since it was opened, as a fraction of that.
    pub trailing: Option<Rate>,
}

/// Everything a strategy wants resting: what is not here gets cancelled. At most [`MAX_QUOTES`] a
/// side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotes<'a> {
    /// Wanted bids.
    pub bids: &'a [Level],
    /// Wanted asks.
    pub asks: &'a [Level],
}

/// What a strategy wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intent<'a> {
    /// A position, sized by the policy.
    Signal(Signal),
    /// Exactly this position.
    Target(Target),
    /// These quotes.
    Quotes(Quotes<'a>),
}
