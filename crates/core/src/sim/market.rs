//! One instrument at the simulated venue: its book, the orders of ours that rest in it, the stops
//! that wait for its mark.

use crate::book::{Best, Book};
use crate::domain::{Instrument, Level, Order, Price, Qty, Side, Trade, VenueOrderId};
use crate::sim::AccountId;
use crate::sim::queue::{Place, QueueModel};

/// An order that rests or waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub(super) account: AccountId,
    pub(super) order: Order,
    pub(super) venue_order_id: VenueOrderId,
    pub(super) remaining: Qty,
    pub(super) place: Place,
}

/// What our orders took from a level that a recording still shows.
#[derive(Clone, Copy, Debug)]
struct Taken {
    side: Side,
    price: Price,
    shown: Qty,
    qty: Qty,
}

/// A trade between a resting order of ours and the market.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    /// Index of the resting order.
    pub(super) at: usize,
    /// How much of it trades.
    pub(super) qty: Qty,
}

/// One instrument at the simulated venue.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) instrument: Instrument,
    pub(super) book: Book,
    pub(super) resting: Vec<Resting>,
    pub(super) stops: Vec<Resting>,
    taken: Vec<Taken>,
    pub(super) mark: Option<Price>,
    pub(super) oracle: Option<Price>,
    /// Whether the venue itself says what the mark is.
    pub(super) has_venue_mark: bool,
    model: QueueModel,
}

/// Levels that one taking order can walk through at a time.
pub(super) const WALK: usize = 32;

impl Market {
    pub(super) fn new(instrument: &Instrument, model: QueueModel) -> Self {
        Self {
            instrument: instrument.clone(),
            book: Book::new(instrument),
            resting: Vec::with_capacity(64),
            stops: Vec::with_capacity(16),
            taken: Vec::with_capacity(64),
            mark: None,
            oracle: None,
            has_venue_mark: false,
            model,
        }
    }

    /// Whether an order at this price would trade at once.
    pub(super) fn would_trade(&self, side: Side, price: Price) -> bool {
        let best = self.book.best().map(|best| best.level(side.opposite()).price);
        best.is_some_and(|best| price.crosses(side, best))
    }

    /// What an order on `side` up to `limit` finds: levels with what is left of them, best first.
    pub(super) fn find(&self, side: Side, limit: Price) -> ([Level; WALK], usize) {
        let mut found = [Level::default(); WALK];
        let mut count: usize = 0;
        let levels = self.book.liquidity(side.opposite());
        for level in levels.take_while(|level| limit.crosses(side, level.price)) {
            let left = self.left(side.opposite(), level);
            let Some(place) = found.get_mut(count) else { break };
            if !left.is_zero() {
                *place = Level { price: level.price, qty: left };
                count = count.saturating_add(1);
            }
        }
        (found, count)
    }

    fn left(&self, side: Side, level: Level) -> Qty {
        let taken = self.taken.iter().find(|taken| {
            taken.side == side && taken.price == level.price && taken.shown == level.qty
        });
        level.qty.minus(taken.map_or(Qty::ZERO, |taken| taken.qty))
    }

    /// An order on `side` took `qty` from the level at `price` of the other side.
    pub(super) fn take(&mut self, side: Side, price: Price, qty: Qty) {
        let other = side.opposite();
        let best = self.book.best().map(|best| best.level(other));
        let shown = best
            .filter(|level| level.price == price)
            .map_or_else(|| self.book.qty_at(other, price), |level| level.qty);
        let known = self.taken.iter_mut().find(|taken| taken.side == other && taken.price == price);
        match known {
            Some(taken) if taken.shown == shown => taken.qty = taken.qty.plus(qty),
            Some(taken) => *taken = Taken { side: other, price, shown, qty },
            None => {
                if self.taken.len() == self.taken.capacity() {
                    self.taken.remove(0);
                }
                self.taken.push(Taken { side: other, price, shown, qty });
            }
        }
    }

    /// Rest an order at the end of its level's queue, after those of ours with the same price.
    pub(super) fn rest(&mut self, mut resting: Resting) {
        let (side, price) = (resting.order.side, resting.order.price);
        resting.place = Place::join(self.model, self.book.qty_at(side, price));
        self.resting.push(resting);
    }

    /// The book changed: orders move in their queues.
    pub(super) fn update_places(&mut self) {
        let (book, model) = (&self.book, self.model);
        for resting in &mut self.resting {
            let (side, price) = (resting.order.side, resting.order.price);
            let shown = book.qty_at(side, price);
            // Nothing shown beyond the visible part of a book means nothing is known of it.
            if !shown.is_zero() || book.reaches(side, price) {
                resting.place.shows(model, shown);
            }
        }
    }

    /// The resting order that the other side of the book now reaches, with what it finds there.
    pub(super) fn crossed(&self, best: Best) -> Option<Match> {
        let reached = |resting: &Resting| {
            resting
                .order
                .price
                .crosses(resting.order.side, best.level(resting.order.side.opposite()).price)
        };
        let at = self.resting.iter().position(reached)?;
        let resting = self.resting.get(at)?;
        let (found, count) = self.find(resting.order.side, resting.order.price);
        let there = found.iter().take(count).fold(Qty::ZERO, |sum, level| sum.plus(level.qty));
        let qty = there.min(resting.remaining);
        (!qty.is_zero()).then_some(Match { at, qty })
    }

    /// A trade of others: the next resting order of ours that it reaches, from index `from` on.
    /// `left` is what the trade has not yet given to our orders.
    pub(super) fn traded(&mut self, trade: &Trade, from: usize, left: Qty) -> Option<Match> {
        let maker_side = trade.aggressor.opposite();
        for at in from..self.resting.len() {
            let resting = self.resting.get_mut(at)?;
            let (side, price) = (resting.order.side, resting.order.price);
            if side != maker_side {
                continue;
            }
            // It traded beyond our price: everything at our price went first.
            let through = price.better(side, trade.price);
            let reaches = if through {
                resting.remaining
            } else if price == trade.price {
                resting.place.trade(trade.qty).min(left)
            } else {
                continue;
            };
            let qty = reaches.min(resting.remaining);
            if !qty.is_zero() {
                return Some(Match { at, qty });
            }
        }
        None
    }
}
