//! Bytes into every decoder: whatever they are, they give values or an error. Property tests and
//! fuzz targets share this.
#![allow(dead_code, reason = "each test and each fuzz target uses its part")]

use flyball_core::domain::{
    Decimal, Fees, Instrument, InstrumentId, MarginTier, Money, Rate, Status,
};
use flyball_venues::binance::Binance;
use flyball_venues::bybit::Bybit;
use flyball_venues::coinbase::{Coinbase, CsvBook};
use flyball_venues::hyperliquid::info::{self, Found};
use flyball_venues::hyperliquid::sign::Address;
use flyball_venues::hyperliquid::{
    Answer, Assets, EngineTag, Frame, Hyperliquid, OrderUpdate, Outcome, Owner, Reply, Stream,
    UserFill, perp_spec,
};
use flyball_venues::kraken::Kraken;
use flyball_venues::{Decode, DecodeError, Listings};

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
    check(&result);
}

/// An error says something.
fn check<T>(result: &Result<T, DecodeError>) {
    if let Err(error) = result {
        assert!(!error.to_string().is_empty());
    }
}

/// The decoders of recordings.
pub(crate) fn decoders(message: &[u8]) {
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

fn fees() -> Fees {
    Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) }
}

fn assets() -> Assets {
    let tiers = vec![MarginTier { from_notional: 0, max_leverage: 10 }];
    let spec = perp_spec("X", 2, tiers, fees()).unwrap();
    let mut assets = Assets::new();
    assets.add(1, &Instrument::new(InstrumentId::new(0), &spec).unwrap()).unwrap();
    assets
}

fn owner(assets: &Assets) -> Owner<'_> {
    let user = Address::parse("0x31ca8395cf837de08b24da3f660e77761dfb974b").unwrap();
    Owner { user, tag: EngineTag::new(7), assets }
}

/// A message of Hyperliquid's websocket, and what is made of it.
pub(crate) fn hyperliquid_frame(message: &[u8]) {
    let assets = assets();
    let owner = owner(&assets);
    for survey in [false, true] {
        let mut stream = Stream::new(listings(survey));
        let mut events = 0;
        let frame = stream.decode(message, 1, |_| {
            events += 1;
            Ok::<_, DecodeError>(())
        });
        check(&frame);
        match frame {
            Err(_) => assert_eq!(events, 0, "an error after events"),
            Ok(Frame::Market(_)) => {}
            Ok(frame) => {
                assert_eq!(events, 0, "events of something that is not the market");
                convert(frame, &owner);
            }
        }
    }
}

fn convert(frame: Frame, owner: &Owner<'_>) {
    match frame {
        Frame::Candles(candles) => {
            for candle in candles {
                check(&candle.bar(owner.assets.id(InstrumentId::new(0)).unwrap(), 1));
            }
        }
        Frame::Orders(orders) => {
            for order in &orders {
                update(order, owner);
            }
        }
        Frame::Fills(fills) => {
            for it in &fills.fills {
                fill(it, owner);
            }
        }
        Frame::Events(events) => {
            for it in &events.fills {
                fill(it, owner);
            }
            let _ = events.funding.map(|it| (it.payment(owner), it.time_ns()));
        }
        Frame::Fundings(all) => {
            for it in all.fundings {
                let _ = (it.payment(owner), it.time_ns());
            }
        }
        Frame::Ledger(all) => {
            for it in all.updates {
                let _ = (it.transfer(owner.user), it.time_ns());
            }
        }
        Frame::Posted(posted) => match posted.reply {
            Reply::Info(json) => hyperliquid_info(json.as_bytes()),
            Reply::Action(answer) => outcomes(answer),
            Reply::Error(text) => outcomes(Answer::of_error(&text)),
        },
        _ => {}
    }
}

fn fill(it: &UserFill, owner: &Owner<'_>) {
    check(&it.fill(owner));
    check(&it.time_ns());
}

fn update(it: &OrderUpdate, owner: &Owner<'_>) {
    let _ = (it.report(owner), it.time_ns());
    assert_eq!(it.status() == Status::Filled, it.status_text == "filled");
    let cancelled = matches!(it.status(), Status::Cancelled(_));
    assert!(!cancelled || it.status_text.to_lowercase().contains("cancel"));
}

/// An answer of Hyperliquid's `/info`, whatever was asked.
pub(crate) fn hyperliquid_info(body: &[u8]) {
    let assets = assets();
    let owner = owner(&assets);
    let asset = owner.assets.id(InstrumentId::new(0)).unwrap();
    if let Ok(meta) = info::meta(body) {
        for perp in &meta.universe {
            let _ = meta.spec(perp, fees());
        }
    }
    check(&info::meta_and_contexts(body));
    if let Ok(account) = info::clearinghouse(body) {
        for it in &account.positions {
            check(&it.net_qty(asset));
        }
    }
    check(&info::balances(body));
    check(&info::open_orders(body));
    if let Ok(history) = info::historical_orders(body) {
        for it in &history {
            update(it, &owner);
        }
    }
    if let Ok(Found::Order(it)) = info::order_status(body) {
        update(&it, &owner);
    }
    if let Ok(fills) = info::user_fills(body) {
        for it in &fills {
            fill(it, &owner);
        }
    }
    check(&info::user_funding(body));
    if let Ok(ledger) = info::user_ledger(body) {
        for it in &ledger {
            assert!(it.transfer(owner.user).is_none_or(|it| it.amount != Money::ZERO));
        }
    }
    check(&info::worth_history(body));
    check(&info::rate_limit(body));
    check(&info::role(body));
    check(&info::agents(body));
    check(&info::account_mode(body));
    check(&info::mids(body));
    if let Ok(candles) = info::candles(body) {
        for it in &candles {
            check(&it.bar(asset, 1));
        }
    }
    check(&info::funding_history(body));
    for survey in [false, true] {
        let mut decoder = Hyperliquid::new(listings(survey));
        check(&decoder.decode_book(body, 1, |_| Ok::<_, DecodeError>(())));
    }
}

/// An answer of Hyperliquid's `/exchange`, with any HTTP status.
pub(crate) fn hyperliquid_answer(body: &[u8]) {
    let answer = Answer::of_json(body);
    check(&answer);
    if let Ok(answer) = answer {
        outcomes(answer);
    }
    for status in [0, 200, 400, 422, 429, 500] {
        if let Ok(answer) = Answer::of_http(status, body) {
            outcomes(answer);
        }
    }
    outcomes(Answer::of_error(&String::from_utf8_lossy(body)));
}

fn outcomes(answer: Answer) {
    let one = Decimal::new(1, 0);
    for outcome in answer.outcomes(3) {
        for immediate in [false, true] {
            let filled = outcome.order_status(one, immediate) == Status::Filled;
            assert!(!filled || matches!(outcome, Outcome::Filled { .. }));
        }
        let cancelled = matches!(outcome.cancel_status(), Some(Status::Cancelled(_)));
        assert_eq!(cancelled, outcome == Outcome::Success);
    }
}
