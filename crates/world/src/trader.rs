//! A strategy that trades as people's do: it quotes for a while, holds a position for a while. And
//! what may become of it.

use flyball_core::domain::{
    Intent, Level, MILLISECOND, NetQty, Price, Qty, Quotes, Random, SECOND, Side, Target,
};
use flyball_core::engine::{Sight, Sighting};
use flyball_core::strategy::Draft;

/// How it quotes: how much, until what it holds, how seldom it moves a quote.
const LOTS: u64 = 100;
const MOST: i64 = 400;
const AT_LEAST_NS: i64 = 2 * SECOND;

#[derive(Clone, Copy, Debug)]
enum Mood {
    Quoting,
    Holding(i64),
}

/// A strategy.
#[derive(Debug)]
pub(crate) struct Trader {
    random: Random,
    mood: Mood,
    until_ns: i64,
    quoted_ns: i64,
    quoted: (i64, i64),
    /// It answers no more.
    pub(crate) is_stuck: bool,
    /// It turns its position around at the market, this often.
    pub(crate) churns_ns: Option<i64>,
    /// It moves its quotes this often.
    pub(crate) hurries_ns: Option<i64>,
    side: i64,
}

impl Trader {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed ^ 0x7472_6164),
            mood: Mood::Quoting,
            until_ns: 0,
            quoted_ns: 0,
            quoted: (0, 0),
            is_stuck: false,
            churns_ns: None,
            hurries_ns: None,
            side: 1,
        }
    }

    /// How long it takes to decide. Once a day or so it is late (assumed).
    pub(crate) fn takes_ns(&mut self) -> i64 {
        if self.random.chance(2e-6) {
            return SECOND + self.random.below(400) as i64 * MILLISECOND;
        }
        MILLISECOND + self.random.exponential(2e6) as i64
    }

    /// Decide.
    pub(crate) fn decide(&mut self, view: &Sighting, draft: &mut Draft) {
        let now = view.time_ns();
        let Some(best) = view.best() else { return };
        if now >= self.until_ns {
            self.change_mood(now);
        }
        let since = now - self.quoted_ns;
        if let Some(every) = self.churns_ns {
            if since >= every {
                (self.side, self.quoted_ns) = (-self.side, now);
                draft.write(&Intent::Target(target(self.side * MOST)));
            }
            return;
        }
        let hurried = self.hurries_ns.is_some_and(|every| since >= every);
        match self.mood {
            Mood::Holding(lots) if !hurried => {
                if view.position().lots() != lots && since >= 20 * SECOND {
                    self.quoted_ns = now;
                    draft.write(&Intent::Target(target(lots)));
                }
            }
            _ => {
                let step = view.instrument().map_or(1, |it| it.price_step(best.bid.price));
                self.side = -self.side;
                let away = if hurried { step * (3 + self.side) } else { 0 };
                let bid = best.bid.price.ticks() - away;
                let ask = best.ask.price.ticks() + away;
                let moved = (bid - self.quoted.0).abs().max((ask - self.quoted.1).abs()) >= 4 * step;
                let due = since >= AT_LEAST_NS && (moved || since >= 30 * SECOND);
                if due || hurried {
                    (self.quoted, self.quoted_ns) = ((bid, ask), now);
                    quote(view, (bid, ask), draft);
                }
            }
        }
    }

    fn change_mood(&mut self, now_ns: i64) {
        let holds = self.random.chance(0.35);
        let lots = 150 + self.random.below(250) as i64;
        let lots = if self.random.chance(0.5) { lots } else { -lots };
        self.mood = if holds { Mood::Holding(lots) } else { Mood::Quoting };
        let lasts = if holds { 150e9 } else { 400e9 };
        self.until_ns = now_ns + self.random.exponential(lasts) as i64 + 10 * SECOND;
        self.quoted_ns = 0;
    }
}

const fn target(lots: i64) -> Target {
    let position = NetQty::from_lots(lots);
    Target { position, stop: None, take_profit: None, trailing: None }
}

/// Quote at these prices what may still be bought and sold.
fn quote(view: &Sighting, (bid, ask): (i64, i64), draft: &mut Draft) {
    let held = view.position().lots();
    let Some(instrument) = view.instrument() else { return };
    let level = |ticks: i64, side: Side| {
        let price = instrument.round_passive(Price::from_ticks(ticks.max(1)), side);
        [Level { price, qty: Qty::from_lots(LOTS) }]
    };
    let (bids, asks) = (level(bid, Side::Bid), level(ask, Side::Ask));
    let bids = if held < MOST { bids.as_slice() } else { &[] };
    let asks = if held > -MOST { asks.as_slice() } else { &[] };
    draft.write(&Intent::Quotes(Quotes { bids, asks }));
}
