//! The venue's words for what becomes of orders. The texts of rejections are the documented ones
//! ("Error responses") with ` asset=N` behind them, as live answers have it; those that are
//! unverified are called so.

use flyball_core::domain::{CancelReason, Instrument, Qty, RejectReason, Status};
use flyball_core::sim::{Life, OrderRecord, VenueOrderKind};

use crate::text;

/// Why a cancel or a modification finds nothing.
pub(crate) const MISSING: &str = "Order was never placed, already canceled, or filled.";

/// The status word of an order.
pub(crate) const fn status(record: &OrderRecord) -> &'static str {
    match record.life {
        Life::Resting | Life::Acting if record.triggered => "triggered",
        Life::Resting | Life::AwaitsTrigger | Life::AwaitsParent(_) | Life::Acting => "open",
        Life::Ended(status) => ended(record, status),
    }
}

const fn ended(record: &OrderRecord, status: Status) -> &'static str {
    match status {
        Status::Filled => "filled",
        Status::Cancelled(reason) => cancelled(record, reason),
        Status::Rejected(reason) => rejected(reason),
        Status::Working | Status::Triggered | Status::Unknown | Status::NotFound => "open",
    }
}

/// Words for cancels by the venue: some are assumed, where the documentation names no cause.
const fn cancelled(record: &OrderRecord, reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Unfilled if record.filled.lots() > 0 => "canceled",
        CancelReason::Unfilled if record.triggered => "marketOrderNoLiquidityRejected",
        CancelReason::Unfilled => "iocCancelRejected",
        CancelReason::PositionClosed | CancelReason::ReduceOnly => "reduceOnlyCanceled",
        CancelReason::Liquidated => "liquidatedCanceled",
        CancelReason::SelfTrade => "selfTradeCanceled",
        CancelReason::Margin => "marginCanceled",
        CancelReason::Sibling => "siblingFilledCanceled",
        CancelReason::Scheduled => "scheduledCancel",
        _ => "canceled",
    }
}

const fn rejected(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::WouldTrade => "badAloPxRejected",
        RejectReason::WouldIncrease => "reduceOnlyRejected",
        RejectReason::BadPrice => "tickRejected",
        RejectReason::TooSmall => "minTradeNtlRejected",
        RejectReason::Margin => "perpMarginRejected",
        RejectReason::NoLiquidity => "marketOrderNoLiquidityRejected",
        RejectReason::BadTrigger => "badTriggerPxRejected",
        RejectReason::TooManyOrders => "tooManyOpenOrdersRejected",
        _ => "rejected",
    }
}

/// The best bid and ask, as a rejected post-only order is told them.
pub(crate) type Touch = (Option<flyball_core::domain::Price>, Option<flyball_core::domain::Price>);

/// The text of a rejection.
pub(crate) fn rejection(
    reason: RejectReason,
    instrument: &Instrument,
    (bid, ask): Touch,
) -> String {
    let asset = instrument.id().raw();
    let words = match reason {
        RejectReason::WouldTrade => {
            let show =
                |price: Option<_>| price.map_or("0.0".into(), |it| text::price(instrument, it));
            let (bid, ask) = (show(bid), show(ask));
            let trim = |text: &str| text.strip_suffix(".0").unwrap_or(text).to_owned();
            return format!(
                "Post only order would have immediately matched, bbo was {}@{}. asset={asset}",
                trim(&bid),
                trim(&ask)
            );
        }
        RejectReason::WouldIncrease => "Reduce only order would increase position.",
        RejectReason::BadPrice => "Price must be divisible by tick size.",
        RejectReason::TooSmall => "Order must have minimum value of $10.",
        RejectReason::Margin => "Insufficient margin to place order.",
        RejectReason::NoLiquidity => "No liquidity available for market order.",
        RejectReason::BadTrigger => "Invalid TP/SL price.",
        RejectReason::PostOnlyWindow => {
            return "Only post-only orders allowed immediately after a network upgrade".to_owned();
        }
        // Unverified words from here on.
        RejectReason::TooManyOrders => "Too many open orders.",
        RejectReason::TooLarge => "Order value is above the largest that is taken.",
        RejectReason::Parent => "Parent order was rejected.",
        RejectReason::RateLimited => "Too many requests.",
        _ => "Order rejected.",
    };
    format!("{words} asset={asset}")
}

/// The text for an order that was to trade at once and found nothing.
pub(crate) fn unfilled(record: &OrderRecord, instrument: &Instrument) -> String {
    let words = match record.order.kind {
        VenueOrderKind::Limit(_) => "Order could not immediately match against any resting orders.",
        VenueOrderKind::Trigger(_) => "No liquidity available for market order.",
    };
    format!("{words} asset={}", instrument.id().raw())
}

/// Whether an order that has ended got anything.
pub(crate) fn got_something(record: &OrderRecord) -> bool {
    record.filled > Qty::ZERO
}
