//! The engine's core: a function of its events.
//!
//! ```text
//! market data ─▶ book ─▶ features ─▶ strategy ─▶ risk ─▶ execution ─▶ venue
//!                            ▲           ▲                              │
//!                            └ portfolio ┴────────── fills ◀────────────┘
//! ```
//!
//! No I/O, no clock, no threads, no unsafe code; no heap after start-up. Time, chance and answers
//! from venues arrive inside [`domain::Event`]s; what the engine wants done leaves as
//! [`domain::CommandOf`]s. So the same journal always gives the same commands.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::iter_over_hash_type,
    clippy::float_cmp,
    clippy::unreachable,
    clippy::todo,
    clippy::unimplemented
)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::float_cmp,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )
)]

#[cfg(not(target_endian = "little"))]
compile_error!("tapes and journals are little-endian files that are read in place");

pub mod backtest;
pub mod book;
pub mod domain;
pub mod engine;
pub mod execution;
pub mod features;
pub mod journal;
pub mod portfolio;
pub mod replay;
pub mod risk;
pub mod screen;
pub mod sim;
pub mod strategy;

#[cfg(test)]
mod testing;
