//! The market data of a venue, as it comes: connection, subscriptions, decoding, and whether it is
//! still alive.

use std::collections::VecDeque;
use std::sync::Arc;

use flyball_core::domain::{Body, Event, FeedState, InstrumentId, SECOND};
use flyball_venues::hyperliquid::{Hyperliquid, PING, Subscription, subscribe};
use flyball_venues::{Decode, DecodeError, Listings, Seen};

use crate::duty::{Duty, Outcome, Todo};
use crate::link::{Link, Step};
use crate::measures::{FEED_EVERY, Meters, Stage};

/// Where market events go. An event is only lent.
pub trait Deliver {
    /// Take in an event.
    fn deliver(&mut self, event: &Event<'_>);
}

/// What the engine may wish of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A fresh book of this instrument.
    Resnapshot(InstrumentId),
}

/// How the market data is doing. Counts are since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that came.
    pub messages: u64,
    /// Messages that could not be decoded.
    pub malformed: u64,
    /// Connections that were made.
    pub connects: u64,
    /// When something came last; 0 before.
    pub heard_ns: i64,
    /// The smallest time that a message took of late, by the two clocks: how far they differ, more
    /// or less. Negative when ours is behind.
    pub delay_ns: i64,
    /// For how long there has always been something more to read, by the system's clock; whoever
    /// reads the connection knows.
    pub behind_ns: i64,
}

/// The shortest delay within a while.
#[derive(Clone, Copy, Debug)]
struct Shortest {
    until_ns: i64,
    now: i64,
    before: i64,
}

const WHILE_NS: i64 = 30 * SECOND;

impl Shortest {
    const fn new() -> Self {
        Self { until_ns: i64::MIN, now: i64::MAX, before: i64::MAX }
    }

    fn note(&mut self, delay_ns: i64, now_ns: i64) {
        if now_ns >= self.until_ns {
            (self.before, self.now) = (self.now, i64::MAX);
            self.until_ns = now_ns.saturating_add(WHILE_NS);
        }
        self.now = self.now.min(delay_ns);
    }

    fn get(self) -> i64 {
        match self.now.min(self.before) {
            i64::MAX => 0,
            shortest => shortest,
        }
    }
}

/// The market data of Hyperliquid for some instruments.
#[derive(Debug)]
pub struct Market<T> {
    decoder: Hyperliquid,
    coins: Vec<(InstrumentId, String)>,
    link: Link,
    deliver: T,
    todo: VecDeque<Todo>,
    counts: Counts,
    shortest: Shortest,
    meters: Option<Arc<Meters>>,
}

impl<T: Deliver> Market<T> {
    /// The market data of these instruments. Retries are spread by `seed`.
    pub fn new(listings: Listings, deliver: T, seed: u64) -> Self {
        let coins = listings.iter().map(|it| (it.id(), it.symbol().to_owned())).collect();
        Self {
            decoder: Hyperliquid::new(listings),
            coins,
            link: Link::new(seed),
            deliver,
            todo: VecDeque::new(),
            counts: Counts::default(),
            shortest: Shortest::new(),
            meters: None,
        }
    }

    /// Note when each stream was heard, and how long its messages took.
    #[must_use]
    pub fn measured(mut self, meters: Arc<Meters>) -> Self {
        self.measure(meters);
        self
    }

    /// As [`Market::measured`], from now on.
    pub fn measure(&mut self, meters: Arc<Meters>) {
        self.meters = Some(meters);
    }

    /// How it is doing.
    pub fn counts(&self) -> Counts {
        Counts { connects: self.link.connects(), delay_ns: self.shortest.get(), ..self.counts }
    }

    /// Where events go.
    pub const fn delivery(&mut self) -> &mut T {
        &mut self.deliver
    }

    fn subscribe(&mut self, coin: usize) {
        let Some((_, coin)) = self.coins.get(coin) else { return };
        let streams = [
            Subscription::L2Book { coin },
            Subscription::Bbo { coin },
            Subscription::Trades { coin },
            Subscription::ActiveAssetCtx { coin },
        ];
        for stream in &streams {
            // Ours can be written.
            self.todo.extend(subscribe(stream).map(Todo::Send));
        }
    }

    /// Books are hidden until they come anew: as the first thing on the next connection.
    fn tell_lost(&mut self, now_ns: i64) {
        for &(instrument, _) in &self.coins {
            let body = Body::Feed(FeedState { instrument, connected: false });
            self.deliver.deliver(&Event { time_ns: now_ns, received_ns: now_ns, body });
        }
    }
}

impl<T: Deliver> Duty for Market<T> {
    type Message = Wish;

    fn message(&mut self, wish: Wish, _: i64) {
        let Wish::Resnapshot(wanted) = wish;
        // Every book message is a whole book: the next one heals it. Asked again, the venue
        // answers with one at once.
        if let Some((_, coin)) = self.coins.iter().find(|(id, _)| *id == wanted)
            && self.link.is_up()
        {
            let stream = Subscription::L2Book { coin };
            let again = [flyball_venues::hyperliquid::unsubscribe(&stream), subscribe(&stream)];
            self.todo.extend(again.into_iter().flatten().map(Todo::Send));
        }
    }

    fn connected(&mut self, now_ns: i64) {
        self.link.connected(now_ns);
        for coin in 0..self.coins.len() {
            self.subscribe(coin);
        }
    }

    fn disconnected(&mut self, now_ns: i64) {
        let was_up = self.link.is_up();
        self.link.disconnected(now_ns);
        if was_up {
            self.tell_lost(now_ns);
        }
    }

    fn frame(&mut self, text: &[u8], now_ns: i64) {
        self.link.heard(now_ns);
        self.counts.messages += 1;
        self.counts.heard_ns = now_ns;
        let noted = self.counts.messages.is_multiple_of(FEED_EVERY);
        let Self { decoder, deliver, shortest, meters, .. } = self;
        let seen = decoder.decode(text, now_ns, |event| {
            // Trades may be replayed, contexts have no time of their own.
            if matches!(event.body, Body::Depth(_) | Body::Touch(_)) {
                let delay_ns = now_ns.saturating_sub(event.time_ns);
                shortest.note(delay_ns, now_ns);
                if let (Some(meters), true) = (&*meters, noted) {
                    meters.note(Stage::Feed, delay_ns);
                }
            }
            if let Some(meters) = &*meters {
                meters.heard(&event.body, now_ns);
            }
            deliver.deliver(event);
            Ok::<_, DecodeError>(())
        });
        match seen {
            Ok(Seen::Market | Seen::Control | Seen::Unused | Seen::Foreign) => {}
            Err(_) => self.counts.malformed += 1,
        }
    }

    fn answered(&mut self, _: u64, _: Outcome<'_>, _: i64) {}

    fn due_ns(&self) -> i64 {
        self.link.due_ns()
    }

    fn tick(&mut self, now_ns: i64) {
        match self.link.step(now_ns) {
            Some(Step::Connect) => self.todo.push_back(Todo::Connect),
            Some(Step::Close) => self.todo.push_back(Todo::Close),
            Some(Step::Ping) => self.todo.push_back(Todo::Send(PING.to_vec())),
            None => {}
        }
    }

    fn next_todo(&mut self) -> Option<Todo> {
        self.todo.pop_front()
    }
}
