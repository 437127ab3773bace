//! A live run: its threads, what joins them, how it starts and how it ends.

mod beside;
mod control;
mod ends;
mod engine;
mod guard;
mod start;
mod status;

use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flyball_core::domain::{Operator, StrategyId};
use flyball_core::engine::Engine;
use flyball_data::DataError;
use serde::Serialize;

use crate::clock::Clock;
use crate::io::{Inbox, Reach};
use crate::kill::{Halt, Keeper, Kept, Killed, Killer, Signals, Told, Watch};
use crate::mailbox::{Answer, Letters, Mailbox};
use crate::market::{self, Market};
use crate::measures::{Meters, Stages};
use crate::node::Node;
use crate::outbox::Ahead;
use crate::recorder::{Health, Recorder};
use crate::session::{self, Session};
use crate::turns;

pub use beside::{Beside, Patience};
pub use control::{Control, ask as ask_control};
pub use ends::{Account, Feed, Words};
pub use engine::{EngineThread, Input, Joints};
pub use guard::{Guarded, Launch, Pulse, SentinelStatus, Step, Supervisor};
pub use start::{Plan, StartError, Started, ask as ask_venue, check_agent, listing};
pub use status::{InstrumentStatus, Measured, Status, StrategyStatus};

/// What may wait for the engine; more, and whoever brings it waits.
const INPUTS: usize = 8_192;
/// The whole state is recorded this often, so that a restart is quick.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(300);

/// How the connections are doing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Connections {
    /// Connections made for the account.
    pub account_connects: u64,
    /// Whether the account is connected and read.
    pub account_known: bool,
    /// Whether the venue has agreed to how positions are margined; nothing is added until it has.
    pub margins_agreed: bool,
    /// Actions whose fate is not known.
    pub open_actions: usize,
    /// Weight that is left in this minute.
    pub weight_left: u32,
    /// Requests that the account has left.
    pub requests_left: Option<u64>,
    /// Counts of the account's session.
    pub session: session::Counts,
    /// Connections made for the market.
    pub market_connects: u64,
    /// Messages of the market, and those that could not be decoded.
    pub market_messages: u64,
    /// Those that could not be decoded.
    pub market_malformed: u64,
    /// When the market was heard last.
    pub market_heard_ns: i64,
    /// The shortest way of a market message of late, by the two clocks.
    pub market_delay_ns: i64,
    /// For how long the market's connection has always had something more to read.
    pub market_behind_ns: i64,
    /// Whether the journal cannot be written.
    pub journal_failing: bool,
    /// Records that wait for the journal.
    pub journal_lag: u64,
}

/// What is killed, and whether that is kept.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Kills {
    /// What was not released.
    pub killed: Vec<Killed>,
    /// Whether it, or a report, could not be written.
    pub not_kept: bool,
    /// Why everything was killed at the start, when what was kept is the reason.
    pub alarm: Option<String>,
}

type Shared<T> = Arc<Mutex<T>>;

fn put<T>(shared: &Shared<T>, value: T) {
    *shared.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

fn get<T: Clone>(shared: &Shared<T>) -> T {
    shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// How the account's session is doing.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountSide {
    connects: u64,
    known: bool,
    margins_agreed: bool,
    open_actions: usize,
    weight_left: u32,
    requests_left: Option<u64>,
    heard_ns: Option<i64>,
    counts: session::Counts,
}

impl AccountSide {
    /// As it is now.
    pub fn of<A: Ahead>(session: &Session<A>, now_ns: i64) -> Self {
        let (weight_left, requests_left) = session.budget_left(now_ns);
        Self {
            connects: session.connects(),
            known: session.is_known(),
            margins_agreed: session.margins_agreed(),
            open_actions: session.open_actions(),
            weight_left,
            requests_left,
            heard_ns: session.heard_ns(),
            counts: session.counts(),
        }
    }
}

impl Connections {
    /// As they are: the account's and the market's, and how the journal is doing.
    pub const fn of(account: &AccountSide, market: &market::Counts, journal: (bool, u64)) -> Self {
        Self {
            account_connects: account.connects,
            account_known: account.known,
            margins_agreed: account.margins_agreed,
            open_actions: account.open_actions,
            weight_left: account.weight_left,
            requests_left: account.requests_left,
            session: account.counts,
            market_connects: market.connects,
            market_messages: market.messages,
            market_malformed: market.malformed,
            market_heard_ns: market.heard_ns,
            market_delay_ns: market.delay_ns,
            market_behind_ns: market.behind_ns,
            journal_failing: journal.0,
            journal_lag: journal.1,
        }
    }
}

/// Looks on at the connections of a run.
#[derive(Clone, Debug)]
pub struct Watcher {
    account: Shared<AccountSide>,
    market: Shared<market::Counts>,
    journal: Arc<Health>,
    pulse: Arc<Pulse>,
    kept: Kept,
    alarm: Option<String>,
    meters: Arc<Meters>,
    weight_a_minute: u32,
    speed: u32,
}

/// What a run measures of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Measures {
    /// Counts of the engine, and the account.
    #[serde(flatten)]
    pub engine: Measured,
    /// How long each stage takes.
    pub latencies: Stages,
    /// How much the engine's queue takes.
    pub queue_room: usize,
    /// Records that the journal's thread has written.
    pub journal_written: u64,
    /// When the account's connection was heard last; none while it does not stand.
    pub account_heard_ns: Option<i64>,
    /// Weight that may be asked for in a minute.
    pub weight_a_minute: u32,
    /// How many times as fast as the system's the run's clock is.
    pub speed: u32,
}

impl Watcher {
    /// The beats of the run and of its sentinel.
    pub const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// What is measured, with what the engine's thread does.
    fn measures(&self, engine: Measured) -> Measures {
        Measures {
            engine,
            latencies: self.meters.stages(),
            queue_room: INPUTS,
            journal_written: self.journal.written(),
            account_heard_ns: get(&self.account).heard_ns,
            weight_a_minute: self.weight_a_minute,
            speed: self.speed,
        }
    }

    /// What is killed.
    pub fn kills(&self) -> Kills {
        Kills {
            killed: self.kept.killed(),
            not_kept: self.kept.is_failing(),
            alarm: self.alarm.clone(),
        }
    }

    /// How the connections are doing.
    pub fn connections(&self) -> Connections {
        let journal = (self.journal.is_failing(), self.journal.lag());
        Connections::of(&get(&self.account), &get(&self.market), journal)
    }
}

/// A run that goes on.
#[derive(Debug)]
pub struct Run {
    to: Reach<Input>,
    engine: Option<JoinHandle<Node<Recorder>>>,
    watcher: Watcher,
    pulse: Arc<Pulse>,
    supervisor: Option<Supervisor>,
    clock: Clock,
    folder: PathBuf,
    last_snapshot: Instant,
    state: PathBuf,
    killer: Killer,
    watch: Watch,
    keeper: Keeper,
    /// Held as long as the run lives: nobody else may trade on this account.
    _lock: std::fs::File,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize)]
pub struct Ending {
    /// Whether nothing was held, by our own count.
    pub flat: bool,
    /// Cash, exactly.
    pub cash: String,
    /// The hash of the engine's final state.
    pub state_hash: String,
    /// Events that the engine took in.
    pub events: u64,
    /// The journal.
    pub journal: PathBuf,
}

impl Run {
    /// Start the threads of a run that is ready.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(plan: Plan) -> Result<(Self, Vec<Letters>), StartError> {
        let clock = plan.clock;
        let beside = plan.strategies.clone();
        let patience = plan.patience;
        let endpoints = plan.endpoints.clone();
        let seed = plan.seed;
        let weight_a_minute = plan.weight_per_minute;
        let meters = Arc::new(Meters::new(plan.engine.instruments.len(), clock.speed()));
        let pulse = Pulse::new(plan.guarded, clock.now_ns());
        let state = plan.folder.clone();
        let ready = start::prepare(plan)?;
        let Started { engine, session, listings, recorder, folder, lock, kills } = ready;
        let io = |error: std::io::Error| StartError::System(error.to_string());
        let inbox = Inbox::new(INPUTS).map_err(io)?;
        let to = inbox.reach();
        let (account_side, market_side) = (Shared::default(), Shared::default());
        let journal = recorder.health();
        let (mut strategies, mut letters) = (Vec::new(), Vec::new());
        for (index, (name, depth)) in (0..).zip(beside) {
            let (mailbox, end) = Mailbox::new(StrategyId::new(index), depth);
            strategies.push(Beside::new(name, mailbox));
            letters.push(end);
        }
        let start::Kept { file, killed, alarm, reports, names: parts, begin } = kills;
        let trigger = killed.first().map(|it| it.trigger.clone());
        let keeper = Keeper::start(file, killed, reports).map_err(io)?;
        let (halt, words) = (Arc::new(Halt::default()), Arc::new(parts));
        let told = Told::new(keeper.notes(), Arc::clone(&halt), Arc::clone(&words));
        let killer = Killer::new(to.clone(), keeper.notes(), Arc::clone(&halt), words, clock);
        let session = session.halted_by(halt).measured(Arc::clone(&meters));
        let hears = Market::new(listings, Words::default(), seed).measured(Arc::clone(&meters));
        let joints = Joints {
            inbox,
            endpoints,
            strategies,
            patience,
            account: Arc::clone(&account_side),
            market: Arc::clone(&market_side),
            pulse: Arc::clone(&pulse),
            meters: Arc::clone(&meters),
        };
        let thread = EngineThread::new(Node::new(engine, recorder), clock, session, hears, joints)
            .map_err(io)?
            .with_kills(told, begin, trigger);
        let engine = turns::spawn("engine", move || thread.run()).map_err(io)?;
        let watch = Watch::start(&state, killer.clone(), None).map_err(io)?;
        let kept = keeper.kept();
        let run = Self {
            to,
            engine: Some(engine),
            watcher: Watcher {
                account: account_side,
                market: market_side,
                journal,
                pulse: Arc::clone(&pulse),
                kept,
                alarm,
                meters,
                weight_a_minute,
                speed: clock.speed(),
            },
            pulse,
            supervisor: None,
            clock,
            folder,
            last_snapshot: Instant::now(),
            state,
            killer,
            watch,
            keeper,
            _lock: lock,
        };
        Ok((run, letters))
    }

    /// A way to bring something to the engine.
    pub fn inputs(&self) -> Reach<Input> {
        self.to.clone()
    }

    /// A strategy answered.
    pub fn answer(&self, strategy: StrategyId, answer: Answer) {
        // A run that has ended hears nothing more.
        let _ended = self.to.tell(Input::Answer(strategy, answer));
    }

    /// An operator acts.
    pub fn operate(&self, operator: Operator) {
        let _ended = self.to.tell(Input::Operator(operator));
    }

    /// Kills it, from any thread, and remembers it.
    pub fn killer(&self) -> Killer {
        self.killer.clone()
    }

    /// Hear signals of the process: `SIGUSR1` kills; so does `SIGTERM` when nothing has begun to
    /// end the run three seconds later, and is heard only if `end_too`.
    ///
    /// # Errors
    ///
    /// [`std::io::Error`] when the system does not allow it.
    pub fn hear_signals(&mut self, end_too: bool) -> std::io::Result<()> {
        let signals = Signals::hear(end_too)?;
        self.watch.stop();
        self.watch = Watch::start(&self.state, self.killer.clone(), Some(signals))?;
        Ok(())
    }

    /// How it is doing; `None` when the engine does not answer.
    pub fn status(&self) -> Option<Status> {
        status_of(&self.to)
    }

    /// Start a sentinel, and start it again whenever it ends before the run.
    ///
    /// # Errors
    ///
    /// [`std::io::Error`] when the system gives no thread.
    pub fn guard(&mut self, launch: Launch) -> std::io::Result<()> {
        self.supervisor = Some(Supervisor::start(launch, Arc::clone(&self.pulse))?);
        Ok(())
    }

    /// Looks on from outside.
    pub fn watcher(&self) -> Watcher {
        self.watcher.clone()
    }

    /// The clock of the run.
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Where its journal lies.
    pub const fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Whether the engine's thread is alive.
    pub fn is_alive(&self) -> bool {
        self.engine.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// To be called every second or so: records the state now and then.
    pub fn keep_up(&mut self) {
        if self.last_snapshot.elapsed() >= SNAPSHOT_EVERY {
            self.last_snapshot = Instant::now();
            let _ended = self.to.tell(Input::Snapshot);
        }
    }

    /// End it: withdraw and flatten first, if so wanted, for at most `patience`.
    ///
    /// # Errors
    ///
    /// [`DataError`] when the journal could not be written.
    pub fn stop(mut self, flatten: bool, patience: Duration) -> Result<Ending, DataError> {
        self.watch.ends();
        if flatten {
            self.operate(Operator::Flatten);
            let began = Instant::now();
            // Flattening begins with the event; it is over when nothing is held or worked any more.
            while began.elapsed() < patience {
                std::thread::sleep(Duration::from_millis(20));
                let done = self.status().is_some_and(|status| {
                    let idle = |it: &InstrumentStatus| it.orders == 0 && it.closing.is_none();
                    status.flat && status.instruments.iter().all(idle)
                });
                if done {
                    break;
                }
            }
        }
        self.watch.stop();
        self.to.stop();
        let node = self.engine.take().and_then(|thread| thread.join().ok());
        if node.is_some() {
            self.pulse.goodbye();
        }
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.stop();
        }
        let Some(node) = node else {
            let path = self.folder.clone();
            let reason = "the engine's thread ended before its time".to_owned();
            return Err(DataError::Journal { path, reason });
        };
        let events = node.events();
        let (engine, recorder) = node.into_parts();
        // A report may still wait for the journal's hash.
        self.keeper.stop();
        finish(&engine, recorder, events, self.folder.clone())
    }
}

fn finish(
    engine: &Engine,
    recorder: Recorder,
    events: u64,
    journal: PathBuf,
) -> Result<Ending, DataError> {
    let hash = engine.state_hash();
    recorder.end(hash)?;
    let state_hash =
        hash.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"));
    let flat = engine.portfolio().is_flat();
    Ok(Ending { flat, cash: engine.portfolio().cash().to_string(), state_hash, events, journal })
}

/// How a run is doing, as JSON; `None` when the engine does not answer within a second.
pub fn status_json(to: &Reach<Input>, watcher: &Watcher) -> Option<String> {
    let (connections, kills) = (watcher.connections(), watcher.kills());
    let sentinel = watcher.pulse.status();
    let mut status = status_of(to)?;
    let measures = status.measured.take().map(|engine| watcher.measures(*engine));
    All { status, connections, sentinel, kills, measures }.to_json()
}

/// All that is told of a run.
#[derive(Debug, Serialize)]
pub struct All {
    /// What the engine's thread knows.
    #[serde(flatten)]
    pub status: Status,
    /// Its connections.
    pub connections: Connections,
    /// Its sentinel.
    pub sentinel: SentinelStatus,
    /// What is killed.
    pub kills: Kills,
    /// What it measures.
    pub measures: Option<Measures>,
}

impl All {
    /// As JSON: what `flyball status --json` shows and metrics are made of.
    pub fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// Ask the engine how it is doing; `None` when it does not answer within a second.
fn status_of(to: &Reach<Input>) -> Option<Status> {
    let (back, answer) = mpsc::sync_channel(1);
    to.tell(Input::Status(back)).ok()?;
    answer.recv_timeout(Duration::from_secs(1)).ok()
}
