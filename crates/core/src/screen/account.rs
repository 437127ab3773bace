//! An account with one position: cash, and what is held. The arithmetic is that of
//! `Portfolio`, without what screening leaves out.

use crate::domain::{Instrument, Money, NetQty, Price, Rate};

/// Cash and one position.
#[derive(Clone, Debug)]
pub(super) struct Account<'a> {
    instrument: &'a Instrument,
    /// Without what the position gained.
    cash: Money,
    held: NetQty,
    /// What the position cost; never negative.
    entry_value: Money,
    fees: Money,
    trades: u64,
}

impl<'a> Account<'a> {
    pub(super) const fn new(instrument: &'a Instrument, cash: Money) -> Self {
        let (fees, held) = (Money::ZERO, NetQty::FLAT);
        Self { instrument, cash, held, entry_value: Money::ZERO, fees, trades: 0 }
    }

    pub(super) const fn held(&self) -> NetQty {
        self.held
    }

    pub(super) const fn fees(&self) -> Money {
        self.fees
    }

    /// Round trips that ended.
    pub(super) const fn trades(&self) -> u64 {
        self.trades
    }

    /// What it is worth at a price.
    #[inline]
    pub(super) fn equity(&self, ticks: i64) -> Money {
        if self.held.is_flat() {
            return self.cash;
        }
        let value = self.instrument.value(Price::from_ticks(ticks), self.held.abs());
        self.cash.plus(self.instrument.gain(self.held.is_long(), self.entry_value, value))
    }

    /// Average entry price to the nearest tick.
    pub(super) fn entry_price(&self) -> Option<Price> {
        self.instrument.price_for(self.entry_value, self.held.abs())
    }

    /// The price at which the position has lost so much since it was opened; `None` where it cannot.
    pub(super) fn price_of_loss(&self, loss: Money) -> Option<Price> {
        let falls =
            self.instrument.gain(self.held.is_long(), Money::ZERO, Money::ONE) > Money::ZERO;
        let value = if falls { self.entry_value.minus(loss) } else { self.entry_value.plus(loss) };
        self.instrument.price_for(value, self.held.abs())
    }

    /// Trade until `target` is held, at a price, paying a fee of this rate. What turns the position
    /// over closes it first, then opens.
    pub(super) fn trade(&mut self, target: NetQty, price: Price, fee: Rate) {
        let turns = self.held.is_long() != target.is_long();
        if turns && !self.held.is_flat() && !target.is_flat() {
            self.trade_one(NetQty::FLAT, price, fee);
        }
        self.trade_one(target, price, fee);
    }

    fn trade_one(&mut self, target: NetQty, price: Price, fee: Rate) {
        let change = target.minus(self.held).abs();
        if change.is_zero() {
            return;
        }
        let value = self.instrument.value(price, change);
        let charged = value.at_rate(fee);
        self.fees = self.fees.plus(charged);
        self.cash = self.cash.minus(charged);
        if target.abs() > self.held.abs() {
            self.entry_value = self.entry_value.plus(value);
        } else {
            let (part, whole) = (i128::from(change.lots()), i128::from(self.held.abs().lots()));
            let entry =
                if part == whole { self.entry_value } else { self.entry_value.scaled(part, whole) };
            let gained = self.instrument.gain(self.held.is_long(), entry, value);
            self.cash = self.cash.plus(gained);
            self.entry_value = self.entry_value.minus(entry);
            self.trades = self.trades.saturating_add(u64::from(part == whole));
        }
        self.held = target;
    }
}
