//! One cell of the matrix: a window, a strategy, a fault, a path, a profile; and its run.

use flyball_core::backtest::{Backtest, FeedLatency, SimConfig};
use flyball_core::domain::{
    Body, Event, HOUR, InstrumentId, MILLISECOND, Money, Qty, Rate, SECOND,
};
use flyball_core::engine::{EngineConfig, InstrumentConfig, StrategyConfig};
use flyball_core::journal::{Cursor, Reader, SegmentKind, Writer};
use flyball_core::risk::Profile;
use flyball_core::sim::{AccountId, BarModel, BarPath, Latency, QueueModel};
use flyball_core::strategy::Sizing;
use serde::{Deserialize, Serialize};

use crate::faults::FaultKind;
use crate::judge::{Judge, Outcome};
use crate::setup::ProofError;
use crate::strategies::{Bad, StrategyKind, wake};
use crate::windows::Window;

/// The path within a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// In steps of a thousandth of the price.
    Continuous,
    /// From one of the four prices straight to the next: the whole move is a gap.
    Jump,
}

impl Path {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Continuous, Self::Jump];

    /// What figures call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Jump => "jump",
        }
    }
}

/// Best prices come at least this often, as a live feed's: every half a minute; in bars of hours
/// every two minutes.
pub(crate) fn heartbeat_ns(window: &Window) -> i64 {
    let interval = window.bars.first().map_or(0, |(_, bar)| bar.interval_ns);
    if interval > HOUR { 120 * SECOND } else { 30 * SECOND }
}

/// One cell, by its place among windows and profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Which window.
    pub window: usize,
    /// Which strategy.
    pub strategy: StrategyKind,
    /// What goes wrong.
    pub fault: FaultKind,
    /// How the price gets from one of a bar's prices to the next.
    pub path: Path,
    /// Which profile.
    pub profile: usize,
}

/// The market of a window, as a tape.
pub(crate) fn tape(window: &Window) -> Result<Vec<u64>, ProofError> {
    let wrong = |reason: String| ProofError::Cell(window.name.clone(), reason);
    let mut words = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Tape, "{}", [0; 32], &mut words)
        .map_err(|error| wrong(error.to_string()))?;
    for (end, bar) in window.bars.iter() {
        let event = Event { time_ns: *end, received_ns: *end, body: Body::Bar(*bar) };
        writer.event(&event, &mut words).map_err(|error| wrong(error.to_string()))?;
    }
    writer.end([0; 32], 0, &mut words).map_err(|error| wrong(error.to_string()))?;
    Ok(words)
}

pub(crate) fn engine_config(window: &Window, profile: &Profile, cash: i64) -> EngineConfig {
    EngineConfig {
        instruments: vec![InstrumentConfig {
            spec: window.spec.clone(),
            quiet_ns: heartbeat_ns(window),
        }],
        strategies: vec![StrategyConfig {
            name: "proof".into(),
            instrument: 0,
            wake: wake(heartbeat_ns(window).min(60 * SECOND)),
            bars: None,
            features: Vec::new(),
            sizing: Sizing::EquityFraction { fraction: Rate::ONE },
        }],
        profile: profile.clone(),
        cash: Money::from_whole(cash),
        answer_timeout_ns: 2 * SECOND,
    }
}

pub(crate) fn sim_config(window: &Window, path: Path, seed: u64) -> SimConfig {
    SimConfig {
        queue: QueueModel::Back,
        feed: FeedLatency::Constant { ns: 0 },
        order_latency: Latency::Uniform { min_ns: 20 * MILLISECOND, max_ns: 200 * MILLISECOND },
        report_latency: Latency::Uniform { min_ns: 20 * MILLISECOND, max_ns: 200 * MILLISECOND },
        decision_latency: Latency::Constant { ns: MILLISECOND },
        bars: BarModel {
            path: match path {
                Path::Continuous => BarPath::Continuous { max_step: Rate::from_ppm(1_000) },
                Path::Jump => BarPath::Jump,
            },
            spread: Rate::from_ppm(400),
            participation: Rate::from_ppm(100_000),
            heartbeat_ns: heartbeat_ns(window),
        },
        seed,
    }
}

/// What every cell of a window shares.
pub(crate) struct Stage<'w> {
    pub(crate) window: &'w Window,
    pub(crate) tape: &'w [u64],
    pub(crate) cash: i64,
    pub(crate) seed: u64,
    /// The gap that had to be expected.
    pub(crate) assumed: f64,
}

/// The largest gap that a profile can name: 1 000 %.
const MOST: f64 = 10.0;

/// The gap that had to be expected in a window: the profile's floor, or the largest move of the
/// recording before it.
pub(crate) fn assumed(profile: &Profile, window: &Window) -> f64 {
    profile.governor.gap_floor.to_f64().max(window.seen_before.min(MOST))
}

/// A profile whose governor knows what the recording had shown before the window.
fn warned(profile: &Profile, window: &Window) -> Profile {
    let mut profile = profile.clone();
    let seen = Rate::from_f64(window.seen_before.min(MOST)).unwrap_or(Rate::ZERO);
    // Without a floor there is no governor, and nothing to know.
    if profile.governor.gap_floor > Rate::ZERO {
        let gap = profile.governor.gap_floor.max(seen);
        profile.governor.gaps = vec![(window.spec.symbol.clone(), gap)];
    }
    profile
}

impl Stage<'_> {
    /// Run a cell: the strategy, its fault, its path, against this profile.
    pub(crate) fn run(
        &self,
        mut strategy: Bad,
        fault: FaultKind,
        path: Path,
        profile: &Profile,
    ) -> Result<Outcome, ProofError> {
        let wrong = |reason: String| ProofError::Cell(self.window.name.clone(), reason);
        let profile = &warned(profile, self.window);
        let config = engine_config(self.window, profile, self.cash);
        let reader = Reader::open(self.tape).map_err(|error| wrong(error.to_string()))?;
        let sim = sim_config(self.window, path, self.seed);
        let cursor: Cursor<'_> = reader.cursor();
        let mut test = Backtest::new(&config, sim, &cursor)?;
        strategy.until_ns = self.window.bars.last().map_or(i64::MAX, |(end, _)| *end);
        let mut judge = Judge::new(profile, self.assumed);
        let storm = self.window.storm_ns();
        let part = self.part(&config)?;
        let mut moment = FaultKind::None.at(0, storm);
        let account = AccountId::new(0);
        loop {
            let now = fault.at(test.now_ns(), storm);
            if now != moment || now.rejects || now.parts {
                test.set_trouble(now.trouble);
                test.venue_mut().set_fault(account, now.fault(part));
                if now.dead {
                    test.kill_engine();
                } else if test.is_dead() {
                    let started = test.start_engine(&config, &mut strategy, &mut judge);
                    started.map_err(|error| wrong(error.to_string()))??;
                }
                if now.helpless() != moment.helpless() {
                    judge.helpless(now.helpless());
                }
                moment = now;
            }
            let more = test.run(1, &mut strategy, &mut judge);
            let more = more.map_err(|error| wrong(error.to_string()))?;
            judge.look(test.venue(), test.now_ns());
            if !more {
                break;
            }
        }
        Ok(judge.verdict(&test))
    }

    /// A twentieth of the account, in lots.
    fn part(&self, config: &EngineConfig) -> Result<Qty, ProofError> {
        let instruments = config.instruments()?;
        let (_, bar) = self.window.bars[0];
        let value = config.cash.at_rate(Rate::from_ppm(50_000));
        let part = instruments.first().map(|it| it.qty_for(value, bar.open));
        Ok(part.unwrap_or(Qty::ZERO).max(Qty::from_lots(1)))
    }
}

/// What is traded in a cell.
pub(crate) const TRADED: InstrumentId = InstrumentId::new(0);
