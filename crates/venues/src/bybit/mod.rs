//! Bybit's order book messages (`orderbook.*`), live or from the public archive. Source: Bybit API
//! v5, "websocket › public › orderbook".

use flyball_core::domain::{Body, Depth, DepthKind, Event, FeedState, Sequence};
use serde::de::MapAccess;

use crate::listing::{Listings, from_millis};
use crate::wire::{Fill, Levels, Node, RawLevel, Rows, Skip, read};
use crate::{Decode, DecodeError, Seen};

#[cfg(test)]
mod tests;

/// Decodes Bybit's book messages.
///
/// Each carries one number `u`, one more than the message before. Time of an event: `cts`, when the
/// matching engine made it, else `ts`. A message with `u` = 1 is a snapshot after a restart of the
/// venue: the feed is told to be lost and back before it, because its numbers start over.
#[derive(Clone, Debug)]
pub struct Bybit {
    listings: Listings,
    levels: Levels,
}

impl Bybit {
    /// A decoder for these instruments.
    pub fn new(listings: Listings) -> Self {
        Self { listings, levels: Levels::default() }
    }
}

#[derive(Default)]
struct Fields<'de> {
    topic: Option<&'de str>,
    is_snapshot: Option<bool>,
    sent_ms: Option<i64>,
    matched_ms: Option<i64>,
    symbol: Option<&'de str>,
    number: Option<u64>,
    bids: bool,
    asks: bool,
}

struct Message<'a, 'de> {
    fields: Fields<'de>,
    levels: &'a mut Levels,
}

impl<'de> Node<'de> for Message<'_, 'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { fields, levels } = self;
        let is_book = fields.topic.is_none_or(|topic| topic.starts_with("orderbook."));
        match key {
            "topic" => fields.topic = Some(map.next_value()?),
            _ if !is_book => return map.next_value::<Skip>().map(drop),
            "data" => return map.next_value_seed(Fill(self)),
            "type" => fields.is_snapshot = Some(map.next_value::<&str>()? == "snapshot"),
            "ts" => fields.sent_ms = Some(map.next_value()?),
            "cts" => fields.matched_ms = Some(map.next_value()?),
            "s" => fields.symbol = Some(map.next_value()?),
            "u" => fields.number = Some(map.next_value()?),
            "b" => {
                fields.bids = true;
                return map.next_value_seed(Rows::<RawLevel>::into(&mut levels.raw_bids));
            }
            "a" => {
                fields.asks = true;
                return map.next_value_seed(Rows::<RawLevel>::into(&mut levels.raw_asks));
            }
            _ => return map.next_value::<Skip>().map(drop),
        }
        Ok(())
    }
}

fn need<T>(part: Option<T>, name: &'static str) -> Result<T, DecodeError> {
    part.ok_or(DecodeError::Missing(name))
}

impl Decode for Bybit {
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
        match fields.topic {
            None => return Ok(Seen::Control),
            Some(topic) if !topic.starts_with("orderbook.") => return Ok(Seen::Unused),
            Some(_) => {}
        }
        let last = need(fields.number, "u")?;
        need(fields.bids.then_some(()), "b")?;
        need(fields.asks.then_some(()), "a")?;
        let restarted = last == 1;
        let snapshot = need(fields.is_snapshot, "type")? || restarted;
        let time_ns = from_millis(need(fields.matched_ms.or(fields.sent_ms), "ts")?)?;
        let Some(it) = listings.find(need(fields.symbol, "s")?)? else { return Ok(Seen::Foreign) };
        let (instrument, bids, asks) = levels.resolve(it)?;
        let mut give = |body| visit(&Event { time_ns, received_ns, body });
        if restarted {
            give(Body::Feed(FeedState { instrument, connected: false }))?;
            give(Body::Feed(FeedState { instrument, connected: true }))?;
        }
        give(Body::Depth(Depth {
            instrument,
            kind: if snapshot { DepthKind::Snapshot } else { DepthKind::Diff },
            sequence: Sequence { first: last, last, previous: 0 },
            checksum: None,
            bids,
            asks,
        }))?;
        Ok(Seen::Market)
    }

    fn listings(&self) -> &Listings {
        &self.listings
    }
}
