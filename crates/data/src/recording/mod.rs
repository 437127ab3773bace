//! Raw recordings: what somebody wrote down of a venue, as events.

mod bars;
mod columns;
mod lines;
mod lobster;
mod messages;
mod survey;
mod trades;

use std::path::{Path, PathBuf};

use flyball_core::domain::Event;
use flyball_venues::{DecodeError, Listings, Seen};
use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::error::LineError;

pub use survey::{Survey, survey};

/// How a recording is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// Lines of `<time received> <json>`, as the collector of hftbacktest writes them, of Binance.
    /// The time is a whole number of seconds, ms, µs or ns since 1970; which, its size tells.
    Binance,
    /// The same of Hyperliquid.
    Hyperliquid,
    /// Lines of JSON as in Bybit's public archive. No time of receipt: the venue's stands for it.
    Bybit,
    /// A Coinbase book as CSV: snapshot files, then files of updates.
    CoinbaseCsv,
    /// A capture of cryptofeed (`<seconds>: <json>`) of Coinbase Pro.
    CoinbaseCapture,
    /// A capture of cryptofeed of Kraken, version 1. Files that were captured side by side are
    /// merged by time.
    KrakenCapture,
    /// Trades as freqtrade stores them: a JSON list of `[ms, id, type, side, price, amount, cost]`.
    TradesJson,
    /// Trades as a Parquet table with columns `timestamp`, `trade_id`, `price`, `quantity`,
    /// `buyer_maker`.
    TradesParquet,
    /// A sample of LOBSTER (NASDAQ): a zip of a message file and an order book file.
    Lobster {
        /// Seconds by which the exchange's clock was ahead of UTC: New York in summer −14 400.
        utc_offset_s: i32,
    },
    /// Bars as CSV, labelled by the time at which they open.
    Bars,
    /// Funding rates as CSV: `time_ms,funding_rate`.
    Funding,
}

impl Format {
    /// Whether such a recording's trades are numbered one by one, so that missing ones can be told.
    pub const fn counts_trades(self) -> bool {
        matches!(
            self,
            Self::Binance | Self::CoinbaseCapture | Self::TradesJson | Self::TradesParquet
        )
    }
}

/// One recording: one or more files, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// How it is written.
    pub format: Format,
    /// Its files, in order; gzipped or not.
    pub sources: Vec<PathBuf>,
    /// Names of the instruments to take; none means all that are named in it. A format that does
    /// not name its instrument needs exactly one name.
    pub symbols: Vec<String>,
    /// For bars: a file of funding rates of the same instrument, to be merged in by time.
    pub funding: Option<PathBuf>,
    /// For bars: how long they are, ns. `None` means the most common distance between two.
    pub interval_ns: Option<i64>,
}

impl Recording {
    /// A recording of these files, of all instruments that are named in it.
    pub fn new(format: Format, sources: Vec<PathBuf>) -> Self {
        Self { format, sources, symbols: Vec::new(), funding: None, interval_ns: None }
    }

    /// All files, funding included.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().chain(&self.funding).map(PathBuf::as_path)
    }

    /// The file of this number in [`Recording::files`].
    pub(crate) fn file(&self, source: u16) -> &Path {
        self.files().nth(usize::from(source)).unwrap_or(Path::new(""))
    }
}

/// Where in a recording something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Number of the file in [`Recording::files`].
    pub source: u16,
    /// Number of the line in it (of the row, where there are no lines), from 1.
    pub line: u64,
}

/// Something that a reader dealt with, and that a report should tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oddity {
    /// A bar came twice; the second one was left out.
    DuplicateBar,
    /// A row without a value was left out.
    NoValue,
    /// A quantity was a float artefact, or finer than a lot, and was rounded to the nearest.
    Rounded,
}

/// Takes in what a recording holds.
pub trait Visit {
    /// An event.
    ///
    /// # Errors
    ///
    /// Whatever should end the reading.
    fn event(&mut self, event: &Event<'_>, line: Line) -> Result<(), DataError>;

    /// Something that the reader dealt with.
    fn oddity(&mut self, _oddity: Oddity, _time_ns: i64, _line: Line) {}

    /// So many bytes of the files were read since the last call.
    ///
    /// # Errors
    ///
    /// Whatever should end the reading, such as [`DataError::Cancelled`].
    fn progress(&mut self, _bytes: u64) -> Result<(), DataError> {
        Ok(())
    }
}

/// What lines were about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Lines, or rows.
    pub lines: u64,
    /// Of them about the market, with events.
    pub market: u64,
    /// About the connection; headers.
    pub control: u64,
    /// Of the market, of a kind that is not decoded.
    pub unused: u64,
    /// About instruments that were not asked for.
    pub foreign: u64,
}

impl Totals {
    pub(crate) fn count(&mut self, seen: Seen) {
        let part = match seen {
            Seen::Market => &mut self.market,
            Seen::Control => &mut self.control,
            Seen::Unused => &mut self.unused,
            Seen::Foreign => &mut self.foreign,
        };
        *part = part.saturating_add(1);
        self.lines = self.lines.saturating_add(1);
    }
}

/// What was read, and the listings with what a survey found.
#[derive(Clone, Debug)]
pub(crate) struct Readout {
    pub(crate) totals: Totals,
    pub(crate) listings: Listings,
}

/// Read a recording from beginning to end. `listings` are its instruments; memory does not grow
/// with its length, but for bars that are written newest first.
///
/// # Errors
///
/// [`DataError`] naming file and line; whatever `visit` returns.
pub fn read(
    recording: &Recording,
    listings: Listings,
    visit: &mut impl Visit,
) -> Result<Totals, DataError> {
    read_all(recording, listings, visit).map(|readout| readout.totals)
}

pub(crate) fn read_all(
    recording: &Recording,
    listings: Listings,
    visit: &mut impl Visit,
) -> Result<Readout, DataError> {
    if recording.sources.is_empty() {
        return Err(DataError::Request("the recording names no files".to_owned()));
    }
    match recording.format {
        Format::Binance
        | Format::Hyperliquid
        | Format::Bybit
        | Format::CoinbaseCapture
        | Format::KrakenCapture => messages::read(recording, listings, visit),
        Format::CoinbaseCsv => messages::read_csv_book(recording, listings, visit),
        Format::TradesJson => trades::read_json(recording, listings, visit),
        Format::TradesParquet => trades::read_parquet(recording, listings, visit),
        Format::Lobster { utc_offset_s } => lobster::read(recording, utc_offset_s, listings, visit),
        Format::Bars | Format::Funding => bars::read(recording, listings, visit),
    }
}

/// What ends the reading of a line: the line itself, or whoever takes its events.
pub(crate) enum Stop {
    Line(LineError),
    Visit(DataError),
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Self::Line(error.into())
    }
}

impl From<LineError> for Stop {
    fn from(error: LineError) -> Self {
        Self::Line(error)
    }
}

impl Stop {
    /// Say where it was.
    pub(crate) fn at(self, recording: &Recording, line: Line) -> DataError {
        match self {
            Self::Visit(error) => error,
            Self::Line(reason) => DataError::Line {
                path: recording.file(line.source).to_owned(),
                line: line.line,
                reason,
            },
        }
    }
}
