//! A journal, run again from Python in steps.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use self_cell::self_cell;

use flyball_core::backtest::{Collect, Observer};
use flyball_core::engine::{Engine, EngineConfig};
use flyball_core::journal::Entry;
use flyball_core::replay;
use flyball_core::risk::Commands;
use flyball_data::journal::{JournalCursor, JournalReader};

use crate::errors::{Kind, raise};
use crate::run::hex;

type OnJournal<'j> = replay::Replay<JournalCursor<'j>>;

self_cell!(
    /// A replay and the journal that it reads.
    struct Loaded {
        owner: JournalReader,
        #[not_covariant]
        dependent: OnJournal,
    }
);

/// What a journal says about its run: JSON, from the header of its first segment.
#[pyfunction]
pub(crate) fn journal_about(folder: PathBuf) -> PyResult<String> {
    let reader = JournalReader::open(folder).map_err(|error| raise(Kind::Journal, error))?;
    let about = reader.about().map_err(|error| raise(Kind::Journal, error))?;
    Ok(about.to_owned())
}

/// What a journal holds of its run, as columns: the engine is run again over its events.
///
/// Samples are taken every `sample_ns`. A journal that a crash cut off is read as far as it goes.
#[pyfunction]
pub(crate) fn collect_journal(
    py: Python<'_>,
    folder: PathBuf,
    engine: &str,
    sample_ns: i64,
) -> PyResult<Py<PyDict>> {
    let wrong = |error: String| raise(Kind::Journal, format!("{}: {error}", folder.display()));
    let config: EngineConfig = serde_json::from_str(engine)
        .map_err(|error| wrong(format!("its configuration is not one: {error}")))?;
    let reader = JournalReader::open(&folder).map_err(|error| raise(Kind::Journal, error))?;
    let found = reader.recover().map_err(|error| raise(Kind::Journal, error))?;
    let mut engine = Engine::new(&config).map_err(|error| wrong(error.to_string()))?;
    let mut seen = Collect::new(sample_ns);
    let mut out = Commands::with_capacity(256);
    let mut cursor = reader.cursor();
    for _ in 0..found.entries {
        match cursor.next().map_err(|error| raise(Kind::Journal, error))? {
            Some(Entry::Snapshot(first)) if seen.events == 0 => {
                engine = Engine::restore(first).map_err(|error| wrong(error.to_string()))?;
            }
            Some(Entry::Event(event)) => {
                let taken = engine.on_event(&event, &mut out);
                taken.map_err(|error| wrong(error.to_string()))?;
                // Collecting cannot fail.
                let _seen = seen.event(&event, &engine);
                for command in out.drain() {
                    let _seen = seen.command(&command, &engine);
                }
            }
            Some(_) => {}
            None => break,
        }
    }
    seen.sample(&engine);
    Ok(crate::run::outcome(py, &seen, &engine)?.unbind())
}

/// Runs a journal again and compares every command and the final state.
#[pyclass(unsendable, module = "flyball._core")]
pub(crate) struct Replay {
    loaded: Loaded,
    folder: PathBuf,
}

#[pymethods]
impl Replay {
    #[new]
    fn new(folder: PathBuf, engine: &str) -> PyResult<Self> {
        let config: EngineConfig = serde_json::from_str(engine).map_err(|error| {
            raise(Kind::Journal, format!("the journal's configuration is not one: {error}"))
        })?;
        let reader = JournalReader::open(&folder).map_err(|error| raise(Kind::Journal, error))?;
        let loaded = Loaded::try_new(reader, |reader| -> PyResult<_> {
            let engine = Engine::new(&config).map_err(|error| raise(Kind::Journal, error))?;
            Ok(replay::Replay::new(reader.cursor(), engine))
        })?;
        Ok(Self { loaded, folder })
    }

    /// Go on for some records. What it came to, at the end.
    fn step<'py>(&mut self, py: Python<'py>, records: u64) -> PyResult<Option<Bound<'py, PyDict>>> {
        let outcome = self.loaded.with_dependent_mut(|_, replay| replay.run(records));
        let wrong = |error| raise(Kind::Journal, format!("{}: {error}", self.folder.display()));
        let Some(done) = outcome.map_err(wrong)? else {
            return Ok(None);
        };
        let told = PyDict::new(py);
        told.set_item("events", done.events)?;
        told.set_item("commands", done.commands)?;
        told.set_item("snapshots", done.snapshots)?;
        told.set_item("state_hash", hex(done.state_hash))?;
        Ok(Some(told))
    }

    /// Events that were taken in so far.
    #[getter]
    fn events(&self) -> u64 {
        self.loaded.with_dependent(|_, replay| replay.done().events)
    }
}
