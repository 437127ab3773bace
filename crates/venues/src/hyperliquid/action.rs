//! What the engine asks of the venue. One description of each action gives its `MessagePack` bytes,
//! which are signed, and its JSON, which is sent. The order of keys is part of both. Source:
//! Hyperliquid documentation, "API › Exchange endpoint", and the official SDK.

use flyball_core::domain::{Decimal, Order, OrderKind, Side, TimeInForce};
use serde::{Serialize, Serializer};

use super::asset::Asset;
use super::cloid::{Cloid, EngineTag};
use crate::text::decimal;
use crate::{DecodeError, Number, Quantity};

/// How long a limit order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Tif {
    /// Post only.
    Alo,
    /// What does not trade at once is cancelled.
    Ioc,
    /// Until it is cancelled.
    Gtc,
}

impl From<TimeInForce> for Tif {
    fn from(time_in_force: TimeInForce) -> Self {
        match time_in_force {
            TimeInForce::GoodTilCancelled => Self::Gtc,
            TimeInForce::ImmediateOrCancel => Self::Ioc,
            TimeInForce::PostOnly => Self::Alo,
        }
    }
}

/// Which way a trigger order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tpsl {
    /// It takes a profit.
    Tp,
    /// It stops a loss.
    Sl,
}

/// What makes an order act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderTerms {
    /// At once.
    Limit {
        /// How long it lives.
        tif: Tif,
    },
    /// When the mark price reaches the trigger.
    #[serde(rename_all = "camelCase")]
    Trigger {
        /// At the market (the venue allows it 10 % of slippage) instead of at the order's price.
        is_market: bool,
        /// Mark price that sets it off.
        #[serde(serialize_with = "decimal")]
        trigger_px: Decimal,
        /// Profit or loss.
        tpsl: Tpsl,
    },
}

/// One order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OrderRequest {
    /// The venue's number of the instrument.
    #[serde(rename = "a")]
    pub asset: u32,
    /// Bid or ask.
    #[serde(rename = "b", serialize_with = "is_bid")]
    pub side: Side,
    /// Limit price.
    #[serde(rename = "p", serialize_with = "decimal")]
    pub price: Decimal,
    /// Size.
    #[serde(rename = "s", serialize_with = "decimal")]
    pub qty: Decimal,
    /// Whether the venue must refuse to open or flip a position with it.
    #[serde(rename = "r")]
    pub reduce_only: bool,
    /// What makes it act.
    #[serde(rename = "t")]
    pub terms: OrderTerms,
    /// Our id for it.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    pub cloid: Option<Cloid>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn is_bid<S: Serializer>(side: &Side, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(*side == Side::Bid)
}

impl OrderRequest {
    /// An order of the engine's. A stop becomes a reduce-only market trigger: it closes at what
    /// there is, and the order's price is sent along as its limit. Assumed, not verified: that the
    /// venue heeds a market trigger's own limit beside its tolerance of 10 %.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when a price or size does not fit a decimal number.
    pub fn of(order: &Order, asset: &Asset, tag: EngineTag) -> Result<Self, DecodeError> {
        let price = |price| asset.decimal_price(price).map_err(|e| out(asset, Quantity::Price, e));
        let terms = match order.kind {
            OrderKind::Limit(time_in_force) => OrderTerms::Limit { tif: time_in_force.into() },
            OrderKind::Stop { trigger } => {
                OrderTerms::Trigger { is_market: true, trigger_px: price(trigger)?, tpsl: Tpsl::Sl }
            }
        };
        let stops = matches!(order.kind, OrderKind::Stop { .. });
        Ok(Self {
            asset: asset.number,
            side: order.side,
            price: price(order.price)?,
            qty: asset.decimal_qty(order.qty).map_err(|e| out(asset, Quantity::Qty, e))?,
            reduce_only: order.reduce_only || stops,
            terms,
            cloid: Some(Cloid::new(tag, order.client_order_id)),
        })
    }
}

#[cold]
fn out(
    asset: &Asset,
    quantity: Quantity,
    error: flyball_core::domain::DecimalError,
) -> DecodeError {
    let grid = if quantity == Quantity::Price { asset.price } else { asset.qty };
    DecodeError::Number { quantity, value: Number::default(), step: grid.step(), error }
}

/// How the orders of one action belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Grouping {
    /// Not at all.
    Na,
    /// The first is the parent; its stops are placed when it has filled as a whole, and go when it
    /// is cancelled, even when a part of it had filled.
    NormalTpsl,
    /// They belong to the position and change their size with it.
    PositionTpsl,
}

/// Which order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OrderId {
    /// By the venue's id.
    Venue(u64),
    /// By ours.
    Client(Cloid),
}

/// One order to cancel, by the venue's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cancel {
    /// The venue's number of the instrument.
    #[serde(rename = "a")]
    pub asset: u32,
    /// The venue's id of the order.
    #[serde(rename = "o")]
    pub oid: u64,
}

/// One order to cancel, by our id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CancelByCloid {
    /// The venue's number of the instrument.
    pub asset: u32,
    /// Our id of the order.
    pub cloid: Cloid,
}

/// One order to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Modify {
    /// The order that goes.
    pub oid: OrderId,
    /// The order that comes: it gets a new id of the venue.
    pub order: OrderRequest,
}

/// A flag that must not be there when it is false: signed with it, the action is refused.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
const fn is_off(flag: &bool) -> bool {
    !*flag
}

/// What the venue is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Place orders.
    Order {
        /// The orders; the answer has one status for each, unless all failed for one reason.
        orders: Vec<OrderRequest>,
        /// How they belong together.
        grouping: Grouping,
    },
    /// Cancel orders by the venue's ids.
    Cancel {
        /// The orders.
        cancels: Vec<Cancel>,
    },
    /// Cancel orders by our ids.
    CancelByCloid {
        /// The orders.
        cancels: Vec<CancelByCloid>,
    },
    /// Replace one order. Its answer names no order.
    Modify {
        /// The order that goes.
        oid: OrderId,
        /// The order that comes.
        order: OrderRequest,
        /// Whether the new one is placed even when the old one could not be cancelled. Without it
        /// the new order is post-only, and no trigger.
        #[serde(rename = "a", skip_serializing_if = "is_off")]
        always_place: bool,
    },
    /// Replace orders. Its answer is that of placing orders.
    BatchModify {
        /// The orders.
        modifies: Vec<Modify>,
        /// As for one order.
        #[serde(rename = "a", skip_serializing_if = "is_off")]
        always_place: bool,
    },
    /// Set the leverage of an instrument.
    UpdateLeverage {
        /// The venue's number of the instrument.
        asset: u32,
        /// Cross margin instead of isolated.
        is_cross: bool,
        /// The leverage.
        leverage: u32,
    },
    /// Cancel all orders at a time, 5 s ahead at least; without a time, do not any more. Closes no
    /// position, and is refused until the account has traded a million dollars (undocumented).
    ScheduleCancel {
        /// Milliseconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<u64>,
    },
    /// Nothing: uses up its nonce, so that an action in flight with the same nonce dies.
    Noop,
}

impl Action {
    /// How many orders or cancels it holds, 1 for the rest: what it costs of the address's budget.
    pub fn len(&self) -> usize {
        match self {
            Self::Order { orders, .. } => orders.len(),
            Self::Cancel { cancels } => cancels.len(),
            Self::CancelByCloid { cancels } => cancels.len(),
            Self::BatchModify { modifies, .. } => modifies.len(),
            Self::Modify { .. }
            | Self::UpdateLeverage { .. }
            | Self::ScheduleCancel { .. }
            | Self::Noop => 1,
        }
    }

    /// Whether it asks for nothing: the venue refuses an empty batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it costs of the 1200 a minute that an IP address has: 1, and 1 more for every 40.
    pub fn weight(&self) -> usize {
        self.len().checked_div(40).unwrap_or(0).saturating_add(1)
    }
}

#[cfg(test)]
mod tests;
