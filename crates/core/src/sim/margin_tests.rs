//! Leverage and initial margin.

use crate::domain::{
    CancelReason, Instrument, InstrumentId, InstrumentKind, InstrumentSpec, MarginMode, Money,
    RejectReason, Status,
};
use crate::sim::testing::{A, ID, Rig, account, ask, bid, ioc, reduce};
use crate::sim::{AccountId, LeverageError, Life, QueueModel, VenueOrder};
use crate::testing::{xrp, xrp_spec};

const MARGIN: Life = Life::Ended(Status::Rejected(RejectReason::Margin));
const OTHER: InstrumentId = InstrumentId::new(1);

fn set(rig: &mut Rig, leverage: u16) -> Result<(), LeverageError> {
    rig.venue.set_leverage(A, ID, MarginMode::Cross, leverage)
}

/// Two perpetuals alike, and three accounts with 1 000 USD each.
fn two() -> Rig {
    let second = Instrument::new(OTHER, &xrp_spec()).unwrap();
    Rig::with(&[xrp(), second], &[1_000; 3], QueueModel::Back)
}

#[test]
fn leverage_lies_between_one_and_the_highest() {
    let mut rig = Rig::new();
    assert_eq!(rig.venue.leverage(A, ID), Some(20), "the highest where none was chosen");
    for (leverage, outcome) in [
        (0, Err(LeverageError::OutOfRange { max: 20 })),
        (21, Err(LeverageError::OutOfRange { max: 20 })),
        (1, Ok(())),
        (20, Ok(())),
        (7, Ok(())),
    ] {
        assert_eq!(set(&mut rig, leverage), outcome, "{leverage}");
    }
    let nobody = rig.venue.set_leverage(account(9), ID, MarginMode::Cross, 5);
    assert_eq!(nobody, Err(LeverageError::Unknown));
    let nothing = rig.venue.set_leverage(A, OTHER, MarginMode::Cross, 5);
    assert_eq!(nothing, Err(LeverageError::Unknown));
    assert_eq!(rig.venue.leverage(A, ID), Some(7));
    assert_eq!(rig.venue.leverage(account(1), ID), Some(20), "it is one account's own");
}

#[test]
fn initial_margin_is_value_over_leverage_and_asked_for_when_opening() {
    let mut rig = Rig::new();
    rig.mark(20_000);
    for (leverage, most) in [(20, 10_000), (5, 2_500), (1, 500)] {
        set(&mut rig, leverage).unwrap();
        let too_much = rig.place(0, bid(20_000, most + 1));
        assert_eq!(too_much.life, MARGIN, "{leverage}");
        let enough = rig.place(0, bid(20_000, most));
        assert_eq!(enough.life, Life::Resting, "{leverage}");
        assert_eq!(rig.venue.margin_used(A), Money::from_whole(1_000));
        assert_eq!(rig.place(0, bid(20_000, 5)).life, MARGIN, "all of it is reserved");
        assert!(rig.cancel(0, &enough));
        assert_eq!(rig.venue.margin_used(A), Money::ZERO);
    }
}

#[test]
fn large_positions_are_opened_at_their_tiers_leverage() {
    // XRP: 20x to 40M, then 10x.
    let mut rig = Rig::with(&[xrp()], &[100_000_000, 100_000_000], QueueModel::Back);
    rig.mark(20_000);
    let value = |whole: i64| Money::from_whole(whole);
    rig.place(0, bid(20_000, 19_000_000));
    rig.place(1, ask(20_000, 19_000_000));
    assert_eq!(rig.venue.position_margin(A, ID), value(1_900_000));
    rig.place(0, bid(20_000, 1_000_000));
    rig.place(1, ask(20_000, 1_000_000));
    assert_eq!(rig.venue.position_margin(A, ID), value(4_000_000), "from 40M on");
    set(&mut rig, 5).unwrap();
    assert_eq!(rig.venue.position_margin(A, ID), value(8_000_000), "what was chosen is less");
    set(&mut rig, 20).unwrap();
    assert_eq!(rig.venue.position_margin(A, ID), value(4_000_000), "but never more than the tier");
}

#[test]
fn what_reduces_needs_no_margin() {
    let mut rig = Rig::new();
    rig.mark(20_000);
    rig.place(1, ask(20_000, 9_000));
    rig.place(0, bid(20_000, 9_000));
    rig.place(1, bid(19_950, 9_500));
    rig.mark(19_700); // equity 721.9, of which 886.5 would be needed to open this
    assert_eq!(rig.place(0, ioc(bid(20_100, 5))).life, MARGIN);
    assert_eq!(rig.place(0, reduce(ioc(ask(19_950, 1_000)))).life, Life::Ended(Status::Filled));
    let plain = rig.place(0, ioc(ask(19_950, 8_000)));
    assert_eq!(plain.life, Life::Ended(Status::Filled), "it is what it does that counts");
    rig.balanced();
}

#[test]
fn every_position_and_order_draws_on_the_same_money_at_its_own_leverage() {
    let mut rig = two();
    rig.mark(20_000);
    rig.mark_of(OTHER, 20_000);
    set(&mut rig, 10).unwrap();
    rig.place(0, bid(20_000, 2_000)); // 4 000 at 10x: 400
    let other = |lots| VenueOrder { instrument: OTHER, ..bid(20_000, lots) };
    assert_eq!(rig.place(0, other(6_001)).life, MARGIN, "600 are left: 12 000 at 20x");
    assert_eq!(rig.place(0, other(6_000)).life, Life::Resting);
    rig.place(1, ask(20_000, 2_000));
    assert_eq!(rig.venue.margin_used(A), Money::from_whole(1_000));
    assert_eq!(rig.venue.position_margin(A, ID), Money::from_whole(400));
    assert_eq!(rig.venue.withdrawable(A), Money::ZERO);
}

#[test]
fn leverage_is_not_lowered_below_what_the_money_carries() {
    let mut rig = Rig::new();
    rig.mark(20_000);
    rig.place(0, bid(20_000, 5_000)); // 10 000 USD
    assert_eq!(set(&mut rig, 9), Err(LeverageError::Margin));
    assert_eq!(set(&mut rig, 10), Ok(()));
    assert_eq!(rig.venue.leverage(A, ID), Some(10));
}

#[test]
fn what_may_be_taken_out_leaves_margin_and_a_tenth_of_all_positions() {
    // Withdrawals need max(initial, 10 % ntl).
    let mut rig = Rig::new();
    rig.mark(20_000);
    assert_eq!(rig.venue.withdrawable(A), Money::from_whole(1_000));
    rig.place(1, ask(20_000, 1_000));
    rig.place(0, bid(20_000, 1_000)); // 2 000 USD at 20x: 100, a tenth: 200; fee 0.90
    assert_eq!(rig.venue.withdrawable(A).to_string(), "799.10");
    set(&mut rig, 5).unwrap(); // 400
    assert_eq!(rig.venue.withdrawable(A).to_string(), "599.10");
    assert!(rig.venue.withdrawable(account(9)).is_unknown());
}

#[test]
fn spot_is_paid_for_whole_over_all_instruments() {
    let spec = InstrumentSpec { kind: InstrumentKind::Spot, ..xrp_spec() };
    let pair = [0, 1].map(|at| Instrument::new(InstrumentId::new(at), &spec).unwrap());
    let mut rig = Rig::with(&pair, &[1_000, 1_000], QueueModel::Back);
    rig.mark(20_000);
    rig.mark_of(OTHER, 20_000);
    rig.book(&[(19_990, 1_000)], &[(20_000, 1_000)]);
    assert_eq!(rig.place(0, ioc(bid(20_000, 300))).life, Life::Ended(Status::Filled));
    let second = |lots| VenueOrder { instrument: OTHER, ..bid(20_000, lots) };
    assert_eq!(rig.place(0, second(200)).life, MARGIN, "600 are spent, and a fee");
    assert_eq!(rig.place(0, second(199)).life, Life::Resting);
    assert_eq!(rig.place(0, ioc(ask(19_990, 301))).life, MARGIN, "nobody sells what he has not");
}

#[test]
fn an_account_without_a_known_worth_opens_nothing() {
    let mut rig = two();
    rig.mark(20_000);
    rig.place(1, ask(20_000, 10));
    rig.place(0, bid(20_000, 10));
    rig.venue.transfer(A, Money::UNKNOWN, 1);
    assert_eq!(rig.place(0, bid(20_000, 10)).life, MARGIN);
    assert_eq!(rig.venue.account(AccountId::new(7)).map(|_| ()), None);
    assert!(rig.venue.cancel_all(account(7), CancelReason::Scheduled, 1) == 0);
}

fn alone(rig: &mut Rig, by: usize, leverage: u16) -> Result<(), LeverageError> {
    rig.venue.set_leverage(account(by), ID, MarginMode::Isolated, leverage)
}

/// Account 0 holds 1 000 lots since 2.0000, at 4x by themselves: 500 of its 1 000 are set aside,
/// less 0.90 of fees.
fn by_itself() -> Rig {
    let mut rig = two();
    rig.mark(20_000);
    rig.mark_of(OTHER, 20_000);
    alone(&mut rig, 0, 4).unwrap();
    rig.place(1, ask(20_000, 1_000));
    rig.place(0, bid(20_000, 1_000));
    assert_eq!(rig.venue.margin_mode(A, ID), MarginMode::Isolated);
    rig
}

#[test]
fn a_position_by_itself_takes_what_is_set_aside_and_no_gain_of_it_carries_others() {
    let mut rig = by_itself();
    assert_eq!(rig.venue.position_margin(A, ID).to_string(), "499.10", "2 000 at 4x");
    rig.mark(22_000);
    assert_eq!(rig.venue.position_margin(A, ID).to_string(), "699.10", "and its gain");
    let other = |lots| VenueOrder { instrument: OTHER, ..bid(20_000, lots) };
    assert_eq!(rig.place(0, other(5_001)).life, MARGIN, "500 are left: 10 000 at 20x");
    assert_eq!(rig.place(0, other(5_000)).life, Life::Resting);
    assert_eq!(rig.venue.withdrawable(A), Money::ZERO);
    rig.mark(18_000);
    assert_eq!(rig.venue.position_margin(A, ID).to_string(), "299.10");
    rig.balanced();
}

#[test]
fn how_an_instrument_is_margined_stays_while_anything_of_it_is_open() {
    let mut rig = by_itself();
    let cross = |rig: &mut Rig, by| rig.venue.set_leverage(account(by), ID, MarginMode::Cross, 4);
    assert_eq!(cross(&mut rig, 0), Err(LeverageError::Busy));
    assert_eq!(alone(&mut rig, 1, 4), Err(LeverageError::Busy));
    let waits = rig.place(2, bid(19_000, 100));
    assert_eq!(alone(&mut rig, 2, 4), Err(LeverageError::Busy), "an order is enough");
    assert!(rig.cancel(2, &waits));
    assert_eq!(alone(&mut rig, 2, 4), Ok(()));
    assert_eq!(cross(&mut rig, 2), Ok(()));
    assert_eq!(rig.venue.margin_mode(account(2), ID), MarginMode::Cross);
    assert_eq!(rig.venue.margin_mode(account(9), ID), MarginMode::Cross);
    let spec = InstrumentSpec { kind: InstrumentKind::Spot, ..xrp_spec() };
    let spot = Instrument::new(ID, &spec).unwrap();
    let mut spot = Rig::with(&[spot], &[1_000], QueueModel::Back);
    assert!(matches!(alone(&mut spot, 0, 1), Err(LeverageError::OutOfRange { .. })));
}

#[test]
fn another_leverage_tops_up_what_is_set_aside_where_the_money_is_there() {
    let mut rig = by_itself();
    for (leverage, outcome, margin) in [
        (8, Ok(()), "499.10"),
        (3, Ok(()), "666.6666666667"),
        (2, Err(LeverageError::Margin), "666.6666666667"),
    ] {
        assert_eq!(alone(&mut rig, 0, leverage), outcome, "{leverage}");
        assert_eq!(rig.venue.position_margin(A, ID).to_string(), margin);
    }
    assert_eq!(rig.venue.leverage(A, ID), Some(3), "what was refused changes nothing");
    rig.balanced();
}

#[test]
fn margin_is_put_aside_and_taken_back_down_to_what_opening_asks_for() {
    let mut rig = by_itself();
    let add = |rig: &mut Rig, whole| rig.venue.add_margin(A, ID, Money::from_whole(whole));
    assert_eq!(add(&mut rig, 501), Err(LeverageError::Margin), "500 are free");
    assert_eq!(add(&mut rig, 500), Ok(()));
    assert_eq!(rig.venue.position_margin(A, ID).to_string(), "999.10");
    assert_eq!(add(&mut rig, -500), Err(LeverageError::Margin), "500 it needs");
    assert_eq!(add(&mut rig, -499), Ok(()));
    assert_eq!(rig.venue.position_margin(A, ID).to_string(), "500.10");
    for (by, id) in [(1, ID), (0, OTHER), (9, ID)] {
        let nothing = rig.venue.add_margin(account(by), id, Money::from_whole(1));
        assert_eq!(nothing, Err(LeverageError::Unknown), "{by}");
    }
    assert_eq!(
        rig.venue.add_margin(A, InstrumentId::new(7), Money::ONE),
        Err(LeverageError::Unknown)
    );
    rig.balanced();
}
