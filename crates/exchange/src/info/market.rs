//! Questions about the market.

use flyball_core::domain::{Instrument, MILLISECOND};
use serde_json::{Value, json};

use crate::exchange::{Exchange, Reply};
use crate::history::page;
use crate::info::{not_understood, range};
use crate::shapes::market;
use crate::streams::{Topic, coarse};

/// Rows of a page.
const PAGE: usize = 500;
/// Candles of an answer.
const CANDLES: usize = 5000;

impl Exchange {
    fn coin_of(&self, question: &Value) -> Result<&Instrument, Reply> {
        let coin = question.get("coin").and_then(Value::as_str).ok_or_else(not_understood)?;
        // The venue answers a coin that it does not know with HTTP 500 and null.
        let unknown = || Reply { status: 500, body: "null".to_owned() };
        self.markets.find(coin).ok_or_else(unknown)
    }

    pub(super) fn market_info(&self, kind: &str, question: &Value) -> Result<Value, Reply> {
        match kind {
            "meta" => Ok(market::meta(self.markets.listings())),
            "metaAndAssetCtxs" => {
                let ids = self.markets.instruments().iter().map(Instrument::id);
                let contexts: Vec<_> = ids.map(|id| self.show_context(id)).collect();
                Ok(json!([market::meta(self.markets.listings()), contexts]))
            }
            "allMids" => Ok(self.mids()),
            "l2Book" => {
                let id = self.coin_of(question)?.id();
                let coarse = coarse(question).map_err(|()| not_understood())?;
                Ok(self.show_book(&Topic::Book(id, coarse)))
            }
            "candleSnapshot" => {
                self.candle_snapshot(question.get("req").ok_or_else(not_understood)?)
            }
            "recentTrades" => {
                let id = self.coin_of(question)?.id();
                let board = self.boards.get(id.index()).ok_or_else(not_understood)?;
                let rows: Vec<_> = board.trades.iter().rev().copied().collect();
                Ok(self.show_trades(id, &rows))
            }
            "fundingHistory" => self.funding_history(question),
            "spotMeta" => Ok(spot_meta()),
            "spotMetaAndAssetCtxs" => Ok(json!([spot_meta(), []])),
            "maxBuilderFee" => Ok(json!(0)),
            // The first one is the venue's own, and is written like this.
            "perpDexs" => Ok(json!([null])),
            _ => Err(not_understood()),
        }
    }

    fn candle_snapshot(&self, request: &Value) -> Result<Value, Reply> {
        let instrument = self.coin_of(request)?;
        let interval = request.get("interval").and_then(Value::as_str).unwrap_or_default();
        let (from_ms, to_ms) = range(request)?;
        let nanos = |ms: i64| ms.saturating_mul(MILLISECOND).saturating_sub(self.skew_ns);
        let board = self.boards.get(instrument.id().index()).ok_or_else(not_understood)?;
        let found = board.candles.between(interval, nanos(from_ms), nanos(to_ms));
        let (length, candles) = found.ok_or_else(not_understood)?;
        let skipped = candles.len().saturating_sub(CANDLES);
        let shown = candles.iter().skip(skipped);
        Ok(shown.map(|it| market::candle(instrument, interval, length, it)).collect())
    }

    fn funding_history(&self, question: &Value) -> Result<Value, Reply> {
        let instrument = self.coin_of(question)?;
        let board = self.boards.get(instrument.id().index()).ok_or_else(not_understood)?;
        let rows = page(board.rates.iter(), |row| row.time_ms, range(question)?, PAGE);
        Ok(rows.into_iter().map(|row| market::past_rate(instrument, row)).collect())
    }
}

/// There is no spot market here: nothing but the dollar that accounts hold.
fn spot_meta() -> Value {
    json!({
        "universe": [],
        "tokens": [{
            "name": "USDC",
            "szDecimals": 8,
            "weiDecimals": 8,
            "index": 0,
            "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
            "isCanonical": true,
            "evmContract": null,
            "fullName": null,
        }],
    })
}
