//! The sentinel's process, run from Python without Python's lock.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use serde::Deserialize;

use flyball_live::Clock;
use flyball_live::sentinel::latch::{FOLDER, stand};
use flyball_live::sentinel::process::{Plan, release, run};
use flyball_live::sentinel::report::{NAME, verify};
use flyball_live::sentinel::settings::Limits;
use flyball_venues::hyperliquid::sign::{Address, Network, SigningKey};

use crate::errors::{Kind, raise};
use crate::live::start_error;

/// What Python says of a sentinel, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentinelPlan {
    http: String,
    mainnet: bool,
    user: String,
    engine_agent: Option<String>,
    run: PathBuf,
    socket: PathBuf,
    limits: Limits,
    /// The clock: system time at its anchor, what it showed then, how fast it runs.
    clock: Option<(i64, i64, u32)>,
    with_run: bool,
    own_exchange: bool,
}

/// Watch over a run until there is nothing to watch over. Signals are looked for every 100 ms.
#[pyfunction]
pub(crate) fn run_sentinel(py: Python<'_>, plan: &str, key: &str) -> PyResult<()> {
    let plan: SentinelPlan =
        serde_json::from_str(plan).map_err(|error| raise(Kind::Config, error))?;
    let address = |text: &str| {
        Address::parse(text).map_err(|error| raise(Kind::Config, format!("account: {error}")))
    };
    let key =
        SigningKey::parse(key).map_err(|error| raise(Kind::Config, format!("key: {error}")))?;
    let plan = Plan {
        http: plan.http,
        network: if plan.mainnet { Network::Mainnet } else { Network::Testnet },
        user: address(&plan.user)?,
        key,
        engine_agent: plan.engine_agent.as_deref().map(address).transpose()?,
        run: plan.run,
        socket: plan.socket,
        limits: plan.limits,
        clock: plan.clock.map_or(Clock::SYSTEM, |(anchor_ns, start_ns, speed)| {
            Clock::scaled(anchor_ns, start_ns, speed)
        }),
        with_run: plan.with_run,
        own_exchange: plan.own_exchange,
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| run(plan, &stop));
        let mut signalled = Ok(());
        while !watch.is_finished() && signalled.is_ok() {
            py.detach(|| std::thread::sleep(Duration::from_millis(100)));
            signalled = py.check_signals();
        }
        stop.store(true, Ordering::Relaxed);
        let ended = py.detach(|| watch.join());
        signalled?;
        match ended {
            Ok(ended) => ended.map_err(|error| start_error(&error)),
            Err(_) => Err(raise(Kind::Journal, "the sentinel's thread ended before its time")),
        }
    })
}

/// What the sentinel of a run's folder keeps: JSON of why no run may trade (null when it may) and
/// of how whole its report is.
#[pyfunction]
pub(crate) fn sentinel_stand(folder: PathBuf) -> String {
    let report = std::fs::read(folder.join(FOLDER).join(NAME)).unwrap_or_default();
    serde_json::json!({ "refuses": stand(&folder).refuses(), "report": verify(&report) })
        .to_string()
}

/// Release the latch of a sentinel that does not run. The account was read, is flat, and is worth
/// this many units of money at this time of the venue in milliseconds.
#[pyfunction]
pub(crate) fn release_sentinel(folder: PathBuf, worth: i128, venue_ms: i64) -> PyResult<()> {
    release(&folder, worth, venue_ms).map_err(|error| start_error(&error))
}
