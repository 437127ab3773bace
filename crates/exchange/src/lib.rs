//! The local exchange: the simulated venue behind Hyperliquid's own protocol, on loopback.
//!
//! ```text
//!                 ┌───────────────────── pure: bytes and time in, bytes out ─────────────────────┐
//! sockets ─▶ server ─▶ Gateway ─▶ Network (faults) ─▶ Exchange ─▶ actions, info, streams ─▶ Venue │
//!                 └───────────────────────────────────────────────────────────────────▲──────────┘
//!                                                              markets (synthetic, replay)
//! ```
//!
//! [`Exchange`] is a function of the bytes that come, the times at which they come, and one seed.
//! [`Gateway`] puts a network with faults before it. [`server`] is a thin shell with sockets.
//!
//! What is not known of the real venue is assumed, and called so where it stands.
#![forbid(unsafe_code)]
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

mod accounts;
mod actions;
mod exchange;
pub mod faults;
mod gateway;
mod history;
mod info;
pub mod limits;
pub mod markets;
mod nonces;
mod schedule;
pub mod server;
mod setup;
mod shapes;
mod streams;
mod text;

pub use exchange::{AdminError, Exchange, ExchangeConfig, Payload, Push, PushKind, Reply};
pub use flyball_venues::hyperliquid::sign::Address;
pub use gateway::{Delivered, Delivery, Gateway, RequestId};
pub use nonces::{NonceError, Nonces};
pub use setup::{AccountSetup, MarketSetup, Perp, Setup, SetupError};

use std::net::IpAddr;

/// Who is at the other end of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub IpAddr);

/// Which websocket connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);
