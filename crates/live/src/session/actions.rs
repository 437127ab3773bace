//! From what the engine wants sent to signed actions: what belongs together goes together.

use flyball_core::domain::{
    Body, ClientOrderId, InstrumentId, Order, OrderKind, OrderReport, RejectReason, Status,
    TimeInForce, VenueOrderId,
};
use flyball_core::risk::Approved;
use flyball_venues::hyperliquid::sign::Envelope;
use flyball_venues::hyperliquid::{Action, Cancel, CancelByCloid, Cloid, Grouping, post_body};

use crate::duty::{Path, Todo};
use crate::measures::{Meters, Stage};
use crate::outbox::{Ahead, Effect, Signed};
use crate::session::wire::posted;
use crate::session::{Session, Wanted};

/// Orders or cancels that make one action.
#[derive(Debug)]
pub(super) enum Group {
    /// Orders of one kind. Post-only ones are kept apart: the venue lets them go first.
    Place {
        orders: Vec<Order>,
        post_only: bool,
        stops: bool,
    },
    /// Orders that were approved before the last kill.
    Void(Order),
    Cancel(Vec<(InstrumentId, ClientOrderId)>),
}

/// Commands in their order, put together where they can be.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    groups: Vec<Group>,
}

impl Grouped {
    pub(super) fn submit(&mut self, approved: &Approved<Order>, void: bool) {
        let order = *approved.get();
        if void && !order.purpose.protects() {
            self.groups.push(Group::Void(order));
            return;
        }
        let post_only = order.kind == OrderKind::Limit(TimeInForce::PostOnly);
        let stops = matches!(order.kind, OrderKind::Stop { .. });
        match self.groups.last_mut() {
            Some(Group::Place { orders, post_only: a, stops: b })
                if *a == post_only && *b == stops =>
            {
                orders.push(order);
            }
            _ => self.groups.push(Group::Place { orders: vec![order], post_only, stops }),
        }
    }

    pub(super) fn cancel(&mut self, instrument: InstrumentId, order: ClientOrderId) {
        match self.groups.last_mut() {
            Some(Group::Cancel(all)) => all.push((instrument, order)),
            _ => self.groups.push(Group::Cancel(vec![(instrument, order)])),
        }
    }

    pub(super) fn into_groups(self) -> Vec<Group> {
        self.groups
    }
}

impl<A: Ahead> Session<A> {
    pub(super) fn act(&mut self, group: Group, now_ns: i64) {
        match group {
            Group::Void(order) => self.reject(&order, RejectReason::Other, now_ns),
            Group::Place { orders, stops, .. } => self.place(&orders, stops, now_ns),
            Group::Cancel(all) => self.cancel(&all, now_ns),
        }
    }

    fn place(&mut self, orders: &[Order], stops: bool, now_ns: i64) {
        let protects = orders.iter().all(|order| order.purpose.protects());
        // Without the venue's word that money is set aside for it, a position may shrink only.
        let margined = self.margins.is_agreed() || orders.iter().all(|order| order.reduce_only);
        let weight = weight(orders.len());
        let allowed = protects
            || (self.known
                && margined
                && !self.halt.is_on()
                && self.budget.allows(weight, false, now_ns)
                && self.budget.allows_actions(orders.len() as u64));
        if !allowed {
            let reason = match (self.known, margined) {
                (false, _) => RejectReason::Other,
                (true, false) => RejectReason::Margin,
                (true, true) => RejectReason::RateLimited,
            };
            for order in orders {
                self.reject(order, reason, now_ns);
            }
            return;
        }
        let mut requests = Vec::with_capacity(orders.len());
        for order in orders {
            match self.wire.order_request(order) {
                Some(request) => requests.push(request),
                None => return self.reject_all(orders, RejectReason::BadPrice, now_ns),
            }
        }
        let grouping = if stops { Grouping::PositionTpsl } else { Grouping::Na };
        let action = Action::Order { orders: requests, grouping };
        let effect = if protects { Effect::Protects } else { Effect::Adds };
        let ids = orders.iter().map(|order| (order.instrument, order.client_order_id)).collect();
        let Some(nonce) = self.sign(&action, effect, ids, now_ns) else {
            return self.reject_all(orders, RejectReason::Other, now_ns);
        };
        for order in orders {
            self.orders.sent(order, flyball_core::domain::Qty::ZERO);
        }
        self.budget.take(weight, orders.len() as u64, now_ns);
        self.send(nonce, now_ns);
    }

    /// Cancel orders of ours.
    pub(super) fn cancel(&mut self, all: &[(InstrumentId, ClientOrderId)], now_ns: i64) {
        let mut cancels = Vec::with_capacity(all.len());
        for &(instrument, order) in all {
            if let Some(asset) = self.wire.asset_number(instrument) {
                let cloid = Cloid::new(self.settings.tag, order);
                cancels.push(CancelByCloid { asset, cloid });
            }
        }
        if cancels.is_empty() {
            return;
        }
        let (count, action) = (cancels.len(), Action::CancelByCloid { cancels });
        self.budget.take(weight(count), count as u64, now_ns);
        if let Some(nonce) = self.sign(&action, Effect::Cancels, all.to_vec(), now_ns) {
            self.send(nonce, now_ns);
        }
    }

    /// Cancel orders of others on our account.
    pub(super) fn cancel_foreign(&mut self, all: &[(InstrumentId, u64)], now_ns: i64) {
        let mut cancels = Vec::with_capacity(all.len());
        for &(instrument, oid) in all {
            let asset = self.wire.asset_number(instrument);
            cancels.extend(asset.map(|asset| Cancel { asset, oid }));
        }
        if cancels.is_empty() {
            return;
        }
        let (count, action) = (cancels.len(), Action::Cancel { cancels });
        self.budget.take(weight(count), count as u64, now_ns);
        if let Some(nonce) = self.sign(&action, Effect::Cancels, Vec::new(), now_ns) {
            self.send(nonce, now_ns);
        }
    }

    /// Sign an action and keep it. What adds risk and cannot be kept is not sent; what protects is.
    fn sign(
        &mut self,
        action: &Action,
        effect: Effect,
        orders: Vec<(InstrumentId, ClientOrderId)>,
        now_ns: i64,
    ) -> Option<u64> {
        let millis = now_ns.max(0).unsigned_abs() / 1_000_000;
        let nonce = self.outbox.next_nonce(millis);
        let expires = self.settings.expires_ns.max(0).unsigned_abs() / 1_000_000;
        let expires_ms = (effect == Effect::Adds).then(|| millis.saturating_add(expires));
        let envelope = Envelope { nonce, vault: None, expires_after: expires_ms };
        let meters = self.meters.clone();
        let body = timed(meters.as_deref(), Stage::Sign, || {
            let signature = self.signer.sign(action, &envelope).ok()?;
            post_body(action, &envelope, &signature).ok()
        })?;
        self.counts.actions += 1;
        let signed = Signed { nonce, effect, orders, expires_ms, body };
        let kept = timed(meters.as_deref(), Stage::Keep, || self.outbox.keep(signed));
        if kept.is_err() {
            self.counts.not_kept += 1;
            if effect == Effect::Adds {
                // It is remembered, and not sent.
                let _forgotten = self.outbox.settle(nonce);
                return None;
            }
        }
        Some(nonce)
    }

    /// Send a kept action: on the websocket while it stands, else over HTTP.
    pub(super) fn send(&mut self, nonce: u64, now_ns: i64) {
        let Some(body) = self.outbox.get(nonce).map(|signed| signed.body.clone()) else { return };
        self.post(Wanted::Action(nonce), body, now_ns);
        self.flights.sent(nonce);
    }

    pub(super) fn post(&mut self, wanted: Wanted, body: Vec<u8>, now_ns: i64) {
        let on_socket = self.link.is_up() && self.budget.take_message(now_ns);
        let id = self.request(wanted, on_socket, now_ns);
        self.todo.push_back(if on_socket {
            Todo::Send(posted(id, &body))
        } else {
            Todo::Ask { id, path: Path::Exchange, body }
        });
    }

    /// Use up a nonce, so that the action with it can never be executed.
    pub(super) fn burn(&mut self, nonce: u64, now_ns: i64) {
        let envelope = Envelope::new(nonce);
        let signature = self.signer.sign(&Action::Noop, &envelope).ok();
        let body = signature.and_then(|s| post_body(&Action::Noop, &envelope, &s).ok());
        if let Some(body) = body {
            self.budget.take(1, 1, now_ns);
            self.post(Wanted::Burn(nonce), body, now_ns);
        }
    }

    fn reject_all(&mut self, orders: &[Order], reason: RejectReason, now_ns: i64) {
        for order in orders {
            self.reject(order, reason, now_ns);
        }
    }

    fn reject(&mut self, order: &Order, reason: RejectReason, now_ns: i64) {
        let report = OrderReport {
            instrument: order.instrument,
            client_order_id: order.client_order_id,
            venue_order_id: VenueOrderId::default(),
            status: Status::Rejected(reason),
        };
        self.say(now_ns, Body::Order(report));
    }
}

/// Do it, and note how long it took where that is wanted. Nothing depends on it.
fn timed<T>(meters: Option<&Meters>, stage: Stage, what: impl FnOnce() -> T) -> T {
    match meters {
        Some(meters) => meters.timed(stage, what),
        None => what(),
    }
}

/// What a batch costs of an IP address's weight.
fn weight(count: usize) -> u32 {
    u32::try_from(count / 40).unwrap_or(u32::MAX).saturating_add(1)
}
