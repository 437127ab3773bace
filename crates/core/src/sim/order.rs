//! Orders as the venue knows them: what a client may send, what became of it.

use crate::domain::{
    ClientOrderId, Instrument, InstrumentId, Money, Order, OrderKind, Price, Qty, Side, Status,
    TimeInForce, VenueOrderId,
};
use crate::sim::AccountId;

/// The id that a client gives to an order: 128 bits, as Hyperliquid's. Zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(u128);

impl ClientId {
    /// The client gave none.
    pub const NONE: Self = Self(0);

    /// The id with this number.
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// The raw number.
    pub const fn raw(self) -> u128 {
        self.0
    }

    /// As the engine's own id; 0 where it cannot be one.
    pub fn engine(self) -> ClientOrderId {
        ClientOrderId::new(u64::try_from(self.0).unwrap_or(0))
    }
}

impl From<ClientOrderId> for ClientId {
    fn from(id: ClientOrderId) -> Self {
        Self(u128::from(id.raw()))
    }
}

/// Which way the mark must go to set a trigger order off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerWhen {
    /// Against the position that the order closes: a sell goes off at or below its trigger.
    StopLoss,
    /// In favour of it: a sell goes off at or above its trigger.
    TakeProfit,
}

/// What a trigger order becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerThen {
    /// It takes what is there, no further than its price; what is left is cancelled.
    Market,
    /// A limit order at its price, which rests.
    Limit,
}

/// The condition of a trigger order. It is the mark that sets it off, never a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Mark price that sets it off.
    pub price: Price,
    /// From which side.
    pub when: TriggerWhen,
    /// What it becomes.
    pub then: TriggerThen,
    /// Whether it closes the whole position, whatever its size by then; its own size says nothing.
    pub whole_position: bool,
}

impl Trigger {
    /// Whether this mark sets off an order on `side`.
    pub const fn reached(&self, side: Side, mark: Price) -> bool {
        match self.when {
            TriggerWhen::StopLoss => mark.crosses(side, self.price),
            TriggerWhen::TakeProfit => mark.crosses(side.opposite(), self.price),
        }
    }
}

/// What makes an order act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VenueOrderKind {
    /// A limit order, at once.
    Limit(TimeInForce),
    /// A trigger order: it waits for the mark.
    Trigger(Trigger),
}

/// An order as a client sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueOrder {
    /// The client's id for it.
    pub client_id: ClientId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Bid or ask.
    pub side: Side,
    /// Limit price; for what goes to the market the worst price that it may get.
    pub price: Price,
    /// Size.
    pub qty: Qty,
    /// Whether it may only reduce a position.
    pub reduce_only: bool,
    /// What makes it act.
    pub kind: VenueOrderKind,
}

impl VenueOrder {
    /// Its trigger, where it is a trigger order.
    pub const fn trigger(&self) -> Option<&Trigger> {
        match &self.kind {
            VenueOrderKind::Limit(_) => None,
            VenueOrderKind::Trigger(trigger) => Some(trigger),
        }
    }

    /// Whether it closes whatever is held by then.
    pub const fn whole_position(&self) -> bool {
        matches!(self.kind, VenueOrderKind::Trigger(Trigger { whole_position: true, .. }))
    }
}

/// The engine's orders are orders like all others. Its stop closes the whole position.
impl From<&Order> for VenueOrder {
    fn from(order: &Order) -> Self {
        let (kind, stop) = match order.kind {
            OrderKind::Limit(time_in_force) => (VenueOrderKind::Limit(time_in_force), false),
            OrderKind::Stop { trigger } => {
                let trigger = Trigger {
                    price: trigger,
                    when: TriggerWhen::StopLoss,
                    then: TriggerThen::Market,
                    whole_position: true,
                };
                (VenueOrderKind::Trigger(trigger), true)
            }
        };
        Self {
            client_id: order.client_order_id.into(),
            instrument: order.instrument,
            side: order.side,
            price: order.price,
            qty: order.qty,
            reduce_only: order.reduce_only || stop,
            kind,
        }
    }
}

/// How the orders of one request belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// They do not.
    #[default]
    Independent,
    /// The first is the parent; the others are its stop-loss and take-profit. They wait until it
    /// has filled completely and go when it is cancelled; when one of them trades, the other goes.
    Normal,
    /// Stop-loss and take-profit of the position: they follow its size and go with it; when one
    /// trades, the other goes.
    Position,
}

/// An order, by either of its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRef {
    /// By the client's id.
    Client(ClientId),
    /// By the venue's id.
    Venue(VenueOrderId),
}

impl From<VenueOrderId> for OrderRef {
    fn from(id: VenueOrderId) -> Self {
        Self::Venue(id)
    }
}

impl From<ClientId> for OrderRef {
    fn from(id: ClientId) -> Self {
        Self::Client(id)
    }
}

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It rests in the book.
    Resting,
    /// It waits for the mark.
    AwaitsTrigger,
    /// It waits for this order to fill completely.
    AwaitsParent(VenueOrderId),
    /// It is at the market this moment.
    Acting,
    /// It is over: filled, cancelled or rejected.
    Ended(Status),
}

/// An order, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRecord {
    /// Whose.
    pub account: AccountId,
    /// The venue's id, above zero.
    pub venue_order_id: VenueOrderId,
    /// As it was sent.
    pub order: VenueOrder,
    /// Where it is in its life.
    pub life: Life,
    /// What it may still trade.
    pub remaining: Qty,
    /// What it traded.
    pub filled: Qty,
    /// Value of what it traded.
    pub paid: Money,
    /// Whether its trigger went off.
    pub triggered: bool,
    /// When it was placed.
    pub placed_ns: i64,
    /// When its life last changed.
    pub changed_ns: i64,
}

impl OrderRecord {
    /// Average price of its fills to the nearest tick, `None` where there are none.
    pub fn average(&self, instrument: &Instrument) -> Option<Price> {
        instrument.price_for(self.paid, self.filled)
    }

    /// Whether it rests or waits.
    pub const fn is_live(&self) -> bool {
        !matches!(self.life, Life::Ended(_))
    }

    /// How it ended, if it has.
    pub const fn ended(&self) -> Option<Status> {
        match self.life {
            Life::Ended(status) => Some(status),
            _ => None,
        }
    }

    /// Whether it is called so.
    pub fn is(&self, name: OrderRef) -> bool {
        match name {
            OrderRef::Client(id) => id != ClientId::NONE && self.order.client_id == id,
            OrderRef::Venue(id) => self.venue_order_id == id,
        }
    }
}
