//! Answers of `/info`.
//!
//! Source: Hyperliquid documentation, "API › Info endpoint" and "Perpetuals". Each function reads
//! the body of one answer, with the HTTP status 200; a book is read by
//! [`Hyperliquid::decode_book`](super::Hyperliquid::decode_book).

use std::fmt;

use flyball_core::domain::{
    ConfigError, Decimal, Fees, InstrumentSpec, MarginTier, Money, NetQty, Rate, Status,
};
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::asset::{Asset, perp_spec};
use super::ledger::LedgerUpdate;
use super::number::{computed, money, some_computed, some_money};
use super::sign::Address;
use super::stream::Candle;
use super::user::{Funding, OpenOrder, OrderUpdate, UserFill};
use crate::listing::rate;
use crate::{DecodeError, Number, Quantity};

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(answer).map_err(|error| DecodeError::json(answer, &error))
}

/// The perpetuals, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The perpetuals: the place in the list is the number that orders name.
    pub universe: Vec<Perp>,
    /// Margin tables by number; older answers have none.
    #[serde(default)]
    pub margin_tables: Vec<(u32, MarginTable)>,
}

/// A perpetual.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Perp {
    /// The venue's name.
    pub name: String,
    /// Decimals of its size.
    pub sz_decimals: u8,
    /// Highest leverage of the smallest position.
    pub max_leverage: u16,
    /// Number of its margin table.
    #[serde(default)]
    pub margin_table_id: Option<u32>,
    /// Whether its margin cannot be shared with other positions.
    #[serde(default)]
    pub only_isolated: bool,
    /// Whether it is traded no more.
    #[serde(default)]
    pub is_delisted: bool,
}

/// Leverage by size of position.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarginTable {
    /// The tiers, lowest first.
    pub margin_tiers: Vec<Tier>,
}

/// A step of a margin table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tier {
    /// Notional from which it holds, in USDC.
    pub lower_bound: Number,
    /// Highest leverage in it.
    pub max_leverage: u16,
}

impl Meta {
    /// The number and the entry of the perpetual of this name.
    pub fn perp(&self, name: &str) -> Option<(u32, &Perp)> {
        let at = self.universe.iter().position(|perp| perp.name == name)?;
        Some((u32::try_from(at).ok()?, self.universe.get(at)?))
    }

    /// The margin tiers of a perpetual. A table that is not in the answer has one tier.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when a bound is no whole number of USDC.
    pub fn tiers(&self, perp: &Perp) -> Result<Vec<MarginTier>, DecodeError> {
        let table = self.margin_tables.iter().find(|(id, _)| Some(*id) == perp.margin_table_id);
        let Some((_, table)) = table else {
            return Ok(vec![MarginTier { from_notional: 0, max_leverage: perp.max_leverage }]);
        };
        let tier = |tier: &Tier| {
            let step = Decimal::new(1, 0);
            let whole = tier.lower_bound.reduced().in_steps(step);
            whole
                .map(|from_notional| MarginTier { from_notional, max_leverage: tier.max_leverage })
                .map_err(|error| DecodeError::Number {
                    quantity: Quantity::Price,
                    value: tier.lower_bound,
                    step,
                    error,
                })
        };
        table.margin_tiers.iter().map(tier).collect()
    }

    /// The rules of a perpetual, with these fees.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when its decimals or its tiers are not what the venue documents.
    pub fn spec(&self, perp: &Perp, fees: Fees) -> Result<InstrumentSpec, ConfigError> {
        let tiers = self.tiers(perp);
        let tiers = tiers.map_err(|error| ConfigError::new("margin_tiers", error.to_string()))?;
        perp_spec(&perp.name, perp.sz_decimals, tiers, fees)
    }
}

/// The answer to `meta`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn meta(answer: &[u8]) -> Result<Meta, DecodeError> {
    read(answer)
}

/// Mark, oracle and funding rate of a perpetual.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// For margin, liquidation and triggers.
    #[serde(rename = "markPx")]
    pub mark: Number,
    /// For funding.
    #[serde(rename = "oraclePx")]
    pub oracle: Number,
    /// The middle of the book.
    #[serde(default, rename = "midPx")]
    pub mid: Option<Number>,
    /// The rate of the current hour.
    pub funding: Number,
    /// All positions of one side, in base units.
    #[serde(deserialize_with = "computed")]
    pub open_interest: Number,
}

/// The answer to `metaAndAssetCtxs`: the perpetuals, and one context for each.
///
/// # Errors
///
/// [`DecodeError`].
pub fn meta_and_contexts(answer: &[u8]) -> Result<(Meta, Vec<Context>), DecodeError> {
    read(answer)
}

/// An account's equity and margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarginSummary {
    /// What it is worth with its positions.
    #[serde(deserialize_with = "money")]
    pub account_value: Money,
    /// Value of all positions.
    #[serde(rename = "totalNtlPos", deserialize_with = "money")]
    pub total_notional: Money,
    /// What it is worth without its positions.
    #[serde(rename = "totalRawUsd", deserialize_with = "money")]
    pub total_raw: Money,
    /// Margin in use.
    #[serde(deserialize_with = "money")]
    pub total_margin_used: Money,
}

/// Positions and margin of a perpetuals' account. Means nothing by itself in the modes `unified`
/// and `portfolio margin`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clearinghouse {
    /// With isolated positions.
    pub margin_summary: MarginSummary,
    /// Without.
    pub cross_margin_summary: MarginSummary,
    /// Margin that the cross positions must keep.
    #[serde(default, deserialize_with = "some_money")]
    pub cross_maintenance_margin_used: Option<Money>,
    /// What may be taken out.
    #[serde(deserialize_with = "money")]
    pub withdrawable: Money,
    /// The positions.
    #[serde(rename = "assetPositions", deserialize_with = "positions")]
    pub positions: Vec<Position>,
    /// When: milliseconds since 1970; older answers have none.
    #[serde(default, rename = "time")]
    pub time_ms: Option<i64>,
}

impl Clearinghouse {
    /// What is held of an instrument, in lots; flat when the venue shows no position.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it is off the grid.
    pub fn net_qty(&self, asset: &Asset) -> Result<NetQty, DecodeError> {
        let position = self.positions.iter().find(|position| position.coin == asset.coin);
        position.map_or(Ok(NetQty::FLAT), |position| position.net_qty(asset))
    }
}

fn positions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Position>, D::Error> {
    #[derive(Deserialize)]
    struct One {
        position: Position,
    }
    Ok(Vec::<One>::deserialize(deserializer)?.into_iter().map(|one| one.position).collect())
}

/// A position.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// The venue's name of the instrument.
    pub coin: String,
    /// What is held: negative when short.
    #[serde(rename = "szi")]
    pub qty: Number,
    /// How it is margined.
    pub leverage: Leverage,
    /// Average price at which it was opened.
    #[serde(default, rename = "entryPx", deserialize_with = "some_computed")]
    pub entry: Option<Number>,
    /// Its value at the mark.
    #[serde(rename = "positionValue", deserialize_with = "money")]
    pub value: Money,
    /// What it has gained.
    #[serde(deserialize_with = "money")]
    pub unrealized_pnl: Money,
    /// Where it is liquidated; none when nowhere.
    #[serde(default, rename = "liquidationPx", deserialize_with = "some_computed")]
    pub liquidation: Option<Number>,
    /// Margin in use.
    #[serde(deserialize_with = "money")]
    pub margin_used: Money,
}

impl Position {
    /// What is held, in lots of the instrument.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it is off the grid.
    pub fn net_qty(&self, asset: &Asset) -> Result<NetQty, DecodeError> {
        let lots = asset.qty.steps(self.qty).map_err(|error| DecodeError::Number {
            quantity: Quantity::Qty,
            value: self.qty,
            step: asset.qty.step(),
            error,
        });
        lots.map(NetQty::from_lots)
    }
}

/// How a position is margined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leverage {
    /// With the rest of the account, or by itself.
    #[serde(rename = "type")]
    pub kind: MarginMode,
    /// The leverage.
    pub value: u32,
}

/// How a position is margined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MarginMode {
    /// With the rest of the account.
    Cross,
    /// By itself.
    Isolated,
    /// In a way that this build does not know.
    #[serde(other)]
    Unknown,
}

/// The answer to `clearinghouseState`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn clearinghouse(answer: &[u8]) -> Result<Clearinghouse, DecodeError> {
    read(answer)
}

/// A balance of the spot account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Balance {
    /// The token's name.
    pub coin: String,
    /// All of it.
    #[serde(deserialize_with = "money")]
    pub total: Money,
    /// What orders, or in other modes positions, hold of it.
    #[serde(deserialize_with = "money")]
    pub hold: Money,
}

/// The answer to `spotClearinghouseState`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn balances(answer: &[u8]) -> Result<Vec<Balance>, DecodeError> {
    #[derive(Deserialize)]
    struct Balances {
        balances: Vec<Balance>,
    }
    Ok(read::<Balances>(answer)?.balances)
}

/// The answer to `openOrders` or `frontendOpenOrders`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn open_orders(answer: &[u8]) -> Result<Vec<OpenOrder>, DecodeError> {
    read(answer)
}

/// The answer to `historicalOrders`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn historical_orders(answer: &[u8]) -> Result<Vec<OrderUpdate>, DecodeError> {
    read(answer)
}

/// What became of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The venue knows it.
    Order(Box<OrderUpdate>),
    /// The venue has never heard of it.
    Nothing,
    /// The venue said what this build does not know.
    Unknown(String),
}

impl Found {
    /// Its status.
    pub fn status(&self) -> Status {
        match self {
            Self::Order(update) => update.status(),
            Self::Nothing => Status::NotFound,
            Self::Unknown(_) => Status::Unknown,
        }
    }
}

/// The answer to `orderStatus`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn order_status(answer: &[u8]) -> Result<Found, DecodeError> {
    #[derive(Deserialize)]
    struct Wire {
        status: String,
        #[serde(default)]
        order: Option<Box<OrderUpdate>>,
    }
    let Wire { status, order } = read(answer)?;
    Ok(match (status.as_str(), order) {
        ("order", Some(order)) => Found::Order(order),
        ("unknownOid", None) => Found::Nothing,
        _ => Found::Unknown(status),
    })
}

/// The answer to `userFills` or `userFillsByTime`: the newest first.
///
/// # Errors
///
/// [`DecodeError`].
pub fn user_fills(answer: &[u8]) -> Result<Vec<UserFill>, DecodeError> {
    read(answer)
}

/// The answer to `userFunding`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn user_funding(answer: &[u8]) -> Result<Vec<Funding>, DecodeError> {
    #[derive(Deserialize)]
    struct Wire {
        time: i64,
        delta: Funding,
    }
    let all: Vec<Wire> = read(answer)?;
    Ok(all.into_iter().map(|it| Funding { time_ms: it.time, ..it.delta }).collect())
}

/// The answer to `userNonFundingLedgerUpdates`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn user_ledger(answer: &[u8]) -> Result<Vec<LedgerUpdate>, DecodeError> {
    read(answer)
}

/// What an account was worth at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastWorth {
    /// When: milliseconds since 1970.
    pub time_ms: i64,
    /// With its positions, in USDC.
    pub worth: Money,
    /// What it gained since its period began; transfers are no gain.
    pub gained: Money,
}

/// An account over one period, the oldest moment first. The newest is that of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorthPeriod {
    /// `day`, `week`, `month`, `allTime`; of the perpetuals alone `perpDay` and so on.
    pub name: String,
    /// Its moments.
    pub moments: Vec<PastWorth>,
}

/// The answer to `portfolio`.
///
/// # Errors
///
/// [`DecodeError`]; [`DecodeError::Missing`] where worth and gain are not of the same moments.
pub fn worth_history(answer: &[u8]) -> Result<Vec<WorthPeriod>, DecodeError> {
    #[derive(Deserialize)]
    struct Amount(#[serde(deserialize_with = "money")] Money);
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Period {
        account_value_history: Vec<(i64, Amount)>,
        pnl_history: Vec<(i64, Amount)>,
    }
    let joined =
        |(name, period): (String, Period)| {
            let (worths, gains) = (period.account_value_history, period.pnl_history);
            let same = worths.len() == gains.len()
                && worths.iter().zip(&gains).all(|(worth, gain)| worth.0 == gain.0);
            if !same {
                return Err(DecodeError::Missing("pnlHistory"));
            }
            let moment = |((time_ms, worth), (_, gain)): ((i64, Amount), (i64, Amount))| {
                PastWorth { time_ms, worth: worth.0, gained: gain.0 }
            };
            Ok(WorthPeriod { name, moments: worths.into_iter().zip(gains).map(moment).collect() })
        };
    read::<Vec<(String, Period)>>(answer)?.into_iter().map(joined).collect()
}

/// The address's budget of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// What it has traded, in USDC.
    #[serde(rename = "cumVlm", deserialize_with = "money")]
    pub volume: Money,
    /// Actions sent.
    #[serde(rename = "nRequestsUsed")]
    pub used: u64,
    /// Actions allowed.
    #[serde(rename = "nRequestsCap")]
    pub cap: u64,
    /// Actions that were bought and not used.
    #[serde(default, rename = "nRequestsSurplus")]
    pub surplus: u64,
}

/// The answer to `userRateLimit`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn rate_limit(answer: &[u8]) -> Result<RateLimit, DecodeError> {
    read(answer)
}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing that the venue has seen.
    Missing,
    /// An account.
    User,
    /// An agent.
    Agent {
        /// The account that it signs for.
        user: Address,
    },
    /// A vault.
    Vault,
    /// A sub-account.
    SubAccount {
        /// Its master.
        master: Address,
    },
    /// Something that this build does not know.
    Unknown,
}

/// The answer to `userRole`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn role(answer: &[u8]) -> Result<Role, DecodeError> {
    #[derive(Deserialize)]
    struct Wire {
        role: String,
        #[serde(default)]
        data: Option<serde_json::Value>,
    }
    let Wire { role, data } = read(answer)?;
    let address = |key| {
        let text = data.as_ref().and_then(|data| data.get(key)).and_then(|it| it.as_str());
        Address::parse(text.unwrap_or_default()).map_err(|_| DecodeError::Missing(key))
    };
    Ok(match role.as_str() {
        "missing" => Role::Missing,
        "user" => Role::User,
        "vault" => Role::Vault,
        "agent" => Role::Agent { user: address("user")? },
        "subAccount" => Role::SubAccount { master: address("master")? },
        _ => Role::Unknown,
    })
}

/// A named agent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// Until when it may sign: milliseconds since 1970; `None` when for ever.
    #[serde(rename = "validUntil")]
    pub valid_until_ms: Option<i64>,
}

/// The answer to `extraAgents`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn agents(answer: &[u8]) -> Result<Vec<Agent>, DecodeError> {
    read(answer)
}

/// An account's mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccountMode {
    /// Perpetuals and spot apart: the mode that this engine understands.
    #[serde(rename = "disabled")]
    Standard,
    /// Nobody chose. The documentation does not say what it means: not verified.
    Default,
    /// One balance for perpetuals and spot: the perpetuals' account means nothing by itself.
    UnifiedAccount,
    /// One margin for everything.
    PortfolioMargin,
    /// Collateral moves by itself between exchanges; no longer to be had.
    DexAbstraction,
    /// Something that this build does not know.
    #[serde(other)]
    Unknown,
}

/// The answer to `userAbstraction`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn account_mode(answer: &[u8]) -> Result<AccountMode, DecodeError> {
    read(answer)
}

/// The answer to `allMids`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn mids(answer: &[u8]) -> Result<Vec<(String, Number)>, DecodeError> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Mids {
        #[serde(deserialize_with = "pairs")]
        mids: Vec<(String, Number)>,
    }
    Ok(read::<Mids>(answer)?.mids)
}

/// The answer to `candleSnapshot`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn candles(answer: &[u8]) -> Result<Vec<Candle>, DecodeError> {
    read(answer)
}

/// A past funding rate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastRate {
    /// The venue's name of the instrument.
    pub coin: String,
    /// What longs paid of their notional.
    #[serde(rename = "fundingRate", deserialize_with = "funding_rate")]
    pub rate: Rate,
    /// When: milliseconds since 1970.
    #[serde(rename = "time")]
    pub time_ms: i64,
}

fn funding_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
    rate(Number::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// The answer to `fundingHistory`.
///
/// # Errors
///
/// [`DecodeError`].
pub fn funding_history(answer: &[u8]) -> Result<Vec<PastRate>, DecodeError> {
    read(answer)
}

/// The keys of an object with their numbers, in their order.
pub(super) fn pairs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, Number)>, D::Error> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, Number)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("prices by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(pair) = map.next_entry()? {
                all.push(pair);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(Pairs)
}

#[cfg(test)]
mod tests;
