//! Whole numbers as floats. Exact below 2⁵³, which every price and quantity is; sums beyond that
//! are rounded once.
#![expect(clippy::cast_precision_loss, reason = "that is what this file is for")]

use crate::domain::{Price, Qty};

/// A price in ticks.
#[inline]
pub(super) const fn ticks(price: Price) -> f64 {
    price.ticks() as f64
}

/// A quantity in lots.
#[inline]
pub(super) const fn lots(qty: Qty) -> f64 {
    qty.lots() as f64
}

/// A small whole number.
#[inline]
pub(super) const fn small(number: i64) -> f64 {
    number as f64
}

/// A sum. Most fit 64 bits, which are quicker to turn into the same float.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "it is looked at what was cut off")]
pub(super) const fn wide(number: i128) -> f64 {
    let low = number as i64;
    if low as i128 == number { low as f64 } else { number as f64 }
}

/// ln(to / from) of two tradable prices.
#[inline]
pub(super) fn log_return(from: Price, to: Price) -> f64 {
    libm::log(ticks(to) / ticks(from))
}
