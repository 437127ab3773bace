//! The crash matrix: crash windows × deliberately bad strategies × faults × profiles, protection on
//! and off, each cell a run of the engine against the simulated venue. Deterministic by a seed.
//!
//! Bars tell four prices. Within a bar the path is the one that hurts the position most, either in
//! small steps (`continuous`) or straight from price to price (`jump`: the whole move is a gap).

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people; what trades is the core's"
)]

mod cell;
mod faults;
mod judge;
mod matrix;
mod plan;
mod predecessor;
mod quiet;
mod setup;
mod source;
mod strategies;
mod summary;
mod windows;

pub use cell::{Cell, Path};
pub use faults::FaultKind;
pub use judge::Outcome;
pub use matrix::{Matrix, Spec};
pub use setup::{ProofError, Scale, Setup, SourceSetup};
pub use source::Source;
pub use strategies::StrategyKind;
pub use windows::{Class, Window};
