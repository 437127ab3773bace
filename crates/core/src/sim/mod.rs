//! A venue without a network: it has fees, queues, funding, margin tiers, liquidation, triggers and
//! rejects, and it takes only approved orders, as every venue does.
//!
//! What it cannot know it assumes, by a model with a name: a recording does not show who stands
//! where in a queue, how a bar came about, or what the market would have done about our orders.

mod account;
mod bars;
mod latency;
mod liquidation;
mod market;
mod queue;
mod synthetic;
mod venue;

use crate::domain::Body;

pub use bars::{BarModel, BarPath, Walk};
pub use latency::Latency;
pub use queue::QueueModel;
pub use synthetic::{Crash, Synthetic, SyntheticConfig};
pub use venue::Venue;

/// Which account at the venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountId(u16);

impl AccountId {
    /// The first account.
    pub const FIRST: Self = Self(0);

    /// The account with this index.
    pub fn new(index: usize) -> Self {
        Self(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Its index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Something that the venue tells one of its accounts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Who is told.
    pub account: AccountId,
    /// When, by the venue's clock.
    pub time_ns: i64,
    /// What.
    pub body: Body<'static>,
}

#[cfg(test)]
mod tests;
