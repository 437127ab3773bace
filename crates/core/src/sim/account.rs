//! An account at the simulated venue.

use crate::domain::{
    Instrument, InstrumentKind, Money, Order, OrderKind, Price, Qty, RejectReason, Side,
};
use crate::portfolio::{Portfolio, Position};
use crate::sim::market::Market;

/// An account at the simulated venue.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) portfolio: Portfolio,
    pub(super) open_orders: u32,
    /// Value of resting orders, as if each added to a position.
    pub(super) reserved: Money,
    /// No second liquidation order before this.
    pub(super) cool_until_ns: i64,
}

impl Account {
    pub(super) fn new(instruments: usize, cash: Money) -> Self {
        Self {
            portfolio: Portfolio::new(instruments, cash),
            open_orders: 0,
            reserved: Money::ZERO,
            cool_until_ns: i64::MIN,
        }
    }

    /// The part of an order that would add to the position, and not only close it.
    fn adding(&self, order: &Order) -> Qty {
        let held = self.portfolio.qty(order.instrument);
        let closing = if held.reducing_side() == Some(order.side) { held.abs() } else { Qty::ZERO };
        order.qty.minus(closing)
    }

    /// Whether the venue takes the order, by everything but the state of the book.
    pub(super) fn admits(
        &self,
        market: &Market,
        order: &Order,
        max_open: u32,
    ) -> Result<(), RejectReason> {
        let instrument = &market.instrument;
        if !instrument.is_valid_price(order.price) || order.qty.is_zero() || order.qty > Qty::MAX {
            return Err(RejectReason::BadPrice);
        }
        if let OrderKind::Stop { trigger } = order.kind
            && !instrument.is_valid_price(trigger)
        {
            return Err(RejectReason::BadPrice);
        }
        if self.open_orders >= max_open {
            return Err(RejectReason::TooManyOrders);
        }
        let whole_stop = matches!(order.kind, OrderKind::Stop { .. });
        let held = self.portfolio.qty(order.instrument);
        if order.reduce_only {
            let closes = held.reducing_side() == Some(order.side);
            return if closes || whole_stop { Ok(()) } else { Err(RejectReason::WouldIncrease) };
        }
        if instrument.value(order.price, order.qty) < instrument.min_notional() {
            return Err(RejectReason::TooSmall);
        }
        if self.affords(instrument, order) { Ok(()) } else { Err(RejectReason::Margin) }
    }

    fn affords(&self, instrument: &Instrument, order: &Order) -> bool {
        let adding = self.adding(order);
        let value = instrument.value(order.price, adding);
        if adding.is_zero() {
            return true;
        }
        let equity = self.portfolio.equity();
        if equity.is_unknown() || value.is_unknown() {
            return false;
        }
        if matches!(instrument.kind(), InstrumentKind::Spot) {
            let held = self.portfolio.position(order.instrument);
            let paid = held.map_or(Money::ZERO, Position::entry_value);
            let free = self.portfolio.cash().minus(paid).minus(self.reserved);
            return order.side == Side::Bid && value <= free;
        }
        let leverage = i128::from(instrument.leverage_at(self.portfolio.gross().plus(value)));
        let all = self.portfolio.gross().plus(self.reserved).plus(value);
        all.scaled(1, leverage) <= equity
    }

    /// Value that a resting order reserves.
    pub(super) fn reserve(instrument: &Instrument, order: &Order, remaining: Qty) -> Money {
        let limit = matches!(order.kind, OrderKind::Limit(_));
        if limit && !order.reduce_only {
            instrument.value(order.price, remaining)
        } else {
            Money::ZERO
        }
    }

    /// Whether equity is below what positions must keep; and below two thirds of it.
    pub(super) fn distress(&self) -> (bool, bool) {
        let (equity, needed) = (self.portfolio.equity(), self.portfolio.maintenance());
        if equity.is_unknown() || needed <= Money::ZERO {
            return (false, false);
        }
        (equity < needed, equity.scaled(3, 1) < needed.scaled(2, 1))
    }

    /// The price at which the venue values the account's position here.
    pub(super) fn set_mark(&mut self, instrument: &Instrument, mark: Price) -> bool {
        self.portfolio.set_mark(instrument, mark)
    }
}
