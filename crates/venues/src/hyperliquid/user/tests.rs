use flyball_core::domain::{CancelReason, InstrumentId, Price, Qty};

use super::*;
use crate::hyperliquid::testing::{ME, OTHER, assets, owner};

const OURS: &str = r#""cloid":"0x0000000000000007000000000000000c","#;

fn user_fill(more: &str) -> UserFill {
    let text = format!(
        r#"{{"coin":"HYPE","px":"34.895","sz":"0.5","side":"B","time":1764840678849,
        "startPosition":"0.01","dir":"Open Long","closedPnl":"0.0","hash":"0x01",{more}
        "oid":257770947487,"crossed":true,"fee":"0.00785138","tid":716095722814130,
        "feeToken":"USDC","twapId":null,"new":[{{}}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_fill_of_ours_is_exact() {
    let assets = assets();
    let it = user_fill(OURS);
    assert_eq!(it.time_ns(), Ok(1_764_840_678_849_000_000));
    let expected = Fill {
        instrument: InstrumentId::new(3),
        client_order_id: ClientOrderId::new(12),
        venue_order_id: VenueOrderId::new(257_770_947_487),
        trade_id: 716_095_722_814_130,
        side: Side::Bid,
        price: Price::from_ticks(348_950),
        qty: Qty::from_lots(50),
        fee: Money::from_units(78_513_800),
        maker: false,
        liquidation: false,
    };
    assert_eq!(it.fill(&owner(&assets)), Ok(Some(expected)));
}

#[test]
fn a_fill_of_somebody_elses_order_on_our_account_moves_the_position_under_no_id() {
    let assets = assets();
    let foreign = r#""cloid":"0x0000000000000008000000000000000c","#;
    for more in ["", foreign, r#""cloid":null,"#] {
        let fill = user_fill(more).fill(&owner(&assets)).unwrap().unwrap();
        assert_eq!(fill.client_order_id.raw(), 0, "{more}");
        assert!(!fill.liquidation);
    }
}

#[test]
fn we_are_liquidated_only_in_fills_that_name_us_or_nobody() {
    let assets = assets();
    let named = |who: &str| format!(r#""liquidation":{{"liquidatedUser":"{who}","markPx":"1"}},"#);
    let nobody = r#""liquidation":{"markPx":"1","method":"market"},"#.to_owned();
    for (more, expected) in [
        (named(ME), true),
        (named(&ME.to_uppercase().replace("0X", "0x")), true),
        (named(OTHER), false),
        (nobody.clone(), true),
        (nobody + OURS, false),
        (r#""liquidation":null,"#.to_owned(), false),
    ] {
        let fill = user_fill(&more).fill(&owner(&assets)).unwrap().unwrap();
        assert_eq!(fill.liquidation, expected, "{more}");
    }
}

#[test]
fn a_fee_that_is_not_in_dollars_is_unknown_and_never_zero() {
    let assets = assets();
    let fee = |token: Option<&str>, fee: Option<Money>| {
        let it = UserFill { fee_token: token.map(str::to_owned), fee, ..user_fill(OURS) };
        it.fill(&owner(&assets)).unwrap().unwrap().fee
    };
    let one = Some(Money::ONE);
    assert_eq!(fee(Some("USDC"), one), Money::ONE);
    assert!(fee(Some("HYPE"), one).is_unknown());
    assert!(fee(None, one).is_unknown());
    assert!(fee(Some("USDC"), None).is_unknown());
}

#[test]
fn a_fill_that_cannot_be_counted_is_an_error_and_one_of_others_is_nothing() {
    let assets = assets();
    let spot = UserFill { coin: "@107".to_owned(), ..user_fill(OURS) };
    assert_eq!(spot.fill(&owner(&assets)), Ok(None));
    let nameless = UserFill { tid: None, ..user_fill(OURS) };
    assert_eq!(nameless.fill(&owner(&assets)), Err(DecodeError::Missing("tid")));
    let fine = UserFill { price: Number::new(3_489_501, 5), ..user_fill(OURS) };
    assert!(matches!(fine.fill(&owner(&assets)), Err(DecodeError::Number { .. })));
    let negative = UserFill { qty: Number::new(-1, 2), ..user_fill(OURS) };
    assert!(matches!(negative.fill(&owner(&assets)), Err(DecodeError::Number { .. })));
}

fn update(status: &str, more: &str) -> OrderUpdate {
    let text = format!(
        r#"{{"order":{{"coin":"HYPE","side":"A","limitPx":"30.0","sz":"0.49","oid":1,{more}
        "timestamp":1764843090519,"origSz":"0.5"}},"status":"{status}",
        "statusTimestamp":1764843090520}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_became_of_our_order_is_reported_and_a_new_word_is_unknown() {
    let assets = assets();
    for (text, status) in [
        ("open", Status::Working),
        ("filled", Status::Filled),
        ("canceled", Status::Cancelled(CancelReason::Requested)),
        ("frozenByTheMoon", Status::Unknown),
    ] {
        let it = update(text, OURS);
        let expected = OrderReport {
            instrument: InstrumentId::new(3),
            client_order_id: ClientOrderId::new(12),
            venue_order_id: VenueOrderId::new(1),
            status,
        };
        assert_eq!(it.report(&owner(&assets)), Some(expected));
        assert_eq!(it.time_ns(), Ok(1_764_843_090_520_000_000));
    }
}

#[test]
fn what_became_of_others_orders_is_not_reported() {
    let assets = assets();
    assert_eq!(update("open", "").report(&owner(&assets)), None);
    let foreign = r#""cloid":"0x0000000000000008000000000000000c","#;
    assert_eq!(update("open", foreign).report(&owner(&assets)), None);
    let mut spot = update("open", OURS);
    spot.order.coin = "@107".to_owned();
    assert_eq!(spot.report(&owner(&assets)), None);
}

#[test]
fn funding_that_is_paid_is_negative() {
    let assets = assets();
    let text = r#"{"time":1681222254710,"coin":"HYPE","usdc":"-3.625312","szi":"49.14",
        "fundingRate":"0.0000417","nSamples":null}"#;
    let it: Funding = serde_json::from_str(text).unwrap();
    let amount = Money::from_units(-36_253_120_000);
    let expected = FundingPayment { instrument: InstrumentId::new(3), amount };
    assert_eq!(it.payment(&owner(&assets)), Some(expected));
    assert_eq!(it.time_ns(), Ok(1_681_222_254_710_000_000));
    let other = Funding { coin: "ETH".to_owned(), ..it };
    assert_eq!(other.payment(&owner(&assets)), None);
}
