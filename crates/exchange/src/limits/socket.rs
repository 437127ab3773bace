//! Limits of websockets, all of one address of the network.

use serde::{Deserialize, Serialize};

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketLimits {
    /// Connections at once.
    pub connections: u32,
    /// New connections in a minute.
    pub new_per_minute: u32,
    /// Subscriptions.
    pub subscriptions: u32,
    /// Accounts that are listened to.
    pub users: u32,
    /// Messages in a minute.
    pub messages_per_minute: u32,
    /// Posts without an answer yet.
    pub in_flight_posts: u32,
}

impl Default for SocketLimits {
    /// The documented ones.
    fn default() -> Self {
        Self {
            connections: 10,
            new_per_minute: 30,
            subscriptions: 1000,
            users: 10,
            messages_per_minute: 2000,
            in_flight_posts: 100,
        }
    }
}
