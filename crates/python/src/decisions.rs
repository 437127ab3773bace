//! What strategies decided in a run, from its journal; and whether they would decide the same again
//! on the same events.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;

use flyball_core::domain::{Body, CommandOf, Event, StrategyId};
use flyball_core::engine::{Engine, EngineConfig};
use flyball_core::journal::Entry;
use flyball_core::risk::Commands;
use flyball_core::strategy::Draft;
use flyball_data::journal::JournalReader;
use flyball_data::tape::TapeWriter;

use crate::errors::{Kind, data, raise};
use crate::strategies::Strategy;
use crate::view::View;

fn wrong(folder: &Path, error: impl std::fmt::Display) -> PyErr {
    raise(Kind::Journal, format!("{}: {error}", folder.display()))
}

/// Call `visit` for every entry of a journal, as far as it can be read.
fn entries(folder: &Path, mut visit: impl FnMut(Entry<'_>) -> PyResult<()>) -> PyResult<()> {
    let reader = JournalReader::open(folder).map_err(|error| wrong(folder, error))?;
    let found = reader.recover().map_err(|error| wrong(folder, error))?;
    let mut cursor = reader.cursor();
    for _ in 0..found.entries {
        match cursor.next().map_err(|error| wrong(folder, error))? {
            Some(entry) => visit(entry)?,
            None => break,
        }
    }
    Ok(())
}

/// The decisions of a journal, in order: when the strategy was woken for each, and what it wanted.
#[pyfunction]
pub(crate) fn journal_decisions(folder: PathBuf) -> PyResult<Vec<(i64, String)>> {
    let mut all = Vec::new();
    entries(&folder, |entry| {
        if let Entry::Event(event) = entry
            && let Body::Decision(decision) = event.body
        {
            all.push((decision.woken_ns, format!("{:?}", decision.intent)));
        }
        Ok(())
    })?;
    Ok(all)
}

/// Write the market's events of a journal to a tape, each received when the engine's clock, which never
/// goes back, had reached it: other threads stamp theirs too. How many there were.
#[pyfunction]
pub(crate) fn journal_market(folder: PathBuf, tape: PathBuf, about: &str) -> PyResult<u64> {
    let mut writer = TapeWriter::create(&tape, about).map_err(|error| data(&error))?;
    let (mut events, mut now_ns) = (0, i64::MIN);
    entries(&folder, |entry| {
        let Entry::Event(event) = entry else { return Ok(()) };
        now_ns = now_ns.max(event.received_ns);
        let market = matches!(
            event.body,
            Body::Depth(_)
                | Body::Touch(_)
                | Body::Trade(_)
                | Body::Bar(_)
                | Body::Reference(_)
                | Body::FundingRate(_)
                | Body::Feed(_)
        );
        if market {
            events += 1;
            let heard = Event { received_ns: now_ns, ..event };
            writer.event(&heard).map_err(|error| data(&error))?;
        }
        Ok(())
    })?;
    writer.finish().map_err(|error| data(&error))?;
    Ok(events)
}

/// Run a journal's events again, ask the strategy anew each time that it was woken, and compare
/// with what it decided then: wakes, decisions, and those decisions that are not the same.
#[pyfunction]
pub(crate) fn decide_again(
    py: Python<'_>,
    folder: PathBuf,
    engine: &str,
    strategy: (String, Py<PyAny>, Py<View>, bool),
) -> PyResult<(u64, u64, Vec<i64>)> {
    let config: EngineConfig =
        serde_json::from_str(engine).map_err(|error| wrong(&folder, error))?;
    let mut engine = Engine::new(&config).map_err(|error| wrong(&folder, error))?;
    let mut strategy = Strategy::new(strategy);
    let mut out = Commands::with_capacity(64);
    let mut asked: BTreeMap<i64, Vec<Draft>> = BTreeMap::new();
    let (mut events, mut wakes, mut decisions, mut differing) = (0_u64, 0, 0, Vec::new());
    entries(&folder, |entry| {
        match entry {
            Entry::Snapshot(first) if events == 0 => {
                engine = Engine::restore(first).map_err(|error| wrong(&folder, error))?;
            }
            Entry::Event(event) => {
                events += 1;
                if let Body::Decision(decision) = &event.body {
                    decisions += 1;
                    let then = asked.get(&decision.woken_ns);
                    let same = then.is_some_and(|drafts| {
                        drafts.iter().any(|draft| draft.intent() == Some(decision.intent))
                    });
                    if !same {
                        differing.push(decision.woken_ns);
                    }
                }
                engine.on_event(&event, &mut out).map_err(|error| wrong(&folder, error))?;
                let woken: Vec<_> = out
                    .drain()
                    .filter_map(|command| match command {
                        CommandOf::Wake { strategy, reason } => Some((strategy, reason)),
                        _ => None,
                    })
                    .collect();
                for (id, reason) in woken {
                    if id != StrategyId::new(0) {
                        continue;
                    }
                    wakes += 1;
                    let Some(view) = engine.view(id) else { continue };
                    let mut draft = Draft::default();
                    strategy.ask(py, reason, &view, &mut draft)?;
                    asked.entry(engine.now_ns()).or_default().push(draft);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok((wakes, decisions, differing))
}
