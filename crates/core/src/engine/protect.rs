//! What happens when a switch fires, an operator kills, or risk goes blind; and how it ends.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ClientOrderId, CommandOf, DAY, ExitReason, Instrument, InstrumentId, Money, NEVER, Notice,
    Operator, PositionReport, Qty, SECOND, Scope, SwitchName,
};
use crate::engine::Engine;
use crate::execution::{Job, LiveOrder};
use crate::risk::{Commands, Trip};

/// The whole account being flattened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    reason: ExitReason,
    started_ns: i64,
    /// The account read that will confirm it, once every lane is done.
    request: Option<u32>,
    /// When it is asked again: whoever should have answered may be gone.
    pub(super) again_ns: i64,
    /// Closing orders so far.
    pub(super) attempts: u32,
}

/// Whether an operator has killed an instrument by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Lock {
    #[default]
    Open,
    Killed,
    /// The first of the two steps that release it was taken.
    Asked,
}

fn tell_trip(trip: Trip, out: &mut Commands) {
    let Trip { switch, instrument, limit, actual } = trip;
    out.notice(Notice::Tripped { switch, instrument, limit, actual });
}

impl Engine {
    /// Equity, a position or margin moved: evaluate the switches.
    pub(super) fn evaluate(&mut self, id: InstrumentId, out: &mut Commands) {
        self.evaluate_account(out);
        if let Some(position) = self.portfolio.position(id)
            && let Some(trip) = self.switches.evaluate_position(id, position, self.clock.now_ns())
        {
            tell_trip(trip, out);
            self.close(id, ExitReason::Switch(trip.switch), Qty::ZERO, out);
            self.due_ns = self.due_ns.min(self.latches_due_ns());
        }
    }

    /// Evaluate the switches on the account alone.
    pub(super) fn evaluate_account(&mut self, out: &mut Commands) {
        while let Some(trip) = self.switches.evaluate(&self.portfolio, self.clock.now_ns()) {
            self.act_on(trip, out);
        }
    }

    #[cold]
    fn act_on(&mut self, trip: Trip, out: &mut Commands) {
        tell_trip(trip, out);
        let switch = trip.switch;
        if matches!(switch, SwitchName::Leverage | SwitchName::Margin) {
            self.reduce(switch, out);
        } else {
            self.gate.begin_epoch();
            self.flatten_all(ExitReason::Switch(switch), out);
        }
        self.due_ns = self.due_ns.min(self.latches_due_ns());
    }

    fn ids(&self) -> impl Iterator<Item = InstrumentId> + use<> {
        let count = u16::try_from(self.instruments.len()).unwrap_or(u16::MAX);
        (0..count).map(InstrumentId::new)
    }

    /// Close an instrument's position down to `keep` lots.
    fn close(&mut self, id: InstrumentId, reason: ExitReason, keep: Qty, out: &mut Commands) {
        self.on_lane(id, out, |lane, desk, request| {
            lane.close(desk, reason, keep);
            lane.work(desk, request);
        });
    }

    /// Close everything, and ask the venue to confirm it.
    fn flatten_all(&mut self, reason: ExitReason, out: &mut Commands) {
        out.notice(Notice::FlattenStarted { scope: Scope::All, reason });
        let started_ns = self.group.map_or(self.clock.now_ns(), |group| group.started_ns);
        let reason_so_far = self.group.map_or(reason, |group| group.reason.min(reason));
        let attempts = self.group.map_or(0, |group| group.attempts);
        let again_ns = NEVER;
        self.group =
            Some(Group { reason: reason_so_far, started_ns, request: None, again_ns, attempts });
        for id in self.ids() {
            let busy = !self.execution.orders.of(id).is_empty();
            if busy || !self.portfolio.qty(id).is_flat() {
                self.close(id, reason, Qty::ZERO, out);
            }
        }
        self.advance_group(out);
    }

    /// While an account is being flattened: once no lane has anything to close, read the account.
    pub(super) fn advance_group(&mut self, out: &mut Commands) {
        let Some(group) = &mut self.group else { return };
        let busy = self.execution.lanes.iter().any(|lane| lane.job().is_some());
        if busy {
            group.request = None;
            group.again_ns = NEVER;
        } else if group.request.is_none() || self.clock.now_ns() >= group.again_ns {
            if group.request.is_some() {
                out.notice(Notice::FlattenLate {
                    scope: Scope::All,
                    age_ns: self.clock.now_ns().saturating_sub(group.started_ns),
                    attempts: group.attempts,
                });
            }
            group.again_ns = self.clock.now_ns().saturating_add(self.exits.close_deadline_ns);
            self.due_ns = self.due_ns.min(group.again_ns);
            self.execution.last_request = self.execution.last_request.wrapping_add(1);
            group.request = Some(self.execution.last_request);
            out.push(CommandOf::ReadAccount { request: self.execution.last_request });
        }
    }

    /// Whoever was asked what the venue holds may be gone: ask again. Nobody is late for that.
    pub(super) fn ask_group_again(&mut self) {
        if let Some(group) = &mut self.group {
            group.request = None;
        }
    }

    /// An answer of the venue while the account is being flattened.
    pub(super) fn group_report(&mut self, report: &PositionReport, out: &mut Commands) {
        let Some(group) = self.group.filter(|group| group.request == Some(report.request)) else {
            return;
        };
        if !report.position.is_flat() && !self.is_dust(report.instrument) {
            self.close(report.instrument, group.reason, Qty::ZERO, out);
            return;
        }
        let done = report.last && self.execution.lanes.iter().all(|lane| lane.job().is_none());
        if done {
            self.group = None;
            // What is too little to be closed has been told; it is not flat.
            if !self.portfolio.is_flat() {
                return;
            }
            out.notice(Notice::Flat {
                scope: Scope::All,
                reason: group.reason,
                took_ns: self.clock.now_ns().saturating_sub(group.started_ns),
                attempts: group.attempts,
            });
        }
    }

    /// Too much leverage, or too little margin: the largest position is made smaller.
    fn reduce(&mut self, switch: SwitchName, out: &mut Commands) {
        let margin = switch == SwitchName::Margin;
        let weight = |id: &InstrumentId| {
            let position = self.portfolio.position(*id).filter(|_| !self.is_dust(*id));
            position.map_or(Money::ZERO, |p| if margin { p.maintenance() } else { p.value() })
        };
        let largest = self.ids().max_by_key(weight).unwrap_or_default();
        if self.is_dust(largest) {
            return;
        }
        let keep = if margin { None } else { self.keep_below_leverage(largest) };
        self.close(largest, ExitReason::Switch(switch), keep.unwrap_or(Qty::ZERO), out);
    }

    /// Lots of an instrument that bring leverage below its limit by the hysteresis.
    fn keep_below_leverage(&self, id: InstrumentId) -> Option<Qty> {
        let limits = self.switches.limits();
        let better = crate::domain::Rate::ONE.minus(limits.hysteresis);
        let allowed = self.portfolio.equity().at_rate(limits.leverage.times(better));
        let (instrument, position) =
            self.instruments.get(id.index()).zip(self.portfolio.position(id))?;
        let others = self.portfolio.gross().minus(position.value());
        let room = allowed.minus(others).minus(Money::from_units(1));
        Some(instrument.qty_for(room, position.mark()?).min(position.qty().abs()))
    }

    /// When the next latch could release itself.
    pub(super) fn latches_due_ns(&self) -> i64 {
        let cool_off = self.switches.limits().cool_off_ns;
        let positions = self.instruments.iter().map(|it| self.switches.position_latch(it.id()));
        let account = [SwitchName::Leverage, SwitchName::Margin].map(|s| self.switches.latch(s));
        let tripped = positions.chain(account).filter_map(crate::risk::Latch::tripped_ns);
        let first = tripped.map(|then| then.saturating_add(cool_off)).min().unwrap_or(NEVER);
        // Not released at its first moment, it is looked at every second.
        if first <= self.clock.now_ns() {
            self.clock.now_ns().saturating_add(SECOND)
        } else {
            first
        }
    }

    pub(super) fn release_latches(&mut self, out: &mut Commands) {
        while let Some(switch) = self.switches.release(&self.portfolio, self.clock.now_ns()) {
            out.notice(Notice::Released { switch: Some(switch), instrument: None });
        }
        self.keep_reducing(out);
        for id in self.ids() {
            let closing = self.execution.lane(id).and_then(|lane| lane.job()).is_some();
            let flat = self.portfolio.qty(id).is_flat() || self.is_dust(id);
            if flat && !closing && self.switches.release_position(id, self.clock.now_ns()) {
                let switch = Some(SwitchName::PositionLoss);
                out.notice(Notice::Released { switch, instrument: Some(id) });
            }
        }
    }

    /// A reduction is done and was not enough: another one.
    pub(super) fn keep_reducing(&mut self, out: &mut Commands) {
        let closing = || self.execution.lanes.iter().any(|lane| lane.job().is_some());
        if !self.switches.is_reducing() || closing() {
            return;
        }
        let limits = *self.switches.limits();
        let equity = self.portfolio.equity();
        if equity.is_unknown() || self.portfolio.is_flat() {
            return;
        }
        let over = |amount: Money, rate: crate::domain::Rate| amount >= equity.at_rate(rate);
        if self.switches.latch(SwitchName::Leverage).is_tripped()
            && over(self.portfolio.gross(), limits.leverage)
        {
            self.reduce(SwitchName::Leverage, out);
        }
        if self.switches.latch(SwitchName::Margin).is_tripped()
            && equity <= self.portfolio.maintenance().at_rate(limits.margin)
        {
            self.reduce(SwitchName::Margin, out);
        }
    }

    /// When risk has been blind on a position for too long.
    pub(super) fn blind_due_ns(&self, id: InstrumentId) -> i64 {
        let Some(market) = self.markets.get(id.index()) else { return NEVER };
        let closing = self.execution.lane(id).and_then(|lane| lane.job()).is_some();
        if closing || self.portfolio.qty(id).is_flat() || self.is_dust(id) {
            return NEVER;
        }
        let seen = market.references.mid.time_ns().max(market.references.mark.time_ns());
        // One that begins is not blind before it could have seen anything.
        let seen = seen.max(self.hears_since_ns);
        let max_age = market.max_age_ns.max(self.max_data_age_ns);
        seen.saturating_add(max_age).saturating_add(self.exits.max_blind_ns)
    }

    pub(super) fn check_blind(&mut self, id: InstrumentId, out: &mut Commands) {
        if self.blind_due_ns(id) <= self.clock.now_ns() {
            self.close(id, ExitReason::Blind, Qty::ZERO, out);
        }
    }

    pub(super) fn on_operator(&mut self, operator: Operator, out: &mut Commands) {
        match operator {
            Operator::Kill(Scope::All) => {
                self.switches.kill(self.clock.now_ns());
                self.gate.begin_epoch();
                self.flatten_all(ExitReason::Operator, out);
            }
            Operator::Kill(Scope::Instrument(id)) => self.kill_instrument(id, out),
            Operator::Kill(Scope::Strategy(id)) => {
                let slot = self.slots.get(id.index());
                if let Some(instrument) = slot.map(crate::strategy::Slot::instrument) {
                    self.kill_instrument(instrument, out);
                }
            }
            Operator::Kill(Scope::Order(order)) => self.kill_order(order, out),
            Operator::Flatten => self.flatten_all(ExitReason::Operator, out),
            Operator::RequestReset(switch) => self.switches.request_reset(switch),
            Operator::ConfirmReset(switch) => self.confirm_reset(switch, out),
            Operator::RequestRelease(scope) => match self.instrument_in(scope) {
                Some(id) => self.step_lock(id, Lock::Killed, Lock::Asked, out),
                None => self.switches.request_reset(None),
            },
            Operator::ConfirmRelease(scope) => match self.instrument_in(scope) {
                Some(id) => self.step_lock(id, Lock::Asked, Lock::Open, out),
                None => self.confirm_reset(None, out),
            },
        }
    }

    fn kill_instrument(&mut self, id: InstrumentId, out: &mut Commands) {
        if let Some(lock) = self.locks.get_mut(id.index()) {
            *lock = Lock::Killed;
            self.gate.begin_epoch();
            self.close(id, ExitReason::Operator, Qty::ZERO, out);
        }
    }

    /// One order is cancelled, and not placed again before its strategy decides anew.
    fn kill_order(&mut self, order: ClientOrderId, out: &mut Commands) {
        let is_it = |live: &LiveOrder| live.order.client_order_id == order;
        let mut ids = self.instruments.iter().map(Instrument::id);
        let found = ids.find(|id| self.execution.orders.of(*id).iter().any(is_it));
        if let Some(id) = found {
            self.on_lane(id, out, |lane, desk, _| lane.kill_order(desk, order));
            self.work(id, out);
        }
    }

    /// The instrument that a scope is about, if it is about one.
    fn instrument_in(&self, scope: Scope) -> Option<InstrumentId> {
        match scope {
            Scope::Instrument(id) => Some(id),
            Scope::Strategy(id) => {
                self.slots.get(id.index()).map(crate::strategy::Slot::instrument)
            }
            Scope::All | Scope::Order(_) => None,
        }
    }

    /// One of the two steps that release an instrument: refused unless it is flat and known.
    fn step_lock(&mut self, id: InstrumentId, from: Lock, to: Lock, out: &mut Commands) {
        let closing = self.closing(id).is_some() || self.group.is_some();
        let flat = self.portfolio.qty(id).is_flat() || self.is_dust(id);
        let known = self.account_known && !self.portfolio.equity().is_unknown();
        let opens = to == Lock::Open;
        let (switch, instrument) = (None, Some(id));
        match self.locks.get_mut(id.index()) {
            Some(lock) if *lock == from && (!opens || (flat && known && !closing)) => *lock = to,
            Some(Lock::Asked) if !opens => return,
            _ => return out.notice(Notice::ResetRefused { switch }),
        }
        if opens {
            out.notice(Notice::Released { switch, instrument });
        }
    }

    /// Trading again wants two steps, a flat account that is heard and whose equity is known,
    /// nothing being closed, and for the daily loss a new day.
    fn confirm_reset(&mut self, switch: Option<SwitchName>, out: &mut Commands) {
        let idle = self.execution.lanes.iter().all(|lane| lane.job().is_none());
        let flat = |it: &Instrument| self.portfolio.qty(it.id()).is_flat() || self.is_dust(it.id());
        let quiet = idle && self.group.is_none() && self.instruments.iter().all(flat);
        let known = self.account_known && !self.portfolio.equity().is_unknown();
        let day = |ns: i64| ns.div_euclid(DAY);
        let new_day = match switch {
            Some(SwitchName::DailyLoss) => {
                let then = self.switches.latch(SwitchName::DailyLoss).tripped_ns();
                then.is_none_or(|then| day(then) < day(self.clock.now_ns()))
            }
            _ => true,
        };
        if !(quiet && known && new_day && self.switches.confirm_reset(switch)) {
            out.notice(Notice::ResetRefused { switch });
            return;
        }
        match switch {
            Some(SwitchName::Drawdown | SwitchName::Emergency) => {
                self.portfolio.rebase_peak(self.clock.now_ns());
            }
            None => self.gate.forgive_repeats(),
            Some(_) => {}
        }
        out.notice(Notice::Released { switch, instrument: None });
    }

    /// Whether an operator has killed an instrument by itself.
    pub fn is_locked(&self, id: InstrumentId) -> bool {
        self.locks.get(id.index()).is_none_or(|lock| *lock != Lock::Open)
    }

    /// Whether what is held of an instrument is too little to be closed, as the venue has said.
    pub fn is_dust(&self, id: InstrumentId) -> bool {
        let held = self.portfolio.qty(id);
        self.execution.lane(id).is_some_and(|lane| lane.is_dust(held))
    }

    /// Whether the whole account is being flattened.
    pub const fn is_flattening(&self) -> bool {
        self.group.is_some()
    }

    /// The job that closes an instrument's position, while there is one.
    pub fn closing(&self, id: InstrumentId) -> Option<&Job> {
        self.execution.lane(id).and_then(|lane| lane.job())
    }
}
