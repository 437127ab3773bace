//! From the message that crosses a line to the closing order on the wire. Each trip has an exchange
//! and an engine of its own: what has tripped stays so.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::figures::microseconds;
use crate::scene::Scene;
use crate::sights::{Sight, What};
use crate::{Fallible, wrong};

/// Books and marks come half of this apart, so that it is plain which of them an order belongs to.
const EVERY_NS: i64 = 100_000_000;
const PATIENCE: Duration = Duration::from_secs(10);
/// Between the purchase and the fall, so that nothing else is going on.
const QUIET: Duration = Duration::from_millis(300);
/// A mark moves within a second, and is pushed up to a second after that.
const MARKED: Duration = Duration::from_millis(2_600);

/// Let so many engines hold a position while the market falls through their drawdown line.
pub(crate) fn measure(profile: &str, count: usize) -> Fallible<Value> {
    let mut to_wire = Vec::with_capacity(count);
    let mut marks = 0_usize;
    for at in 0..count {
        let (cause, close) = one(profile, at)?;
        marks += usize::from(cause.what == What::Context);
        to_wire.push(close.at_ns - cause.at_ns);
    }
    let kept = to_wire.iter().filter(|ns| **ns <= 1_000_000).count();
    Ok(json!({ "to_wire_us": microseconds(to_wire), "within_1ms": kept, "by_a_mark": marks }))
}

/// The message that crossed the line, and the order that closes.
fn one(profile: &str, at: usize) -> Fallible<(Sight, Sight)> {
    let scene = Scene::start(EVERY_NS)?;
    let folder = tempfile::tempdir()?;
    let client = Client::engine(profile, &scene.proxy.url(), folder.path(), "holds")?;
    client.wait_for("known")?;
    let until = Instant::now() + PATIENCE;
    while scene.proxy.watch().count(What::Order) == 0 {
        if Instant::now() > until {
            return Err(wrong("the engine did not buy"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // Not always at the same point between two messages.
    std::thread::sleep(QUIET + Duration::from_millis(u64::try_from(at % 97)?));
    scene.proxy.watch().take();
    scene.fall();
    std::thread::sleep(MARKED);
    let sights = scene.proxy.watch().take();
    let tripped_ns = tripped(&client.end()?["status"])?;
    // Before that the stop, which finds nobody at its price, may have been put anew.
    let market = |sight: &&Sight| matches!(sight.what, What::Tick | What::Context);
    let cause = sights.iter().filter(market).rfind(|sight| sight.at_ns <= tripped_ns);
    let mut closes = sights.iter().filter(|sight| sight.what == What::Close);
    let close = closes.find(|sight| sight.at_ns >= tripped_ns);
    cause.copied().zip(close.copied()).ok_or_else(|| wrong("nothing closes after the trip"))
}

/// When the engine took the event that crossed the line.
fn tripped(status: &Value) -> Fallible<i64> {
    let notices = status["notices"].as_array().ok_or_else(|| wrong("the engine tells nothing"))?;
    let started = notices.iter().find(|notice| !notice[1]["FlattenStarted"].is_null());
    let at = started.and_then(|notice| notice[0].as_i64());
    at.ok_or_else(|| wrong("the engine crossed no line"))
}
