//! What an account holds.

use flyball_core::domain::{Instrument, InstrumentId, MarginMode, Money, NetQty};
use flyball_core::portfolio::{Portfolio, Position, liquidation_price};
use flyball_core::sim::{AccountId, Venue};
use serde_json::{Value, json};

use crate::history::{FundingPaid, History};
use crate::text;

/// Signed value of a position at its mark.
fn signed_value(position: &Position) -> Money {
    if position.qty().lots() < 0 { position.value().negated() } else { position.value() }
}

/// The sums of those positions that count, with the money that stands behind them.
fn summary<'a>(equity: Money, positions: impl Iterator<Item = (&'a Position, Money)>) -> Value {
    let (mut gross, mut raw, mut used) = (Money::ZERO, equity, Money::ZERO);
    for (position, margin) in positions.filter(|(position, _)| !position.qty().is_flat()) {
        gross = gross.plus(position.value());
        raw = raw.minus(signed_value(position));
        used = used.plus(margin);
    }
    json!({
        "accountValue": text::usdc(equity),
        "totalNtlPos": text::usdc(gross),
        "totalRawUsd": text::usdc(raw),
        "totalMarginUsed": text::usdc(used),
    })
}

/// `clearinghouseState` of an account.
pub(crate) fn state(
    venue: &Venue,
    id: AccountId,
    history: &History,
    instruments: &[Instrument],
    time_ms: i64,
) -> Value {
    let Some(portfolio) = venue.portfolio(id) else { return empty(time_ms) };
    let held = instruments.iter().filter(|it| !portfolio.qty(it.id()).is_flat());
    let positions: Vec<_> = held
        .map(|it| {
            let paid = history.funding_paid.get(&it.id()).copied().unwrap_or_default();
            position(venue, id, portfolio, it, paid)
        })
        .collect();
    let each = || {
        let held = instruments.iter().filter_map(|it| portfolio.position(it.id()).zip(Some(it)));
        held.map(|(position, it)| (position, venue.position_margin(id, it.id())))
    };
    let all = summary(portfolio.equity(), each());
    let shared = each().filter(|(position, _)| position.isolated().is_none());
    let shared = summary(portfolio.shared_equity(), shared);
    json!({
        "marginSummary": all,
        "crossMarginSummary": shared,
        "crossMaintenanceMarginUsed": text::usdc(portfolio.shared_maintenance()),
        "withdrawable": text::usdc(venue.withdrawable(id)),
        "assetPositions": positions,
        "time": time_ms,
    })
}

/// What is set aside for a position, less what it is worth.
fn raw(position: &Position) -> Money {
    position.apart().minus(signed_value(position))
}

/// How an instrument is margined.
pub(crate) fn leverage(venue: &Venue, id: AccountId, instrument: InstrumentId) -> Value {
    let value = venue.leverage(id, instrument).unwrap_or(1).max(1);
    if venue.margin_mode(id, instrument) == MarginMode::Cross {
        return json!({"type": "cross", "value": value});
    }
    let position = venue.portfolio(id).and_then(|it| it.position(instrument));
    let raw = position.map_or(Money::ZERO, raw);
    json!({"type": "isolated", "value": value, "rawUsd": text::usdc(raw)})
}

/// `clearinghouseState` of somebody whom the venue does not know.
pub(crate) fn empty(time_ms: i64) -> Value {
    let summary = summary(Money::ZERO, std::iter::empty());
    json!({
        "marginSummary": summary,
        "crossMarginSummary": summary,
        "crossMaintenanceMarginUsed": "0.0",
        "withdrawable": "0.0",
        "assetPositions": [],
        "time": time_ms,
    })
}

fn position(
    venue: &Venue,
    id: AccountId,
    portfolio: &Portfolio,
    instrument: &Instrument,
    paid: FundingPaid,
) -> Value {
    let leverage = venue.leverage(id, instrument.id()).unwrap_or(1).max(1);
    let default = Position::default();
    let position = portfolio.position(instrument.id()).unwrap_or(&default);
    let qty = position.qty();
    let entry = position.entry_value();
    let lots = i128::from(qty.abs().lots()).max(1);
    let tick = instrument
        .value(flyball_core::domain::Price::from_ticks(1), flyball_core::domain::Qty::from_lots(1));
    let initial = entry.scaled(1, i128::from(leverage));
    let earned = position.unrealised().fraction_of(initial);
    let liquidation = liquidation_price(portfolio, instrument);
    let ticks_per_lot = tick.units().max(1);
    json!({
        "type": "oneWay",
        "position": {
            "coin": instrument.symbol().as_str(),
            "szi": text::net(instrument, qty),
            "leverage": self::leverage(venue, id, instrument.id()),
            "entryPx": text::fine(instrument, entry.units(), lots.saturating_mul(ticks_per_lot)),
            "positionValue": text::usdc(position.value()),
            "unrealizedPnl": text::usdc(position.unrealised()),
            "returnOnEquity": earned.map_or("0.0".to_owned(), text::rate),
            "liquidationPx": liquidation.map(|price| text::price(instrument, price)),
            "marginUsed": text::usdc(venue.position_margin(id, instrument.id())),
            "maxLeverage": instrument.max_leverage(),
            "cumFunding": {
                "allTime": text::usdc(paid.all),
                "sinceOpen": text::usdc(paid.since_open),
                "sinceChange": text::usdc(paid.since_change),
            },
        },
    })
}

/// What an account may still trade of an instrument, as `activeAssetData` tells it: sizes and
/// values, to buy and to sell.
pub(crate) fn trading_room(
    venue: &Venue,
    id: AccountId,
    instrument: &Instrument,
) -> ([String; 2], [String; 2]) {
    let nothing = || ["0.0".to_owned(), "0.0".to_owned()];
    let (Some(portfolio), Some(mark)) = (venue.portfolio(id), venue.mark(instrument.id())) else {
        return (nothing(), nothing());
    };
    let leverage = i128::from(venue.leverage(id, instrument.id()).unwrap_or(1).max(1));
    let free = portfolio.equity().minus(venue.margin_used(id));
    if free.is_unknown() {
        return (nothing(), nothing());
    }
    let free = free.max(Money::ZERO).scaled(leverage, 1);
    let held = portfolio.qty(instrument.id());
    let closes = instrument.value(mark, held.abs()).scaled(2, 1);
    let buys = if held.lots() < 0 { free.plus(closes) } else { free };
    let sells = if held.is_long() { free.plus(closes) } else { free };
    let size = |value| {
        let qty = instrument.qty_for(value, mark);
        text::net(instrument, NetQty::from_lots(qty.lots().cast_signed()))
    };
    ([size(buys), size(sells)], [text::usdc(buys), text::usdc(sells)])
}
