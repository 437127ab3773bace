//! The signatures that the official SDK makes are the signatures that we make.

mod shared;

use flyball_venues::hyperliquid::sign::{
    Address, Envelope, Network, Signature, SigningKey, action_hash, pack, recover_l1, recover_user,
    sign_l1, sign_user,
};
use serde_json::{Value, json};

fn network(is_mainnet: &Value) -> Network {
    if is_mainnet.as_bool().unwrap() { Network::Mainnet } else { Network::Testnet }
}

fn check_l1(key: &SigningKey, vector: &Value) {
    let (action, args) = (&vector["action_in"], &vector["args"]);
    assert_eq!(
        vector["arg_names"],
        json!(["vault_address", "nonce", "expires_after", "is_mainnet"])
    );
    let vault = args[0].as_str().map(|text| Address::parse(text).unwrap());
    let envelope =
        Envelope { nonce: args[1].as_u64().unwrap(), vault, expires_after: args[2].as_u64() };
    let packed = pack(action).unwrap();
    let hash = action_hash(&packed, &envelope);
    assert_eq!(vector["action_hash"], format!("0x{:x}", base16ct::HexDisplay(&hash)));
    let network = network(&args[3]);
    let signed = sign_l1(key, &packed, &envelope, network);
    assert_eq!(serde_json::to_value(signed).unwrap(), vector["signature"], "{action}");
    let read: Signature = serde_json::from_value(vector["signature"].clone()).unwrap();
    assert_eq!(recover_l1(action, &envelope, network, &read), Ok(key.address()));
}

fn check_user(key: &SigningKey, vector: &Value, name: &str) {
    // What was signed carries the chain; the type is added to what is sent.
    let mut action = vector["action_signed"].clone();
    action["type"] = json!(name);
    let network = network(&vector["args"][0]);
    let signed = sign_user(key, &action, network).unwrap();
    assert_eq!(serde_json::to_value(signed).unwrap(), vector["signature"], "{action}");
    assert_eq!(recover_user(&action, network, &signed), Ok(key.address()));
}

#[test]
fn every_recorded_signature_is_met_byte_for_byte() {
    let Some(data) = shared::shared() else { return };
    let path = data.join("wire/hyperliquid_signing/l1_and_user_signed_vectors.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let key = SigningKey::parse(file["private_key"].as_str().unwrap()).unwrap();
    let mut checked = [0; 2];
    for vector in file["vectors"].as_array().unwrap() {
        let address = vector["address"].as_str().unwrap();
        assert_eq!(Address::parse(address), Ok(key.address()));
        match vector["function"].as_str().unwrap() {
            "sign_l1_action" => {
                check_l1(&key, vector);
                checked[0] += 1;
            }
            function => {
                let name = match function {
                    "sign_usd_transfer_action" => "usdSend",
                    "sign_withdraw_from_bridge_action" => "withdraw3",
                    other => panic!("{other} is new"),
                };
                check_user(&key, vector, name);
                checked[1] += 1;
            }
        }
    }
    assert_eq!(checked, [18, 2]);
}
