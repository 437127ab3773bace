//! What a run measures of itself: counts, and how long things take. Only looked at, never acted
//! upon by the engine.

pub mod account;
pub mod histogram;
pub mod meters;
pub mod tally;

pub use account::{AccountMeasures, InstrumentMeasures, SwitchMeasure};
pub use histogram::{Counted, Histogram};
pub use meters::{FEED_EVERY, Meters, STREAMS, Stage, Stages, TIMED_EVERY};
pub use tally::{Tally, Totals};
