//! Everything that can happen to the engine. It knows nothing else: no clock, no file, no chance.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ClientOrderId, InstrumentId, Intent, Money, NetQty, Price, Qty, Rate, Scope, Side, StrategyId,
    SwitchName, VenueOrderId,
};

/// Something that happened, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event<'a> {
    /// When it happened, by the clock of whoever it happened to: UTC nanoseconds since 1970.
    pub time_ns: i64,
    /// When it reached us, by our clock. The engine's "now".
    pub received_ns: i64,
    /// What happened.
    pub body: Body<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Body<'a> {
    /// Levels of a book.
    Depth(Depth<'a>),
    /// The best bid and ask, ahead of the book's own messages.
    Touch(Touch),
    /// Somebody traded.
    Trade(Trade),
    /// A bar closed.
    Bar(Bar),
    /// The venue's mark and oracle price.
    Reference(Reference),
    /// A funding rate.
    FundingRate(FundingRate),
    /// A market data stream went away or came back.
    Feed(FeedState),
    /// What became of one of our orders.
    Order(OrderReport),
    /// One of our orders traded.
    Fill(Fill),
    /// Funding was paid or received.
    Funding(FundingPayment),
    /// Money was put in or taken out.
    Transfer(Transfer),
    /// The venue's own view of a position, when asked.
    Position(PositionReport),
    /// A strategy decided.
    Decision(Decision<'a>),
    /// An operator acts.
    Operator(Operator),
    /// Whether a strategy answers when it is woken.
    Strategy(StrategyState),
    /// Whether we hear what happens to our account.
    Account(AccountState),
    /// Whether the sentinel watches over us, and lets us take risk.
    Sentinel(SentinelState),
    /// Somebody wants less to be risked, or lets go.
    Restraint(Restraint),
    /// The venue's own records say what nobody told.
    Ledger(LedgerRecord),
    /// Time passed: a deadline that the engine asked for is due.
    Timer,
}

/// The quantity that rests at a price; zero removes the level.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    bytemuck::Pod,
    bytemuck::Zeroable,
)]
#[repr(C)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// All that rests there.
    pub qty: Qty,
}

/// Whether a book message replaces the book or changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum DepthKind {
    /// It changes it.
    Diff = 0,
    /// It is the whole book, or the best part of it.
    Snapshot = 1,
}

/// Where a book message stands among the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Number of the first update in the message.
    pub first: u64,
    /// Number of the last update in the message.
    pub last: u64,
    /// Number of the last update of the message before, where the venue says so.
    pub previous: u64,
}

/// A message about the levels of one book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depth<'a> {
    /// Whose book.
    pub instrument: InstrumentId,
    /// Replace or change.
    pub kind: DepthKind,
    /// Its place among the messages.
    pub sequence: Sequence,
    /// Checksum of the book after it, where the venue sends one.
    pub checksum: Option<u32>,
    /// Bids, in any order.
    pub bids: &'a [Level],
    /// Asks, in any order.
    pub asks: &'a [Level],
}

/// The best bid and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Whose.
    pub instrument: InstrumentId,
    /// Comparable with the book's sequence numbers; 0 where the feed has none.
    pub sequence: u64,
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

/// A trade of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Of what.
    pub instrument: InstrumentId,
    /// The side that took: a bid lifted the ask.
    pub aggressor: Side,
    /// At this price.
    pub price: Price,
    /// This much.
    pub qty: Qty,
    /// The venue's number for it.
    pub id: u64,
}

/// A bar of trades. The event's time is the end of the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Of what.
    pub instrument: InstrumentId,
    /// How long the bar is; 0 for bars that are not of time.
    pub interval_ns: i64,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// What was traded.
    pub volume: Qty,
}

/// The prices that the venue itself uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Of what.
    pub instrument: InstrumentId,
    /// For margin, liquidation and triggers.
    pub mark: Price,
    /// For funding.
    pub oracle: Price,
}

/// The funding rate of the coming or just ended period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingRate {
    /// Of what.
    pub instrument: InstrumentId,
    /// Longs pay this fraction of their notional; shorts when it is negative.
    pub rate: Rate,
    /// Whether it is paid at this moment.
    pub settles: bool,
}

/// A market data stream went away or came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedState {
    /// Of what.
    pub instrument: InstrumentId,
    /// Whether it is connected.
    pub connected: bool,
}

/// Why a venue would not take an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RejectReason {
    /// It would have traded, and was post-only.
    WouldTrade,
    /// It would have added to a position, and was reduce-only.
    WouldIncrease,
    /// Its price is not on the venue's grid.
    BadPrice,
    /// It is too small.
    TooSmall,
    /// The account's margin does not carry it.
    Margin,
    /// The account has too many orders.
    TooManyOrders,
    /// Too many messages.
    RateLimited,
    /// There is nobody to trade with.
    NoLiquidity,
    /// A reason that this build does not know.
    Other,
    /// Its trigger is on the wrong side of the mark or of its price.
    BadTrigger,
    /// It is too large.
    TooLarge,
    /// Only post-only orders are taken at this moment.
    PostOnlyWindow,
    /// The order that it belongs to was not taken.
    Parent,
}

/// Why an order ended unfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CancelReason {
    /// We asked for it.
    Requested,
    /// It was immediate-or-cancel and nothing was left to trade with.
    Unfilled,
    /// Its position is gone.
    PositionClosed,
    /// It would have added to a position by then.
    ReduceOnly,
    /// The account was liquidated.
    Liquidated,
    /// It met another order of the same account.
    SelfTrade,
    /// A reason that this build does not know.
    Other,
    /// The account's margin did not carry it when it was to trade.
    Margin,
    /// The other one of stop-loss and take-profit traded.
    Sibling,
    /// The order that it waited for was cancelled.
    Parent,
    /// The time came at which the account had asked for all of its orders to be cancelled.
    Scheduled,
    /// It was modified: another order stands in its place.
    Replaced,
    /// It went off while only post-only orders were taken.
    PostOnlyWindow,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It rests at the venue.
    Working,
    /// The venue would not take it.
    Rejected(RejectReason),
    /// It ended with what was filled until then.
    Cancelled(CancelReason),
    /// All of it traded. The fills themselves are told apart.
    Filled,
    /// A stop went off and is now at the market.
    Triggered,
    /// Nobody knows: the answer was lost.
    Unknown,
    /// The venue has never heard of it.
    NotFound,
}

/// What became of one of our orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// Of what.
    pub instrument: InstrumentId,
    /// Our id.
    pub client_order_id: ClientOrderId,
    /// The venue's id, 0 while it has none.
    pub venue_order_id: VenueOrderId,
    /// What became of it.
    pub status: Status,
}

/// One of our orders traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Of what.
    pub instrument: InstrumentId,
    /// Our id; 0 for a trade that the venue made for us (liquidation).
    pub client_order_id: ClientOrderId,
    /// The venue's id of the order.
    pub venue_order_id: VenueOrderId,
    /// The venue's number for the trade: the same fill twice is counted once.
    pub trade_id: u64,
    /// Ours.
    pub side: Side,
    /// At this price.
    pub price: Price,
    /// This much.
    pub qty: Qty,
    /// What it cost; negative is a rebate.
    pub fee: Money,
    /// Whether our order rested.
    pub maker: bool,
    /// Whether the venue liquidated us.
    pub liquidation: bool,
}

/// Funding was paid (negative) or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingPayment {
    /// For what.
    pub instrument: InstrumentId,
    /// What cash gained.
    pub amount: Money,
}

/// Money was put in (positive) or taken out. Never a profit, never a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// What cash gained.
    pub amount: Money,
}

/// The venue's own view of one position, in answer to a request to read the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionReport {
    /// Which request it answers.
    pub request: u32,
    /// Of what.
    pub instrument: InstrumentId,
    /// What is held.
    pub position: NetQty,
    /// Orders of ours that rest there.
    pub open_orders: u32,
    /// Whether this is the last report of the answer.
    pub last: bool,
}

/// A strategy decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision<'a> {
    /// Who.
    pub strategy: StrategyId,
    /// When it was woken for it.
    pub woken_ns: i64,
    /// What it wants.
    pub intent: Intent<'a>,
}

/// Whether we hear what happens to our account: its fills, orders, funding and transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// Whether we do. While we do not, no new risk is taken, and what could add some is withdrawn.
    pub known: bool,
}

/// What the sentinel, a process of its own that watches over the account, is to this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SentinelState {
    /// It watches; or the run has none, and was told so.
    #[default]
    Watching,
    /// It should watch and is not heard: no new risk.
    Lost,
    /// It watches, and wants no new risk: it cannot see the account, or sees another one than we do.
    Restrains,
}

/// Who may make the risk budget smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Restrainer {
    /// An operator.
    Operator = 0,
    /// The forecast of a failure.
    Prediction = 1,
    /// The regime that the market is in.
    Regime = 2,
    /// A strategy that is new here.
    Canary = 3,
    /// The venue's records, which are not what was told.
    Ledger = 4,
}

impl Restrainer {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Operator, Self::Prediction, Self::Regime, Self::Canary, Self::Ledger];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Prediction => "prediction",
            Self::Regime => "regime",
            Self::Canary => "canary",
            Self::Ledger => "ledger",
        }
    }
}

/// Somebody wants less to be risked, or lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restraint {
    /// Who.
    pub by: Restrainer,
    /// What may be used of the risk budget: at zero positions may only be reduced, one is all.
    pub share: Rate,
}

/// What the venue's own records of the account say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LedgerRecord {
    /// Its money is not what fills, payments and transfers add up to.
    Untold {
        /// What it has beyond that; below zero is missing.
        amount: Money,
    },
    /// The account's worth at an earlier moment, since when nothing was put in or taken out.
    Worth {
        /// When, by the venue's clock.
        at_ns: i64,
        /// How much it was.
        then: Money,
        /// How much it was when the record was read.
        now: Money,
    },
}

/// Whether a strategy answers when it is woken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attention {
    /// It does.
    #[default]
    Awake,
    /// Its decision is overdue: until it answers in time, its position may only be reduced.
    Late,
    /// It raised, or its thread is gone: it will not answer any more.
    Gone,
}

/// Whether a strategy answers when it is woken. Told by whoever runs it, when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyState {
    /// Who.
    pub strategy: StrategyId,
    /// Whether it answers.
    pub attention: Attention,
}

/// An operator, or a programme that stands in for one, acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Stop and flatten. One step, always.
    Kill(Scope),
    /// First of two steps to trade again after a switch or a kill.
    RequestReset(Option<SwitchName>),
    /// Second of the two steps; refused unless requested, flat and known.
    ConfirmReset(Option<SwitchName>),
    /// Flatten, without a latch: for an orderly end.
    Flatten,
    /// First of two steps to trade again in what was killed: everything, or one instrument.
    RequestRelease(Scope),
    /// Second of the two steps; refused unless requested, flat and known.
    ConfirmRelease(Scope),
}

impl Body<'_> {
    /// The instrument that this is about, if it is about one.
    pub const fn instrument(&self) -> Option<InstrumentId> {
        match self {
            Self::Depth(x) => Some(x.instrument),
            Self::Touch(x) => Some(x.instrument),
            Self::Trade(x) => Some(x.instrument),
            Self::Bar(x) => Some(x.instrument),
            Self::Reference(x) => Some(x.instrument),
            Self::FundingRate(x) => Some(x.instrument),
            Self::Feed(x) => Some(x.instrument),
            Self::Order(x) => Some(x.instrument),
            Self::Fill(x) => Some(x.instrument),
            Self::Funding(x) => Some(x.instrument),
            Self::Position(x) => Some(x.instrument),
            Self::Transfer(_)
            | Self::Decision(_)
            | Self::Operator(_)
            | Self::Strategy(_)
            | Self::Account(_)
            | Self::Sentinel(_)
            | Self::Restraint(_)
            | Self::Ledger(_)
            | Self::Timer => None,
        }
    }
}
