//! Leverage and margin across two instruments, reductions that were not enough, and what a kill does
//! at once.

use super::*;
use crate::domain::{PositionReport, Transfer};

const OTHER: InstrumentId = InstrumentId::new(1);

/// Two instruments of the same units, a strategy each.
fn pair(mut config: EngineConfig) -> Rig {
    let mut other = config.instruments[0].clone();
    other.spec.symbol = "BTC".into();
    config.instruments.push(other);
    let second = StrategyConfig { instrument: 1, ..config.strategies[0].clone() };
    config.strategies.push(second);
    let mut rig = Rig::new(&config);
    rig.price_of(OTHER, 20_000);
    rig
}

impl Rig {
    fn price_of(&mut self, instrument: InstrumentId, ticks: i64) {
        let level = |ticks| Level { price: price(ticks), qty: qty(1_000_000) };
        let (bid, ask) = (level(ticks - 1), level(ticks + 1));
        let body = Body::Touch(Touch { instrument, sequence: 0, bid, ask });
        self.venue.on_market(&Event { time_ns: self.now, received_ns: self.now, body });
        self.tell(body);
    }

    fn want_of(&mut self, strategy: u16, lots: i64) {
        let position = NetQty::from_lots(lots);
        let target = Target { position, stop: None, take_profit: None, trailing: None };
        let (strategy, intent) = (StrategyId::new(strategy), Intent::Target(target));
        self.tell(Body::Decision(Decision { strategy, woken_ns: self.now, intent }));
    }

    fn lots(&self) -> [i64; 2] {
        [ID, OTHER].map(|id| self.engine.portfolio().qty(id).lots())
    }

    /// Seconds pass, and prices come that do not move.
    fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.wait(SECOND);
            for id in [ID, OTHER].into_iter().take(self.engine.instruments().len()) {
                self.price_of(id, 20_000);
            }
        }
    }

    fn take_out(&mut self, whole: i64) {
        self.venue.transfer(US, Money::from_whole(-whole), self.now);
        self.settle();
    }
}

/// Nothing but leverage and margin acts.
fn only_leverage_and_margin(leverage_ppm: i64) -> EngineConfig {
    let mut config = loose();
    let switches = &mut config.profile.switches;
    switches.leverage = Rate::from_ppm(leverage_ppm);
    for rate in [&mut switches.drawdown, &mut switches.daily_loss, &mut switches.emergency] {
        *rate = Rate::from_ppm(950_000);
    }
    switches.position_loss = Rate::from_ppm(60_000);
    config.profile.exits.stop_distance = Rate::from_ppm(50_000);
    config.profile.gate.max_leverage = config.profile.switches.leverage;
    config.profile.gate.max_concentration = Rate::from_ppm(100_000_000);
    config
}

#[test]
fn the_larger_position_is_made_smaller_wherever_it_stands() {
    for (lots, reduced) in [([1_400, 1_000], 0), ([1_000, 1_400], 1)] {
        let mut rig = pair(only_leverage_and_margin(5_000_000));
        rig.want_of(0, lots[0]);
        rig.want_of(1, lots[1]);
        assert_eq!(rig.lots(), lots);
        rig.take_out(100);
        assert_eq!(rig.tripped(), [SwitchName::Leverage]);
        let left = rig.lots();
        assert_eq!(left[1 - reduced], lots[1 - reduced], "the smaller one stays");
        assert!(left[reduced] < lots[reduced]);
        let portfolio = rig.engine.portfolio();
        let leverage = portfolio.gross().fraction_of(portfolio.equity()).unwrap();
        let (low, high) = (Rate::from_ppm(4_480_000), Rate::from_ppm(4_510_000));
        assert!(leverage > low && leverage < high, "by the hysteresis and no more: {leverage:?}");
    }
}

#[test]
fn a_reduction_that_was_not_enough_is_followed_by_another() {
    let mut rig = pair(only_leverage_and_margin(5_000_000));
    rig.want_of(0, 1_400);
    rig.want_of(1, 1_000);
    rig.take_out(100);
    let once = rig.lots();
    rig.take_out(50); // 4.5 of 900 is 4.76 of 850
    rig.pass(2);
    assert_eq!(rig.lots(), once, "it is below the limit");
    rig.take_out(70); // more than 5 times again, and the switch is latched already
    assert_eq!(rig.tripped().len(), 1);
    rig.pass(61);
    let portfolio = rig.engine.portfolio();
    let leverage = portfolio.gross().fraction_of(portfolio.equity()).unwrap();
    assert!(rig.lots() != once && leverage < Rate::from_ppm(4_510_000), "{leverage:?}");
    assert!(rig.lots()[0] + rig.lots()[1] > 1_600, "and no more than that: {:?}", rig.lots());
}

#[test]
fn thin_margin_closes_one_position_after_the_other_until_it_is_enough() {
    let mut rig = pair(only_leverage_and_margin(100_000_000));
    rig.want_of(0, 4_000);
    rig.want_of(1, 3_500); // 15 times: maintenance 375 of 1 000
    rig.take_out(580); // 1.1 of it
    assert_eq!(rig.tripped(), [SwitchName::Margin]);
    assert_eq!(rig.lots(), [0, 3_500], "the one that needs most");
    rig.take_out(230);
    rig.pass(61);
    assert_eq!(rig.lots(), [0, 0], "and the other, which was too much for what was left");
    assert_eq!(rig.tripped().len(), 1, "latched all the while");
}

#[test]
fn a_latch_is_looked_at_when_it_has_cooled_off_and_then_every_second() {
    let mut rig = pair(only_leverage_and_margin(5_000_000));
    assert_eq!(rig.engine.latches_due_ns(), crate::domain::NEVER);
    rig.want_of(0, 2_400);
    rig.take_out(100);
    let tripped = rig.engine.switches().latch(SwitchName::Leverage).tripped_ns().unwrap();
    let cool_off = profile().switches.cool_off_ns;
    assert_eq!(rig.engine.latches_due_ns(), tripped + cool_off);
    rig.take_out(30); // above what releases it, below what reduces again
    rig.pass(70);
    assert!(rig.engine.switches().latch(SwitchName::Leverage).is_tripped());
    assert_eq!(rig.engine.latches_due_ns(), rig.now + SECOND);
}

#[test]
fn an_account_is_flat_when_the_venue_has_said_so_of_the_last_instrument() {
    let mut rig = pair(config());
    rig.connected = false;
    rig.operator(Operator::Kill(Scope::All));
    let request = rig.engine.execution.last_request;
    let say = |rig: &mut Rig, instrument, last| {
        let position = NetQty::FLAT;
        let report = PositionReport { request, instrument, position, open_orders: 0, last };
        rig.tell(Body::Position(report));
        rig.engine.is_flattening()
    };
    assert!(say(&mut rig, ID, false), "one of two");
    assert!(!say(&mut rig, OTHER, true));
    assert_eq!(rig.flat_scopes(), [(Scope::All, ExitReason::Operator)]);
}

#[test]
fn a_kill_cancels_in_the_same_event_also_where_nothing_is_held() {
    let mut rig = Rig::new(&config());
    let quotes = [Level { price: price(19_900), qty: qty(10) }];
    rig.decide(Intent::Quotes(Quotes { bids: &quotes, asks: &[] }));
    assert_eq!((rig.held(), rig.venue.open_orders(US)), (0, 1));
    let body = Body::Operator(Operator::Kill(Scope::All));
    let event = Event { time_ns: rig.now, received_ns: rig.now, body };
    rig.engine.on_event(&event, &mut rig.out).unwrap();
    let cancels = rig.out.as_slice().iter().filter(|it| matches!(it, CommandOf::Cancel { .. }));
    assert_eq!(cancels.count(), 1);
}

#[test]
fn a_killed_order_is_found_at_whichever_instrument_it_rests() {
    let mut rig = pair(config());
    let quotes = [Level { price: price(19_900), qty: qty(10) }];
    for strategy in [0, 1] {
        let intent = Intent::Quotes(Quotes { bids: &quotes, asks: &[] });
        let strategy = StrategyId::new(strategy);
        rig.tell(Body::Decision(Decision { strategy, woken_ns: rig.now, intent }));
    }
    let rests = |rig: &Rig| [ID, OTHER].map(|id| rig.engine.execution().orders.of(id).len());
    assert_eq!(rests(&rig), [1, 1]);
    let at_other = rig.sent.iter().find(|it| it.instrument == OTHER).unwrap().client_order_id;
    rig.operator(Operator::Kill(Scope::Order(at_other)));
    assert_eq!(rests(&rig), [1, 0]);
}

#[test]
fn a_reduction_that_goes_on_is_not_begun_again() {
    let mut rig = pair(only_leverage_and_margin(5_000_000));
    rig.want_of(0, 1_210);
    rig.want_of(1, 1_190);
    rig.connected = false;
    rig.tell(Body::Transfer(Transfer { amount: Money::from_whole(-100) }));
    assert_eq!(rig.tripped(), [SwitchName::Leverage]);
    let once = rig.sent.len();
    rig.tell(Body::Timer);
    rig.tell(Body::Timer);
    assert_eq!(rig.sent.len(), once, "its orders are under way");
    let of_other = |rig: &Rig| rig.sent.iter().filter(|it| it.instrument == OTHER).count();
    let before = of_other(&rig);
    rig.price_of(OTHER, 20_400); // the larger one now
    rig.now += 150 * MILLISECOND;
    rig.tell(Body::Timer);
    let portfolio = rig.engine.portfolio();
    assert!(portfolio.gross() > portfolio.equity().at_rate(Rate::from_ppm(5_000_000)));
    assert_eq!(of_other(&rig), before, "one after the other");
}
