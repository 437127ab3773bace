//! Bars: made from trades, or from the shorter bars of a source that has no trades.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Bar, ConfigError, DAY, Instrument, MILLISECOND, Money, NEVER, Price, Qty, Trade,
};

/// When a bar closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarSpec {
    /// After this many nanoseconds, counted from 1970 in UTC.
    Time(i64),
    /// With this many trades.
    Tick(u32),
    /// With the trade that brings the volume to this, in lots.
    Volume(Qty),
    /// With the trade that brings the value traded to this, in settlement currency.
    Dollar(Money),
}

/// A bar that has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedBar {
    /// The bar.
    pub bar: Bar,
    /// When it ended: its event time. A bar of time ends with its interval, whenever that is seen;
    /// others end with their last trade.
    pub time_ns: i64,
}

/// More intervals without a trade than this, passed at once, leave out the oldest of their bars.
/// It bounds the work after a clock jumped.
const MAX_EMPTY_BARS: i64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Source {
    Trades,
    Bars,
}

/// The prices and the volume of a trade, of a bar, or of several.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Piece {
    open: Price,
    high: Price,
    low: Price,
    close: Price,
    volume: Qty,
}

impl Piece {
    const fn at(price: Price, volume: Qty) -> Self {
        Self { open: price, high: price, low: price, close: price, volume }
    }

    fn add(&mut self, later: Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume = self.volume.plus(later.volume).min(Qty::MAX);
    }
}

/// A bar in the making.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Open {
    piece: Piece,
    end_ns: i64,
    /// Whether nothing was traded yet: its prices are the close before.
    empty: bool,
    /// Whether its last shorter bar is in.
    complete: bool,
}

impl Open {
    const fn new(piece: Piece, end_ns: i64, complete: bool) -> Self {
        Self { piece, end_ns, empty: false, complete }
    }

    fn add(&mut self, piece: Piece, complete: bool) {
        if self.empty {
            self.piece = piece;
        } else {
            self.piece.add(piece);
        }
        self.empty = false;
        self.complete |= complete;
    }
}

/// Makes one series of bars of one instrument.
///
/// The first input decides what the bars are made of, trades or shorter bars; the other is not
/// looked at from then on. Bars of time follow each other without holes once something was traded:
/// an interval without a trade gives a bar at the close before, with volume 0. Trades are put into
/// intervals by the engine's now, and a bar never waits for a late one.
///
/// Each call closes at most one bar. When several are due, they come one a call, in order, and
/// [`BarBuilder::deadline_ns`] stays in the past until the last is out: before an input is given,
/// [`BarBuilder::on_time`] should be called until then. If it is not, empty bars get lost, trades
/// never.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BarBuilder {
    spec: BarSpec,
    instrument: Instrument,
    source: Option<Source>,
    current: Option<Open>,
    /// What was traded after intervals that are still to be closed.
    next: Option<Open>,
    /// Trades, and their value, in a bar that is not of time.
    trades: u32,
    value: Money,
    /// End of the newest bar that came in.
    input_ns: i64,
}

impl BarBuilder {
    /// A series of this kind, still without a bar.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the size of a bar is out of range.
    pub fn new(spec: BarSpec, instrument: &Instrument) -> Result<Self, ConfigError> {
        let wrong = |reason: String| Err(ConfigError::new("bars", reason));
        match spec {
            BarSpec::Time(ns) if !(MILLISECOND..=30 * DAY).contains(&ns) => {
                return wrong(format!("{ns} ns is not an interval from 1 ms to 30 days"));
            }
            BarSpec::Tick(0) => return wrong("a bar needs at least 1 trade".to_owned()),
            BarSpec::Volume(qty) if qty.is_zero() || qty > Qty::MAX => {
                let (lots, max) = (qty.lots(), Qty::MAX.lots());
                return wrong(format!("{lots} lots is not a volume from 1 to {max}"));
            }
            BarSpec::Dollar(value) if value <= Money::ZERO || value.is_unknown() => {
                return wrong(format!("{value} is not a value above zero"));
            }
            _ => {}
        }
        Ok(Self {
            spec,
            instrument: instrument.clone(),
            source: None,
            current: None,
            next: None,
            trades: 0,
            value: Money::ZERO,
            input_ns: i64::MIN,
        })
    }

    /// When its bars close.
    pub const fn spec(&self) -> BarSpec {
        self.spec
    }

    /// Whether the series can be made from bars of this interval.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when it cannot: only bars of time can, and only from an interval that goes
    /// into theirs.
    pub fn accepts(&self, interval_ns: i64) -> Result<(), ConfigError> {
        let wrong = |reason: String| Err(ConfigError::new("bars", reason));
        match self.spec {
            BarSpec::Time(ns) if interval_ns > 0 && ns.checked_rem(interval_ns) == Some(0) => {
                Ok(())
            }
            BarSpec::Time(ns) => wrong(format!(
                "bars of {ns} ns cannot be made from bars of {interval_ns} ns: not a whole multiple"
            )),
            _ => wrong("only bars of time can be made from bars; these need trades".to_owned()),
        }
    }

    /// When [`BarBuilder::on_time`] must be called next: [`NEVER`] while nothing is due.
    #[inline]
    pub fn deadline_ns(&self) -> i64 {
        match (&self.current, self.spec) {
            (Some(open), BarSpec::Time(_)) if self.is_due(open, NEVER) => open.end_ns,
            _ => NEVER,
        }
    }

    fn is_due(&self, open: &Open, now_ns: i64) -> bool {
        let timed = self.source == Some(Source::Trades) && now_ns >= open.end_ns;
        timed || open.complete || self.next.is_some()
    }

    /// Close the bar that is due, if one is.
    #[inline]
    pub fn on_time(&mut self, now_ns: i64) -> Option<ClosedBar> {
        let BarSpec::Time(interval) = self.spec else { return None };
        let open = self.current.filter(|open| self.is_due(open, now_ns))?;
        self.current = Some(self.following(&open, now_ns, interval));
        Some(self.closed(&open, interval))
    }

    /// The bar after one that closes.
    fn following(&mut self, open: &Open, now_ns: i64, interval: i64) -> Open {
        let end_ns = open.end_ns.saturating_add(interval);
        if let Some(next) = self.next.take_if(|next| next.end_ns <= end_ns) {
            return next;
        }
        let known_ns = match (&self.next, self.source) {
            (Some(next), _) => next.end_ns,
            (None, Some(Source::Trades)) => now_ns,
            (None, _) => end_ns,
        };
        let missing = known_ns.saturating_sub(end_ns).checked_div(interval).unwrap_or(0);
        let left_out = missing.saturating_sub(MAX_EMPTY_BARS).max(0);
        Open {
            piece: Piece::at(open.piece.close, Qty::ZERO),
            end_ns: end_ns.saturating_add(left_out.saturating_mul(interval)),
            empty: true,
            complete: false,
        }
    }

    fn closed(&self, open: &Open, interval_ns: i64) -> ClosedBar {
        let Piece { open: first, high, low, close, volume } = open.piece;
        let instrument = self.instrument.id();
        let bar = Bar { instrument, interval_ns, open: first, high, low, close, volume };
        ClosedBar { bar, time_ns: open.end_ns }
    }

    /// Take in a trade. One at a price that cannot be, or of more than [`Qty::MAX`], is left out.
    #[inline]
    pub fn on_trade(&mut self, trade: &Trade, now_ns: i64) -> Option<ClosedBar> {
        let sound = trade.price.is_tradable() && trade.qty <= Qty::MAX;
        if !sound || self.source == Some(Source::Bars) {
            return None;
        }
        self.source = Some(Source::Trades);
        let piece = Piece::at(trade.price, trade.qty);
        if let BarSpec::Time(interval) = self.spec {
            let closed = self.on_time(now_ns);
            self.insert(piece, end_of(now_ns, interval), false);
            return closed;
        }
        self.insert(piece, NEVER, false);
        self.trades = self.trades.saturating_add(1);
        if let BarSpec::Dollar(_) = self.spec {
            self.value = self.value.plus(self.instrument.value(trade.price, trade.qty));
        }
        let mut open = self.current.filter(|open| self.is_reached(open))?;
        self.current = None;
        self.trades = 0;
        self.value = Money::ZERO;
        open.end_ns = now_ns;
        Some(self.closed(&open, 0))
    }

    fn is_reached(&self, open: &Open) -> bool {
        match self.spec {
            BarSpec::Time(_) => false,
            BarSpec::Tick(trades) => self.trades >= trades,
            BarSpec::Volume(qty) => open.piece.volume >= qty,
            BarSpec::Dollar(value) => self.value >= value,
        }
    }

    /// Take in a shorter bar, or one as long as ours, that ended at `end_ns`. One that is not newer
    /// than the last, whose prices cannot be, or that [`BarBuilder::accepts`] would not have, is
    /// left out. A bar closes with its last part, or with the first part of a later one.
    #[inline]
    pub fn on_bar(&mut self, bar: &Bar, end_ns: i64) -> Option<ClosedBar> {
        let BarSpec::Time(interval) = self.spec else { return None };
        let left_out = self.source == Some(Source::Trades)
            || end_ns <= self.input_ns
            || self.accepts(bar.interval_ns).is_err()
            || !is_sound(bar);
        if left_out {
            return None;
        }
        self.source = Some(Source::Bars);
        self.input_ns = end_ns;
        // A bar as long as ours passes through, wherever its source begins to count.
        let ours_ns = if bar.interval_ns == interval {
            end_ns
        } else {
            end_of(end_ns.saturating_sub(1), interval)
        };
        let Bar { open, high, low, close, volume, .. } = *bar;
        let closed = self.on_time(end_ns);
        self.insert(Piece { open, high, low, close, volume }, ours_ns, end_ns == ours_ns);
        closed.or_else(|| self.on_time(end_ns))
    }

    fn insert(&mut self, piece: Piece, end_ns: i64, complete: bool) {
        let new = Open::new(piece, end_ns, complete);
        match (&mut self.current, &mut self.next) {
            (Some(_), Some(next)) if end_ns <= next.end_ns => next.add(piece, complete),
            (Some(current), Some(next)) => {
                // Nobody collected the empty bars in between.
                *current = *next;
                *next = new;
            }
            (Some(current), None) if end_ns <= current.end_ns => current.add(piece, complete),
            (Some(_), None) => self.next = Some(new),
            (None, _) => self.current = Some(new),
        }
    }
}

/// End of the interval that a moment lies in.
const fn end_of(now_ns: i64, interval: i64) -> i64 {
    match now_ns.checked_rem_euclid(interval) {
        Some(into) => now_ns.saturating_sub(into).saturating_add(interval),
        None => now_ns,
    }
}

fn is_sound(bar: &Bar) -> bool {
    let body = [bar.open, bar.close];
    bar.low.is_tradable()
        && bar.high.is_tradable()
        && body.iter().all(|price| (bar.low..=bar.high).contains(price))
        && bar.volume <= Qty::MAX
}

#[cfg(test)]
mod tests;
