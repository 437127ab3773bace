//! The hot paths, each in a function that callgrind can tell from the others.
//!
//! Nothing here measures: `benchmarks/budgets.py` counts the instructions of every function whose
//! name begins with `path_` and divides by how often it was called. What is walked is synthetic and
//! seeded, so that the same build takes the same instructions everywhere.

use std::fmt::Write as _;
use std::hint::black_box;

use flyball_core::backtest::{Backtest, SimConfig};
use flyball_core::domain::{Body, Event};
use flyball_core::engine::{Engine, EngineConfig, EngineError};
use flyball_core::journal::{Cursor, Entry, Reader, SegmentKind, Sink, SinkError, Writer};
use flyball_core::risk::Commands;
use serde_json::{Value, json};

use crate::Fallible;
use crate::core::{Count, Maker, gate, keep};
use crate::decode::Desk;
use crate::feed::{Market, Told};

const MESSAGES: usize = 3_000;
const LEVELS: usize = 50;
const LOTS: u64 = 10;
const BOOKS: usize = 200;
const REVIEWS: u64 = 10;

/// Walk each path some thousand times.
pub(crate) fn walk(engine: &str, sim: &str) -> Fallible<Value> {
    let engine: EngineConfig = serde_json::from_str(&std::fs::read_to_string(engine)?)?;
    let sim: SimConfig = serde_json::from_str(&std::fs::read_to_string(sim)?)?;
    let (words, rows) = market()?;
    let tape = Reader::open(&words)?.cursor();
    let counted = path_backtest(&engine, sim, &tape)?;
    let kept = keep(&engine, sim, &tape, LOTS)?;
    let (market, decisions) = events(&engine, &kept)?;
    journal(&kept)?;
    books()?;
    gate(&engine, REVIEWS)?;
    Ok(json!({"rows": rows, "events": counted, "market": market, "decisions": decisions,
        "books": BOOKS}))
}

/// A synthetic market as words of a tape, and how many rows it has.
fn market() -> Fallible<(Vec<u64>, usize)> {
    let mut words = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut words)?;
    let (mut market, mut told, mut rows) = (Market::new(1, LEVELS), Told::default(), 0);
    for _ in 0..MESSAGES {
        let message = market.message();
        rows += message.len();
        told.message(message, |event| writer.event(event, &mut words))?;
    }
    writer.end([0; 32], 0, &mut words)?;
    Ok((words, rows))
}

/// Tape, venue, engine, strategy, latency: all of it.
#[inline(never)]
fn path_backtest(engine: &EngineConfig, sim: SimConfig, tape: &Cursor<'_>) -> Fallible<u64> {
    let mut counted = Count::default();
    let mut run = Backtest::new(engine, sim, tape)?;
    while run.run(1_000_000, &mut Maker { size: LOTS }, &mut counted)? {}
    Ok(counted.events)
}

type Taken = Result<(), EngineError>;

/// Levels and trades: book, features, equity, switches.
#[inline(never)]
fn path_market(engine: &mut Engine, event: &Event<'_>, out: &mut Commands) -> Taken {
    black_box("market");
    engine.on_event(event, out)
}

/// A strategy decided: what works is brought to what is wanted, through the gate.
#[inline(never)]
fn path_decision(engine: &mut Engine, event: &Event<'_>, out: &mut Commands) -> Taken {
    black_box("decision");
    engine.on_event(event, out)
}

/// The venue answered.
#[inline(never)]
fn path_answer(engine: &mut Engine, event: &Event<'_>, out: &mut Commands) -> Taken {
    black_box("answer");
    engine.on_event(event, out)
}

/// How many messages of the market and decisions there were.
fn events(config: &EngineConfig, kept: &[u64]) -> Fallible<(u64, u64)> {
    let (mut market, mut decisions) = (0, 0);
    let mut engine = Engine::new(config)?;
    let mut out = Commands::with_capacity(256);
    let mut cursor = Reader::open(kept)?.cursor();
    while let Some(entry) = cursor.next()? {
        let Entry::Event(event) = entry else { continue };
        out.clear();
        match &event.body {
            Body::Depth(_) | Body::Trade(_) => {
                market += 1;
                path_market(&mut engine, &event, &mut out)?;
            }
            Body::Decision(_) => {
                decisions += 1;
                path_decision(&mut engine, &event, &mut out)?;
            }
            Body::Order(_) | Body::Fill(_) => path_answer(&mut engine, &event, &mut out)?,
            _ => engine.on_event(&event, &mut out)?,
        }
    }
    Ok((market, decisions))
}

/// Takes words and forgets them: what a disk does is not counted in instructions.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, words: &[u64]) -> Result<(), SinkError> {
        black_box(words);
        Ok(())
    }
}

/// An event becomes words of a journal, with checksum and hash chain at the end of a block.
#[inline(never)]
fn path_journal(writer: &mut Writer, event: &Event<'_>) -> Result<(), SinkError> {
    writer.event(event, &mut Nowhere)
}

fn journal(kept: &[u64]) -> Fallible<()> {
    let mut writer = Writer::begin(SegmentKind::Journal, "{}", [0; 32], &mut Nowhere)?;
    let mut cursor = Reader::open(kept)?.cursor();
    while let Some(entry) = cursor.next()? {
        if let Entry::Event(event) = entry {
            path_journal(&mut writer, &event)?;
        }
    }
    Ok(())
}

/// A book message of the venue, decoded and applied.
#[inline(never)]
fn path_decode(desk: &mut Desk, message: &[u8]) -> Fallible<()> {
    desk.take(message)
}

fn books() -> Fallible<()> {
    let mut desk = Desk::new("BTC")?;
    for at in 0..BOOKS {
        let message = book_message(at)?;
        path_decode(&mut desk, message.as_bytes())?;
    }
    Ok(())
}

/// A book of twenty levels a side, as the venue writes it.
fn book_message(at: usize) -> Result<String, std::fmt::Error> {
    let mut text = r#"{"channel":"l2Book","data":{"coin":"BTC","levels":["#.to_owned();
    for side in 0..2 {
        text.push('[');
        for far in 0..20 {
            let price = if side == 0 { 105_000 + at % 7 - far } else { 105_001 + at % 7 + far };
            let comma = if far == 0 { "" } else { "," };
            let size = 14_280 + 131 * far + at;
            write!(text, r#"{comma}{{"n":{far},"px":"{price}.0","sz":"0.{size}"}}"#)?;
        }
        text.push_str(if side == 0 { "]," } else { "]" });
    }
    write!(text, r#"],"time":{}}}}}"#, 1_737_918_843_893_u64 + at as u64)?;
    Ok(text)
}
