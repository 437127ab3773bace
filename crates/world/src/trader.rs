//! A strategy that trades as people's do: it quotes both sides around a position that it would like
//! to hold, and likes another one every few minutes. And what may become of it.

use flyball_core::domain::{
    Intent, Level, MILLISECOND, NetQty, Price, Qty, Quotes, Random, SECOND, Side, Target,
};
use flyball_core::engine::{Sight, Sighting};
use flyball_core::strategy::Draft;

/// How it quotes: how much, how far from what it would like to hold, how seldom it moves a quote.
const LOTS: u64 = 100;
const MOST: i64 = 400;
/// Levels that it sees.
pub(crate) const DEPTH: usize = 3;
const AWAY: i64 = 300;
const AT_LEAST_NS: i64 = 3 * SECOND;

/// A strategy.
#[derive(Debug)]
pub(crate) struct Trader {
    random: Random,
    /// What it would like to hold, until then.
    likes: i64,
    until_ns: i64,
    quoted_ns: i64,
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
            likes: 0,
            until_ns: 0,
            quoted_ns: 0,
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
            self.likes = self.random.below(501) as i64 - 250;
            self.until_ns = now + self.random.exponential(300e9) as i64 + 10 * SECOND;
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
        let step = view.instrument().map_or(1, |it| it.price_step(best.bid.price));
        if since >= AT_LEAST_NS || hurried {
            self.quoted_ns = now;
            // Others' best prices, not its own.
            let others = |side: Side, else_: Price| {
                let mut levels = Vec::new();
                view.copy_levels(side, DEPTH, &mut levels);
                let of_others = levels.iter().find(|level| level.qty.lots() > LOTS);
                of_others.map_or(else_, |level| level.price).ticks()
            };
            let bid = others(Side::Bid, best.bid.price);
            let ask = others(Side::Ask, best.ask.price);
            // A little better than the others, where there is room, each time a little else.
            let most = ((ask - bid) / (3 * step)).clamp(0, 4) as u64;
            let better = [(); 2].map(|()| step * self.random.below(most + 1) as i64);
            quote(view, (bid + better[0], ask - better[1]), self.likes, draft);
        }
    }
}

const fn target(lots: i64) -> Target {
    let position = NetQty::from_lots(lots);
    Target { position, stop: None, take_profit: None, trailing: None }
}

/// Quote at these prices what may still be bought and sold.
fn quote(view: &Sighting, (bid, ask): (i64, i64), likes: i64, draft: &mut Draft) {
    let held = view.position().lots() - likes;
    let Some(instrument) = view.instrument() else { return };
    let level = |ticks: i64, side: Side| {
        let price = instrument.round_passive(Price::from_ticks(ticks.max(1)), side);
        [Level { price, qty: Qty::from_lots(LOTS) }]
    };
    let (bids, asks) = (level(bid, Side::Bid), level(ask, Side::Ask));
    let bids = if held < AWAY { bids.as_slice() } else { &[] };
    let asks = if held > -AWAY { asks.as_slice() } else { &[] };
    draft.write(&Intent::Quotes(Quotes { bids, asks }));
}
