//! The crash matrix, driven from Python in steps.

use pyo3::prelude::*;

use flyball_proof::{Matrix, ProofError, Setup};

use crate::errors::{self, Kind, raise};

fn told(error: &ProofError) -> PyErr {
    match error {
        ProofError::Data(error) => errors::data(error),
        ProofError::Config(error) => errors::config(error),
        _ => raise(Kind::Config, error),
    }
}

/// A crash matrix.
#[pyclass(unsendable, module = "flyball._core")]
pub(crate) struct Proof {
    matrix: Option<Matrix>,
}

#[pymethods]
impl Proof {
    /// Read the recordings and plan the cells.
    #[new]
    fn new(py: Python<'_>, setup: &str) -> PyResult<Self> {
        let setup: Setup =
            serde_json::from_str(setup).map_err(|error| raise(Kind::Config, error))?;
        let matrix = py.detach(|| Matrix::new(setup)).map_err(|error| told(&error))?;
        Ok(Self { matrix: Some(matrix) })
    }

    /// Recorded windows, made windows, cells to run, cells in all.
    #[getter]
    fn spec(&self) -> (usize, usize, usize, usize) {
        let spec = self.matrix.as_ref().map(Matrix::spec).unwrap_or_default();
        (spec.recorded, spec.made, spec.cells, spec.total)
    }

    /// The part that is done, 0 to 1.
    #[getter]
    fn progress(&self) -> f64 {
        self.matrix.as_ref().map_or(1.0, Matrix::progress)
    }

    /// Run some more jobs. Whether there is more.
    fn step(&mut self, py: Python<'_>, jobs: usize) -> PyResult<bool> {
        let Some(matrix) = &mut self.matrix else { return Ok(false) };
        py.detach(|| matrix.step(jobs)).map_err(|error| told(&error))
    }

    /// What came out, as JSON. The matrix is gone then.
    fn finish(&mut self, py: Python<'_>) -> PyResult<String> {
        let gone = || raise(Kind::Config, "the proof is finished");
        let matrix = self.matrix.take().ok_or_else(gone)?;
        let found = py.detach(|| matrix.finish()).map_err(|error| told(&error))?;
        Ok(found.to_string())
    }
}
