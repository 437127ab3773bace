//! A first look at a recording: which instruments are in it, and which decimals their numbers use.

use std::collections::BTreeMap;

use flyball_core::domain::{
    Body, ChecksumRule, Decimal, DepthKind, Event, Fees, InstrumentId, InstrumentKind,
    InstrumentSpec, MarginTier, Money, PriceRule, Qty, Rate, SequenceRule,
};
use flyball_venues::{Listed, Listings, Surveyed, Used};

use crate::DataError;
use crate::recording::{Format, Line, Recording, Visit, read_all};

/// Levels a side for which a book is given room. Books that are kept by changes alone grow: what
/// lies far away is never told to be gone.
const DEEP: u32 = 1 << 15;

/// What a first look at a recording finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Its instruments, in the order of their ids. Tick and lot size are *inferred*: the decimals
    /// that its prices and quantities use, as a power of ten; Hyperliquid's tick follows from the
    /// decimals of its sizes. So are the rules for numbering and checksums. Fees are zero, leverage
    /// and contract size one: no recording tells them, so set them before trading on it.
    pub instruments: Vec<InstrumentSpec>,
    /// For bars: the most common distance between two, ns; 0 when there are not two.
    pub interval_ns: i64,
}

/// Look through a recording. `progress` hears of the bytes that were read, as they are on disk.
///
/// # Errors
///
/// As [`read`](crate::recording::read); [`DataError::Format`] when the recording holds nothing, or
/// does not name its instrument and [`Recording::symbols`] does not either.
pub fn survey(
    recording: &Recording,
    kind: InstrumentKind,
    progress: &mut dyn FnMut(u64) -> Result<(), DataError>,
) -> Result<Survey, DataError> {
    let listings = if recording.symbols.is_empty() {
        Listings::survey()
    } else {
        Listings::survey_of(&recording.symbols)
            .map_err(|error| DataError::Request(error.to_string()))?
    };
    let mut look = Look {
        progress,
        events: 0,
        names_previous: false,
        last_bar: BTreeMap::new(),
        distances: BTreeMap::new(),
    };
    // Bars end where they begin here: their length is what is looked for.
    let bare = Recording { funding: None, interval_ns: Some(0), ..recording.clone() };
    let readout = read_all(&bare, listings, &mut look)?;
    let wrong = |reason: String| DataError::Format { path: recording.file(0).to_owned(), reason };
    let mut instruments = Vec::new();
    for it in readout.listings.iter() {
        if it.symbol().is_empty() {
            let reason = "the file does not name its instrument: say which one it is (symbols)";
            return Err(wrong(reason.to_owned()));
        }
        instruments.push(infer(it, recording.format, kind, look.names_previous));
    }
    if instruments.is_empty() {
        return Err(wrong("it holds nothing of the market".to_owned()));
    }
    let unseen = readout.listings.iter().find(|it| it.surveyed() == Some(Surveyed::default()));
    if let Some(it) = unseen.filter(|_| recording.format != Format::Funding || look.events == 0) {
        return Err(wrong(format!("it holds nothing of {}", it.symbol())));
    }
    let interval_ns = recording.interval_ns.unwrap_or_else(|| look.interval_ns());
    Ok(Survey { instruments, interval_ns })
}

struct Look<'a> {
    progress: &'a mut dyn FnMut(u64) -> Result<(), DataError>,
    events: u64,
    names_previous: bool,
    last_bar: BTreeMap<InstrumentId, i64>,
    /// Distances between bars, and how often each was seen.
    distances: BTreeMap<i64, u64>,
}

impl Visit for Look<'_> {
    fn event(&mut self, event: &Event<'_>, _: Line) -> Result<(), DataError> {
        self.events = self.events.saturating_add(1);
        match &event.body {
            Body::Depth(depth) => {
                let previous = depth.sequence.previous != 0;
                self.names_previous |= previous && depth.kind == DepthKind::Diff;
            }
            Body::Bar(bar) => {
                if let Some(last) = self.last_bar.insert(bar.instrument, event.time_ns) {
                    self.distance(event.time_ns.saturating_sub(last).saturating_abs());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn progress(&mut self, bytes: u64) -> Result<(), DataError> {
        (self.progress)(bytes)
    }
}

impl Look<'_> {
    fn distance(&mut self, ns: i64) {
        // Enough to find the most common one; a file with more is not of bars.
        if self.distances.len() < 4096 || self.distances.contains_key(&ns) {
            let count = self.distances.entry(ns).or_default();
            *count = count.saturating_add(1);
        }
    }

    fn interval_ns(&self) -> i64 {
        let positive = self.distances.iter().filter(|(ns, _)| **ns > 0);
        positive.max_by_key(|(_, count)| **count).map_or(0, |(ns, _)| *ns)
    }
}

fn infer(
    it: &Listed,
    format: Format,
    kind: InstrumentKind,
    names_previous: bool,
) -> InstrumentSpec {
    let Surveyed { price, qty, reference, depth } = it.surveyed().unwrap_or_default();
    // Where nothing was quoted or traded, computed prices are all there is.
    let price = if price == Used::default() { reference } else { price };
    let (sequence_rule, checksum_rule, book_depth) = match format {
        Format::Binance if names_previous => {
            (SequenceRule::NamesPrevious, ChecksumRule::Absent, DEEP)
        }
        Format::Binance => (SequenceRule::Contiguous, ChecksumRule::Absent, DEEP),
        Format::Bybit => (SequenceRule::Contiguous, ChecksumRule::Absent, 1 << 12),
        Format::KrakenCapture => {
            (SequenceRule::Unnumbered, ChecksumRule::KrakenTop10, depth.max(10))
        }
        Format::Hyperliquid | Format::Lobster { .. } => {
            (SequenceRule::Unnumbered, ChecksumRule::Absent, 1 << 10)
        }
        _ => (SequenceRule::Unnumbered, ChecksumRule::Absent, DEEP),
    };
    let (tick_decimals, lot_decimals, price_rule) = match format {
        // Kraken's checksums are over the digits that it prints.
        Format::KrakenCapture => (price.printed, qty.printed, PriceRule::AnyTick),
        Format::Bars => (price.needed, volume_decimals(qty, price.needed), PriceRule::AnyTick),
        // Hyperliquid's rule: decimals of price and size are at most 6 together, on spot 8; and a
        // price has at most five significant figures.
        Format::Hyperliquid => {
            let together = if kind == InstrumentKind::Spot { 8 } else { 6_u8 };
            let ticks = price.needed.max(together.saturating_sub(qty.needed));
            (ticks, qty.needed, PriceRule::SignificantFigures(5))
        }
        _ => (price.needed, qty.needed, PriceRule::AnyTick),
    };
    InstrumentSpec {
        symbol: it.symbol().to_owned(),
        kind,
        tick_size: Decimal::new(1, tick_decimals),
        lot_size: Decimal::new(1, lot_decimals),
        contract_size: Decimal::new(1, 0),
        price_rule,
        sequence_rule,
        checksum_rule,
        min_notional: Decimal::new(0, 0),
        fees: Fees { maker: Rate::ZERO, taker: Rate::ZERO },
        margin_tiers: vec![MarginTier { from_notional: 0, max_leverage: 1 }],
        book_depth,
    }
}

/// Decimals for volumes of bars: as many as are used, but no more than money and quantities keep.
/// Volumes are sums that nobody can trade, so the nearest lot is good enough.
fn volume_decimals(volume: Used, tick_decimals: u8) -> u8 {
    let mut decimals = volume.needed.min(Money::DECIMALS.saturating_sub(tick_decimals));
    let fits = |decimals: u8| {
        let lots = 10_u64.checked_pow(u32::from(decimals));
        let lots = lots.and_then(|lots| lots.checked_mul(volume.largest));
        lots.is_some_and(|lots| lots <= Qty::MAX.lots())
    };
    while decimals > 0 && !fits(decimals) {
        decimals = decimals.saturating_sub(1);
    }
    decimals
}
