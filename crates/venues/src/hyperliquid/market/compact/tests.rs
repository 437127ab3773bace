use proptest::prelude::*;

use super::super::{Fields, Fill, Message};
use super::*;

/// Coin, time and levels of both sides.
type Said = (String, i64, [Vec<RawLevel>; 2]);

fn told(coin: &str, time_ms: i64, levels: Levels) -> Said {
    (coin.to_owned(), time_ms, [levels.raw_bids, levels.raw_asks])
}

fn by_hand(message: &[u8]) -> Option<Said> {
    let mut levels = Levels::default();
    let Compact { coin, time_ms } = read(message, &mut levels)?;
    Some(told(coin, time_ms, levels))
}

/// As the reader of JSON has it; `None` for what it refuses, and what is no whole book.
fn as_json(message: &[u8]) -> Option<Said> {
    let (mut levels, mut trades) = (Levels::default(), Vec::new());
    let mut parts = Message { fields: Fields::default(), levels: &mut levels, trades: &mut trades };
    crate::wire::read(message, Fill(&mut parts)).ok()?;
    let fields = parts.fields;
    let whole = fields.channel == "l2Book" && fields.sides == 2;
    whole.then_some(())?;
    Some(told(fields.coin?, fields.time_ms?, levels))
}

/// What it stands for, as text: raw numbers have no equality of their own.
fn shown(said: &Said) -> String {
    format!("{said:?}")
}

/// Numbers as venues write them.
fn number() -> BoxedStrategy<String> {
    prop_oneof!["-?[1-9][0-9]{0,8}\\.[0-9]{1,8}", "0\\.[0-9]{1,8}", "[0-9]{1,18}"].boxed()
}

fn level(number: &BoxedStrategy<String>) -> impl Strategy<Value = String> + use<> {
    let fields = (number.clone(), number.clone(), 0_u64..1_000, any::<bool>());
    fields.prop_map(|(px, sz, n, orders_first)| {
        if orders_first {
            format!(r#"{{"n":{n},"px":"{px}","sz":"{sz}"}}"#)
        } else {
            format!(r#"{{"px":"{px}","sz":"{sz}","n":{n}}}"#)
        }
    })
}

fn message(number: &BoxedStrategy<String>) -> impl Strategy<Value = String> + use<> {
    let side = || prop::collection::vec(level(number), 0..5).prop_map(|it| it.join(","));
    let parts = (side(), side(), "[A-Za-z0-9:@/é-]{0,8}", 0..1_000_000_000_000_000_000_i64);
    let fields = parts.prop_map(|(bids, asks, coin, time)| {
        vec![
            format!(r#""coin":"{coin}""#),
            format!(r#""time":{time}"#),
            format!(r#""levels":[[{bids}],[{asks}]]"#),
        ]
    });
    fields
        .prop_shuffle()
        .prop_map(|it| format!(r#"{{"channel":"l2Book","data":{{{}}}}}"#, it.join(",")))
}

#[test]
fn both_orders_in_which_it_was_recorded_are_read() {
    let first = br#"{"channel":"l2Book","data":{"coin":"HYPE","time":1764842873555,"levels":[[{"px":"34.967","sz":"2.85","n":1},{"px":"34.962","sz":"3.84","n":2}],[{"px":"34.969","sz":"1473.06","n":12}]]}}"#;
    let second = br#"{"channel":"l2Book","data":{"coin":"BTC","levels":[[{"n":5,"px":"105055.0","sz":"3.03622"}],[]],"time":1737918843893}}"#;
    let (coin, time, [bids, asks]) = by_hand(first).unwrap();
    assert_eq!((coin.as_str(), time), ("HYPE", 1_764_842_873_555));
    assert_eq!((bids.len(), asks.len()), (2, 1));
    assert_eq!(asks[0].price, Number::new(34_969, 3));
    assert_eq!(asks[0].qty, Number::new(147_306, 2));
    for message in [&first[..], &second[..]] {
        assert_eq!(shown(&by_hand(message).unwrap()), shown(&as_json(message).unwrap()));
    }
}

#[test]
fn what_is_written_otherwise_is_left_to_the_reader_of_json() {
    let book = |data: &str| format!(r#"{{"channel":"l2Book","data":{{{data}}}}}"#);
    let one = r#""coin":"BTC","time":1,"levels":[[],[]]"#;
    assert!(by_hand(book(one).as_bytes()).is_some());
    for data in [
        r#""coin": "BTC","time":1,"levels":[[],[]]"#,
        r#""coin":"B\u0054C","time":1,"levels":[[],[]]"#,
        r#""coin":"BTC","time":01,"levels":[[],[]]"#,
        r#""coin":"BTC","time":1.5,"levels":[[],[]]"#,
        r#""coin":"BTC","time":1234567890123456789,"levels":[[],[]]"#,
        r#""coin":"BTC","coin":"ETH","time":1,"levels":[[],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[]]"#,
        r#""coin":"BTC","time":1,"levels":[[],[],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[{"px":"1","sz":"1","n":1,"x":0}],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[{"px":"1","px":"2","sz":"1"}],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[{"px":"1"}],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[{"px":"1","sz":"1"}],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[{"sz":"1","px":"1","n":1}],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[{"px":1,"sz":"1"}],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[{"px":"1e2","sz":"1"}],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[{"px":"1.2.3","sz":"1"}],[]]"#,
        r#""coin":"BTC","time":1,"levels":[[],[]],"more":1"#,
        r#""coin":"BTC","levels":[[],[]]"#,
        r#""time":1,"levels":[[],[]]"#,
    ] {
        assert!(by_hand(book(data).as_bytes()).is_none(), "{data}");
    }
    let tail = format!("{} ", book(one));
    assert!(by_hand(tail.as_bytes()).is_none());
}

proptest! {
    #[test]
    fn what_the_venue_writes_is_read_and_is_what_reading_json_gives(message in message(&number())) {
        let said = by_hand(message.as_bytes());
        prop_assert_eq!(Some(shown(&said.unwrap())), as_json(message.as_bytes()).as_ref().map(shown));
    }

    #[test]
    fn a_number_of_any_kind_is_what_reading_json_makes_of_it(
        message in message(&prop_oneof![number(), "-?[0-9.e]{0,21}"].boxed()),
    ) {
        if let Some(said) = by_hand(message.as_bytes()) {
            prop_assert_eq!(Some(shown(&said)), as_json(message.as_bytes()).as_ref().map(shown));
        }
    }

    #[test]
    fn a_damaged_message_is_read_as_json_has_it_or_not_at_all(
        message in message(&number()),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"\"{}[],:.0519-eE \\".to_vec())],
        how in 0_u8..3,
    ) {
        let mut bytes = message.into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => {
                bytes.remove(at);
            }
        }
        if let Some(said) = by_hand(&bytes) {
            prop_assert_eq!(Some(shown(&said)), as_json(&bytes).as_ref().map(shown));
        }
    }
}
