use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
const VAULT: &str = "0x1719884eb866cb12b2287399b15f7db5e7d775ea";

fn key() -> SigningKey {
    SigningKey::parse(KEY).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    format!("{:x}", base16ct::HexDisplay(bytes))
}

fn signature(r: &str, s: &str, v: u8) -> Signature {
    serde_json::from_value(json!({"r": r, "s": s, "v": v})).unwrap()
}

/// A user-signed action, its signature for mainnet and for testnet: made with the official SDK,
/// release 0.24.0.
type UserVector = (&'static str, [(&'static str, &'static str, u8); 2]);

const USER: &[UserVector] = &[
    (
        r#"{"destination":"0x5e9ee1089755c3435139848e47e6635505d5a13a","amount":"1.5","time":1687816341423,"type":"usdSend"}"#,
        [
            (
                "0x3cfbc51530f26822d192c043929cded4975e8e43ce82ab88223c96eaae4c4e77",
                "0x1ffb3d6d20dc39874640bd67989387bd50433e4d9b17a787fd0f582df22a7ec6",
                27,
            ),
            (
                "0xabd01817ef111e89c9e9c8581c64616708ec1350d0491e80a82e3b207d7c1891",
                "0x2ac90a36fcc6815932051fe92ba32a9b78326a12b037c4120ee79c89761d665d",
                28,
            ),
        ],
    ),
    (
        r#"{"destination":"0x5e9ee1089755c3435139848e47e6635505d5a13a","amount":"1.5","token":"PURR:0xc4bf3f870c0e9465323c0b6ed28096c2","time":1687816341423,"type":"spotSend"}"#,
        [
            (
                "0x96a707f64941d874dffda5392f276495321b53610c34af6a02a5b673d7a62f7d",
                "0x2e652eca257838094e0310a6d952744ebc04df593fe24d159abadabac2c43add",
                28,
            ),
            (
                "0x27a68df8bcfbab3b7df857f34672532cbbb532057b2765870a4d07004d58b1e5",
                "0x607a98d7f76bbc1a5fe9e031e88a1e1f0078a187c4dfc0d44d17a61c84f621d9",
                27,
            ),
        ],
    ),
    (
        r#"{"destination":"0x5e9ee1089755c3435139848e47e6635505d5a13a","amount":"2","time":1687816341423,"type":"withdraw3"}"#,
        [
            (
                "0x9fa1d12ac4a976d04071d28d01af5d7af36593f4177e63c95fc3faad557d8655",
                "0x32bd9e8cef5ce2ccc8b9e1cf1fb3dfc4326b9eaa97227e2fc3fcd633180e5b76",
                27,
            ),
            (
                "0x67a239590309c8240162df1314dff113f2633bcf11b8e07d5b21453ef5bcf7e2",
                "0x77b4aa7068eb2f09cd05bd924e6983249e44358c9fba08e756384eabc152584b",
                28,
            ),
        ],
    ),
    (
        r#"{"type":"usdClassTransfer","amount":"10.25","toPerp":true,"nonce":1687816341423}"#,
        [
            (
                "0xd26e416d299fcabdf101b5ddb769c7d441071de59f3b840e44b65e6c55894f16",
                "0x470ca424f1e571c2a284d60abc3085700694175002021698cc4b500460d252c4",
                27,
            ),
            (
                "0xe91076b6e22bc754c253348c4f6eea487f5b60d442769087c5c211cc4bf30164",
                "0xf679e596cd5ceb79164bbbba369ddd5b0c7c89eb64cc4539c987704fb9543dd",
                27,
            ),
        ],
    ),
    (
        r#"{"type":"sendAsset","destination":"0x5e9ee1089755c3435139848e47e6635505d5a13a","sourceDex":"","destinationDex":"spot","token":"USDC","amount":"3","fromSubAccount":"","nonce":1687816341423}"#,
        [
            (
                "0x449572b756a581895cfff90350287599f4ddf000a41de39bbee2005e64da283f",
                "0x65499b056d40a50adece977aa1b325c19cdc21ccd921875b68ba44be57ef91cb",
                27,
            ),
            (
                "0xc2ed1cfe08e544087cdae785e3a29bd47d5225ae03261ef54d842a5b124d5e32",
                "0x39c3b50dddf1302200def760ee8e64f20cf99425282b4b1529f3eed1e1cf81e4",
                28,
            ),
        ],
    ),
    (
        r#"{"type":"approveAgent","agentAddress":"0x14791697260E4c9A71f18484C9f997B308e59325","agentName":"engine valid_until 1700000000000","nonce":1687816341423}"#,
        [
            (
                "0x9fc2d5e72e9e2c190083ae4569157cb314b3b15b2be12f2308ae839cf021d753",
                "0x40b6e10718c79971218cceee286f4c2742d5a7bb6404f6054a255298751016d0",
                27,
            ),
            (
                "0x47e875fed82b084e84c7d85fc9d1b881f5b21042afc13394254c854768a7286c",
                "0x3d7cead0a958ab0b7ea6ede28aa39d74edd697a0f9d6204fc37abce1c2e29436",
                28,
            ),
        ],
    ),
    (
        r#"{"type":"approveAgent","agentAddress":"0x5e9ee1089755c3435139848e47e6635505d5a13a","agentName":"","nonce":1687816341423}"#,
        [
            (
                "0xff2307d1f5d9e28aeb38c956e510c6ac897e1e3403ac8ba53da7dc900fb6292e",
                "0x17630e529994b9bdf7578c4146ff4f85516b39993845d3d41fcff2bd034c2149",
                27,
            ),
            (
                "0x92835c1d0e54bafee2cf6134d1d04a6023778a0a5eabac00c464f040912041b0",
                "0x3bc7e66258ccd3aaf0e37f91fe0ca669a5b310bbe8d45612d4a21f83b453470f",
                28,
            ),
        ],
    ),
    (
        r#"{"maxFeeRate":"0.001%","builder":"0x5e9ee1089755c3435139848e47e6635505d5a13a","nonce":1687816341423,"type":"approveBuilderFee"}"#,
        [
            (
                "0x742ed663199628947a4888ff0f1ad127adf2bc5ca048a86f4aaf859a0a370061",
                "0x6d62eb1078bbd18674890b7b5d4e92c73763c173717c75abdd2eb4ef2b126718",
                28,
            ),
            (
                "0xb6e55b83439b7a74dffccba04e2ee91e38ded2f155b7e2f062518ffbe0b279a5",
                "0x111d822d9d41817e44384c756641dfd7e5511a22392d89d71007d410142cfb4f",
                27,
            ),
        ],
    ),
    (
        r#"{"type":"tokenDelegate","validator":"0x5e9ee1089755c3435139848e47e6635505d5a13a","wei":100000,"isUndelegate":false,"nonce":1687816341423}"#,
        [
            (
                "0x8dbaf326fe27cc1a5ea859e3522e5755fde65634e8731a8b9f005a30f508ecc4",
                "0x6960a865fb479eafd0dbcc94c2b90676370f87f1134b272fc07d4a69ff1dd61f",
                28,
            ),
            (
                "0xab2a36d2edce5f15e67cfc6bb65e6c5bce6cf6990d7a4533edaff96ccb71df95",
                "0x43647f9e3ff42cbed56aa863374029ccbd82eb7b4fcb806b903aea932445ad97",
                27,
            ),
        ],
    ),
    (
        r#"{"type":"userDexAbstraction","user":"0x5e9ee1089755c3435139848e47e6635505d5a13a","enabled":true,"nonce":1687816341423}"#,
        [
            (
                "0x9a4712e55942c153c864fbae51deb9fb97161293423562ef8a28809d1ea883b8",
                "0x2d89a6b0066a132b216daec3440313f46405edbf866cb131e4ef09dafc5ff304",
                28,
            ),
            (
                "0x38ca15e803259a7f21294ead89c492031957b64e1a3104ab00af39d54767f38",
                "0x7fdd4b860f9c207779c1eb0978d7655f272522009d4904402123a3a60ed8edab",
                27,
            ),
        ],
    ),
    (
        r#"{"type":"userSetAbstraction","user":"0x5e9ee1089755c3435139848e47e6635505d5a13a","abstraction":"unifiedAccount","nonce":1687816341423}"#,
        [
            (
                "0xa9cabf966b9caa747ba5170b01b0bc5e74911bf88672cb9f43d2e9dd657dce6e",
                "0x7c549abe61d95d9aa405afe38831ff37aba08ad445bf8844b2bb3faf81ec6814",
                27,
            ),
            (
                "0xc249e63be48d06f994d3d319d0c65b4202e0e55376a1a2061e0e08c86ff9a41f",
                "0x23982825fb97d6e9843c0ec0731597f4c71bdb74c32541fbdf074574548a684c",
                27,
            ),
        ],
    ),
    (
        r#"{"type":"convertToMultiSigUser","signers":"null","nonce":1687816341423}"#,
        [
            (
                "0x26490bf1cbb0a8134d8fff73bfb8ec8849a1daa06dc77a73e8b2f04a8309f554",
                "0x768402c9f0035c32ad039c784e35c245529dbc0bb880611c29e173de049b24e8",
                28,
            ),
            (
                "0xbd52310a4eed0ddf7d77896fa217a0cb49e335b3a5b12447e5e118791b4106cd",
                "0x1af41269847b249a42621e6f15209e31a42a6d75f59eb3676255b9928007e5dc",
                28,
            ),
        ],
    ),
];

#[test]
fn user_signed_actions_are_signed_as_the_official_sdk_signs_them() {
    for (text, signatures) in USER {
        for (network, (r, s, v)) in [Network::Mainnet, Network::Testnet].into_iter().zip(signatures)
        {
            let mut action: Value = serde_json::from_str(text).unwrap();
            action["signatureChainId"] = json!("0x66eee");
            action["hyperliquidChain"] = json!(network.as_str());
            let signed = sign_user(&key(), &action, network).unwrap();
            assert_eq!(signed, signature(r, s, *v), "{text}");
            assert_eq!(recover_user(&action, network, &signed), Ok(key().address()));
            assert!(is_user_signed(&action));
        }
    }
}

#[test]
fn an_agent_without_a_name_is_signed_as_one_with_an_empty_name() {
    let mut action = json!({
        "type": "approveAgent", "agentAddress": VAULT, "agentName": "", "nonce": 1,
        "signatureChainId": "0x66eee", "hyperliquidChain": "Mainnet",
    });
    let named = sign_user(&key(), &action, Network::Mainnet).unwrap();
    action.as_object_mut().unwrap().shift_remove("agentName");
    assert_eq!(sign_user(&key(), &action, Network::Mainnet).unwrap(), named);
}

#[test]
fn a_user_signed_action_for_the_other_network_or_without_a_field_is_refused() {
    let action = json!({
        "type": "usdSend", "destination": VAULT, "amount": "1", "time": 1,
        "signatureChainId": "0x66eee", "hyperliquidChain": "Mainnet",
    });
    assert!(sign_user(&key(), &action, Network::Mainnet).is_ok());
    let field =
        |field| move |e: SignError| matches!(e, SignError::Field { field: it, .. } if it == field);
    let refused = |action: &Value, network| sign_user(&key(), action, network).unwrap_err();
    assert!(field("hyperliquidChain")(refused(&action, Network::Testnet)));
    for (name, value) in [
        ("amount", json!(1)),
        ("time", json!("1")),
        ("time", json!(-1)),
        ("destination", Value::Null),
        ("signatureChainId", json!("66eee")),
        ("signatureChainId", json!("0x")),
    ] {
        let mut action = action.clone();
        action[name] = value;
        assert!(field(name)(refused(&action, Network::Mainnet)), "{name}");
    }
    let order = json!({"type": "order"});
    assert_eq!(refused(&order, Network::Mainnet), SignError::UnknownAction("order".to_owned()));
    assert!(!is_user_signed(&order) && !is_user_signed(&Value::Null));
}

/// Vault, end, hash, r and s and v for mainnet: made with the official SDK, release 0.24.0.
type L1Vector = (Option<&'static str>, Option<u64>, &'static str, (&'static str, &'static str, u8));

const CANCEL: &[L1Vector] = &[
    (
        None,
        None,
        "1fcd130728ee464276b20b1d031c66cff0a1c9cf06d954a3c79f333601e2555a",
        (
            "0x491ec9476133bf82d70188878e825de1289d3f435d062f7a892afeb86569258a",
            "0x6b3b35c898dfc4134e1c563c84628e4d1f80f6c94056db939224da92053e3ef8",
            27,
        ),
    ),
    (
        None,
        Some(1_700_000_060_000),
        "39b9199d4084b8ba0a9fc462fc57b3d8bcf28c585edf5a48b115258b36cd91aa",
        (
            "0x87f8d4ca464eeee1d24d253f5825402ea894bac800879d7ba51993c44ee93b64",
            "0x2bc72749b02066bd2b75857c6b01c0064a29fe169ec3de135c7ebcb918e3ed6d",
            28,
        ),
    ),
    (
        Some(VAULT),
        Some(1_700_000_060_000),
        "020ee868796c6d329bb3a0fc2640cb8f77038a3e8c5d1c57f05e055fc8205093",
        (
            "0x6313a54d6b1e51783b86e2157dd3c9a5b564e09b66bec793f5e572de4e6b7ae8",
            "0x129b3ee2ea98baeb7df3d28954adb73c4ff3ea421da90ca4a9b2041099dcc93",
            28,
        ),
    ),
    (
        Some(VAULT),
        None,
        "d2309eda3f549037cf7befbb87988a3d911af9e8bd2b38baa61ea3a69ccfa065",
        (
            "0xde02c26bad7c2f24456ba35b48a3f4134c06004bfc734f28b42a7e136de3a9fd",
            "0x1a52c511dbf3ded28233bc012a496694858358eef991554a019fd88d408ff78b",
            28,
        ),
    ),
];

#[test]
fn the_vault_and_the_end_of_an_action_are_signed_as_the_official_sdk_signs_them() {
    let action = json!({"type": "cancel", "cancels": [{"a": 159, "o": 257_770_947_487_u64}]});
    let packed = pack(&action).unwrap();
    for (vault, expires_after, hash, (r, s, v)) in CANCEL {
        let vault = vault.map(|text| Address::parse(text).unwrap());
        let envelope = Envelope { nonce: 1_700_000_000_000, vault, expires_after: *expires_after };
        let ours = hex(&action_hash(&packed, &envelope));
        assert_eq!(ours, *hash);
        let signed = sign_l1(&key(), &packed, &envelope, Network::Mainnet);
        assert_eq!(signed, signature(r, s, *v));
        let found = recover_l1(&action, &envelope, Network::Mainnet, &signed);
        assert_eq!(found, Ok(key().address()));
    }
}

#[test]
fn every_kind_of_json_is_packed_as_the_official_sdk_packs_it() {
    let text = r#"{"z":1,"a":-1,"f":1.5,"n":null,"t":true,"l":[0,127,128,255,256,65535,65536,
        4294967295,4294967296,9223372036854775808,-32,-33,-128,-129,-32768,-32769,-2147483649],
        "s":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","s32":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy","e":{},
        "m":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]],"\u00e9":"\u00fc"}"#;
    let expected = concat!(
        "8ba17a01a161ffa166cb3ff8000000000000a16ec0a174c3a16cdc0011007fcc80ccffcd0100cdffff",
        "ce00010000ceffffffffcf0000000100000000cf8000000000000000e0d0dfd080d1ff7fd18000",
        "d2ffff7fffd3ffffffff7fffffffa173bf",
        "78787878787878787878787878787878787878787878787878787878787878a3733332d920",
        "7979797979797979797979797979797979797979797979797979797979797979",
        "a16580a16ddc001090909090909090909090909090909090a2c3a9a2c3bc",
    );
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(hex(&pack(&value).unwrap()), expected);
}

#[test]
fn any_change_leads_to_another_signer() {
    let action = json!({"type": "order", "orders": [{"a": 1, "b": true, "p": "100"}]});
    let envelope = Envelope::new(1);
    let signed = sign_l1(&key(), &pack(&action).unwrap(), &envelope, Network::Mainnet);
    let found = |action: &Value, envelope: &Envelope, network| {
        recover_l1(action, envelope, network, &signed).unwrap()
    };
    let ours = key().address();
    assert_eq!(found(&action, &envelope, Network::Mainnet), ours);
    let reordered = json!({"type": "order", "orders": [{"b": true, "a": 1, "p": "100"}]});
    let priced = json!({"type": "order", "orders": [{"a": 1, "b": true, "p": "100.0"}]});
    assert_ne!(found(&reordered, &envelope, Network::Mainnet), ours);
    assert_ne!(found(&priced, &envelope, Network::Mainnet), ours);
    assert_ne!(found(&action, &envelope, Network::Testnet), ours);
    let later = Envelope { nonce: 2, ..envelope };
    let ending = Envelope { expires_after: Some(0), ..envelope };
    let for_vault = Envelope { vault: Some(Address::default()), ..envelope };
    for other in [later, ending, for_vault] {
        assert_ne!(found(&action, &other, Network::Mainnet), ours);
    }
}

#[test]
fn keys_and_addresses_are_read_in_any_case_and_shown_in_one() {
    let address = "0x14791697260E4c9A71f18484C9f997B308e59325";
    assert_eq!(key().address(), Address::parse(address).unwrap());
    assert_eq!(key().address().to_string(), address.to_lowercase());
    assert_eq!(SigningKey::parse(&KEY[2..]).unwrap().address(), key().address());
    let json = serde_json::to_string(&key().address()).unwrap();
    assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), key().address());
    for bad in ["", "0x", "14791697260E4c9A71f18484C9f997B308e59325", &address[..41]] {
        assert_eq!(Address::parse(bad), Err(SignError::Address), "{bad:?}");
    }
    let bad = address.replace('E', "g");
    assert_eq!(Address::parse(&bad), Err(SignError::Address));
    assert_eq!(
        Address::parse("0x0x791697260E4c9A71f18484C9f997B308e59325"),
        Err(SignError::Address)
    );
}

#[test]
fn a_bad_key_is_an_error_that_does_not_repeat_it() {
    let order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let zero = format!("0x{}", "0".repeat(64));
    for bad in [order, &zero, &KEY[..65], "", "0x", &KEY.replace('9', "x")] {
        let error = SigningKey::parse(bad).unwrap_err();
        assert_eq!(error, SignError::Key);
        assert!(bad.len() < 4 || !error.to_string().contains(&bad[2..]));
    }
}

#[test]
fn printing_a_key_shows_its_address_only() {
    let shown = format!("{:?} {:#?}", key(), key());
    assert!(shown.contains("0x14791697260e4c9a71f18484c9f997b308e59325"));
    assert!(!shown.contains("0123456789"));
}

#[test]
fn a_signature_is_written_without_zeros_in_front_and_read_with_them() {
    let short = signature("0x53749d5b", "0x0", 27);
    let padded = signature(&format!("0x{:0>64}", "53749D5B"), "0x00", 27);
    assert_eq!(short, padded);
    assert_eq!(serde_json::to_string(&short).unwrap(), r#"{"r":"0x53749d5b","s":"0x0","v":27}"#);
    for bad in ["", "0x", "53", "0xg", &format!("0x{:0>65}", 1), "0x 1", "0x-1"] {
        let value = json!({"r": bad, "s": "0x1", "v": 27});
        assert!(serde_json::from_value::<Signature>(value).is_err(), "{bad:?}");
    }
}

#[test]
fn a_signature_that_is_none_leads_nowhere() {
    let order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let envelope = Envelope::new(0);
    for (r, s, v) in [
        ("0x0", "0x1", 27),
        ("0x1", "0x0", 27),
        (order, "0x1", 27),
        ("0x1", order, 28),
        ("0x1", "0x1", 0),
        ("0x1", "0x1", 29),
        ("0x5", "0x1", 27),
    ] {
        let found = recover_l1("x", &envelope, Network::Mainnet, &signature(r, s, v));
        assert_eq!(found, Err(SignError::Signature), "{r} {s} {v}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whoever_signs_is_found(
        secret in proptest::array::uniform32(1_u8..),
        nonce in any::<u64>(),
        vault in proptest::option::of(any::<[u8; 20]>().prop_map(Address)),
        expires_after in proptest::option::of(any::<u64>()),
        text in ".{0,40}",
    ) {
        let key = SigningKey::from_bytes(&secret).unwrap();
        let envelope = Envelope { nonce, vault, expires_after };
        let action = json!({"type": "dummy", "text": text});
        let signed = sign_l1(&key, &pack(&action).unwrap(), &envelope, Network::Testnet);
        let json = serde_json::to_string(&signed).unwrap();
        let read: Signature = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(recover_l1(&action, &envelope, Network::Testnet, &read), Ok(key.address()));
    }

    #[test]
    fn any_numbers_lead_somewhere_or_nowhere(r in any::<[u8; 32]>(), s in any::<[u8; 32]>(), v in any::<u8>()) {
        let _ = recover_l1("x", &Envelope::new(0), Network::Mainnet, &Signature { r, s, v });
    }
}
