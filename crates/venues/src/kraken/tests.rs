use super::*;
use crate::testing::{decode, listed};

fn decoder() -> Kraken {
    Kraken::new(listed("SC/EUR", 6, 8))
}

fn lines(message: &str) -> Vec<String> {
    let (seen, lines) = decode(&mut decoder(), message).unwrap();
    assert_eq!(seen, Seen::Market);
    lines
}

#[test]
fn a_change_carries_a_checksum_and_the_newest_time() {
    let message = r#"[1920,{"a":[["0.042990","364630.28272081","1618678145.920470"]]},
        {"b":[["0.042990","0.00000000","1618678145.920708"],
              ["0.042980","1.00000000","1618678145.920700","r"]],"c":"4105471083"},
        "book-1000","SC/EUR"]"#;
    let line = "1618678145920: diff 0-0 after 0 #4105471083 bids 42990x0 42980x100000000 \
                asks 42990x36463028272081";
    assert_eq!(lines(message), [line]);
}

#[test]
fn a_snapshot_has_other_keys() {
    let message = r#"[1920,{"as":[["0.042990","1.00000000","1618678145.920470"]],
        "bs":[["0.042980","2.00000000","1618678145.920471"]]},"book-1000","SC/EUR"]"#;
    let line = "1618678145920: snapshot 0-0 after 0 bids 42980x200000000 asks 42990x100000000";
    assert_eq!(lines(message), [line]);
}

#[test]
fn trades_have_no_number() {
    let message = r#"[1921,[["0.042980","8500.00000000","1618678155.718950","b","m",""],
        ["0.043000","2383.16665529","1618678155.720582","s","l",""]],"trade","SC/EUR"]"#;
    let expected = [
        "1618678155718: trade 0 buyer 42980x850000000000",
        "1618678155720: trade 0 seller 43000x238316665529",
    ];
    assert_eq!(lines(message), expected);
}

#[test]
fn other_messages_are_told_apart() {
    let seen = |message: &str| decode(&mut decoder(), message).unwrap().0;
    assert_eq!(seen(r#"{"event":"heartbeat"}"#), Seen::Control);
    let ticker = r#"[1924,{"a":["0.043",1,"1.000"],"b":["0.042",1,"1.000"],"c":["0.0","1"],
        "v":["1","2"],"p":["1","2"],"t":[1,2],"l":["1","2"],"h":["1","2"],"o":["1","2"]},
        "ticker","SC/EUR"]"#;
    assert_eq!(seen(ticker), Seen::Unused);
    let spread =
        r#"[0,["5698.40000","5700.70000","1542057299.545897","1.01","0.98"],"spread","SC/EUR"]"#;
    assert_eq!(seen(spread), Seen::Unused);
    let other = r#"[1,{"a":[["1","1","1"]],"c":"1"},"book-10","XBT/USD"]"#;
    assert_eq!(seen(other), Seen::Foreign);
}

#[test]
fn an_incomplete_level_is_an_error() {
    for message in [
        r#"[1,{"a":[["0.042990","1"]]},"book-10","SC/EUR"]"#,
        r#"[1,{"a":["0.042990"]},"book-10","SC/EUR"]"#,
        r#"[1,{"a":[["0.042990","1","1"]],"c":"x"},"book-10","SC/EUR"]"#,
        r#"[1,[["0.042980","1","1618678155.718950"]],"trade","SC/EUR"]"#,
        r#"[1,{"a":[["0.042990","1","1"]]},"book-10"]"#,
    ] {
        assert!(decode(&mut decoder(), message).is_err(), "{message}");
    }
}
