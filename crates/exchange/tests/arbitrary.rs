//! Arbitrary and damaged requests get an answer and never end the exchange.
#![allow(clippy::unwrap_used, reason = "tests")]

use flyball_exchange::{AccountSetup, ConnId, Exchange, MarketSetup, Payload, Peer, Setup};
use flyball_venues::hyperliquid::sign::{Envelope, Network, SigningKey};
use flyball_venues::hyperliquid::{Signer, post_body};
use proptest::prelude::*;
use serde_json::{Value, json};

const START_NS: i64 = 1_700_000_000_000_000_000;

fn peer() -> Peer {
    Peer([127, 0, 0, 1].into())
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32]).unwrap()
}

fn exchange() -> Exchange {
    let cash = "100000".to_owned();
    let account = AccountSetup { address: key().address(), cash, agents: Vec::new() };
    let mut setup = Setup { accounts: vec![account], ..Setup::synthetic(1) };
    setup.market = MarketSetup::Synthetic { crash: None, messages_per_second: Some(1.0) };
    setup.weight_per_minute = Some(u32::MAX);
    setup.exchange(START_NS).unwrap()
}

/// JSON of any kind, with words that the exchange knows.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("order"),
        Just("cancel"),
        Just("meta"),
        Just("userFills"),
        Just("l2Book"),
        Just("XRP"),
        Just("0x1a642f0e3c3af545e7acbd38b07251b3990914f1"),
        Just("Gtc"),
        Just("na"),
        Just("1.5"),
        Just("candleSnapshot"),
        Just("999999999999999999"),
        Just("-1"),
        Just("1e300"),
        Just(""),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop_oneof![
            Just("type"),
            Just("user"),
            Just("coin"),
            Just("startTime"),
            Just("endTime"),
            Just("oid"),
            Just("req"),
            Just("interval"),
            Just("nSigFigs"),
            Just("mantissa"),
            Just("orders"),
            Just("cancels"),
            Just("grouping"),
            Just("a"),
            Just("b"),
            Just("p"),
            Just("s"),
            Just("r"),
            Just("t"),
            Just("limit"),
            Just("tif"),
            Just("trigger"),
            Just("method"),
            Just("id"),
            Just("subscription"),
            Just("request"),
            Just("payload"),
            Just("action"),
            Just("nonce"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(k, v)| (k.into(), v)).collect()
            )),
        ]
    })
}

fn check(status: u16, body: &str) {
    assert!([200, 404, 422, 429, 500].contains(&status), "{status} {body}");
    if status == 200 {
        assert!(serde_json::from_str::<Value>(body).is_ok(), "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut exchange = exchange();
        exchange.open(ConnId(1), peer(), START_NS).unwrap();
        for path in ["/info", "/exchange", "/", "\u{0}"] {
            let reply = exchange.request(peer(), path, &bytes, START_NS);
            check(reply.status, &reply.body);
        }
        exchange.frame(ConnId(1), &bytes, START_NS);
        exchange.frame(ConnId(99), &bytes, START_NS);
        prop_assert!(exchange.drain_pushes().count() > 0);
    }

    #[test]
    fn any_json_is_answered(value in anything(), kind in prop::sample::select(vec![
        "meta", "l2Book", "candleSnapshot", "userFillsByTime", "orderStatus", "fundingHistory",
        "clearinghouseState", "activeAssetData", "portfolio", "webData2", "historicalOrders",
    ])) {
        let mut exchange = exchange();
        exchange.open(ConnId(1), peer(), START_NS).unwrap();
        let mut typed = value.clone();
        if let Some(fields) = typed.as_object_mut() {
            fields.insert("type".into(), json!(kind));
        }
        for body in [&value, &typed] {
            let reply = exchange.request(peer(), "/info", body.to_string().as_bytes(), START_NS);
            check(reply.status, &reply.body);
            for method in ["subscribe", "unsubscribe"] {
                let message = json!({"method": method, "subscription": body});
                exchange.frame(ConnId(1), message.to_string().as_bytes(), START_NS);
            }
            let message = json!({"method": "post", "id": 1,
                "request": {"type": "info", "payload": body}});
            exchange.frame(ConnId(1), message.to_string().as_bytes(), START_NS);
        }
        for push in exchange.drain_pushes() {
            if let Payload::Text(text) = push.payload {
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            }
        }
    }

    #[test]
    fn any_signed_action_is_answered(
        fields in anything(),
        kind in prop::sample::select(vec![
            "order", "cancel", "cancelByCloid", "modify", "batchModify", "updateLeverage",
            "scheduleCancel", "noop", "usdSend", "withdraw3", "approveAgent", "twapOrder", "x",
        ]),
        expires_after in prop::option::of(any::<u64>()),
        shift in -3_i64..3,
    ) {
        let mut exchange = exchange();
        let mut action = if fields.is_object() { fields } else { json!({}) };
        action.as_object_mut().unwrap().shift_insert(0, "type".into(), json!(kind));
        let nonce = u64::try_from(START_NS / 1_000_000 + shift * 86_400_000).unwrap();
        let envelope = Envelope { expires_after, ..Envelope::new(nonce) };
        let mut signer = Signer::new(key(), Network::Testnet);
        let signature = signer.sign(&action, &envelope).unwrap();
        let body = post_body(&action, &envelope, &signature).unwrap();
        let reply = exchange.request(peer(), "/exchange", &body, START_NS);
        check(reply.status, &reply.body);
    }

    #[test]
    fn any_order_is_taken_or_refused_and_every_unit_stays(
        orders in prop::collection::vec((any::<u8>(), any::<bool>(), 0_u64..4_000_000, 0_u8..7,
            0_u64..1_000_000_000, 0_u8..6, any::<bool>(), 0_u8..7), 1..20),
        grouping in prop::sample::select(vec!["na", "normalTpsl", "positionTpsl"]),
    ) {
        let mut exchange = exchange();
        let number = |units: u64, decimals: u8| {
            flyball_core::domain::Decimal::new(i64::try_from(units).unwrap(), decimals).to_string()
        };
        let orders: Vec<Value> = orders.into_iter()
            .map(|(asset, buys, price, decimals, size, lot, reduce, terms)| {
                let terms = match terms {
                    0 => json!({"limit": {"tif": "Alo"}}),
                    1 | 2 => json!({"limit": {"tif": "Ioc"}}),
                    3 | 4 => json!({"limit": {"tif": "Gtc"}}),
                    5 => json!({"trigger": {"isMarket": true, "triggerPx": number(price, 6), "tpsl": "sl"}}),
                    _ => json!({"trigger": {"isMarket": false, "triggerPx": number(price, 6), "tpsl": "tp"}}),
                };
                json!({"a": asset % 3, "b": buys, "p": number(price, decimals),
                    "s": number(size, lot), "r": reduce, "t": terms})
            })
            .collect();
        let action = json!({"type": "order", "orders": orders, "grouping": grouping});
        let envelope = Envelope::new(u64::try_from(START_NS / 1_000_000).unwrap());
        let mut signer = Signer::new(key(), Network::Testnet);
        let signature = signer.sign(&action, &envelope).unwrap();
        let body = post_body(&action, &envelope, &signature).unwrap();
        let reply = exchange.request(peer(), "/exchange", &body, START_NS);
        prop_assert_eq!(reply.status, 200);
        prop_assert!(!reply.body.contains("does not exist"), "{}", reply.body);
        exchange.advance(START_NS + 60_000_000_000);
        let audit = exchange.venue().audit();
        prop_assert_eq!((audit.money, audit.lots), (flyball_core::domain::Money::ZERO, 0));
    }
}
