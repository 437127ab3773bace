//! Kills: by scope, by anyone, and kept. Whoever kills, by whatever way, does it here: the threads
//! that send hear of it at once, the engine takes it in, and a small file of its own remembers it.
//!
//! ```text
//! API, command ──▶ Killer ──▶ Halt (the session sends nothing new from now on)
//! KILL file, signal ─▶ │ ──▶ engine (latch, flatten)
//!                      └───▶ keeper (a file, on the disk)
//! ```
//!
//! Nothing here takes Python's lock. A kill is taken back only by the engine, after both steps of
//! an operator on a flat and known account.

mod file;
mod keeper;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use flyball_core::domain::{
    ClientOrderId, InstrumentId, Notice, Operator, Scope, StrategyId, SwitchName,
};
use flyball_core::engine::Engine;

use crate::clock::Clock;
use crate::io::Reach;
use crate::runtime::Input;

pub use file::{KillFile, KillFileError, Killed, Seen};
pub use keeper::{Keeper, Kept, Note};
pub use watch::{KILL_FILE, Signals, Watch, at_start};

/// How long a kill waits for the disk before it is said that it is not there yet.
const KEPT_WITHIN: Duration = Duration::from_secs(1);

/// What every thread of a run must know of a kill at once.
#[derive(Debug, Default)]
pub struct Halt {
    /// The number of the newest kill of everything; 0 when it was released.
    kill: AtomicU64,
    /// Whether the engine has stopped all trading.
    stopped: AtomicBool,
}

impl Halt {
    /// Whether nothing may be sent that adds risk.
    pub fn is_on(&self) -> bool {
        self.kill.load(Ordering::Acquire) != 0 || self.is_stopped()
    }

    /// Whether all trading is stopped: what others have on the account and could add risk is
    /// cancelled too.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn begin(&self, number: u64) {
        self.kill.fetch_max(number, Ordering::AcqRel);
    }

    /// A kill was released by the engine; one that came after it stays.
    fn release(&self, number: u64) {
        let newest = self.kill.load(Ordering::Acquire);
        if newest <= number {
            let _newer = self.kill.compare_exchange(newest, 0, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

/// What people call what a run trades, and with what.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The venue's address.
    pub venue: String,
    /// The account.
    pub account: String,
    /// Instruments, in the engine's order.
    pub instruments: Vec<String>,
    /// Strategies, in the engine's order.
    pub strategies: Vec<String>,
}

impl Names {
    /// A scope in words: `all`, `venue`, `account`, `instrument:XRP`, `strategy:NAME`, `order:ID`.
    /// A run trades on one account at one venue, so that these two are all of it. Instruments and
    /// strategies may be named by their number as well.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn scope(&self, text: &str) -> Result<Scope, String> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        let at = |names: &[String]| {
            let named = names.iter().position(|it| it == name);
            let found = named.or_else(|| name.parse().ok()).filter(|at| *at < names.len());
            let found = found.and_then(|at| u16::try_from(at).ok());
            found.ok_or_else(|| format!("{text:?}: the run has {}", names.join(", ")))
        };
        let own = |own: &str| {
            if name.is_empty() || name.eq_ignore_ascii_case(own) || own.ends_with(name) {
                return Ok(Scope::All);
            }
            Err(format!("{text:?}: this run's is {own}"))
        };
        match kind {
            "all" if name.is_empty() => Ok(Scope::All),
            "venue" => own(&self.venue),
            "account" => own(&self.account),
            "instrument" => Ok(Scope::Instrument(InstrumentId::new(at(&self.instruments)?))),
            "strategy" => Ok(Scope::Strategy(StrategyId::new(at(&self.strategies)?))),
            "order" => match name.parse() {
                Ok(number) => Ok(Scope::Order(ClientOrderId::new(number))),
                Err(_) => Err(format!("{text:?}: an order is named by its number")),
            },
            _ => Err(format!(
                "{text:?}: scopes are all, venue, account, instrument:SYMBOL, strategy:NAME, \
                 order:ID"
            )),
        }
    }

    /// A scope as it is kept: by names, which outlive a configuration.
    pub fn words(&self, scope: Scope) -> String {
        let name = |names: &[String], at: usize| names.get(at).cloned().unwrap_or_default();
        match scope {
            Scope::All => "all".to_owned(),
            Scope::Instrument(id) => format!("instrument:{}", name(&self.instruments, id.index())),
            Scope::Strategy(id) => format!("strategy:{}", name(&self.strategies, id.index())),
            Scope::Order(id) => format!("order:{}", id.raw()),
        }
    }
}

/// Kills a run: from any thread, without waiting for anybody but, for a moment, the disk.
#[derive(Clone, Debug)]
pub struct Killer {
    to: Reach<Input>,
    keeper: Sender<Note>,
    halt: Arc<Halt>,
    count: Arc<AtomicU64>,
    names: Arc<Names>,
    clock: Clock,
}

impl Killer {
    /// Kills the run whose engine listens at `to` and whose kills `keeper` keeps.
    pub fn new(
        to: Reach<Input>,
        keeper: Sender<Note>,
        halt: Arc<Halt>,
        names: Arc<Names>,
        clock: Clock,
    ) -> Self {
        Self { to, keeper, halt, count: Arc::new(AtomicU64::new(1)), names, clock }
    }

    /// What the run's parts are called.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Kill: nothing new is sent from now on, the engine closes, and it is remembered. Whether it
    /// is on the disk already; if not, it is tried again and again.
    pub fn kill(&self, scope: Scope, trigger: &str, why: &str) -> bool {
        let number = self.count.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if scope == Scope::All {
            self.halt.begin(number);
        }
        let (kept, is_kept) = mpsc::channel();
        let killed = Killed {
            scope: self.names.words(scope),
            trigger: trigger.to_owned(),
            time_ns: self.clock.now_ns(),
            why: why.to_owned(),
            number,
        };
        // An order that is killed is gone; there is nothing that could be forgotten.
        let lasts = !matches!(scope, Scope::Order(_));
        let note = lasts.then_some(Note::Killed(killed, Some(kept)));
        match self.to.offer(Input::Kill { scope, number, trigger: trigger.to_owned() }) {
            Some(input) => {
                // The engine is far behind: what is on the disk does not wait for it.
                self.keep(note);
                let _ended = self.to.tell(input);
            }
            None => self.keep(note),
        }
        !lasts || is_kept.recv_timeout(KEPT_WITHIN).is_ok()
    }

    fn keep(&self, note: Option<Note>) {
        if let Some(note) = note {
            // The keeper ends after the run.
            let _sent = self.keeper.send(note);
        }
    }
}

/// The engine's end of it: what its notices mean for what is kept.
#[derive(Debug)]
pub struct Told {
    keeper: Sender<Note>,
    halt: Arc<Halt>,
    names: Arc<Names>,
    /// The number of the newest kill that the engine took in.
    number: u64,
}

impl Told {
    /// The engine's end of a killer's keeper.
    pub const fn new(keeper: Sender<Note>, halt: Arc<Halt>, names: Arc<Names>) -> Self {
        Self { keeper, halt, names, number: 0 }
    }

    /// The engine took in a kill.
    pub fn took(&mut self, number: u64) {
        self.number = self.number.max(number);
    }

    /// The engine took in a kill that came to it directly.
    pub fn killed(&self, scope: Scope, trigger: &str, now_ns: i64) {
        if matches!(scope, Scope::Order(_)) {
            return;
        }
        let killed = Killed {
            scope: self.names.words(scope),
            trigger: trigger.to_owned(),
            time_ns: now_ns,
            why: format!("the {trigger} asked for it"),
            number: self.number,
        };
        self.keep(Note::Killed(killed, None));
    }

    /// Hand something to the keeper.
    pub fn keep(&self, note: Note) {
        // The keeper ends after the run.
        let _sent = self.keeper.send(note);
    }

    /// The engine said something.
    pub fn said(&self, notice: &Notice, now_ns: i64) {
        match notice {
            Notice::Tripped { switch, .. } if stops(*switch) => {
                let trigger = format!("switch:{}", switch.as_str());
                let why = "the switch tripped".to_owned();
                let scope = "all".to_owned();
                let (time_ns, number) = (now_ns, self.number);
                let killed = Killed { scope, trigger, time_ns, why, number };
                self.keep(Note::Killed(killed, None));
            }
            Notice::Released { switch: Some(switch), .. } if stops(*switch) => {
                let trigger = format!("switch:{}", switch.as_str());
                self.keep(Note::SwitchReleased { trigger });
            }
            Notice::Released { switch: None, instrument: None } => {
                self.halt.release(self.number);
                let scopes = vec!["all".to_owned()];
                self.keep(Note::Released { scopes, number: self.number });
            }
            Notice::Released { switch: None, instrument: Some(id) } => {
                let mut scopes = vec![self.names.words(Scope::Instrument(*id))];
                // One strategy an instrument: they are released together.
                let all = self.names.strategies.iter();
                scopes.extend(all.map(|name| format!("strategy:{name}")));
                self.keep(Note::Released { scopes, number: self.number });
            }
            _ => {}
        }
    }

    /// Whether the engine has stopped all trading now.
    pub fn stopped(&self, engine: &Engine) {
        self.halt.stopped.store(engine.switches().is_stopped(), Ordering::Release);
    }
}

/// The switches that stop all trading until an operator releases them.
const fn stops(switch: SwitchName) -> bool {
    matches!(switch, SwitchName::Drawdown | SwitchName::DailyLoss | SwitchName::Emergency)
}

/// Bring what was kept and what the engine that begins knows together: neither may forget what the
/// other remembers. What the engine must still be told.
pub fn reconcile(killed: &mut Vec<Killed>, names: &Names, engine: &Engine) -> Vec<Operator> {
    let mut kills = Vec::new();
    for it in killed.iter_mut() {
        let scope = match names.scope(&it.scope) {
            Ok(scope) => scope,
            // Of something that this run does not trade.
            Err(_) if known_kind(&it.scope) => continue,
            Err(_) => Scope::All,
        };
        let switch = it.trigger.strip_prefix("switch:");
        if switch.is_some_and(|name| is_tripped(engine, name)) {
            continue;
        }
        if switch.is_some() {
            // The engine lost it: it is an operator's from now on.
            it.trigger = format!("was {}", it.trigger);
        }
        let kill = Operator::Kill(scope);
        if !is_killed(engine, scope) && !kills.contains(&kill) {
            kills.push(kill);
        }
    }
    let mut note = |scope: Scope, trigger: String| {
        let scope = names.words(scope);
        let operators = |it: &Killed| !it.trigger.starts_with("switch:");
        let there = |it: &Killed| {
            it.scope == scope && (it.trigger == trigger || (trigger == "journal" && operators(it)))
        };
        if !killed.iter().any(there) {
            let why = "the last run's journal says so".to_owned();
            killed.push(Killed { scope, trigger, time_ns: engine.now_ns(), why, number: 0 });
        }
    };
    for switch in SwitchName::ALL.into_iter().filter(|it| stops(*it)) {
        if engine.switches().latch(switch).is_tripped() {
            note(Scope::All, format!("switch:{}", switch.as_str()));
        }
    }
    if engine.switches().operator_latch().is_tripped() {
        note(Scope::All, "journal".to_owned());
    }
    for instrument in engine.instruments() {
        if engine.is_locked(instrument.id()) {
            note(Scope::Instrument(instrument.id()), "journal".to_owned());
        }
    }
    kills
}

fn is_tripped(engine: &Engine, switch: &str) -> bool {
    let found = SwitchName::ALL.into_iter().find(|it| it.as_str() == switch);
    found.is_some_and(|it| engine.switches().latch(it).is_tripped())
}

fn is_killed(engine: &Engine, scope: Scope) -> bool {
    match scope {
        Scope::All => engine.switches().operator_latch().is_tripped(),
        Scope::Instrument(id) => engine.is_locked(id),
        Scope::Strategy(id) => {
            let slot = engine.slots().get(id.index());
            slot.is_some_and(|slot| engine.is_locked(slot.instrument()))
        }
        Scope::Order(_) => true,
    }
}

fn known_kind(scope: &str) -> bool {
    ["instrument:", "strategy:"].iter().any(|kind| scope.starts_with(kind))
}

#[cfg(test)]
mod tests;
