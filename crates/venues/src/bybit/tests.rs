use super::*;
use crate::testing::{decode, listed};

const DELTA: &str = r#"{"topic":"orderbook.500.XRPUSDT","type":"delta","ts":1733011200693,
    "data":{"s":"XRPUSDT","b":[["1.9531","6198"]],"a":[["2.0038","0"]],"u":20254871,"seq":130020250},
    "cts":1733011200690}"#;

fn lines(message: &str) -> Vec<String> {
    decode(&mut Bybit::new(listed("XRPUSDT", 4, 0)), message).unwrap().1
}

#[test]
fn a_delta_changes_levels() {
    let line = "1733011200690: diff 20254871-20254871 after 0 bids 19531x6198 asks 20038x0";
    assert_eq!(lines(DELTA), [line]);
}

#[test]
fn a_snapshot_replaces_the_book() {
    let line = "1733011200690: snapshot 20254871-20254871 after 0 bids 19531x6198 asks 20038x0";
    assert_eq!(lines(&DELTA.replace("delta", "snapshot")), [line]);
}

#[test]
fn numbers_that_start_over_tell_of_a_lost_feed() {
    let expected = [
        "1733011200690: feed lost",
        "1733011200690: feed back",
        "1733011200690: snapshot 1-1 after 0 bids 19531x6198 asks 20038x0",
    ];
    assert_eq!(lines(&DELTA.replace("20254871", "1")), expected);
}

#[test]
fn other_messages_are_told_apart() {
    let seen = |message: &str| decode(&mut Bybit::new(listed("XRPUSDT", 4, 0)), message).unwrap().0;
    assert_eq!(seen(r#"{"success":true,"ret_msg":"","op":"subscribe"}"#), Seen::Control);
    let trade = r#"{"topic":"publicTrade.XRPUSDT","type":"snapshot","ts":1,"data":[{"T":1}]}"#;
    assert_eq!(seen(trade), Seen::Unused);
    assert_eq!(seen(&DELTA.replace("\"XRPUSDT\"", "\"BTCUSDT\"")), Seen::Foreign);
}

#[test]
fn what_is_missing_is_named() {
    let error = |from: &str| {
        let message = DELTA.replace(from, "");
        decode(&mut Bybit::new(listed("XRPUSDT", 4, 0)), &message).unwrap_err()
    };
    assert_eq!(error("\"u\":20254871,"), DecodeError::Missing("u"));
    assert_eq!(error("\"b\":[[\"1.9531\",\"6198\"]],"), DecodeError::Missing("b"));
    assert_eq!(error("\"type\":\"delta\","), DecodeError::Missing("type"));
}
