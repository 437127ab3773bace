//! Websockets: connections, what each listens to, what is due to be sent.

mod hear;
mod pushes;
mod topic;

use std::collections::{BTreeMap, BTreeSet};

use flyball_core::domain::{InstrumentId, MILLISECOND, SECOND};
use flyball_core::sim::DepthLevel;

use crate::shapes::market::TradeRow;
use crate::{ConnId, Peer};

pub(crate) use topic::{Topic, coarse};

/// Books are sent this far apart at least.
const BOOK_NS: i64 = 500 * MILLISECOND;
/// Candles, contexts and mids are sent this far apart at least (assumed).
const SLOW_NS: i64 = SECOND;
/// A connection over which the venue has sent nothing for this long is closed.
const IDLE_NS: i64 = 60 * SECOND;

/// Something that is sent when it changed, but not too often.
#[derive(Clone, Copy, Debug)]
struct Pace {
    every_ns: i64,
    changed: bool,
    sent_ns: i64,
}

impl Pace {
    const fn new(every_ns: i64) -> Self {
        Self { every_ns, changed: false, sent_ns: i64::MIN / 2 }
    }

    const fn due_ns(&self) -> Option<i64> {
        if self.changed { Some(self.sent_ns.saturating_add(self.every_ns)) } else { None }
    }

    /// Whether it is to be sent now; it is sent then.
    fn take(&mut self, now_ns: i64) -> bool {
        let due = self.due_ns().is_some_and(|due| due <= now_ns);
        if due {
            self.changed = false;
            self.sent_ns = now_ns;
        }
        due
    }
}

/// What is due to be sent about one instrument.
#[derive(Clone, Debug)]
struct Feed {
    book: Pace,
    slow: Pace,
    /// The best bid and ask as they were last sent.
    best: Option<[Option<DepthLevel>; 2]>,
    touched: bool,
    trades: Vec<TradeRow>,
}

impl Feed {
    const fn new() -> Self {
        Self {
            book: Pace::new(BOOK_NS),
            slow: Pace::new(SLOW_NS),
            best: None,
            touched: false,
            trades: Vec::new(),
        }
    }
}

/// One connection.
#[derive(Clone, Debug)]
struct Connection {
    peer: Peer,
    topics: BTreeSet<Topic>,
    sent_ns: i64,
}

/// All connections.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    connections: BTreeMap<ConnId, Connection>,
    listeners: BTreeMap<Topic, BTreeSet<ConnId>>,
    feeds: Vec<Feed>,
    mids: Pace,
}

impl Streams {
    pub(crate) fn new(instruments: usize) -> Self {
        Self {
            connections: BTreeMap::new(),
            listeners: BTreeMap::new(),
            feeds: vec![Feed::new(); instruments],
            mids: Pace::new(SLOW_NS),
        }
    }

    pub(crate) fn open(&mut self, conn: ConnId, peer: Peer, now_ns: i64) {
        let fresh = Connection { peer, topics: BTreeSet::new(), sent_ns: now_ns };
        self.connections.insert(conn, fresh);
    }

    /// A connection is gone: whose it was, and what it listened to.
    pub(crate) fn close(&mut self, conn: ConnId) -> Option<(Peer, BTreeSet<Topic>)> {
        let gone = self.connections.remove(&conn)?;
        for topic in &gone.topics {
            self.forget(topic, conn);
        }
        Some((gone.peer, gone.topics))
    }

    fn forget(&mut self, topic: &Topic, conn: ConnId) {
        if let Some(listeners) = self.listeners.get_mut(topic) {
            listeners.remove(&conn);
            if listeners.is_empty() {
                self.listeners.remove(topic);
            }
        }
    }

    pub(crate) fn peer(&self, conn: ConnId) -> Option<Peer> {
        self.connections.get(&conn).map(|connection| connection.peer)
    }

    pub(crate) fn connections(&self) -> Vec<ConnId> {
        self.connections.keys().copied().collect()
    }

    /// Whether a connection listens to market data, and to an account's own streams.
    pub(crate) fn carries(&self, conn: ConnId) -> (bool, bool) {
        let Some(connection) = self.connections.get(&conn) else { return (false, false) };
        let user = connection.topics.iter().any(|topic| topic.user().is_some());
        let market = connection.topics.iter().any(|topic| topic.user().is_none());
        (market, user)
    }

    fn listens(&self, conn: ConnId, topic: &Topic) -> bool {
        self.connections.get(&conn).is_some_and(|it| it.topics.contains(topic))
    }

    fn listen(&mut self, conn: ConnId, topic: Topic) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.topics.insert(topic);
            self.listeners.entry(topic).or_default().insert(conn);
        }
    }

    fn unlisten(&mut self, conn: ConnId, topic: &Topic) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.topics.remove(topic);
        }
        self.forget(topic, conn);
    }

    fn listeners(&self, topic: &Topic) -> Vec<ConnId> {
        self.listeners.get(topic).map_or_else(Vec::new, |all| all.iter().copied().collect())
    }

    fn has_listeners(&self, topic: &Topic) -> bool {
        self.listeners.contains_key(topic)
    }

    /// Topics about an instrument that somebody listens to.
    fn topics_of(&self, id: InstrumentId, matches: impl Fn(&Topic) -> bool) -> Vec<Topic> {
        let about = |topic: &&Topic| topic.instrument() == Some(id) && matches(topic);
        self.listeners.keys().filter(about).copied().collect()
    }

    /// Something about an instrument changed.
    pub(crate) fn touch(&mut self, id: InstrumentId) {
        if let Some(feed) = self.feeds.get_mut(id.index()) {
            feed.touched = true;
            feed.book.changed = true;
            feed.slow.changed = true;
            self.mids.changed = true;
        }
    }

    /// Somebody begins to listen and is told all there is: nothing older is due to him. Where others
    /// listen already, what is due to them stays so.
    fn begins(&mut self, topic: &Topic, now_ns: i64) {
        let shares = |other: &&Topic| match topic {
            Topic::AllMids => matches!(other, Topic::AllMids),
            Topic::Book(id, _) => matches!(other, Topic::Book(it, _) if it == id),
            _ => other.is_slow() && other.instrument() == topic.instrument(),
        };
        let all = self.listeners.iter().filter(|(other, _)| shares(other));
        if all.map(|(_, conns)| conns.len()).sum::<usize>() > 1 {
            return;
        }
        let feed = topic.instrument().and_then(|id| self.feeds.get_mut(id.index()));
        let pace = match (topic, feed) {
            (Topic::AllMids, _) => &mut self.mids,
            (Topic::Book(..), Some(feed)) => &mut feed.book,
            (_, Some(feed)) if topic.is_slow() => &mut feed.slow,
            _ => return,
        };
        pace.changed = false;
        pace.sent_ns = now_ns;
    }

    /// When something is due to be sent, or a connection to be closed.
    pub(crate) fn next_due_ns(&self) -> Option<i64> {
        if self.connections.is_empty() {
            return None;
        }
        let idle = self.connections.values().map(|it| it.sent_ns.saturating_add(IDLE_NS)).min();
        let listening = !self.listeners.is_empty();
        let paces = self.feeds.iter().flat_map(|feed| [feed.book.due_ns(), feed.slow.due_ns()]);
        let due = paces.chain([self.mids.due_ns()]).flatten().filter(|_| listening).min();
        [idle, due].into_iter().flatten().min()
    }

    /// Connections that have been silent for too long.
    fn idle(&self, now_ns: i64) -> Vec<ConnId> {
        let silent = |it: &Connection| it.sent_ns.saturating_add(IDLE_NS) <= now_ns;
        self.connections.iter().filter(|(_, it)| silent(it)).map(|(conn, _)| *conn).collect()
    }
}
