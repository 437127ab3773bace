//! A LOBSTER sample: NASDAQ's messages of one share on one day, and its best levels after each.
//! Source: the readme in the archive.

use std::io::BufReader;
use std::path::Path;

use flyball_core::domain::{
    Body, Decimal, Depth, DepthKind, Event, Level, Qty, SECOND, Sequence, Side, Trade,
};
use flyball_venues::{Grid, Listed, Listings, Number, Seen, parse_utc};
use zip::ZipArchive;

use crate::DataError;
use crate::error::LineError;
use crate::recording::lines::{Lines, Meter, Metered, is_due};
use crate::recording::{Line, Readout, Recording, Stop, Totals, Visit};

/// Prices are written in units of 10^-4 dollars.
const PRICE_DECIMALS: u8 = 4;
/// The price of a level that is not there.
const NO_LEVEL: i64 = 9_999_999_999;

/// An execution against a visible order, and against a hidden one.
const EXECUTIONS: [&[u8]; 2] = [b"4", b"5"];

pub(super) fn read(
    recording: &Recording,
    utc_offset_s: i32,
    listings: Listings,
    visit: &mut impl Visit,
) -> Result<Readout, DataError> {
    let meter = Meter::default();
    let mut reading = Reading {
        listings,
        totals: Totals::default(),
        bids: Ladder::default(),
        asks: Ladder::default(),
        begun: false,
    };
    for (source, path) in (0..).zip(&recording.sources) {
        // An archive gives one of its files at a time, and two are read side by side.
        let (mut messages, mut books) = (archive(path, &meter)?, archive(path, &meter)?);
        let (mut messages, name) = entry(&mut messages, path, "_message_")?;
        let (mut books, _) = entry(&mut books, path, "_orderbook_")?;
        let midnight = midnight_ns(&name, utc_offset_s).ok_or_else(|| DataError::Format {
            path: path.clone(),
            reason: format!("{name} does not tell its day as AMZN_2012-06-21_… does"),
        })?;
        reading.begun = false;
        while messages.advance()? {
            let line = Line { source, line: messages.number() };
            if !books.advance()? {
                let reason = "the order book has fewer lines than the messages".to_owned();
                return Err(Stop::Line(LineError::Other(reason)).at(recording, line));
            }
            let given =
                reading.pair((messages.current(), books.current()), midnight, &mut |event| {
                    visit.event(event, line).map_err(Stop::Visit)
                });
            reading.totals.count(given.map_err(|stop| stop.at(recording, line))?);
            if is_due(line.line) {
                visit.progress(meter.take())?;
            }
        }
    }
    visit.progress(meter.take())?;
    Ok(Readout { totals: reading.totals, listings: reading.listings })
}

fn archive(path: &Path, meter: &Meter) -> Result<ZipArchive<BufReader<Metered>>, DataError> {
    let file = BufReader::new(Metered::open(path, meter)?);
    ZipArchive::new(file).map_err(|error| DataError::Format {
        path: path.to_owned(),
        reason: format!("it is no zip archive that can be read: {error}"),
    })
}

/// The file of an archive whose name holds `part`.
fn entry<'a>(
    archive: &'a mut ZipArchive<BufReader<Metered>>,
    path: &Path,
    part: &str,
) -> Result<(Lines<'a>, String), DataError> {
    let wrong = |reason: String| DataError::Format { path: path.to_owned(), reason };
    let mut names = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned()));
    let name = names.find(|name| name.contains(part));
    drop(names);
    let name = name.ok_or_else(|| wrong(format!("it holds no file named …{part}…")))?;
    let file = archive.by_name(&name).map_err(|error| wrong(format!("{name}: {error}")))?;
    Ok((Lines::over(Box::new(BufReader::new(file)), path), name))
}

/// Midnight at the exchange on the day that a file's name tells, ns.
fn midnight_ns(name: &str, utc_offset_s: i32) -> Option<i64> {
    let day = name.split('_').find_map(|part| parse_utc(part.as_bytes()))?;
    day.checked_sub(i64::from(utc_offset_s).checked_mul(SECOND)?)
}

/// The levels of one side, as they were after the last line.
#[derive(Debug, Default)]
struct Ladder {
    now: Vec<(Number, Number)>,
    before: Vec<(Number, Number)>,
    changes: Vec<Level>,
}

impl Ladder {
    /// What changed: levels that are gone, then levels that are new or different.
    fn diff(&mut self, it: &mut Listed, whole: bool) -> Result<(), LineError> {
        self.changes.clear();
        if !whole {
            for &(price, _) in &self.before {
                if !self.now.iter().any(|(other, _)| *other == price) {
                    self.changes.push(Level { price: it.price(price)?, qty: Qty::ZERO });
                }
            }
        }
        for &(price, qty) in &self.now {
            if whole || !self.before.contains(&(price, qty)) {
                self.changes.push(it.level(price, qty)?);
            }
        }
        std::mem::swap(&mut self.now, &mut self.before);
        Ok(())
    }
}

struct Reading {
    listings: Listings,
    totals: Totals,
    bids: Ladder,
    asks: Ladder,
    /// Whether the book of the current file has been given as a whole.
    begun: bool,
}

impl Reading {
    /// A message, and the levels after it.
    fn pair(
        &mut self,
        (message, book): (&[u8], &[u8]),
        midnight: i64,
        give: &mut dyn FnMut(&Event<'_>) -> Result<(), Stop>,
    ) -> Result<Seen, Stop> {
        let it = self.listings.only()?;
        let mut fields = message.split(|&byte| byte == b',');
        let mut field =
            |name: &str| fields.next().ok_or_else(|| LineError::NoColumn(name.to_owned()));
        let time_ns = seconds_ns(field("time")?, midnight)?;
        let kind = field("type")?;
        field("order id")?;
        let (size, price) = (number("size", field("size")?)?, number("price", field("price")?)?);
        let direction = field("direction")?;
        let mut seen = Seen::Unused;
        let mut give = |body| {
            seen = Seen::Market;
            give(&Event { time_ns, received_ns: time_ns, body })
        };
        if EXECUTIONS.contains(&kind) {
            // The direction is that of the order that rested.
            let aggressor = if direction == b"1" { Side::Ask } else { Side::Bid };
            let price = it.price(Number::new(price.mantissa(), PRICE_DECIMALS))?;
            let trade = Trade { instrument: it.id(), aggressor, price, qty: it.qty(size)?, id: 0 };
            give(Body::Trade(trade))?;
        }
        levels(book, &mut self.asks.now, &mut self.bids.now)?;
        let whole = !std::mem::replace(&mut self.begun, true);
        self.bids.diff(it, whole)?;
        self.asks.diff(it, whole)?;
        let (bids, asks) = (self.bids.changes.as_slice(), self.asks.changes.as_slice());
        if whole || !bids.is_empty() || !asks.is_empty() {
            let kind = if whole { DepthKind::Snapshot } else { DepthKind::Diff };
            let (instrument, sequence) = (it.id(), Sequence::default());
            give(Body::Depth(Depth { instrument, kind, sequence, checksum: None, bids, asks }))?;
        }
        Ok(seen)
    }
}

/// `ask price, ask size, bid price, bid size` for each level.
fn levels(
    line: &[u8],
    asks: &mut Vec<(Number, Number)>,
    bids: &mut Vec<(Number, Number)>,
) -> Result<(), LineError> {
    asks.clear();
    bids.clear();
    let mut fields = line.split(|&byte| byte == b',');
    let mut is_ask = true;
    while let Some(price) = fields.next() {
        let price = number("price", price)?;
        let missing = || LineError::NoColumn("size".to_owned());
        let qty = number("size", fields.next().ok_or_else(missing)?)?;
        let side = if is_ask { &mut *asks } else { &mut *bids };
        is_ask = !is_ask;
        if price.mantissa().unsigned_abs() != NO_LEVEL.unsigned_abs() {
            side.push((Number::new(price.mantissa(), PRICE_DECIMALS), qty));
        }
    }
    Ok(())
}

fn number(column: &str, text: &[u8]) -> Result<Number, LineError> {
    Number::parse(text).map_err(|error| LineError::Number {
        column: column.to_owned(),
        text: String::from_utf8_lossy(text).into_owned(),
        error,
    })
}

/// Seconds after midnight, with decimals, as UTC nanoseconds: the nearest, for some texts are what
/// a float makes of nine decimals.
fn seconds_ns(text: &[u8], midnight: i64) -> Result<i64, LineError> {
    let nanoseconds = Grid::new(Decimal::new(1, 9));
    let ns = number("time", text).ok().and_then(|number| nanoseconds.nearest(number).ok());
    let ns = ns.and_then(|ns| ns.checked_add(midnight));
    ns.ok_or_else(|| LineError::Time(String::from_utf8_lossy(text).into_owned()))
}
