//! One position: what is held, what it cost, what it is worth.

use serde::{Deserialize, Serialize};

use crate::domain::{Fill, Instrument, Money, NetQty, Price, Qty, Rate, Side};

/// Fills whose numbers are remembered, so that one that is told twice is counted once.
const REMEMBERED_FILLS: usize = 64;

/// What a fill did to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillEffect {
    /// It was told before.
    Duplicate,
    /// The position was opened or grew.
    Grew,
    /// The position shrank; it still points the same way.
    Shrank,
    /// The position was closed, or turned over. What the round trip brought, and when it began.
    Closed {
        /// Realised P&L, fees and funding since it was opened.
        net: Money,
        /// When it was opened.
        opened_ns: i64,
    },
}

/// A position in one instrument.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Position {
    qty: NetQty,
    entry_value: Money,
    mark: Option<Price>,
    value: Money,
    unrealised: Money,
    maintenance: Money,
    /// The leverage at which money is set aside for it; 0 while all of the account's is its margin.
    isolated: u16,
    /// The money that is set aside for it.
    margin: Money,
    opened_ns: i64,
    /// Realised P&L, fees and funding of the round trip that is open.
    round_trip: Money,
    realised: Money,
    fees: Money,
    funding: Money,
    recent_fills: Vec<u64>,
    next_fill: usize,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            qty: NetQty::FLAT,
            entry_value: Money::ZERO,
            mark: None,
            value: Money::ZERO,
            unrealised: Money::ZERO,
            maintenance: Money::ZERO,
            isolated: 0,
            margin: Money::ZERO,
            opened_ns: 0,
            round_trip: Money::ZERO,
            realised: Money::ZERO,
            fees: Money::ZERO,
            funding: Money::ZERO,
            recent_fills: vec![0; REMEMBERED_FILLS],
            next_fill: 0,
        }
    }
}

impl Position {
    /// What is held.
    pub const fn qty(&self) -> NetQty {
        self.qty
    }

    /// What it was worth when it was opened: its cost. Never negative.
    pub const fn entry_value(&self) -> Money {
        self.entry_value
    }

    /// Average entry price to the nearest tick, `None` when flat.
    pub fn entry_price(&self, instrument: &Instrument) -> Option<Price> {
        instrument.price_for(self.entry_value, self.qty.abs())
    }

    /// The price it is valued at, once there is one.
    pub const fn mark(&self) -> Option<Price> {
        self.mark
    }

    /// What it is worth at the mark, without sign.
    pub const fn value(&self) -> Money {
        self.value
    }

    /// Gain or loss at the mark. Unknown while there is no mark.
    pub const fn unrealised(&self) -> Money {
        self.unrealised
    }

    /// Margin that it must keep.
    pub const fn maintenance(&self) -> Money {
        self.maintenance
    }

    /// The leverage at which it is margined by itself; `None` when by all of the account's money.
    pub const fn isolated(&self) -> Option<u16> {
        if self.isolated == 0 { None } else { Some(self.isolated) }
    }

    /// The money that is set aside for it where it is margined by itself: all that it can lose. Its
    /// entry value ÷ leverage, less the fee of opening, and its funding (Hyperliquid, by a recorded
    /// `clearinghouseState`; that of closing is paid from what becomes free, assumed).
    pub const fn margin(&self) -> Money {
        self.margin
    }

    /// What is set aside for it, and what it gained or lost: below zero it is bankrupt, and what is
    /// missing is the venue's loss. Zero where it is not margined by itself; unknown without a mark.
    pub fn isolated_worth(&self) -> Money {
        if self.isolated == 0 { Money::ZERO } else { self.margin.plus(self.unrealised) }
    }

    /// What it adds to the account's worth: its gain or loss, and no more loss than what is set
    /// aside for it where that is so. Unknown without a mark.
    pub(super) fn counted(&self) -> Money {
        if self.isolated == 0 || self.unrealised.is_unknown() {
            return self.unrealised;
        }
        self.unrealised.max(self.margin.negated())
    }

    /// What of the account's money it takes where it is margined by itself: what is set aside for it
    /// with what it gained or lost, never less than nothing. Unknown without a mark.
    pub fn apart(&self) -> Money {
        if self.isolated == 0 { Money::ZERO } else { self.margin.plus(self.counted()) }
    }

    /// What would have to be set aside beside what is, for it to be margined by itself at this
    /// leverage.
    pub fn top_up(&self, leverage: u16) -> Money {
        set_aside(self.entry_value, leverage).minus(self.margin).max(Money::ZERO)
    }

    /// Margin it by itself at this leverage from now on, or with all of the account's money. What is
    /// held already is topped up where less is set aside for it than that.
    pub(super) fn isolate(&mut self, leverage: Option<u16>) {
        self.isolated = leverage.unwrap_or(0);
        self.margin = match leverage {
            Some(leverage) => self.margin.plus(self.top_up(leverage)),
            None => Money::ZERO,
        };
    }

    /// More is set aside for it, or less.
    pub(super) const fn add_margin(&mut self, amount: Money) {
        self.margin = self.margin.plus(amount);
    }

    /// When it was opened.
    pub const fn opened_ns(&self) -> i64 {
        self.opened_ns
    }

    /// Realised P&L since the beginning, before fees and funding.
    pub const fn realised(&self) -> Money {
        self.realised
    }

    /// Fees paid since the beginning.
    pub const fn fees(&self) -> Money {
        self.fees
    }

    /// Funding received since the beginning; negative was paid.
    pub const fn funding(&self) -> Money {
        self.funding
    }

    /// Unrealised loss as a fraction of the entry notional; zero for a gain, `None` when unknown.
    pub fn loss_of_entry(&self) -> Option<Rate> {
        if self.qty.is_flat() {
            return Some(Rate::ZERO);
        }
        if self.unrealised.is_unknown() {
            return None;
        }
        self.unrealised.negated().max(Money::ZERO).fraction_of(self.entry_value)
    }

    /// Take in a fill: what it did, and what cash gains from it (realised P&L less the fee).
    pub(super) fn apply(
        &mut self,
        instrument: &Instrument,
        fill: &Fill,
        now_ns: i64,
    ) -> (FillEffect, Money) {
        if self.seen(fill.trade_id) {
            return (FillEffect::Duplicate, Money::ZERO);
        }
        let change = fill.qty.signed(fill.side);
        let was = self.qty;
        let opposite = was.reducing_side() == Some(fill.side);
        let closing = if opposite { fill.qty.min(was.abs()) } else { Qty::ZERO };
        let opening = fill.qty.minus(closing);
        let mut gained = Money::ZERO;
        if !closing.is_zero() {
            let exit = instrument.value(fill.price, closing);
            let entry = if closing == was.abs() {
                self.entry_value
            } else {
                let (part, whole) = (i128::from(closing.lots()), i128::from(was.abs().lots()));
                self.entry_value.scaled(part, whole)
            };
            gained = instrument.gain(was.is_long(), entry, exit);
            self.entry_value = self.entry_value.minus(entry);
            self.release(closing, was.abs());
        }
        self.qty = was.plus(change);
        self.realised = self.realised.plus(gained);
        self.fees = self.fees.plus(fill.fee);
        let cash = gained.minus(fill.fee);
        self.round_trip = self.round_trip.plus(cash);
        let closed = opposite && (self.qty.is_flat() || !opening.is_zero());
        let effect = match (closed, opposite) {
            (true, _) => FillEffect::Closed { net: self.round_trip, opened_ns: self.opened_ns },
            (false, true) => FillEffect::Shrank,
            (false, false) => FillEffect::Grew,
        };
        if closed {
            self.round_trip = Money::ZERO;
        }
        if was.is_flat() || closed {
            self.opened_ns = if self.qty.is_flat() { 0 } else { now_ns };
        }
        if !opening.is_zero() {
            let value = instrument.value(fill.price, opening);
            self.entry_value = self.entry_value.plus(value);
            if self.isolated != 0 {
                let aside = set_aside(value, self.isolated).minus(fill.fee);
                self.margin = self.margin.plus(aside);
            }
        }
        self.revalue(instrument);
        (effect, cash)
    }

    /// So much of it is closed: that share of what is set aside for it is free again.
    fn release(&mut self, closing: Qty, all: Qty) {
        if closing == all {
            self.margin = Money::ZERO;
        } else if self.isolated != 0 {
            let left = i128::from(all.minus(closing).lots());
            self.margin = self.margin.scaled(left, i128::from(all.lots()));
        }
    }

    fn seen(&mut self, trade_id: u64) -> bool {
        if trade_id == 0 {
            return false;
        }
        if self.recent_fills.contains(&trade_id) {
            return true;
        }
        if let Some(place) = self.recent_fills.get_mut(self.next_fill) {
            *place = trade_id;
        }
        self.next_fill = self.next_fill.wrapping_add(1) % REMEMBERED_FILLS;
        false
    }

    pub(super) fn pay_funding(&mut self, amount: Money) {
        self.funding = self.funding.plus(amount);
        if !self.qty.is_flat() {
            self.round_trip = self.round_trip.plus(amount);
            if self.isolated != 0 {
                self.margin = self.margin.plus(amount);
            }
        }
    }

    pub(super) fn set_mark(&mut self, instrument: &Instrument, mark: Price) {
        self.mark = Some(mark);
        self.revalue(instrument);
    }

    fn revalue(&mut self, instrument: &Instrument) {
        if self.qty.is_flat() {
            self.value = Money::ZERO;
            self.unrealised = Money::ZERO;
            self.maintenance = Money::ZERO;
            return;
        }
        self.value = match self.mark {
            Some(mark) => instrument.value(mark, self.qty.abs()),
            None => Money::UNKNOWN,
        };
        if self.value.is_unknown() {
            self.unrealised = Money::UNKNOWN;
            self.maintenance = Money::UNKNOWN;
            return;
        }
        self.unrealised = instrument.gain(self.qty.is_long(), self.entry_value, self.value);
        self.maintenance = instrument.maintenance_margin(self.value);
    }

    /// Take over a quantity that the venue reports, at the mark: what differs has no known cost.
    pub(super) fn adopt(&mut self, instrument: &Instrument, qty: NetQty, now_ns: i64) {
        let basis = self.mark.map_or(Money::UNKNOWN, |mark| instrument.value(mark, qty.abs()));
        if self.qty.is_flat() || qty.is_flat() || self.qty.is_long() != qty.is_long() {
            self.opened_ns = if qty.is_flat() { 0 } else { now_ns };
        }
        self.qty = qty;
        self.entry_value = if qty.is_flat() { Money::ZERO } else { basis };
        self.margin = match self.isolated {
            0 => Money::ZERO,
            leverage => set_aside(self.entry_value, leverage),
        };
        self.revalue(instrument);
    }

    /// The side of an order that would close it.
    pub const fn closing_side(&self) -> Option<Side> {
        self.qty.reducing_side()
    }
}

/// What is set aside for a position of this cost.
fn set_aside(value: Money, leverage: u16) -> Money {
    value.scaled(1, i128::from(leverage.max(1)))
}
