//! Measures the live path over loopback and prints one JSON object.
//!
//! ```text
//! flyball-bench-live ticks PROFILE COUNT EVERY_MS flyball|traced|COMMAND ...
//! flyball-bench-live trips PROFILE COUNT
//! flyball-bench-live recovery PROFILE CUTS STARTS
//! flyball-bench-live pieces PROFILE
//! flyball-bench-live measuring PROFILE [measured|bare ROUNDS]
//! ```
//!
//! The local exchange and a proxy run in this process, the client that is measured in one of its
//! own. The proxy notes by the system's clock when it begins to write a best bid and offer or a
//! book to the client, and when it has read the client's order. PROFILE is a risk profile in the
//! engine's units. COMMAND is another client: it finds the exchange in `FLYBALL_URL` and the agent's
//! key in `FLYBALL_KEY`, says `ready` on a line, sends one order for every best bid and offer, and
//! ends when its standard input does.
#![allow(clippy::print_stdout, reason = "its one result")]

mod client;
mod figures;
mod frames;
mod measuring;
mod paced;
mod pieces;
#[path = "../../../crates/live/tests/proxy/mod.rs"]
mod proxy;
mod recovery;
mod scene;
mod sights;
mod subject;
mod ticks;
mod traced;
mod trips;

use std::error::Error;
use std::path::PathBuf;

/// What may go wrong, told to a person.
pub(crate) type Fallible<T> = Result<T, Box<dyn Error>>;

/// Something is not as it should be.
pub(crate) fn wrong(reason: impl Into<String>) -> Box<dyn Error> {
    reason.into().into()
}

const USAGE: &str = "usage: flyball-bench-live ticks PROFILE COUNT EVERY_MS flyball|traced|COMMAND \
                     ... | trips PROFILE COUNT | recovery PROFILE CUTS STARTS | pieces PROFILE \
                     | measuring PROFILE";

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match words.as_slice() {
        ["ticks", profile, count, every_ms, client @ ..] if !client.is_empty() => {
            ticks::measure(profile, count.parse()?, every_ms.parse()?, client)?
        }
        ["trips", profile, count] => trips::measure(profile, count.parse()?)?,
        ["recovery", profile, cuts, starts] => {
            recovery::measure(profile, cuts.parse()?, starts.parse()?)?
        }
        ["pieces", profile] => pieces::measure(profile)?,
        ["measuring", profile] => measuring::measure(profile)?,
        ["measuring", profile, how, rounds] => {
            measuring::one(profile, *how == "measured", rounds.parse()?)?
        }
        ["subject", profile, url, folder, how] => {
            let folder = PathBuf::from(folder);
            return match *how {
                "traced" => subject::trade_traced(profile, url, folder),
                how => subject::trade(profile, url, folder, how),
            };
        }
        _ => return Err(USAGE.into()),
    };
    println!("{told}");
    Ok(())
}
