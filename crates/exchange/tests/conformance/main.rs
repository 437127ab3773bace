//! The local exchange keeps the rules of Hyperliquid that a client has to live with: one rule, one
//! test, in-process.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod agents;
mod codec;
mod faults;
mod history;
mod limits;
mod margin;
mod money;
mod nonces;
mod orders;
mod precision;
mod schedule;
mod signing;
mod streams;
mod triggers;
mod world;
