//! What Hyperliquid's codec costs: a message of a book, decoded and applied; an order, packed,
//! signed and framed. `hyperliquid_speed [recording]`; without one the books are made up, with 20
//! levels a side that move by a tick each message.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "an example for people")]

use std::hint::black_box;
use std::io::Read;
use std::time::Instant;

use flate2::read::MultiGzDecoder;
use flyball_core::book::Book;
use flyball_core::domain::{
    Body, ClientOrderId, Decimal, Fees, Instrument, InstrumentId, MarginTier, Rate, Side,
};
use flyball_venues::hyperliquid::sign::{Envelope, Network, SigningKey, recover_l1};
use flyball_venues::hyperliquid::{
    Action, Cloid, EngineTag, Grouping, OrderRequest, OrderTerms, Signer, Stream, Tif, perp_spec,
    post_body,
};
use flyball_venues::{DecodeError, Listings};

type Failure = Box<dyn std::error::Error>;

/// The least time of a pass over `count` things, in nanoseconds each.
fn fastest(
    passes: usize,
    count: usize,
    mut pass: impl FnMut() -> Result<(), Failure>,
) -> Result<f64, Failure> {
    let mut least = f64::INFINITY;
    for _ in 0..passes {
        let began = Instant::now();
        pass()?;
        least = least.min(began.elapsed().as_secs_f64());
    }
    Ok(least * 1e9 / count as f64)
}

/// Book messages of a recording: lines of a time and a message.
fn recorded(path: &str) -> Result<Vec<String>, Failure> {
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut text)?;
    let messages = text.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned()));
    Ok(messages.filter(|message| message.starts_with(r#"{"channel":"l2Book""#)).collect())
}

fn made_up() -> Vec<String> {
    let side = |first: u32, down: bool| {
        let level = |at: u32| {
            let price = if down { first - at } else { first + at };
            format!(
                r#"{{"px":"{price}.0","sz":"{}.{:05}","n":{}}}"#,
                at % 4,
                price % 99_999,
                at + 1
            )
        };
        (0..20).map(level).collect::<Vec<_>>().join(",")
    };
    let message = |at: u32| {
        let middle = 105_000 + at % 50;
        let (bids, asks) = (side(middle, true), side(middle + 1, false));
        let time = 1_737_918_843_000_u64 + u64::from(at);
        format!(
            r#"{{"channel":"l2Book","data":{{"coin":"BTC","time":{time},"levels":[[{bids}],[{asks}]]}}}}"#
        )
    };
    (0..1000).map(message).collect()
}

fn books(instrument: &Instrument, messages: &[String]) -> Result<(), Failure> {
    let mut stream = Stream::new(Listings::of(std::slice::from_ref(instrument))?);
    let passes = (200_000 / messages.len().max(1)).max(5);
    let decode = fastest(passes, messages.len(), || {
        for message in messages {
            stream.decode(message.as_bytes(), 0, |event| {
                black_box(event);
                Ok::<_, DecodeError>(())
            })?;
        }
        Ok(())
    })?;
    let mut book = Book::new(instrument);
    let both = fastest(passes, messages.len(), || {
        book.disconnect();
        for message in messages {
            stream.decode(message.as_bytes(), 0, |event| {
                if let Body::Depth(depth) = &event.body {
                    let _ = black_box(book.apply(depth));
                }
                Ok::<_, DecodeError>(())
            })?;
        }
        Ok(())
    })?;
    let bytes: usize = messages.iter().map(String::len).sum();
    println!(
        "l2Book, {} messages of {} bytes: {decode:.0} ns decoded, {both:.0} ns decoded and applied",
        messages.len(),
        bytes / messages.len().max(1)
    );
    Ok(())
}

fn orders() -> Result<(), Failure> {
    let key = SigningKey::parse(&"01".repeat(32))?;
    let mut signer = Signer::new(key, Network::Testnet);
    let order = OrderRequest {
        asset: 0,
        side: Side::Bid,
        price: Decimal::new(105_055, 0),
        qty: Decimal::new(123, 5),
        reduce_only: false,
        terms: OrderTerms::Limit { tif: Tif::Alo },
        cloid: Some(Cloid::new(EngineTag::new(7), ClientOrderId::new(12))),
    };
    let action = Action::Order { orders: vec![order], grouping: Grouping::Na };
    let envelope = Envelope { expires_after: Some(9), ..Envelope::new(8) };
    let count = 1000;
    let packed = fastest(10, count, || {
        for _ in 0..count {
            black_box(signer.sign(black_box(&action), &envelope)?);
        }
        Ok(())
    })?;
    let signature = signer.sign(&action, &envelope)?;
    let framed = fastest(10, count, || {
        for _ in 0..count {
            black_box(post_body(black_box(&action), &envelope, &signature)?);
        }
        Ok(())
    })?;
    let value = serde_json::to_value(&action)?;
    let recovered = fastest(10, count, || {
        for _ in 0..count {
            black_box(recover_l1(black_box(&value), &envelope, Network::Testnet, &signature)?);
        }
        Ok(())
    })?;
    println!(
        "an order: {:.1} us packed and signed, {:.1} us framed as JSON; its signer found in {:.1} us",
        packed / 1e3,
        framed / 1e3,
        recovered / 1e3
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let tiers = vec![MarginTier { from_notional: 0, max_leverage: 40 }];
    let fees = Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) };
    let instrument = Instrument::new(InstrumentId::new(0), &perp_spec("BTC", 5, tiers, fees)?)?;
    let messages = match std::env::args().nth(1) {
        Some(path) => recorded(&path)?,
        None => made_up(),
    };
    books(&instrument, &messages)?;
    orders()
}
