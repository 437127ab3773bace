//! Money from account to account, and out.

use serde_json::{Value, json};

use crate::world::{Client, World};

fn send(world: &mut World, to: &Client, amount: &str) -> Value {
    let nonce = world.nonce();
    let action =
        json!({"type": "usdSend", "destination": to.address, "amount": amount, "time": nonce});
    world.user_act(&world.alice.key.clone(), action, nonce)
}

fn worth(world: &mut World, who: &Client) -> Value {
    let question = json!({"type": "clearinghouseState", "user": who.address});
    world.info(&question)["marginSummary"]["accountValue"].clone()
}

#[test]
fn money_is_sent_from_account_to_account_and_stands_in_both_ledgers() {
    let mut world = World::new();
    let bob = Client::new(2);
    assert_eq!(
        send(&mut world, &bob, "250.5"),
        json!({"status": "ok", "response": {"type": "default"}})
    );
    assert_eq!(worth(&mut world, &Client::new(1)), "9749.5");
    assert_eq!(worth(&mut world, &bob), "10250.5");
    for who in [1, 2] {
        let user = Client::new(who).address;
        let rows = world
            .info(&json!({"type": "userNonFundingLedgerUpdates", "user": user, "startTime": 0}));
        assert_eq!(
            rows[0]["delta"],
            json!({"type": "internalTransfer", "usdc": "250.5",
            "user": world.alice.address, "destination": bob.address, "fee": "0.0"})
        );
    }
}

#[test]
fn whoever_is_sent_money_has_an_account() {
    let mut world = World::new();
    let carol = Client::new(3);
    assert_eq!(
        world.info(&json!({"type": "userRole", "user": carol.address})),
        json!({"role": "missing"})
    );
    send(&mut world, &carol, "100");
    assert_eq!(worth(&mut world, &carol), "100.0");
    let key = carol.key.clone();
    let status = world
        .place_as(&key, vec![crate::world::buy("2", "10", flyball_venues::hyperliquid::Tif::Gtc)]);
    assert!(status[0]["resting"].is_object());
}

#[test]
fn nobody_sends_more_than_is_free_or_nothing() {
    let mut world = World::new();
    let bob = Client::new(2);
    for amount in ["10000.000001", "0", "-5", "1.0000001"] {
        assert_eq!(send(&mut world, &bob, amount)["status"], "err", "{amount}");
    }
    assert_eq!(send(&mut world, &bob, "10000")["status"], "ok");
}

#[test]
fn money_goes_out_for_a_dollar() {
    let mut world = World::new();
    let nonce = world.nonce();
    let action = json!({"type": "withdraw3", "destination": world.alice.address, "amount": "100",
        "time": nonce});
    let answer = world.user_act(&world.alice.key.clone(), action, nonce);
    assert_eq!(answer["status"], "ok");
    assert_eq!(worth(&mut world, &Client::new(1)), "9900.0");
    let question =
        json!({"type": "userNonFundingLedgerUpdates", "user": world.alice.address, "startTime": 0});
    let row = world.info(&question)[0]["delta"].clone();
    assert_eq!(row, json!({"type": "withdraw", "usdc": "99.0", "nonce": nonce, "fee": "1.0"}));
}

#[test]
fn the_number_of_the_action_is_that_of_the_request_and_signs_once() {
    let mut world = World::new();
    let nonce = world.nonce();
    let action =
        json!({"type": "usdSend", "destination": world.bob.address, "amount": "1", "time": nonce});
    let key = world.alice.key.clone();
    assert_eq!(world.user_act(&key, action.clone(), nonce + 1)["status"], "err");
    assert_eq!(world.user_act(&key, action.clone(), nonce)["status"], "ok");
    let again = world.user_act(&key, action, nonce);
    assert_eq!(again["response"], format!("Invalid nonce: duplicate nonce {nonce}"));
}
