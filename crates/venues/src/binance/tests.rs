use flyball_core::domain::Decimal;

use super::*;
use crate::testing::{decode, listed};

fn spot() -> Binance {
    Binance::new(listed("BTCUSDT", 2, 5))
}

fn one(decoder: &mut Binance, message: &str) -> String {
    let (seen, lines) = decode(decoder, message).unwrap();
    assert_eq!((seen, lines.len()), (Seen::Market, 1));
    lines.into_iter().next().unwrap()
}

#[test]
fn a_spot_book_message_changes_levels() {
    let message = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,
        "s":"BTCUSDT","U":50093239189,"u":50093239202,"b":[["61737.63000000","0.00000000"]],
        "a":[["61837.64000000","1.54698000"],["61845.11000000","0.32329000"]]}}"#;
    assert_eq!(
        one(&mut spot(), message),
        "1723161255208: diff 50093239189-50093239202 after 0 bids 6173763x0 \
         asks 6183764x154698 6184511x32329"
    );
}

#[test]
fn a_futures_book_message_names_the_one_before_and_tells_the_transaction_time() {
    let message = r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1721347201585,
        "T":1721347201533,"s":"BTCUSDT","U":4984034747463,"u":4984034747465,"pu":4984033952967,
        "b":[],"a":[["64020.40","0.000"],["64024.70","0.005"]]}}"#;
    let mut futures = Binance::new(listed("BTCUSDT", 1, 3));
    assert_eq!(
        one(&mut futures, message),
        "1721347201533: diff 4984034747463-4984034747465 after 4984033952967 bids  \
         asks 640204x0 640247x5"
    );
}

#[test]
fn a_rest_book_is_a_snapshot_of_the_only_instrument() {
    let mut nexo = Binance::new(listed("NEXOUSDT", 3, 2));
    let spot =
        r#"{"lastUpdateId": 134180599, "bids": [["1.21400000", "63.38000000"]], "asks": []}"#;
    assert_eq!(
        one(&mut nexo, spot),
        "received: snapshot 134180599-134180599 after 0 bids 1214x6338 asks "
    );
    let futures = r#"{"lastUpdateId":1,"E":1721347022759,"T":1721347022750,"bids":[],"asks":[]}"#;
    assert_eq!(one(&mut nexo, futures), "1721347022750: snapshot 1-1 after 0 bids  asks ");
    let other = r#"{"lastUpdateId":1,"symbol":"BTCUSD_PERP","bids":[],"asks":[]}"#;
    assert_eq!(decode(&mut nexo, other).unwrap().0, Seen::Foreign);
}

#[test]
fn a_rest_book_without_a_name_needs_a_single_instrument() {
    let mut listings = listed("BTCUSDT", 2, 5);
    let (id, unit) = (flyball_core::domain::InstrumentId::new(1), Decimal::new(1, 0));
    listings.add(id, "ETHUSDT", unit, unit).unwrap();
    let message = r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#;
    let error = decode(&mut Binance::new(listings), message).unwrap_err();
    assert_eq!(error, DecodeError::Nameless { listed: 2 });
}

#[test]
fn best_prices_of_spot_have_no_time() {
    let spot_ticker = r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT",
        "b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
    let line = "received: touch 50093239212 bid 6183763x378826 ask 6183764x154698";
    assert_eq!(one(&mut spot(), spot_ticker), line);
    let futures = r#"{"stream":"btcusd_perp@bookTicker","data":{"u":1007198632021,"e":"bookTicker",
        "s":"BTCUSDT","ps":"BTCUSD","b":"61804.7","B":"35","a":"61804.8","A":"1645",
        "T":1723161257465,"E":1723161257476}}"#;
    let line = "1723161257465: touch 1007198632021 bid 618047x35 ask 618048x1645";
    assert_eq!(one(&mut Binance::new(listed("BTCUSDT", 1, 0)), futures), line);
}

#[test]
fn when_the_buyer_is_maker_the_seller_took() {
    let sold = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT",
        "t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#;
    assert_eq!(one(&mut spot(), sold), "1723161255342: trade 3735683259 seller 6183763x2000");
    let bought = sold.replace("\"m\":true", "\"m\":false");
    assert_eq!(one(&mut spot(), &bought), "1723161255342: trade 3735683259 buyer 6183763x2000");
}

#[test]
fn what_was_no_market_trade_is_not_one() {
    let fund = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":2,"T":1,"s":"BTCUSDT","t":9,
        "p":"0","q":"0","X":"NA","m":true}}"#;
    assert_eq!(decode(&mut spot(), fund).unwrap().0, Seen::Unused);
}

#[test]
fn other_instruments_and_other_streams_are_told_apart() {
    let seen = |message: &str| decode(&mut spot(), message).unwrap().0;
    let other = r#"{"u":1,"s":"ETHUSDT","b":"1","B":"1","a":"2","A":"1"}"#;
    assert_eq!(seen(other), Seen::Foreign);
    let candle = r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT",
        "k":{"t":1,"i":"1m","o":"1","B":"0","x":false}}}"#;
    assert_eq!(seen(candle), Seen::Unused);
    let sums = r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1,"s":"BTCUSDT","a":5,
        "p":"1.0","q":"2","f":1,"l":1,"T":1,"m":false,"M":true}}"#;
    assert_eq!(seen(sums), Seen::Unused);
    let best_few = r#"{"stream":"btcusdt@depth20@100ms","data":{"e":"depthUpdate","E":1,"T":1,
        "s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[],"a":[]}}"#;
    assert_eq!(seen(best_few), Seen::Unused);
    assert_eq!(seen(r#"{"result":null,"id":1}"#), Seen::Control);
}

#[test]
fn what_is_wrong_is_named() {
    let error = |message: &str| decode(&mut spot(), message).unwrap_err().to_string();
    let update =
        r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["1.005","1"]],"a":[]}"#;
    assert_eq!(error(update), "price 1.005: not a multiple of the step (steps of 0.01)");
    assert_eq!(error(&update.replace("\"u\":2,", "")), "the message has no \"u\"");
    assert_eq!(error(&update.replace(",\"a\":[]", "")), "the message has no \"a\"");
    let text = error(&update.replace("1.005", "1.0x"));
    assert_eq!(text, "byte 63: not a decimal number (at byte 3)");
    assert_eq!(error("{\"e\""), "byte 4: EOF while parsing an object");
    assert_eq!(error(r#"{"id":1} x"#), "byte 10: trailing characters");
    assert!(error(&update.replace("[\"1.005\",\"1\"]", "[\"1.00\"]")).contains("invalid length"));
}
