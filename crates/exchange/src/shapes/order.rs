//! Orders.

use flyball_core::domain::{Instrument, Side, TimeInForce};
use flyball_core::sim::{
    ClientId, Life, OrderRecord, Trigger, TriggerThen, TriggerWhen, VenueOrderKind,
};
use serde_json::{Value, json};

use crate::shapes::words;
use crate::shapes::{millis, side};
use crate::text;

/// The client's id, where it gave one.
pub(crate) fn cloid(id: ClientId) -> Option<String> {
    (id != ClientId::NONE).then(|| format!("0x{:032x}", id.raw()))
}

/// As `openOrders` tells it.
pub(crate) fn open(record: &OrderRecord, instrument: &Instrument) -> Value {
    let mut order = json!({
        "coin": instrument.symbol().as_str(),
        "limitPx": text::price(instrument, record.order.price),
        "oid": record.venue_order_id.raw(),
        "side": side(record.order.side),
        "sz": text::qty(instrument, record.remaining),
        "timestamp": millis(record.placed_ns),
    });
    if let (Some(cloid), Some(fields)) = (cloid(record.order.client_id), order.as_object_mut()) {
        fields.insert("cloid".to_owned(), json!(cloid));
    }
    order
}

/// As `orderUpdates` tells it.
pub(crate) fn update(record: &OrderRecord, instrument: &Instrument) -> Value {
    let mut order = open(record, instrument);
    if let Some(fields) = order.as_object_mut() {
        let size = text::qty(instrument, record.order.qty);
        fields.insert("origSz".to_owned(), json!(size));
    }
    let time = millis(record.changed_ns);
    json!({"order": order, "status": words::status(record), "statusTimestamp": time})
}

/// As `frontendOpenOrders` tells it.
pub(crate) fn frontend(record: &OrderRecord, instrument: &Instrument, children: &[Value]) -> Value {
    let trigger = record.order.trigger();
    json!({
        "coin": instrument.symbol().as_str(),
        "side": side(record.order.side),
        "limitPx": text::price(instrument, record.order.price),
        "sz": text::qty(instrument, record.remaining),
        "oid": record.venue_order_id.raw(),
        "timestamp": millis(record.placed_ns),
        "triggerCondition": condition(record, instrument),
        "isTrigger": trigger.is_some() && !record.triggered,
        "triggerPx": trigger.map_or("0.0".to_owned(), |it| text::price(instrument, it.price)),
        "children": children,
        "isPositionTpsl": record.order.whole_position(),
        "reduceOnly": record.order.reduce_only,
        "orderType": kind(record.order.kind),
        "origSz": text::qty(instrument, record.order.qty),
        "tif": tif(record.order.kind),
        "cloid": cloid(record.order.client_id),
    })
}

/// All orders that rest or wait, those that wait for a parent inside of it as well.
pub(crate) fn tree<'a>(
    records: &[&OrderRecord],
    instrument: impl Fn(&OrderRecord) -> Option<&'a Instrument>,
) -> Vec<Value> {
    let all = records.iter().filter_map(|record| {
        let children = records.iter().filter(|child| {
            matches!(child.life, Life::AwaitsParent(parent) if parent == record.venue_order_id)
        });
        let children: Vec<_> =
            children.filter_map(|child| Some(frontend(child, instrument(child)?, &[]))).collect();
        Some(frontend(record, instrument(record)?, &children))
    });
    all.collect()
}

/// As `orderStatus` and `historicalOrders` tell it.
pub(crate) fn with_status(record: &OrderRecord, instrument: &Instrument) -> Value {
    json!({
        "order": frontend(record, instrument, &[]),
        "status": words::status(record),
        "statusTimestamp": millis(record.changed_ns),
    })
}

fn condition(record: &OrderRecord, instrument: &Instrument) -> String {
    let Some(trigger) = record.order.trigger() else { return "N/A".to_owned() };
    if record.triggered {
        return "Triggered".to_owned();
    }
    let below = matches!(
        (record.order.side, trigger.when),
        (Side::Ask, TriggerWhen::StopLoss) | (Side::Bid, TriggerWhen::TakeProfit)
    );
    let price = text::price(instrument, trigger.price);
    let price = price.strip_suffix(".0").unwrap_or(&price);
    format!("Price {} {price}", if below { "below" } else { "above" })
}

const fn kind(kind: VenueOrderKind) -> &'static str {
    match kind {
        VenueOrderKind::Limit(_) => "Limit",
        VenueOrderKind::Trigger(Trigger { when, then, .. }) => match (when, then) {
            (TriggerWhen::StopLoss, TriggerThen::Market) => "Stop Market",
            (TriggerWhen::StopLoss, TriggerThen::Limit) => "Stop Limit",
            (TriggerWhen::TakeProfit, TriggerThen::Market) => "Take Profit Market",
            (TriggerWhen::TakeProfit, TriggerThen::Limit) => "Take Profit Limit",
        },
    }
}

const fn tif(kind: VenueOrderKind) -> Option<&'static str> {
    match kind {
        VenueOrderKind::Limit(TimeInForce::GoodTilCancelled) => Some("Gtc"),
        VenueOrderKind::Limit(TimeInForce::ImmediateOrCancel) => Some("Ioc"),
        VenueOrderKind::Limit(TimeInForce::PostOnly) => Some("Alo"),
        VenueOrderKind::Trigger(_) => None,
    }
}
