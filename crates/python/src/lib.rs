//! The door between Python and the engine: convert, call, convert back. No decisions live here.
#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]

mod data;
mod decisions;
mod errors;
mod exchange;
mod intents;
mod live;
mod market;
mod mirror;
mod orders;
mod proof;
mod recording;
mod replay;
mod run;
mod screen;
mod sentinel;
mod strategies;
mod tables;
mod twin;
mod view;
mod world;

use pyo3::prelude::*;

/// What the engine was built from, in 16 hexadecimal digits.
const BUILD: &str = env!("FLYBALL_BUILD");

#[pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::data::{book_states, features, import_data, tape_about, verify_tape};
    #[pymodule_export]
    use super::decisions::{decide_again, journal_decisions, journal_market};
    #[pymodule_export]
    use super::exchange::Exchange;
    #[pymodule_export]
    use super::intents::{Quotes, Signal, Target};
    #[pymodule_export]
    use super::live::{LiveRun, ask_run, key_address, venue_listing, verify_report};
    #[pymodule_export]
    use super::market::write_synthetic;
    #[pymodule_export]
    use super::orders::journal_orders;
    #[pymodule_export]
    use super::proof::Proof;
    #[pymodule_export]
    use super::recording::Recording;
    #[pymodule_export]
    use super::replay::{Replay, collect_journal, journal_about};
    #[pymodule_export]
    use super::run::Run;
    #[pymodule_export]
    use super::screen::{BarTable, Screening, Targets};
    #[pymodule_export]
    use super::sentinel::{release_sentinel, run_sentinel, sentinel_stand};
    #[pymodule_export]
    use super::twin::run_accounts;
    #[pymodule_export]
    use super::view::{FeatureAttr, View};
    #[pymodule_export]
    use super::world::World;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("BUILD", super::BUILD)?;
        module.add("VERSION", env!("CARGO_PKG_VERSION"))
    }
}
