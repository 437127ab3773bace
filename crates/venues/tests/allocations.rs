//! Once warm, a decoder allocates nothing.

use flyball_core::domain::{Decimal, InstrumentId};
use flyball_venues::binance::Binance;
use flyball_venues::bybit::Bybit;
use flyball_venues::coinbase::Coinbase;
use flyball_venues::hyperliquid::{Frame, Hyperliquid, Stream};
use flyball_venues::kraken::Kraken;
use flyball_venues::{Decode, DecodeError, Listings, Seen};

fn listings() -> Listings {
    let mut listings = Listings::new();
    let step = Decimal::new(1, 8);
    listings.add(InstrumentId::new(0), "X", step, step).unwrap();
    listings
}

fn check(mut decoder: impl Decode, messages: &[&str]) {
    for message in messages {
        let mut decode =
            || decoder.decode(message.as_bytes(), 1, |_| Ok::<_, DecodeError>(())).unwrap();
        assert_ne!(decode(), Seen::Foreign, "{message}");
        let counted = allocation_counter::measure(|| {
            decode();
        });
        assert_eq!(counted.count_total, 0, "{message}");
    }
}

#[test]
fn binance() {
    check(
        Binance::new(listings()),
        &[
            r#"{"stream":"x@depth","data":{"e":"depthUpdate","E":1,"T":2,"s":"X","U":1,"u":2,"pu":0,"b":[["1.0","2"],["1.1","2"]],"a":[["1","2"]]}}"#,
            r#"{"lastUpdateId": 1, "bids": [["1.214", "63.38"]], "asks": []}"#,
            r#"{"stream":"x@bookTicker","data":{"u":5,"s":"X","b":"6.6","B":"3.7","a":"6.7","A":"1.5"}}"#,
            r#"{"stream":"x@trade","data":{"e":"trade","E":1,"s":"X","t":3,"p":"6.1","q":"0.2","T":1,"m":true,"M":true}}"#,
            r#"{"stream":"x@kline_1m","data":{"e":"kline","k":{"t":1,"y":[[1.5],{}]}}}"#,
        ],
    );
}

const HYPERLIQUID: &[&str] = &[
    r#"{"channel":"l2Book","data":{"coin":"X","time":1,"levels":[[{"px":"34.9","sz":"2.8","n":1}],[{"n":1,"px":"35","sz":"1"}]]}}"#,
    r#"{"channel":"bbo","data":{"coin":"X","time":1,"bbo":[{"px":"23.7","sz":"4","n":1},{"px":"23.8","sz":"4","n":1}]}}"#,
    r#"{"channel":"trades","data":[{"coin":"X","side":"B","px":"35.2","sz":"5.7","time":1,"hash":"0x00","tid":7,"users":["0x8c","0x13"]}]}"#,
    r#"{"channel":"activeAssetCtx","data":{"coin":"X","ctx":{"funding":"0.0000125","markPx":"14.3161","oraclePx":"14.32","impactPxs":["1","2"]}}}"#,
];

#[test]
fn hyperliquid() {
    check(Hyperliquid::new(listings()), HYPERLIQUID);
}

#[test]
fn market_data_of_a_live_stream() {
    let mut stream = Stream::new(listings());
    for message in HYPERLIQUID {
        let mut decode =
            || stream.decode(message.as_bytes(), 1, |_| Ok::<_, DecodeError>(())).unwrap();
        assert_eq!(decode(), Frame::Market(Seen::Market), "{message}");
        let counted = allocation_counter::measure(|| {
            decode();
        });
        assert_eq!(counted.count_total, 0, "{message}");
    }
}

#[test]
fn the_others() {
    check(
        Bybit::new(listings()),
        &[
            r#"{"topic":"orderbook.500.X","type":"delta","ts":1,"data":{"s":"X","b":[["1.9","6"]],"a":[["2","0"]],"u":7,"seq":1},"cts":1}"#,
        ],
    );
    check(
        Coinbase::new(listings()),
        &[
            r#"{"type":"l2update","product_id":"X","changes":[["sell","0.1","6.5"]],"time":"2021-04-17T16:43:37.075687Z"}"#,
            r#"{"type":"match","trade_id":2,"side":"sell","size":"9","price":"0.1","product_id":"X","time":"2021-04-17T16:43:37.089723Z"}"#,
        ],
    );
    check(
        Kraken::new(listings()),
        &[
            r#"[1,{"a":[["0.04","3.2","1618678145.920470"]]},{"b":[["0.04","0.0","1618678145.920708","r"]],"c":"4105471083"},"book-1000","X"]"#,
            r#"[1,[["0.04","8500.0","1618678155.718950","b","m",""]],"trade","X"]"#,
        ],
    );
}
