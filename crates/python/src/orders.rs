//! The lives of orders, as a journal has them.

use std::path::PathBuf;

use pyo3::prelude::*;
use serde_json::{Value, json};

use flyball_core::domain::{Body, CommandOf, Event, Notice, Order, OrderKind, Side, Status};
use flyball_core::journal::Entry;
use flyball_data::journal::JournalReader;

use crate::errors::{Kind, raise};

/// What happened to orders, in the journal's order: a line of JSON each. `event` is the number of the
/// event that it was, or that it answers, counted from 1. A journal that a crash cut off is read as
/// far as it goes.
#[pyfunction]
pub(crate) fn journal_orders(py: Python<'_>, folder: PathBuf) -> PyResult<Vec<String>> {
    py.detach(|| read(folder))
}

fn read(folder: PathBuf) -> PyResult<Vec<String>> {
    let reader = JournalReader::open(folder).map_err(|error| raise(Kind::Journal, error))?;
    let found = reader.recover().map_err(|error| raise(Kind::Journal, error))?;
    let mut cursor = reader.cursor();
    let (mut lines, mut number, mut now_ns) = (Vec::new(), 0_u64, 0_i64);
    for _ in 0..found.entries {
        let told = match cursor.next().map_err(|error| raise(Kind::Journal, error))? {
            Some(Entry::Event(event)) => {
                number += 1;
                now_ns = now_ns.max(event.received_ns);
                of_event(&event)
            }
            Some(Entry::Command(command)) => of_command(&command),
            Some(_) => None,
            None => break,
        };
        if let Some(Value::Object(mut about)) = told {
            about.insert("event".to_owned(), number.into());
            about.insert("time_ns".to_owned(), now_ns.into());
            lines.push(Value::Object(about).to_string());
        }
    }
    Ok(lines)
}

fn of_event(event: &Event<'_>) -> Option<Value> {
    match &event.body {
        Body::Decision(decision) => Some(json!({
            "what": "decided",
            "strategy": decision.strategy.raw(),
            "woken_ns": decision.woken_ns,
        })),
        Body::Order(report) => {
            let (status, reason) = status(report.status);
            Some(json!({
                "what": status,
                "order": report.client_order_id.raw(),
                "venue_order": report.venue_order_id.raw(),
                "venue_ns": event.time_ns,
                "reason": reason,
            }))
        }
        Body::Fill(fill) => Some(json!({
            "what": "fill",
            "order": fill.client_order_id.raw(),
            "venue_ns": event.time_ns,
            "price": fill.price.ticks(),
            "qty": fill.qty.lots(),
            "fee": fill.fee.to_string(),
            "maker": fill.maker,
            "trade": fill.trade_id,
        })),
        _ => None,
    }
}

fn of_command(command: &CommandOf<Order>) -> Option<Value> {
    match command {
        CommandOf::Submit(order) => Some(about("submitted", order)),
        CommandOf::Cancel { client_order_id, .. } => {
            Some(json!({ "what": "cancel", "order": client_order_id.raw() }))
        }
        CommandOf::Query { client_order_id, .. } => {
            Some(json!({ "what": "asked", "order": client_order_id.raw() }))
        }
        CommandOf::Notice(Notice::Refused { order, refusal }) => {
            let mut told = about("refused", order);
            if let Value::Object(told) = &mut told {
                told.insert("rule".to_owned(), refusal.rule.as_str().into());
            }
            Some(told)
        }
        _ => None,
    }
}

fn about(what: &str, order: &Order) -> Value {
    let (kind, trigger) = match order.kind {
        OrderKind::Limit(until) => (format!("{until:?}"), None),
        OrderKind::Stop { trigger } => ("Stop".to_owned(), Some(trigger.ticks())),
    };
    json!({
        "what": what,
        "order": order.client_order_id.raw(),
        "instrument": order.instrument.raw(),
        "strategy": order.strategy.raw(),
        "side": if order.side == Side::Bid { "bid" } else { "ask" },
        "price": order.price.ticks(),
        "qty": order.qty.lots(),
        "kind": kind,
        "trigger": trigger,
        "purpose": format!("{:?}", order.purpose).to_lowercase(),
    })
}

fn status(status: Status) -> (&'static str, Option<String>) {
    match status {
        Status::Working => ("working", None),
        Status::Rejected(reason) => ("rejected", Some(format!("{reason:?}"))),
        Status::Cancelled(reason) => ("cancelled", Some(format!("{reason:?}"))),
        Status::Filled => ("filled", None),
        Status::Triggered => ("triggered", None),
        Status::Unknown => ("unknown", None),
        Status::NotFound => ("not_found", None),
    }
}
