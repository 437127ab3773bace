//! A venue without a network, for one account or several: it has fees, queues, funding, leverage and
//! margin tiers, triggers, liquidation, deleveraging and rejects. From the engine it takes only
//! approved orders, as every venue does; what is served over a wire takes its clients' ([`Venue::place`]).
//!
//! What it cannot know it assumes, by a model with a name: a recording does not show who stands
//! where in a queue, how a bar came about, or what the market would have done about our orders. In a
//! market there are accounts, and others of whom nothing is known but their levels and trades.
//!
//! Rules are Hyperliquid's, by its documentation; where that is silent the code says "assumed".

mod account;
mod bars;
mod booking;
mod deleverage;
mod faults;
mod history;
mod latency;
mod ledger;
mod liquidation;
mod margin;
mod market;
mod matching;
mod order;
mod orders;
mod queue;
mod report;
mod synthetic;
mod triggers;
mod venue;
mod watching;

pub use bars::{BarModel, BarPath, Walk};
pub use faults::Fault;
pub use latency::Latency;
pub use ledger::Audit;
pub use margin::LeverageError;
pub use order::{
    ClientId, Grouping, Life, OrderRecord, OrderRef, Trigger, TriggerThen, TriggerWhen, VenueOrder,
    VenueOrderKind,
};
pub use orders::ModifyError;
pub use queue::QueueModel;
pub use report::{AccountId, Cause, PublicTrade, Report, Traded};
pub use synthetic::{Crash, Synthetic, SyntheticConfig};
pub use venue::Venue;
pub use watching::DepthLevel;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

#[cfg(test)]
mod accounts_tests;
#[cfg(test)]
mod conservation_tests;
#[cfg(test)]
mod liquidation_tests;
#[cfg(test)]
mod margin_tests;
#[cfg(test)]
mod orders_tests;
#[cfg(test)]
mod trigger_tests;
