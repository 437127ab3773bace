//! Recordings of trades alone: freqtrade's JSON, and Parquet.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flyball_core::domain::{Body, Event, InstrumentId, Side, Trade};
use flyball_venues::{Listed, Listings, Number, Seen};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::DataError;
use crate::error::LineError;
use crate::recording::lines::{Meter, failed, is_due, unpacked};
use crate::recording::messages::epoch_ns;
use crate::recording::{Line, Oddity, Readout, Recording, Stop, Totals, Visit};

/// A trade as it was written.
struct Raw {
    time_ns: i64,
    id: u64,
    aggressor: Side,
    price: Number,
    qty: Number,
    rounded: bool,
}

impl Raw {
    fn trade(&self, it: &mut Listed) -> Result<Trade, LineError> {
        let instrument: InstrumentId = it.id();
        let (price, qty) = (it.price(self.price)?, it.qty(self.qty)?);
        Ok(Trade { instrument, aggressor: self.aggressor, price, qty, id: self.id })
    }
}

struct Reading<'a, V> {
    recording: &'a Recording,
    listings: Listings,
    totals: Totals,
    meter: Meter,
    visit: &'a mut V,
}

impl<V: Visit> Reading<'_, V> {
    fn give(&mut self, raw: &Raw, line: Line) -> Result<(), DataError> {
        let at = |error: LineError| Stop::Line(error).at(self.recording, line);
        let it = self.listings.only().map_err(|error| at(error.into()))?;
        let trade = raw.trade(it).map_err(at)?;
        if raw.rounded {
            self.visit.oddity(Oddity::Rounded, raw.time_ns, line);
        }
        self.totals.count(Seen::Market);
        let (time_ns, received_ns) = (raw.time_ns, raw.time_ns);
        self.visit.event(&Event { time_ns, received_ns, body: Body::Trade(trade) }, line)?;
        if is_due(line.line) {
            self.visit.progress(self.meter.take())?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Readout, DataError> {
        self.visit.progress(self.meter.take())?;
        Ok(Readout { totals: self.totals, listings: self.listings })
    }
}

pub(super) fn read_json(
    recording: &Recording,
    listings: Listings,
    visit: &mut impl Visit,
) -> Result<Readout, DataError> {
    let (totals, meter) = (Totals::default(), Meter::default());
    let mut reading = Reading { recording, listings, totals, meter, visit };
    for (source, path) in (0..).zip(&recording.sources) {
        let file = unpacked(path, &reading.meter)?;
        let mut json = serde_json::Deserializer::from_reader(file);
        let mut document =
            Document { reading: &mut reading, line: Line { source, line: 0 }, failure: None };
        let read = (&mut document).deserialize(&mut json).and_then(|()| json.end());
        let Document { line, failure, .. } = document;
        if let Some(error) = failure {
            return Err(error);
        }
        read.map_err(|error| {
            let row = Line { line: line.line.saturating_add(1), ..line };
            match error.io_error_kind() {
                Some(kind) => failed(kind.into(), path.clone(), line.line),
                None if error.is_eof() => {
                    DataError::Truncated { path: path.clone(), line: line.line }
                }
                None => Stop::Line(LineError::Other(error.to_string())).at(recording, row),
            }
        })?;
    }
    reading.finish()
}

/// A JSON list of trades, read row by row.
struct Document<'a, 'b, V> {
    reading: &'a mut Reading<'b, V>,
    line: Line,
    failure: Option<DataError>,
}

/// `[ms, id, type, side, price, amount, cost]`.
type JsonRow =
    (i64, Box<RawValue>, IgnoredAny, String, Box<RawValue>, Box<RawValue>, Option<IgnoredAny>);

impl<'de, V: Visit> DeserializeSeed<'de> for &mut Document<'_, '_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, V: Visit> Visitor<'de> for &mut Document<'_, '_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of trades")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(row) = seq.next_element::<JsonRow>()? {
            self.line.line = self.line.line.saturating_add(1);
            let line = self.line;
            let given = json_trade(&row)
                .map_err(|error| Stop::Line(error).at(self.reading.recording, line))
                .and_then(|raw| self.reading.give(&raw, line));
            if let Err(error) = given {
                self.failure = Some(error);
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

fn json_trade(row: &JsonRow) -> Result<Raw, LineError> {
    let (time, id, _, side, price, amount, _) = row;
    let aggressor = match side.as_str() {
        "buy" => Side::Bid,
        "sell" => Side::Ask,
        other => return Err(LineError::Other(format!("{other:?} is neither buy nor sell"))),
    };
    let id = id.get().trim_matches('"');
    let time_ns = epoch_ns(*time).ok_or_else(|| LineError::Time(time.to_string()))?;
    let (price, price_rounded) = float_text("price", price.get())?;
    let (qty, qty_rounded) = float_text("amount", amount.get())?;
    // Venues that number trades by text: none of their numbers is kept.
    let id = id.parse().unwrap_or(0);
    Ok(Raw { time_ns, id, aggressor, price, qty, rounded: price_rounded || qty_rounded })
}

fn float_text(column: &str, text: &str) -> Result<(Number, bool), LineError> {
    Number::parse_float_text(text.as_bytes()).map_err(|error| LineError::Number {
        column: column.to_owned(),
        text: text.to_owned(),
        error,
    })
}

pub(super) fn read_parquet(
    recording: &Recording,
    listings: Listings,
    visit: &mut impl Visit,
) -> Result<Readout, DataError> {
    let (totals, meter) = (Totals::default(), Meter::default());
    let mut reading = Reading { recording, listings, totals, meter, visit };
    for (source, path) in (0..).zip(&recording.sources) {
        let file = std::fs::File::open(path).map_err(DataError::open(path))?;
        let bytes = file.metadata().map_err(DataError::open(path))?.len();
        let wrong = |error: ParquetError| DataError::Format {
            path: path.clone(),
            reason: format!("as a Parquet table: {error}"),
        };
        let reader = unpanicked(|| SerializedFileReader::new(file)).map_err(wrong)?;
        let mut rows = unpanicked(|| reader.get_row_iter(None)).map_err(wrong)?;
        let mut line = Line { source, line: 0 };
        while let Some(row) = unpanicked(|| rows.next().transpose()).map_err(wrong)? {
            line.line = line.line.saturating_add(1);
            let raw = table_trade(&row);
            reading.give(&raw.map_err(|error| Stop::Line(error).at(recording, line))?, line)?;
        }
        reading.meter.count(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    reading.finish()
}

/// Do this part of reading a table. Parquet's reader panics on some damaged files: that becomes an
/// error too.
fn unpanicked<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ParquetError::General("it is damaged".to_owned())))
}

fn table_trade(row: &Row) -> Result<Raw, LineError> {
    let field = |names: &[&str]| {
        let mut columns = row.get_column_iter();
        let found = columns.find(|(name, _)| names.contains(&name.to_ascii_lowercase().as_str()));
        let missing = || LineError::NoColumn(names.first().copied().unwrap_or_default().to_owned());
        found.map(|(_, field)| field).ok_or_else(missing)
    };
    let time = field(&["timestamp", "time_ns", "time_ms", "time"])?;
    let time_ns = match time {
        Field::TimestampMillis(ms) => ms.checked_mul(1_000_000),
        Field::TimestampMicros(us) => us.checked_mul(1_000),
        Field::Long(number) => epoch_ns(*number),
        _ => None,
    };
    let (price, price_rounded) = table_number("price", field(&["price"])?)?;
    let (qty, qty_rounded) =
        table_number("quantity", field(&["quantity", "qty", "amount", "size"])?)?;
    Ok(Raw {
        time_ns: time_ns.ok_or_else(|| LineError::Time(time.to_string()))?,
        id: match field(&["trade_id", "id"])? {
            Field::Long(id) => u64::try_from(*id).unwrap_or(0),
            Field::ULong(id) => *id,
            Field::Str(id) => id.parse().unwrap_or(0),
            _ => 0,
        },
        aggressor: table_side(field(&["buyer_maker", "is_buyer_maker"])?)?,
        price,
        qty,
        rounded: price_rounded || qty_rounded,
    })
}

/// A number of a table. Floats are read by their shortest text, as people would write them.
fn table_number(column: &str, field: &Field) -> Result<(Number, bool), LineError> {
    match field {
        Field::Double(value) => float_text(column, &value.to_string()),
        Field::Float(value) => float_text(column, &value.to_string()),
        Field::Str(text) => float_text(column, text),
        other => float_text(column, &other.to_string()),
    }
}

/// When the buyer was maker, the seller took.
fn table_side(buyer_maker: &Field) -> Result<Side, LineError> {
    let is_maker = match buyer_maker {
        Field::Bool(is) => Some(*is),
        Field::Str(text) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    };
    let wrong = || LineError::Other(format!("buyer_maker {buyer_maker} is neither true nor false"));
    Ok(if is_maker.ok_or_else(wrong)? { Side::Ask } else { Side::Bid })
}
