//! What the venue's words for orders mean. Sources: Hyperliquid documentation, "API › Info
//! endpoint" and "API › Error responses"; texts that are marked as seen are not documented, but
//! quoted in public reports.

use flyball_core::domain::{CancelReason, RejectReason, Status};

/// The status of an order, as `orderUpdates`, `orderStatus` and `historicalOrders` write it.
///
/// A text that is not known is [`Status::Unknown`]: never filled, never cancelled.
pub fn order_status(text: &str) -> Status {
    use CancelReason as C;
    use RejectReason as R;
    match text {
        "open" => Status::Working,
        "filled" => Status::Filled,
        "triggered" => Status::Triggered,
        "canceled" => Status::Cancelled(C::Requested),
        "selfTradeCanceled" => Status::Cancelled(C::SelfTrade),
        "reduceOnlyCanceled" => Status::Cancelled(C::ReduceOnly),
        "siblingFilledCanceled" => Status::Cancelled(C::PositionClosed),
        "liquidatedCanceled" => Status::Cancelled(C::Liquidated),
        "marginCanceled"
        | "vaultWithdrawalCanceled"
        | "openInterestCapCanceled"
        | "delistedCanceled"
        | "outcomeSettledCanceled"
        | "scheduledCancel"
        | "internalCancel" => Status::Cancelled(C::Other),
        // Nothing was left to trade with: the same as for the part of it that would have been left.
        "iocCancelRejected" => Status::Cancelled(C::Unfilled),
        "badAloPxRejected" => Status::Rejected(R::WouldTrade),
        "reduceOnlyRejected" => Status::Rejected(R::WouldIncrease),
        "tickRejected" | "badTriggerPxRejected" | "oracleRejected" => Status::Rejected(R::BadPrice),
        "minTradeNtlRejected" => Status::Rejected(R::TooSmall),
        "perpMarginRejected" | "insufficientSpotBalanceRejected" | "perpMaxPositionRejected" => {
            Status::Rejected(R::Margin)
        }
        "tooManyOpenOrdersRejected" => Status::Rejected(R::TooManyOrders),
        "marketOrderNoLiquidityRejected" => Status::Rejected(R::NoLiquidity),
        "rejected"
        | "positionIncreaseAtOpenInterestCapRejected"
        | "positionFlipAtOpenInterestCapRejected"
        | "tooAggressiveAtOpenInterestCapRejected"
        | "openInterestIncreaseRejected" => Status::Rejected(R::Other),
        _ => Status::Unknown,
    }
}

/// Why the venue would not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// It would not take an order.
    Order(RejectReason),
    /// An immediate-or-cancel order met nobody.
    Unfilled,
    /// The order that was to be cancelled or replaced is not there: never placed, cancelled or
    /// filled. Which of them, `orderStatus` says.
    MissingOrder,
    /// After an upgrade of the network only post-only orders are taken for a while.
    PostOnlyWindow,
    /// Too many requests: of the address, or of the IP address.
    RateLimited,
    /// The signer is nobody that the venue knows: a wrong byte was signed, an agent has ended, or
    /// the account has never held money.
    Signer,
    /// The nonce was used before. What was sent with it first may have been done.
    NonceUsed,
    /// The nonce is too old, or too far ahead.
    Nonce,
    /// The time that the action named has passed.
    Expired,
    /// The dead man's switch needs more traded volume than the account has.
    ScheduleCancelLocked,
    /// The venue could not read the request.
    Malformed,
    /// A text that is not known.
    Other,
}

/// Parts of error texts. The venue adds ` asset=4` and the like behind them.
const CAUSES: &[(&str, Cause)] = &[
    ("Price must be divisible by tick size", Cause::Order(RejectReason::BadPrice)),
    ("Invalid TP/SL price", Cause::Order(RejectReason::BadPrice)),
    ("rice too far from oracle", Cause::Order(RejectReason::BadPrice)),
    // Seen.
    ("away from the reference price", Cause::Order(RejectReason::BadPrice)),
    ("Order has invalid price", Cause::Order(RejectReason::BadPrice)),
    ("Order must have minimum value", Cause::Order(RejectReason::TooSmall)),
    // Seen.
    ("Order has zero size", Cause::Order(RejectReason::TooSmall)),
    ("Insufficient margin", Cause::Order(RejectReason::Margin)),
    ("nsufficient spot balance", Cause::Order(RejectReason::Margin)),
    ("exceed margin tier limit", Cause::Order(RejectReason::Margin)),
    ("Reduce only order would increase", Cause::Order(RejectReason::WouldIncrease)),
    ("Post only order would have immediately matched", Cause::Order(RejectReason::WouldTrade)),
    ("No liquidity available for market order", Cause::Order(RejectReason::NoLiquidity)),
    // The status exists; this text for it is assumed.
    ("oo many open orders", Cause::Order(RejectReason::TooManyOrders)),
    ("open interest", Cause::Order(RejectReason::Other)),
    ("could not immediately match", Cause::Unfilled),
    ("Order was never placed, already canceled, or filled", Cause::MissingOrder),
    // Seen.
    ("Cannot modify canceled or filled order", Cause::MissingOrder),
    ("Only post-only orders allowed", Cause::PostOnlyWindow),
    ("Too many cumulative requests", Cause::RateLimited),
    ("Too Many Requests", Cause::RateLimited),
    ("User or API Wallet", Cause::Signer),
    ("Must deposit before performing actions", Cause::Signer),
    ("Unable to recover signer", Cause::Signer),
    ("duplicate nonce", Cause::NonceUsed),
    ("Invalid nonce", Cause::Nonce),
    ("Cannot set scheduled cancel time", Cause::ScheduleCancelLocked),
    // Assumed: no report quotes the text.
    ("expiresAfter", Cause::Expired),
    ("Failed to deserialize", Cause::Malformed),
];

impl Cause {
    /// What an error text means.
    pub fn of(text: &str) -> Self {
        let found = CAUSES.iter().find(|(part, _)| text.contains(part));
        found.map_or(Self::Other, |&(_, cause)| cause)
    }

    /// The engine's word for it, where an order was refused.
    pub const fn reject_reason(self) -> RejectReason {
        match self {
            Self::Order(reason) => reason,
            Self::Unfilled => RejectReason::NoLiquidity,
            Self::RateLimited => RejectReason::RateLimited,
            _ => RejectReason::Other,
        }
    }
}

/// A refusal, with the text for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub cause: Cause,
    /// What the venue wrote, 500 characters at most.
    pub text: String,
}

impl Refused {
    /// What this text says.
    pub fn of(text: &str) -> Self {
        Self { cause: Cause::of(text), text: text.chars().take(500).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_status_is_known_and_only_filled_is_filled() {
        let all = [
            "open",
            "filled",
            "canceled",
            "triggered",
            "rejected",
            "marginCanceled",
            "vaultWithdrawalCanceled",
            "openInterestCapCanceled",
            "selfTradeCanceled",
            "reduceOnlyCanceled",
            "siblingFilledCanceled",
            "delistedCanceled",
            "liquidatedCanceled",
            "scheduledCancel",
            "tickRejected",
            "minTradeNtlRejected",
            "perpMarginRejected",
            "reduceOnlyRejected",
            "badAloPxRejected",
            "iocCancelRejected",
            "badTriggerPxRejected",
            "marketOrderNoLiquidityRejected",
            "positionIncreaseAtOpenInterestCapRejected",
            "positionFlipAtOpenInterestCapRejected",
            "tooAggressiveAtOpenInterestCapRejected",
            "openInterestIncreaseRejected",
            "insufficientSpotBalanceRejected",
            "oracleRejected",
            "perpMaxPositionRejected",
        ];
        for text in all {
            let status = order_status(text);
            assert_ne!(status, Status::Unknown, "{text}");
            assert_eq!(status == Status::Filled, text == "filled");
            let rejected = matches!(status, Status::Rejected(_));
            let ioc = text == "iocCancelRejected";
            assert_eq!(rejected, text.to_lowercase().ends_with("rejected") && !ioc, "{text}");
            let cancelled = matches!(status, Status::Cancelled(_));
            assert_eq!(cancelled, text.to_lowercase().contains("cancel"), "{text}");
        }
        for text in ["", "Open", "FILLED", "filledCanceled", "haltedCanceled", "newRejected"] {
            assert_eq!(order_status(text), Status::Unknown, "{text}");
        }
    }

    #[test]
    fn every_documented_error_is_known() {
        use RejectReason as R;
        for (text, cause) in [
            ("Price must be divisible by tick size. asset=4", Cause::Order(R::BadPrice)),
            ("Order must have minimum value of $10.", Cause::Order(R::TooSmall)),
            ("Order must have minimum value of 10 USDC.", Cause::Order(R::TooSmall)),
            ("Insufficient margin to place order.", Cause::Order(R::Margin)),
            ("Reduce only order would increase position.", Cause::Order(R::WouldIncrease)),
            (
                "Post only order would have immediately matched, bbo was 1@2.",
                Cause::Order(R::WouldTrade),
            ),
            ("Order could not immediately match against any resting orders.", Cause::Unfilled),
            ("Invalid TP/SL price.", Cause::Order(R::BadPrice)),
            ("No liquidity available for market order.", Cause::Order(R::NoLiquidity)),
            (
                "Order would increase open interest while open interest is capped",
                Cause::Order(R::Other),
            ),
            (
                "Order rejected due to price more aggressive than oracle while at open interest cap",
                Cause::Order(R::Other),
            ),
            ("Order would increase open interest too quickly", Cause::Order(R::Other)),
            ("Order has insufficient spot balance to trade", Cause::Order(R::Margin)),
            ("Order price too far from oracle", Cause::Order(R::BadPrice)),
            (
                "Order would cause position to exceed margin tier limit at current leverage",
                Cause::Order(R::Margin),
            ),
            ("Order was never placed, already canceled, or filled.", Cause::MissingOrder),
            (
                "L1 error: User or API Wallet 0x14791697260e4c9a71f18484c9f997b308e59325 does not exist.",
                Cause::Signer,
            ),
            ("Must deposit before performing actions. User: 0x123", Cause::Signer),
            ("Invalid nonce: duplicate nonce 1741107452532", Cause::NonceUsed),
            ("Invalid nonce: nonce too low 1 < 2", Cause::Nonce),
            (
                "Too many cumulative requests sent (20629 > 16414) for cumulative volume traded $6415.83.",
                Cause::RateLimited,
            ),
            (
                "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $167.22.",
                Cause::ScheduleCancelLocked,
            ),
            (
                "Only post-only orders allowed immediately after a network upgrade",
                Cause::PostOnlyWindow,
            ),
        ] {
            assert_eq!(Refused::of(text), Refused { cause, text: text.to_owned() });
        }
    }

    #[test]
    fn a_text_that_is_not_known_is_kept_and_is_other() {
        let refused = Refused::of("The moon is in the wrong house.");
        assert_eq!(refused.cause, Cause::Other);
        assert_eq!(refused.cause.reject_reason(), RejectReason::Other);
        assert_eq!(refused.text, "The moon is in the wrong house.");
        assert_eq!(Refused::of(&"ü".repeat(10_000)).text.chars().count(), 500);
    }
}
