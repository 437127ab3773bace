//! Decimal numbers as the text that a venue takes.

use flyball_core::domain::Decimal;
use serde::Serializer;

/// Sign, point, 19 digits and the zeros before them fit.
const LENGTH: usize = 24;

/// A decimal number as text, without zeros at the end and without allocating.
#[derive(Clone, Copy)]
pub(crate) struct DecimalText {
    bytes: [u8; LENGTH],
    start: usize,
}

impl DecimalText {
    pub(crate) fn of(number: Decimal) -> Self {
        // Whoever made it may have left zeros: what is signed has none.
        let number = Decimal::new(number.units(), number.decimals());
        let mut text = Self { bytes: [0; LENGTH], start: LENGTH };
        let (mut rest, mut digits) = (number.units().unsigned_abs(), 0_u8);
        loop {
            let digit = rest.checked_rem(10).and_then(|digit| u8::try_from(digit).ok());
            text.put(b'0'.saturating_add(digit.unwrap_or(0)));
            rest = rest.checked_div(10).unwrap_or(0);
            digits = digits.saturating_add(1);
            if digits == number.decimals() {
                text.put(b'.');
            }
            if rest == 0 && digits > number.decimals() {
                break;
            }
        }
        if number.units() < 0 {
            text.put(b'-');
        }
        text
    }

    /// One more byte in front.
    fn put(&mut self, byte: u8) {
        let at = self.start.saturating_sub(1);
        if let Some(slot) = self.bytes.get_mut(at) {
            *slot = byte;
            self.start = at;
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(self.start..).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// For `serialize_with`.
pub(crate) fn decimal<S: Serializer>(number: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(DecimalText::of(*number).as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_written_without_zeros_at_the_end() {
        let cases = [
            (Decimal::new(10_000, 2), "100"),
            (Decimal::new(0, 5), "0"),
            (Decimal::new(-5, 1), "-0.5"),
            (Decimal::new(1234, 6), "0.001234"),
            (Decimal::new(i64::MIN, 18), "-9.223372036854775808"),
            (Decimal::new(i64::MAX, 0), "9223372036854775807"),
            (Decimal::new(1, 18), "0.000000000000000001"),
            (Decimal::new(-1, 18), "-0.000000000000000001"),
        ];
        for (number, text) in cases {
            assert_eq!(DecimalText::of(number).as_str(), text);
        }
    }

    proptest! {
        #[test]
        fn it_is_the_text_that_the_domain_writes(units in any::<i64>(), decimals in 0_u8..=18) {
            let number = Decimal::new(units, decimals);
            let text = DecimalText::of(number);
            prop_assert_eq!(text.as_str(), number.to_string());
        }
    }
}
