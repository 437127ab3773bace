//! Decimal text to whole steps, exactly and fast.

use flyball_core::domain::{Decimal, DecimalError, Price, Qty};

/// 10^0 to 10^18.
const POWERS: [i64; 19] = {
    let mut powers = [1_i64; 19];
    let mut at = 1;
    while at < 19 {
        #[expect(clippy::indexing_slicing, reason = "constant")]
        {
            powers[at] = powers[at - 1] * 10;
            at += 1;
        }
    }
    powers
};

/// A number as it was written: `mantissa` × 10^−`decimals`, zeros at the end included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Number {
    mantissa: i64,
    decimals: u8,
}

impl Number {
    /// `mantissa` × 10^−`decimals`.
    pub const fn new(mantissa: i64, decimals: u8) -> Self {
        Self { mantissa, decimals }
    }

    /// All its digits as a whole number.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// How many of its digits stand behind the point.
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// Read a number such as `-12.50` or `6.1e-05`.
    ///
    /// # Errors
    ///
    /// [`DecimalError`], as [`Decimal::parse`] gives it.
    #[inline]
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        match Self::begin_long(text) {
            Some((number, [])) => Ok(number),
            _ => Self::parse_slowly(text),
        }
    }

    /// Read the digits and the point with which a text begins, and give what follows; `None` when
    /// there are more than fit whatever they are, or none.
    #[inline]
    pub(crate) fn begin(text: &[u8]) -> Option<(Self, &[u8])> {
        match Self::begin_short(text) {
            None => Self::begin_otherwise(text),
            short => short,
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_otherwise(text: &[u8]) -> Option<(Self, &[u8])> {
        Self::begin_long(text)
    }

    /// As `begin`: up to seven digits, a point, up to seven digits, in a text that goes on. Eight
    /// bytes at a time instead of one.
    #[inline]
    fn begin_short(text: &[u8]) -> Option<(Self, &[u8])> {
        let (whole, count) = digits(*text.first_chunk()?)?;
        let rest = text.get(count..)?;
        let [b'.', behind @ ..] = rest else {
            return (count > 0).then_some((Self { mantissa: whole, decimals: 0 }, rest));
        };
        let (fraction, decimals) = digits(*behind.first_chunk()?)?;
        if count == 0 && decimals == 0 {
            return None;
        }
        let mantissa = whole.wrapping_mul(*POWERS.get(decimals)?).wrapping_add(fraction);
        let decimals_u8 = u8::try_from(decimals).ok()?;
        Some((Self { mantissa, decimals: decimals_u8 }, behind.get(decimals..)?))
    }

    #[inline]
    fn begin_long(text: &[u8]) -> Option<(Self, &[u8])> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let (mut mantissa, mut point, mut behind, mut rest) = (0_i64, false, 0_u8, digits);
        while let [byte, after @ ..] = rest {
            match byte {
                b'0'..=b'9' => {
                    let digit = i64::from(byte.wrapping_sub(b'0'));
                    mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
                    behind = behind.wrapping_add(u8::from(point));
                }
                b'.' if !point => point = true,
                _ => break,
            }
            rest = after;
        }
        let length = digits.len().wrapping_sub(rest.len());
        if length > 18 || length <= usize::from(point) {
            return None;
        }
        let mantissa = if negative { mantissa.wrapping_neg() } else { mantissa };
        Some((Self { mantissa, decimals: behind }, rest))
    }

    #[cold]
    fn parse_slowly(text: &[u8]) -> Result<Self, DecimalError> {
        let decimal = Decimal::parse(text)?;
        Ok(Self { mantissa: decimal.units(), decimals: decimal.decimals() })
    }

    /// Decimals to which [`Number::parse_float_text`] rounds.
    pub const FLOAT_DECIMALS: u8 = 8;

    /// Read a number that some programme kept in a float before it was written, and whether it had
    /// to be rounded: `0.11244000000000001` is what a float makes of `0.11244`. A number within
    /// 10^-12 of a multiple of 10^-8 becomes that.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OffGrid`] when it has more than eight decimals and is not near eight;
    /// otherwise as [`Number::parse`].
    pub fn parse_float_text(text: &[u8]) -> Result<(Self, bool), DecimalError> {
        match Self::parse(text) {
            Ok(number) if number.reduced().decimals() <= Self::FLOAT_DECIMALS => {
                Ok((number, false))
            }
            Err(error @ DecimalError::Malformed { .. }) => Err(error),
            _ => {
                let units = artefact(text).ok_or(DecimalError::OffGrid)?;
                Ok((Self::new(units, Self::FLOAT_DECIMALS), true))
            }
        }
    }

    /// The same number in lowest terms.
    pub const fn reduced(self) -> Decimal {
        Decimal::new(self.mantissa, self.decimals)
    }

    /// How many units of 10^−`decimals` this is; digits behind are cut off.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OutOfRange`] when it does not fit.
    pub(crate) fn cut_to(self, decimals: u8) -> Result<i64, DecimalError> {
        let out = DecimalError::OutOfRange;
        let power = POWERS.get(usize::from(decimals.abs_diff(self.decimals))).ok_or(out)?;
        let cut = if decimals >= self.decimals {
            self.mantissa.checked_mul(*power)
        } else {
            self.mantissa.checked_div(*power)
        };
        cut.ok_or(out)
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reduced().fmt(f)
    }
}

/// The number that the digits at the beginning of eight bytes are, and how many they are; `None`
/// when all eight are digits: there may be more.
#[inline]
fn digits(bytes: [u8; 8]) -> Option<(i64, usize)> {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // What stands first is the lowest byte; digits become 0 to 9.
    let values = u64::from_le_bytes(bytes) ^ 0x3030_3030_3030_3030;
    // The highest bit of each byte that is above 9: 0x76 takes 10 to 0x80.
    let others = ((values & LOW).wrapping_add(0x7676_7676_7676_7676) | values) & !LOW;
    let count = others.trailing_zeros() >> 3;
    if count >= 8 {
        return None;
    }
    // The digits move to the end of the eight, zeros come before them: then pairs are put
    // together, pairs of pairs, and both halves.
    let aligned = (values << 8).wrapping_shl(56_u32.wrapping_sub(count << 3));
    let pairs = aligned.wrapping_mul(10).wrapping_add(aligned >> 8);
    let high = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let low = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    let number = high.wrapping_add(low) >> 32;
    Some((i64::from(u32::try_from(number).ok()?), usize::try_from(count).ok()?))
}

/// The steps in which prices or quantities of an instrument are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    step: Decimal,
}

impl Grid {
    /// The grid of this step: a tick size or a lot size.
    pub const fn new(step: Decimal) -> Self {
        Self { step }
    }

    /// The size of one step.
    pub const fn step(self) -> Decimal {
        self.step
    }

    /// How many steps a number is.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OffGrid`] if it is not a whole number of them.
    #[inline]
    pub fn steps(self, number: Number) -> Result<i64, DecimalError> {
        let away = usize::from(self.step.decimals().abs_diff(number.decimals));
        let Some(&power) = POWERS.get(away) else { return self.steps_slowly(number) };
        let scaled = if self.step.decimals() >= number.decimals {
            match number.mantissa.checked_mul(power) {
                Some(scaled) => scaled,
                None => return self.steps_slowly(number),
            }
        } else {
            exact_quotient(number.mantissa, power)?
        };
        if self.step.units() == 1 { Ok(scaled) } else { exact_quotient(scaled, self.step.units()) }
    }

    #[cold]
    fn steps_slowly(self, number: Number) -> Result<i64, DecimalError> {
        number.reduced().in_steps(self.step)
    }

    /// How many steps a number is, to the nearest one, halves to the even one. For numbers that a
    /// venue computes (mark prices) and people sum up (volumes): they need not lie on the grid.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OutOfRange`] if it does not fit.
    pub fn nearest(self, number: Number) -> Result<i64, DecimalError> {
        let decimals = self.step.decimals().max(number.decimals);
        let wide = |units: i64, from: u8| {
            let power = POWERS.get(usize::from(decimals.saturating_sub(from)))?;
            i128::from(units).checked_mul(i128::from(*power))
        };
        let out = DecimalError::OutOfRange;
        let units = wide(number.mantissa, number.decimals).ok_or(out)?;
        let step = wide(self.step.units(), self.step.decimals()).ok_or(out)?;
        i64::try_from(flyball_core::domain::div_round(units, step)).map_err(|_| out)
    }

    /// This many steps as a number, exactly.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OutOfRange`] if it does not fit.
    pub fn decimal(self, steps: i64) -> Result<Decimal, DecimalError> {
        let units = steps.checked_mul(self.step.units()).ok_or(DecimalError::OutOfRange)?;
        Ok(Decimal::new(units, self.step.decimals()))
    }

    /// A number as a price. Books hold orders at absurd prices (9 999 999 999 is a favourite), so
    /// [`Price::MAX`], the end of what is tradable, is no bound here: 2^62 is.
    ///
    /// # Errors
    ///
    /// [`DecimalError`] if it is off the grid or out of range.
    #[inline]
    pub fn price(self, number: Number) -> Result<Price, DecimalError> {
        let ticks = self.steps(number)?;
        if ticks.unsigned_abs() > 1 << 62 {
            return Err(DecimalError::OutOfRange);
        }
        Ok(Price::from_ticks(ticks))
    }

    /// A number as a quantity. Negative ones, and those beyond [`Qty::MAX`], are out of range.
    ///
    /// # Errors
    ///
    /// [`DecimalError`] if it is off the grid or out of range.
    #[inline]
    pub fn qty(self, number: Number) -> Result<Qty, DecimalError> {
        to_qty(self.steps(number)?)
    }

    /// A number as the nearest quantity.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OutOfRange`].
    pub fn nearest_qty(self, number: Number) -> Result<Qty, DecimalError> {
        to_qty(self.nearest(number)?)
    }
}

#[inline]
fn to_qty(lots: i64) -> Result<Qty, DecimalError> {
    let lots = u64::try_from(lots).map_err(|_| DecimalError::OutOfRange)?;
    let qty = Qty::from_lots(lots);
    if qty > Qty::MAX { Err(DecimalError::OutOfRange) } else { Ok(qty) }
}

#[inline]
fn exact_quotient(number: i64, by: i64) -> Result<i64, DecimalError> {
    if by <= 0 || number.checked_rem(by) != Some(0) {
        return Err(DecimalError::OffGrid);
    }
    number.checked_div(by).ok_or(DecimalError::OffGrid)
}

/// How close a float artefact must be to what it stands for: 10^-12.
const ARTEFACT_DECIMALS: u32 = 12;

/// Units of 10^-8 that a float artefact stands for.
fn artefact(text: &[u8]) -> Option<i64> {
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (text.get(..at)?, std::str::from_utf8(text.get(at.checked_add(1)?..)?).ok()?),
        None => (text, "0"),
    };
    let whole = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    let digits = mantissa.iter().filter(|&&byte| byte != b'.');
    let units = digits.clone().try_fold(0_i128, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
        sum.checked_mul(10)?.checked_add(i128::from(digit))
    })?;
    let behind = i32::try_from(digits.count().checked_sub(whole)?).ok()?;
    let decimals = u32::try_from(behind.checked_sub(exponent.parse().ok()?)?).ok()?;
    let finer = decimals.checked_sub(u32::from(Number::FLOAT_DECIMALS))?;
    let unit = 10_i128.checked_pow(finer)?;
    let nearest = units.checked_add(unit.checked_div(2)?)?.checked_div(unit)?;
    let away = nearest.checked_mul(unit)?.checked_sub(units)?.unsigned_abs();
    // away × 10^-decimals ≤ 10^-12
    let allowed = 10_u128.checked_pow(decimals.saturating_sub(ARTEFACT_DECIMALS))?;
    (decimals > ARTEFACT_DECIMALS && away <= allowed).then(|| i64::try_from(nearest).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(text: &[u8], step: Decimal) -> Result<i64, DecimalError> {
        Decimal::parse(text)?.in_steps(step)
    }

    fn ours(text: &[u8], step: Decimal) -> Result<i64, DecimalError> {
        Grid::new(step).steps(Number::parse(text)?)
    }

    #[test]
    fn counts_what_venues_write() {
        let grid = |units, decimals| Decimal::new(units, decimals);
        assert_eq!(ours(b"61837.63000000", grid(1, 2)), Ok(6_183_763));
        assert_eq!(ours(b"0.00000000", grid(1, 5)), Ok(0));
        assert_eq!(ours(b"6.076e-05", grid(1, 8)), Ok(6076));
        assert_eq!(ours(b"1.15", grid(5, 2)), Ok(23));
        assert_eq!(ours(b"1.16", grid(5, 2)), Err(DecimalError::OffGrid));
        assert_eq!(ours(b"61837.631", grid(1, 2)), Err(DecimalError::OffGrid));
        assert_eq!(ours(b"350", grid(50, 0)), Ok(7));
    }

    #[test]
    fn eight_bytes_at_a_time_give_what_one_gives() {
        let tails =
            ["", "\"", "\"}}", "\",\"sz\":\"0.1\"", "e5 and more than eight", "-1234567890"];
        let texts = [
            "0",
            "7",
            "1234567",
            "12345678",
            "123456789012345678",
            "105055.0",
            "0.00001",
            "12.",
            ".5",
            ".",
            "",
            "1.2.3",
            "1234567.1234567",
            "1234567.12345678",
            "00000001.10",
            "/9",
            ":",
        ];
        for text in texts {
            for tail in tails {
                let whole = format!("{text}{tail}");
                let found = Number::begin(whole.as_bytes());
                assert_eq!(found, Number::begin_long(whole.as_bytes()), "{whole}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let grid = Grid::new(Decimal::new(1, 8));
        let number = |text: &[u8]| Number::parse(text).unwrap();
        assert!(grid.price(number(b"9999999999")).is_ok(), "somebody's joke, but an order");
        assert!(grid.price(number(b"50000000000")).is_err());
        assert!(grid.qty(number(b"-1")).is_err());
        assert!(grid.qty(number(b"100000000")).is_err());
        assert_eq!(grid.qty(number(b"0.5")).unwrap().lots(), 50_000_000);
    }

    #[test]
    fn a_mark_price_goes_to_the_nearest_tick() {
        let grid = Grid::new(Decimal::new(1, 1));
        let nearest = |text: &[u8]| grid.nearest(Number::parse(text).unwrap());
        assert_eq!(nearest(b"106612.16617391"), Ok(1_066_122));
        assert_eq!(nearest(b"0.25"), Ok(2));
        assert_eq!(nearest(b"0.35"), Ok(4));
        assert_eq!(nearest(b"3"), Ok(30));
    }

    #[test]
    fn float_artefacts_become_what_was_meant() {
        let cases: [(&str, i64, u8, bool); 9] = [
            ("0.11244000000000001", 11_244_000, 8, true),
            ("0.9009999999999999", 90_100_000, 8, true),
            ("0.10099999999999999", 10_100_000, 8, true),
            ("0.00031099999999999997", 31_100, 8, true),
            ("7.000000000000001e-05", 7000, 8, true),
            ("7.032e-05", 7032, 8, false),
            ("1.14e-06", 114, 8, false),
            ("25705.001", 25_705_001, 3, false),
            ("0.0", 0, 1, false),
        ];
        for (text, mantissa, decimals, rounded) in cases {
            let expected = (Number::new(mantissa, decimals), rounded);
            assert_eq!(Number::parse_float_text(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_number_that_is_really_finer_is_refused() {
        for text in
            ["0.123456785", "0.12345678001", "0.12345678000200", "x", "", "-0.1124400000001"]
        {
            assert!(Number::parse_float_text(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn eight_bytes_of_anything_give_what_one_gives(
            text in "[0-9]{0,9}[.0-9:/]{0,2}[0-9]{0,9}[^a]{0,9}",
        ) {
            let bytes = text.as_bytes();
            prop_assert_eq!(Number::begin(bytes), Number::begin_long(bytes));
        }

        #[test]
        fn agrees_with_the_exact_decimal(
            text in "-?[0-9]{0,21}(\\.[0-9]{0,20})?(e-?[0-9]{1,2})?",
            units in prop_oneof![Just(1_i64), Just(5), Just(25), 1_i64..1000],
            decimals in 0_u8..12,
        ) {
            let step = Decimal::new(units, decimals);
            prop_assert_eq!(ours(text.as_bytes(), step), naive(text.as_bytes(), step));
        }

        #[test]
        fn steps_become_the_number_that_they_are(
            steps in -1_000_000_000_000_i64..1_000_000_000_000,
            units in 1_i64..1000,
            decimals in 0_u8..12,
        ) {
            let grid = Grid::new(Decimal::new(units, decimals));
            prop_assert_eq!(grid.decimal(steps).unwrap().in_steps(grid.step()), Ok(steps));
        }

        #[test]
        fn any_bytes_give_a_number_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            prop_assert_eq!(
                Number::parse(&bytes).map(Number::reduced).is_ok(),
                Decimal::parse(&bytes).is_ok()
            );
        }
    }
}
