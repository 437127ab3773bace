//! Reading the account: what is asked when, and what the answers mean.

use std::collections::BTreeMap;

use flyball_core::domain::{MILLISECOND, MINUTE, Money, SECOND};
use flyball_venues::hyperliquid::{Query, info, query_body};
use serde_json::json;

use crate::duty::{Outcome, Path};
use crate::outbox::Ahead;
use crate::sentinel::account::{Orders, Seen, Universe};
use crate::sentinel::machine::{Sentinel, Todo};
use crate::sentinel::watch::Engine;

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    State,
    Orders,
    Ledger,
    Meta,
    /// The fate of the action with this nonce.
    Action(u64),
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    wanted: Wanted,
    sent_ns: i64,
    venue_ms: i64,
}

/// Requests that are on their way, and when each thing was asked last.
#[derive(Debug, Default)]
pub(super) struct Asks {
    open: BTreeMap<u64, Asked>,
    last_id: u64,
    last_ns: i64,
    last: BTreeMap<Wanted, i64>,
    /// The ledger is wanted, this long after the last time it was asked for.
    ledger_within_ns: Option<i64>,
    /// Readings in a row that failed.
    failures: u32,
}

impl Asks {
    /// The ledger is wanted, this long after the last time at the earliest.
    pub(super) fn ledger_within(&mut self, ns: i64) {
        self.ledger_within_ns = Some(self.ledger_within_ns.map_or(ns, |before| before.min(ns)));
    }

    pub(super) fn is_open(&self, wanted: Wanted) -> bool {
        self.open.values().any(|asked| asked.wanted == wanted)
    }

    pub(super) fn begin(&mut self, wanted: Wanted, now_ns: i64, venue_ns: i64) -> u64 {
        self.last_id += 1;
        // Never the same moment twice: what was asked after something is told from it.
        self.last_ns = now_ns.max(self.last_ns.saturating_add(1));
        let now_ns = self.last_ns;
        let asked = Asked { wanted, sent_ns: now_ns, venue_ms: venue_ns.div_euclid(MILLISECOND) };
        self.open.insert(self.last_id, asked);
        self.last.insert(wanted, now_ns);
        self.last_id
    }

    /// A moment that lies after everything that was asked.
    pub(super) fn stamp(&self, now_ns: i64) -> i64 {
        now_ns.max(self.last_ns)
    }

    fn since(&self, wanted: Wanted, now_ns: i64) -> i64 {
        self.last.get(&wanted).map_or(i64::MAX, |then| now_ns.saturating_sub(*then))
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }
}

impl<A: Ahead> Sentinel<A> {
    /// Ask the venue, unless the same is being asked, or the budget does not allow it.
    pub(super) fn ask(&mut self, wanted: Wanted) {
        let user = self.user;
        let query = match wanted {
            Wanted::State => Query::ClearinghouseState { user },
            Wanted::Orders => Query::FrontendOpenOrders { user },
            Wanted::Meta => Query::Meta,
            Wanted::Ledger => {
                let Some(start_time) = self.peak.ledger_ms() else { return };
                Query::UserNonFundingLedgerUpdates { user, start_time, end_time: None }
            }
            Wanted::Action(_) => return,
        };
        let weight = u32::try_from(query.weight()).unwrap_or(u32::MAX);
        // What acting needs comes out of the share that is kept for it.
        let urgent = self.acting.is_some() || self.engine == Engine::Silent;
        if self.asks.is_open(wanted) || !self.budget.allows(weight, urgent, self.now.ns) {
            return;
        }
        let Ok(body) = query_body(&query) else { return };
        self.budget.take(weight, 0, self.now.ns);
        let id = self.asks.begin(wanted, self.now.ns, self.now.venue_ns);
        self.todo.push_back(Todo::Ask { id, path: Path::Info, body });
    }

    /// Ask for it if it was not asked for as long as this. What failed is asked again a little later
    /// each time.
    pub(super) fn ask_every(&mut self, wanted: Wanted, every_ns: i64) {
        let backoff = match self.asks.failures.min(5) {
            0 => 0,
            failures => (50 * MILLISECOND) << failures,
        };
        if self.asks.since(wanted, self.now.ns) >= every_ns.max(backoff) {
            self.ask(wanted);
        }
    }

    /// What is read while nothing is being closed.
    pub(super) fn read_what_is_due(&mut self) {
        let times = self.settings.times;
        // Acting needs no more than the act then. A silence over nothing is watched calmly.
        let silent = self.watch.silent_ns(self.now.ns).unwrap_or(0);
        let late = matches!(self.engine, Engine::Late | Engine::Silent);
        let late = late && silent < times.silence_ns * 2;
        let fast = late || self.grace.is_pending();
        if self.acting.is_none() {
            self.ask_every(
                Wanted::State,
                if fast { times.read_fast_ns } else { times.read_every_ns },
            );
            let orders = match self.engine {
                Engine::Late => 15 * SECOND,
                Engine::Silent if late => times.silence_ns,
                Engine::Silent => 10 * SECOND,
                _ if self.latch.is_set() => 10 * SECOND,
                _ => times.orders_every_ns,
            };
            self.ask_every(Wanted::Orders, orders);
        }
        let ledger = self.asks.ledger_within_ns.unwrap_or(times.ledger_every_ns);
        self.ask_every(Wanted::Ledger, ledger);
        if self.universe.is_empty() || self.seen.as_ref().is_some_and(Seen::has_strangers) {
            self.ask_every(Wanted::Meta, MINUTE);
        }
    }

    /// Requests that were not answered in time are lost.
    pub(super) fn lose_late_answers(&mut self) {
        let oldest = self.now.ns.saturating_sub(self.settings.times.answer_ns);
        let late = self.asks.open.iter().filter(|(_, asked)| asked.sent_ns < oldest);
        let late: Vec<u64> = late.map(|(id, _)| *id).collect();
        for id in late {
            self.take_answer(id, None);
        }
    }

    /// An answer came, or will not come.
    pub(super) fn take_answer(&mut self, id: u64, outcome: Outcome<'_>) {
        let Some(asked) = self.asks.open.remove(&id) else { return };
        if let Wanted::Action(nonce) = asked.wanted {
            return self.action_answered(nonce, outcome);
        }
        let body = outcome.and_then(|(status, body)| (status == 200).then_some(body));
        let understood = body.is_some_and(|body| self.understand(asked, body));
        if understood {
            self.asks.failures = 0;
        } else {
            self.asks.failures = self.asks.failures.saturating_add(1);
            if self.asks.failures.is_power_of_two() {
                let status = outcome.map(|(status, _)| status);
                let what = format!("{:?}", asked.wanted);
                self.report(
                    "unread",
                    json!({ "what": what, "status": status, "failures": self.asks.failures }),
                );
            }
        }
    }

    fn understand(&mut self, asked: Asked, body: &[u8]) -> bool {
        match asked.wanted {
            Wanted::State => {
                let seen = Seen::of(body, &self.universe, asked.sent_ns);
                let known = seen.is_some();
                if let Some(seen) = seen {
                    self.on_seen(seen);
                }
                known
            }
            Wanted::Orders => {
                let orders = Orders::of(body, &self.universe, self.tag, asked.sent_ns);
                let known = orders.is_some();
                if orders.is_some() {
                    self.orders = orders;
                }
                known
            }
            Wanted::Ledger => self.ledger_read(asked, body),
            Wanted::Meta => match Universe::of(body) {
                Ok(universe) => {
                    self.universe = universe;
                    true
                }
                Err(_) => false,
            },
            Wanted::Action(_) => false,
        }
    }

    /// Deposits and withdrawals. Everything before the question was sent is in the answer; a second
    /// is left for the venue to write it down.
    fn ledger_read(&mut self, asked: Asked, body: &[u8]) -> bool {
        let Ok(all) = info::user_ledger(body) else { return false };
        let moved: Vec<(i64, Money)> = all
            .iter()
            .filter_map(|it| it.transfer(self.user).map(|moved| (it.time_ms, moved.amount)))
            .filter(|(_, amount)| !amount.is_unknown())
            .collect();
        let newest = moved.iter().map(|(at, _)| *at).max().unwrap_or(i64::MIN);
        let until = asked.venue_ms.max(newest);
        let before = self.peak.kept();
        let from = self.peak.ledger_ms().unwrap_or(i64::MAX);
        self.peak.ledger(until, &moved);
        self.asks.ledger_within_ns = None;
        if moved.iter().any(|(at, _)| *at > from) {
            let text: Vec<_> = moved.iter().map(|(at, amount)| (at, amount.to_string())).collect();
            self.report(
                "transfers",
                json!({ "moved": text, "peak": self.peak.peak().to_string() }),
            );
        }
        if self.peak.kept() != before {
            self.keep();
        }
        true
    }
}
