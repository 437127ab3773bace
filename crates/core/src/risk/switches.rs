//! The six kill switches: evaluated on every event that moves equity, positions or margin, latched
//! when they fire, released only as each one's rule says.

use serde::{Deserialize, Serialize};

use crate::domain::{InstrumentId, Money, Rate, SwitchName};
use crate::portfolio::{Portfolio, Position};
use crate::risk::SwitchLimits;

/// A switch fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Which.
    pub switch: SwitchName,
    /// The position that it is about, for the one that is about one.
    pub instrument: Option<InstrumentId>,
    /// What it allows.
    pub limit: Rate,
    /// What was there.
    pub actual: Rate,
}

/// Whether a switch has fired, and what was asked of it since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latch {
    tripped_ns: Option<i64>,
    reset_requested: bool,
}

impl Latch {
    /// When it fired, if it is still latched.
    pub const fn tripped_ns(self) -> Option<i64> {
        self.tripped_ns
    }

    /// Whether it is latched.
    pub const fn is_tripped(self) -> bool {
        self.tripped_ns.is_some()
    }

    /// First of the two steps that release it.
    pub const fn request_reset(&mut self) {
        self.reset_requested = self.tripped_ns.is_some();
    }

    /// Second step: releases it when the first was taken. Whether it did.
    pub const fn confirm_reset(&mut self) -> bool {
        let released = self.reset_requested && self.tripped_ns.is_some();
        if released {
            *self = Self { tripped_ns: None, reset_requested: false };
        }
        released
    }

    const fn trip(&mut self, now_ns: i64) {
        *self = Self { tripped_ns: Some(now_ns), reset_requested: false };
    }

    const fn release(&mut self) {
        *self = Self { tripped_ns: None, reset_requested: false };
    }
}

/// The amounts of equity at which the switches on losses fire, kept until what they are counted
/// from moves.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Lines {
    peak: Money,
    day_start: Money,
    drawdown: Money,
    emergency: Money,
    daily_loss: Money,
}

/// `from` less the smallest whole loss that reaches `limit` of it.
fn line(from: Money, limit: Rate) -> Money {
    let product = from.units().saturating_mul(i128::from(limit.parts()));
    let one = i128::from(Rate::ONE.parts());
    let loss = product.checked_div(one).unwrap_or(i128::MAX);
    let exact = product.checked_rem(one) == Some(0);
    let loss = if exact { loss } else { loss.saturating_add(1) };
    from.minus(Money::from_units(loss))
}

impl Lines {
    fn new(limits: &SwitchLimits, portfolio: &Portfolio) -> Self {
        let (peak, day_start) = (portfolio.peak(), portfolio.day_start());
        Self {
            peak,
            day_start,
            drawdown: line(peak, limits.drawdown),
            emergency: line(peak, limits.emergency),
            daily_loss: line(day_start, limits.daily_loss),
        }
    }
}

/// The six switches and their latches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Switches {
    limits: SwitchLimits,
    lines: Option<Lines>,
    drawdown: Latch,
    daily_loss: Latch,
    emergency: Latch,
    leverage: Latch,
    margin: Latch,
    position_loss: Vec<Latch>,
    operator: Latch,
    /// When they were evaluated last: for those who look on, no part of the state.
    #[serde(skip)]
    evaluated_ns: Option<i64>,
}

impl Switches {
    /// Switches with these limits, none of them latched.
    pub fn new(limits: SwitchLimits, instruments: usize) -> Self {
        Self {
            limits,
            lines: None,
            drawdown: Latch::default(),
            daily_loss: Latch::default(),
            emergency: Latch::default(),
            leverage: Latch::default(),
            margin: Latch::default(),
            position_loss: vec![Latch::default(); instruments],
            operator: Latch::default(),
            evaluated_ns: None,
        }
    }

    /// The highest that is the same peak as this one, a tenth of the drawdown line beyond it: the
    /// venue reads its marks at other moments.
    pub fn same_peak(&self, peak: Money) -> Money {
        let tenth = 10_i128.saturating_mul(i128::from(Rate::ONE.parts()));
        peak.plus(peak.scaled(self.limits.drawdown.parts().into(), tenth))
    }

    /// Evaluate the switches on the account: which of them fires now, the hardest first. Call it
    /// again until it returns `None`: each call latches at most one.
    #[inline]
    pub fn evaluate(&mut self, portfolio: &Portfolio, now_ns: i64) -> Option<Trip> {
        let equity = portfolio.equity();
        if equity.is_unknown() {
            return None;
        }
        self.evaluated_ns = Some(now_ns);
        let lines = match self.lines {
            Some(lines)
                if lines.peak == portfolio.peak() && lines.day_start == portfolio.day_start() =>
            {
                lines
            }
            _ => *self.lines.insert(Lines::new(&self.limits, portfolio)),
        };
        let maintenance = portfolio.maintenance();
        let gross = portfolio.gross();
        let worst = lines.drawdown.max(lines.daily_loss);
        if equity > worst && gross == Money::ZERO {
            return None;
        }
        let fires = |switch: SwitchName| match switch {
            SwitchName::Emergency => equity <= lines.emergency,
            SwitchName::Drawdown => equity <= lines.drawdown,
            SwitchName::DailyLoss => equity <= lines.daily_loss,
            SwitchName::Margin => {
                maintenance > Money::ZERO && reaches(maintenance, self.limits.margin, equity)
            }
            SwitchName::Leverage => {
                gross > Money::ZERO && reaches_down(gross, self.limits.leverage, equity)
            }
            SwitchName::PositionLoss => false,
        };
        let switch = SwitchName::ALL
            .into_iter()
            .find(|&switch| !self.latch(switch).is_tripped() && fires(switch))?;
        Some(self.trip(switch, portfolio, now_ns))
    }

    /// Evaluate the switch on one position.
    #[inline]
    pub fn evaluate_position(
        &mut self,
        instrument: InstrumentId,
        position: &Position,
        now_ns: i64,
    ) -> Option<Trip> {
        let loss = position.unrealised().negated();
        if loss <= Money::ZERO || position.unrealised().is_unknown() {
            return None;
        }
        let limit = self.limits.position_loss;
        let latch = self.position_loss.get_mut(instrument.index())?;
        if latch.is_tripped() || !reaches_down(loss, limit, position.entry_value()) {
            return None;
        }
        latch.trip(now_ns);
        let actual = position.loss_of_entry().unwrap_or(Rate::MAX);
        let instrument = Some(instrument);
        Some(Trip { switch: SwitchName::PositionLoss, instrument, limit, actual })
    }

    fn trip(&mut self, switch: SwitchName, portfolio: &Portfolio, now_ns: i64) -> Trip {
        if let Some(latch) = self.latch_mut(switch) {
            latch.trip(now_ns);
        }
        let most = Rate::MAX;
        let (limit, actual) = match switch {
            SwitchName::Emergency => (self.limits.emergency, portfolio.drawdown()),
            SwitchName::Drawdown => (self.limits.drawdown, portfolio.drawdown()),
            SwitchName::DailyLoss => (self.limits.daily_loss, portfolio.daily_loss()),
            SwitchName::PositionLoss => (self.limits.position_loss, None),
            SwitchName::Leverage => {
                (self.limits.leverage, portfolio.gross().fraction_of(portfolio.equity()))
            }
            SwitchName::Margin => {
                (self.limits.margin, portfolio.equity().fraction_of(portfolio.maintenance()))
            }
        };
        Trip { switch, instrument: None, limit, actual: actual.unwrap_or(most) }
    }

    /// Release the latches that release themselves: leverage and margin when their number has been
    /// better than the limit by the hysteresis, after the cool-off. Which one, if any.
    pub fn release(&mut self, portfolio: &Portfolio, now_ns: i64) -> Option<SwitchName> {
        let equity = portfolio.equity();
        if equity.is_unknown() {
            return None;
        }
        let cooled = |latch: Latch| {
            let since = latch.tripped_ns().map(|then| now_ns.saturating_sub(then));
            since.is_some_and(|since| since >= self.limits.cool_off_ns)
        };
        let better = Rate::ONE.minus(self.limits.hysteresis);
        let low = self.limits.leverage.times(better);
        if cooled(self.leverage) && !reaches_down(portfolio.gross(), low, equity) {
            self.leverage.release();
            return Some(SwitchName::Leverage);
        }
        let high = self.limits.margin.times(Rate::ONE.plus(self.limits.hysteresis));
        if cooled(self.margin) && !reaches(portfolio.maintenance(), high, equity) {
            self.margin.release();
            return Some(SwitchName::Margin);
        }
        None
    }

    /// Release the latch of a position that was verified flat, after the cool-off. Whether it was
    /// released.
    pub fn release_position(&mut self, instrument: InstrumentId, now_ns: i64) -> bool {
        let Some(latch) = self.position_loss.get_mut(instrument.index()) else { return false };
        let since = latch.tripped_ns().map(|then| now_ns.saturating_sub(then));
        let release = since.is_some_and(|since| since >= self.limits.cool_off_ns);
        if release {
            latch.release();
        }
        release
    }

    /// The latch of an account switch. The one on positions answers through
    /// [`Switches::position_latch`].
    pub const fn latch(&self, switch: SwitchName) -> Latch {
        match switch {
            SwitchName::Drawdown => self.drawdown,
            SwitchName::DailyLoss => self.daily_loss,
            SwitchName::Emergency => self.emergency,
            SwitchName::Leverage => self.leverage,
            SwitchName::Margin => self.margin,
            SwitchName::PositionLoss => Latch { tripped_ns: None, reset_requested: false },
        }
    }

    const fn latch_mut(&mut self, switch: SwitchName) -> Option<&mut Latch> {
        match switch {
            SwitchName::Drawdown => Some(&mut self.drawdown),
            SwitchName::DailyLoss => Some(&mut self.daily_loss),
            SwitchName::Emergency => Some(&mut self.emergency),
            SwitchName::Leverage => Some(&mut self.leverage),
            SwitchName::Margin => Some(&mut self.margin),
            SwitchName::PositionLoss => None,
        }
    }

    /// The latch of the switch on one position.
    pub fn position_latch(&self, instrument: InstrumentId) -> Latch {
        self.position_loss.get(instrument.index()).copied().unwrap_or_default()
    }

    /// The latch of an operator's kill.
    pub const fn operator_latch(&self) -> Latch {
        self.operator
    }

    /// An operator kills.
    pub const fn kill(&mut self, now_ns: i64) {
        self.operator.trip(now_ns);
    }

    /// Go on with the latches of other switches; for each pair of their instrument and ours the
    /// position's one. The limits are ours.
    pub fn resume(&mut self, old: &Self, pairs: &[(InstrumentId, InstrumentId)]) {
        let mut position_loss = std::mem::take(&mut self.position_loss);
        for &(from, to) in pairs {
            if let Some(place) = position_loss.get_mut(to.index()) {
                *place = old.position_latch(from);
            }
        }
        *self = Self { limits: self.limits, lines: None, position_loss, ..old.clone() };
    }

    /// First of the two steps that release a latch; `None` is the operator's kill.
    pub const fn request_reset(&mut self, switch: Option<SwitchName>) {
        match switch {
            None => self.operator.request_reset(),
            Some(switch) => {
                if let Some(latch) = self.latch_mut(switch) {
                    latch.request_reset();
                }
            }
        }
    }

    /// Second of the two steps. Whether it was released.
    pub const fn confirm_reset(&mut self, switch: Option<SwitchName>) -> bool {
        match switch {
            None => self.operator.confirm_reset(),
            Some(switch) => match self.latch_mut(switch) {
                Some(latch) => latch.confirm_reset(),
                None => false,
            },
        }
    }

    /// Whether trading as a whole is stopped.
    pub const fn is_stopped(&self) -> bool {
        self.drawdown.is_tripped()
            || self.daily_loss.is_tripped()
            || self.emergency.is_tripped()
            || self.operator.is_tripped()
    }

    /// Whether positions may only be reduced: leverage or margin too thin.
    pub const fn is_reducing(&self) -> bool {
        self.leverage.is_tripped() || self.margin.is_tripped()
    }

    /// When the switches on the account were evaluated last, with an equity that was known.
    pub const fn evaluated_ns(&self) -> Option<i64> {
        self.evaluated_ns
    }

    /// The limits.
    pub const fn limits(&self) -> &SwitchLimits {
        &self.limits
    }
}

/// equity ≤ rate × amount.
fn reaches(amount: Money, rate: Rate, equity: Money) -> bool {
    let line = amount.units().saturating_mul(i128::from(rate.parts()));
    equity.units().saturating_mul(i128::from(Rate::ONE.parts())) <= line
}

/// amount ≥ rate × whole.
fn reaches_down(amount: Money, rate: Rate, whole: Money) -> bool {
    let line = whole.units().saturating_mul(i128::from(rate.parts()));
    amount.units().saturating_mul(i128::from(Rate::ONE.parts())) >= line
}

#[cfg(test)]
#[path = "switches_tests.rs"]
mod tests;
