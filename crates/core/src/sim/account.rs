//! An account at the simulated venue.

use crate::domain::{Instrument, InstrumentId, Money, Qty, Side};
use crate::portfolio::{Portfolio, Position};
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

    /// What stands behind an estate: the account's money and what its shared positions gained or
    /// lost; or what is set aside for a position, with what it gained or lost.
    pub(super) fn worth(&self, estate: Estate) -> Money {
        match estate {
            Estate::Shared => self.portfolio.shared_equity(),
            Estate::Alone(id) => {
                self.portfolio.position(id).map_or(Money::ZERO, Position::isolated_worth)
            }
        }
    }

    /// Whether an estate is worth less than its positions must keep; and less than two thirds of it.
    pub(super) fn distress(&self, estate: Estate) -> (bool, bool) {
        let needed = match estate {
            Estate::Shared => self.portfolio.shared_maintenance(),
            Estate::Alone(id) => {
                self.portfolio.position(id).map_or(Money::ZERO, Position::maintenance)
            }
        };
        let worth = self.worth(estate);
        if worth.is_unknown() || needed.is_unknown() || needed <= Money::ZERO {
            return (false, false);
        }
        (worth < needed, worth.scaled(3, 1) < needed.scaled(2, 1))
    }

    /// Whether anything is in distress after the mark of this instrument moved.
    pub(super) fn in_distress(&self, moved: InstrumentId) -> bool {
        let alone = self.portfolio.position(moved).is_some_and(|it| it.isolated().is_some());
        self.distress(if alone { Estate::Alone(moved) } else { Estate::Shared }).0
    }
}

/// What is liquidated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Estate {
    /// All positions that share the account's money.
    Shared,
    /// One that is margined by itself.
    Alone(InstrumentId),
}
