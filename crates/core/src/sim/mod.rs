//! A venue without a network: it has fees, queues, funding, margin tiers, liquidation, triggers and
//! rejects, and it takes only approved orders, as every venue does.
//!
//! What it cannot know it assumes, by a model with a name: a recording does not show who stands
//! where in a queue, how a bar came about, or what the market would have done about our orders.

mod account;
mod api;
mod bars;
mod latency;
mod liquidation;
mod market;
mod order;
mod queue;
mod report;
mod synthetic;
mod venue;

pub use api::{Audit, DepthLevel, Fault, LeverageError, MarginMode, ModifyError};
pub use bars::{BarModel, BarPath, Walk};
pub use latency::Latency;
pub use order::{
    ClientId, Grouping, Life, OrderRecord, OrderRef, Trigger, TriggerThen, TriggerWhen, VenueOrder,
    VenueOrderKind,
};
pub use queue::QueueModel;
pub use report::{AccountId, Cause, PublicTrade, Report, Traded};
pub use synthetic::{Crash, Synthetic, SyntheticConfig};
pub use venue::Venue;

#[cfg(test)]
mod tests;
