//! What can be listened to.

use flyball_core::domain::{Instrument, InstrumentId};
use serde_json::{Value, json};

use crate::Address;
use crate::markets::{INTERVALS, Markets};
use crate::shapes::market::Coarse;

/// A stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// The middle of every book.
    AllMids,
    /// A book.
    Book(InstrumentId, Option<Coarse>),
    /// The best bid and ask.
    Bbo(InstrumentId),
    /// Trades.
    Trades(InstrumentId),
    /// Mark, oracle, funding, volume.
    Context(InstrumentId),
    /// Candles of an interval.
    Candle(InstrumentId, &'static str),
    /// What an account may trade of an instrument.
    AssetData(Address, InstrumentId),
    /// What becomes of orders.
    OrderUpdates(Address),
    /// Fills, funding, liquidations, cancels by the venue.
    UserEvents(Address),
    /// Fills; brought together by order and time if asked for.
    UserFills(Address, bool),
    /// Payments of funding.
    UserFundings(Address),
    /// The ledger without funding.
    Ledger(Address),
    /// Words to a person. None are ever sent here.
    Notification(Address),
    /// What the venue's own page shows.
    WebData(Address),
}

impl Topic {
    /// Read a subscription.
    pub(crate) fn parse(subscription: &Value, markets: &Markets) -> Option<Self> {
        let text = |key: &str| subscription.get(key).and_then(Value::as_str);
        let coin = || markets.find(text("coin")?).map(Instrument::id);
        let user = || Address::parse(text("user")?).ok();
        Some(match text("type")? {
            "allMids" => Self::AllMids,
            "l2Book" => Self::Book(coin()?, coarse(subscription).ok()?),
            "bbo" => Self::Bbo(coin()?),
            "trades" => Self::Trades(coin()?),
            "activeAssetCtx" => Self::Context(coin()?),
            "candle" => {
                let wanted = text("interval")?;
                let (name, _) = INTERVALS.iter().find(|(name, _)| *name == wanted)?;
                Self::Candle(coin()?, name)
            }
            "activeAssetData" => Self::AssetData(user()?, coin()?),
            "orderUpdates" => Self::OrderUpdates(user()?),
            "userEvents" => Self::UserEvents(user()?),
            "userFills" => {
                let aggregated = subscription.get("aggregateByTime").and_then(Value::as_bool);
                Self::UserFills(user()?, aggregated.unwrap_or(false))
            }
            "userFundings" => Self::UserFundings(user()?),
            "userNonFundingLedgerUpdates" => Self::Ledger(user()?),
            "notification" => Self::Notification(user()?),
            "webData2" => Self::WebData(user()?),
            _ => return None,
        })
    }

    /// As the venue writes it.
    pub(crate) fn show(&self, markets: &Markets) -> Value {
        let coin = |id: &InstrumentId| {
            markets.instruments().get(id.index()).map_or("", |it| it.symbol().as_str())
        };
        match self {
            Self::AllMids => json!({"type": "allMids"}),
            Self::Book(id, coarse) => json!({
                "type": "l2Book",
                "coin": coin(id),
                "nSigFigs": coarse.map(|it| it.figures),
                "mantissa": coarse.filter(|it| it.mantissa > 1).map(|it| it.mantissa),
            }),
            Self::Bbo(id) => json!({"type": "bbo", "coin": coin(id)}),
            Self::Trades(id) => json!({"type": "trades", "coin": coin(id)}),
            Self::Context(id) => json!({"type": "activeAssetCtx", "coin": coin(id)}),
            Self::Candle(id, interval) => {
                json!({"type": "candle", "interval": interval, "coin": coin(id)})
            }
            Self::AssetData(user, id) => {
                json!({"type": "activeAssetData", "user": user, "coin": coin(id)})
            }
            Self::OrderUpdates(user) => json!({"type": "orderUpdates", "user": user}),
            Self::UserEvents(user) => json!({"type": "userEvents", "user": user}),
            Self::UserFills(user, false) => json!({"type": "userFills", "user": user}),
            Self::UserFills(user, true) => {
                json!({"type": "userFills", "user": user, "aggregateByTime": true})
            }
            Self::UserFundings(user) => json!({"type": "userFundings", "user": user}),
            Self::Ledger(user) => json!({"type": "userNonFundingLedgerUpdates", "user": user}),
            Self::Notification(user) => json!({"type": "notification", "user": user}),
            Self::WebData(user) => json!({"type": "webData2", "user": user}),
        }
    }

    /// The account that it is about.
    pub(crate) const fn user(&self) -> Option<Address> {
        match self {
            Self::AssetData(user, _)
            | Self::OrderUpdates(user)
            | Self::UserEvents(user)
            | Self::UserFills(user, _)
            | Self::UserFundings(user)
            | Self::Ledger(user)
            | Self::Notification(user)
            | Self::WebData(user) => Some(*user),
            _ => None,
        }
    }

    /// Whether it is sent with the slow ones.
    pub(crate) const fn is_slow(&self) -> bool {
        matches!(self, Self::Context(_) | Self::Candle(..) | Self::AssetData(..))
    }

    /// The instrument that it is about.
    pub(crate) const fn instrument(&self) -> Option<InstrumentId> {
        match self {
            Self::Book(id, _)
            | Self::Bbo(id)
            | Self::Trades(id)
            | Self::Context(id)
            | Self::Candle(id, _)
            | Self::AssetData(_, id) => Some(*id),
            _ => None,
        }
    }
}

/// How a book is to be coarsened.
///
/// # Errors
///
/// When the numbers are not those that the venue takes.
pub(crate) fn coarse(question: &Value) -> Result<Option<Coarse>, ()> {
    let number = |key: &str| match question.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(()),
    };
    match (number("nSigFigs")?, number("mantissa")?) {
        (None, None) => Ok(None),
        (Some(figures @ 2..=5), None) => {
            let figures = u32::try_from(figures).map_err(|_| ())?;
            Ok(Some(Coarse { figures, mantissa: 1 }))
        }
        (Some(5), Some(mantissa @ (1 | 2 | 5))) => {
            let mantissa = u32::try_from(mantissa).map_err(|_| ())?;
            Ok(Some(Coarse { figures: 5, mantissa }))
        }
        _ => Err(()),
    }
}
