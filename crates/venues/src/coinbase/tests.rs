use super::*;
use crate::testing::{decode, line, listed};

fn skl() -> Coinbase {
    Coinbase::new(listed("SKL-BTC", 8, 1))
}

fn one(message: &str) -> String {
    let (seen, lines) = decode(&mut skl(), message).unwrap();
    assert_eq!((seen, lines.len()), (Seen::Market, 1));
    lines.into_iter().next().unwrap()
}

#[test]
fn an_update_changes_both_sides() {
    let message = r#"{"type":"l2update","product_id":"SKL-BTC","changes":[
        ["sell","0.00001306","660.5"],["buy","0.00001304","0.0"]],
        "time":"2021-04-17T16:43:37.075687Z"}"#;
    assert_eq!(one(message), "1618677817075: diff 0-0 after 0 bids 1304x0 asks 1306x6605");
}

#[test]
fn a_snapshot_has_no_time() {
    let message = r#"{"type":"snapshot","product_id":"SKL-BTC","asks":[["0.00001306","1"]],
        "bids":[["0.00001304","2.5"]]}"#;
    assert_eq!(one(message), "received: snapshot 0-0 after 0 bids 1304x25 asks 1306x10");
}

#[test]
fn the_side_of_a_match_is_the_makers() {
    let message = r#"{"type":"match","trade_id":280232,"maker_order_id":"2a0da34e",
        "taker_order_id":"3c82abaa","side":"sell","size":"985","price":"0.00001305",
        "product_id":"SKL-BTC","sequence":177100030,"time":"2021-04-17T16:43:37.089723Z"}"#;
    assert_eq!(one(message), "1618677817089: trade 280232 buyer 1305x9850");
    let last = message.replace("\"match\"", "\"last_match\"").replace("sell", "buy");
    assert_eq!(one(&last), "1618677817089: trade 280232 seller 1305x9850");
}

#[test]
fn other_messages_are_told_apart() {
    let seen = |message: &str| decode(&mut skl(), message).unwrap().0;
    assert_eq!(seen(r#"{"type":"subscriptions","channels":[{"name":"level2"}]}"#), Seen::Control);
    assert_eq!(seen(r#"{"type":"ticker","product_id":"SKL-BTC","side":"?"}"#), Seen::Unused);
    let other = r#"{"type":"snapshot","product_id":"BAND-GBP","asks":[],"bids":[]}"#;
    assert_eq!(seen(other), Seen::Foreign);
}

#[test]
fn what_is_wrong_is_named() {
    let error = |message: &str| decode(&mut skl(), message).unwrap_err().to_string();
    let update = r#"{"type":"l2update","product_id":"SKL-BTC","changes":[["hold","1","1"]],
        "time":"2021-04-17T16:43:37Z"}"#;
    assert!(error(update).contains("side is neither"));
    let late = update.replace("hold", "buy").replace("2021-04-17", "2021-04-31");
    assert_eq!(error(&late), "\"time\" is none of 2021-04-17T16:43:37.075687Z");
}

fn rows(text: &str) -> Result<Vec<String>, DecodeError> {
    let mut book = CsvBook::new(listed("BTC-USD", 2, 8));
    let mut lines = Vec::new();
    let mut visit = |event: &Event<'_>| {
        lines.push(line(event));
        Ok::<_, DecodeError>(())
    };
    for row in text.lines() {
        book.row(row.as_bytes(), &mut visit)?;
    }
    book.finish(&mut visit)?;
    Ok(lines)
}

#[test]
fn csv_rows_of_one_time_are_one_change_and_the_snapshot_takes_the_first_time() {
    let text = "side,price,size\nbuy,9192,7.48040715\nside,price,size\nsell,9192.01,4.660822\n\
                side,price,size,time\nbuy,9170.51,0.11244000000000001,2018-04-24T03:52:17.202Z\n\
                sell,9193,0.0,2018-04-24T03:52:17.202Z\nbuy,9170.51,4e-05,2018-04-24T03:52:17.210Z";
    let expected = [
        "received: snapshot 0-0 after 0 bids 919200x748040715 asks 919201x466082200",
        "received: diff 0-0 after 0 bids 917051x11244000 asks 919300x0",
        "received: diff 0-0 after 0 bids 917051x4000 asks ",
    ];
    assert_eq!(rows(text).unwrap(), expected);
}

#[test]
fn a_csv_snapshot_alone_has_no_time() {
    assert_eq!(rows("buy,9192,1"), Err(DecodeError::Missing("time")));
    assert_eq!(rows(""), Ok(vec![]));
    assert_eq!(rows("buy,9192"), Err(DecodeError::Missing("size")));
    assert!(rows("hold,1,1").is_err());
}
