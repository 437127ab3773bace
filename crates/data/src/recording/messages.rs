//! Recordings of messages: each line one message of the venue, most with the time received.

use flyball_core::domain::Event;
use flyball_venues::binance::Binance;
use flyball_venues::bybit::Bybit;
use flyball_venues::coinbase::{Coinbase, CsvBook};
use flyball_venues::hyperliquid::Hyperliquid;
use flyball_venues::kraken::Kraken;
use flyball_venues::{Decode, Listings, Number, Seen};

use crate::DataError;
use crate::error::LineError;
use crate::recording::lines::{Lines, Meter, is_due};
use crate::recording::{Format, Line, Oddity, Readout, Recording, Stop, Totals, Visit};

/// What stands before the message on a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stamp {
    /// `<whole number> `: the time received, in a unit that its size tells.
    Whole,
    /// `<seconds with decimals>: `. Lines that begin otherwise are the recorder's own.
    Seconds,
    /// Nothing. The venue's time stands for the time received.
    Absent,
}

pub(super) fn read(
    recording: &Recording,
    listings: Listings,
    visit: &mut impl Visit,
) -> Result<Readout, DataError> {
    match recording.format {
        Format::Hyperliquid => {
            Session::new(recording, Stamp::Whole, visit).run(Hyperliquid::new(listings))
        }
        Format::Bybit => Session::new(recording, Stamp::Absent, visit).run(Bybit::new(listings)),
        Format::CoinbaseCapture => {
            Session::new(recording, Stamp::Seconds, visit).run(Coinbase::new(listings))
        }
        Format::KrakenCapture => {
            Session::new(recording, Stamp::Seconds, visit).run(Kraken::new(listings))
        }
        _ => Session::new(recording, Stamp::Whole, visit).run(Binance::new(listings)),
    }
}

/// One reading of a recording.
struct Session<'a, V> {
    recording: &'a Recording,
    stamp: Stamp,
    meter: Meter,
    totals: Totals,
    visit: &'a mut V,
}

/// A file, at a line that has a message.
struct Stream {
    lines: Lines<'static>,
    source: u16,
    received_ns: i64,
    /// Where on the line the message begins.
    start: usize,
}

impl<'a, V: Visit> Session<'a, V> {
    fn new(recording: &'a Recording, stamp: Stamp, visit: &'a mut V) -> Self {
        let (meter, totals) = (Meter::default(), Totals::default());
        Self { recording, stamp, meter, totals, visit }
    }

    fn run<D: Decode>(mut self, mut decoder: D) -> Result<Readout, DataError> {
        if self.stamp == Stamp::Seconds {
            self.merge(&mut decoder)?;
        } else {
            for (source, path) in (0..).zip(&self.recording.sources) {
                let lines = Lines::open(path, &self.meter)?;
                let mut stream = Stream { lines, source, received_ns: 0, start: 0 };
                while self.next(&mut stream)? {
                    self.decode(&stream, &mut decoder)?;
                }
            }
        }
        Ok(Readout { totals: self.totals, listings: decoder.listings().clone() })
    }

    /// Files that were written side by side: always the oldest line of all.
    fn merge<D: Decode>(&mut self, decoder: &mut D) -> Result<(), DataError> {
        let mut streams = Vec::new();
        for (source, path) in (0..).zip(&self.recording.sources) {
            let lines = Lines::open(path, &self.meter)?;
            let mut stream = Stream { lines, source, received_ns: 0, start: 0 };
            if self.next(&mut stream)? {
                streams.push(stream);
            }
        }
        loop {
            let oldest = streams.iter().enumerate().min_by_key(|(_, it)| it.received_ns);
            let Some(at) = oldest.map(|(at, _)| at) else { return Ok(()) };
            let Some(stream) = streams.get_mut(at) else { return Ok(()) };
            self.decode(stream, decoder)?;
            if !self.next(stream)? {
                streams.remove(at);
            }
        }
    }

    /// Go to the next line that has a message.
    fn next(&mut self, stream: &mut Stream) -> Result<bool, DataError> {
        while stream.lines.advance()? {
            let number = stream.lines.number();
            if is_due(number) {
                self.visit.progress(self.meter.take())?;
            }
            let text = stream.lines.current();
            match split(text, self.stamp) {
                Some((received_ns, start)) => {
                    (stream.received_ns, stream.start) = (received_ns, start);
                    return Ok(true);
                }
                None if text.is_empty() || self.stamp == Stamp::Seconds => {
                    self.totals.count(Seen::Control);
                }
                None => {
                    let line = Line { source: stream.source, line: number };
                    return Err(Stop::Line(LineError::NoTime).at(self.recording, line));
                }
            }
        }
        self.visit.progress(self.meter.take())?;
        Ok(false)
    }

    fn decode<D: Decode>(&mut self, stream: &Stream, decoder: &mut D) -> Result<(), DataError> {
        let line = Line { source: stream.source, line: stream.lines.number() };
        let message = stream.lines.current().get(stream.start..).unwrap_or_default();
        let absent = self.stamp == Stamp::Absent;
        let visit = &mut *self.visit;
        let seen = decoder.decode(message, stream.received_ns, |event| {
            let received_ns = if absent { event.time_ns } else { event.received_ns };
            visit.event(&Event { received_ns, ..*event }, line).map_err(Stop::Visit)
        });
        self.totals.count(seen.map_err(|stop| stop.at(self.recording, line))?);
        Ok(())
    }
}

/// The time received, ns, and where the message begins; `None` when the line does not begin so.
fn split(line: &[u8], stamp: Stamp) -> Option<(i64, usize)> {
    match stamp {
        Stamp::Absent => (!line.is_empty()).then_some((0, 0)),
        Stamp::Whole => {
            let end = line.iter().position(|&byte| byte == b' ')?;
            let number = Number::parse(line.get(..end)?).ok()?;
            let whole = (number.decimals() == 0).then(|| number.mantissa())?;
            Some((epoch_ns(whole)?, end.checked_add(1)?))
        }
        Stamp::Seconds => {
            let end = line.iter().position(|&byte| byte == b':')?;
            let text = line.get(..end)?;
            let number = text.first()?.is_ascii_digit().then(|| Number::parse(text).ok())??;
            let scale = 10_i64.checked_pow(u32::from(9_u8.checked_sub(number.decimals())?))?;
            Some((number.mantissa().checked_mul(scale)?, end.checked_add(1)?))
        }
    }
}

/// A whole number of seconds, ms, µs or ns since 1970 as nanoseconds. Which of them, its size
/// tells: each fits the years 1973 to 5138 in its own unit only.
pub(super) fn epoch_ns(number: i64) -> Option<i64> {
    let factor = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    number.checked_mul(factor)
}

pub(super) fn read_csv_book(
    recording: &Recording,
    listings: Listings,
    visit: &mut impl Visit,
) -> Result<Readout, DataError> {
    let (meter, mut totals) = (Meter::default(), Totals::default());
    let mut book = CsvBook::new(listings);
    let mut at = Line::default();
    for (source, path) in (0..).zip(&recording.sources) {
        let mut lines = Lines::open(path, &meter)?;
        while lines.advance()? {
            if is_due(lines.number()) {
                visit.progress(meter.take())?;
            }
            if lines.current().is_empty() {
                continue;
            }
            at = Line { source, line: lines.number() };
            let (rounded, mut time_ns) = (book.rounded(), 0);
            let seen = book.row(lines.current(), |event| {
                time_ns = event.time_ns;
                visit.event(event, at).map_err(Stop::Visit)
            });
            totals.count(seen.map_err(|stop| stop.at(recording, at))?);
            if book.rounded() > rounded {
                visit.oddity(Oddity::Rounded, time_ns, at);
            }
        }
    }
    visit.progress(meter.take())?;
    let finished = book.finish(|event| visit.event(event, at).map_err(Stop::Visit));
    finished.map_err(|stop| stop.at(recording, at))?;
    Ok(Readout { totals, listings: book.listings().clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_time_tells_its_unit() {
        let ns = 1_723_161_256_172_216_566;
        assert_eq!(epoch_ns(ns), Some(ns));
        assert_eq!(epoch_ns(1_721_749_182_850_494), Some(1_721_749_182_850_494_000));
        assert_eq!(epoch_ns(1_721_749_182_850), Some(1_721_749_182_850_000_000));
        assert_eq!(epoch_ns(1_721_749_182), Some(1_721_749_182_000_000_000));
    }

    #[test]
    fn a_line_begins_with_the_time_received() {
        assert_eq!(split(b"1721749182 {}", Stamp::Whole), Some((1_721_749_182_000_000_000, 11)));
        assert_eq!(split(b"{}", Stamp::Whole), None);
        assert_eq!(split(b"x {}", Stamp::Whole), None);
        let line = b"1618677817.061845: {}";
        assert_eq!(split(line, Stamp::Seconds), Some((1_618_677_817_061_845_000, 18)));
        let line = b"1618677817.0208309: {}";
        assert_eq!(split(line, Stamp::Seconds), Some((1_618_677_817_020_830_900, 18 + 1)));
        assert_eq!(split(b"wss://ws.kraken.com <- 1: {}", Stamp::Seconds), None);
        assert_eq!(split(b"{}", Stamp::Absent), Some((0, 0)));
    }
}
