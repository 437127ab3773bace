//! Products that do not fit 128 bits, for the rare amounts that need them.

use std::cmp::Ordering;

/// A sign and 256 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Product {
    negative: bool,
    high: u128,
    low: u128,
}

const HALF: u128 = u64::MAX as u128;

impl Product {
    fn of(a: i128, b: i128) -> Self {
        let (x, y) = (a.unsigned_abs(), b.unsigned_abs());
        let (x1, x0, y1, y0) = (x >> 64, x & HALF, y >> 64, y & HALF);
        // Four products of 64-bit halves; the sums below cannot overflow.
        let (low, middle, cross, high) =
            (x0.wrapping_mul(y0), x1.wrapping_mul(y0), x0.wrapping_mul(y1), x1.wrapping_mul(y1));
        let middle = middle.wrapping_add(low >> 64);
        let cross = cross.wrapping_add(middle & HALF);
        let high = high.wrapping_add(middle >> 64).wrapping_add(cross >> 64);
        let low = (low & HALF) | (cross << 64);
        Self { negative: (a < 0) != (b < 0) && (high | low) != 0, high, low }
    }

    fn compare(self, other: Self) -> Ordering {
        let sizes = (self.high, self.low).cmp(&(other.high, other.low));
        match (self.negative, other.negative) {
            (false, false) => sizes,
            (true, true) => sizes.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    /// The quotient to the nearest integer, ties to even; `None` when it does not fit.
    fn div_round(self, denominator: i128) -> Option<i128> {
        let by = denominator.unsigned_abs();
        if self.high >= by {
            return None;
        }
        let (mut quotient, mut rest) = (0_u128, self.high);
        for bit in (0..u128::BITS).rev() {
            let carry = rest >> 127;
            rest = (rest << 1) | ((self.low >> bit) & 1);
            quotient <<= 1;
            if carry == 1 || rest >= by {
                rest = rest.wrapping_sub(by);
                quotient |= 1;
            }
        }
        let to_next = by.wrapping_sub(rest);
        if rest > to_next || (rest == to_next && quotient & 1 == 1) {
            quotient = quotient.checked_add(1)?;
        }
        let size = i128::try_from(quotient).ok()?;
        let same_sign = self.negative == (denominator < 0);
        Some(if same_sign { size } else { size.saturating_neg() })
    }
}

/// `a` × `b` ÷ `denominator` to the nearest integer, ties to even; `None` when the quotient does
/// not fit or the denominator is zero.
#[cold]
pub(super) fn mul_div_round(a: i128, b: i128, denominator: i128) -> Option<i128> {
    Product::of(a, b).div_round(denominator)
}

/// `a` × `b` against `c` × `d`.
#[cold]
pub(super) fn compare_products(a: i128, b: i128, c: i128, d: i128) -> Ordering {
    Product::of(a, b).compare(Product::of(c, d))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::money::div_round;

    #[test]
    fn the_ends_of_the_range_are_exact() {
        let (most, least) = (i128::MAX, i128::MIN);
        assert_eq!(mul_div_round(most, most, most), Some(most));
        assert_eq!(mul_div_round(least, most, most), None, "−2^127 has no counterpart");
        assert_eq!(mul_div_round(most, 2, 1), None);
        assert_eq!(mul_div_round(most, 2, 0), None);
        assert_eq!(mul_div_round(most, 3, -6), Some(-(most / 2) - 1), "a tie goes to even");
        assert_eq!(compare_products(most, most, least, least), Ordering::Less);
        assert_eq!(compare_products(most, least, 0, 0), Ordering::Less);
    }

    proptest! {
        #[test]
        fn what_fits_128_bits_is_the_same(a in any::<i64>(), b in any::<i64>(), c in any::<i64>()) {
            let (a, b, c) = (i128::from(a), i128::from(b), i128::from(c));
            if c != 0 {
                prop_assert_eq!(mul_div_round(a, b, c), Some(div_round(a * b, c)));
            }
            prop_assert_eq!(compare_products(a, b, b, c), (a * b).cmp(&(b * c)));
        }

        #[test]
        fn a_product_divided_by_a_factor_is_the_other_one(
            a in -(1_i128 << 126)..1 << 126,
            b in any::<i128>(),
        ) {
            if b != 0 && b != i128::MIN {
                prop_assert_eq!(mul_div_round(a, b, b), Some(a));
            }
            prop_assert_eq!(compare_products(a, b, b, a), Ordering::Equal);
        }
    }
}
