//! A Coinbase book recorded as CSV: `side,price,size[,time]`, snapshot files first, then updates.

use flyball_core::domain::{Body, Decimal, DecimalError, Depth, DepthKind, Event, Sequence, Side};

use crate::listing::Listings;
use crate::wire::{Levels, RawLevel};
use crate::{DecodeError, Number, Quantity, Seen, parse_utc};

/// Decodes a book recorded as CSV, line by line.
///
/// Lines without a time are the snapshot: it is given the time of the first update, as the files
/// say none. Lines of the same time are one change. There is no time of receipt: the venue's stands
/// for it. Sizes that are float artefacts become what was meant ([`Number::parse_float_text`]), and
/// are counted.
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
        let price = field("price")
            .and_then(|text| Number::parse(text).map_err(|why| error(Quantity::Price, why)))?;
        let (qty, rounded) = field("size").and_then(|text| {
            Number::parse_float_text(text).map_err(|why| error(Quantity::Qty, why))
        })?;
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

fn error(quantity: Quantity, error: DecimalError) -> DecodeError {
    let step = Decimal::new(1, Number::FLOAT_DECIMALS);
    DecodeError::Number { quantity, value: Number::default(), step, error }
}
