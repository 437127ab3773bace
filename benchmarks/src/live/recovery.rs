//! How long until the account is known again.

use flyball_live::Clock;
use serde_json::{Value, json};

use crate::client::Client;
use crate::figures::microseconds;
use crate::scene::Scene;
use crate::sights::What;
use crate::{Fallible, wrong};

const EVERY_NS: i64 = 20_000_000;
/// It trades so long between two cuts.
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(300);

/// Cut the account's connection and start the process, so many times.
pub(crate) fn measure(profile: &str, cuts: u32, starts: u32) -> Fallible<Value> {
    let scene = Scene::start(EVERY_NS)?;
    Ok(json!({
        "cut": cut(&scene, profile, cuts)?,
        "start_fresh": start(&scene, profile, starts, false)?,
        "start_again": start(&scene, profile, starts, true)?,
    }))
}

/// Cut the connection while it trades.
fn cut(scene: &Scene, profile: &str, cuts: u32) -> Fallible<Value> {
    let folder = tempfile::tempdir()?;
    let client = Client::engine(profile, &scene.proxy.url(), folder.path(), "watched")?;
    client.wait_for("known")?;
    let [mut noticed, mut joined, mut read, mut whole] = [const { Vec::new() }; 4];
    for _ in 0..cuts {
        std::thread::sleep(BETWEEN);
        scene.proxy.watch().take();
        let at = scene
            .proxy
            .watch()
            .cut_account()
            .ok_or_else(|| wrong("no connection of the account"))?;
        noticed.push(client.time_of("unknown")? - at);
        let known = client.time_of("known")?;
        whole.push(known - at);
        let sights = scene.proxy.watch().take();
        let back = sights.iter().find(|it| it.what == What::Account);
        let back = back.ok_or_else(|| wrong("it is known without a connection"))?.at_ns;
        joined.push(back - at);
        read.push(known - back);
    }
    client.end()?;
    Ok(json!({
        "noticed_us": microseconds(noticed),
        "connected_again_us": microseconds(joined),
        "resync_us": microseconds(read),
        "known_again_us": microseconds(whole),
    }))
}

/// Start the process, in a folder of its own or in the one that it was killed in.
fn start(scene: &Scene, profile: &str, starts: u32, again: bool) -> Fallible<Value> {
    let shared = tempfile::tempdir()?;
    let [mut ready, mut known] = [const { Vec::new() }; 2];
    let first = u32::from(again);
    for number in 0..starts + first {
        let fresh = tempfile::tempdir()?;
        let folder = if again { shared.path() } else { fresh.path() };
        let began = Clock::SYSTEM.now_ns();
        let client = Client::engine(profile, &scene.proxy.url(), folder, "watched")?;
        let (started, reached) = (client.time_of("started")?, client.time_of("known")?);
        if number >= first {
            ready.push(started - began);
            known.push(reached - began);
        }
        std::thread::sleep(BETWEEN);
        client.kill()?;
    }
    Ok(json!({ "threads_run_us": microseconds(ready), "known_us": microseconds(known) }))
}
