//! What the venue tells: its accounts, and everybody.

use crate::domain::{Body, Money, NetQty, Price, Trade};
use crate::sim::order::OrderRecord;

/// Which account at the venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u16);

impl AccountId {
    /// The first account.
    pub const FIRST: Self = Self(0);
    /// The venue's own: it takes over what cannot be liquidated in the book.
    pub const BACKSTOP: Self = Self(u16::MAX);

    /// The account with this index.
    pub fn new(index: usize) -> Self {
        Self(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Its index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Something that the venue tells one of its accounts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Who is told.
    pub account: AccountId,
    /// When, by the venue's clock.
    pub time_ns: i64,
    /// What.
    pub body: Body<'static>,
    /// The order that it is about, as it is by now.
    pub order: Option<OrderRecord>,
    /// With a fill: what else there is to know of it.
    pub traded: Option<Traded>,
}

/// Why something traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Orders met.
    Order,
    /// The venue sold off somebody's position in the book.
    Liquidation,
    /// The venue took over somebody's position.
    Backstop,
    /// The venue closed a position against one that nobody could carry any more.
    Deleveraging,
}

/// What there is to know of a fill beside the fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traded {
    /// The position before it.
    pub before: NetQty,
    /// What it realised, before its fee.
    pub realised: Money,
    /// Who stood on the other side; `None` for the market's others.
    pub other: Option<AccountId>,
    /// Why.
    pub cause: Cause,
    /// Whose position the venue liquidated by it.
    pub liquidated: Option<AccountId>,
    /// The mark at that moment.
    pub mark: Option<Price>,
}

/// A trade that an account took part in, as everybody sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublicTrade {
    /// When.
    pub time_ns: i64,
    /// The trade; its number is that of the accounts' fills.
    pub trade: Trade,
    /// Who bought; `None` for one of the market's others.
    pub buyer: Option<AccountId>,
    /// Who sold.
    pub seller: Option<AccountId>,
}
