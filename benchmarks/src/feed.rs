//! The synthetic feed that Flyball and the peers get, as rows for the peers and as a tape for us.
//!
//! One market with a book of some levels a side: level changes in messages of about ten, bursts of
//! trades at the best price, a mid that reverts to where it began. The peers' first benchmark was
//! made like this. A row is 40 bytes, five little-endian words: when it happened and when it came
//! (ns), price (ticks), quantity (lots; 0 removes the level), flags.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a made-up market"
)]

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use flyball_core::domain::{
    Body, Depth, DepthKind, Event, InstrumentId, Level, Price, Qty, Random, Sequence, Side, Trade,
};
use flyball_data::tape::{Tape, TapeWriter};
use serde_json::{Value, json};

use crate::Fallible;

/// Somebody traded; otherwise a level changed.
pub(crate) const TRADE: u64 = 1;
/// A bid, or a trade that took an ask.
pub(crate) const BID: u64 = 2;
/// The last row of its message.
pub(crate) const LAST: u64 = 4;
/// The message holds the whole book.
pub(crate) const WHOLE: u64 = 8;

const START_NS: i64 = 1_735_689_600_000_000_000;
const MIDDLE: i64 = 600_000;
const ROW_BYTES: usize = 40;

/// A level that changed, or a trade.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    pub(crate) time_ns: i64,
    pub(crate) received_ns: i64,
    pub(crate) price: i64,
    pub(crate) qty: i64,
    pub(crate) flags: u64,
}

impl Row {
    pub(crate) const fn is_trade(&self) -> bool {
        self.flags & TRADE != 0
    }

    pub(crate) const fn is_bid(&self) -> bool {
        self.flags & BID != 0
    }
}

/// The market, message by message.
pub(crate) struct Market {
    random: Random,
    levels: usize,
    /// How far from the best price levels change, on average.
    reach: f64,
    window: usize,
    sizes: [Vec<i64>; 2],
    /// Where the best bid would be if nobody had taken it, counted in the window.
    mid: usize,
    time_ns: i64,
    received_ns: i64,
    rows: Vec<Row>,
}

impl Market {
    pub(crate) fn new(seed: u64, levels: usize) -> Self {
        let window = 4_096 + 2 * levels;
        Self {
            random: Random::new(seed),
            levels,
            reach: 9.0,
            window,
            sizes: [vec![0; window], vec![0; window]],
            mid: window / 2,
            time_ns: START_NS,
            received_ns: START_NS + 2_000_000,
            rows: Vec::new(),
        }
    }

    /// The same, with changes so far from the best price on average.
    pub(crate) fn reaching(self, reach: f64) -> Self {
        Self { reach, ..self }
    }

    /// Log-normal lots, 665 in the middle.
    fn lots(&mut self) -> i64 {
        ((6.5 + 1.2 * self.random.normal()).exp() as i64).max(1)
    }

    fn push(&mut self, at: usize, qty: i64, flags: u64) {
        let price = MIDDLE + at as i64 - (self.window / 2) as i64;
        let (time_ns, received_ns) = (self.time_ns, self.received_ns);
        self.rows.push(Row { time_ns, received_ns, price, qty, flags });
    }

    /// A level changes: once in a message, however often it is changed.
    fn level(&mut self, bid: bool, at: usize, qty: i64) {
        self.sizes[usize::from(bid)][at] = qty;
        let price = MIDDLE + at as i64 - (self.window / 2) as i64;
        let flags = if bid { BID } else { 0 };
        match self.rows.iter_mut().find(|it| it.flags == flags && it.price == price) {
            Some(before) => before.qty = qty,
            None => self.push(at, qty, flags),
        }
    }

    /// The rows of the next message.
    pub(crate) fn message(&mut self) -> &[Row] {
        let first = self.rows.is_empty();
        self.rows.clear();
        if first {
            for far in 0..self.levels {
                let (bid, ask) = (self.lots(), self.lots());
                self.level(true, self.mid - far, bid);
                self.level(false, self.mid + 1 + far, ask);
            }
        } else {
            let gap = self.random.exponential(20e6) as i64;
            self.time_ns += gap.max(50_000);
            let late = 2_000_000 + self.random.exponential(2e6) as i64;
            self.received_ns = self.received_ns.max(self.time_ns + late);
            self.burst();
            self.step();
            self.changes();
        }
        let last = self.rows.len() - 1;
        self.rows[last].flags |= LAST;
        if first {
            self.rows.iter_mut().for_each(|row| row.flags |= WHOLE);
        }
        &self.rows
    }

    /// Up to four trades at the best price. Trades come before the levels that they leave.
    fn burst(&mut self) {
        if !self.random.chance(0.45) {
            return;
        }
        let (many, buys) = (1 + self.random.below(4), self.random.chance(0.5));
        let at = if buys { self.mid + 1 } else { self.mid };
        let mut left = self.sizes[usize::from(!buys)][at];
        let before = left;
        for _ in 0..many {
            let qty = (self.lots() / 4 + 1).min(left);
            if qty > 0 {
                self.push(at, qty, TRADE | if buys { BID } else { 0 });
                left -= qty;
            }
        }
        if left != before {
            self.level(!buys, at, left);
        }
    }

    /// The mid goes up, down or stays, and comes back when it is far.
    fn step(&mut self) {
        let away = (self.mid as f64 - (self.window / 2) as f64) / 200.0;
        let draw = self.random.uniform();
        let (levels, qty) = (self.levels, self.lots());
        if draw < 0.12 - 0.10 * away {
            self.mid += 1;
            self.clear(false, self.mid);
            self.level(true, self.mid, qty);
            self.clear(true, self.mid - levels);
        } else if draw > 0.88 - 0.10 * away {
            self.clear(true, self.mid);
            self.level(false, self.mid, qty);
            self.clear(false, self.mid + levels);
            self.mid -= 1;
        }
    }

    fn clear(&mut self, bid: bool, at: usize) {
        if self.sizes[usize::from(bid)][at] > 0 {
            self.level(bid, at, 0);
        }
    }

    /// Levels change, near the best prices more often.
    fn changes(&mut self) {
        for _ in 0..3 + self.random.below(8) {
            let bid = self.random.chance(0.5);
            let far = (self.random.exponential(self.reach) as usize).min(self.levels - 1);
            let at = if bid { self.mid - far } else { self.mid + 1 + far };
            let there = self.sizes[usize::from(bid)][at] > 0;
            let gone = there && far > 0 && self.random.chance(0.15);
            let qty = if gone { 0 } else { self.lots() };
            self.level(bid, at, qty);
        }
    }
}

/// Turns rows into events.
#[derive(Default)]
pub(crate) struct Told {
    instrument: u16,
    bids: Vec<Level>,
    asks: Vec<Level>,
    sequence: u64,
    trades: u64,
}

impl Told {
    /// Of another instrument than the first.
    pub(crate) fn of(instrument: u16) -> Self {
        Self { instrument, ..Self::default() }
    }

    /// The events of one message: its trades, then its levels.
    pub(crate) fn message<E>(
        &mut self,
        rows: &[Row],
        mut visit: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(&Row { time_ns, received_ns, .. }) = rows.last() else { return Ok(()) };
        let instrument = InstrumentId::new(self.instrument);
        self.bids.clear();
        self.asks.clear();
        for row in rows {
            let (price, qty) = (Price::from_ticks(row.price), Qty::from_lots(row.qty as u64));
            if row.is_trade() {
                self.trades += 1;
                let aggressor = if row.is_bid() { Side::Bid } else { Side::Ask };
                let trade = Trade { instrument, aggressor, price, qty, id: self.trades };
                visit(&Event { time_ns, received_ns, body: Body::Trade(trade) })?;
            } else if row.is_bid() {
                self.bids.push(Level { price, qty });
            } else {
                self.asks.push(Level { price, qty });
            }
        }
        if self.bids.is_empty() && self.asks.is_empty() {
            return Ok(());
        }
        self.sequence += 1;
        let whole = rows.iter().any(|row| row.flags & WHOLE != 0);
        let depth = Depth {
            instrument,
            kind: if whole { DepthKind::Snapshot } else { DepthKind::Diff },
            sequence: Sequence {
                first: self.sequence,
                last: self.sequence,
                previous: self.sequence - 1,
            },
            checksum: None,
            bids: &self.bids,
            asks: &self.asks,
        };
        visit(&Event { time_ns, received_ns, body: Body::Depth(depth) })
    }
}

fn write(file: &mut impl Write, row: &Row) -> std::io::Result<()> {
    for word in [row.time_ns, row.received_ns, row.price, row.qty, row.flags as i64] {
        file.write_all(&word.to_le_bytes())?;
    }
    Ok(())
}

/// All rows of a file.
pub(crate) fn read(path: &str) -> Fallible<Vec<Row>> {
    let mut file = std::io::BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut rows = Vec::with_capacity((file.get_ref().metadata()?.len() as usize) / ROW_BYTES);
    let mut bytes = [0; ROW_BYTES];
    while file.read_exact(&mut bytes).is_ok() {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at * 8..at * 8 + 8]);
            i64::from_le_bytes(word)
        };
        let (time_ns, received_ns) = (word(0), word(1));
        let (price, qty, flags) = (word(2), word(3), word(4) as u64);
        rows.push(Row { time_ns, received_ns, price, qty, flags });
    }
    Ok(rows)
}

/// Write a synthetic tape, and its rows beside it if they are wanted.
pub(crate) fn make(count: u64, levels: usize, tape: &str, rows: Option<&str>) -> Fallible<Value> {
    let about = json!({"name": "synthetic feed", "synthetic": true, "rows": count}).to_string();
    let mut out =
        rows.map(File::create).transpose()?.map(|it| BufWriter::with_capacity(1 << 20, it));
    let mut writer = TapeWriter::create(Path::new(tape), &about)?;
    let (mut market, mut told) = (Market::new(20_261_120, levels), Told::default());
    let (mut written, mut messages, mut last_ns) = (0, 0, 0);
    while written < count {
        let message = market.message();
        written += message.len() as u64;
        messages += 1;
        last_ns = message[0].received_ns;
        told.message(message, |event| writer.event(event))?;
        if let Some(out) = &mut out {
            message.iter().try_for_each(|row| write(out, row))?;
        }
    }
    let events = writer.events();
    writer.finish()?;
    out.map_or(Ok(()), |mut out| out.flush())?;
    let bytes = std::fs::metadata(tape)?.len();
    Ok(json!({"rows": written, "messages": messages, "events": events, "bytes": bytes,
        "first_ns": START_NS, "last_ns": last_ns}))
}

/// Write a recording's levels and trades as rows.
pub(crate) fn export(tape: &str, rows: &str) -> Fallible<Value> {
    let tape = Tape::open(tape)?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(rows)?);
    let (mut cursor, mut written, mut messages) = (tape.cursor()?, 0_u64, 0_u64);
    while let Some(event) = cursor.next()? {
        let (time_ns, received_ns) = (event.time_ns, event.received_ns);
        let row = |level: &Level, flags| Row {
            time_ns,
            received_ns,
            price: level.price.ticks(),
            qty: level.qty.lots() as i64,
            flags,
        };
        let mut all: Vec<Row> = match &event.body {
            Body::Depth(depth) => {
                let whole = if depth.kind == DepthKind::Snapshot { WHOLE } else { 0 };
                let bids = depth.bids.iter().map(|level| row(level, BID | whole));
                bids.chain(depth.asks.iter().map(|level| row(level, whole))).collect()
            }
            Body::Trade(trade) => {
                let bid = if trade.aggressor == Side::Bid { BID } else { 0 };
                vec![row(&Level { price: trade.price, qty: trade.qty }, TRADE | bid)]
            }
            _ => continue,
        };
        if let Some(last) = all.last_mut() {
            last.flags |= LAST;
        }
        written += all.len() as u64;
        messages += 1;
        all.iter().try_for_each(|row| write(&mut out, row))?;
    }
    out.flush()?;
    Ok(json!({"rows": written, "messages": messages}))
}

/// A quiet market for the order cycle: the best ask's quantity changes every `every_ns`.
pub(crate) fn ticks(count: u64, every_ns: i64, tape: &str, rows: &str) -> Fallible<Value> {
    let about = json!({"name": "ticks", "synthetic": true}).to_string();
    let mut out = BufWriter::new(File::create(rows)?);
    let mut writer = TapeWriter::create(Path::new(tape), &about)?;
    let mut told = Told::default();
    let mut time_ns = START_NS;
    for at in 0..count as i64 {
        let row =
            |price, qty, flags| Row { time_ns, received_ns: time_ns + 100, price, qty, flags };
        let message = if at == 0 {
            let both = |far: i64| {
                let bid = row(MIDDLE - far, 1_000_000, BID | WHOLE);
                [bid, row(MIDDLE + 1 + far, 1_000_000, WHOLE)]
            };
            (0..50).flat_map(both).collect()
        } else {
            vec![row(MIDDLE + 1, 1_000_000 + at % 7, LAST)]
        };
        told.message(&message, |event| writer.event(event))?;
        message.iter().try_for_each(|row| write(&mut out, row))?;
        time_ns += every_ns;
    }
    let events = writer.events();
    writer.finish()?;
    out.flush()?;
    Ok(json!({"rows": count + 99, "messages": count, "events": events, "first_ns": START_NS,
        "last_ns": time_ns}))
}
