//! The tables of an import: one for each kind of event, made when the first such event comes.

use std::path::{Path, PathBuf};

use flyball_core::domain::{
    Bar, Body, Decimal, Depth, DepthKind, Event, FundingRate, InstrumentId, InstrumentSpec, Level,
    Price, Qty, Reference, Side, Touch, Trade,
};

use crate::DataError;
use crate::files::Draft;
use crate::import::table::{Kind, TableWriter, Value};
use crate::tape::Table;

/// The first columns of every table.
const STAMPS: [(&str, Kind); 4] = [
    ("event", Kind::Rising),
    ("time_ns", Kind::Rising),
    ("received_ns", Kind::Rising),
    ("symbol", Kind::Word),
];

const DEPTH: [(&str, Kind); 7] = [
    ("kind", Kind::Word),
    ("side", Kind::Word),
    ("price", Kind::Real),
    ("price_ticks", Kind::Whole),
    ("qty", Kind::Real),
    ("qty_lots", Kind::Whole),
    ("sequence", Kind::Rising),
];
const TRADES: [(&str, Kind); 6] = [
    ("aggressor", Kind::Word),
    ("price", Kind::Real),
    ("price_ticks", Kind::Whole),
    ("qty", Kind::Real),
    ("qty_lots", Kind::Whole),
    ("trade_id", Kind::Rising),
];
const QUOTES: [(&str, Kind); 9] = [
    ("bid_price", Kind::Real),
    ("bid_price_ticks", Kind::Whole),
    ("bid_qty", Kind::Real),
    ("bid_qty_lots", Kind::Whole),
    ("ask_price", Kind::Real),
    ("ask_price_ticks", Kind::Whole),
    ("ask_qty", Kind::Real),
    ("ask_qty_lots", Kind::Whole),
    ("sequence", Kind::Rising),
];
const REFERENCES: [(&str, Kind); 4] = [
    ("mark_price", Kind::Real),
    ("mark_price_ticks", Kind::Whole),
    ("oracle_price", Kind::Real),
    ("oracle_price_ticks", Kind::Whole),
];
const BARS: [(&str, Kind); 12] = [
    ("open_ns", Kind::Rising),
    ("interval_ns", Kind::Whole),
    ("open", Kind::Real),
    ("high", Kind::Real),
    ("low", Kind::Real),
    ("close", Kind::Real),
    ("volume", Kind::Real),
    ("open_ticks", Kind::Whole),
    ("high_ticks", Kind::Whole),
    ("low_ticks", Kind::Whole),
    ("close_ticks", Kind::Whole),
    ("volume_lots", Kind::Whole),
];
const FUNDING: [(&str, Kind); 3] =
    [("rate", Kind::Real), ("rate_parts", Kind::Whole), ("settles", Kind::Flag)];

/// Names of all tables.
pub(super) const NAMES: [&str; 6] = ["depth", "quotes", "trades", "references", "bars", "funding"];

/// Words that come before the symbols.
const WORDS: [&str; 4] = ["bid", "ask", "diff", "snapshot"];

/// All tables.
pub(super) struct Tables {
    out_dir: PathBuf,
    units: Vec<Units>,
    words: Vec<String>,
    metadata: Vec<(String, String)>,
    depth: Option<TableWriter>,
    trades: Option<TableWriter>,
    quotes: Option<TableWriter>,
    references: Option<TableWriter>,
    bars: Option<TableWriter>,
    funding: Option<TableWriter>,
}

/// What a tick and a lot of an instrument are.
#[derive(Clone, Copy, Debug)]
struct Units {
    tick: Decimal,
    lot: Decimal,
}

/// A whole number of steps as people write it. The nearest float, because both numbers are exact
/// and a division rounds once.
#[expect(clippy::cast_precision_loss, reason = "a view for people")]
fn real(steps: i64, step: Decimal) -> Value {
    let units = steps.saturating_mul(step.units());
    let scale = 10_i64.saturating_pow(u32::from(step.decimals()));
    Value::Real(units as f64 / scale as f64)
}

impl Units {
    fn price(self, price: Price) -> [Value; 2] {
        [real(price.ticks(), self.tick), Value::Whole(price.ticks())]
    }

    fn qty(self, qty: Qty) -> [Value; 2] {
        let lots = qty.lots().cast_signed();
        [real(lots, self.lot), Value::Whole(lots)]
    }
}

const fn side(side: Side) -> Value {
    Value::Word(match side {
        Side::Bid => 0,
        Side::Ask => 1,
    })
}

const fn number(number: u64) -> Value {
    Value::Whole(number.cast_signed())
}

impl Tables {
    pub(super) fn new(
        out_dir: &Path,
        instruments: &[InstrumentSpec],
        metadata: Vec<(String, String)>,
    ) -> Self {
        let words = WORDS.iter().map(|word| (*word).to_owned());
        let symbols = instruments.iter().map(|spec| spec.symbol.clone());
        let units = |spec: &InstrumentSpec| Units { tick: spec.tick_size, lot: spec.lot_size };
        let mut metadata = metadata;
        for spec in instruments {
            let steps = format!("tick_size {}, lot_size {}", spec.tick_size, spec.lot_size);
            metadata.push((format!("flyball.instrument.{}", spec.symbol), steps));
        }
        Self {
            out_dir: out_dir.to_owned(),
            units: instruments.iter().map(units).collect(),
            words: words.chain(symbols).collect(),
            metadata,
            depth: None,
            trades: None,
            quotes: None,
            references: None,
            bars: None,
            funding: None,
        }
    }

    /// Write an event to its table. `event_number` counts the tape's events, from 1.
    #[inline]
    pub(super) fn event(&mut self, event: &Event<'_>, event_number: u64) -> Result<(), DataError> {
        let Some(id) = event.body.instrument() else { return Ok(()) };
        let Some(&units) = self.units.get(id.index()) else { return Ok(()) };
        let row = Row { stamps: stamps(event, event_number, id), units };
        match &event.body {
            Body::Depth(depth) => row.depth(depth, self.table("depth", &DEPTH)?),
            Body::Touch(touch) => row.touch(touch, self.table("quotes", &QUOTES)?),
            Body::Trade(trade) => row.trade(trade, self.table("trades", &TRADES)?),
            Body::Bar(bar) => row.bar(bar, event.time_ns, self.table("bars", &BARS)?),
            Body::Reference(it) => row.reference(it, self.table("references", &REFERENCES)?),
            Body::FundingRate(it) => row.funding(it, self.table("funding", &FUNDING)?),
            _ => Ok(()),
        }
    }

    fn table(
        &mut self,
        name: &str,
        columns: &[(&str, Kind)],
    ) -> Result<&mut TableWriter, DataError> {
        let slot = match name {
            "depth" => &mut self.depth,
            "quotes" => &mut self.quotes,
            "trades" => &mut self.trades,
            "bars" => &mut self.bars,
            "references" => &mut self.references,
            _ => &mut self.funding,
        };
        if slot.is_none() {
            let path = self.out_dir.join(format!("{name}.parquet"));
            let columns = [&STAMPS, columns].concat();
            *slot = Some(TableWriter::create(&path, &columns, &self.words, &self.metadata)?);
        }
        slot.as_mut().ok_or_else(|| DataError::Request(format!("no table of {name}")))
    }

    /// Write the ends of all tables. What they are, and the files under their other names.
    pub(super) fn complete(self) -> Result<Vec<(Table, Draft)>, DataError> {
        let all = [self.depth, self.quotes, self.trades, self.references, self.bars, self.funding];
        let mut complete = Vec::new();
        for table in all.into_iter().flatten() {
            let (rows, draft) = table.complete()?;
            let file = draft.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            complete.push((Table { file, rows }, draft));
        }
        Ok(complete)
    }
}

fn stamps(event: &Event<'_>, event_number: u64, id: InstrumentId) -> [Value; 4] {
    let symbol = id.raw().saturating_add(4);
    [
        number(event_number),
        Value::Whole(event.time_ns),
        Value::Whole(event.received_ns),
        Value::Word(symbol),
    ]
}

/// What the rows of one event have in common.
struct Row {
    stamps: [Value; 4],
    units: Units,
}

impl Row {
    fn depth(&self, depth: &Depth<'_>, table: &mut TableWriter) -> Result<(), DataError> {
        let kind = Value::Word(if depth.kind == DepthKind::Diff { 2 } else { 3 });
        let sequence = number(depth.sequence.last);
        for (which, levels) in [(Side::Bid, depth.bids), (Side::Ask, depth.asks)] {
            for level in levels {
                let (price, qty) = (self.units.price(level.price), self.units.qty(level.qty));
                self.write(&[&[kind, side(which)], &price, &qty, &[sequence]], table)?;
            }
        }
        Ok(())
    }

    fn touch(&self, touch: &Touch, table: &mut TableWriter) -> Result<(), DataError> {
        let level = |level: Level| (self.units.price(level.price), self.units.qty(level.qty));
        let (bid, bid_qty) = level(touch.bid);
        let (ask, ask_qty) = level(touch.ask);
        self.write(&[&bid, &bid_qty, &ask, &ask_qty, &[number(touch.sequence)]], table)
    }

    fn trade(&self, trade: &Trade, table: &mut TableWriter) -> Result<(), DataError> {
        let (price, qty) = (self.units.price(trade.price), self.units.qty(trade.qty));
        self.write(&[&[side(trade.aggressor)], &price, &qty, &[number(trade.id)]], table)
    }

    fn bar(&self, bar: &Bar, end_ns: i64, table: &mut TableWriter) -> Result<(), DataError> {
        let open_ns = Value::Whole(end_ns.saturating_sub(bar.interval_ns));
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| self.units.price(price));
        let [reals, wholes] =
            [0, 1].map(|at| prices.map(|pair| pair.get(at).copied().unwrap_or(Value::Whole(0))));
        let [volume, lots] = self.units.qty(bar.volume);
        let interval = Value::Whole(bar.interval_ns);
        self.write(&[&[open_ns, interval], &reals, &[volume], &wholes, &[lots]], table)
    }

    fn reference(&self, it: &Reference, table: &mut TableWriter) -> Result<(), DataError> {
        self.write(&[&self.units.price(it.mark), &self.units.price(it.oracle)], table)
    }

    fn funding(&self, it: &FundingRate, table: &mut TableWriter) -> Result<(), DataError> {
        let rate = it.rate;
        let values =
            [Value::Real(rate.to_f64()), Value::Whole(rate.parts()), Value::Flag(it.settles)];
        self.write(&[&values], table)
    }

    /// A row of the stamps and these values.
    fn write(&self, parts: &[&[Value]], table: &mut TableWriter) -> Result<(), DataError> {
        let mut row = [Value::Whole(0); 24];
        let values = self.stamps.iter().chain(parts.iter().copied().flatten());
        let mut count = 0_usize;
        for (slot, value) in row.iter_mut().zip(values) {
            *slot = *value;
            count = count.saturating_add(1);
        }
        table.row(row.get(..count).unwrap_or_default())
    }
}
