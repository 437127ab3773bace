//! Bars and funding rates, as CSV.

use std::collections::BTreeMap;
use std::vec;

use flyball_core::domain::{Bar, Body, Event, FundingRate, InstrumentId, Symbol};
use flyball_venues::{DecodeError, Listed, Listings, Number, Seen, rate};

use crate::DataError;
use crate::error::LineError;
use crate::recording::columns::{Columns, time_ns};
use crate::recording::lines::{Lines, Meter, is_due};
use crate::recording::{Format, Line, Oddity, Readout, Recording, Stop, Totals, Visit};

const TIME: &[&str] =
    &["time_ms", "timestamp", "open_time", "open time", "date", "time", "datetime"];

/// Time, four prices, volume, symbol.
const BAR: [&[&str]; 7] =
    [TIME, &["open"], &["high"], &["low"], &["close"], &["volume"], &["symbol"]];
const OPEN: usize = 1;
const CLOSE: usize = 4;
const VOLUME: usize = 5;
const SYMBOL: usize = 6;
/// Without a header, columns stand as Kraken's do: `ts,open,high,low,close,volume,count`.
const HEADERLESS: [&str; 7] = ["time", "open", "high", "low", "close", "volume", ""];

const FUNDING: [&[&str]; 2] = [TIME, &["funding_rate", "fundingrate", "rate"]];

/// A bar as it was written.
#[derive(Clone, Copy, Debug)]
struct Row {
    open_ns: i64,
    symbol: Option<Symbol>,
    /// Open, high, low, close, volume.
    numbers: [Number; 5],
    line: Line,
}

/// A funding rate as it was written.
#[derive(Clone, Copy, Debug)]
struct Rate {
    time_ns: i64,
    number: Number,
    line: Line,
}

pub(super) fn read(
    recording: &Recording,
    listings: Listings,
    visit: &mut impl Visit,
) -> Result<Readout, DataError> {
    let meter = Meter::default();
    let mut reading = Reading {
        recording,
        meter: meter.clone(),
        listings,
        totals: Totals::default(),
        last_open: BTreeMap::new(),
        visit,
    };
    if recording.format == Format::Funding {
        reading.funding(&mut Rates::new(recording, 0..recording.sources.len(), meter))?;
    } else {
        let start = recording.sources.len();
        let rates = Rates::new(recording, start..recording.files().count(), meter.clone());
        reading.bars(Rows::new(recording, meter), rates)?;
    }
    let bytes = reading.meter.take();
    reading.visit.progress(bytes)?;
    Ok(Readout { totals: reading.totals, listings: reading.listings })
}

struct Reading<'a, V> {
    recording: &'a Recording,
    meter: Meter,
    listings: Listings,
    totals: Totals,
    last_open: BTreeMap<InstrumentId, i64>,
    visit: &'a mut V,
}

impl<V: Visit> Reading<'_, V> {
    /// All bars, and between them the funding rates, by time.
    fn bars(&mut self, mut rows: Rows<'_>, mut rates: Rates<'_>) -> Result<(), DataError> {
        let Some(interval_ns) = self.recording.interval_ns else {
            let reason = "bars need interval_ns: take it from a survey of the recording";
            return Err(DataError::Request(reason.to_owned()));
        };
        let mut waiting = rates.next(self)?;
        let mut last_ns = i64::MIN;
        let mut ahead = rows.oldest_first(self)?;
        loop {
            let row = match ahead.next() {
                Some(row) => row,
                None => match rows.next(self)? {
                    Some(row) => row,
                    None => break,
                },
            };
            if row.open_ns < last_ns {
                return Err(Stop::Line(LineError::Order).at(self.recording, row.line));
            }
            last_ns = row.open_ns;
            let end_ns = row.open_ns.saturating_add(interval_ns);
            while let Some(rate) = waiting.filter(|rate| rate.time_ns < end_ns) {
                self.rate(&rate)?;
                waiting = rates.next(self)?;
            }
            self.bar(&row, end_ns, interval_ns)?;
        }
        while let Some(rate) = waiting {
            self.rate(&rate)?;
            waiting = rates.next(self)?;
        }
        Ok(())
    }

    fn funding(&mut self, rates: &mut Rates<'_>) -> Result<(), DataError> {
        while let Some(rate) = rates.next(self)? {
            self.rate(&rate)?;
        }
        Ok(())
    }

    fn bar(&mut self, row: &Row, end_ns: i64, interval_ns: i64) -> Result<(), DataError> {
        let at = |stop: Stop| stop.at(self.recording, row.line);
        let it = match &row.symbol {
            Some(symbol) => self.listings.find(symbol.as_str()).map_err(|e| at(e.into()))?,
            None => Some(self.listings.only().map_err(|e| at(e.into()))?),
        };
        let Some(it) = it else {
            self.totals.count(Seen::Foreign);
            return Ok(());
        };
        let (bar, rounded) = bar(it, row, interval_ns).map_err(|e| at(e.into()))?;
        self.totals.count(Seen::Market);
        if self.last_open.insert(bar.instrument, row.open_ns) == Some(row.open_ns) {
            self.visit.oddity(Oddity::DuplicateBar, end_ns, row.line);
            return Ok(());
        }
        if rounded {
            self.visit.oddity(Oddity::Rounded, end_ns, row.line);
        }
        let event = Event { time_ns: end_ns, received_ns: end_ns, body: Body::Bar(bar) };
        self.visit.event(&event, row.line)
    }

    fn rate(&mut self, row: &Rate) -> Result<(), DataError> {
        let at = |stop: Stop| stop.at(self.recording, row.line);
        let it = self.listings.only().map_err(|e| at(e.into()))?;
        let rate = rate(row.number).map_err(|e| at(e.into()))?;
        let body = Body::FundingRate(FundingRate { instrument: it.id(), rate, settles: true });
        self.totals.count(Seen::Market);
        let event = Event { time_ns: row.time_ns, received_ns: row.time_ns, body };
        self.visit.event(&event, row.line)
    }

    /// A row without a value was left out.
    fn no_value(&mut self, time_ns: i64, line: Line) {
        self.totals.count(Seen::Unused);
        self.visit.oddity(Oddity::NoValue, time_ns, line);
    }

    fn breathe(&mut self, line: u64) -> Result<(), DataError> {
        if is_due(line) {
            self.visit.progress(self.meter.take())?;
        }
        Ok(())
    }
}

fn bar(it: &mut Listed, row: &Row, interval_ns: i64) -> Result<(Bar, bool), DecodeError> {
    let [open, high, low, close, volume] = row.numbers;
    let (volume, rounded) = it.nearest_qty(volume)?;
    let bar = Bar {
        instrument: it.id(),
        interval_ns,
        open: it.price(open)?,
        high: it.price(high)?,
        low: it.price(low)?,
        close: it.price(close)?,
        volume,
    };
    Ok((bar, rounded))
}

/// The bars of all files, in the order in which they are written.
struct Rows<'a> {
    recording: &'a Recording,
    meter: Meter,
    next_source: u16,
    open: Option<(Lines<'static>, Columns<7>, u16)>,
}

impl<'a> Rows<'a> {
    const fn new(recording: &'a Recording, meter: Meter) -> Self {
        Self { recording, meter, next_source: 0, open: None }
    }

    /// The rows at the beginning: as many as it takes to see which way time goes. If it goes back,
    /// all rows, turned round.
    fn oldest_first<V: Visit>(
        &mut self,
        reading: &mut Reading<'_, V>,
    ) -> Result<vec::IntoIter<Row>, DataError> {
        let mut rows: Vec<Row> = Vec::new();
        while let Some(row) = self.next(reading)? {
            let first = rows.first().map_or(row.open_ns, |first| first.open_ns);
            rows.push(row);
            if row.open_ns > first {
                return Ok(rows.into_iter());
            }
            if row.open_ns < first {
                while let Some(row) = self.next(reading)? {
                    rows.push(row);
                }
                rows.reverse();
            }
        }
        Ok(rows.into_iter())
    }

    fn next<V: Visit>(&mut self, reading: &mut Reading<'_, V>) -> Result<Option<Row>, DataError> {
        loop {
            let Some((lines, columns, source)) = &mut self.open else {
                if self.begin(reading)? {
                    continue;
                }
                return Ok(None);
            };
            if !lines.advance()? {
                self.open = None;
                continue;
            }
            reading.breathe(lines.number())?;
            if lines.current().is_empty() {
                continue;
            }
            let line = Line { source: *source, line: lines.number() };
            let at = |stop: Stop| stop.at(self.recording, line);
            let (open_ns, row) =
                parse(columns, lines.current(), line).map_err(|error| at(error.into()))?;
            match row {
                Some(row) => return Ok(Some(row)),
                None => reading.no_value(open_ns, line),
            }
        }
    }

    /// Open the next file and find its columns.
    fn begin<V: Visit>(&mut self, reading: &mut Reading<'_, V>) -> Result<bool, DataError> {
        let source = self.next_source;
        let Some(path) = self.recording.sources.get(usize::from(source)) else { return Ok(false) };
        self.next_source = source.saturating_add(1);
        let mut lines = Lines::open(path, &self.meter)?;
        if !lines.advance()? {
            return Ok(true);
        }
        let first = lines.current();
        if !first.iter().any(u8::is_ascii_alphabetic) {
            // No header: the first line is a bar already, so begin again before it.
            let lines = Lines::open(path, &self.meter)?;
            self.open = Some((lines, Columns::in_order(HEADERLESS).without(SYMBOL), source));
            return Ok(true);
        }
        let columns = bar_columns(first).map_err(|error| {
            Stop::Line(error).at(self.recording, Line { source, line: lines.number() })
        })?;
        reading.totals.count(Seen::Control);
        self.open = Some((lines, columns, source));
        Ok(true)
    }
}

/// The columns of a file of bars. One that has a single price for each time is one whose bars open,
/// rise, fall and close there.
fn bar_columns(header: &[u8]) -> Result<Columns<7>, LineError> {
    let columns = Columns::find(header, BAR);
    if !columns.has(0) {
        return Err(columns.missing(0));
    }
    if columns.has(OPEN) {
        let missing = (OPEN..=CLOSE).find(|&at| !columns.has(at));
        return missing.map_or(Ok(columns.clone()), |at| Err(columns.missing(at)));
    }
    let only_value = header.split(|&byte| byte == b',').count() == 2;
    match columns.place(CLOSE).or(only_value.then_some(1)) {
        Some(place) => Ok(columns.with(OPEN..=CLOSE, place)),
        None => Err(columns.missing(CLOSE)),
    }
}

/// One line; no row when a price is not there.
fn parse(columns: &Columns<7>, text: &[u8], line: Line) -> Result<(i64, Option<Row>), LineError> {
    let fields = columns.split(text)?;
    let [time, prices @ .., volume, symbol] = fields;
    let open_ns = time_ns(time)?;
    let mut numbers = [Number::default(); 5];
    for (at, (number, text)) in (OPEN..).zip(numbers.iter_mut().zip(prices)) {
        match columns.number(at, text)? {
            Some(value) => *number = value,
            None => return Ok((open_ns, None)),
        }
    }
    if let Some(last) = numbers.last_mut() {
        *last = columns.number(VOLUME, volume)?.unwrap_or_default();
    }
    let symbol = if columns.has(SYMBOL) {
        let name = String::from_utf8_lossy(symbol);
        Some(Symbol::new(&name).map_err(|error| LineError::Other(error.to_string()))?)
    } else {
        None
    };
    Ok((open_ns, Some(Row { open_ns, symbol, numbers, line })))
}

/// The funding rates of some of a recording's files.
struct Rates<'a> {
    recording: &'a Recording,
    meter: Meter,
    sources: std::ops::Range<usize>,
    open: Option<(Lines<'static>, Columns<2>, u16)>,
    last_ns: i64,
}

impl<'a> Rates<'a> {
    const fn new(recording: &'a Recording, sources: std::ops::Range<usize>, meter: Meter) -> Self {
        Self { recording, meter, sources, open: None, last_ns: i64::MIN }
    }

    fn next<V: Visit>(&mut self, reading: &mut Reading<'_, V>) -> Result<Option<Rate>, DataError> {
        loop {
            let Some((lines, columns, source)) = &mut self.open else {
                if self.begin(reading)? {
                    continue;
                }
                return Ok(None);
            };
            if !lines.advance()? {
                self.open = None;
                continue;
            }
            reading.breathe(lines.number())?;
            if lines.current().is_empty() {
                continue;
            }
            let line = Line { source: *source, line: lines.number() };
            let at = |error: LineError| Stop::Line(error).at(self.recording, line);
            let [time, text] = columns.split(lines.current()).map_err(at)?;
            let time_ns = time_ns(time).map_err(at)?;
            let Some(number) = columns.number(1, text).map_err(at)? else {
                reading.no_value(time_ns, line);
                continue;
            };
            if time_ns < self.last_ns {
                return Err(at(LineError::Order));
            }
            self.last_ns = time_ns;
            return Ok(Some(Rate { time_ns, number, line }));
        }
    }

    fn begin<V: Visit>(&mut self, reading: &mut Reading<'_, V>) -> Result<bool, DataError> {
        let Some(source) = self.sources.next().and_then(|at| u16::try_from(at).ok()) else {
            return Ok(false);
        };
        let path = self.recording.file(source);
        let mut lines = Lines::open(path, &self.meter)?;
        if !lines.advance()? {
            return Ok(true);
        }
        let columns = Columns::find(lines.current(), FUNDING);
        if let Some(at) = (0..2).find(|&at| !columns.has(at)) {
            let line = Line { source, line: lines.number() };
            return Err(Stop::Line(columns.missing(at)).at(self.recording, line));
        }
        reading.totals.count(Seen::Control);
        self.open = Some((lines, columns, source));
        Ok(true)
    }
}
