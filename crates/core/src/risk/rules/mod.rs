//! The rules of the gate, one a file. Each reads the view and says yes or no; none keeps state.
#![expect(clippy::inline_always, reason = "called one by one, they take a sixth longer")]

use crate::domain::{Money, Rate, Refusal, RuleName};

mod account_known;
mod allowed_instruments;
mod governor;
mod killed;
mod market_fresh;
mod max_concentration;
mod max_depth_share;
mod max_leverage;
mod max_net_exposure;
mod max_open_orders;
mod max_order_notional;
mod max_order_qty;
mod max_position;
mod max_trade_var;
mod min_liquidation_distance;
mod min_margin_ratio;
mod min_notional;
mod price_collar;
mod reduce_only;
mod self_trade;
mod spot_short;
mod venue_grid;

pub use account_known::AccountKnown;
pub use allowed_instruments::AllowedInstruments;
pub use governor::Governor;
pub use killed::Killed;
pub use market_fresh::MarketFresh;
pub use max_concentration::MaxConcentration;
pub use max_depth_share::MaxDepthShare;
pub use max_leverage::MaxLeverage;
pub use max_net_exposure::MaxNetExposure;
pub use max_open_orders::MaxOpenOrders;
pub use max_order_notional::MaxOrderNotional;
pub use max_order_qty::MaxOrderQty;
pub use max_position::MaxPosition;
pub use max_trade_var::MaxTradeVar;
pub use min_liquidation_distance::MinLiquidationDistance;
pub use min_margin_ratio::MinMarginRatio;
pub use min_notional::MinNotional;
pub use price_collar::PriceCollar;
pub use reduce_only::ReduceOnly;
pub use self_trade::SelfTrade;
pub use spot_short::SpotShort;
pub use venue_grid::VenueGrid;

/// What a rule refuses with that compares amounts at rates. Out of the way of what passes.
#[cold]
#[inline(never)]
fn refused(rule: RuleName, limit: (Money, Rate), actual: (Money, Rate)) -> Result<(), Refusal> {
    let [limit, actual] = [limit, actual].map(|(amount, rate)| amount.at_rate(rate).units());
    Err(Refusal { rule, limit, actual })
}
