//! A recording, served as if it happened now.

use std::collections::VecDeque;
use std::path::Path;

use flyball_core::domain::{
    Body, Decimal, DepthKind, Event, HOUR, Instrument, InstrumentId, InstrumentSpec, Level, Price,
    Qty, SECOND, Side,
};
use flyball_data::DataError;
use flyball_data::tape::{Tape, TapeCursor};
use self_cell::self_cell;

use crate::markets::ladder::Ladder;
use crate::markets::{Change, Happening, INTEREST, Listing, Source};

/// The name of a tape in a dataset's folder.
const TAPE: &str = "tape.fbt";
/// Between the end and the beginning, when it begins again.
const PAUSE_NS: i64 = SECOND;
/// Significant figures of a price.
const FIGURES: u32 = 5;
/// Decimals that price and size of a perpetual share.
const PERP_DECIMALS: u8 = 6;

self_cell!(
    struct Reading {
        owner: Tape,
        #[not_covariant]
        dependent: TapeCursor,
    }
);

/// How a recording is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayOptions {
    /// When it begins; `None` keeps its own times.
    pub start_ns: Option<i64>,
    /// Whether it begins again at its end.
    pub again: bool,
}

/// One instrument of a recording and the one that it is served as.
struct Track {
    tick: Decimal,
    lot: Decimal,
    instrument: Instrument,
    bids: Ladder,
    asks: Ladder,
    marked: bool,
}

/// A recording of books and trades.
///
/// It is served on the venue's grid: prices of five significant figures (bids round down, asks up)
/// and sizes of the listing's decimals. A recording of Hyperliquid is on it already and comes out as
/// it was.
pub struct Replay {
    reading: Option<Reading>,
    path: std::path::PathBuf,
    options: ReplayOptions,
    tracks: Vec<Track>,
    waiting: VecDeque<Happening>,
    /// Added to the recording's times.
    shift_ns: i64,
    first_ns: i64,
    last_ns: i64,
    next_hour_ns: i64,
}

impl Replay {
    /// Open a dataset's folder or a tape: its instruments as they are listed, and what happens.
    ///
    /// # Errors
    ///
    /// [`DataError`] when there is no tape, when it is damaged, and when it has no books.
    pub fn open(path: &Path, options: ReplayOptions) -> Result<(Vec<Listing>, Self), DataError> {
        let path = if path.is_dir() { path.join(TAPE) } else { path.to_owned() };
        let tape = Tape::open(&path)?;
        let wrong = |reason: &str| DataError::Format { path: path.clone(), reason: reason.into() };
        let about = tape.details()?;
        let Glance { first_ns, prices } = glance(&tape, about.instruments.len())?;
        let first_ns = first_ns.ok_or_else(|| {
            wrong("it has no books: a recording of bars or of trades alone cannot be served")
        })?;
        let mut listings = Vec::new();
        let mut tracks = Vec::new();
        for (at, (spec, price)) in about.instruments.iter().zip(prices).enumerate() {
            let listing = listing(spec, price);
            let id = InstrumentId::new(u16::try_from(at).unwrap_or(u16::MAX));
            let instrument = Instrument::new(id, &listing.spec())
                .map_err(|error| DataError::Instrument { symbol: spec.symbol.clone(), error })?;
            listings.push(listing);
            tracks.push(Track {
                tick: spec.tick_size,
                lot: spec.lot_size,
                instrument,
                bids: Ladder::default(),
                asks: Ladder::default(),
                marked: false,
            });
        }
        let start_ns = options.start_ns.unwrap_or(first_ns);
        let reading = Reading::try_new(tape, Tape::cursor)?;
        let replay = Self {
            reading: Some(reading),
            path,
            options,
            tracks,
            waiting: VecDeque::new(),
            shift_ns: start_ns.saturating_sub(first_ns),
            first_ns,
            last_ns: first_ns,
            next_hour_ns: start_ns.div_euclid(HOUR).saturating_add(1).saturating_mul(HOUR),
        };
        Ok((listings, replay))
    }

    /// When it begins.
    pub const fn start_ns(&self) -> i64 {
        self.first_ns.saturating_add(self.shift_ns)
    }

    fn fill(&mut self) {
        while self.waiting.is_empty() {
            let Some(reading) = &mut self.reading else { return };
            let next = reading.with_dependent_mut(|_, cursor| {
                cursor.next().map(|event| event.map(|event| Seen::of(&event)))
            });
            match next {
                Ok(Some(seen)) => self.take(seen),
                Ok(None) if self.options.again => self.begin_again(),
                // A damaged block is the end: what was before it was whole.
                Ok(None) | Err(_) => self.reading = None,
            }
        }
    }

    fn begin_again(&mut self) {
        let length = self.last_ns.saturating_sub(self.first_ns).saturating_add(PAUSE_NS);
        self.shift_ns = self.shift_ns.saturating_add(length);
        let opened = Tape::open(&self.path);
        self.reading = opened.and_then(|tape| Reading::try_new(tape, Tape::cursor)).ok();
        for track in &mut self.tracks {
            track.bids.clear();
            track.asks.clear();
        }
    }

    fn take(&mut self, seen: Seen) {
        self.last_ns = self.last_ns.max(seen.time_ns);
        // A recorder's times may go back: ours do not.
        let time_ns = self.last_ns.saturating_add(self.shift_ns);
        while self.next_hour_ns <= time_ns {
            let change = Change::Funding { rate: INTEREST, settles: true };
            for track in &self.tracks {
                let instrument = track.instrument.id();
                let time_ns = self.next_hour_ns;
                self.waiting.push_back(Happening { time_ns, instrument, change: change.clone() });
            }
            self.next_hour_ns = self.next_hour_ns.saturating_add(HOUR);
        }
        let Some(track) = self.tracks.get_mut(seen.instrument.index()) else { return };
        let instrument = track.instrument.id();
        let changes = track.changes(seen.what);
        let all = changes.into_iter().map(|change| Happening { time_ns, instrument, change });
        self.waiting.extend(all);
    }
}

impl Track {
    /// A price of the recording on the venue's grid.
    fn price(&self, price: Price, side: Side) -> Price {
        let ticks = rescaled(price.ticks(), self.tick, self.instrument.tick_size(), side);
        self.instrument.round_passive(Price::from_ticks(ticks.max(1)), side)
    }

    /// A size of the recording in lots of the venue: to the nearest, and never nothing.
    fn qty(&self, qty: Qty) -> Qty {
        let (from, to) = (self.lot, self.instrument.lot_size());
        let decimals = u32::from(from.decimals().max(to.decimals()));
        let scale = |it: Decimal| {
            let missing = decimals.saturating_sub(u32::from(it.decimals()));
            i128::from(it.units()).saturating_mul(10_i128.saturating_pow(missing))
        };
        let units = i128::from(qty.lots()).saturating_mul(scale(from));
        let lots = flyball_core::domain::div_round(units, scale(to)).max(1);
        Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX)).min(Qty::MAX)
    }

    fn book(&self) -> Change {
        let place = |side| move |price, qty| (self.price(price, side), self.qty(qty));
        Change::Book {
            bids: self.bids.best(Side::Bid, place(Side::Bid)),
            asks: self.asks.best(Side::Ask, place(Side::Ask)),
        }
    }

    fn changes(&mut self, what: What) -> Vec<Change> {
        match what {
            What::Book { snapshot, bids, asks } => {
                if snapshot {
                    self.bids.clear();
                    self.asks.clear();
                }
                self.bids.set_all(&bids);
                self.asks.set_all(&asks);
                vec![self.book()]
            }
            What::Touch { bid, ask } => {
                self.bids.cap(Side::Bid, bid);
                self.asks.cap(Side::Ask, ask);
                vec![self.book()]
            }
            What::Trade { aggressor, level, id } => {
                let price = self.price(level.price, aggressor.opposite());
                let level = Level { price, qty: self.qty(level.qty) };
                vec![Change::Trade { aggressor, level, id }]
            }
            What::Reference { mark, oracle } => {
                self.marked = true;
                let (mark, oracle) = (self.price(mark, Side::Bid), self.price(oracle, Side::Bid));
                vec![Change::Reference { mark, oracle }]
            }
            What::Nothing => Vec::new(),
        }
    }
}

/// `count` steps of one size in steps of another: bids round down, asks up.
fn rescaled(count: i64, from: Decimal, to: Decimal, side: Side) -> i64 {
    let decimals = u32::from(from.decimals().max(to.decimals()));
    let scale = |it: Decimal| {
        let missing = decimals.saturating_sub(u32::from(it.decimals()));
        i128::from(it.units()).saturating_mul(10_i128.saturating_pow(missing))
    };
    let (units, step) = (i128::from(count).saturating_mul(scale(from)), scale(to).max(1));
    let down = units.div_euclid(step);
    let up = side == Side::Ask && units.rem_euclid(step) != 0;
    i64::try_from(if up { down.saturating_add(1) } else { down }).unwrap_or(i64::MAX)
}

/// As what an instrument of a recording is listed: without the currency that it is quoted in.
fn listing(spec: &InstrumentSpec, price: Option<Price>) -> Listing {
    let symbol = spec.symbol.as_str();
    let quotes = ["USDT", "USDC", "_PERP", "-USD", "/USD", "USD"];
    let coin = quotes.iter().fold(symbol, |name, quote| {
        name.strip_suffix(quote).filter(|rest| !rest.is_empty()).unwrap_or(name)
    });
    let coin = coin.trim_end_matches(['-', '/', '_', ':']);
    // As many decimals of size as leave five significant figures to the price.
    let digits = price.map_or(0, |price| {
        let whole = i128::from(price.ticks()).saturating_mul(i128::from(spec.tick_size.units()));
        let whole = whole.checked_div(10_i128.saturating_pow(u32::from(spec.tick_size.decimals())));
        whole.and_then(i128::checked_ilog10).map_or(0, |log| log.saturating_add(1))
    });
    let for_price = u8::try_from(FIGURES.saturating_sub(digits)).unwrap_or(0);
    let room = PERP_DECIMALS.saturating_sub(for_price).min(5);
    Listing::of(coin, Some(spec.lot_size.decimals().min(room)))
}

/// What a first look at a tape shows.
struct Glance {
    /// When its first book is.
    first_ns: Option<i64>,
    /// A price of each instrument.
    prices: Vec<Option<Price>>,
}

/// Events that are looked at to find the first books.
const LOOK: usize = 20_000;

fn glance(tape: &Tape, instruments: usize) -> Result<Glance, DataError> {
    let mut seen = Glance { first_ns: None, prices: vec![None; instruments] };
    let mut cursor = tape.cursor()?;
    for _ in 0..LOOK {
        let Some(event) = cursor.next()? else { break };
        let (id, price) = match &event.body {
            Body::Depth(depth) => (depth.instrument, depth.bids.first().map(|it| it.price)),
            Body::Touch(touch) => (touch.instrument, Some(touch.bid.price)),
            _ => continue,
        };
        seen.first_ns = seen.first_ns.or(Some(event.time_ns));
        if let (Some(place), Some(price)) = (seen.prices.get_mut(id.index()), price) {
            *place = place.or(Some(price));
        }
        if seen.prices.iter().all(Option::is_some) {
            break;
        }
    }
    Ok(seen)
}

/// An event of the recording, kept.
struct Seen {
    time_ns: i64,
    instrument: InstrumentId,
    what: What,
}

enum What {
    Book { snapshot: bool, bids: Vec<Level>, asks: Vec<Level> },
    Touch { bid: Level, ask: Level },
    Trade { aggressor: Side, level: Level, id: u64 },
    Reference { mark: Price, oracle: Price },
    Nothing,
}

impl Seen {
    fn of(event: &Event<'_>) -> Self {
        let what = match &event.body {
            Body::Depth(depth) => What::Book {
                snapshot: depth.kind == DepthKind::Snapshot,
                bids: depth.bids.to_vec(),
                asks: depth.asks.to_vec(),
            },
            Body::Touch(touch) => What::Touch { bid: touch.bid, ask: touch.ask },
            Body::Trade(trade) => What::Trade {
                aggressor: trade.aggressor,
                level: Level { price: trade.price, qty: trade.qty },
                id: trade.id,
            },
            Body::Reference(it) => What::Reference { mark: it.mark, oracle: it.oracle },
            _ => What::Nothing,
        };
        let instrument = event.body.instrument().unwrap_or_default();
        Self { time_ns: event.time_ns, instrument, what }
    }
}

impl Source for Replay {
    fn next_ns(&mut self) -> Option<i64> {
        self.fill();
        self.waiting.front().map(|happening| happening.time_ns)
    }

    fn pop(&mut self) -> Option<Happening> {
        self.fill();
        self.waiting.pop_front()
    }
}
