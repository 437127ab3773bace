//! The sentinel as a function of what it hears and of time: beats of the engine, answers of the
//! venue, an operator's words come in; requests, things to keep and lines of the report come out.

mod act;
mod operate;
mod reads;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use flyball_core::domain::{Money, SECOND};
use flyball_venues::hyperliquid::sign::Address;
use flyball_venues::hyperliquid::{EngineTag, Signer};
use serde_json::{Value, json};

use crate::duty::{Outcome, Path};
use crate::outbox::{Ahead, Outbox};
use crate::sentinel::account::{Orders, Seen, Universe};
use crate::sentinel::beat::{Beat, Said, Wish};
use crate::sentinel::breach::{Breach, Grace, Quarrel, Verdict, crossed};
use crate::sentinel::latch::{Kept, Latch, Stand};
use crate::sentinel::peak::Peak;
use crate::sentinel::settings::{Settings, WEIGHT_A_MINUTE};
use crate::sentinel::watch::{Engine, Watch};
use crate::session::budget::Budget;
use act::Acting;
use reads::Asks;

/// After a jump of the equity the ledger is read, but no more often than this.
const JUMP_NS: i64 = 10 * SECOND;
/// A run whose engine is gone and whose account is flat is watched for as long as this.
const ORPHAN_NS: i64 = 60 * SECOND;

/// What time it is, by three clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// The machine's monotonic clock: silence and patience are measured by it.
    pub ns: i64,
    /// The run's, which is the venue's: nonces and expiries, UTC nanoseconds since 1970.
    pub venue_ns: i64,
    /// The system's: UTC nanoseconds since 1970.
    pub system_ns: i64,
}

/// Something to do outside, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Todo {
    /// Keep this on the disk before anything that comes after.
    Keep(Kept),
    /// Send an HTTP request.
    Ask {
        /// The number that the answer carries.
        id: u64,
        /// Where to.
        path: Path,
        /// JSON.
        body: Vec<u8>,
    },
    /// Append a line to the report.
    Report(&'static str, Value),
    /// There is nothing left to watch over.
    End,
}

/// Whose account it is, and by whose key it is acted on.
#[derive(Debug)]
pub struct Ground<A> {
    /// The account.
    pub user: Address,
    /// The sentinel's own agent.
    pub signer: Signer,
    /// By which its orders are known.
    pub tag: EngineTag,
    /// Its own nonces and actions.
    pub outbox: Outbox<A>,
    /// The venue's perpetuals.
    pub universe: Universe,
    /// What was kept.
    pub stand: Stand,
    /// Whether a run goes on, or was cut off: somebody must answer.
    pub expected: bool,
    /// Its process.
    pub pid: u32,
}

/// The sentinel.
#[derive(Debug)]
pub struct Sentinel<A> {
    settings: Settings,
    user: Address,
    signer: Signer,
    tag: EngineTag,
    outbox: Outbox<A>,
    universe: Universe,
    pid: u32,
    now: Now,
    watch: Watch,
    engine: Engine,
    asks: Asks,
    budget: Budget,
    seen: Option<Seen>,
    orders: Option<Orders>,
    peak: Peak,
    kept: Kept,
    latch: Latch,
    grace: Grace,
    quarrel: Quarrel,
    restrains: bool,
    /// A line that was crossed for too long, while the ledger is asked whether money was taken out.
    pending: Option<(Breach, i64)>,
    acting: Option<Acting>,
    /// Instruments whose rest was too small for an order when everything was closed.
    dust: BTreeMap<String, i64>,
    flat_ns: Option<i64>,
    release_ns: Option<i64>,
    beats: u64,
    acts: u64,
    not_kept: u64,
    todo: VecDeque<Todo>,
}

impl<A: Ahead> Sentinel<A> {
    /// A sentinel that begins now. A latch that is set, or that cannot be read, is acted on at once.
    pub fn new(settings: Settings, ground: Ground<A>, now: Now) -> Self {
        let Ground { user, signer, tag, outbox, universe, stand, expected, pid } = ground;
        let (kept, damage) = match stand {
            Stand::Never => (Kept::default(), None),
            Stand::Kept(kept) => (kept, None),
            Stand::Damaged(reason) => (Kept::default(), Some(reason)),
        };
        let peak = kept.peak().map(|(peak, settled, ledger)| Peak::resume(peak, settled, ledger));
        let mut sentinel = Self {
            user,
            signer,
            tag,
            outbox,
            universe,
            pid,
            now,
            watch: Watch::new(&settings.times, expected, now.ns),
            engine: Engine::None,
            asks: Asks::default(),
            budget: Budget::new(WEIGHT_A_MINUTE),
            seen: None,
            orders: None,
            peak: peak.unwrap_or_default(),
            latch: kept.latch.clone(),
            kept,
            grace: Grace::default(),
            quarrel: Quarrel::default(),
            restrains: false,
            pending: None,
            acting: None,
            dust: BTreeMap::new(),
            flat_ns: None,
            release_ns: None,
            beats: 0,
            acts: 0,
            not_kept: 0,
            todo: VecDeque::new(),
            settings,
        };
        sentinel.begin(damage);
        sentinel
    }

    fn begin(&mut self, damage: Option<String>) {
        if damage.is_none() {
            // On the disk before anything else that only a sentinel writes.
            self.keep();
        }
        let settled: Vec<u64> = self.outbox.open_actions().map(|signed| signed.nonce).collect();
        for nonce in settled {
            // Whatever became of it, the venue's account is read before anything is done.
            let _kept = self.outbox.settle(nonce);
        }
        let about = json!({
            "pid": self.pid,
            "account": self.user,
            "agent": self.signer.address(),
            "settings": self.settings,
            "latched": self.latch.reason(),
        });
        self.report("started", about);
        if let Some(reason) = damage {
            self.trip("damaged", &reason);
        } else if let Some(reason) = self.latch.reason().map(ToOwned::to_owned) {
            self.report("goes_on", json!({ "reason": reason }));
            self.act();
        }
    }

    /// The engine's process answered.
    pub fn beat(&mut self, beat: Beat, now: Now) {
        self.now = now;
        let goodbye = beat.goodbye;
        let lives = self.watch.beat(beat, now.ns);
        if lives && goodbye {
            self.report("goodbye", json!({}));
        }
    }

    /// The run ended in order, says its folder.
    pub fn left(&mut self, now: Now) {
        self.now = now;
        self.watch.left();
    }

    /// The local exchange that the run brought along is gone with it: there is nothing to protect.
    pub fn abandon(&mut self, now: Now) {
        self.now = now;
        self.report("abandoned", json!({ "reason": "the run's own exchange ended with it" }));
        self.todo.push_back(Todo::End);
    }

    /// What was to be kept could not be.
    pub fn not_kept(&mut self) {
        self.not_kept += 1;
    }

    /// An answer of the venue.
    pub fn answered(&mut self, id: u64, outcome: Outcome<'_>, now: Now) {
        self.now = now;
        self.take_answer(id, outcome);
        self.step();
    }

    /// Time passed.
    pub fn tick(&mut self, now: Now) {
        self.now = now;
        let before = self.engine;
        self.engine = self.watch.look(now.ns);
        if self.engine == Engine::Silent && before != Engine::Silent {
            let silent = self.watch.silent_ns(now.ns).unwrap_or(0) / 1_000_000;
            self.report("silent", json!({ "silent_ms": silent, "beat": self.watch.last() }));
        }
        self.lose_late_answers();
        self.step();
    }

    fn step(&mut self) {
        self.on_silence();
        self.on_pending();
        self.work();
        self.read_what_is_due();
        if self.is_over() {
            self.todo.push_back(Todo::End);
        }
    }

    /// The next thing to do.
    pub fn next_todo(&mut self) -> Option<Todo> {
        self.todo.pop_front()
    }

    /// When time alone makes something happen, by the monotonic clock.
    pub fn due_ns(&self) -> i64 {
        let work = self.acting.as_ref().map_or(i64::MAX, Acting::due_ns);
        self.watch.due_ns().min(work)
    }

    /// An engine that is silent while something is at stake: as long as that cannot be read, it is.
    fn on_silence(&mut self) {
        if self.engine != Engine::Silent || self.acting.is_some() {
            return;
        }
        let oldest = self.now.ns.saturating_sub(self.settings.times.silence_ns * 3 / 4);
        let seen = self.seen.as_ref().filter(|seen| seen.asked_ns >= oldest);
        let orders = self.orders.as_ref().filter(|orders| orders.asked_ns >= oldest);
        let blind =
            self.watch.silent_ns(self.now.ns).unwrap_or(0) > self.settings.times.silence_ns * 3 / 2;
        let at_stake = match (seen, orders) {
            (Some(seen), Some(orders)) => self.holds(seen) || orders.add_risk(),
            // It was asked for when the engine became late. Some more time, then it is unknown.
            _ if blind
                && self.seen_age_ns().is_none_or(|age| age > self.settings.times.blind_ns) =>
            {
                true
            }
            (Some(seen), None) => self.holds(seen),
            _ => false,
        };
        if at_stake && !self.latch.is_set() {
            let silent = self.watch.silent_ns(self.now.ns).unwrap_or(0) / 1_000_000;
            self.trip("silence", &format!("the engine is silent for {silent} ms"));
        }
    }

    /// A reading of the account came.
    fn on_seen(&mut self, seen: Seen) {
        let before = self.seen.as_ref().map(|seen| seen.equity);
        self.peak.equity(seen.venue_ms, seen.equity);
        // A jump may be a deposit or a withdrawal.
        let jump = before.is_some_and(|before| {
            seen.equity.minus(before).abs() > before.abs().at_rate(self.settings.tolerance)
        });
        if jump {
            self.asks.ledger_within(JUMP_NS);
        }
        let drawdown = self.peak.drawdown(seen.equity);
        let all = crossed(&seen, drawdown, &self.settings.lines);
        let heard = matches!(self.engine, Engine::Alive | Engine::Late) && self.watch.was_heard();
        let beat = self.watch.last();
        let closing = heard && (beat.closing || beat.killed);
        let times = self.settings.times;
        let verdict = if heard && self.acting.is_none() {
            self.quarrel.read(&seen, beat, self.settings.tolerance, &times, self.now.ns)
        } else {
            self.quarrel.forget();
            Verdict::Agree
        };
        let theirs = beat.worth();
        if let Some(breach) = self.grace.read(&all, closing, &times, self.now.ns) {
            self.pending.get_or_insert((breach, self.now.ns));
        } else {
            self.pending = None;
        }
        let ours = seen.equity;
        self.reopened(&seen);
        self.seen = Some(seen);
        self.on_verdict(verdict, ours, theirs);
    }

    fn on_verdict(&mut self, verdict: Verdict, ours: Money, theirs: Money) {
        let restrains = verdict != Verdict::Agree;
        if restrains != self.restrains {
            self.restrains = restrains;
            let kind = if restrains { "restrained" } else { "agreed" };
            let about = json!({
                "equity": ours.to_string(),
                "engine": theirs.to_string(),
                "held": self.held_text(),
                "engine_held": self.watch.last().held,
            });
            self.report(kind, about);
        }
        if verdict == Verdict::Close && !self.latch.is_set() {
            let reason = format!(
                "the venue shows an account worth {ours} that holds {}; the engine says {theirs} and {}",
                self.held_text(),
                text_of(&self.watch.last().held)
            );
            self.trip("disagreement", &reason);
        }
    }

    /// A line was crossed for too long: the ledger says whether it is a loss, or money taken out.
    fn on_pending(&mut self) {
        let Some((breach, since)) = self.pending else { return };
        if self.latch.is_set() {
            self.pending = None;
            return;
        }
        let venue_ms = self.seen.as_ref().map_or(0, |seen| seen.venue_ms);
        let waits = self.peak.waits_since(venue_ms);
        if waits && self.now.ns.saturating_sub(since) < SECOND {
            self.asks.ledger_within(SECOND / 2);
            return;
        }
        // Counted anew: what was taken out is known now.
        let still = self.seen.as_ref().is_some_and(|seen| {
            let all = crossed(seen, self.peak.drawdown(seen.equity), &self.settings.lines);
            all.iter().any(|it| it.line == breach.line)
        });
        self.pending = None;
        if still {
            let line = serde_json::to_value(breach.line).unwrap_or_default();
            let reason = format!(
                "{} at {} beyond {}, and the engine has not acted",
                line.as_str().unwrap_or_default(),
                breach.actual.to_f64(),
                breach.limit.to_f64()
            );
            self.trip("line", &reason);
        }
    }

    fn is_over(&self) -> bool {
        let nobody = match self.engine {
            Engine::None => self.beats > 0,
            // It was killed while nothing was held: nothing was done, and nothing need be.
            Engine::Silent => {
                let silent = self.watch.silent_ns(self.now.ns).unwrap_or(0);
                silent > ORPHAN_NS && !self.latch.is_set() && self.is_known_flat() == Some(true)
            }
            _ => false,
        };
        let flat = !self.latch.is_set() || self.is_known_flat() == Some(true);
        self.settings.with_run && nobody && flat && self.acting.is_none()
    }

    /// What the sentinel wants of the engine.
    pub fn wish(&self) -> Wish {
        let blind = self.seen_age_ns().is_none_or(|age| age > self.settings.times.blind_ns);
        match () {
            () if self.latch.is_set() => Wish::Kill,
            () if self.restrains || blind => Wish::ReduceOnly,
            () => Wish::Nothing,
        }
    }

    /// The sentinel's next beat.
    pub fn said(&mut self, now: Now) -> Said {
        self.now = now;
        self.beats += 1;
        let reason = match self.wish() {
            Wish::Kill => self.latch.reason().map(ToOwned::to_owned),
            Wish::ReduceOnly if self.restrains => {
                Some("the account is not what you say".to_owned())
            }
            Wish::ReduceOnly => Some("the account cannot be read".to_owned()),
            Wish::Nothing => None,
        };
        Said {
            pid: self.pid,
            sequence: self.beats,
            wish: self.wish(),
            reason,
            latched: self.latch.is_set(),
            age_ms: self.seen_age_ns().map(|age| age / 1_000_000),
            equity: self.equity().to_string(),
        }
    }

    fn equity(&self) -> Money {
        self.seen.as_ref().map_or(Money::UNKNOWN, |seen| seen.equity)
    }

    fn seen_age_ns(&self) -> Option<i64> {
        self.seen.as_ref().map(|seen| self.now.ns.saturating_sub(seen.asked_ns))
    }

    /// Whether something is held that is not the dust of an earlier closing.
    fn holds(&self, seen: &Seen) -> bool {
        seen.held.iter().any(|held| {
            let rest = self.dust.get(&held.coin).copied().unwrap_or(0);
            held.qty.is_none_or(|qty| qty.lots() != rest)
        })
    }

    fn held_text(&self) -> String {
        let held = self.seen.iter().flat_map(|seen| &seen.held);
        let pairs: Vec<(String, i64)> = held
            .map(|it| (it.coin.clone(), it.qty.map_or(0, flyball_core::domain::NetQty::lots)))
            .collect();
        text_of(&pairs)
    }

    fn keep(&mut self) {
        let peak = self.peak.kept();
        let peak = peak.map(|(peak, settled, ledger)| (peak.units(), settled.units(), ledger));
        self.kept = Kept { latch: self.latch.clone(), peak };
        self.todo.push_back(Todo::Keep(self.kept.clone()));
    }

    fn report(&mut self, kind: &'static str, about: Value) {
        self.todo.push_back(Todo::Report(kind, about));
    }
}

/// Lots by instrument, for people.
fn text_of(held: &[(String, i64)]) -> String {
    let all: Vec<String> = held
        .iter()
        .filter(|(_, lots)| *lots != 0)
        .map(|(coin, lots)| format!("{lots:+} lots {coin}"))
        .collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}
