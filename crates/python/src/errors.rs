//! Errors of the engine become exceptions of `flyball.errors`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use flyball_core::backtest::RunError;
use flyball_core::domain::ConfigError;
use flyball_data::DataError;

/// Which exception.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Config,
    Data,
    Journal,
    Strategy,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Config => "ConfigError",
            Self::Data => "DataError",
            Self::Journal => "JournalError",
            Self::Strategy => "StrategyError",
        }
    }

    const fn cell(self) -> &'static PyOnceLock<Py<PyType>> {
        static CELLS: [PyOnceLock<Py<PyType>>; 4] =
            [PyOnceLock::new(), PyOnceLock::new(), PyOnceLock::new(), PyOnceLock::new()];
        match self {
            Self::Config => &CELLS[0],
            Self::Data => &CELLS[1],
            Self::Journal => &CELLS[2],
            Self::Strategy => &CELLS[3],
        }
    }
}

/// An exception of this kind with this message.
pub(crate) fn raise(kind: Kind, message: impl std::fmt::Display) -> PyErr {
    Python::attach(|py| {
        let class = kind.cell().get_or_try_init(py, || -> PyResult<Py<PyType>> {
            let module = py.import("flyball.errors")?;
            Ok(module.getattr(kind.name())?.cast_into::<PyType>()?.unbind())
        });
        match class {
            Ok(class) => PyErr::from_type(class.bind(py).clone(), message.to_string()),
            Err(error) => error,
        }
    })
}

pub(crate) fn config(error: &ConfigError) -> PyErr {
    raise(Kind::Config, error)
}

pub(crate) fn data(error: &DataError) -> PyErr {
    raise(Kind::Data, error)
}

pub(crate) fn run(error: &RunError) -> PyErr {
    match error {
        RunError::Tape(_) => raise(Kind::Data, error),
        RunError::Sink(_) => raise(Kind::Journal, error),
        _ => raise(Kind::Strategy, error),
    }
}
