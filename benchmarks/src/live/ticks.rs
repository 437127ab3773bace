//! Tick to signed order.

use std::process::Command;
use std::time::{Duration, Instant};

use flyball_live::transport::ask_once;
use flyball_venues::hyperliquid::{Query, query_body};
use serde_json::{Value, json};

use crate::client::Client;
use crate::figures::microseconds;
use crate::scene::{AGENT, COIN, Scene, account};
use crate::sights::{Sight, What};
use crate::subject::Point;
use crate::{Fallible, wrong};

/// The first ones find everything cold.
const WARM_UP: usize = 100;

/// A tick and the order that it led to.
#[derive(Clone, Copy, Debug)]
struct Pair {
    tick: Sight,
    order: Sight,
}

/// Let a client trade for `count` orders on a market that ticks every `every_ms`.
pub(crate) fn measure(
    profile: &str,
    count: usize,
    every_ms: u32,
    client: &[&str],
) -> Fallible<Value> {
    let scene = Scene::start(i64::from(every_ms) * 1_000_000)?;
    let folder = tempfile::tempdir()?;
    let url = scene.proxy.url();
    let ours = matches!(client, ["flyball" | "traced"]);
    let client = if ours {
        let client = Client::engine(profile, &url, folder.path(), client[0])?;
        client.wait_for("known")?;
        client
    } else {
        let mut command = Command::new(client[0]);
        command.args(&client[1..]);
        command.env("FLYBALL_URL", &url).env("FLYBALL_KEY", AGENT).env("FLYBALL_COIN", COIN);
        command.env("FLYBALL_ACCOUNT", account()?.to_string());
        let client = Client::start(command)?;
        client.wait_for("ready")?;
        client
    };
    let patience = Duration::from_millis(u64::from(every_ms) * 4) * u32::try_from(count)?;
    let until = Instant::now() + patience + Duration::from_secs(10);
    while scene.proxy.watch().count(What::Order) < count + WARM_UP {
        if Instant::now() > until {
            return Err(wrong(format!("{} orders only", scene.proxy.watch().count(What::Order))));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let sights = scene.proxy.watch().take();
    let about = client.end()?;
    let pairs = if ours { earliest(&sights) } else { in_order(&sights)? };
    let pairs = pairs.get(WARM_UP..).ok_or_else(|| wrong("no order belongs to a tick"))?;
    tell(&scene, pairs, &sights, about)
}

fn tell(scene: &Scene, pairs: &[Pair], sights: &[Sight], mut about: Value) -> Fallible<Value> {
    let taken = |of: &dyn Fn(&Pair) -> i64| microseconds(pairs.iter().map(of).collect());
    let bytes: usize = pairs.iter().map(|it| it.order.bytes).sum();
    let count = |what| sights.iter().filter(|sight| sight.what == what).count();
    let marks = about.as_object_mut().and_then(|about| about.remove("marks"));
    Ok(json!({
        "tick_to_order_us": taken(&|it| it.order.at_ns - it.tick.at_ns),
        "from_write_done_us": taken(&|it| it.order.at_ns - it.tick.written_ns),
        "write_us": taken(&|it| it.tick.written_ns - it.tick.at_ns),
        "ticks": count(What::Tick),
        "orders": count(What::Order),
        "cancels": count(What::Cancel),
        "order_bytes": bytes / pairs.len().max(1),
        "at_the_venue": at_the_venue(scene)?,
        "stages_us": marks.map(|marks| stages(pairs, &marks)),
        "client": about,
    }))
}

/// What became of the orders, by the venue.
fn at_the_venue(scene: &Scene) -> Fallible<Value> {
    let body = query_body(&Query::HistoricalOrders { user: account()? })?;
    let url = format!("http://127.0.0.1:{}", scene.port);
    let (_, answer) = ask_once(&url, "/info", &body)?;
    let orders: Vec<Value> = serde_json::from_slice(&answer)?;
    let mut counts = serde_json::Map::new();
    for order in &orders {
        let status = order["status"].as_str().unwrap_or("unknown");
        let count = counts.get(status).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(status.to_owned(), json!(count + 1));
    }
    Ok(Value::Object(counts))
}

/// An order belongs to the first tick since the last order. Two messages at one time are one tick,
/// and a second order that the second of them leads to belongs to none.
fn earliest(sights: &[Sight]) -> Vec<Pair> {
    let (mut waiting, mut pairs) = (None, Vec::new());
    for &sight in sights {
        match sight.what {
            What::Tick => _ = waiting.get_or_insert(sight),
            What::Order => {
                pairs.extend(waiting.take().map(|tick| Pair { tick, order: sight }));
            }
            What::Cancel | What::Close | What::Context | What::Account => {}
        }
    }
    pairs
}

/// The client sends one order for every best bid and offer, one after the other: the n-th order
/// belongs to the n-th, however long it waited for those before it.
fn in_order(sights: &[Sight]) -> Fallible<Vec<Pair>> {
    let only = |what, best| {
        let found = sights.iter().filter(move |it| it.what == what && it.best == best);
        found.copied().collect::<Vec<_>>()
    };
    let (ticks, orders) = (only(What::Tick, true), only(What::Order, false));
    let pairs = ticks.iter().zip(&orders);
    let pairs: Vec<_> = pairs.map(|(&tick, &order)| Pair { tick, order }).collect();
    if pairs.iter().any(|pair| pair.order.at_ns < pair.tick.at_ns) {
        return Err(wrong("an order came before its tick: the client sends more than one a tick"));
    }
    Ok(pairs)
}

const STAGES: [(&str, Point); 7] = [
    ("socket to market thread", Point::Frame),
    ("decode", Point::Decoded),
    ("engine takes it in, strategy is woken", Point::Asked),
    ("strategy decides", Point::Answered),
    ("engine decides, account thread is woken", Point::Commands),
    ("sign and keep cancel and order", Point::Signed),
    ("hand to the system", Point::Sent),
];

/// How long each stage took.
fn stages(pairs: &[Pair], marks: &Value) -> Value {
    let marks: Vec<(u8, i64)> = serde_json::from_value(marks.clone()).unwrap_or_default();
    let of = |point: Point| {
        let mut times: Vec<i64> =
            marks.iter().filter(|it| it.0 == point as u8).map(|it| it.1).collect();
        times.sort_unstable();
        times
    };
    let reached = STAGES.map(|(name, point)| (name, of(point)));
    let mut took: Vec<Vec<i64>> = vec![Vec::new(); STAGES.len() + 1];
    for pair in pairs {
        let mut at = pair.tick.at_ns;
        let walked: Option<Vec<i64>> = reached
            .iter()
            .map(|(_, times)| {
                let next = *times.get(times.partition_point(|time| *time < at))?;
                let took = next - at;
                at = next;
                Some(took)
            })
            .collect();
        // A stage that a later tick reached first is not this one's.
        let Some(walked) = walked.filter(|_| at <= pair.order.at_ns + 1_000_000) else { continue };
        for (all, one) in took.iter_mut().zip(walked) {
            all.push(one);
        }
        took[STAGES.len()].push(pair.order.at_ns - at);
    }
    let names = STAGES.iter().map(|(name, _)| *name).chain(["proxy reads it (after that)"]);
    let told = names.zip(took).map(|(name, took)| (name.to_owned(), microseconds(took)));
    Value::Object(told.filter(|(_, it)| it["count"] != 0).collect())
}
