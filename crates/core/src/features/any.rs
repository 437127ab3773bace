//! All features, and how to get one by its name.

use serde::{Deserialize, Serialize};

use super::about::nearest;
use super::{About, Feature, Input};
use crate::domain::{Bar, ConfigError};

macro_rules! features {
    ($($module:ident :: $name:ident,)*) => {
        $(pub use super::$module::$name;)*

        /// Any one of the features, without a heap allocation to call through.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub enum AnyFeature {
            $(#[doc = concat!("A [`", stringify!($name), "`].")] $name($name),)*
        }

        /// What every feature says of itself, in alphabetical order.
        pub const FEATURES: &[About] = &[$($name::ABOUT,)*];

        impl AnyFeature {
            /// The feature of this name, with these parameters.
            ///
            /// # Errors
            ///
            /// [`ConfigError`] that names the feature or the parameter that is unknown, missing or
            /// out of range, and the nearest that would be right.
            pub fn new(name: &str, parameters: &[(&str, f64)]) -> Result<Self, ConfigError> {
                $(if name == $name::ABOUT.name {
                    let values = $name::ABOUT.check(parameters)?;
                    return Ok(Self::$name($name::new(&values)));
                })*
                Err(unknown(name))
            }

            /// Take in bars with their ends, one after the other, and tell the value after each.
            pub(crate) fn follow(
                &mut self,
                bars: impl Iterator<Item = (Bar, i64)>,
                mut tell: impl FnMut(f64),
            ) {
                match self {
                    $(Self::$name(feature) => for (bar, time_ns) in bars {
                        feature.update(&Input::Bar { bar: &bar, time_ns });
                        tell(feature.value());
                    },)*
                }
            }

            /// What it says of itself.
            pub const fn about(&self) -> &'static About {
                match self {
                    $(Self::$name(_) => &$name::ABOUT,)*
                }
            }
        }

        impl Feature for AnyFeature {
            #[inline]
            fn update(&mut self, input: &Input<'_>) {
                match self {
                    $(Self::$name(feature) => feature.update(input),)*
                }
            }

            #[inline]
            fn value(&self) -> f64 {
                match self {
                    $(Self::$name(feature) => feature.value(),)*
                }
            }
        }
    };
}

features! {
    atr::Atr,
    donchian_high::DonchianHigh,
    donchian_low::DonchianLow,
    ema::Ema,
    ema_mid::EmaMid,
    imbalance::Imbalance,
    microprice::Microprice,
    mid::Mid,
    order_flow_imbalance::OrderFlowImbalance,
    return_mid::ReturnMid,
    rsi::Rsi,
    sma::Sma,
    spread::Spread,
    trade_imbalance::TradeImbalance,
    volatility_close::VolatilityClose,
    volatility_ewma::VolatilityEwma,
    volatility_garman_klass::VolatilityGarmanKlass,
    volatility_mid::VolatilityMid,
    volatility_parkinson::VolatilityParkinson,
    volatility_yang_zhang::VolatilityYangZhang,
    vwap::Vwap,
    zscore::Zscore,
}

#[cold]
fn unknown(name: &str) -> ConfigError {
    let near = nearest(name, FEATURES.iter().map(|about| about.name)).unwrap_or_default();
    ConfigError::new("feature", format!("{name:?} is not a feature; the nearest is {near:?}"))
}
