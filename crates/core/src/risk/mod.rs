//! Protection in the path of every order, and the switches that end it all.
//!
//! Invariant: a venue accepts only [`Approved`] orders, only [`Gate::review`] makes one, and there
//! is no way around it: no bypass, no default limit, in a backtest either.
//!
//! Invariant: what risk reads is known and fresh, or nothing new is risked.

mod approved;
mod case;
mod gate;
mod isolation;
mod profile;
mod rate;
mod restraints;
pub mod rules;
mod scenarios;
mod switches;
#[cfg(test)]
pub(crate) mod testing;
mod view;

use crate::domain::{CommandOf, Order, Refusal};

pub use approved::Approved;
pub use case::Case;
pub use gate::Gate;
pub use profile::{ExitLimits, GateLimits, GovernorLimits, Profile, SwitchLimits};
pub use rate::MessageBudget;
pub use restraints::Restraints;
pub use scenarios::Scenarios;
pub use switches::{Latch, Switches, Trip};
pub use view::{
    Exposure, Fresh, Mode, NearDepth, Reading, References, View, deviation, ticks_within, within,
};

/// What the engine tells the world to do; an order among it carries the gate's proof.
pub type Command = CommandOf<Approved<Order>>;
/// The commands that one event brought.
pub type Commands = crate::domain::Commands<Approved<Order>>;

/// One reason to refuse an order. Pure: it reads the case and says yes or no.
pub trait Rule {
    /// Refuse the order, or let the next rule look.
    ///
    /// # Errors
    ///
    /// The [`Refusal`], if this rule refuses.
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal>;
}
