//! What can go wrong around an engine in a backtest. Whoever drives the run says what goes wrong from
//! now on; what the market and the venue do is not touched by it.

use crate::backtest::{Backtest, Decide, Observer, RunError};
use crate::domain::{AccountState, Body, ConfigError, Event, NEVER};
use crate::engine::{Engine, EngineConfig};
use crate::journal::Records;
use crate::sim::Venue;

/// What the engine hears of the market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeedTrouble {
    /// All of it.
    #[default]
    Fine,
    /// Nothing.
    Dead,
    /// The best prices that it heard last, again and again.
    Frozen,
}

/// What is wrong at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// What the engine hears of the market.
    pub feed: FeedTrouble,
    /// The venue's answers and fills are on their way, and do not arrive before this is over.
    pub answers_held: bool,
    /// What the engine sends reaches nobody, and nobody says so.
    pub commands_lost: bool,
    /// By how much the engine's clock is ahead of the world's; negative when it is behind.
    pub clock_ns: i64,
}

impl Trouble {
    /// All is well.
    pub const NONE: Self =
        Self { feed: FeedTrouble::Fine, answers_held: false, commands_lost: false, clock_ns: 0 };
}

impl<'t, R: Records<'t> + Clone> Backtest<'t, R> {
    /// This is wrong from now on.
    pub const fn set_trouble(&mut self, trouble: Trouble) {
        self.trouble = trouble;
    }

    /// The venue, for scripts that make it misbehave: see [`Venue::set_fault`].
    pub const fn venue_mut(&mut self) -> &mut Venue {
        &mut self.venue
    }

    /// Kill the engine's process: it hears nothing and does nothing, its decisions are gone. What it
    /// sent is on its way; what rests at the venue stays.
    pub fn kill_engine(&mut self) {
        if self.dead.is_none() {
            self.dead = Some(self.engine.snapshot());
            while self.decisions.take().is_some() {}
        }
    }

    /// Whether its process was killed.
    pub const fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    /// Start the engine again from what its journal holds. It knows that it does not know the
    /// account, is told what the venue said meanwhile, and goes on.
    ///
    /// # Errors
    ///
    /// As [`Backtest::run`]; [`RunError::Engine`] when the kept state is not one of this build.
    pub fn start_engine<D: Decide, O: Observer>(
        &mut self,
        config: &EngineConfig,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<Result<(), ConfigError>, RunError> {
        let Some(kept) = self.dead.take() else { return Ok(Ok(())) };
        let old = Engine::restore(&kept)?;
        match Engine::resume(config, &old) {
            Ok(engine) => self.engine = engine,
            Err(error) => return Ok(Err(error)),
        }
        self.tell(Body::Account(AccountState { known: false }), strategies, observer)?;
        while self.down.next_ns() <= self.now_ns {
            self.report_step(strategies, observer)?;
        }
        self.tell(Body::Account(AccountState { known: true }), strategies, observer)?;
        Ok(Ok(()))
    }

    /// The engine is told this now.
    ///
    /// # Errors
    ///
    /// As [`Backtest::run`].
    pub fn tell<D: Decide, O: Observer>(
        &mut self,
        body: Body<'static>,
        strategies: &mut D,
        observer: &mut O,
    ) -> Result<(), RunError> {
        let event = Event { time_ns: self.now_ns, received_ns: self.now_ns, body };
        self.deliver(&event, strategies, observer)
    }

    /// When the next answer of the venue arrives.
    #[inline]
    pub(super) fn answers_due_ns(&self) -> i64 {
        if self.trouble.answers_held || self.dead.is_some() { NEVER } else { self.down.next_ns() }
    }

    /// When the engine wants to be woken, by the world's clock.
    #[inline]
    pub(super) fn timer_due_ns(&self) -> i64 {
        if self.dead.is_some() {
            return NEVER;
        }
        let due = self.engine.due_ns();
        if due == NEVER { NEVER } else { due.saturating_sub(self.trouble.clock_ns) }
    }

    /// What the engine hears instead of this, if it hears anything.
    #[inline]
    pub(super) fn heard<'e>(&mut self, event: &Event<'e>) -> Option<Event<'e>> {
        if self.dead.is_some() {
            return None;
        }
        match self.trouble.feed {
            FeedTrouble::Fine => {
                if let Body::Touch(touch) = event.body {
                    let Event { time_ns, received_ns, .. } = *event;
                    self.heard = Some(Event { time_ns, received_ns, body: Body::Touch(touch) });
                }
                Some(*event)
            }
            FeedTrouble::Dead => None,
            FeedTrouble::Frozen => {
                let Event { time_ns, received_ns, .. } = *event;
                self.heard.map(|last| Event { time_ns, received_ns, ..last })
            }
        }
    }

    /// An event with the time at which the engine's clock says that it came.
    #[cold]
    pub(super) fn by_the_engines_clock<'e>(&self, event: &Event<'e>) -> Event<'e> {
        let shift = self.trouble.clock_ns;
        Event { received_ns: event.received_ns.saturating_add(shift), ..*event }
    }
}
