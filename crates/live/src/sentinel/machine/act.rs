//! Acting: the latch first, then everything is closed, step by step, each from what the venue shows.

use std::collections::BTreeMap;

use flyball_core::domain::NetQty;
use flyball_venues::hyperliquid::sign::Envelope;
use flyball_venues::hyperliquid::{Answer, post_body};
use serde_json::json;

use crate::duty::{Outcome, Path};
use crate::outbox::{Ahead, Effect, Signed};
use crate::sentinel::account::Seen;
use crate::sentinel::flatten::{Flatten, Next, Sent, View};
use crate::sentinel::latch::Latch;
use crate::sentinel::machine::reads::Wanted;
use crate::sentinel::machine::{Sentinel, Todo};

/// Ids of orders follow from nonces: this many for each.
const IDS_A_NONCE: u64 = 1_000;

/// A closing that goes on.
#[derive(Debug)]
pub(super) struct Acting {
    job: Flatten,
    /// Only what was asked after this counts: when the last action was answered.
    fresh_ns: i64,
    /// Working orders that were asked for after this will do for cancelling.
    orders_ns: i64,
    /// Actions without an answer: the instruments of their orders, or how many cancels.
    flights: BTreeMap<u64, (Vec<String>, usize)>,
    /// What was held when the last closing orders went out.
    before: Vec<(String, NetQty)>,
    first_sent: bool,
}

impl Acting {
    pub(super) const fn due_ns(&self) -> i64 {
        self.job.due_ns()
    }

    pub(super) const fn attempts(&self) -> u32 {
        self.job.attempts()
    }

    pub(super) const fn began_ns(&self) -> i64 {
        self.job.began_ns()
    }
}

impl<A: Ahead> Sentinel<A> {
    /// Set the latch, on the disk, and close everything.
    pub(super) fn trip(&mut self, cause: &'static str, reason: &str) {
        self.latch = Latch::Set { reason: reason.to_owned(), since_ns: self.now.system_ns };
        self.release_ns = None;
        self.keep();
        let about = json!({
            "cause": cause,
            "reason": reason,
            "equity": self.equity().to_string(),
            "peak": self.peak.peak().to_string(),
            "held": self.held_text(),
            "orders": self.orders.as_ref().map(|orders| orders.all.len()),
            "read_ms_ago": self.seen_age_ns().map(|age| age / 1_000_000),
            "beat": self.watch.last(),
        });
        self.report("tripped", about);
        self.act();
    }

    /// Close everything, whatever it is.
    pub(super) fn act(&mut self) {
        if self.acting.is_some() {
            return;
        }
        self.flat_ns = None;
        self.dust.clear();
        // What was read while the engine was silent already will do.
        let recent = self.now.ns.saturating_sub(self.settings.times.silence_ns * 3 / 4);
        self.acting = Some(Acting {
            job: Flatten::new(self.now.ns),
            fresh_ns: recent,
            orders_ns: recent,
            flights: BTreeMap::new(),
            before: Vec::new(),
            first_sent: false,
        });
    }

    /// While latched, whatever opens is closed.
    pub(super) fn reopened(&mut self, seen: &Seen) {
        if self.latch.is_set() && self.acting.is_none() && self.holds(seen) {
            self.report("reopened", json!({ "equity": seen.equity.to_string() }));
            self.act();
        }
    }

    /// The next step of a closing, if it is time for one.
    pub(super) fn work(&mut self) {
        if self.latch.is_set()
            && self.acting.is_none()
            && self.orders.as_ref().is_some_and(|orders| {
                orders.add_risk() && self.flat_ns.is_none_or(|flat| orders.asked_ns > flat)
            })
        {
            self.report("reopened", json!({ "orders": "may add risk" }));
            self.act();
        }
        let Some(mut acting) = self.acting.take() else { return };
        if let Some(age) = acting.job.late(&self.settings.ladder, self.now.ns) {
            let about = json!({
                "age_ms": age / 1_000_000,
                "attempts": acting.job.attempts(),
                "held": self.held_text(),
                "failures": self.asks.failures(),
            });
            self.report("late", about);
        }
        let over = self.work_on(&mut acting);
        if !over {
            self.acting = Some(acting);
        }
    }

    /// Whether the closing is over.
    fn work_on(&mut self, acting: &mut Acting) -> bool {
        if !acting.flights.is_empty() || self.now.ns < acting.job.due_ns() {
            return false;
        }
        let seen = self.seen.as_ref().filter(|seen| seen.asked_ns > acting.fresh_ns);
        let orders = self.orders.as_ref().filter(|orders| orders.asked_ns > acting.orders_ns);
        let (Some(seen), Some(orders)) = (seen, orders) else {
            let (state, list) = (seen.is_none(), orders.is_none());
            self.read_for_acting(state, list);
            return false;
        };
        note_left_over(acting, seen);
        let millis = self.now.venue_ns.max(0).unsigned_abs() / 1_000_000;
        let first_id = millis.saturating_mul(IDS_A_NONCE);
        let view = View {
            seen,
            orders,
            fresh_ns: acting.fresh_ns,
            universe: &self.universe,
            tag: self.tag,
        };
        match acting.job.next(&view, &self.settings.ladder, first_id, self.now.ns) {
            Next::Wait(_) => {
                // What was seen is old by then.
                acting.fresh_ns = self.asks.stamp(self.now.ns);
                false
            }
            Next::ReadOrders => {
                acting.orders_ns = acting.fresh_ns;
                self.read_for_acting(false, true);
                false
            }
            Next::Act(all) => {
                let held = seen.held.iter();
                acting.before = held.filter_map(|it| Some((it.coin.clone(), it.qty?))).collect();
                if all.iter().any(|sent| sent.coins.is_empty()) {
                    acting.orders_ns = self.asks.stamp(self.now.ns);
                }
                for sent in all {
                    self.send(acting, sent);
                }
                false
            }
            Next::Flat(dust) => {
                self.is_flat(acting, &dust);
                true
            }
        }
    }

    fn read_for_acting(&mut self, state: bool, orders: bool) {
        if state {
            self.ask_every(Wanted::State, 0);
        }
        if orders {
            self.ask_every(Wanted::Orders, 0);
        }
    }

    /// Sign, keep, send. What closes is sent even when it cannot be kept.
    fn send(&mut self, acting: &mut Acting, sent: Sent) {
        let millis = self.now.venue_ns.max(0).unsigned_abs() / 1_000_000;
        let nonce = self.outbox.next_nonce(millis);
        let expires = self.settings.times.expires_ns.max(0).unsigned_abs() / 1_000_000;
        let expires_ms = Some(millis.saturating_add(expires));
        let envelope = Envelope { nonce, vault: None, expires_after: expires_ms };
        let signed = self.signer.sign(&sent.action, &envelope).ok();
        let body = signed.and_then(|it| post_body(&sent.action, &envelope, &it).ok());
        let Some(body) = body else { return };
        let effect = if sent.coins.is_empty() { Effect::Cancels } else { Effect::Protects };
        let kept = Signed { nonce, effect, orders: Vec::new(), expires_ms, body: body.clone() };
        if self.outbox.keep(kept).is_err() {
            self.not_kept += 1;
        }
        let weight = u32::try_from(sent.action.weight()).unwrap_or(u32::MAX);
        self.budget.take(weight, sent.action.len() as u64, self.now.ns);
        let id = self.asks.begin(Wanted::Action(nonce), self.now.ns, self.now.venue_ns);
        acting.flights.insert(nonce, (sent.coins, sent.action.len()));
        self.acts += 1;
        self.todo.push_back(Todo::Ask { id, path: Path::Exchange, body });
        let about = json!({
            "nonce": nonce,
            "action": sent.action,
            "first": !acting.first_sent,
            "since_trip_ms": self.now.ns.saturating_sub(acting.job.began_ns()) / 1_000_000,
        });
        acting.first_sent = true;
        self.report("sent", about);
    }

    /// What became of an action.
    pub(super) fn action_answered(&mut self, nonce: u64, outcome: Outcome<'_>) {
        // Whatever became of it, it is void soon, and reduces.
        let _kept = self.outbox.settle(nonce);
        let said = outcome.map(|(status, body)| {
            let text: String = String::from_utf8_lossy(body).chars().take(400).collect();
            json!({ "nonce": nonce, "status": status, "said": text })
        });
        self.report("answered", said.unwrap_or_else(|| json!({ "nonce": nonce, "status": null })));
        let Some(acting) = &mut self.acting else { return };
        let Some((coins, count)) = acting.flights.remove(&nonce) else { return };
        let answer = outcome.and_then(|(status, body)| Answer::of_http(status, body).ok());
        let ladder = &self.settings.ladder;
        match answer {
            None | Some(Answer::Unknown(_)) => acting.job.failed(ladder, self.now.ns),
            Some(answer) if coins.is_empty() => {
                // Cancels: what is still there shows in the next reading.
                if matches!(answer, Answer::Refused(_)) && count > 0 {
                    acting.job.failed(ladder, self.now.ns);
                }
            }
            Some(answer) => {
                let outcomes = answer.outcomes(coins.len());
                acting.job.answered(&coins, &outcomes, ladder, self.now.ns);
            }
        }
        acting.fresh_ns = self.asks.stamp(self.now.ns);
    }

    /// The venue shows that nothing is left.
    fn is_flat(&mut self, acting: &Acting, dust: &[String]) {
        self.flat_ns = Some(self.now.ns);
        let seen = self.seen.iter().flat_map(|seen| &seen.held);
        let rests = seen.filter(|held| dust.contains(&held.coin));
        self.dust = rests.filter_map(|it| Some((it.coin.clone(), it.qty?.lots()))).collect();
        let about = json!({
            "took_ms": self.now.ns.saturating_sub(acting.job.began_ns()) / 1_000_000,
            "attempts": acting.job.attempts(),
            "equity": self.equity().to_string(),
            "dust": self.dust,
        });
        self.report("flat", about);
        self.keep();
    }
}

/// An order traded and part of the position is still there: the next one goes further.
fn note_left_over(acting: &mut Acting, seen: &Seen) {
    let before = std::mem::take(&mut acting.before);
    let left = before.iter().any(|(coin, qty)| {
        let now = seen.lots(coin);
        now != 0 && now != qty.lots() && (now > 0) == (qty.lots() > 0)
    });
    if left {
        acting.job.left_over();
    }
}
