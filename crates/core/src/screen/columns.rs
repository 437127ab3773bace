//! Bars, column by column.

use crate::domain::{Bar, ConfigError, InstrumentId, Price, Qty};
use crate::features::{AnyFeature, BarBuilder, InputKind};

/// Bars whose lowest and highest price are kept together.
pub(super) const BLOCK: usize = 64;

/// Bars of one instrument in order of time; every column has one value a bar.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    instrument: InstrumentId,
    interval_ns: i64,
    /// When each ended.
    pub end_ns: Vec<i64>,
    /// First and last price of each bar in turn, in ticks: a close lies beside the open after it.
    turns: Vec<i64>,
    /// Highest prices.
    pub high: Vec<i64>,
    /// Lowest prices.
    pub low: Vec<i64>,
    /// What was traded, in lots.
    pub volume: Vec<u64>,
    /// Lowest and highest price of each whole block.
    pub(super) blocks: Vec<(i64, i64)>,
}

impl Columns {
    /// No bars yet, of this instrument and length.
    pub fn new(instrument: InstrumentId, interval_ns: i64) -> Self {
        Self { instrument, interval_ns, ..Self::default() }
    }

    /// Add a bar that ended at `end_ns`. One whose prices cannot be, or that is not newer than the
    /// last, is left out.
    pub fn push(&mut self, bar: &Bar, end_ns: i64) {
        let inside = |price: Price| bar.low <= price && price <= bar.high;
        let sound = bar.low.is_tradable()
            && bar.high.is_tradable()
            && inside(bar.open)
            && inside(bar.close)
            && bar.volume <= Qty::MAX;
        if !sound || self.end_ns.last().is_some_and(|last| end_ns <= *last) {
            return;
        }
        self.end_ns.push(end_ns);
        self.turns.extend([bar.open.ticks(), bar.close.ticks()]);
        self.high.push(bar.high.ticks());
        self.low.push(bar.low.ticks());
        self.volume.push(bar.volume.lots());
        if self.len().checked_rem(BLOCK) == Some(0) {
            let from = self.len().saturating_sub(BLOCK);
            let part = |column: &[i64]| column.get(from..).unwrap_or_default().to_vec();
            let low = part(&self.low).into_iter().min().unwrap_or(0);
            let high = part(&self.high).into_iter().max().unwrap_or(0);
            self.blocks.push((low, high));
        }
    }

    /// How many bars there are.
    pub const fn len(&self) -> usize {
        self.end_ns.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.end_ns.is_empty()
    }

    /// How long a bar is.
    pub const fn interval_ns(&self) -> i64 {
        self.interval_ns
    }

    /// First prices, in ticks.
    pub fn opens(&self) -> impl Iterator<Item = i64> + '_ {
        self.turns.iter().step_by(2).copied()
    }

    /// Last prices.
    pub fn closes(&self) -> impl Iterator<Item = i64> + '_ {
        self.turns.iter().skip(1).step_by(2).copied()
    }

    /// The first price of the bar at an index.
    #[inline]
    pub(super) fn open(&self, at: usize) -> i64 {
        self.turns.get(at.wrapping_mul(2)).copied().unwrap_or(0)
    }

    /// The last price of the bar at an index.
    #[inline]
    pub(super) fn close(&self, at: usize) -> i64 {
        self.turns.get(at.wrapping_mul(2).wrapping_add(1)).copied().unwrap_or(0)
    }

    /// When the bar at an index began.
    pub(super) fn start_ns(&self, at: usize) -> i64 {
        self.end_ns.get(at).copied().unwrap_or(i64::MAX).saturating_sub(self.interval_ns)
    }

    /// The bars, with their ends.
    pub fn bars(&self) -> impl Iterator<Item = (Bar, i64)> + '_ {
        let prices = self.opens().zip(&self.high).zip(self.low.iter().zip(self.closes()));
        prices.zip(&self.volume).zip(&self.end_ns).map(|((prices, volume), end_ns)| {
            let ((open, high), (low, close)) = prices;
            let bar = Bar {
                instrument: self.instrument,
                interval_ns: self.interval_ns,
                open: Price::from_ticks(open),
                high: Price::from_ticks(*high),
                low: Price::from_ticks(*low),
                close: Price::from_ticks(close),
                volume: Qty::from_lots(*volume),
            };
            (bar, *end_ns)
        })
    }

    /// Longer bars made of these, as the engine makes them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when they cannot be made of them.
    pub fn longer(&self, mut series: BarBuilder, interval_ns: i64) -> Result<Self, ConfigError> {
        series.accepts(self.interval_ns)?;
        let mut made = Self::new(self.instrument, interval_ns);
        for (bar, end_ns) in self.bars() {
            while series.deadline_ns() <= end_ns {
                let Some(closed) = series.on_time(end_ns) else { break };
                made.push(&closed.bar, closed.time_ns);
            }
            if let Some(closed) = series.on_bar(&bar, end_ns) {
                made.push(&closed.bar, closed.time_ns);
            }
        }
        Ok(made)
    }

    /// The value of a feature after each bar: the one that the engine has there, bit for bit. NaN
    /// while it is not ready.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] that names what is wrong, or that it is no feature of bars.
    pub fn feature(&self, name: &str, parameters: &[(&str, f64)]) -> Result<Vec<f64>, ConfigError> {
        let mut feature = AnyFeature::new(name, parameters)?;
        if feature.about().inputs != [InputKind::Bar] {
            let reason = format!("{name:?} looks at more than bars: screening has nothing else");
            return Err(ConfigError::new("feature", reason));
        }
        let mut values = Vec::with_capacity(self.len());
        feature.follow(self.bars(), |value| values.push(value));
        Ok(values)
    }

    /// The sample standard deviation of the last `period` closes, in ticks; NaN before there are so
    /// many. Its sums are exact.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the period is not from 2 to 65 536.
    pub fn deviation(&self, period: u32) -> Result<Vec<f64>, ConfigError> {
        if !(2..=65_536).contains(&period) {
            let reason = format!("{period} is wrong; std needs a whole number from 2 to 65536");
            return Err(ConfigError::new("period", reason));
        }
        let (n, length) = (i128::from(period), period as usize);
        let (mut sum, mut squares) = (0_i128, 0_i128);
        let leaves = std::iter::repeat_n(0, length).chain(self.closes());
        let value = |(at, (comes, leaves)): (usize, (i64, i64))| {
            let (comes, leaves) = (i128::from(comes), i128::from(leaves));
            let square = |x: i128| x.wrapping_mul(x);
            sum = sum.wrapping_add(comes).wrapping_sub(leaves);
            squares = squares.wrapping_add(square(comes)).wrapping_sub(square(leaves));
            let scatter = n.wrapping_mul(squares).wrapping_sub(square(sum));
            let ready = at.saturating_add(1) >= length;
            if ready { deviation_of(scatter, period) } else { f64::NAN }
        };
        Ok(self.closes().zip(leaves).enumerate().map(value).collect())
    }
}

#[expect(clippy::cast_precision_loss, reason = "rounded once, at the end")]
fn deviation_of(scatter: i128, period: u32) -> f64 {
    let n = f64::from(period);
    libm::sqrt(scatter as f64 / (n * (n - 1.0)))
}
