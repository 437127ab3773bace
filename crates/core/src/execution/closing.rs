//! Closing a position until the venue confirms that it is closed.
//!
//! cancel what could add risk (protective stops stay) → reduce-only immediate-or-cancel orders with
//! widening bounds → read the account → what the venue still holds is closed again → cancel the
//! rest → say so. Nothing but a verified answer ends it; being late makes it loud, not silent.
//!
//! Invariant: a position has at most one closing job, and the job is the only one that closes it.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ClientOrderId, CommandOf, ExitReason, NetQty, Notice, Order, PositionReport, Purpose, Qty,
    Scope, Side,
};
use crate::execution::desk::{Desk, Wish};
use crate::execution::entries::reach;
use crate::execution::{Lane, Wanted};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// Orders go out until nothing is left by our own count.
    Closing,
    /// The venue was asked what it holds.
    Verifying { request: u32 },
}

/// One position being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    reason: ExitReason,
    /// Lots that may stay.
    keep: Qty,
    started_ns: i64,
    attempts: u32,
    /// Attempts in a row that traded nothing: each doubles how far the next one reaches.
    fruitless: u32,
    phase: Phase,
    next_ns: i64,
    late_ns: i64,
    /// The venue would not take an order for what is left: it is less than its smallest.
    too_small: bool,
}

impl Lane {
    /// Whether this is what the venue takes no order for any more.
    pub fn is_dust(&self, held: NetQty) -> bool {
        !held.is_flat() && held == self.dust
    }

    /// An operator kills one order: it is cancelled, and what was wanted with it is wanted no more
    /// until the strategy decides anew. A stop is placed anew under another id: a position has one.
    pub fn kill_order(&mut self, desk: &mut Desk<'_>, id: ClientOrderId) {
        let mut ours = desk.orders.of(desk.id()).iter();
        let Some(live) = ours.find(|live| live.order.client_order_id == id).copied() else {
            return;
        };
        self.wanted = match self.wanted {
            Wanted::Quotes(mut quotes) => {
                quotes.drop_quote(live.order.side, live.order.price);
                Wanted::Quotes(quotes)
            }
            Wanted::Position(_) if live.order.purpose == Purpose::Entry => Wanted::Nothing,
            other => other,
        };
        if !live.cancelling {
            // Without a message in the budget it is cancelled as one that nobody wants.
            desk.cancel(id, true);
        }
    }
}

/// What a finished job tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Closing orders that it took.
    pub attempts: u32,
    /// What is left, and too little to be closed.
    pub dust: NetQty,
}

/// The purposes of orders that could add risk.
pub(super) const RISKY: [Purpose; 2] = [Purpose::Entry, Purpose::Quote];

impl Job {
    pub(super) const fn new(reason: ExitReason, keep: Qty, now_ns: i64, deadline_ns: i64) -> Self {
        Self {
            reason,
            keep,
            started_ns: now_ns,
            attempts: 0,
            fruitless: 0,
            phase: Phase::Closing,
            next_ns: i64::MIN,
            late_ns: now_ns.saturating_add(deadline_ns),
            too_small: false,
        }
    }

    /// Another reason to close the same position: the worse one stays, and less is kept.
    pub(super) fn join(&mut self, reason: ExitReason, keep: Qty) {
        self.reason = self.reason.min(reason);
        if keep < self.keep {
            self.keep = keep;
            self.phase = Phase::Closing;
            self.next_ns = i64::MIN;
        }
    }

    /// Why the position is closed.
    pub const fn reason(&self) -> ExitReason {
        self.reason
    }

    /// When the job wants to be looked at again.
    pub(super) const fn due_ns(&self) -> i64 {
        if self.next_ns < self.late_ns { self.next_ns } else { self.late_ns }
    }

    /// Something happened, or time passed: do what is next. `request` numbers account reads.
    pub(super) fn step(&mut self, desk: &mut Desk<'_>, request: &mut u32) {
        self.say_if_late(desk);
        desk.cancel_all(&RISKY, true);
        if matches!(self.phase, Phase::Verifying { .. }) {
            if desk.now_ns >= self.next_ns {
                self.verify(desk, request);
            }
            return;
        }
        let Some(position) = desk.position() else { return };
        let left = position.qty().abs().minus(self.keep);
        let more = !left.is_zero() && !self.too_small;
        let Some(side) = position.closing_side().filter(|_| more) else {
            if desk.now_ns >= self.next_ns {
                self.verify(desk, request);
            }
            return;
        };
        let working = desk.orders.of(desk.id()).iter().any(|live| {
            matches!(live.order.purpose, Purpose::Exit | Purpose::Flatten) && !live.cancelling
        });
        if working || desk.now_ns < self.next_ns {
            return;
        }
        self.send(desk, side, left);
    }

    fn send(&mut self, desk: &mut Desk<'_>, side: Side, left: Qty) {
        let purpose = match self.reason {
            ExitReason::Operator | ExitReason::Switch(_) => Purpose::Flatten,
            _ => Purpose::Exit,
        };
        self.attempts = self.attempts.saturating_add(1);
        let wait = desk.limits.close_retry_ns;
        self.next_ns = desk.now_ns.saturating_add(wait);
        let touch = desk.market.best.map(|best| best.level(side.opposite()).price);
        let Some(from) = touch.or(desk.market.references.last()) else { return };
        let widening = 1_i64.checked_shl(self.fruitless.min(20)).unwrap_or(1);
        let most = desk.limits.max_close_slippage.parts();
        let slip = desk.limits.close_slippage.parts().saturating_mul(widening);
        let price = from.worse(side, reach(from.ticks(), slip.min(most)));
        let price = desk.instrument.round_aggressive(price, side);
        // A refusal is told by the gate; the next attempt comes with the next deadline, nearer: this
        // one was further from the gate's reference than from the touch.
        self.fruitless = match desk.submit(&Wish::close(purpose, side, price, left)) {
            Err(_) => self.fruitless.saturating_sub(1),
            Ok(()) if slip < most => self.fruitless.saturating_add(1),
            Ok(()) => self.fruitless,
        };
    }

    /// The venue refused an order for being too small. Where what is left is worth less than its
    /// smallest order that is the end of it: it is dust. Where it is worth more the venue is not
    /// understood, and it is tried again.
    pub(super) fn too_small(&mut self, desk: &Desk<'_>, order: &Order) {
        let closing = matches!(order.purpose, Purpose::Exit | Purpose::Flatten);
        let Some(position) = desk.position().filter(|_| closing) else { return };
        let price = position.mark().unwrap_or(order.price);
        let worth = desk.instrument.value(price, position.qty().abs());
        if worth < desk.instrument.min_notional() {
            self.too_small = true;
            self.next_ns = i64::MIN;
        } else {
            // A part that is too small to be closed: all of it is closed.
            self.keep = Qty::ZERO;
        }
    }

    /// One of our orders in this instrument traded: the next attempt need not wait or widen.
    pub(super) const fn traded(&mut self) {
        self.fruitless = 0;
        self.too_small = false;
        self.next_ns = i64::MIN;
    }

    /// Whoever was asked what the venue holds may be gone: ask again.
    pub(super) const fn ask_again(&mut self) {
        if matches!(self.phase, Phase::Verifying { .. }) {
            self.next_ns = i64::MIN;
        }
    }

    fn verify(&mut self, desk: &mut Desk<'_>, request: &mut u32) {
        *request = request.wrapping_add(1);
        self.phase = Phase::Verifying { request: *request };
        self.next_ns = desk.now_ns.saturating_add(desk.limits.close_deadline_ns);
        desk.out.push(CommandOf::ReadAccount { request: *request });
    }

    /// The venue says what it holds. Whether the job is done.
    pub(super) fn reported(
        &mut self,
        desk: &mut Desk<'_>,
        report: &PositionReport,
    ) -> Option<Closed> {
        let awaited =
            matches!(self.phase, Phase::Verifying { request } if request == report.request);
        if !awaited {
            return None;
        }
        let risky =
            desk.orders.of(desk.id()).iter().any(|live| RISKY.contains(&live.order.purpose));
        let ours = desk.portfolio.qty(desk.id());
        let dust = self.too_small && report.position == ours && !ours.is_flat();
        let held = report.position.abs() > self.keep && !dust;
        if held || risky {
            self.phase = Phase::Closing;
            self.too_small = false;
            // Orders that are being cancelled end in their own time: not asked about at once.
            let again = desk.now_ns.saturating_add(desk.limits.close_retry_ns);
            self.next_ns = if held { i64::MIN } else { again };
            return None;
        }
        if dust {
            let (instrument, position) = (desk.id(), report.position);
            desk.out.notice(Notice::Dust { instrument, position });
            return Some(Closed { attempts: self.attempts, dust: position });
        }
        if self.keep.is_zero() {
            let scope = Scope::Instrument(desk.id());
            let took_ns = desk.now_ns.saturating_sub(self.started_ns);
            let (reason, attempts) = (self.reason, self.attempts);
            desk.out.notice(Notice::Flat { scope, reason, took_ns, attempts });
        }
        Some(Closed { attempts: self.attempts, dust: NetQty::FLAT })
    }

    fn say_if_late(&mut self, desk: &mut Desk<'_>) {
        if desk.now_ns < self.late_ns {
            return;
        }
        self.late_ns = desk.now_ns.saturating_add(desk.limits.close_deadline_ns);
        desk.out.notice(Notice::FlattenLate {
            scope: Scope::Instrument(desk.id()),
            age_ns: desk.now_ns.saturating_sub(self.started_ns),
            attempts: self.attempts,
        });
    }
}
