//! What goes wrong between the exchange and its clients: scripted, seeded, without sockets.
//!
//! [`Network`] decides for each message what happens to it and when; [`crate::Gateway`] does it.
//! The server and in-process simulations use the same two.

mod network;
mod script;
mod wild;

pub use network::{Lost, Network, PushPlan, Refuse, RequestPlan, Tamper};
pub(crate) use script::nanos as nanoseconds;
pub use script::{Fault, Kind, Script, ScriptError, Target};
pub(crate) use wild::distort;

#[cfg(test)]
mod tests;
