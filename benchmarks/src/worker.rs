//! A contestant: gets ready, says so, and does its work once for every line that it reads.
#![expect(clippy::cast_precision_loss, reason = "less than 2^53 ns")]

use std::io::BufRead;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::Fallible;

/// Processor time of this process, seconds.
pub(crate) fn cpu_s() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// The most memory that this process ever had, MB.
pub(crate) fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|it| it.trim().strip_suffix(" kB")).map(str::trim);
    kilobytes.and_then(|it| it.parse::<f64>().ok()).map_or(f64::NAN, |it| it / 1024.0)
}

/// Do the work for every line on standard input.
pub(crate) fn serve(mut work: impl FnMut() -> Fallible<Value>) -> Fallible<()> {
    println!("{}", json!({ "ready": true }));
    for line in std::io::stdin().lock().lines() {
        line?;
        let (wall, cpu) = (Instant::now(), cpu_s());
        let mut told = work()?;
        let took = json!({"cpu_s": cpu_s() - cpu, "wall_s": wall.elapsed().as_secs_f64(),
            "peak_mb": peak_mb()});
        if let (Some(told), Value::Object(took)) = (told.as_object_mut(), took) {
            // What the work itself measured counts.
            for (key, value) in took {
                told.entry(key).or_insert(value);
            }
        }
        println!("{told}");
    }
    Ok(())
}
