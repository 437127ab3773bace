//! False trips: sensible strategies over stretches in which nothing happened, at the profiles' own
//! limits. Every switch that fires is counted and listed.

use std::sync::Arc;

use flyball_core::backtest::{Backtest, Decide, Observer, Stopped, Wake};
use flyball_core::domain::{
    CommandOf, DAY, Direction, Event, HOUR, Intent, Level, MINUTE, Notice, Price, Quotes, Random,
    Rate, Side, Signal,
};
use flyball_core::engine::{Engine, FeatureConfig, Sight, StrategyConfig, StrategyView};
use flyball_core::features::BarSpec;
use flyball_core::journal::{Reader, SinkError};
use flyball_core::risk::{Command, Profile};
use flyball_core::strategy::{Draft, Sizing, WakeSpec};
use serde::{Deserialize, Serialize};

use crate::cell::{Path, engine_config, heartbeat_ns, sim_config, tape};
use crate::setup::{ProofError, Scale};
use crate::source::Source;
use crate::strategies::wake;
use crate::windows::{Class, Window, is_absurd, range, stamp};

/// In a quiet stretch no bar moves further than this, and no day further than
/// [`QUIET_DAY`].
pub(crate) const QUIET_BAR: f64 = 0.02;
/// See [`QUIET_BAR`].
pub(crate) const QUIET_DAY: f64 = 0.05;

/// A sensible strategy: what `trading.strategies` has, written natively.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sensible {
    Breakout,
    MeanReversion,
    Maker,
}

impl Sensible {
    pub(crate) const ALL: [Self; 3] = [Self::Breakout, Self::MeanReversion, Self::Maker];

    fn features(self) -> Vec<FeatureConfig> {
        let feature = |alias: &str, name: &str, period: f64, offset: Option<f64>| FeatureConfig {
            alias: alias.into(),
            name: name.into(),
            parameters: std::iter::once(("period".to_owned(), period))
                .chain(offset.map(|offset| ("offset".to_owned(), offset)))
                .collect(),
        };
        match self {
            Self::Breakout => vec![
                feature("top", "donchian_high", 48.0, Some(1.0)),
                feature("bottom", "donchian_low", 48.0, Some(1.0)),
                feature("atr", "atr", 14.0, None),
            ],
            Self::MeanReversion => vec![feature("z", "zscore", 60.0, None)],
            Self::Maker => Vec::new(),
        }
    }
}

fn signal(direction: Direction, confidence: f64, stop: Option<Price>) -> Intent<'static> {
    Intent::Signal(Signal {
        direction,
        confidence,
        stop,
        trailing: None,
        take_profit: None,
        max_holding_ns: None,
    })
}

fn ticks(price: f64) -> Option<Price> {
    (price.is_finite() && price >= 1.0).then(|| Price::from_ticks(price as i64))
}

impl Decide for Sensible {
    fn decide(
        &mut self,
        _: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        match self {
            Self::Breakout => breakout(view, draft),
            Self::MeanReversion => reversion(view, draft),
            Self::Maker => maker(view, draft),
        }
        Ok(())
    }
}

fn breakout(view: &StrategyView<'_>, draft: &mut Draft) {
    let Some(bar) = view.bar() else { return };
    let (top, bottom, atr) = (view.feature(0), view.feature(1), view.feature(2));
    let close = bar.prices[3] as f64;
    if atr == 0.0 || (bottom <= close && close <= top) {
        return;
    }
    let up = close > top;
    let beyond = if up { close - top } else { bottom - close };
    let confidence = (0.5 + beyond / atr).min(1.0);
    let stop = if up { close - 3.0 * atr } else { close + 3.0 * atr };
    let way = if up { Direction::Long } else { Direction::Short };
    draft.write(&signal(way, confidence, ticks(stop)));
}

fn reversion(view: &StrategyView<'_>, draft: &mut Draft) {
    let z = view.feature(0);
    if z.abs() >= 2.0 {
        let way = if z > 0.0 { Direction::Short } else { Direction::Long };
        draft.write(&signal(way, (z.abs() / 4.0).min(1.0), None));
    } else if !view.position().is_flat() && z.abs() <= 0.5 {
        draft.write(&signal(Direction::Flat, 1.0, None));
    }
}

/// Quotes a fortieth of the account on each side, leaning against what it holds.
fn maker(view: &StrategyView<'_>, draft: &mut Draft) {
    let (Some(best), Some(it)) = (view.best(), view.instrument()) else { return };
    if view.equity().is_unknown() {
        return;
    }
    let mid = best.mid();
    let lots = it.qty_for(view.equity().at_rate(Rate::from_ppm(25_000)), mid);
    if lots.is_zero() || mid.ticks() < 4 {
        return;
    }
    let half = (mid.ticks() / 4_000).max(1);
    let lean = view.position().lots() / i64::try_from(lots.lots()).unwrap_or(i64::MAX) * half;
    let bid = (mid.ticks() - half - lean).min(best.ask.price.ticks() - 1).max(1);
    let ask = (mid.ticks() + half - lean).max(best.bid.price.ticks() + 1);
    let level =
        |at, side| [Level { price: it.round_passive(Price::from_ticks(at), side), qty: lots }];
    let (bids, asks) = (level(bid, Side::Bid), level(ask, Side::Ask));
    draft.write(&Intent::Quotes(Quotes { bids: &bids, asks: &asks }));
}

/// A switch fired where nothing had happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct FalseTrip {
    pub(crate) stretch: String,
    pub(crate) strategy: Sensible,
    pub(crate) profile: String,
    pub(crate) switch: &'static str,
    pub(crate) at: String,
    pub(crate) limit: f64,
    pub(crate) actual: f64,
}

/// The quiet stretches of a source, each a week at most and a day at least. Bars of more than an
/// hour say too little about what happens within them.
pub(crate) fn stretches(source: &Source) -> Vec<Window> {
    if source.interval_ns > HOUR || source.interval_ns < MINUTE {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut first = 0;
    let (mut high, mut low, mut day) = (0, i64::MAX, i64::MIN);
    for (at, (end, bar)) in source.bars.iter().enumerate() {
        let gap = at > 0 && end - source.bars[at - 1].0 > source.interval_ns;
        let today = end.div_euclid(DAY);
        if today != day {
            (high, low, day) = (0, i64::MAX, today);
        }
        (high, low) = (high.max(bar.high.ticks()), low.min(bar.low.ticks()));
        let wild = range(bar) > QUIET_BAR
            || is_absurd(bar)
            || high as f64 / low.max(1) as f64 - 1.0 > QUIET_DAY;
        let long = end - source.bars[first].0 >= 7 * DAY;
        if wild || gap || long {
            stretch(source, first, at, &mut found);
            first = if wild { at + 1 } else { at };
        }
        if first >= source.bars.len() {
            return found;
        }
    }
    stretch(source, first, source.bars.len(), &mut found);
    found
}

fn stretch(source: &Source, first: usize, end: usize, found: &mut Vec<Window>) {
    let Some(bars) = source.bars.get(first..end).filter(|bars| bars.len() > 2) else { return };
    let (from, to) = (bars[0].0, bars[bars.len() - 1].0);
    if to - from < DAY {
        return;
    }
    found.push(Window {
        name: format!("{} {} to {}", source.name, stamp(from), stamp(to)),
        class: Class::Crash,
        spec: source.spec.clone(),
        bars: Arc::from(bars),
        anchor: 0,
        severity: 0.0,
        seen_before: 0.0,
    });
}

/// Stretches to run, drawn by the seed.
pub(crate) fn chosen(sources: &[Source], scale: Scale, seed: u64) -> (Vec<Window>, f64) {
    let mut all: Vec<Window> = sources.iter().flat_map(stretches).collect();
    let hours = |window: &Window| (window.bars[window.bars.len() - 1].0 - window.bars[0].0) as f64;
    let total = all.iter().map(hours).sum::<f64>() / HOUR as f64;
    let many = match scale {
        Scale::Quick => 2,
        Scale::Default => 150,
        Scale::Full => usize::MAX,
    };
    let mut random = Random::new(seed ^ 0x71_75_69_65_74);
    while all.len() > many {
        let at = random.below(all.len() as u64) as usize;
        all.swap_remove(at);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    (all, total)
}

struct Trips<'a> {
    found: Vec<FalseTrip>,
    stretch: &'a str,
    strategy: Sensible,
    profile: &'a str,
}

impl Observer for Trips<'_> {
    fn event(&mut self, _: &Event<'_>, _: &Engine) -> Result<(), SinkError> {
        Ok(())
    }

    fn command(&mut self, command: &Command, engine: &Engine) -> Result<(), SinkError> {
        if let CommandOf::Notice(Notice::Tripped { switch, limit, actual, .. }) = command {
            self.found.push(FalseTrip {
                stretch: self.stretch.to_owned(),
                strategy: self.strategy,
                profile: self.profile.to_owned(),
                switch: switch.as_str(),
                at: stamp(engine.now_ns()),
                limit: limit.to_f64(),
                actual: actual.to_f64(),
            });
        }
        Ok(())
    }
}

/// Run one sensible strategy over a quiet stretch: hours, and the switches that fired.
pub(crate) fn run(
    window: &Window,
    strategy: Sensible,
    profile: &Profile,
    seed: u64,
    cash: i64,
) -> Result<(f64, Vec<FalseTrip>), ProofError> {
    let wrong = |reason: String| ProofError::Cell(window.name.clone(), reason);
    let words = tape(window)?;
    let interval = window.bars[0].1.interval_ns;
    let mut config = engine_config(window, profile, cash);
    config.strategies = vec![StrategyConfig {
        name: "quiet".into(),
        instrument: 0,
        wake: match strategy {
            Sensible::Maker => wake(heartbeat_ns(window)),
            _ => WakeSpec { bar: true, ..WakeSpec::default() },
        },
        bars: Some(BarSpec::Time(interval)),
        features: strategy.features(),
        sizing: Sizing::EquityFraction { fraction: Rate::from_ppm(200_000) },
    }];
    let reader = Reader::open(&words).map_err(|error| wrong(error.to_string()))?;
    let mut test =
        Backtest::new(&config, sim_config(window, Path::Continuous, seed), &reader.cursor())?;
    let mut trips =
        Trips { found: Vec::new(), stretch: &window.name, strategy, profile: &profile.name };
    let mut decides = strategy;
    while test.run(100_000, &mut decides, &mut trips).map_err(|error| wrong(error.to_string()))? {}
    let bars = &window.bars;
    let hours = (bars[bars.len() - 1].0 - bars[0].0) as f64 / HOUR as f64;
    Ok((hours, trips.found))
}
