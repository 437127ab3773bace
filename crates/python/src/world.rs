//! A run in a world without sockets and clocks, looked at once a second from Python.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use flyball_world::{FAULTS, Recording, Scene};

use crate::errors::{Kind, raise};

/// What is seen at a look: status (JSON), the run's clock (ns), a steady clock (s), the wall clock
/// (s), processor time (s), memory (bytes), free disk (bytes).
type Seen = (String, i64, f64, f64, f64, f64, f64);

/// A run and what stands around it, in virtual time.
#[pyclass(frozen, module = "flyball._core")]
pub(crate) struct World {
    scene: Mutex<Scene>,
}

impl World {
    fn held(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl World {
    /// A run on a market of these recorded seconds: messages, spread and steps, in basis points.
    #[new]
    fn new(
        seed: u64,
        messages: PyReadonlyArray1<'_, f64>,
        spread: PyReadonlyArray1<'_, f64>,
        step: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let column = |array: &PyReadonlyArray1<'_, f64>| array.as_array().iter().copied().collect();
        let recording =
            Recording { messages: column(&messages), spread: column(&spread), step: column(&step) };
        let scene = Scene::new(seed, Arc::new(recording));
        let scene = scene.map_err(|error| raise(Kind::Data, error))?;
        Ok(Self { scene: Mutex::new(scene) })
    }

    /// Let so many seconds go by, with a look at the end of each.
    fn step(&self, py: Python<'_>, seconds: usize) -> Vec<Seen> {
        py.detach(|| {
            let mut scene = self.held();
            let seen = |_| {
                let it = scene.step();
                (it.status, it.now_ns, it.steady_s, it.wall_s, it.cpu_s, it.memory, it.disk_free)
            };
            (0..seconds).map(seen).collect()
        })
    }

    /// From now on this goes wrong, of a size between 0 and 1.
    fn inject(&self, fault: &str, size: f64) -> PyResult<()> {
        self.held().inject(fault, size).map_err(|error| raise(Kind::Config, error))
    }

    /// What goes wrong ends.
    fn end(&self) {
        self.held().end();
    }

    /// The classes of faults, and where each is put in.
    #[staticmethod]
    fn faults() -> Vec<(&'static str, &'static str)> {
        FAULTS.iter().map(|(name, place)| (*name, place.as_str())).collect()
    }
}
