//! The features of one strategy on one instrument, with its series of bars.

use serde::{Deserialize, Serialize};

use super::{AnyFeature, BarBuilder, ClosedBar, Feature, Input, InputKind};
use crate::book::{Best, Book};
use crate::domain::{Bar, ConfigError, NEVER, Qty, Trade};

/// Features that are updated together, and at most one series of bars that feeds some of them.
///
/// The engine tells it everything it hears. When [`FeatureSet::deadline_ns`] is not after now, it
/// first calls [`FeatureSet::on_time`] until it is, so that bars close before what follows them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeatureSet {
    aliases: Box<[String]>,
    features: Box<[AnyFeature]>,
    /// Which features listen to what.
    on_book: Box<[usize]>,
    on_trade: Box<[usize]>,
    on_bar: Box<[usize]>,
    bars: Option<BarBuilder>,
}

impl FeatureSet {
    /// These features, each under its alias, and this series of bars.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when two features have one alias, or one needs bars and there are none.
    pub fn new(
        features: Vec<(String, AnyFeature)>,
        bars: Option<BarBuilder>,
    ) -> Result<Self, ConfigError> {
        let (aliases, features): (Vec<_>, Vec<_>) = features.into_iter().unzip();
        for (at, alias) in aliases.iter().enumerate() {
            if aliases.iter().take(at).any(|other| other == alias) {
                return Err(ConfigError::new("features", format!("{alias:?} is there twice")));
            }
        }
        let listening = |kind: InputKind| -> Box<[usize]> {
            let listens = |feature: &AnyFeature| feature.about().inputs.contains(&kind);
            let all = features.iter().enumerate();
            all.filter(|(_, feature)| listens(feature)).map(|(at, _)| at).collect()
        };
        let on_bar = listening(InputKind::Bar);
        if let (None, Some(alias)) = (&bars, on_bar.first().and_then(|at| aliases.get(*at))) {
            let reason = format!("missing; the feature {alias:?} needs them");
            return Err(ConfigError::new("bars", reason));
        }
        Ok(Self {
            on_book: listening(InputKind::Book),
            on_trade: listening(InputKind::Trade),
            on_bar,
            aliases: aliases.into(),
            features: features.into(),
            bars,
        })
    }

    /// How many features there are.
    pub const fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The value of the feature at an index; NaN when it is not ready, or there is none.
    #[inline]
    pub fn value(&self, index: usize) -> f64 {
        self.features.get(index).map_or(f64::NAN, Feature::value)
    }

    /// The index of the feature with this alias.
    pub fn index(&self, alias: &str) -> Option<usize> {
        self.aliases.iter().position(|other| other == alias)
    }

    /// The aliases, in the order of the indices.
    pub const fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// The features, in the order of the indices.
    pub const fn features(&self) -> &[AnyFeature] {
        &self.features
    }

    /// The series of bars.
    pub const fn bars(&self) -> Option<&BarBuilder> {
        self.bars.as_ref()
    }

    /// When [`FeatureSet::on_time`] must be called next: [`NEVER`] while nothing is due.
    #[inline]
    pub fn deadline_ns(&self) -> i64 {
        self.bars.as_ref().map_or(NEVER, BarBuilder::deadline_ns)
    }

    /// A complete message changed the book. `best` is what the book shows, nothing when it is
    /// hidden; a lost feed is told in the same way.
    #[inline]
    pub fn on_book(&mut self, book: &Book, best: Option<Best>, now_ns: i64) {
        let input = Input::Book { book, best, now_ns };
        update(&mut self.features, &self.on_book, &input);
    }

    /// Somebody traded. Returns the bar that it closed. A trade at a price that cannot be, or of
    /// more than [`Qty::MAX`], is left out.
    #[inline]
    pub fn on_trade(&mut self, trade: &Trade, now_ns: i64) -> Option<ClosedBar> {
        if !trade.price.is_tradable() || trade.qty > Qty::MAX {
            return None;
        }
        update(&mut self.features, &self.on_trade, &Input::Trade { trade, now_ns });
        let closed = self.bars.as_mut()?.on_trade(trade, now_ns)?;
        Some(self.close(closed))
    }

    /// The source closed a bar of its own at `end_ns`. Returns the bar of the series that it
    /// closed.
    #[inline]
    pub fn on_bar(&mut self, bar: &Bar, end_ns: i64) -> Option<ClosedBar> {
        let closed = self.bars.as_mut()?.on_bar(bar, end_ns)?;
        Some(self.close(closed))
    }

    /// Time passed. Returns the bar that it closed.
    #[inline]
    pub fn on_time(&mut self, now_ns: i64) -> Option<ClosedBar> {
        let closed = self.bars.as_mut()?.on_time(now_ns)?;
        Some(self.close(closed))
    }

    fn close(&mut self, closed: ClosedBar) -> ClosedBar {
        let input = Input::Bar { bar: &closed.bar, time_ns: closed.time_ns };
        update(&mut self.features, &self.on_bar, &input);
        closed
    }
}

#[inline]
fn update(features: &mut [AnyFeature], which: &[usize], input: &Input<'_>) {
    for &at in which {
        if let Some(feature) = features.get_mut(at) {
            feature.update(input);
        }
    }
}
