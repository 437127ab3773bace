//! Candles of all intervals, from every trade.

use std::collections::VecDeque;

use flyball_core::domain::{DAY, HOUR, Level, MINUTE, Price, Qty};

/// The venue's intervals and their lengths. A month is counted as 30 days here.
pub(crate) const INTERVALS: [(&str, i64); 14] = [
    ("1m", MINUTE),
    ("3m", 3 * MINUTE),
    ("5m", 5 * MINUTE),
    ("15m", 15 * MINUTE),
    ("30m", 30 * MINUTE),
    ("1h", HOUR),
    ("2h", 2 * HOUR),
    ("4h", 4 * HOUR),
    ("8h", 8 * HOUR),
    ("12h", 12 * HOUR),
    ("1d", DAY),
    ("3d", 3 * DAY),
    ("1w", 7 * DAY),
    ("1M", 30 * DAY),
];

/// Candles that are kept of each interval, as the venue does.
const KEPT: usize = 5000;

/// One candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candle {
    /// When it begins.
    pub(crate) begin_ns: i64,
    /// First price.
    pub(crate) open: Price,
    /// Highest price.
    pub(crate) high: Price,
    /// Lowest price.
    pub(crate) low: Price,
    /// Last price.
    pub(crate) close: Price,
    /// What was traded.
    pub(crate) volume: Qty,
    /// How many trades.
    pub(crate) trades: u64,
}

/// The candles of one instrument. An interval without a trade has none (assumed).
#[derive(Clone, Debug)]
pub(crate) struct Candles(Vec<VecDeque<Candle>>);

impl Candles {
    pub(crate) fn new() -> Self {
        Self(vec![VecDeque::new(); INTERVALS.len()])
    }

    /// Somebody traded.
    pub(crate) fn trade(&mut self, level: Level, now_ns: i64) {
        for ((_, length), kept) in INTERVALS.iter().zip(&mut self.0) {
            let past = now_ns.checked_rem_euclid(*length).unwrap_or(0);
            let begin_ns = now_ns.saturating_sub(past);
            if let Some(last) = kept.back_mut().filter(|last| last.begin_ns >= begin_ns) {
                last.high = last.high.max(level.price);
                last.low = last.low.min(level.price);
                last.close = level.price;
                last.volume = last.volume.plus(level.qty);
                last.trades = last.trades.saturating_add(1);
                continue;
            }
            if kept.len() == KEPT {
                kept.pop_front();
            }
            let Level { price, qty } = level;
            let (open, high, low, close) = (price, price, price, price);
            let (volume, trades) = (qty, 1);
            kept.push_back(Candle { begin_ns, open, high, low, close, volume, trades });
        }
    }

    /// The candles of an interval that overlap these times, oldest first, and the interval's length.
    pub(crate) fn between(
        &self,
        interval: &str,
        from_ns: i64,
        to_ns: i64,
    ) -> Option<(i64, Vec<Candle>)> {
        let at = INTERVALS.iter().position(|(name, _)| *name == interval)?;
        let (_, length) = INTERVALS.get(at)?;
        let inside = |candle: &&Candle| {
            candle.begin_ns.saturating_add(*length) > from_ns && candle.begin_ns <= to_ns
        };
        Some((*length, self.0.get(at)?.iter().filter(inside).copied().collect()))
    }

    /// The candle that is being made.
    pub(crate) fn last(&self, interval: &str) -> Option<(i64, Candle)> {
        let at = INTERVALS.iter().position(|(name, _)| *name == interval)?;
        let (_, length) = INTERVALS.get(at)?;
        self.0.get(at)?.back().map(|candle| (*length, *candle))
    }
}
