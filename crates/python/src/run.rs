//! A backtest, driven from Python in steps.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use self_cell::self_cell;

use flyball_core::backtest::{
    Backtest, Collect, Decide, Observer, RunError, SimConfig, Stopped, Wake,
};
use flyball_core::domain::{Event, InstrumentId, Money, Rate};
use flyball_core::engine::{Engine, EngineConfig, StrategyView};
use flyball_core::journal::SinkError;
use flyball_core::portfolio::Portfolio;
use flyball_core::risk::Command;
use flyball_core::screen::Again;
use flyball_core::sim::AccountId;
use flyball_core::strategy::Draft;
use flyball_data::journal::Journal;
use flyball_data::tape::{Tape, TapeCursor};

use crate::errors::{self, Kind, raise};
use crate::screen::Targets;
use crate::strategies::Strategies;
use crate::tables;
use crate::view::View;

/// A segment of a journal is ended at this size.
const SEGMENT_BYTES: u64 = 256 << 20;

type OnTape<'t> = Backtest<'t, TapeCursor<'t>>;

self_cell!(
    /// A run and the tape that it reads.
    struct Loaded {
        owner: Tape,
        #[not_covariant]
        dependent: OnTape,
    }
);

/// What looks on: the collector always, the journal when one is kept.
struct Watch {
    seen: Collect,
    journal: Option<Journal>,
}

impl Observer for Watch {
    #[inline]
    fn event(&mut self, event: &Event<'_>, engine: &Engine) -> Result<(), SinkError> {
        if let Some(journal) = &mut self.journal {
            journal.event(event).map_err(|error| SinkError(error.to_string()))?;
        }
        self.seen.event(event, engine)
    }

    #[inline]
    fn command(&mut self, command: &Command, engine: &Engine) -> Result<(), SinkError> {
        if let Some(journal) = &mut self.journal {
            let written = journal.command(command, engine.now_ns());
            written.map_err(|error| SinkError(error.to_string()))?;
        }
        self.seen.command(command, engine)
    }
}

/// Who is asked to decide: Python, or a row of targets.
#[derive(FromPyObject)]
enum Asked {
    Targets(Py<Targets>),
    Python(Vec<(String, Py<PyAny>, Py<View>, bool)>),
}

/// Who decides.
enum Deciders {
    Python(Strategies),
    Targets(Again),
}

impl Deciders {
    /// How often Python was asked.
    const fn asked(&self) -> u64 {
        match self {
            Self::Python(strategies) => strategies.asked(),
            Self::Targets(_) => 0,
        }
    }
}

/// Steps after which it is looked at how often Python is asked: a millisecond or so.
const SLICE: u64 = 4_096;
/// Who is asked in more than one of so many steps is asked with Python's lock held between, for
/// taking it costs a quarter of a call.
const SELDOM: u64 = 64;

impl Decide for Deciders {
    #[inline]
    fn decide(
        &mut self,
        wake: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        match self {
            Self::Python(strategies) => strategies.decide(wake, view, draft),
            Self::Targets(again) => again.decide(wake, view, draft),
        }
    }
}

/// Parse JSON that this package's own Python made.
fn parse<T: serde::de::DeserializeOwned>(what: &str, json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| raise(Kind::Config, format!("{what}: {error}")))
}

/// A backtest over a tape.
#[pyclass(module = "flyball._core")]
pub(crate) struct Run {
    loaded: Loaded,
    deciders: Deciders,
    watch: Watch,
    tape: PathBuf,
    tape_words: usize,
    /// Whether Python is asked so often that its lock is not let go.
    often: bool,
    finished: bool,
}

impl Run {
    fn go_on(&mut self, steps: u64) -> Result<bool, RunError> {
        let Self { loaded, deciders, watch, .. } = self;
        loaded.with_dependent_mut(|_, run| run.run(steps, deciders, watch))
    }
}

#[pymethods]
impl Run {
    /// Prepare a run.
    #[new]
    #[pyo3(signature = (*, engine, sim, tape, strategies, sample_ns, journal=None, about=""))]
    fn new(
        engine: &str,
        sim: &str,
        tape: PathBuf,
        strategies: Asked,
        sample_ns: i64,
        journal: Option<PathBuf>,
        about: &str,
    ) -> PyResult<Self> {
        let engine: EngineConfig = parse("engine", engine)?;
        let sim: SimConfig = parse("sim", sim)?;
        let opened = Tape::open(&tape).map_err(|error| errors::data(&error))?;
        let tape_words = usize::try_from(opened.bytes() / 8).unwrap_or(usize::MAX);
        let loaded = Loaded::try_new(opened, |tape| {
            let cursor = tape.cursor().map_err(|error| errors::data(&error))?;
            Backtest::new(&engine, sim, &cursor).map_err(|error| errors::config(&error))
        })?;
        let journal = match journal {
            Some(folder) => Some(
                Journal::create(folder, about, SEGMENT_BYTES)
                    .map_err(|error| raise(Kind::Journal, error))?,
            ),
            None => None,
        };
        let watch = Watch { seen: Collect::new(sample_ns), journal };
        let deciders = match strategies {
            Asked::Targets(targets) => Deciders::Targets(targets.get().again.clone()),
            Asked::Python(strategies) => Deciders::Python(Strategies::new(strategies)),
        };
        Ok(Self { loaded, deciders, watch, tape, tape_words, often: false, finished: false })
    }

    /// Go on for some steps, without Python's lock but while a strategy decides; where one decides
    /// all the time the lock is offered now and then. Whether there is more.
    fn step(&mut self, py: Python<'_>, steps: u64) -> PyResult<bool> {
        let (mut left, mut outcome) = (steps, Ok(true));
        while left > 0 && matches!(outcome, Ok(true)) {
            let slice = left.min(SLICE);
            left = left.saturating_sub(slice);
            let before = self.deciders.asked();
            outcome = if self.often {
                py.detach(|| ());
                self.go_on(slice)
            } else {
                py.detach(|| self.go_on(slice))
            };
            let asked = self.deciders.asked().saturating_sub(before);
            self.often = asked.saturating_mul(SELDOM) > slice;
        }
        let raised = match &mut self.deciders {
            Deciders::Python(strategies) => strategies.take_raised(),
            Deciders::Targets(_) => None,
        };
        outcome.map_err(|error| match (&error, raised) {
            (RunError::Stopped(_), Some(raised)) => raised,
            (RunError::Tape(error), _) => {
                raise(Kind::Data, format!("{}: damaged at {error}", self.tape.display()))
            }
            _ => errors::run(&error),
        })
    }

    /// The part of the tape that was read, 0 to 1.
    #[getter]
    #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
    fn progress(&self) -> f64 {
        let read = self.loaded.with_dependent(|_, run| run.words_read());
        (read as f64 / self.tape_words.max(1) as f64).min(1.0)
    }

    /// Now, in the run.
    #[getter]
    fn now_ns(&self) -> i64 {
        self.loaded.with_dependent(|_, run| run.now_ns())
    }

    /// Close the journal and tell what happened.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Self { loaded, watch, .. } = self;
        let (hash, now) =
            loaded.with_dependent(|_, run| (run.engine().state_hash(), run.engine().now_ns()));
        if !self.finished {
            self.finished = true;
            loaded.with_dependent(|_, run| watch.seen.sample(run.engine()));
            if let Some(journal) = watch.journal.take() {
                journal.end(hash, now).map_err(|error| raise(Kind::Journal, error))?;
            }
        }
        let outcome = loaded.with_dependent(|_, run| outcome(py, &watch.seen, run.engine()))?;
        loaded.with_dependent(|_, run| -> PyResult<()> {
            let venue = run.venue();
            let held = venue.portfolio(AccountId::new(0)).is_some_and(Portfolio::is_flat);
            outcome.set_item("flat", held && run.engine().portfolio().is_flat())?;
            outcome.set_item("venue_open_orders", venue.open_orders(AccountId::new(0)))
        })?;
        Ok(outcome)
    }
}

/// What a run left, without what only a simulated venue knows.
pub(crate) fn outcome<'py>(
    py: Python<'py>,
    seen: &Collect,
    engine: &Engine,
) -> PyResult<Bound<'py, PyDict>> {
    let outcome = PyDict::new(py);
    outcome.set_item("samples", tables::samples(py, seen)?)?;
    outcome.set_item("fills", tables::fills(py, seen)?)?;
    outcome.set_item("orders", tables::orders(py, seen)?)?;
    let notices = serde_json::to_string(&seen.notices);
    outcome.set_item("notices", notices.unwrap_or_default())?;
    outcome.set_item("state_hash", hex(engine.state_hash()))?;
    outcome.set_item("events", seen.events)?;
    outcome.set_item("decisions", seen.decisions)?;
    outcome.set_item("funding", seen.funding.to_f64())?;
    account(&outcome, engine)?;
    outcome.set_item("flat", engine.portfolio().is_flat())?;
    Ok(outcome)
}

/// The account at the end; money as text, exactly.
fn account(outcome: &Bound<'_, PyDict>, engine: &Engine) -> PyResult<()> {
    let portfolio = engine.portfolio();
    let rate = |rate: Option<Rate>| rate.map(Rate::to_f64);
    outcome.set_item("cash", portfolio.cash().to_string())?;
    outcome.set_item("equity", portfolio.equity().to_string())?;
    outcome.set_item("deposited", portfolio.deposited().to_string())?;
    outcome.set_item("peak", portfolio.peak().to_string())?;
    outcome.set_item("max_drawdown", portfolio.max_drawdown().to_f64())?;
    outcome.set_item("drawdown", rate(portfolio.drawdown()))?;
    let fees = portfolio.positions().iter().fold(Money::ZERO, |sum, p| sum.plus(p.fees()));
    outcome.set_item("fees", fees.to_string())?;
    let realised = portfolio.positions().iter().fold(Money::ZERO, |sum, p| sum.plus(p.realised()));
    outcome.set_item("realised", realised.to_string())?;
    let refused: Vec<(&str, u64)> = engine
        .execution()
        .refusals
        .counts()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(rule, count)| (rule.as_str(), *count))
        .collect();
    outcome.set_item("refused", refused)?;
    let not_ready: u64 = engine.slots().iter().map(flyball_core::strategy::Slot::not_ready).sum();
    outcome.set_item("not_ready", not_ready)?;
    let position = portfolio.qty(InstrumentId::new(0)).lots();
    outcome.set_item("position", position)
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}
