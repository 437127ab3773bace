//! Binance spot, USDT- and coin-margined futures: combined streams (`depth`, `bookTicker`, `trade`)
//! and the book as REST gives it. Source: Binance API documentation, "websocket market streams" and
//! "how to manage a local order book correctly".

use flyball_core::domain::{Body, Depth, DepthKind, Event, Sequence, Side, Touch, Trade};
use serde::de::{Error, MapAccess, SeqAccess};

use crate::listing::{Listings, from_millis};
use crate::wire::{Fill, Levels, Node, RawLevel, Skip, read};
use crate::{Decode, DecodeError, Number, Seen};

#[cfg(test)]
mod tests;

/// Decodes Binance's messages, wrapped in a stream or not.
///
/// Time of an event: the transaction time `T`, else the event time `E`, else the time received
/// (spot `bookTicker`, spot REST books). A trade that `m`arks the buyer as maker was taken by an
/// ask. Futures report trades that were no market trades (`X` other than `MARKET`: insurance fund,
/// ADL): those are [`Seen::Unused`].
#[derive(Clone, Debug)]
pub struct Binance {
    listings: Listings,
    levels: Levels,
}

impl Binance {
    /// A decoder for these instruments. A REST book does not name its own on spot and USDT-margined
    /// futures: it is taken only when a single instrument is listed.
    pub fn new(listings: Listings) -> Self {
        Self { listings, levels: Levels::default() }
    }
}

/// What `e` says a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unsaid,
    Depth,
    Touch,
    Trade,
    Other,
}

/// `b` and `a` are levels in a book message, prices in a `bookTicker`.
#[derive(Default)]
struct Half {
    price: Option<Number>,
    is_levels: bool,
}

#[derive(Default)]
struct Fields<'de> {
    kind: Kind,
    symbol: Option<&'de str>,
    event_ms: Option<i64>,
    transaction_ms: Option<i64>,
    first: Option<u64>,
    last: Option<u64>,
    previous: Option<u64>,
    snapshot: Option<u64>,
    bid: Half,
    ask: Half,
    bid_qty: Option<Number>,
    ask_qty: Option<Number>,
    price: Option<Number>,
    qty: Option<Number>,
    trade_id: Option<u64>,
    buyer_is_maker: Option<bool>,
    is_market: Option<bool>,
}

struct Message<'a, 'de> {
    fields: Fields<'de>,
    levels: &'a mut Levels,
}

/// One side of [`Message`], while it is read.
struct HalfMessage<'a> {
    half: &'a mut Half,
    levels: &'a mut Vec<RawLevel>,
}

impl<'de> Node<'de> for HalfMessage<'_> {
    #[inline]
    fn item<A: SeqAccess<'de>>(&mut self, _: usize, seq: &mut A) -> Result<bool, A::Error> {
        self.half.is_levels = true;
        let level: Option<RawLevel> = seq.next_element()?;
        self.levels.extend(level);
        Ok(level.is_some())
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        self.half.price = Some(Number::parse(text.as_bytes()).map_err(E::custom)?);
        Ok(())
    }
}

impl<'de> Node<'de> for Message<'_, 'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { fields, levels } = self;
        match key {
            "data" => return map.next_value_seed(Fill(self)),
            _ if fields.kind == Kind::Other => return map.next_value::<Skip>().map(drop),
            "b" | "bids" => {
                let (half, levels) = (&mut fields.bid, &mut levels.raw_bids);
                return map.next_value_seed(Fill(&mut HalfMessage { half, levels }));
            }
            "a" | "asks" => {
                let (half, levels) = (&mut fields.ask, &mut levels.raw_asks);
                return map.next_value_seed(Fill(&mut HalfMessage { half, levels }));
            }
            "e" => fields.kind = kind(map.next_value()?),
            "s" | "symbol" => fields.symbol = Some(map.next_value()?),
            "E" => fields.event_ms = Some(map.next_value()?),
            "T" => fields.transaction_ms = Some(map.next_value()?),
            "U" => fields.first = Some(map.next_value()?),
            "u" => fields.last = Some(map.next_value()?),
            "pu" => fields.previous = Some(map.next_value()?),
            "lastUpdateId" => fields.snapshot = Some(map.next_value()?),
            "B" => fields.bid_qty = Some(map.next_value()?),
            "A" => fields.ask_qty = Some(map.next_value()?),
            "p" => fields.price = Some(map.next_value()?),
            "q" => fields.qty = Some(map.next_value()?),
            "t" => fields.trade_id = Some(map.next_value()?),
            "m" => fields.buyer_is_maker = Some(map.next_value()?),
            "X" => fields.is_market = Some(map.next_value::<&str>()? == "MARKET"),
            "stream" if is_partial(map.next_value()?) => fields.kind = Kind::Other,
            "stream" => {}
            _ => return map.next_value::<Skip>().map(drop),
        }
        Ok(())
    }
}

fn kind(text: &str) -> Kind {
    match text {
        "depthUpdate" => Kind::Depth,
        "bookTicker" => Kind::Touch,
        "trade" => Kind::Trade,
        _ => Kind::Other,
    }
}

/// Whether a stream gives the best few levels only: those are no changes, whatever `e` says.
fn is_partial(stream: &str) -> bool {
    let rest = stream.split_once("@depth").map(|(_, rest)| rest.as_bytes());
    rest.and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
}

fn need<T>(part: Option<T>, name: &'static str) -> Result<T, DecodeError> {
    part.ok_or(DecodeError::Missing(name))
}

impl Fields<'_> {
    fn time_ns(&self, received_ns: i64) -> Result<i64, DecodeError> {
        self.transaction_ms.or(self.event_ms).map_or(Ok(received_ns), from_millis)
    }

    /// Spot's `bookTicker` says nothing about what it is.
    fn is_touch(&self) -> bool {
        self.kind == Kind::Touch || (self.kind == Kind::Unsaid && self.bid.price.is_some())
    }

    fn touch(&self, listings: &mut Listings) -> Result<Option<Touch>, DecodeError> {
        let Some(it) = listings.find(need(self.symbol, "s")?)? else { return Ok(None) };
        let (bid, bid_qty) = (need(self.bid.price, "b")?, need(self.bid_qty, "B")?);
        let (ask, ask_qty) = (need(self.ask.price, "a")?, need(self.ask_qty, "A")?);
        Ok(Some(Touch {
            instrument: it.id(),
            sequence: need(self.last, "u")?,
            bid: it.level(bid, bid_qty)?,
            ask: it.level(ask, ask_qty)?,
        }))
    }

    fn trade(&self, listings: &mut Listings) -> Result<Option<Trade>, DecodeError> {
        let Some(it) = listings.find(need(self.symbol, "s")?)? else { return Ok(None) };
        let buyer_is_maker = need(self.buyer_is_maker, "m")?;
        Ok(Some(Trade {
            instrument: it.id(),
            aggressor: if buyer_is_maker { Side::Ask } else { Side::Bid },
            price: it.price(need(self.price, "p")?)?,
            qty: it.qty(need(self.qty, "q")?)?,
            id: need(self.trade_id, "t")?,
        }))
    }

    /// Whether the book replaces or changes, and its place.
    fn place(&self) -> Result<(DepthKind, Sequence), DecodeError> {
        if !self.bid.is_levels {
            return Err(DecodeError::Missing("b"));
        }
        if !self.ask.is_levels {
            return Err(DecodeError::Missing("a"));
        }
        if let Some(last) = self.snapshot {
            return Ok((DepthKind::Snapshot, Sequence { first: last, last, previous: 0 }));
        }
        let (first, last) = (need(self.first, "U")?, need(self.last, "u")?);
        Ok((DepthKind::Diff, Sequence { first, last, previous: self.previous.unwrap_or(0) }))
    }
}

impl Decode for Binance {
    #[inline]
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
        let time_ns = fields.time_ns(received_ns)?;
        let mut give = |body| visit(&Event { time_ns, received_ns, body });
        let found = if fields.kind == Kind::Depth || fields.snapshot.is_some() {
            let (kind, sequence) = fields.place()?;
            let it = match fields.symbol {
                Some(symbol) => listings.find(symbol)?,
                None => Some(listings.only()?),
            };
            it.map(|it| levels.resolve(it)).transpose()?.map(|(instrument, bids, asks)| {
                give(Body::Depth(Depth { instrument, kind, sequence, checksum: None, bids, asks }))
            })
        } else if fields.is_touch() {
            fields.touch(listings)?.map(|touch| give(Body::Touch(touch)))
        } else if fields.kind == Kind::Trade {
            if fields.is_market == Some(false) {
                return Ok(Seen::Unused);
            }
            fields.trade(listings)?.map(|trade| give(Body::Trade(trade)))
        } else {
            let control = fields.kind == Kind::Unsaid;
            return Ok(if control { Seen::Control } else { Seen::Unused });
        };
        found.map_or(Ok(Seen::Foreign), |given| given.map(|()| Seen::Market))
    }

    fn listings(&self) -> &Listings {
        &self.listings
    }
}
