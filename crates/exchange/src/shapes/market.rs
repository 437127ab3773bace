//! Books, trades, candles, contexts.

use flyball_core::domain::{Instrument, Level, Money, Price, Qty, Rate, Side};
use flyball_core::sim::DepthLevel;
use serde_json::{Value, json};

use crate::Address;
use crate::markets::{Candle, Context, Listing};
use crate::shapes::{hash, millis, side};
use crate::text;

/// Levels a side of a book.
pub(crate) const LEVELS: usize = 20;

/// One level.
pub(crate) fn level(instrument: &Instrument, level: &DepthLevel) -> Value {
    json!({
        "px": text::price(instrument, level.level.price),
        "sz": text::qty(instrument, level.level.qty),
        "n": level.orders,
    })
}

/// A book: bids, asks.
pub(crate) fn book(instrument: &Instrument, sides: &[Vec<DepthLevel>; 2], time_ms: i64) -> Value {
    let show = |levels: &Vec<DepthLevel>| {
        levels.iter().take(LEVELS).map(|it| level(instrument, it)).collect::<Vec<_>>()
    };
    let [bids, asks] = sides;
    json!({
        "coin": instrument.symbol().as_str(),
        "time": time_ms,
        "levels": [show(bids), show(asks)],
    })
}

/// How a book is to be coarsened: significant figures, and with five of them a mantissa.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Coarse {
    /// 2 to 5.
    pub(crate) figures: u32,
    /// 1, 2 or 5.
    pub(crate) mantissa: u32,
}

/// Levels brought together: bids round down, asks up.
pub(crate) fn coarsened(
    levels: &[DepthLevel],
    side: Side,
    coarse: Option<Coarse>,
) -> Vec<DepthLevel> {
    let Some(coarse) = coarse else { return levels.iter().take(LEVELS).copied().collect() };
    let mut all: Vec<DepthLevel> = Vec::with_capacity(LEVELS);
    for found in levels {
        let ticks = found.level.price.ticks();
        let digits = ticks.checked_ilog10().unwrap_or(0).saturating_add(1);
        let step = 10_i64
            .saturating_pow(digits.saturating_sub(coarse.figures))
            .saturating_mul(i64::from(coarse.mantissa));
        let down = ticks.saturating_sub(ticks.checked_rem(step).unwrap_or(0));
        let up = side == Side::Ask && down != ticks;
        let price = Price::from_ticks(if up { down.saturating_add(step) } else { down });
        let full = all.len() == LEVELS;
        match all.last_mut().filter(|last| last.level.price == price) {
            Some(last) => {
                last.level.qty = last.level.qty.plus(found.level.qty);
                last.orders = last.orders.saturating_add(found.orders);
            }
            None if full => break,
            None => {
                let level = Level { price, qty: found.level.qty };
                all.push(DepthLevel { level, orders: found.orders });
            }
        }
    }
    all
}

/// The best bid and ask.
pub(crate) fn bbo(instrument: &Instrument, best: [Option<DepthLevel>; 2], time_ms: i64) -> Value {
    let [bid, ask] = best.map(|it| it.map(|it| level(instrument, &it)));
    json!({"coin": instrument.symbol().as_str(), "time": time_ms, "bbo": [bid, ask]})
}

/// A trade as everybody sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TradeRow {
    /// When.
    pub(crate) time_ms: i64,
    /// Who took.
    pub(crate) aggressor: Side,
    /// Price and size.
    pub(crate) level: Level,
    /// Its number.
    pub(crate) tid: u64,
    /// Number of the transaction.
    pub(crate) hash: u64,
    /// Buyer and seller.
    pub(crate) users: [Address; 2],
}

/// A trade.
pub(crate) fn trade(instrument: &Instrument, row: &TradeRow) -> Value {
    json!({
        "coin": instrument.symbol().as_str(),
        "side": side(row.aggressor),
        "px": text::price(instrument, row.level.price),
        "sz": text::qty(instrument, row.level.qty),
        "time": row.time_ms,
        "hash": hash(row.hash),
        "tid": row.tid,
        "users": row.users,
    })
}

/// A candle.
pub(crate) fn candle(
    instrument: &Instrument,
    interval: &str,
    length_ns: i64,
    candle: &Candle,
) -> Value {
    let begin = millis(candle.begin_ns);
    json!({
        "t": begin,
        "T": begin.saturating_add(millis(length_ns)).saturating_sub(1),
        "s": instrument.symbol().as_str(),
        "i": interval,
        "o": text::price(instrument, candle.open),
        "c": text::price(instrument, candle.close),
        "h": text::price(instrument, candle.high),
        "l": text::price(instrument, candle.low),
        "v": text::qty(instrument, candle.volume),
        "n": candle.trades,
    })
}

/// What a context is made from, beside the context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// Best bid and ask.
    pub(crate) best: [Option<Price>; 2],
    /// Prices at which 20 000 dollars trade: sold into the bids, bought from the asks.
    pub(crate) impact: Option<[Price; 2]>,
    /// What the accounts hold long.
    pub(crate) open_interest: Qty,
}

/// The middle of a book, in half ticks.
pub(crate) fn twice_mid(best: [Option<Price>; 2]) -> Option<i64> {
    let [bid, ask] = best;
    Some(bid?.ticks().saturating_add(ask?.ticks()))
}

/// The context of a market.
pub(crate) fn context(instrument: &Instrument, it: &Context, around: &Around) -> Value {
    let price = |price: Option<Price>| price.map(|price| text::price(instrument, price));
    let (value, qty) = it.volume();
    let mid = twice_mid(around.best);
    let premium = mid.zip(it.oracle).and_then(|(twice, oracle)| {
        let oracle = Money::from_units(i128::from(oracle.ticks()).saturating_mul(2));
        Money::from_units(i128::from(twice)).minus(oracle).fraction_of(oracle)
    });
    json!({
        "funding": text::rate(it.funding),
        "openInterest": text::qty(instrument, around.open_interest),
        "prevDayPx": price(it.day_ago()).unwrap_or_else(|| "0.0".to_owned()),
        "dayNtlVlm": text::usdc(value),
        "premium": premium.map(text::rate),
        "oraclePx": price(it.oracle.or(it.mark)).unwrap_or_else(|| "0.0".to_owned()),
        "markPx": price(it.mark),
        "midPx": mid.map(|twice| text::half(instrument, twice)),
        "impactPxs": around.impact.map(|pair| pair.map(|it| text::price(instrument, it))),
        "dayBaseVlm": text::qty(instrument, qty),
    })
}

/// The instruments. Margin tables are numbered as the instruments are.
pub(crate) fn meta(listings: &[Listing]) -> Value {
    let universe = listings.iter().enumerate().map(|(at, it)| {
        json!({
            "szDecimals": it.sz_decimals,
            "name": it.coin,
            "maxLeverage": it.max_leverage(),
            "marginTableId": at,
        })
    });
    let tables = listings.iter().enumerate().map(|(at, it)| {
        let tiers = it.tiers.iter().map(|tier| {
            let bound = text::usdc(Money::from_whole(tier.from_notional));
            json!({"lowerBound": bound, "maxLeverage": tier.max_leverage})
        });
        let tiers: Vec<_> = tiers.collect();
        let description =
            if tiers.len() > 1 { format!("tiered {}x", it.max_leverage()) } else { String::new() };
        json!([at, {"description": description, "marginTiers": tiers}])
    });
    json!({
        "universe": universe.collect::<Vec<_>>(),
        "marginTables": tables.collect::<Vec<_>>(),
        "collateralToken": 0,
    })
}

/// A funding rate of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateRow {
    /// When.
    pub(crate) time_ms: i64,
    /// The rate.
    pub(crate) rate: Rate,
    /// The premium that it came from.
    pub(crate) premium: Rate,
}

/// A funding rate of the past.
pub(crate) fn past_rate(instrument: &Instrument, row: &RateRow) -> Value {
    json!({
        "coin": instrument.symbol().as_str(),
        "fundingRate": text::rate(row.rate),
        "premium": text::rate(row.premium),
        "time": row.time_ms,
    })
}
