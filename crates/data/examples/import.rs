//! Import a recording and say how it went: `import <format> <kind> <symbol|-> <out> <file>…`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example for people")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use flyball_core::domain::InstrumentKind;
use flyball_data::import::{ImportSpec, import_recording};
use flyball_data::recording::{Format, Recording};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("import <format> <kind> <symbol|-> <out> <file>…");
    let format: Format = serde_json::from_str(&format!("\"{}\"", next()?))?;
    let kind: InstrumentKind = serde_json::from_str(&format!("\"{}\"", next()?))?;
    let (symbol, out) = (next()?, next()?);
    let sources: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let mut recording = Recording::new(format, sources);
    if symbol != "-" {
        recording.symbols = vec![symbol];
    }
    let spec = ImportSpec::new("example", "example", kind, recording);
    let began = Instant::now();
    let imported = import_recording(&spec, &out, &mut |_| ControlFlow::Continue(()))?;
    let took = began.elapsed();
    println!("{}", serde_json::to_string_pretty(&imported.about)?);
    println!(
        "{} events in {took:?}, done now: {}",
        imported.about.report.counts.events, imported.fresh
    );
    Ok(())
}
