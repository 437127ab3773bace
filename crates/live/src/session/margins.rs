//! How positions are margined: the venue is told of every instrument for which the engine counts on
//! money being set aside. Until it has agreed nothing that adds risk is sent; what protects is.

use flyball_core::domain::{Instrument, InstrumentId, NEVER};
use flyball_core::engine::Engine;
use flyball_venues::hyperliquid::sign::Envelope;
use flyball_venues::hyperliquid::{Action, post_body};

use crate::outbox::Ahead;
use crate::session::heard::{AccountView, Answered};
use crate::session::reads::again_after;
use crate::session::{Session, Wanted};

/// What the venue is still to be told.
#[derive(Debug)]
pub(super) struct Margins {
    /// Instruments and leverages that the engine counts on.
    wanted: Vec<(InstrumentId, u16)>,
    /// Those of them to which the venue has not agreed.
    open: Vec<(InstrumentId, u16)>,
    /// How many answers are awaited.
    awaited: usize,
    due_ns: i64,
    tries: u32,
}

impl Margins {
    /// What the engine counts on.
    pub(super) fn new(engine: &Engine) -> Self {
        let all = engine.instruments().iter().map(Instrument::id);
        let alone = |id| Some((id, engine.portfolio().isolated(id)?));
        let wanted: Vec<_> = all.filter_map(alone).collect();
        Self { open: wanted.clone(), wanted, awaited: 0, due_ns: NEVER, tries: 0 }
    }

    /// Whether the venue has agreed to everything.
    pub(super) const fn is_agreed(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether the venue has agreed, or had its first chance to.
    pub(super) const fn is_told(&self) -> bool {
        self.open.is_empty() || self.tries > 0
    }

    /// Instruments that the venue says share the account's money, though they should not.
    fn reopen(&mut self, shared: &[(InstrumentId, u16)]) {
        let open: Vec<_> = self.open.iter().map(|(id, _)| *id).collect();
        self.open.extend(shared.iter().filter(|(id, _)| !open.contains(id)));
    }

    pub(super) const fn due_ns(&self) -> i64 {
        self.due_ns
    }
}

impl<A: Ahead> Session<A> {
    /// Tell the venue, unless it is being told.
    pub(super) fn tell_margins(&mut self, now_ns: i64) {
        if self.margins.awaited > 0 || self.margins.is_agreed() {
            return;
        }
        self.margins.due_ns = NEVER;
        for (instrument, leverage) in self.margins.open.clone() {
            if let Some(body) = self.leverage_body(instrument, leverage, now_ns) {
                self.margins.awaited += 1;
                self.counts.actions += 1;
                self.budget.take(1, 1, now_ns);
                self.post(Wanted::Leverage(instrument), body, now_ns);
            }
        }
        if self.margins.awaited == 0 {
            self.tell_again(now_ns);
        }
    }

    pub(super) fn margins_due(&mut self, now_ns: i64) {
        if now_ns >= self.margins.due_ns && self.link.is_up() {
            self.tell_margins(now_ns);
        }
    }

    fn leverage_body(
        &mut self,
        instrument: InstrumentId,
        leverage: u16,
        now_ns: i64,
    ) -> Option<Vec<u8>> {
        let asset = self.wire.asset_number(instrument)?;
        let leverage = u32::from(leverage);
        let action = Action::UpdateLeverage { asset, is_cross: false, leverage };
        let millis = now_ns.max(0).unsigned_abs() / 1_000_000;
        let envelope = Envelope::new(self.outbox.next_nonce(millis));
        let signature = self.signer.sign(&action, &envelope).ok()?;
        post_body(&action, &envelope, &signature).ok()
    }

    /// The venue agreed, or did not, or it is not known.
    pub(super) fn margin_answered(
        &mut self,
        instrument: InstrumentId,
        answered: &Answered,
        now_ns: i64,
    ) {
        self.margins.awaited = self.margins.awaited.saturating_sub(1);
        match answered {
            Answered::Each(_) => self.margins.open.retain(|(id, _)| *id != instrument),
            Answered::Refused(_) => self.counts.margins_refused += 1,
            Answered::Unclear | Answered::NonceUsed | Answered::Busy => {}
        }
        if self.margins.awaited == 0 && !self.margins.is_agreed() {
            self.tell_again(now_ns);
        }
        self.know(now_ns);
    }

    /// The venue says how positions are margined: where one shares the account's money and should
    /// not, nothing is added until it is gone and the venue has agreed again.
    pub(super) fn check_margins(&mut self, state: &AccountView, now_ns: i64) {
        let wanted = &self.margins.wanted;
        let shared = state.held.iter().filter(|held| !held.isolated);
        let shared = shared.filter_map(|held| wanted.iter().find(|it| it.0 == held.instrument));
        let shared: Vec<_> = shared.copied().collect();
        if !shared.is_empty() {
            self.margins.reopen(&shared);
            if self.margins.due_ns == NEVER {
                self.tell_again(now_ns);
            }
        }
    }

    fn tell_again(&mut self, now_ns: i64) {
        let wait = again_after(self.margins.tries);
        self.margins.tries += 1;
        self.margins.due_ns = now_ns.saturating_add(wait);
    }
}
