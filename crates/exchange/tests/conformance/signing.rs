//! Whose signature it is.

use flyball_core::domain::Side;
use flyball_venues::hyperliquid::sign::{Envelope, Network};
use flyball_venues::hyperliquid::{Action, Grouping, Signer, Tif, post_body};
use serde_json::{Value, json};

use crate::world::{Client, World, XRP, buy, limit};

fn order() -> Action {
    let orders = vec![limit(XRP, Side::Bid, "2", "10", Tif::Gtc)];
    Action::Order { orders, grouping: Grouping::Na }
}

#[test]
fn a_stranger_s_action_is_refused_by_address() {
    let mut world = World::new();
    let stranger = Client::new(9);
    let answer = world.act_as(&stranger.key, &order());
    let words = format!("User or API Wallet {} does not exist.", stranger.address);
    assert_eq!(answer, json!({"status": "err", "response": words}));
}

#[test]
fn a_changed_action_is_a_stranger_s() {
    let mut world = World::new();
    let envelope = Envelope::new(world.nonce());
    let body = World::body(&world.alice.key.clone(), &order(), &envelope);
    let text = String::from_utf8(body).unwrap().replace(r#""s":"10""#, r#""s":"11""#);
    let (status, answer) = world.post("/exchange", text.as_bytes());
    assert_eq!(status, 200);
    let words = answer["response"].as_str().unwrap();
    assert!(words.starts_with("User or API Wallet 0x") && words.ends_with(" does not exist."));
    assert!(!words.contains(&world.alice.address.to_string()));
    assert_eq!(world.ask("openOrders"), json!([]));
}

#[test]
fn a_signature_for_the_other_network_is_a_stranger_s() {
    let mut world = World::new();
    let envelope = Envelope::new(world.nonce());
    let mut signer = Signer::new(world.alice.key.clone(), Network::Mainnet);
    let signature = signer.sign(&order(), &envelope).unwrap();
    let body = post_body(&order(), &envelope, &signature).unwrap();
    let (_, answer) = world.post("/exchange", &body);
    assert!(answer["response"].as_str().unwrap().contains("does not exist."));
}

#[test]
fn zeros_behind_a_number_lead_to_a_stranger() {
    let mut world = World::new();
    let envelope = Envelope::new(world.nonce());
    // Signed with what the client wrote, not with what the venue understands.
    let action: Value = json!({"type": "order", "orders": [{"a": 1, "b": true, "p": "2.0", "s": "10",
        "r": false, "t": {"limit": {"tif": "Gtc"}}}], "grouping": "na"});
    let mut signer = Signer::new(world.alice.key.clone(), Network::Testnet);
    let signature = signer.sign(&action, &envelope).unwrap();
    let body = post_body(&action, &envelope, &signature).unwrap();
    assert_eq!(world.post("/exchange", &body).1["status"], "err");
}

#[test]
fn a_vault_is_refused_by_name() {
    let mut world = World::new();
    let vault = Client::new(8).address;
    let envelope = Envelope { vault: Some(vault), ..Envelope::new(world.nonce()) };
    let body = World::body(&world.alice.key.clone(), &order(), &envelope);
    let (_, answer) = world.post("/exchange", &body);
    assert_eq!(answer["response"], format!("Vault not registered: {vault}"));
}

#[test]
fn what_is_not_served_is_refused_by_name_and_never_silently_taken() {
    let mut world = World::new();
    for name in [
        "setReferrer",
        "createSubAccount",
        "twapOrder",
        "usdClassTransfer",
        "vaultTransfer",
        "approveBuilderFee",
        "multiSig",
        "spotSend",
    ] {
        let body = json!({"action": {"type": name}, "nonce": world.nonce(),
            "signature": {"r": "0x1", "s": "0x1", "v": 27}});
        let (status, answer) = world.post("/exchange", body.to_string().as_bytes());
        assert_eq!((status, &answer["status"]), (200, &json!("err")));
        let words = format!("{name} is not served by this local exchange.");
        assert_eq!(answer["response"], words);
    }
}

#[test]
fn what_is_not_understood_is_422() {
    let mut world = World::new();
    let nonsense: &[&[u8]] = &[b"", b"{", b"[]", b"null", b"\xff\xfe", b"{\"action\":{}}",
        b"{\"action\":{\"type\":\"nothing\"},\"nonce\":1,\"signature\":{\"r\":\"0x1\",\"s\":\"0x1\",\"v\":27}}",
        b"{\"action\":{\"type\":\"noop\"},\"nonce\":-1,\"signature\":{\"r\":\"0x1\",\"s\":\"0x1\",\"v\":27}}",
        b"{\"action\":{\"type\":\"noop\"},\"nonce\":99999999999999999999999,\"signature\":{\"r\":\"0x1\",\"s\":\"0x1\",\"v\":27}}"];
    for body in nonsense {
        for path in ["/exchange", "/info"] {
            let (status, words) = world.post(path, body);
            assert_eq!(status, 422, "{words}");
            let words = words.as_str().unwrap();
            assert!(words.starts_with("Failed to deserialize the JSON body into the target type"));
        }
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(world.post("/exchange", deep.as_bytes()).0, 422);
    assert_eq!(world.post("/elsewhere", b"{}").0, 404);
}

#[test]
fn an_account_that_is_known_can_trade() {
    let mut world = World::new();
    let oid = world.rest(buy("2", "10", Tif::Gtc));
    assert_eq!(world.status(oid), "open");
}
