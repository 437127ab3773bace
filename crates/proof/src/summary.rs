//! What the matrix came to, as JSON: a summary for each profile, the cells that failed by name, the
//! false trips, the predecessor's case.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cell::{Cell, Path};
use crate::faults::FaultKind;
use crate::judge::Outcome;
use crate::matrix::Results;
use crate::quiet::{QUIET_BAR, QUIET_DAY};
use crate::setup::Setup;
use crate::windows::{Class, Window};

/// Named cells of each kind that are listed; all are counted.
const LISTED: usize = 40;

/// Drawdowns are counted in steps of this.
const BIN: f64 = 0.005;

pub(crate) fn summary(
    setup: &Setup,
    windows: &[Window],
    total_quads: usize,
    results: &Results,
) -> Value {
    let profiles = &setup.profiles;
    let mut by_profile = Map::new();
    let mut unprotected = Value::Null;
    for (at, profile) in profiles.iter().enumerate() {
        let cells: Vec<&(Cell, Outcome)> =
            results.cells.iter().filter(|(cell, _)| cell.profile == at).collect();
        let figures = figures(windows, &cells);
        if at + 1 == profiles.len() {
            unprotected = figures;
        } else {
            by_profile.insert(profile.name.clone(), figures);
        }
    }
    let total = total_quads * profiles.len();
    let not_run = total - results.cells.len();
    let each = total / FaultKind::RUN.len();
    let blocked: Vec<Value> = FaultKind::NOT_RUN
        .iter()
        .map(|(fault, reason)| json!({"fault": fault.as_str(), "cells": each, "reason": reason}))
        .collect();
    json!({
        "cells": results.cells.len(),
        "cells_total": total,
        "not_run": {"not_drawn": not_run, "no_such_world": blocked},
        "windows": count_windows(windows),
        "seed": setup.seed,
        "scale": setup.scale,
        "table_hash": hash(windows, &results.cells),
        "profile": by_profile,
        "unprotected": unprotected,
        "false_trips_per_1000h": per_1000h(results),
        "quiet": quiet(setup, results),
        "predecessor": results.case,
        "simulated": true,
    })
}

fn count_windows(windows: &[Window]) -> Value {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for window in windows {
        *count.entry(window.class.as_str()).or_default() += 1;
    }
    let outliers = windows.iter().filter(|window| window.class == Class::Outlier);
    let outliers: Vec<&str> = outliers.map(|window| window.name.as_str()).collect();
    json!({"count": count, "outliers": outliers})
}

fn hash(windows: &[Window], cells: &[(Cell, Outcome)]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (cell, outcome) in cells {
        hasher.update(name(windows, cell).as_bytes());
        hasher.update(&serde_json::to_vec(outcome).unwrap_or_default());
    }
    hasher.finalize().to_hex().to_string()
}

fn name(windows: &[Window], cell: &Cell) -> String {
    format!(
        "{} | {} | {} | {}",
        windows[cell.window].name,
        cell.strategy.as_str(),
        cell.fault.as_str(),
        cell.path.as_str()
    )
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    // The smallest value that at least this part of all does not exceed.
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

type Judged<'a> = &'a (Cell, Outcome);

fn worst<'a>(cells: impl Iterator<Item = &'a (Cell, Outcome)>) -> f64 {
    cells.map(|(_, out)| out.drawdown).fold(0.0, f64::max)
}

/// The worst drawdown of each group of cells.
fn worst_by(cells: &[Judged<'_>], key: impl Fn(&Cell) -> &'static str) -> Value {
    let mut found: BTreeMap<&str, (f64, usize, f64, f64)> = BTreeMap::new();
    for (cell, out) in cells {
        let entry = found.entry(key(cell)).or_default();
        entry.0 = entry.0.max(out.drawdown);
        entry.1 += 1;
        entry.2 += out.drawdown;
        entry.3 = entry.3.max(out.unprotected_s);
    }
    let rows = found.into_iter().map(|(key, (worst, count, sum, naked))| {
        let mean = sum / count as f64;
        let row = json!({"worst": worst, "cells": count, "mean": mean, "unprotected_s_max": naked});
        (key.to_owned(), row)
    });
    Value::Object(rows.collect())
}

/// The cells of one kind: how many, and the worst of them by name.
fn listed(windows: &[Window], cells: &[Judged<'_>], bad: impl Fn(&Outcome) -> bool) -> Value {
    let mut found: Vec<Judged<'_>> = cells.iter().filter(|(_, out)| bad(out)).copied().collect();
    found.sort_by(|a, b| b.1.drawdown.total_cmp(&a.1.drawdown).then(a.0.cmp(&b.0)));
    let named = found.iter().take(LISTED).map(|(cell, out)| {
        json!({"cell": name(windows, cell), "class": windows[cell.window].class.as_str(),
               "outcome": out})
    });
    json!({"count": found.len(), "worst": named.collect::<Vec<_>>()})
}

fn figures(windows: &[Window], cells: &[Judged<'_>]) -> Value {
    let mut drawdowns: Vec<f64> = cells.iter().map(|(_, out)| out.drawdown).collect();
    drawdowns.sort_by(f64::total_cmp);
    let mut histogram: BTreeMap<usize, usize> = BTreeMap::new();
    for drawdown in &drawdowns {
        *histogram.entry((drawdown / BIN) as usize).or_default() += 1;
    }
    let line = cells.first().map_or(0.0, |(_, out)| out.line);
    let all = || cells.iter().copied();
    let real = |cell: &Cell| windows[cell.window].class != Class::Outlier;
    let crashes: Vec<Judged<'_>> = all().filter(|(cell, _)| real(cell)).collect();
    let within = |(cell, out): &Judged<'_>| out.is_within() && real(cell);
    let most = |of: fn(&Outcome) -> f64| all().map(|(_, out)| of(out)).fold(0.0, f64::max);
    let count = |of: fn(&Outcome) -> bool| all().filter(|(_, out)| of(out)).count();
    let flat: Vec<f64> = all().filter_map(|(_, out)| out.flat_s).collect();
    json!({
        "cells": cells.len(),
        "line": line,
        "worst_drawdown": worst(all().filter(|(cell, _)| real(cell))),
        "worst_drawdown_within_gap": worst(all().filter(within)),
        "cells_within_gap": all().filter(within).count(),
        "worst_drawdown_continuous":
            worst(all().filter(|(cell, _)| cell.path == Path::Continuous && real(cell))),
        "worst_drawdown_outliers": worst(all().filter(|(cell, _)| !real(cell))),
        "p50_drawdown": quantile(&drawdowns, 0.5),
        "p90_drawdown": quantile(&drawdowns, 0.9),
        "p99_drawdown": quantile(&drawdowns, 0.99),
        "overshoot_max": most(|out| out.overshoot),
        "over_line": listed(windows, cells, |out| out.overshoot > 0.0),
        "over_line_within_gap":
            listed(windows, &crashes, |out| out.overshoot > 0.0 && out.is_within()),
        "engine_measured_more":
            listed(windows, &crashes, |out| out.engine_drawdown > out.line && out.overshoot == 0.0),
        "worst_engine_drawdown": most(|out| out.engine_drawdown),
        "breaches": count(|out| out.emergency_breach),
        "breaches_listed": listed(windows, cells, |out| out.emergency_breach),
        "trips": count(|out| out.tripped.is_some()),
        "not_flat": listed(windows, cells, |out| out.tripped.is_some() && !out.verified_flat),
        "flat_s_max": flat.iter().copied().fold(0.0, f64::max),
        "orders_after_stop": listed(windows, cells, |out| out.orders_after_stop > 0),
        "disagree": listed(windows, cells, |out| !out.agrees),
        "position_loss_max": most(|out| out.position_loss),
        "position_loss_not_by_gap":
            listed(windows, cells, |out| out.position_loss > 0.02 + out.gap_met + SLACK),
        "unprotected_s_max": most(|out| out.unprotected_s),
        "leverage_max": most(|out| out.leverage),
        "liquidations": count(|out| out.liquidations > 0),
        "never_traded": count(|out| !out.traded),
        "by_fault": worst_by(cells, |cell| cell.fault.as_str()),
        "by_strategy": worst_by(cells, |cell| cell.strategy.as_str()),
        "by_path": worst_by(cells, |cell| cell.path.as_str()),
        "by_class": worst_by(cells, |cell| windows[cell.window].class.as_str()),
        "histogram": {"bin": BIN, "counts": histogram.into_iter().collect::<Vec<_>>()},
    })
}

/// What the price moves on while orders travel: two steps of the path.
const SLACK: f64 = 0.002;

fn per_1000h(results: &Results) -> Value {
    let first = results.quiet.first().filter(|(hours, _)| *hours > 0.0);
    first.map_or(Value::Null, |(hours, trips)| json!(trips.len() as f64 * 1_000.0 / hours))
}

fn quiet(setup: &Setup, results: &Results) -> Value {
    let each = setup.profiles.iter().zip(&results.quiet).map(|(profile, (hours, trips))| {
        (profile.name.clone(), json!({"hours": hours, "trips": trips}))
    });
    json!({
        "threshold": {"bar": QUIET_BAR, "day": QUIET_DAY},
        "market_hours_total": results.quiet_total_h,
        "profile": Value::Object(each.collect()),
    })
}
