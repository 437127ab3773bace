//! Where it crashed: stretches of recorded bars with a move beyond 8 % in a bar or a day, and made
//! markets that jump.

use std::collections::VecDeque;
use std::sync::Arc;

use flyball_core::domain::{
    Bar, ChecksumRule, DAY, Decimal, Fees, HOUR, InstrumentId, InstrumentKind, InstrumentSpec,
    MINUTE, Price, PriceRule, Qty, Rate, SequenceRule,
};

use crate::source::{Source, as_perpetual};

/// A move this large makes a crash window.
pub(crate) const CRASH: f64 = 0.08;

/// A price that far from the rest of its bar is a wrong one: five times.
const ABSURD: f64 = 5.0;

/// What a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A recorded crash.
    Crash,
    /// Recorded, with a price that the market never had.
    Outlier,
    /// A made market that jumps.
    Synthetic,
}

impl Class {
    /// What figures call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Outlier => "outlier",
            Self::Synthetic => "synthetic",
        }
    }
}

/// A crash, with some time before and after.
#[derive(Clone, Debug)]
pub struct Window {
    /// Source and time, for people.
    pub name: String,
    /// What it is.
    pub class: Class,
    /// What is traded.
    pub spec: InstrumentSpec,
    /// Its bars, oldest first, and when each ended.
    pub bars: Arc<[(i64, Bar)]>,
    /// The worst bar among them.
    pub anchor: usize,
    /// The largest move in a bar or a day of it.
    pub severity: f64,
    /// The largest move between two of a bar's prices, or from a bar to the next, in all of the
    /// source before this window; 0 where there is nothing before.
    pub seen_before: f64,
}

impl Window {
    /// When faults begin and end: from a minute before the worst bar, so that they are there when
    /// it opens, for at least a quarter of an hour.
    pub fn storm_ns(&self) -> (i64, i64) {
        let (end, bar) = self.bars[self.anchor];
        let start = end - bar.interval_ns;
        (start - MINUTE, start + bar.interval_ns.max(15 * MINUTE))
    }
}

fn part(from: Price, to: Price) -> f64 {
    (to.ticks() as f64 / from.ticks().max(1) as f64 - 1.0).abs()
}

/// The largest move within a bar, as a fraction of where it began.
pub(crate) fn range(bar: &Bar) -> f64 {
    let (high, low) = (bar.high.ticks() as f64, bar.low.ticks().max(1) as f64);
    let fall = part(bar.open, bar.low).max((high - low) / high);
    let rise = part(bar.open, bar.high);
    fall.max(rise)
}

/// How far a bar reaches: 1 − lowest / highest.
fn depth(bar: &Bar) -> f64 {
    1.0 - bar.low.ticks() as f64 / bar.high.ticks().max(1) as f64
}

pub(crate) fn is_absurd(bar: &Bar) -> bool {
    let prices = [bar.open.ticks() as f64, bar.close.ticks() as f64];
    let (least, most) = (prices[0].min(prices[1]), prices[0].max(prices[1]));
    (bar.low.ticks() as f64) * ABSURD < least || bar.high.ticks() as f64 > most * ABSURD
}

/// For each bar the largest move within a day that ends with it: 1 − lowest / highest, down or up.
fn day_moves(bars: &[(i64, Bar)]) -> Vec<f64> {
    let mut highest: VecDeque<(i64, i64)> = VecDeque::new();
    let mut lowest: VecDeque<(i64, i64)> = VecDeque::new();
    let mut moves = Vec::with_capacity(bars.len());
    for (end, bar) in bars {
        let (high, low) = (bar.high.ticks(), bar.low.ticks());
        while highest.front().is_some_and(|(then, _)| *then <= end - DAY) {
            highest.pop_front();
        }
        while lowest.front().is_some_and(|(then, _)| *then <= end - DAY) {
            lowest.pop_front();
        }
        let fall = highest.front().map_or(0.0, |(_, top)| 1.0 - low as f64 / *top as f64);
        let rise = lowest.front().map_or(0.0, |(_, deep)| 1.0 - *deep as f64 / high as f64);
        moves.push(fall.max(rise).max(0.0));
        while highest.back().is_some_and(|(_, value)| *value <= high) {
            highest.pop_back();
        }
        highest.push_back((*end, high));
        while lowest.back().is_some_and(|(_, value)| *value >= low) {
            lowest.pop_back();
        }
        lowest.push_back((*end, low));
    }
    moves
}

/// The crash windows of a source: the worst bar first, with what came before and after it; then the
/// worst of what is left. They do not overlap.
pub(crate) fn crashes(source: &Source) -> Vec<Window> {
    let bars = &source.bars;
    let by_day = day_moves(bars);
    let mut found: Vec<(f64, usize)> = Vec::new();
    for (at, (_, bar)) in bars.iter().enumerate() {
        // Moves within a bar come first: they are worse than the same move in a day.
        let within = depth(bar);
        if within > CRASH {
            found.push((1.0 + within, at));
        } else if by_day[at] > CRASH {
            found.push((by_day[at], at));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (before, after) = spans(source.interval_ns);
    let mut taken = vec![false; bars.len()];
    let mut windows = Vec::new();
    for (_, at) in found {
        if taken[at] || at < 2 {
            continue;
        }
        let end = bars[at].0;
        let mut first = bars.partition_point(|(time, _)| *time < end - before);
        let mut last = bars.partition_point(|(time, _)| *time <= end + after) - 1;
        // Where bars are missing, one on each side is taken, however far it is.
        first = first.min(at.saturating_sub(1)).max(1);
        last = last.max((at + 1).min(bars.len() - 1));
        while first < at && taken[first] {
            first += 1;
        }
        let later = (at..=last).find(|k| taken[*k]);
        let last = later.map_or(last, |k| k - 1);
        taken[first..=last].fill(true);
        let severity = depth(&bars[at].1).max(by_day[at]);
        windows.push(cut(source, first..=last, at, severity));
    }
    remember_before(source, &mut windows);
    windows.sort_by_key(|window| window.bars[window.anchor].0);
    windows
}

/// How long before the end of the worst bar a window begins, and how long after it ends.
const fn spans(interval_ns: i64) -> (i64, i64) {
    if interval_ns >= 4 * HOUR {
        (2 * interval_ns, interval_ns)
    } else if interval_ns >= HOUR {
        (12 * HOUR, 4 * HOUR)
    } else {
        (6 * HOUR, 2 * HOUR)
    }
}

fn cut(
    source: &Source,
    range: std::ops::RangeInclusive<usize>,
    anchor: usize,
    severity: f64,
) -> Window {
    let first = *range.start();
    let bars: Arc<[(i64, Bar)]> = source.bars[range].into();
    let end = source.bars[anchor].0;
    let class =
        if bars.iter().any(|(_, bar)| is_absurd(bar)) { Class::Outlier } else { Class::Crash };
    Window {
        name: format!("{} {}", source.name, stamp(end - source.interval_ns)),
        class,
        spec: source.spec.clone(),
        bars,
        anchor: anchor - first,
        severity,
        seen_before: 0.0,
    }
}

/// The largest move that the source had shown before each window. Absurd prices are left out.
fn remember_before(source: &Source, windows: &mut [Window]) {
    let mut most = Vec::with_capacity(source.bars.len() + 1);
    let mut largest: f64 = 0.0;
    most.push(0.0);
    for (at, (_, bar)) in source.bars.iter().enumerate() {
        if !is_absurd(bar) {
            largest = largest.max(range(bar));
            if at > 0 && !is_absurd(&source.bars[at - 1].1) {
                largest = largest.max(part(source.bars[at - 1].1.close, bar.open));
            }
        }
        most.push(largest);
    }
    for window in windows {
        let first = window.bars[0].0;
        let at = source.bars.partition_point(|(time, _)| *time < first);
        window.seen_before = most[at];
    }
}

/// Jumps of a made market, in percent.
const GAPS: [i64; 8] = [5, 10, 15, 20, 25, 30, 35, 40];

/// Quiet markets that jump between two bars with no trade in between, and stay there: 5 to 40 %,
/// down and up.
pub(crate) fn synthetic() -> Vec<Window> {
    let jumps = GAPS.iter().flat_map(|gap| [-gap, *gap]);
    jumps.map(jumping).collect()
}

fn jumping(percent: i64) -> Window {
    let spec = as_perpetual(InstrumentSpec {
        symbol: "SYNTHETIC".into(),
        kind: InstrumentKind::Linear,
        tick_size: Decimal::new(1, 4),
        lot_size: Decimal::new(1, 0),
        contract_size: Decimal::new(1, 0),
        price_rule: PriceRule::AnyTick,
        sequence_rule: SequenceRule::Unnumbered,
        checksum_rule: ChecksumRule::Absent,
        min_notional: Decimal::new(10, 0),
        fees: Fees { maker: Rate::ZERO, taker: Rate::ZERO },
        margin_tiers: Vec::new(),
        book_depth: 16,
    });
    let (start, interval) = (1_735_689_600_000_000_000, 5 * MINUTE);
    let (before, after) = (18, 24);
    let bars = (0..before + after).map(|at| {
        let level = if at < before { 20_000 } else { 20_000 * (100 + percent) / 100 };
        // A hundredth of a percent to and fro.
        let wiggle = level / 10_000;
        let (open, close) =
            if at % 2 == 0 { (level, level + wiggle) } else { (level + wiggle, level) };
        let bar = Bar {
            instrument: InstrumentId::new(0),
            interval_ns: interval,
            open: Price::from_ticks(open),
            high: Price::from_ticks(level + wiggle),
            low: Price::from_ticks(level),
            close: Price::from_ticks(close),
            volume: Qty::from_lots(5_000_000),
        };
        (start + (at + 1) * interval, bar)
    });
    Window {
        name: format!("synthetic gap {percent:+} %"),
        class: Class::Synthetic,
        spec,
        bars: bars.collect(),
        anchor: usize::try_from(before).unwrap_or(0),
        severity: percent.unsigned_abs() as f64 / 100.0,
        seen_before: 0.0,
    }
}

/// A UTC time for people, to the minute.
pub(crate) fn stamp(time_ns: i64) -> String {
    let minutes = time_ns.div_euclid(MINUTE);
    let (day, minute) = (minutes.div_euclid(1_440), minutes.rem_euclid(1_440));
    // Days to a date: Howard Hinnant, "chrono-compatible low-level date algorithms".
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = doy - (153 * mp + 2) / 5 + 1;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    let y = yoe + era * 400 + i64::from(m <= 2);
    format!("{y:04}-{m:02}-{d:02} {:02}:{:02}", minute / 60, minute % 60)
}
