//! Where all the money is.
//!
//! Invariant: what all accounts, the backstop and the market's others hold, and the fees, add up to
//! what was put in, to the last unit; and positions of all sides cancel out.
//!
//! A position counts with what was paid for it: a buy moves its value out of the buyer and into the
//! seller, whenever either of them realises what. For linear instruments that is free of rounding.
//! The value of an inverse quantity is rounded, and what a fill that turns a position over closes
//! and opens may differ from its whole by a unit: those units are kept apart.

use crate::domain::{Instrument, Money, NetQty, Price, Qty, Side};
use crate::portfolio::Portfolio;
use crate::sim::venue::Venue;

/// What is not in an account: fees, and the market's others.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub(super) fees: Money,
    /// What the market's others were paid less what they paid.
    pub(super) others: Money,
    /// Units that rounding gave to accounts or took from them, turned over.
    pub(super) rounded: Money,
    /// What they hold.
    held: Vec<NetQty>,
}

/// Whether everything is accounted for: both are zero, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Money in all accounts, the backstop's, the others' and fees, less what was put in.
    pub money: Money,
    /// Lots by which positions of all sides do not cancel out, over all instruments.
    pub lots: u64,
}

impl Audit {
    /// Whether nothing is missing and nothing too much.
    pub fn is_balanced(&self) -> bool {
        self.money == Money::ZERO && self.lots == 0
    }
}

impl Ledger {
    pub(super) fn new(instruments: usize) -> Self {
        Self {
            fees: Money::ZERO,
            others: Money::ZERO,
            rounded: Money::ZERO,
            held: vec![NetQty::FLAT; instruments],
        }
    }

    /// The market's others trade on `side`.
    pub(super) fn others_trade(&mut self, instrument: &Instrument, side: Side, at: (Price, Qty)) {
        let (price, qty) = at;
        let value = instrument.value(price, qty);
        self.others = self.others.plus(instrument.gain(side == Side::Bid, value, Money::ZERO));
        if let Some(held) = self.held.get_mut(instrument.id().index()) {
            *held = held.plus(qty.signed(side));
        }
    }
}

/// What was paid for what is held of an instrument; less than zero for what was got for it.
fn paid(instrument: &Instrument, portfolio: &Portfolio) -> Money {
    portfolio.position(instrument.id()).map_or(Money::ZERO, |position| {
        instrument.gain(position.qty().is_long(), position.entry_value(), Money::ZERO)
    })
}

/// Cash, and what was paid for what is held of an instrument.
pub(super) fn settled(instrument: &Instrument, portfolio: &Portfolio) -> Money {
    portfolio.cash().plus(paid(instrument, portfolio))
}

impl Venue {
    /// Whether every unit of money and every lot is accounted for.
    pub fn audit(&self) -> Audit {
        let instruments: Vec<&Instrument> = self.markets.iter().map(|it| &it.instrument).collect();
        let all = || self.accounts.iter().chain([&self.house]).map(|account| &account.portfolio);
        let apart = self.ledger.others.plus(self.ledger.fees).plus(self.ledger.rounded);
        let money = all().fold(apart, |sum, portfolio| {
            let paid =
                instruments.iter().fold(Money::ZERO, |sum, it| sum.plus(paid(it, portfolio)));
            sum.plus(portfolio.cash()).plus(paid).minus(portfolio.deposited())
        });
        let lots = self.ledger.held.iter().zip(&instruments).map(|(others, instrument)| {
            let sum =
                all().fold(*others, |sum, portfolio| sum.plus(portfolio.qty(instrument.id())));
            sum.abs().lots()
        });
        Audit { money, lots: lots.fold(0, u64::saturating_add) }
    }

    /// Put money into the backstop, which begins with none.
    pub fn fund_backstop(&mut self, amount: Money) {
        self.house.portfolio.apply_transfer(amount);
    }

    /// Fees that the venue took.
    pub const fn fees_taken(&self) -> Money {
        self.ledger.fees
    }
}
