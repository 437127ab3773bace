//! Is this data whole, and does it make sense? One pass over events, while they are imported or
//! read from a tape.

mod bars;
mod outliers;
mod quantiles;
mod report;
mod trades;

use std::collections::BTreeMap;

use flyball_core::book::{Applied, Book, BookError, BookState};
use flyball_core::domain::{
    Body, Depth, DepthKind, Event, InstrumentSpec, Level, Sequence, Side, Touch,
};
use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::instruments::book_for;
use crate::recording::Line;
use crate::tape::Tape;
use bars::Bars;
use quantiles::Quantiles;
use trades::Trades;

pub use report::{Counts, Example, Finding, FindingKind, Latency, Report, Severity, Silence};

/// Cases of a finding that a report tells.
const EXAMPLES: usize = 5;

/// What a check goes by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckOptions {
    /// The smallest latency that is possible, ns: what the clock offset is estimated by.
    pub min_latency_ns: i64,
    /// A trade this far from the median of its ten neighbours is an outlier: a fraction of it.
    pub max_trade_move: f64,
    /// A bar whose low or high is this far from the median close of its ten neighbours is an
    /// outlier: a fraction of it.
    pub max_bar_move: f64,
    /// Whether the venue numbers its trades 1, 2, 3, … for each instrument, so that missing ones
    /// can be told.
    pub counts_trades: bool,
}

impl CheckOptions {
    /// Half a millisecond, 5 %, 25 %. Nothing that trades goes by these.
    pub const fn new(counts_trades: bool) -> Self {
        Self { min_latency_ns: 500_000, max_trade_move: 0.05, max_bar_move: 0.25, counts_trades }
    }
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a recording.
    Line(Line),
    /// On a tape: its number, from 1.
    Event(u64),
}

/// Takes in events one by one; says at the end what it found.
#[derive(Debug)]
pub struct Checker {
    options: CheckOptions,
    findings: Findings,
    instruments: Vec<Instrument>,
    counts: Counts,
    first_ns: Option<i64>,
    last_ns: Option<i64>,
    silence: Option<(i64, i64, Place)>,
    book_latency: Quantiles,
    trade_latency: Quantiles,
    negative: [u64; 2],
}

/// What is remembered of one instrument.
#[derive(Debug)]
struct Instrument {
    spec: InstrumentSpec,
    book: Option<Box<Book>>,
    last_depth: (DepthKind, Sequence),
    last_depth_ns: i64,
    trades: Trades,
    bars: Bars,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings {
    all: BTreeMap<FindingKind, Finding>,
    /// Names of the recording's files.
    files: Vec<String>,
}

impl Findings {
    /// Note one case, or `count` at once.
    fn add(
        &mut self,
        kind: FindingKind,
        count: u64,
        (time_ns, place): (i64, Place),
        detail: impl FnOnce() -> String,
    ) {
        let severity = kind.severity();
        let new = || Finding { kind, severity, count: 0, examples: Vec::new() };
        let finding = self.all.entry(kind).or_insert_with(new);
        finding.count = finding.count.saturating_add(count);
        if finding.examples.len() < EXAMPLES {
            let place = told(&self.files, place);
            finding.examples.push(Example { time_ns, place, detail: detail() });
        }
    }
}

/// A place in words: `file:line`, or the number of the event.
fn told(files: &[String], place: Place) -> String {
    match place {
        Place::Event(number) => format!("event {number}"),
        Place::Line(line) => {
            let file = files.get(usize::from(line.source)).map_or("?", String::as_str);
            format!("{file}:{}", line.line)
        }
    }
}

impl Checker {
    /// A checker for these instruments, in the order of their ids. `files` are the names that a
    /// [`Place::Line`] is told by.
    ///
    /// # Errors
    ///
    /// [`DataError::Instrument`] when a specification is wrong.
    pub fn new(
        instruments: &[InstrumentSpec],
        files: Vec<String>,
        options: CheckOptions,
    ) -> Result<Self, DataError> {
        let of = |spec: &InstrumentSpec| Instrument {
            spec: spec.clone(),
            book: None,
            last_depth: (DepthKind::Snapshot, Sequence::default()),
            last_depth_ns: i64::MIN,
            trades: Trades::new(&options),
            bars: Bars::new(&options),
        };
        Ok(Self {
            options,
            findings: Findings { all: BTreeMap::new(), files },
            instruments: instruments.iter().map(of).collect(),
            counts: Counts::default(),
            first_ns: None,
            last_ns: None,
            silence: None,
            book_latency: Quantiles::new(),
            trade_latency: Quantiles::new(),
            negative: [0; 2],
        })
    }

    /// Take in an event.
    ///
    /// # Errors
    ///
    /// [`DataError::Request`] when it is about an instrument that was not given.
    pub fn event(&mut self, event: &Event<'_>, place: Place) -> Result<(), DataError> {
        self.counts.events = self.counts.events.saturating_add(1);
        self.received(event, place);
        let Some(id) = event.body.instrument() else { return Ok(()) };
        let Some(it) = self.instruments.get_mut(id.index()) else {
            let known = self.instruments.len();
            let reason = format!("an event is about instrument {} of {known}", id.raw());
            return Err(DataError::Request(reason));
        };
        let (findings, counts) = (&mut self.findings, &mut self.counts);
        let one_more = |count: &mut u64| *count = count.saturating_add(1);
        let at = (event.time_ns, place);
        match &event.body {
            Body::Depth(depth) => {
                let kind = match depth.kind {
                    DepthKind::Snapshot => &mut counts.snapshots,
                    DepthKind::Diff => &mut counts.diffs,
                };
                one_more(kind);
                // A book without a time of its own has the time of receipt, by another clock.
                if event.time_ns != event.received_ns {
                    it.venue_time(at, findings);
                }
                it.depth(depth, at, findings, counts)?;
                self.latency(event, place, true);
            }
            Body::Touch(touch) => {
                one_more(&mut counts.touches);
                check_touch(touch, at, findings);
            }
            Body::Trade(trade) => {
                one_more(&mut counts.trades);
                it.trades.add(trade, at, findings);
                self.latency(event, place, false);
            }
            Body::Bar(bar) => {
                one_more(&mut counts.bars);
                it.bars.add(bar, at, findings);
            }
            Body::Reference(_) => one_more(&mut counts.references),
            Body::FundingRate(_) => one_more(&mut counts.funding_rates),
            Body::Feed(feed) if !feed.connected => {
                it.book.iter_mut().for_each(|book| book.disconnect());
            }
            _ => {}
        }
        Ok(())
    }

    /// Something that was dealt with before it became an event.
    pub fn note(&mut self, kind: FindingKind, time_ns: i64, place: Place) {
        self.findings.add(kind, 1, (time_ns, place), || kind.says().to_owned());
    }

    /// Clocks, and silence.
    fn received(&mut self, event: &Event<'_>, place: Place) {
        let now = event.received_ns;
        self.first_ns.get_or_insert(now);
        let last = self.last_ns.replace(now).unwrap_or(now);
        if now < last {
            let back = last.saturating_sub(now);
            let detail = || format!("by {} ms", milliseconds(back));
            self.findings.add(FindingKind::ReceivedBack, 1, (event.time_ns, place), detail);
        }
        let regular = matches!(event.body, Body::Bar(_) | Body::FundingRate(_));
        let silent = now.saturating_sub(last);
        if !regular && silent > self.silence.map_or(0, |(ns, _, _)| ns) {
            self.silence = Some((silent, last, place));
        }
    }

    fn latency(&mut self, event: &Event<'_>, place: Place, of_book: bool) {
        if event.time_ns == event.received_ns {
            return;
        }
        let latency = event.received_ns.saturating_sub(event.time_ns);
        if latency < 0 {
            let detail = || format!("by {} ms", milliseconds(latency.saturating_neg()));
            self.findings.add(FindingKind::NegativeLatency, 1, (event.time_ns, place), detail);
        }
        let (quantiles, negative) = match (of_book, &mut self.negative) {
            (true, [negative, _]) => (&mut self.book_latency, negative),
            (false, [_, negative]) => (&mut self.trade_latency, negative),
        };
        quantiles.add(latency);
        *negative = negative.saturating_add(u64::from(latency < 0));
    }

    /// What was found.
    pub fn finish(mut self) -> Report {
        for it in &mut self.instruments {
            it.trades.finish(&mut self.findings);
            it.bars.finish(&mut self.findings);
        }
        let [of_books, of_trades] = self.negative;
        let (quantiles, negative) = if self.book_latency.count() > 0 {
            (&self.book_latency, of_books)
        } else {
            (&self.trade_latency, of_trades)
        };
        let latency = (quantiles.count() > 0).then(|| Latency {
            count: quantiles.count(),
            min_ns: quantiles.min(),
            median_ns: quantiles.at(500),
            p99_ns: quantiles.at(990),
            max_ns: quantiles.max(),
            negative,
        });
        let floor = self.options.min_latency_ns;
        let offset = latency.map_or(0, |latency| floor.saturating_sub(latency.min_ns).max(0));
        let Findings { all, files } = self.findings;
        let mut findings: Vec<_> = all.into_values().collect();
        findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.kind));
        Report {
            counts: self.counts,
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            latency,
            clock_offset_ns: offset,
            longest_silence: self.silence.map(|(ns, from_ns, place)| Silence {
                ns,
                from_ns,
                place: told(&files, place),
            }),
            findings,
        }
    }
}

impl Instrument {
    fn venue_time(&mut self, at: (i64, Place), findings: &mut Findings) {
        let last = std::mem::replace(&mut self.last_depth_ns, at.0);
        if at.0 < last {
            let detail = || format!("by {} ms", milliseconds(last.saturating_sub(at.0)));
            findings.add(FindingKind::VenueTimeBack, 1, at, detail);
        }
    }

    fn depth(
        &mut self,
        depth: &Depth<'_>,
        at: (i64, Place),
        findings: &mut Findings,
        counts: &mut Counts,
    ) -> Result<(), DataError> {
        let levels = depth.bids.len().saturating_add(depth.asks.len()) as u64;
        counts.levels = counts.levels.saturating_add(levels);
        let (kind, sequence) = (depth.kind, depth.sequence);
        let before = std::mem::replace(&mut self.last_depth, (kind, sequence));
        if sequence.last != 0 && before == (kind, sequence) {
            findings.add(FindingKind::DuplicateMessage, 1, at, || number(depth));
        }
        for level in depth.bids.iter().chain(depth.asks) {
            check_level(level, at, findings);
        }
        let book = match &mut self.book {
            Some(book) => book,
            None => self.book.insert(Box::new(book_for(&self.spec, depth.instrument)?)),
        };
        match book.apply(depth) {
            Ok(Applied::Changed | Applied::Healed) => {}
            Ok(Applied::Waits) => {
                findings.add(FindingKind::Waiting, 1, at, || number(depth));
            }
            Ok(Applied::Stale) => {
                let detail = || format!("{}, the book is at {}", number(depth), book.sequence());
                findings.add(FindingKind::Stale, 1, at, detail);
            }
            Err(error) => findings.add(kind_of(error), 1, at, || error.to_string()),
        }
        if book.state() == BookState::Crossed {
            findings.add(FindingKind::CrossedBook, 1, at, || "after this message".to_owned());
        }
        let deepest = book.depth(Side::Bid).max(book.depth(Side::Ask));
        counts.deepest = counts.deepest.max(deepest as u64);
        Ok(())
    }
}

fn number(depth: &Depth<'_>) -> String {
    format!("number {}", depth.sequence.last)
}

const fn kind_of(error: BookError) -> FindingKind {
    match error {
        BookError::Full { .. } => FindingKind::BookFull,
        BookError::Checksum { .. } => FindingKind::WrongChecksum,
        _ => FindingKind::SequenceGap,
    }
}

fn check_level(level: &Level, at: (i64, Place), findings: &mut Findings) {
    if level.price.ticks() <= 0 {
        let detail = || format!("a level at {} ticks", level.price.ticks());
        findings.add(FindingKind::ImpossiblePrice, 1, at, detail);
    }
}

fn check_touch(touch: &Touch, at: (i64, Place), findings: &mut Findings) {
    check_level(&touch.bid, at, findings);
    check_level(&touch.ask, at, findings);
    if touch.bid.price >= touch.ask.price {
        let (bid, ask) = (touch.bid.price.ticks(), touch.ask.price.ticks());
        let detail = || format!("bid {bid}, ask {ask} ticks");
        findings.add(FindingKind::CrossedQuote, 1, at, detail);
    }
}

/// Nanoseconds as milliseconds with three decimals, for people.
fn milliseconds(ns: i64) -> String {
    format!("{}.{:03}", ns / 1_000_000, (ns / 1000).rem_euclid(1000))
}

/// Check a tape, by what it says about itself.
///
/// # Errors
///
/// [`DataError::Format`] when the tape does not say what is on it; [`DataError::Segment`] when it
/// is damaged; [`DataError::Instrument`].
pub fn check_tape(tape: &Tape, options: CheckOptions) -> Result<Report, DataError> {
    let mut checker = Checker::new(&tape.details()?.instruments, Vec::new(), options)?;
    let mut cursor = tape.cursor()?;
    while let Some(event) = cursor.next()? {
        checker.event(&event, Place::Event(cursor.events()))?;
    }
    Ok(checker.finish())
}

#[cfg(test)]
mod tests;
