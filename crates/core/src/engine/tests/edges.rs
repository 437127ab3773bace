//! What is hardly ever so: instruments that are not configured, positions without orders, steps at the
//! wrong moment.

use super::*;
use crate::domain::{Fill, LedgerRecord, MINUTE, MarginMode, PositionReport, Transfer};

const NOWHERE: InstrumentId = InstrumentId::new(9);
const OTHER: InstrumentId = InstrumentId::new(1);

/// A second instrument, of which no price is known.
fn with_a_silent_one(mut config: EngineConfig) -> Rig {
    let mut other = config.instruments[0].clone();
    other.spec.symbol = "BTC".into();
    config.instruments.push(other);
    Rig::new(&config)
}

/// The venue says, in answer to what was asked last, that so much is held.
fn report(rig: &mut Rig, instrument: InstrumentId, lots: i64, last: bool) {
    let request = rig.engine.execution.last_request;
    let position = NetQty::from_lots(lots);
    rig.tell(Body::Position(PositionReport {
        request,
        instrument,
        position,
        open_orders: 0,
        last,
    }));
}

fn refused(rig: &Rig) -> usize {
    rig.said.iter().filter(|it| matches!(it, Notice::ResetRefused { .. })).count()
}

#[test]
fn what_is_not_configured_is_neither_looked_at_nor_killed() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    let sent = rig.sent.len();
    rig.engine.evaluate(NOWHERE, &mut rig.out);
    assert_eq!(rig.engine.blind_due_ns(NOWHERE), NEVER);
    rig.operator(Operator::Kill(Scope::Instrument(NOWHERE)));
    rig.operator(Operator::Kill(Scope::Strategy(StrategyId::new(9))));
    let elsewhere = Fill { instrument: NOWHERE, ..fill(99, Side::Bid, 30_000, 10) };
    rig.engine.doubt(&elsewhere, 0, &mut rig.out);
    rig.settle();
    assert_eq!((rig.sent.len(), rig.held()), (sent, 100));
    assert!(!rig.engine.is_locked(ID) && rig.tripped().is_empty());
}

#[test]
fn a_position_without_a_single_order_is_closed_too() {
    let mut rig = with_a_silent_one(config());
    rig.connected = false;
    rig.operator(Operator::Flatten);
    report(&mut rig, ID, 0, false);
    report(&mut rig, OTHER, 10, true);
    assert_eq!(rig.engine.portfolio().qty(OTHER).lots(), 10);
    assert!(rig.engine.execution.orders.of(OTHER).is_empty(), "nothing can be placed blindly");
    rig.operator(Operator::Kill(Scope::All));
    assert!(rig.engine.closing(OTHER).is_some(), "and it is going to be closed");
    assert!(rig.engine.is_flattening() && rig.flat_scopes().is_empty());
}

#[test]
fn what_cannot_be_closed_is_not_made_smaller() {
    let mut rig = Rig::new(&config());
    rig.want(5);
    rig.market(19_900); // worth less than the venue's smallest order
    rig.connected = false;
    rig.operator(Operator::Kill(Scope::All));
    let closing = rig.sent.last().copied().unwrap();
    rig.tell(Body::Order(crate::domain::OrderReport {
        instrument: ID,
        client_order_id: closing.client_order_id,
        venue_order_id: crate::domain::VenueOrderId::default(),
        status: crate::domain::Status::Rejected(crate::domain::RejectReason::TooSmall),
    }));
    rig.connected = true;
    rig.wait(60 * SECOND);
    assert!(rig.engine.is_dust(ID));
    let sent = rig.sent.len();
    rig.tell(Body::Transfer(Transfer { amount: Money::from_whole(-998) }));
    assert_eq!(rig.tripped(), [SwitchName::Leverage]);
    assert_eq!(rig.sent.len(), sent, "there is nothing that the venue would take");
}

#[test]
fn nothing_is_made_smaller_while_equity_is_unknown() {
    let mut config = loose();
    let switches = &mut config.profile.switches;
    for rate in [&mut switches.drawdown, &mut switches.daily_loss, &mut switches.emergency] {
        *rate = Rate::from_ppm(950_000);
    }
    let mut rig = with_a_silent_one(config);
    rig.want(400);
    rig.venue.transfer(US, Money::from_whole(-900), rig.now);
    rig.settle();
    assert_eq!(rig.tripped(), [SwitchName::Leverage]);
    rig.engine.portfolio.adopt(
        &rig.engine.instruments[1].clone(),
        NetQty::from_lots(10),
        rig.engine.clock.now_ns(),
    );
    assert!(rig.engine.portfolio().equity().is_unknown());
    rig.engine.execution.lanes[0].forget();
    let before = rig.out.as_slice().len();
    rig.engine.keep_reducing(&mut rig.out);
    assert_eq!(rig.out.as_slice().len(), before);
    assert!(rig.engine.switches().is_reducing());
}

#[test]
fn an_instrument_is_not_released_while_it_is_held_or_being_closed() {
    let scope = Scope::Instrument(ID);
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.connected = false;
    rig.operator(Operator::Kill(scope));
    rig.operator(Operator::RequestRelease(scope));
    rig.operator(Operator::RequestRelease(scope));
    assert_eq!(refused(&rig), 0, "the first step twice is the first step");
    rig.operator(Operator::ConfirmRelease(scope));
    assert_eq!(refused(&rig), 1, "it is held");

    let mut rig = Rig::new(&config());
    let quotes = [Level { price: price(19_990), qty: qty(10) }];
    rig.decide(Intent::Quotes(Quotes { bids: &quotes, asks: &[] }));
    rig.connected = false;
    rig.operator(Operator::Kill(scope));
    assert!(rig.engine.closing(ID).is_some() && rig.held() == 0);
    rig.operator(Operator::RequestRelease(scope));
    rig.operator(Operator::ConfirmRelease(scope));
    assert_eq!(refused(&rig), 1, "an order may still rest");
    assert!(rig.engine.is_locked(ID));
}

#[test]
fn a_kill_is_not_released_before_the_venue_said_that_all_is_flat() {
    let mut rig = Rig::new(&config());
    rig.connected = false;
    rig.operator(Operator::Kill(Scope::All));
    assert!(rig.engine.is_flattening() && rig.engine.closing(ID).is_none());
    rig.operator(Operator::RequestReset(None));
    rig.operator(Operator::ConfirmReset(None));
    assert_eq!(refused(&rig), 1, "nobody has answered");
    report(&mut rig, ID, 0, true);
    rig.tell(Body::Account(AccountState { known: false }));
    rig.operator(Operator::ConfirmReset(None));
    assert_eq!(refused(&rig), 2, "nobody hears the account");
    rig.tell(Body::Account(AccountState { known: true }));
    rig.operator(Operator::ConfirmReset(None));
    assert_eq!(refused(&rig), 2);
    assert!(!rig.engine.switches().operator_latch().is_tripped());
}

#[test]
fn a_clock_that_is_put_back_delays_no_deadline() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.connected = false;
    rig.operator(Operator::Kill(Scope::All));
    let sent = rig.sent.len();
    rig.connected = true;
    rig.now -= HOUR;
    for _ in 0..20 {
        rig.market(20_000);
        rig.wait(SECOND);
    }
    assert!(rig.sent.len() > sent, "what was lost is sent again, an hour ago or not");
    assert_eq!(rig.held(), 0);
}

#[test]
fn a_position_that_lost_too_much_stays_locked_when_another_configuration_goes_on() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.market(19_500);
    assert_eq!(rig.tripped(), [SwitchName::PositionLoss]);
    // Another instrument comes before it now.
    let mut next = config();
    let mut other = next.instruments[0].clone();
    other.spec.symbol = "BTC".into();
    next.instruments.insert(0, other);
    next.strategies[0].instrument = 1;
    let resumed = Engine::resume(&next, &rig.engine).unwrap();
    let latch = |engine: &Engine, id| engine.switches().position_latch(id).tripped_ns();
    assert!(latch(&resumed, OTHER).is_some(), "a restart releases nothing");
    assert_eq!(latch(&resumed, OTHER), latch(&rig.engine, ID));
    assert_eq!(latch(&resumed, ID), None);
}

/// At that time the account was worth this many thousandths of what it is now.
fn worth(at_ns: i64, promille: i64) -> Body<'static> {
    let (then, now) = (Money::from_whole(promille), Money::from_whole(1_000));
    Body::Ledger(LedgerRecord::Worth { at_ns, then, now })
}

#[test]
fn a_peak_of_which_only_the_venue_knows_is_counted_from_there() {
    // A tenth of the drawdown line, 5 %, is the same peak.
    for (promille, found, trips) in
        [(1_005, false, false), (1_006, true, false), (1_060, true, true)]
    {
        let mut rig = Rig::new(&config());
        rig.tell(worth(0, promille));
        assert_eq!(rig.engine.restraints().share() == Rate::ZERO, found, "{promille}");
        let portfolio = rig.engine.portfolio();
        assert_eq!(portfolio.peak() > portfolio.equity(), found, "{promille}");
        assert_eq!(!rig.tripped().is_empty(), trips, "{promille}");
        assert_eq!(portfolio.max_drawdown() > Rate::ZERO, found, "{promille}");
    }
    let [unknown, cash] = [Money::UNKNOWN, config().cash];
    let (more, debt) = (cash.plus(Money::ONE), Money::ONE.negated());
    let debts = (debt.plus(debt), debt);
    for (then, now) in
        [(unknown, cash), (unknown, more), (cash, unknown), (cash, Money::ZERO), debts]
    {
        let mut rig = Rig::new(&config());
        rig.tell(Body::Ledger(LedgerRecord::Worth { at_ns: 0, then, now }));
        assert_eq!(rig.engine.restraints().share(), Rate::ONE, "{then} {now}: nothing was read");
        assert_eq!(rig.engine.portfolio().peak(), config().cash);
    }
}

#[test]
fn a_peak_from_before_it_was_reset_counts_no_more() {
    let mut rig = Rig::new(&config());
    rig.tell(worth(0, 1_070));
    assert!(!rig.tripped().is_empty(), "7 % below it");
    rig.operator(Operator::RequestReset(Some(SwitchName::Drawdown)));
    rig.operator(Operator::ConfirmReset(Some(SwitchName::Drawdown)));
    assert_eq!(rig.engine.portfolio().peak(), config().cash);
    // Two clocks: what lies minutes after it may have been before.
    let after = rig.engine.portfolio().peak_since_ns() + 5 * MINUTE;
    rig.tell(worth(after - 1, 1_070));
    assert_eq!(rig.engine.portfolio().peak(), config().cash);
    rig.tell(worth(after, 1_070));
    assert_eq!(rig.engine.portfolio().peak(), config().cash.scaled(107, 100));
}

#[test]
fn money_of_which_nobody_told_is_counted_whole_whatever_is_set_aside() {
    for (beyond, fires) in [(-100, true), (100, false)] {
        let mut config = config();
        config.profile.governor.margin_mode = MarginMode::Isolated;
        let mut rig = Rig::new(&config);
        rig.want(10);
        let (equity, deposited, margin) = {
            let portfolio = rig.engine.portfolio();
            let margin = portfolio.position(ID).unwrap().margin();
            (portfolio.equity(), portfolio.deposited(), margin)
        };
        assert!(margin > Money::ZERO && margin < Money::from_whole(100), "{margin}");
        rig.connected = false;
        let amount = Money::from_whole(beyond);
        rig.tell(Body::Ledger(LedgerRecord::Untold { amount }));
        let portfolio = rig.engine.portfolio();
        assert_eq!(portfolio.deposited(), deposited.plus(amount.max(Money::ZERO)));
        assert_eq!(portfolio.equity(), equity.plus(amount), "more than what is set aside");
        assert_eq!(portfolio.position(ID).unwrap().margin(), margin, "and that is as it was");
        assert_eq!(rig.engine.restraints().share(), Rate::ZERO);
        assert_eq!(!rig.tripped().is_empty(), fires, "a loss is a loss, and a gain is none");
        assert!(fires || portfolio.drawdown().unwrap() < Rate::from_ppm(1_000));
    }
}
