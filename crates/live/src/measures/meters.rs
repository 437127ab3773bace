//! What the threads of a run measure while it goes on.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use flyball_core::domain::{Body, InstrumentId};
use serde::Serialize;

use crate::measures::histogram::{Counted, Histogram, bounds_ns};

/// What is timed. Each stage is noted by one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From the venue's time of a book or a best price to our receiving it, by both clocks.
    Feed,
    /// A market frame: decoded.
    Decode,
    /// A market event: from the socket to the engine, behind what came with it.
    Queue,
    /// An event: what the engine makes of it, recorded, its commands handed out.
    Engine,
    /// A strategy: from the event that woke it to its answer.
    Decide,
    /// From the event that an order answers to the order leaving the engine.
    React,
    /// An action: its signature and its bytes.
    Sign,
    /// An action: kept before it is sent.
    Keep,
    /// From the event that an order answers to its bytes being handed to the system.
    Send,
    /// From sending an action to the venue's answer.
    Answer,
}

impl Stage {
    /// All of them, in the order in which an event walks through them.
    pub const ALL: [Self; 10] = [
        Self::Feed,
        Self::Decode,
        Self::Queue,
        Self::Engine,
        Self::Decide,
        Self::React,
        Self::Sign,
        Self::Keep,
        Self::Send,
        Self::Answer,
    ];

    /// The name that metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Decode => "decode",
            Self::Queue => "queue",
            Self::Engine => "engine",
            Self::Decide => "decide",
            Self::React => "react",
            Self::Sign => "sign",
            Self::Keep => "keep",
            Self::Send => "send",
            Self::Answer => "answer",
        }
    }
}

/// One event of so many is timed where reading the clock would be felt: a reading takes about as
/// long as an engine's event does.
pub const TIMED_EVERY: u64 = 128;
/// Of the market's own delays one of so many is noted.
pub const FEED_EVERY: u64 = 4;

/// The streams of an instrument, by name.
pub const STREAMS: [&str; 4] = ["book", "touch", "trades", "context"];

/// The stream that an event of the market came on, and what it is about.
#[inline]
const fn stream(body: &Body<'_>) -> Option<(usize, InstrumentId)> {
    match body {
        Body::Depth(it) => Some((0, it.instrument)),
        Body::Touch(it) => Some((1, it.instrument)),
        Body::Trade(it) => Some((2, it.instrument)),
        Body::Reference(it) => Some((3, it.instrument)),
        Body::FundingRate(it) => Some((3, it.instrument)),
        _ => None,
    }
}

/// What the threads of a run measure.
#[derive(Debug)]
pub struct Meters {
    stages: [Histogram; Stage::ALL.len()],
    /// Of durations by the run's clock, how many times as fast as ours it runs.
    speed: u64,
    heard_ns: Vec<[AtomicI64; STREAMS.len()]>,
}

impl Meters {
    /// Meters for a run with these many instruments, whose clock runs this many times as fast as
    /// the system's.
    pub fn new(instruments: usize, speed: u32) -> Self {
        Self {
            stages: Default::default(),
            speed: u64::from(speed.max(1)),
            heard_ns: std::iter::repeat_with(Default::default).take(instruments).collect(),
        }
    }

    /// A stage took so long, by the run's clock. Clocks that differ may say that it took less than
    /// nothing: that counts as nothing.
    #[inline]
    pub fn note(&self, stage: Stage, ns: i64) {
        let ns = u64::try_from(ns).unwrap_or(0);
        // A division would cost more than all the rest.
        let ns = if self.speed == 1 { ns } else { ns / self.speed };
        if let Some(histogram) = self.stages.get(stage as usize) {
            histogram.note(ns);
        }
    }

    /// A stage took so long, by the system's clock.
    #[inline]
    pub fn note_real(&self, stage: Stage, took: Duration) {
        if let Some(histogram) = self.stages.get(stage as usize) {
            histogram.note(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Do something that is a stage, and note how long it took.
    pub fn timed<T>(&self, stage: Stage, what: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let made = what();
        self.note_real(stage, began.elapsed());
        made
    }

    /// An event of the market came.
    #[inline]
    pub fn heard(&self, body: &Body<'_>, now_ns: i64) {
        if let Some((stream, instrument)) = stream(body)
            && let Some(heard) = self.heard_ns.get(instrument.index()).and_then(|it| it.get(stream))
        {
            heard.store(now_ns, Ordering::Relaxed);
        }
    }

    /// When each stream of an instrument was heard last; 0 before.
    pub fn heard_ns(&self, instrument: usize) -> [i64; STREAMS.len()] {
        let heard = self.heard_ns.get(instrument);
        heard.map_or([0; STREAMS.len()], |it| {
            std::array::from_fn(|stream| it[stream].load(Ordering::Relaxed))
        })
    }

    /// What was counted so far, by stage.
    pub fn stages(&self) -> Stages {
        let read = Stage::ALL.iter().zip(&self.stages);
        Stages {
            bounds_ns: bounds_ns().to_vec(),
            timed_every: TIMED_EVERY,
            feed_every: FEED_EVERY,
            stages: read.map(|(stage, it)| (stage.as_str(), it.read())).collect(),
        }
    }
}

/// How long each stage took.
#[derive(Clone, Debug, Serialize)]
pub struct Stages {
    /// Bounds of the buckets, nanoseconds.
    pub bounds_ns: Vec<u64>,
    /// `decode`, `queue` and `engine` time one event of so many.
    pub timed_every: u64,
    /// And `feed` one of so many.
    pub feed_every: u64,
    /// By stage.
    pub stages: Vec<(&'static str, Counted)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_clock_is_told_in_real_time() {
        let meters = Meters::new(1, 30);
        meters.note(Stage::Answer, 30_000_000);
        meters.note(Stage::Answer, -5);
        let all = meters.stages().stages;
        let (name, answer) = &all[Stage::Answer as usize];
        assert_eq!((*name, answer.sum_ns), ("answer", 1_000_000));
        assert_eq!(answer.counts.iter().sum::<u64>(), 2);
    }

    #[test]
    fn stages_lie_where_their_number_says() {
        for (place, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, place);
        }
    }
}
