//! A world without sockets and clocks: engines with their sessions and the local exchange, in virtual
//! time. Everything follows from one seed.
//!
//! ```text
//!            ┌──────────────────────── World: one thread, virtual time ────────────────────────┐
//! market ──▶ │ Exchange ─▶ Gateway (faults) ─▶ Way (delays) ─▶ Session, Market ─▶ Node (engine) │
//!            │     ▲                                               │     ▲          │           │
//!            │     └──────────────── Way ◀── signed actions ───────┘     └─ Trader ◀┘           │
//!            └─────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Exchange, gateway, session, market data, engine, mailbox and measures are those of a run. Threads,
//! sockets and disks are not there: [`World`] takes their place. [`Scene`] adds what stands around a
//! run (a strategy, a network with delays, a machine), reads once a second what a run tells of itself,
//! and lets things go wrong.
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "simulated times and sizes are far inside of every range"
)]
#![allow(
    clippy::missing_panics_doc,
    reason = "a world that does not hold together is a failed test"
)]

mod books;
mod client;
mod clock;
mod desk;
mod faults;
mod machine;
mod market;
mod scene;
mod trader;
mod way;
mod world;

pub use client::Client;
pub use clock::Steered;
pub use faults::{FAULTS, Place};
pub use market::{Knobs, Recorded, Recording};
pub use scene::{Reading, Scene};
pub use way::Way;
pub use world::{START_NS, World};
