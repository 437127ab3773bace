use flyball_core::domain::{ClientOrderId, InstrumentId, Price, Purpose, Qty, StrategyId};

use super::*;
use crate::hyperliquid::sign::{Address, Envelope, Network, SigningKey};
use crate::hyperliquid::testing::assets;
use crate::hyperliquid::{Signer, post_body};

const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";

/// Bodies that the official SDK, release 0.24.0, sends for these actions. `modify` and what says
/// `Always` it has no call for: its own functions packed, signed and framed them.
const SDK: &str = include_str!("sdk_bodies.txt");

fn number(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

fn cloid() -> Cloid {
    Cloid::new(EngineTag::new(7), ClientOrderId::new(12))
}

fn limit(asset: u32, side: Side, price: &str, qty: &str, tif: Tif) -> OrderRequest {
    let (price, qty) = (number(price), number(qty));
    let terms = OrderTerms::Limit { tif };
    OrderRequest { asset, side, price, qty, reduce_only: false, terms, cloid: None }
}

fn trigger(price: &str, qty: &str, trigger: &str, tpsl: Tpsl) -> OrderRequest {
    let is_market = tpsl == Tpsl::Sl;
    let terms = OrderTerms::Trigger { is_market, trigger_px: number(trigger), tpsl };
    let order = limit(159, Side::Ask, price, qty, Tif::Gtc);
    OrderRequest { terms, reduce_only: true, ..order }
}

fn place(orders: Vec<OrderRequest>, grouping: Grouping) -> Action {
    Action::Order { orders, grouping }
}

fn actions() -> Vec<(&'static str, Action)> {
    let first = limit(0, Side::Bid, "99999.5", "0.00015", Tif::Gtc);
    let post = limit(159, Side::Ask, "34.969", "20.50", Tif::Alo);
    let post = OrderRequest { reduce_only: true, cloid: Some(cloid()), ..post };
    let parent = limit(159, Side::Bid, "34.90", "1.0", Tif::Ioc);
    let stop = trigger("30.000", "1", "32.5", Tpsl::Sl);
    let stop = OrderRequest { cloid: Some(cloid()), ..stop };
    let profit = trigger("40", "1", "40", Tpsl::Tp);
    let later = limit(159, Side::Bid, "34.5", "1.5", Tif::Gtc);
    let later = OrderRequest { cloid: Some(cloid()), ..later };
    let spot = OrderRequest { asset: 10_107, cloid: None, ..later };
    let replace = |oid, order| vec![Modify { oid, order }];
    let five = OrderId::Venue(5);
    let modify = |always_place| Action::Modify { oid: five, order: later, always_place };
    let batch = |modifies, always_place| Action::BatchModify { modifies, always_place };
    let two = vec![Cancel { asset: 159, oid: 257_770_947_487 }, Cancel { asset: 0, oid: 1 }];
    vec![
        ("limit", place(vec![first], Grouping::Na)),
        ("cloid", place(vec![post], Grouping::Na)),
        ("batch", place(vec![parent, stop, profit], Grouping::NormalTpsl)),
        (
            "positionTpsl",
            place(vec![trigger("30", "100", "32.5", Tpsl::Sl)], Grouping::PositionTpsl),
        ),
        ("cancel", Action::Cancel { cancels: two }),
        (
            "cancelByCloid",
            Action::CancelByCloid { cancels: vec![CancelByCloid { asset: 159, cloid: cloid() }] },
        ),
        ("batchModify", batch(replace(OrderId::Venue(257_770_947_487), later), false)),
        ("modifyByCloid", batch(replace(OrderId::Client(cloid()), spot), false)),
        ("leverage", Action::UpdateLeverage { asset: 159, is_cross: false, leverage: 20 }),
        ("schedule", Action::ScheduleCancel { time: Some(1_700_000_010_000) }),
        ("unschedule", Action::ScheduleCancel { time: None }),
        ("noop", Action::Noop),
        ("vault", place(vec![first], Grouping::Na)),
        ("modify", modify(false)),
        ("modifyAlways", modify(true)),
        ("batchModifyAlways", batch(replace(five, later), true)),
    ]
}

#[test]
fn every_action_is_signed_and_sent_byte_for_byte_as_the_official_sdk_does() {
    let mut signer = Signer::new(SigningKey::parse(KEY).unwrap(), Network::Mainnet);
    let actions = actions();
    assert_eq!(SDK.lines().count(), actions.len());
    for (line, (name, action)) in SDK.lines().zip(actions) {
        let (expected_name, body) = line.split_once(' ').unwrap();
        assert_eq!(name, expected_name);
        let mut envelope = Envelope::new(1_700_000_000_123);
        if name == "vault" {
            let vault = Address::parse("0x1719884eb866cb12b2287399b15f7db5e7d775ea").unwrap();
            envelope.vault = Some(vault);
            envelope.expires_after = Some(1_700_000_005_123);
        }
        let signature = signer.sign(&action, &envelope).unwrap();
        let ours = post_body(&action, &envelope, &signature).unwrap();
        assert_eq!(String::from_utf8(ours).unwrap(), body, "{name}");
    }
}

fn order(kind: OrderKind) -> Order {
    Order {
        client_order_id: ClientOrderId::new(12),
        instrument: InstrumentId::new(3),
        strategy: StrategyId::new(0),
        side: Side::Ask,
        price: Price::from_ticks(300_000),
        qty: Qty::from_lots(150),
        kind,
        reduce_only: false,
        purpose: Purpose::Entry,
    }
}

#[test]
fn an_order_of_the_engine_becomes_decimal_text_exactly() {
    let assets = assets();
    let it = assets.id(InstrumentId::new(3)).unwrap();
    for (time_in_force, tif) in [
        (TimeInForce::GoodTilCancelled, Tif::Gtc),
        (TimeInForce::ImmediateOrCancel, Tif::Ioc),
        (TimeInForce::PostOnly, Tif::Alo),
    ] {
        let order = order(OrderKind::Limit(time_in_force));
        let request = OrderRequest::of(&order, it, EngineTag::new(7)).unwrap();
        let expected = limit(159, Side::Ask, "30", "1.5", tif);
        assert_eq!(request, OrderRequest { cloid: Some(cloid()), ..expected });
    }
}

#[test]
fn a_stop_is_a_market_trigger_that_only_reduces() {
    let assets = assets();
    let it = assets.id(InstrumentId::new(3)).unwrap();
    let stop = order(OrderKind::Stop { trigger: Price::from_ticks(325_000) });
    let request = OrderRequest::of(&stop, it, EngineTag::new(7)).unwrap();
    let expected = trigger("30", "1.5", "32.5", Tpsl::Sl);
    assert_eq!(request, OrderRequest { cloid: Some(cloid()), ..expected });
}

#[test]
fn a_price_that_does_not_fit_is_an_error() {
    let assets = assets();
    let it = assets.id(InstrumentId::new(3)).unwrap();
    let huge =
        Order { qty: Qty::from_lots(u64::MAX), ..order(OrderKind::Limit(TimeInForce::PostOnly)) };
    assert!(matches!(
        OrderRequest::of(&huge, it, EngineTag::new(7)),
        Err(DecodeError::Number { quantity: Quantity::Qty, .. })
    ));
}

#[test]
fn a_batch_costs_one_and_one_more_for_every_forty() {
    let cancel = Cancel { asset: 0, oid: 0 };
    for (count, weight) in [(1, 1), (39, 1), (40, 2), (79, 2), (80, 3)] {
        let action = Action::Cancel { cancels: vec![cancel; count] };
        assert_eq!((action.len(), action.weight()), (count, weight));
    }
    assert!(Action::Cancel { cancels: Vec::new() }.is_empty());
    assert_eq!((Action::Noop.len(), Action::Noop.weight()), (1, 1));
}
