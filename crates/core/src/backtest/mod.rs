//! A tape, the simulated venue, and the engine, joined by latency.
//!
//! The engine in here is the engine everywhere: it gets the same events and gives the same commands
//! as live; only where they come from and go to differs. The venue lives the tape at the venue's
//! times, the engine at the times of receipt; orders and answers take their time in between.

mod collect;
mod feed;
mod pipe;
mod trouble;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Body, ClientOrderId, CommandOf, ConfigError, Decision, Event, Instrument, InstrumentId,
    MarginMode, NEVER, Order, Random, SECOND, StrategyId, WakeReason,
};
use crate::engine::{Engine, EngineConfig, EngineError, StrategyView};
use crate::journal::{ReadError, Records, SinkError};
use crate::risk::{Approved, Command, Commands};
use crate::sim::{AccountId, BarModel, Latency, QueueModel, Venue, Walk};
use crate::strategy::Draft;
pub use collect::{Collect, Sample};
pub use feed::FeedLatency;
use feed::Side;
use pipe::Pipe;
pub use trouble::{FeedTrouble, Trouble};

/// What is assumed about the way to the venue and about the venue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimConfig {
    /// Where in the queue resting orders stand.
    pub queue: QueueModel,
    /// How late market data is. Bars are not late: they are made of the past.
    pub feed: FeedLatency,
    /// How long orders and cancels take to the venue.
    pub order_latency: Latency,
    /// How long answers and fills take back.
    pub report_latency: Latency,
    /// How long a strategy takes to decide.
    pub decision_latency: Latency,
    /// What is assumed behind bars.
    pub bars: BarModel,
    /// What the latencies are drawn from.
    pub seed: u64,
}

impl SimConfig {
    /// Check that the numbers make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.queue.check()?;
        self.order_latency.check("order_latency")?;
        self.report_latency.check("report_latency")?;
        self.decision_latency.check("decision_latency")?;
        self.bars.check()
    }
}

/// How long after the end of a tape answers and timers are still waited for.
const TAIL_NS: i64 = 10 * SECOND;

/// Decisions that can be on their way before room for more is made.
const SPARE_DRAFTS: usize = 64;

/// A strategy is asked to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// Who.
    pub strategy: StrategyId,
    /// Why.
    pub reason: WakeReason,
}

/// A strategy refused to go on: it raised, or returned nonsense. Whoever called knows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("strategy {} stopped the run", .0.raw())]
pub struct Stopped(pub StrategyId);

/// The strategies of a run.
pub trait Decide {
    /// Decide, or write nothing into the draft and keep what is wanted.
    ///
    /// # Errors
    ///
    /// [`Stopped`] ends the run.
    fn decide(
        &mut self,
        wake: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped>;
}

/// What looks on: a journal, a collector, a benchmark.
pub trait Observer {
    /// The engine took in an event; before its commands.
    ///
    /// # Errors
    ///
    /// [`SinkError`] ends the run.
    fn event(&mut self, event: &Event<'_>, engine: &Engine) -> Result<(), SinkError>;

    /// The engine said this.
    ///
    /// # Errors
    ///
    /// [`SinkError`] ends the run.
    fn command(&mut self, command: &Command, engine: &Engine) -> Result<(), SinkError>;
}

/// Nobody looks on.
impl Observer for () {
    fn event(&mut self, _: &Event<'_>, _: &Engine) -> Result<(), SinkError> {
        Ok(())
    }

    fn command(&mut self, _: &Command, _: &Engine) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The tape cannot be read on.
    #[error("the tape is damaged at {0}")]
    Tape(#[from] ReadError),
    /// A strategy stopped it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// An event was refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The journal could not be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// What is on its way to the venue.
#[derive(Debug)]
enum Up {
    Submit(Approved<Order>),
    Cancel(InstrumentId, ClientOrderId),
    Query(InstrumentId, ClientOrderId),
    Read(u32),
}

/// A run over a tape.
#[derive(Debug)]
pub struct Backtest<'t, R> {
    engine: Engine,
    venue: Venue,
    account: AccountId,
    config: SimConfig,
    random: Random,
    venue_side: Side<'t, R>,
    engine_side: Side<'t, R>,
    /// The bar that is being walked, and when it ends.
    walk: Option<(Walk, Event<'t>)>,
    walked: Option<Event<'static>>,
    up: Pipe<Up>,
    down: Pipe<Body<'static>>,
    decisions: Pipe<(StrategyId, i64, Draft)>,
    out: Commands,
    draft: Draft,
    /// Drafts that were delivered, to be written again.
    spare: Vec<Draft>,
    now_ns: i64,
    end_ns: Option<i64>,
    trouble: Trouble,
    /// The engine's state when its process was killed, while it is dead.
    dead: Option<Vec<u8>>,
    /// The best prices that the engine heard last.
    heard: Option<Event<'static>>,
}

impl<'t, R: Records<'t> + Clone> Backtest<'t, R> {
    /// A run of this engine over this tape, before its first event.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong; about `tape` when it cannot be read.
    pub fn new(engine: &EngineConfig, config: SimConfig, tape: &R) -> Result<Self, ConfigError> {
        config.check()?;
        let unreadable = |error: ReadError| ConfigError::new("tape", error.to_string());
        let (mut venue_side, mut engine_side) = (Side::new(tape.clone()), Side::new(tape.clone()));
        venue_side.advance(None).map_err(unreadable)?;
        engine_side.advance(Some(config.feed)).map_err(unreadable)?;
        let (cash, engine) = (engine.cash, Engine::new(engine)?);
        let account = AccountId::new(0);
        let mut venue = Venue::new(engine.instruments(), &[cash], config.queue);
        for id in engine.instruments().iter().map(Instrument::id) {
            if let Some(leverage) = engine.portfolio().isolated(id) {
                let set = venue.set_leverage(account, id, MarginMode::Isolated, leverage);
                set.map_err(|error| ConfigError::new("governor.margin_mode", error.to_string()))?;
            }
        }
        Ok(Self {
            engine,
            venue,
            account,
            random: Random::new(config.seed),
            config,
            venue_side,
            engine_side,
            walk: None,
            walked: None,
            up: Pipe::new(),
            down: Pipe::new(),
            decisions: Pipe::new(),
            out: Commands::with_capacity(256),
            draft: Draft::default(),
            spare: (0..SPARE_DRAFTS).map(|_| Draft::default()).collect(),
            now_ns: i64::MIN,
            end_ns: None,
            trouble: Trouble::NONE,
            dead: None,
            heard: None,
        })
    }

    /// The engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The venue.
    pub const fn venue(&self) -> &Venue {
        &self.venue
    }

    /// Words of the tape that the engine has read.
    pub fn words_read(&self) -> usize {
        self.engine_side.words_read()
    }

    /// The venue's and everybody's now.
    pub const fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// Go on for at most `steps` steps. Whether there is more.
    ///
    /// # Errors
    ///
    /// [`RunError`]; the run cannot go on then, what was observed is complete up to there.
    pub fn run<D: Decide, O: Observer>(
        &mut self,
        steps: u64,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<bool, RunError> {
        for _ in 0..steps {
            if !self.step(strategies, observer)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The earliest thing that happens next. At the same moment the venue comes before the engine,
    /// and what was sent comes before what is new.
    #[inline]
    fn step<D: Decide, O: Observer>(
        &mut self,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<bool, RunError> {
        if self.walk.is_none() && self.venue_side.is_bar() {
            self.begin_walk();
        }
        let market = match &self.walked {
            Some(event) => event.time_ns,
            None => self.venue_side.at_ns(),
        };
        // A bar reaches the engine at the end of its walk, and not by itself.
        let receipt = if self.engine_side.is_bar() { NEVER } else { self.engine_side.at_ns() };
        let (up, down) = (self.up.next_ns(), self.answers_due_ns());
        let (decision, due) = (self.decisions.next_ns(), self.timer_due_ns());
        let data = market.min(receipt);
        let first = data.min(up).min(down).min(decision);
        if data == NEVER {
            // The market is over: what is on its way still arrives, within reason.
            let end = *self.end_ns.get_or_insert(self.now_ns.saturating_add(TAIL_NS));
            if first.min(due) > end {
                return Ok(false);
            }
        }
        if due < first && self.now_ns > i64::MIN {
            self.now_ns = due.max(self.now_ns);
            let timer = Event { time_ns: self.now_ns, received_ns: self.now_ns, body: Body::Timer };
            self.deliver(&timer, strategies, observer)?;
            return Ok(true);
        }
        self.now_ns = first.max(self.now_ns);
        if market == first {
            self.market_step(strategies, observer)?;
        } else if up == first {
            self.venue_step();
        } else if down == first {
            self.report_step(strategies, observer)?;
        } else if receipt == first {
            if let Some(event) = self.engine_side.event().and_then(|event| self.heard(&event)) {
                self.deliver(&event, strategies, observer)?;
            }
            self.engine_side.advance(Some(self.config.feed))?;
        } else {
            self.decision_step(strategies, observer)?;
        }
        Ok(true)
    }

    /// A market event at the venue. Bars are walked, and each step of the walk reaches the engine
    /// at once.
    #[inline]
    fn market_step<D: Decide, O: Observer>(
        &mut self,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<(), RunError> {
        if let Some(event) = self.walked {
            self.venue.on_market(&event);
            self.collect_reports();
            if let Some(event) = self.heard(&event) {
                self.deliver(&event, strategies, observer)?;
            }
            return self.walk_on(strategies, observer);
        }
        if let Some(event) = self.venue_side.event() {
            let event = Event { time_ns: self.now_ns, ..event };
            self.venue.on_market(&event);
            self.collect_reports();
        }
        Ok(self.venue_side.advance(None)?)
    }

    fn begin_walk(&mut self) {
        let Some(event) = self.venue_side.event() else { return };
        let Body::Bar(bar) = event.body else { return };
        let held = self.venue.portfolio(self.account).map(|p| p.qty(bar.instrument));
        let mut walk = self.config.bars.walk(&bar, event.time_ns, held.unwrap_or_default());
        self.walked = walk.next();
        self.walk = Some((walk, event));
    }

    fn walk_on<D: Decide, O: Observer>(
        &mut self,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<(), RunError> {
        let Some((walk, bar)) = &mut self.walk else { return Ok(()) };
        self.walked = walk.next();
        if self.walked.is_some() {
            return Ok(());
        }
        let event = Event { received_ns: bar.time_ns, ..*bar };
        self.walk = None;
        while !self.engine_side.is_bar() {
            let Some(earlier) = self.engine_side.event() else { break };
            if let Some(earlier) = self.heard(&earlier) {
                self.deliver(&earlier, strategies, observer)?;
            }
            self.engine_side.advance(Some(self.config.feed))?;
        }
        if let Some(event) = self.heard(&event) {
            self.deliver(&event, strategies, observer)?;
        }
        self.venue_side.advance(None)?;
        Ok(self.engine_side.advance(Some(self.config.feed))?)
    }

    /// A command reaches the venue.
    fn venue_step(&mut self) {
        let Some((at_ns, command)) = self.up.take() else { return };
        if self.trouble.commands_lost {
            return;
        }
        let (venue, account) = (&mut self.venue, self.account);
        match command {
            Up::Submit(order) => venue.submit(account, &order, at_ns),
            Up::Cancel(instrument, id) => venue.cancel(account, instrument, id, at_ns),
            Up::Query(instrument, id) => venue.query(account, instrument, id, at_ns),
            Up::Read(request) => venue.read_account(account, request, at_ns),
        }
        self.collect_reports();
    }

    #[inline]
    fn collect_reports(&mut self) {
        if !self.venue.has_reports() {
            return;
        }
        let delay = self.config.report_latency.draw(&mut self.random);
        for report in self.venue.drain_reports() {
            self.down.send(report.time_ns.saturating_add(delay), report.body);
        }
    }

    /// An answer of the venue reaches the engine.
    fn report_step<D: Decide, O: Observer>(
        &mut self,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<(), RunError> {
        let Some((_, body)) = self.down.take() else { return Ok(()) };
        let event = Event { time_ns: self.now_ns, received_ns: self.now_ns, body };
        self.deliver(&event, strategies, observer)
    }

    /// A decision reaches the engine.
    fn decision_step<D: Decide, O: Observer>(
        &mut self,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<(), RunError> {
        let Some((at_ns, (strategy, woken_ns, draft))) = self.decisions.take() else {
            return Ok(());
        };
        let Some(intent) = draft.intent() else { return Ok(()) };
        let body = Body::Decision(Decision { strategy, woken_ns, intent });
        let event = Event { time_ns: at_ns, received_ns: at_ns, body };
        let outcome = self.deliver(&event, strategies, observer);
        self.spare.push(draft);
        outcome
    }

    /// The engine takes in an event; what it says is sent on its way.
    #[inline]
    fn deliver<D: Decide, O: Observer>(
        &mut self,
        event: &Event<'_>,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<(), RunError> {
        let shifted;
        let event = if self.trouble.clock_ns == 0 {
            event
        } else {
            shifted = self.by_the_engines_clock(event);
            &shifted
        };
        self.engine.on_event(event, &mut self.out)?;
        observer.event(event, &self.engine)?;
        if self.out.as_slice().is_empty() {
            return Ok(());
        }
        self.send_out(strategies, observer)
    }

    fn send_out<D: Decide, O: Observer>(
        &mut self,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<(), RunError> {
        let now = self.now_ns;
        let delay = self.config.order_latency.draw(&mut self.random);
        for command in self.out.drain() {
            observer.command(&command, &self.engine)?;
            let up = match command {
                CommandOf::Submit(order) => Up::Submit(order),
                CommandOf::Cancel { instrument, client_order_id } => {
                    Up::Cancel(instrument, client_order_id)
                }
                CommandOf::Query { instrument, client_order_id } => {
                    Up::Query(instrument, client_order_id)
                }
                CommandOf::ReadAccount { request } => Up::Read(request),
                // A tape has the snapshots that it has.
                CommandOf::Resnapshot { .. } | CommandOf::Notice(_) => continue,
                CommandOf::Wake { strategy, reason } => {
                    self.draft.clear();
                    if let Some(view) = self.engine.view(strategy) {
                        strategies.decide(Wake { strategy, reason }, &view, &mut self.draft)?;
                    }
                    if self.draft.intent().is_some() {
                        let takes = self.config.decision_latency.draw(&mut self.random);
                        let next = self.spare.pop().unwrap_or_default();
                        let draft = std::mem::replace(&mut self.draft, next);
                        self.decisions.send(now.saturating_add(takes), (strategy, now, draft));
                    }
                    continue;
                }
            };
            self.up.send(now.saturating_add(delay), up);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
