//! Files: recordings become tapes and tables; tapes and journals are read where they lie.
//!
//! ```text
//! recording ─▶ lines ─▶ venue's decoder ─▶ events ─┬─▶ check ─▶ report
//! (gz, csv, …)                                     ├─▶ tape.fbt       for the engine
//!                                                  └─▶ *.parquet      for people and research
//! journal of a run ─▶ 000000.fbj, 000001.fbj, …    one hash chain through all of them
//! ```
//!
//! Invariant: a file has its final name only when it is complete. Memory does not grow with the
//! length of a recording or a tape. Whatever is wrong is an error that names the file, the place
//! in it and what to do.
#![deny(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::iter_over_hash_type,
    clippy::float_cmp,
    clippy::unreachable,
    clippy::todo,
    clippy::unimplemented
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects,
        clippy::float_cmp,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )
)]

mod error;
mod files;
mod instruments;
mod map;
mod records;
mod states;

/// Is data whole, and does it make sense?
pub mod check;
/// Recordings become tapes and tables.
pub mod import;
/// The journal of a run, in files on disk.
pub mod journal;
/// Raw recordings, read as events.
pub mod recording;
/// Tapes: market data as the engine reads it.
pub mod tape;

pub use error::{DataError, LineError};
pub use states::book_states;
