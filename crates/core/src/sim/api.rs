//! What a venue can be asked that is served to several accounts.

use crate::domain::VenueOrderId;
use crate::domain::{
    CancelReason, InstrumentId, Level, Money, Price, Qty, RejectReason, Side, Status,
};
use crate::sim::order::{Grouping, Life, OrderRecord, OrderRef, VenueOrder};
use crate::sim::report::PublicTrade;
use crate::sim::{AccountId, Venue};

/// A fault that a script wants to see at an account's next order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is rejected for this reason.
    Reject(RejectReason),
    /// It trades no more than this at once; what is left of it is cancelled.
    PartialFill(Qty),
}

/// Why an order could not be modified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModifyError {
    /// It does not rest or wait, or is of another instrument.
    #[error("no such order rests or waits")]
    NotLive,
    /// What it was to become would be rejected. It stays as it is.
    #[error("the new order would be rejected")]
    Rejected(RejectReason),
}

/// Why a leverage was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeverageError {
    /// No such account or instrument.
    #[error("no such account or instrument")]
    Unknown,
    /// Isolated margin is not offered.
    #[error("isolated margin is not offered, only cross")]
    Isolated,
    /// Not between one and the highest.
    #[error("must lie between 1 and {max}")]
    OutOfRange {
        /// The highest that the instrument's tiers allow.
        max: u16,
    },
    /// The account's money does not carry its positions at this leverage.
    #[error("the account's margin does not carry its positions at this leverage")]
    Margin,
}

/// How a position is margined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarginMode {
    /// By all of the account's money.
    Cross,
    /// By money set aside for it. Not offered.
    Isolated,
}

/// A level of the book with everybody's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthLevel {
    /// Price and size.
    pub level: Level,
    /// Orders of accounts in it; the market's others count as one.
    pub orders: u32,
}

/// Whether everything is accounted for: both are zero, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Money in all accounts, the backstop's, the others' and fees, less what was put in.
    pub money: Money,
    /// Lots by which positions of all sides do not cancel out, over all instruments.
    pub lots: u64,
}

impl Venue {
    /// Open an account. `None` when there are 65 535.
    pub fn open_account(&mut self, cash: Money) -> Option<AccountId> {
        let _ = cash;
        None
    }

    /// An order arrives over the wire. For venues that are served: the engine's come by
    /// [`Venue::submit`].
    pub fn place(&mut self, account: AccountId, order: &VenueOrder, now: i64) -> OrderRecord {
        OrderRecord {
            account,
            venue_order_id: VenueOrderId::new(0),
            order: *order,
            life: Life::Ended(Status::Rejected(RejectReason::Other)),
            remaining: order.qty,
            filled: Qty::ZERO,
            paid: Money::ZERO,
            triggered: false,
            placed_ns: now,
            changed_ns: now,
        }
    }

    /// Orders that belong together arrive over the wire. What became of each, in their order.
    pub fn place_group(
        &mut self,
        account: AccountId,
        grouping: Grouping,
        orders: &[VenueOrder],
        now: i64,
    ) -> Vec<OrderRecord> {
        let _ = grouping;
        orders.iter().map(|order| self.place(account, order, now)).collect()
    }

    /// Put another order in the place of one that rests or waits. All of it happens, or nothing.
    ///
    /// # Errors
    ///
    /// [`ModifyError`]; the order is then as it was.
    pub fn modify(
        &mut self,
        account: AccountId,
        which: OrderRef,
        order: &VenueOrder,
        now: i64,
    ) -> Result<OrderRecord, ModifyError> {
        let _ = (account, which, order, now);
        Err(ModifyError::NotLive)
    }

    /// Cancel an order by either id. `None` when it does not rest or wait.
    pub fn cancel_order(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        which: OrderRef,
        now: i64,
    ) -> Option<OrderRecord> {
        let _ = (account, instrument, which, now);
        None
    }

    /// Cancel all orders of an account, triggers too. How many there were.
    pub fn cancel_all(&mut self, account: AccountId, reason: CancelReason, now: i64) -> u32 {
        let _ = (account, reason, now);
        0
    }

    /// An order, by either id: one that rests or waits, or one of the last 2 048 that ended.
    pub fn order(&self, account: AccountId, which: OrderRef) -> Option<&OrderRecord> {
        let _ = (account, which);
        None
    }

    /// The account's orders that rest or wait, instrument by instrument, oldest first.
    pub fn orders(&self, account: AccountId) -> impl Iterator<Item = &OrderRecord> {
        let _ = account;
        std::iter::empty()
    }

    /// The account's orders that ended, the newest first: the last 2 048.
    pub fn history(&self, account: AccountId) -> impl Iterator<Item = &OrderRecord> {
        let _ = account;
        std::iter::empty()
    }

    /// Set the leverage that an account opens positions with.
    ///
    /// # Errors
    ///
    /// [`LeverageError`]; the leverage is then as it was.
    pub fn set_leverage(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        mode: MarginMode,
        leverage: u16,
    ) -> Result<(), LeverageError> {
        let _ = (account, instrument, mode, leverage);
        Err(LeverageError::Unknown)
    }

    /// The leverage that the account opens positions with; 0 for none such.
    pub fn leverage(&self, account: AccountId, instrument: InstrumentId) -> u16 {
        let _ = (account, instrument);
        0
    }

    /// Initial margin of the account's position in an instrument, at the mark.
    pub fn position_margin(&self, account: AccountId, instrument: InstrumentId) -> Money {
        let _ = (account, instrument);
        Money::UNKNOWN
    }

    /// Initial margin of all positions and orders of an account.
    pub fn margin_used(&self, account: AccountId) -> Money {
        let _ = account;
        Money::UNKNOWN
    }

    /// What may be taken out: equity less the larger of margin used and a tenth of all positions.
    pub fn withdrawable(&self, account: AccountId) -> Money {
        let _ = account;
        Money::UNKNOWN
    }

    /// Value of everything that the account traded.
    pub fn volume(&self, account: AccountId) -> Money {
        let _ = account;
        Money::UNKNOWN
    }

    /// Fees that the account paid.
    pub fn fees_paid(&self, account: AccountId) -> Money {
        let _ = account;
        Money::UNKNOWN
    }

    /// Open or close the window in which only post-only orders are taken.
    pub fn set_post_only_window(&mut self, open: bool) {
        let _ = open;
    }

    /// A scripted fault at the account's next order; `None` takes it back.
    pub fn set_fault(&mut self, account: AccountId, fault: Option<Fault>) {
        let _ = (account, fault);
    }

    /// A wild price: mark and oracle are this until `None` releases them.
    pub fn force_mark(&mut self, instrument: InstrumentId, price: Option<Price>, now: i64) {
        let _ = (instrument, price, now);
    }

    /// Put money into the backstop.
    pub fn fund_backstop(&mut self, amount: Money) {
        let _ = amount;
    }

    /// The oracle price of an instrument.
    pub fn oracle(&self, instrument: InstrumentId) -> Option<Price> {
        let _ = instrument;
        None
    }

    /// The best levels of one side with everybody's orders, at most `most`.
    pub fn depth(&self, instrument: InstrumentId, side: Side, most: usize) -> Vec<DepthLevel> {
        let _ = (instrument, side, most);
        Vec::new()
    }

    /// Keep trades of accounts for [`Venue::drain_trades`] from now on.
    pub fn publish_trades(&mut self) {}

    /// Trades that accounts took part in since last asked, in order.
    pub fn drain_trades(&mut self) -> impl Iterator<Item = PublicTrade> + '_ {
        std::iter::empty()
    }

    /// Whether every unit of money and every lot is accounted for.
    pub fn audit(&self) -> Audit {
        Audit { money: Money::UNKNOWN, lots: 0 }
    }
}
