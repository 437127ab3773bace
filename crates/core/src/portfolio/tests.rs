use proptest::prelude::*;

use super::*;
use crate::domain::{InstrumentKind, Side};
use crate::testing::{fill, inverse_btc, price, qty, xrp};

fn account(whole: i64) -> Portfolio {
    Portfolio::new(1, Money::from_whole(whole))
}

fn money(text: &str) -> Money {
    let decimal = crate::domain::Decimal::parse(text.as_bytes()).unwrap();
    Money::from_units(decimal.at_scale(Money::DECIMALS).unwrap().into())
}

const ID: InstrumentId = InstrumentId::new(0);

#[test]
fn a_long_gains_what_the_price_rises() {
    let (xrp, mut account) = (xrp(), account(1_000));
    account.apply_fill(&xrp, &fill(1, Side::Bid, 20_000, 100), 5); // 100 at 2.0000
    account.set_mark(&xrp, price(21_000));
    assert_eq!(account.equity(), money("1010"));
    assert_eq!(account.position(ID).unwrap().entry_price(&xrp), Some(price(20_000)));
    account.set_mark(&xrp, price(19_000));
    assert_eq!(account.equity(), money("990"));
    assert_eq!(account.drawdown().unwrap().parts(), 19_801_980_198); // 20 / 1010
}

#[test]
fn averaging_and_closing_in_parts_conserves_every_unit() {
    let (xrp, mut account) = (xrp(), account(1_000));
    for (id, side, ticks, lots) in [
        (1, Side::Bid, 20_000, 3),
        (2, Side::Bid, 20_001, 4),
        (3, Side::Ask, 20_007, 2),
        (4, Side::Ask, 20_011, 5),
    ] {
        account.apply_fill(&xrp, &fill(id, side, ticks, lots), 5);
    }
    // −6.0000 − 8.0004 + 4.0014 + 10.0055
    assert_eq!(account.cash(), money("1000.0065"));
    assert!(account.is_flat());
    assert_eq!(account.position(ID).unwrap().entry_value(), Money::ZERO);
}

#[test]
fn turning_over_ends_one_round_trip_and_begins_another() {
    let (xrp, mut account) = (xrp(), account(1_000));
    account.apply_fill(&xrp, &fill(1, Side::Bid, 20_000, 10), 5);
    let effect = account.apply_fill(&xrp, &fill(2, Side::Ask, 21_000, 25), 9);
    assert_eq!(effect, FillEffect::Closed { net: money("1"), opened_ns: 5 });
    let position = account.position(ID).unwrap();
    assert_eq!((position.qty().lots(), position.opened_ns()), (-15, 9));
    assert_eq!(position.entry_value(), money("31.5"));
}

#[test]
fn the_same_fill_told_twice_counts_once() {
    let (xrp, mut account) = (xrp(), account(1_000));
    account.apply_fill(&xrp, &fill(7, Side::Bid, 20_000, 10), 5);
    assert_eq!(account.apply_fill(&xrp, &fill(7, Side::Bid, 20_000, 10), 6), FillEffect::Duplicate);
    assert_eq!(account.qty(ID).lots(), 10);
}

#[test]
fn an_inverse_short_gains_coins_when_the_price_falls() {
    let (btc, mut account) = (inverse_btc(), account(1));
    account.apply_fill(&btc, &fill(1, Side::Ask, 600_000, 60), 5); // 6 000 USD at 60 000: 0.1 BTC
    account.set_mark(&btc, price(500_000));
    assert_eq!(account.position(ID).unwrap().entry_value(), money("0.1"));
    // 6 000 × (1/50 000 − 1/60 000)
    assert_eq!(account.equity(), money("1.02"));
}

#[test]
fn equity_is_unknown_until_every_open_position_has_a_mark() {
    let (xrp, mut account) = (xrp(), account(1_000));
    account.apply_fill(&xrp, &fill(1, Side::Bid, 20_000, 100), 5);
    assert!(account.equity().is_unknown());
    assert_eq!(account.drawdown(), None, "unknown is not zero");
    assert_eq!(account.position(ID).unwrap().loss_of_entry(), None);
    account.set_mark(&xrp, price(20_000));
    assert_eq!(account.equity(), money("1000"));
}

#[test]
fn a_transfer_is_neither_gain_nor_loss() {
    let (xrp, mut account) = (xrp(), account(1_000));
    account.roll_day(0);
    account.apply_fill(&xrp, &fill(1, Side::Bid, 20_000, 100), 5);
    account.set_mark(&xrp, price(19_000)); // −10: 1 %
    let (drawdown, daily) = (account.drawdown(), account.daily_loss());
    assert_eq!(drawdown, Some(Rate::from_ppm(10_000)));
    for amount in ["-500", "2000", "-100.25"] {
        account.apply_transfer(money(amount));
        assert_eq!((account.drawdown(), account.daily_loss()), (drawdown, daily), "{amount}");
    }
    assert_eq!(account.max_drawdown(), Rate::from_ppm(10_000));
}

#[test]
fn the_day_starts_with_the_equity_before_its_first_event() {
    let (xrp, mut account) = (xrp(), account(1_000));
    account.roll_day(DAY - 1);
    account.apply_fill(&xrp, &fill(1, Side::Bid, 20_000, 100), 5);
    account.set_mark(&xrp, price(19_000));
    account.roll_day(DAY);
    assert_eq!(account.day_start(), money("990"));
    assert_eq!(account.daily_loss(), Some(Rate::ZERO));
    account.set_mark(&xrp, price(18_000));
    assert_eq!(account.daily_loss().unwrap().parts(), 10_101_010_101); // 10 / 990
    assert_eq!(account.drawdown(), Some(Rate::from_ppm(20_000)), "the peak is of no day");
}

#[test]
fn a_gain_is_never_a_loss() {
    let (xrp, mut account) = (xrp(), account(1_000));
    account.apply_fill(&xrp, &fill(1, Side::Ask, 20_000, 100), 5);
    account.set_mark(&xrp, price(10_000));
    assert_eq!(account.position(ID).unwrap().loss_of_entry(), Some(Rate::ZERO));
    assert_eq!((account.drawdown(), account.daily_loss()), (Some(Rate::ZERO), Some(Rate::ZERO)));
}

#[test]
fn the_liquidation_price_is_where_equity_meets_maintenance() {
    // Hand-computed by the documentation's formula: 1 000 XRP long at 2.0000 with 200 USD,
    // L = 20, l = 0.025: margin available = 200 − 50, price = 2 − 150/1000/(1 − 0.025) = 1.846154
    let (xrp, mut account) = (xrp(), account(200));
    account.apply_fill(&xrp, &fill(1, Side::Bid, 20_000, 1_000), 5);
    account.set_mark(&xrp, price(20_000));
    assert_eq!(liquidation_price(&account, &xrp), Some(price(18_462)));
    account.set_mark(&xrp, price(18_462));
    assert!(account.equity() > account.maintenance());
    account.set_mark(&xrp, price(18_461));
    assert!(account.equity() < account.maintenance());
}

#[test]
fn drawdown_to_nothing_and_below_is_still_a_number() {
    let (xrp, mut account) = (xrp(), account(100));
    account.apply_fill(&xrp, &fill(1, Side::Bid, 20_000, 1_000), 5);
    account.set_mark(&xrp, price(18_000)); // −200
    assert_eq!(account.equity(), money("-100"));
    assert_eq!(account.drawdown(), Some(Rate::from_ppm(2_000_000)));
    assert_eq!(account.max_drawdown(), Rate::from_ppm(2_000_000));
}

proptest! {
    #[test]
    fn cash_and_positions_do_not_depend_on_the_marks_between(
        fills in proptest::collection::vec((any::<bool>(), 1_i64..100_000, 1_u64..1_000), 1..40),
        marks in proptest::collection::vec(1_i64..100_000, 40),
        inverse: bool,
    ) {
        let it = if inverse { inverse_btc() } else { xrp() };
        let (mut with, mut without) = (account(1_000), account(1_000));
        for (k, &(buy, ticks, lots)) in fills.iter().enumerate() {
            let side = if buy { Side::Bid } else { Side::Ask };
            let fill = fill(k as u64 + 1, side, ticks, lots);
            with.set_mark(&it, price(marks[k]));
            with.apply_fill(&it, &fill, 1);
            without.apply_fill(&it, &fill, 1);
        }
        prop_assert_eq!(with.cash(), without.cash());
        prop_assert_eq!(with.qty(ID), without.qty(ID));
        // Valued at the last mark, the sums equal what one gets from scratch.
        without.set_mark(&it, price(777));
        with.set_mark(&it, price(777));
        prop_assert_eq!(with.equity(), without.equity());
        prop_assert_eq!((with.gross(), with.maintenance()), (without.gross(), without.maintenance()));
    }

    #[test]
    fn a_linear_account_conserves_money(
        fills in proptest::collection::vec((any::<bool>(), 1_i64..100_000, 1_u64..1_000), 1..40),
        mark in 1_i64..100_000,
    ) {
        let it = xrp();
        let mut account = account(0);
        let mut ledger: i128 = 0; // what was paid and received, in money units
        let mut net: i64 = 0;
        for (k, &(buy, ticks, lots)) in fills.iter().enumerate() {
            let side = if buy { Side::Bid } else { Side::Ask };
            account.apply_fill(&it, &fill(k as u64 + 1, side, ticks, lots), 1);
            let value = it.value(price(ticks), qty(lots)).units();
            ledger += if buy { -value } else { value };
            net += side.sign() * lots as i64;
        }
        account.set_mark(&it, price(mark));
        let worth = it.signed_value(price(mark), NetQty::from_lots(net)).units();
        prop_assert_eq!(account.equity().units(), ledger + worth);
        prop_assert_eq!(it.kind(), InstrumentKind::Linear);
    }
}

/// 100 XRP at 2.0000, margined by itself at 4x: 50 are set aside of 1 000.
fn isolated(side: Side) -> (crate::domain::Instrument, Portfolio) {
    let (xrp, mut account) = (xrp(), account(1_000));
    account.isolate(ID, Some(4));
    account.set_mark(&xrp, price(20_000));
    account.apply_fill(&xrp, &fill(1, side, 20_000, 100), 5);
    (xrp, account)
}

#[test]
fn a_position_by_itself_loses_no_more_than_what_is_set_aside() {
    for (side, fair, far) in [(Side::Bid, 18_000, 1), (Side::Ask, 22_000, 300_000)] {
        let (xrp, mut account) = isolated(side);
        assert_eq!(account.position(ID).unwrap().margin(), money("50"));
        assert_eq!(account.shared_equity(), money("950"));
        assert_eq!(account.shared_maintenance(), Money::ZERO);
        account.set_mark(&xrp, price(fair));
        assert_eq!(account.equity(), money("980"));
        assert_eq!(account.position(ID).unwrap().isolated_worth(), money("30"));
        account.set_mark(&xrp, price(far));
        assert_eq!(account.equity(), money("950"), "{side:?}");
        assert_eq!(account.max_drawdown(), Rate::from_ppm(50_000));
        assert!(account.position(ID).unwrap().isolated_worth() < Money::ZERO);
        account.set_mark(&xrp, price(20_000));
        assert_eq!((account.equity(), account.shared_equity()), (money("1000"), money("950")));
    }
}

#[test]
fn what_is_set_aside_follows_the_size_and_the_funding() {
    let (xrp, mut account) = isolated(Side::Bid);
    let margin = |account: &Portfolio| account.position(ID).unwrap().margin();
    account.apply_fill(&xrp, &fill(2, Side::Bid, 22_000, 100), 6);
    assert_eq!(margin(&account), money("105"), "220 more at 4x");
    account.apply_fill(&xrp, &fill(3, Side::Ask, 20_000, 50), 7);
    assert_eq!(margin(&account), money("78.75"), "a quarter is closed");
    account.apply_funding(ID, money("-8.75"));
    assert_eq!((margin(&account), account.shared_equity()), (money("70"), money("916.25")));
    account.apply_fill(&xrp, &fill(4, Side::Ask, 20_000, 200), 8);
    assert_eq!(margin(&account), money("25"), "turned over: 50 lots short");
    account.apply_fill(&xrp, &fill(5, Side::Bid, 20_000, 50), 9);
    assert_eq!((margin(&account), account.shared_equity()), (Money::ZERO, account.equity()));
}

/// What the venue said of an account that holds 2 HYPE at 10x by themselves, as another client's tests
/// have it (`jkorf_hyperliquid`, `GetAccountInfo`).
#[test]
fn a_position_by_itself_is_worth_what_the_venue_says() {
    let tiers = vec![crate::domain::MarginTier { from_notional: 0, max_leverage: 10 }];
    let spec = crate::domain::InstrumentSpec { margin_tiers: tiers, ..crate::testing::xrp_spec() };
    let hype = crate::domain::Instrument::new(ID, &spec).unwrap();
    let mut account = Portfolio::new(1, money("83.347684"));
    account.isolate(ID, Some(10));
    let bought = fill(1, Side::Bid, 378_290, 2);
    account.apply_fill(&hype, &crate::domain::Fill { fee: money("0.034046"), ..bought }, 5);
    account.set_mark(&hype, price(378_260));
    assert_eq!(account.equity(), money("83.307638"));
    assert_eq!(account.position(ID).unwrap().apart(), money("7.525754"));
    assert_eq!(account.shared_equity(), money("75.781884"));
    assert_eq!(liquidation_price(&account, &hype), Some(price(358_559))); // 35.8559189474
}

#[test]
fn leverage_that_changes_tops_up_and_takes_nothing_away() {
    let (_, mut account) = isolated(Side::Bid);
    for (leverage, margin) in [(Some(8), "50"), (Some(2), "100"), (None, "0")] {
        account.isolate(ID, leverage);
        assert_eq!(account.position(ID).unwrap().isolated(), leverage);
        assert_eq!(account.position(ID).unwrap().margin(), money(margin));
        assert_eq!(account.equity(), money("1000"));
        assert_eq!(account.shared_equity(), money("1000").minus(money(margin)));
    }
    assert_eq!(account.shared_maintenance(), account.maintenance());
    account.isolate(InstrumentId::new(9), Some(3));
}

#[test]
fn what_is_adopted_is_set_aside_for_once_its_worth_is_known() {
    let (xrp, mut account) = isolated(Side::Bid);
    account.adopt(&xrp, crate::domain::NetQty::from_lots(-40), 6);
    assert_eq!(account.position(ID).unwrap().margin(), money("20"), "80 at 4x");
    account.adopt(&xrp, crate::domain::NetQty::FLAT, 7);
    assert_eq!(account.position(ID).unwrap().margin(), Money::ZERO);
    let mut blind = super::tests::account(1_000);
    blind.isolate(ID, Some(4));
    blind.adopt(&xrp, crate::domain::NetQty::from_lots(40), 6);
    assert!(blind.equity().is_unknown() && blind.shared_equity().is_unknown());
    blind.set_mark(&xrp, price(20_000));
    blind.adopt(&xrp, crate::domain::NetQty::FLAT, 7);
    assert_eq!((blind.equity(), blind.shared_equity()), (money("1000"), money("1000")));
}

#[test]
fn liquidation_of_a_position_by_itself_depends_on_nothing_else() {
    for (side, expected) in [(Side::Bid, 15_385), (Side::Ask, 24_390)] {
        let (xrp, mut account) = isolated(side);
        // 0.5 a unit: 1.5 / (1 − 1/40) and 2.5 / (1 + 1/40).
        let at = liquidation_price(&account, &xrp).unwrap().ticks();
        assert!((at - expected).abs() <= 1, "{at}");
        account.apply_transfer(money("100000"));
        assert_eq!(liquidation_price(&account, &xrp).unwrap().ticks(), at);
    }
}
