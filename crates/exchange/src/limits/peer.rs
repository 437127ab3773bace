//! Limits by address of the network.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{LastMinute, SocketLimits};
use crate::{Address, Peer};

/// What one address of the network used.
#[derive(Clone, Debug, Default)]
struct Used {
    weight: LastMinute,
    opened: LastMinute,
    messages: LastMinute,
    connections: u32,
    subscriptions: u32,
    in_flight: u32,
    /// Accounts that are listened to, and by how many subscriptions.
    users: BTreeMap<Address, u32>,
}

/// Why a websocket's wish is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketRefusal {
    /// Too many connections at once.
    Connections,
    /// Too many new connections in a minute.
    NewConnections,
    /// Too many subscriptions.
    Subscriptions,
    /// Too many accounts listened to.
    Users,
    /// Too many messages in a minute.
    Messages,
    /// Too many posts without an answer yet.
    InFlight,
}

impl std::fmt::Display for SocketRefusal {
    /// Unverified words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connections => "Too many websocket connections.",
            Self::NewConnections => "Too many new websocket connections.",
            Self::Subscriptions => "Cannot track more than 1000 total subscriptions.",
            Self::Users => "Cannot track more than 10 total users.",
            Self::Messages => "Too many websocket messages.",
            Self::InFlight => "Too many inflight post requests.",
        })
    }
}

/// Limits by address of the network.
#[derive(Clone, Debug)]
pub struct PeerLimits {
    weight_per_minute: u32,
    socket: SocketLimits,
    used: BTreeMap<Peer, Used>,
}

impl PeerLimits {
    /// These limits, nothing used.
    pub const fn new(weight_per_minute: u32, socket: SocketLimits) -> Self {
        Self { weight_per_minute, socket, used: BTreeMap::new() }
    }

    /// Whether a request of this weight is let in; it is counted if it is.
    pub fn admit(&mut self, peer: Peer, weight: u32, now_ns: i64) -> bool {
        let limit = self.weight_per_minute;
        self.used.entry(peer).or_default().weight.admit(now_ns, weight, limit)
    }

    /// Count what an answer weighs on top: it may pass the limit, and is paid back by waiting.
    pub fn add(&mut self, peer: Peer, weight: u32, now_ns: i64) {
        self.used.entry(peer).or_default().weight.add(now_ns, weight);
    }

    /// A connection wants to open.
    ///
    /// # Errors
    ///
    /// [`SocketRefusal`] when there are too many.
    pub fn open(&mut self, peer: Peer, now_ns: i64) -> Result<(), SocketRefusal> {
        let (limits, own) = (self.socket, self.used.entry(peer).or_default());
        if own.connections >= limits.connections {
            return Err(SocketRefusal::Connections);
        }
        if !own.opened.admit(now_ns, 1, limits.new_per_minute) {
            return Err(SocketRefusal::NewConnections);
        }
        own.connections = own.connections.saturating_add(1);
        Ok(())
    }

    /// A connection is gone.
    pub fn close(&mut self, peer: Peer) {
        let own = self.used.entry(peer).or_default();
        own.connections = own.connections.saturating_sub(1);
    }

    /// A message came.
    ///
    /// # Errors
    ///
    /// [`SocketRefusal::Messages`] when there were too many in a minute.
    pub fn message(&mut self, peer: Peer, now_ns: i64) -> Result<(), SocketRefusal> {
        let limit = self.socket.messages_per_minute;
        let own = self.used.entry(peer).or_default();
        if own.messages.admit(now_ns, 1, limit) { Ok(()) } else { Err(SocketRefusal::Messages) }
    }

    /// A subscription is wanted, perhaps to an account.
    ///
    /// # Errors
    ///
    /// [`SocketRefusal`] when there are too many.
    pub fn subscribe(&mut self, peer: Peer, user: Option<Address>) -> Result<(), SocketRefusal> {
        let (limits, own) = (self.socket, self.used.entry(peer).or_default());
        if own.subscriptions >= limits.subscriptions {
            return Err(SocketRefusal::Subscriptions);
        }
        if let Some(user) = user {
            let users = u32::try_from(own.users.len()).unwrap_or(u32::MAX);
            if !own.users.contains_key(&user) && users >= limits.users {
                return Err(SocketRefusal::Users);
            }
            let count = own.users.entry(user).or_default();
            *count = count.saturating_add(1);
        }
        own.subscriptions = own.subscriptions.saturating_add(1);
        Ok(())
    }

    /// A subscription ends.
    pub fn unsubscribe(&mut self, peer: Peer, user: Option<Address>) {
        let own = self.used.entry(peer).or_default();
        own.subscriptions = own.subscriptions.saturating_sub(1);
        if let Some(user) = user
            && let Some(count) = own.users.get_mut(&user)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                own.users.remove(&user);
            }
        }
    }

    /// A post over a websocket begins.
    ///
    /// # Errors
    ///
    /// [`SocketRefusal::InFlight`] when too many are without an answer.
    pub fn begin_post(&mut self, peer: Peer) -> Result<(), SocketRefusal> {
        let limit = self.socket.in_flight_posts;
        let own = self.used.entry(peer).or_default();
        if own.in_flight >= limit {
            return Err(SocketRefusal::InFlight);
        }
        own.in_flight = own.in_flight.saturating_add(1);
        Ok(())
    }

    /// A post over a websocket was answered.
    pub fn end_post(&mut self, peer: Peer) {
        let own = self.used.entry(peer).or_default();
        own.in_flight = own.in_flight.saturating_sub(1);
    }

    /// Peers that hold or used something: for those who watch.
    pub fn peers(&self) -> BTreeSet<Peer> {
        self.used.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const PEER: Peer = Peer(IpAddr::V4(Ipv4Addr::LOCALHOST));
    const SECOND: i64 = 1_000_000_000;

    fn limits() -> PeerLimits {
        PeerLimits::new(1200, SocketLimits::default())
    }

    #[test]
    fn twelve_hundred_a_minute_and_not_one_more() {
        let mut limits = limits();
        assert!((0..60).all(|step| limits.admit(PEER, 20, step * SECOND / 10)));
        assert!(!limits.admit(PEER, 1, 6 * SECOND));
        assert!(!limits.admit(PEER, 1, 60 * SECOND - 1));
        assert!(limits.admit(PEER, 20, 60 * SECOND), "the first twenty are a minute old");
        assert!(!limits.admit(PEER, 1, 60 * SECOND));
        let other = Peer(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));
        assert!(limits.admit(other, 1200, 60 * SECOND));
    }

    #[test]
    fn an_answer_s_rows_are_paid_for_afterwards() {
        let mut limits = limits();
        assert!(limits.admit(PEER, 1190, 0));
        limits.add(PEER, 100, 0);
        assert!(!limits.admit(PEER, 1, SECOND));
    }

    #[test]
    fn connections_are_limited_at_once_and_by_the_minute() {
        let mut limits = limits();
        for _ in 0..10 {
            limits.open(PEER, 0).unwrap();
        }
        assert_eq!(limits.open(PEER, 0), Err(SocketRefusal::Connections));
        for _ in 0..20 {
            limits.close(PEER);
            limits.open(PEER, 0).unwrap();
        }
        limits.close(PEER);
        assert_eq!(limits.open(PEER, SECOND), Err(SocketRefusal::NewConnections));
        assert_eq!(limits.open(PEER, 60 * SECOND), Ok(()));
    }

    #[test]
    fn ten_accounts_can_be_listened_to_and_a_thousand_streams() {
        let mut limits = limits();
        let user = |byte| Some(Address([byte; 20]));
        for byte in 0..10 {
            limits.subscribe(PEER, user(byte)).unwrap();
        }
        assert_eq!(limits.subscribe(PEER, user(10)), Err(SocketRefusal::Users));
        assert_eq!(limits.subscribe(PEER, user(3)), Ok(()), "the same account again");
        limits.unsubscribe(PEER, user(9));
        assert_eq!(limits.subscribe(PEER, user(10)), Ok(()));
        for _ in 11..1000 {
            limits.subscribe(PEER, None).unwrap();
        }
        assert_eq!(limits.subscribe(PEER, None), Err(SocketRefusal::Subscriptions));
    }

    #[test]
    fn two_thousand_messages_a_minute_and_a_hundred_posts_in_flight() {
        let mut limits = limits();
        assert!((0..2000).all(|_| limits.message(PEER, 0).is_ok()));
        assert_eq!(limits.message(PEER, 0), Err(SocketRefusal::Messages));
        assert!((0..100).all(|_| limits.begin_post(PEER).is_ok()));
        assert_eq!(limits.begin_post(PEER), Err(SocketRefusal::InFlight));
        limits.end_post(PEER);
        assert_eq!(limits.begin_post(PEER), Ok(()));
    }
}
