//! Recordings, tapes and their checks.

use std::ops::ControlFlow;
use std::path::PathBuf;

use numpy::{PyArray2, PyArrayMethods, ToPyArray};
use pyo3::prelude::*;

use flyball_core::book::Book;
use flyball_core::domain::{InstrumentId, Side};
use flyball_core::features::FEATURES;
use flyball_data::DataError;
use flyball_data::import::{ImportSpec, Progress, Stage, import_recording};
use flyball_data::tape::Tape;
use serde_json::json;

use crate::errors::{self, Kind, raise};
use crate::run::hex;

/// Import a recording into a folder. `progress` gets the stage, bytes read, bytes in all, and events
/// decoded; what it raises ends the import. Returns JSON about the tape, and whether it was done now.
#[pyfunction]
pub(crate) fn import_data(
    py: Python<'_>,
    spec: &str,
    folder: PathBuf,
    progress: Py<PyAny>,
) -> PyResult<(String, bool)> {
    let spec: ImportSpec =
        serde_json::from_str(spec).map_err(|error| raise(Kind::Config, error))?;
    let mut raised: Option<PyErr> = None;
    let mut tell = |now: Progress| {
        let stage = match now.stage {
            Stage::Hashing => "hashing",
            Stage::Surveying => "surveying",
            Stage::Decoding => "decoding",
            Stage::Finishing => "finishing",
        };
        let told = progress
            .call1(py, (stage, now.bytes, now.total_bytes, now.events))
            .and_then(|_| py.check_signals());
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                raised = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let imported = import_recording(&spec, folder, &mut tell);
    match (imported, raised) {
        (Err(DataError::Cancelled), Some(error)) => Err(error),
        (Err(error), _) => Err(errors::data(&error)),
        (Ok(imported), _) => {
            let about = serde_json::to_string(&imported.about);
            Ok((about.map_err(|error| raise(Kind::Data, error))?, imported.fresh))
        }
    }
}

/// What a tape says about itself: JSON.
#[pyfunction]
pub(crate) fn tape_about(path: PathBuf) -> PyResult<String> {
    let tape = Tape::open(path).map_err(|error| errors::data(&error))?;
    Ok(tape.about().to_owned())
}

/// Read a whole tape and test every checksum and the hash chain: its events, and its chain.
#[pyfunction]
pub(crate) fn verify_tape(path: PathBuf) -> PyResult<(u64, String)> {
    let tape = Tape::open(path).map_err(|error| errors::data(&error))?;
    let (events, chain) = tape.verify().map_err(|error| errors::data(&error))?;
    Ok((events, hex(chain)))
}

type Levels<'py> = Bound<'py, PyArray2<i64>>;

fn levels<'py>(py: Python<'py>, book: &Book, side: Side) -> PyResult<Levels<'py>> {
    let mut all = Vec::with_capacity(book.depth(side));
    book.copy_levels(side, &mut all);
    let flat: Vec<i64> = all
        .iter()
        .flat_map(|level| [level.price.ticks(), level.qty.lots().cast_signed()])
        .collect();
    flat.to_pyarray(py).reshape([all.len(), 2])
}

/// Rebuild the first instrument's book from a tape; after every `every`th event call `visit` with
/// the event's number and the levels of both sides, best first: arrays (n, 2) of ticks and lots.
#[pyfunction]
pub(crate) fn book_states(
    py: Python<'_>,
    path: PathBuf,
    every: u64,
    visit: Py<PyAny>,
) -> PyResult<()> {
    let tape = Tape::open(path).map_err(|error| errors::data(&error))?;
    let mut outcome: PyResult<()> = Ok(());
    let rebuilt = flyball_data::book_states(&tape, InstrumentId::new(0), every, |number, book| {
        if outcome.is_ok() {
            outcome = (|| {
                let (bids, asks) = (levels(py, book, Side::Bid)?, levels(py, book, Side::Ask)?);
                visit.call1(py, (number, bids, asks)).map(|_| ())
            })();
        }
    });
    rebuilt.map_err(|error| errors::data(&error))?;
    outcome
}

/// What every feature says of itself: name, line, unit, inputs, parameters. JSON.
#[pyfunction]
pub(crate) fn features() -> String {
    let told: Vec<_> = FEATURES
        .iter()
        .map(|about| {
            let parameters: Vec<_> = about
                .parameters
                .iter()
                .map(|p| {
                    json!({
                        "name": p.name, "unit": p.unit, "min": p.min, "max": p.max,
                        "whole": p.whole, "default": p.default,
                    })
                })
                .collect();
            let inputs: Vec<_> = about.inputs.iter().map(|input| format!("{input:?}")).collect();
            json!({
                "name": about.name, "doc": about.doc, "unit": about.unit,
                "inputs": inputs, "parameters": parameters,
            })
        })
        .collect();
    json!(told).to_string()
}
