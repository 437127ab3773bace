//! What happened to an account, as far as the venue tells it.

use std::collections::{BTreeMap, VecDeque};

use flyball_core::domain::{Fill, InstrumentId, Money, NetQty, Rate};
use flyball_core::sim::{ClientId, Traded};
use serde_json::Value;

/// Rows that are kept of each kind: as many as the venue tells of fills in all.
const KEPT: usize = 10_000;

/// One fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FillRow {
    /// When.
    pub(crate) time_ms: i64,
    /// The fill.
    pub(crate) fill: Fill,
    /// What else there is to know.
    pub(crate) traded: Option<Traded>,
    /// The client's id of the order.
    pub(crate) client_id: ClientId,
    /// Number of the transaction.
    pub(crate) hash: u64,
}

/// One payment of funding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FundingRow {
    /// When.
    pub(crate) time_ms: i64,
    /// For what.
    pub(crate) instrument: InstrumentId,
    /// What cash gained.
    pub(crate) amount: Money,
    /// What was held.
    pub(crate) held: NetQty,
    /// At this rate.
    pub(crate) rate: Rate,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LedgerRow {
    /// When.
    pub(crate) time_ms: i64,
    /// Number of the transaction.
    pub(crate) hash: u64,
    /// What happened, as the venue writes it.
    pub(crate) delta: Value,
}

/// What an account was worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worth {
    /// When.
    pub(crate) time_ms: i64,
    /// Equity.
    pub(crate) equity: Money,
    /// What was put in until then.
    pub(crate) deposited: Money,
    /// What was traded until then.
    pub(crate) volume: Money,
}

/// Funding that a position paid: positive was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FundingPaid {
    /// Since the beginning.
    pub(crate) all: Money,
    /// Since the position was opened.
    pub(crate) since_open: Money,
    /// Since it last changed.
    pub(crate) since_change: Money,
}

impl Default for FundingPaid {
    fn default() -> Self {
        Self { all: Money::ZERO, since_open: Money::ZERO, since_change: Money::ZERO }
    }
}

/// An account's history. What is too old falls out.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Fills, oldest first.
    pub(crate) fills: VecDeque<FillRow>,
    /// Payments of funding, oldest first.
    pub(crate) fundings: VecDeque<FundingRow>,
    /// The ledger without funding, oldest first.
    pub(crate) ledger: VecDeque<LedgerRow>,
    /// Hourly.
    pub(crate) worth: VecDeque<Worth>,
    /// By instrument.
    pub(crate) funding_paid: BTreeMap<InstrumentId, FundingPaid>,
}

fn keep<T>(rows: &mut VecDeque<T>, row: T) {
    if rows.len() == KEPT {
        rows.pop_front();
    }
    rows.push_back(row);
}

impl History {
    pub(crate) fn fill(&mut self, row: FillRow) {
        let paid = self.funding_paid.entry(row.fill.instrument).or_default();
        paid.since_change = Money::ZERO;
        let before = row.traded.map_or(NetQty::FLAT, |traded| traded.before);
        let after = before.plus(row.fill.qty.signed(row.fill.side));
        if before.is_flat() || after.is_flat() || before.is_long() != after.is_long() {
            paid.since_open = Money::ZERO;
        }
        keep(&mut self.fills, row);
    }

    pub(crate) fn funding(&mut self, row: FundingRow) {
        let paid = self.funding_paid.entry(row.instrument).or_default();
        let amount = row.amount.negated();
        paid.all = paid.all.plus(amount);
        paid.since_open = paid.since_open.plus(amount);
        paid.since_change = paid.since_change.plus(amount);
        keep(&mut self.fundings, row);
    }

    pub(crate) fn ledger(&mut self, row: LedgerRow) {
        keep(&mut self.ledger, row);
    }

    pub(crate) fn worth(&mut self, row: Worth) {
        keep(&mut self.worth, row);
    }
}

/// Rows of a time range, oldest first, at most so many.
pub(crate) fn page<'a, T>(
    rows: impl Iterator<Item = &'a T>,
    time: impl Fn(&T) -> i64,
    (from_ms, to_ms): (i64, i64),
    most: usize,
) -> Vec<&'a T> {
    rows.filter(|row| (from_ms..=to_ms).contains(&time(row))).take(most).collect()
}
