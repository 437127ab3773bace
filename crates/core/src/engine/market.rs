//! Market data: book → features → portfolio → switches → exits → strategy.

use serde::{Deserialize, Serialize};

use crate::book::{Applied, Book, BookError};
use crate::domain::{
    Bar, CommandOf, FeedState, InstrumentId, MILLISECOND, Money, NEVER, Notice, Price, Qty, Rate,
    Reference, SECOND, Side, Touch, Trade,
};
use crate::engine::Engine;
use crate::engine::doubt::Doubted;
use crate::execution::Lane;
use crate::risk::{Commands, NearDepth, Reading, ticks_within};

/// What the engine keeps of an instrument's feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Feed {
    /// When to ask for a snapshot; never while none is needed.
    pub(super) resnapshot_ns: i64,
    /// Whether the venue says what the mark is. Until it does, the middle of the book is.
    has_venue_mark: bool,
    average: Average,
    pub(super) doubted: Doubted,
    /// When the best prices changed last, and the mark.
    pub(super) moved_ns: i64,
    pub(super) mark_moved_ns: i64,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            resnapshot_ns: NEVER,
            has_venue_mark: false,
            average: Average::default(),
            doubted: Doubted::default(),
            moved_ns: i64::MIN,
            mark_moved_ns: i64::MIN,
        }
    }
}

impl Feed {
    /// What it was averaged over is not believed: the average begins anew.
    pub(super) fn forget_average(&mut self) {
        self.average = Average::default();
    }
}

/// A slow average of the middle of the book: one more opinion on the price. It follows with the
/// time constant τ = 6.4 s, in 65536ths of a tick, without a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Average {
    scaled: i64,
    time_ns: i64,
}

const AVERAGE_STEP_NS: i64 = 100 * MILLISECOND;
const AVERAGE_TAU_NS: i64 = 64 * AVERAGE_STEP_NS;
const RESNAPSHOT_AGAIN_NS: i64 = SECOND;

impl Average {
    /// How long ago it last moved; for ever when it never did.
    const fn age_ns(&self, now_ns: i64) -> i64 {
        if self.scaled == 0 { NEVER } else { now_ns.saturating_sub(self.time_ns) }
    }

    #[inline]
    fn follow(&mut self, mid: Price, now_ns: i64) -> Option<Price> {
        let elapsed = now_ns.saturating_sub(self.time_ns);
        if self.scaled != 0 && elapsed < AVERAGE_STEP_NS {
            return None;
        }
        let target = mid.ticks().saturating_mul(1 << 16);
        if self.scaled == 0 || elapsed >= AVERAGE_TAU_NS {
            self.scaled = target;
        } else {
            let way = i128::from(target.saturating_sub(self.scaled));
            let step = way.saturating_mul(elapsed.into()).checked_div(AVERAGE_TAU_NS.into());
            let step = i64::try_from(step.unwrap_or(0)).unwrap_or(0);
            self.scaled = self.scaled.saturating_add(step);
        }
        self.time_ns = now_ns;
        Some(Price::from_ticks(self.scaled >> 16))
    }
}

/// Levels of the book that count as depth, at most.
const DEPTH_LEVELS: usize = 64;

/// Lots within this fraction of the best prices.
fn depth(book: &Book, reach: Rate) -> NearDepth {
    let within = |side| book.liquid_lots(side, DEPTH_LEVELS, |best| ticks_within(best, reach));
    NearDepth { bids: within(Side::Bid), asks: within(Side::Ask) }
}

/// Depth that goes is gone at once; depth that comes is trusted over a second.
fn lasting(before: NearDepth, seen: NearDepth, since_ns: i64) -> NearDepth {
    let trust = since_ns.clamp(0, SECOND);
    let side = |before: Qty, seen: Qty| {
        let more = Money::from_units(seen.minus(before).lots().into());
        let more = more.scaled(trust.into(), SECOND.into()).units();
        let grown = before.plus(Qty::from_lots(u64::try_from(more).unwrap_or(0)));
        if seen < before { seen } else { grown }
    };
    NearDepth { bids: side(before.bids, seen.bids), asks: side(before.asks, seen.asks) }
}

impl Engine {
    #[inline]
    pub(super) fn on_depth(&mut self, depth: &crate::domain::Depth<'_>, out: &mut Commands) {
        let id = depth.instrument;
        let Some(book) = self.books.get_mut(id.index()) else { return };
        match book.apply(depth) {
            Ok(Applied::Changed) => self.book_changed(id, out),
            Ok(Applied::Healed) => {
                self.set_resnapshot(id, NEVER);
                out.notice(Notice::Healed { instrument: id });
                self.book_changed(id, out);
            }
            Ok(Applied::Stale | Applied::Waits) => {}
            Err(error) => self.book_broke(id, error, out),
        }
    }

    #[cold]
    fn book_broke(&mut self, id: InstrumentId, error: BookError, out: &mut Commands) {
        let (expected, actual) = match error {
            BookError::Gap { expected, actual } => (expected, actual),
            BookError::Full { capacity } => (capacity as u64, 0),
            BookError::Checksum { expected, actual } => (expected.into(), actual.into()),
        };
        out.notice(Notice::Gap { instrument: id, expected, actual });
        self.set_resnapshot(id, self.clock.now_ns());
        self.book_changed(id, out);
    }

    fn set_resnapshot(&mut self, id: InstrumentId, at_ns: i64) {
        if let Some(feed) = self.feeds.get_mut(id.index()) {
            feed.resnapshot_ns = at_ns;
        }
        self.due_ns = self.due_ns.min(at_ns);
    }

    pub(super) fn ask_for_snapshot(&mut self, index: usize, out: &mut Commands) {
        let Some(feed) = self.feeds.get_mut(index) else { return };
        if feed.resnapshot_ns > self.clock.now_ns() {
            return;
        }
        if self.gate.take_message(self.clock.now_ns(), false) {
            let instrument = self.instruments.get(index).map(crate::domain::Instrument::id);
            out.push(CommandOf::Resnapshot { instrument: instrument.unwrap_or_default() });
        }
        feed.resnapshot_ns = self.clock.now_ns().saturating_add(RESNAPSHOT_AGAIN_NS);
    }

    #[inline]
    pub(super) fn on_touch(&mut self, touch: &Touch, out: &mut Commands) {
        let Some(book) = self.books.get_mut(touch.instrument.index()) else { return };
        if book.apply_touch(touch) == Applied::Changed {
            self.book_changed(touch.instrument, out);
        }
    }

    /// A whole message is in, or the book was hidden.
    #[inline]
    fn book_changed(&mut self, id: InstrumentId, out: &mut Commands) {
        let (Some(book), Some(market), Some(feed)) = (
            self.books.get(id.index()),
            self.markets.get_mut(id.index()),
            self.feeds.get_mut(id.index()),
        ) else {
            return;
        };
        let best = feed.doubted.believe_best(book.best());
        let moved = market.best != best;
        market.best = best;
        if moved {
            feed.moved_ns = self.clock.now_ns();
        }
        if let Some(best) = best {
            let mid = best.mid();
            if !feed.has_venue_mark && market.references.mark.last().is_some() {
                // A fill stood for it while the book was doubted.
                market.references.mark = Reading::default();
            }
            market.references.mid = Reading::new(mid, self.clock.now_ns());
            let since = feed.average.age_ns(self.clock.now_ns());
            if let Some(average) = feed.average.follow(mid, self.clock.now_ns()) {
                market.references.average = Reading::new(average, self.clock.now_ns());
                self.scenarios.observe(id, average, self.clock.now_ns());
                market.depth = lasting(market.depth, depth(book, self.depth_reach), since);
            }
        } else {
            // A book with messages missing has no price, however young its last one is.
            market.references.mid = market.references.mid.hidden();
            market.depth = NearDepth::default();
        }
        let owner = self.slot_of(id);
        if let (Some(book), Some(slot)) =
            (self.books.get(id.index()), owner.and_then(|index| self.slots.get_mut(index)))
        {
            slot.on_book(book, best, self.clock.now_ns());
        }
        if moved {
            self.price_moved(id, out);
        }
        if let Some(index) = owner {
            self.wake(index, out);
        }
    }

    /// The best prices or the mark moved: positions are valued, switches and exits look at them.
    fn price_moved(&mut self, id: InstrumentId, out: &mut Commands) {
        let (Some(market), Some(feed), Some(instrument)) = (
            self.markets.get(id.index()),
            self.feeds.get(id.index()),
            self.instruments.get(id.index()),
        ) else {
            return;
        };
        let mark = if feed.has_venue_mark {
            market.references.mark.last()
        } else {
            market.best.map(crate::book::Best::mid)
        };
        if let Some(mark) = mark
            && self.portfolio.set_mark(instrument, mark)
        {
            self.evaluate(id, out);
        }
        if !self.portfolio.qty(id).is_flat() {
            self.on_lane(id, out, Lane::on_price);
        }
    }

    pub(super) fn on_reference(&mut self, reference: &Reference, out: &mut Commands) {
        let id = reference.instrument;
        let (Some(market), Some(feed)) =
            (self.markets.get_mut(id.index()), self.feeds.get_mut(id.index()))
        else {
            return;
        };
        if reference.oracle.is_tradable() {
            market.references.oracle = Reading::new(reference.oracle, self.clock.now_ns());
        }
        if reference.mark.is_tradable() && feed.doubted.believes_mark(reference.mark) {
            if market.references.mark.last() != Some(reference.mark) {
                feed.mark_moved_ns = self.clock.now_ns();
            }
            market.references.mark = Reading::new(reference.mark, self.clock.now_ns());
            feed.has_venue_mark = true;
        }
        self.price_moved(id, out);
    }

    #[inline]
    pub(super) fn on_trade(&mut self, trade: &Trade, out: &mut Commands) {
        if let Some(index) = self.slot_of(trade.instrument) {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.on_trade(trade, self.clock.now_ns());
            }
            self.wake(index, out);
        }
    }

    pub(super) fn on_bar(&mut self, bar: &Bar, end_ns: i64, out: &mut Commands) {
        if let Some(index) = self.slot_of(bar.instrument) {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.on_bar(bar, end_ns);
            }
            self.wake(index, out);
        }
    }

    pub(super) fn on_feed(&mut self, feed: FeedState, out: &mut Commands) {
        let id = feed.instrument;
        if feed.connected {
            self.set_resnapshot(id, self.clock.now_ns());
        } else {
            if let Some(book) = self.books.get_mut(id.index()) {
                book.disconnect();
            }
            self.book_changed(id, out);
        }
    }
}
