//! Websockets.

use flyball_core::domain::Side;
use flyball_exchange::ConnId;
use flyball_venues::hyperliquid::sign::Envelope;
use flyball_venues::hyperliquid::{Action, Grouping, Tif};
use serde_json::{Value, json};

use crate::world::{MS, PEER, World, XRP, buy, sell};

fn book() -> Value {
    json!({"type": "l2Book", "coin": "XRP"})
}

#[test]
fn the_book_is_whole_each_time_and_comes_half_a_second_apart() {
    let mut world = World::new();
    let conn = world.connect(1);
    let first = world.subscribe(conn, &book());
    assert_eq!(first.len(), 1, "at once");
    assert_eq!(first[0]["channel"], "l2Book");
    let mut times = Vec::new();
    for step in 0_i64..40 {
        world.pass(50 * MS);
        let bid = format!("{:.4}", 2.0 + 0.0001 * f64::from(i32::try_from(step).unwrap()));
        world.book(XRP, &[(&bid, "10")], &[("2.2", "10")]);
        for message in world.heard(conn) {
            assert_eq!(message["data"]["levels"][1][0]["px"], "2.2", "whole each time");
            times.push(message["data"]["time"].as_i64().unwrap());
        }
    }
    assert!(times.len() >= 3, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 500), "{times:?}");
    world.seconds(10);
    let last = world.heard(conn);
    assert!(last.len() <= 1, "a book that stands still is not sent again");
}

#[test]
fn a_book_has_twenty_levels_and_can_be_coarsened() {
    let mut world = World::new();
    let bids: Vec<_> =
        (0..50).map(|it| format!("{:.4}", 2.0999 - 0.0001 * f64::from(it))).collect();
    let bids: Vec<_> = bids.iter().map(|price| (price.as_str(), "10")).collect();
    world.book(XRP, &bids, &[("2.1001", "10")]);
    let whole = world.info(&book());
    assert_eq!(whole["levels"][0].as_array().unwrap().len(), 20);
    let coarse = json!({"type": "l2Book", "coin": "XRP", "nSigFigs": 3});
    let coarse = world.info(&coarse);
    assert_eq!(coarse["levels"][0][0], json!({"px": "2.09", "sz": "500.0", "n": 50}));
    assert_eq!(coarse["levels"][1][0]["px"], "2.11");
    let wrong = json!({"type": "l2Book", "coin": "XRP", "nSigFigs": 9}).to_string();
    assert_eq!(world.post("/info", wrong.as_bytes()).0, 422);
}

#[test]
fn the_best_prices_come_only_when_they_change() {
    let mut world = World::new();
    let conn = world.connect(1);
    let first = world.subscribe(conn, &json!({"type": "bbo", "coin": "XRP"}));
    assert_eq!(first[0]["data"]["bbo"][0]["px"], "2.0999");
    world.pass(100 * MS);
    world.book(XRP, &[("2.0999", "10000"), ("2.09", "7")], &[("2.1001", "10000"), ("2.11", "7")]);
    assert_eq!(world.heard(conn), Vec::<Value>::new(), "only what lies behind changed");
    world.book(XRP, &[("2.0999", "9999"), ("2.09", "7")], &[("2.1001", "10000"), ("2.11", "7")]);
    let heard = world.heard(conn);
    assert_eq!(heard.len(), 1, "at once, however soon");
    assert_eq!(heard[0]["data"]["bbo"][0]["sz"], "9999.0");
}

#[test]
fn the_first_message_of_trades_tells_of_those_before() {
    let mut world = World::new();
    world.trade(XRP, Side::Bid, "2.1001", "5");
    world.pass(MS);
    world.trade(XRP, Side::Ask, "2.0999", "6");
    let conn = world.connect(1);
    let first = world.subscribe(conn, &json!({"type": "trades", "coin": "XRP"}));
    let rows = first[0]["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["side"], &rows[1]["side"]), (&json!("B"), &json!("A")));
    assert_eq!(rows[0]["users"].as_array().unwrap().len(), 2);
    world.pass(MS);
    world.trade(XRP, Side::Bid, "2.1001", "7");
    let heard = world.heard(conn);
    assert_eq!(heard[0]["data"].as_array().unwrap().len(), 1);
    assert_eq!(heard[0]["data"][0]["sz"], "7.0");
}

#[test]
fn fills_begin_with_a_snapshot_that_says_so() {
    let mut world = World::new();
    world.place(buy("2.1001", "100", Tif::Ioc));
    let user = world.alice.address;
    let conn = world.connect(1);
    for (kind, rows) in [
        ("userFills", "fills"),
        ("userFundings", "fundings"),
        ("userNonFundingLedgerUpdates", "nonFundingLedgerUpdates"),
    ] {
        let first = world.subscribe(conn, &json!({"type": kind, "user": user}));
        assert_eq!(first[0]["channel"], kind);
        assert_eq!(first[0]["data"]["isSnapshot"], true);
        assert_eq!(first[0]["data"]["user"], json!(user));
        assert!(first[0]["data"][rows].is_array(), "{kind}");
    }
    world.place(sell("2.0999", "100", Tif::Ioc));
    let heard = world.heard(conn);
    let fills = heard.iter().find(|it| it["channel"] == "userFills").unwrap();
    assert_eq!(fills["data"].get("isSnapshot"), None);
    assert_eq!(fills["data"]["fills"][0]["dir"], "Close Long");
}

#[test]
fn orders_and_events_have_no_snapshot_and_events_come_under_the_name_user() {
    let mut world = World::new();
    world.rest(buy("2", "10", Tif::Gtc));
    let user = world.alice.address;
    let conn = world.connect(1);
    assert_eq!(
        world.subscribe(conn, &json!({"type": "orderUpdates", "user": user})),
        Vec::<Value>::new()
    );
    assert_eq!(
        world.subscribe(conn, &json!({"type": "userEvents", "user": user})),
        Vec::<Value>::new()
    );
    let oid = world.rest(buy("2.05", "100", Tif::Gtc));
    let heard = world.heard(conn);
    let order = &heard[0]["data"][0];
    assert_eq!((&order["order"]["oid"], &order["status"]), (&json!(oid), &json!("open")));
    assert_eq!(order["order"]["origSz"], "100.0");
    world.place(buy("2.1001", "100", Tif::Ioc));
    let heard = world.heard(conn);
    let event = heard.iter().find(|it| it["channel"] == "user").unwrap();
    assert_eq!(event["data"]["fills"][0]["sz"], "100.0");
    let order = heard.iter().find(|it| it["channel"] == "orderUpdates").unwrap();
    assert_eq!(
        (&order["data"][0]["status"], &order["data"][0]["order"]["sz"]),
        (&json!("filled"), &json!("0.0"))
    );
    world.cancel(XRP, oid);
    let heard = world.heard(conn);
    assert_eq!(heard[0]["data"][0]["status"], "canceled");
    assert!(!heard.iter().any(|it| it["channel"] == "user"), "the user cancelled it");
}

#[test]
fn cancels_by_the_venue_are_told_apart() {
    let mut world = World::new();
    let conn = world.connect(1);
    world.subscribe(conn, &json!({"type": "userEvents", "user": world.alice.address}));
    let oid = world.rest(sell("2.1", "100", Tif::Gtc));
    world.place(buy("2.1", "100", Tif::Gtc));
    let heard = world.heard(conn);
    assert_eq!(heard[0]["data"], json!({"nonUserCancel": [{"coin": "XRP", "oid": oid}]}));
}

#[test]
fn a_silent_connection_is_closed_after_a_minute_and_a_ping_keeps_it() {
    let mut world = World::new();
    let (silent, pinging) = (world.connect(1), world.connect(2));
    for _ in 0..3 {
        world.seconds(50);
        if world.exchange.carries(silent) == (false, false) {
            world.exchange.frame(pinging, br#"{"method":"ping"}"#, world.now);
        }
    }
    let pushes: Vec<_> = world.exchange.drain_pushes().collect();
    let end = pushes.iter().find(|it| it.payload == flyball_exchange::Payload::Close).unwrap();
    assert_eq!(end.time_ns, crate::world::START + 60_000 * MS, "to the moment");
    let closed: Vec<_> = pushes
        .iter()
        .filter(|it| it.payload == flyball_exchange::Payload::Close)
        .map(|it| it.conn)
        .collect();
    assert_eq!(closed, [silent]);
    assert!(pushes.iter().filter(|it| it.conn == pinging).count() == 3);
    let pong = world.say(pinging, &json!({"method": "ping"}));
    assert_eq!(pong, [json!({"channel": "pong"})]);
}

#[test]
fn a_subscription_is_there_once_and_ends_when_asked() {
    let mut world = World::new();
    let conn = world.connect(1);
    let echo = world.say(conn, &json!({"method": "subscribe", "subscription": book()}));
    assert_eq!(
        echo[0],
        json!({"channel": "subscriptionResponse", "data": {"method": "subscribe",
        "subscription": {"type": "l2Book", "coin": "XRP", "nSigFigs": null, "mantissa": null}}})
    );
    let again = world.say(conn, &json!({"method": "subscribe", "subscription": book()}));
    assert_eq!(again[0]["channel"], "error");
    assert!(again[0]["data"].as_str().unwrap().starts_with("Already subscribed: {"));
    let end = world.say(conn, &json!({"method": "unsubscribe", "subscription": book()}));
    assert_eq!(end[0]["data"]["method"], "unsubscribe");
    let gone = world.say(conn, &json!({"method": "unsubscribe", "subscription": book()}));
    assert_eq!(gone[0]["channel"], "error");
    world.seconds(1);
    world.book(XRP, &[("2", "1")], &[("2.2", "1")]);
    assert_eq!(world.heard(conn), Vec::<Value>::new());
    for wrong in [
        json!({"type": "l2Book", "coin": "NOPE"}),
        json!({"type": "candle", "coin": "XRP",
        "interval": "7m"}),
        json!({"type": "userFills", "user": "mtiz"}),
        json!("x"),
        json!({}),
    ] {
        let heard = world.say(conn, &json!({"method": "subscribe", "subscription": wrong}));
        assert!(
            heard[0]["data"].as_str().unwrap().starts_with("Invalid subscription"),
            "{heard:?}"
        );
    }
    world.exchange.frame(conn, b"\xff nonsense", world.now);
    let heard = world.heard(conn);
    let words = "Error parsing JSON into valid websocket request: ";
    assert!(heard[0]["data"].as_str().unwrap().starts_with(words));
}

#[test]
fn ten_connections_thirty_new_a_minute() {
    let mut world = World::new();
    for number in 0..10 {
        world.connect(number);
    }
    assert!(world.exchange.open(ConnId(10), PEER, world.now).is_err());
    for round in 0..20 {
        world.exchange.close(ConnId(round));
        world.exchange.close(ConnId(round + 100));
        assert!(world.exchange.open(ConnId(round + 10), PEER, world.now).is_ok());
    }
    world.exchange.close(ConnId(29));
    assert!(world.exchange.open(ConnId(500), PEER, world.now).is_err(), "thirty-one in a minute");
    world.seconds(60);
    assert!(world.exchange.open(ConnId(500), PEER, world.now).is_ok());
}

#[test]
fn two_thousand_messages_a_minute_and_then_the_connection_is_cut() {
    let mut world = World::new();
    let conn = world.connect(1);
    for _ in 0..2000 {
        assert_eq!(world.say(conn, &json!({"method": "ping"})).len(), 1);
    }
    let last = world.say(conn, &json!({"method": "ping"}));
    assert_eq!(last.last(), Some(&json!("closed")));
}

#[test]
fn requests_can_be_posted_over_a_websocket() {
    let mut world = World::new();
    let conn = world.connect(1);
    let payload = json!({"type": "allMids"});
    let heard = world.say(
        conn,
        &json!({"method": "post", "id": 7, "request": {"type": "info", "payload": payload}}),
    );
    assert_eq!(
        heard[0],
        json!({"channel": "post", "data": {"id": 7, "response": {"type": "info",
        "payload": {"type": "allMids", "data": {"BTC": "100000.0", "XRP": "2.1"}}}}})
    );
    let action = Action::Order { orders: vec![buy("2", "10", Tif::Gtc)], grouping: Grouping::Na };
    let envelope = Envelope::new(world.nonce());
    let body: Value =
        serde_json::from_slice(&World::body(&world.alice.key.clone(), &action, &envelope)).unwrap();
    let heard = world.say(
        conn,
        &json!({"method": "post", "id": 8, "request": {"type": "action", "payload": body}}),
    );
    let response = &heard[0]["data"]["response"];
    assert_eq!(
        (&response["type"], &response["payload"]["status"]),
        (&json!("action"), &json!("ok"))
    );
    let wrong = world.say(
        conn,
        &json!({"method": "post", "id": 9, "request": {"type": "info", "payload": {"type": "x"}}}),
    );
    assert_eq!(wrong[0]["data"]["response"]["type"], "error");
}

#[test]
fn a_hundred_posts_may_be_without_an_answer() {
    let mut world = World::new();
    let conn = world.connect(1);
    let post = json!({"method": "post", "id": 1, "request": {"type": "info", "payload": {"type": "allMids"}}});
    for _ in 0..101 {
        // Nobody takes the answers away.
        world.exchange.frame(conn, post.to_string().as_bytes(), world.now);
    }
    let heard = world.heard(conn);
    let errors = heard.iter().filter(|it| it["data"]["response"]["type"] == "error").count();
    assert_eq!((heard.len(), errors), (101, 1));
}

#[test]
fn mids_contexts_and_candles_come_by_themselves() {
    let mut world = World::new();
    world.trade(XRP, Side::Bid, "2.1001", "5");
    let conn = world.connect(1);
    for (subscription, channel) in [
        (json!({"type": "allMids"}), "allMids"),
        (json!({"type": "activeAssetCtx", "coin": "XRP"}), "activeAssetCtx"),
        (json!({"type": "candle", "coin": "XRP", "interval": "1m"}), "candle"),
        (
            json!({"type": "activeAssetData", "user": world.alice.address, "coin": "XRP"}),
            "activeAssetData",
        ),
        (json!({"type": "webData2", "user": world.alice.address}), "webData2"),
    ] {
        assert_eq!(world.subscribe(conn, &subscription)[0]["channel"], channel);
    }
    world.seconds(2);
    world.trade(XRP, Side::Bid, "2.1001", "5");
    let heard = world.heard(conn);
    for channel in ["allMids", "activeAssetCtx", "candle", "activeAssetData"] {
        assert!(heard.iter().any(|it| it["channel"] == channel), "{channel}: {heard:?}");
    }
}
