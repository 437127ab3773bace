//! What it costs that a run measures itself: the way of a market event from its frame through the
//! engine, with and without, in turns.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;

use flyball_core::domain::{Event, NetQty};
use flyball_core::engine::Engine;
use flyball_core::journal::{Entry, decode};
use flyball_live::Clock;
use flyball_live::duty::Duty;
use flyball_live::market::Market;
use flyball_live::measures::{Meters, Stage, TIMED_EVERY, Tally};
use flyball_live::node::{Keep, Node};
use flyball_live::runtime::Words;
use flyball_venues::Listings;
use serde_json::{Value, json};

use crate::Fallible;
use crate::scene::{Scene, plan};

const ROUNDS: usize = 400;
const FRAMES: usize = 2_000;
const WARM: usize = 20;

/// The record goes to a thread as a run's does; here the words come back at once.
struct Record(Sender<Vec<u64>>, Receiver<Vec<u64>>);

impl Keep for Record {
    fn keep(&mut self, words: &mut Vec<u64>, _: u32) {
        let mut next = self.1.try_recv().unwrap_or_default();
        next.clear();
        let _sent = self.0.send(std::mem::replace(words, next));
    }
}

/// The way.
struct Way {
    market: Market<Words>,
    words: Vec<u64>,
    node: Node<Record>,
    meters: Option<Arc<Meters>>,
    tally: Tally,
    taken: u64,
    since_ns: i64,
}

impl Way {
    fn new(engine: Engine, measured: bool) -> Fallible<Self> {
        let meters = measured.then(|| Arc::new(Meters::new(1, 1)));
        let listings = Listings::of(engine.instruments())?;
        let market = Market::new(listings, Words::default(), 1);
        let market = match &meters {
            Some(meters) => market.measured(Arc::clone(meters)),
            None => market,
        };
        let (keeps, kept) = mpsc::channel();
        let node = Node::new(engine, Record(keeps, kept));
        Ok(Self {
            market,
            words: Vec::new(),
            node,
            meters,
            tally: Tally::default(),
            taken: 0,
            since_ns: 0,
        })
    }

    fn frame(&mut self, text: &[u8], now_ns: i64) {
        self.market.frame(text, now_ns);
        let mut words = std::mem::take(&mut self.words);
        std::mem::swap(&mut words, self.market.delivery().words());
        let mut rest = words.as_slice();
        while let Ok((Entry::Event(event), length)) = decode(rest) {
            self.market_event(&event);
            rest = rest.get(length..).unwrap_or_default();
        }
        words.clear();
        self.words = words;
    }

    /// As the engine's thread does it.
    fn market_event(&mut self, event: &Event<'_>) {
        let mut began = None;
        if let Some(meters) = &self.meters {
            self.taken = self.taken.wrapping_add(1);
            began = self.taken.is_multiple_of(TIMED_EVERY).then(|| {
                let waited = Clock::SYSTEM.now_ns().saturating_sub(event.received_ns);
                meters.note(Stage::Queue, waited);
                Instant::now()
            });
            self.since_ns = event.received_ns;
        }
        if self.node.take(event).is_ok() && self.meters.is_some() {
            self.tally.event(&event.body, self.node.engine());
        }
        for command in self.node.drain() {
            black_box(&command);
        }
        if let (Some(began), Some(meters)) = (began, &self.meters) {
            meters.note_real(Stage::Engine, began.elapsed());
        }
        black_box(self.since_ns);
    }

    fn round(&mut self, frames: &[String], now_ns: &mut i64) -> i64 {
        let began = Instant::now();
        for frame in frames {
            *now_ns += 1_000_000;
            self.frame(frame.as_bytes(), *now_ns);
        }
        i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }
}

/// Best bids and offers that move.
fn frames() -> Vec<String> {
    let one = |at: usize| {
        let (bid, size) = (21_000 + at % 7, 5_000 + at % 911);
        let (low, high) = (bid, bid + 2);
        format!(
            r#"{{"channel":"bbo","data":{{"coin":"XRP","time":{},"bbo":[{{"px":"{}.{:04}","sz":"{size}","n":3}},{{"px":"{}.{:04}","sz":"7001","n":2}}]}}}}"#,
            1_700_000_000_000_u64 + at as u64,
            low / 10_000,
            low % 10_000,
            high / 10_000,
            high % 10_000,
        )
    };
    (0..FRAMES).map(one).collect()
}

/// One of both alone, for a counter of instructions: the difference of two such runs is exact.
pub(crate) fn one(profile: &str, measured: bool, rounds: usize) -> Fallible<Value> {
    let scene = Scene::start(1_000_000_000)?;
    let folder = tempfile::tempdir()?;
    let plan = plan(&scene.proxy.url(), folder.path().to_owned(), profile)?;
    drop(scene);
    let mut way = Way::new(Engine::new(&plan.engine)?, measured)?;
    let (frames, mut now_ns) = (frames(), 1_700_000_000_000_000_000);
    for _ in 0..rounds {
        way.round(&frames, &mut now_ns);
    }
    Ok(json!({ "events": way.node.events() }))
}

/// Measure it: nanoseconds an event, and what measuring adds.
pub(crate) fn measure(profile: &str) -> Fallible<Value> {
    let scene = Scene::start(1_000_000_000)?;
    let folder = tempfile::tempdir()?;
    let plan = plan(&scene.proxy.url(), folder.path().to_owned(), profile)?;
    let mut bare = Way::new(Engine::new(&plan.engine)?, false)?;
    let mut measured = Way::new(Engine::new(&plan.engine)?, true)?;
    // What two that do the same differ by.
    let mut control = Way::new(Engine::new(&plan.engine)?, false)?;
    let mut now_c = 1_700_000_000_000_000_000;
    let mut chance = Vec::new();
    let frames = frames();
    let (mut now_a, mut now_b) = (1_700_000_000_000_000_000, 1_700_000_000_000_000_000);
    let (mut without, mut with, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Who goes first changes: what the machine does meanwhile meets both.
        let (a, b) = if round % 2 == 0 {
            let a = bare.round(&frames, &mut now_a);
            (a, measured.round(&frames, &mut now_b))
        } else {
            let b = measured.round(&frames, &mut now_b);
            (bare.round(&frames, &mut now_a), b)
        };
        let c = control.round(&frames, &mut now_c);
        if round >= WARM {
            chance.push(c - a);
            without.push(a);
            with.push(b);
            more.push(b - a);
        }
    }
    let events = bare.node.events();
    assert_eq!(events, measured.node.events(), "both took the same events in");
    assert_eq!(bare.node.engine().state_hash(), measured.node.engine().state_hash());
    let flat = bare.node.engine().portfolio().positions().iter().all(|it| it.qty() == NetQty::FLAT);
    let (without, with, more) = (middle(without), middle(with), middle(more));
    let chance = middle(chance);
    Ok(json!({
        "event_ns": without,
        "measured_ns": with,
        "added_ns": more,
        "added_percent": more / without * 100.0,
        "control_ns": chance,
        "events": events,
        "flat": flat,
    }))
}

/// The median of rounds, nanoseconds a frame.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
fn middle(mut all: Vec<i64>) -> f64 {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0) as f64 / FRAMES as f64
}
