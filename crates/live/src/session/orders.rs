//! Our orders as the session follows them, so that the engine hears of an order's end only after
//! it has heard of all its fills: the venue tells the two on different streams.

use std::collections::{BTreeMap, VecDeque};

use flyball_core::domain::{
    Body, ClientOrderId, InstrumentId, MILLISECOND, Order, OrderKind, OrderReport, Qty, SECOND,
    Status, TimeInForce, VenueOrderId,
};

use crate::session::heard::{OrderNews, Placed};

/// Fills that are missing are asked for after this long.
const ASK_AFTER_NS: i64 = 500 * MILLISECOND;
/// An order's end is told after this long, although fills of it seem to be missing: the account's
/// positions are read then.
const GIVE_UP_NS: i64 = 8 * SECOND;

#[derive(Clone, Copy, Debug)]
struct End {
    status: Status,
    /// What must have been filled before it is told.
    filled: Option<Qty>,
    since_ns: i64,
    asked: bool,
}

#[derive(Clone, Copy, Debug)]
struct Mine {
    instrument: InstrumentId,
    qty: Qty,
    immediate: bool,
    stop: bool,
    venue_order_id: u64,
    filled: Qty,
    end: Option<End>,
}

/// Our orders that have not ended.
#[derive(Debug, Default)]
pub(super) struct Orders {
    mine: BTreeMap<ClientOrderId, Mine>,
    /// Those that ended last.
    ended: VecDeque<ClientOrderId>,
}

/// So many of those that ended are remembered.
const ENDED: usize = 64;

/// What to do about ends that wait for fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing.
    Nothing,
    /// Ask for fills.
    Fills,
    /// Read the account: an end was told without all its fills.
    Account,
}

impl Orders {
    /// An order is on its way; or, after a restart, was.
    pub(super) fn sent(&mut self, order: &Order, filled: Qty) {
        let immediate = order.kind == OrderKind::Limit(TimeInForce::ImmediateOrCancel);
        let stop = matches!(order.kind, OrderKind::Stop { .. });
        let (instrument, qty) = (order.instrument, order.qty);
        let mine = Mine { instrument, qty, immediate, stop, venue_order_id: 0, filled, end: None };
        self.mine.insert(order.client_order_id, mine);
    }

    /// Whether we know of it.
    pub(super) fn knows(&self, id: ClientOrderId) -> bool {
        self.mine.contains_key(&id)
    }

    /// Whether the venue has never said anything of it.
    pub(super) fn is_unheard(&self, id: ClientOrderId) -> bool {
        self.mine.get(&id).is_some_and(|mine| mine.venue_order_id == 0 && mine.end.is_none())
    }

    /// The venue has it, under this id.
    pub(super) fn heard(&mut self, id: ClientOrderId, venue_order_id: u64) {
        if let Some(mine) = self.mine.get_mut(&id) {
            mine.venue_order_id = venue_order_id;
        }
    }

    /// All of them, with their instruments.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ClientOrderId, InstrumentId)> + '_ {
        self.mine.iter().map(|(id, mine)| (*id, mine.instrument))
    }

    /// One of ours traded; the engine is told of it before this.
    pub(super) fn filled(&mut self, id: ClientOrderId, qty: Qty, told: &mut Vec<Body<'static>>) {
        let Some(mine) = self.mine.get_mut(&id) else { return };
        mine.filled = mine.filled.plus(qty);
        // The engine ends an order by its last fill.
        if mine.filled >= mine.qty && !mine.stop {
            self.mine.remove(&id);
            self.note_end(id);
            return;
        }
        self.settle(id, told);
    }

    /// The venue answered the action that placed it.
    pub(super) fn placed(
        &mut self,
        id: ClientOrderId,
        placed: Placed,
        now_ns: i64,
        told: &mut Vec<Body<'static>>,
    ) {
        let Some(mine) = self.mine.get_mut(&id) else { return };
        match placed {
            Placed::Resting { venue_order_id } => {
                mine.venue_order_id = venue_order_id;
                told.push(report(id, mine, Status::Working));
            }
            Placed::Filled { venue_order_id, qty } => {
                mine.venue_order_id = venue_order_id;
                let status = if qty >= mine.qty || mine.stop {
                    Status::Filled
                } else if mine.immediate {
                    let reason = flyball_core::domain::CancelReason::Unfilled;
                    Status::Cancelled(reason)
                } else {
                    told.push(report(id, mine, Status::Working));
                    return;
                };
                self.end(id, status, Some(qty), now_ns, told);
            }
            Placed::Rejected(reason) => {
                self.end(id, Status::Rejected(reason), None, now_ns, told);
            }
            Placed::Unfilled => {
                let status = Status::Cancelled(flyball_core::domain::CancelReason::Unfilled);
                self.end(id, status, None, now_ns, told);
            }
            // The streams tell; or the engine asks.
            Placed::Done | Placed::Unclear => {}
        }
    }

    /// The venue says what became of one of ours.
    pub(super) fn news(
        &mut self,
        id: ClientOrderId,
        news: &OrderNews,
        now_ns: i64,
        told: &mut Vec<Body<'static>>,
    ) {
        let Some(mine) = self.mine.get_mut(&id) else { return };
        mine.venue_order_id = news.venue_order_id;
        match news.status {
            Status::Working | Status::Triggered | Status::Unknown => {
                told.push(report(id, mine, news.status));
            }
            Status::Filled => {
                let expected = if mine.stop { None } else { Some(mine.qty) };
                self.end(id, Status::Filled, expected, now_ns, told);
            }
            status => {
                let expected = if mine.stop { None } else { news.filled };
                self.end(id, status, expected, now_ns, told);
            }
        }
    }

    /// It never reached the venue, and never will.
    pub(super) fn never_arrived(&mut self, id: ClientOrderId, told: &mut Vec<Body<'static>>) {
        if let Some(mine) = self.mine.remove(&id) {
            told.push(report(id, &mine, Status::NotFound));
        }
    }

    fn end(
        &mut self,
        id: ClientOrderId,
        status: Status,
        filled: Option<Qty>,
        now_ns: i64,
        told: &mut Vec<Body<'static>>,
    ) {
        let Some(mine) = self.mine.get_mut(&id) else { return };
        if mine.end.is_none() {
            mine.end = Some(End { status, filled, since_ns: now_ns, asked: false });
        }
        self.settle(id, told);
    }

    fn settle(&mut self, id: ClientOrderId, told: &mut Vec<Body<'static>>) {
        let Some(mine) = self.mine.get(&id) else { return };
        let Some(end) = mine.end else { return };
        // How much a stop that follows its position fills is not known before.
        let fired = mine.stop && end.status == Status::Filled;
        let complete = match end.filled {
            Some(filled) => mine.filled >= filled,
            None => !fired || !mine.filled.is_zero(),
        };
        if complete {
            told.push(report(id, mine, end.status));
            self.mine.remove(&id);
            self.note_end(id);
        }
    }

    fn note_end(&mut self, id: ClientOrderId) {
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(id);
    }

    /// Whether it ended of late: an account that was read a moment before may still show it. That
    /// excuses it once.
    pub(super) fn has_just_ended(&mut self, id: ClientOrderId) -> bool {
        let at = self.ended.iter().position(|ended| *ended == id);
        at.and_then(|at| self.ended.remove(at)).is_some()
    }

    /// When an end has waited for its fills for too long.
    pub(super) fn due_ns(&self) -> Option<i64> {
        let ends = self.mine.values().filter_map(|mine| mine.end);
        let due = ends.map(|end| {
            let wait = if end.asked { GIVE_UP_NS } else { ASK_AFTER_NS };
            end.since_ns.saturating_add(wait)
        });
        due.min()
    }

    /// Ends that have waited for too long.
    pub(super) fn missing(&mut self, now_ns: i64, told: &mut Vec<Body<'static>>) -> Missing {
        let mut missing = Missing::Nothing;
        let mut over = Vec::new();
        for (id, mine) in &mut self.mine {
            let Some(end) = &mut mine.end else { continue };
            let waited = now_ns.saturating_sub(end.since_ns);
            if waited >= GIVE_UP_NS {
                over.push(*id);
            } else if waited >= ASK_AFTER_NS && !end.asked {
                end.asked = true;
                missing = Missing::Fills;
            }
        }
        for id in over {
            if let Some(mine) = self.mine.remove(&id)
                && let Some(end) = mine.end
            {
                told.push(report(id, &mine, end.status));
                missing = Missing::Account;
            }
        }
        missing
    }
}

fn report(client_order_id: ClientOrderId, mine: &Mine, status: Status) -> Body<'static> {
    Body::Order(OrderReport {
        instrument: mine.instrument,
        client_order_id,
        venue_order_id: VenueOrderId::new(mine.venue_order_id),
        status,
    })
}
