//! Moments written as text.

const SECOND: i64 = 1_000_000_000;

/// UTC nanoseconds since 1970 of a text such as `2018-04-24T03:52:17.202Z`, `2021-03-26 03:00:00`,
/// `2023-03-01 00:00:00+00:00` or `2015-03-12`. A text without an offset is taken as UTC.
///
/// `None` when it is no such text, or before 1678 or after 2261. Digits beyond the ninth decimal
/// of a second are cut off.
///
/// ```
/// assert_eq!(flyball_venues::parse_utc(b"1970-01-02 00:00:00.5Z"), Some(86_400_500_000_000));
/// ```
pub fn parse_utc(text: &[u8]) -> Option<i64> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(expect(rest, b'-')?, 2)?;
    let (day, rest) = number(expect(rest, b'-')?, 2)?;
    let midnight = days_since_1970(year, month, day)?.checked_mul(86_400 * SECOND)?;
    let Some((b'T' | b' ', rest)) = rest.split_first().map(|(first, rest)| (*first, rest)) else {
        return rest.is_empty().then_some(midnight);
    };
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(expect(rest, b':')?, 2)?;
    let (second, rest) = number(expect(rest, b':')?, 2)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, rest) = fraction(rest)?;
    let seconds = hour
        .checked_mul(3600)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?
        .checked_sub(offset(rest)?)?;
    midnight.checked_add(seconds.checked_mul(SECOND)?)?.checked_add(fraction)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; `None` when there is no such day.
pub(crate) fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap =
        year.checked_rem(4)? == 0 && (year.checked_rem(100)? != 0 || year.checked_rem(400)? == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28_i64.checked_add(i64::from(leap))?,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Hinnant's days_from_civil: years begin in March, so that the leap day comes last.
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = month.checked_add(9)?.checked_rem(12)?;
    let day_of_year =
        month_from_march.checked_mul(153)?.checked_add(2)?.checked_div(5)?.checked_add(day)?;
    let day_of_era = year_of_era
        .checked_mul(365)?
        .checked_add(year_of_era.checked_div(4)?)?
        .checked_sub(year_of_era.checked_div(100)?)?
        .checked_add(day_of_year)?;
    era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_469)
}

fn expect(text: &[u8], byte: u8) -> Option<&[u8]> {
    text.split_first().filter(|(first, _)| **first == byte).map(|(_, rest)| rest)
}

fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    Some((whole(digits)?, rest))
}

fn whole(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte.wrapping_sub(b'0')))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(text) = expect(text, b'.') else { return Some((0, text)) };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length)?;
    let kept = digits.get(..length.min(9))?;
    let missing = u32::try_from(9_usize.saturating_sub(kept.len())).ok()?;
    (length > 0).then_some(())?;
    Some((whole(kept)?.checked_mul(10_i64.checked_pow(missing)?)?, rest))
}

/// Seconds by which a text's clock is ahead of UTC: nothing and `Z` 0, `+05:30` 19 800.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text {
        [] | b"Z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = number(rest, 2)?;
    let rest = expect(rest, b':').unwrap_or(rest);
    let (minutes, rest) = number(rest, 2)?;
    if !rest.is_empty() || hours > 23 || minutes > 59 {
        return None;
    }
    hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_the_recordings_write() {
        let cases: [(&[u8], i64); 7] = [
            (b"2018-04-24T03:52:17.202Z", 1_524_541_937_202_000_000),
            (b"2021-04-17T16:43:37.075687Z", 1_618_677_817_075_687_000),
            (b"2021-03-26 03:00:00", 1_616_727_600_000_000_000),
            (b"2023-03-01 00:00:00+00:00", 1_677_628_800_000_000_000),
            (b"2023-03-01T05:30:00+05:30", 1_677_628_800_000_000_000),
            (b"1950-01-03", -630_979_200_000_000_000),
            (b"2000-02-29T00:00:00.123456789123Z", 951_782_400_123_456_789),
        ];
        for (text, ns) in cases {
            assert_eq!(parse_utc(text), Some(ns), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn refuses_days_and_times_that_are_none() {
        for text in [
            &b"2021-02-29"[..],
            b"2021-13-01",
            b"2021-00-10",
            b"2021-01-01 24:00:00",
            b"2021-01-01 00:60:00",
            b"2021-01-01T",
            b"2021-01-01x",
            b"2021-01-01 00:00:00.",
            b"2021-01-01 00:00:00+1",
            b"9999-01-01",
            b"21-01-01",
            b"",
        ] {
            assert_eq!(parse_utc(text), None, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = days_since_1970(1900, 1, 1).unwrap();
        assert_eq!(days_since_1970(1970, 1, 1), Some(0));
        for year in 1900..2200 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(days) = days_since_1970(year, month, day) {
                        assert_eq!(days, expected, "{year}-{month}-{day}");
                        expected += 1;
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_time_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse_utc(&bytes);
        }
    }
}
