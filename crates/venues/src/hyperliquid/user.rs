//! What the venue says about our own account: orders, fills, funding. The same shapes come over the
//! websocket and in answers of `/info`.

use flyball_core::domain::{
    ClientOrderId, Fill, FundingPayment, Money, OrderReport, Side, Status, VenueOrderId,
};
use serde::Deserialize;

use super::asset::{Asset, Assets};
use super::cloid::{Cloid, EngineTag};
use super::number::{money, side, some_money};
use super::sign::Address;
use super::status::order_status;
use crate::listing::from_millis;
use crate::{DecodeError, Number, Quantity};

/// Whose account it is, and how this engine's orders and instruments are told from others.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The account: never an agent's address.
    pub user: Address,
    /// The first half of the client order ids of this engine.
    pub tag: EngineTag,
    /// The instruments of this engine.
    pub assets: &'a Assets,
}

impl Owner<'_> {
    /// The engine's id of an order; `None` when it is not this engine's.
    pub fn order(&self, cloid: Option<Cloid>) -> Option<ClientOrderId> {
        cloid.and_then(|cloid| cloid.ours(self.tag))
    }
}

/// Details of a fill in which somebody was liquidated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FillLiquidation {
    /// Who, where the venue says so.
    #[serde(default)]
    pub liquidated_user: Option<Address>,
    /// `market` or `backstop`.
    #[serde(default)]
    pub method: Option<String>,
}

/// One of the account's fills.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserFill {
    /// The venue's name of the instrument.
    pub coin: String,
    /// At this price.
    #[serde(rename = "px")]
    pub price: Number,
    /// This much.
    #[serde(rename = "sz")]
    pub qty: Number,
    /// Ours.
    #[serde(deserialize_with = "side")]
    pub side: Side,
    /// When: milliseconds since 1970.
    #[serde(rename = "time")]
    pub time_ms: i64,
    /// The position before it.
    pub start_position: Number,
    /// What the venue's page shows, such as `Open Long`.
    #[serde(default)]
    pub dir: Option<String>,
    /// What the position gained by it.
    #[serde(deserialize_with = "money")]
    pub closed_pnl: Money,
    /// The venue's id of the order.
    pub oid: u64,
    /// Whether our order took.
    pub crossed: bool,
    /// What it cost, in `fee_token`; negative is a rebate.
    #[serde(default, deserialize_with = "some_money")]
    pub fee: Option<Money>,
    /// What the fee was paid in.
    #[serde(default)]
    pub fee_token: Option<String>,
    /// The venue's number of the trade; older answers have none.
    #[serde(default)]
    pub tid: Option<u64>,
    /// The order's client order id.
    #[serde(default)]
    pub cloid: Option<Cloid>,
    /// Whether somebody was liquidated in it.
    #[serde(default)]
    pub liquidation: Option<FillLiquidation>,
}

impl UserFill {
    /// When it happened: UTC nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it does not fit.
    pub fn time_ns(&self) -> Result<i64, DecodeError> {
        from_millis(self.time_ms)
    }

    /// What the engine hears; `None` for an instrument that it does not know.
    ///
    /// A fill of an order that is not this engine's has the client order id 0: it moves the
    /// position all the same. A fee that is not paid in USDC is unknown money.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when price or size are off the grid, or the trade has no number.
    pub fn fill(&self, owner: &Owner<'_>) -> Result<Option<Fill>, DecodeError> {
        let Some(asset) = owner.assets.coin(&self.coin) else { return Ok(None) };
        let fee = match self.fee_token.as_deref() {
            Some("USDC") => self.fee.unwrap_or(Money::UNKNOWN),
            _ => Money::UNKNOWN,
        };
        let ours = owner.order(self.cloid);
        // Where the venue does not say who was liquidated: whoever placed no order for it.
        let liquidation = self.liquidation.as_ref().is_some_and(|it| {
            it.liquidated_user.map_or(self.cloid.is_none(), |user| user == owner.user)
        });
        Ok(Some(Fill {
            instrument: asset.id,
            client_order_id: ours.unwrap_or_default(),
            venue_order_id: VenueOrderId::new(self.oid),
            trade_id: self.tid.ok_or(DecodeError::Missing("tid"))?,
            side: self.side,
            price: price(asset, self.price)?,
            qty: qty(asset, self.qty)?,
            fee,
            maker: !self.crossed,
            liquidation,
        }))
    }
}

fn price(asset: &Asset, value: Number) -> Result<flyball_core::domain::Price, DecodeError> {
    asset.price.price(value).map_err(|error| DecodeError::Number {
        quantity: Quantity::Price,
        value,
        step: asset.price.step(),
        error,
    })
}

fn qty(asset: &Asset, value: Number) -> Result<flyball_core::domain::Qty, DecodeError> {
    asset.qty.qty(value).map_err(|error| DecodeError::Number {
        quantity: Quantity::Qty,
        value,
        step: asset.qty.step(),
        error,
    })
}

/// An order of the account, as `openOrders`, `frontendOpenOrders`, `orderStatus` and `orderUpdates`
/// show it. What one of them does not show is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenOrder {
    /// The venue's name of the instrument.
    pub coin: String,
    /// Bid or ask.
    #[serde(deserialize_with = "side")]
    pub side: Side,
    /// Limit price.
    #[serde(rename = "limitPx")]
    pub price: Number,
    /// What is left of its size; 0 for a stop that closes the whole position.
    #[serde(rename = "sz")]
    pub qty: Number,
    /// The venue's id.
    pub oid: u64,
    /// When it was placed: milliseconds since 1970.
    #[serde(rename = "timestamp")]
    pub time_ms: i64,
    /// Its size when it was placed.
    #[serde(default, rename = "origSz")]
    pub original_qty: Option<Number>,
    /// Its client order id.
    #[serde(default)]
    pub cloid: Option<Cloid>,
    /// Whether it may only reduce.
    #[serde(default)]
    pub reduce_only: Option<bool>,
    /// Whether it waits for the mark price.
    #[serde(default)]
    pub is_trigger: Option<bool>,
    /// Mark price that sets it off; 0 for orders that do not wait for one.
    #[serde(default, rename = "triggerPx")]
    pub trigger: Option<Number>,
    /// Whether it belongs to the position and changes its size with it.
    #[serde(default)]
    pub is_position_tpsl: Option<bool>,
    /// `Limit`, `Market`, `Stop Market`, `Stop Limit`, `Take Profit Market`, …
    #[serde(default)]
    pub order_type: Option<String>,
    /// `Gtc`, `Ioc`, `Alo`, `FrontendMarket`, `LiquidationMarket`.
    #[serde(default)]
    pub tif: Option<String>,
    /// Orders that are placed when it has filled.
    #[serde(default)]
    pub children: Vec<OpenOrder>,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderUpdate {
    /// The order.
    pub order: OpenOrder,
    /// The venue's word for it.
    #[serde(rename = "status")]
    pub status_text: String,
    /// Since when: milliseconds since 1970.
    #[serde(rename = "statusTimestamp")]
    pub status_time_ms: i64,
}

impl OrderUpdate {
    /// What became of it; [`Status::Unknown`] for a word that is not known.
    pub fn status(&self) -> Status {
        order_status(&self.status_text)
    }

    /// When: UTC nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it does not fit.
    pub fn time_ns(&self) -> Result<i64, DecodeError> {
        from_millis(self.status_time_ms)
    }

    /// What the engine hears; `None` when the order or the instrument is not this engine's.
    pub fn report(&self, owner: &Owner<'_>) -> Option<OrderReport> {
        let asset = owner.assets.coin(&self.order.coin)?;
        Some(OrderReport {
            instrument: asset.id,
            client_order_id: owner.order(self.order.cloid)?,
            venue_order_id: VenueOrderId::new(self.order.oid),
            status: self.status(),
        })
    }
}

/// A funding payment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Funding {
    /// When: milliseconds since 1970.
    #[serde(default, rename = "time")]
    pub time_ms: i64,
    /// The venue's name of the instrument.
    pub coin: String,
    /// What cash gained.
    #[serde(rename = "usdc", deserialize_with = "money")]
    pub amount: Money,
    /// The position that it was paid for.
    #[serde(rename = "szi")]
    pub position: Number,
    /// The rate.
    #[serde(rename = "fundingRate")]
    pub rate: Number,
}

impl Funding {
    /// When: UTC nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it does not fit.
    pub fn time_ns(&self) -> Result<i64, DecodeError> {
        from_millis(self.time_ms)
    }

    /// What the engine hears; `None` for an instrument that it does not know.
    pub fn payment(&self, owner: &Owner<'_>) -> Option<FundingPayment> {
        let asset = owner.assets.coin(&self.coin)?;
        Some(FundingPayment { instrument: asset.id, amount: self.amount })
    }
}

#[cfg(test)]
mod tests;
