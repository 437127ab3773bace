//! Fills, funding, the ledger.

use flyball_core::domain::{Instrument, Money, NetQty, Side};
use flyball_core::sim::Cause;
use serde_json::{Value, json};

use crate::Address;
use crate::history::{FillRow, FundingRow, LedgerRow};
use crate::shapes::{hash, order, side};
use crate::text;

/// A fill.
pub(crate) fn fill(
    row: &FillRow,
    instrument: &Instrument,
    who: impl Fn() -> Option<Address>,
) -> Value {
    let fill = &row.fill;
    let before = row.traded.map_or(NetQty::FLAT, |traded| traded.before);
    let realised = row.traded.map_or(Money::ZERO, |traded| traded.realised);
    let mut told = json!({
        "coin": instrument.symbol().as_str(),
        "px": text::price(instrument, fill.price),
        "sz": text::qty(instrument, fill.qty),
        "side": side(fill.side),
        "time": row.time_ms,
        "startPosition": text::net(instrument, before),
        "dir": direction(row, before),
        "closedPnl": text::usdc(realised),
        "hash": hash(row.hash),
        "oid": fill.venue_order_id.raw(),
        "crossed": !fill.maker,
        "fee": text::usdc(fill.fee),
        "tid": fill.trade_id,
        "feeToken": "USDC",
        "twapId": null,
    });
    let Some(fields) = told.as_object_mut() else { return told };
    if let Some(cloid) = order::cloid(row.client_id) {
        fields.insert("cloid".to_owned(), json!(cloid));
    }
    let liquidation = row.traded.filter(|it| it.cause != Cause::Order);
    if let (Some(traded), Some(user)) = (liquidation, who()) {
        let mark = traded.mark.map_or("0.0".to_owned(), |mark| text::price(instrument, mark));
        let method = if traded.cause == Cause::Liquidation { "market" } else { "backstop" };
        let told = json!({"liquidatedUser": user, "markPx": mark, "method": method});
        fields.insert("liquidation".to_owned(), told);
    }
    told
}

/// What a fill did to the position. The words for liquidations are unverified.
fn direction(row: &FillRow, before: NetQty) -> &'static str {
    let after = before.plus(row.fill.qty.signed(row.fill.side));
    match row.traded.map(|traded| traded.cause) {
        Some(Cause::Deleveraging) => return "Auto-Deleveraging",
        Some(Cause::Liquidation | Cause::Backstop) if row.fill.liquidation => {
            return if before.is_long() {
                "Liquidated Cross Long"
            } else {
                "Liquidated Cross Short"
            };
        }
        _ => {}
    }
    let flips = !before.is_flat() && !after.is_flat() && before.is_long() != after.is_long();
    match (row.fill.side, flips) {
        (Side::Ask, true) => "Long > Short",
        (Side::Bid, true) => "Short > Long",
        (Side::Bid, false) if before.lots() < 0 => "Close Short",
        (Side::Bid, false) => "Open Long",
        (Side::Ask, false) if before.is_long() => "Close Long",
        (Side::Ask, false) => "Open Short",
    }
}

/// Fills of one order against several others at one moment, as one: `aggregateByTime`.
pub(crate) fn aggregated(rows: &[&FillRow]) -> Vec<FillRow> {
    let mut all: Vec<FillRow> = Vec::with_capacity(rows.len());
    for row in rows {
        let same = |last: &&mut FillRow| {
            last.time_ms == row.time_ms
                && last.fill.venue_order_id == row.fill.venue_order_id
                && last.fill.price == row.fill.price
                && !row.fill.maker
                && !last.fill.maker
        };
        match all.last_mut().filter(same) {
            Some(last) => {
                last.fill.qty = last.fill.qty.plus(row.fill.qty);
                last.fill.fee = last.fill.fee.plus(row.fill.fee);
                if let (Some(sum), Some(more)) = (&mut last.traded, row.traded) {
                    sum.realised = sum.realised.plus(more.realised);
                }
            }
            None => all.push(**row),
        }
    }
    all
}

/// A payment of funding, as `userFunding` tells it.
pub(crate) fn funding(row: &FundingRow, instrument: &Instrument) -> Value {
    json!({
        "time": row.time_ms,
        "hash": hash(0),
        "delta": {
            "type": "funding",
            "coin": instrument.symbol().as_str(),
            "usdc": text::usdc(row.amount),
            "szi": text::net(instrument, row.held),
            "fundingRate": text::rate(row.rate),
            "nSamples": null,
        },
    })
}

/// A payment of funding, as `userFundings` tells it.
pub(crate) fn funding_event(row: &FundingRow, instrument: &Instrument) -> Value {
    json!({
        "time": row.time_ms,
        "coin": instrument.symbol().as_str(),
        "usdc": text::usdc(row.amount),
        "szi": text::net(instrument, row.held),
        "fundingRate": text::rate(row.rate),
        "nSamples": null,
    })
}

/// A line of the ledger.
pub(crate) fn ledger(row: &LedgerRow) -> Value {
    json!({"time": row.time_ms, "hash": hash(row.hash), "delta": row.delta})
}
