//! Actions on their way, and what is done about those that are not answered.

use std::collections::BTreeMap;

use flyball_core::domain::{
    Body, ClientOrderId, InstrumentId, MILLISECOND, NEVER, OrderReport, RejectReason, SECOND,
    Status, VenueOrderId,
};

use crate::outbox::{Ahead, Effect};
use crate::session::heard::{Answered, Asked, Placed};
use crate::session::{Session, Wanted};

/// The venue may have heard of it, and its answers not say so yet: asked about after this.
const ASK_AFTER_NS: i64 = 250 * MILLISECOND;
/// After its expiry, by our clock, plus this, an action cannot be taken any more. Covers what the
/// two clocks may differ by.
const EXPIRY_MARGIN_NS: i64 = 10 * SECOND;
/// What protects is sent again this often before it is asked about.
const SENT_AGAIN: u32 = 4;
const FIRST_WAIT_NS: i64 = 100 * MILLISECOND;
const MOST_WAIT_NS: i64 = 5 * SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It was sent, and its answer is awaited.
    Sent,
    /// It is to be sent again.
    Again,
    /// The venue is to be asked about its orders.
    Ask,
    /// The venue is being asked about its orders: so many answers are awaited.
    Asking { left: usize, known: bool },
    /// Its nonce is to be burnt.
    Burn,
    /// Its nonce is being burnt.
    Burning,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    stage: Stage,
    tries: u32,
    due_ns: i64,
    /// Whether its nonce is known to be used: what the venue has not heard of, it refused.
    used: bool,
}

/// Actions that are not settled.
#[derive(Debug, Default)]
pub(super) struct Flights {
    all: BTreeMap<u64, Flight>,
}

impl Flights {
    /// After a restart: nothing is known of any of them.
    pub(super) fn resume(nonces: impl Iterator<Item = u64>) -> Self {
        let unknown = Flight { stage: Stage::Ask, tries: 0, due_ns: i64::MIN, used: false };
        Self { all: nonces.map(|nonce| (nonce, unknown)).collect() }
    }

    pub(super) fn sent(&mut self, nonce: u64) {
        let new = Flight { stage: Stage::Sent, tries: 0, due_ns: NEVER, used: false };
        let flight = self.all.entry(nonce).or_insert(new);
        flight.stage = Stage::Sent;
        flight.due_ns = NEVER;
    }

    /// Somebody waits for its fate: what is to be done next is done now.
    pub(super) fn hurry(&mut self, nonce: u64, now_ns: i64) {
        if let Some(flight) = self.all.get_mut(&nonce)
            && flight.due_ns != NEVER
        {
            flight.due_ns = flight.due_ns.min(now_ns);
        }
    }

    /// The venue answers again: what waits for another try has waited long enough.
    pub(super) fn hurry_all(&mut self, now_ns: i64) {
        for flight in self.all.values_mut().filter(|flight| flight.due_ns != NEVER) {
            flight.tries = flight.tries.min(1);
            flight.due_ns = flight.due_ns.min(now_ns.saturating_add(FIRST_WAIT_NS));
        }
    }

    pub(super) fn due_ns(&self) -> i64 {
        self.all.values().map(|flight| flight.due_ns).min().unwrap_or(NEVER)
    }

    fn set(&mut self, nonce: u64, stage: Stage, due_ns: i64) {
        if let Some(flight) = self.all.get_mut(&nonce) {
            flight.stage = stage;
            flight.due_ns = due_ns;
        }
    }

    /// Another try, after a while that grows.
    fn again(&mut self, nonce: u64, stage: Stage, now_ns: i64) {
        if let Some(flight) = self.all.get_mut(&nonce) {
            let wait = FIRST_WAIT_NS.saturating_mul(1 << flight.tries.min(10));
            flight.tries += 1;
            flight.stage = stage;
            flight.due_ns = now_ns.saturating_add(wait.min(MOST_WAIT_NS));
        }
    }
}

impl<A: Ahead> Session<A> {
    /// What is due of the actions on their way.
    pub(super) fn fly(&mut self, now_ns: i64) {
        let due = self.flights.all.iter().filter(|(_, flight)| flight.due_ns <= now_ns);
        let due: Vec<(u64, Stage)> = due.map(|(nonce, flight)| (*nonce, flight.stage)).collect();
        for (nonce, stage) in due {
            match stage {
                Stage::Again => {
                    self.counts.sent_again += 1;
                    self.send(nonce, now_ns);
                }
                Stage::Ask => self.ask_about(nonce, now_ns),
                Stage::Burn => {
                    self.flights.set(nonce, Stage::Burning, NEVER);
                    self.burn(nonce, now_ns);
                }
                Stage::Sent | Stage::Asking { .. } | Stage::Burning => {
                    self.flights.set(nonce, stage, NEVER);
                }
            }
        }
    }

    /// The answer to an action; it may come late, when it had been given up.
    pub(super) fn action_answered(&mut self, nonce: u64, answered: Answered, now_ns: i64) {
        let Some(signed) = self.outbox.get(nonce) else { return };
        let (effect, orders) = (signed.effect, signed.orders.clone());
        let places = matches!(effect, Effect::Adds | Effect::Protects);
        match answered {
            Answered::Each(each) => {
                if places {
                    for (&(_, id), placed) in orders.iter().zip(&each) {
                        self.orders.placed(id, *placed, now_ns, &mut self.told_now);
                    }
                    self.say_told(now_ns);
                    if each.len() != orders.len() || each.contains(&Placed::Unclear) {
                        return self.used(nonce, now_ns);
                    }
                }
                self.settle(nonce);
            }
            Answered::Refused(reason) => self.refused(nonce, &orders, places, reason, now_ns),
            Answered::NonceUsed if places => self.used(nonce, now_ns),
            Answered::NonceUsed => self.settle(nonce),
            Answered::Busy if effect == Effect::Adds => {
                self.refused(nonce, &orders, true, RejectReason::RateLimited, now_ns);
            }
            Answered::Busy => self.flights.again(nonce, Stage::Again, now_ns),
            Answered::Unclear => self.lost(nonce, now_ns),
        }
    }

    fn refused(
        &mut self,
        nonce: u64,
        orders: &[(InstrumentId, ClientOrderId)],
        places: bool,
        reason: RejectReason,
        now_ns: i64,
    ) {
        // Sent more than once, a refusal may be about the second time.
        let again = self.flights.all.get(&nonce).is_some_and(|flight| flight.tries > 0);
        if places && again {
            return self.used(nonce, now_ns);
        }
        if places {
            for &(_, id) in orders {
                let rejected = Placed::Rejected(reason);
                self.orders.placed(id, rejected, now_ns, &mut self.told_now);
            }
            self.say_told(now_ns);
        }
        self.settle(nonce);
    }

    /// The nonce is used up: what the venue knows of its orders is all there will be.
    fn used(&mut self, nonce: u64, now_ns: i64) {
        if let Some(flight) = self.flights.all.get_mut(&nonce) {
            flight.used = true;
        }
        self.flights.set(nonce, Stage::Ask, now_ns.saturating_add(ASK_AFTER_NS));
    }

    /// No answer came: it may or may not have been executed.
    fn lost(&mut self, nonce: u64, now_ns: i64) {
        let Some(signed) = self.outbox.get(nonce) else { return };
        let (effect, orders) = (signed.effect, signed.orders.clone());
        let tries = self.flights.all.get(&nonce).map_or(0, |flight| flight.tries);
        if tries == 0 {
            self.counts.lost += 1;
            if matches!(effect, Effect::Adds | Effect::Protects) {
                for (instrument, client_order_id) in orders {
                    if self.orders.knows(client_order_id) {
                        let venue_order_id = VenueOrderId::default();
                        let status = Status::Unknown;
                        self.say(
                            now_ns,
                            Body::Order(OrderReport {
                                instrument,
                                client_order_id,
                                venue_order_id,
                                status,
                            }),
                        );
                    }
                }
            }
        }
        match effect {
            Effect::Adds | Effect::Sets => {
                self.flights.set(nonce, Stage::Ask, now_ns.saturating_add(ASK_AFTER_NS));
            }
            Effect::Protects if tries >= SENT_AGAIN => {
                self.flights.set(nonce, Stage::Ask, now_ns.saturating_add(ASK_AFTER_NS));
            }
            // The engine asks about the orders itself.
            Effect::Cancels if tries >= SENT_AGAIN => self.settle(nonce),
            Effect::Protects | Effect::Cancels => {
                self.flights.again(nonce, Stage::Again, now_ns);
            }
        }
    }

    /// Ask the venue about the orders of an action whose fate is unknown.
    fn ask_about(&mut self, nonce: u64, now_ns: i64) {
        let Some(signed) = self.outbox.get(nonce) else {
            self.flights.all.remove(&nonce);
            return;
        };
        let places = matches!(signed.effect, Effect::Adds | Effect::Protects);
        let orders = signed.orders.clone();
        if !places || orders.is_empty() {
            return self.settle(nonce);
        }
        self.flights.set(nonce, Stage::Asking { left: orders.len(), known: false }, NEVER);
        for (_, order) in orders {
            let wanted = Wanted::Status { order, nonce: Some(nonce), resync: false };
            let body = self.wire.ask_status(order);
            if !self.ask(wanted, body, now_ns) {
                // The budget is used up: once more, a little later.
                return self.flights.again(nonce, Stage::Ask, now_ns);
            }
        }
    }

    /// The venue said what it knows of an order.
    pub(super) fn status_answered(
        &mut self,
        order: ClientOrderId,
        nonce: Option<u64>,
        asked: Option<Asked>,
        now_ns: i64,
    ) {
        if let Some(Asked::Known(news)) = &asked {
            if self.orders.knows(order) {
                self.orders.news(order, news, now_ns, &mut self.told_now);
                self.say_told(now_ns);
            } else if matches!(news.status, Status::Working | Status::Triggered)
                && !self.orders.has_just_ended(order)
            {
                self.counts.orphans += 1;
                self.cancel(&[(news.instrument, order)], now_ns);
            }
        }
        let Some(nonce) = nonce else {
            if asked == Some(Asked::Unknown) && self.outbox.sending(order).is_none() {
                self.orders.never_arrived(order, &mut self.told_now);
                self.say_told(now_ns);
            }
            return;
        };
        let Some(flight) = self.flights.all.get_mut(&nonce) else { return };
        let Stage::Asking { left, known } = flight.stage else { return };
        let Some(asked) = asked else {
            return self.flights.again(nonce, Stage::Ask, now_ns);
        };
        let known = known || matches!(asked, Asked::Known(_));
        let left = left.saturating_sub(1);
        flight.stage = Stage::Asking { left, known };
        if left == 0 {
            // An action is taken as a whole: one order known, and the nonce is used.
            let used = flight.used || known;
            self.conclude(nonce, used, now_ns);
        }
    }

    /// All its orders were asked about.
    fn conclude(&mut self, nonce: u64, used: bool, now_ns: i64) {
        let Some(signed) = self.outbox.get(nonce) else { return };
        let expired = signed.expires_ms.is_some_and(|ms| {
            let ns = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(MILLISECOND);
            now_ns > ns.saturating_add(EXPIRY_MARGIN_NS)
        });
        if !used && !expired {
            self.flights.set(nonce, Stage::Burn, now_ns);
            return;
        }
        for (_, order) in signed.orders.clone() {
            if self.orders.is_unheard(order) {
                self.orders.never_arrived(order, &mut self.told_now);
            }
        }
        self.say_told(now_ns);
        self.settle(nonce);
    }

    /// The answer to the burning of a nonce.
    pub(super) fn burn_answered(&mut self, nonce: u64, answered: &Answered, now_ns: i64) {
        match answered {
            // Burnt now, or used before: either way the venue's answer about its orders is final.
            Answered::Each(_) | Answered::NonceUsed => {
                self.counts.burnt += 1;
                self.used(nonce, now_ns);
            }
            Answered::Refused(_) | Answered::Busy | Answered::Unclear => {
                self.flights.again(nonce, Stage::Burn, now_ns);
            }
        }
    }

    fn settle(&mut self, nonce: u64) {
        self.flights.all.remove(&nonce);
        // Not kept: it is found out again after a restart.
        let _kept = self.outbox.settle(nonce);
    }
}
