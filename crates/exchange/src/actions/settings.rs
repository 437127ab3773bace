//! Leverage, and the dead-man switch.

use flyball_core::sim::{LeverageError, MarginMode};
use serde_json::Value;

use crate::actions::{Actor, Refused, done};
use crate::exchange::Exchange;

impl Exchange {
    /// Unverified words, but for the one about the value.
    pub(super) fn update_leverage(
        &mut self,
        actor: Actor,
        asset: u32,
        is_cross: bool,
        leverage: u32,
    ) -> Result<Value, Refused> {
        let Some(instrument) = self.asset(asset).map(flyball_core::domain::Instrument::id) else {
            return Err(format!("Unknown asset {asset}."));
        };
        let mode = if is_cross { MarginMode::Cross } else { MarginMode::Isolated };
        let leverage = u16::try_from(leverage).unwrap_or(u16::MAX);
        match self.venue.set_leverage(actor.id, instrument, mode, leverage) {
            Ok(()) => Ok(done()),
            Err(LeverageError::Isolated) => {
                Err("Isolated margin is not served by this local exchange.".to_owned())
            }
            Err(LeverageError::OutOfRange { .. } | LeverageError::Unknown) => {
                Err("Invalid leverage value".to_owned())
            }
            Err(LeverageError::Margin) => {
                Err("Insufficient margin for this leverage with the open position.".to_owned())
            }
        }
    }

    pub(super) fn schedule_cancel(
        &mut self,
        actor: Actor,
        time: Option<u64>,
    ) -> Result<Value, Refused> {
        let volume = self.venue.volume(actor.id);
        let now_ns = self.clock_ns();
        let Some(member) = self.members.find_mut(actor.address) else { return Ok(done()) };
        member.schedule.set(time, volume, now_ns).map_err(|error| error.to_string())?;
        Ok(done())
    }
}
