//! Stop-loss and take-profit.

use flyball_core::domain::Side;
use flyball_venues::hyperliquid::sign::SigningKey;
use flyball_venues::hyperliquid::{Action, Cancel, Grouping, OrderRequest, Tif, Tpsl};
use serde_json::{Value, json};

use crate::world::{World, XRP, buy, error, reduce, sell, trigger};

fn long(world: &mut World, qty: &str) {
    assert!(world.place(buy("2.1002", qty, Tif::Ioc))["filled"].is_object());
}

fn group(world: &mut World, orders: Vec<OrderRequest>, grouping: Grouping) -> Vec<Value> {
    let key: SigningKey = world.alice.key.clone();
    world.group_as(&key, orders, grouping)
}

fn stop(qty: &str) -> OrderRequest {
    trigger(Side::Ask, "1.8", qty, "2", Tpsl::Sl)
}

fn profit(qty: &str) -> OrderRequest {
    trigger(Side::Ask, "2", qty, "2.2", Tpsl::Tp)
}

/// The others' book follows the mark down.
fn fall(world: &mut World, mark: &str, bid: &str, ask: &str) {
    world.book(XRP, &[(bid, "100000")], &[(ask, "100000")]);
    world.mark(XRP, mark);
}

#[test]
fn stops_are_triggered_by_the_mark_and_not_by_trades() {
    let mut world = World::new();
    long(&mut world, "1000");
    let oid = world.rest(stop("1000"));
    world.trade(XRP, Side::Ask, "1.9", "500");
    world.book(XRP, &[("1.95", "100000")], &[("1.96", "100000")]);
    world.reference(XRP, "2.0001", "1.9");
    assert_eq!(world.status(oid), "open", "last price, book and oracle are below, the mark is not");
    world.mark(XRP, "2");
    assert_eq!(world.status(oid), "filled");
    assert_eq!(world.held("XRP"), "0.0");
    assert_eq!(world.ask("userFills")[0]["px"], "1.95");
}

#[test]
fn a_trigger_waits_in_the_open_orders_as_the_venue_s_page_shows_it() {
    let mut world = World::new();
    long(&mut world, "1000");
    let oid = world.rest(stop("1000"));
    let open = world.ask("frontendOpenOrders");
    let expected = json!([{"coin": "XRP", "side": "A", "limitPx": "1.8", "sz": "1000.0", "oid": oid,
        "timestamp": world.now_ms(), "triggerCondition": "Price below 2", "isTrigger": true,
        "triggerPx": "2.0", "children": [], "isPositionTpsl": false, "reduceOnly": true,
        "orderType": "Stop Market", "origSz": "1000.0", "tif": null, "cloid": null}]);
    assert_eq!(open, expected);
    let oid = world.rest(profit("1000"));
    let open = world.ask("frontendOpenOrders");
    assert_eq!(
        (&open[0]["oid"], &open[0]["triggerCondition"]),
        (&json!(oid), &json!("Price above 2.2"))
    );
    assert_eq!(open[0]["orderType"], "Take Profit Market");
}

#[test]
fn a_trigger_on_the_wrong_side_is_an_invalid_price() {
    let mut world = World::new();
    long(&mut world, "1000");
    let words = "Invalid TP/SL price. asset=1";
    let above = trigger(Side::Ask, "1.8", "1000", "2.2", Tpsl::Sl);
    assert_eq!(error(&world.place(above)), words, "a stop of a long above the mark");
    let below = trigger(Side::Ask, "1.8", "1000", "2", Tpsl::Tp);
    assert_eq!(error(&world.place(below)), words, "a profit of a long below the mark");
}

#[test]
fn a_limit_on_the_wrong_side_of_its_trigger_is_an_invalid_price() {
    let mut world = World::new();
    long(&mut world, "1000");
    let words = "Invalid TP/SL price. asset=1";
    let sells_above = trigger(Side::Ask, "2.05", "1000", "2", Tpsl::Sl);
    assert_eq!(error(&world.place(sells_above)), words);
    assert!(world.place(stop("1000"))["resting"].is_object());
}

#[test]
fn a_market_stop_sells_no_lower_than_the_price_that_it_carries() {
    let mut world = World::new();
    long(&mut world, "1000");
    let oid = world.rest(trigger(Side::Ask, "1.8", "1000", "2", Tpsl::Sl));
    fall(&mut world, "1.7", "1.7", "1.75");
    assert_eq!(world.held("XRP"), "1000.0", "ten per cent below its trigger, and no further");
    assert_eq!(world.status(oid), "marketOrderNoLiquidityRejected");
}

#[test]
fn children_wait_until_the_parent_has_filled_completely() {
    let mut world = World::new();
    let parent = buy("2.05", "1000", Tif::Gtc);
    let statuses =
        group(&mut world, vec![parent, profit("1000"), stop("1000")], Grouping::NormalTpsl);
    let oid = statuses[0]["resting"]["oid"].as_u64().unwrap();
    assert_eq!(statuses[1..], [json!("waitingForFill"), json!("waitingForFill")]);
    let open = world.ask("frontendOpenOrders");
    let parent = open.as_array().unwrap().iter().find(|it| it["oid"] == oid).unwrap().clone();
    assert_eq!(parent["children"].as_array().unwrap().len(), 2);
    fall(&mut world, "1.99", "1.98", "2.2");
    assert_eq!(world.held("XRP"), "0.0", "the mark was at the stop, but nothing waited for it");
    // A part of the parent trades: the children still wait.
    world.book(XRP, &[("2.04", "1000")], &[("2.05", "400"), ("2.2", "100000")]);
    assert_eq!(world.held("XRP"), "400.0");
    assert_eq!(world.ask("frontendOpenOrders").as_array().unwrap().len(), 3);
    world.mark(XRP, "1.9");
    assert_eq!(world.held("XRP"), "400.0", "no stop yet");
    world.mark(XRP, "2.1");
    world.book(XRP, &[("2.04", "100000")], &[("2.05", "600"), ("2.2", "100000")]);
    assert_eq!(world.held("XRP"), "1000.0");
    assert_eq!(world.status(oid), "filled");
    world.book(XRP, &[("2.0", "100000")], &[("2.2", "100000")]);
    world.mark(XRP, "2");
    assert_eq!(world.held("XRP"), "0.0", "now the stop is there");
    let all = world.ask("historicalOrders");
    let fate = |kind: &str| {
        let found = all.as_array().unwrap().iter().find(|it| it["order"]["orderType"] == kind);
        found.unwrap()["status"].clone()
    };
    assert_eq!(fate("Stop Market"), "filled");
    let sibling = fate("Take Profit Market");
    assert!(sibling == "siblingFilledCanceled" || sibling == "reduceOnlyCanceled", "{sibling}");
}

#[test]
fn cancelling_a_partly_filled_parent_cancels_its_stops() {
    let mut world = World::new();
    let parent = buy("2.05", "1000", Tif::Gtc);
    let statuses = group(&mut world, vec![parent, stop("1000")], Grouping::NormalTpsl);
    let oid = statuses[0]["resting"]["oid"].as_u64().unwrap();
    world.book(XRP, &[("2.04", "1000")], &[("2.05", "400"), ("2.2", "100000")]);
    assert_eq!(world.held("XRP"), "400.0");
    assert_eq!(world.cancel(XRP, oid), "success");
    assert_eq!(world.ask("openOrders"), json!([]), "the position stands without a stop");
    assert_eq!(world.held("XRP"), "400.0");
}

#[test]
fn a_parent_that_fills_at_once_leaves_children_that_wait_for_the_mark() {
    let mut world = World::new();
    let parent = buy("2.1001", "1000", Tif::Ioc);
    let statuses =
        group(&mut world, vec![parent, profit("1000"), stop("1000")], Grouping::NormalTpsl);
    assert_eq!(statuses[0]["filled"]["totalSz"], "1000.0");
    assert_eq!(statuses[1..], [json!("waitingForTrigger"), json!("waitingForTrigger")]);
    world.book(XRP, &[("2.25", "100000")], &[("2.3", "100000")]);
    world.mark(XRP, "2.2");
    assert_eq!(world.held("XRP"), "0.0");
    assert_eq!(world.ask("openOrders"), json!([]), "one cancels the other");
}

#[test]
fn stops_of_a_position_follow_its_size_and_go_with_it() {
    let mut world = World::new();
    long(&mut world, "1000");
    let statuses = group(&mut world, vec![stop("0"), profit("1000")], Grouping::PositionTpsl);
    assert!(statuses.iter().all(|it| it["resting"].is_object()), "{statuses:?}");
    assert_eq!(world.ask("frontendOpenOrders")[0]["isPositionTpsl"], true);
    long(&mut world, "500");
    fall(&mut world, "2", "1.99", "2.01");
    assert_eq!(world.held("XRP"), "0.0", "all 1500 are sold, not 1000");
    assert_eq!(world.ask("openOrders"), json!([]));
}

#[test]
fn closing_a_position_takes_its_stops_with_it() {
    let mut world = World::new();
    long(&mut world, "1000");
    let statuses = group(&mut world, vec![stop("1000")], Grouping::PositionTpsl);
    let oid = statuses[0]["resting"]["oid"].as_u64().unwrap();
    world.place(reduce(sell("2.0998", "1000", Tif::Ioc)));
    assert_eq!(world.held("XRP"), "0.0");
    assert_eq!(world.status(oid), "reduceOnlyCanceled");
}

#[test]
fn groups_that_protect_nothing_are_refused_before_anything_is_placed() {
    let mut world = World::new();
    let adds = OrderRequest { reduce_only: false, ..stop("1000") };
    for (orders, grouping) in [
        (vec![adds], Grouping::PositionTpsl),
        (vec![buy("2", "10", Tif::Gtc), adds], Grouping::NormalTpsl),
        (vec![buy("2", "10", Tif::Gtc)], Grouping::NormalTpsl),
        (vec![sell("2.2", "10", Tif::Gtc), stop("10")], Grouping::NormalTpsl),
    ] {
        let statuses = group(&mut world, orders, grouping);
        assert_eq!(statuses.len(), 1);
        assert!(statuses[0]["error"].is_string());
    }
    assert_eq!(world.ask("openOrders"), json!([]));
}

#[test]
fn a_fast_cancel_takes_no_trigger_order() {
    use flyball_venues::hyperliquid::sign::{Envelope, Network};
    let mut world = World::new();
    long(&mut world, "1000");
    let waits = world.rest(stop("1000"));
    let rests = world.rest(buy("2", "10", Tif::Gtc));
    let cancels = json!([{"a": XRP, "o": waits}, {"a": XRP, "o": rests}]);
    let action = json!({"type": "cancel", "cancels": cancels, "f": true});
    let envelope = Envelope::new(world.nonce());
    let mut signer =
        flyball_venues::hyperliquid::Signer::new(world.alice.key.clone(), Network::Testnet);
    let signature = signer.sign(&action, &envelope).unwrap();
    let body = flyball_venues::hyperliquid::post_body(&action, &envelope, &signature).unwrap();
    let answer = world.post("/exchange", &body).1;
    let statuses = &answer["response"]["data"]["statuses"];
    assert_eq!((statuses[0]["error"].is_string(), &statuses[1]), (true, &json!("success")));
    assert_eq!(world.status(waits), "open");
    let cancels = vec![Cancel { asset: XRP, oid: waits }];
    let slow = world.act(&Action::Cancel { cancels });
    assert_eq!(slow["response"]["data"]["statuses"], json!(["success"]));
}
