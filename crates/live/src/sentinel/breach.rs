//! When the sentinel must act by itself although the engine lives: a line that is crossed for
//! longer than the engine needs to act, and another view of the account than the engine's.

use flyball_core::domain::{Money, Rate};
use serde::Serialize;

use crate::sentinel::account::Seen;
use crate::sentinel::beat::Beat;
use crate::sentinel::settings::{Lines, Times};

/// Which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Loss from the peak, the last line.
    Emergency,
    /// Loss from the peak.
    Drawdown,
    /// Gross exposure by equity.
    Leverage,
    /// Equity by maintenance margin.
    Margin,
}

/// A line that was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Which.
    pub line: Line,
    /// Where it lies.
    pub limit: Rate,
    /// What was there.
    pub actual: Rate,
}

/// The lines that an account has crossed, the worst first.
pub fn crossed(seen: &Seen, drawdown: Option<Rate>, lines: &Lines) -> Vec<Breach> {
    let mut all = Vec::new();
    let mut note = |line, limit, actual: Option<Rate>, over: fn(Rate, Rate) -> bool| {
        if let Some(actual) = actual.filter(|actual| over(*actual, limit)) {
            all.push(Breach { line, limit, actual });
        }
    };
    // A loss of an account that holds nothing cannot grow: there is nothing to close.
    let drawdown = drawdown.filter(|_| !seen.held.is_empty());
    note(Line::Emergency, lines.emergency, drawdown, |actual, limit| actual >= limit);
    note(Line::Drawdown, lines.drawdown, drawdown, |actual, limit| actual >= limit);
    note(Line::Leverage, lines.leverage, seen.leverage(), |actual, limit| actual >= limit);
    note(Line::Margin, lines.margin, seen.margin_ratio(), |actual, limit| actual <= limit);
    all
}

/// Since when each line is crossed, from reading to reading.
#[derive(Clone, Debug, Default)]
pub struct Grace {
    since: Vec<(Line, i64)>,
}

impl Grace {
    /// A reading of this moment showed these. The one that lasted too long, if one did.
    pub fn read(
        &mut self,
        all: &[Breach],
        closing: bool,
        times: &Times,
        now_ns: i64,
    ) -> Option<Breach> {
        self.since.retain(|(line, _)| all.iter().any(|breach| breach.line == *line));
        let patience = if closing { times.closing_grace_ns } else { times.grace_ns };
        let mut found = None;
        for breach in all {
            let known = self.since.iter().find(|(line, _)| *line == breach.line);
            let since = known.map_or(now_ns, |(_, since)| *since);
            if known.is_none() {
                self.since.push((breach.line, now_ns));
            }
            if now_ns.saturating_sub(since) >= patience {
                found = found.or(Some(*breach));
            }
        }
        found
    }

    /// Whether one is crossed at this moment.
    pub const fn is_pending(&self) -> bool {
        !self.since.is_empty()
    }
}

/// What comes of comparing the account with the engine's word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They agree, or have not disagreed for long.
    Agree,
    /// They disagree: no new risk.
    Restrain,
    /// They went on disagreeing: close everything.
    Close,
}

/// Since when the engine's word differs from what the venue shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quarrel {
    since_ns: Option<i64>,
}

impl Quarrel {
    /// A reading of this moment, beside the beat that came last.
    pub fn read(
        &mut self,
        seen: &Seen,
        beat: &Beat,
        tolerance: Rate,
        times: &Times,
        now_ns: i64,
    ) -> Verdict {
        if agrees(seen, beat, tolerance) {
            self.since_ns = None;
            return Verdict::Agree;
        }
        let since = *self.since_ns.get_or_insert(now_ns);
        match now_ns.saturating_sub(since) {
            age if age >= times.disagree_ns => Verdict::Close,
            age if age >= times.restrain_ns => Verdict::Restrain,
            _ => Verdict::Agree,
        }
    }

    /// The engine was not heard: there is nothing to compare.
    pub const fn forget(&mut self) {
        self.since_ns = None;
    }
}

/// Whether equities are within the tolerance, a dollar at least, and positions the same. An engine
/// that does not know what the account is worth agrees with nobody.
fn agrees(seen: &Seen, beat: &Beat, tolerance: Rate) -> bool {
    let theirs = beat.worth();
    if theirs.is_unknown() {
        return false;
    }
    let allowed = seen.equity.abs().at_rate(tolerance).max(Money::from_whole(1));
    let same = |coin: &str, lots: i64| seen.lots(coin) == lots;
    seen.equity.minus(theirs).abs() <= allowed
        && beat.held.iter().all(|(coin, lots)| same(coin, *lots))
        && seen.held.iter().all(|it| {
            let told = beat.held.iter().find(|(coin, _)| *coin == it.coin);
            it.qty.is_some_and(|qty| told.map_or(0, |(_, lots)| *lots) == qty.lots())
        })
}

#[cfg(test)]
mod tests {
    use flyball_core::domain::{NetQty, Price, SECOND};

    use super::*;
    use crate::sentinel::account::Held;
    use crate::sentinel::settings::TIMES;

    fn seen(equity: Money, gross: Money, maintenance: Money) -> Seen {
        let held = Held {
            coin: "XRP".into(),
            qty: Some(NetQty::from_lots(400)),
            value: gross,
            mark: Some(Price::from_ticks(1)),
        };
        Seen { asked_ns: 0, venue_ms: 0, equity, gross, maintenance, held: vec![held] }
    }

    fn lines() -> Lines {
        Lines {
            drawdown: Rate::from_ppm(55_000),
            emergency: Rate::from_ppm(150_000),
            leverage: Rate::from_ppm(5_500_000),
            margin: Rate::from_ppm(1_180_000),
        }
    }

    const BIT: Rate = Rate::from_parts(1);

    fn found(equity: Money, gross: Money, maintenance: Money, drawdown: Rate) -> Vec<Line> {
        let all = crossed(&seen(equity, gross, maintenance), Some(drawdown), &lines());
        all.iter().map(|breach| breach.line).collect()
    }

    #[test]
    fn each_line_is_crossed_at_its_limit_and_not_one_unit_before() {
        let (usd, none) = (Money::from_whole, Vec::<Line>::new());
        let calm = |drawdown| found(usd(1_000), usd(1), usd(1), drawdown);
        assert_eq!(calm(lines().drawdown.minus(BIT)), none);
        assert_eq!(calm(lines().drawdown), [Line::Drawdown]);
        assert_eq!(calm(lines().drawdown.plus(BIT)), [Line::Drawdown]);
        assert_eq!(calm(lines().emergency.minus(BIT)), [Line::Drawdown]);
        assert_eq!(calm(lines().emergency), [Line::Emergency, Line::Drawdown]);
        let unit = Money::from_units(1);
        let gross = |gross| found(usd(1_000), gross, usd(1), Rate::ZERO);
        // A unit of money in a thousand dollars is less than a part of a rate: 10^-13.
        assert_eq!(gross(usd(5_500).minus(Money::from_units(10))), none);
        assert_eq!(gross(usd(5_500)), [Line::Leverage]);
        assert_eq!(gross(usd(5_500).plus(unit)), [Line::Leverage]);
        let margin = |equity| found(equity, usd(1), usd(100), Rate::ZERO);
        assert_eq!(margin(usd(118).plus(unit)), none);
        assert_eq!(margin(usd(118)), [Line::Margin]);
        assert_eq!(margin(usd(118).minus(unit)), [Line::Margin]);
    }

    #[test]
    fn the_lines_lie_beyond_the_engines() {
        let limits: crate::sentinel::settings::Limits = serde_json::from_value(
            serde_json::from_str::<serde_json::Value>(include_str!(
                "../../tests/world/emergency.json"
            ))
            .unwrap(),
        )
        .unwrap();
        assert_eq!(Lines::beyond(&limits.switches), lines());
    }

    #[test]
    fn an_account_that_holds_nothing_has_nothing_to_close() {
        let flat =
            Seen { held: Vec::new(), ..seen(Money::from_whole(1), Money::ZERO, Money::ZERO) };
        assert_eq!(crossed(&flat, Some(Rate::ONE), &lines()), []);
    }

    #[test]
    fn a_line_must_stay_crossed_for_as_long_as_the_engine_may_need() {
        let breach = Breach { line: Line::Drawdown, limit: Rate::ZERO, actual: Rate::ONE };
        let mut grace = Grace::default();
        let mut read = |all: &[Breach], closing, at| grace.read(all, closing, &TIMES, at);
        assert_eq!(read(&[breach], false, 0), None);
        assert_eq!(read(&[breach], false, TIMES.grace_ns - 1), None);
        assert_eq!(read(&[breach], false, TIMES.grace_ns), Some(breach));
        assert_eq!(read(&[breach], true, TIMES.closing_grace_ns - 1), None, "it is closing");
        assert_eq!(read(&[breach], true, TIMES.closing_grace_ns), Some(breach));
        assert_eq!(read(&[], false, TIMES.closing_grace_ns + 1), None);
        assert_eq!(read(&[breach], false, TIMES.closing_grace_ns + 2), None, "it begins anew");
    }

    #[test]
    fn a_disagreement_restrains_first_and_then_closes() {
        let it = seen(Money::from_whole(10_000), Money::from_whole(800), Money::from_whole(20));
        let beat = |dollars: i64, units: i128, lots| Beat {
            equity: Some(Money::from_whole(dollars).units() + units),
            held: vec![("XRP".into(), lots)],
            ..Beat::default()
        };
        let tolerance = Rate::from_ppm(10_000);
        let mut quarrel = Quarrel::default();
        let mut read = |beat: &Beat, at| quarrel.read(&it, beat, tolerance, &TIMES, at);
        assert_eq!(read(&beat(10_100, 0, 400), 0), Verdict::Agree, "at the tolerance");
        assert_eq!(read(&beat(9_900, 0, 400), 0), Verdict::Agree);
        let apart = beat(10_100, 1, 400);
        assert_eq!(read(&apart, SECOND), Verdict::Agree, "for no time yet");
        assert_eq!(read(&apart, SECOND + TIMES.restrain_ns - 1), Verdict::Agree);
        assert_eq!(read(&apart, SECOND + TIMES.restrain_ns), Verdict::Restrain);
        assert_eq!(read(&apart, SECOND + TIMES.disagree_ns - 1), Verdict::Restrain);
        assert_eq!(read(&apart, SECOND + TIMES.disagree_ns), Verdict::Close);
        assert_eq!(read(&beat(10_000, 0, 400), 40 * SECOND), Verdict::Agree);
        for other in [beat(10_000, 0, 399), Beat::default(), beat(9_899, 0, 400)] {
            assert!(!agrees(&it, &other, tolerance), "{other:?}");
        }
        let more =
            Beat { held: vec![("XRP".into(), 400), ("BTC".into(), 1)], ..beat(10_000, 0, 0) };
        assert!(!agrees(&it, &more, tolerance));
        let less = Beat { held: vec![], ..beat(10_000, 0, 0) };
        assert!(!agrees(&it, &less, tolerance), "what it does not know of is held");
    }
}
