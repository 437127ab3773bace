//! The engine over real sockets.
//!
//! ```text
//!           one thread
//! venue ──▶ decode ── events ──▶ the core ── commands ──▶ sign, keep, send ──▶ venue
//!                                │   ▲  │    ◀── events ──────────────────────
//!                     journal ◀──┘   │  └──▶ strategy threads (Python), woken, answering with
//!                     thread         └────── decisions that are events with a deadline
//! ```
//!
//! What decides is pure and knows neither socket nor clock: [`session`] turns bytes and time into
//! events for the engine, and the engine's commands into bytes for the venue. The thread and its
//! sockets are a shell around it, and a simulation can be another.

pub mod clock;
pub mod duty;
pub mod io;
pub mod kill;
pub mod link;
pub mod mailbox;
pub mod market;
pub mod measures;
pub mod node;
pub mod outbox;
pub mod recorder;
pub mod recording;
pub mod recover;
pub mod report;
pub mod runtime;
pub mod sentinel;
pub mod session;
pub mod transport;
mod turns;

pub use clock::Clock;
