//! Orders: how they live, what is answered.

use flyball_core::domain::{Money, Side};
use flyball_venues::hyperliquid::{Action, Cloid, Grouping, Modify, OrderId, Tif};
use serde_json::json;

use crate::world::{BTC, World, XRP, buy, error, limit, named, reduce, sell};

#[test]
fn a_resting_order_is_told_with_its_id() {
    let mut world = World::new();
    let status = world.place(named(buy("2.05", "100", Tif::Gtc), 7));
    let oid = status["resting"]["oid"].as_u64().unwrap();
    let cloid = "0x00000000000000000000000000000007";
    assert_eq!(status, json!({"resting": {"oid": oid, "cloid": cloid}}));
    let open = world.ask("openOrders");
    let time = world.now_ms();
    assert_eq!(
        open,
        json!([{"coin": "XRP", "limitPx": "2.05", "oid": oid, "side": "B",
        "sz": "100.0", "timestamp": time, "cloid": cloid}])
    );
    let by_cloid = json!({"type": "orderStatus", "user": world.alice.address, "oid": cloid});
    assert_eq!(world.info(&by_cloid)["order"]["order"]["oid"], oid);
}

#[test]
fn an_order_that_takes_is_told_with_size_and_average_price() {
    let mut world = World::new();
    let status = world.place(buy("2.1002", "15000", Tif::Ioc));
    let oid = status["filled"]["oid"].as_u64().unwrap();
    // 10 000 at 2.1001 and 5 000 at 2.1002.
    assert_eq!(
        status,
        json!({"filled": {"totalSz": "15000.0", "avgPx": "2.10013333", "oid": oid}})
    );
    assert_eq!(world.status(oid), "filled");
    assert_eq!(world.held("XRP"), "15000.0");
}

#[test]
fn immediate_or_cancel_takes_what_is_there_and_nothing_more() {
    let mut world = World::new();
    let none = world.place(buy("2.09", "100", Tif::Ioc));
    assert_eq!(
        error(&none),
        "Order could not immediately match against any resting orders. asset=1"
    );
    let part = world.place(buy("2.1001", "12000", Tif::Ioc));
    assert_eq!(part["filled"]["totalSz"], "10000.0");
    assert_eq!(world.ask("openOrders"), json!([]));
}

#[test]
fn post_only_is_rejected_with_the_best_prices_when_it_would_trade() {
    let mut world = World::new();
    let status = world.place(buy("2.1001", "100", Tif::Alo));
    let words = "Post only order would have immediately matched, bbo was 2.0999@2.1001. asset=1";
    assert_eq!(error(&status), words);
    assert!(world.place(buy("2.1", "100", Tif::Alo))["resting"].is_object());
    let whole = world.place(limit(BTC, Side::Bid, "100010", "0.001", Tif::Alo));
    assert!(error(&whole).contains("bbo was 99990@100010. asset=0"), "{whole}");
}

#[test]
fn ok_hides_errors_of_single_orders() {
    let mut world = World::new();
    let orders =
        vec![buy("2.05", "100", Tif::Gtc), buy("2.05", "1", Tif::Gtc), sell("2.2", "50", Tif::Gtc)];
    let answer = world.act(&Action::Order { orders, grouping: Grouping::Na });
    assert_eq!(answer["status"], "ok");
    let statuses = answer["response"]["data"]["statuses"].as_array().unwrap();
    assert!(statuses[0]["resting"].is_object() && statuses[2]["resting"].is_object());
    assert_eq!(error(&statuses[1]), "Order must have minimum value of $10. asset=1");
}

#[test]
fn what_is_wrong_before_validation_gives_one_error_for_the_batch() {
    let mut world = World::new();
    let orders =
        vec![buy("2.05", "100", Tif::Gtc), buy("2.05", "0", Tif::Gtc), buy("2", "10", Tif::Gtc)];
    let answer = world.act(&Action::Order { orders, grouping: Grouping::Na });
    assert_eq!(answer["status"], "ok");
    assert_eq!(answer["response"]["data"]["statuses"], json!([{"error": "Order has zero size."}]));
    assert_eq!(world.ask("openOrders"), json!([]), "none of them was placed");
    let empty = world.act(&Action::Order { orders: Vec::new(), grouping: Grouping::Na });
    assert_eq!(empty["response"]["data"]["statuses"].as_array().unwrap().len(), 1);
}

#[test]
fn reduce_only_never_opens_or_flips() {
    let mut world = World::new();
    let words = "Reduce only order would increase position. asset=1";
    assert_eq!(error(&world.place(reduce(sell("2.0999", "10", Tif::Ioc)))), words);
    world.place(buy("2.1001", "100", Tif::Ioc));
    assert_eq!(error(&world.place(reduce(buy("2.1001", "10", Tif::Ioc)))), words);
    let closed = world.place(reduce(sell("2.0998", "500", Tif::Ioc)));
    assert_eq!(closed["filled"]["totalSz"], "100.0", "no more than there was");
    assert_eq!(world.held("XRP"), "0.0");
}

#[test]
fn a_cancel_is_answered_order_by_order_and_what_is_gone_is_an_error() {
    let mut world = World::new();
    let oid = world.rest(buy("2.05", "100", Tif::Gtc));
    assert_eq!(
        error(&world.cancel(BTC, oid)),
        "Order was never placed, already canceled, or filled. asset=0"
    );
    assert_eq!(world.cancel(XRP, oid), "success");
    assert_eq!(world.status(oid), "canceled");
    let words = "Order was never placed, already canceled, or filled. asset=1";
    assert_eq!(error(&world.cancel(XRP, oid)), words);
    assert_eq!(error(&world.cancel(XRP, 999_999)), words);
    world.rest(named(buy("2.05", "100", Tif::Gtc), 9));
    assert_eq!(world.cancel_cloid(XRP, Cloid::from_bits(9)), "success");
    assert_eq!(error(&world.cancel_cloid(XRP, Cloid::from_bits(9))), words);
}

#[test]
fn nobody_cancels_another_s_order() {
    let mut world = World::new();
    let oid = world.rest(buy("2.05", "100", Tif::Gtc));
    let cancels = vec![flyball_venues::hyperliquid::Cancel { asset: XRP, oid }];
    let answer = world.act_as(&world.bob.key.clone(), &Action::Cancel { cancels });
    assert!(answer["response"]["data"]["statuses"][0]["error"].is_string());
    assert_eq!(world.status(oid), "open");
}

#[test]
fn modify_is_a_cancel_and_a_new_order_with_a_new_id() {
    let mut world = World::new();
    let old = world.rest(named(buy("2.05", "100", Tif::Gtc), 5));
    let order = buy("2.06", "120", Tif::Gtc);
    let answer =
        world.act(&Action::Modify { oid: OrderId::Venue(old), order, always_place: false });
    assert_eq!(answer, json!({"status": "ok", "response": {"type": "default"}}));
    let open = world.ask("openOrders");
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!((&open[0]["limitPx"], &open[0]["sz"]), (&json!("2.06"), &json!("120.0")));
    let new = open[0]["oid"].as_u64().unwrap();
    assert!(new > old);
    assert_eq!(world.status(old), "canceled");
    let gone = world.act(&Action::Modify { oid: OrderId::Venue(old), order, always_place: false });
    assert_eq!(gone["response"], "Cannot modify canceled or filled order");
}

#[test]
fn a_batch_of_modifies_has_a_status_for_each() {
    let mut world = World::new();
    let first = world.rest(buy("2.05", "100", Tif::Gtc));
    world.rest(named(buy("2.04", "100", Tif::Gtc), 6));
    let modifies = vec![
        Modify { oid: OrderId::Venue(first), order: buy("2.055", "100", Tif::Gtc) },
        Modify { oid: OrderId::Client(Cloid::from_bits(6)), order: buy("2.045", "90", Tif::Alo) },
        Modify { oid: OrderId::Venue(first), order: buy("2.03", "100", Tif::Gtc) },
    ];
    let answer = world.act(&Action::BatchModify { modifies, always_place: false });
    assert_eq!(answer["response"]["type"], "order");
    let statuses = answer["response"]["data"]["statuses"].as_array().unwrap();
    assert!(statuses[0]["resting"].is_object() && statuses[1]["resting"].is_object());
    assert_eq!(error(&statuses[2]), "Cannot modify canceled or filled order");
    assert_eq!(world.ask("openOrders").as_array().unwrap().len(), 2);
}

#[test]
fn meeting_one_s_own_order_expires_the_one_that_rests() {
    let mut world = World::new();
    let resting = world.rest(sell("2.1", "100", Tif::Gtc));
    let status = world.place(buy("2.1", "100", Tif::Gtc));
    assert!(status["resting"].is_object(), "{status}");
    assert_eq!(world.status(resting), "selfTradeCanceled");
    assert_eq!(world.ask("userFills"), json!([]));
}

#[test]
fn accounts_trade_with_each_other_and_pay_the_base_fees() {
    let mut world = World::new();
    let bob = world.bob.key.clone();
    let maker = world.rest(sell("2.1", "1000", Tif::Alo));
    let taken = world.place_as(&bob, vec![buy("2.1", "1000", Tif::Ioc)]).remove(0);
    assert_eq!(taken["filled"]["totalSz"], "1000.0");
    assert_eq!(world.status(maker), "filled");
    let alice = world.ask("userFills")[0].clone();
    let bob = json!({"type": "userFills", "user": world.bob.address});
    let bob = world.info(&bob)[0].clone();
    // 2100 dollars: 0.015 % for who rested, 0.045 % for who took.
    assert_eq!((&alice["fee"], &alice["crossed"]), (&json!("0.315"), &json!(false)));
    assert_eq!((&bob["fee"], &bob["crossed"]), (&json!("0.945"), &json!(true)));
    assert_eq!((&alice["tid"], &alice["hash"]), (&bob["tid"], &bob["hash"]));
    assert_eq!((&alice["dir"], &bob["dir"]), (&json!("Open Short"), &json!("Open Long")));
    let trades = world.info(&json!({"type": "recentTrades", "coin": "XRP"}));
    let users = json!([world.bob.address, world.alice.address]);
    assert_eq!((&trades[0]["users"], &trades[0]["side"]), (&users, &json!("B")));
    assert_eq!(trades[0]["tid"], alice["tid"]);
}

#[test]
fn an_account_s_orders_stand_in_everybody_s_book() {
    let mut world = World::new();
    world.rest(buy("2.1", "777", Tif::Gtc));
    let book = world.info(&json!({"type": "l2Book", "coin": "XRP"}));
    assert_eq!(book["levels"][0][0], json!({"px": "2.1", "sz": "777.0", "n": 1}));
    assert_eq!(book["levels"][0][1]["px"], "2.0999");
}

#[test]
fn only_post_only_orders_are_taken_after_an_upgrade_of_the_network() {
    let mut world = World::new();
    world.exchange.post_only_until(world.now + 5_000_000_000);
    for tif in [Tif::Ioc, Tif::Gtc] {
        let status = world.place(buy("2.1001", "100", tif));
        let words = "Only post-only orders allowed immediately after a network upgrade";
        assert_eq!(error(&status), words);
    }
    assert!(world.place(buy("2.05", "100", Tif::Alo))["resting"].is_object());
    world.seconds(5);
    assert!(world.place(buy("2.1001", "100", Tif::Ioc))["filled"].is_object());
}

#[test]
fn builders_and_priorities_are_refused_by_name() {
    let mut world = World::new();
    let order =
        json!({"a": 1, "b": true, "p": "2", "s": "10", "r": false, "t": {"limit": {"tif": "Gtc"}}});
    let builder = json!({"b": "0x8c967e73e7b15087c42a10d344cff4c96d877f1d", "f": 1});
    for (action, words) in [
        (
            json!({"type": "order", "orders": [order], "grouping": "na", "builder": builder}),
            "Builder fee has not been approved.",
        ),
        (
            json!({"type": "order", "orders": [order], "grouping": {"p": 3}}),
            "Priority grouping is not served by this local exchange.",
        ),
    ] {
        use flyball_venues::hyperliquid::sign::{Envelope, Network};
        let envelope = Envelope::new(world.nonce());
        let mut signer =
            flyball_venues::hyperliquid::Signer::new(world.alice.key.clone(), Network::Testnet);
        let signature = signer.sign(&action, &envelope).unwrap();
        let body = flyball_venues::hyperliquid::post_body(&action, &envelope, &signature).unwrap();
        assert_eq!(world.post("/exchange", &body).1, json!({"status": "err", "response": words}));
    }
}

#[test]
fn margin_is_asked_for_when_a_position_is_opened() {
    let mut world = World::new();
    // 10 000 dollars at 20x carry 200 000 dollars of XRP, less fees.
    let status = world.place(buy("2.0998", "100000", Tif::Gtc));
    assert_eq!(error(&status), "Insufficient margin to place order. asset=1");
    assert!(world.place(buy("2.09", "90000", Tif::Gtc))["resting"].is_object());
    let more = world.place(buy("2.09", "20000", Tif::Gtc));
    assert_eq!(
        error(&more),
        "Insufficient margin to place order. asset=1",
        "orders reserve margin"
    );
    let account = world.exchange.account(world.alice.address).unwrap();
    assert!(world.exchange.venue().margin_used(account) > Money::ZERO);
}
