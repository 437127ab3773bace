//! What the venue says of our account, in the engine's terms. Whoever decodes makes these; the
//! session decides what they mean.

use flyball_core::domain::{
    ClientOrderId, Fill, FundingPayment, InstrumentId, Money, NetQty, Price, Qty, RejectReason,
    Status, Transfer,
};

/// Which order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One of ours.
    Ours(ClientOrderId),
    /// Somebody else's on the same account: a person's, another programme's.
    Foreign,
}

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderNews {
    /// Of what.
    pub instrument: InstrumentId,
    /// Which.
    pub whose: Whose,
    /// The venue's id.
    pub venue_order_id: u64,
    /// What became of it.
    pub status: Status,
    /// What was filled of it by then, where the venue says so.
    pub filled: Option<Qty>,
}

/// Something that happened to the account, at this time of the venue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum News {
    /// An order's state.
    Order(OrderNews),
    /// A fill.
    Fill(i64, Fill),
    /// Funding.
    Funding(i64, FundingPayment),
    /// A transfer.
    Transfer(i64, Transfer),
}

/// What became of one order of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It rests, or waits for its trigger.
    Resting {
        /// The venue's id.
        venue_order_id: u64,
    },
    /// It traded at once.
    Filled {
        /// The venue's id.
        venue_order_id: u64,
        /// How much of it.
        qty: Qty,
    },
    /// It was immediate, and nothing was there to trade with.
    Unfilled,
    /// It was cancelled, or a setting was set.
    Done,
    /// The venue would not take it.
    Rejected(RejectReason),
    /// The venue said something that this build does not know.
    Unclear,
}

/// The answer to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// One outcome for each of its orders.
    Each(Vec<Placed>),
    /// None of it was done, for this reason.
    Refused(RejectReason),
    /// Its nonce was used before: it was executed already, or burnt.
    NonceUsed,
    /// Too much was asked of the venue, or it is out of order: nothing was done, ask again later.
    Busy,
    /// Nobody can tell.
    Unclear,
}

/// What the venue says of an order that it was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It has it, or had it.
    Known(OrderNews),
    /// It has never heard of it.
    Unknown,
}

/// A position as the venue has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of what.
    pub instrument: InstrumentId,
    /// Lots.
    pub qty: NetQty,
    /// Whether money is set aside for it, and it can lose no more.
    pub isolated: bool,
}

/// The account as the venue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// When, by the venue's clock, nanoseconds.
    pub time_ns: i64,
    /// What it is worth.
    pub equity: Money,
    /// Cash less what positions in instruments that we know cost: what no price moves.
    pub money: Money,
    /// Positions in instruments that we know.
    pub held: Vec<Held>,
    /// Positions in instruments that we do not know, by the venue's names.
    pub foreign: Vec<String>,
}

/// An order that rests or waits at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// Of what; none for an instrument that we do not know.
    pub instrument: Option<InstrumentId>,
    /// Which.
    pub whose: Whose,
    /// The venue's id.
    pub venue_order_id: u64,
    /// What was filled of it so far.
    pub filled: Option<Qty>,
    /// Whether it could add to a position.
    pub can_add: bool,
}

/// The venue's prices of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Of what.
    pub instrument: InstrumentId,
    /// Its mark.
    pub mark: Price,
    /// Its oracle.
    pub oracle: Price,
}

/// How many requests the address may still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestsLeft {
    /// Used so far.
    pub used: u64,
    /// Allowed so far.
    pub allowed: u64,
}
