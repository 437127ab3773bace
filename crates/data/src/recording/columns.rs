//! Columns of CSV files, found by their names.

use flyball_venues::{Number, parse_utc};

use crate::error::LineError;
use crate::recording::messages::epoch_ns;

/// Where the columns are that somebody wants.
#[derive(Clone, Debug)]
pub(super) struct Columns<const N: usize> {
    names: [&'static str; N],
    places: [Option<usize>; N],
}

/// Fields of one line, in the order of the names; empty where there is no such column.
pub(super) type Fields<'a, const N: usize> = [&'a [u8]; N];

impl<const N: usize> Columns<N> {
    /// Find columns in a header. Each may have several names, the first one that is there counts.
    pub(super) fn find(header: &[u8], names: [&'static [&'static str]; N]) -> Self {
        let header: Vec<String> = fields(header)
            .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
            .collect();
        let place = |wanted: &[&str]| {
            wanted.iter().find_map(|name| header.iter().position(|found| found == name))
        };
        Self {
            names: names.map(|names| names.first().copied().unwrap_or_default()),
            places: names.map(place),
        }
    }

    /// Columns of a file without a header, in this order.
    pub(super) fn in_order(names: [&'static str; N]) -> Self {
        let mut places = [None; N];
        for (at, place) in places.iter_mut().enumerate() {
            *place = Some(at);
        }
        Self { names, places }
    }

    /// The same, but for one that is not there.
    pub(super) fn without(mut self, at: usize) -> Self {
        if let Some(place) = self.places.get_mut(at) {
            *place = None;
        }
        self
    }

    /// The same, but these are all read from one place.
    pub(super) fn with(mut self, these: std::ops::RangeInclusive<usize>, place: usize) -> Self {
        for at in these {
            if let Some(target) = self.places.get_mut(at) {
                *target = Some(place);
            }
        }
        self
    }

    /// Where a column is.
    pub(super) fn place(&self, at: usize) -> Option<usize> {
        self.places.get(at).copied().flatten()
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.places.get(at).is_some_and(Option::is_some)
    }

    /// Say that a column was not found.
    pub(super) fn missing(&self, at: usize) -> LineError {
        LineError::NoColumn(self.name(at).to_owned())
    }

    fn name(&self, at: usize) -> &'static str {
        self.names.get(at).copied().unwrap_or_default()
    }

    /// Take a line apart.
    ///
    /// # Errors
    ///
    /// [`LineError::NoColumn`] when the line ends before a column that is wanted.
    pub(super) fn split<'a>(&self, line: &'a [u8]) -> Result<Fields<'a, N>, LineError> {
        let mut found = [&[][..]; N];
        let mut seen = [false; N];
        for (at, field) in fields(line).enumerate() {
            for ((place, found), seen) in self.places.iter().zip(&mut found).zip(&mut seen) {
                if *place == Some(at) {
                    (*found, *seen) = (field, true);
                }
            }
        }
        let short = self.places.iter().zip(seen).position(|(place, seen)| place.is_some() && !seen);
        short.map_or(Ok(found), |at| Err(self.missing(at)))
    }

    /// A field as a number; `None` when there is no value in it.
    pub(super) fn number(&self, at: usize, text: &[u8]) -> Result<Option<Number>, LineError> {
        if text.is_empty() || text == b"." || text.eq_ignore_ascii_case(b"nan") {
            return Ok(None);
        }
        Number::parse(text).map(Some).map_err(|error| LineError::Number {
            column: self.name(at).to_owned(),
            text: String::from_utf8_lossy(text).into_owned(),
            error,
        })
    }
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',').map(|field| {
        let field = field.trim_ascii();
        field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field)
    })
}

/// A time as files write it: a whole number of seconds, ms, µs or ns since 1970, a text that
/// [`parse_utc`] reads, or `month/day/year`.
pub(super) fn time_ns(text: &[u8]) -> Result<i64, LineError> {
    let wrong = || LineError::Time(String::from_utf8_lossy(text).into_owned());
    if text.iter().all(u8::is_ascii_digit) {
        let number = Number::parse(text).map_err(|_| wrong())?;
        return epoch_ns(number.mantissa()).ok_or_else(wrong);
    }
    let mut parts = text.split(|&byte| byte == b'/');
    if let (Some(month), Some(day), Some(year), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    {
        let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        let iso = format!("{}-{:0>2}-{:0>2}", text(year), text(month), text(day));
        return parse_utc(iso.as_bytes()).ok_or_else(wrong);
    }
    parse_utc(text).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_wherever_they_are() {
        let names: [&[&str]; 3] = [&["time_ms", "date"], &["close"], &["volume"]];
        let columns = Columns::find(b"Date,Open,Close,Adj Close,Volume", names);
        let fields = columns.split(b"2015-03-12,1,\"2\", 3 ,4").unwrap();
        assert_eq!(fields, [&b"2015-03-12"[..], b"2", b"4"]);
        assert_eq!(columns.split(b"2015-03-12,1"), Err(LineError::NoColumn("close".into())));
        assert!(!Columns::find(b"Date,vix", names).has(1));
    }

    #[test]
    fn times_come_in_many_forms() {
        let day = 1_426_118_400_000_000_000;
        for text in [
            "1426118400",
            "1426118400000",
            "2015-03-12",
            "3/12/2015",
            "03/12/2015",
            "2015-03-12 00:00:00",
            "2015-03-12 00:00:00+00:00",
        ] {
            assert_eq!(time_ns(text.as_bytes()), Ok(day), "{text}");
        }
        for text in ["", "x", "13/45/2015", "1/2/3/4", "12.5"] {
            assert!(time_ns(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_without_a_value_is_none_and_not_zero() {
        let columns = Columns::in_order(["x"]);
        for text in [".", "", "NaN"] {
            assert_eq!(columns.number(0, text.as_bytes()), Ok(None));
        }
        assert_eq!(columns.number(0, b"-6.076e-05"), Ok(Some(Number::new(-6076, 8))));
        assert!(columns.number(0, b"1,5").is_err());
    }
}
