//! The engine on a recorded tape. The configuration is what `flyball` itself would use, so every
//! rule is on. Times are of this process's one thread; the smallest of several runs is the one that
//! was disturbed least, the median says how much they vary.

use std::hint::black_box;
use std::time::Instant;

use flyball_core::backtest::{Backtest, Decide, Observer, SimConfig, Stopped, Wake};
use flyball_core::domain::{
    Body, ClientOrderId, CommandOf, Event, Instrument, Intent, Level, MAX_QUOTES, Order, OrderKind,
    Price, Purpose, Qty, Quotes, Rate, Refusal, Side, StrategyId, TimeInForce,
};
use flyball_core::engine::{Engine, EngineConfig, Sight, StrategyView};
use flyball_core::journal::{Entry, Reader, Records, SegmentKind, SinkError, Writer};
use flyball_core::portfolio::Portfolio;
use flyball_core::risk::{
    Approved, Command, Commands, Exposure, Gate, Mode, NearDepth, Reading, References, Scenarios,
    View,
};
use flyball_core::strategy::Draft;
use flyball_data::tape::Tape;
use serde_json::{Value, json};

use crate::{Fallible, trip, worker};

const RUNS: usize = 7;

/// Quotes both sides of the mid, five steps away, leaning against inventory.
pub(crate) struct Maker {
    pub(crate) size: u64,
}

impl Decide for Maker {
    fn decide(
        &mut self,
        _: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        let (Some(best), Some(instrument)) = (view.best(), view.instrument()) else {
            return Ok(());
        };
        let step = instrument.price_step(best.bid.price);
        let lots = i64::try_from(self.size).unwrap_or(1).max(1);
        let lean = view.position().lots() / lots * step;
        let fair = best.mid().ticks() - lean;
        let qty = Qty::from_lots(self.size);
        let bid = (fair - 5 * step).min(best.ask.price.ticks() - step);
        let ask = (fair + 5 * step).max(best.bid.price.ticks() + step);
        let level = |ticks| [Level { price: Price::from_ticks(ticks), qty }];
        let (bids, asks) = (level(bid), level(ask));
        debug_assert!(bids.len() <= MAX_QUOTES);
        draft.write(&Intent::Quotes(Quotes { bids: &bids, asks: &asks }));
        Ok(())
    }
}

/// Another bid at every wake, far from everything: only the order's own way costs.
struct Cycle {
    size: u64,
    step: i64,
}

impl Decide for Cycle {
    fn decide(
        &mut self,
        _: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        let Some(best) = view.best() else { return Ok(()) };
        self.step += 1;
        let price = Price::from_ticks(best.bid.price.ticks() - 100 - self.step % 200);
        let bids = [Level { price, qty: Qty::from_lots(self.size) }];
        draft.write(&Intent::Quotes(Quotes { bids: &bids, asks: &[] }));
        Ok(())
    }
}

/// Is woken as well, and wants nothing.
struct Idle;

impl Decide for Idle {
    fn decide(&mut self, _: Wake, _: &StrategyView<'_>, _: &mut Draft) -> Result<(), Stopped> {
        Ok(())
    }
}

/// Counts what happens, and nothing else.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) events: u64,
    commands: u64,
    pub(crate) orders: u64,
    fills: u64,
}

impl Observer for Count {
    #[inline]
    fn event(&mut self, event: &Event<'_>, _: &Engine) -> Result<(), SinkError> {
        self.events += 1;
        self.fills += u64::from(matches!(event.body, Body::Fill(_)));
        Ok(())
    }

    #[inline]
    fn command(&mut self, command: &Command, _: &Engine) -> Result<(), SinkError> {
        self.commands += 1;
        self.orders += u64::from(matches!(command, CommandOf::Submit(_)));
        Ok(())
    }
}

/// Keeps the events that the engine took in, as words, so that it alone can be given them again.
pub(crate) struct Keep {
    writer: Writer,
    words: Vec<u64>,
}

impl Observer for Keep {
    fn event(&mut self, event: &Event<'_>, _: &Engine) -> Result<(), SinkError> {
        self.writer.event(event, &mut self.words)
    }

    fn command(&mut self, _: &Command, _: &Engine) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Configurations, tape and size, as the command line names them.
pub(crate) struct Asked {
    engine: EngineConfig,
    sim: SimConfig,
    tape: Tape,
    size: u64,
}

impl Asked {
    pub(crate) fn read(engine: &str, sim: &str, tape: &str, size: &str) -> Fallible<Self> {
        Ok(Self {
            engine: serde_json::from_str(&std::fs::read_to_string(engine)?)?,
            sim: serde_json::from_str(&std::fs::read_to_string(sim)?)?,
            tape: Tape::open(tape)?,
            size: size.parse()?,
        })
    }
}

/// Everything about the core on this tape.
pub(crate) fn measure(asked: &Asked) -> Fallible<Value> {
    let Asked { engine, sim, tape, size } = asked;
    let (messages, rows) = count(tape)?;
    let (whole, counted, allocations) = whole_core(engine, *sim, tape, *size)?;
    let kept = keep(engine, *sim, &tape.cursor()?, *size)?;
    Ok(json!({
        "messages": messages,
        "rows": rows,
        "whole_core_ns": statistics(&whole),
        "events": counted.events,
        "commands": counted.commands,
        "fills": counted.fills,
        "allocations": allocations,
        "latency": latency(engine, &kept)?,
        "gate_ns": gate(engine, 2_000)?,
        "trip": trip::trip(engine)?,
    }))
}

/// One run of a contest: what a native strategy wants, on this tape.
pub(crate) fn contest(asked: &Asked, wants: &str) -> Fallible<Value> {
    let Asked { engine, sim, tape, size } = asked;
    let mut counted = Count::default();
    let mut run = Backtest::new(engine, *sim, &tape.cursor()?)?;
    match wants {
        "around" => while run.run(1_000_000, &mut Maker { size: *size }, &mut counted)? {},
        "cycle" => {
            let mut cycle = Cycle { size: *size, step: 0 };
            while run.run(1_000_000, &mut cycle, &mut counted)? {}
        }
        "idle" => while run.run(1_000_000, &mut Idle, &mut counted)? {},
        other => return Err(format!("{other:?} is neither around, cycle nor idle").into()),
    }
    let Count { events, orders, fills, .. } = counted;
    Ok(json!({"events": events, "orders": orders, "fills": fills}))
}

/// Messages on the tape, and rows in them: levels, trades, best prices, bars.
fn count(tape: &Tape) -> Fallible<(u64, u64)> {
    let (mut messages, mut rows) = (0, 0);
    let mut cursor = tape.cursor()?;
    while let Some(event) = cursor.next()? {
        messages += 1;
        rows += match &event.body {
            Body::Depth(depth) => (depth.bids.len() + depth.asks.len()) as u64,
            _ => 1,
        };
    }
    Ok((messages, rows))
}

type Reviewed = Result<Approved<Order>, Refusal>;
type Whole = (Vec<f64>, Count, u64);

/// Tape, simulated venue, engine, strategy and every rule: nanoseconds of processor time of a
/// whole run, several times.
fn whole_core(engine: &EngineConfig, sim: SimConfig, tape: &Tape, size: u64) -> Fallible<Whole> {
    let mut times = Vec::with_capacity(RUNS);
    let mut counted = Count::default();
    for _ in 0..RUNS {
        let mut run = Backtest::new(engine, sim, &tape.cursor()?)?;
        counted = Count::default();
        let started = worker::cpu_s();
        while run.run(1_000_000, &mut Maker { size }, &mut counted)? {}
        times.push((worker::cpu_s() - started) * 1e9);
    }
    let mut run = Backtest::new(engine, sim, &tape.cursor()?)?;
    let mut started = Count::default();
    run.run(2_000, &mut Maker { size }, &mut started)?;
    let mut outcome = Ok(false);
    let allocated = allocation_counter::measure(|| {
        outcome = run.run(u64::MAX, &mut Maker { size }, &mut started);
    });
    outcome?;
    Ok((times, counted, allocated.count_total))
}

#[expect(clippy::cast_precision_loss, reason = "a run takes less than 2^53 ns")]
pub(crate) fn nanoseconds(started: Instant) -> f64 {
    started.elapsed().as_nanos() as f64
}

pub(crate) fn statistics(times: &[f64]) -> Value {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = (share * (sorted.len() - 1) as f64) as usize;
        sorted[index]
    };
    json!({ "min": at(0.0), "p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": at(1.0) })
}

/// The events of one run, as the engine got them.
pub(crate) fn keep<'t, R: Records<'t> + Clone>(
    engine: &EngineConfig,
    sim: SimConfig,
    tape: &R,
    size: u64,
) -> Fallible<Vec<u64>> {
    let mut words = Vec::new();
    let writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut words)?;
    let mut keep = Keep { writer, words };
    let mut run = Backtest::new(engine, sim, tape)?;
    while run.run(1_000_000, &mut Maker { size }, &mut keep)? {}
    let Keep { writer, mut words } = keep;
    writer.end([0; 32], 0, &mut words)?;
    Ok(words)
}

/// Event in → commands out, one event at a time, with a clock around each.
fn latency(config: &EngineConfig, kept: &[u64]) -> Fallible<Value> {
    let mut engine = Engine::new(config)?;
    let mut out = Commands::with_capacity(256);
    let reader = Reader::open(kept)?;
    let mut cursor = reader.cursor();
    let (mut all, mut deciding) = (Vec::new(), Vec::new());
    while let Some(entry) = cursor.next()? {
        let Entry::Event(event) = entry else { continue };
        out.clear();
        let started = Instant::now();
        engine.on_event(&event, &mut out)?;
        let took = nanoseconds(started);
        all.push(took);
        let sends =
            |command: &Command| matches!(command, CommandOf::Submit(_) | CommandOf::Cancel { .. });
        if out.as_slice().iter().any(sends) {
            deciding.push(took);
        }
    }
    let mut clock = Vec::with_capacity(100_000);
    for _ in 0..100_000 {
        clock.push(nanoseconds(Instant::now()));
    }
    Ok(json!({
        "all": statistics(&all),
        "with_orders": statistics(&deciding),
        "events": all.len(),
        "events_with_orders": deciding.len(),
        "clock_itself": statistics(&clock),
    }))
}

/// An order that passes. Callgrind counts what happens in here, so that it has a name.
#[inline(never)]
fn path_approval(gate: &mut Gate, order: Order, view: &View<'_>) -> Reviewed {
    black_box("approval");
    gate.review(order, view)
}

/// An order that is refused.
#[inline(never)]
fn path_refusal(gate: &mut Gate, order: Order, view: &View<'_>) -> Reviewed {
    black_box("refusal");
    gate.review(order, view)
}

/// What a review of the gate looks at, for one order after another.
struct Reviews<'a> {
    instrument: &'a Instrument,
    portfolio: &'a Portfolio,
    scenarios: &'a Scenarios,
    references: References,
    order: Order,
    exposure: Exposure,
    review: fn(&mut Gate, Order, &View<'_>) -> Reviewed,
    passes: bool,
}

impl Reviews<'_> {
    /// One review, of an order that is a little smaller or larger than the last one.
    #[inline]
    fn one(&self, gate: &mut Gate, turn: u64) -> Result<(), String> {
        let plenty = Qty::from_lots(1 << 40);
        let view = View {
            now_ns: 0,
            instrument: self.instrument,
            portfolio: self.portfolio,
            references: self.references,
            max_age_ns: 1,
            exposure: self.exposure,
            depth: NearDepth { bids: plenty, asks: plenty },
            scenarios: self.scenarios,
            share: Rate::ONE,
            mode: Mode::Normal,
        };
        let vary = (self.order.qty.lots() / 2).clamp(1, 64);
        let lots = self.order.qty.lots() - turn % vary;
        let varied = Order { qty: Qty::from_lots(lots), ..self.order };
        let said = black_box((self.review)(gate, black_box(varied), &view));
        if said.is_ok() == self.passes {
            return Ok(());
        }
        Err(format!("the gate said something else: {:?}", said.err()))
    }

    /// Nanoseconds a review: means of hundreds, and one by one with a clock around each.
    fn measure(&self, gate: &mut Gate, batches: u64) -> Fallible<Value> {
        let mut means = Vec::new();
        for batch in 0..batches {
            let started = Instant::now();
            for at in 0..100 {
                self.one(gate, batch + at)?;
            }
            means.push(nanoseconds(started) / 100.0);
        }
        let mut each = Vec::new();
        for turn in 0..batches * 1_000 {
            let started = Instant::now();
            let said = self.one(gate, turn);
            each.push(nanoseconds(started));
            said?;
        }
        let mut told = statistics(&means);
        told["each_with_clock"] = statistics(&each);
        Ok(told)
    }
}

/// Reviews of the gate: approvals, and refusals by the last of the pure rules.
pub(crate) fn gate(config: &EngineConfig, batches: u64) -> Fallible<Value> {
    let instruments = config.instruments()?;
    let instrument = instruments.first().ok_or("no instrument")?;
    let mut profile = config.profile.clone();
    profile.gate.max_repeated = u32::MAX;
    profile.gate.duplicate_window_ns = 0;
    profile.gate.messages_per_second = u32::MAX;
    profile.gate.message_burst = u32::MAX;
    let mut gate = Gate::new(&profile, vec![true], 1);
    let price = Price::from_ticks(instrument.price_step(Price::from_ticks(100_000)) * 100_000);
    let reading = Reading::new(price, 0);
    let approvals = Reviews {
        instrument,
        portfolio: &Portfolio::new(1, config.cash),
        scenarios: &Scenarios::new(&profile, std::slice::from_ref(instrument)),
        references: References { mid: reading, average: reading, ..References::default() },
        order: Order {
            client_order_id: ClientOrderId::new(1),
            instrument: instrument.id(),
            strategy: StrategyId::new(0),
            side: Side::Bid,
            price,
            qty: instrument.qty_for(config.cash.scaled(1, 100), price),
            kind: OrderKind::Limit(TimeInForce::PostOnly),
            reduce_only: false,
            purpose: Purpose::Quote,
        },
        exposure: Exposure::default(),
        review: path_approval,
        passes: true,
    };
    let crossing = Exposure { best_ask: Some(price), ..Exposure::default() };
    let refusals = Reviews { exposure: crossing, review: path_refusal, passes: false, ..approvals };
    Ok(json!({
        "approval": approvals.measure(&mut gate, batches)?,
        "refusal_by_self_trade": refusals.measure(&mut gate, batches)?,
    }))
}
