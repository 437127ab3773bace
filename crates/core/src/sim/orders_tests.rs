//! Placing, modifying, cancelling and looking up; the venue's rules for single orders.

use crate::domain::{
    CancelReason, Instrument, InstrumentId, MarginTier, Money, RejectReason, Side, Status,
    VenueOrderId,
};
use crate::sim::history::REMEMBERED;
use crate::sim::testing::{
    A, ID, Rig, account, ask, bid, ioc, named, post, reduce, resting, stop, take_profit,
};
use crate::sim::{ClientId, Fault, Grouping, Life, ModifyError, OrderRef, QueueModel, VenueOrder};
use crate::testing::{price, qty, xrp, xrp_spec};

const fn cancelled(reason: CancelReason) -> Life {
    Life::Ended(Status::Cancelled(reason))
}

const fn rejected(reason: RejectReason) -> Life {
    Life::Ended(Status::Rejected(reason))
}

#[test]
fn the_answer_says_at_once_what_became_of_an_order() {
    let mut rig = Rig::new();
    rig.place(0, ask(20_000, 10));
    rig.place(0, ask(20_010, 10));
    let both = rig.place(1, bid(20_010, 20));
    assert_eq!((both.life, both.filled), (Life::Ended(Status::Filled), qty(20)));
    assert_eq!(both.average(&xrp()), Some(price(20_005)));
    let nothing = rig.place(1, ioc(bid(20_010, 20)));
    assert_eq!((nothing.life, nothing.filled), (cancelled(CancelReason::Unfilled), qty(0)));
    let rests = rig.place(1, bid(20_010, 20));
    assert_eq!((rests.life, rests.remaining, rests.placed_ns), (Life::Resting, qty(20), rig.now));
    let small = rig.place(1, bid(20_000, 4));
    assert_eq!(small.life, rejected(RejectReason::TooSmall), "below 10 USD");
    let waits = rig.place(1, stop(ask(18_000, 20), 19_000));
    assert_eq!(waits.life, Life::AwaitsTrigger);
    let ids: Vec<u64> = [both, nothing, rests, small, waits]
        .iter()
        .map(|record| record.venue_order_id.raw())
        .collect();
    assert_eq!(ids, [3, 4, 5, 6, 7], "every order has one, whatever became of it");
}

#[test]
fn an_order_is_found_by_either_id_also_when_it_is_over() {
    let mut rig = Rig::new();
    let record = rig.place(0, named(u128::MAX - 7, ask(20_000, 10)));
    let by_client = OrderRef::Client(ClientId::new(u128::MAX - 7));
    let by_venue = OrderRef::Venue(record.venue_order_id);
    for name in [by_client, by_venue] {
        assert_eq!(rig.venue.order(A, name), Some(&record));
        assert_eq!(rig.venue.order(account(1), name), None, "it is somebody else's");
    }
    rig.now = 77;
    assert!(rig.venue.cancel_order(A, ID, by_client, rig.now).is_some());
    let ended = rig.venue.order(A, by_client).unwrap();
    assert_eq!((ended.life, ended.changed_ns), (cancelled(CancelReason::Requested), 77));
    assert!(rig.venue.cancel_order(A, ID, by_venue, rig.now).is_none(), "it is gone");
    assert_eq!(rig.venue.order(A, OrderRef::Client(ClientId::NONE)), None, "no id names nobody");
    assert_eq!(rig.venue.order(A, OrderRef::Venue(VenueOrderId::new(99))), None);
}

#[test]
fn the_last_two_thousand_orders_that_ended_are_remembered() {
    let mut rig = Rig::new();
    let first = rig.place(0, ioc(bid(20_000, 10)));
    for _ in 1..REMEMBERED {
        rig.place(0, ioc(bid(20_000, 10)));
    }
    assert!(rig.venue.order(A, first.venue_order_id.into()).is_some());
    let last = rig.place(0, ioc(bid(20_000, 10)));
    assert!(rig.venue.order(A, first.venue_order_id.into()).is_none());
    let ids: Vec<u64> = rig.venue.history(A).map(|it| it.venue_order_id.raw()).collect();
    assert_eq!((ids.len(), ids[0]), (REMEMBERED, last.venue_order_id.raw()));
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1] + 1), "the newest first");
}

#[test]
fn open_orders_are_told_with_all_that_is_known_of_them() {
    let mut rig = Rig::new();
    rig.place(1, bid(20_000, 8));
    let partly = rig.place(0, ask(20_000, 20));
    let waits = rig.place(0, stop(ask(18_000, 20), 19_000));
    let open: Vec<_> = rig.venue.orders(A).copied().collect();
    assert_eq!(open, [rig.look(&partly), rig.look(&waits)]);
    assert_eq!((open[0].remaining, open[0].filled, open[0].order.qty), (qty(12), qty(8), qty(20)));
    assert_eq!(open[1].order.trigger().unwrap().price, price(19_000));
    assert_eq!(rig.venue.open_orders(A), 2);
}

#[test]
fn a_modified_order_gets_a_new_id_and_the_end_of_the_queue() {
    let mut rig = Rig::new();
    let first = rig.place(0, ask(20_000, 10));
    rig.place(2, ask(20_000, 10));
    let next = rig.venue.modify(A, first.venue_order_id.into(), &ask(20_000, 12), 9).unwrap();
    assert!(next.venue_order_id > first.venue_order_id);
    assert_eq!(rig.life(&first), cancelled(CancelReason::Replaced));
    rig.place(1, bid(20_000, 10));
    assert_eq!((rig.held(2), rig.held(0)), (-10, 0), "the other one stands first by now");
}

#[test]
fn a_modification_happens_whole_or_not_at_all() {
    let mut rig = Rig::new();
    rig.mark(20_000);
    let order = rig.place(0, bid(20_000, 5_000));
    let id = OrderRef::Venue(order.venue_order_id);
    let mut modify = |new: &VenueOrder| rig.venue.modify(A, id, new, 9).map(|it| it.life);
    let wrong = |reason| Err(ModifyError::Rejected(reason));
    assert_eq!(modify(&bid(20_000, 1)), wrong(RejectReason::TooSmall));
    assert_eq!(modify(&bid(20_000, 10_001)), wrong(RejectReason::Margin));
    let gone = OrderRef::Venue(VenueOrderId::new(77));
    assert_eq!(rig.venue.modify(A, gone, &bid(20_000, 10), 9), Err(ModifyError::NotLive));
    rig.venue.set_fault(A, Some(Fault::Reject(RejectReason::Other)));
    let by_fault = rig.venue.modify(A, id, &bid(20_000, 10), 9);
    assert_eq!(by_fault, Err(ModifyError::Rejected(RejectReason::Other)));
    assert_eq!(rig.look(&order), order, "it is as it was");
    let whole = rig.venue.modify(A, id, &bid(20_000, 10_000), 9).unwrap();
    assert_eq!(whole.life, Life::Resting, "what the old one had reserved is free");
    assert_eq!(rig.venue.modify(A, id, &bid(20_000, 10), 9), Err(ModifyError::NotLive));
    assert_eq!(rig.venue.margin_used(A), Money::from_whole(1_000));
}

#[test]
fn orders_that_wait_for_a_modified_one_wait_for_the_new_one() {
    let mut rig = Rig::new();
    let orders = [bid(20_000, 10), stop(ask(18_000, 10), 19_000)];
    let family = rig.venue.place_group(A, Grouping::Normal, &orders, 1);
    let id = OrderRef::Venue(family[0].venue_order_id);
    let next = rig.venue.modify(A, id, &bid(20_010, 10), 2).unwrap();
    assert_eq!(rig.life(&family[1]), Life::AwaitsParent(next.venue_order_id));
    rig.place(1, ask(20_010, 10));
    assert_eq!(rig.life(&family[1]), Life::AwaitsTrigger);
}

#[test]
fn scheduled_cancel_takes_every_order_of_the_account_and_no_other() {
    // scheduleCancel cancels ALL open orders, protective stops too (not verified), no position.
    let mut rig = Rig::new();
    rig.place(1, ask(20_000, 10));
    rig.place(0, bid(20_000, 10));
    let orders = [bid(19_000, 10), stop(ask(17_000, 10), 18_000)];
    let mut gone = rig.venue.place_group(A, Grouping::Normal, &orders, 1);
    gone.push(rig.place(0, stop(ask(18_000, 10), 19_000)));
    let other = rig.place(1, ask(20_100, 10));
    assert_eq!(rig.venue.cancel_all(A, CancelReason::Scheduled, 5), 3);
    assert!(gone.iter().all(|it| rig.life(it) == cancelled(CancelReason::Scheduled)));
    assert_eq!((rig.venue.open_orders(A), rig.life(&other)), (0, Life::Resting));
    assert_eq!(rig.held(0), 10);
    assert_eq!(rig.venue.margin_used(account(2)), Money::ZERO);
}

#[test]
fn with_a_thousand_open_orders_nothing_that_reduces_or_waits_is_taken() {
    let mut rig = Rig::new();
    rig.place(1, ask(20_000, 10));
    rig.place(0, bid(20_000, 10));
    for _ in 0..999 {
        rig.place(0, bid(10_000, 10));
    }
    let full = rejected(RejectReason::TooManyOrders);
    let one = rig.place(0, reduce(ask(25_000, 10)));
    assert_eq!((one.life, rig.venue.open_orders(A)), (Life::Resting, 1_000));
    assert_eq!(rig.place(0, reduce(ioc(ask(15_000, 10)))).life, full);
    assert_eq!(rig.place(0, stop(ask(15_000, 10), 16_000)).life, full);
    assert_eq!(rig.place(0, bid(10_000, 10)).life, full);
    rig.venue.accounts[0].volume = Money::from_whole(5_000_000);
    assert_eq!(rig.place(0, bid(10_000, 10)).life, Life::Resting, "one more for 5M traded");
    assert_eq!(rig.place(0, bid(10_000, 10)).life, full);
    rig.venue.accounts[0].volume = Money::from_whole(1_000_000_000_000);
    assert_eq!(rig.place(0, reduce(ioc(ask(15_000, 10)))).life, full, "still more than 1000");
    rig.venue.accounts[0].open_orders = 5_000;
    assert_eq!(rig.place(0, bid(10_000, 10)).life, full, "nobody has more than 5000");
}

#[test]
fn orders_have_a_largest_value_by_leverage() {
    // 5M at the market below 25x, ten times that as a limit.
    let mut rig = Rig::with(&[xrp()], &[100_000_000, 1_000], QueueModel::Back);
    assert_eq!(rig.place(0, bid(20_000, 25_000_000)).life, Life::Resting);
    let large = rejected(RejectReason::TooLarge);
    assert_eq!(rig.place(0, bid(20_000, 25_000_001)).life, large);
    let at_market = |lots| stop(bid(20_000, lots), 19_000);
    assert_eq!(rig.place(0, at_market(2_500_000)).life, Life::AwaitsTrigger);
    assert_eq!(rig.place(0, at_market(2_500_001)).life, large);
    assert_eq!(rig.place(0, resting(at_market(2_500_001))).life, Life::AwaitsTrigger);
    let of = |leverage| {
        let tiers = vec![MarginTier { from_notional: 0, max_leverage: leverage }];
        let spec = crate::domain::InstrumentSpec { margin_tiers: tiers, ..xrp_spec() };
        let it = Instrument::new(InstrumentId::new(0), &spec).unwrap();
        let mut rig = Rig::with(&[it], &[1_000_000_000], QueueModel::Back);
        let mut largest = |whole: u64| rig.place(0, bid(20_000, whole * 5)).life == Life::Resting;
        [300, 50, 20, 5].map(|million| largest(million * 100_000)) // limits of 300M, 50M, …
    };
    assert_eq!(of(25), [true, true, true, true]);
    assert_eq!(of(20), [false, true, true, true]);
    assert_eq!(of(10), [false, false, true, true]);
    assert_eq!(of(9), [false, false, false, true]);
}

#[test]
fn in_the_post_only_window_nothing_else_is_taken() {
    let mut rig = Rig::new();
    rig.place(1, ask(20_000, 10));
    rig.venue.set_post_only_window(true);
    let refused = rejected(RejectReason::PostOnlyWindow);
    assert_eq!(rig.place(0, ioc(bid(20_000, 10))).life, refused);
    assert_eq!(rig.place(0, bid(19_000, 10)).life, refused);
    assert_eq!(rig.place(0, post(bid(19_000, 10))).life, Life::Resting);
    rig.venue.set_post_only_window(false);
    assert_eq!(rig.place(0, ioc(bid(20_000, 10))).life, Life::Ended(Status::Filled));
}

#[test]
fn a_scripted_reject_meets_the_next_order_and_no_other() {
    let mut rig = Rig::new();
    rig.venue.set_fault(A, Some(Fault::Reject(RejectReason::Margin)));
    assert_eq!(rig.place(1, bid(20_000, 10)).life, Life::Resting);
    assert_eq!(rig.place(0, bid(20_000, 10)).life, rejected(RejectReason::Margin));
    assert_eq!(rig.place(0, bid(20_000, 10)).life, Life::Resting);
}

#[test]
fn a_scripted_partial_fill_cuts_the_next_order() {
    let mut rig = Rig::new();
    rig.place(1, ask(20_000, 30));
    rig.venue.set_fault(A, Some(Fault::PartialFill(qty(7))));
    let cut = rig.place(0, bid(20_000, 10));
    assert_eq!((cut.filled, cut.life), (qty(7), cancelled(CancelReason::Unfilled)));
    assert_eq!(rig.held(0), 7);
    assert_eq!(rig.place(0, ioc(bid(20_000, 10))).filled, qty(10));
    assert_eq!(rig.levels(Side::Bid), []);
    rig.balanced();
}

#[test]
fn a_wild_price_holds_until_it_is_released() {
    let mut rig = Rig::new();
    rig.mark(20_000);
    rig.place(1, ask(20_000, 10));
    rig.place(0, bid(20_000, 10));
    let stops = rig.place(0, stop(ask(1, 10), 15_000));
    rig.venue.force_mark(ID, Some(price(14_000)), 5);
    assert_eq!(
        (rig.venue.mark(ID), rig.venue.oracle(ID)),
        (Some(price(14_000)), Some(price(14_000)))
    );
    assert_eq!(rig.life(&stops), cancelled(CancelReason::Unfilled), "it went off");
    assert_eq!(rig.equity(0).to_string(), "993.991", "valued at the wild price");
    rig.mark(20_100);
    assert_eq!(rig.venue.mark(ID), Some(price(14_000)), "the market's word does not count");
    rig.venue.force_mark(ID, None, 6);
    assert_eq!(
        (rig.venue.mark(ID), rig.venue.oracle(ID)),
        (Some(price(20_100)), Some(price(20_100)))
    );
    rig.balanced();
}

#[test]
fn a_limit_on_the_wrong_side_of_its_trigger_is_no_stop() {
    // limit_px must be on the right side of triggerPx.
    let mut rig = Rig::new();
    rig.mark(20_000);
    let wrong = rejected(RejectReason::BadTrigger);
    assert_eq!(rig.place(0, stop(ask(19_000, 10), 19_000)).life, Life::AwaitsTrigger);
    assert_eq!(rig.place(0, stop(ask(19_001, 10), 19_000)).life, wrong);
    assert_eq!(rig.place(0, stop(bid(21_000, 10), 21_000)).life, Life::AwaitsTrigger);
    assert_eq!(rig.place(0, stop(bid(20_999, 10), 21_000)).life, wrong);
    assert_eq!(
        rig.place(0, resting(take_profit(ask(22_000, 10), 21_000))).life,
        Life::AwaitsTrigger
    );
}
