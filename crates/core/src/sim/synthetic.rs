//! A seeded synthetic market: regimes, jumps, a crash with a thin book, other traders' flow. It is
//! made up, and whoever shows its results says so.
//!
//! A fair price moves by a random walk whose volatility and drift belong to a regime, with jumps;
//! a book of limit orders is kept around it; when the fair price leaves the spread, takers trade
//! through the levels in between. In the crash the fair price falls by a given fraction while the
//! book thins and the spread widens.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Body, ConfigError, Depth, DepthKind, Event, FundingRate, HOUR, Instrument, InstrumentId, Level,
    MILLISECOND, Price, Qty, Random, Rate, Reference, SECOND, Sequence, Side, Trade,
};

/// A crash: from `at_ns` after the start the price falls by `drop` within `duration_ns`, `gap` of
/// it at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// When it begins, in nanoseconds after the start.
    pub at_ns: i64,
    /// How long it falls.
    pub duration_ns: i64,
    /// The part of the price that is lost, 0 to 0.95.
    pub drop: f64,
    /// The part of the price that is lost at once, when the crash begins: at most `drop`.
    pub gap: f64,
}

/// What the market is like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticConfig {
    /// Everything follows from it.
    pub seed: u64,
    /// When it begins.
    pub start_ns: i64,
    /// How long it lasts.
    pub duration_ns: i64,
    /// The first price.
    pub start_price: Price,
    /// Book messages a second, on average.
    pub messages_per_second: f64,
    /// Volatility of a year, as a fraction.
    pub volatility: f64,
    /// Drift of a year, as a fraction.
    pub drift: f64,
    /// Levels a side.
    pub levels: usize,
    /// Typical lots at a level.
    pub level_lots: f64,
    /// Jumps a day.
    pub jumps_per_day: f64,
    /// Standard deviation of a jump, as a fraction.
    pub jump_size: f64,
    /// The crash, if there is one.
    pub crash: Option<Crash>,
}

impl SyntheticConfig {
    /// Check that the numbers make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let inside = |key, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(ConfigError::new(key, format!("must lie between {low} and {high}")))
        };
        inside("messages_per_second", self.messages_per_second, 0.01, 10_000.0)?;
        inside("volatility", self.volatility, 0.0, 20.0)?;
        inside("drift", self.drift, -50.0, 50.0)?;
        inside("level_lots", self.level_lots, 1.0, 1e12)?;
        inside("jumps_per_day", self.jumps_per_day, 0.0, 100_000.0)?;
        inside("jump_size", self.jump_size, 0.0, 0.5)?;
        if let Some(crash) = self.crash {
            inside("crash.drop", crash.drop, 0.0, 0.95)?;
            inside("crash.gap", crash.gap, 0.0, crash.drop)?;
            if crash.at_ns < 0 || crash.duration_ns <= 0 {
                return Err(ConfigError::new("crash.at_ns", "must not be negative"));
            }
        }
        if !(1..=200).contains(&self.levels) {
            return Err(ConfigError::new("levels", "must lie between 1 and 200"));
        }
        if self.duration_ns <= 0 || !self.start_price.is_tradable() {
            return Err(ConfigError::new("start_price", "price and duration must be above zero"));
        }
        Ok(())
    }
}

const SECONDS_A_YEAR: f64 = 365.0 * 24.0 * 3600.0;
const REFERENCE_EVERY_NS: i64 = 3 * SECOND;
/// Regimes: volatility and drift against the configured ones, and how long they last on average.
const REGIMES: [(f64, f64, f64); 4] =
    [(0.5, 0.0, 3600.0), (1.0, 6.0, 1800.0), (1.0, -6.0, 1800.0), (2.5, 0.0, 900.0)];

#[derive(Clone, Copy, Debug)]
struct Regime {
    volatility: f64,
    drift: f64,
    until_ns: i64,
}

/// The market, running.
#[derive(Clone, Debug)]
pub struct Synthetic {
    config: SyntheticConfig,
    instrument: InstrumentId,
    random: Random,
    now_ns: i64,
    received_ns: i64,
    fair: f64,
    regime: Regime,
    bids: Vec<Level>,
    asks: Vec<Level>,
    changed_bids: Vec<Level>,
    changed_asks: Vec<Level>,
    trades: Vec<(Side, Level)>,
    sequence: u64,
    trade_id: u64,
    next_reference_ns: i64,
    next_funding_ns: i64,
    /// Whether the crash's gap is behind.
    gapped: bool,
}

impl Synthetic {
    /// The market of this configuration, at its start.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn new(config: SyntheticConfig, instrument: &Instrument) -> Result<Self, ConfigError> {
        config.check()?;
        let room = config.levels.saturating_mul(4);
        Ok(Self {
            instrument: instrument.id(),
            random: Random::new(config.seed),
            now_ns: config.start_ns,
            received_ns: config.start_ns,
            fair: float(config.start_price.ticks()),
            regime: Regime { volatility: 1.0, drift: 0.0, until_ns: config.start_ns },
            bids: Vec::with_capacity(room),
            asks: Vec::with_capacity(room),
            changed_bids: Vec::with_capacity(room),
            changed_asks: Vec::with_capacity(room),
            trades: Vec::with_capacity(room),
            sequence: 0,
            trade_id: 0,
            next_reference_ns: config.start_ns,
            next_funding_ns: config
                .start_ns
                .div_euclid(HOUR)
                .saturating_add(1)
                .saturating_mul(HOUR),
            gapped: false,
            config,
        })
    }

    /// The end of the market.
    pub const fn end_ns(&self) -> i64 {
        self.config.start_ns.saturating_add(self.config.duration_ns)
    }

    /// How far it is.
    pub const fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// One step: what happens is given to `emit`, in order. `false` at the end.
    ///
    /// # Errors
    ///
    /// What `emit` returns.
    pub fn step<E>(
        &mut self,
        emit: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let wait = self.random.exponential(1.0 / self.config.messages_per_second);
        let next = self.now_ns.saturating_add(nanoseconds(wait).max(1_000));
        if next >= self.end_ns() {
            return Ok(false);
        }
        let seconds = float(next.saturating_sub(self.now_ns)) / float(SECOND);
        self.now_ns = next;
        let extra = nanoseconds(self.random.exponential(0.002).min(0.1));
        let delay = extra.saturating_add(2 * MILLISECOND);
        self.received_ns = self.received_ns.max(next.saturating_add(delay));
        self.move_fair(seconds);
        self.emit_timed(emit)?;
        let first = self.bids.is_empty();
        self.move_book();
        for at in 0..self.trades.len() {
            let Some(&(aggressor, level)) = self.trades.get(at) else { break };
            self.trade_id = self.trade_id.saturating_add(1);
            let trade = Trade {
                instrument: self.instrument,
                aggressor,
                price: level.price,
                qty: level.qty,
                id: self.trade_id,
            };
            emit(&self.event(Body::Trade(trade)))?;
        }
        self.sequence = self.sequence.saturating_add(1);
        let depth = Depth {
            instrument: self.instrument,
            kind: if first { DepthKind::Snapshot } else { DepthKind::Diff },
            sequence: Sequence { first: self.sequence, last: self.sequence, previous: 0 },
            checksum: None,
            bids: &self.changed_bids,
            asks: &self.changed_asks,
        };
        emit(&Event {
            time_ns: self.now_ns,
            received_ns: self.received_ns,
            body: Body::Depth(depth),
        })?;
        Ok(true)
    }

    const fn event(&self, body: Body<'static>) -> Event<'static> {
        Event { time_ns: self.now_ns, received_ns: self.received_ns, body }
    }

    fn in_crash(&self) -> Option<Crash> {
        let since = self.now_ns.saturating_sub(self.config.start_ns);
        self.config.crash.filter(|crash| {
            since >= crash.at_ns && since < crash.at_ns.saturating_add(crash.duration_ns)
        })
    }

    fn move_fair(&mut self, seconds: f64) {
        if self.now_ns >= self.regime.until_ns {
            let pick = usize::try_from(self.random.below(REGIMES.len() as u64)).unwrap_or(0);
            let (volatility, drift, mean) = REGIMES.get(pick).copied().unwrap_or((1.0, 0.0, 600.0));
            let lasts = nanoseconds(self.random.exponential(mean));
            let until_ns = self.now_ns.saturating_add(lasts);
            self.regime = Regime { volatility, drift, until_ns };
        }
        let years = seconds / SECONDS_A_YEAR;
        let mut volatility = self.config.volatility * self.regime.volatility;
        let mut drift = (self.config.drift + self.regime.drift) * years;
        if let Some(crash) = self.in_crash() {
            volatility *= 6.0;
            let gap = libm::log(1.0 - crash.gap);
            let rest = libm::log(1.0 - crash.drop) - gap;
            drift = rest * seconds / (float(crash.duration_ns) / float(SECOND));
            if !std::mem::replace(&mut self.gapped, true) {
                drift += gap;
            }
        }
        let mut change = drift + volatility * libm::sqrt(years) * self.random.normal();
        if self.random.chance(self.config.jumps_per_day * seconds / 86_400.0) {
            change += self.config.jump_size * self.random.normal();
        }
        self.fair = (self.fair * libm::exp(change)).clamp(100.0, 1e12);
    }

    fn emit_timed<E>(
        &mut self,
        emit: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.now_ns >= self.next_reference_ns {
            self.next_reference_ns = self.now_ns.saturating_add(REFERENCE_EVERY_NS);
            let price = ticks(self.fair);
            let reference = Reference { instrument: self.instrument, mark: price, oracle: price };
            emit(&self.event(Body::Reference(reference)))?;
        }
        if self.now_ns >= self.next_funding_ns {
            self.next_funding_ns = self.next_funding_ns.saturating_add(HOUR);
            let rate = Rate::from_parts(12_500_000); // 0.00125 % an hour
            let funding = FundingRate { instrument: self.instrument, rate, settles: true };
            emit(&self.event(Body::FundingRate(funding)))?;
        }
        Ok(())
    }

    /// Bring the book around the fair price: trade through what is in the way, fill what is empty.
    fn move_book(&mut self) {
        self.changed_bids.clear();
        self.changed_asks.clear();
        self.trades.clear();
        let crash = self.in_crash().is_some();
        let half = if crash {
            self.fair * 0.0004 * (1.0 + self.random.exponential(1.0))
        } else {
            0.5 + self.random.exponential(0.4)
        };
        let bid = ticks(self.fair - half);
        let ask =
            Price::from_ticks(ticks(self.fair + half).ticks().max(bid.ticks().saturating_add(1)));
        let thin = if crash { 0.1 } else { 1.0 };
        self.sweep(Side::Bid, bid, thin);
        self.sweep(Side::Ask, ask, thin);
        self.refill(Side::Bid, bid, thin);
        self.refill(Side::Ask, ask, thin);
        self.touch_trade(crash);
    }

    /// Levels of `side` better than `target` go: most are traded away by takers.
    fn sweep(&mut self, side: Side, target: Price, thin: f64) {
        loop {
            let levels = if side == Side::Bid { &mut self.bids } else { &mut self.asks };
            let Some(&best) = levels.first() else { return };
            if !best.price.better(side, target) {
                return;
            }
            levels.remove(0);
            self.change(side, Level { price: best.price, qty: Qty::ZERO });
            if self.random.chance(0.6 * thin + 0.3) {
                self.trades.push((side.opposite(), best));
            }
        }
    }

    /// The best level lies at `target`; others behind it, in random sizes.
    fn refill(&mut self, side: Side, target: Price, thin: f64) {
        let wanted = self.config.levels;
        let levels = if side == Side::Bid { &self.bids } else { &self.asks };
        if levels.first().is_none_or(|best| best.price != target) {
            let level = Level { price: target, qty: self.size(0, thin) };
            let levels = if side == Side::Bid { &mut self.bids } else { &mut self.asks };
            levels.insert(0, level);
            self.change(side, level);
        }
        loop {
            let levels = if side == Side::Bid { &mut self.bids } else { &mut self.asks };
            if levels.len() <= wanted {
                break;
            }
            let Some(gone) = levels.pop() else { break };
            self.change(side, Level { price: gone.price, qty: Qty::ZERO });
        }
        loop {
            let levels = if side == Side::Bid { &self.bids } else { &self.asks };
            let Some(last) = levels.last().copied() else { break };
            let depth = levels.len();
            if depth >= wanted {
                break;
            }
            let gap = if self.random.chance(0.5) { 1 } else { 2 };
            let price = last.price.worse(side.opposite(), gap);
            let level = Level { price, qty: self.size(depth, thin) };
            if !price.is_tradable() {
                break;
            }
            let levels = if side == Side::Bid { &mut self.bids } else { &mut self.asks };
            levels.push(level);
            self.change(side, level);
        }
        self.resize(side, thin);
    }

    /// Other traders change a level now and then.
    fn resize(&mut self, side: Side, thin: f64) {
        for _ in 0..self.random.below(4) {
            let count = self.config.levels as u64;
            let at = usize::try_from(self.random.below(count)).unwrap_or(0);
            let qty = self.size(at, thin);
            let levels = if side == Side::Bid { &mut self.bids } else { &mut self.asks };
            let Some(level) = levels.get_mut(at) else { continue };
            level.qty = qty;
            let level = *level;
            self.change(side, level);
        }
    }

    fn touch_trade(&mut self, crash: bool) {
        if !self.random.chance(if crash { 0.9 } else { 0.25 }) {
            return;
        }
        let aggressor =
            if self.random.chance(if crash { 0.15 } else { 0.5 }) { Side::Bid } else { Side::Ask };
        let wish = self.config.level_lots * 0.1 * libm::exp(self.random.normal());
        let resting = aggressor.opposite();
        let levels = if resting == Side::Bid { &mut self.bids } else { &mut self.asks };
        let Some(best) = levels.first_mut() else { return };
        let most = best.qty.minus(Qty::from_lots(1));
        let qty = Qty::from_lots(lots(wish)).min(most);
        if qty.is_zero() {
            return;
        }
        best.qty = best.qty.minus(qty);
        let level = *best;
        self.trades.push((aggressor, Level { price: level.price, qty }));
        self.change(resting, level);
    }

    fn change(&mut self, side: Side, level: Level) {
        let changed =
            if side == Side::Bid { &mut self.changed_bids } else { &mut self.changed_asks };
        match changed.iter_mut().find(|other| other.price == level.price) {
            Some(other) => other.qty = level.qty,
            None => changed.push(level),
        }
    }

    fn size(&mut self, depth: usize, thin: f64) -> Qty {
        let grows = 1.0 + float(i64::try_from(depth).unwrap_or(0)) * 0.1;
        let mean = self.config.level_lots * grows * thin;
        Qty::from_lots(lots(mean * libm::exp(0.8 * self.random.normal())))
    }
}

#[expect(clippy::cast_precision_loss, reason = "times and prices of a market are far below 2^53")]
const fn float(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a float turned to an integer saturates")]
const fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}

#[expect(clippy::cast_possible_truncation, reason = "held to 1e12 by whoever calls")]
const fn ticks(price: f64) -> Price {
    Price::from_ticks(price as i64)
}

#[expect(clippy::cast_possible_truncation, reason = "a float turned to an integer saturates")]
#[expect(clippy::cast_sign_loss, reason = "a negative float becomes zero")]
const fn lots(wish: f64) -> u64 {
    let lots = wish as u64;
    if lots == 0 { 1 } else { lots }
}
