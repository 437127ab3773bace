use super::*;
use crate::domain::{
    Bar, ExitReason, HOUR, Instrument, Intent, Level, MILLISECOND, MINUTE, Money, Notice, Price,
    Qty, Rate, Scope, Signal, SwitchName,
};
use crate::domain::{Direction, SECOND};
use crate::engine::Sight;
use crate::engine::{InstrumentConfig, StrategyConfig};
use crate::journal::{Reader, SegmentKind, Writer};
use crate::replay::Replay;
use crate::risk::testing::profile;
use crate::sim::{BarPath, Crash, Synthetic, SyntheticConfig};
use crate::strategy::{Sizing, WakeSpec};
use crate::testing::{price, qty, xrp, xrp_spec};

/// Wants what a function says.
struct Says<F>(F);

impl<F> Decide for Says<F>
where
    F: FnMut(&StrategyView<'_>, &mut Draft),
{
    fn decide(
        &mut self,
        _: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        (self.0)(view, draft);
        Ok(())
    }
}

fn always_long(_: &StrategyView<'_>, draft: &mut Draft) {
    draft.write(&Intent::Signal(Signal {
        direction: Direction::Long,
        confidence: 1.0,
        stop: None,
        take_profit: None,
        trailing: None,
        max_holding_ns: None,
    }));
}

fn maker(view: &StrategyView<'_>, draft: &mut Draft) {
    let Some(best) = view.best() else { return };
    let lean = view.position().lots() / 50;
    let mid = best.mid().ticks() - lean;
    let quote = |ticks| [Level { price: price(ticks), qty: qty(50) }];
    let bid = quote((mid - 2).min(best.ask.price.ticks() - 1));
    let ask = quote((mid + 2).max(best.bid.price.ticks() + 1));
    draft.write(&Intent::Quotes(crate::domain::Quotes { bids: &bid, asks: &ask }));
}

fn config(every_ns: i64, cash: i64) -> EngineConfig {
    EngineConfig {
        instruments: vec![InstrumentConfig { spec: xrp_spec(), quiet_ns: 0 }],
        strategies: vec![StrategyConfig {
            name: "test".into(),
            instrument: 0,
            wake: WakeSpec { every_ns: Some(every_ns), ..WakeSpec::default() },
            bars: None,
            features: vec![],
            sizing: Sizing::EquityFraction { fraction: Rate::from_ppm(2_000_000) },
        }],
        profile: profile(),
        cash: Money::from_whole(cash),
        answer_timeout_ns: 2 * SECOND,
    }
}

fn sim() -> SimConfig {
    SimConfig {
        queue: QueueModel::Back,
        feed: FeedLatency::Recorded { offset_ns: 0 },
        order_latency: Latency::Uniform { min_ns: 5 * MILLISECOND, max_ns: 20 * MILLISECOND },
        report_latency: Latency::Constant { ns: 5 * MILLISECOND },
        decision_latency: Latency::Constant { ns: 0 },
        bars: BarModel {
            path: BarPath::Continuous { max_step: Rate::from_ppm(1_000) },
            spread: Rate::from_ppm(200),
            participation: Rate::from_ppm(100_000),
            heartbeat_ns: 0,
        },
        seed: 1,
    }
}

fn synthetic(seed: u64, hours: i64, crash: Option<Crash>) -> Vec<u64> {
    let config = SyntheticConfig {
        seed,
        start_ns: 0,
        duration_ns: hours * HOUR,
        start_price: Price::from_ticks(25_000),
        messages_per_second: 10.0,
        volatility: 0.9,
        drift: 0.0,
        levels: 20,
        level_lots: 5_000.0,
        jumps_per_day: 10.0,
        jump_size: 0.005,
        crash,
    };
    let mut tape = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut tape).unwrap();
    let mut market = Synthetic::new(config, &xrp()).unwrap();
    while market.step(&mut |event: &Event<'_>| writer.event(event, &mut tape)).unwrap() {}
    writer.end([0; 32], 0, &mut tape).unwrap();
    tape
}

fn run<D: Decide>(
    tape: &[u64],
    engine: &EngineConfig,
    sim: SimConfig,
    strategy: &mut D,
) -> ([u8; 32], Collect, Engine) {
    let reader = Reader::open(tape).unwrap();
    let mut test = Backtest::new(engine, sim, &reader.cursor()).unwrap();
    let mut seen = Collect::new(MINUTE);
    while test.run(10_000, strategy, &mut seen).unwrap() {}
    (test.engine().state_hash(), seen, test.engine().clone())
}

const CRASH: Crash = Crash { at_ns: HOUR / 2, duration_ns: 5 * MINUTE, drop: 0.37, gap: 0.0 };

fn tripped(seen: &Collect) -> Vec<SwitchName> {
    let trips = seen.notices.iter().filter_map(|(_, notice)| match notice {
        Notice::Tripped { switch, .. } => Some(*switch),
        _ => None,
    });
    trips.collect()
}

#[test]
fn the_same_run_twice_is_the_same() {
    let tape = synthetic(3, 1, Some(CRASH));
    let engine = config(SECOND, 10_000);
    let (first, seen, _) = run(&tape, &engine, sim(), &mut Says(maker));
    let (second, ..) = run(&tape, &engine, sim(), &mut Says(maker));
    assert_eq!(first, second);
    assert!(seen.fills.len() > 20, "{} fills", seen.fills.len());
    let other = SimConfig { seed: 2, ..sim() };
    assert_ne!(run(&tape, &engine, other, &mut Says(maker)).0, first, "latencies matter");
}

#[test]
fn a_crash_is_survived_flat_and_within_the_line() {
    let tape = synthetic(3, 1, Some(CRASH));
    let (_, seen, engine) = run(&tape, &config(SECOND, 10_000), sim(), &mut Says(always_long));
    assert!(!tripped(&seen).is_empty(), "nothing tripped");
    assert!(engine.portfolio().is_flat());
    let most = engine.portfolio().max_drawdown();
    assert!(most < Rate::from_ppm(50_000), "{most:?}");
    let flat = seen.notices.iter().filter(|(_, n)| matches!(n, Notice::Flat { .. })).count();
    let exits = seen.notices.iter().filter(|(_, n)| matches!(n, Notice::Exit { .. })).count();
    assert!(exits > 0 && flat >= exits, "{exits} exits, {flat} verified flat");
}

#[test]
fn without_limits_the_same_crash_ruins_the_same_strategy() {
    let tape = synthetic(3, 1, Some(CRASH));
    let mut engine = config(SECOND, 10_000);
    let much = Rate::from_ppm(1_000_000_000);
    let limits = &mut engine.profile;
    for rate in [
        &mut limits.switches.drawdown,
        &mut limits.switches.daily_loss,
        &mut limits.switches.emergency,
        &mut limits.switches.leverage,
        &mut limits.gate.max_concentration,
        &mut limits.gate.max_leverage,
        &mut limits.exits.absolute_loss,
        &mut limits.exits.catastrophic_loss,
    ] {
        *rate = much;
    }
    crate::risk::testing::assume_no_gaps(limits);
    limits.switches.position_loss = Rate::from_ppm(990_000);
    limits.exits.stop_distance = Rate::from_ppm(980_000);
    limits.exits.max_holding_ns = 100 * HOUR;
    limits.gate.exit_collar = much;
    let (_, seen, engine) = run(&tape, &engine, sim(), &mut Says(always_long));
    let most = engine.portfolio().max_drawdown();
    assert!(most > Rate::from_ppm(400_000), "{most:?} {:?}", seen.notices.last());
}

#[test]
fn an_operator_kills_and_the_account_ends_flat_and_stays_so() {
    let tape = synthetic(4, 1, None);
    let engine = config(SECOND, 10_000);
    let reader = Reader::open(&tape).unwrap();
    let mut test = Backtest::new(&engine, sim(), &reader.cursor()).unwrap();
    let mut seen = Collect::new(MINUTE);
    let mut strategy = Says(maker);
    while test.now_ns() < 10 * MINUTE && test.run(1, &mut strategy, &mut seen).unwrap() {}
    let now = test.now_ns();
    let kill = Body::Operator(crate::domain::Operator::Kill(Scope::All));
    let event = Event { time_ns: now, received_ns: now, body: kill };
    test.deliver(&event, &mut strategy, &mut seen).unwrap();
    let orders = seen.orders.len();
    while test.run(10_000, &mut strategy, &mut seen).unwrap() {}
    let flat = seen.notices.iter().any(|(_, notice)| {
        matches!(notice, Notice::Flat { scope: Scope::All, reason: ExitReason::Operator, .. })
    });
    assert!(flat && test.venue().portfolio(AccountId::new(0)).unwrap().is_flat());
    assert_eq!(test.venue().open_orders(AccountId::new(0)), 0);
    let after = &seen.orders[orders..];
    assert!(after.iter().all(|(_, order)| order.reduce_only), "{after:?}");
    assert_eq!(test.engine().execution().orders.open(), 0);
}

/// Bars of five minutes, the third of which falls by 37 %.
fn bars(prices: &[(i64, i64, i64, i64)]) -> Vec<u64> {
    let mut tape = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut tape).unwrap();
    for (k, &(open, high, low, close)) in prices.iter().enumerate() {
        let bar = Bar {
            instrument: InstrumentId::new(0),
            interval_ns: 5 * MINUTE,
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: qty(10_000_000),
        };
        let end = (k as i64 + 1) * 5 * MINUTE;
        let event = Event { time_ns: end, received_ns: end, body: Body::Bar(bar) };
        writer.event(&event, &mut tape).unwrap();
    }
    writer.end([0; 32], 0, &mut tape).unwrap();
    tape
}

#[test]
fn bars_are_traded_along_their_path() {
    let tape = bars(&[
        (20_000, 20_050, 19_950, 20_000),
        (20_000, 20_050, 19_950, 20_000),
        (20_000, 20_010, 12_600, 15_000),
        (15_000, 15_500, 14_500, 15_200),
    ]);
    let mut engine = config(5 * MINUTE, 10_000);
    engine.instruments[0].quiet_ns = 5 * MINUTE;
    let wake = WakeSpec { bar: true, ..WakeSpec::default() };
    engine.strategies[0].wake = wake;
    engine.strategies[0].bars = Some(crate::features::BarSpec::Time(5 * MINUTE));
    let (_, seen, engine) = run(&tape, &engine, sim(), &mut Says(always_long));
    assert!(!seen.fills.is_empty(), "{:?}", seen.notices);
    let sold = seen.fills.iter().find(|(_, fill)| fill.side == crate::domain::Side::Ask);
    let sold = sold.unwrap().1.price.ticks();
    assert!(sold > 19_000, "the exit is on the way down, at {sold}, not at its end");
    assert!(engine.portfolio().max_drawdown() < Rate::from_ppm(20_000));
}

struct Journal {
    writer: Writer,
    file: Vec<u64>,
}

impl Observer for Journal {
    fn event(&mut self, event: &Event<'_>, _: &Engine) -> Result<(), SinkError> {
        self.writer.event(event, &mut self.file)
    }

    fn command(&mut self, command: &Command, engine: &Engine) -> Result<(), SinkError> {
        self.writer.command(command, engine.now_ns(), &mut self.file)
    }
}

fn journalled(tape: &[u64], engine: &EngineConfig) -> (Vec<u64>, [u8; 32]) {
    let reader = Reader::open(tape).unwrap();
    let mut test = Backtest::new(engine, sim(), &reader.cursor()).unwrap();
    let mut file = Vec::new();
    let writer = Writer::begin(SegmentKind::Journal, "{}", [0; 32], &mut file).unwrap();
    let mut journal = Journal { writer, file };
    let mut strategy = Says(maker);
    while test.run(50_000, &mut strategy, &mut journal).unwrap() {
        let now = test.engine().now_ns();
        let state = test.engine().snapshot();
        journal.writer.snapshot(&state, now, &mut journal.file).unwrap();
    }
    let hash = test.engine().state_hash();
    journal.writer.end(hash, 0, &mut journal.file).unwrap();
    (journal.file, hash)
}

#[test]
fn a_journal_replays_to_the_same_commands_and_the_same_state() {
    let tape = synthetic(5, 1, Some(CRASH));
    let engine = config(SECOND, 10_000);
    let (journal, hash) = journalled(&tape, &engine);
    let reader = Reader::open(&journal).unwrap();
    let mut replay = Replay::new(reader.verifying_cursor(), Engine::new(&engine).unwrap());
    let replayed = replay.run(u64::MAX).unwrap().unwrap();
    assert_eq!(replayed.state_hash, hash);
    assert!(replayed.events > 10_000 && replayed.commands > 1_000 && replayed.snapshots > 0);
    let mut other = engine.clone();
    other.profile.gate.max_open_orders = 1;
    let mut replay = Replay::new(reader.cursor(), Engine::new(&other).unwrap());
    let error = replay.run(u64::MAX).unwrap_err().to_string();
    assert!(error.contains("recorded"), "{error}");
}

#[test]
fn a_restored_engine_goes_on_as_the_one_it_was() {
    let tape = synthetic(6, 1, None);
    let engine = config(SECOND, 10_000);
    let (journal, hash) = journalled(&tape, &engine);
    let reader = Reader::open(&journal).unwrap();
    let mut cursor = reader.cursor();
    let mut restored: Option<Engine> = None;
    let mut out = Commands::with_capacity(64);
    while let Some(entry) = cursor.next().unwrap() {
        match (entry, &mut restored) {
            (crate::journal::Entry::Snapshot(state), None) => {
                restored = Some(Engine::restore(state).unwrap());
            }
            (crate::journal::Entry::Event(event), Some(engine)) => {
                out.clear();
                engine.on_event(&event, &mut out).unwrap();
            }
            _ => {}
        }
    }
    assert_eq!(restored.unwrap().state_hash(), hash);
}

#[test]
fn a_damaged_tape_says_where() {
    let mut tape = synthetic(7, 1, None);
    let at = tape.len() / 2;
    tape[at] ^= 1;
    let reader = Reader::open(&tape).unwrap();
    let mut test = Backtest::new(&config(SECOND, 10_000), sim(), &reader.cursor()).unwrap();
    let error = loop {
        match test.run(10_000, &mut Says(maker), &mut ()) {
            Ok(true) => {}
            Ok(false) => panic!("the damage was not found"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("damaged at block"), "{error}");
}

#[test]
fn an_instrument_of_a_tape_that_is_not_configured_is_an_error() {
    let spec = Instrument::new(InstrumentId::new(3), &xrp_spec()).unwrap();
    let mut tape = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut tape).unwrap();
    let trade = crate::domain::Trade {
        instrument: spec.id(),
        aggressor: crate::domain::Side::Bid,
        price: price(1),
        qty: Qty::from_lots(1),
        id: 1,
    };
    let event = Event { time_ns: 1, received_ns: 1, body: Body::Trade(trade) };
    writer.event(&event, &mut tape).unwrap();
    writer.end([0; 32], 0, &mut tape).unwrap();
    let reader = Reader::open(&tape).unwrap();
    let mut test = Backtest::new(&config(SECOND, 10), sim(), &reader.cursor()).unwrap();
    let error = test.run(10, &mut Says(maker), &mut ()).unwrap_err();
    assert_eq!(error, RunError::Engine(EngineError::UnknownInstrument(3)));
}
