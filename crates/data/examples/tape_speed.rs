//! How fast a tape is read, and with how much memory: `tape_speed <tape>`, or
//! `tape_speed make <tape> <new tape> <times>` for a long one made of a short one.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "an example for people")]

use std::time::Instant;

use flyball_core::domain::{Body, Event};
use flyball_data::book_states;
use flyball_data::tape::{Tape, TapeWriter};

fn memory(key: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or("unknown");
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = match arguments.as_slice() {
        [make, from, to, times] if make == "make" => {
            let tape = Tape::open(from)?;
            let mut writer = TapeWriter::create(to, tape.about())?;
            let began = Instant::now();
            for _ in 0..times.parse()? {
                let mut cursor = tape.cursor()?;
                while let Some(event) = cursor.next()? {
                    writer.event(&event)?;
                }
            }
            writer.finish()?;
            println!("written in {:?}, peak {}", began.elapsed(), memory("VmHWM"));
            to
        }
        [path] => path,
        _ => return Err("tape_speed <tape>, or tape_speed make <tape> <new tape> <times>".into()),
    };
    let tape = Tape::open(path)?;
    let megabytes = tape.bytes() as f64 / 1e6;
    println!("{megabytes:.0} MB, opened with {}", memory("VmRSS"));
    let tell = |what: &str, began: Instant, events: u64| {
        let seconds = began.elapsed().as_secs_f64();
        let (speed, rate) = (megabytes / seconds, events as f64 / seconds / 1e6);
        println!("{what}: {speed:.0} MB/s, {rate:.1} M events/s, peak {}", memory("VmHWM"));
    };
    let began = Instant::now();
    let mut cursor = tape.cursor()?;
    let mut levels = 0;
    while let Some(Event { body, .. }) = cursor.next()? {
        if let Body::Depth(depth) = body {
            levels += depth.bids.len() + depth.asks.len();
        }
    }
    tell("read", began, cursor.events());
    let began = Instant::now();
    let (events, _) = tape.verify()?;
    tell("verified", began, events);
    let began = Instant::now();
    book_states(&tape, flyball_core::domain::InstrumentId::new(0), u64::MAX, |_, _| {})?;
    tell("books rebuilt", began, events);
    println!("{levels} levels");
    Ok(())
}
