//! `POST /info`: questions and their answers.

mod account;
mod history;
mod market;

use serde_json::{Value, json};

use crate::Address;
use crate::exchange::{Exchange, Reply};

/// Questions of the venue that are not served here: refused by their names.
const NOT_SERVED: &[&str] = &[
    "aligned_quote_token",
    "allPerpMetas",
    "blockDetails",
    "delegations",
    "delegatorHistory",
    "delegatorRewards",
    "delegatorSummary",
    "exchangeStatus",
    "gossipRootIps",
    "leaderboard",
    "leadingVaults",
    "legalCheck",
    "liquidatable",
    "marginTable",
    "perpDeployAuctionStatus",
    "perpDexLimits",
    "perpDexStatus",
    "perpsAtOpenInterestCap",
    "predictedFundings",
    "preTransferCheck",
    "referral",
    "spotDeployState",
    "spotPairDeployAuctionStatus",
    "subAccounts2",
    "tokenDetails",
    "twapHistory",
    "txDetails",
    "userDetails",
    "userDexAbstraction",
    "userTwapSliceFillsByTime",
    "validatorL1Votes",
    "validatorSummaries",
    "vaultDetails",
    "vaultSummaries",
];

/// A question that is not understood.
pub(crate) fn not_understood() -> Reply {
    Reply::not_understood("")
}

/// The account that a question is about.
fn user(question: &Value) -> Result<Address, Reply> {
    let text = question.get("user").and_then(Value::as_str);
    text.and_then(|text| Address::parse(text).ok()).ok_or_else(not_understood)
}

/// A time range: both ends are inside of it, and no end is now.
fn range(question: &Value) -> Result<(i64, i64), Reply> {
    let time = |key: &str| match question.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(not_understood),
    };
    let start = time("startTime")?.ok_or_else(not_understood)?;
    Ok((start, time("endTime")?.unwrap_or(i64::MAX)))
}

impl Exchange {
    /// Answer a question of this type.
    pub(crate) fn info(&self, kind: &str, question: &Value) -> Result<Value, Reply> {
        let dex = question.get("dex").and_then(Value::as_str).unwrap_or_default();
        if !dex.is_empty() {
            let body = format!("dex {dex:?} is not served by this local exchange");
            return Err(Reply { status: 422, body });
        }
        match kind {
            "meta"
            | "metaAndAssetCtxs"
            | "allMids"
            | "l2Book"
            | "candleSnapshot"
            | "recentTrades"
            | "fundingHistory"
            | "spotMeta"
            | "spotMetaAndAssetCtxs"
            | "maxBuilderFee"
            | "perpDexs" => self.market_info(kind, question),
            "historicalOrders"
            | "userFills"
            | "userFillsByTime"
            | "userFunding"
            | "userNonFundingLedgerUpdates"
            | "portfolio"
            | "userTwapSliceFills"
            | "userVaultEquities" => self.history_info(kind, question, user(question)?),
            "clearinghouseState"
            | "spotClearinghouseState"
            | "openOrders"
            | "frontendOpenOrders"
            | "orderStatus"
            | "userRateLimit"
            | "userRole"
            | "extraAgents"
            | "userFees"
            | "userAbstraction"
            | "subAccounts"
            | "webData2"
            | "activeAssetData"
            | "userToMultiSigSigners"
            | "isVip" => self.account_info(kind, question, user(question)?),
            _ if NOT_SERVED.contains(&kind) => {
                let body = format!("{kind} is not served by this local exchange");
                Err(Reply { status: 422, body })
            }
            _ => Err(not_understood()),
        }
    }

    /// What the venue's own page shows, as far as it is here.
    pub(crate) fn web_data(&self, user: Address) -> Value {
        let meta = crate::shapes::market::meta(self.markets.listings());
        let ids = self.markets.instruments().iter().map(flyball_core::domain::Instrument::id);
        let contexts: Vec<_> = ids.map(|id| self.show_context(id)).collect();
        json!({
            "user": user,
            "clearinghouseState": self.state_of(user),
            "leadingVaults": [],
            "totalVaultEquity": "0.0",
            "openOrders": self.frontend_orders(user),
            "agentAddress": null,
            "agentValidUntil": null,
            "cumLedger": "0.0",
            "meta": meta,
            "assetCtxs": contexts,
            "serverTime": self.clock_ms(),
            "isVault": false,
            "twapStates": [],
            "spotState": {"balances": []},
            "spotAssetCtxs": [],
            "perpsAtOpenInterestCap": [],
        })
    }
}
