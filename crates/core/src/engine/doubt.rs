//! What the venue filled is a price that it confirmed. Market data that lies far from it is old, or
//! wrong, however young it looks: a feed that repeats itself, a print, another market's price.

use serde::{Deserialize, Serialize};

use crate::book::Best;
use crate::domain::{Fill, Notice, Price};
use crate::engine::Engine;
use crate::risk::{Commands, NearDepth, Reading, deviation};

/// Market data that a fill has contradicted: it is not believed again before it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubted {
    best: Option<Best>,
    mark: Option<Price>,
}

impl Doubted {
    /// The best prices, unless they are the ones that were contradicted.
    #[inline]
    pub(super) fn believe_best(&mut self, best: Option<Best>) -> Option<Best> {
        if best.is_some() && self.best.is_some() {
            if self.best == best {
                return None;
            }
            self.best = None;
        }
        best
    }

    /// Whether a mark is not the one that was contradicted.
    pub(super) fn believes_mark(&mut self, mark: Price) -> bool {
        if self.mark == Some(mark) {
            return false;
        }
        self.mark = None;
        true
    }
}

impl Engine {
    /// An order of ours took: what has not moved since and lies further from its price than sources
    /// may disagree is not believed until it changes, and the fill is the price until then. What an
    /// order that rested was filled at says only where the market has been.
    pub(super) fn doubt(&mut self, fill: &Fill, time_ns: i64, out: &mut Commands) {
        if fill.maker {
            return;
        }
        let id = fill.instrument;
        let (Some(market), Some(feed), Some(instrument)) = (
            self.markets.get_mut(id.index()),
            self.feeds.get_mut(id.index()),
            self.instruments.get(id.index()),
        ) else {
            return;
        };
        let most = self.gate.max_disagreement();
        let far = |seen: Option<Price>| seen.filter(|seen| deviation(fill.price, *seen) > most);
        let references = &mut market.references;
        let mid = far(references.mid.last()).filter(|_| time_ns >= feed.moved_ns);
        let mark = far(references.mark.last()).filter(|_| time_ns >= feed.mark_moved_ns);
        let Some(seen) = mid.or(mark) else { return };
        out.notice(Notice::Doubted { instrument: id, filled: fill.price, seen });
        if mid.is_some() {
            feed.doubted.best = market.best;
            feed.forget_average();
            market.best = None;
            market.depth = NearDepth::default();
            references.mid = references.mid.hidden();
        }
        if mark.is_some() {
            feed.doubted.mark = mark;
        }
        for reading in [&mut references.oracle, &mut references.average] {
            if far(reading.last()).is_some() {
                *reading = reading.hidden();
            }
        }
        references.mark = Reading::new(fill.price, self.clock.now_ns());
        self.portfolio.set_mark(instrument, fill.price);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Level;
    use crate::testing::{price, qty};

    fn best(ticks: i64) -> Best {
        let level = |ticks| Level { price: price(ticks), qty: qty(5) };
        Best { bid: level(ticks), ask: level(ticks + 1) }
    }

    #[test]
    fn prices_that_are_hidden_for_a_while_are_not_believed_for_it() {
        let mut doubted = Doubted { best: Some(best(10)), mark: None };
        for seen in [Some(best(10)), None, Some(best(10))] {
            assert_eq!(doubted.believe_best(seen), None);
        }
        assert_eq!(doubted.believe_best(Some(best(11))), Some(best(11)));
        assert_eq!(doubted.believe_best(Some(best(10))), Some(best(10)), "it changed once");
    }
}
