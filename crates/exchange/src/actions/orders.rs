//! Placing orders.

use flyball_core::domain::{
    CancelReason, Decimal, DecimalError, Instrument, Price, Qty, RejectReason, Side, Status,
    TimeInForce,
};
use flyball_core::sim::{
    ClientId, Fault, Grouping, Life, OrderRecord, Trigger, TriggerThen, TriggerWhen, VenueOrder,
    VenueOrderKind,
};
use serde_json::{Value, json};

use crate::actions::wire::{Builder, Named, Terms, Tif, Tpsl, WireGrouping, WireOrder};
use crate::actions::{Actor, Refused, statuses};
use crate::exchange::Exchange;
use crate::faults::Tamper;
use crate::shapes::{order, words};
use crate::text;

/// Why an order never reaches the book.
pub(super) enum Wrong {
    /// The whole batch is answered with this one error.
    Batch(String),
    /// This order is answered with it.
    Order(String),
}

/// One error for a whole batch.
fn one_error(words: &str) -> Value {
    statuses("order", &[json!({"error": words})])
}

/// An order as the venue takes it. Which of the errors are found before the rest is assumed; that
/// there are such is documented.
pub(super) fn understand(
    wire: &WireOrder,
    instrument: &Instrument,
    position: bool,
) -> Result<VenueOrder, Wrong> {
    let asset = instrument.id().raw();
    let invalid = |what: &str| Wrong::Batch(format!("Order has invalid {what}."));
    let price = |number: Decimal| match number.in_steps(instrument.tick_size()) {
        Ok(ticks) if Price::from_ticks(ticks).is_tradable() => Ok(Price::from_ticks(ticks)),
        Ok(_) | Err(DecimalError::OutOfRange) => Err(invalid("price")),
        Err(_) if number.units() <= 0 => Err(invalid("price")),
        Err(_) => Err(Wrong::Order(format!("Price must be divisible by tick size. asset={asset}"))),
    };
    let lots = wire.size.0.in_steps(instrument.lot_size()).map_err(|_| invalid("size"))?;
    let qty = Qty::from_lots(u64::try_from(lots).map_err(|_| invalid("size"))?);
    // What closes the whole position needs no size.
    if qty.is_zero() && !position {
        return Err(Wrong::Batch("Order has zero size.".to_owned()));
    }
    if qty > Qty::MAX {
        return Err(invalid("size"));
    }
    let kind = match wire.terms {
        Terms::Limit { tif } => VenueOrderKind::Limit(match tif {
            Tif::Alo => TimeInForce::PostOnly,
            Tif::Ioc => TimeInForce::ImmediateOrCancel,
            Tif::Gtc => TimeInForce::GoodTilCancelled,
        }),
        Terms::Trigger { is_market, trigger_px, tpsl } => VenueOrderKind::Trigger(Trigger {
            price: price(trigger_px.0)?,
            when: match tpsl {
                Tpsl::Tp => TriggerWhen::TakeProfit,
                Tpsl::Sl => TriggerWhen::StopLoss,
            },
            then: if is_market { TriggerThen::Market } else { TriggerThen::Limit },
            whole_position: position,
        }),
    };
    Ok(VenueOrder {
        client_id: wire.cloid.map_or(ClientId::NONE, |id| ClientId::new(id.0.bits())),
        instrument: instrument.id(),
        side: if wire.buys { Side::Bid } else { Side::Ask },
        price: price(wire.price.0)?,
        qty,
        reduce_only: wire.reduce_only,
        kind,
    })
}

/// Whether the orders of a group fit each other. Unverified words.
fn check_group(grouping: Grouping, orders: &[WireOrder]) -> Result<(), &'static str> {
    let protects =
        |order: &WireOrder| order.reduce_only && matches!(order.terms, Terms::Trigger { .. });
    match (grouping, orders) {
        (Grouping::Independent, _) => Ok(()),
        (Grouping::Normal, [parent, children @ ..]) => {
            let sides = children.iter().all(|child| child.buys != parent.buys);
            let limit = matches!(parent.terms, Terms::Limit { .. }) && !parent.reduce_only;
            let children = !children.is_empty() && children.iter().all(protects);
            if limit && children && sides { Ok(()) } else { Err("Invalid TP/SL grouping.") }
        }
        (Grouping::Position, orders) if orders.iter().all(protects) => Ok(()),
        _ => Err("TP/SL orders must be reduce only."),
    }
}

impl Exchange {
    /// The instrument with the venue's number.
    pub(super) fn asset(&self, number: u32) -> Option<&Instrument> {
        self.markets.instruments().get(usize::try_from(number).ok()?)
    }

    pub(super) fn place_orders(
        &mut self,
        actor: Actor,
        orders: &[WireOrder],
        (grouping, builder): (WireGrouping, Option<Builder>),
        tamper: Tamper,
    ) -> Result<Value, Refused> {
        if builder.is_some() {
            return Err("Builder fee has not been approved.".to_owned());
        }
        let grouping = match grouping {
            WireGrouping::Named(Named::Na) => Grouping::Independent,
            WireGrouping::Named(Named::NormalTpsl) => Grouping::Normal,
            WireGrouping::Named(Named::PositionTpsl) => Grouping::Position,
            WireGrouping::Priority { .. } => {
                return Err("Priority grouping is not served by this local exchange.".to_owned());
            }
        };
        if orders.is_empty() {
            return Ok(one_error("Empty batch of orders."));
        }
        if let Err(words) = check_group(grouping, orders) {
            return Ok(one_error(words));
        }
        let mut understood = Vec::with_capacity(orders.len());
        for wire in orders {
            let Some(instrument) = self.asset(wire.asset) else {
                return Ok(one_error(&format!("Unknown asset {}.", wire.asset)));
            };
            let position = grouping == Grouping::Position;
            match understand(wire, instrument, position) {
                Ok(order) => understood.push(Ok(order)),
                Err(Wrong::Order(words)) if grouping == Grouping::Independent => {
                    understood.push(Err(words));
                }
                Err(Wrong::Order(words) | Wrong::Batch(words)) => return Ok(one_error(&words)),
            }
        }
        let answers = if grouping == Grouping::Independent {
            let place = |order| self.place_one(actor, order, tamper);
            understood.into_iter().map(place).collect::<Vec<_>>()
        } else {
            let group: Vec<VenueOrder> = understood.into_iter().flatten().collect();
            self.place_group(actor, grouping, &group, tamper)
        };
        Ok(statuses("order", &answers))
    }

    fn place_one(
        &mut self,
        actor: Actor,
        order: Result<VenueOrder, String>,
        tamper: Tamper,
    ) -> Value {
        let order = match order {
            Ok(order) => order,
            Err(words) => return json!({"error": words}),
        };
        self.set_fault(actor, order.qty, tamper);
        let touch = self.touch(order.instrument);
        let record = self.venue.place(actor.id, &order, self.now_ns);
        self.venue.set_fault(actor.id, None);
        self.answer(&record, touch)
    }

    fn place_group(
        &mut self,
        actor: Actor,
        grouping: Grouping,
        orders: &[VenueOrder],
        tamper: Tamper,
    ) -> Vec<Value> {
        let Some(first) = orders.first() else { return Vec::new() };
        self.set_fault(actor, first.qty, tamper);
        let touch = self.touch(first.instrument);
        let records = self.venue.place_group(actor.id, grouping, orders, self.now_ns);
        self.venue.set_fault(actor.id, None);
        let answers = records.iter().enumerate().map(|(at, record)| match record.life {
            Life::AwaitsParent(_) => json!("waitingForFill"),
            Life::AwaitsTrigger if at > 0 && grouping == Grouping::Normal => {
                json!("waitingForTrigger")
            }
            _ => self.answer(record, touch),
        });
        answers.collect()
    }

    fn set_fault(&mut self, actor: Actor, qty: Qty, tamper: Tamper) {
        let fault = if tamper.reject {
            Some(Fault::Reject(RejectReason::Other))
        } else {
            tamper.partial.map(|share| Fault::PartialFill(part(qty, share)))
        };
        if fault.is_some() {
            self.venue.set_fault(actor.id, fault);
        }
    }

    /// The best bid and ask.
    pub(super) fn touch(&self, id: flyball_core::domain::InstrumentId) -> words::Touch {
        let best = |side| self.venue.depth(id, side, 1).first().map(|it| it.level.price);
        (best(Side::Bid), best(Side::Ask))
    }

    /// The status of an order in the answer to its request. That an order of which a part traded
    /// and the rest rests is told as resting is assumed.
    pub(super) fn answer(&self, record: &OrderRecord, touch: words::Touch) -> Value {
        let Some(instrument) = self.instrument(record.order.instrument) else {
            return json!({"error": "Order rejected."});
        };
        let mut told = serde_json::Map::new();
        let kind = match record.life {
            Life::Ended(Status::Rejected(reason)) => {
                return json!({"error": words::rejection(reason, instrument, touch)});
            }
            Life::Ended(_) if words::got_something(record) => {
                let unit = instrument.value(Price::from_ticks(1), Qty::from_lots(1)).units();
                let lots = i128::from(record.filled.lots()).saturating_mul(unit);
                let average = text::fine(instrument, record.paid.units(), lots);
                told.insert("totalSz".into(), json!(text::qty(instrument, record.filled)));
                told.insert("avgPx".into(), json!(average));
                "filled"
            }
            Life::Ended(Status::Cancelled(CancelReason::PostOnlyWindow)) => {
                let reason = RejectReason::PostOnlyWindow;
                return json!({"error": words::rejection(reason, instrument, touch)});
            }
            Life::Ended(_) => return json!({"error": words::unfilled(record, instrument)}),
            _ => "resting",
        };
        told.insert("oid".into(), json!(record.venue_order_id.raw()));
        if let Some(cloid) = order::cloid(record.order.client_id) {
            told.insert("cloid".into(), json!(cloid));
        }
        json!({kind: told})
    }
}

/// A share of a size, at least one lot less than all of it.
#[expect(clippy::cast_precision_loss, reason = "lots are below 2^53")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 ≤ share < 1")]
fn part(qty: Qty, share: f64) -> Qty {
    let lots = (qty.lots() as f64 * share.clamp(0.0, 1.0)) as u64;
    Qty::from_lots(lots).min(qty.minus(Qty::from_lots(1)))
}
