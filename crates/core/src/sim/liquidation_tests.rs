//! What happens to accounts that cannot keep their positions.

use crate::domain::{Body, CancelReason, MarginMode, Money, SECOND, Side, Status, TimeInForce};
use crate::portfolio::Portfolio;
use crate::sim::testing::{A, ID, Rig, account, ask, bid, ioc, limit, stop};
use crate::sim::{AccountId, Cause, Life, QueueModel, Report};
use crate::testing::{price, qty, xrp};

const LIQUIDATED: Life = Life::Ended(Status::Cancelled(CancelReason::Liquidated));

/// Account 0 holds so many lots since 2.0000, with 1 000 USD; account 1 sold them, with 100 000.
/// The mark is the venue's.
fn long(lots: u64, cash: i64) -> Rig {
    let mut rig = Rig::with(&[xrp()], &[cash, 100_000, 100_000, 100_000], QueueModel::Back);
    rig.mark(20_000);
    rig.place(1, ask(20_000, lots));
    rig.place(0, bid(20_000, lots));
    assert_eq!(rig.held(0), i64::try_from(lots).unwrap());
    rig
}

fn house(rig: &Rig) -> &Portfolio {
    rig.venue.portfolio(AccountId::BACKSTOP).unwrap()
}

fn causes(rig: &Rig, by: usize) -> Vec<(Cause, Option<AccountId>)> {
    let own = rig.heard.iter().filter(|report| report.account == account(by));
    own.filter_map(|report| report.traded.map(|it| (it.cause, it.liquidated))).collect()
}

#[test]
fn at_maintenance_nothing_happens_and_below_it_the_position_is_sold_into_the_book() {
    // Maintenance = half of initial at the highest leverage: 9 000 × mark ÷ 40.
    let mut rig = long(9_000, 1_000);
    let waits = [rig.place(0, bid(15_000, 20)), rig.place(0, stop(ask(1, 20), 10_000))];
    rig.place(2, bid(19_390, 10_000));
    rig.mark(19_394); // 1 000 − 545.4 − 8.1 = 446.5 against 436.4
    assert_eq!(rig.held(0), 9_000);
    rig.mark(19_382); // 435.7 against 436.1
    assert_eq!((rig.held(0), rig.held(2)), (0, 9_000));
    assert!(waits.iter().all(|record| rig.life(record) == LIQUIDATED));
    assert_eq!(causes(&rig, 0).last(), Some(&(Cause::Liquidation, Some(A))));
    assert_eq!(causes(&rig, 2).last(), Some(&(Cause::Liquidation, Some(A))));
    assert!(rig.fills(0).last().unwrap().liquidation, "the account is told that it was");
    assert!(!rig.fills(2).last().unwrap().liquidation, "and the other one that it was not");
    assert!(rig.equity(0) > Money::from_whole(430), "what is left stays with the account");
    rig.balanced();
}

#[test]
fn above_a_hundred_thousand_a_fifth_is_sold_and_within_thirty_seconds_the_rest() {
    let fifth = || {
        let mut rig = long(90_000, 10_000);
        rig.place(2, bid(19_250, 200_000));
        rig.mark(19_260); // 3 259.0 against 4 333.5
        assert_eq!(rig.held(0), 72_000);
        rig
    };
    let mut soon = fifth();
    soon.now += 30 * SECOND - 3;
    soon.mark(19_259);
    assert_eq!(soon.held(0), 0, "all of it");
    let mut late = fifth();
    late.now += 30 * SECOND;
    late.mark(19_259);
    assert_eq!(late.held(0), 57_600, "a fifth again");
    late.balanced();
}

#[test]
fn a_liquidation_goes_no_further_than_to_nothing() {
    let mut rig = long(9_000, 1_000);
    rig.place(2, bid(19_000, 4_000)); // 1 000 of loss are reached at 1.8889
    rig.place(2, bid(18_000, 10_000));
    rig.mark(19_382);
    assert_eq!(rig.held(0), 5_000, "the bid at 1.8000 would have ended in debt");
    rig.mark(19_381);
    assert!(rig.equity(0) >= Money::ZERO);
    rig.balanced();
}

#[test]
fn below_two_thirds_the_backstop_takes_position_and_margin() {
    let mut rig = long(9_000, 1_000);
    rig.mark(19_100); // 1 000 − 810 − 8.1 = 181.9 against 429.8
    let own = rig.venue.portfolio(A).unwrap();
    assert!(own.is_flat());
    assert_eq!(own.equity(), Money::ZERO);
    assert_eq!(house(&rig).qty(ID).lots(), 9_000);
    assert_eq!(house(&rig).equity().to_string(), "181.90");
    assert_eq!(causes(&rig, 0).last(), Some(&(Cause::Backstop, Some(A))));
    assert!(rig.heard.iter().all(|report| report.account != AccountId::BACKSTOP));
    rig.balanced();
}

#[test]
fn a_backstop_without_money_is_deleveraged_and_one_with_money_is_not() {
    let mut rig = long(9_000, 1_000);
    rig.mark(19_100);
    rig.mark(18_880); // 181.9 − 198
    assert!(house(&rig).is_flat());
    assert_eq!(house(&rig).equity().to_string(), "181.90", "at the mark before");
    assert_eq!(rig.traded(1).last(), Some(&(19_100, 9_000, false)));
    rig.balanced();
    let mut rig = long(9_000, 1_000);
    rig.venue.fund_backstop(Money::from_whole(1_000));
    rig.mark(19_100);
    rig.mark(18_880);
    assert_eq!(house(&rig).qty(ID).lots(), 9_000);
    rig.balanced();
}

#[test]
fn below_nothing_the_other_side_is_closed_at_the_mark_before() {
    let mut rig = long(9_000, 1_000);
    let rests = rig.place(1, bid(10_000, 10));
    rig.mark(18_800); // 1 000 − 1 080 − 8.1
    assert_eq!((rig.held(0), rig.held(1)), (0, 0));
    let fill = *rig.fills(1).last().unwrap();
    assert_eq!((fill.price, fill.qty, fill.fee), (price(20_000), qty(9_000), Money::ZERO));
    assert_eq!(causes(&rig, 1).last(), Some(&(Cause::Deleveraging, Some(A))));
    assert_eq!(rig.equity(0).to_string(), "991.90", "as it was at the mark before");
    assert_eq!(rig.life(&rests), Life::Resting, "orders of the other side stay");
    rig.balanced();
}

/// Accounts 1, 2 and 3 are short 5 000 lots each, at 1.9900, 2.0000 and 2.0000, and account 3 has
/// less money; account 0 holds 9 000 of the other side, the market's others 6 000.
fn ranked(cash: [i64; 4]) -> Rig {
    let mut rig = Rig::with(&[xrp()], &cash, QueueModel::Back);
    rig.book(&[(19_900, 5_000)], &[(30_000, 5_000)]);
    rig.mark(20_000);
    rig.place(1, ask(19_900, 5_000));
    rig.place(2, ask(20_000, 5_000));
    rig.place(3, ask(20_000, 5_000));
    rig.place(0, bid(20_000, 9_000));
    rig.book(&[(20_000, 1_000)], &[]);
    rig.mark(20_001);
    assert_eq!([1, 2, 3].map(|by| rig.held(by)), [-5_000, -5_000, -5_000]);
    rig
}

#[test]
fn the_highest_of_mark_over_entry_times_leverage_is_closed_first() {
    // ADL index = (mark ÷ entry) × (notional ÷ account value).
    let closed = |cash: [i64; 4]| {
        let mut rig = ranked(cash);
        rig.mark(18_800);
        assert_eq!(rig.held(0), 0);
        rig.balanced();
        [1, 2, 3].map(|by| rig.held(by))
    };
    let same = 100_000;
    // More leverage comes first, then the entry that is further below the mark, then the account.
    assert_eq!(closed([1_000, same, same, 50_000]), [-1_000, -5_000, 0]);
    assert_eq!(closed([1_000, 90_000, same, same]), [0, -1_000, -5_000]);
    assert_eq!(closed([1_000, same, 60_000, 50_000]), [-5_000, -1_000, 0]);
}

#[test]
fn the_markets_others_are_closed_last_and_carry_what_is_left() {
    let mut rig = Rig::with(&[xrp()], &[1_000, 100_000], QueueModel::Back);
    rig.book(&[(19_990, 2_000)], &[(20_000, 9_000)]);
    rig.mark(20_000);
    rig.place(1, ioc(ask(19_990, 2_000)));
    rig.place(0, ioc(bid(20_000, 9_000)));
    rig.mark(18_800);
    assert_eq!((rig.held(0), rig.held(1)), (0, 0));
    let own = rig.heard.iter().filter(|report| report.account == A);
    let others: Vec<_> = own.filter_map(|report| report.traded.map(|it| it.other)).collect();
    assert_eq!(others, [None, Some(account(1)), None]);
    assert_eq!(rig.traded(0)[1..], [(20_000, 2_000, false), (20_000, 7_000, false)]);
    rig.balanced();
}

#[test]
fn what_nobody_can_cover_the_backstop_pays() {
    let mut rig = long(9_000, 1_000);
    rig.venue.fund_backstop(Money::from_whole(5_000));
    // A payment takes the account below nothing at the mark that it has.
    rig.funding(60_000); // 6 % of 18 000
    assert_eq!(rig.equity(0).to_string(), "-88.10");
    rig.mark(20_001);
    assert_eq!((rig.held(0), rig.equity(0)), (0, Money::ZERO));
    assert_eq!(house(&rig).equity().to_string(), "4911.90");
    rig.balanced();
}

#[test]
fn a_user_without_positions_pays_for_nobody() {
    // The documentation's invariant of auto-deleveraging.
    let mut rig = long(9_000, 1_000);
    rig.mark(15_000);
    for by in [2, 3] {
        assert_eq!(rig.equity(by), Money::from_whole(100_000));
    }
    rig.balanced();
}

#[test]
fn what_an_account_hears_of_its_liquidation_adds_up() {
    for mark in [19_382, 19_100, 18_800] {
        let mut rig = long(9_000, 1_000);
        rig.place(2, bid(19_300, 4_000));
        rig.mark(mark);
        rig.mark(mark - 1);
        let mut ours = Portfolio::new(1, Money::from_whole(1_000));
        let own = rig.heard.iter().filter(|report| report.account == A);
        for Report { body, .. } in own {
            if let Body::Fill(fill) = body {
                ours.apply_fill(&xrp(), fill, 0);
            }
        }
        assert_eq!((ours.cash(), ours.qty(ID).lots()), (rig.cash(0), rig.held(0)), "{mark}");
    }
}

/// As [`long`] with 100 000 USD, but margined by itself at this leverage; or short.
fn by_itself(lots: u64, leverage: u16, short: bool) -> Rig {
    let mut rig = Rig::with(&[xrp()], &[100_000; 4], QueueModel::Back);
    rig.mark(20_000);
    rig.venue.set_leverage(A, ID, MarginMode::Isolated, leverage).unwrap();
    let (own, other) = if short { (Side::Ask, Side::Bid) } else { (Side::Bid, Side::Ask) };
    let at = |side| limit(side, 20_000, lots, TimeInForce::GoodTilCancelled);
    rig.place(1, at(other));
    rig.place(0, at(own));
    rig
}

#[test]
fn a_position_by_itself_is_sold_when_what_is_set_aside_is_used_up() {
    // 18 000 at 4x: 4 500, less 8.10 of fees. 0.4991 a unit, and a fortieth of the value: 1.5394.
    let mut rig = by_itself(9_000, 4, false);
    let waits = rig.place(0, bid(15_000, 20));
    rig.place(2, bid(15_350, 10_000));
    rig.mark(15_395);
    assert_eq!(rig.held(0), 9_000);
    rig.mark(15_393);
    assert_eq!((rig.held(0), rig.held(2)), (0, 9_000));
    assert_eq!(rig.life(&waits), LIQUIDATED);
    assert_eq!(causes(&rig, 0).last(), Some(&(Cause::Liquidation, Some(A))));
    assert!(rig.equity(0) > Money::from_whole(95_500), "no more than what was set aside");
    assert!(rig.equity(0) < Money::from_whole(96_000));
    rig.balanced();
}

#[test]
fn a_part_of_a_position_by_itself_goes_no_further_than_its_part_of_what_is_set_aside() {
    let mut rig = by_itself(90_000, 4, false); // 180 000: a fifth is sold
    rig.place(2, bid(14_000, 200_000));
    rig.mark(15_380);
    assert_eq!(rig.held(0), 90_000, "1.4000 is beyond what was set aside for it");
    rig.place(2, bid(15_100, 200_000));
    rig.now += 30 * SECOND;
    rig.mark(15_379);
    assert_eq!(rig.held(0), 72_000);
    rig.balanced();
}

#[test]
fn far_below_the_backstop_takes_a_position_by_itself_with_what_is_set_aside_and_no_more() {
    let mut rig = by_itself(9_000, 4, false);
    rig.mark(15_150); // 4 491.9 − 4 365 against 340.9
    let own = rig.venue.portfolio(A).unwrap();
    assert!(own.is_flat());
    assert_eq!(own.equity().to_string(), "95500.00");
    assert_eq!(house(&rig).equity().to_string(), "126.90", "less 8.10 of fees");
    rig.balanced();
}

#[test]
fn a_jump_to_fifteen_times_the_price_costs_what_was_set_aside_and_no_more() {
    // Against a short that shares the account's money the same jump ends in debt.
    let mut shared = Rig::with(&[xrp()], &[100_000; 4], QueueModel::Back);
    shared.mark(20_000);
    shared.place(1, bid(20_000, 9_000));
    shared.place(0, ask(20_000, 9_000));
    shared.mark(300_000);
    let drawdown = |rig: &Rig| rig.venue.portfolio(A).unwrap().max_drawdown().to_f64();
    assert!(drawdown(&shared) > 2.5, "{}", drawdown(&shared));
    let mut rig = by_itself(9_000, 4, true);
    rig.mark(300_000);
    assert!((drawdown(&rig) - 0.045).abs() < 1e-9, "{}", drawdown(&rig));
    assert!(rig.venue.portfolio(A).unwrap().is_flat());
    assert_eq!(causes(&rig, 0).last(), Some(&(Cause::Deleveraging, Some(A))));
    assert_eq!(rig.traded(1).last(), Some(&(20_000, 9_000, false)), "at the mark before");
    rig.balanced();
}

#[test]
fn what_a_position_by_itself_cannot_cover_the_backstop_pays() {
    let mut rig = by_itself(9_000, 4, false);
    rig.venue.fund_backstop(Money::from_whole(5_000));
    rig.funding(260_000); // 4 680 of 4 491.9
    rig.mark(20_001);
    assert_eq!((rig.held(0), rig.equity(0).to_string()), (0, "95500.00".to_owned()));
    assert_eq!(house(&rig).equity().to_string(), "4811.90");
    rig.balanced();
}

#[test]
fn what_is_by_itself_and_what_is_shared_do_not_help_each_other() {
    let second = crate::domain::Instrument::new(
        crate::domain::InstrumentId::new(1),
        &crate::testing::xrp_spec(),
    );
    let second = second.unwrap();
    let other = second.id();
    let mut rig = Rig::with(&[xrp(), second], &[1_000, 100_000, 100_000], QueueModel::Back);
    rig.mark(20_000);
    rig.mark_of(other, 20_000);
    rig.venue.set_leverage(A, ID, MarginMode::Isolated, 4).unwrap();
    rig.place(1, ask(20_000, 1_000));
    rig.place(0, bid(20_000, 1_000)); // 500 set aside, 499.1 left
    let shared = |order| crate::sim::VenueOrder { instrument: other, ..order };
    rig.place(1, shared(ask(20_000, 2_000)));
    rig.place(0, shared(bid(20_000, 2_000))); // 4 000, 497.3 behind it
    rig.place(2, shared(bid(17_600, 9_000)));
    rig.mark(30_000); // the gain of the one is not there for the other
    rig.mark_of(other, 17_900); // 497.3 − 420 against 89.5
    let own = rig.venue.portfolio(A).unwrap();
    assert_eq!((own.qty(ID).lots(), own.qty(other).lots()), (1_000, 0));
    rig.balanced();
}
