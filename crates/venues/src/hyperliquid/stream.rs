//! Messages of the websocket. Market data becomes events without allocating; the rest, which is
//! rare, becomes values. Source: Hyperliquid documentation, "API › Websocket".

use std::borrow::Cow;

use flyball_core::domain::{Bar, Body, Event, Money};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::asset::Asset;
use super::info::Clearinghouse;
use super::ledger::LedgerUpdate;
use super::market::Hyperliquid;
use super::number::{computed, money};
use super::sign::Address;
use super::user::{Funding, OrderUpdate, UserFill};
use crate::listing::from_millis;
use crate::{Decode, DecodeError, Listings, Number, Quantity, Seen};

/// What a message said.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Market data: its events were handed over.
    Market(Seen),
    /// The middle of every book, by the venue's name.
    Mids(Vec<(String, Number)>),
    /// Candles: the last one is not over yet.
    Candles(Vec<Candle>),
    /// What became of orders.
    Orders(Vec<OrderUpdate>),
    /// Fills.
    Fills(UserFills),
    /// Fills, funding, liquidations, cancels that nobody asked for.
    Events(Box<UserEvents>),
    /// Funding payments.
    Fundings(Fundings),
    /// Deposits, withdrawals, transfers.
    Ledger(UserLedger),
    /// What the venue's page shows of the account.
    WebData(Box<WebData>),
    /// The answer to a request over the websocket.
    Posted(Posted),
    /// A subscription began or ended.
    Subscribed(Subscribed),
    /// The answer to a ping.
    Pong,
    /// The greeting of a new connection.
    Hello,
    /// The venue did not like something that was sent.
    Error(String),
    /// A channel that this build does not know.
    Unknown(String),
}

/// A candle.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Candle {
    /// First millisecond since 1970.
    #[serde(rename = "t")]
    pub open_ms: i64,
    /// Last millisecond.
    #[serde(rename = "T")]
    pub close_ms: i64,
    /// The venue's name of the instrument.
    #[serde(rename = "s")]
    pub coin: String,
    /// `1m`, `1h`, …
    #[serde(rename = "i")]
    pub interval: String,
    /// First price.
    #[serde(rename = "o")]
    pub open: Number,
    /// Highest price.
    #[serde(rename = "h")]
    pub high: Number,
    /// Lowest price.
    #[serde(rename = "l")]
    pub low: Number,
    /// Last price.
    #[serde(rename = "c")]
    pub close: Number,
    /// What was traded. The venue adds it up in a float.
    #[serde(rename = "v", deserialize_with = "computed")]
    pub volume: Number,
}

impl Candle {
    /// The bar that it is, received now. Whether it is over is not its own to say: it is when
    /// `close_ms` has passed at the venue.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when a price is off the grid.
    pub fn bar(&self, asset: &Asset, received_ns: i64) -> Result<Event<'static>, DecodeError> {
        let price = |value| {
            asset.price.price(value).map_err(|error| DecodeError::Number {
                quantity: Quantity::Price,
                value,
                step: asset.price.step(),
                error,
            })
        };
        let volume = asset.qty.nearest_qty(self.volume).map_err(|error| DecodeError::Number {
            quantity: Quantity::Qty,
            value: self.volume,
            step: asset.qty.step(),
            error,
        })?;
        let time_ns = from_millis(self.close_ms.saturating_add(1))?;
        let bar = Bar {
            instrument: asset.id,
            interval_ns: time_ns.saturating_sub(from_millis(self.open_ms)?),
            open: price(self.open)?,
            high: price(self.high)?,
            low: price(self.low)?,
            close: price(self.close)?,
            volume,
        };
        Ok(Event { time_ns, received_ns, body: Body::Bar(bar) })
    }
}

/// Fills of the account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserFills {
    /// Whose.
    pub user: Address,
    /// Whether these are the last ones from before the subscription.
    #[serde(default)]
    pub is_snapshot: bool,
    /// The fills, oldest last in a snapshot.
    pub fills: Vec<UserFill>,
}

/// Funding payments of the account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fundings {
    /// Whose.
    pub user: Address,
    /// Whether these are the last ones from before the subscription.
    #[serde(default)]
    pub is_snapshot: bool,
    /// The payments.
    pub fundings: Vec<Funding>,
}

/// Deposits, withdrawals, transfers of the account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserLedger {
    /// Whose.
    pub user: Address,
    /// Whether these are the last ones from before the subscription.
    #[serde(default)]
    pub is_snapshot: bool,
    /// The entries.
    #[serde(rename = "nonFundingLedgerUpdates")]
    pub updates: Vec<LedgerUpdate>,
}

/// The account was liquidated, or liquidated somebody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Liquidation {
    /// The venue's number for it.
    pub lid: u64,
    /// Who did it.
    pub liquidator: String,
    /// To whom.
    pub liquidated_user: Address,
    /// Value of the positions.
    #[serde(rename = "liquidated_ntl_pos", deserialize_with = "money")]
    pub value: Money,
    /// Value of the account.
    #[serde(rename = "liquidated_account_value", deserialize_with = "money")]
    pub account_value: Money,
}

/// An order was cancelled, and not by the user. Why, `orderUpdates` says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NonUserCancel {
    /// The venue's name of the instrument.
    pub coin: String,
    /// The venue's id of the order.
    pub oid: u64,
}

/// A message of the channel `user`: a stream without snapshots and without an address in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UserEvents {
    /// Fills.
    pub fills: Vec<UserFill>,
    /// A funding payment.
    pub funding: Option<Funding>,
    /// A liquidation.
    pub liquidation: Option<Liquidation>,
    /// Cancels.
    pub non_user_cancel: Vec<NonUserCancel>,
}

/// What the venue's page shows of the account: `webData2`, `webData3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebData {
    /// Whose.
    pub user: Option<Address>,
    /// The agent without a name, if there is one.
    pub agent: Option<Address>,
    /// Until when that agent may sign: milliseconds since 1970.
    pub agent_valid_until_ms: Option<i64>,
    /// The account's mode, as `userAbstraction` writes it.
    pub mode: Option<String>,
    /// The venue's clock: milliseconds since 1970.
    pub server_time_ms: Option<i64>,
    /// Positions and margin.
    pub clearinghouse: Option<Clearinghouse>,
}

/// A subscription began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// `subscribe` or `unsubscribe`.
    pub method: String,
    /// The stream: `l2Book`, `userFills`, …
    pub stream: String,
    /// Of this instrument.
    pub coin: Option<String>,
    /// Of this account, as it was written.
    pub user: Option<String>,
}

/// The answer to a request over the websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The request's id.
    pub id: u64,
    /// The answer.
    pub reply: Reply,
}

/// The answer to a request over the websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To a question: the JSON that `/info` would have answered.
    Info(String),
    /// To an action.
    Action(Answer),
    /// The request failed, as it would have with an HTTP status that is not 200.
    Error(String),
}

/// Decodes the websocket's messages.
#[derive(Clone, Debug)]
pub struct Stream {
    market: Hyperliquid,
}

impl Stream {
    /// A decoder for these instruments.
    pub fn new(listings: Listings) -> Self {
        Self { market: Hyperliquid::new(listings) }
    }

    /// The decoder of market data: also for `l2Book` answers.
    pub const fn market(&mut self) -> &mut Hyperliquid {
        &mut self.market
    }

    /// Decode one message. Events of the market are handed to `visit`, as by
    /// [`Hyperliquid::decode`](crate::Decode::decode); everything else is what is returned.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the message is not what the venue promises; whatever `visit` returns.
    pub fn decode<E, F>(&mut self, message: &[u8], received_ns: i64, visit: F) -> Result<Frame, E>
    where
        E: From<DecodeError>,
        F: FnMut(&Event<'_>) -> Result<(), E>,
    {
        if is_market(channel(message)) {
            return self.market.decode(message, received_ns, visit).map(Frame::Market);
        }
        if message == GREETING {
            return Ok(Frame::Hello);
        }
        let envelope: Envelope<'_> =
            serde_json::from_slice(message).map_err(|error| DecodeError::json(message, &error))?;
        if is_market(&envelope.channel) {
            return self.market.decode(message, received_ns, visit).map(Frame::Market);
        }
        Ok(frame(&envelope)?)
    }
}

const GREETING: &[u8] = b"Websocket connection established.";

/// The channel of a message that begins with it, as the venue's do; else empty.
fn channel(message: &[u8]) -> &str {
    let rest = message.strip_prefix(br#"{"channel":""#).unwrap_or_default();
    let name = rest.split(|&byte| byte == b'"').next().unwrap_or_default();
    std::str::from_utf8(name).unwrap_or_default()
}

fn is_market(channel: &str) -> bool {
    matches!(channel, "l2Book" | "bbo" | "trades" | "activeAssetCtx")
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

fn frame(envelope: &Envelope<'_>) -> Result<Frame, DecodeError> {
    let data = envelope.data;
    Ok(match envelope.channel.as_ref() {
        "allMids" => Frame::Mids(part::<Mids>(data)?.mids),
        "candle" => Frame::Candles(part::<OneOrMore<Candle>>(data)?.into()),
        "orderUpdates" => Frame::Orders(part(data)?),
        "userFills" => Frame::Fills(part(data)?),
        "user" | "userEvents" => Frame::Events(part(data)?),
        "userFundings" => Frame::Fundings(part(data)?),
        "userNonFundingLedgerUpdates" => Frame::Ledger(part(data)?),
        "webData2" => Frame::WebData(Box::new(part::<WebData2>(data)?.into())),
        "webData3" => Frame::WebData(Box::new(part::<WebData3>(data)?.into())),
        "post" => Frame::Posted(posted(&part(data)?)?),
        "subscriptionResponse" => Frame::Subscribed(part::<SubscribedWire>(data)?.into()),
        "pong" => Frame::Pong,
        "error" => Frame::Error(text(data)),
        other => Frame::Unknown(other.to_owned()),
    })
}

/// What is under `data`.
fn part<'a, T: Deserialize<'a>>(data: Option<&'a RawValue>) -> Result<T, DecodeError> {
    let text = data.ok_or(DecodeError::Missing("data"))?.get();
    serde_json::from_str(text).map_err(|error| DecodeError::json(text.as_bytes(), &error))
}

/// A text, or the JSON of what is no text.
fn text(data: Option<&RawValue>) -> String {
    part::<String>(data).unwrap_or_else(|_| data.map_or("", RawValue::get).to_owned())
}

/// The keys of an object with their values, in their order.
#[derive(Deserialize)]
struct Mids {
    #[serde(deserialize_with = "super::info::pairs")]
    mids: Vec<(String, Number)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    More(Vec<T>),
    One(T),
}

impl<T> From<OneOrMore<T>> for Vec<T> {
    fn from(some: OneOrMore<T>) -> Self {
        match some {
            OneOrMore::More(all) => all,
            OneOrMore::One(one) => vec![one],
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebData2 {
    #[serde(default)]
    user: Option<Address>,
    #[serde(default)]
    agent_address: Option<Address>,
    #[serde(default)]
    agent_valid_until: Option<i64>,
    #[serde(default)]
    server_time: Option<i64>,
    #[serde(default)]
    clearinghouse_state: Option<Clearinghouse>,
}

impl From<WebData2> for WebData {
    fn from(wire: WebData2) -> Self {
        Self {
            user: wire.user,
            agent: wire.agent_address,
            agent_valid_until_ms: wire.agent_valid_until,
            mode: None,
            server_time_ms: wire.server_time,
            clearinghouse: wire.clearinghouse_state,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebData3 {
    user_state: UserState,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserState {
    #[serde(default)]
    user: Option<Address>,
    #[serde(default)]
    agent_address: Option<Address>,
    #[serde(default)]
    agent_valid_until: Option<i64>,
    #[serde(default)]
    server_time: Option<i64>,
    #[serde(default)]
    abstraction: Option<String>,
}

impl From<WebData3> for WebData {
    fn from(wire: WebData3) -> Self {
        let state = wire.user_state;
        Self {
            user: state.user,
            agent: state.agent_address,
            agent_valid_until_ms: state.agent_valid_until,
            mode: state.abstraction,
            server_time_ms: state.server_time,
            clearinghouse: None,
        }
    }
}

#[derive(Deserialize)]
struct SubscribedWire {
    method: String,
    subscription: SubscriptionWire,
}

#[derive(Deserialize)]
struct SubscriptionWire {
    #[serde(rename = "type")]
    stream: String,
    #[serde(default)]
    coin: Option<String>,
    #[serde(default)]
    user: Option<String>,
}

impl From<SubscribedWire> for Subscribed {
    fn from(wire: SubscribedWire) -> Self {
        let SubscriptionWire { stream, coin, user } = wire.subscription;
        Self { method: wire.method, stream, coin, user }
    }
}

#[derive(Deserialize)]
struct PostedWire<'a> {
    id: u64,
    #[serde(borrow)]
    response: ReplyWire<'a>,
}

#[derive(Deserialize)]
struct ReplyWire<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// What stands in the payload of an answer to a question.
#[derive(Deserialize)]
struct InfoWire<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

fn posted(wire: &PostedWire<'_>) -> Result<Posted, DecodeError> {
    let payload = wire.response.payload;
    let reply = match wire.response.kind.as_ref() {
        "info" => {
            // Some answers are lists, and a list would be taken for the fields in their order.
            let object = payload.get().starts_with('{').then_some(payload);
            let inner = part::<InfoWire<'_>>(object).ok().and_then(|inner| inner.data);
            Reply::Info(inner.unwrap_or(payload).get().to_owned())
        }
        "action" => Reply::Action(Answer::of_json(payload.get().as_bytes())?),
        "error" => Reply::Error(text(Some(payload))),
        _ => {
            let (field, expected) = ("response.type", "info, action, error");
            return Err(DecodeError::Unexpected { field, expected });
        }
    };
    Ok(Posted { id: wire.id, reply })
}

#[cfg(test)]
mod tests;
