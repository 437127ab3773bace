//! Wire formats of venues: what a venue sends becomes the engine's events, and what the engine asks
//! of it becomes signed bytes ([`hyperliquid`]). No sockets, no files, no clock: bytes and the time
//! they were received come in, events go to a visitor.
//!
//! ```text
//! message ─▶ numbers as they are written ─▶ ticks and lots of its instrument ─▶ events
//! ```
//!
//! Invariant: decimal text becomes ticks and lots exactly, with no float in between. Malformed bytes
//! give a [`DecodeError`] and never a panic. Once its buffers have grown, a decoder allocates nothing.
//!
//! ```
//! use flyball_core::domain::{Body, InstrumentId, Decimal};
//! use flyball_venues::{Decode, DecodeError, Listings, Seen, hyperliquid::Hyperliquid};
//!
//! let mut listings = Listings::new();
//! let cents = Decimal::new(1, 2);
//! listings.add(InstrumentId::new(0), "HYPE", cents, cents)?;
//! let mut decoder = Hyperliquid::new(listings);
//! let message = br#"{"channel":"trades","data":[{"coin":"HYPE","side":"B","px":"35.27","sz":"5.78",
//!                    "time":1764835613064,"tid":716095722814130}]}"#;
//! let mut trades = 0;
//! let seen = decoder.decode(message, 1, |event| {
//!     trades += u32::from(matches!(event.body, Body::Trade(_)));
//!     Ok::<_, DecodeError>(())
//! })?;
//! assert_eq!((seen, trades), (Seen::Market, 1));
//! # Ok::<(), DecodeError>(())
//! ```
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
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod error;
mod listing;
mod number;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod wire;

/// Binance spot and futures: combined streams and the REST book.
pub mod binance;
/// Bybit: order book messages of the public archive.
pub mod bybit;
/// Coinbase: the Pro websocket, and books recorded as CSV.
pub mod coinbase;
pub mod hyperliquid;
/// Kraken: the public websocket, version 1.
pub mod kraken;

pub use error::{DecodeError, Quantity};
pub use listing::{Listed, Listings, Surveyed, Used, rate};
pub use number::{Grid, Number};
pub use time::parse_utc;

use flyball_core::domain::Event;

/// What a message was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The market: its events were handed over.
    Market,
    /// The connection: an acknowledgement, a heartbeat.
    Control,
    /// Something of the market that is not decoded, such as candles.
    Unused,
    /// An instrument that is not listed.
    Foreign,
}

/// One decoder for each venue.
pub trait Decode {
    /// Turn one message into events and hand each to `visit`, in the order of the message.
    ///
    /// `received_ns` is when the message came: UTC nanoseconds since 1970. It is also the time of
    /// events for which the venue gives none.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the message is not what the venue promises; whatever `visit` returns.
    /// Nothing is handed over from a message that cannot be read.
    fn decode<E, F>(&mut self, message: &[u8], received_ns: i64, visit: F) -> Result<Seen, E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>;

    /// The instruments that it knows, and after a survey the decimals that they use.
    fn listings(&self) -> &Listings;
}
