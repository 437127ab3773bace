//! Decimal text to whole numbers, exactly, with no float in between.

use serde::{Deserialize, Serialize};

/// Why a text is not the number that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// The text holds something that is not part of a decimal number.
    #[error("not a decimal number (at byte {at})")]
    Malformed {
        /// Where reading stopped.
        at: usize,
    },
    /// The number has more decimals than can be kept.
    #[error("more than {decimals} decimals")]
    TooPrecise {
        /// Decimals that can be kept.
        decimals: u8,
    },
    /// The number is not a whole multiple of the step.
    #[error("not a multiple of the step")]
    OffGrid,
    /// The number does not fit.
    #[error("out of range")]
    OutOfRange,
}

/// A decimal number: `units` × 10^−`decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decimal {
    units: i64,
    decimals: u8,
}

const MAX_DECIMALS: u8 = 18;

impl Decimal {
    /// `units` × 10^−`decimals`, in lowest terms. More than 18 decimals are cut to 18.
    pub const fn new(units: i64, decimals: u8) -> Self {
        let mut units = units;
        let mut decimals = if decimals > MAX_DECIMALS { MAX_DECIMALS } else { decimals };
        while decimals > 0 && units.wrapping_rem(10) == 0 {
            units = units.wrapping_div(10);
            decimals = decimals.wrapping_sub(1);
        }
        Self { units, decimals }
    }

    /// The whole number of units.
    pub const fn units(self) -> i64 {
        self.units
    }

    /// How many decimals the units carry.
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// Read a number such as `-12.50` or `6.1e-05`, exactly.
    ///
    /// # Errors
    ///
    /// [`DecimalError::Malformed`] or, beyond 18 decimals or 18 digits, `TooPrecise`, `OutOfRange`.
    ///
    /// ```
    /// use flyball_core::domain::Decimal;
    /// assert_eq!(Decimal::parse(b"1.21400000"), Ok(Decimal::new(1214, 3)));
    /// assert_eq!(Decimal::parse(b"6.1e-05"), Ok(Decimal::new(61, 6)));
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let digits = Digits::read(text)?;
        let mut units = digits.mantissa;
        let mut decimals = digits.decimals.saturating_sub(digits.exponent);
        while decimals > 0 && units.wrapping_rem(10) == 0 {
            units = units.wrapping_div(10);
            decimals = decimals.saturating_sub(1);
        }
        while decimals < 0 {
            units = units.checked_mul(10).ok_or(DecimalError::OutOfRange)?;
            decimals = decimals.saturating_add(1);
        }
        let decimals =
            u8::try_from(decimals).map_err(|_| DecimalError::TooPrecise { decimals: 18 })?;
        if decimals > MAX_DECIMALS {
            return Err(DecimalError::TooPrecise { decimals: MAX_DECIMALS });
        }
        Ok(Self { units, decimals })
    }

    /// This number in units of 10^−`decimals`.
    ///
    /// # Errors
    ///
    /// [`DecimalError::TooPrecise`] if digits would be lost, `OutOfRange` if it does not fit.
    pub fn at_scale(self, decimals: u8) -> Result<i64, DecimalError> {
        let Some(missing) = decimals.checked_sub(self.decimals) else {
            return Err(DecimalError::TooPrecise { decimals });
        };
        let factor = 10_i64.checked_pow(u32::from(missing)).ok_or(DecimalError::OutOfRange)?;
        self.units.checked_mul(factor).ok_or(DecimalError::OutOfRange)
    }

    /// How many `step`s this number is.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OffGrid`] if it is not a whole number of them.
    pub fn in_steps(self, step: Self) -> Result<i64, DecimalError> {
        if step.units <= 0 {
            return Err(DecimalError::OffGrid);
        }
        let decimals = self.decimals.max(step.decimals);
        let (units, step) = (self.wide(decimals)?, step.wide(decimals)?);
        if units.checked_rem(step) != Some(0) {
            return Err(DecimalError::OffGrid);
        }
        let steps = units.checked_div(step).ok_or(DecimalError::OffGrid)?;
        i64::try_from(steps).map_err(|_| DecimalError::OutOfRange)
    }

    fn wide(self, decimals: u8) -> Result<i128, DecimalError> {
        let missing = u32::from(decimals.saturating_sub(self.decimals));
        let factor = 10_i128.checked_pow(missing).ok_or(DecimalError::OutOfRange)?;
        i128::from(self.units).checked_mul(factor).ok_or(DecimalError::OutOfRange)
    }

    /// The number as a float, for people and features.
    #[expect(clippy::cast_precision_loss, reason = "a view for people")]
    pub fn to_f64(self) -> f64 {
        self.units as f64 / libm::pow(10.0, f64::from(self.decimals))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let text = format!(
            "{:0>1$}",
            self.units.unsigned_abs(),
            usize::from(self.decimals).saturating_add(1)
        );
        let (whole, part) = text.split_at(text.len().saturating_sub(usize::from(self.decimals)));
        if part.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{part}") }
    }
}

struct Digits {
    mantissa: i64,
    decimals: i32,
    exponent: i32,
}

impl Digits {
    fn read(text: &[u8]) -> Result<Self, DecimalError> {
        let malformed = |at| DecimalError::Malformed { at };
        let (negative, mut at) = match text.first() {
            Some(b'-') => (true, 1),
            Some(b'+') => (false, 1),
            _ => (false, 0),
        };
        let (mut mantissa, mut decimals, mut seen, mut point) = (0_i64, 0_i32, false, false);
        let mut exponent = 0_i32;
        while let Some(&byte) = text.get(at) {
            match byte {
                b'0'..=b'9' => {
                    let digit = i64::from(byte.wrapping_sub(b'0'));
                    mantissa = mantissa
                        .checked_mul(10)
                        .and_then(|m| m.checked_add(digit))
                        .ok_or(DecimalError::OutOfRange)?;
                    decimals = decimals.saturating_add(i32::from(point));
                    seen = true;
                }
                b'.' if !point => point = true,
                b'e' | b'E' if seen => {
                    let rest = text.get(at.saturating_add(1)..).unwrap_or_default();
                    exponent = std::str::from_utf8(rest)
                        .ok()
                        .and_then(|rest| rest.parse::<i16>().ok())
                        .map(i32::from)
                        .ok_or(malformed(at))?;
                    break;
                }
                _ => return Err(malformed(at)),
            }
            at = at.saturating_add(1);
        }
        if !seen {
            return Err(malformed(at));
        }
        if negative {
            mantissa = mantissa.saturating_neg();
        }
        Ok(Self { mantissa, decimals, exponent })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_venues_write() {
        let cases: [(&[u8], i64, u8); 8] = [
            (b"63943.90", 639_439, 1),
            (b"0.00000000", 0, 0),
            (b"105055.0", 105_055, 0),
            (b"-0.0001027637", -1_027_637, 10),
            (b"6.076e-05", 6076, 8),
            (b"1e3", 1000, 0),
            (b".5", 5, 1),
            (b"7.", 7, 0),
        ];
        for (text, units, decimals) in cases {
            let read = Decimal::parse(text).unwrap();
            assert_eq!((read.units, read.decimals), (units, decimals), "{text:?}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_number() {
        for text in [&b""[..], b"-", b".", b"nan", b"inf", b"1.2.3", b"0x10", b"1e", b"e5", b"1 "] {
            assert!(
                matches!(Decimal::parse(text), Err(DecimalError::Malformed { .. })),
                "{text:?}"
            );
        }
        assert_eq!(Decimal::parse(b"99999999999999999999"), Err(DecimalError::OutOfRange));
        assert!(Decimal::parse(b"1e-30").is_err());
        assert!(Decimal::parse(b"1e300").is_err());
    }

    #[test]
    fn a_price_off_the_grid_is_an_error_and_never_rounded() {
        let tick = Decimal::parse(b"0.05").unwrap();
        assert_eq!(Decimal::parse(b"1.15").unwrap().in_steps(tick), Ok(23));
        assert_eq!(Decimal::parse(b"1.16").unwrap().in_steps(tick), Err(DecimalError::OffGrid));
    }

    proptest! {
        #[test]
        fn text_and_number_agree(units in -1_000_000_000_000_i64..1_000_000_000_000, decimals in 0_u8..12) {
            let number = Decimal::new(units, decimals);
            prop_assert_eq!(Decimal::parse(number.to_string().as_bytes()).unwrap(), number);
        }

        #[test]
        fn any_bytes_give_a_number_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Decimal::parse(&bytes);
        }
    }
}
