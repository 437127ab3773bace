//! Percentiles.

use serde_json::{Value, json};

/// Durations, in nanoseconds, as what is told of them: microseconds.
pub(crate) fn microseconds(mut all: Vec<i64>) -> Value {
    all.sort_unstable();
    let last = all.len().saturating_sub(1);
    let at = |per_mille: usize| all.get(last * per_mille / 1000).map(|ns| us(*ns));
    json!({
        "count": all.len(),
        "p50": at(500),
        "p90": at(900),
        "p99": at(990),
        "p999": at(999),
        "max": at(1000),
    })
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
fn us(ns: i64) -> f64 {
    ns as f64 / 1e3
}
