//! Hyperliquid's public websocket: `l2Book`, `bbo`, `trades`, `activeAssetCtx`. Source: Hyperliquid
//! documentation, "API › websocket › subscriptions".

use flyball_core::domain::{
    Body, Depth, DepthKind, Event, FundingRate, Reference, Sequence, Side, Symbol, Touch, Trade,
};
use serde::Deserialize;
use serde::de::{Error, MapAccess, SeqAccess};

use crate::listing::{Listed, Listings, from_millis, rate};
use crate::wire::{Fill, Levels, Node, RawLevel, Rows, Skip, read};
use crate::{Decode, DecodeError, Number, Seen};

mod compact;
#[cfg(test)]
mod tests;

/// Decodes Hyperliquid's messages.
///
/// `l2Book` is a snapshot each time. It has no number: its time in milliseconds stands for one, so
/// that a `bbo` (whose time stands for one too) can be told from an older book. A `bbo` with an
/// empty side gives no event. The first `trades` message after a subscription replays older trades:
/// they come out with their own times. `activeAssetCtx` gives the mark and oracle price, to the
/// nearest tick, and the funding rate of the current hour; it has no time of its own. Contexts of
/// spot pairs have no oracle price and are [`Seen::Unused`].
#[derive(Clone, Debug)]
pub struct Hyperliquid {
    listings: Listings,
    levels: Levels,
    trades: Vec<RawTrade>,
    resolved: Vec<(i64, Trade)>,
}

impl Hyperliquid {
    /// A decoder for these instruments.
    pub fn new(listings: Listings) -> Self {
        Self { listings, levels: Levels::default(), trades: Vec::new(), resolved: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct RawTrade {
    coin: Option<Symbol>,
    side: Option<Side>,
    price: Option<Number>,
    qty: Option<Number>,
    time_ms: Option<i64>,
    id: Option<u64>,
}

#[derive(Default)]
struct Fields<'de> {
    channel: &'de str,
    coin: Option<&'de str>,
    time_ms: Option<i64>,
    sides: usize,
    bbo: [Option<RawLevel>; 2],
    bbo_seen: bool,
    mark: Option<Number>,
    oracle: Option<Number>,
    funding: Option<Number>,
}

struct Message<'a, 'de> {
    fields: Fields<'de>,
    levels: &'a mut Levels,
    trades: &'a mut Vec<RawTrade>,
}

/// The message itself.
impl<'de> Node<'de> for Message<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "channel" => self.fields.channel = map.next_value()?,
            "data" => return map.next_value_seed(Fill(&mut Data(self))),
            _ => return map.next_value::<Skip>().map(drop),
        }
        Ok(())
    }
}

/// What is under `data`: an object, or the list of trades.
struct Data<'a, 'b, 'de>(&'a mut Message<'b, 'de>);

impl<'de> Node<'de> for Data<'_, '_, 'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Message { fields, levels, .. } = &mut *self.0;
        match key {
            "coin" => fields.coin = Some(map.next_value()?),
            "time" => fields.time_ms = Some(map.next_value()?),
            "levels" => return map.next_value_seed(Fill(&mut Sides { fields, levels })),
            "bbo" => {
                fields.bbo =
                    map.next_value::<[Option<RawObject>; 2]>()?.map(|it| it.map(RawLevel::from));
                fields.bbo_seen = true;
            }
            "ctx" => return map.next_value_seed(Fill(&mut Context(fields))),
            _ => return map.next_value::<Skip>().map(drop),
        }
        Ok(())
    }

    fn item<A: SeqAccess<'de>>(&mut self, _: usize, seq: &mut A) -> Result<bool, A::Error> {
        let mut trade = RawTrade::default();
        let some = seq.next_element_seed(Fill(&mut trade))?.is_some();
        if some {
            self.0.trades.push(trade);
        }
        Ok(some)
    }
}

/// Bids, then asks.
struct Sides<'a, 'de> {
    fields: &'a mut Fields<'de>,
    levels: &'a mut Levels,
}

impl<'de> Node<'de> for Sides<'_, 'de> {
    fn item<A: SeqAccess<'de>>(&mut self, at: usize, seq: &mut A) -> Result<bool, A::Error> {
        let side = match at {
            0 => &mut self.levels.raw_bids,
            1 => &mut self.levels.raw_asks,
            _ => return Ok(seq.next_element::<Skip>()?.is_some()),
        };
        let rows = Rows::<RawObject>::into(side);
        let some = seq.next_element_seed(rows)?.is_some();
        self.fields.sides = self.fields.sides.saturating_add(usize::from(some));
        Ok(some)
    }
}

/// A level as `{"px", "sz", "n"}`.
#[derive(Deserialize)]
struct RawObject {
    px: Number,
    sz: Number,
}

impl From<RawObject> for RawLevel {
    fn from(object: RawObject) -> Self {
        Self { price: object.px, qty: object.sz }
    }
}

/// What is under `ctx`.
struct Context<'a, 'de>(&'a mut Fields<'de>);

impl<'de> Node<'de> for Context<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "markPx" => self.0.mark = Some(map.next_value()?),
            "oraclePx" => self.0.oracle = Some(map.next_value()?),
            "funding" => self.0.funding = Some(map.next_value()?),
            _ => return map.next_value::<Skip>().map(drop),
        }
        Ok(())
    }
}

/// One of the trades.
impl<'de> Node<'de> for RawTrade {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "coin" => self.coin = Some(Symbol::new(map.next_value()?).map_err(A::Error::custom)?),
            "side" => self.side = Some(side(map.next_value()?)?),
            "px" => self.price = Some(map.next_value()?),
            "sz" => self.qty = Some(map.next_value()?),
            "time" => self.time_ms = Some(map.next_value()?),
            "tid" => self.id = Some(map.next_value()?),
            _ => return map.next_value::<Skip>().map(drop),
        }
        Ok(())
    }
}

/// Who took: `B` the buyer, `A` the seller.
fn side<E: Error>(text: &str) -> Result<Side, E> {
    match text {
        "B" => Ok(Side::Bid),
        "A" => Ok(Side::Ask),
        _ => Err(E::custom("side is neither \"A\" nor \"B\"")),
    }
}

fn need<T>(part: Option<T>, name: &'static str) -> Result<T, DecodeError> {
    part.ok_or(DecodeError::Missing(name))
}

impl RawTrade {
    fn resolve(&self, listings: &mut Listings) -> Result<Option<(i64, Trade)>, DecodeError> {
        let coin = need(self.coin, "coin")?;
        let Some(it) = listings.find(coin.as_str())? else { return Ok(None) };
        let trade = Trade {
            instrument: it.id(),
            aggressor: need(self.side, "side")?,
            price: it.price(need(self.price, "px")?)?,
            qty: it.qty(need(self.qty, "sz")?)?,
            id: need(self.id, "tid")?,
        };
        Ok(Some((from_millis(need(self.time_ms, "time")?)?, trade)))
    }
}

/// What `bbo` says; nothing when a side is empty.
fn touch(
    fields: &Fields<'_>,
    sequence: u64,
    it: &mut Listed,
) -> Result<Option<Touch>, DecodeError> {
    need(fields.bbo_seen.then_some(()), "bbo")?;
    let [Some(bid), Some(ask)] = fields.bbo else { return Ok(None) };
    Ok(Some(Touch {
        instrument: it.id(),
        sequence,
        bid: it.level(bid.price, bid.qty)?,
        ask: it.level(ask.price, ask.qty)?,
    }))
}

fn context(fields: &Fields<'_>, it: &mut Listed) -> Result<(Reference, FundingRate), DecodeError> {
    let instrument = it.id();
    let mark = it.nearest_price(need(fields.mark, "markPx")?)?;
    let oracle = it.nearest_price(need(fields.oracle, "oraclePx")?)?;
    let rate = rate(need(fields.funding, "funding")?)?;
    let funding = FundingRate { instrument, rate, settles: false };
    Ok((Reference { instrument, mark, oracle }, funding))
}

impl Hyperliquid {
    /// Turn the answer to an `l2Book` question into an event: it is what the stream carries.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]; whatever `visit` returns.
    pub fn decode_book<E, F>(
        &mut self,
        answer: &[u8],
        received_ns: i64,
        visit: F,
    ) -> Result<Seen, E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>,
    {
        self.levels.clear();
        let fields = Fields { channel: "l2Book", ..Fields::default() };
        let mut parts = Message { fields, levels: &mut self.levels, trades: &mut self.trades };
        read(answer, Fill(&mut Data(&mut parts)))?;
        Self::about_one(&mut self.listings, parts, received_ns, visit)
    }

    /// All that is about one instrument.
    fn about_one<E: From<DecodeError>>(
        listings: &mut Listings,
        parts: Message<'_, '_>,
        received_ns: i64,
        mut visit: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Seen, E> {
        let Message { fields, levels, .. } = parts;
        let coin = need(fields.coin, "coin")?;
        let Some(it) = listings.find(coin)? else { return Ok(Seen::Foreign) };
        if fields.channel == "activeAssetCtx" {
            let (reference, funding) = context(&fields, it)?;
            for body in [Body::Reference(reference), Body::FundingRate(funding)] {
                visit(&Event { time_ns: received_ns, received_ns, body })?;
            }
            return Ok(Seen::Market);
        }
        let millis = need(fields.time_ms, "time")?;
        let time_ns = from_millis(millis)?;
        let number = u64::try_from(millis).unwrap_or(0);
        if fields.channel == "bbo" {
            if let Some(touch) = touch(&fields, number, it)? {
                visit(&Event { time_ns, received_ns, body: Body::Touch(touch) })?;
            }
            return Ok(Seen::Market);
        }
        if fields.sides < 2 {
            return Err(DecodeError::Missing("levels").into());
        }
        let (instrument, bids, asks) = levels.resolve(it)?;
        let sequence = Sequence { first: number, last: number, previous: 0 };
        let kind = DepthKind::Snapshot;
        let depth = Depth { instrument, kind, sequence, checksum: None, bids, asks };
        visit(&Event { time_ns, received_ns, body: Body::Depth(depth) })?;
        Ok(Seen::Market)
    }
}

impl Decode for Hyperliquid {
    fn decode<E, F>(&mut self, message: &[u8], received_ns: i64, mut visit: F) -> Result<Seen, E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>,
    {
        let Self { listings, levels, trades, resolved } = self;
        levels.clear();
        if let Some(book) = compact::read(message, levels) {
            let fields = Fields {
                channel: "l2Book",
                coin: Some(book.coin),
                time_ms: Some(book.time_ms),
                sides: 2,
                ..Fields::default()
            };
            let parts = Message { fields, levels, trades };
            return Self::about_one(listings, parts, received_ns, visit);
        }
        levels.clear();
        trades.clear();
        resolved.clear();
        let mut parts = Message { fields: Fields::default(), levels, trades };
        read(message, Fill(&mut parts))?;
        match parts.fields.channel {
            "l2Book" | "bbo" | "activeAssetCtx" => {
                Self::about_one(listings, parts, received_ns, visit)
            }
            "trades" => {
                for raw in parts.trades.iter() {
                    resolved.extend(raw.resolve(listings)?);
                }
                for &(time_ns, trade) in resolved.iter() {
                    visit(&Event { time_ns, received_ns, body: Body::Trade(trade) })?;
                }
                let foreign = resolved.is_empty() && !parts.trades.is_empty();
                Ok(if foreign { Seen::Foreign } else { Seen::Market })
            }
            "" | "subscriptionResponse" | "pong" | "error" => Ok(Seen::Control),
            _ => Ok(Seen::Unused),
        }
    }

    fn listings(&self) -> &Listings {
        &self.listings
    }
}
