//! What is sent: bodies of `/exchange` and `/info`, and the websocket's messages. Source:
//! Hyperliquid documentation, "API › Exchange endpoint", "Info endpoint", "Websocket".

use serde::Serialize;

use super::action::OrderId;
use super::sign::{
    Address, Envelope, Network, SignError, Signature, SigningKey, pack_into, sign_l1,
};

/// Signs actions for one network, packing them into a buffer that is used again and again.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    network: Network,
    packed: Vec<u8>,
}

impl Signer {
    /// A signer for this network.
    pub fn new(key: SigningKey, network: Network) -> Self {
        Self { key, network, packed: Vec::with_capacity(4096) }
    }

    /// The address that its signatures lead to.
    pub const fn address(&self) -> Address {
        self.key.address()
    }

    /// The network that it signs for.
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Sign an action.
    ///
    /// # Errors
    ///
    /// [`SignError::Pack`].
    pub fn sign<T: Serialize + ?Sized>(
        &mut self,
        action: &T,
        envelope: &Envelope,
    ) -> Result<Signature, SignError> {
        self.packed.clear();
        pack_into(&mut self.packed, action)?;
        Ok(sign_l1(&self.key, &self.packed, envelope, self.network))
    }
}

/// As the official SDK sends it: what is absent is null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed<'a, T: ?Sized> {
    action: &'a T,
    nonce: u64,
    signature: &'a Signature,
    vault_address: Option<Address>,
    expires_after: Option<u64>,
}

impl<'a, T: ?Sized> Signed<'a, T> {
    const fn new(action: &'a T, envelope: &Envelope, signature: &'a Signature) -> Self {
        let Envelope { nonce, vault, expires_after } = *envelope;
        Self { action, nonce, signature, vault_address: vault, expires_after }
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, SignError> {
    serde_json::to_vec(value).map_err(|error| SignError::Pack(error.to_string()))
}

/// The body of a `POST /exchange`.
///
/// # Errors
///
/// [`SignError::Pack`] when the action cannot be written as JSON; ours can.
pub fn post_body<T: Serialize + ?Sized>(
    action: &T,
    envelope: &Envelope,
    signature: &Signature,
) -> Result<Vec<u8>, SignError> {
    json(&Signed::new(action, envelope, signature))
}

#[derive(Serialize)]
#[serde(tag = "method", rename = "post")]
struct Post<P> {
    id: u64,
    request: Payload<P>,
}

#[derive(Serialize)]
struct Payload<P> {
    #[serde(rename = "type")]
    kind: &'static str,
    payload: P,
}

/// The websocket message that asks for an action. Its answer carries the same `id`.
///
/// # Errors
///
/// As [`post_body`].
pub fn ws_post_action<T: Serialize + ?Sized>(
    id: u64,
    action: &T,
    envelope: &Envelope,
    signature: &Signature,
) -> Result<Vec<u8>, SignError> {
    let payload = Signed::new(action, envelope, signature);
    json(&Post { id, request: Payload { kind: "action", payload } })
}

/// A time range of candles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candles<'a> {
    /// The venue's name of the instrument.
    pub coin: &'a str,
    /// `1m`, `3m`, `5m`, `15m`, `30m`, `1h`, `2h`, `4h`, `8h`, `12h`, `1d`, `3d`, `1w` or `1M`.
    pub interval: &'a str,
    /// First opening time, milliseconds since 1970.
    pub start_time: i64,
    /// Last opening time.
    pub end_time: i64,
}

/// A question to `/info`. `user` is the account's own address, never an agent's: an agent's gives an
/// empty answer. Times are milliseconds since 1970, both ends included; no end means now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are what the questions above them ask about")]
pub enum Query<'a> {
    /// The perpetuals and their margin tables.
    Meta,
    /// The same, with their marks, oracles and funding rates.
    MetaAndAssetCtxs,
    /// The middle of every book.
    AllMids,
    /// A book of at most 20 levels a side.
    L2Book { coin: &'a str },
    /// Candles, 5000 at most.
    CandleSnapshot { req: Candles<'a> },
    /// Past funding rates, 500 a page.
    FundingHistory {
        coin: &'a str,
        start_time: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        end_time: Option<i64>,
    },
    /// Positions and margin of the perpetuals' account.
    ClearinghouseState { user: Address },
    /// Balances of the spot account.
    SpotClearinghouseState { user: Address },
    /// Working orders.
    OpenOrders { user: Address },
    /// Working orders, with their triggers.
    FrontendOpenOrders { user: Address },
    /// What became of one order.
    OrderStatus { user: Address, oid: OrderId },
    /// What became of the last orders, 2000 at most.
    HistoricalOrders { user: Address },
    /// The last fills, 2000 at most.
    UserFills { user: Address },
    /// Fills of a time range, 2000 a page, and only the last 10 000 there are.
    UserFillsByTime {
        user: Address,
        start_time: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        end_time: Option<i64>,
    },
    /// Funding payments, 500 a page.
    UserFunding {
        user: Address,
        start_time: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        end_time: Option<i64>,
    },
    /// Deposits, withdrawals, transfers, liquidations, 500 a page.
    UserNonFundingLedgerUpdates {
        user: Address,
        start_time: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        end_time: Option<i64>,
    },
    /// What the account was worth and gained, over the last day, week, month and all time.
    Portfolio { user: Address },
    /// The address's budget of actions.
    UserRateLimit { user: Address },
    /// Whether an address is an account, an agent, a vault, a sub-account or nothing.
    UserRole { user: Address },
    /// The named agents of an account.
    ExtraAgents { user: Address },
    /// The account's mode: with `unifiedAccount` and `portfolioMargin` the perpetuals' account
    /// means nothing by itself.
    UserAbstraction { user: Address },
}

impl Query<'_> {
    /// What it costs of the 1200 a minute that an IP address has, before its answer.
    pub const fn weight(&self) -> usize {
        match self {
            Self::L2Book { .. }
            | Self::AllMids
            | Self::ClearinghouseState { .. }
            | Self::SpotClearinghouseState { .. }
            | Self::OrderStatus { .. } => 2,
            Self::UserRole { .. } => 60,
            _ => 20,
        }
    }

    /// Its answer costs 1 more for every so many items; `None` where the answer is free.
    pub const fn items_per_weight(&self) -> Option<usize> {
        match self {
            Self::CandleSnapshot { .. } => Some(60),
            Self::HistoricalOrders { .. }
            | Self::UserFills { .. }
            | Self::UserFillsByTime { .. }
            | Self::FundingHistory { .. }
            | Self::UserFunding { .. }
            // Documented as "nonUserFundingUpdates", which is no request: taken to mean this one.
            | Self::UserNonFundingLedgerUpdates { .. } => Some(20),
            _ => None,
        }
    }
}

/// The body of a `POST /info`.
///
/// # Errors
///
/// [`SignError::Pack`], which never happens.
pub fn query_body(query: &Query<'_>) -> Result<Vec<u8>, SignError> {
    json(query)
}

/// The websocket message that asks a question. Its answer carries the same `id`.
///
/// # Errors
///
/// [`SignError::Pack`], which never happens.
pub fn ws_post_query(id: u64, query: &Query<'_>) -> Result<Vec<u8>, SignError> {
    json(&Post { id, request: Payload { kind: "info", payload: query } })
}

/// A stream of the websocket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are what the streams above them are about")]
pub enum Subscription<'a> {
    /// The middle of every book.
    AllMids,
    /// A book, whole each time: every 0.5 s at most.
    L2Book { coin: &'a str },
    /// The best bid and ask, when they change.
    Bbo { coin: &'a str },
    /// Trades.
    Trades { coin: &'a str },
    /// Mark, oracle, funding rate.
    ActiveAssetCtx { coin: &'a str },
    /// Candles.
    Candle { coin: &'a str, interval: &'a str },
    /// What becomes of orders.
    OrderUpdates { user: Address },
    /// Fills, funding, liquidations, cancels that the user did not ask for: channel `user`.
    UserEvents { user: Address },
    /// Fills, the last ones first.
    UserFills { user: Address },
    /// Funding payments, the last ones first.
    UserFundings { user: Address },
    /// Deposits, withdrawals, transfers, liquidations, the last ones first.
    UserNonFundingLedgerUpdates { user: Address },
    /// What the venue's own page shows.
    WebData2 { user: Address },
    /// The same, newer.
    WebData3 { user: Address },
}

#[derive(Serialize)]
#[serde(tag = "method", rename_all = "camelCase")]
enum Asked<'a> {
    Subscribe { subscription: &'a Subscription<'a> },
    Unsubscribe { subscription: &'a Subscription<'a> },
}

/// The websocket message that begins a stream.
///
/// # Errors
///
/// [`SignError::Pack`], which never happens.
pub fn subscribe(subscription: &Subscription<'_>) -> Result<Vec<u8>, SignError> {
    json(&Asked::Subscribe { subscription })
}

/// The websocket message that ends a stream.
///
/// # Errors
///
/// [`SignError::Pack`], which never happens.
pub fn unsubscribe(subscription: &Subscription<'_>) -> Result<Vec<u8>, SignError> {
    json(&Asked::Unsubscribe { subscription })
}

/// The websocket message that keeps a connection open: without any in 60 s the venue closes it.
pub const PING: &[u8] = br#"{"method":"ping"}"#;

#[cfg(test)]
mod tests;
