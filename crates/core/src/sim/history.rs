//! Orders of an account that have ended, for those who ask.

use crate::sim::order::{OrderRecord, OrderRef};

/// How many an account's history holds.
pub(super) const REMEMBERED: usize = 2_048;

/// The last orders that ended. Room for all of them is made once.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    kept: Vec<OrderRecord>,
    next: usize,
}

impl History {
    pub(super) fn new() -> Self {
        Self { kept: Vec::with_capacity(REMEMBERED), next: 0 }
    }

    pub(super) fn push(&mut self, record: OrderRecord) {
        if self.kept.len() < REMEMBERED {
            self.kept.push(record);
        } else if let Some(place) = self.kept.get_mut(self.next) {
            *place = record;
            self.next = self.next.wrapping_add(1) % REMEMBERED;
        }
    }

    /// The newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &OrderRecord> {
        let (newer, older) = self.kept.split_at_checked(self.next).unwrap_or((&[], &[]));
        newer.iter().rev().chain(older.iter().rev())
    }

    pub(super) fn find(&self, which: OrderRef) -> Option<&OrderRecord> {
        self.iter().find(|record| record.is(which))
    }
}
