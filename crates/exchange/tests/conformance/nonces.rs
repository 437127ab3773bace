//! Nonces, end to end.

use flyball_venues::hyperliquid::sign::Envelope;
use flyball_venues::hyperliquid::{Action, Grouping, Tif};
use serde_json::json;

use crate::world::{World, buy};

fn order() -> Action {
    Action::Order { orders: vec![buy("2", "10", Tif::Gtc)], grouping: Grouping::Na }
}

#[test]
fn the_same_bytes_again_are_a_duplicate_and_do_nothing() {
    let mut world = World::new();
    let nonce = world.nonce();
    let body = World::body(&world.alice.key.clone(), &order(), &Envelope::new(nonce));
    assert_eq!(world.post("/exchange", &body).1["status"], "ok");
    let (_, again) = world.post("/exchange", &body);
    let words = format!("Invalid nonce: duplicate nonce {nonce}");
    assert_eq!(again, json!({"status": "err", "response": words}));
    assert_eq!(world.ask("openOrders").as_array().unwrap().len(), 1);
}

#[test]
fn noop_burns_its_nonce_so_that_an_order_in_flight_dies() {
    let mut world = World::new();
    let nonce = world.nonce();
    let key = world.alice.key.clone();
    let in_flight = World::body(&key, &order(), &Envelope::new(nonce));
    let noop = World::body(&key, &Action::Noop, &Envelope::new(nonce));
    let (_, answer) = world.post("/exchange", &noop);
    assert_eq!(answer, json!({"status": "ok", "response": {"type": "default"}}));
    let (_, late) = world.post("/exchange", &in_flight);
    assert_eq!(late["response"], format!("Invalid nonce: duplicate nonce {nonce}"));
    assert_eq!(world.ask("openOrders"), json!([]));
}

#[test]
fn nonces_may_come_out_of_order_while_a_hundred_are_remembered() {
    let mut world = World::new();
    let key = world.alice.key.clone();
    let now = world.now_ms();
    let mut noop = |nonce| {
        let body = World::body(&key, &Action::Noop, &Envelope::new(nonce));
        world.post("/exchange", &body).1["status"] == "ok"
    };
    assert!(noop(now + 1000) && noop(now), "fewer than a hundred: any order");
    for step in 1..=100 {
        assert!(noop(now + 1000 + step));
    }
    assert!(!noop(now + 1), "smaller than the smallest of the hundred");
    assert!(noop(now + 5000) && noop(now + 2000), "between them");
}

#[test]
fn nonces_lie_within_two_days_before_and_one_day_after() {
    let mut world = World::new();
    let key = world.alice.key.clone();
    let (now, day) = (world.now_ms(), 86_400_000);
    let mut noop = |nonce| {
        let body = World::body(&key, &Action::Noop, &Envelope::new(nonce));
        world.post("/exchange", &body).1["status"] == "ok"
    };
    assert!(!noop(now - 2 * day) && !noop(now + day) && !noop(0) && !noop(u64::MAX));
    assert!(noop(now - 2 * day + 1) && noop(now + day - 1));
}

#[test]
fn each_signer_has_nonces_of_its_own() {
    let mut world = World::new();
    let nonce = world.nonce();
    for key in [world.alice.key.clone(), world.bob.key.clone()] {
        let body = World::body(&key, &Action::Noop, &Envelope::new(nonce));
        assert_eq!(world.post("/exchange", &body).1["status"], "ok");
    }
}

#[test]
fn expires_after_bounds_the_life_of_an_action_and_a_stale_one_costs_five() {
    let mut world = World::new();
    let key = world.alice.key.clone();
    let until = world.now_ms();
    let alive = Envelope { expires_after: Some(until), ..Envelope::new(world.nonce()) };
    let body = World::body(&key, &order(), &alive);
    assert_eq!(world.post("/exchange", &body).1["status"], "ok");
    let before = world.ask("userRateLimit")["nRequestsUsed"].as_u64().unwrap();
    let stale = Envelope { expires_after: Some(until - 1), ..Envelope::new(world.nonce()) };
    let body = World::body(&key, &order(), &stale);
    let (_, answer) = world.post("/exchange", &body);
    assert_eq!(answer["status"], "err");
    assert_eq!(world.ask("openOrders").as_array().unwrap().len(), 1);
    let after = world.ask("userRateLimit")["nRequestsUsed"].as_u64().unwrap();
    assert_eq!(after - before, 5);
}
