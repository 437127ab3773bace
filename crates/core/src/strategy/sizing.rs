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
    /// So much that its value at risk (95 %, over the longest holding time, at the volatility of
    /// now) is this fraction of equity.
    VarFraction {
        /// Of equity.
        fraction: Rate,
    },
    /// So much that a day's standard deviation of the position is this fraction of equity.
    VolatilityTarget {
        /// Of equity, a day.
        daily: Rate,
    },
    /// A part of the Kelly fraction of an edge that is not known for sure. For returns of a unit
    /// position with mean μ and variance σ², log growth is greatest at μ ÷ σ² of equity (Kelly
    /// 1956, Thorp 2006). What is used: `share` × (μ − e) ÷ (σ² + e²), where e is the standard
    /// error of μ; nothing when e is not below μ.
    Kelly {
        /// Mean return of a trade, after costs.
        mean: Rate,
        /// Its standard deviation.
        deviation: Rate,
        /// The standard error of the mean.
        error: Rate,
        /// The part of it: at most one.
        share: Rate,
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
    /// Standard deviation of a day's return.
    pub daily_volatility: Rate,
    /// Value at risk of a position, as a fraction of its value.
    pub holding_var: Rate,
    /// What the learner says.
    pub multipliers: Multipliers,
}

/// `numerator` ÷ `denominator`; `None` when that is no rate.
fn ratio(numerator: Rate, denominator: Rate) -> Option<Rate> {
    let one = i128::from(Rate::ONE.parts());
    let parts = i128::from(numerator.parts()).saturating_mul(one);
    let parts = parts.checked_div(denominator.parts().into())?;
    i64::try_from(parts).ok().map(Rate::from_parts)
}

/// The Kelly fraction that is used, of equity. Zero when the edge is not certain enough.
fn kelly(mean: Rate, deviation: Rate, error: Rate, share: Rate) -> Rate {
    let sure = mean.minus(error);
    let variance = deviation.times(deviation).plus(error.times(error));
    if sure <= Rate::ZERO || variance <= Rate::ZERO {
        return Rate::ZERO;
    }
    ratio(sure, variance).unwrap_or(MOST).min(MOST).times(share)
}

/// No policy asks for more than a hundred times equity; the gate allows far less.
const MOST: Rate = Rate::from_ppm(100_000_000);

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
            Self::EquityFraction { fraction: rate }
            | Self::RiskFraction { fraction: rate }
            | Self::VarFraction { fraction: rate }
            | Self::VolatilityTarget { daily: rate } => rate > Rate::ZERO && rate <= MOST,
            Self::Kelly { mean, deviation, error, share } => {
                let known = deviation > Rate::ZERO && error >= Rate::ZERO && mean <= MOST;
                if !(known && (Rate::from_parts(1)..=Rate::ONE).contains(&share)) {
                    let reason = "kelly wants a deviation above zero, an error of at least zero and \
                                  a share above zero, at most one";
                    return Err(ConfigError::new("sizing", reason));
                }
                true
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
        let of_equity = |fraction: Rate| {
            instrument.qty_for(input.equity.at_rate(fraction.min(MOST)), input.price)
        };
        let lots = match *self {
            Self::Lots { lots } => lots,
            Self::Notional { value } => instrument.qty_for(value, input.price),
            Self::EquityFraction { fraction } => of_equity(fraction),
            Self::VarFraction { fraction } => {
                of_equity(ratio(fraction, input.holding_var).unwrap_or(Rate::ZERO))
            }
            Self::VolatilityTarget { daily } => {
                of_equity(ratio(daily, input.daily_volatility).unwrap_or(Rate::ZERO))
            }
            Self::Kelly { mean, deviation, error, share } => {
                of_equity(kelly(mean, deviation, error, share))
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
            trailing: None,
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
            daily_volatility: Rate::from_ppm(50_000),
            holding_var: Rate::from_ppm(10_000),
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
    fn volatility_and_value_at_risk_in_closed_form() {
        let sure = signal(1.0, None);
        let percent = |n: i64| Rate::from_ppm(n * 10_000);
        // 1 % a day of 1 000 at 5 % a day: 20 % of it, 200 USD.
        assert_eq!(size(Sizing::VolatilityTarget { daily: percent(1) }, &sure), 100);
        // 1 % of 1 000 at stake, 1 % of the value at risk: all of it.
        assert_eq!(size(Sizing::VarFraction { fraction: percent(1) }, &sure), 500);
    }

    #[test]
    fn kelly_in_closed_form_and_shrunk_by_its_uncertainty() {
        let ppm = Rate::from_ppm;
        let kelly = |mean, error, share| {
            let deviation = ppm(100_000);
            size(
                Sizing::Kelly { mean: ppm(mean), deviation, error: ppm(error), share: ppm(share) },
                &signal(1.0, None),
            )
        };
        // 1 % ÷ 10 %² = once equity, 500 lots at 2.0000; half of it; with an error of 0.5 %:
        // 0.5 % ÷ (1 % + 0.0025 %) = 0.49875.
        assert_eq!(kelly(10_000, 0, 1_000_000), 500);
        assert_eq!(kelly(10_000, 0, 500_000), 250);
        assert_eq!(kelly(10_000, 5_000, 1_000_000), 249);
        assert_eq!(kelly(10_000, 10_000, 1_000_000), 0, "no edge that one can be sure of");
        assert_eq!(kelly(-10_000, 0, 1_000_000), 0, "a losing game is not played");
        let share = ppm(1_000_001);
        let wild = Sizing::Kelly { mean: ppm(1), deviation: ppm(1), error: ppm(0), share };
        assert!(wild.check().is_err(), "more than full Kelly is refused");
    }

    #[test]
    fn an_unknown_volatility_gives_nothing() {
        let xrp = xrp();
        let input = SizingInput {
            instrument: &xrp,
            price: price(20_000),
            equity: Money::from_whole(1_000),
            stop_distance: Rate::from_ppm(20_000),
            daily_volatility: Rate::ZERO,
            holding_var: Rate::ZERO,
            multipliers: Multipliers::IDENTITY,
        };
        let sure = signal(1.0, None);
        for sizing in [
            Sizing::VolatilityTarget { daily: Rate::from_ppm(10_000) },
            Sizing::VarFraction { fraction: Rate::from_ppm(10_000) },
        ] {
            assert_eq!(sizing.size(&sure, &input).lots(), 0, "{sizing:?}");
        }
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
