//! A recording of a venue's market data, started and watched from Python.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use flyball_live::io::Endpoints;
use flyball_live::recording::{Progress, Recording as Running, Rotation};

use crate::errors::{Kind, raise};

/// A recording that goes on. Its thread never touches Python.
#[pyclass(frozen, module = "flyball._core")]
pub(crate) struct Recording {
    running: Mutex<Option<Running>>,
}

fn told(progress: &Progress) -> PyResult<String> {
    serde_json::to_string(progress).map_err(|error| raise(Kind::Data, error))
}

#[pymethods]
impl Recording {
    /// Record these coins into a folder that is there.
    #[new]
    #[pyo3(signature = (*, http, websocket, coins, folder, rotate_bytes, rotate_ns))]
    fn new(
        http: String,
        websocket: String,
        coins: Vec<String>,
        folder: PathBuf,
        rotate_bytes: u64,
        rotate_ns: i64,
    ) -> PyResult<Self> {
        let endpoints = Endpoints { http, websocket };
        let rotation = Rotation { bytes: rotate_bytes, ns: rotate_ns };
        let place = folder.display().to_string();
        let running = Running::start(&endpoints, coins, folder, rotation)
            .map_err(|error| raise(Kind::Data, format!("{place}: cannot be written: {error}")))?;
        Ok(Self { running: Mutex::new(Some(running)) })
    }

    /// How it is doing: JSON.
    fn progress(&self) -> PyResult<String> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.as_ref().ok_or_else(|| raise(Kind::Config, "it has ended"))?;
        told(&running.progress())
    }

    /// End it. How it was: JSON.
    fn stop(&self, py: Python<'_>) -> PyResult<String> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let running = running.ok_or_else(|| raise(Kind::Config, "it has ended"))?;
        told(&py.detach(|| running.stop()))
    }
}
