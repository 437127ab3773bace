//! Screening: bars as columns, indicators over them, and walks with rows of targets. Python's lock
//! is released while they run.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use flyball_core::domain::{
    Body, ConfigError, Instrument, InstrumentId, InstrumentSpec, MINUTE, Money,
};
use flyball_core::features::{BarBuilder, BarSpec};
use flyball_core::screen::{Again, Columns, Found, Screen, Span, Terms};
use flyball_data::tape::Tape;

use crate::errors::{self, Kind, raise};

/// Bars of one instrument, read once and shared by everybody in this process.
#[pyclass(frozen, module = "flyball._core")]
pub(crate) struct BarTable {
    instrument: Instrument,
    columns: Arc<Columns>,
}

fn read(tape: &PathBuf, instrument: &Instrument) -> PyResult<Columns> {
    let opened = Tape::open(tape).map_err(|error| errors::data(&error))?;
    let mut cursor = opened.cursor().map_err(|error| errors::data(&error))?;
    let mut columns: Option<Columns> = None;
    while let Some(event) = cursor.next().map_err(|error| errors::data(&error))? {
        if let Body::Bar(bar) = &event.body
            && bar.instrument == instrument.id()
        {
            let made = || Columns::new(instrument.id(), bar.interval_ns);
            columns.get_or_insert_with(made).push(bar, event.time_ns);
        }
    }
    Ok(columns.unwrap_or_else(|| Columns::new(instrument.id(), MINUTE)))
}

#[pymethods]
impl BarTable {
    /// Read the bars of a tape's first instrument.
    #[new]
    fn new(py: Python<'_>, tape: PathBuf, instrument: &str) -> PyResult<Self> {
        let spec: InstrumentSpec =
            serde_json::from_str(instrument).map_err(|error| raise(Kind::Config, error))?;
        let instrument = Instrument::new(InstrumentId::new(0), &spec);
        let instrument = instrument.map_err(|error| errors::config(&error))?;
        let columns = py.detach(|| read(&tape, &instrument))?;
        Ok(Self { instrument, columns: Arc::new(columns) })
    }

    /// Longer bars, made of these as the engine makes them.
    fn longer(&self, py: Python<'_>, interval_ns: i64) -> PyResult<Self> {
        let made = py.detach(|| -> Result<Columns, ConfigError> {
            let series = BarBuilder::new(BarSpec::Time(interval_ns), &self.instrument)?;
            self.columns.longer(series, interval_ns)
        });
        let columns = Arc::new(made.map_err(|error| errors::config(&error))?);
        Ok(Self { instrument: self.instrument.clone(), columns })
    }

    fn __len__(&self) -> usize {
        self.columns.len()
    }

    /// How long a bar is.
    #[getter]
    fn interval_ns(&self) -> i64 {
        self.columns.interval_ns()
    }

    /// When each bar ended.
    #[getter]
    fn end_ns<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        self.columns.end_ns.to_pyarray(py)
    }

    /// A column of prices in ticks, or of the volume in lots.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53, which every one is")]
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let columns = &*self.columns;
        let values: Vec<f64> = match name {
            "open" => columns.opens().map(|ticks| ticks as f64).collect(),
            "high" => columns.high.iter().map(|ticks| *ticks as f64).collect(),
            "low" => columns.low.iter().map(|ticks| *ticks as f64).collect(),
            "close" => columns.closes().map(|ticks| ticks as f64).collect(),
            "volume" => columns.volume.iter().map(|lots| *lots as f64).collect(),
            other => return Err(raise(Kind::Config, format!("bars have no column {other:?}"))),
        };
        Ok(values.into_pyarray(py))
    }

    /// A feature after each bar, as the engine has it there.
    fn feature<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        parameters: Vec<(String, f64)>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let given: Vec<(&str, f64)> =
            parameters.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let values = py.detach(|| self.columns.feature(name, &given));
        Ok(values.map_err(|error| errors::config(&error))?.into_pyarray(py))
    }

    /// The sample standard deviation of the last closes, in ticks.
    fn deviation<'py>(&self, py: Python<'py>, period: u32) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let values = py.detach(|| self.columns.deviation(period));
        Ok(values.map_err(|error| errors::config(&error))?.into_pyarray(py))
    }
}

fn terms_of(terms: &str) -> PyResult<Terms> {
    let terms: Terms = serde_json::from_str(terms).map_err(|error| raise(Kind::Config, error))?;
    terms.check().map_err(|error| errors::config(&error))?;
    Ok(terms)
}

/// Bars, what is assumed, and when equity is noted: everything of a walk but its targets.
#[pyclass(frozen, module = "flyball._core")]
pub(crate) struct Screening {
    instrument: Instrument,
    columns: Arc<Columns>,
    terms: Terms,
    from: usize,
    to: usize,
    edges: Vec<usize>,
}

#[pymethods]
impl Screening {
    /// Targets count from the bar that ends at `first_ns` or later, until `last_ns`; equity is noted
    /// at each of `edges_ns`.
    #[new]
    fn new(
        bars: &BarTable,
        terms: &str,
        first_ns: i64,
        last_ns: i64,
        edges_ns: PyReadonlyArray1<'_, i64>,
    ) -> PyResult<Self> {
        let ends = &bars.columns.end_ns;
        let edges = edges_ns.as_slice()?.iter();
        Ok(Self {
            instrument: bars.instrument.clone(),
            columns: Arc::clone(&bars.columns),
            terms: terms_of(terms)?,
            from: ends.partition_point(|end| *end < first_ns),
            to: ends.partition_point(|end| *end <= last_ns),
            edges: edges.map(|edge| ends.partition_point(|end| end <= edge)).collect(),
        })
    }

    /// Walk with one target a bar, `full` for a whole position: equity at each edge, and a dict.
    fn run<'py>(
        &self,
        py: Python<'py>,
        targets: PyReadonlyArray1<'_, i8>,
        full: i8,
    ) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyDict>)> {
        let targets = targets.as_slice()?;
        let (equity, found) = py
            .detach(|| -> Result<(Vec<f64>, Found), ConfigError> {
                let screen = Screen::new(&self.instrument, &self.columns, self.terms)?;
                let mut notes = vec![Money::ZERO; self.edges.len()];
                let span = Span { from: self.from, to: self.to, edges: &self.edges };
                let found = screen.run(targets, full, span, &mut notes)?;
                Ok((notes.into_iter().map(Money::to_f64).collect(), found))
            })
            .map_err(|error| errors::config(&error))?;
        let told = PyDict::new(py);
        told.set_item("equity", found.equity.to_string())?;
        told.set_item("fees", found.fees.to_string())?;
        told.set_item("max_drawdown", found.max_drawdown.to_f64())?;
        told.set_item("trades", found.trades)?;
        told.set_item("changes", found.changes)?;
        told.set_item("exits", found.exits)?;
        told.set_item("tripped", found.tripped_at.is_some())?;
        told.set_item("bars", found.bars)?;
        Ok((equity.into_pyarray(py), told))
    }
}

/// A row of targets that a run of the whole engine pursues, without calling Python.
#[pyclass(frozen, module = "flyball._core")]
pub(crate) struct Targets {
    pub(crate) again: Again,
}

#[pymethods]
impl Targets {
    /// One target a bar that ended at `end_ns`, `full` for a whole position.
    #[new]
    fn new(
        end_ns: PyReadonlyArray1<'_, i64>,
        targets: PyReadonlyArray1<'_, i8>,
        full: i8,
        terms: &str,
        first_ns: i64,
    ) -> PyResult<Self> {
        let again = Again {
            end_ns: end_ns.as_slice()?.to_vec(),
            targets: targets.as_slice()?.to_vec(),
            full,
            terms: terms_of(terms)?,
            first_ns,
            closed: 0,
            level: 0,
        };
        Ok(Self { again })
    }
}
