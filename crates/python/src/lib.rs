//! The door between Python and the engine: convert, call, convert back. No decisions live here.

mod errors;
mod intents;
mod run;
mod strategies;
mod tables;
mod view;

use pyo3::prelude::*;

/// What the engine was built from, in 16 hexadecimal digits.
const BUILD: &str = env!("FLYBALL_BUILD");

#[pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::intents::{Quotes, Signal, Target};
    #[pymodule_export]
    use super::run::Run;
    #[pymodule_export]
    use super::view::{FeatureAttr, View};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("BUILD", super::BUILD)?;
        module.add("VERSION", env!("CARGO_PKG_VERSION"))
    }
}
