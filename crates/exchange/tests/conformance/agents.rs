//! Agents: they sign, and nothing else.

use flyball_venues::hyperliquid::sign::Envelope;
use flyball_venues::hyperliquid::{Action, Tif};
use serde_json::{Value, json};

use crate::world::{Client, World, buy};

fn approve(world: &mut World, agent: &Client, name: Option<&str>) -> Value {
    let nonce = world.nonce();
    let mut action = json!({"type": "approveAgent", "agentAddress": agent.address, "nonce": nonce});
    if let Some(name) = name {
        action["agentName"] = json!(name);
    }
    world.user_act(&world.alice.key.clone(), action, nonce)
}

#[test]
fn an_agent_trades_for_its_master() {
    let mut world = World::new();
    let agent = Client::new(5);
    assert_eq!(approve(&mut world, &agent, None)["status"], "ok");
    let status = world.place_as(&agent.key, vec![buy("2", "10", Tif::Gtc)]).remove(0);
    let oid = status["resting"]["oid"].as_u64().unwrap();
    assert_eq!(world.status(oid), "open", "the order is the master's");
}

#[test]
fn one_asks_for_the_master_s_address_and_never_for_the_agent_s() {
    let mut world = World::new();
    let agent = Client::new(5);
    approve(&mut world, &agent, None);
    world.place_as(&agent.key, vec![buy("2", "10", Tif::Gtc)]);
    let asked = |kind: &str| json!({"type": kind, "user": agent.address});
    assert_eq!(world.info(&asked("openOrders")), json!([]));
    let state = world.info(&asked("clearinghouseState"));
    assert_eq!(state["marginSummary"]["accountValue"], "0.0");
    let role = world.info(&asked("userRole"));
    assert_eq!(role, json!({"role": "agent", "data": {"user": world.alice.address}}));
    assert_eq!(world.ask("userRole"), json!({"role": "user"}));
    let nobody = Client::new(77).address;
    let nobody = world.info(&json!({"type": "userRole", "user": nobody}));
    assert_eq!(nobody, json!({"role": "missing"}));
}

#[test]
fn an_agent_moves_no_money_and_approves_nobody() {
    let mut world = World::new();
    let agent = Client::new(5);
    approve(&mut world, &agent, None);
    let nonce = world.nonce();
    let send = json!({"type": "usdSend", "destination": world.bob.address, "amount": "1",
        "time": nonce});
    let answer = world.user_act(&agent.key, send, nonce);
    let words = format!("Must deposit before performing actions. User: {}", agent.address);
    assert_eq!(answer["response"], words);
    let nonce = world.nonce();
    let other = Client::new(6).address;
    let more = json!({"type": "approveAgent", "agentAddress": other, "nonce": nonce});
    assert_eq!(world.user_act(&agent.key, more, nonce)["status"], "err");
}

#[test]
fn one_unnamed_and_three_named_and_a_name_again_ends_the_old_one() {
    let mut world = World::new();
    assert_eq!(approve(&mut world, &Client::new(20), None)["status"], "ok");
    for (byte, name) in [(21, "a"), (22, "b"), (23, "c")] {
        assert_eq!(approve(&mut world, &Client::new(byte), Some(name))["status"], "ok");
    }
    assert_eq!(approve(&mut world, &Client::new(24), Some("d"))["status"], "err");
    assert_eq!(approve(&mut world, &Client::new(25), Some("b"))["status"], "ok");
    let agents = world.ask("extraAgents");
    let names: Vec<_> = agents.as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["a", "c", "b"]);
    let old = world.act_as(&Client::new(22).key, &Action::Noop);
    assert!(old["response"].as_str().unwrap().contains("does not exist"));
    assert_eq!(world.act_as(&Client::new(25).key, &Action::Noop)["status"], "ok");
}

#[test]
fn an_agent_s_address_is_never_taken_twice() {
    let mut world = World::new();
    let first = Client::new(20);
    approve(&mut world, &first, None);
    approve(&mut world, &Client::new(21), None);
    let again = approve(&mut world, &first, Some("again"));
    assert_eq!(again["response"], "Extra agent already used.");
}

#[test]
fn an_agent_ends_at_its_time_which_is_180_days_away_at_most() {
    let mut world = World::new();
    let (agent, later) = (Client::new(20), Client::new(21));
    let until = world.now_ms() + 60_000;
    let name = format!("bot valid_until {until}");
    assert_eq!(approve(&mut world, &agent, Some(&name))["status"], "ok");
    assert_eq!(world.ask("extraAgents")[0]["name"], "bot");
    assert_eq!(world.ask("extraAgents")[0]["validUntil"], until);
    let far = world.now_ms() + 181 * 86_400_000;
    let name = format!("far valid_until {far}");
    assert_eq!(approve(&mut world, &later, Some(&name))["status"], "err");
    world.seconds(61);
    let answer = world.act_as(&agent.key, &Action::Noop);
    assert!(answer["response"].as_str().unwrap().contains("does not exist"));
}

#[test]
fn a_replaced_agent_s_nonces_are_forgotten() {
    let mut world = World::new();
    let agent = Client::new(20);
    approve(&mut world, &agent, None);
    let nonce = world.nonce();
    let body = World::body(&agent.key, &Action::Noop, &Envelope::new(nonce));
    assert_eq!(world.post("/exchange", &body).1["status"], "ok");
    approve(&mut world, &Client::new(21), None);
    // It is nobody's now, so nothing of it can be sent again: this is why addresses are not reused.
    let answer = world.post("/exchange", &body).1;
    assert!(answer["response"].as_str().unwrap().contains("does not exist"));
}

#[test]
fn the_account_is_of_the_standard_kind() {
    let mut world = World::new();
    assert_eq!(world.ask("userAbstraction"), "disabled");
    assert_eq!(world.ask("spotClearinghouseState"), json!({"balances": []}));
    assert_eq!(world.ask("subAccounts"), Value::Null);
}
