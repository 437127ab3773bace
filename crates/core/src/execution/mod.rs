//! From what is wanted to what works at the venue, and back to nothing when it must end.
//!
//! Each instrument has a lane: what its strategy wants, how its position is left, the job that
//! closes it, and the stop that rests at the venue. A lane does one thing at a time: while a job
//! closes the position, nothing else is pursued.

mod closing;
mod desk;
mod entries;
mod exits;
mod orders;
mod quotes;
mod refusals;
mod stops;

use serde::{Deserialize, Serialize};

use crate::domain::{
    CommandOf, ExitReason, Fill, Instrument, InstrumentId, NEVER, NetQty, Notice, OrderReport,
    PositionReport, Purpose, Qty, RejectReason, Status, StrategyId,
};
use crate::risk::Mode;

pub use closing::{Closed, Job};
pub use desk::{Desk, Market};
pub use entries::WantedPosition;
pub use exits::ExitPlan;
pub use orders::{Ended, LiveOrder, OrderState, Orders};
pub use quotes::WantedQuotes;
pub use refusals::Refusals;
pub use stops::Protection;

/// What a strategy wants in an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "one a lane, kept off the heap")]
pub enum Wanted {
    /// Nothing was said, or what was said is over: hold what is held, quote nothing.
    #[default]
    Nothing,
    /// This position.
    Position(WantedPosition),
    /// These quotes.
    Quotes(WantedQuotes),
}

/// One instrument's execution.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lane {
    strategy: StrategyId,
    wanted: Wanted,
    plan: ExitPlan,
    job: Option<Job>,
    protection: Protection,
    /// What the venue takes no order for any more; flat where there is none.
    dust: NetQty,
}

impl Lane {
    /// The job that closes the position, while there is one.
    pub const fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    /// What is wanted.
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// How the position is left.
    pub const fn plan(&self) -> &ExitPlan {
        &self.plan
    }

    /// Whether the position has its stop.
    pub const fn protection(&self) -> &Protection {
        &self.protection
    }

    /// The strategy decided: from now on this is wanted, and a position is left like this.
    pub fn want(&mut self, strategy: StrategyId, wanted: Wanted, plan: ExitPlan) {
        self.strategy = strategy;
        self.wanted = wanted;
        self.plan.renew(plan);
    }

    /// Close the position, whatever is wanted.
    pub fn close(&mut self, desk: &mut Desk<'_>, reason: ExitReason, keep: Qty) {
        let held = desk.portfolio.qty(desk.instrument.id());
        self.begin(desk, reason, keep, held);
    }

    fn begin(&mut self, desk: &mut Desk<'_>, reason: ExitReason, keep: Qty, position: NetQty) {
        if let Some(job) = &mut self.job {
            job.join(reason, keep);
        } else {
            self.job = Some(Job::new(reason, keep, desk.now_ns, desk.limits.close_deadline_ns));
            let instrument = desk.instrument.id();
            desk.out.notice(Notice::Exit { instrument, reason, position });
        }
        self.wanted = Wanted::Nothing;
    }

    /// The price moved. Cheap while nothing is held and nothing is being closed.
    #[inline]
    pub fn on_price(&mut self, desk: &mut Desk<'_>, request: &mut u32) {
        let Some(position) = desk.portfolio.position(desk.instrument.id()) else { return };
        if position.qty().is_flat() {
            return;
        }
        self.plan.follow(position);
        let due = self.plan.due(position, desk.portfolio, &desk.market, desk.limits);
        if let Some(reason) = due
            && !self.is_dust(position.qty())
            && self.job.is_none_or(|job| reason < job.reason())
        {
            self.close(desk, reason, Qty::ZERO);
            self.work(desk, request);
        } else if self.plan.trailing.is_some() {
            self.protection.ensure(desk, &self.plan);
        }
    }

    /// Something changed here, or a deadline came: do what is next.
    pub fn work(&mut self, desk: &mut Desk<'_>, request: &mut u32) {
        ask_about_overdue(desk);
        self.check_deadlines(desk);
        if let Some(job) = &mut self.job {
            desk.mode = desk.mode.max(Mode::ReduceOnly);
            job.step(desk, request);
        } else if desk.mode == Mode::Normal {
            match &mut self.wanted {
                Wanted::Nothing => {
                    desk.cancel_all(&[Purpose::Quote], false);
                }
                Wanted::Position(wanted) => {
                    desk.cancel_all(&[Purpose::Quote], false);
                    entries::pursue(desk, self.strategy, wanted);
                }
                Wanted::Quotes(wanted) => {
                    quotes::reconcile(desk, self.strategy, wanted);
                }
            }
        } else {
            desk.cancel_all(&closing::RISKY, true);
        }
        if !self.is_dust(desk.portfolio.qty(desk.id())) {
            self.protection.ensure(desk, &self.plan);
        }
    }

    fn check_deadlines(&mut self, desk: &mut Desk<'_>) {
        let Some(position) = desk.position() else { return };
        if position.qty().is_flat() || self.is_dust(position.qty()) {
            return;
        }
        if self.plan.deadline_ns(position, desk.limits) <= desk.now_ns && self.job.is_none() {
            self.close(desk, ExitReason::MaxHolding, Qty::ZERO);
        }
        let most = desk.limits.max_unprotected_ns;
        let overdue = self.protection.is_overdue(desk.now_ns, most);
        if overdue && self.job.is_none_or(|job| ExitReason::Unprotected < job.reason()) {
            self.close(desk, ExitReason::Unprotected, Qty::ZERO);
        }
    }

    /// One of our orders here traded; the portfolio knows already. What the stop at the venue
    /// began is finished by a job: what it left is closed, and what was wanted is wanted no more.
    pub fn filled(&mut self, desk: &mut Desk<'_>, fill: &Fill) {
        let filled = desk.orders.filled(desk.instrument, fill);
        if fill.liquidation {
            self.wanted = Wanted::Nothing;
        }
        if filled.is_some_and(|(live, _)| live.order.purpose == Purpose::Stop) {
            let held = desk.portfolio.qty(desk.instrument.id());
            self.begin(desk, ExitReason::Stop, Qty::ZERO, held.minus(fill.qty.signed(fill.side)));
        }
        if let Some(job) = &mut self.job {
            job.traded();
        }
        match desk.position() {
            Some(position) if !position.qty().is_flat() => self.plan.follow(position),
            _ => self.plan.forget_best(),
        }
    }

    /// What was wanted is wanted no more: it was wanted of another position, or by nobody who
    /// still looks.
    pub const fn forget(&mut self) {
        self.wanted = Wanted::Nothing;
    }

    /// The position turned out to be another one: what was wanted and seen of the old one is over.
    pub const fn mistaken(&mut self) {
        self.wanted = Wanted::Nothing;
        self.plan.forget_best();
    }

    /// What the venue was asked may have been asked in vain: ask again.
    pub const fn ask_again(&mut self) {
        if let Some(job) = &mut self.job {
            job.ask_again();
        }
    }

    /// The venue says what became of an order here. How it ended, if it did.
    pub fn reported(&mut self, desk: &mut Desk<'_>, report: &OrderReport) -> Option<Ended> {
        let ended = desk.orders.reported(desk.instrument, report)?;
        if let (Some(job), Status::Rejected(RejectReason::TooSmall)) = (&mut self.job, ended.status)
        {
            job.too_small(desk, &ended.live.order);
        }
        let quote = ended.live.order.purpose == Purpose::Quote;
        if quote && matches!(ended.status, Status::Rejected(_)) {
            // Not sent again before the strategy decides anew: the market moved through it.
            self.wanted = match self.wanted {
                Wanted::Quotes(mut quotes) => {
                    quotes.drop_quote(ended.live.order.side, ended.live.order.price);
                    Wanted::Quotes(quotes)
                }
                other => other,
            };
        }
        Some(ended)
    }

    /// The venue says what it holds here. What the closing job did, if that ends it.
    pub fn account_read(&mut self, desk: &mut Desk<'_>, report: &PositionReport) -> Option<Closed> {
        let closed = self.job.as_mut()?.reported(desk, report)?;
        self.job = None;
        self.dust = closed.dust;
        Some(closed)
    }

    /// When the lane wants to be looked at again.
    pub fn due_ns(&self, desk: &Desk<'_>) -> i64 {
        let limits = desk.limits;
        let job = self.job.as_ref().map_or(NEVER, Job::due_ns);
        let entry = match &self.wanted {
            Wanted::Position(wanted) if self.job.is_none() => wanted.due_ns(),
            _ => NEVER,
        };
        let holding = match desk.position() {
            Some(position) if self.job.is_none() && !self.is_dust(position.qty()) => {
                self.plan.deadline_ns(position, limits)
            }
            _ => NEVER,
        };
        let stop = self.protection.due_ns(limits.max_unprotected_ns.saturating_add(1));
        let stop = if self.is_dust(desk.portfolio.qty(desk.id())) { NEVER } else { stop };
        let answer = desk.orders.of(desk.id()).iter().map(|live| live.answer_due_ns).min();
        job.min(entry).min(holding).min(stop).min(answer.unwrap_or(NEVER))
    }

    /// The position that the lane is about.
    pub const fn strategy(&self) -> StrategyId {
        self.strategy
    }
}

/// Ask the venue about every order whose answer did not come in time.
fn ask_about_overdue(desk: &mut Desk<'_>) {
    while let Some(overdue) = desk.orders.next_overdue(desk.instrument, desk.now_ns) {
        let (instrument, id) = (desk.instrument.id(), overdue.order.client_order_id);
        desk.out.notice(Notice::OutcomeUnknown { instrument, client_order_id: id });
        if desk.gate.take_message(desk.now_ns, true) {
            desk.out.push(CommandOf::Query { instrument, client_order_id: id });
        }
    }
}

/// Everything that execution keeps: a lane an instrument, all orders, what was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Execution {
    /// A lane an instrument.
    pub lanes: Vec<Lane>,
    /// All orders that have not ended.
    pub orders: Orders,
    /// What the gate refused.
    pub refusals: Refusals,
    /// The number of the last account read.
    pub last_request: u32,
}

impl Execution {
    /// Lanes for these many instruments.
    pub fn new(instruments: usize, capacity: usize, answer_timeout_ns: i64) -> Self {
        Self {
            lanes: vec![Lane::default(); instruments],
            orders: Orders::new(instruments, capacity, answer_timeout_ns, 0),
            refusals: Refusals::new(instruments),
            last_request: 0,
        }
    }

    /// Go on where another execution was: orders, jobs, stops. What strategies wanted is not
    /// pursued: they decide anew.
    pub(crate) fn resume(
        &mut self,
        old: &Self,
        pairs: &[(InstrumentId, InstrumentId)],
        instruments: &[Instrument],
    ) {
        let mut places = Vec::with_capacity(pairs.len());
        for &(from, to) in pairs {
            if let (Some(lane), Some(place)) = (old.lane(from), self.lanes.get_mut(to.index())) {
                *place = Lane { wanted: Wanted::Nothing, ..lane.clone() };
            }
            places.extend(instruments.get(to.index()).map(|it| (it.clone(), from)));
        }
        self.orders.resume(&old.orders, &places);
        self.last_request = old.last_request;
    }

    /// The lane of an instrument.
    pub fn lane(&self, instrument: InstrumentId) -> Option<&Lane> {
        self.lanes.get(instrument.index())
    }
}
