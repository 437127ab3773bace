use super::*;
use crate::domain::{
    AccountState, Attention, CommandOf, Decision, Depth, DepthKind, Direction, ExitReason,
    FeedState, HOUR, Intent, Level, MILLISECOND, Money, NetQty, Notice, Operator, Order, OrderKind,
    PriceRule, Purpose, Quotes, Rate, Reference, Restrainer, Restraint, SECOND, Scope,
    SentinelState, Sequence, SequenceRule, Side, Signal, StrategyState, SwitchName, Target, Touch,
};
use crate::risk::testing::profile;
use crate::sim::{AccountId, QueueModel, Venue};
use crate::strategy::{Sizing, WakeSpec};
use crate::testing::{fill, price, qty, xrp_spec};

mod kill;

const ID: InstrumentId = InstrumentId::new(0);
const US: AccountId = AccountId::FIRST;

mod edges;
mod exits;
mod reducing;
mod scenarios;

/// An engine and the venue it trades at, without any latency.
struct Rig {
    engine: Engine,
    venue: Venue,
    out: Commands,
    now: i64,
    said: Vec<Notice>,
    sent: Vec<Order>,
    /// Whether the venue hears what the engine says.
    connected: bool,
}

fn config() -> EngineConfig {
    EngineConfig {
        instruments: vec![InstrumentConfig { spec: xrp_spec(), quiet_ns: 0 }],
        strategies: vec![StrategyConfig {
            name: "test".into(),
            instrument: 0,
            wake: WakeSpec { every_ns: Some(HOUR), ..WakeSpec::default() },
            bars: None,
            features: vec![],
            sizing: Sizing::EquityFraction { fraction: Rate::from_ppm(100_000) },
        }],
        profile: profile(),
        cash: Money::from_whole(1_000),
        answer_timeout_ns: 2 * SECOND,
    }
}

/// Limits wide enough to get into trouble.
fn loose() -> EngineConfig {
    let mut config = config();
    let gate = &mut config.profile.gate;
    gate.max_concentration = Rate::from_ppm(20_000_000);
    gate.max_leverage = config.profile.switches.leverage;
    gate.min_margin_ratio = config.profile.switches.margin;
    crate::risk::testing::assume_no_gaps(&mut config.profile);
    let exits = &mut config.profile.exits;
    exits.absolute_loss = Rate::from_ppm(900_000);
    exits.catastrophic_loss = Rate::from_ppm(900_000);
    exits.max_holding_ns = HOUR;
    config
}

impl Rig {
    fn new(config: &EngineConfig) -> Self {
        let engine = Engine::new(config).unwrap();
        let instruments = config.instruments().unwrap();
        let mut rig = Self {
            venue: Venue::new(&instruments, &[config.cash], QueueModel::Back),
            engine,
            out: Commands::with_capacity(64),
            now: 0,
            said: Vec::new(),
            sent: Vec::new(),
            connected: true,
        };
        rig.market(20_000);
        rig
    }

    fn tell(&mut self, body: Body<'_>) {
        let event = Event { time_ns: self.now, received_ns: self.now, body };
        self.engine.on_event(&event, &mut self.out).unwrap();
        self.settle();
    }

    /// What the engine says reaches the venue, and back, until nobody has anything to say.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            let commands: Vec<_> = self.out.drain().collect();
            for command in commands {
                self.carry_out(command);
            }
            let reports: Vec<_> = self.venue.drain_reports().collect();
            if reports.is_empty() && self.out.as_slice().is_empty() {
                return;
            }
            for report in reports {
                let event = Event { time_ns: self.now, received_ns: self.now, body: report.body };
                self.engine.on_event(&event, &mut self.out).unwrap();
            }
        }
        panic!("engine and venue never came to rest: {:?}", self.out.as_slice());
    }

    fn carry_out(&mut self, command: crate::risk::Command) {
        match command {
            CommandOf::Notice(notice) => self.said.push(notice),
            CommandOf::Submit(order) => {
                self.sent.push(*order.get());
                if self.connected {
                    self.venue.submit(US, &order, self.now);
                }
            }
            _ if !self.connected => {}
            CommandOf::Cancel { instrument, client_order_id } => {
                self.venue.cancel(US, instrument, client_order_id, self.now);
            }
            CommandOf::Query { instrument, client_order_id } => {
                self.venue.query(US, instrument, client_order_id, self.now);
            }
            CommandOf::ReadAccount { request } => self.venue.read_account(US, request, self.now),
            CommandOf::Resnapshot { .. } | CommandOf::Wake { .. } => {}
        }
    }

    /// A deep market a tick to both sides of this price.
    fn market(&mut self, ticks: i64) {
        self.market_of(ticks, 1_000_000);
    }

    fn market_of(&mut self, ticks: i64, lots: u64) {
        self.now += MILLISECOND;
        let level = |ticks| Level { price: price(ticks), qty: qty(lots) };
        let touch =
            Touch { instrument: ID, sequence: 0, bid: level(ticks - 1), ask: level(ticks + 1) };
        let event = Event { time_ns: self.now, received_ns: self.now, body: Body::Touch(touch) };
        self.venue.on_market(&event);
        self.tell(Body::Touch(touch));
    }

    /// Time passes in a market that does not move.
    fn wait(&mut self, ns: i64) {
        let until = self.now + ns;
        while self.now < until {
            self.now = self.engine.due_ns().clamp(self.now + 1, until);
            self.tell(Body::Timer);
        }
    }

    fn want(&mut self, lots: i64) {
        let target = Target {
            position: NetQty::from_lots(lots),
            stop: None,
            take_profit: None,
            trailing: None,
        };
        self.decide(Intent::Target(target));
    }

    fn decide(&mut self, intent: Intent<'_>) {
        let strategy = StrategyId::new(0);
        self.tell(Body::Decision(Decision { strategy, woken_ns: self.now, intent }));
    }

    fn held(&self) -> i64 {
        let venue = self.venue.portfolio(US).unwrap().qty(ID).lots();
        assert_eq!(self.engine.portfolio().qty(ID).lots(), venue, "both count the same");
        venue
    }

    fn tripped(&self) -> Vec<SwitchName> {
        let trips = self.said.iter().filter_map(|notice| match notice {
            Notice::Tripped { switch, .. } => Some(*switch),
            _ => None,
        });
        trips.collect()
    }

    fn flat_scopes(&self) -> Vec<(Scope, ExitReason)> {
        let flats = self.said.iter().filter_map(|notice| match notice {
            Notice::Flat { scope, reason, .. } => Some((*scope, *reason)),
            _ => None,
        });
        flats.collect()
    }

    fn operator(&mut self, operator: Operator) {
        self.tell(Body::Operator(operator));
    }
}

#[test]
fn a_target_is_reached_and_protected_by_a_stop_at_the_venue() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    assert_eq!(rig.held(), 100);
    let stop = rig.sent.last().unwrap();
    assert_eq!((stop.purpose, stop.side), (Purpose::Stop, Side::Ask));
    // 1.8 % below the entry at 2.0001, rounded towards it.
    assert!(matches!(stop.kind, OrderKind::Stop { trigger } if trigger == price(19_641)));
    assert_eq!(rig.venue.open_orders(US), 1);
    rig.want(0);
    assert_eq!((rig.held(), rig.venue.open_orders(US)), (0, 0), "the stop goes with the position");
}

#[test]
fn turning_over_closes_first_and_then_opens() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.want(-50);
    rig.wait(SECOND);
    assert_eq!(rig.held(), -50);
    let entries: Vec<_> = rig.sent.iter().filter(|o| o.purpose == Purpose::Entry).collect();
    assert_eq!(entries.iter().map(|o| o.reduce_only).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn a_signal_is_sized_by_policy_and_confidence_and_cut_by_the_gate() {
    let mut rig = Rig::new(&config());
    let signal = |direction, confidence| {
        Intent::Signal(Signal {
            direction,
            confidence,
            stop: Some(price(19_900)),
            take_profit: None,
            trailing: None,
            max_holding_ns: None,
        })
    };
    rig.decide(signal(Direction::Long, 0.5)); // half of 10 % of 1 000 at 2.0001
    assert_eq!(rig.held(), 24);
    rig.decide(signal(Direction::Flat, 1.0));
    assert_eq!(rig.held(), 0);
    let mut greedy = config();
    greedy.strategies[0].sizing = Sizing::EquityFraction { fraction: Rate::from_ppm(5_000_000) };
    let mut rig = Rig::new(&greedy);
    rig.decide(signal(Direction::Long, 1.0));
    assert_eq!(rig.held(), 124, "a quarter of 1 000, at the most it could cost");
    assert_eq!(rig.sent.len(), 2, "one entry, one stop, and no more tries");
}

#[test]
fn quotes_are_reconciled_with_the_fewest_messages() {
    let mut rig = Rig::new(&config());
    let quote = |ticks| [Level { price: price(ticks), qty: qty(10) }];
    let want = |rig: &mut Rig, bid, ask| {
        rig.now += SECOND;
        rig.market(20_000);
        let (bids, asks) = (quote(bid), quote(ask));
        rig.decide(Intent::Quotes(Quotes { bids: &bids, asks: &asks }));
        (rig.sent.len(), rig.venue.open_orders(US))
    };
    assert_eq!(want(&mut rig, 19_990, 20_010), (2, 2));
    assert_eq!(want(&mut rig, 19_990, 20_010), (2, 2), "nothing changed: nothing is sent");
    assert_eq!(want(&mut rig, 19_991, 20_010), (3, 2), "only the bid is replaced");
    rig.decide(Intent::Quotes(Quotes::default()));
    assert_eq!(rig.venue.open_orders(US), 0);
}

#[test]
fn quotes_between_the_venues_prices_are_the_same_quotes_again() {
    let mut config = config();
    config.instruments[0].spec.price_rule = PriceRule::SignificantFigures(4); // steps of 10 ticks
    let mut rig = Rig::new(&config);
    let level = |ticks, lots| Level { price: price(ticks), qty: qty(lots) };
    for turn in 0..3 {
        rig.now += SECOND;
        rig.market(20_000);
        let bids = [level(19_985 + turn, 10), level(19_983, 5)];
        rig.decide(Intent::Quotes(Quotes { bids: &bids, asks: &[level(20_011, 10)] }));
    }
    let sent: Vec<_> =
        rig.sent.iter().map(|order| (order.price.ticks(), order.qty.lots())).collect();
    assert_eq!(sent, [(19_980, 15), (20_020, 10)], "rounded, added up, and not sent again");
}

#[test]
fn position_loss_closes_that_position_and_locks_it_until_its_cool_off() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.market(19_500); // a gap beyond stop and switch
    assert_eq!(rig.tripped(), [SwitchName::PositionLoss]);
    assert_eq!(rig.held(), 0);
    let closed = ExitReason::Switch(SwitchName::PositionLoss);
    assert_eq!(rig.flat_scopes(), [(Scope::Instrument(ID), closed)]);
    rig.want(100);
    assert_eq!(rig.held(), 0, "reduce-only while it is latched");
    for _ in 0..61 {
        rig.wait(SECOND);
        rig.market(19_500);
    }
    rig.want(100);
    assert_eq!(rig.held(), 100);
}

#[test]
fn drawdown_stops_all_trading_and_ends_verified_flat() {
    let mut rig = Rig::new(&loose());
    rig.want(1_500); // three times equity
    rig.market(19_600); // −6 %
    assert!(rig.tripped().contains(&SwitchName::Drawdown));
    assert_eq!(rig.held(), 0);
    let all = (Scope::All, ExitReason::Switch(SwitchName::Drawdown));
    assert!(rig.flat_scopes().contains(&all), "{:?}", rig.said);
    rig.wait(HOUR);
    rig.market(20_000);
    rig.want(100);
    assert_eq!(rig.held(), 0, "nothing un-kills itself");
}

#[test]
fn emergency_comes_before_drawdown_and_daily_loss() {
    let mut rig = Rig::new(&loose());
    rig.want(1_249); // all that the loss budget lets through
    rig.market(18_700); // −16 %
    let tripped = rig.tripped();
    assert_eq!(tripped[0], SwitchName::Emergency);
    assert!(tripped.contains(&SwitchName::Drawdown) && tripped.contains(&SwitchName::DailyLoss));
    assert_eq!(rig.held(), 0);
    let all = (Scope::All, ExitReason::Switch(SwitchName::Emergency));
    assert!(rig.flat_scopes().iter().any(|flat| flat.0 == all.0));
}

#[test]
fn leverage_is_brought_below_its_limit_and_no_further() {
    let mut config = loose();
    config.profile.switches.drawdown = Rate::from_ppm(400_000);
    config.profile.switches.daily_loss = Rate::from_ppm(400_000);
    config.profile.switches.emergency = Rate::from_ppm(500_000);
    config.profile.switches.position_loss = Rate::from_ppm(50_000);
    config.profile.exits.stop_distance = Rate::from_ppm(40_000);
    let mut rig = Rig::new(&config);
    rig.want(2_400); // 4.8 times
    rig.market(19_820); // −46 with the fee: 4 757 / 954 = 4.98
    assert_eq!(rig.tripped(), []);
    rig.market(19_790);
    assert_eq!(rig.tripped(), [SwitchName::Leverage]);
    let portfolio = rig.engine.portfolio();
    let leverage = portfolio.gross().fraction_of(portfolio.equity()).unwrap();
    assert!(leverage < Rate::from_ppm(4_500_000), "{leverage:?}");
    assert!(rig.held() > 2_000, "only as much as is needed: {}", rig.held());
    rig.want(2_400);
    assert!(rig.held() < 2_300, "reduce-only while it is latched");
}

#[test]
fn thin_margin_closes_the_position() {
    let mut config = loose();
    let switches = &mut config.profile.switches;
    switches.leverage = Rate::from_ppm(100_000_000);
    for rate in [&mut switches.drawdown, &mut switches.daily_loss, &mut switches.emergency] {
        *rate = Rate::from_ppm(950_000);
    }
    switches.position_loss = Rate::from_ppm(60_000);
    config.profile.exits.stop_distance = Rate::from_ppm(50_000);
    config.profile.gate.max_leverage = Rate::from_ppm(100_000_000);
    config.profile.gate.max_concentration = Rate::from_ppm(100_000_000);
    let mut rig = Rig::new(&config);
    rig.want(7_500); // 15 times: maintenance 375, ratio 2.7
    assert_eq!(rig.held(), 7_500);
    rig.market(19_200); // equity 392.5, maintenance 360: ratio 1.09
    assert_eq!(rig.tripped(), [SwitchName::Margin]);
    assert_eq!(rig.held(), 0);
}

#[test]
fn a_kill_ends_flat_and_trading_again_takes_two_steps() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    let quotes = [Level { price: price(19_900), qty: qty(10) }];
    rig.operator(Operator::Kill(Scope::All));
    assert_eq!((rig.held(), rig.venue.open_orders(US)), (0, 0));
    assert!(rig.flat_scopes().contains(&(Scope::All, ExitReason::Operator)));
    rig.decide(Intent::Quotes(Quotes { bids: &quotes, asks: &[] }));
    assert_eq!(rig.venue.open_orders(US), 0);
    rig.operator(Operator::ConfirmReset(None));
    assert!(rig.said.contains(&Notice::ResetRefused { switch: None }), "one step is not enough");
    rig.operator(Operator::RequestReset(None));
    rig.operator(Operator::ConfirmReset(None));
    rig.decide(Intent::Quotes(Quotes { bids: &quotes, asks: &[] }));
    assert_eq!(rig.venue.open_orders(US), 1);
}

#[test]
fn one_instrument_is_killed_and_only_an_operator_unlocks_it() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.operator(Operator::Kill(Scope::Strategy(StrategyId::new(0))));
    assert_eq!(rig.held(), 0);
    rig.wait(HOUR);
    rig.market(20_000);
    rig.want(100);
    assert_eq!(rig.held(), 0);
    rig.operator(Operator::RequestReset(None));
    rig.operator(Operator::ConfirmReset(None));
    assert!(rig.said.contains(&Notice::ResetRefused { switch: None }), "nothing to release");
}

#[test]
fn a_reset_after_a_drawdown_counts_from_here() {
    let mut rig = Rig::new(&loose());
    rig.want(1_500);
    rig.market(19_600);
    let switch = Some(SwitchName::Drawdown);
    rig.operator(Operator::RequestReset(switch));
    rig.operator(Operator::ConfirmReset(switch));
    assert!(rig.said.contains(&Notice::Released { switch, instrument: None }));
    assert_eq!(rig.engine.portfolio().drawdown(), Some(Rate::ZERO));
}

#[test]
fn the_daily_loss_waits_for_tomorrow_and_for_a_person() {
    let mut config = loose();
    config.profile.switches.drawdown = Rate::from_ppm(140_000);
    let mut rig = Rig::new(&config);
    rig.want(2_000);
    rig.market(19_450); // −11 %
    assert!(rig.tripped().contains(&SwitchName::DailyLoss));
    let switch = Some(SwitchName::DailyLoss);
    rig.operator(Operator::RequestReset(switch));
    rig.operator(Operator::ConfirmReset(switch));
    assert!(rig.said.contains(&Notice::ResetRefused { switch }), "the day is not over");
    rig.now = crate::domain::DAY;
    rig.operator(Operator::ConfirmReset(switch));
    assert!(rig.said.contains(&Notice::Released { switch, instrument: None }));
}

#[test]
fn a_reset_is_refused_while_something_is_still_held() {
    let mut rig = Rig::new(&loose());
    rig.want(1_500);
    rig.connected = false;
    rig.market(19_600);
    let switch = Some(SwitchName::Drawdown);
    rig.operator(Operator::RequestReset(switch));
    rig.operator(Operator::ConfirmReset(switch));
    assert!(rig.said.contains(&Notice::ResetRefused { switch }));
}

#[test]
fn a_venue_that_does_not_answer_is_asked_again_and_the_delay_is_told() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.connected = false;
    rig.operator(Operator::Kill(Scope::All));
    rig.wait(20 * SECOND);
    assert!(rig.said.iter().any(|notice| matches!(notice, Notice::FlattenLate { .. })));
    assert!(rig.said.iter().any(|notice| matches!(notice, Notice::OutcomeUnknown { .. })));
    assert!(!rig.flat_scopes().iter().any(|(scope, _)| *scope == Scope::All));
    rig.connected = true;
    rig.wait(20 * SECOND);
    assert!(rig.flat_scopes().iter().any(|(scope, _)| *scope == Scope::All));
    assert_eq!(rig.held(), 0);
}

#[test]
fn a_position_that_the_engine_did_not_open_is_closed_too() {
    let mut rig = Rig::new(&config());
    let order = Order {
        client_order_id: crate::domain::ClientOrderId::new(999),
        ..crate::risk::testing::bid(20_001, 77)
    };
    let order =
        Order { kind: OrderKind::Limit(crate::domain::TimeInForce::ImmediateOrCancel), ..order };
    rig.venue.submit(US, &crate::risk::testing::approve(order), rig.now);
    let _not_told: Vec<_> = rig.venue.drain_reports().collect();
    rig.operator(Operator::Kill(Scope::All));
    let mismatch = Notice::PositionMismatch {
        instrument: ID,
        ours: NetQty::FLAT,
        venue: NetQty::from_lots(77),
    };
    assert!(rig.said.contains(&mismatch), "{:?}", rig.said);
    assert_eq!(rig.held(), 0);
}

#[test]
fn a_thin_book_is_closed_into_piece_by_piece() {
    let mut rig = Rig::new(&config());
    rig.want(120);
    rig.market_of(20_000, 50);
    rig.operator(Operator::Kill(Scope::All));
    for _ in 0..10 {
        rig.wait(SECOND / 5);
        let less = 50 - rig.now % 7;
        rig.market_of(20_000, less.unsigned_abs());
    }
    assert_eq!(rig.held(), 0);
    assert!(rig.flat_scopes().contains(&(Scope::All, ExitReason::Operator)));
}

#[test]
fn a_position_whose_stop_is_not_confirmed_is_closed() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    // The stop is lost at the venue, and new ones do not arrive.
    let stop = rig.sent.last().unwrap().client_order_id;
    rig.venue.cancel(US, ID, stop, rig.now);
    rig.connected = false;
    rig.settle();
    for _ in 0..4 {
        rig.wait(SECOND / 2);
        rig.market(20_000);
    }
    assert!(rig.said.iter().any(|notice| matches!(notice, Notice::Unprotected { .. })));
    rig.connected = true;
    for _ in 0..10 {
        rig.wait(SECOND);
        rig.market(20_000);
    }
    assert_eq!(rig.held(), 0);
    let exits = rig
        .said
        .iter()
        .any(|notice| matches!(notice, Notice::Exit { reason: ExitReason::Unprotected, .. }));
    assert!(exits);
}

#[test]
fn blindness_on_a_position_ends_in_closing_it() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.wait(6 * SECOND);
    assert_eq!(rig.held(), 100, "2 s until data is old, 5 s of patience");
    rig.wait(2 * SECOND);
    assert_eq!(rig.held(), 0);
    assert_eq!(rig.flat_scopes(), [(Scope::Instrument(ID), ExitReason::Blind)]);
}

#[test]
fn stale_data_refuses_new_risk() {
    let mut rig = Rig::new(&config());
    rig.wait(3 * SECOND);
    rig.want(100);
    assert_eq!(rig.held(), 0);
    assert!(rig.said.iter().any(|notice| matches!(notice, Notice::Refused { .. })));
}

#[test]
fn a_gap_hides_the_book_and_asks_for_a_snapshot() {
    let mut config = config();
    config.instruments[0].spec.sequence_rule = SequenceRule::Contiguous;
    let mut engine = Engine::new(&config).unwrap();
    let mut out = Commands::with_capacity(8);
    let mut tell = |engine: &mut Engine, now, kind, first, last| {
        out.clear();
        let level = |ticks| [Level { price: price(ticks), qty: qty(10) }];
        let (bids, asks) = (level(19_999), level(20_001));
        let sequence = Sequence { first, last, previous: 0 };
        let depth =
            Depth { instrument: ID, kind, sequence, checksum: None, bids: &bids, asks: &asks };
        let event = Event { time_ns: now, received_ns: now, body: Body::Depth(depth) };
        engine.on_event(&event, &mut out).unwrap();
        let asked = out.as_slice().iter().any(|c| matches!(c, CommandOf::Resnapshot { .. }));
        let healed =
            out.as_slice().iter().any(|c| matches!(c, CommandOf::Notice(Notice::Healed { .. })));
        (asked, healed, engine.market(ID).unwrap().best.is_some())
    };
    assert_eq!(tell(&mut engine, 1, DepthKind::Snapshot, 0, 10), (false, false, true));
    assert_eq!(tell(&mut engine, 2, DepthKind::Diff, 12, 12), (true, false, false));
    assert_eq!(tell(&mut engine, 3, DepthKind::Diff, 13, 13), (false, false, false));
    let later = 2 * SECOND;
    assert_eq!(tell(&mut engine, later, DepthKind::Diff, 14, 14), (true, false, false));
    assert_eq!(tell(&mut engine, later + 1, DepthKind::Snapshot, 0, 13), (false, true, true));
}

#[test]
fn a_lost_feed_shows_nothing_and_adds_no_risk() {
    let mut rig = Rig::new(&config());
    rig.tell(Body::Feed(FeedState { instrument: ID, connected: false }));
    rig.want(100);
    assert_eq!(rig.held(), 0);
    assert!(rig.engine.market(ID).unwrap().best.is_none());
}

#[test]
fn the_venues_mark_counts_once_there_is_one() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    let reference = |mark| {
        Body::Reference(Reference { instrument: ID, mark: price(mark), oracle: price(mark) })
    };
    rig.tell(reference(19_900));
    assert_eq!(rig.engine.portfolio().position(ID).unwrap().mark(), Some(price(19_900)));
    rig.market(20_050);
    assert_eq!(rig.engine.portfolio().position(ID).unwrap().mark(), Some(price(19_900)));
}

#[test]
fn what_is_not_configured_is_refused_and_changes_nothing() {
    let mut engine = Engine::new(&config()).unwrap();
    let before = engine.state_hash();
    let mut out = Commands::with_capacity(1);
    let strategy = StrategyId::new(9);
    let intent = Intent::Quotes(Quotes::default());
    let decision = Decision { strategy, woken_ns: 0, intent };
    let event = Event { time_ns: 5, received_ns: 5, body: Body::Decision(decision) };
    let error = engine.on_event(&event, &mut out).unwrap_err();
    assert_eq!((error, engine.state_hash()), (EngineError::UnknownStrategy(9), before));
}

#[test]
fn a_wrong_configuration_names_its_key() {
    type Spoil = fn(&mut EngineConfig);
    let cases: [(&str, Spoil); 7] = [
        ("cash", |c| c.cash = Money::from_whole(-1)),
        ("instruments", |c| c.instruments.clear()),
        ("wake", |c| c.strategies[0].wake = WakeSpec::default()),
        ("strategies.instrument", |c| c.strategies[0].instrument = 7),
        ("strategies", |c| c.strategies.push(c.strategies[0].clone())),
        ("switches.emergency", |c| c.profile.switches.emergency = Rate::from_ppm(10_000)),
        ("answer_timeout", |c| c.answer_timeout_ns = 0),
    ];
    for (key, spoil) in cases {
        let mut config = config();
        spoil(&mut config);
        assert_eq!(Engine::new(&config).unwrap_err().key, key);
    }
}

#[test]
fn many_wild_events_keep_the_books_of_engine_and_venue_the_same() {
    let mut random = crate::domain::Random::new(11);
    let mut rig = Rig::new(&loose());
    let mut mid = 20_000_i64;
    for step in 0..3_000 {
        mid = (mid + random.below(41) as i64 - 20).clamp(15_000, 25_000);
        if random.chance(0.002) {
            mid = mid * 9 / 10;
        }
        rig.now += random.below(200 * MILLISECOND.unsigned_abs()) as i64;
        rig.market_of(mid, 1 + random.below(500));
        match random.below(6) {
            0 => rig.want(random.below(400) as i64 - 200),
            1 => {
                let quote = |ticks| [Level { price: price(ticks), qty: qty(20) }];
                let (bids, asks) = (quote(mid - 3), quote(mid + 3));
                rig.decide(Intent::Quotes(Quotes { bids: &bids, asks: &asks }));
            }
            2 => rig.wait(SECOND / 10),
            3 if random.chance(0.05) => rig.operator(Operator::Kill(Scope::All)),
            4 if random.chance(0.2) => {
                for switch in [None, Some(SwitchName::Drawdown), Some(SwitchName::Emergency)] {
                    rig.operator(Operator::RequestReset(switch));
                    rig.operator(Operator::ConfirmReset(switch));
                }
            }
            _ => {}
        }
        rig.held();
        let venue = rig.venue.portfolio(US).unwrap();
        assert_eq!(rig.engine.portfolio().cash(), venue.cash(), "step {step}");
        if rig.engine.switches().is_stopped() {
            let orders = rig.engine.execution().orders.of(ID);
            let risky = |o: &crate::execution::LiveOrder| !o.order.reduce_only && !o.cancelling;
            assert!(!orders.iter().any(risky), "step {step}: {orders:?}");
        }
    }
    assert!(rig.sent.len() > 500);
}

#[test]
fn nobody_looks_after_quotes_of_a_strategy_that_does_not_answer() {
    let mut rig = Rig::new(&config());
    let quotes = [Level { price: price(19_900), qty: qty(10) }];
    let tell = |rig: &mut Rig, attention| {
        rig.tell(Body::Strategy(StrategyState { strategy: StrategyId::new(0), attention }));
    };
    rig.decide(Intent::Quotes(Quotes { bids: &quotes, asks: &[] }));
    assert_eq!(rig.venue.open_orders(US), 1);
    tell(&mut rig, Attention::Late);
    assert_eq!(rig.venue.open_orders(US), 0, "withdrawn");
    rig.decide(Intent::Quotes(Quotes { bids: &quotes, asks: &[] }));
    assert_eq!(rig.venue.open_orders(US), 0, "only reducing until it answers in time");
    tell(&mut rig, Attention::Awake);
    assert_eq!(rig.venue.open_orders(US), 0, "what was wanted before is not pursued");
    let quotes = [Level { price: price(19_901), qty: qty(10) }];
    rig.decide(Intent::Quotes(Quotes { bids: &quotes, asks: &[] }));
    assert_eq!(rig.venue.open_orders(US), 1);
}

#[test]
fn a_position_keeps_its_stop_and_its_exits_when_its_strategy_is_gone() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    let strategy = StrategyId::new(0);
    rig.tell(Body::Strategy(StrategyState { strategy, attention: Attention::Gone }));
    assert_eq!((rig.held(), rig.venue.open_orders(US)), (100, 1));
    rig.market(19_500);
    assert_eq!(rig.held(), 0, "the loss was cut without it");
}

#[test]
fn another_configuration_goes_on_with_account_latches_and_ids() {
    let mut rig = Rig::new(&loose());
    rig.want(1_500);
    rig.connected = false;
    let half = Rate::from_ppm(500_000);
    rig.tell(Body::Restraint(Restraint { by: Restrainer::Regime, share: half }));
    rig.market(19_600);
    assert!(rig.tripped().contains(&SwitchName::Drawdown));
    let mut next = config();
    next.profile.switches.drawdown = Rate::from_ppm(140_000);
    next.strategies.clear();
    let mut resumed = Engine::resume(&next, &rig.engine).unwrap();
    let (new, old) = (resumed.portfolio(), rig.engine.portfolio());
    assert_eq!((new.cash(), new.peak(), new.equity()), (old.cash(), old.peak(), old.equity()));
    assert_eq!((new.qty(ID), new.day_start()), (old.qty(ID), old.day_start()));
    assert!(resumed.switches().is_stopped(), "a restart releases nothing");
    assert_eq!(resumed.restraints().share(), half, "and lets go of nothing");
    assert_eq!(resumed.execution().orders.of(ID), rig.engine.execution().orders.of(ID));
    let last = rig.sent.iter().map(|order| order.client_order_id).max().unwrap();
    assert!(resumed.execution.orders.next_id() > last);
    // It finishes what was begun.
    rig.engine = resumed;
    rig.connected = true;
    rig.wait(20 * SECOND);
    assert_eq!(rig.held(), 0);
    next.instruments[0].spec.symbol = "OTHER".into();
    let mut held = Rig::new(&config());
    held.want(100);
    assert_eq!(Engine::resume(&next, &held.engine).unwrap_err().key, "instruments");
}

#[test]
fn whoever_is_deaf_unwatched_or_restrained_takes_no_new_risk_and_keeps_its_exits() {
    let [off, on] = [false, true].map(|known| Body::Account(AccountState { known }));
    let [no, yes] = [SentinelState::Restrains, SentinelState::Watching].map(Body::Sentinel);
    let [none, all] = [Rate::ZERO, Rate::ONE]
        .map(|share| Body::Restraint(Restraint { by: Restrainer::Prediction, share }));
    let lost = Body::Sentinel(SentinelState::Lost);
    for (gone, back) in [(off, on), (lost, yes), (no, yes), (none, all)] {
        let mut rig = Rig::new(&config());
        rig.want(100);
        rig.tell(gone);
        rig.want(200);
        assert_eq!(rig.held(), 100, "none was added");
        rig.market(19_500);
        assert_eq!(rig.held(), 0, "its loss was cut all the same");
        rig.tell(back);
        rig.market(20_000);
        rig.wait(HOUR);
        rig.market(20_000);
        rig.want(100);
        assert_eq!(rig.held(), 100);
    }
}

#[test]
fn a_flatten_whose_last_question_is_never_answered_asks_again() {
    let mut rig = Rig::new(&config());
    rig.connected = false;
    rig.operator(Operator::Kill(Scope::All));
    assert!(rig.flat_scopes().is_empty(), "nobody heard the question");
    rig.connected = true;
    rig.wait(10 * SECOND);
    assert_eq!(rig.flat_scopes(), [(Scope::All, ExitReason::Operator)]);
    rig.connected = false;
    rig.operator(Operator::Flatten);
    rig.connected = true;
    for known in [false, true] {
        rig.tell(Body::Account(AccountState { known }));
    }
    assert_eq!(rig.flat_scopes().len(), 2, "at once when the account was read anew");
}
