//! What people ask of the sentinel: how it is doing, to act, and to release its latch in two steps.

use flyball_core::domain::{Money, SECOND};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::outbox::Ahead;
use crate::sentinel::account::{Orders, Seen};
use crate::sentinel::latch::Latch;
use crate::sentinel::machine::act::Acting;
use crate::sentinel::machine::{Now, Sentinel};
use crate::sentinel::watch::Engine;

/// The second step must follow the first within this.
const RELEASE_WITHIN_NS: i64 = 60 * SECOND;
/// What the release of a latch goes by is no older than this.
const FRESH_NS: i64 = 3 * SECOND;

#[derive(Deserialize)]
struct Request {
    what: String,
}

impl<A: Ahead> Sentinel<A> {
    /// Answer one request: a line of JSON in, one out.
    pub fn operate(&mut self, request: &str, now: Now) -> String {
        self.now = now;
        let refused = |why: String| json!({ "error": why });
        let answer = match serde_json::from_str::<Request>(request) {
            Err(error) => refused(error.to_string()),
            Ok(request) => match request.what.as_str() {
                "status" => self.status(),
                "trip" => {
                    if !self.latch.is_set() {
                        self.trip("operator", "an operator asked for it");
                    }
                    json!({ "done": "trip" })
                }
                "request_release" => self.request_release(),
                "confirm_release" => self.confirm_release(),
                other => {
                    refused(format!("{other:?}: status, trip, request_release, confirm_release"))
                }
            },
        };
        answer.to_string()
    }

    /// How it is doing.
    pub fn status(&self) -> Value {
        let acting = self.acting.as_ref();
        json!({
            "pid": self.pid,
            "account": self.user,
            "agent": self.signer.address(),
            "engine": match self.engine {
                Engine::None => "none",
                Engine::Alive => "alive",
                Engine::Late => "late",
                Engine::Silent => "silent",
            },
            "silent_ms": self.watch.silent_ns(self.now.ns).map(|ns| ns / 1_000_000),
            "wish": self.wish(),
            "latched": self.latch.is_set(),
            "reason": self.latch.reason(),
            "latched_since_ns": match self.latch {
                Latch::Set { since_ns, .. } => Some(since_ns),
                Latch::Clear => None,
            },
            "acting_ms": acting.map(|it| self.now.ns.saturating_sub(it.began_ns()) / 1_000_000),
            "attempts": acting.map(Acting::attempts),
            "flat": self.is_known_flat(),
            "age_ms": self.seen_age_ns().map(|age| age / 1_000_000),
            "equity": self.equity().to_string(),
            "peak": self.peak.peak().to_string(),
            "drawdown": self.peak.drawdown(self.equity()).map(flyball_core::domain::Rate::to_f64),
            "leverage": self.seen.as_ref().and_then(Seen::leverage).map(flyball_core::domain::Rate::to_f64),
            "margin_ratio": self.seen.as_ref().and_then(Seen::margin_ratio).map(flyball_core::domain::Rate::to_f64),
            "held": self.held_text(),
            "lines": {
                "drawdown": self.settings.lines.drawdown.to_f64(),
                "emergency": self.settings.lines.emergency.to_f64(),
                "leverage": self.settings.lines.leverage.to_f64(),
                "margin": self.settings.lines.margin.to_f64(),
            },
            "acts": self.acts,
            "not_kept": self.not_kept,
            "failures": self.asks.failures(),
            "weight_left": self.budget.weight_left(self.now.ns),
        })
    }

    /// Whether the venue said of late that nothing is held and nothing works that adds risk; none
    /// when that is not known.
    pub(super) fn is_known_flat(&self) -> Option<bool> {
        let seen = self.seen.as_ref()?;
        let fresh = self.now.ns.saturating_sub(seen.asked_ns) <= FRESH_NS;
        let orders = self.orders.as_ref().is_none_or(Orders::add_risk);
        fresh.then(|| !self.holds(seen) && !orders)
    }

    fn why_not(&self) -> Option<&'static str> {
        match self.is_known_flat() {
            _ if !self.latch.is_set() => Some("it is not latched"),
            _ if self.acting.is_some() => Some("everything is being closed"),
            None => Some("what the account holds is not known"),
            Some(false) => Some("the account is not flat"),
            Some(true) if self.equity() <= Money::ZERO => Some("the account is worth nothing"),
            Some(true) => None,
        }
    }

    fn request_release(&mut self) -> Value {
        if let Some(why) = self.why_not() {
            return json!({ "error": why });
        }
        self.release_ns = Some(self.now.ns);
        self.report("release_requested", json!({ "reason": self.latch.reason() }));
        json!({ "done": "request_release", "reason": self.latch.reason() })
    }

    fn confirm_release(&mut self) -> Value {
        let requested = self
            .release_ns
            .is_some_and(|then| self.now.ns.saturating_sub(then) <= RELEASE_WITHIN_NS);
        if !requested {
            return json!({ "error": "it was not requested, or too long ago" });
        }
        self.release_ns = None;
        if let Some(why) = self.why_not() {
            return json!({ "error": why });
        }
        let reason = self.latch.reason().map(ToOwned::to_owned);
        self.latch = Latch::Clear;
        if let Some(seen) = &self.seen {
            self.peak.begin_again(seen.venue_ms, seen.equity);
        }
        // An engine that is gone is not missed any more; one that beats is.
        if self.engine == Engine::Silent {
            self.watch.left();
            self.engine = Engine::None;
        }
        self.keep();
        self.report("released", json!({ "reason": reason, "equity": self.equity().to_string() }));
        json!({ "done": "confirm_release" })
    }
}
