//! How the predecessor of this engine failed, one test a way that it failed in: each fails on what
//! it did. Two ways are about parts that are not there yet, and have no test here: a learner without
//! influence, an optimiser that skips itself.

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "tests use plain numbers"
)]

use flyball_core::backtest::{
    Backtest, Collect, Decide, FeedLatency, FeedTrouble, SimConfig, Stopped, Trouble, Wake,
};
use flyball_core::domain::{
    Bar, Body, ChecksumRule, CommandOf, Decimal, Decision, Event, ExitReason, Fees, InstrumentId,
    InstrumentKind, InstrumentSpec, Intent, Level, MILLISECOND, MINUTE, MarginMode, MarginTier,
    Money, NetQty, Notice, Order, OrderKind, Price, PriceRule, Purpose, Qty, Rate, RejectReason,
    Restrainer, Restraint, SECOND, Scope, SequenceRule, StrategyId, SwitchName, Target, Touch,
    Transfer,
};
use flyball_core::engine::{
    Engine, EngineConfig, InstrumentConfig, Sight, StrategyConfig, StrategyView,
};
use flyball_core::journal::{Cursor, Reader, SegmentKind, Writer};
use flyball_core::risk::Profile;
use flyball_core::sim::{AccountId, BarModel, BarPath, Fault, Latency, QueueModel};
use flyball_core::strategy::{Draft, Sizing, WakeSpec};

const XRP: InstrumentId = InstrumentId::new(0);

/// Wants to be long with a tenth of the account, always.
struct Long;

impl Decide for Long {
    fn decide(
        &mut self,
        _: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        let (Some(best), Some(it)) = (view.best(), view.instrument()) else { return Ok(()) };
        if view.position().is_flat() && !view.equity().is_unknown() {
            let value = view.equity().at_rate(Rate::from_ppm(100_000));
            let lots = it.qty_for(value, best.mid()).lots() as i64;
            let position = NetQty::from_lots(lots);
            draft.write(&Intent::Target(Target {
                position,
                stop: None,
                trailing: None,
                take_profit: None,
            }));
        }
        Ok(())
    }
}

fn profile() -> Profile {
    serde_json::from_str(include_str!("../../live/tests/world/emergency.json")).unwrap()
}

fn spec(symbol: &str) -> InstrumentSpec {
    InstrumentSpec {
        symbol: symbol.into(),
        kind: InstrumentKind::Linear,
        tick_size: Decimal::new(1, 4),
        lot_size: Decimal::new(1, 0),
        contract_size: Decimal::new(1, 0),
        price_rule: PriceRule::AnyTick,
        sequence_rule: SequenceRule::Unnumbered,
        checksum_rule: ChecksumRule::Absent,
        min_notional: Decimal::new(10, 0),
        fees: Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) },
        margin_tiers: vec![MarginTier { from_notional: 0, max_leverage: 20 }],
        book_depth: 16,
    }
}

fn config(profile: Profile) -> EngineConfig {
    EngineConfig {
        instruments: vec![InstrumentConfig { spec: spec("XRP"), quiet_ns: SECOND }],
        strategies: vec![StrategyConfig {
            name: "long".into(),
            instrument: 0,
            wake: WakeSpec { every_ns: Some(SECOND), ..WakeSpec::default() },
            bars: None,
            features: vec![],
            sizing: Sizing::EquityFraction { fraction: Rate::ONE },
        }],
        profile,
        cash: Money::from_whole(10_000),
        answer_timeout_ns: 2 * SECOND,
    }
}

fn sim(path: BarPath) -> SimConfig {
    SimConfig {
        queue: QueueModel::Back,
        feed: FeedLatency::Constant { ns: 0 },
        order_latency: Latency::Constant { ns: 20 * MILLISECOND },
        report_latency: Latency::Constant { ns: 20 * MILLISECOND },
        decision_latency: Latency::Constant { ns: MILLISECOND },
        bars: BarModel {
            path,
            spread: Rate::from_ppm(200),
            participation: Rate::from_ppm(500_000),
            heartbeat_ns: SECOND,
        },
        seed: 1,
    }
}

const WALKED: BarPath = BarPath::Continuous { max_step: Rate::from_ppm(1_000) };

/// Minutes that begin and end at these prices, in a straight line.
fn market(prices: &[i64]) -> Vec<u64> {
    let mut tape = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut tape).unwrap();
    for (at, pair) in (1_i64..).zip(prices.windows(2)) {
        let bar = Bar {
            instrument: XRP,
            interval_ns: MINUTE,
            open: Price::from_ticks(pair[0]),
            high: Price::from_ticks(pair[0].max(pair[1])),
            low: Price::from_ticks(pair[0].min(pair[1])),
            close: Price::from_ticks(pair[1]),
            volume: Qty::from_lots(50_000_000),
        };
        let end = at * MINUTE;
        let event = Event { time_ns: end, received_ns: end, body: Body::Bar(bar) };
        writer.event(&event, &mut tape).unwrap();
    }
    writer.end([0; 32], 0, &mut tape).unwrap();
    tape
}

type Test<'t> = Backtest<'t, Cursor<'t>>;

/// Run it all, and look after each step.
fn run(
    prices: &[i64],
    profile: Profile,
    path: BarPath,
    mut look: impl FnMut(&mut Test<'_>),
) -> (Collect, Engine) {
    let tape = market(prices);
    let reader = Reader::open(&tape).unwrap();
    let mut test = Backtest::new(&config(profile), sim(path), &reader.cursor()).unwrap();
    let mut seen = Collect::new(MINUTE);
    while test.run(1, &mut Long, &mut seen).unwrap() {
        look(&mut test);
    }
    (seen, test.engine().clone())
}

fn held(test: &Test<'_>) -> i64 {
    test.venue().portfolio(AccountId::new(0)).unwrap().qty(XRP).lots()
}

fn stops(test: &Test<'_>) -> usize {
    let venue = test.venue();
    venue.orders(AccountId::new(0)).filter(|record| record.order.trigger().is_some()).count()
}

fn trips(seen: &Collect) -> Vec<SwitchName> {
    let all = seen.notices.iter().filter_map(|(_, notice)| match notice {
        Notice::Tripped { switch, .. } => Some(*switch),
        _ => None,
    });
    all.collect()
}

/// A profile whose governor expects no gap, and that sets no money aside: so a gap can carry the
/// account over a line.
fn careless() -> Profile {
    let mut profile = profile();
    profile.gate.max_trade_var = Rate::from_ppm(900_000_000);
    profile.gate.max_depth_share = Rate::from_ppm(900_000_000);
    profile.governor.margin_mode = MarginMode::Cross;
    profile.governor.gap_floor = Rate::ZERO;
    profile.governor.gaps.clear();
    profile.governor.gap_factor = Rate::from_parts(1);
    profile.governor.gap_sigmas = Rate::from_parts(1);
    profile
}

/// 1: the stop was a loop that logged "near stop", and sent nothing.
#[test]
fn a_stop_rests_at_the_venue_and_the_engine_acts_on_the_event_that_crosses_it() {
    let (mut since, mut longest, mut most) = (None, 0, 0);
    let (seen, _) = run(&[20_000, 20_000, 19_000, 19_000], profile(), WALKED, |test| {
        let now = test.now_ns();
        if held(test) == 0 || stops(test) > 0 {
            since = None;
        } else {
            longest = longest.max(now - *since.get_or_insert(now));
        }
        most = most.max(stops(test));
    });
    assert!(most > 0, "a stop rested");
    assert!(longest < SECOND, "{} ms without one", longest / MILLISECOND);
    let exit = seen.notices.iter().find_map(|(ns, notice)| match notice {
        Notice::Exit { reason: ExitReason::Stop, .. } => Some(*ns),
        _ => None,
    });
    let sent = |(ns, order): &&(i64, Order)| Some(*ns) == exit && order.purpose == Purpose::Exit;
    assert!(seen.orders.iter().any(|order| sent(&order)), "{exit:?}: sent at the same moment");
}

/// 2: a limit of 8 % on the drawdown, looked at now and then: the first reaction came at 40.21 %.
#[test]
fn the_drawdown_is_looked_at_on_every_event_that_moves_it() {
    let mut first = None;
    let (seen, _) = run(&[20_000, 20_000, 8_000, 8_000], careless(), BarPath::Jump, |test| {
        let portfolio = test.engine().portfolio();
        if portfolio.drawdown().is_some_and(|deep| deep >= Rate::from_ppm(50_000)) {
            first.get_or_insert(test.engine().now_ns());
        }
    });
    let tripped = seen.notices.iter().find_map(|(ns, notice)| match notice {
        Notice::Tripped { switch: SwitchName::Drawdown, .. } => Some(*ns),
        _ => None,
    });
    assert!(first.is_some() && tripped == first, "beyond the line {first:?}, tripped {tripped:?}");
}

/// 3: "KILL SWITCH ACTIVATED" was logged, and the position stayed open for hours.
#[test]
fn a_trip_ends_flat_at_the_venue_and_says_so_after_the_venue_did() {
    let mut at_end = (1, 1);
    let (seen, engine) = run(&[20_000, 20_000, 8_000, 8_000], careless(), BarPath::Jump, |test| {
        at_end = (held(test), test.venue().open_orders(AccountId::new(0)));
    });
    assert_eq!(trips(&seen).first(), Some(&SwitchName::Drawdown));
    assert_eq!(at_end, (0, 0), "lots held, orders open");
    let flat = seen.notices.iter().find_map(|(_, notice)| match notice {
        Notice::Flat { scope: Scope::All, took_ns, .. } => Some(*took_ns),
        _ => None,
    });
    // After a jump of 60 % the collar on exits waits for the slow reference to follow.
    assert!(flat.is_some_and(|ns| ns < 10 * SECOND), "{flat:?}");
    assert!(engine.portfolio().is_flat());
}

/// 4: a time exit and a stop fought over one position: closed twice, and turned round.
#[test]
fn two_reasons_to_leave_close_a_position_once() {
    let mut profile = profile();
    // The longest holding time ends while the price falls through the stop.
    profile.exits.max_holding_ns = 71 * SECOND;
    let mut lowest = 0;
    let (seen, _) = run(&[20_000, 20_000, 18_000, 18_000], profile, WALKED, |test| {
        lowest = lowest.min(held(test));
    });
    assert!(seen.fills.len() > 1, "it traded");
    assert_eq!(lowest, 0, "never on the other side");
    let adds = |order: &Order| !order.reduce_only && order.side == flyball_core::domain::Side::Ask;
    assert!(!seen.orders.iter().any(|(_, order)| adds(order)), "every exit only reduces");
}

/// 5: "trade executed but stop activation failed", and the position stayed, naked.
#[test]
fn a_position_whose_stop_is_rejected_is_closed() {
    let (mut opened, mut closed) = (None, None);
    let (seen, _) = run(&[20_000; 4], profile(), BarPath::Jump, |test| {
        let now = test.now_ns();
        match (held(test), opened) {
            (0, Some(_)) => closed = closed.or(Some(now)),
            (0, None) => {}
            _ => opened = opened.or(Some(now)),
        }
        // Whatever is sent while the first position is open is rejected, until it is being closed.
        let naked = opened.is_some() && closed.is_none() && test.engine().closing(XRP).is_none();
        let fault = naked.then_some(Fault::Reject(RejectReason::Other));
        test.venue_mut().set_fault(AccountId::new(0), fault);
    });
    let stop = |(_, order): &(i64, Order)| matches!(order.kind, OrderKind::Stop { .. });
    assert!(seen.orders.iter().any(stop), "a stop was sent");
    let gave_up = seen
        .notices
        .iter()
        .any(|(_, notice)| matches!(notice, Notice::Exit { reason: ExitReason::Unprotected, .. }));
    assert!(gave_up, "it was closed because it had none");
    let (Some(opened), Some(closed)) = (opened, closed) else { panic!("{opened:?} {closed:?}") };
    assert!(closed - opened < 4 * SECOND, "after {} ms", (closed - opened) / MILLISECOND);
}

/// 6: a failure was predicted with confidence 1.00, and nobody who could act was listening. Here the
/// prediction is an event, and the decision after it, a microsecond later, adds nothing.
#[test]
fn a_predicted_failure_is_an_event_after_which_nothing_adds_risk() {
    let orders_after = |share: Option<Rate>| {
        let mut engine = Engine::new(&config(profile())).unwrap();
        let mut out = flyball_core::risk::Commands::with_capacity(64);
        let now = std::cell::Cell::new(SECOND);
        let mut say = |body: Body<'_>| {
            now.set(now.get() + 1_000);
            let event = Event { time_ns: now.get(), received_ns: now.get(), body };
            engine.on_event(&event, &mut out).unwrap();
            let orders = out.drain().filter(|it| matches!(it, CommandOf::Submit(_)));
            orders.count()
        };
        let level =
            |ticks| Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(1_000_000) };
        let (bid, ask) = (level(19_999), level(20_001));
        say(Body::Touch(Touch { instrument: XRP, sequence: 0, bid, ask }));
        if let Some(share) = share {
            say(Body::Restraint(Restraint { by: Restrainer::Prediction, share }));
        }
        let position = NetQty::from_lots(100);
        let target = Target { position, stop: None, trailing: None, take_profit: None };
        let intent = Intent::Target(target);
        say(Body::Decision(Decision { strategy: StrategyId::new(0), woken_ns: now.get(), intent }))
    };
    assert_eq!(orders_after(None), 1);
    assert_eq!(orders_after(Some(Rate::ONE)), 1);
    assert_eq!(orders_after(Some(Rate::ZERO)), 0);
}

/// 8: three of six switches could never fire, because what they looked at never changed.
#[test]
fn every_switch_fires_on_what_the_venue_says() {
    let fires = |switch: SwitchName, end: i64, set: fn(&mut Profile)| {
        let mut profile = careless();
        profile.switches.drawdown = Rate::from_ppm(900_000_000);
        profile.switches.daily_loss = Rate::from_ppm(900_000_000);
        profile.switches.emergency = Rate::from_ppm(900_000_000);
        set(&mut profile);
        let (seen, _) = run(&[20_000, 20_000, end, end], profile, BarPath::Jump, |_| {});
        assert_eq!(trips(&seen).first(), Some(&switch));
    };
    fires(SwitchName::Drawdown, 10_000, |p| p.switches.drawdown = Rate::from_ppm(10_000));
    fires(SwitchName::DailyLoss, 10_000, |p| p.switches.daily_loss = Rate::from_ppm(10_000));
    fires(SwitchName::Emergency, 10_000, |p| {
        p.switches.drawdown = Rate::from_ppm(10_000);
        p.switches.emergency = Rate::from_ppm(10_000);
    });
    fires(SwitchName::PositionLoss, 10_000, |_| {});
    // What a tenth of the account comes to when its price rises by half.
    fires(SwitchName::Leverage, 30_000, |p| {
        p.switches.leverage = Rate::from_ppm(120_000);
        p.gate.max_leverage = Rate::from_ppm(120_000);
    });
    fires(SwitchName::Margin, 30_000, |p| {
        p.switches.margin = Rate::from_ppm(340_000_000);
        p.gate.min_margin_ratio = Rate::from_ppm(340_000_000);
    });
}

/// 9: any exception gave a drawdown of 0.
#[test]
fn what_is_not_known_refuses_risk_and_closes_what_is_held() {
    let mut left = 1;
    let (seen, _) = run(&[20_000; 4], profile(), BarPath::Jump, |test| {
        let dead = test.now_ns() > MINUTE;
        let feed = if dead { FeedTrouble::Dead } else { FeedTrouble::Fine };
        test.set_trouble(Trouble { feed, ..Trouble::NONE });
        left = held(test);
    });
    let blind = seen.notices.iter().find_map(|(ns, notice)| match notice {
        Notice::Exit { reason: ExitReason::Blind, .. } => Some(*ns - MINUTE),
        _ => None,
    });
    assert!(blind.is_some_and(|ns| ns < 20 * SECOND), "{blind:?}");
    assert_eq!(left, 0, "lots at the end");
    let late =
        seen.orders.iter().filter(|(ns, order)| *ns > MINUTE + 5 * SECOND && !order.reduce_only);
    assert_eq!(late.filter(|(_, order)| order.purpose == Purpose::Entry).count(), 0);
}

/// 10: the peak lived in memory: a restart reset it, and a withdrawal looked like a loss.
#[test]
fn a_restart_keeps_the_peak_and_a_withdrawal_is_no_loss() {
    let config = config(profile());
    let mut engine = Engine::new(&config).unwrap();
    let mut out = flyball_core::risk::Commands::with_capacity(64);
    let mut say = |engine: &mut Engine, at: i64, body: Body<'static>| {
        let event = Event { time_ns: at, received_ns: at, body };
        engine.on_event(&event, &mut out).unwrap();
    };
    let transfer = |amount| Body::Transfer(Transfer { amount: Money::from_whole(amount) });
    say(&mut engine, 1, transfer(10_000));
    let funding = |amount| {
        Body::Funding(flyball_core::domain::FundingPayment {
            instrument: XRP,
            amount: Money::from_whole(amount),
        })
    };
    say(&mut engine, 2, funding(-600));
    let before = engine.portfolio().drawdown();
    assert_eq!(before, Some(Rate::from_ppm(30_000)), "600 of 20 000");
    let kept = Engine::restore(&engine.snapshot()).unwrap();
    let mut again = Engine::resume(&config, &kept).unwrap();
    assert_eq!(again.portfolio().peak(), engine.portfolio().peak());
    assert_eq!(again.portfolio().drawdown(), before);
    say(&mut again, 3, transfer(-9_700));
    assert_eq!(again.portfolio().drawdown(), before, "half of it was taken out");
}

/// 11: two components reported drawdowns of 8.4 % and 63.87 % at the same moment.
#[test]
fn engine_and_venue_measure_the_same_drawdown() {
    let mut measured = None;
    run(&[20_000, 20_000, 12_000, 15_000, 15_000], careless(), WALKED, |test| {
        let venue = test.venue().portfolio(AccountId::new(0)).unwrap();
        let engine = test.engine().portfolio();
        measured = Some([venue.max_drawdown(), engine.max_drawdown()]);
        if venue.qty(XRP) == engine.qty(XRP) && venue.is_flat() {
            assert_eq!(venue.cash(), engine.cash());
        }
    });
    let [venue, engine] = measured.unwrap();
    assert!(venue > Rate::from_ppm(1_000));
    let apart = venue.minus(engine).to_f64().abs();
    // A fill is known at the venue one way's time earlier.
    assert!(apart < 0.001, "{venue:?} {engine:?}");
}

/// 12: the closing path knew one coin, tried once, and never looked again.
#[test]
fn a_kill_tries_again_until_the_venue_holds_nothing() {
    let mut killed = false;
    let mut part_fills = 0;
    let mut left = 1;
    let (tape, mut seen) = (market(&[20_000; 5]), Collect::new(MINUTE));
    let reader = Reader::open(&tape).unwrap();
    let mut test = Backtest::new(&config(profile()), sim(BarPath::Jump), &reader.cursor()).unwrap();
    while test.run(1, &mut Long, &mut seen).unwrap() {
        left = held(&test);
        if !killed && left != 0 && test.now_ns() > MINUTE {
            killed = true;
            let kill = flyball_core::domain::Operator::Kill(Scope::All);
            test.tell(Body::Operator(kill), &mut Long, &mut seen).unwrap();
        }
        if killed {
            // Every closing order trades a little only.
            let part = Fault::PartialFill(Qty::from_lots(120));
            test.venue_mut().set_fault(AccountId::new(0), Some(part));
            part_fills = seen.fills.iter().filter(|(ns, _)| *ns > MINUTE).count();
        }
    }
    assert!(killed && part_fills > 2, "{part_fills} fills while it closed");
    assert_eq!(left, 0, "lots at the end");
}

/// 14: a stop-loss took the absolute value of the gain, and closed winners.
#[test]
fn a_gain_trips_nothing() {
    let mut profile = careless();
    profile.exits.max_holding_ns = 1_000 * MINUTE;
    let (seen, engine) = run(&[20_000, 20_000, 30_000, 40_000], profile, WALKED, |_| {});
    let losses = seen.notices.iter().filter(|(_, notice)| {
        matches!(
            notice,
            Notice::Exit {
                reason: ExitReason::Stop | ExitReason::AbsoluteLoss | ExitReason::Catastrophic,
                ..
            } | Notice::Tripped { .. }
        )
    });
    assert_eq!(losses.count(), 0);
    assert!(engine.portfolio().equity() > Money::from_whole(10_200), "and it gained");
}
