//! Several accounts at one venue.

use crate::domain::{CancelReason, Money, RejectReason, Side, Status};
use crate::sim::testing::{A, ID, Rig, account, ask, bid, ioc, post, reduce, stop};
use crate::sim::{AccountId, Cause, Life, QueueModel};
use crate::testing::{price, qty, xrp};

const SELF_TRADE: Life = Life::Ended(Status::Cancelled(CancelReason::SelfTrade));

#[test]
fn accounts_trade_with_each_other_where_nobody_else_is() {
    let mut rig = Rig::new();
    let rests = rig.place(0, ask(20_000, 100));
    assert_eq!((rests.life, rests.venue_order_id.raw()), (Life::Resting, 1));
    let bought = rig.place(1, bid(20_100, 60));
    assert_eq!(bought.life, Life::Ended(Status::Filled));
    assert_eq!((bought.filled, bought.average(&xrp())), (qty(60), Some(price(20_000))));
    assert_eq!((rig.held(0), rig.held(1)), (-60, 60));
    assert_eq!(rig.traded(0), [(20_000, 60, true)]);
    assert_eq!(rig.traded(1), [(20_000, 60, false)]);
    let (maker, taker) = (rig.fills(0)[0], rig.fills(1)[0]);
    assert_eq!(maker.trade_id, taker.trade_id, "one trade, two sides");
    // 120 USD × 0.015 % and 0.045 %
    assert_eq!((maker.fee.to_string(), taker.fee.to_string()), ("0.018".into(), "0.054".into()));
    assert_eq!(rig.venue.fees_taken().to_string(), "0.072");
    assert_eq!(rig.venue.fees_paid(account(1)).to_string(), "0.054");
    assert_eq!(rig.venue.volume(account(1)), Money::from_whole(120));
    assert_eq!(rig.levels(Side::Ask), [(20_000, 40)]);
    rig.balanced();
}

#[test]
fn the_better_price_trades_first_and_at_the_same_price_the_earlier_order() {
    let mut rig = Rig::new();
    rig.place(0, ask(20_002, 10));
    rig.place(1, ask(20_001, 10));
    rig.place(0, ask(20_001, 10));
    rig.place(2, bid(20_002, 15));
    assert_eq!(rig.traded(2), [(20_001, 10, false), (20_001, 5, false)]);
    assert_eq!(rig.traded(1), [(20_001, 10, true)], "he was first at that price");
    assert_eq!(rig.traded(0), [(20_001, 5, true)]);
}

#[test]
fn lots_of_others_that_stood_there_before_trade_before() {
    let mut rig = Rig::new();
    rig.book(&[(19_990, 100)], &[(20_010, 100)]);
    rig.place(0, ask(20_010, 50));
    rig.place(1, ioc(bid(20_010, 120)));
    assert_eq!(rig.traded(1), [(20_010, 100, false), (20_010, 20, false)]);
    assert_eq!(rig.traded(0), [(20_010, 20, true)], "100 of others, then 20 of ours");
    let counts = rig.venue.drain_trades().map(|it| (it.buyer, it.seller)).collect::<Vec<_>>();
    assert_eq!(counts, [(Some(account(1)), None), (Some(account(1)), Some(A))]);
    rig.balanced();
}

#[test]
fn lots_of_others_that_came_later_trade_later() {
    let mut rig = Rig::with(&[xrp()], &[1_000, 1_000], QueueModel::Back);
    rig.book(&[(19_990, 100)], &[(20_010, 30)]);
    rig.place(0, ask(20_010, 50));
    rig.book(&[], &[(20_010, 80)]);
    rig.place(1, ioc(bid(20_010, 90)));
    let lots: Vec<u64> = rig.traded(1).iter().map(|(_, lots, _)| *lots).collect();
    assert_eq!(lots, [30, 50, 10], "30 before, our 50, then the 50 behind");
}

#[test]
fn in_front_of_the_queue_an_account_trades_before_all_others() {
    let mut rig = Rig::with(&[xrp()], &[1_000, 1_000], QueueModel::Front);
    rig.book(&[(19_990, 100)], &[(20_010, 100)]);
    rig.place(0, ask(20_010, 50));
    rig.place(1, ioc(bid(20_010, 60)));
    assert_eq!(rig.traded(0), [(20_010, 50, true)]);
}

#[test]
fn a_better_price_trades_before_the_book_and_a_worse_one_after_it() {
    let mut rig = Rig::new();
    rig.book(&[(19_990, 100)], &[(20_010, 100), (20_020, 100)]);
    rig.place(0, ask(20_005, 10));
    rig.place(0, ask(20_015, 10));
    rig.place(2, ask(20_030, 10));
    rig.place(1, bid(20_040, 300));
    let prices: Vec<i64> = rig.traded(1).iter().map(|(ticks, ..)| *ticks).collect();
    assert_eq!(prices, [20_005, 20_010, 20_015, 20_020, 20_030]);
    assert_eq!(rig.levels(Side::Bid), [(20_040, 70), (19_990, 100)], "and the rest rests");
    rig.balanced();
}

#[test]
fn what_an_account_took_is_gone_for_the_next_one_and_brings_the_queue_forward() {
    let mut rig = Rig::new();
    rig.book(&[(19_990, 100)], &[(20_010, 100)]);
    rig.place(0, ask(20_010, 50));
    rig.place(1, ioc(bid(20_010, 70)));
    rig.place(2, ioc(bid(20_010, 70)));
    assert_eq!(rig.traded(2), [(20_010, 30, false), (20_010, 40, false)]);
    assert_eq!(rig.traded(0), [(20_010, 40, true)]);
}

#[test]
fn meeting_oneself_the_order_that_rests_expires_and_the_other_goes_on() {
    // STP = expire maker.
    let mut rig = Rig::new();
    let own = rig.place(0, ask(20_000, 10));
    let far = rig.place(0, ask(20_020, 10));
    rig.place(1, ask(20_010, 10));
    let takes = rig.place(0, bid(20_030, 10));
    assert_eq!((rig.life(&own), takes.life), (SELF_TRADE, Life::Ended(Status::Filled)));
    assert_eq!(rig.life(&far), Life::Resting, "it was not met");
    assert_eq!(rig.held(0), 10);
    assert_eq!(rig.venue.open_orders(A), 1);
}

#[test]
fn post_only_meets_nobody() {
    let mut rig = Rig::new();
    let own = rig.place(0, ask(20_000, 10));
    assert_eq!(
        rig.place(1, post(bid(20_000, 10))).life,
        Life::Ended(Status::Rejected(RejectReason::WouldTrade))
    );
    let kept = rig.place(0, post(bid(20_000, 10)));
    assert_eq!((rig.life(&own), kept.life), (SELF_TRADE, Life::Resting));
}

#[test]
fn an_order_that_only_reduces_gives_no_more_than_is_held() {
    let mut rig = Rig::new();
    rig.place(0, ask(20_000, 30));
    rig.place(1, bid(20_000, 30));
    let closes = rig.place(1, reduce(ask(20_010, 30)));
    let also = rig.place(1, reduce(ask(20_020, 30)));
    rig.place(2, bid(20_020, 50));
    assert_eq!(rig.traded(1).last(), Some(&(20_010, 30, true)));
    assert_eq!(rig.life(&closes), Life::Ended(Status::Filled));
    let gone = Life::Ended(Status::Cancelled(CancelReason::PositionClosed));
    assert_eq!((rig.life(&also), rig.held(1), rig.held(2)), (gone, 0, 30));
    assert_eq!(rig.levels(Side::Bid), [(20_020, 20)], "what found nobody rests");
}

#[test]
fn an_order_that_only_reduces_never_adds_to_a_position_that_turned() {
    let mut rig = Rig::new();
    rig.place(0, ask(20_000, 10));
    rig.place(1, bid(20_000, 10));
    let closes = rig.place(1, reduce(ask(20_050, 10)));
    rig.place(0, bid(19_990, 30));
    rig.place(1, ioc(ask(19_990, 30)));
    assert_eq!((rig.held(1), rig.life(&closes)), (-20, Life::Resting));
    rig.place(2, ioc(bid(20_050, 10)));
    assert_eq!(rig.life(&closes), Life::Ended(Status::Cancelled(CancelReason::ReduceOnly)));
    assert_eq!((rig.held(1), rig.held(2)), (-20, 0));
}

#[test]
fn margin_is_checked_again_when_a_resting_order_is_to_trade() {
    // Margin checks happen upon a new order, and again for the resting side at the matching.
    let mut rig = Rig::new();
    rig.mark(20_000);
    let rests = rig.place(0, bid(20_000, 9_000)); // 18 000 USD at 20x: 900 of 1 000
    rig.venue.transfer(A, Money::from_whole(-200), 9);
    rig.place(1, ioc(ask(20_000, 1_000)));
    assert_eq!(rig.life(&rests), Life::Ended(Status::Cancelled(CancelReason::Margin)));
    assert_eq!((rig.held(0), rig.held(1)), (0, 0));
}

#[test]
fn accounts_that_come_later_trade_like_the_others() {
    let mut rig = Rig::new();
    let late = rig.venue.open_account(Money::from_whole(500)).unwrap();
    assert_eq!(late, account(3));
    rig.place(0, ask(20_000, 10));
    rig.place(3, bid(20_000, 10));
    assert_eq!(rig.held(3), 10);
    assert_eq!(rig.venue.portfolio(AccountId::BACKSTOP).unwrap().cash(), Money::ZERO);
    rig.balanced();
}

#[test]
fn one_trade_of_others_is_shared_by_price_and_time() {
    let mut rig = Rig::new();
    rig.book(&[(19_990, 20)], &[(20_010, 100)]);
    rig.place(0, post(bid(19_990, 50)));
    rig.place(1, post(bid(19_990, 50)));
    rig.place(2, post(bid(19_995, 6)));
    rig.trade(Side::Ask, 19_990, 86); // 6 to the better price, 20 others, 50, 10
    assert_eq!(rig.traded(2), [(19_995, 6, true)]);
    assert_eq!(rig.traded(0), [(19_990, 50, true)]);
    assert_eq!(rig.traded(1), [(19_990, 10, true)]);
    rig.trade(Side::Ask, 19_990, 40);
    assert_eq!(rig.traded(1).last(), Some(&(19_990, 40, true)), "he stands in front by now");
    assert_eq!(rig.venue.drain_trades().count(), 0, "the market's own trades are not told twice");
    rig.balanced();
}

#[test]
fn a_book_that_moves_through_orders_reaches_the_best_price_first() {
    let mut rig = Rig::new();
    rig.book(&[(19_000, 100)], &[(21_000, 100)]);
    rig.place(0, post(bid(19_990, 50)));
    rig.place(1, post(bid(20_000, 50)));
    rig.book(&[], &[(19_980, 70)]);
    assert_eq!(rig.traded(1), [(20_000, 50, true)]);
    assert_eq!(rig.traded(0), [(19_990, 20, true)]);
    assert_eq!(rig.venue.drain_trades().count(), 2);
    rig.balanced();
}

#[test]
fn without_any_other_source_the_mark_is_the_median_of_bid_ask_and_last() {
    let mut rig = Rig::new();
    rig.place(0, ask(20_000, 20));
    assert_eq!(rig.venue.mark(ID), None, "nobody has traded yet");
    rig.place(1, bid(20_000, 10));
    assert_eq!(rig.venue.mark(ID), Some(price(20_000)), "the last trade while a side is empty");
    rig.place(1, bid(19_990, 20));
    rig.place(2, post(bid(19_950, 20)));
    rig.place(2, ioc(ask(19_990, 20)));
    assert_eq!(rig.venue.mark(ID), Some(price(19_990)), "between 1.9950 and 2.0000");
    rig.place(0, post(bid(19_960, 20)));
    rig.place(1, post(ask(19_980, 20)));
    rig.place(2, ioc(ask(19_960, 10)));
    assert_eq!(rig.venue.mark(ID), Some(price(19_960)));
    rig.mark(25_000);
    rig.place(2, ioc(ask(19_960, 10)));
    assert_eq!(rig.venue.mark(ID), Some(price(25_000)), "the venue's own word counts more");
}

#[test]
fn a_report_says_what_an_account_needs_to_know_of_its_fill() {
    let mut rig = Rig::new();
    rig.place(0, ask(20_000, 10));
    rig.place(1, bid(20_000, 10));
    rig.place(2, bid(20_100, 8));
    rig.heard.clear();
    let sold = rig.place(1, ioc(ask(20_100, 8)));
    let report = rig.heard.iter().find(|report| report.account == account(1)).unwrap();
    let (order, traded) = (report.order.unwrap(), report.traded.unwrap());
    assert_eq!(order, rig.look(&sold));
    assert_eq!((traded.before.lots(), traded.realised.to_string()), (10, "0.08".into()));
    assert_eq!((traded.other, traded.cause), (Some(account(2)), Cause::Order));
    assert_eq!(traded.liquidated, None);
}

#[test]
fn levels_show_everybodys_lots_and_what_was_taken_is_not_shown() {
    let mut rig = Rig::new();
    rig.book(&[(19_990, 100), (19_980, 100)], &[(20_010, 100), (20_020, 100)]);
    rig.place(0, post(bid(19_990, 50)));
    rig.place(1, post(bid(19_985, 7)));
    rig.place(2, ioc(bid(20_010, 100)));
    assert_eq!(rig.levels(Side::Bid), [(19_990, 150), (19_985, 7), (19_980, 100)]);
    assert_eq!(rig.levels(Side::Ask), [(20_020, 100)]);
    let best = rig.venue.depth(ID, Side::Bid, 1);
    assert_eq!((best.len(), best[0].orders), (1, 2), "an account's order, and the others' one");
}

#[test]
fn a_position_that_is_gone_takes_its_stops_with_it_whoever_took_it() {
    let mut rig = Rig::new();
    rig.place(0, ask(20_000, 10));
    rig.place(1, bid(20_000, 10));
    let stops = rig.place(1, stop(ask(18_000, 10), 19_000));
    rig.place(1, post(ask(20_100, 10)));
    rig.place(2, bid(20_100, 10));
    assert_eq!(rig.life(&stops), Life::Ended(Status::Cancelled(CancelReason::PositionClosed)));
}

#[test]
fn whatever_the_queue_model_thinks_nobody_overtakes_at_his_price() {
    let mut rig = Rig::with(&[xrp()], &[1_000; 2], QueueModel::Probability { power: 10.0 });
    rig.book(&[(19_990, 40)], &[(20_010, 100)]);
    rig.place(0, post(bid(19_990, 50))); // 40 ahead of it
    rig.book(&[(19_990, 60)], &[]);
    rig.place(1, post(bid(19_990, 50))); // 60 ahead of it
    rig.book(&[(19_990, 100)], &[]);
    rig.book(&[(19_990, 50)], &[]); // the model takes 49 from before the second, none from the first
    rig.trade(Side::Ask, 19_990, 30);
    assert_eq!((rig.held(0), rig.held(1)), (0, 0));
    rig.trade(Side::Ask, 19_990, 30);
    assert_eq!((rig.held(0), rig.held(1)), (20, 0));
}
