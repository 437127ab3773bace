//! The engine that is measured, in a process of its own. It ends when its standard input does.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flyball_core::domain::{Intent, Level, NetQty, Price, Qty, Quotes, Side, StrategyId, Target};
use flyball_core::engine::Sight;
use flyball_core::strategy::Draft;
use flyball_live::Clock;
use flyball_live::io::Reach;
use flyball_live::mailbox::{Answer, Letters};
use flyball_live::runtime::{Input, Run, Watcher};
use serde_json::json;

use crate::Fallible;
use crate::scene::plan;

/// Where the time of one tick is noted, in the order in which it walks through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    /// The market's thread has a message of its websocket.
    Frame,
    /// The message is decoded.
    Decoded,
    /// The strategy's thread has its question.
    Asked,
    /// The strategy's answer lies in the engine's queue.
    Answered,
    /// The account's thread has commands.
    Commands,
    /// They are signed, kept, and framed as messages.
    Signed,
    /// They were handed to the system.
    Sent,
}

/// When what was reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(Arc<Mutex<Vec<(Point, i64)>>>);

impl Marks {
    pub(crate) fn note(&self, point: Point) {
        let now = Clock::SYSTEM.now_ns();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((point, now));
    }

    fn tell(&self) -> serde_json::Value {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        json!(marks.iter().map(|(point, ns)| (*point as u8, *ns)).collect::<Vec<_>>())
    }
}

/// Wants one bid some steps below the best, and another one at every question.
#[derive(Debug, Default)]
struct Quoter {
    last: Option<Price>,
}

impl Quoter {
    fn decide(&mut self, view: &impl Sight, draft: &mut Draft) {
        let (Some(best), Some(instrument)) = (view.best(), view.instrument()) else { return };
        let step = instrument.price_step(best.bid.price);
        let at = |steps: i64| {
            let price = Price::from_ticks(best.bid.price.ticks() - steps * step);
            instrument.round_passive(price, Side::Bid)
        };
        let price = if self.last == Some(at(5)) { at(6) } else { at(5) };
        self.last = Some(price);
        let bids = [Level { price, qty: Qty::from_lots(30) }];
        draft.write(&Intent::Quotes(Quotes { bids: &bids, asks: &[] }));
    }
}

/// What it holds, in lots: about as much as the account has.
const HELD: i64 = 4_500;

/// Wants one position and keeps it.
fn hold(draft: &mut Draft) {
    let position = NetQty::from_lots(HELD);
    draft.write(&Intent::Target(Target {
        position,
        stop: None,
        take_profit: None,
        trailing: None,
    }));
}

/// The strategy's thread: it quotes, or with `holds` it buys and holds.
pub(crate) fn strategy(end: Letters, inputs: Reach<Input>, marks: Marks, holds: bool) {
    std::thread::spawn(move || {
        let mut quoter = Quoter::default();
        while let Some(question) = end.next() {
            marks.note(Point::Asked);
            let mut draft = Draft::default();
            if holds {
                hold(&mut draft);
            } else {
                quoter.decide(&question.view, &mut draft);
            }
            let woken_ns = question.woken_ns;
            end.give_back(question);
            let answer = Answer::Decided { woken_ns, draft };
            if inputs.tell(Input::Answer(StrategyId::new(0), answer)).is_err() {
                return;
            }
            marks.note(Point::Answered);
        }
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever started it may have gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Tell when its account becomes known and unknown; once, or for ever.
fn watch(watcher: &Watcher, for_ever: bool) {
    let mut known = false;
    loop {
        let now_known = watcher.connections().account_known;
        if now_known != known {
            known = now_known;
            let word = if known { "known" } else { "unknown" };
            say(&format!("{word} {}", Clock::SYSTEM.now_ns()));
            if known && !for_ever {
                return;
            }
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Trade until the input ends. `watched`: tell each time that the account is known or not; `holds`:
/// buy and hold.
pub(crate) fn trade(profile: &str, url: &str, folder: PathBuf, how: &str) -> Fallible<()> {
    let for_ever = how == "watched";
    let (run, letters) = Run::start(plan(url, folder, profile)?)?;
    say(&format!("started {}", Clock::SYSTEM.now_ns()));
    let marks = Marks::default();
    for end in letters {
        strategy(end, run.inputs(), marks.clone(), how == "holds");
    }
    let watcher = run.watcher();
    std::thread::spawn(move || watch(&watcher, for_ever));
    until_input_ends();
    let status = run.status();
    run.stop(false, Duration::ZERO)?;
    let notices = status.map_or(json!(null), |status| json!(status));
    say(&json!({ "marks": marks.tell(), "status": notices }).to_string());
    Ok(())
}

/// The same with what stands in [`crate::traced`], which notes more.
pub(crate) fn trade_traced(profile: &str, url: &str, folder: PathBuf) -> Fallible<()> {
    let marks = Marks::default();
    let run = crate::traced::start(plan(url, folder, profile)?, &marks)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while !run.is_known() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    say(&format!("known {}", Clock::SYSTEM.now_ns()));
    until_input_ends();
    say(&json!({ "marks": marks.tell() }).to_string());
    Ok(())
}

fn until_input_ends() {
    let mut nothing = Vec::new();
    let _ended = std::io::stdin().read_to_end(&mut nothing);
}
