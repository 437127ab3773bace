//! Measures the engine, and what shows its floor. Called by `benchmarks/run.py`.
//!
//! ```text
//! flyball-bench core ENGINE.json SIM.json TAPE SIZE        one JSON object
//! flyball-bench contest ENGINE.json SIM.json TAPE SIZE around|cycle|idle
//! flyball-bench floor maker|cycle|idle ROWS | bars|sweep CLOSES | l2book LINES
//! flyball-bench decode COIN LINES
//! flyball-bench feed COUNT LEVELS TAPE [ROWS] | ticks COUNT EVERY_NS TAPE ROWS | rows TAPE ROWS
//! flyball-bench paths ENGINE.json SIM.json                 for callgrind
//! flyball-bench growth tape|instruments|strategies|depth TAPE|N ENGINE.json SIM.json
//! flyball-bench flame FOLDED SVG TITLE
//! ```
//!
//! `contest`, `floor` and `decode` are contestants: they do their work once for every line on
//! standard input, and say what it took.
#![allow(clippy::print_stdout, reason = "its one result")]

mod core;
mod decode;
mod feed;
mod flame;
mod floor;
mod growth;
mod paths;
mod trip;
mod worker;

use std::error::Error;

use serde_json::{Value, json};

/// What may go wrong, told to a person.
pub(crate) type Fallible<T> = Result<T, Box<dyn Error>>;

const USAGE: &str =
    "usage: flyball-bench core|contest|floor|decode|feed|ticks|rows|paths|growth|flame ...";

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match words.as_slice() {
        ["core", engine, sim, tape, size] => {
            core::measure(&core::Asked::read(engine, sim, tape, size)?)?
        }
        ["contest", engine, sim, tape, size, wants] => {
            let asked = core::Asked::read(engine, sim, tape, size)?;
            return worker::serve(|| core::contest(&asked, wants));
        }
        ["floor", what, data] => return floor(what, data),
        ["decode", coin, lines] => return decode::serve(coin, lines),
        ["feed", count, levels, tape] => feed::make(count.parse()?, levels.parse()?, tape, None)?,
        ["feed", count, levels, tape, rows] => {
            feed::make(count.parse()?, levels.parse()?, tape, Some(rows))?
        }
        ["ticks", count, every_ns, tape, rows] => {
            feed::ticks(count.parse()?, every_ns.parse()?, tape, rows)?
        }
        ["rows", tape, rows] => feed::export(tape, rows)?,
        ["paths", engine, sim] => paths::walk(engine, sim)?,
        ["growth", "tape", tape, engine, sim] => growth::tape(tape, engine, sim)?,
        ["growth", what, many, engine, sim] => growth::measure(what, many.parse()?, engine, sim)?,
        ["flame", folded, svg, title] => flame::draw(folded, svg, title)?,
        _ => return Err(USAGE.into()),
    };
    println!("{told}");
    Ok(())
}

/// The sketches as contestants.
fn floor(what: &str, data: &str) -> Fallible<()> {
    const STEP_NS: i64 = 100_000_000;
    let market = |every_ns, want| {
        let rows = feed::read(data)?;
        worker::serve(|| {
            let done = floor::maker::backtest(std::hint::black_box(&rows), every_ns, want);
            let floor::maker::Done { orders, fills, position } = done;
            Ok(json!({"orders": orders, "fills": fills, "position": position, "rows": rows.len()}))
        })
    };
    match what {
        "maker" => market(STEP_NS, floor::maker::around),
        "cycle" => market(0, floor::maker::cycle),
        "idle" => market(0, floor::maker::idle),
        "bars" => {
            let closes = floor::bars::Closes::read(data)?;
            worker::serve(|| {
                let (trades, [profit, fall, sharpe]) = std::hint::black_box(&closes).one(50, 200);
                Ok(json!({"trades": trades, "profit": profit, "fall": fall, "sharpe": sharpe,
                    "bars": closes.len()}))
            })
        }
        "sweep" => {
            let (closes, pairs) = (floor::bars::Closes::read(data)?, floor::bars::pairs());
            worker::serve(|| {
                let (trades, total) = closes.many(std::hint::black_box(&pairs));
                Ok(json!({"trades": trades, "total": total, "pairs": pairs.len()}))
            })
        }
        "l2book" => {
            let text = std::fs::read(data)?;
            let messages: Vec<&[u8]> =
                text.split(|it| *it == b'\n').filter(|it| it.len() > 10).collect();
            let mut levels = [[(0, 0); 20]; 2];
            worker::serve(|| {
                let started = decode::Started::now();
                for message in decode::many(&messages) {
                    floor::l2book::read(std::hint::black_box(message), &mut levels);
                    std::hint::black_box(&levels);
                }
                let best: Value = json!([levels[0][0].0, levels[1][0].0]);
                Ok(started.told(&best))
            })
        }
        other => Err(format!("there is no floor of {other:?}").into()),
    }
}
