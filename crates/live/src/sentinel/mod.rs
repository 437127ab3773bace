//! The second ring: a process of its own that watches over an account and the engine that trades on
//! it, with a key, connections, nonces and a budget of its own.
//!
//! ```text
//! engine's process ◀── beats, both ways ──▶ sentinel ── reads the account itself ──▶ venue
//!                                              └─ closes everything, latched ───────▶
//! ```
//!
//! It shares the venue's codec with the engine, and neither the engine nor its session: it believes
//! what the venue shows. What decides is [`machine`], a function of bytes and time; [`process`] is a
//! shell around it.

pub mod account;
pub mod beat;
pub mod breach;
pub mod flatten;
pub mod latch;
pub mod machine;
pub mod peak;
pub mod process;
pub mod report;
pub mod settings;
pub mod watch;
