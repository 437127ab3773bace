//! After start-up nothing touches the heap: not the engine, not the simulated venue, not the pipes
//! between them, with all rules on, a strategy quoting, and every kind of feature listening.
#![allow(missing_docs)]

use flyball_core::backtest::{Backtest, Decide, FeedLatency, Observer, SimConfig, Stopped, Wake};
use flyball_core::domain::{
    Bar, ChecksumRule, Decimal, Event, Fees, HOUR, Instrument, InstrumentId, InstrumentKind,
    InstrumentSpec, Intent, Level, MILLISECOND, MINUTE, MarginMode, MarginTier, Money, Price,
    PriceRule, Qty, Quotes, Rate, SECOND, SequenceRule,
};
use flyball_core::engine::{
    Engine, EngineConfig, FeatureConfig, InstrumentConfig, Sight, StrategyConfig, StrategyView,
};
use flyball_core::features::{BarSpec, FEATURES};
use flyball_core::journal::{Reader, SegmentKind, SinkError, Writer};
use flyball_core::risk::{Command, ExitLimits, GateLimits, GovernorLimits, Profile, SwitchLimits};
use flyball_core::screen::{Columns, Screen, Span, Terms};
use flyball_core::sim::{BarModel, BarPath, Latency, QueueModel, Synthetic, SyntheticConfig};
use flyball_core::strategy::{Draft, Sizing, WakeSpec};

struct Maker;

impl Decide for Maker {
    fn decide(
        &mut self,
        _: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        let Some(best) = view.best() else { return Ok(()) };
        let mid = best.mid().ticks() - view.position().lots() / 50;
        let quote = |ticks| [Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(50) }];
        let bids = quote((mid - 2).min(best.ask.price.ticks() - 1));
        let asks = quote((mid + 2).max(best.bid.price.ticks() + 1));
        draft.write(&Intent::Quotes(Quotes { bids: &bids, asks: &asks }));
        Ok(())
    }
}

#[derive(Default)]
struct Count {
    events: u64,
    commands: u64,
}

impl Observer for Count {
    fn event(&mut self, _: &Event<'_>, _: &Engine) -> Result<(), SinkError> {
        self.events += 1;
        Ok(())
    }

    fn command(&mut self, _: &Command, _: &Engine) -> Result<(), SinkError> {
        self.commands += 1;
        Ok(())
    }
}

fn percent(n: i64) -> Rate {
    Rate::from_ppm(n * 10_000)
}

fn profile() -> Profile {
    Profile {
        name: "test".into(),
        version: 1,
        switches: SwitchLimits {
            drawdown: percent(50),
            position_loss: percent(2),
            daily_loss: percent(50),
            emergency: percent(60),
            leverage: percent(500),
            margin: percent(120),
            hysteresis: percent(10),
            cool_off_ns: SECOND,
        },
        gate: GateLimits {
            price_collar: percent(1),
            exit_collar: percent(20),
            max_order_qty: 1_000_000,
            max_order_notional: Money::from_whole(100_000),
            max_position_notional: Money::from_whole(100_000),
            max_open_orders: 100,
            max_concentration: percent(25),
            max_leverage: percent(300),
            min_margin_ratio: percent(200),
            max_net_exposure: percent(300),
            min_liquidation_distance: percent(25),
            max_depth_share: percent(100_000),
            max_trade_var: percent(2),
            max_data_age_ns: 2 * SECOND,
            max_disagreement: percent(2),
            duplicate_window_ns: MILLISECOND,
            max_repeated: 1_000,
            messages_per_second: 50,
            message_burst: 100,
            message_reserve: 30,
        },
        governor: GovernorLimits {
            gap_floor: percent(40),
            gaps: vec![("XRP".into(), percent(40))],
            gap_factor: percent(125),
            gap_sigmas: percent(500),
            outage_ns: 300 * SECOND,
            slippage: Rate::from_ppm(5_000),
            margin_mode: MarginMode::Isolated,
        },
        exits: ExitLimits {
            absolute_loss: percent(2),
            catastrophic_loss: percent(5),
            stop_distance: Rate::from_ppm(18_000),
            stop_slippage: percent(10),
            stop_drift: Rate::from_ppm(500),
            max_unprotected_ns: SECOND,
            max_holding_ns: 60 * SECOND,
            max_blind_ns: 5 * SECOND,
            close_slippage: Rate::from_ppm(1_000),
            max_close_slippage: percent(10),
            close_retry_ns: 100 * MILLISECOND,
            close_deadline_ns: 5 * SECOND,
        },
    }
}

/// Every feature that there is, each with values that its parameters accept.
fn all_features() -> Vec<FeatureConfig> {
    let parameters = |about: &flyball_core::features::About| {
        let value = |p: &flyball_core::features::Parameter| p.default.unwrap_or(p.min.max(2.0));
        about.parameters.iter().map(|p| (p.name.to_string(), value(p))).collect()
    };
    let feature = |about: &flyball_core::features::About| FeatureConfig {
        alias: about.name.into(),
        name: about.name.into(),
        parameters: parameters(about),
    };
    FEATURES.iter().map(feature).collect()
}

fn config() -> EngineConfig {
    let spec = InstrumentSpec {
        symbol: "XRP".into(),
        kind: InstrumentKind::Linear,
        tick_size: Decimal::new(1, 4),
        lot_size: Decimal::new(1, 0),
        contract_size: Decimal::new(1, 0),
        price_rule: PriceRule::AnyTick,
        sequence_rule: SequenceRule::Contiguous,
        checksum_rule: ChecksumRule::Absent,
        min_notional: Decimal::new(10, 0),
        fees: Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) },
        margin_tiers: vec![MarginTier { from_notional: 0, max_leverage: 20 }],
        book_depth: 1000,
    };
    EngineConfig {
        instruments: vec![InstrumentConfig { spec, quiet_ns: 0 }],
        strategies: vec![StrategyConfig {
            name: "maker".into(),
            instrument: 0,
            wake: WakeSpec { every_ns: Some(100 * MILLISECOND), fill: true, ..WakeSpec::default() },
            bars: Some(BarSpec::Time(SECOND)),
            features: all_features(),
            sizing: Sizing::Lots { lots: Qty::from_lots(10) },
        }],
        profile: profile(),
        cash: Money::from_whole(10_000),
        answer_timeout_ns: 2 * SECOND,
    }
}

const SIM: SimConfig = SimConfig {
    queue: QueueModel::Probability { power: 2.0 },
    feed: FeedLatency::Recorded { offset_ns: 0 },
    order_latency: Latency::Uniform { min_ns: MILLISECOND, max_ns: 9 * MILLISECOND },
    report_latency: Latency::Constant { ns: 5 * MILLISECOND },
    decision_latency: Latency::Constant { ns: MILLISECOND },
    bars: BarModel {
        path: BarPath::Jump,
        spread: Rate::ZERO,
        participation: Rate::ONE,
        heartbeat_ns: 0,
    },
    seed: 1,
};

fn tape(config: &EngineConfig) -> Vec<u64> {
    let market = SyntheticConfig {
        seed: 7,
        start_ns: 0,
        duration_ns: 2 * HOUR,
        start_price: Price::from_ticks(25_000),
        messages_per_second: 20.0,
        volatility: 1.5,
        drift: 0.0,
        levels: 20,
        level_lots: 5_000.0,
        jumps_per_day: 200.0,
        jump_size: 0.004,
        crash: None,
    };
    let instrument = config.instruments().unwrap().remove(0);
    let mut words = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut words).unwrap();
    let mut market = Synthetic::new(market, &instrument).unwrap();
    while market.step(&mut |event: &Event<'_>| writer.event(event, &mut words)).unwrap() {}
    writer.end([0; 32], 0, &mut words).unwrap();
    words
}

#[test]
fn after_start_up_nothing_is_allocated() {
    let config = config();
    let tape = tape(&config);
    let reader = Reader::open(&tape).unwrap();
    let mut run = Backtest::new(&config, SIM, &reader.cursor()).unwrap();
    let mut count = Count::default();
    let start = allocation_counter::measure(|| {
        run.run(5_000, &mut Maker, &mut count).unwrap();
    });
    count = Count::default();
    let after =
        allocation_counter::measure(|| while run.run(50_000, &mut Maker, &mut count).unwrap() {});
    assert!(count.events > 150_000 && count.commands > 50_000, "{} events", count.events);
    assert!(!run.engine().execution().refusals.counts().is_empty());
    assert_eq!(
        after.count_total, 0,
        "{} allocations in {} events ({} while it started)",
        after.count_total, count.events, start.count_total
    );
}

#[test]
fn a_walk_over_bars_allocates_nothing() {
    let spec = &config().instruments[0].spec;
    let instrument = Instrument::new(InstrumentId::new(0), spec).unwrap();
    let mut columns = Columns::new(instrument.id(), MINUTE);
    for at in 0..5_000_i64 {
        let [open, close] = [at, at + 1].map(|at| Price::from_ticks(20_000 + (at * at * 7) % 90));
        let (high, low) = (open.max(close).offset(4), open.min(close).offset(-4));
        let volume = Qty::from_lots(9);
        let bar = Bar {
            instrument: instrument.id(),
            interval_ns: MINUTE,
            open,
            high,
            low,
            close,
            volume,
        };
        columns.push(&bar, (at + 1) * MINUTE);
    }
    let terms = Terms {
        cash: Money::from_whole(1_000),
        sizing: Sizing::EquityFraction { fraction: percent(90) },
        spread: Rate::from_ppm(100),
        jumps: false,
        stop_distance: Rate::from_ppm(2_000),
        absolute_loss: percent(2),
        max_holding_ns: HOUR,
        drawdown: percent(90),
    };
    let screen = Screen::new(&instrument, &columns, terms).unwrap();
    let targets: Vec<i8> =
        (0..5_000_i32).map(|at| i8::try_from((at / 40) % 3 - 1).unwrap()).collect();
    let edges: Vec<usize> = (0..5_000).step_by(60).collect();
    let mut notes = vec![Money::ZERO; edges.len()];
    let span = Span { from: 0, to: 5_000, edges: &edges };
    let mut exits = 0;
    let used = allocation_counter::measure(|| {
        exits = screen.run(&targets, 1, span, &mut notes).unwrap().exits;
    });
    assert!(exits > 10, "{exits} exits");
    assert_eq!(used.count_total, 0, "{used:?}");
}

#[test]
fn the_counter_counts() {
    let info = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!(info.count_total, 1);
}
