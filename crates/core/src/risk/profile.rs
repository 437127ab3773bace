//! A profile: a named, versioned set of all numbers that protect an account. Nothing here has a
//! default; profiles are made at the edge and printed when a run starts.

use serde::{Deserialize, Serialize};

use crate::domain::{ConfigError, MarginMode, Money, Rate};

/// When the six switches fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchLimits {
    /// 1 − equity / peak at or above this stops trading.
    pub drawdown: Rate,
    /// Unrealised loss ÷ entry notional at or above this closes the position.
    pub position_loss: Rate,
    /// 1 − equity / day start at or above this stops trading.
    pub daily_loss: Rate,
    /// 1 − equity / peak at or above this shuts everything down.
    pub emergency: Rate,
    /// Σ|value| / equity at or above this reduces positions.
    pub leverage: Rate,
    /// Equity / maintenance margin at or below this closes positions.
    pub margin: Rate,
    /// A latch that releases itself does so when its number is this fraction better than the
    /// limit, and
    pub hysteresis: Rate,
    /// this long after it tripped, at the earliest.
    pub cool_off_ns: i64,
}

/// What the gate lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateLimits {
    /// Largest distance of a price from the median reference, for orders that add risk.
    pub price_collar: Rate,
    /// The same for orders that reduce it.
    pub exit_collar: Rate,
    /// Most lots in one order.
    pub max_order_qty: u64,
    /// Most value in one order.
    pub max_order_notional: Money,
    /// Most value of one position with all orders filled.
    pub max_position_notional: Money,
    /// Most orders at once, in all instruments.
    pub max_open_orders: u32,
    /// Most value in one instrument, as a fraction of equity, with all orders filled.
    pub max_concentration: Rate,
    /// Most gross exposure, as a multiple of equity, with all orders filled.
    pub max_leverage: Rate,
    /// Least equity ÷ maintenance margin, with all orders filled.
    pub min_margin_ratio: Rate,
    /// Most long less short, as a multiple of equity, with all orders filled.
    pub max_net_exposure: Rate,
    /// Least move of all prices against all positions that would end in liquidation.
    pub min_liquidation_distance: Rate,
    /// Most lots in one position, as a multiple of the depth that is seen where it would close.
    pub max_depth_share: Rate,
    /// Most value at risk (95 %, over the longest holding time) of one position, of equity.
    pub max_trade_var: Rate,
    /// Oldest market data on which risk may be added.
    pub max_data_age_ns: i64,
    /// Largest distance between fresh references on which risk may be added.
    pub max_disagreement: Rate,
    /// The same order again within this time is refused.
    pub duplicate_window_ns: i64,
    /// The same order this many times in a row disables the strategy until an operator looks.
    pub max_repeated: u32,
    /// Messages a second, on average.
    pub messages_per_second: u32,
    /// Messages at once.
    pub message_burst: u32,
    /// The share of the burst that only protection may use.
    pub message_reserve: u32,
}

/// What is assumed to happen before anybody can act: it bounds how much may be at stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GovernorLimits {
    /// The gap that is assumed at least, of instruments that `gaps` does not name: the fraction of
    /// its value that a position could lose before anybody can act.
    pub gap_floor: Rate,
    /// The same by symbol: what the instrument's history says.
    pub gaps: Vec<(String, Rate)>,
    /// The assumed gap is at least this many times the largest move within `outage_ns` that was
    /// seen,
    pub gap_factor: Rate,
    /// and at least so many standard deviations of the price over that time.
    pub gap_sigmas: Rate,
    /// How long nobody may be able to act.
    pub outage_ns: i64,
    /// What closing costs, of the value, within the depth that is seen: the depth is counted as
    /// far from the best price as this.
    pub slippage: Rate,
    /// Whether money is set aside for each position, enough for the assumed gap: what a larger one
    /// costs is bounded by it. Cross where a recording from before there was a choice says nothing.
    #[serde(default)]
    pub margin_mode: MarginMode,
}

/// How positions are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitLimits {
    /// A position that loses this fraction of equity is closed.
    pub absolute_loss: Rate,
    /// A position that loses this fraction of equity is closed whatever else is going on.
    pub catastrophic_loss: Rate,
    /// The stop when the strategy names none, or one further away: a fraction of the entry price.
    /// It lies inside the switch on position losses, so that an ordinary stop trips no switch.
    pub stop_distance: Rate,
    /// How far a stop may trade beyond its trigger.
    pub stop_slippage: Rate,
    /// A resting stop is moved when it is off by more than this fraction of its price.
    pub stop_drift: Rate,
    /// How long a position may be without a confirmed stop at the venue.
    pub max_unprotected_ns: i64,
    /// How long a position may be held.
    pub max_holding_ns: i64,
    /// How long risk may be blind (equity or prices unknown) before positions are closed.
    pub max_blind_ns: i64,
    /// How far beyond the touch the first closing order goes.
    pub close_slippage: Rate,
    /// The furthest that closing orders go.
    pub max_close_slippage: Rate,
    /// How long the next closing order waits when one found nobody.
    pub close_retry_ns: i64,
    /// A position that is not closed after this long makes people look.
    pub close_deadline_ns: i64,
}

/// A named, versioned set of all numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Counts up whenever a number changes.
    pub version: u32,
    /// When the switches fire.
    pub switches: SwitchLimits,
    /// What the gate lets through.
    pub gate: GateLimits,
    /// What is assumed to happen before anybody can act.
    pub governor: GovernorLimits,
    /// How positions are left.
    pub exits: ExitLimits,
}

impl Profile {
    /// Check that the numbers make sense by themselves and together.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Self { switches, gate, governor, exits, .. } = self;
        for (key, rate) in [
            ("switches.drawdown", switches.drawdown),
            ("switches.position_loss", switches.position_loss),
            ("switches.daily_loss", switches.daily_loss),
            ("switches.emergency", switches.emergency),
            ("switches.leverage", switches.leverage),
            ("switches.margin", switches.margin),
            ("gate.price_collar", gate.price_collar),
            ("gate.exit_collar", gate.exit_collar),
            ("gate.max_concentration", gate.max_concentration),
            ("gate.max_leverage", gate.max_leverage),
            ("gate.min_margin_ratio", gate.min_margin_ratio),
            ("gate.max_net_exposure", gate.max_net_exposure),
            ("gate.max_depth_share", gate.max_depth_share),
            ("gate.max_trade_var", gate.max_trade_var),
            ("gate.max_disagreement", gate.max_disagreement),
            ("governor.gap_factor", governor.gap_factor),
            ("governor.gap_sigmas", governor.gap_sigmas),
            ("governor.slippage", governor.slippage),
            ("exits.absolute_loss", exits.absolute_loss),
            ("exits.catastrophic_loss", exits.catastrophic_loss),
            ("exits.stop_distance", exits.stop_distance),
            ("exits.stop_slippage", exits.stop_slippage),
            ("exits.close_slippage", exits.close_slippage),
            ("exits.max_close_slippage", exits.max_close_slippage),
        ] {
            if rate <= Rate::ZERO {
                return Err(ConfigError::new(key, "must be above zero"));
            }
        }
        for (key, time) in [
            ("gate.max_data_age_ns", gate.max_data_age_ns),
            ("governor.outage_ns", governor.outage_ns),
            ("exits.max_unprotected_ns", exits.max_unprotected_ns),
            ("exits.max_holding_ns", exits.max_holding_ns),
            ("exits.max_blind_ns", exits.max_blind_ns),
            ("exits.close_retry_ns", exits.close_retry_ns),
            ("exits.close_deadline_ns", exits.close_deadline_ns),
        ] {
            if time <= 0 {
                return Err(ConfigError::new(key, "must be above zero"));
            }
        }
        self.check_governor()?;
        self.check_together()
    }

    fn check_governor(&self) -> Result<(), ConfigError> {
        let governor = &self.governor;
        let most = Rate::from_ppm(10_000_000);
        let sane = |gap: Rate| (Rate::ZERO..=most).contains(&gap);
        if !sane(governor.gap_floor) {
            return Err(ConfigError::new("governor.gap_floor", "must lie between 0 and 10"));
        }
        if let Some((symbol, _)) = governor.gaps.iter().find(|(_, gap)| !sane(*gap)) {
            let reason = format!("must lie between 0 and 10 for {symbol}");
            return Err(ConfigError::new("governor.gaps", reason));
        }
        if self.gate.min_liquidation_distance < Rate::ZERO {
            return Err(ConfigError::new("gate.min_liquidation_distance", "must not be negative"));
        }
        Ok(())
    }

    fn check_together(&self) -> Result<(), ConfigError> {
        let Self { switches, gate, exits, .. } = self;
        let wrong = |key, reason: &str| Err(ConfigError::new(key, reason));
        if switches.emergency < switches.drawdown {
            return wrong("switches.emergency", "must not be below switches.drawdown");
        }
        if gate.max_leverage > switches.leverage {
            return wrong("gate.max_leverage", "must not be above switches.leverage");
        }
        if gate.min_margin_ratio < switches.margin {
            return wrong("gate.min_margin_ratio", "must not be below switches.margin");
        }
        if exits.catastrophic_loss < exits.absolute_loss {
            return wrong("exits.catastrophic_loss", "must not be below exits.absolute_loss");
        }
        if exits.stop_distance >= switches.position_loss {
            return wrong("exits.stop_distance", "must be below switches.position_loss");
        }
        if exits.close_slippage > exits.max_close_slippage {
            return wrong("exits.close_slippage", "must not be above exits.max_close_slippage");
        }
        if exits.max_close_slippage > gate.exit_collar {
            return wrong("exits.max_close_slippage", "must not be above gate.exit_collar");
        }
        if gate.message_burst == 0 || gate.messages_per_second == 0 {
            return wrong("gate.message_burst", "message budget must be above zero");
        }
        if gate.message_reserve >= gate.message_burst {
            return wrong("gate.message_reserve", "must be below gate.message_burst");
        }
        if gate.max_open_orders == 0 || gate.max_open_orders > 900 {
            return wrong("gate.max_open_orders", "must lie between 1 and 900");
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
