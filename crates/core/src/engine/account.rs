//! What venues tell our account.

use crate::domain::{
    AccountState, Fill, FundingPayment, Instrument, LedgerRecord, MINUTE, Money, Notice,
    OrderReport, PositionReport, Rate, Restrainer, Restraint, SentinelState, Transfer,
};
use crate::engine::Engine;
use crate::portfolio::FillEffect;
use crate::risk::Commands;

/// A moment by the venue's clock lies after a reset by ours only when it does by so much.
const RESET_DOUBT_NS: i64 = 5 * MINUTE;

impl Engine {
    pub(super) fn on_order(&mut self, report: &OrderReport, out: &mut Commands) {
        self.on_lane(report.instrument, out, |lane, desk, _| lane.reported(desk, report));
        self.work(report.instrument, out);
    }

    pub(super) fn on_fill(&mut self, fill: &Fill, time_ns: i64, out: &mut Commands) {
        let id = fill.instrument;
        let Some(instrument) = self.instruments.get(id.index()) else { return };
        match self.portfolio.apply_fill(instrument, fill, self.clock.now_ns()) {
            FillEffect::Duplicate => return,
            FillEffect::Closed { net, opened_ns } => {
                out.notice(Notice::TradeClosed { instrument: id, net, opened_ns });
            }
            FillEffect::Grew | FillEffect::Shrank => {}
        }
        if fill.liquidation {
            out.notice(Notice::Liquidated { instrument: id });
        }
        self.doubt(fill, time_ns, out);
        self.on_lane(id, out, |lane, desk, _| lane.filled(desk, fill));
        self.evaluate(id, out);
        self.work(id, out);
        if let Some(index) = self.slot_of(id) {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.on_fill();
            }
            self.wake(index, out);
        }
    }

    /// We began or ceased to hear what happens to the account. What could fill unheard is withdrawn.
    pub(super) fn on_account(&mut self, state: AccountState, out: &mut Commands) {
        if self.account_known == state.known {
            return;
        }
        self.account_known = state.known;
        out.notice(Notice::Account { known: state.known });
        if state.known {
            self.ask_group_again();
        }
        for index in 0..self.instruments.len() {
            let Some(id) = self.instruments.get(index).map(Instrument::id) else { continue };
            // What was asked before a restart, nobody answers.
            self.on_lane(
                id,
                out,
                |lane, _, _| {
                    if state.known { lane.ask_again() } else { lane.forget() }
                },
            );
            self.work(id, out);
        }
    }

    /// The sentinel watches, is lost, or wants no new risk: what could add some is withdrawn.
    pub(super) fn on_sentinel(&mut self, state: SentinelState, out: &mut Commands) {
        if self.sentinel == state {
            return;
        }
        self.sentinel = state;
        out.notice(Notice::Sentinel { state });
        for index in 0..self.instruments.len() {
            let Some(id) = self.instruments.get(index).map(Instrument::id) else { continue };
            self.work(id, out);
        }
    }

    /// Somebody wants less to be risked, or lets go. At nothing, what could add risk is withdrawn;
    /// what rests at any other share stays until it is decided anew.
    pub(super) fn on_restraint(&mut self, restraint: Restraint, out: &mut Commands) {
        if !self.restraints.set(restraint) {
            return;
        }
        out.notice(Notice::Restrained { restraint, share: self.restraints.share() });
        for index in 0..self.instruments.len() {
            let Some(id) = self.instruments.get(index).map(Instrument::id) else { continue };
            self.work(id, out);
        }
    }

    /// The venue's records are not what was told: they are counted, and new risk ends until an operator
    /// lets go.
    pub(super) fn on_ledger(&mut self, record: LedgerRecord, out: &mut Commands) {
        match record {
            // What is missing is a loss; what is there beside is no gain.
            LedgerRecord::Untold { amount } if amount < Money::ZERO => {
                self.portfolio.apply_loss(amount);
            }
            LedgerRecord::Untold { amount } => self.portfolio.apply_transfer(amount),
            LedgerRecord::Worth { at_ns, then, now } => {
                let ours = self.portfolio.peak();
                let venue = self.portfolio.equity().scaled(then.units(), now.units());
                let counted =
                    at_ns.saturating_sub(RESET_DOUBT_NS) >= self.portfolio.peak_since_ns();
                let higher = !venue.is_unknown() && venue > self.switches.same_peak(ours);
                if !counted || !higher || then.is_unknown() || now <= Money::ZERO {
                    return;
                }
                self.portfolio.raise_peak(venue);
                out.notice(Notice::PeakMismatch { ours, venue });
            }
        }
        self.on_restraint(Restraint { by: Restrainer::Ledger, share: Rate::ZERO }, out);
        self.evaluate_account(out);
    }

    /// Money came or went. It is no gain and no loss, but what is held weighs differently now.
    pub(super) fn on_transfer(&mut self, transfer: &Transfer, out: &mut Commands) {
        self.portfolio.apply_transfer(transfer.amount);
        self.evaluate_account(out);
    }

    pub(super) fn on_funding(&mut self, payment: &FundingPayment, out: &mut Commands) {
        self.portfolio.apply_funding(payment.instrument, payment.amount);
        self.evaluate(payment.instrument, out);
    }

    /// The venue says what it holds. Where that is not what we think, the venue is right.
    pub(super) fn on_position(&mut self, report: &PositionReport, out: &mut Commands) {
        let id = report.instrument;
        let ours = self.portfolio.qty(id);
        if ours != report.position {
            let venue = report.position;
            out.notice(Notice::PositionMismatch { instrument: id, ours, venue });
            if let Some(instrument) = self.instruments.get(id.index()) {
                self.portfolio.adopt(instrument, venue, self.clock.now_ns());
            }
            self.on_lane(id, out, |lane, _, _| lane.mistaken());
            self.evaluate(id, out);
        }
        let closed = self.on_lane(id, out, |lane, desk, _| lane.account_read(desk, report));
        if let (Some(closed), Some(group)) = (closed.flatten(), &mut self.group) {
            group.attempts = group.attempts.saturating_add(closed.attempts);
        }
        self.group_report(report, out);
        self.work(id, out);
        self.keep_reducing(out);
    }
}
