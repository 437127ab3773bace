//! Leverage and margin, and the dead-man switch.

use flyball_core::domain::{Instrument, InstrumentId, MarginMode, Money};
use flyball_core::sim::LeverageError;
use serde_json::Value;

use crate::actions::{Actor, Refused, done};
use crate::exchange::Exchange;

const MILLION: i128 = 1_000_000;

impl Exchange {
    fn listed(&self, asset: u32) -> Result<InstrumentId, Refused> {
        let found = self.asset(asset).map(Instrument::id);
        found.ok_or_else(|| format!("Unknown asset {asset}."))
    }

    /// Unverified words, but for the one about the value.
    pub(super) fn update_leverage(
        &mut self,
        actor: Actor,
        asset: u32,
        is_cross: bool,
        leverage: u32,
    ) -> Result<Value, Refused> {
        let instrument = self.listed(asset)?;
        let mode = if is_cross { MarginMode::Cross } else { MarginMode::Isolated };
        let leverage = u16::try_from(leverage).unwrap_or(u16::MAX);
        match self.venue.set_leverage(actor.id, instrument, mode, leverage) {
            Ok(()) => Ok(done()),
            Err(LeverageError::Busy) => {
                Err("Cannot switch leverage type with open position.".to_owned())
            }
            Err(LeverageError::OutOfRange { .. } | LeverageError::Unknown) => {
                Err("Invalid leverage value".to_owned())
            }
            Err(LeverageError::Margin) => {
                Err("Insufficient margin for this leverage with the open position.".to_owned())
            }
        }
    }

    /// Unverified words.
    pub(super) fn update_isolated_margin(
        &mut self,
        actor: Actor,
        asset: u32,
        millionths: i64,
    ) -> Result<Value, Refused> {
        let instrument = self.listed(asset)?;
        let amount = Money::from_units(i128::from(millionths)).scaled(Money::ONE.units(), MILLION);
        match self.venue.add_margin(actor.id, instrument, amount) {
            Ok(()) => Ok(done()),
            Err(LeverageError::Margin) => Err("Insufficient margin.".to_owned()),
            Err(_) => Err("No isolated position.".to_owned()),
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
