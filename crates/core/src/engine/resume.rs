//! Going on after a restart with another configuration: what the account is and what protects it
//! carries over; books, features and what strategies wanted begin anew.

use crate::domain::{ClientOrderId, ConfigError, Instrument, InstrumentId, Price, Qty, StrategyId};
use crate::engine::{Engine, EngineConfig};

impl Engine {
    /// An engine of this configuration that goes on where `old` was: the same cash, positions,
    /// peak, day start, latches, locks, orders, and no id used twice.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong: `instruments`, when one that is held or has
    /// orders is missing or has other units.
    pub fn resume(config: &EngineConfig, old: &Self) -> Result<Self, ConfigError> {
        let mut new = Self::new(config)?;
        let mut places = Vec::with_capacity(old.instruments.len());
        for instrument in &old.instruments {
            let place = new.instruments.iter().find(|it| same_units(it, instrument));
            let busy = !old.portfolio.qty(instrument.id()).is_flat()
                || !old.execution.orders.of(instrument.id()).is_empty();
            if place.is_none() && busy {
                let symbol = instrument.symbol().as_str();
                let reason = format!(
                    "{symbol} is held or has orders, and is not configured with the same units"
                );
                return Err(ConfigError::new("instruments", reason));
            }
            places.push(place.map(Instrument::id));
        }
        let pairs = |places: &[Option<InstrumentId>]| -> Vec<(InstrumentId, InstrumentId)> {
            let old = old.instruments.iter().map(Instrument::id);
            old.zip(places).filter_map(|(from, to)| Some((from, (*to)?))).collect()
        };
        let pairs = pairs(&places);
        new.clock = old.clock;
        new.portfolio.resume(&old.portfolio, &pairs);
        config.margin(&mut new.portfolio, &new.instruments, &new.scenarios);
        new.switches.resume(&old.switches, &pairs);
        new.gate.resume(&old.gate, &new.same_strategies(old, &pairs));
        new.scenarios.resume(&old.scenarios, &pairs);
        new.execution.resume(&old.execution, &pairs, &new.instruments);
        for &(from, to) in &pairs {
            if let (Some(old), Some(new)) =
                (old.locks.get(from.index()), new.locks.get_mut(to.index()))
            {
                *new = *old;
            }
        }
        // A restart lets go of nothing.
        new.restraints = old.restraints;
        new.group = old.group;
        new.lane_due.fill(i64::MIN);
        Ok(new)
    }

    /// The strategies of instruments that both trade, in the old one and in this one.
    fn same_strategies(
        &self,
        old: &Self,
        pairs: &[(InstrumentId, InstrumentId)],
    ) -> Vec<(StrategyId, StrategyId)> {
        let owner = |engine: &Self, id: InstrumentId| engine.owners.get(id.index()).copied()?;
        pairs.iter().filter_map(|&(from, to)| Some((owner(old, from)?, owner(self, to)?))).collect()
    }

    /// It goes on after a while in which it heard nothing: how long it was away is no blindness. To
    /// be called before the first event.
    pub const fn wakes(&mut self) {
        self.hears_since_ns = i64::MIN;
        self.due_ns = i64::MIN;
    }

    /// Ids of orders up to this one are taken: a run that was cut off sent more than its record
    /// holds. To be called before the first event.
    pub fn skip_ids(&mut self, last: ClientOrderId) {
        self.execution.orders.skip_ids(last);
    }
}

/// Contracts of the same size are worth the same here.
const SOME_PRICE: Price = Price::from_ticks(1_000);
const SOME_QTY: Qty = Qty::from_lots(1_000);

/// Whether amounts of one are amounts of the other.
fn same_units(a: &Instrument, b: &Instrument) -> bool {
    a.symbol() == b.symbol()
        && a.kind() == b.kind()
        && a.tick_size() == b.tick_size()
        && a.lot_size() == b.lot_size()
        && a.value(SOME_PRICE, SOME_QTY) == b.value(SOME_PRICE, SOME_QTY)
}
