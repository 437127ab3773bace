//! Stop-loss and take-profit: what sets them off, what they become, what they go with.

use crate::domain::{CancelReason, Money, RejectReason, Side, Status, TimeInForce};
use crate::sim::testing::{A, Rig, ask, bid, ioc, limit, post, reduce, resting, stop, take_profit};
use crate::sim::{Grouping, Life, OrderRecord, QueueModel, VenueOrder};
use crate::testing::{price, qty, xrp};

const FILLED: Life = Life::Ended(Status::Filled);
const SIBLING: Life = Life::Ended(Status::Cancelled(CancelReason::Sibling));
const PARENT: Life = Life::Ended(Status::Cancelled(CancelReason::Parent));

/// Account 0 is long 100 lots since 2.0000 against account 2; the mark is the venue's, and account
/// 1 bids for 1 000 lots at 1.9000 and asks for as many at 2.1000.
fn long() -> Rig {
    let mut rig = Rig::new();
    rig.mark(20_000);
    rig.place(2, ask(20_000, 100));
    rig.place(0, bid(20_000, 100));
    rig.place(1, bid(19_000, 1_000));
    rig.place(1, ask(21_000, 1_000));
    rig
}

fn group(rig: &mut Rig, grouping: Grouping, orders: &[VenueOrder]) -> Vec<OrderRecord> {
    let all = rig.venue.place_group(A, grouping, orders, rig.now);
    rig.listen();
    all
}

#[test]
fn triggers_act_on_the_mark_and_never_on_a_trade() {
    let mut rig = long();
    let stops = rig.place(0, stop(ask(18_000, 100), 19_500));
    rig.place(2, ioc(ask(19_000, 10))); // trades at 1.9000
    rig.trade(Side::Ask, 19_000, 5);
    assert_eq!(rig.life(&stops), Life::AwaitsTrigger);
    rig.mark(19_501);
    assert_eq!(rig.life(&stops), Life::AwaitsTrigger);
    rig.mark(19_500);
    assert_eq!((rig.life(&stops), rig.held(0)), (FILLED, 0));
    assert_eq!(rig.fills(0).last().unwrap().venue_order_id, stops.venue_order_id, "the same id");
}

#[test]
fn each_kind_goes_off_on_its_own_side() {
    for (order, quiet, at) in [
        (stop(ask(18_000, 10), 19_500), 19_501, 19_500),
        (take_profit(ask(18_000, 10), 20_500), 20_499, 20_500),
        (VenueOrder { reduce_only: false, ..stop(bid(22_000, 10), 20_500) }, 20_499, 20_500),
        (VenueOrder { reduce_only: false, ..take_profit(bid(22_000, 10), 19_500) }, 19_501, 19_500),
    ] {
        let mut rig = long();
        let waits = rig.place(0, order);
        rig.mark(quiet);
        assert_eq!(rig.life(&waits), Life::AwaitsTrigger, "{order:?}");
        rig.mark(at);
        assert_eq!(rig.life(&waits), FILLED, "{order:?}");
    }
}

#[test]
fn at_the_market_no_further_than_the_worst_price() {
    // TP/SL at the market have 10 % slippage tolerance: the price that the order carries.
    let mut rig = long();
    let stops = rig.place(0, stop(ask(19_001, 100), 19_500));
    rig.mark(19_400);
    let ended = rig.look(&stops);
    assert_eq!(ended.life, Life::Ended(Status::Cancelled(CancelReason::Unfilled)));
    assert_eq!((ended.filled, ended.triggered, rig.held(0)), (qty(0), true, 100));
    let last = Status::Cancelled(CancelReason::Unfilled);
    assert_eq!(rig.statuses(0)[..], [Status::Working, Status::Triggered, last]);
}

#[test]
fn a_limit_that_goes_off_rests_at_its_price() {
    let mut rig = long();
    let stops = rig.place(0, resting(stop(ask(19_500, 100), 19_500)));
    rig.mark(19_400);
    assert_eq!(rig.life(&stops), Life::Resting);
    assert_eq!(rig.levels(Side::Ask)[0], (19_500, 100));
    rig.place(1, ioc(bid(19_500, 40)));
    let partly = rig.look(&stops);
    assert_eq!((partly.filled, partly.remaining, rig.held(0)), (qty(40), qty(60), 60));
    assert!(rig.cancel(0, &stops));
}

#[test]
fn a_trigger_that_is_reached_already_is_rejected() {
    // badTriggerPxRejected: invalid TP/SL price.
    let mut rig = long();
    let wrong = Life::Ended(Status::Rejected(RejectReason::BadTrigger));
    assert_eq!(rig.place(0, stop(ask(18_000, 10), 20_000)).life, wrong);
    assert_eq!(rig.place(0, take_profit(ask(18_000, 10), 20_000)).life, wrong);
    assert_eq!(rig.place(0, stop(ask(18_000, 10), 19_999)).life, Life::AwaitsTrigger);
    assert_eq!(rig.place(0, take_profit(ask(18_000, 10), 20_001)).life, Life::AwaitsTrigger);
}

#[test]
fn a_fixed_size_closes_that_much_and_no_more_than_is_held() {
    let mut rig = long();
    rig.place(0, stop(ask(18_000, 30), 19_500));
    rig.place(0, stop(ask(18_000, 300), 19_400));
    rig.mark(19_500);
    assert_eq!(rig.held(0), 70);
    rig.mark(19_400);
    assert_eq!((rig.held(0), rig.traded(0).last()), (0, Some(&(19_000, 70, false))));
}

#[test]
fn a_trigger_that_opens_is_asked_for_its_margin_when_it_goes_off() {
    let mut rig = long();
    let opens = VenueOrder { reduce_only: false, ..stop(bid(22_000, 900), 20_500) };
    let waits = rig.place(0, opens);
    let margin = rig.venue.margin_used(A);
    rig.venue.transfer(A, Money::from_whole(-950), 1);
    assert_eq!(rig.venue.margin_used(A), margin, "what waits reserves nothing");
    rig.mark(20_500);
    assert_eq!(rig.life(&waits), Life::Ended(Status::Cancelled(CancelReason::Margin)));
    assert_eq!(rig.held(0), 100);
}

#[test]
fn what_goes_off_in_the_post_only_window_is_cancelled() {
    let mut rig = long();
    let stops = rig.place(0, stop(ask(18_000, 100), 19_500));
    rig.venue.set_post_only_window(true);
    rig.mark(19_000);
    assert_eq!(rig.life(&stops), Life::Ended(Status::Cancelled(CancelReason::PostOnlyWindow)));
    assert_eq!(rig.held(0), 100);
}

/// A bid for 50 lots at this price, a stop at 1.8500, and a take-profit at 2.2000 that rests at
/// 2.2500.
fn family(rig: &mut Rig, entry: i64, time_in_force: TimeInForce) -> Vec<OrderRecord> {
    let orders = [
        limit(Side::Bid, entry, 50, time_in_force),
        stop(ask(17_000, 50), 18_500),
        resting(take_profit(ask(22_500, 50), 22_000)),
    ];
    group(rig, Grouping::Normal, &orders)
}

fn lives(rig: &Rig, all: &[OrderRecord]) -> Vec<Life> {
    all.iter().map(|record| rig.life(record)).collect()
}

#[test]
fn children_wait_until_the_parent_has_filled_completely() {
    let mut rig = long();
    let all = family(&mut rig, 19_900, TimeInForce::GoodTilCancelled);
    let parent = all[0].venue_order_id;
    let waiting = [Life::Resting, Life::AwaitsParent(parent), Life::AwaitsParent(parent)];
    assert_eq!(lives(&rig, &all), waiting);
    rig.mark(18_400);
    rig.mark(20_000);
    assert_eq!(lives(&rig, &all), waiting, "the mark is nothing to them yet");
    rig.place(2, ioc(ask(19_900, 20)));
    assert_eq!(lives(&rig, &all), waiting, "partly filled is not filled");
    rig.place(2, ioc(ask(19_900, 30)));
    assert_eq!(lives(&rig, &all), [FILLED, Life::AwaitsTrigger, Life::AwaitsTrigger]);
    rig.mark(18_500);
    assert_eq!(lives(&rig, &all), [FILLED, FILLED, SIBLING]);
    assert_eq!(rig.held(0), 100, "fixed size: what was there before stays");
}

#[test]
fn children_of_a_parent_that_fills_at_once_go_to_work_at_once() {
    let mut rig = long();
    let all = family(&mut rig, 21_000, TimeInForce::ImmediateOrCancel);
    let told: Vec<Life> = all.iter().map(|record| record.life).collect();
    assert_eq!(told, [FILLED, Life::AwaitsTrigger, Life::AwaitsTrigger]);
}

#[test]
fn a_parent_that_is_cancelled_takes_its_children_along_also_when_partly_filled() {
    let mut rig = long();
    let all = family(&mut rig, 19_900, TimeInForce::GoodTilCancelled);
    rig.place(2, ioc(ask(19_900, 20)));
    assert!(rig.cancel(0, &all[0]));
    assert_eq!(lives(&rig, &all)[1..], [PARENT, PARENT]);
    assert_eq!((rig.held(0), rig.venue.open_orders(A)), (120, 0), "20 lots without a stop");
    // An immediate order that finds half of what it wants is cancelled, too.
    rig.place(1, post(ask(20_900, 30)));
    let all = family(&mut rig, 20_900, TimeInForce::ImmediateOrCancel);
    assert_eq!((all[0].filled, all[1].life, all[2].life), (qty(30), PARENT, PARENT));
}

#[test]
fn a_parent_that_margin_cut_off_leaves_its_children_at_work() {
    let mut rig = long();
    let orders = [bid(19_900, 5_000), stop(ask(17_000, 5_000), 18_500)];
    let all = group(&mut rig, Grouping::Normal, &orders);
    rig.place(2, ioc(ask(19_900, 1_000)));
    rig.venue.transfer(A, Money::from_whole(-700), 1);
    rig.place(2, ioc(ask(19_900, 1_000)));
    let cut = Life::Ended(Status::Cancelled(CancelReason::Margin));
    assert_eq!(lives(&rig, &all), [cut, Life::AwaitsTrigger]);
    assert_eq!(rig.look(&all[1]).order.qty, qty(5_000), "for the parent's whole size");
    rig.balanced();
}

#[test]
fn children_of_a_parent_that_was_not_taken_are_not_taken() {
    let mut rig = long();
    let orders = [bid(20_000, 1), stop(ask(17_000, 50), 18_500)];
    let all = group(&mut rig, Grouping::Normal, &orders);
    let not = |reason| Life::Ended(Status::Rejected(reason));
    assert_eq!(lives(&rig, &all), [not(RejectReason::TooSmall), not(RejectReason::Parent)]);
    // And nothing of a group in which something makes no sense.
    for child in [bid(17_000, 50), stop(bid(22_000, 50), 21_000), stop(ask(19_000, 50), 18_500)] {
        let all = group(&mut rig, Grouping::Normal, &[bid(20_000, 50), child]);
        assert!(
            all.iter().all(|it| matches!(it.life, Life::Ended(Status::Rejected(_)))),
            "{child:?}"
        );
    }
    assert_eq!(rig.venue.open_orders(A), 0);
}

#[test]
fn when_a_child_trades_its_sibling_goes() {
    // siblingFilledCanceled; a take-profit that rests and trades a little is enough.
    let mut rig = long();
    let all = family(&mut rig, 21_000, TimeInForce::ImmediateOrCancel);
    rig.mark(22_000);
    assert_eq!(lives(&rig, &all)[1..], [Life::AwaitsTrigger, Life::Resting], "it only rests");
    rig.place(2, ioc(bid(22_500, 1_000)));
    assert_eq!(lives(&rig, &all)[1..], [SIBLING, FILLED]);
    let (mut rig, one) = (long(), 10);
    let all = family(&mut rig, 21_000, TimeInForce::ImmediateOrCancel);
    rig.mark(22_000);
    let rest = limit(Side::Bid, 22_500, 970 + one, TimeInForce::ImmediateOrCancel);
    rig.place(2, rest); // 950 at 2.1000 first
    assert_eq!(lives(&rig, &all)[1..], [SIBLING, Life::Resting]);
}

#[test]
fn closing_another_position_leaves_children_that_wait_alone() {
    let mut rig = long();
    let all = family(&mut rig, 18_900, TimeInForce::GoodTilCancelled);
    rig.place(0, reduce(ioc(ask(19_000, 100))));
    assert_eq!(rig.held(0), 0);
    assert_eq!(rig.life(&all[1]), Life::AwaitsParent(all[0].venue_order_id));
}

#[test]
fn the_stops_of_a_position_follow_its_size_and_go_with_each_other() {
    let mut rig = long();
    let orders = [stop(ask(17_000, 0), 19_500), take_profit(ask(17_000, 1), 22_000)];
    let all = group(&mut rig, Grouping::Position, &orders);
    assert_eq!(lives(&rig, &all), [Life::AwaitsTrigger; 2]);
    rig.place(0, ioc(bid(21_000, 300)));
    assert_eq!(rig.held(0), 400);
    rig.mark(19_500);
    assert_eq!((rig.held(0), lives(&rig, &all)), (0, vec![FILLED, SIBLING]));
}

#[test]
fn the_stops_of_a_position_go_with_it() {
    let mut rig = long();
    let orders = [stop(ask(17_000, 0), 19_500), take_profit(ask(17_000, 0), 22_000)];
    let all = group(&mut rig, Grouping::Position, &orders);
    rig.place(0, reduce(ioc(ask(19_000, 99))));
    assert_eq!(lives(&rig, &all), [Life::AwaitsTrigger; 2]);
    rig.place(0, reduce(ioc(ask(19_000, 1))));
    let gone = Life::Ended(Status::Cancelled(CancelReason::PositionClosed));
    assert_eq!((lives(&rig, &all), rig.venue.open_orders(A)), (vec![gone; 2], 0));
    let plain = group(&mut rig, Grouping::Position, &[bid(19_000, 10)]);
    assert!(plain[0].ended().is_some(), "a limit order is no stop");
}

#[test]
fn two_accounts_stops_go_off_in_the_order_in_which_they_were_placed() {
    let mut rig = Rig::with(&[xrp()], &[1_000; 4], QueueModel::Back);
    rig.mark(20_000);
    rig.place(2, ask(20_000, 100));
    rig.place(0, bid(20_000, 50));
    rig.place(1, bid(20_000, 50));
    rig.place(3, bid(19_000, 50));
    rig.place(3, bid(18_000, 50));
    let first = rig.place(1, stop(ask(17_000, 50), 18_600));
    let second = rig.place(0, stop(ask(17_000, 50), 18_600));
    rig.mark(18_600);
    let average = |record: &OrderRecord| rig.look(record).average(&xrp());
    assert_eq!((average(&first), average(&second)), (Some(price(19_000)), Some(price(18_000))));
}
