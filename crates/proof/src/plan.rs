//! Which cells are run: all, or a sample drawn by the seed.

use std::collections::{BTreeMap, BTreeSet};

use flyball_core::domain::Random;

use crate::cell::Path;
use crate::faults::FaultKind;
use crate::setup::Scale;
use crate::strategies::StrategyKind;
use crate::windows::{Class, Window};

/// What is run against every profile: on and off are always compared on the same market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quad {
    pub(crate) window: usize,
    pub(crate) strategy: StrategyKind,
    pub(crate) fault: FaultKind,
    pub(crate) path: Path,
}

/// How many windows of each folder a scale runs with everything (the worst), and how many cells of
/// the others it draws.
struct Amount {
    whole: usize,
    drawn: usize,
}

const fn amount(scale: Scale) -> Option<Amount> {
    match scale {
        Scale::Quick => Some(Amount { whole: 0, drawn: 60 }),
        Scale::Default => Some(Amount { whole: 1, drawn: 2_500 }),
        Scale::Full => None,
    }
}

fn all_of(window: usize, into: &mut BTreeSet<Quad>) {
    for strategy in StrategyKind::ALL {
        for fault in FaultKind::RUN {
            for path in Path::ALL {
                into.insert(Quad { window, strategy, fault, path });
            }
        }
    }
}

/// The windows of each folder of recordings; made ones are a folder of their own.
fn by_folder(windows: &[Window]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, window) in windows.iter().enumerate() {
        let folder = window.name.split('/').next().unwrap_or("");
        let folder = if window.class == Class::Synthetic { "" } else { folder };
        groups.entry(folder).or_default().push(at);
    }
    groups.into_values().collect()
}

/// The cells to run, in order, and how many there are in all.
pub(crate) fn plan(windows: &[Window], scale: Scale, seed: u64) -> (Vec<Quad>, usize) {
    let each = StrategyKind::ALL.len() * FaultKind::RUN.len() * Path::ALL.len();
    let total = windows.len() * each;
    let mut chosen = BTreeSet::new();
    let Some(amount) = amount(scale) else {
        (0..windows.len()).for_each(|at| all_of(at, &mut chosen));
        return (chosen.into_iter().collect(), total);
    };
    let groups = by_folder(windows);
    for group in &groups {
        let crashes = group.iter().filter(|at| windows[**at].class == Class::Crash);
        let mut worst: Vec<usize> = crashes.copied().collect();
        worst.sort_by(|a, b| windows[*b].severity.total_cmp(&windows[*a].severity).then(a.cmp(b)));
        worst.iter().take(amount.whole).for_each(|at| all_of(*at, &mut chosen));
    }
    if scale == Scale::Default {
        let made = |at: &usize| windows[*at].class != Class::Crash;
        (0..windows.len()).filter(made).for_each(|at| all_of(at, &mut chosen));
    }
    let mut random = Random::new(seed ^ 0x70_6c_61_6e);
    let wanted = chosen.len().saturating_add(amount.drawn).min(total);
    let pick = |random: &mut Random, many: usize| random.below(many as u64) as usize;
    while chosen.len() < wanted {
        // A folder first: one of them has most of the windows.
        let group = &groups[pick(&mut random, groups.len())];
        chosen.insert(Quad {
            window: group[pick(&mut random, group.len())],
            strategy: StrategyKind::ALL[pick(&mut random, StrategyKind::ALL.len())],
            fault: FaultKind::RUN[pick(&mut random, FaultKind::RUN.len())],
            path: Path::ALL[pick(&mut random, Path::ALL.len())],
        });
    }
    (chosen.into_iter().collect(), total)
}
