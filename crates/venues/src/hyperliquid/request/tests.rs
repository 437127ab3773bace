use flyball_core::domain::ClientOrderId;
use serde_json::{Value, json};

use super::*;
use crate::hyperliquid::{Action, Cloid, EngineTag};

fn user() -> Address {
    Address::parse("0x31CA8395cf837de08b24da3f660e77761dfb974b").unwrap()
}

fn text(bytes: Result<Vec<u8>, SignError>) -> String {
    String::from_utf8(bytes.unwrap()).unwrap()
}

fn value(bytes: Result<Vec<u8>, SignError>) -> Value {
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

#[test]
fn questions_are_asked_as_the_venue_documents_them() {
    let (user, who) = (user(), user().to_string());
    let (start_time, end_time) = (5, Some(6));
    let cloid = Cloid::new(EngineTag::new(7), ClientOrderId::new(12));
    let candles = Candles { coin: "BTC", interval: "15m", start_time: 1, end_time: 2 };
    for (query, expected) in [
        (Query::Meta, json!({"type": "meta"})),
        (Query::MetaAndAssetCtxs, json!({"type": "metaAndAssetCtxs"})),
        (Query::AllMids, json!({"type": "allMids"})),
        (Query::L2Book { coin: "BTC" }, json!({"type": "l2Book", "coin": "BTC"})),
        (
            Query::CandleSnapshot { req: candles },
            json!({"type": "candleSnapshot",
                "req": {"coin": "BTC", "interval": "15m", "startTime": 1, "endTime": 2}}),
        ),
        (
            Query::FundingHistory { coin: "BTC", start_time, end_time },
            json!({"type": "fundingHistory", "coin": "BTC", "startTime": 5, "endTime": 6}),
        ),
        (Query::ClearinghouseState { user }, json!({"type": "clearinghouseState", "user": who})),
        (Query::FrontendOpenOrders { user }, json!({"type": "frontendOpenOrders", "user": who})),
        (
            Query::OrderStatus { user, oid: OrderId::Venue(7) },
            json!({"type": "orderStatus", "user": who, "oid": 7}),
        ),
        (
            Query::OrderStatus { user, oid: OrderId::Client(cloid) },
            json!({"type": "orderStatus", "user": who, "oid": cloid.to_string()}),
        ),
        (
            Query::UserFillsByTime { user, start_time, end_time: None },
            json!({"type": "userFillsByTime", "user": who, "startTime": 5}),
        ),
        (
            Query::UserNonFundingLedgerUpdates { user, start_time, end_time },
            json!({"type": "userNonFundingLedgerUpdates", "user": who, "startTime": 5,
                "endTime": 6}),
        ),
        (Query::UserAbstraction { user }, json!({"type": "userAbstraction", "user": who})),
    ] {
        assert_eq!(value(query_body(&query)), expected);
        let posted = json!({"method": "post", "id": 9,
            "request": {"type": "info", "payload": expected}});
        assert_eq!(value(ws_post_query(9, &query)), posted);
    }
}

#[test]
fn streams_are_asked_for_as_the_venue_documents_them() {
    let user = user();
    let all = subscribe(&Subscription::AllMids);
    assert_eq!(text(all), r#"{"method":"subscribe","subscription":{"type":"allMids"}}"#);
    let book = unsubscribe(&Subscription::L2Book { coin: "HYPE" });
    let expected = r#"{"method":"unsubscribe","subscription":{"type":"l2Book","coin":"HYPE"}}"#;
    assert_eq!(text(book), expected);
    let candle = Subscription::Candle { coin: "HYPE", interval: "1m" };
    let expected = json!({"type": "candle", "coin": "HYPE", "interval": "1m"});
    assert_eq!(value(subscribe(&candle))["subscription"], expected);
    for (subscription, name) in [
        (Subscription::OrderUpdates { user }, "orderUpdates"),
        (Subscription::UserEvents { user }, "userEvents"),
        (Subscription::UserFills { user }, "userFills"),
        (Subscription::UserFundings { user }, "userFundings"),
        (Subscription::UserNonFundingLedgerUpdates { user }, "userNonFundingLedgerUpdates"),
        (Subscription::WebData2 { user }, "webData2"),
        (Subscription::WebData3 { user }, "webData3"),
    ] {
        let expected = json!({"type": name, "user": user.to_string()});
        assert_eq!(value(subscribe(&subscription))["subscription"], expected);
    }
    assert_eq!(serde_json::from_slice::<Value>(PING).unwrap(), json!({"method": "ping"}));
}

#[test]
fn an_action_goes_over_the_websocket_with_the_body_that_it_would_have_had() {
    let key = format!("0x{}", "01".repeat(32));
    let mut signer = Signer::new(SigningKey::parse(&key).unwrap(), Network::Testnet);
    let envelope = Envelope { expires_after: Some(9), ..Envelope::new(8) };
    let signature = signer.sign(&Action::Noop, &envelope).unwrap();
    let body = text(post_body(&Action::Noop, &envelope, &signature));
    let posted = text(ws_post_action(256, &Action::Noop, &envelope, &signature));
    let expected =
        format!(r#"{{"method":"post","id":256,"request":{{"type":"action","payload":{body}}}}}"#);
    assert_eq!(posted, expected);
}

#[test]
fn questions_cost_what_the_venue_documents() {
    let user = user();
    assert_eq!(Query::L2Book { coin: "BTC" }.weight(), 2);
    assert_eq!(Query::UserRole { user }.weight(), 60);
    assert_eq!(Query::OpenOrders { user }.weight(), 20);
    assert_eq!(Query::OpenOrders { user }.items_per_weight(), None);
    assert_eq!(Query::UserFills { user }.items_per_weight(), Some(20));
    let req = Candles { coin: "BTC", interval: "1m", start_time: 0, end_time: 0 };
    assert_eq!(Query::CandleSnapshot { req }.items_per_weight(), Some(60));
}
