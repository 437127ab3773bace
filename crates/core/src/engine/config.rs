//! What an engine is made of. Checked once, when it is made.

use serde::{Deserialize, Serialize};

use crate::domain::{ConfigError, HOUR, Instrument, InstrumentId, InstrumentSpec, Money};
use crate::execution::Market;
use crate::features::{AnyFeature, BarBuilder, BarSpec, FeatureSet};
use crate::portfolio::Portfolio;
use crate::risk::{Profile, Scenarios};
use crate::strategy::{Sizing, Slot, WakeSpec};

/// An instrument, and how its data comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentConfig {
    /// The instrument.
    pub spec: InstrumentSpec,
    /// The longest silence that is normal for its feed: data is old only after this and the
    /// profile's limit. Zero for a live book; the interval for bars.
    pub quiet_ns: i64,
}

/// A feature that a strategy declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureConfig {
    /// What the strategy calls it.
    pub alias: String,
    /// The feature's name.
    pub name: String,
    /// Its parameters.
    pub parameters: Vec<(String, f64)>,
}

/// A strategy: what it trades, listens to and is woken by, and how it is sized.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyConfig {
    /// Its name, for people.
    pub name: String,
    /// Index of its instrument. One strategy an instrument.
    pub instrument: u16,
    /// What wakes it.
    pub wake: WakeSpec,
    /// Its series of bars.
    pub bars: Option<BarSpec>,
    /// What it listens to.
    pub features: Vec<FeatureConfig>,
    /// How its signals are sized.
    pub sizing: Sizing,
}

/// What an engine is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// What can be traded.
    pub instruments: Vec<InstrumentConfig>,
    /// Who trades.
    pub strategies: Vec<StrategyConfig>,
    /// What protects the account.
    pub profile: Profile,
    /// Cash at the start.
    pub cash: Money,
    /// An order or cancel without an answer for this long is unknown, and asked about.
    pub answer_timeout_ns: i64,
}

impl EngineConfig {
    /// The instruments, checked.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn instruments(&self) -> Result<Vec<Instrument>, ConfigError> {
        let many = self.instruments.len();
        if many == 0 || many > usize::from(u16::MAX) {
            return Err(ConfigError::new("instruments", "there must be 1 to 65535"));
        }
        let ids = (0..=u16::MAX).map(InstrumentId::new);
        ids.zip(&self.instruments).map(|(id, config)| Instrument::new(id, &config.spec)).collect()
    }

    /// What is known of each market before the first event: how old it may become.
    pub(super) fn markets(&self) -> Vec<Market> {
        let max_age_ns = self.profile.gate.max_data_age_ns;
        let market = |quiet_ns: i64| Market {
            max_age_ns: max_age_ns.saturating_add(quiet_ns),
            ..Market::default()
        };
        self.instruments.iter().map(|it| market(it.quiet_ns)).collect()
    }

    /// Margin the account's positions as the profile wants it. `scenarios`: before anything is seen.
    pub(super) fn margin(
        &self,
        account: &mut Portfolio,
        instruments: &[Instrument],
        scenarios: &Scenarios,
    ) {
        for it in instruments {
            let leverage = self.profile.isolated_leverage(it, scenarios.loss(it.id()));
            account.isolate(it.id(), leverage);
        }
    }

    pub(super) fn slot(
        &self,
        index: usize,
        instruments: &[Instrument],
    ) -> Result<Slot, ConfigError> {
        let missing = || ConfigError::new("strategies", "there is no such strategy");
        let config = self.strategies.get(index).ok_or_else(missing)?;
        let twice = self.strategies.iter().take(index).any(|s| s.instrument == config.instrument);
        if twice {
            let reason = "an instrument has one strategy: a position has one owner";
            return Err(ConfigError::new("strategies", reason));
        }
        let unknown = || {
            let reason = format!("instrument {} is not configured", config.instrument);
            ConfigError::new("strategies.instrument", reason)
        };
        let id = InstrumentId::new(config.instrument);
        let instrument = instruments.get(id.index()).ok_or_else(unknown)?;
        config.sizing.check()?;
        config.wake.check(config.features.len())?;
        let bars = config.bars.map(|spec| BarBuilder::new(spec, instrument)).transpose()?;
        if config.wake.bar && bars.is_none() {
            return Err(ConfigError::new("bars", "missing; the strategy is woken by them"));
        }
        let mut features = Vec::with_capacity(config.features.len());
        for feature in &config.features {
            let parameters: Vec<(&str, f64)> =
                feature.parameters.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            features.push((feature.alias.clone(), AnyFeature::new(&feature.name, &parameters)?));
        }
        let features = FeatureSet::new(features, bars)?;
        let id = crate::domain::StrategyId::new(u16::try_from(index).map_err(|_| missing())?);
        Ok(Slot::new(id, instrument.id(), config.wake.clone(), features, config.sizing))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.profile.check()?;
        if self.cash < Money::ZERO || self.cash.is_unknown() {
            return Err(ConfigError::new("cash", "must not be negative"));
        }
        if !(1..=HOUR).contains(&self.answer_timeout_ns) {
            return Err(ConfigError::new("answer_timeout", "must lie above 0, at most an hour"));
        }
        if self.instruments.iter().any(|instrument| instrument.quiet_ns < 0) {
            return Err(ConfigError::new("instruments.quiet", "must not be negative"));
        }
        if self.strategies.len() > usize::from(u16::MAX) {
            return Err(ConfigError::new("strategies", "there must be fewer than 65536"));
        }
        Ok(())
    }
}
