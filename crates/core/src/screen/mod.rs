//! Screening: targets over an array of bars, walked without a book, a venue or the gate.
//!
//! A strategy that can be told as one target a bar is tried with thousands of parameters: what
//! does not look at the account is worked out once, and what does is a walk over four prices a bar.
//! It leaves out most of what the engine does, and says so: what it finds is run again there
//! ([`Again`]). Where both mean the same they give the same, to the last unit.
//!
//! What is assumed:
//!
//! - A target of a bar is known when the bar has closed, sized by the account and the best prices
//!   of that moment, and traded at the best prices of the next bar's open, all of it, as a taker.
//! - Within a bar the price goes from the open to the extreme that hurts, to the other one, to the
//!   close, as in the `BarModel` of `sim`.
//! - A position is left where the price touches the profile's stop, or where it has lost the
//!   fraction of equity that one position may; when the bar begins beyond it, at the open. It stays
//!   flat until another target comes.
//! - Where equity falls to the drawdown line, or everything is lost, all is closed and nothing is
//!   opened any more.
//! - Best prices lie half a spread from the price.

mod account;
mod again;
mod columns;
mod walk;

pub use again::Again;
pub use columns::Columns;
pub use walk::{Found, Screen, Span, Terms};

#[cfg(test)]
mod tests;
