//! What the account holds and what it is worth: one equity, one drawdown, one definition of each.
//!
//! - equity = cash + unrealised P&L at the mark; of a position that is margined by itself no more
//!   loss than what is set aside for it: the rest is the venue's. Fees and funding move cash when
//!   they are charged; venues charge funding at a moment, and a position closed before it owes none.
//! - transfers are never P&L: peak and day start move with them in proportion.
//! - drawdown = 1 − equity / peak. Daily loss = 1 − equity / day start (UTC days).
//! - leverage = Σ|value| / equity. Margin ratio = equity / Σ maintenance margin.
//!
//! Invariant: with the same fills, funding and transfers, cash and positions are the same to the
//! last unit, whatever marks came in between.

mod liquidation;
mod position;

use serde::{Deserialize, Serialize};

use crate::domain::{DAY, Fill, Instrument, InstrumentId, Money, NetQty, Price, Qty, Rate};
pub use liquidation::liquidation_price;
pub use position::{FillEffect, Position};

/// The account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Portfolio {
    positions: Vec<Position>,
    cash: Money,
    deposited: Money,
    unrealised: Money,
    gross: Money,
    maintenance: Money,
    /// Of positions that are margined by themselves: what is set aside for them and what they gained
    /// or lost, and the margin that they must keep.
    apart: Money,
    apart_maintenance: Money,
    /// Open positions without a mark: while there is one, equity is unknown.
    unmarked: u32,
    peak: Money,
    /// Nothing from before counts for the peak.
    peak_since_ns: i64,
    low: Money,
    worst: Extreme,
    day: i64,
    day_start: Money,
}

/// The deepest drawdown so far, as the two amounts whose ratio it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Extreme {
    equity: Money,
    peak: Money,
}

impl Portfolio {
    /// An account that begins with `cash` and no positions.
    pub fn new(instruments: usize, cash: Money) -> Self {
        Self {
            positions: vec![Position::default(); instruments],
            cash,
            deposited: cash,
            unrealised: Money::ZERO,
            gross: Money::ZERO,
            maintenance: Money::ZERO,
            apart: Money::ZERO,
            apart_maintenance: Money::ZERO,
            unmarked: 0,
            peak: cash,
            peak_since_ns: i64::MIN,
            low: cash,
            worst: Extreme { equity: cash, peak: cash },
            day: i64::MIN,
            day_start: cash,
        }
    }

    /// A position. Instruments that are not the engine's have none.
    pub fn position(&self, instrument: InstrumentId) -> Option<&Position> {
        self.positions.get(instrument.index())
    }

    /// All positions, by instrument.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// What is held of an instrument.
    pub fn qty(&self, instrument: InstrumentId) -> NetQty {
        self.position(instrument).map_or(NetQty::FLAT, Position::qty)
    }

    /// The leverage at which an instrument is margined by itself; `None` where it shares the
    /// account's money.
    pub fn isolated(&self, instrument: InstrumentId) -> Option<u16> {
        self.position(instrument).and_then(Position::isolated)
    }

    /// Whether nothing is held at all.
    pub fn is_flat(&self) -> bool {
        self.positions.iter().all(|position| position.qty().is_flat())
    }

    /// Money in the account, without what open positions gained or lost.
    pub const fn cash(&self) -> Money {
        self.cash
    }

    /// Cash + unrealised P&L. Unknown while an open position has no mark.
    pub const fn equity(&self) -> Money {
        if self.unmarked > 0 { Money::UNKNOWN } else { self.cash.plus(self.unrealised) }
    }

    /// What all transfers and the opening cash add up to.
    pub const fn deposited(&self) -> Money {
        self.deposited
    }

    /// Σ of what positions are worth, without sign. Unknown while one has no mark.
    pub const fn gross(&self) -> Money {
        if self.unmarked > 0 { Money::UNKNOWN } else { self.gross }
    }

    /// Σ of what positions other than this one are worth, short ones negative. Unknown while one has
    /// no mark.
    pub fn net_without(&self, instrument: InstrumentId) -> Money {
        let own = self.position(instrument).map_or(Money::ZERO, Position::value);
        if self.gross() == own {
            return Money::ZERO;
        }
        let others = self.positions.iter().enumerate();
        let others = others.filter(|(index, _)| *index != instrument.index());
        let signed = others.map(|(_, position)| {
            if position.qty().lots() < 0 { position.value().negated() } else { position.value() }
        });
        let sum = signed.fold(Money::ZERO, Money::plus);
        if self.unmarked > 0 { Money::UNKNOWN } else { sum }
    }

    /// Σ of the margin that positions must keep. Unknown while one has no mark.
    pub const fn maintenance(&self) -> Money {
        if self.unmarked > 0 { Money::UNKNOWN } else { self.maintenance }
    }

    /// What stands behind positions that are not margined by themselves: equity without what is set
    /// aside, and without what the others gained or lost. Unknown while one has no mark.
    pub const fn shared_equity(&self) -> Money {
        self.equity().minus(self.apart)
    }

    /// Σ of the margin that positions must keep which are not margined by themselves. Unknown while
    /// one has no mark.
    pub const fn shared_maintenance(&self) -> Money {
        self.maintenance().minus(self.apart_maintenance)
    }

    /// Margin an instrument's position by itself at this leverage from now on, or with all of the
    /// account's money.
    pub fn isolate(&mut self, instrument: InstrumentId, leverage: Option<u16>) {
        self.change(instrument, |position| position.isolate(leverage));
        self.track();
    }

    /// Set more of the account's money aside for a position that is margined by itself, or less.
    pub fn add_margin(&mut self, instrument: InstrumentId, amount: Money) {
        self.change(instrument, |position| position.add_margin(amount));
        self.track();
    }

    /// All that is set aside for positions that are margined by themselves.
    pub fn set_aside(&self) -> Money {
        self.positions.iter().fold(Money::ZERO, |sum, position| sum.plus(position.margin()))
    }

    /// The highest equity so far, moved by transfers.
    pub const fn peak(&self) -> Money {
        self.peak
    }

    /// Equity at the start of the UTC day, moved by transfers.
    pub const fn day_start(&self) -> Money {
        self.day_start
    }

    /// 1 − equity / peak, never negative. `None` when unknown.
    pub fn drawdown(&self) -> Option<Rate> {
        self.loss_from(self.peak)
    }

    /// The deepest drawdown that any event brought.
    pub fn max_drawdown(&self) -> Rate {
        let Extreme { equity, peak } = self.worst;
        peak.minus(equity).fraction_of(peak).unwrap_or(Rate::ZERO)
    }

    /// 1 − equity / day start, never negative. `None` when unknown.
    pub fn daily_loss(&self) -> Option<Rate> {
        self.loss_from(self.day_start)
    }

    fn loss_from(&self, start: Money) -> Option<Rate> {
        let equity = self.equity();
        if equity.is_unknown() {
            return None;
        }
        start.minus(equity).max(Money::ZERO).fraction_of(start)
    }

    /// Begin a new UTC day when `now_ns` lies in one. To be called before the event that is in it.
    #[inline]
    pub fn roll_day(&mut self, now_ns: i64) {
        let day = now_ns.div_euclid(DAY);
        if day > self.day {
            self.start_day(day);
        }
    }

    #[cold]
    fn start_day(&mut self, day: i64) {
        let equity = self.equity();
        // Unknown equity starts no day: it starts when equity is known again, from that.
        if !equity.is_unknown() {
            self.day_start = equity;
            self.day = day;
        }
    }

    /// Take in a fill.
    pub fn apply_fill(&mut self, instrument: &Instrument, fill: &Fill, now_ns: i64) -> FillEffect {
        let applied =
            self.change(instrument.id(), |position| position.apply(instrument, fill, now_ns));
        let (effect, cash) = applied.unwrap_or((FillEffect::Duplicate, Money::ZERO));
        self.cash = self.cash.plus(cash);
        self.track();
        effect
    }

    /// Take in a new mark. Whether equity moved.
    #[inline]
    pub fn set_mark(&mut self, instrument: &Instrument, mark: Price) -> bool {
        let Some(position) = self.positions.get_mut(instrument.id().index()) else { return false };
        if position.mark() == Some(mark) {
            return false;
        }
        if position.qty().is_flat() {
            position.set_mark(instrument, mark);
            return false;
        }
        self.change(instrument.id(), |position| position.set_mark(instrument, mark));
        self.track();
        true
    }

    /// Change a position, and the sums with it by the difference. `None`: there is none.
    fn change<T>(
        &mut self,
        instrument: InstrumentId,
        how: impl FnOnce(&mut Position) -> T,
    ) -> Option<T> {
        let position = self.positions.get_mut(instrument.index())?;
        let before = Sums::of(position);
        let outcome = how(position);
        let after = Sums::of(position);
        self.unrealised = self.unrealised.plus(after.unrealised.minus(before.unrealised));
        self.gross = self.gross.plus(after.value.minus(before.value));
        self.maintenance = self.maintenance.plus(after.maintenance.minus(before.maintenance));
        if before.isolated || after.isolated {
            self.apart = self.apart.plus(after.apart().minus(before.apart()));
            let apart = after.apart_maintenance().minus(before.apart_maintenance());
            self.apart_maintenance = self.apart_maintenance.plus(apart);
        }
        self.unmarked =
            self.unmarked.saturating_sub(before.unmarked).saturating_add(after.unmarked);
        Some(outcome)
    }

    /// Funding was paid (negative) or received.
    pub fn apply_funding(&mut self, instrument: InstrumentId, amount: Money) {
        self.change(instrument, |position| position.pay_funding(amount));
        self.cash = self.cash.plus(amount);
        self.track();
    }

    /// Money is missing (below zero), for no position that is held.
    pub fn apply_loss(&mut self, amount: Money) {
        self.cash = self.cash.plus(amount);
        self.track();
    }

    /// Money was put in or taken out: no profit, no loss, the same drawdown as before.
    pub fn apply_transfer(&mut self, amount: Money) {
        let before = self.equity();
        self.cash = self.cash.plus(amount);
        self.deposited = self.deposited.plus(amount);
        let after = self.equity();
        let proportional = !before.is_unknown() && before > Money::ZERO && after > Money::ZERO;
        let moved = |level: Money| {
            if proportional {
                level.scaled(after.units(), before.units())
            } else {
                level.plus(amount)
            }
        };
        self.peak = moved(self.peak);
        self.low = moved(self.low);
        self.day_start = moved(self.day_start);
        self.track();
    }

    /// The account was worth more than we knew: drawdown is counted from there.
    pub fn raise_peak(&mut self, peak: Money) {
        if peak > self.peak {
            self.peak = peak;
            self.low = peak;
            self.track();
        }
    }

    /// Since when the peak is counted.
    pub const fn peak_since_ns(&self) -> i64 {
        self.peak_since_ns
    }

    /// An operator accepts the loss so far: drawdown is counted from here.
    pub fn rebase_peak(&mut self, now_ns: i64) {
        let equity = self.equity();
        if !equity.is_unknown() {
            self.peak = equity;
            self.peak_since_ns = now_ns;
            self.low = equity;
        }
    }

    /// Take over what the venue says it holds.
    pub fn adopt(&mut self, instrument: &Instrument, qty: NetQty, now_ns: i64) {
        self.change(instrument.id(), |position| position.adopt(instrument, qty, now_ns));
        self.track();
    }

    /// Go on where another portfolio was: its money, its levels, and for each pair of its
    /// instrument and ours the position.
    pub fn resume(&mut self, old: &Self, pairs: &[(InstrumentId, InstrumentId)]) {
        let mut positions = std::mem::take(&mut self.positions);
        for &(from, to) in pairs {
            if let (Some(held), Some(place)) = (old.position(from), positions.get_mut(to.index())) {
                *place = held.clone();
            }
        }
        *self = Self { positions, ..old.clone() };
    }

    /// Equity may have moved: follow its peak and its deepest drawdown.
    #[inline]
    fn track(&mut self) {
        let equity = self.equity();
        if equity.is_unknown() {
            return;
        }
        if equity > self.peak {
            self.peak = equity;
            self.low = equity;
        } else if equity < self.low {
            self.low = equity;
            let Extreme { equity: then, peak } = self.worst;
            if equity.compare_shares(self.peak, then, peak).is_lt() {
                self.worst = Extreme { equity, peak: self.peak };
            }
        }
    }

    /// Gross exposure if a position became `qty`, everything else as it is.
    pub fn gross_with(&self, instrument: &Instrument, qty: Qty, price: Price) -> Money {
        let now = self.position(instrument.id()).map_or(Money::ZERO, Position::value);
        self.gross().minus(now).plus(instrument.value(price, qty))
    }
}

/// What a position adds to the account's sums.
struct Sums {
    unrealised: Money,
    value: Money,
    maintenance: Money,
    unmarked: u32,
    isolated: bool,
    margin: Money,
}

impl Sums {
    fn of(position: &Position) -> Self {
        let isolated = position.isolated().is_some();
        if position.unrealised().is_unknown() {
            return Self {
                unrealised: Money::ZERO,
                value: Money::ZERO,
                maintenance: Money::ZERO,
                unmarked: 1,
                isolated,
                margin: Money::ZERO,
            };
        }
        Self {
            unrealised: position.counted(),
            value: position.value(),
            maintenance: position.maintenance(),
            unmarked: 0,
            isolated,
            margin: position.margin(),
        }
    }

    const fn apart(&self) -> Money {
        if self.isolated { self.margin.plus(self.unrealised) } else { Money::ZERO }
    }

    const fn apart_maintenance(&self) -> Money {
        if self.isolated { self.maintenance } else { Money::ZERO }
    }
}

#[cfg(test)]
mod tests;
