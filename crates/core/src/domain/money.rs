//! Amounts of the settlement currency, and rates. Never a float.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::domain::wide::{compare_products, mul_div_round};

/// `numerator / denominator` to the nearest integer, ties to even. Zero when the denominator is
/// zero: callers that could meet that case test for it first.
pub const fn div_round(numerator: i128, denominator: i128) -> i128 {
    let (size, by) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    if by == 0 {
        return 0;
    }
    // One step of 64 bits, where that is enough, is quicker than one of 128.
    #[expect(clippy::arithmetic_side_effects, reason = "`by` is not zero")]
    #[expect(clippy::cast_possible_truncation, reason = "nothing above is set")]
    let (quotient, remainder) = if (size | by) >> 64 == 0 {
        let (size, by) = (size as u64, by as u64);
        ((size / by) as u128, (size % by) as u128)
    } else {
        (size / by, size % by)
    };
    let twice = remainder.saturating_mul(2);
    let away = twice > by || (twice == by && quotient & 1 == 1);
    let rounded = quotient.saturating_add(away as u128);
    let signed = if (numerator < 0) == (denominator < 0) {
        0_i128.checked_add_unsigned(rounded)
    } else {
        0_i128.checked_sub_unsigned(rounded)
    };
    match signed {
        Some(signed) => signed,
        None => 0,
    }
}

/// `units` × `parts` / 10¹² to the nearest integer, ties to even: what [`div_round`] gives, for two
/// factors whose product always fits.
#[inline]
fn parts_of(units: i64, parts: i64) -> i128 {
    const ONE: u64 = Rate::ONE.0.unsigned_abs();
    // 10¹² is 2¹² × 5¹².
    const ODD: u64 = 244_140_625;
    let product = i128::from(units).wrapping_mul(i128::from(parts));
    let size = product.unsigned_abs();
    // By 2¹², then by 5¹² in two steps of 64 bits, which is quicker than one of 128. The rest of the
    // first is below 2²⁸.
    let (high, low) = (size >> 44, (size >> 12) & 0xffff_ffff);
    #[expect(clippy::cast_possible_truncation, reason = "a size is at most 2¹²⁶, this 2⁸²")]
    let quotient = if high > u128::from(u64::MAX) {
        size.checked_div(u128::from(ONE)).unwrap_or(0)
    } else {
        let (first, rest) = (high as u64 / ODD, high as u64 % ODD);
        let second = ((rest << 32) | low as u64) / ODD;
        (u128::from(first) << 32) | u128::from(second)
    };
    // Below ONE, so that the low halves are enough.
    #[expect(clippy::cast_possible_truncation, reason = "the difference fits")]
    let remainder = (size as u64).wrapping_sub((quotient as u64).wrapping_mul(ONE));
    let twice = remainder.wrapping_mul(2);
    let away = twice > ONE || (twice == ONE && quotient & 1 == 1);
    let nearest = quotient.wrapping_add(u128::from(away));
    // At most 2¹²⁶ ÷ 10¹².
    let nearest = i128::try_from(nearest).unwrap_or(i128::MAX);
    if product < 0 { nearest.wrapping_neg() } else { nearest }
}

/// Whether both are from −2¹²⁶ to below 2¹²⁶, so that neither is an unknown amount, and neither their
/// sum nor their difference leaves `i128`.
#[inline]
const fn moderate(a: i128, b: i128) -> bool {
    const HALF: i64 = 1 << 62;
    let (a, b) = ((a >> 64) as i64, (b >> 64) as i64);
    (a.wrapping_add(HALF) | b.wrapping_add(HALF)) >= 0
}

/// An amount of the account's settlement currency, counted in units of 10⁻¹⁰.
///
/// Arithmetic that leaves `i128`, or takes in an [unknown] amount, gives an unknown amount. With
/// prices, quantities and tick values held to their own limits no real account comes near that.
/// Unknown is never safe.
///
/// [unknown]: Money::is_unknown
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct Money(i128);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Decimals that a unit of money keeps.
    pub const DECIMALS: u8 = 10;
    /// Units in one whole unit of the settlement currency.
    pub const ONE: Self = Self(10_000_000_000);
    /// An amount that is not known. It compares above every amount, so that no limit on a loss is
    /// ever satisfied by it; whoever reads an amount asks [`Money::is_unknown`] first.
    pub const UNKNOWN: Self = Self(i128::MAX);

    /// An amount of `units` × 10⁻¹⁰.
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// An amount of `whole` units of the currency.
    pub const fn from_whole(whole: i64) -> Self {
        Self((whole as i128).wrapping_mul(Self::ONE.0))
    }

    /// This amount in units of 10⁻¹⁰.
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Whether arithmetic ran out of range on the way to this amount.
    pub const fn is_unknown(self) -> bool {
        self.0 == i128::MAX || self.0 == i128::MIN
    }

    /// The sum.
    #[must_use]
    #[inline]
    pub const fn plus(self, other: Self) -> Self {
        if moderate(self.0, other.0) {
            return Self(self.0.wrapping_add(other.0));
        }
        match self.0.checked_add(other.0) {
            Some(sum) if !self.is_unknown() && !other.is_unknown() => Self(sum),
            _ => Self::UNKNOWN,
        }
    }

    /// The difference.
    #[must_use]
    #[inline]
    pub const fn minus(self, other: Self) -> Self {
        if moderate(self.0, other.0) {
            return Self(self.0.wrapping_sub(other.0));
        }
        match self.0.checked_sub(other.0) {
            Some(difference) if !self.is_unknown() && !other.is_unknown() => Self(difference),
            _ => Self::UNKNOWN,
        }
    }

    /// The amount with its sign turned.
    #[must_use]
    #[inline]
    pub const fn negated(self) -> Self {
        Self::ZERO.minus(self)
    }

    /// The amount without its sign.
    #[must_use]
    #[inline]
    pub const fn abs(self) -> Self {
        if self.0 < 0 { self.negated() } else { self }
    }

    /// The amount × `rate`, to the nearest unit, ties to even.
    #[must_use]
    #[inline]
    pub fn at_rate(self, rate: Rate) -> Self {
        if let Ok(units) = i64::try_from(self.0) {
            return Self(parts_of(units, rate.0));
        }
        self.scaled(i128::from(rate.0), i128::from(Rate::ONE.0))
    }

    /// Whether the amount × `share` is at most `whole` × `limit`, both as [`Money::at_rate`] rounds
    /// them. Of what is unknown nothing is.
    #[must_use]
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called, it takes twice as long")]
    pub fn within(self, share: Rate, whole: Self, limit: Rate) -> bool {
        if let (Ok(part), Ok(units)) = (i64::try_from(self.0), i64::try_from(whole.0)) {
            let exact = |units: i64, rate: Rate| i128::from(units).wrapping_mul(i128::from(rate.0));
            // Rounding never turns an order around: what holds exactly holds rounded.
            if exact(part, share) <= exact(units, limit) {
                return true;
            }
        }
        self.within_rounded(share, whole, limit)
    }

    #[cold]
    fn within_rounded(self, share: Rate, whole: Self, limit: Rate) -> bool {
        let (part, most) = (self.at_rate(share), whole.at_rate(limit));
        !part.is_unknown() && !most.is_unknown() && part <= most
    }

    /// The amount × `numerator` / `denominator`, to the nearest unit, ties to even.
    #[must_use]
    pub fn scaled(self, numerator: i128, denominator: i128) -> Self {
        if self.is_unknown() || denominator == 0 {
            return Self::UNKNOWN;
        }
        match self.0.checked_mul(numerator) {
            Some(product) => Self(div_round(product, denominator)),
            None => mul_div_round(self.0, numerator, denominator).map_or(Self::UNKNOWN, Self),
        }
    }

    /// `self` ÷ `whole` against `other` ÷ `other_whole`, exactly. Both wholes are above zero.
    pub fn compare_shares(self, whole: Self, other: Self, other_whole: Self) -> Ordering {
        let (left, right) = (self.0.checked_mul(other_whole.0), other.0.checked_mul(whole.0));
        match (left, right) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => compare_products(self.0, other_whole.0, other.0, whole.0),
        }
    }

    /// This amount as a fraction of `whole`, rounded to nearest; `None` when `whole` is not above
    /// zero or the fraction leaves the range of a [`Rate`].
    pub fn fraction_of(self, whole: Self) -> Option<Rate> {
        if whole.0 <= 0 || self.is_unknown() || whole.is_unknown() {
            return None;
        }
        let parts = self.scaled(i128::from(Rate::ONE.0), whole.0);
        i64::try_from(parts.0).ok().map(Rate)
    }

    /// The amount as a float, for people and plots: never for decisions about money.
    #[expect(clippy::cast_precision_loss, reason = "a view for people")]
    pub fn to_f64(self) -> f64 {
        if self.is_unknown() { f64::NAN } else { self.0 as f64 / Self::ONE.0 as f64 }
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_unknown() {
            return f.write_str("unknown");
        }
        let size = self.0.unsigned_abs();
        let one = Self::ONE.0.unsigned_abs();
        let whole = size.checked_div(one).unwrap_or(0);
        let part = size.checked_rem(one).unwrap_or(0);
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = format!("{part:010}");
        let text = text.trim_end_matches('0');
        let text = if text.len() < 2 { format!("{text:0<2}") } else { text.to_owned() };
        write!(f, "{sign}{whole}.{text}")
    }
}

/// A dimensionless number (a fee, a funding rate, a limit), counted in parts of 10⁻¹².
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct Rate(i64);

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest: what is infinitely far.
    pub const MAX: Self = Self(i64::MAX);
    /// The number one: 100 %, or one times.
    pub const ONE: Self = Self(1_000_000_000_000);
    /// Decimals that a rate keeps.
    pub const DECIMALS: u8 = 12;

    /// A rate of `parts` × 10⁻¹².
    pub const fn from_parts(parts: i64) -> Self {
        Self(parts)
    }

    /// A rate of `ppm` millionths: 50 000 is 5 %.
    pub const fn from_ppm(ppm: i64) -> Self {
        Self(ppm.saturating_mul(1_000_000))
    }

    /// This rate in parts of 10⁻¹².
    pub const fn parts(self) -> i64 {
        self.0
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This rate × another, to the nearest part.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let parts = parts_of(self.0, other.0);
        Self(i64::try_from(parts).unwrap_or(if parts < 0 { i64::MIN } else { i64::MAX }))
    }

    /// The nearest rate to a float that lies in −1000..=1000; `None` for NaN and the rest.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked on the line above")]
    #[expect(clippy::cast_precision_loss, reason = "10^12 is exact in a double")]
    pub fn from_f64(value: f64) -> Option<Self> {
        if !(-1000.0..=1000.0).contains(&value) {
            return None;
        }
        Some(Self(libm::rint(value * Self::ONE.0 as f64) as i64))
    }

    /// The rate as a float, for people, plots and features.
    #[expect(clippy::cast_precision_loss, reason = "a view for people")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::ONE.0 as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quotient_is_the_same_in_64_bits_and_in_128(
            numerator in any::<i64>(), denominator in any::<i64>(), shift in 0..63, by in 0..63,
        ) {
            let (numerator, denominator) = (numerator >> shift, denominator >> by);
            let [n, d] = [numerator, denominator].map(i128::from);
            prop_assert_eq!(div_round(n, d), div_round(n << 64, d << 64));
            if d != 0 {
                let twice = 2 * (div_round(n, d) * d - n);
                prop_assert!(twice.abs() <= d.abs(), "to the nearest");
                prop_assert!(twice.abs() < d.abs() || div_round(n, d) % 2 == 0, "ties to even");
            }
        }

        #[test]
        fn a_rate_of_an_amount_is_the_product_divided_once(
            units in any::<i64>(),
            parts in any::<i64>(),
            tie in -1_000_000_i64..1_000_000,
        ) {
            let one = i128::from(Rate::ONE.0);
            let product = |units: i64, parts: i64| i128::from(units) * i128::from(parts);
            for shift in 0..63 {
                let (units, parts) = (units >> shift, parts >> (shift / 2));
                prop_assert_eq!(parts_of(units, parts), div_round(product(units, parts), one));
            }
            prop_assert_eq!(parts_of(units, parts), div_round(product(units, parts), one));
            // A half and its neighbours: 2 × tie × 10¹² ÷ 4.
            for units in [2 * tie - 1, 2 * tie, 2 * tie + 1] {
                let half = Rate::ONE.0 / 2;
                prop_assert_eq!(parts_of(units, half), div_round(product(units, half), one));
            }
            for extreme in [i64::MIN, i64::MAX, 0, 1, -1] {
                prop_assert_eq!(parts_of(units, extreme), div_round(product(units, extreme), one));
                prop_assert_eq!(parts_of(extreme, parts), div_round(product(extreme, parts), one));
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_within_is_what_is_rounded_within(
            part in any::<i64>(), share in any::<i64>(), limit in any::<i64>(), shift in 0..63,
            near in -2_i64..3,
        ) {
            let one = Rate::ONE;
            let rounded = |part: Money, share, whole: Money, limit| {
                part.at_rate(share) <= whole.at_rate(limit)
            };
            let (share, limit) = (Rate::from_parts(share >> shift), Rate::from_parts(limit));
            let (part, whole) = (Money(i128::from(part)), Money(i128::from(part >> shift)));
            prop_assert_eq!(part.within(share, whole, limit), rounded(part, share, whole, limit));
            // Next to the line, where the roundings decide.
            let most = Money(whole.at_rate(limit).0 + i128::from(near));
            prop_assert_eq!(most.within(one, whole, limit), near <= 0);
            prop_assert_eq!(whole.within(limit, most, one), near >= 0);
            // Amounts of more than 64 bits.
            let (wide, wider) = (Money(part.0 << 40), Money((part.0 << 40) + i128::from(near)));
            prop_assert_eq!(wide.within(one, wider, one), near >= 0);
        }
    }

    #[test]
    fn nothing_unknown_is_within_anything() {
        for unknown in [Money::UNKNOWN, Money(i128::MIN)] {
            assert!(!unknown.within(Rate::ONE, Money::ONE, Rate::ONE));
            assert!(!Money::ONE.within(Rate::ONE, unknown, Rate::ONE));
            assert!(!Money::ONE.negated().within(Rate::ONE, unknown, Rate::ONE));
        }
    }

    #[test]
    fn division_rounds_to_the_nearest_and_ties_to_even() {
        let cases = [(7, 2, 4), (5, 2, 2), (-7, 2, -4), (-5, 2, -2), (7, -2, -4), (6, 4, 2)];
        for (numerator, denominator, expected) in cases {
            assert_eq!(div_round(numerator, denominator), expected, "{numerator}/{denominator}");
        }
        assert_eq!(div_round(1, 0), 0);
        assert_eq!(div_round(i128::MIN, 1), i128::MIN);
        assert_eq!(div_round(i128::MIN, -1), 0, "there is no such number");
    }

    #[test]
    fn money_prints_as_people_write_it() {
        assert_eq!(Money::from_whole(12).to_string(), "12.00");
        assert_eq!(Money::from_units(-15_000_000_000).to_string(), "-1.50");
        assert_eq!(Money::from_units(1).to_string(), "0.0000000001");
        assert_eq!(Money::UNKNOWN.to_string(), "unknown");
    }

    #[test]
    fn overflow_is_unknown_and_never_a_number() {
        let huge = Money::from_units(i128::MAX - 5);
        assert!(huge.plus(Money::ONE).is_unknown());
        assert!(huge.scaled(2, 1).is_unknown());
        assert_eq!(huge.scaled(4, 8), Money::from_units((i128::MAX - 5) / 2));
        for unknown in [Money::UNKNOWN, Money::from_units(i128::MIN)] {
            assert!(unknown.minus(Money::ONE).is_unknown());
            assert!(Money::ONE.minus(unknown).is_unknown());
            assert!(unknown.plus(Money::ONE.negated()).is_unknown());
            assert!(unknown.negated().is_unknown() && unknown.abs().is_unknown());
            assert!(unknown.scaled(1, 2).is_unknown() && unknown.scaled(0, 2).is_unknown());
        }
        assert!(huge.plus(Money::ONE).fraction_of(Money::ONE).is_none());
    }

    #[test]
    fn a_fraction_of_nothing_is_no_number() {
        assert_eq!(Money::ONE.fraction_of(Money::ZERO), None);
        assert_eq!(Money::ONE.fraction_of(Money::from_whole(-1)), None);
        assert_eq!(Money::ONE.fraction_of(Money::from_whole(4)), Some(Rate::from_ppm(250_000)));
    }

    #[test]
    fn rates_from_floats_refuse_nonsense() {
        assert_eq!(Rate::from_f64(0.05), Some(Rate::from_ppm(50_000)));
        assert_eq!(Rate::from_f64(f64::NAN), None);
        assert_eq!(Rate::from_f64(f64::INFINITY), None);
    }
}
