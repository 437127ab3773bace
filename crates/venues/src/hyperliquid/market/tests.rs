use super::*;
use crate::testing::{decode, listed};

fn decoder() -> Hyperliquid {
    Hyperliquid::new(listed("HYPE", 4, 2))
}

fn lines(message: &str) -> Vec<String> {
    let (seen, lines) = decode(&mut decoder(), message).unwrap();
    assert_eq!(seen, Seen::Market);
    lines
}

#[test]
fn a_book_is_a_snapshot_numbered_by_its_time() {
    let message = r#"{"channel":"l2Book","data":{"coin":"HYPE","time":1764842873555,"levels":[
        [{"px":"34.967","sz":"2.85","n":1},{"px":"34.962","sz":"3.84","n":2}],
        [{"n":2,"px":"34.969","sz":"1473.06"}]]}}"#;
    let line = "1764842873555: snapshot 1764842873555-1764842873555 after 0 \
                bids 349670x285 349620x384 asks 349690x147306";
    assert_eq!(lines(message), [line]);
}

#[test]
fn a_book_with_one_side_only_is_an_error_and_an_empty_side_is_none() {
    let one = r#"{"channel":"l2Book","data":{"coin":"HYPE","time":1,"levels":[[]]}}"#;
    assert_eq!(decode(&mut decoder(), one).unwrap_err(), DecodeError::Missing("levels"));
    let empty = r#"{"channel":"l2Book","data":{"coin":"HYPE","time":1,"levels":[[],[]]}}"#;
    assert_eq!(lines(empty), ["1: snapshot 1-1 after 0 bids  asks "]);
}

#[test]
fn best_prices_are_numbered_by_their_time_and_need_both_sides() {
    let message = r#"{"channel":"bbo","data":{"coin":"HYPE","time":1766566375292,"bbo":[
        {"px":"23.757","sz":"42.09","n":1},{"px":"23.758","sz":"100.26","n":2}]}}"#;
    let line = "1766566375292: touch 1766566375292 bid 237570x4209 ask 237580x10026";
    assert_eq!(lines(message), [line]);
    let half = r#"{"channel":"bbo","data":{"coin":"HYPE","time":1766566375292,"bbo":[null,
        {"px":"23.758","sz":"100.26","n":2}]}}"#;
    assert!(lines(half).is_empty());
}

#[test]
fn trades_come_out_with_their_own_times() {
    let message = r#"{"channel":"trades","data":[
        {"coin":"HYPE","side":"B","px":"35.276","sz":"5.78","time":1764835613064,"hash":"0x00",
         "tid":716095722814130,"users":["0x8c","0x13"]},
        {"coin":"HYPE","side":"A","px":"35.275","sz":"1","time":1764835613065,"hash":"0x00",
         "tid":2,"users":["0x8c","0x13"]}]}"#;
    let expected = [
        "1764835613064: trade 716095722814130 buyer 352760x578",
        "1764835613065: trade 2 seller 352750x100",
    ];
    assert_eq!(lines(message), expected);
}

#[test]
fn nothing_comes_out_of_a_message_with_a_bad_trade() {
    let message = r#"{"channel":"trades","data":[
        {"coin":"HYPE","side":"B","px":"35.276","sz":"5.78","time":1,"tid":1},
        {"coin":"HYPE","side":"B","px":"35.276123","sz":"5.78","time":1,"tid":2}]}"#;
    let mut count = 0;
    let result = decoder().decode(message.as_bytes(), 7, |_| {
        count += 1;
        Ok::<_, DecodeError>(())
    });
    assert!(matches!(result, Err(DecodeError::Number { .. })));
    assert_eq!(count, 0);
}

#[test]
fn a_context_gives_the_mark_to_the_nearest_tick_and_the_funding_rate() {
    let message = r#"{"channel":"activeAssetCtx","data":{"coin":"HYPE","ctx":{
        "dayNtlVlm":"1169046.29406","funding":"0.0000125","impactPxs":["14.3047","14.3444"],
        "markPx":"14.31616","midPx":"14.314","openInterest":"688.11","oraclePx":"14.32",
        "premium":"0.00031774","prevDayPx":"15.322"}}}"#;
    let expected =
        ["received: mark 143162 oracle 143200", "received: funding 12500000 settles false"];
    assert_eq!(lines(message), expected);
}

#[test]
fn other_coins_and_other_channels_are_told_apart() {
    let seen = |message: &str| decode(&mut decoder(), message).unwrap().0;
    let subscribed = r#"{"channel":"subscriptionResponse","data":{"method":"subscribe"}}"#;
    assert_eq!(seen(subscribed), Seen::Control);
    assert_eq!(seen(r#"{"channel":"pong"}"#), Seen::Control);
    assert_eq!(seen(r#"{"channel":"allMids","data":{"mids":{"0G":"1.2017"}}}"#), Seen::Unused);
    let other = r#"{"channel":"l2Book","data":{"coin":"BTC","time":1,"levels":[[],[]]}}"#;
    assert_eq!(seen(other), Seen::Foreign);
    let other = r#"{"channel":"trades","data":[
        {"coin":"BTC","side":"B","px":"1","sz":"1","time":1,"tid":1}]}"#;
    assert_eq!(seen(other), Seen::Foreign);
}
