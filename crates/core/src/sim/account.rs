//! An account at the simulated venue.

use crate::domain::{Instrument, InstrumentId, Money, Qty, Side};
use crate::portfolio::Portfolio;
use crate::sim::faults::Fault;
use crate::sim::history::History;
use crate::sim::order::{OrderRecord, VenueOrder, VenueOrderKind};

/// An account at the simulated venue.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) portfolio: Portfolio,
    pub(super) open_orders: u32,
    /// Value of resting orders by instrument, as if each added to a position.
    pub(super) reserved: Vec<Money>,
    /// Leverage by instrument that the account chose; 0 where it chose none.
    pub(super) leverage: Vec<u16>,
    /// Value of all that it traded.
    pub(super) volume: Money,
    pub(super) fees: Money,
    /// Until then what is liquidated is liquidated whole.
    pub(super) whole_until_ns: i64,
    /// What a script wants to happen to the next order.
    pub(super) fault: Option<Fault>,
    pub(super) history: History,
}

impl Account {
    pub(super) fn new(instruments: usize, cash: Money) -> Self {
        Self { history: History::new(), ..Self::nameless(instruments, cash) }
    }

    /// An account that sends no orders.
    pub(super) fn nameless(instruments: usize, cash: Money) -> Self {
        Self {
            portfolio: Portfolio::new(instruments, cash),
            open_orders: 0,
            reserved: vec![Money::ZERO; instruments],
            leverage: vec![0; instruments],
            volume: Money::ZERO,
            fees: Money::ZERO,
            whole_until_ns: i64::MIN,
            fault: None,
            history: History::default(),
        }
    }

    /// What an order on `side` can close.
    pub(super) fn closable(&self, instrument: InstrumentId, side: Side) -> Qty {
        let held = self.portfolio.qty(instrument);
        if held.reducing_side() == Some(side) { held.abs() } else { Qty::ZERO }
    }

    /// Value that a resting order reserves.
    fn reserve(instrument: &Instrument, order: &VenueOrder, qty: Qty) -> Money {
        if order.reduce_only { Money::ZERO } else { instrument.value(order.price, qty) }
    }

    /// An order of the account rests or waits from now on.
    pub(super) fn open(&mut self, instrument: &Instrument, record: &OrderRecord) {
        self.open_orders = self.open_orders.saturating_add(1);
        if matches!(record.order.kind, VenueOrderKind::Limit(_)) || record.triggered {
            let value = Self::reserve(instrument, &record.order, record.remaining);
            if let Some(reserved) = self.reserved.get_mut(instrument.id().index()) {
                *reserved = reserved.plus(value);
            }
        }
    }

    /// Give back what `qty` of a resting order had reserved.
    pub(super) fn release(&mut self, instrument: &Instrument, record: &OrderRecord, qty: Qty) {
        if matches!(record.order.kind, VenueOrderKind::Limit(_)) || record.triggered {
            let value = Self::reserve(instrument, &record.order, qty);
            if let Some(reserved) = self.reserved.get_mut(instrument.id().index()) {
                *reserved = reserved.minus(value).max(Money::ZERO);
            }
        }
    }

    /// An order of the account rests or waits no more.
    pub(super) fn close(&mut self, instrument: &Instrument, record: &OrderRecord) {
        self.release(instrument, record, record.remaining);
        self.open_orders = self.open_orders.saturating_sub(1);
    }

    /// Whether equity is below what positions must keep; and below two thirds of it.
    pub(super) fn distress(&self) -> (bool, bool) {
        let (equity, needed) = (self.portfolio.equity(), self.portfolio.maintenance());
        if equity.is_unknown() || needed <= Money::ZERO {
            return (false, false);
        }
        (equity < needed, equity.scaled(3, 1) < needed.scaled(2, 1))
    }
}
