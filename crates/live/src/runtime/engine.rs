//! The engine's thread: hears the market and the account, takes in what other threads bring, and
//! sends what is to be sent. It waits for all of them at one place, and for nobody otherwise: from
//! the message that crosses a line to the order on the wire there is no other thread.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use flyball_core::domain::{
    AccountState, Attention, Body, CommandOf, Decision, Event, Notice, Operator, Restraint, Scope,
    StrategyId,
};
use flyball_core::engine::Engine;
use flyball_core::journal::{Entry, decode};
use flyball_core::risk::Command;
use serde_json::{Map, Value};

use crate::clock::Clock;
use crate::io::{AT_ONCE, Endpoints, Inbound, Inbox, Line};
use crate::kill::{Note, Told};
use crate::mailbox::Answer;
use crate::market::{self, Wish};
use crate::measures::{Meters, Stage, TIMED_EVERY, Tally};
use crate::node::Node;
use crate::recorder::Recorder;
use crate::report::{self, Flattening};
use crate::runtime::beside::{Beside, Patience};
use crate::runtime::ends::{Account, Feed};
use crate::runtime::guard::{BEAT_EVERY, BEAT_EVERY_NS, Guarded, Pulse, Step};
use crate::runtime::status::{Measured, Status};
use crate::runtime::{AccountSide, Shared, put};
use crate::session::Batch;

/// What other threads bring.
#[derive(Debug)]
pub enum Input {
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
}

/// What is to be reported of a flatten.
type Report = Map<String, Value>;

/// Notices for people: the newest of them are kept.
const NOTICES_KEPT: usize = 256;
/// HTTP requests of the account at the same time.
const REQUESTS: usize = 3;
/// The connections of the thread.
const ACCOUNT: usize = 0;
const MARKET: usize = 1;

/// A connection and what stands at it.
#[derive(Debug)]
struct Side<D> {
    line: Line<Input>,
    duty: D,
}

/// What the engine's thread is joined to.
#[derive(Debug)]
pub struct Joints {
    /// Where other threads leave what they bring.
    pub inbox: Inbox<Input>,
    /// Where the connections go.
    pub endpoints: Endpoints,
    /// The strategies beside it.
    pub strategies: Vec<Beside>,
    /// What is done about those that answer late.
    pub patience: Patience,
    /// How the account's connection is doing, for whoever looks on.
    pub account: Shared<AccountSide>,
    /// And the market's.
    pub market: Shared<market::Counts>,
    /// Beats, the sentinel's and the engine's.
    pub pulse: Arc<Pulse>,
    /// What it measures.
    pub meters: Arc<Meters>,
}

/// The engine's thread, before it runs.
#[derive(Debug)]
pub struct EngineThread<A, F> {
    node: Node<Recorder>,
    clock: Clock,
    inbox: Inbox<Input>,
    account: Side<A>,
    market: Side<F>,
    account_seen: Shared<AccountSide>,
    market_seen: Shared<market::Counts>,
    strategies: Vec<Beside>,
    patience: Patience,
    scratch: Vec<Command>,
    words: Vec<u64>,
    /// Whether something is left to be done without waiting.
    more: bool,
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
    /// Events of the market that were taken in.
    taken: u64,
    /// When the event that is being acted upon reached us; for a decision the one that it is about.
    since_ns: i64,
}

impl<A: Account, F: Feed> EngineThread<A, F> {
    /// The thread of this engine, with its account's session and its market.
    ///
    /// # Errors
    ///
    /// [`io::Error`] from the system.
    pub fn new(
        node: Node<Recorder>,
        clock: Clock,
        account: A,
        market: F,
        joints: Joints,
    ) -> io::Result<Self> {
        let Joints { inbox, endpoints, meters, pulse, .. } = joints;
        let guarded = Guarded::new(pulse.is_expected());
        let trades = Line::new(&inbox, ACCOUNT, &endpoints, clock, REQUESTS)?;
        let hears = Line::new(&inbox, MARKET, &endpoints, clock, 0)?.timed(Arc::clone(&meters));
        Ok(Self {
            node,
            clock,
            inbox,
            account: Side { line: trades, duty: account },
            market: Side { line: hears, duty: market },
            account_seen: joints.account,
            market_seen: joints.market,
            strategies: joints.strategies,
            patience: joints.patience,
            scratch: Vec::with_capacity(256),
            words: Vec::with_capacity(4_096),
            more: false,
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
        })
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

    /// Run until somebody stops it, or the system cannot wait any more. The engine and its record,
    /// as they are then.
    pub fn run(mut self) -> Node<Recorder> {
        self.begin();
        loop {
            self.tick();
            let most = if std::mem::take(&mut self.more) { Duration::ZERO } else { BEAT_EVERY };
            let waited = self.inbox.wait(self.clock, self.due_ns(), most);
            // Before anything is taken in: this thread may have stood still.
            self.pulse();
            if waited.is_err() || !self.listen() {
                return self.node;
            }
            self.read();
            if self.clock.now_ns() >= self.node.engine().due_ns() {
                self.happened(Body::Timer);
                self.act();
            }
            self.watch_strategies();
        }
    }

    /// Time passed for what stands at the connections. What is not urgent is done: the record is
    /// handed over, and whoever looks on can see how things are.
    fn tick(&mut self) {
        let now = self.clock.now_ns();
        self.account.duty.tick(now);
        self.account.line.carry_out(&mut self.account.duty);
        self.act();
        self.market.duty.tick(now);
        self.market.line.carry_out(&mut self.market.duty);
        self.hear();
        self.node.keeper().hand_over();
        put(&self.account_seen, self.account.duty.side(now));
        let behind_ns = i64::try_from(self.market.line.behind().as_nanos()).unwrap_or(i64::MAX);
        put(&self.market_seen, market::Counts { behind_ns, ..self.market.duty.counts() });
    }

    /// Take in what other threads brought. False when it is to end.
    fn listen(&mut self) -> bool {
        for _ in 0..AT_ONCE {
            match self.inbox.next() {
                None => return true,
                Some(Inbound::Stop) => return false,
                Some(Inbound::Message(input)) => self.take(input),
                Some(Inbound::Line(ACCOUNT, done)) => {
                    self.account.line.done(done, &mut self.account.duty);
                }
                Some(Inbound::Line(_, done)) => {
                    self.market.line.done(done, &mut self.market.duty);
                    self.hear();
                }
            }
            self.act();
        }
        self.more = true;
        true
    }

    /// Read what came on the connections: the account's first, so that its fills are known. However
    /// much it is, others are heard in between.
    fn read(&mut self) {
        self.account.line.look(&self.inbox);
        self.market.line.look(&self.inbox);
        for _ in 0..AT_ONCE {
            let came = self.account.line.read(&mut self.account.duty);
            self.act();
            if !came {
                break;
            }
        }
        for _ in 0..AT_ONCE {
            let came = self.market.line.read(&mut self.market.duty);
            self.hear();
            if !came {
                break;
            }
        }
        self.more |= self.account.line.is_readable() || self.market.line.is_readable();
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
        let late = late.map_or(i64::MAX, |ns| ns.saturating_add(1));
        let own = self.node.engine().due_ns().min(late);
        own.min(self.account.duty.due_ns()).min(self.market.duty.due_ns())
    }

    fn take(&mut self, input: Input) {
        match input {
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
        }
    }

    /// Take in what the market's connection heard.
    fn hear(&mut self) {
        loop {
            std::mem::swap(&mut self.words, self.market.duty.words());
            if self.words.is_empty() {
                return;
            }
            let mut words = std::mem::take(&mut self.words);
            self.events(&words);
            words.clear();
            self.words = words;
        }
    }

    fn events(&mut self, words: &[u64]) {
        let mut rest = words;
        while let Ok((Entry::Event(event), length)) = decode(rest) {
            self.taken = self.taken.wrapping_add(1);
            let timed = self.taken.is_multiple_of(TIMED_EVERY);
            let began = timed.then(|| self.waited(&event));
            self.event(&event);
            rest = rest.get(length..).unwrap_or_default();
            self.act();
            if let Some(began) = began {
                self.meters.note_real(Stage::Engine, began.elapsed());
            }
        }
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
                if beside.attention() == Attention::Late {
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

    /// Do what the engine wants, and let it hear what the account says to that, until neither has
    /// anything more.
    fn act(&mut self) {
        for _ in 0..AT_ONCE {
            self.hand_out();
            let Some((time_ns, body)) = self.account.duty.next_event() else { return };
            let event = Event { time_ns, received_ns: self.clock.now_ns(), body };
            self.flattening.event(&event);
            self.event(&event);
        }
        // Others are heard in between.
        self.hand_out();
        self.more = true;
    }

    /// Hand out what is to be done: what goes to the venue leaves before anybody else is woken.
    fn hand_out(&mut self) {
        if !self.node.has_commands() {
            return;
        }
        let mut commands = std::mem::take(&mut self.scratch);
        commands.extend(self.node.drain());
        let now = self.node.engine().now_ns();
        let drafts = self.flattens(&commands);
        for command in &commands {
            self.tally.command(command, self.node.engine());
        }
        let batch: Vec<_> = commands.extract_if(.., |it| concerns_the_account(it)).collect();
        if !batch.is_empty() {
            let epoch = self.node.engine().gate().epoch();
            let since_ns = self.reacted(&batch);
            let batch = Batch { epoch, commands: batch, since_ns };
            self.account.duty.message(batch, self.clock.now_ns());
            self.account.line.carry_out(&mut self.account.duty);
        }
        for command in commands.drain(..) {
            self.pass_on(&command, now);
        }
        self.scratch = commands;
        self.keep(drafts);
    }

    /// What does not go to the account.
    fn pass_on(&mut self, command: &Command, now_ns: i64) {
        match *command {
            CommandOf::Wake { strategy, reason } => {
                let view = self.node.engine().view(strategy);
                let beside = self.strategies.get_mut(strategy.index());
                if let (Some(view), Some(beside)) = (view, beside)
                    && beside.attention() != Attention::Gone
                {
                    beside.mailbox.ask(reason, &view, now_ns);
                }
            }
            CommandOf::Notice(notice) => {
                if let Some(told) = &self.told {
                    told.said(&notice, now_ns);
                }
                if self.notices.len() == NOTICES_KEPT {
                    self.notices.pop_front();
                }
                self.notices.push_back((now_ns, notice));
            }
            CommandOf::Resnapshot { instrument } => {
                self.market.duty.message(Wish::Resnapshot(instrument), now_ns);
                self.market.line.carry_out(&mut self.market.duty);
            }
            // The account has it already.
            _ => {}
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

    /// What commands mean for the report of a flatten.
    fn flattens(&mut self, commands: &[Command]) -> Vec<Report> {
        let mut drafts = Vec::new();
        if self.told.is_some() {
            let engine = self.node.engine();
            for command in commands {
                drafts.extend(self.flattening.command(command, engine, self.trigger.as_deref()));
            }
        }
        drafts
    }

    /// Have reports kept, and the one of a flatten that has ended; say whether trading is stopped.
    fn keep(&mut self, mut drafts: Vec<Report>) {
        let Some(told) = &self.told else { return };
        let engine = self.node.engine();
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
        measured.queued = u64::try_from(self.inbox.waiting()).unwrap_or(u64::MAX);
        status.measured = Some(Box::new(measured));
        status
    }
}

const fn concerns_the_account(command: &Command) -> bool {
    match command {
        CommandOf::Submit(_)
        | CommandOf::Cancel { .. }
        | CommandOf::Query { .. }
        | CommandOf::ReadAccount { .. } => true,
        CommandOf::Wake { .. } | CommandOf::Notice(_) | CommandOf::Resnapshot { .. } => false,
    }
}
