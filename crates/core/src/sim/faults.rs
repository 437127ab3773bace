//! What a script can do to the venue: each is an input like all others.

use crate::domain::{InstrumentId, Price, Qty, RejectReason};
use crate::sim::AccountId;
use crate::sim::venue::Venue;

/// What a script wants to happen to an account's next order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is rejected for this reason.
    Reject(RejectReason),
    /// It trades no more than this at once; what is left of it is cancelled.
    PartialFill(Qty),
}

impl Venue {
    /// Let this happen to the account's next order; `None` takes it back.
    pub fn set_fault(&mut self, account: AccountId, fault: Option<Fault>) {
        if let Some(owner) = self.account_mut(account) {
            owner.fault = fault;
        }
    }

    /// Open or close the window in which only post-only orders are taken, as after an upgrade of
    /// Hyperliquid's network. Orders that wait for the mark are taken, and cancelled when they go
    /// off (assumed).
    pub fn set_post_only_window(&mut self, open: bool) {
        self.post_only = open;
    }

    /// A wild price: mark and oracle are this, whatever the market says, until `None`.
    pub fn force_mark(&mut self, instrument: InstrumentId, price: Option<Price>, now: i64) {
        let Some(market) = self.market_mut(instrument) else { return };
        market.marks.forced = price;
        let natural = market.marks.natural;
        if let Some(mark) = price.or(natural) {
            self.set_mark(instrument, mark, now);
            if let Some(market) = self.market_mut(instrument) {
                market.marks.natural = natural;
            }
        }
        self.settle(now);
    }
}
