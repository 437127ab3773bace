//! One instrument at the simulated venue: the book of the market's others, the orders of accounts
//! that rest in it, those that wait for its mark.

use crate::book::{Best, Book, BookState};
use crate::domain::{Instrument, Level, Price, Qty, Side, Trade};
use crate::sim::AccountId;
use crate::sim::order::{Life, OrderRecord};
use crate::sim::queue::{Place, QueueModel};

/// An order that rests or waits, or is at the market.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub(super) record: OrderRecord,
    pub(super) place: Place,
    /// Who joined the book earlier has the lower one.
    pub(super) rank: u64,
    /// Stop-loss and take-profit that go with each other have the same; 0 for none.
    pub(super) siblings: u64,
    /// Whether others wait for it to fill.
    pub(super) parent: bool,
}

impl Resting {
    pub(super) const fn new(record: OrderRecord) -> Self {
        Self { record, place: Place::NOWHERE, rank: 0, siblings: 0, parent: false }
    }

    pub(super) const fn side(&self) -> Side {
        self.record.order.side
    }

    pub(super) const fn price(&self) -> Price {
        self.record.order.price
    }

    /// Whether it comes before another one on its side: by price, then by time.
    const fn before(&self, price: Price, rank: u64) -> bool {
        let own = self.price();
        own.better(self.side(), price) || (own.ticks() == price.ticks() && self.rank < rank)
    }
}

/// What accounts took from a level that a recording still shows.
#[derive(Clone, Copy, Debug)]
struct Taken {
    side: Side,
    price: Price,
    shown: Qty,
    qty: Qty,
}

/// A trade between a resting order and the market's others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    /// Index of the resting order.
    pub(super) at: usize,
    /// How much of it trades.
    pub(super) qty: Qty,
}

/// The prices that the venue itself uses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// What positions are valued at.
    pub(super) mark: Option<Price>,
    /// The mark before it.
    pub(super) previous: Option<Price>,
    /// What the mark is when nothing is forced.
    pub(super) natural: Option<Price>,
    pub(super) oracle: Option<Price>,
    /// A wild price, while a script wants one.
    pub(super) forced: Option<Price>,
    /// Whether the venue itself says what the mark is.
    pub(super) from_venue: bool,
    /// At which price accounts traded last.
    pub(super) last: Option<Price>,
}

/// One instrument at the simulated venue.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) instrument: Instrument,
    pub(super) book: Book,
    pub(super) resting: Vec<Resting>,
    /// Orders that wait for the mark, or for a parent.
    pub(super) triggers: Vec<Resting>,
    pub(super) marks: Marks,
    taken: Vec<Taken>,
    joined: u64,
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
            triggers: Vec::with_capacity(16),
            marks: Marks::default(),
            taken: Vec::with_capacity(64),
            joined: 0,
            model,
        }
    }

    /// Orders that rest and orders that wait.
    pub(super) fn live(&self) -> impl Iterator<Item = &Resting> {
        self.resting.iter().chain(&self.triggers)
    }

    /// Whether an order at this price would trade at once with somebody else's.
    pub(super) fn would_trade(&self, account: AccountId, side: Side, price: Price) -> bool {
        let best = self.book.best().map(|best| best.level(side.opposite()).price);
        let others = |resting: &Resting| {
            resting.record.account != account
                && resting.side() != side
                && price.crosses(side, resting.price())
        };
        best.is_some_and(|best| price.crosses(side, best)) || self.resting.iter().any(others)
    }

    /// What an order on `side` up to `limit` finds of the market's others: levels with what is left
    /// of them, best first.
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

    /// The account's order that an order on `side` up to `limit` meets first.
    pub(super) fn meets(&self, side: Side, limit: Price) -> Option<usize> {
        let mut first: Option<(usize, &Resting)> = None;
        for (at, resting) in self.resting.iter().enumerate() {
            if resting.side() == side || !limit.crosses(side, resting.price()) {
                continue;
            }
            if first.is_none_or(|(_, first)| resting.before(first.price(), first.rank)) {
                first = Some((at, resting));
            }
        }
        first.map(|(at, _)| at)
    }

    /// What is left of a level after what accounts took from it.
    pub(super) fn left(&self, side: Side, level: Level) -> Qty {
        let taken = self.taken.iter().find(|taken| {
            taken.side == side && taken.price == level.price && taken.shown == level.qty
        });
        level.qty.minus(taken.map_or(Qty::ZERO, |taken| taken.qty))
    }

    /// An order on `side` took `qty` from the others' level at `price` of the other side.
    pub(super) fn take(&mut self, side: Side, price: Price, qty: Qty) {
        let other = side.opposite();
        for resting in &mut self.resting {
            if resting.side() == other && resting.price() == price {
                resting.place.taken(qty);
            }
        }
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

    /// Rest an order at the end of its level's queue.
    pub(super) fn rest(&mut self, mut resting: Resting) {
        self.joined = self.joined.saturating_add(1);
        resting.rank = self.joined;
        resting.record.life = Life::Resting;
        let shown = self.book.qty_at(resting.side(), resting.price());
        resting.place = Place::join(self.model, shown);
        self.resting.push(resting);
    }

    /// The book changed: orders move in their queues.
    pub(super) fn update_places(&mut self) {
        let (book, model) = (&self.book, self.model);
        for resting in &mut self.resting {
            let (side, price) = (resting.side(), resting.price());
            let shown = book.qty_at(side, price);
            // Nothing shown beyond the visible part of a book means nothing is known of it.
            if !shown.is_zero() || book.reaches(side, price) {
                resting.place.shows(model, shown);
            }
        }
    }

    /// The resting order that the other side of the book now reaches first, with what it finds
    /// there.
    pub(super) fn crossed(&self, best: Best) -> Option<Match> {
        for side in [Side::Ask, Side::Bid] {
            let Some(at) = self.meets(side, best.level(side).price) else { continue };
            let resting = self.resting.get(at)?;
            let (found, count) = self.find(resting.side(), resting.price());
            let there = found.iter().take(count).fold(Qty::ZERO, |sum, level| sum.plus(level.qty));
            let qty = there.min(resting.record.remaining);
            if !qty.is_zero() {
                return Some(Match { at, qty });
            }
        }
        None
    }

    /// The resting order that a trade of others reaches after the one with this price and rank: by
    /// price, then by time.
    pub(super) fn reached(&self, trade: &Trade, after: Option<(Price, u64)>) -> Option<usize> {
        let maker = trade.aggressor.opposite();
        let mut first: Option<(usize, &Resting)> = None;
        for (at, resting) in self.resting.iter().enumerate() {
            if resting.side() != maker || trade.price.better(maker, resting.price()) {
                continue;
            }
            let later = after
                .is_none_or(|(price, rank)| !resting.before(price, rank) && resting.rank != rank);
            if later && first.is_none_or(|(_, first)| resting.before(first.price(), first.rank)) {
                first = Some((at, resting));
            }
        }
        first.map(|(at, _)| at)
    }

    /// Whether neither the venue nor a book of others says what the mark is.
    pub(super) fn lacks_mark(&self) -> bool {
        let silent = self.book.state() == BookState::Empty && self.book.best().is_none();
        silent && !self.marks.from_venue
    }

    /// The mark where neither the venue nor a book of others says what it is: the median of the
    /// accounts' best bid, best ask and last trade, the last trade where a side is empty.
    pub(super) fn own_mark(&self) -> Option<Price> {
        let last = self.marks.last.filter(|_| self.lacks_mark())?;
        let best = |side: Side| {
            let taker = side.opposite();
            let any = if taker == Side::Bid { Price::MAX } else { Price::from_ticks(0) };
            self.resting.get(self.meets(taker, any)?).map(Resting::price)
        };
        let (Some(bid), Some(ask)) = (best(Side::Bid), best(Side::Ask)) else { return Some(last) };
        Some(last.clamp(bid.min(ask), ask.max(bid)))
    }
}
