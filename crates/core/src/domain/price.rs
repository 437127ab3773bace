//! Prices and quantities, as whole numbers.

use serde::{Deserialize, Serialize};

use crate::domain::Side;

/// A price, counted in ticks of its instrument.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    bytemuck::Pod,
    bytemuck::Zeroable,
)]
#[repr(transparent)]
pub struct Price(i64);

impl Price {
    /// The highest price that is accepted anywhere: with it, price × quantity × tick value still
    /// fits [`Money`](crate::domain::Money) with room to spare.
    pub const MAX: Self = Self(1 << 47);

    /// A price of `ticks` ticks.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// This price in ticks.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// Whether this is a price at which something can trade: above zero, below [`Price::MAX`].
    pub const fn is_tradable(self) -> bool {
        self.0 > 0 && self.0 < Self::MAX.0
    }

    /// How many ticks apart two prices are.
    pub const fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// This price moved by `ticks` (up when positive).
    #[must_use]
    pub const fn offset(self, ticks: i64) -> Self {
        Self(self.0.saturating_add(ticks))
    }

    /// This price moved by `ticks` against the owner of an order on `side`: bids pay more, asks
    /// take less.
    #[must_use]
    pub const fn worse(self, side: Side, ticks: i64) -> Self {
        match side {
            Side::Bid => Self(self.0.saturating_add(ticks)),
            Side::Ask => Self(self.0.saturating_sub(ticks)),
        }
    }

    /// Whether an order on `side` at this price would trade against a resting `opposite` price.
    pub const fn crosses(self, side: Side, opposite: Self) -> bool {
        match side {
            Side::Bid => self.0 >= opposite.0,
            Side::Ask => self.0 <= opposite.0,
        }
    }

    /// Whether this price is strictly better than `other` for a resting order on `side`: a higher
    /// bid or a lower ask.
    pub const fn better(self, side: Side, other: Self) -> bool {
        match side {
            Side::Bid => self.0 > other.0,
            Side::Ask => self.0 < other.0,
        }
    }
}

/// A non-negative quantity, counted in lots of its instrument.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    bytemuck::Pod,
    bytemuck::Zeroable,
)]
#[repr(transparent)]
pub struct Qty(u64);

impl Qty {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest quantity that is accepted anywhere.
    pub const MAX: Self = Self(1 << 53);

    /// A quantity of `lots` lots.
    pub const fn from_lots(lots: u64) -> Self {
        Self(lots)
    }

    /// This quantity in lots.
    pub const fn lots(self) -> u64 {
        self.0
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, held at `u64::MAX`.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, never below zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This quantity as a signed change of position: bids add, asks subtract.
    pub const fn signed(self, side: Side) -> NetQty {
        let lots = if self.0 > i64::MAX as u64 { i64::MAX } else { self.0.cast_signed() };
        match side {
            Side::Bid => NetQty(lots),
            Side::Ask => NetQty(lots.saturating_neg()),
        }
    }
}

/// A signed quantity in lots: positive is long, negative is short.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct NetQty(i64);

impl NetQty {
    /// No position.
    pub const FLAT: Self = Self(0);

    /// A net position of `lots` lots.
    pub const fn from_lots(lots: i64) -> Self {
        Self(lots)
    }

    /// This position in lots.
    pub const fn lots(self) -> i64 {
        self.0
    }

    /// The size of the position, whichever way it points.
    pub const fn abs(self) -> Qty {
        Qty(self.0.unsigned_abs())
    }

    /// Whether there is no position.
    pub const fn is_flat(self) -> bool {
        self.0 == 0
    }

    /// Whether the position is long.
    pub const fn is_long(self) -> bool {
        self.0 > 0
    }

    /// The sum of two positions.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference of two positions.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The side of an order that would reduce this position, if there is one to reduce.
    pub const fn reducing_side(self) -> Option<Side> {
        match self.0 {
            0 => None,
            1.. => Some(Side::Ask),
            _ => Some(Side::Bid),
        }
    }

    /// The side of the order that would bring this many lots: bid for a positive number.
    pub const fn side(self) -> Option<Side> {
        match self.0 {
            0 => None,
            1.. => Some(Side::Bid),
            _ => Some(Side::Ask),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worse_price_pays_more_or_takes_less() {
        let price = Price::from_ticks(100);
        assert_eq!(price.worse(Side::Bid, 3).ticks(), 103);
        assert_eq!(price.worse(Side::Ask, 3).ticks(), 97);
    }

    #[test]
    fn the_side_that_reduces_is_opposite_to_the_position() {
        assert_eq!(NetQty::from_lots(5).reducing_side(), Some(Side::Ask));
        assert_eq!(NetQty::from_lots(-5).reducing_side(), Some(Side::Bid));
        assert_eq!(NetQty::FLAT.reducing_side(), None);
    }

    #[test]
    fn enormous_quantities_do_not_wrap_into_the_other_side() {
        assert_eq!(Qty::from_lots(u64::MAX).signed(Side::Bid).lots(), i64::MAX);
        assert!(Qty::from_lots(u64::MAX).signed(Side::Ask).lots() < 0);
    }
}
