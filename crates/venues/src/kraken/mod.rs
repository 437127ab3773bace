//! Kraken's public websocket, version 1: `book-*` with checksums, and `trade`. Source: Kraken
//! websockets API 1.9, "public messages" and "book checksum".

use flyball_core::domain::{Body, Decimal, Depth, DepthKind, Event, Sequence, Side, Symbol, Trade};
use serde::de::{Error, MapAccess, SeqAccess};

use crate::listing::{Listed, Listings};
use crate::wire::{Fill, Levels, Node, RawLevel, Skip, read};
use crate::{Decode, DecodeError, Number, Quantity, Seen};

#[cfg(test)]
mod tests;

/// Decodes Kraken's messages.
///
/// The book is not numbered, but every change carries a checksum: list the instruments with the
/// decimals that Kraken prints, zeros at the end included, as tick and lot size, for the checksum
/// is over those digits, and with the depth that was subscribed to: of what falls out of it Kraken
/// tells nothing more. Time of a book event: the newest of its levels' times. Trades have no
/// number: theirs is 0.
#[derive(Clone, Debug)]
pub struct Kraken {
    listings: Listings,
    levels: Levels,
    trades: Vec<RawTrade>,
    resolved: Vec<(i64, Trade)>,
}

impl Kraken {
    /// A decoder for these instruments, by their `wsname` such as `XBT/USD`.
    pub fn new(listings: Listings) -> Self {
        Self { listings, levels: Levels::default(), trades: Vec::new(), resolved: Vec::new() }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Channel {
    #[default]
    Unsaid,
    /// With so many levels a side.
    Book(u32),
    Trade,
    Other,
}

#[derive(Default)]
struct Fields {
    channel: Channel,
    pair: Option<Symbol>,
    is_snapshot: bool,
    checksum: Option<u32>,
    time_ns: Option<i64>,
    /// Some row ended before it was complete, or was no row at all.
    short_rows: bool,
}

struct Message<'a> {
    fields: Fields,
    levels: &'a mut Levels,
    trades: &'a mut Vec<RawTrade>,
}

/// The message: a list of the channel's id, parts, the channel's name and the pair. An object is
/// about the connection.
impl<'de> Node<'de> for Message<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, at: usize, seq: &mut A) -> Result<bool, A::Error> {
        let some = match at {
            0 => seq.next_element::<Skip>()?.is_some(),
            _ => seq.next_element_seed(Fill(&mut Part(self)))?.is_some(),
        };
        Ok(some)
    }
}

/// One part of the list: changes of the book, trades, or a name.
struct Part<'a, 'b>(&'a mut Message<'b>);

impl<'de> Node<'de> for Part<'_, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Message { fields, levels, .. } = &mut *self.0;
        match key {
            "as" | "bs" => fields.is_snapshot = true,
            "a" | "b" => {}
            "c" => return map.next_value_seed(Fill(&mut Checksum(&mut fields.checksum))),
            _ => return map.next_value::<Skip>().map(drop),
        }
        let bids = key.starts_with('b');
        let levels = if bids { &mut levels.raw_bids } else { &mut levels.raw_asks };
        map.next_value_seed(Fill(&mut Rows { fields, levels }))
    }

    fn item<A: SeqAccess<'de>>(&mut self, _: usize, seq: &mut A) -> Result<bool, A::Error> {
        let mut trade = RawTrade::default();
        let some = seq.next_element_seed(Fill(&mut trade))?.is_some();
        if some {
            self.0.trades.push(trade);
        }
        Ok(some)
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        let fields = &mut self.0.fields;
        if fields.channel == Channel::Unsaid {
            let depth = text.strip_prefix("book-").and_then(|depth| depth.parse().ok());
            fields.channel = match (text, depth) {
                ("trade", _) => Channel::Trade,
                (_, Some(depth)) => Channel::Book(depth),
                _ => Channel::Other,
            };
        } else {
            fields.pair = Some(Symbol::new(text).map_err(E::custom)?);
        }
        Ok(())
    }
}

/// A checksum in decimal digits. A ticker has a list under the same key.
struct Checksum<'a>(&'a mut Option<u32>);

impl Node<'_> for Checksum<'_> {
    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        *self.0 = Some(text.parse().map_err(E::custom)?);
        Ok(())
    }
}

/// The rows of one side of a book. A ticker has something else under the same keys.
struct Rows<'a> {
    fields: &'a mut Fields,
    levels: &'a mut Vec<RawLevel>,
}

impl<'de> Node<'de> for Rows<'_> {
    #[inline]
    fn item<A: SeqAccess<'de>>(&mut self, _: usize, seq: &mut A) -> Result<bool, A::Error> {
        let mut row = Row::default();
        if seq.next_element_seed(Fill(&mut row))?.is_none() {
            return Ok(false);
        }
        let Row { price: Some(price), qty: Some(qty), time: Some(time) } = row else {
            self.fields.short_rows = true;
            return Ok(true);
        };
        self.levels.push(RawLevel { price, qty });
        let time_ns = time.cut_to(9).map_err(A::Error::custom)?;
        self.fields.time_ns = self.fields.time_ns.max(Some(time_ns));
        Ok(true)
    }
}

/// `["price", "volume", "time", …]`.
#[derive(Default)]
struct Row {
    price: Option<Number>,
    qty: Option<Number>,
    time: Option<Number>,
}

impl<'de> Node<'de> for Row {
    #[inline]
    fn item<A: SeqAccess<'de>>(&mut self, at: usize, seq: &mut A) -> Result<bool, A::Error> {
        let part = match at {
            0 => &mut self.price,
            1 => &mut self.qty,
            2 => &mut self.time,
            _ => return Ok(seq.next_element::<Skip>()?.is_some()),
        };
        *part = seq.next_element()?;
        Ok(part.is_some())
    }
}

/// `["price", "volume", "time", "b" or "s", …]`.
#[derive(Clone, Copy, Debug, Default)]
struct RawTrade {
    price: Option<Number>,
    qty: Option<Number>,
    time: Option<Number>,
    side: Option<Side>,
}

impl<'de> Node<'de> for RawTrade {
    fn item<A: SeqAccess<'de>>(&mut self, at: usize, seq: &mut A) -> Result<bool, A::Error> {
        let part = match at {
            0 => &mut self.price,
            1 => &mut self.qty,
            2 => &mut self.time,
            3 => {
                let text = seq.next_element::<&str>()?;
                self.side = match text {
                    Some("b") => Some(Side::Bid),
                    Some("s") => Some(Side::Ask),
                    _ => None,
                };
                return Ok(text.is_some());
            }
            _ => return Ok(seq.next_element::<Skip>()?.is_some()),
        };
        *part = seq.next_element()?;
        Ok(part.is_some())
    }
}

fn need<T>(part: Option<T>, name: &'static str) -> Result<T, DecodeError> {
    part.ok_or(DecodeError::Missing(name))
}

impl RawTrade {
    fn resolve(&self, it: &mut Listed) -> Result<(i64, Trade), DecodeError> {
        let time = need(self.time, "time")?;
        let time_ns = time.cut_to(9).map_err(|error| DecodeError::Number {
            quantity: Quantity::Time,
            value: time,
            step: Decimal::new(1, 9),
            error,
        })?;
        let trade = Trade {
            instrument: it.id(),
            aggressor: need(self.side, "side")?,
            price: it.price(need(self.price, "price")?)?,
            qty: it.qty(need(self.qty, "volume")?)?,
            id: 0,
        };
        Ok((time_ns, trade))
    }
}

impl Decode for Kraken {
    fn decode<E, F>(&mut self, message: &[u8], received_ns: i64, mut visit: F) -> Result<Seen, E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>,
    {
        let Self { listings, levels, trades, resolved } = self;
        levels.clear();
        trades.clear();
        resolved.clear();
        let mut parts = Message { fields: Fields::default(), levels, trades };
        read(message, Fill(&mut parts))?;
        let Message { fields, levels, trades } = parts;
        match fields.channel {
            Channel::Unsaid => return Ok(Seen::Control),
            Channel::Other => return Ok(Seen::Unused),
            Channel::Book(_) | Channel::Trade => {}
        }
        let pair = need(fields.pair, "pair")?;
        let Some(it) = listings.find(pair.as_str())? else { return Ok(Seen::Foreign) };
        if fields.channel == Channel::Trade {
            for raw in trades.iter() {
                resolved.push(raw.resolve(it)?);
            }
            for &(time_ns, trade) in resolved.iter() {
                visit(&Event { time_ns, received_ns, body: Body::Trade(trade) })?;
            }
            return Ok(Seen::Market);
        }
        if fields.short_rows {
            return Err(DecodeError::Missing("price, volume and time of a level").into());
        }
        if let Channel::Book(depth) = fields.channel {
            it.note_depth(depth);
        }
        let (instrument, bids, asks) = levels.resolve(it)?;
        let kind = if fields.is_snapshot { DepthKind::Snapshot } else { DepthKind::Diff };
        let sequence = Sequence::default();
        let depth = Depth { instrument, kind, sequence, checksum: fields.checksum, bids, asks };
        let time_ns = fields.time_ns.unwrap_or(received_ns);
        visit(&Event { time_ns, received_ns, body: Body::Depth(depth) })?;
        Ok(Seen::Market)
    }

    fn listings(&self) -> &Listings {
        &self.listings
    }
}
