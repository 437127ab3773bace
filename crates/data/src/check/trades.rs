//! Trades: twice, missing, far from their neighbours.

use std::collections::{HashSet, VecDeque};

use flyball_core::domain::Trade;

use crate::check::outliers::{Found, Neighbours, Point};
use crate::check::{CheckOptions, FindingKind, Findings, Place};

/// A trade that comes again after this many others is not found to be the same.
const REMEMBERED: usize = 1 << 16;

/// The trades of one instrument.
#[derive(Debug)]
pub(super) struct Trades {
    counted: bool,
    highest: u64,
    recent: HashSet<u64>,
    order: VecDeque<u64>,
    neighbours: Neighbours,
}

impl Trades {
    pub(super) fn new(options: &CheckOptions) -> Self {
        Self {
            counted: options.counts_trades,
            highest: 0,
            recent: HashSet::new(),
            order: VecDeque::new(),
            neighbours: Neighbours::new(options.max_trade_move),
        }
    }

    pub(super) fn add(&mut self, trade: &Trade, at: (i64, Place), findings: &mut Findings) {
        if trade.id != 0 {
            self.number(trade.id, at, findings);
        }
        let price = trade.price.ticks();
        if price <= 0 {
            let detail = || format!("trade {} at {price} ticks", trade.id);
            return findings.add(FindingKind::ImpossiblePrice, 1, at, detail);
        }
        let point = Point { price, low: price, high: price, time_ns: at.0, place: at.1 };
        self.neighbours.add(point, &mut |found| outlier(&found, findings));
    }

    pub(super) fn finish(&mut self, findings: &mut Findings) {
        self.neighbours.finish(&mut |found| outlier(&found, findings));
    }

    fn number(&mut self, id: u64, at: (i64, Place), findings: &mut Findings) {
        if !self.recent.insert(id) {
            return findings.add(FindingKind::DuplicateTrade, 1, at, || format!("trade {id}"));
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
        let expected = self.highest.saturating_add(1);
        if self.counted && self.highest != 0 && id > expected {
            let (missing, last) = (id.saturating_sub(expected), id.saturating_sub(1));
            let detail = || format!("{expected} to {last}");
            findings.add(FindingKind::MissingTrade, missing, at, detail);
        }
        self.highest = self.highest.max(id);
    }
}

fn outlier(found: &Found, findings: &mut Findings) {
    let Found { point, price, median } = found;
    let detail = || format!("{price} ticks, the median of its neighbours is {median}");
    findings.add(FindingKind::Outlier, 1, (point.time_ns, point.place), detail);
}
