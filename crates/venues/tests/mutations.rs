//! Arbitrary bytes, and real messages with arbitrary damage, give events or an error and never a
//! panic.

use flyball_core::domain::{Decimal, InstrumentId};
use flyball_venues::binance::Binance;
use flyball_venues::bybit::Bybit;
use flyball_venues::coinbase::{Coinbase, CsvBook};
use flyball_venues::hyperliquid::Hyperliquid;
use flyball_venues::kraken::Kraken;
use flyball_venues::{Decode, DecodeError, Listings};
use proptest::prelude::*;

const MESSAGES: &[&str] = &[
    r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1721347201585,"T":1721347201533,"s":"X","U":4984034747463,"u":4984034747465,"pu":4984033952967,"b":[["1000.00","0.001"]],"a":[["64020.40","0.000"],["64024.70","0.005"]]}}"#,
    r#"{"lastUpdateId": 134180599, "bids": [["1.21400000", "63.38000000"]], "asks": [["1.3","1"]]}"#,
    r#"{"stream":"x@bookTicker","data":{"u":50093239212,"s":"X","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#,
    r#"{"stream":"x@trade","data":{"e":"trade","E":1723161255343,"s":"X","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#,
    r#"{"channel":"l2Book","data":{"coin":"X","time":1764842873555,"levels":[[{"px":"34.967","sz":"2.85","n":1}],[{"px":"34.969","sz":"1473.06","n":2}]]}}"#,
    r#"{"channel":"bbo","data":{"coin":"X","time":1766566375292,"bbo":[{"px":"23.757","sz":"42.09","n":1},null]}}"#,
    r#"{"channel":"trades","data":[{"coin":"X","side":"B","px":"35.276","sz":"5.78","time":1764835613064,"hash":"0x00","tid":716095722814130,"users":["0x8c","0x13"]}]}"#,
    r#"{"channel":"activeAssetCtx","data":{"coin":"X","ctx":{"funding":"0.0000125","markPx":"14.3161","oraclePx":"14.32","impactPxs":["1","2"]}}}"#,
    r#"{"topic":"orderbook.500.X","type":"delta","ts":1733011200693,"data":{"s":"X","b":[["1.9531","6198"]],"a":[["2.0038","0"]],"u":1,"seq":130020250},"cts":1733011200690}"#,
    r#"{"type":"l2update","product_id":"X","changes":[["sell","0.00001306","660.5"]],"time":"2021-04-17T16:43:37.075687Z"}"#,
    r#"{"type":"snapshot","product_id":"X","asks":[["0.00001306","1"]],"bids":[["0.00001304","2.5"]]}"#,
    r#"{"type":"match","trade_id":280232,"side":"sell","size":"985","price":"0.00001305","product_id":"X","time":"2021-04-17T16:43:37.089723Z"}"#,
    r#"[1920,{"a":[["0.042990","364630.28272081","1618678145.920470"]]},{"b":[["0.042990","0.00000000","1618678145.920708","r"]],"c":"4105471083"},"book-1000","X"]"#,
    r#"[1921,[["0.042980","8500.00000000","1618678155.718950","b","m",""]],"trade","X"]"#,
    "buy,9170.51,0.11244000000000001,2018-04-24T03:52:17.202Z\nsell,9192.01,4.660822",
];

fn listings(survey: bool) -> Listings {
    if survey {
        return Listings::survey();
    }
    let mut listings = Listings::new();
    let step = Decimal::new(1, 8);
    listings.add(InstrumentId::new(0), "X", step, step).unwrap();
    listings
}

fn feed(decoder: &mut impl Decode, message: &[u8]) {
    let mut events = 0;
    let result = decoder.decode(message, 1, |_| {
        events += 1;
        Ok::<_, DecodeError>(())
    });
    assert!(result.is_ok() || events == 0, "an error after events");
    if let Err(error) = result {
        assert!(!error.to_string().is_empty());
    }
}

fn feed_all(message: &[u8]) {
    for survey in [false, true] {
        feed(&mut Binance::new(listings(survey)), message);
        feed(&mut Hyperliquid::new(listings(survey)), message);
        feed(&mut Bybit::new(listings(survey)), message);
        feed(&mut Coinbase::new(listings(survey)), message);
        feed(&mut Kraken::new(listings(survey)), message);
        let mut book = CsvBook::new(listings(survey));
        for row in message.split(|&byte| byte == b'\n') {
            let _ = book.row(row, |_| Ok::<_, DecodeError>(()));
        }
        let _ = book.finish(|_| Ok::<_, DecodeError>(()));
    }
}

/// One way to damage a message.
#[derive(Clone, Debug)]
enum Damage {
    Set(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || any::<prop::sample::Index>().prop_map(|index| index.index(400));
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        proptest::sample::select(
            [
                "[",
                "]",
                "{",
                "}",
                "\"",
                ",",
                ":",
                "null",
                "-",
                "1e999",
                "1e-99",
                "0.0",
                "99999999999999999999",
                "\\u0041",
                "\\",
                "[[[[",
                "{\"a\":",
                "\"b\":[],",
                "\"data\":",
                "true",
                "\u{feff}",
            ]
            .map(|text| text.as_bytes().to_vec())
            .to_vec()
        ),
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (at(), 1_usize..20).prop_map(|(at, length)| Damage::Remove(at, length)),
        (at(), piece).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (at(), 1_usize..40).prop_map(|(at, length)| Damage::Repeat(at, length)),
        at().prop_map(Damage::Cut),
    ]
}

fn apply(message: &mut Vec<u8>, damage: &Damage) {
    let clamp = |at: usize| at % (message.len() + 1);
    match damage {
        Damage::Set(at, byte) => {
            let at = clamp(*at);
            if let Some(target) = message.get_mut(at) {
                *target = *byte;
            }
        }
        Damage::Remove(at, length) => {
            let at = clamp(*at);
            message.drain(at..message.len().min(at + length));
        }
        Damage::Insert(at, piece) => {
            let at = clamp(*at);
            message.splice(at..at, piece.iter().copied());
        }
        Damage::Repeat(at, length) => {
            let at = clamp(*at);
            let piece = message[at..message.len().min(at + length)].to_vec();
            message.splice(at..at, piece);
        }
        Damage::Cut(at) => message.truncate(clamp(*at)),
    }
}

#[test]
fn the_messages_are_sound_to_begin_with() {
    for message in MESSAGES {
        feed_all(message.as_bytes());
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow_of_the_stack() {
    for open in ["[", "{\"data\":", "{\"a\":[", "[0,[", "{\"x\":"] {
        feed_all(open.repeat(100_000).as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn damaged_messages_never_panic(
        message in proptest::sample::select(MESSAGES),
        all in proptest::collection::vec(damage(), 1..6),
    ) {
        let mut bytes = message.as_bytes().to_vec();
        for damage in &all {
            apply(&mut bytes, damage);
        }
        feed_all(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        feed_all(&bytes);
    }
}
