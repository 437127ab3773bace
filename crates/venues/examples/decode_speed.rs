//! How fast a recording is decoded, without files and unpacking: `decode_speed <file>…`, of
//! Binance.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "an example for people")]

use std::io::Read;
use std::time::Instant;

use flate2::read::MultiGzDecoder;
use flyball_core::domain::{Decimal, InstrumentId};
use flyball_venues::binance::Binance;
use flyball_venues::{Decode, DecodeError, Listings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let mut text = String::new();
        MultiGzDecoder::new(std::fs::File::open(&path)?).read_to_string(&mut text)?;
        let messages: Vec<&str> =
            text.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
        let mut survey = Binance::new(Listings::survey());
        for message in &messages {
            survey.decode(message.as_bytes(), 0, |_| Ok::<_, DecodeError>(()))?;
        }
        let mut listings = Listings::new();
        for it in survey.listings().iter() {
            let used = it.surveyed().unwrap_or_default();
            let step = |decimals| Decimal::new(1, decimals);
            let (tick, lot) = (step(used.price.needed), step(used.qty.needed));
            listings.add(InstrumentId::new(0), it.symbol(), tick, lot)?;
        }
        let mut decoder = Binance::new(listings);
        let mut fastest = f64::INFINITY;
        for _ in 0..10 {
            let began = Instant::now();
            for message in &messages {
                decoder.decode(message.as_bytes(), 0, |event| {
                    std::hint::black_box(event);
                    Ok::<_, DecodeError>(())
                })?;
            }
            fastest = fastest.min(began.elapsed().as_secs_f64());
        }
        let bytes: usize = messages.iter().map(|message| message.len()).sum();
        println!(
            "{path}: {:.0} ns a message, {:.0} MB/s",
            fastest * 1e9 / messages.len() as f64,
            bytes as f64 / fastest / 1e6
        );
    }
    Ok(())
}
