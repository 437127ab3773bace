//! A synthetic market, written to a tape.

use std::path::PathBuf;

use pyo3::prelude::*;

use flyball_core::domain::{Event, Instrument, InstrumentId, InstrumentSpec};
use flyball_core::sim::{Synthetic, SyntheticConfig};
use flyball_data::DataError;
use flyball_data::tape::TapeWriter;

use crate::errors::{self, Kind, raise};

/// Steps between two looks at whether somebody wants to stop.
const STEPS: u64 = 50_000;

/// Write the market of this configuration to a tape: how many events it has.
#[pyfunction]
#[pyo3(signature = (config, instrument, tape, about, progress=None))]
pub(crate) fn write_synthetic(
    py: Python<'_>,
    config: &str,
    instrument: &str,
    tape: PathBuf,
    about: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<u64> {
    let wrong = |error: serde_json::Error| raise(Kind::Config, error);
    let config: SyntheticConfig = serde_json::from_str(config).map_err(wrong)?;
    let spec: InstrumentSpec = serde_json::from_str(instrument).map_err(wrong)?;
    let instrument = Instrument::new(InstrumentId::new(0), &spec);
    let instrument = instrument.map_err(|error| errors::config(&error))?;
    let market = Synthetic::new(config, &instrument);
    let mut market = market.map_err(|error| errors::config(&error))?;
    let writer = TapeWriter::create(tape, about);
    let mut writer = writer.map_err(|error| errors::data(&error))?;
    let mut emit = |event: &Event<'_>| -> Result<(), DataError> { writer.event(event) };
    let mut steps = 0_u64;
    while market.step(&mut emit).map_err(|error| errors::data(&error))? {
        steps += 1;
        if steps.is_multiple_of(STEPS) {
            py.check_signals()?;
            if let Some(progress) = &progress {
                #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
                let share = (market.now_ns() - config.start_ns) as f64 / config.duration_ns as f64;
                progress.call1(py, (share,))?;
            }
        }
    }
    let events = writer.events();
    writer.finish().map_err(|error| errors::data(&error))?;
    Ok(events)
}
