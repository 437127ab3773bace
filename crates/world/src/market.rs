//! A market made of recorded seconds: how many messages came, how wide the spread was, how the price
//! stepped. Books, trades and marks around that are made up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flyball_core::domain::{
    HOUR, Instrument, InstrumentId, Level, Price, Qty, Random, Rate, SECOND, Side,
};
use flyball_exchange::markets::{Change, Happening, Source};

/// A recording, second by second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Messages that came.
    pub messages: Vec<f64>,
    /// Between the best prices, in basis points.
    pub spread: Vec<f64>,
    /// Of the middle price, in basis points.
    pub step: Vec<f64>,
}

impl Recording {
    /// Whether there is an hour of it, and all of the same length.
    pub fn is_sound(&self) -> bool {
        let length = self.messages.len();
        let finite = |all: &[f64]| all.iter().all(|one| one.is_finite() && one.abs() < 1e4);
        length >= PIECE
            && self.spread.len() == length
            && self.step.len() == length
            && finite(&self.messages)
            && finite(&self.spread)
            && finite(&self.step)
            && self.messages.iter().chain(&self.spread).all(|one| *one >= 0.0)
    }
}

/// What a fault changes in a market while it goes on.
#[derive(Debug)]
pub struct Knobs {
    spread: AtomicU64,
    messages: AtomicU64,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { spread: AtomicU64::new(1_000), messages: AtomicU64::new(1_000) }
    }
}

impl Knobs {
    /// The spread is so many times as wide.
    pub fn set_spread(&self, times: f64) {
        self.spread.store((times * 1e3) as u64, Ordering::Relaxed);
    }

    /// So many times as many messages come.
    pub fn set_messages(&self, times: f64) {
        self.messages.store((times * 1e3) as u64, Ordering::Relaxed);
    }

    fn get(&self) -> (f64, f64) {
        let read = |knob: &AtomicU64| knob.load(Ordering::Relaxed) as f64 / 1e3;
        (read(&self.spread), read(&self.messages))
    }
}

/// A recording is put together anew from pieces of so many seconds.
const PIECE: usize = 3_600;
const LEVELS: usize = 20;
/// The book's sizes change this often, whatever was recorded: the venue's do with every block.
const FLICKER_NS: i64 = SECOND / 2;
/// Of recorded messages this many are trades.
const TRADES: f64 = 0.3;
const START_PRICE: f64 = 2.1;
/// Made-up sizes, in lots.
const LEVEL_LOTS: f64 = 4_000.0;

/// A market that goes on as recorded ones did.
pub struct Recorded {
    instrument: Instrument,
    recording: Arc<Recording>,
    knobs: Arc<Knobs>,
    random: Random,
    at: usize,
    left: usize,
    begin_ns: i64,
    /// The middle, as a logarithm; the part of it that the mark is off by.
    middle: f64,
    off: f64,
    spread: f64,
    sizes: [[f64; LEVELS]; 2],
    trades: u64,
    waiting: VecDeque<Happening>,
}

impl Recorded {
    /// The market of this instrument, from now on.
    pub fn new(
        instrument: Instrument,
        recording: Arc<Recording>,
        knobs: Arc<Knobs>,
        (seed, start_ns): (u64, i64),
    ) -> Self {
        Self {
            instrument,
            recording,
            knobs,
            random: Random::new(seed ^ 0x6d61_726b),
            at: 0,
            left: 0,
            begin_ns: start_ns,
            middle: START_PRICE.ln(),
            off: 0.0,
            spread: 1.0,
            sizes: [[LEVEL_LOTS; LEVELS]; 2],
            trades: 0,
            waiting: VecDeque::new(),
        }
    }

    fn id(&self) -> InstrumentId {
        self.instrument.id()
    }

    fn price(&self, value: f64, side: Side) -> Price {
        let ticks = value / self.instrument.tick_size().to_f64();
        self.instrument.round_passive(Price::from_ticks((ticks.round() as i64).max(1)), side)
    }

    /// The next second.
    fn fill(&mut self) {
        if self.left == 0 {
            self.at = self.random.below((self.recording.step.len() - PIECE + 1) as u64) as usize;
            self.left = PIECE;
        }
        let (messages, spread, step) = (
            self.recording.messages[self.at],
            self.recording.spread[self.at],
            self.recording.step[self.at],
        );
        (self.at, self.left) = (self.at + 1, self.left - 1);
        let (wider, more) = self.knobs.get();
        self.spread = spread.max(0.5) * wider;
        let wanted = if more > 1.0 { messages.max(1.0) * more } else { messages };
        let count = wanted.floor() as usize + usize::from(self.random.chance(wanted.fract()));
        let mut times: Vec<(i64, bool)> =
            (0..count).map(|_| (self.random.below(SECOND as u64) as i64, true)).collect();
        let shift = self.random.below(FLICKER_NS as u64) as i64;
        times.extend([(shift, false), (shift + FLICKER_NS, false)]);
        times.sort_unstable();
        self.middle += step / 1e4;
        for (after, recorded) in times {
            self.change(self.begin_ns + after, recorded);
        }
        self.reference(self.begin_ns + SECOND - 1);
        self.begin_ns += SECOND;
    }

    /// One message: a trade or none, and the book after it.
    fn change(&mut self, time_ns: i64, recorded: bool) {
        for sizes in &mut self.sizes {
            let at = if recorded { self.random.below(3) } else { self.random.below(LEVELS as u64) };
            sizes[at as usize] = LEVEL_LOTS * (0.2 + self.random.exponential(1.0));
        }
        let (bids, asks) = self.book();
        if recorded && self.random.chance(TRADES) {
            let aggressor = if self.random.chance(0.5) { Side::Bid } else { Side::Ask };
            let best = if aggressor == Side::Bid { asks[0] } else { bids[0] };
            self.trades += 1;
            let lots = 20.0 + self.random.exponential(600.0);
            let level = Level { price: best.price, qty: Qty::from_lots(lots as u64) };
            self.put(time_ns, Change::Trade { aggressor, level, id: self.trades });
        }
        self.put(time_ns, Change::Book { bids, asks });
    }

    fn book(&self) -> (Vec<Level>, Vec<Level>) {
        let middle = self.middle.exp();
        let half = middle * self.spread / 2e4;
        let gap = self.instrument.price_step(self.price(middle, Side::Bid)) * 3;
        let side = |best: Price, sign: i64, side: Side, sizes: &[f64; LEVELS]| {
            let mut levels: Vec<Level> = Vec::with_capacity(LEVELS);
            for (at, size) in (0..).zip(sizes) {
                let price = Price::from_ticks((best.ticks() + sign * gap * at).max(1));
                let price = self.instrument.round_passive(price, side);
                if levels.last().is_none_or(|last| last.price != price) {
                    levels.push(Level { price, qty: Qty::from_lots(size.max(1.0) as u64) });
                }
            }
            levels
        };
        let bid = self.price(middle - half, Side::Bid);
        let ask = self.price(middle + half, Side::Ask);
        let least = Price::from_ticks(bid.ticks() + self.instrument.price_step(bid));
        (
            side(bid, -1, Side::Bid, &self.sizes[0]),
            side(ask.max(least), 1, Side::Ask, &self.sizes[1]),
        )
    }

    /// Once a second the mark, which is not quite the middle; once an hour funding.
    fn reference(&mut self, time_ns: i64) {
        self.off = 0.7 * self.off + 0.5 * self.random.normal();
        let middle = self.middle.exp();
        let mark = self.price(middle * (1.0 + self.off / 1e4), Side::Bid);
        let noise = self.random.normal() / 1e4;
        let oracle = self.price(middle * (1.0 + noise), Side::Bid);
        self.put(time_ns, Change::Reference { mark, oracle });
        let next = time_ns + SECOND;
        if next.div_euclid(HOUR) != time_ns.div_euclid(HOUR) {
            let rate = Rate::from_ppm((12.5 + 20.0 * self.random.normal()) as i64);
            self.put(time_ns, Change::Funding { rate, settles: true });
        }
    }

    fn put(&mut self, time_ns: i64, change: Change) {
        let instrument = self.id();
        self.waiting.push_back(Happening { time_ns, instrument, change });
    }
}

impl Source for Recorded {
    fn next_ns(&mut self) -> Option<i64> {
        while self.waiting.is_empty() {
            self.fill();
        }
        self.waiting.front().map(|happening| happening.time_ns)
    }

    fn pop(&mut self) -> Option<Happening> {
        while self.waiting.is_empty() {
            self.fill();
        }
        self.waiting.pop_front()
    }
}
