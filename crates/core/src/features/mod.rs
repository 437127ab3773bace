//! Numbers about the market, kept up to date event by event: each update is O(1), each feature is
//! one file with two methods, and each has a naive twin in its tests.
//!
//! Prices in features are in ticks and quantities in lots, as floats: features inform, they never
//! count money. A feature that is not ready is NaN, and whoever reads NaN does nothing.
//!
//! A new feature is one file, its `mod` line here and its line in the list of `any.rs`.

mod about;
mod any;
mod bars;
mod float;
mod path;
mod set;
mod smooth;
mod window;

mod atr;
mod donchian_high;
mod donchian_low;
mod ema;
mod ema_mid;
mod imbalance;
mod microprice;
mod mid;
mod order_flow_imbalance;
mod return_mid;
mod rsi;
mod sma;
mod spread;
mod trade_imbalance;
mod volatility_close;
mod volatility_ewma;
mod volatility_garman_klass;
mod volatility_mid;
mod volatility_parkinson;
mod volatility_yang_zhang;
mod vwap;
mod zscore;

use crate::book::{Best, Book};
use crate::domain::{Bar, Trade};

pub use about::{About, InputKind, Parameter};
pub use any::*;
pub use bars::{BarBuilder, BarSpec, ClosedBar};
pub use set::FeatureSet;

/// Something that features listen to.
///
/// The prices of trades and bars are tradable: [`FeatureSet`] lets no others through.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A complete message has changed the book, or the book has been hidden.
    Book {
        /// The book.
        book: &'a Book,
        /// Its best prices. `None` hides the market: a side is empty, or the book is broken or
        /// crossed. The features of the book are then NaN.
        best: Option<Best>,
        /// The engine's now.
        now_ns: i64,
    },
    /// Somebody traded.
    Trade {
        /// The trade.
        trade: &'a Trade,
        /// The engine's now.
        now_ns: i64,
    },
    /// A bar of the strategy's series closed.
    Bar {
        /// The bar.
        bar: &'a Bar,
        /// When it ended.
        time_ns: i64,
    },
}

/// A number about the market.
pub trait Feature {
    /// Take in what happened. What the feature does not listen to changes nothing.
    fn update(&mut self, input: &Input<'_>);

    /// Its value now; NaN while it is not ready.
    fn value(&self) -> f64;
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;
