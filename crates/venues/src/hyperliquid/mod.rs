//! Hyperliquid: its whole wire, without sockets. Source: Hyperliquid documentation, "API".
//!
//! ```text
//! action ─▶ MessagePack ─▶ signature ─▶ body of /exchange, message of the websocket
//! bytes  ─▶ frame of the websocket, answer of /info, answer of /exchange ─▶ events, reports
//! ```
//!
//! What the venue may say next year is not known: texts that are not known become "unknown" and
//! never "filled" or "cancelled", and keys that are not known are passed over.

mod action;
mod answer;
mod asset;
mod cloid;
mod ledger;
mod market;
mod number;
mod request;
mod status;
mod stream;
#[cfg(test)]
mod testing;
mod user;

pub mod info;
pub mod sign;

pub use action::{
    Action, Cancel, CancelByCloid, Grouping, Modify, OrderId, OrderRequest, OrderTerms, Tif, Tpsl,
};
pub use answer::{Answer, Outcome};
pub use asset::{Asset, Assets, perp_spec, spot_spec};
pub use cloid::{Cloid, EngineTag};
pub use ledger::{Delta, LedgerUpdate};
pub use market::Hyperliquid;
pub use request::{
    Candles, PING, Query, Signer, Subscription, post_body, query_body, subscribe, unsubscribe,
    ws_post_action, ws_post_query,
};
pub use status::{Cause, Refused, order_status};
pub use stream::{
    Candle, Frame, Fundings, Liquidation, NonUserCancel, Posted, Reply, Stream, Subscribed,
    UserEvents, UserFills, UserLedger, WebData,
};
pub use user::{FillLiquidation, Funding, OpenOrder, OrderUpdate, Owner, UserFill};
