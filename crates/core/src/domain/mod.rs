//! The words every other room uses: units, instruments, orders, events, commands.
//!
//! Units are types with private fields: a [`Price`] counts ticks, a [`Qty`] lots, [`Money`] units
//! of 10⁻¹⁰ of the settlement currency, a [`Rate`] parts of 10⁻¹². None of them is a float.

mod command;
mod config;
mod decimal;
mod event;
mod ids;
mod instrument;
mod intent;
mod margin;
mod money;
mod notice;
mod order;
mod price;
mod random;
mod wide;

pub use command::{CommandOf, Commands, WakeReason};
pub use config::ConfigError;
pub use decimal::{Decimal, DecimalError};
pub use event::{
    AccountState, Attention, Bar, Body, CancelReason, Decision, Depth, DepthKind, Event, FeedState,
    Fill, FundingPayment, FundingRate, LedgerRecord, Level, Operator, OrderReport, PositionReport,
    Reference, RejectReason, Restrainer, Restraint, SentinelState, Sequence, Status, StrategyState,
    Touch, Trade, Transfer,
};
pub use ids::{ClientOrderId, InstrumentId, StrategyId, VenueOrderId};
pub use instrument::{
    ChecksumRule, Fees, Instrument, InstrumentKind, InstrumentSpec, MarginTier, PriceRule,
    SequenceRule, Symbol,
};
pub use intent::{Direction, Intent, MAX_QUOTES, Quotes, Signal, Target};
pub use margin::MarginMode;
pub use money::{Money, Rate, div_round};
pub use notice::{ExitReason, Notice, Refusal, RuleName, Scope, SwitchName};
pub use order::{Order, OrderKind, Purpose, Side, TimeInForce};
pub use price::{NetQty, Price, Qty};
pub use random::Random;

/// One microsecond, in nanoseconds.
pub const MICROSECOND: i64 = 1_000;
/// One millisecond, in nanoseconds.
pub const MILLISECOND: i64 = 1_000_000;
/// One second, in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;
/// One minute, in nanoseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour, in nanoseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day, in nanoseconds.
pub const DAY: i64 = 24 * HOUR;
/// A moment that never comes: the deadline of something that has none.
pub const NEVER: i64 = i64::MAX;
