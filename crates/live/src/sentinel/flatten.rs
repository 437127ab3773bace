//! Closing everything that the account holds, whoever opened it: reduce-only immediate-or-cancel
//! orders for the venue's own positions, further each time one finds nobody. What may add risk is
//! cancelled first; stops stay until nothing is held.
//!
//! Every step follows from what the venue shows now, so that it can begin anew at any of them.

use std::collections::BTreeMap;

use flyball_core::domain::{ClientOrderId, Money, Price, Qty, Rate, RejectReason, SECOND};
use flyball_venues::hyperliquid::{
    Action, Cancel, Cause, Cloid, EngineTag, Grouping, OrderRequest, OrderTerms, Outcome, Tif,
};

use crate::sentinel::account::{Held, Orders, Seen, Universe};
use crate::sentinel::settings::Ladder;

/// A position that the venue refused twice as too small to close is dust.
const TINY: u8 = 2;
/// A passive order waits this long for somebody.
const PASSIVE_NS: i64 = 2 * SECOND;
/// What the venue is left alone for when it says that there are too many requests.
const BUSY_NS: i64 = SECOND;
const MOST_BACKOFF_NS: i64 = SECOND;
/// Orders in one action: the venue lists no more perpetuals than a few hundred.
const AT_ONCE: usize = 40;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing until then.
    Wait(i64),
    /// The working orders are to be read first.
    ReadOrders,
    /// These actions are to be sent. Each closing order belongs to the instrument at its place.
    Act(Vec<Sent>),
    /// Nothing is left but this: instruments whose rest is too small for an order.
    Flat(Vec<String>),
}

/// An action, and what its orders are about.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// What is asked of the venue.
    pub action: Action,
    /// The instrument of each closing order; none for cancels.
    pub coins: Vec<String>,
}

/// A closing of everything, while it goes on.
#[derive(Clone, Debug)]
pub struct Flatten {
    began_ns: i64,
    attempts: u32,
    /// How often somebody was looked for and not found: each time doubles the reach.
    step: u32,
    most_step: u32,
    again_ns: i64,
    said_ns: i64,
    failures: u32,
    passive: bool,
    tiny: BTreeMap<String, u8>,
}

impl Flatten {
    /// Begins now.
    pub const fn new(now_ns: i64) -> Self {
        Self {
            began_ns: now_ns,
            attempts: 0,
            step: 0,
            most_step: u32::MAX,
            again_ns: i64::MIN,
            said_ns: now_ns,
            failures: 0,
            passive: false,
            tiny: BTreeMap::new(),
        }
    }

    /// Since when.
    pub const fn began_ns(&self) -> i64 {
        self.began_ns
    }

    /// Rounds of closing orders so far.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// When it wants to be looked at again.
    pub const fn due_ns(&self) -> i64 {
        self.again_ns
    }

    /// Whether it is late, and nobody was told of late: how old it is.
    pub fn late(&mut self, ladder: &Ladder, now_ns: i64) -> Option<i64> {
        if now_ns.saturating_sub(self.said_ns) < ladder.deadline_ns {
            return None;
        }
        self.said_ns = now_ns;
        Some(now_ns.saturating_sub(self.began_ns))
    }

    /// Whether a rest of this instrument is too small for an order, says the venue.
    pub fn is_dust(&self, coin: &str) -> bool {
        self.tiny.get(coin).is_some_and(|count| *count >= TINY)
    }

    /// What is to be done, seen what the venue shows. `fresh_ns` is when the last action was
    /// answered: only what was read after it counts. Orders get ids from `first_id` on.
    pub fn next(&mut self, view: &View<'_>, ladder: &Ladder, first_id: u64, now_ns: i64) -> Next {
        if now_ns < self.again_ns {
            return Next::Wait(self.again_ns);
        }
        let open: Vec<&Held> = view.seen.held.iter().filter(|it| !self.is_dust(&it.coin)).collect();
        let flat = open.is_empty();
        if (flat || self.passive) && view.orders.asked_ns <= view.fresh_ns {
            return Next::ReadOrders;
        }
        let goes = |order: &&crate::sentinel::account::Working| flat || order.adds || order.own;
        let cancels: Vec<Cancel> =
            view.orders.all.iter().filter(goes).filter_map(|order| order.cancel).collect();
        if flat && view.orders.all.is_empty() {
            return Next::Flat(view.seen.held.iter().map(|held| held.coin.clone()).collect());
        }
        let mut all: Vec<Sent> = cancels
            .chunks(AT_ONCE)
            .map(|some| Sent { action: Action::Cancel { cancels: some.to_vec() }, coins: vec![] })
            .collect();
        let ids = (first_id..).map(ClientOrderId::new);
        let (orders, coins): (Vec<OrderRequest>, Vec<String>) = open
            .iter()
            .zip(ids)
            .filter_map(|(held, id)| {
                let order = self.order(held, view, ladder, Cloid::new(view.tag, id))?;
                Some((order, held.coin.clone()))
            })
            .unzip();
        if !orders.is_empty() {
            self.attempts = self.attempts.saturating_add(1);
            let action = Action::Order { orders, grouping: Grouping::Na };
            all.push(Sent { action, coins });
        }
        if all.is_empty() {
            // What is held or works is listed nowhere: it is read again.
            self.wait(BUSY_NS, now_ns);
            return Next::Wait(self.again_ns);
        }
        Next::Act(all)
    }

    fn order(
        &self,
        held: &Held,
        view: &View<'_>,
        ladder: &Ladder,
        cloid: Cloid,
    ) -> Option<OrderRequest> {
        let listed = view.universe.coin(&held.coin)?;
        let (side, qty, mark) = (held.reducing_side()?, held.qty?.abs(), held.mark?);
        let price = if self.passive {
            listed.instrument.round_passive(mark, side)
        } else {
            let ticks = reach(mark, self.slippage(ladder));
            let far = listed.instrument.round_aggressive(mark.worse(side, ticks), side);
            far.max(Price::from_ticks(listed.instrument.price_step(mark)))
        };
        let tif = if self.passive { Tif::Alo } else { Tif::Ioc };
        Some(OrderRequest {
            asset: listed.number,
            side,
            price: listed.price.decimal(price.ticks()).ok()?,
            qty: listed.qty.decimal(lots(qty)?).ok()?,
            reduce_only: true,
            terms: OrderTerms::Limit { tif },
            cloid: Some(cloid),
        })
    }

    /// How far beyond the mark the next order goes: twice as far after each that found nobody.
    pub fn slippage(&self, ladder: &Ladder) -> Rate {
        let doublings = self.step.min(self.most_step).min(20);
        let parts = ladder.first.parts().saturating_mul(1 << doublings);
        Rate::from_parts(parts.min(ladder.last.parts()))
    }

    /// An action was answered: what became of each of its orders.
    pub fn answered(
        &mut self,
        coins: &[String],
        outcomes: &[Outcome],
        ladder: &Ladder,
        now_ns: i64,
    ) {
        let (mut missed, mut wait) = (false, 0);
        let mut unclear = outcomes.len() != coins.len();
        for (coin, outcome) in coins.iter().zip(outcomes) {
            match outcome {
                Outcome::Filled { .. } => {}
                Outcome::Resting { .. } => wait = wait.max(PASSIVE_NS),
                Outcome::Refused(refused) => match refused.cause {
                    Cause::Unfilled | Cause::Order(RejectReason::NoLiquidity) => missed = true,
                    Cause::Order(RejectReason::TooSmall) => {
                        let count = self.tiny.entry(coin.clone()).or_default();
                        *count = count.saturating_add(1);
                    }
                    // It reaches further than the venue allows.
                    Cause::Order(RejectReason::BadPrice) => {
                        self.most_step = self.step.min(self.most_step).saturating_sub(1);
                        wait = wait.max(ladder.retry_ns);
                    }
                    Cause::PostOnlyWindow => self.passive = true,
                    Cause::RateLimited => wait = wait.max(BUSY_NS),
                    _ => wait = wait.max(ladder.retry_ns),
                },
                _ => unclear = true,
            }
        }
        if wait == PASSIVE_NS {
            // Then it is tried again at the market.
            self.passive = false;
        }
        if unclear {
            return self.failed(ladder, now_ns);
        }
        self.failures = 0;
        if missed {
            self.step = self.step.saturating_add(1);
            wait = wait.max(ladder.retry_ns);
        }
        self.wait(wait, now_ns);
    }

    /// Part of a position is still there although an order traded: the next goes further.
    pub fn left_over(&mut self) {
        self.step = self.step.saturating_add(1);
    }

    /// Nobody knows what became of an action: everything is read again, a little later each time.
    pub fn failed(&mut self, ladder: &Ladder, now_ns: i64) {
        let wait = ladder.retry_ns.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        self.wait(wait.min(MOST_BACKOFF_NS), now_ns);
    }

    fn wait(&mut self, ns: i64, now_ns: i64) {
        self.again_ns = self.again_ns.max(now_ns.saturating_add(ns));
    }
}

/// What the venue shows, and how it is spoken to.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The account.
    pub seen: &'a Seen,
    /// Its working orders.
    pub orders: &'a Orders,
    /// When the last action was answered.
    pub fresh_ns: i64,
    /// The venue's perpetuals.
    pub universe: &'a Universe,
    /// By which the sentinel's own orders are known.
    pub tag: EngineTag,
}

/// Ticks that a part of a price comes to, at least one.
fn reach(price: Price, part: Rate) -> i64 {
    let ticks = Money::from_units(i128::from(price.ticks())).at_rate(part).units();
    i64::try_from(ticks).unwrap_or(i64::MAX).max(1)
}

fn lots(qty: Qty) -> Option<i64> {
    i64::try_from(qty.lots()).ok()
}

#[cfg(test)]
mod tests {
    use flyball_core::domain::{Decimal, MILLISECOND, Side};
    use flyball_venues::hyperliquid::Refused;

    use super::*;
    use crate::sentinel::account::Working;
    use crate::sentinel::account::testing::{state, universe};

    const LADDER: Ladder = Ladder {
        first: Rate::from_ppm(1_000),
        last: Rate::from_ppm(100_000),
        retry_ns: 100 * MILLISECOND,
        deadline_ns: 5 * SECOND,
    };
    const TAG: EngineTag = EngineTag::new(9);

    fn seen(held: &[(&str, &str, &str)]) -> Seen {
        Seen::of(state("9200", "10000", held).as_bytes(), &universe(), 10).unwrap()
    }

    fn orders(all: &[Working]) -> Orders {
        Orders { asked_ns: 10, all: all.to_vec() }
    }

    fn working(oid: u64, adds: bool) -> Working {
        Working { cancel: Some(Cancel { asset: 1, oid }), adds, own: false }
    }

    fn next(job: &mut Flatten, seen: &Seen, orders: &Orders, now: i64) -> Next {
        let universe = universe();
        let view = View { seen, orders, fresh_ns: 5, universe: &universe, tag: TAG };
        job.next(&view, &LADDER, 100, now)
    }

    fn refused(cause: Cause) -> Outcome {
        Outcome::Refused(Refused { cause, text: String::new() })
    }

    fn closing(next: &Next) -> &OrderRequest {
        let Next::Act(all) = next else { panic!("{next:?}") };
        let Action::Order { orders, .. } = &all.last().unwrap().action else { panic!("{all:?}") };
        orders.first().unwrap()
    }

    fn xrp() -> Vec<String> {
        vec!["XRP".to_owned()]
    }

    const LONG: &[(&str, &str, &str)] = &[("XRP", "400.0", "800.0")];

    #[test]
    fn what_adds_risk_is_cancelled_and_the_whole_position_closed_reduce_only() {
        let mut job = Flatten::new(0);
        let found =
            next(&mut job, &seen(LONG), &orders(&[working(1, false), working(2, true)]), 20);
        let order = closing(&found);
        assert_eq!((order.side, order.reduce_only), (Side::Ask, true));
        assert_eq!((order.price, order.qty), (Decimal::new(1998, 3), Decimal::new(400, 0)));
        assert_eq!(order.terms, OrderTerms::Limit { tif: Tif::Ioc });
        let Next::Act(all) = found else { panic!() };
        let cancel = Action::Cancel { cancels: vec![Cancel { asset: 1, oid: 2 }] };
        assert_eq!(all[0].action, cancel, "the stop stays");
        let mut short = Flatten::new(0);
        let found = next(&mut short, &seen(&[("XRP", "-400.0", "800.0")]), &orders(&[]), 20);
        assert_eq!(
            (closing(&found).side, closing(&found).price),
            (Side::Bid, Decimal::new(2002, 3))
        );
    }

    #[test]
    fn it_reaches_further_each_time_it_finds_nobody_up_to_its_end() {
        let mut job = Flatten::new(0);
        let mut now = 20;
        let mut prices = Vec::new();
        for _ in 0..9 {
            let found = next(&mut job, &seen(LONG), &orders(&[]), now);
            prices.push(closing(&found).price.to_string());
            job.answered(&xrp(), &[refused(Cause::Unfilled)], &LADDER, now);
            assert_eq!(next(&mut job, &seen(LONG), &orders(&[]), now), Next::Wait(job.due_ns()));
            now = job.due_ns();
        }
        let far = ["1.998", "1.996", "1.992", "1.984", "1.968", "1.936", "1.872", "1.8", "1.8"];
        assert_eq!(prices, far);
        assert_eq!(job.attempts(), 9);
    }

    #[test]
    fn a_price_that_the_venue_calls_too_far_is_not_tried_again() {
        let mut job = Flatten::new(0);
        job.step = 5;
        job.answered(&xrp(), &[refused(Cause::Order(RejectReason::BadPrice))], &LADDER, 0);
        assert_eq!(job.slippage(&LADDER), Rate::from_ppm(16_000));
        job.left_over();
        assert_eq!(job.slippage(&LADDER), Rate::from_ppm(16_000));
    }

    #[test]
    fn it_is_flat_when_nothing_is_held_and_nothing_works_as_read_after_the_last_action() {
        let mut job = Flatten::new(0);
        let stale = Orders { asked_ns: 4, all: vec![] };
        assert_eq!(next(&mut job, &seen(&[]), &stale, 20), Next::ReadOrders);
        let stop = orders(&[working(1, false)]);
        let Next::Act(all) = next(&mut job, &seen(&[]), &stop, 20) else { panic!() };
        let cancel = Action::Cancel { cancels: vec![Cancel { asset: 1, oid: 1 }] };
        assert_eq!(all, [Sent { action: cancel, coins: vec![] }], "the stop goes last");
        assert_eq!(next(&mut job, &seen(&[]), &orders(&[]), 20), Next::Flat(vec![]));
    }

    #[test]
    fn a_rest_that_is_refused_as_too_small_is_dust_and_not_tried_for_ever() {
        let mut job = Flatten::new(0);
        let rest = seen(&[("XRP", "1.0", "2.0")]);
        for _ in 0..2 {
            assert!(matches!(next(&mut job, &rest, &orders(&[]), 20), Next::Act(_)));
            job.answered(&xrp(), &[refused(Cause::Order(RejectReason::TooSmall))], &LADDER, 20);
        }
        assert_eq!(next(&mut job, &rest, &orders(&[]), 20), Next::Flat(xrp()));
    }

    #[test]
    fn an_answer_that_says_nothing_is_waited_out_longer_each_time() {
        let mut job = Flatten::new(0);
        let (mut now, mut waits) = (0, Vec::new());
        for _ in 0..6 {
            job.answered(&xrp(), &[Outcome::Unknown("502".into())], &LADDER, now);
            waits.push((job.due_ns() - now) / MILLISECOND);
            now = job.due_ns();
        }
        assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
        job.answered(&xrp(), &[refused(Cause::RateLimited)], &LADDER, now);
        assert_eq!(job.due_ns(), now + BUSY_NS);
    }

    #[test]
    fn while_only_post_only_orders_are_taken_it_rests_and_tries_the_market_again() {
        let mut job = Flatten::new(0);
        job.answered(&xrp(), &[refused(Cause::PostOnlyWindow)], &LADDER, 5);
        let found = next(&mut job, &seen(LONG), &orders(&[]), 20);
        assert_eq!(closing(&found).terms, OrderTerms::Limit { tif: Tif::Alo });
        assert_eq!(closing(&found).price, Decimal::new(2, 0), "at the mark");
        job.answered(&xrp(), &[Outcome::Resting { oid: 5, cloid: None }], &LADDER, 20);
        let own = Working { own: true, ..working(5, false) };
        let later = 20 + PASSIVE_NS;
        let Next::Act(all) = next(&mut job, &seen(LONG), &orders(&[own]), later) else { panic!() };
        assert_eq!(all.len(), 2, "its own resting order goes, one at the market comes");
    }

    #[test]
    fn what_is_listed_nowhere_cannot_be_closed_and_is_not_called_flat() {
        let mut job = Flatten::new(0);
        let odd = seen(&[("ODD", "4", "800")]);
        assert!(matches!(next(&mut job, &odd, &orders(&[]), 20), Next::Wait(_)));
        assert_eq!(job.late(&LADDER, 5 * SECOND - 1), None);
        assert_eq!(job.late(&LADDER, 5 * SECOND), Some(5 * SECOND));
        assert_eq!(job.late(&LADDER, 5 * SECOND + 1), None, "it was said");
    }
}
