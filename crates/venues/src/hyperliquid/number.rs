//! How the venue writes numbers, sides and amounts.

use std::borrow::Cow;

use flyball_core::domain::{DecimalError, Money, Side, div_round};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::Number;

/// Text as money, to the nearest unit: amounts that the venue computes may carry more decimals than
/// money keeps.
pub(super) fn parse_money(text: &str) -> Option<Money> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len().checked_add(part.len())? == 0 {
        return None;
    }
    let units = whole.bytes().chain(part.bytes()).try_fold(0_i128, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
        sum.checked_mul(10)?.checked_add(i128::from(digit))
    })?;
    let decimals = u32::try_from(part.len()).ok()?;
    let kept = u32::from(Money::DECIMALS);
    let units = match kept.checked_sub(decimals) {
        Some(missing) => units.checked_mul(10_i128.checked_pow(missing)?)?,
        None => div_round(units, 10_i128.checked_pow(decimals.checked_sub(kept)?)?),
    };
    let money = Money::from_units(if negative { units.checked_neg()? } else { units });
    (!money.is_unknown()).then_some(money)
}

/// An amount of money in quotes.
pub(super) fn money<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    parse_money(&text).ok_or_else(|| D::Error::custom("not an amount of money"))
}

/// An amount of money in quotes, or null.
pub(super) fn some_money<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Money>, D::Error> {
    let text = Option::<Cow<'_, str>>::deserialize(deserializer)?;
    text.map(|text| parse_money(&text).ok_or_else(|| D::Error::custom("not an amount of money")))
        .transpose()
}

/// Digits of a number that always fit.
const DIGITS: usize = 18;

/// A number that the venue computes: it comes with ten decimals however large it is, and decimals
/// that do not fit are cut off.
fn parse_computed(text: &str) -> Option<Number> {
    match Number::parse(text.as_bytes()) {
        Ok(number) => Some(number),
        Err(DecimalError::Malformed { .. }) => None,
        Err(_) => {
            let (whole, part) = text.split_once('.')?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
            let digits = whole.strip_prefix('-').unwrap_or(whole).len();
            let part = part.get(..DIGITS.checked_sub(digits)?.min(part.len()))?;
            Number::parse(format!("{whole}.{part}").as_bytes()).ok()
        }
    }
}

/// A number in quotes that the venue computes.
pub(super) fn computed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    parse_computed(&text).ok_or_else(|| D::Error::custom("not a number that fits"))
}

/// A number in quotes that the venue computes, or null.
pub(super) fn some_computed<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Number>, D::Error> {
    let text = Option::<Cow<'_, str>>::deserialize(deserializer)?;
    text.map(|text| parse_computed(&text).ok_or_else(|| D::Error::custom("not a number that fits")))
        .transpose()
}

/// `B` the buyer, `A` the seller.
pub(super) fn side<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Side, D::Error> {
    match Cow::<str>::deserialize(deserializer)?.as_ref() {
        "B" => Ok(Side::Bid),
        "A" => Ok(Side::Ask),
        _ => Err(D::Error::custom("side is neither \"A\" nor \"B\"")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_exactly_and_to_the_nearest_unit() {
        let units = |text: &str| parse_money(text).map(Money::units);
        assert_eq!(units("2703997.4500000002"), Some(27_039_974_500_000_002));
        assert_eq!(units("170043721737.450012207"), Some(1_700_437_217_374_500_122_070));
        assert_eq!(units("-3.625312"), Some(-36_253_120_000));
        assert_eq!(units("0.00000000005"), Some(0));
        assert_eq!(units("0.00000000015"), Some(2));
        assert_eq!(units("-0.00000000016"), Some(-2));
        assert_eq!(units("7."), Some(70_000_000_000));
        for text in ["", "-", ".", "+1", "1e5", "1 ", " 1", "1.2.3", "--1", "0x1", "NaN"] {
            assert_eq!(units(text), None, "{text:?}");
        }
        assert_eq!(units(&"9".repeat(60)), None);
        assert_eq!(units(&format!("0.{}", "9".repeat(60))), None);
    }

    #[test]
    fn decimals_that_do_not_fit_are_cut_off_and_whole_numbers_are_not() {
        let cases: [(&str, Option<Number>); 8] = [
            ("3495670.8399999999", Some(Number::new(34_956_708_399_999_999, 10))),
            ("170043721737.450012207", Some(Number::new(170_043_721_737_450_012, 6))),
            ("-170043721737.450012207", Some(Number::new(-170_043_721_737_450_012, 6))),
            ("123456789012345678.99", Some(Number::new(123_456_789_012_345_678, 0))),
            ("99999999999999999999", None),
            ("99999999999999999999.5", None),
            ("1.2.3", None),
            ("1.99999999999999999999x", None),
        ];
        for (text, number) in cases {
            assert_eq!(parse_computed(text), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn money_is_read_as_it_is_shown(units in any::<i64>()) {
            let money = Money::from_units(i128::from(units));
            prop_assert_eq!(parse_money(&money.to_string()), Some(money));
        }

        #[test]
        fn any_text_is_an_amount_or_none(text in ".{0,60}") {
            let _ = (parse_money(&text), parse_computed(&text));
        }
    }
}
