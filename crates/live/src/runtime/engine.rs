//! The engine's thread: takes in what other threads bring, hands out what is to be done, and never
//! waits for anybody.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Instant;

use flyball_core::domain::{
    AccountState, Attention, Body, CommandOf, Decision, Event, Notice, Operator, Restraint, Scope,
    StrategyId, StrategyState,
};
use flyball_core::engine::Engine;
use flyball_core::journal::{Entry, decode};
use flyball_core::risk::Command;

use crate::clock::Clock;
use crate::io::Reach;
use crate::kill::{Note, Told};
use crate::mailbox::{Answer, Mailbox};
use crate::market::{Deliver, Wish};
use crate::measures::{Meters, Stage, TIMED_EVERY, Tally};
use crate::node::Node;
use crate::recorder::Recorder;
use crate::report::{self, Flattening};
use crate::runtime::guard::{BEAT_EVERY, BEAT_EVERY_NS, Guarded, Pulse, Step};
use crate::runtime::status::{Measured, Status};
use crate::session::Batch;

/// What other threads bring.
#[derive(Debug)]
pub enum Input {
    /// Events of the market, as words.
    Market(Vec<u64>),
    /// Something happened to the account, at this time of the venue.
    Account {
        /// When, by the venue's clock.
        time_ns: i64,
        /// What.
        body: Body<'static>,
    },
    /// A strategy answered.
    Answer(StrategyId, Answer),
    /// An operator acts.
    Operator(Operator),
    /// Somebody wants less to be risked, or lets go.
    Restraint(Restraint),
    /// Somebody kills.
    Kill {
        /// What.
        scope: Scope,
        /// The number of the kill in this run.
        number: u64,
        /// By which way.
        trigger: String,
    },
    /// Somebody wants to know how things are.
    Status(SyncSender<Status>),
    /// Record the whole state, so that a restart is quick.
    Snapshot,
    /// End: in order, or at once.
    Stop,
}

/// What is done about strategies that answer late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A decision that took longer than this is dropped.
    pub deadline_ns: i64,
    /// Whether a strategy that is late may only reduce until it answers in time.
    pub reduce_only: bool,
}

/// A strategy as the engine's thread sees it.
#[derive(Debug)]
pub struct Beside {
    /// Where its questions go.
    pub mailbox: Mailbox,
    /// What people call it.
    pub name: String,
    pub(super) attention: Attention,
    pub(super) overruns: u64,
    pub(super) dropped: u64,
    pub(super) reason: Option<String>,
}

impl Beside {
    /// A strategy that has not been asked anything.
    pub const fn new(name: String, mailbox: Mailbox) -> Self {
        Self { mailbox, name, attention: Attention::Awake, overruns: 0, dropped: 0, reason: None }
    }

    /// Whether it answers.
    pub const fn attention(&self) -> Attention {
        self.attention
    }

    /// When its answer will be overdue, if it owes one.
    pub fn overdue_ns(&self, patience: Patience) -> Option<i64> {
        let awake = self.attention == Attention::Awake;
        let asked = self.mailbox.waiting_ns().filter(|_| awake);
        asked.map(|asked| asked.saturating_add(patience.deadline_ns))
    }

    /// Whether its answer has become overdue: it is late from now on.
    pub fn is_overdue(&mut self, patience: Patience, now_ns: i64) -> bool {
        let late = self.overdue_ns(patience).is_some_and(|due| now_ns > due);
        self.overruns += u64::from(late);
        late
    }

    /// It answered a question of `woken_ns`. Whether in time: what comes late is dropped.
    pub fn answered(&mut self, woken_ns: i64, patience: Patience, now_ns: i64) -> bool {
        let heard = self.mailbox.answered(woken_ns, now_ns, patience.deadline_ns);
        self.dropped += u64::from(!heard);
        heard
    }

    /// From now on it answers, is late, or is gone. What the engine is to be told.
    pub fn turn(&mut self, attention: Attention, patience: Patience) -> Option<StrategyState> {
        self.attention = attention;
        let told = attention != Attention::Late || patience.reduce_only;
        told.then(|| StrategyState { strategy: self.mailbox.strategy(), attention })
    }
}

/// Notices for people: the newest of them are kept.
const NOTICES_KEPT: usize = 256;
/// Inputs that are taken in before commands go out.
const AT_ONCE: usize = 64;

/// The engine's thread, before it runs.
#[derive(Debug)]
pub struct EngineThread {
    node: Node<Recorder>,
    clock: Clock,
    from: Receiver<Input>,
    orders: Reach<Batch>,
    market: Reach<Wish>,
    strategies: Vec<Beside>,
    patience: Patience,
    empty: Sender<Vec<u64>>,
    scratch: Vec<Command>,
    notices: std::collections::VecDeque<(i64, Notice)>,
    refused_events: u64,
    pulse: Arc<Pulse>,
    guarded: Guarded,
    beat_ns: i64,
    told: Option<Told>,
    /// What is killed already when it begins.
    begin: Vec<Operator>,
    /// By which way the last kill came.
    trigger: Option<String>,
    flattening: Flattening,
    tally: Tally,
    meters: Arc<Meters>,
    /// What the market's and the account's threads put in, and it took out.
    taken: u64,
    /// When the event that is being acted upon reached us; for a decision the one that it is about.
    since_ns: i64,
}

/// What the engine's thread is joined to.
#[derive(Debug)]
pub struct Joints {
    /// What comes in.
    pub from: Receiver<Input>,
    /// The thread that sends orders.
    pub orders: Reach<Batch>,
    /// The thread that hears the market.
    pub market: Reach<Wish>,
    /// Where emptied words go back to.
    pub empty: Sender<Vec<u64>>,
    /// Beats, the sentinel's and the engine's.
    pub pulse: Arc<Pulse>,
    /// What it measures.
    pub meters: Arc<Meters>,
}

impl EngineThread {
    /// The thread of this engine.
    pub fn new(
        node: Node<Recorder>,
        clock: Clock,
        joints: Joints,
        strategies: Vec<Beside>,
        patience: Patience,
    ) -> Self {
        let Joints { from, orders, market, empty, pulse, meters } = joints;
        let guarded = Guarded::new(pulse.is_expected());
        Self {
            node,
            clock,
            from,
            orders,
            market,
            strategies,
            patience,
            empty,
            scratch: Vec::with_capacity(256),
            notices: std::collections::VecDeque::with_capacity(NOTICES_KEPT),
            refused_events: 0,
            pulse,
            guarded,
            beat_ns: i64::MIN,
            told: None,
            begin: Vec::new(),
            trigger: None,
            flattening: Flattening::default(),
            tally: Tally::default(),
            meters,
            taken: 0,
            since_ns: i64::MIN,
        }
    }

    /// Kills are kept by whoever `told` tells; those in `begin`, which came by `trigger`, are the
    /// first thing that the engine hears.
    #[must_use]
    pub fn with_kills(mut self, told: Told, begin: Vec<Operator>, trigger: Option<String>) -> Self {
        told.stopped(self.node.engine());
        self.told = Some(told);
        self.begin = begin;
        self.trigger = trigger;
        self
    }

    /// Run until somebody stops it. The engine and its record, as they are then.
    pub fn run(mut self) -> Node<Recorder> {
        self.begin();
        loop {
            let due = self.due_ns();
            let wait = self.clock.until(due).min(BEAT_EVERY);
            let came = self.from.recv_timeout(wait);
            // Before anything is taken in: this thread may have stood still.
            self.pulse();
            match came {
                Ok(Input::Stop) | Err(RecvTimeoutError::Disconnected) => return self.node,
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) if self.clock.now_ns() >= due => {
                    self.happened(Body::Timer);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.act();
            for _ in 0..AT_ONCE {
                match self.from.try_recv() {
                    Ok(Input::Stop) => return self.node,
                    Ok(input) => self.take(input),
                    Err(_) => break,
                }
                self.act();
            }
            self.watch_strategies();
        }
    }

    /// Beat, and heed the sentinel's beats.
    fn pulse(&mut self) {
        let now = self.pulse.now_ns();
        if now.saturating_sub(self.beat_ns) < BEAT_EVERY_NS / 2 {
            return;
        }
        self.beat_ns = now;
        let killed = self.node.engine().switches().operator_latch().is_tripped();
        match self.guarded.look(self.pulse.wish(), killed, now) {
            Some(Step::Tell(state)) => self.happened(Body::Sentinel(state)),
            Some(Step::Kill) => {
                self.trigger = Some("sentinel".to_owned());
                self.happened(Body::Operator(Operator::Kill(Scope::All)));
                if let Some(told) = &self.told {
                    told.killed(Scope::All, "sentinel", self.clock.now_ns());
                }
            }
            None => {}
        }
        self.act();
        self.pulse.write(self.node.engine(), self.clock.now_ns());
    }

    /// The account is not known before it has been read, whatever the last run knew. Whoever did not
    /// answer that one has a new thread now.
    fn begin(&mut self) {
        self.happened(Body::Account(AccountState { known: false }));
        for operator in std::mem::take(&mut self.begin) {
            self.happened(Body::Operator(operator));
            self.act();
        }
        for index in 0..self.strategies.len() {
            let Some(beside) = self.strategies.get(index) else { continue };
            let strategy = beside.mailbox.strategy();
            self.turn(strategy, Attention::Awake);
        }
        self.act();
    }

    fn due_ns(&self) -> i64 {
        let late = self.strategies.iter().filter_map(|it| it.overdue_ns(self.patience)).min();
        // Looked at a little after it is due, so that the clock shows it.
        self.node.engine().due_ns().min(late.map_or(i64::MAX, |ns| ns.saturating_add(1)))
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Market(words) => self.market(words),
            Input::Account { time_ns, body } => {
                self.taken = self.taken.wrapping_add(1);
                let event = Event { time_ns, received_ns: self.clock.now_ns(), body };
                self.flattening.event(&event);
                self.event(&event);
            }
            Input::Answer(strategy, answer) => self.answered(strategy, answer),
            Input::Operator(operator) => {
                self.happened(Body::Operator(operator));
                if let (Operator::Kill(scope), Some(told)) = (operator, &self.told) {
                    told.killed(scope, "operator", self.clock.now_ns());
                }
            }
            Input::Restraint(restraint) => self.happened(Body::Restraint(restraint)),
            Input::Kill { scope, number, trigger } => {
                self.trigger = Some(trigger);
                self.happened(Body::Operator(Operator::Kill(scope)));
                if let Some(told) = &mut self.told {
                    told.took(number);
                }
            }
            Input::Status(to) => {
                // Whoever asked may have gone.
                let _heard = to.try_send(self.status());
            }
            Input::Snapshot => {
                let state = self.node.engine().snapshot();
                self.node.keeper().snapshot(state);
            }
            Input::Stop => {}
        }
    }

    fn market(&mut self, words: Vec<u64>) {
        self.taken = self.taken.wrapping_add(1);
        let began = self.taken.is_multiple_of(TIMED_EVERY);
        let mut rest = words.as_slice();
        while let Ok((Entry::Event(event), length)) = decode(rest) {
            let began = began.then(|| self.waited(&event));
            self.event(&event);
            rest = rest.get(length..).unwrap_or_default();
            self.act();
            if let Some(began) = began {
                self.meters.note_real(Stage::Engine, began.elapsed());
            }
        }
        let _returned = self.empty.send(words);
    }

    /// Note how long an event waited for the engine. It begins now.
    fn waited(&self, event: &Event<'_>) -> Instant {
        let waited = self.clock.now_ns().saturating_sub(event.received_ns);
        self.meters.note(Stage::Queue, waited);
        Instant::now()
    }

    fn happened(&mut self, body: Body<'_>) {
        let now = self.clock.now_ns();
        self.event(&Event { time_ns: now, received_ns: now, body });
    }

    fn event(&mut self, event: &Event<'_>) {
        self.since_ns = event.received_ns;
        match self.node.take(event) {
            Ok(()) => self.tally.event(&event.body, self.node.engine()),
            Err(_) => self.refused_events += 1,
        }
    }

    fn answered(&mut self, strategy: StrategyId, answer: Answer) {
        let now = self.clock.now_ns();
        let patience = self.patience;
        let Some(beside) = self.strategies.get_mut(strategy.index()) else { return };
        match answer {
            Answer::Gone { reason } => {
                beside.reason = Some(reason);
                self.turn(strategy, Attention::Gone);
            }
            Answer::Decided { woken_ns, draft } => {
                self.meters.note(Stage::Decide, now.saturating_sub(woken_ns));
                if !beside.answered(woken_ns, patience, now) {
                    return;
                }
                if beside.attention == Attention::Late {
                    self.turn(strategy, Attention::Awake);
                }
                if let Some(intent) = draft.intent() {
                    self.happened(Body::Decision(Decision { strategy, woken_ns, intent }));
                    self.since_ns = woken_ns;
                }
            }
        }
    }

    fn turn(&mut self, strategy: StrategyId, attention: Attention) {
        let Some(beside) = self.strategies.get_mut(strategy.index()) else { return };
        if let Some(state) = beside.turn(attention, self.patience) {
            self.happened(Body::Strategy(state));
        }
    }

    /// Strategies whose answer is overdue.
    fn watch_strategies(&mut self) {
        let now = self.clock.now_ns();
        for index in 0..self.strategies.len() {
            let Some(beside) = self.strategies.get_mut(index) else { continue };
            if beside.is_overdue(self.patience, now) {
                let strategy = beside.mailbox.strategy();
                self.turn(strategy, Attention::Late);
                self.act();
            }
        }
    }

    /// Hand out what is to be done.
    fn act(&mut self) {
        if !self.node.has_commands() {
            return;
        }
        let mut commands = std::mem::take(&mut self.scratch);
        commands.extend(self.node.drain());
        let now = self.node.engine().now_ns();
        let mut batch = Vec::new();
        self.tell(&commands, now);
        for command in commands.drain(..) {
            self.tally.command(&command, self.node.engine());
            match command {
                CommandOf::Wake { strategy, reason } => {
                    let view = self.node.engine().view(strategy);
                    let beside = self.strategies.get_mut(strategy.index());
                    if let (Some(view), Some(beside)) = (view, beside)
                        && beside.attention != Attention::Gone
                    {
                        beside.mailbox.ask(reason, &view, now);
                    }
                }
                CommandOf::Notice(notice) => {
                    if self.notices.len() == NOTICES_KEPT {
                        self.notices.pop_front();
                    }
                    self.notices.push_back((now, notice));
                }
                CommandOf::Resnapshot { instrument } => {
                    self.market.tell(Wish::Resnapshot(instrument));
                }
                other => batch.push(other),
            }
        }
        self.scratch = commands;
        if !batch.is_empty() {
            let epoch = self.node.engine().gate().epoch();
            let since_ns = self.reacted(&batch);
            self.orders.tell(Batch { epoch, commands: batch, since_ns });
        }
    }

    /// Note how long it took from what happened to what is sent for it. When that reached us.
    fn reacted(&self, batch: &[Command]) -> Option<i64> {
        let wire = |it: &Command| matches!(it, CommandOf::Submit(_) | CommandOf::Cancel { .. });
        batch.iter().any(wire).then(|| {
            self.meters.note(Stage::React, self.clock.now_ns().saturating_sub(self.since_ns));
            self.since_ns
        })
    }

    /// What the commands mean for what is kept: kills, and the report of a flatten.
    fn tell(&mut self, commands: &[Command], now_ns: i64) {
        let Some(told) = &self.told else { return };
        let mut drafts = Vec::new();
        let engine = self.node.engine();
        for command in commands {
            drafts.extend(self.flattening.command(command, engine, self.trigger.as_deref()));
            if let CommandOf::Notice(notice) = command {
                told.said(notice, now_ns);
            }
        }
        told.stopped(engine);
        if let Some(body) = self.flattening.ended(engine) {
            drafts.push(body);
            self.trigger = None;
        }
        for body in drafts {
            let hash = Some(self.node.keeper().chain());
            told.keep(Note::Flatten(Box::new(report::draft(body, hash))));
        }
    }

    fn status(&self) -> Status {
        let engine: &Engine = self.node.engine();
        let notices = self.notices.iter().copied().collect();
        let mut status = Status::of(engine, &self.strategies, notices, self.refused_events);
        let mut measured = Measured::of(engine, &self.tally, &self.meters);
        measured.queued = self.meters.queued(self.taken);
        status.measured = Some(Box::new(measured));
        status
    }
}

/// The market thread's way to the engine.
#[derive(Debug)]
pub struct ToEngine {
    to: SyncSender<Input>,
    empty: Receiver<Vec<u64>>,
    encode: flyball_core::journal::Encode,
    meters: Arc<Meters>,
}

impl ToEngine {
    /// Events go to `to`; emptied words come back from `empty`.
    pub fn new(to: SyncSender<Input>, empty: Receiver<Vec<u64>>, meters: Arc<Meters>) -> Self {
        Self { to, empty, encode: flyball_core::journal::Encode::default(), meters }
    }
}

impl Deliver for ToEngine {
    fn deliver(&mut self, event: &Event<'_>) {
        let mut words = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(256));
        words.clear();
        self.encode.event(event, &mut words);
        // Waits while the engine has more than it can take: the venue is then read more slowly.
        self.meters.market_puts();
        let _sent = self.to.send(Input::Market(words));
    }
}
