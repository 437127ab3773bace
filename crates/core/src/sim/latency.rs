//! How long messages take.

use serde::{Deserialize, Serialize};

use crate::domain::{ConfigError, MINUTE, Random};

/// A model of how long a message takes, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Constant {
        /// Nanoseconds.
        ns: i64,
    },
    /// Between two bounds, every value as likely.
    Uniform {
        /// The shortest, in nanoseconds.
        min_ns: i64,
        /// The longest, in nanoseconds.
        max_ns: i64,
    },
    /// A shortest time plus an exponentially distributed rest, held to ten times its mean.
    Exponential {
        /// The shortest, in nanoseconds.
        min_ns: i64,
        /// The mean of what comes on top, in nanoseconds.
        mean_ns: i64,
    },
}

impl Latency {
    /// Check that the numbers make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when one is negative, above a minute, or the bounds are turned around.
    pub fn check(&self, key: &'static str) -> Result<(), ConfigError> {
        let (low, high) = match *self {
            Self::Constant { ns } => (ns, ns),
            Self::Uniform { min_ns, max_ns } => (min_ns, max_ns),
            Self::Exponential { min_ns, mean_ns } => (min_ns.min(mean_ns), min_ns.max(mean_ns)),
        };
        if low < 0 || high > MINUTE || low > high {
            return Err(ConfigError::new(key, "must rise and lie between 0 and 60 s"));
        }
        Ok(())
    }

    /// A draw.
    #[expect(clippy::cast_possible_truncation, reason = "held to ten minutes on the line before")]
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds below a minute are exact")]
    pub fn draw(&self, random: &mut Random) -> i64 {
        match *self {
            Self::Constant { ns } => ns,
            Self::Uniform { min_ns, max_ns } => {
                let width = max_ns.saturating_sub(min_ns).saturating_add(1).max(1);
                let extra = random.below(width.unsigned_abs());
                min_ns.saturating_add(i64::try_from(extra).unwrap_or(0))
            }
            Self::Exponential { min_ns, mean_ns } => {
                let mean = mean_ns as f64;
                let extra = random.exponential(mean).min(10.0 * mean);
                min_ns.saturating_add(extra as i64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut random = Random::new(3);
        let uniform = Latency::Uniform { min_ns: 5, max_ns: 9 };
        let exponential = Latency::Exponential { min_ns: 100, mean_ns: 50 };
        for _ in 0..1_000 {
            assert!((5..=9).contains(&uniform.draw(&mut random)));
            assert!((100..=600).contains(&exponential.draw(&mut random)));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Latency::Constant { ns: -1 }.check("latency").is_err());
        assert!(Latency::Uniform { min_ns: 9, max_ns: 5 }.check("latency").is_err());
        assert!(Latency::Constant { ns: i64::MAX }.check("latency").is_err());
    }
}
