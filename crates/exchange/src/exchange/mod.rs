//! The exchange: a function of the bytes that come, the times at which they come, and its seed.

mod admin;
mod flow;
mod requests;

use std::collections::VecDeque;
use std::sync::Arc;

use flyball_core::domain::{ConfigError, Instrument, InstrumentId, Money};
use flyball_core::sim::{AccountId, QueueModel, Venue};
use flyball_venues::hyperliquid::sign::Network as Chain;

use crate::accounts::{Agent, Members};
use crate::limits::{PeerLimits, SocketLimits};
use crate::markets::{Candles, Context, Markets};
use crate::nonces::Nonces;
use crate::shapes::market::{RateRow, TradeRow};
use crate::streams::Streams;
use crate::{Address, ConnId};

pub(crate) use crate::limits::SocketRefusal;
pub use admin::AdminError;

/// How the exchange begins.
#[derive(Clone, Debug)]
pub struct ExchangeConfig {
    /// When it begins.
    pub start_ns: i64,
    /// The network that signatures must be for.
    pub chain: Chain,
    /// Accounts and what they hold.
    pub accounts: Vec<(Address, Money)>,
    /// Agents that are approved from the start: of whom, their names, their addresses.
    pub agents: Vec<(Address, String, Address)>,
    /// Weight that an address of the network may use in a minute.
    pub weight_per_minute: u32,
    /// Limits of websockets.
    pub sockets: SocketLimits,
    /// Money of the backstop that takes over what cannot be liquidated in the book.
    pub backstop: Money,
}

impl ExchangeConfig {
    /// One that begins at this time, with the documented limits and no accounts.
    pub fn new(start_ns: i64) -> Self {
        Self {
            start_ns,
            chain: Chain::Testnet,
            accounts: Vec::new(),
            agents: Vec::new(),
            weight_per_minute: 1200,
            sockets: SocketLimits::default(),
            backstop: Money::from_whole(100_000_000),
        }
    }
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON, or a text where the status is an error.
    pub body: String,
}

impl Reply {
    /// HTTP 200 with this body.
    pub(crate) fn ok(body: &serde_json::Value) -> Self {
        Self { status: 200, body: body.to_string() }
    }

    /// HTTP 422: the body is not understood.
    pub(crate) fn not_understood(what: &str) -> Self {
        let body = format!("Failed to deserialize the JSON body into the target type{what}");
        Self { status: 422, body }
    }

    /// HTTP 503: not now.
    pub(crate) fn unavailable() -> Self {
        Self { status: 503, body: "Service Unavailable".to_owned() }
    }

    /// HTTP 429: too many requests.
    pub(crate) fn too_many() -> Self {
        Self { status: 429, body: "null".to_owned() }
    }
}

/// Which kind of message is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushKind {
    /// Acknowledgements, pongs, errors.
    Control,
    /// The answer to a post.
    Post,
    /// Market data.
    Market,
    /// An account's own streams.
    User,
}

/// What is sent over a websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A message.
    Text(Arc<str>),
    /// The venue closes the connection.
    Close,
}

/// Something for a websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// For which one.
    pub conn: ConnId,
    /// When it was sent.
    pub time_ns: i64,
    /// Which kind of message it is.
    pub kind: PushKind,
    /// What is sent.
    pub payload: Payload,
}

/// Trades that are kept of each instrument, for those who begin to listen.
const RECENT_TRADES: usize = 50;
/// Past funding rates that are kept of each instrument.
const PAST_RATES: usize = 10_000;

/// What is kept of one instrument beside its book.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) context: Context,
    pub(crate) candles: Candles,
    pub(crate) trades: VecDeque<TradeRow>,
    pub(crate) rates: VecDeque<RateRow>,
}

/// The local exchange.
///
/// Nothing in it reads a clock, opens a socket or draws chance from elsewhere: the same calls give
/// the same answers.
#[derive(Debug)]
pub struct Exchange {
    pub(crate) chain: Chain,
    pub(crate) markets: Markets,
    pub(crate) venue: Venue,
    pub(crate) members: Members,
    pub(crate) nonces: Nonces,
    pub(crate) peers: PeerLimits,
    pub(crate) streams: Streams,
    pub(crate) boards: Vec<Board>,
    pub(crate) pushes: Vec<Push>,
    /// How far it is.
    pub(crate) now_ns: i64,
    /// How far its clock is ahead of that.
    pub(crate) skew_ns: i64,
    /// Transactions so far.
    pub(crate) transactions: u64,
    pub(crate) post_only_until_ns: Option<i64>,
    pub(crate) next_hour_ns: i64,
}

impl Exchange {
    /// An exchange for these markets.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when an agent's master is no account, or an address is there twice.
    pub fn new(config: &ExchangeConfig, markets: Markets) -> Result<Self, ConfigError> {
        let cash: Vec<Money> = config.accounts.iter().map(|(_, cash)| *cash).collect();
        let mut venue = Venue::new(markets.instruments(), &cash, QueueModel::Back);
        venue.fund_backstop(config.backstop);
        venue.publish_trades();
        // What is written with six decimals is charged with six.
        venue.charge_in(Money::from_units(10_000));
        let mut members = Members::default();
        for (at, (address, _)) in config.accounts.iter().enumerate() {
            if members.find(*address).is_some() {
                let reason = format!("{address} is there twice");
                return Err(ConfigError::new("accounts", reason));
            }
            members.add(*address, AccountId::new(at));
        }
        let board = || Board {
            context: Context::new(),
            candles: Candles::new(),
            trades: VecDeque::new(),
            rates: VecDeque::new(),
        };
        let boards = markets.instruments().iter().map(|_| board()).collect();
        let mut exchange = Self {
            chain: config.chain,
            streams: Streams::new(markets.instruments().len()),
            markets,
            venue,
            members,
            nonces: Nonces::default(),
            peers: PeerLimits::new(config.weight_per_minute, config.sockets),
            boards,
            pushes: Vec::new(),
            now_ns: config.start_ns,
            skew_ns: 0,
            transactions: 0,
            post_only_until_ns: None,
            next_hour_ns: config.start_ns,
        };
        for (master, name, address) in &config.agents {
            let agent = Agent { name: name.clone(), address: *address, valid_until_ms: 0 };
            let now_ms = exchange.clock_ms();
            let approved = exchange.members.approve(*master, agent, now_ms);
            approved.map_err(|error| ConfigError::new("agents", format!("{address}: {error}")))?;
        }
        Ok(exchange)
    }

    /// The instruments.
    pub fn instruments(&self) -> &[Instrument] {
        self.markets.instruments()
    }

    /// The venue behind it: for those who check what it holds.
    pub const fn venue(&self) -> &Venue {
        &self.venue
    }

    /// The venue's number of an account.
    pub fn account(&self, address: Address) -> Option<AccountId> {
        self.members.find(address).map(|member| member.id)
    }

    /// How far it is.
    pub const fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// What is to be sent since the last call, in order.
    pub fn drain_pushes(&mut self) -> impl Iterator<Item = Push> + '_ {
        self.pushes.drain(..)
    }

    /// Whether something is to be sent.
    pub const fn has_pushes(&self) -> bool {
        !self.pushes.is_empty()
    }

    /// What its clock shows, ms since 1970.
    pub(crate) const fn clock_ms(&self) -> i64 {
        crate::shapes::millis(self.now_ns.saturating_add(self.skew_ns))
    }

    /// What its clock shows.
    pub(crate) const fn clock_ns(&self) -> i64 {
        self.now_ns.saturating_add(self.skew_ns)
    }

    pub(crate) fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.markets.instruments().get(id.index())
    }

    /// The number of the next transaction.
    pub(crate) const fn transaction(&mut self) -> u64 {
        self.transactions = self.transactions.saturating_add(1);
        self.transactions
    }
}
