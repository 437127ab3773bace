//! How the cost of a row grows with what there is: instruments, strategies, levels, length.

use flyball_core::backtest::{Backtest, SimConfig};
use flyball_core::domain::Event;
use flyball_core::engine::EngineConfig;
use flyball_core::journal::{Reader, SegmentKind, Writer};
use flyball_data::tape::Tape;
use serde_json::{Value, json};

use crate::core::{Count, Maker};
use crate::feed::{Market, Row, Told};
use crate::{Fallible, worker};

const ROWS: usize = 300_000;
/// Rows of each instrument at least, so that its first book is a small part.
const ROWS_EACH: usize = 1_000;
const RUNS: usize = 3;
/// Instruments that there are while strategies become more.
const HUNDRED: usize = 100;

/// Instruments, strategies, and levels a side of a book.
struct Size {
    instruments: usize,
    strategies: usize,
    levels: usize,
}

/// A run over so many of `what`.
pub(crate) fn measure(what: &str, many: usize, engine: &str, sim: &str) -> Fallible<Value> {
    let base: EngineConfig = serde_json::from_str(&std::fs::read_to_string(engine)?)?;
    let sim: SimConfig = serde_json::from_str(&std::fs::read_to_string(sim)?)?;
    let size = match what {
        "instruments" => Size { instruments: many, strategies: 1, levels: 20 },
        "strategies" => Size { instruments: HUNDRED, strategies: many, levels: 20 },
        "depth" => Size { instruments: 1, strategies: 1, levels: many },
        other => return Err(format!("{other:?} does not grow").into()),
    };
    let engine = grown(&base, &size)?;
    let (words, rows) = tape_of(&size)?;
    let cursor = Reader::open(&words)?.cursor();
    let mut best = f64::INFINITY;
    let mut counted = Count::default();
    for _ in 0..RUNS {
        let mut run = Backtest::new(&engine, sim, &cursor)?;
        counted = Count::default();
        let started = worker::cpu_s();
        while run.run(1_000_000, &mut Maker { size: 10 }, &mut counted)? {}
        best = best.min(worker::cpu_s() - started);
    }
    Ok(json!({"cpu_s": best, "rows": rows, "events": counted.events, "orders": counted.orders,
        "peak_mb": worker::peak_mb()}))
}

/// A run over a tape on disk.
pub(crate) fn tape(tape: &str, engine: &str, sim: &str) -> Fallible<Value> {
    let engine: EngineConfig = serde_json::from_str(&std::fs::read_to_string(engine)?)?;
    let sim: SimConfig = serde_json::from_str(&std::fs::read_to_string(sim)?)?;
    let tape = Tape::open(tape)?;
    let mut counted = Count::default();
    let mut run = Backtest::new(&engine, sim, &tape.cursor()?)?;
    let started = worker::cpu_s();
    while run.run(1_000_000, &mut Maker { size: 10 }, &mut counted)? {}
    Ok(json!({"cpu_s": worker::cpu_s() - started, "events": counted.events,
        "orders": counted.orders, "peak_mb": worker::peak_mb()}))
}

/// The engine's first instrument and strategy, so often.
fn grown(base: &EngineConfig, size: &Size) -> Fallible<EngineConfig> {
    let mut engine = base.clone();
    let first = base.instruments.first().ok_or("no instrument")?;
    let strategy = base.strategies.first().ok_or("no strategy")?;
    let depth = u32::try_from(size.levels.next_power_of_two().max(128) * 2)?;
    engine.instruments = (0..size.instruments)
        .map(|at| {
            let mut one = first.clone();
            one.spec.symbol = format!("COIN{at}");
            one.spec.book_depth = depth;
            one
        })
        .collect();
    engine.strategies.clear();
    for at in 0..size.strategies {
        let mut one = strategy.clone();
        one.instrument = u16::try_from(at)?;
        engine.strategies.push(one);
    }
    Ok(engine)
}

/// Messages of all instruments in turn; each hears as much in as much of its own time, whatever
/// the number of others.
fn tape_of(size: &Size) -> Fallible<(Vec<u64>, usize)> {
    let mut words = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut words)?;
    let mut markets = Vec::new();
    for at in 0..size.instruments {
        #[expect(clippy::cast_precision_loss, reason = "some thousand levels")]
        let reach = if size.levels == 20 { 9.0 } else { size.levels as f64 / 3.0 };
        let market = Market::new(at as u64 + 1, size.levels).reaching(reach);
        markets.push((market, Told::of(u16::try_from(at)?)));
    }
    let (mut rows, mut whole) = (0, 0);
    let mut now_ns = 0_i64;
    while rows < ROWS.max(ROWS_EACH * size.instruments) {
        for (market, told) in &mut markets {
            let message: Vec<Row> = market.message().to_vec();
            let Some(first) = message.first() else { continue };
            // One market's clock after the other's would go back: all take the latest.
            now_ns = now_ns.max(first.received_ns);
            let at_ns = now_ns;
            whole += message.len();
            told.message(&message, |event| {
                let event = Event { time_ns: at_ns, received_ns: at_ns, ..*event };
                writer.event(&event, &mut words)
            })?;
            rows += message.len();
        }
    }
    writer.end([0; 32], 0, &mut words)?;
    Ok((words, whole))
}
