//! Coinbase: the Pro websocket (`snapshot`, `l2update`, `match`), and a book recorded as CSV.
//! Source: Coinbase Pro API documentation, "websocket feed" (the feed of 2018 to 2023).

mod csv;

pub use csv::CsvBook;

use flyball_core::domain::{Body, Depth, DepthKind, Event, Sequence, Side, Trade};
use serde::de::{Error, MapAccess, SeqAccess};

use crate::listing::Listings;
use crate::wire::{Fill, Levels, Node, RawLevel, Rows, Skip, read};
use crate::{Decode, DecodeError, Number, Seen, parse_utc};

#[cfg(test)]
mod tests;

/// Decodes Coinbase Pro's messages.
///
/// The book is not numbered. A `snapshot` has no time: it gets the time received. The `side` of a
/// `match` is the maker's, so the aggressor is the other one. `last_match`, which a subscription
/// begins with, is the newest trade before it and comes out as a trade with its own time.
#[derive(Clone, Debug)]
pub struct Coinbase {
    listings: Listings,
    levels: Levels,
}

impl Coinbase {
    /// A decoder for these instruments.
    pub fn new(listings: Listings) -> Self {
        Self { listings, levels: Levels::default() }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unsaid,
    Snapshot,
    Update,
    Match,
    Control,
    Other,
}

#[derive(Default)]
struct Fields<'de> {
    kind: Kind,
    symbol: Option<&'de str>,
    time: Option<&'de str>,
    side: Option<Side>,
    price: Option<Number>,
    size: Option<Number>,
    trade_id: Option<u64>,
    bids: bool,
    asks: bool,
    changes: bool,
}

struct Message<'a, 'de> {
    fields: Fields<'de>,
    levels: &'a mut Levels,
}

impl<'de> Node<'de> for Message<'_, 'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { fields, levels } = self;
        match key {
            _ if matches!(fields.kind, Kind::Control | Kind::Other) => {
                return map.next_value::<Skip>().map(drop);
            }
            "type" => {
                fields.kind = match map.next_value()? {
                    "snapshot" => Kind::Snapshot,
                    "l2update" => Kind::Update,
                    "match" | "last_match" => Kind::Match,
                    "subscriptions" | "heartbeat" | "error" => Kind::Control,
                    _ => Kind::Other,
                };
            }
            "product_id" => fields.symbol = Some(map.next_value()?),
            "time" => fields.time = Some(map.next_value()?),
            "side" => fields.side = Some(side(map.next_value()?)?),
            "price" => fields.price = Some(map.next_value()?),
            "size" => fields.size = Some(map.next_value()?),
            "trade_id" => fields.trade_id = Some(map.next_value()?),
            "bids" => {
                fields.bids = true;
                return map.next_value_seed(Rows::<RawLevel>::into(&mut levels.raw_bids));
            }
            "asks" => {
                fields.asks = true;
                return map.next_value_seed(Rows::<RawLevel>::into(&mut levels.raw_asks));
            }
            "changes" => {
                fields.changes = true;
                return map.next_value_seed(Fill(&mut Changes(levels)));
            }
            _ => return map.next_value::<Skip>().map(drop),
        }
        Ok(())
    }
}

/// `[["buy","price","size"], …]`.
struct Changes<'a>(&'a mut Levels);

impl<'de> Node<'de> for Changes<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, _: usize, seq: &mut A) -> Result<bool, A::Error> {
        let Some((text, price, qty)) = seq.next_element::<(&str, Number, Number)>()? else {
            return Ok(false);
        };
        match side(text)? {
            Side::Bid => self.0.raw_bids.push(RawLevel { price, qty }),
            Side::Ask => self.0.raw_asks.push(RawLevel { price, qty }),
        }
        Ok(true)
    }
}

fn side<E: Error>(text: &str) -> Result<Side, E> {
    match text {
        "buy" => Ok(Side::Bid),
        "sell" => Ok(Side::Ask),
        _ => Err(E::custom("side is neither \"buy\" nor \"sell\"")),
    }
}

fn need<T>(part: Option<T>, name: &'static str) -> Result<T, DecodeError> {
    part.ok_or(DecodeError::Missing(name))
}

impl Fields<'_> {
    fn time_ns(&self) -> Result<i64, DecodeError> {
        let expected = "2021-04-17T16:43:37.075687Z";
        parse_utc(need(self.time, "time")?.as_bytes())
            .ok_or(DecodeError::Unexpected { field: "time", expected })
    }

    fn trade(&self, listings: &mut Listings) -> Result<Option<Trade>, DecodeError> {
        let Some(it) = listings.find(need(self.symbol, "product_id")?)? else { return Ok(None) };
        Ok(Some(Trade {
            instrument: it.id(),
            aggressor: need(self.side, "side")?.opposite(),
            price: it.price(need(self.price, "price")?)?,
            qty: it.qty(need(self.size, "size")?)?,
            id: need(self.trade_id, "trade_id")?,
        }))
    }

    /// Whether the book replaces or changes, and when.
    fn place(&self, received_ns: i64) -> Result<(DepthKind, i64), DecodeError> {
        if self.kind == Kind::Update {
            need(self.changes.then_some(()), "changes")?;
            return Ok((DepthKind::Diff, self.time_ns()?));
        }
        need(self.bids.then_some(()), "bids")?;
        need(self.asks.then_some(()), "asks")?;
        Ok((DepthKind::Snapshot, received_ns))
    }
}

impl Decode for Coinbase {
    fn decode<E, F>(&mut self, message: &[u8], received_ns: i64, mut visit: F) -> Result<Seen, E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>,
    {
        let Self { listings, levels } = self;
        levels.clear();
        let mut parts = Message { fields: Fields::default(), levels };
        read(message, Fill(&mut parts))?;
        let Message { fields, levels } = parts;
        match fields.kind {
            Kind::Match => {
                let time_ns = fields.time_ns()?;
                let Some(trade) = fields.trade(listings)? else { return Ok(Seen::Foreign) };
                visit(&Event { time_ns, received_ns, body: Body::Trade(trade) })?;
            }
            Kind::Snapshot | Kind::Update => {
                let (kind, time_ns) = fields.place(received_ns)?;
                let symbol = need(fields.symbol, "product_id")?;
                let Some(it) = listings.find(symbol)? else { return Ok(Seen::Foreign) };
                let (instrument, bids, asks) = levels.resolve(it)?;
                let sequence = Sequence::default();
                let depth = Depth { instrument, kind, sequence, checksum: None, bids, asks };
                visit(&Event { time_ns, received_ns, body: Body::Depth(depth) })?;
            }
            Kind::Control | Kind::Unsaid => return Ok(Seen::Control),
            Kind::Other => return Ok(Seen::Unused),
        }
        Ok(Seen::Market)
    }

    fn listings(&self) -> &Listings {
        &self.listings
    }
}
