//! Cancelling and replacing orders.

use flyball_core::domain::VenueOrderId;
use flyball_core::sim::{ClientId, ModifyError, OrderRef};
use serde_json::{Value, json};

use crate::actions::orders::{Wrong, understand};
use crate::actions::wire::{WireCancel, WireCancelByCloid, WireId, WireModify, WireOrder};
use crate::actions::{Actor, Refused, done, statuses};
use crate::exchange::Exchange;
use crate::shapes::words;

/// What the venue says when there is nothing to replace. Unverified.
const NOT_LIVE: &str = "Cannot modify canceled or filled order";

fn reference(id: WireId) -> OrderRef {
    match id {
        WireId::Venue(oid) => OrderRef::Venue(VenueOrderId::new(oid)),
        WireId::Client(cloid) => OrderRef::Client(ClientId::new(cloid.0.bits())),
    }
}

impl Exchange {
    pub(super) fn cancel(&mut self, actor: Actor, cancels: &[WireCancel], fast: bool) -> Value {
        let which = |it: &WireCancel| (it.asset, OrderRef::Venue(VenueOrderId::new(it.oid)));
        let all: Vec<_> = cancels.iter().map(which).collect();
        self.cancel_all_of(actor, &all, fast)
    }

    pub(super) fn cancel_by_cloid(
        &mut self,
        actor: Actor,
        cancels: &[WireCancelByCloid],
        fast: bool,
    ) -> Value {
        let which = |it: &WireCancelByCloid| (it.asset, reference(WireId::Client(it.cloid)));
        let all: Vec<_> = cancels.iter().map(which).collect();
        self.cancel_all_of(actor, &all, fast)
    }

    fn cancel_all_of(&mut self, actor: Actor, which: &[(u32, OrderRef)], fast: bool) -> Value {
        if which.is_empty() {
            return statuses("cancel", &[json!({"error": "Empty batch of cancels."})]);
        }
        let answers = which.iter().map(|&(asset, which)| {
            self.cancel_one(actor, asset, which, fast)
                .map_or_else(|words| json!({"error": words}), |()| json!("success"))
        });
        let answers: Vec<_> = answers.collect();
        statuses("cancel", &answers)
    }

    fn cancel_one(
        &mut self,
        actor: Actor,
        asset: u32,
        which: OrderRef,
        fast: bool,
    ) -> Result<(), String> {
        let missing = || format!("{} asset={asset}", words::MISSING);
        let instrument = self.asset(asset).ok_or_else(missing)?.id();
        let trigger = self
            .venue
            .order(actor.id, which)
            .is_some_and(|it| it.is_live() && it.order.trigger().is_some());
        if fast && trigger {
            // The rule is documented, the words are unverified.
            return Err(format!("Fast cancels do not take trigger orders. asset={asset}"));
        }
        let gone = self.venue.cancel_order(actor.id, instrument, which, self.now_ns);
        gone.map(drop).ok_or_else(missing)
    }

    pub(super) fn modify(
        &mut self,
        actor: Actor,
        oid: WireId,
        order: &WireOrder,
        always_place: bool,
    ) -> Result<Value, Refused> {
        let answer = self.replace(actor, &WireModify { oid, order: *order }, always_place);
        match answer.get("error").and_then(Value::as_str) {
            Some(words) => Err(words.to_owned()),
            None => Ok(done()),
        }
    }

    pub(super) fn batch_modify(
        &mut self,
        actor: Actor,
        modifies: &[WireModify],
        always_place: bool,
    ) -> Value {
        if modifies.is_empty() {
            return statuses("order", &[json!({"error": "Empty batch of modifies."})]);
        }
        let answers = modifies.iter().map(|it| self.replace(actor, it, always_place));
        let answers: Vec<_> = answers.collect();
        statuses("order", &answers)
    }

    fn replace(&mut self, actor: Actor, wire: &WireModify, always_place: bool) -> Value {
        let error = |words: String| json!({"error": words});
        let Some(instrument) = self.asset(wire.order.asset) else {
            return error(format!("Unknown asset {}.", wire.order.asset));
        };
        let order = match understand(&wire.order, instrument, false) {
            Ok(order) => order,
            Err(Wrong::Batch(words) | Wrong::Order(words)) => return error(words),
        };
        let touch = self.touch(order.instrument);
        match self.venue.modify(actor.id, reference(wire.oid), &order, self.now_ns) {
            Ok(record) => self.answer(&record, touch),
            Err(ModifyError::NotLive) if always_place => {
                let record = self.venue.place(actor.id, &order, self.now_ns);
                self.answer(&record, touch)
            }
            Err(ModifyError::NotLive) => error(NOT_LIVE.to_owned()),
            Err(ModifyError::Rejected(reason)) => {
                let Some(instrument) = self.instrument(order.instrument) else {
                    return error(NOT_LIVE.to_owned());
                };
                error(words::rejection(reason, instrument, touch))
            }
        }
    }
}
