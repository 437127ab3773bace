//! Rate limits and how many orders there may be.

use flyball_core::domain::Side;
use flyball_venues::hyperliquid::{Action, Cancel, Grouping, Tif, Tpsl};
use serde_json::json;

use crate::world::{World, XRP, buy, error, limit, reduce, trigger};

#[test]
fn an_ip_address_has_1200_of_weight_a_minute_and_then_gets_429() {
    let mut world = World::with(|config| config.weight_per_minute = 1200);
    let meta = json!({"type": "meta"}).to_string();
    for _ in 0..60 {
        assert_eq!(world.post("/info", meta.as_bytes()).0, 200);
    }
    let (status, body) = world.post("/info", meta.as_bytes());
    assert_eq!((status, body), (429, json!(null)));
    let mids = json!({"type": "allMids"}).to_string();
    assert_eq!(world.post("/info", mids.as_bytes()).0, 429, "not even two are left");
    world.seconds(59);
    assert_eq!(world.post("/info", mids.as_bytes()).0, 429);
    world.seconds(1);
    assert_eq!(world.post("/info", meta.as_bytes()).0, 200);
}

#[test]
fn questions_and_batches_weigh_what_is_documented() {
    let mut world = World::with(|config| config.weight_per_minute = 100);
    let ask = |kind: &str, world: &mut World| {
        let user = world.alice.address;
        world.post("/info", json!({"type": kind, "user": user}).to_string().as_bytes()).0
    };
    assert_eq!(ask("userRole", &mut world), 200);
    assert_eq!(ask("userRole", &mut world), 429, "60 and 60");
    for _ in 0..19 {
        assert_eq!(ask("clearinghouseState", &mut world), 200);
    }
    // 98 are used: a batch of 79 weighs two, one of 80 three.
    let cancels = |count| Action::Cancel { cancels: vec![Cancel { asset: XRP, oid: 1 }; count] };
    let key = world.alice.key.clone();
    let envelope = flyball_venues::hyperliquid::sign::Envelope::new(world.nonce());
    let body = World::body(&key, &cancels(80), &envelope);
    assert_eq!(world.post("/exchange", &body).0, 429);
    let body = World::body(&key, &cancels(79), &envelope);
    assert_eq!(world.post("/exchange", &body).0, 200, "what was refused used no nonce");
}

#[test]
fn an_account_has_ten_thousand_actions_and_one_for_each_dollar_traded() {
    let mut world = World::new();
    let spend = |world: &mut World, count| {
        let order = buy("0.1", "1", Tif::Ioc); // too small: it costs all the same
        let action = Action::Order { orders: vec![order; count], grouping: Grouping::Na };
        world.act(&action)
    };
    assert_eq!(
        world.ask("userRateLimit"),
        json!({"cumVlm": "0.0", "nRequestsUsed": 0, "nRequestsCap": 10_000})
    );
    for _ in 0..10 {
        assert_eq!(spend(&mut world, 1000)["status"], "ok", "a batch of n costs n");
    }
    assert_eq!(world.ask("userRateLimit")["nRequestsUsed"], 10_000);
    assert_eq!(spend(&mut world, 1)["status"], "ok", "one in ten seconds");
    let refused = spend(&mut world, 1);
    assert_eq!(
        refused["response"],
        "Too many cumulative requests sent (10002 > 10000) for \
        cumulative volume traded $0. Place taker orders to free up 1 request per USDC traded."
    );
    let cancels = vec![Cancel { asset: XRP, oid: 1 }; 500];
    assert_eq!(world.act(&Action::Cancel { cancels })["status"], "ok", "cancels get more");
    world.seconds(10);
    let traded = world.place(limit(XRP, Side::Bid, "2.1001", "1000", Tif::Ioc));
    assert_eq!(traded["filled"]["totalSz"], "1000.0", "{traded}");
    assert_eq!(world.ask("userRateLimit")["nRequestsCap"], 12_100);
    assert_eq!(spend(&mut world, 1000)["status"], "ok", "2100 dollars traded, 2100 actions more");
}

#[test]
fn a_thousand_open_orders_and_no_more() {
    let mut world = World::with(|config| {
        for (_, cash) in &mut config.accounts {
            *cash = flyball_core::domain::Money::from_whole(1_000_000);
        }
    });
    let filled = world.place(buy("2.1001", "100", Tif::Ioc));
    assert!(filled["filled"].is_object());
    let key = world.alice.key.clone();
    let mut last = Vec::new();
    for _ in 0..10 {
        last = world.place_as(&key, vec![buy("2", "10", Tif::Gtc); 100]);
    }
    assert!(last.iter().all(|it| it["resting"].is_object()));
    let more = world.place(buy("2", "10", Tif::Gtc));
    assert!(error(&more).contains("asset=1"), "{more}");
    // What reduces and what waits is rejected too: cancel first, then close.
    let words = "Too many open orders. asset=1";
    let closing = world.place(reduce(limit(XRP, Side::Ask, "2.0999", "100", Tif::Ioc)));
    assert_eq!(error(&closing), words);
    let stop = world.place(trigger(Side::Ask, "1.8", "100", "2", Tpsl::Sl));
    assert_eq!(error(&stop), words);
    let oid = last[0]["resting"]["oid"].as_u64().unwrap();
    assert_eq!(world.cancel(XRP, oid), "success");
    let closing = world.place(reduce(limit(XRP, Side::Ask, "2.0999", "100", Tif::Ioc)));
    assert!(closing["filled"].is_object(), "{closing}");
}

#[test]
fn five_million_dollars_traded_allow_one_more_open_order() {
    let mut world = World::with(|config| {
        for (_, cash) in &mut config.accounts {
            *cash = flyball_core::domain::Money::from_whole(10_000_000);
        }
    });
    let key = world.alice.key.clone();
    let rest = |world: &mut World, count| {
        let statuses = world.place_as(&key, vec![buy("2", "10", Tif::Gtc); count]);
        statuses.iter().filter(|it| it["resting"].is_object()).count()
    };
    let trade = |world: &mut World, size| {
        for (side, price) in [(Side::Bid, "2.1001"), (Side::Ask, "2.0999")] {
            world.book(XRP, &[("2.0999", "9000000")], &[("2.1001", "9000000")]);
            let status = world.place(limit(XRP, side, price, size, Tif::Ioc));
            assert!(status["filled"].is_object(), "{status}");
        }
    };
    trade(&mut world, "1190466"); // 4 999 957 dollars
    assert_eq!(rest(&mut world, 1001), 1000);
    let oid = world.ask("openOrders")[0]["oid"].as_u64().unwrap();
    assert_eq!(world.cancel(XRP, oid), "success");
    trade(&mut world, "20"); // 84 more
    assert_eq!(rest(&mut world, 3), 2);
}

#[test]
fn a_limit_order_has_a_largest_value() {
    let mut world = World::with(|config| {
        for (_, cash) in &mut config.accounts {
            *cash = flyball_core::domain::Money::from_whole(100_000_000);
        }
    });
    // At 20x five million dollars at the market, and ten times that as a limit.
    assert!(world.place(buy("2", "25000000", Tif::Gtc))["resting"].is_object());
    let large = world.place(buy("2", "25000001", Tif::Gtc));
    assert_eq!(error(&large), "Order value is above the largest that is taken. asset=1");
}

#[test]
fn rows_of_an_answer_weigh_one_for_every_twenty() {
    let mut world = World::with(|config| config.weight_per_minute = 100);
    for _ in 0..40 {
        assert!(world.place(buy("2.1001", "5", Tif::Ioc))["filled"].is_object());
    }
    let user = world.alice.address;
    let fills = json!({"type": "userFills", "user": user}).to_string();
    // 40 for the orders, then 20 and 2 each time.
    assert_eq!(world.post("/info", fills.as_bytes()).0, 200);
    assert_eq!(world.post("/info", fills.as_bytes()).0, 200);
    assert_eq!(world.post("/info", fills.as_bytes()).0, 429);
}
