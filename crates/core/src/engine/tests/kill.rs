//! Kills by scope, their release, and what is too little to be closed.

use super::*;
use crate::domain::{ClientOrderId, OrderReport, RejectReason, Status, VenueOrderId};

fn released(rig: &Rig) -> Vec<Option<InstrumentId>> {
    let of = |notice: &Notice| match notice {
        Notice::Released { switch: None, instrument } => Some(*instrument),
        _ => None,
    };
    rig.said.iter().filter_map(of).collect()
}

fn refusals(rig: &Rig) -> usize {
    rig.said.iter().filter(|it| matches!(it, Notice::ResetRefused { switch: None })).count()
}

#[test]
fn each_scope_is_released_by_itself_and_by_two_steps_on_what_is_flat() {
    let mut rig = Rig::new(&config());
    let (one, all) = (Scope::Instrument(ID), Scope::All);
    rig.operator(Operator::Kill(one));
    rig.operator(Operator::Kill(all));
    for scope in [one, all] {
        rig.operator(Operator::ConfirmRelease(scope));
    }
    assert_eq!((released(&rig), refusals(&rig)), (vec![], 2), "one step is none");
    rig.operator(Operator::RequestRelease(all));
    rig.operator(Operator::ConfirmRelease(all));
    assert_eq!(released(&rig), [None]);
    assert!(rig.engine.is_locked(ID), "the instrument was killed by itself");
    rig.want(10);
    assert_eq!(rig.held(), 0);
    rig.operator(Operator::RequestRelease(Scope::Strategy(StrategyId::new(0))));
    rig.tell(Body::Account(AccountState { known: false }));
    rig.operator(Operator::ConfirmRelease(one));
    assert_eq!(released(&rig), [None], "nobody hears the account");
    rig.tell(Body::Account(AccountState { known: true }));
    rig.operator(Operator::ConfirmRelease(one));
    assert_eq!(released(&rig), [None, Some(ID)]);
    rig.want(10);
    assert_eq!(rig.held(), 10);
}

#[test]
fn an_engine_that_goes_on_later_is_not_blind_before_it_could_have_seen_anything() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.engine = Engine::restore(&rig.engine.snapshot()).unwrap();
    rig.engine.wakes();
    rig.now += 60 * SECOND;
    rig.tell(Body::Timer);
    let blind = |rig: &Rig| {
        let of = |it: &Notice| matches!(it, Notice::Exit { reason: ExitReason::Blind, .. });
        rig.said.iter().any(of)
    };
    assert!(!blind(&rig), "a minute away is no blindness");
    let limits = config().profile;
    rig.wait(limits.gate.max_data_age_ns + limits.exits.max_blind_ns + SECOND);
    assert!(blind(&rig), "it is after its budget");
}

#[test]
fn another_kill_takes_back_the_first_step() {
    let mut rig = Rig::new(&config());
    let scope = Scope::Instrument(ID);
    rig.operator(Operator::Kill(scope));
    rig.operator(Operator::RequestRelease(scope));
    rig.operator(Operator::Kill(scope));
    rig.operator(Operator::ConfirmRelease(scope));
    assert!(rig.engine.is_locked(ID));
}

#[test]
fn a_killed_order_is_cancelled_and_stays_away_until_the_strategy_decides_anew() {
    let mut rig = Rig::new(&config());
    let level = |ticks| Level { price: price(ticks), qty: qty(10) };
    let quotes = |rig: &mut Rig| {
        let (bids, asks) = ([level(19_990), level(19_980)], [level(20_010)]);
        rig.decide(Intent::Quotes(Quotes { bids: &bids, asks: &asks }));
    };
    quotes(&mut rig);
    assert_eq!(rig.venue.open_orders(US), 3);
    let first = rig.sent[0].client_order_id;
    rig.operator(Operator::Kill(Scope::Order(first)));
    rig.operator(Operator::Kill(Scope::Order(ClientOrderId::new(999))));
    rig.wait(SECOND);
    rig.market(20_000);
    assert_eq!((rig.venue.open_orders(US), rig.sent.len()), (2, 3), "one less, none new");
    quotes(&mut rig);
    assert_eq!((rig.venue.open_orders(US), rig.sent.len()), (3, 4), "wanted anew");
    assert!(rig.sent[3].client_order_id > rig.sent[2].client_order_id, "never the same id");
}

#[test]
fn money_that_leaves_makes_what_is_held_too_much_at_once() {
    let mut rig = Rig::new(&loose());
    rig.want(400);
    assert_eq!(rig.held(), 400);
    let amount = Money::from_whole(-900);
    rig.venue.transfer(US, amount, rig.now);
    rig.settle();
    assert_eq!(rig.tripped(), [SwitchName::Leverage], "without a price in between");
}

/// The venue refuses an order for being too small.
fn refuse(rig: &mut Rig, order: ClientOrderId) {
    rig.tell(Body::Order(OrderReport {
        instrument: ID,
        client_order_id: order,
        venue_order_id: VenueOrderId::default(),
        status: Status::Rejected(RejectReason::TooSmall),
    }));
}

#[test]
fn what_is_too_little_to_be_closed_is_told_and_not_looped_on() {
    let mut rig = Rig::new(&config());
    rig.want(5); // 10 dollars and a little
    rig.market(19_900); // less than 10
    rig.connected = false;
    rig.operator(Operator::Kill(Scope::All));
    let closing = rig.sent.last().copied().unwrap();
    assert_eq!(closing.purpose, Purpose::Flatten);
    refuse(&mut rig, closing.client_order_id);
    rig.connected = true;
    let sent = rig.sent.len();
    rig.wait(60 * SECOND);
    assert_eq!(rig.sent.len(), sent, "it is not tried again");
    let dust = Notice::Dust { instrument: ID, position: NetQty::from_lots(5) };
    assert_eq!(rig.said.iter().filter(|it| **it == dust).count(), 1);
    assert!(!rig.engine.is_flattening() && rig.engine.is_dust(ID));
    assert_eq!(rig.flat_scopes(), [], "it is not flat, and is not said to be");
    rig.operator(Operator::RequestReset(None));
    rig.operator(Operator::ConfirmReset(None));
    assert_eq!(released(&rig), [None], "dust does not stop trading for ever");
    rig.market(19_900);
    rig.want(100);
    assert_eq!(rig.held(), 100);
    assert!(!rig.engine.is_dust(ID));
}

#[test]
fn a_refusal_of_what_is_large_enough_is_tried_again() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    rig.connected = false;
    rig.operator(Operator::Kill(Scope::All));
    let closing = rig.sent.last().copied().unwrap();
    refuse(&mut rig, closing.client_order_id);
    rig.connected = true;
    rig.wait(SECOND);
    assert_eq!(rig.held(), 0);
    assert_eq!(rig.flat_scopes().last(), Some(&(Scope::All, ExitReason::Operator)));
}
