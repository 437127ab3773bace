//! A Coinbase book recorded as CSV: `side,price,size[,time]`, snapshot files first, then updates.

use flyball_core::domain::{Body, Decimal, DecimalError, Depth, DepthKind, Event, Sequence, Side};

use crate::listing::Listings;
use crate::wire::{Levels, RawLevel};
use crate::{DecodeError, Number, Quantity, Seen, parse_utc};

/// Decimals of a size at Coinbase.
const SIZE_DECIMALS: u8 = 8;
/// A size this close to a whole unit of 10^-8 is that unit, written by a programme that kept it in
/// a float: 10^-12.
const ARTEFACT_DECIMALS: u32 = 12;

/// Decodes a book recorded as CSV, line by line.
///
/// Lines without a time are the snapshot: it is given the time of the first update, as the files
/// say none. Lines of the same time are one change. There is no time of receipt: the venue's stands
/// for it. Sizes such as `0.11244000000000001` are what floats make of `0.11244`: a size within
/// 10^-12 of a multiple of 10^-8 becomes that, and is counted.
#[derive(Clone, Debug)]
pub struct CsvBook {
    listings: Listings,
    levels: Levels,
    pending: Option<Pending>,
    rounded: u64,
}

/// What the collected levels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Snapshot,
    Update { time_ns: i64 },
}

impl CsvBook {
    /// A decoder for the one instrument that is listed: the lines do not name theirs.
    pub fn new(listings: Listings) -> Self {
        Self { listings, levels: Levels::default(), pending: None, rounded: 0 }
    }

    /// How many sizes were float artefacts.
    pub const fn rounded(&self) -> u64 {
        self.rounded
    }

    /// The instrument, and after a survey the decimals that its numbers use.
    pub const fn listings(&self) -> &Listings {
        &self.listings
    }

    /// Take one line. The event of earlier lines comes out when a line of another time comes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]; whatever `visit` returns.
    pub fn row<E, F>(&mut self, line: &[u8], visit: F) -> Result<Seen, E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>,
    {
        let mut fields = line.split(|&byte| byte == b',');
        let mut field = |name| fields.next().ok_or(DecodeError::Missing(name));
        let side = match field("side")? {
            b"buy" => Side::Bid,
            b"sell" => Side::Ask,
            b"side" => return Ok(Seen::Control),
            _ => {
                let expected = "\"buy\" and \"sell\"";
                return Err(DecodeError::Unexpected { field: "side", expected }.into());
            }
        };
        let price = field("price").and_then(|text| parse(text, Quantity::Price))?;
        let (qty, rounded) = field("size").and_then(size)?;
        let pending = match fields.next() {
            None => Pending::Snapshot,
            Some(text) => {
                let expected = "2018-04-24T03:52:17.202Z";
                let wrong = DecodeError::Unexpected { field: "time", expected };
                Pending::Update { time_ns: parse_utc(text).ok_or(wrong)? }
            }
        };
        if self.pending != Some(pending) {
            self.give(pending, visit)?;
            self.pending = Some(pending);
        }
        self.rounded = self.rounded.saturating_add(u64::from(rounded));
        match side {
            Side::Bid => self.levels.raw_bids.push(RawLevel { price, qty }),
            Side::Ask => self.levels.raw_asks.push(RawLevel { price, qty }),
        }
        Ok(Seen::Market)
    }

    /// There are no more lines: hand over what was collected.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] when no update follows a snapshot, so that nothing says when it
    /// was; [`DecodeError`]; whatever `visit` returns.
    pub fn finish<E, F>(&mut self, visit: F) -> Result<(), E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>,
    {
        self.give(Pending::Snapshot, visit)
    }

    /// Hand over what was collected, knowing what comes next.
    fn give<E, F>(&mut self, next: Pending, mut visit: F) -> Result<(), E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>,
    {
        let (kind, time_ns) = match (self.pending.take(), next) {
            (None, _) => return Ok(()),
            (Some(Pending::Update { time_ns }), _) => (DepthKind::Diff, time_ns),
            (Some(Pending::Snapshot), Pending::Update { time_ns }) => {
                (DepthKind::Snapshot, time_ns)
            }
            (Some(Pending::Snapshot), Pending::Snapshot) => {
                return Err(DecodeError::Missing("time").into());
            }
        };
        let it = self.listings.only()?;
        let (instrument, bids, asks) = self.levels.resolve(it)?;
        let sequence = Sequence::default();
        let depth = Depth { instrument, kind, sequence, checksum: None, bids, asks };
        let given = visit(&Event { time_ns, received_ns: time_ns, body: Body::Depth(depth) });
        self.levels.clear();
        given
    }
}

fn number_error(quantity: Quantity, error: DecimalError) -> DecodeError {
    let step = Decimal::new(1, SIZE_DECIMALS);
    DecodeError::Number { quantity, value: Number::default(), step, error }
}

fn parse(text: &[u8], quantity: Quantity) -> Result<Number, DecodeError> {
    Number::parse(text).map_err(|error| number_error(quantity, error))
}

/// A size, and whether it was a float artefact.
fn size(text: &[u8]) -> Result<(Number, bool), DecodeError> {
    match Number::parse(text) {
        Ok(number) if number.reduced().decimals() <= SIZE_DECIMALS => Ok((number, false)),
        Err(error @ DecimalError::Malformed { .. }) => Err(number_error(Quantity::Qty, error)),
        _ => match artefact(text) {
            Some(units) => Ok((Number::new(units, SIZE_DECIMALS), true)),
            None => Err(number_error(Quantity::Qty, DecimalError::OffGrid)),
        },
    }
}

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
    let finer = decimals.checked_sub(u32::from(SIZE_DECIMALS))?;
    let unit = 10_i128.checked_pow(finer)?;
    let nearest = units.checked_add(unit.checked_div(2)?)?.checked_div(unit)?;
    let away = nearest.checked_mul(unit)?.checked_sub(units)?.unsigned_abs();
    // away × 10^-decimals ≤ 10^-12
    let allowed = 10_u128.checked_pow(decimals.saturating_sub(ARTEFACT_DECIMALS))?;
    (decimals > ARTEFACT_DECIMALS && away <= allowed).then(|| i64::try_from(nearest).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_artefacts_become_what_was_meant() {
        let cases: [(&str, i64, u8, bool); 8] = [
            ("0.11244000000000001", 11_244_000, 8, true),
            ("0.9009999999999999", 90_100_000, 8, true),
            ("0.10099999999999999", 10_100_000, 8, true),
            ("7.000000000000001e-05", 7000, 8, true),
            ("7.032e-05", 7032, 8, false),
            ("1.14e-06", 114, 8, false),
            ("25705.001", 25_705_001, 3, false),
            ("0.0", 0, 1, false),
        ];
        for (text, mantissa, decimals, rounded) in cases {
            let expected = (Number::new(mantissa, decimals), rounded);
            assert_eq!(size(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_size_that_is_really_finer_is_refused() {
        for text in
            ["0.123456785", "0.12345678001", "0.12345678000200", "x", "", "-0.11244000000000001"]
        {
            assert!(size(text.as_bytes()).is_err(), "{text}");
        }
    }
}
