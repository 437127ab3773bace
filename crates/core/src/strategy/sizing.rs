//! How large a signal becomes. A policy only ever chooses below what risk allows: the gate's
//! headroom cuts whatever it says.

use serde::{Deserialize, Serialize};

use crate::domain::{ConfigError, Instrument, Money, Price, Qty, Rate, Signal};

/// What a learner may do to a decision. Identity until one is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multipliers {
    /// The size is multiplied by it: 0 to 1.
    pub size: Rate,
}

impl Multipliers {
    /// No influence at all.
    pub const IDENTITY: Self = Self { size: Rate::ONE };
}

/// A sizing policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sizing {
    /// Always this many lots.
    Lots {
        /// Lots.
        lots: Qty,
    },
    /// Always worth this much.
    Notional {
        /// Settlement currency.
        value: Money,
    },
    /// Worth this fraction of equity.
    EquityFraction {
        /// Of equity.
        fraction: Rate,
    },
    /// So much that the way to the stop costs this fraction of equity.
    RiskFraction {
        /// Of equity.
        fraction: Rate,
    },
}

/// What sizing knows.
#[derive(Clone, Copy, Debug)]
pub struct SizingInput<'a> {
    /// What is traded.
    pub instrument: &'a Instrument,
    /// Where the entry would trade.
    pub price: Price,
    /// What the account is worth.
    pub equity: Money,
    /// Where a position without a stop of its own is stopped, as a fraction of the price.
    pub stop_distance: Rate,
    /// What the learner says.
    pub multipliers: Multipliers,
}

impl Sizing {
    /// Check that the numbers make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when one is not above zero.
    pub fn check(&self) -> Result<(), ConfigError> {
        let good = match *self {
            Self::Lots { lots } => !lots.is_zero() && lots <= Qty::MAX,
            Self::Notional { value } => value > Money::ZERO && !value.is_unknown(),
            Self::EquityFraction { fraction } | Self::RiskFraction { fraction } => {
                fraction > Rate::ZERO && fraction <= Rate::from_ppm(100_000_000)
            }
        };
        if good {
            return Ok(());
        }
        Err(ConfigError::new("sizing", "the size must be above zero, a fraction at most 100"))
    }

    /// Lots for a signal, before the gate. Zero when something is unknown or the confidence is not
    /// a number from 0 to 1.
    pub fn size(&self, signal: &Signal, input: &SizingInput<'_>) -> Qty {
        let Some(confidence) = Rate::from_f64(signal.confidence) else { return Qty::ZERO };
        let known = !input.equity.is_unknown() && input.price.is_tradable();
        if !known || confidence < Rate::ZERO || confidence > Rate::ONE {
            return Qty::ZERO;
        }
        let instrument = input.instrument;
        let lots = match *self {
            Self::Lots { lots } => lots,
            Self::Notional { value } => instrument.qty_for(value, input.price),
            Self::EquityFraction { fraction } => {
                instrument.qty_for(input.equity.at_rate(fraction), input.price)
            }
            Self::RiskFraction { fraction } => {
                let distance = distance(signal, input);
                let risked = input.equity.at_rate(fraction);
                let value = risked.scaled(Rate::ONE.parts().into(), distance.parts().into());
                instrument.qty_for(value, input.price)
            }
        };
        let share = confidence.times(input.multipliers.size);
        let scaled = Money::from_units(i128::from(lots.lots())).at_rate(share);
        Qty::from_lots(u64::try_from(scaled.units()).unwrap_or(0)).min(lots)
    }
}

/// How far the stop is, as a fraction of the price; at least a ten-thousandth.
fn distance(signal: &Signal, input: &SizingInput<'_>) -> Rate {
    let far = signal.stop.map(|stop| {
        let ticks = i128::from(stop.distance(input.price));
        Money::from_units(ticks).fraction_of(Money::from_units(input.price.ticks().into()))
    });
    let own = far.flatten().unwrap_or(input.stop_distance);
    own.min(input.stop_distance).max(Rate::from_ppm(100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Direction;
    use crate::testing::{price, qty, xrp};

    fn signal(confidence: f64, stop: Option<i64>) -> Signal {
        Signal {
            direction: Direction::Long,
            confidence,
            stop: stop.map(price),
            take_profit: None,
            max_holding_ns: None,
        }
    }

    fn size(sizing: Sizing, signal: &Signal) -> u64 {
        let xrp = xrp();
        let input = SizingInput {
            instrument: &xrp,
            price: price(20_000),
            equity: Money::from_whole(1_000),
            stop_distance: Rate::from_ppm(20_000),
            multipliers: Multipliers::IDENTITY,
        };
        sizing.size(signal, &input).lots()
    }

    #[test]
    fn each_policy_in_closed_form() {
        let sure = signal(1.0, None);
        assert_eq!(size(Sizing::Lots { lots: qty(7) }, &sure), 7);
        assert_eq!(size(Sizing::Notional { value: Money::from_whole(100) }, &sure), 50);
        let tenth = Rate::from_ppm(100_000);
        assert_eq!(size(Sizing::EquityFraction { fraction: tenth }, &sure), 50);
        // 1 % of 1 000 is 10; a stop 1 % away (0.02) costs 10 at 500 lots.
        let percent = Rate::from_ppm(10_000);
        let near = signal(1.0, Some(19_800));
        assert_eq!(size(Sizing::RiskFraction { fraction: percent }, &near), 500);
        // Without a stop the profile's 2 % counts.
        assert_eq!(size(Sizing::RiskFraction { fraction: percent }, &sure), 250);
    }

    #[test]
    fn confidence_scales_and_nonsense_gives_nothing() {
        let lots = Sizing::Lots { lots: qty(100) };
        assert_eq!(size(lots, &signal(0.25, None)), 25);
        for confidence in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
            assert_eq!(size(lots, &signal(confidence, None)), 0, "{confidence}");
        }
    }

    #[test]
    fn policies_without_size_are_refused() {
        assert!(Sizing::Lots { lots: Qty::ZERO }.check().is_err());
        assert!(Sizing::EquityFraction { fraction: Rate::ZERO }.check().is_err());
        assert!(Sizing::Notional { value: Money::from_whole(-1) }.check().is_err());
    }
}
