//! Bars: missing, twice, in contradiction, far from their neighbours.

use flyball_core::domain::{Bar, Price};

use crate::check::outliers::{Found, Neighbours, Point};
use crate::check::{CheckOptions, FindingKind, Findings, Place};

/// The bars of one instrument.
#[derive(Debug)]
pub(super) struct Bars {
    last_ns: Option<i64>,
    neighbours: Neighbours,
}

impl Bars {
    pub(super) fn new(options: &CheckOptions) -> Self {
        Self { last_ns: None, neighbours: Neighbours::new(options.max_bar_move) }
    }

    pub(super) fn add(&mut self, bar: &Bar, at: (i64, Place), findings: &mut Findings) {
        self.spacing(bar, at, findings);
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(Price::ticks);
        if bar.volume.is_zero() {
            findings.add(FindingKind::ZeroVolumeBar, 1, at, || "volume 0".to_owned());
        }
        let told = || format!("open {open}, high {high}, low {low}, close {close} ticks");
        if high < low || !(low..=high).contains(&open) || !(low..=high).contains(&close) {
            findings.add(FindingKind::BadBar, 1, at, told);
        }
        if low <= 0 || high <= 0 {
            return findings.add(FindingKind::ImpossiblePrice, 1, at, told);
        }
        let point = Point { price: close, low, high, time_ns: at.0, place: at.1 };
        self.neighbours.add(point, &mut |found| outlier(&found, findings));
    }

    pub(super) fn finish(&mut self, findings: &mut Findings) {
        self.neighbours.finish(&mut |found| outlier(&found, findings));
    }

    fn spacing(&mut self, bar: &Bar, at: (i64, Place), findings: &mut Findings) {
        let (now, interval) = (at.0, bar.interval_ns);
        let Some(last) = self.last_ns.replace(now) else { return };
        let since = now.saturating_sub(last);
        if since == 0 {
            findings.add(FindingKind::DuplicateBar, 1, at, || "at the same time".to_owned());
        }
        let Some(steps) = since.checked_div(interval).filter(|_| interval > 0) else { return };
        if since > interval && steps > 0 {
            let missing = u64::try_from(steps.saturating_sub(1)).unwrap_or(0);
            // A step that is no whole number of bars hides one more.
            let uneven = u64::from(since.checked_rem(interval) != Some(0));
            let missing = missing.saturating_add(uneven);
            findings.add(FindingKind::MissingBar, missing, at, || format!("{missing} before it"));
        }
    }
}

fn outlier(found: &Found, findings: &mut Findings) {
    let Found { point, price, median } = found;
    let detail = || format!("{price} ticks, the median close of its neighbours is {median}");
    findings.add(FindingKind::Outlier, 1, (point.time_ns, point.place), detail);
}
