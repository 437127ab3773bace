//! The one door between a strategy and a venue.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::{
    InstrumentId, Money, Order, Price, Qty, Rate, Refusal, RuleName, Side, StrategyId,
};
use crate::portfolio::Portfolio;
use crate::risk::rules::{
    AccountKnown, AllowedInstruments, Governor, Killed, MarketFresh, MaxConcentration,
    MaxDepthShare, MaxLeverage, MaxNetExposure, MaxOpenOrders, MaxOrderNotional, MaxOrderQty,
    MaxPosition, MaxTradeVar, MinLiquidationDistance, MinMarginRatio, MinNotional, PriceCollar,
    ReduceOnly, SelfTrade, SpotShort, VenueGrid,
};
use crate::risk::{Approved, Case, MessageBudget, Profile, Rule, View};

/// Every order passes every rule, in order, or is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gate {
    rules: Rules,
    recent: Recent,
    repeats: Vec<Repeat>,
    max_repeated: u32,
    budget: MessageBudget,
    epoch: u32,
}

/// The rules that keep no state.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rules {
    killed: Killed,
    allowed: AllowedInstruments,
    venue_grid: VenueGrid,
    min_notional: MinNotional,
    max_order_qty: MaxOrderQty,
    max_order_notional: MaxOrderNotional,
    reduce_only: ReduceOnly,
    account_known: AccountKnown,
    market_fresh: MarketFresh,
    price_collar: PriceCollar,
    spot_short: SpotShort,
    max_position: MaxPosition,
    max_open_orders: MaxOpenOrders,
    max_concentration: MaxConcentration,
    max_leverage: MaxLeverage,
    min_margin_ratio: MinMarginRatio,
    max_trade_var: MaxTradeVar,
    max_depth_share: MaxDepthShare,
    max_net_exposure: MaxNetExposure,
    min_liquidation_distance: MinLiquidationDistance,
    governor: Governor,
    self_trade: SelfTrade,
}

impl Rules {
    /// The first refusal, in the order of [`RuleName`].
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        self.killed.check(case)?;
        self.allowed.check(case)?;
        self.venue_grid.check(case)?;
        self.min_notional.check(case)?;
        self.max_order_qty.check(case)?;
        self.max_order_notional.check(case)?;
        self.reduce_only.check(case)?;
        self.account_known.check(case)?;
        self.market_fresh.check(case)?;
        self.price_collar.check(case)?;
        self.spot_short.check(case)?;
        self.max_position.check(case)?;
        self.max_open_orders.check(case)?;
        self.max_concentration.check(case)?;
        self.max_leverage.check(case)?;
        self.min_margin_ratio.check(case)?;
        self.max_trade_var.check(case)?;
        self.max_depth_share.check(case)?;
        self.max_net_exposure.check(case)?;
        self.min_liquidation_distance.check(case)?;
        self.governor.check(case)?;
        self.self_trade.check(case)
    }

    /// Whether the order's size passes the rules that bound sizes.
    fn size_fits(&self, case: &Case<'_>) -> bool {
        self.max_order_qty.check(case).is_ok()
            && self.max_order_notional.check(case).is_ok()
            && self.spot_short.check(case).is_ok()
            && self.max_position.check(case).is_ok()
            && self.max_concentration.check(case).is_ok()
            && self.max_leverage.check(case).is_ok()
            && self.min_margin_ratio.check(case).is_ok()
            && self.max_trade_var.check(case).is_ok()
            && self.max_depth_share.check(case).is_ok()
            && self.max_net_exposure.check(case).is_ok()
            && self.min_liquidation_distance.check(case).is_ok()
            && self.governor.check(case).is_ok()
    }
}

/// What makes two orders the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    instrument: InstrumentId,
    strategy: StrategyId,
    side: Side,
    price: Price,
    qty: Qty,
}

impl Key {
    const fn of(order: &Order) -> Self {
        Self {
            instrument: order.instrument,
            strategy: order.strategy,
            side: order.side,
            price: order.price,
            qty: order.qty,
        }
    }
}

/// The orders approved last, to know the same one again.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Recent {
    /// At most [`RECENT`], and when each was approved; the oldest first.
    orders: VecDeque<(Key, i64)>,
    window_ns: i64,
}

const RECENT: usize = 16;

impl Recent {
    /// How long ago the same order was approved, if that is within the window.
    fn age_of_same(&self, key: &Key, now_ns: i64) -> Option<i64> {
        let newest_first = self.orders.iter().rev();
        let mut within = newest_first
            .map(|(other, time)| (other, now_ns.saturating_sub(*time)))
            .take_while(|(_, age)| *age < self.window_ns);
        within.find(|(other, _)| *other == key).map(|(_, age)| age)
    }

    fn remember(&mut self, key: Key, now_ns: i64) {
        if self.orders.len() == RECENT {
            self.orders.pop_front();
        }
        self.orders.push_back((key, now_ns));
    }
}

/// How often in a row a strategy sent the same order.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Repeat {
    last: Option<Key>,
    times: u32,
}

impl Gate {
    /// A gate with the numbers of this profile, for these many strategies and these instruments.
    pub fn new(profile: &Profile, allowed: Vec<bool>, strategies: usize) -> Self {
        let limits = &profile.gate;
        let rules = Rules {
            killed: Killed,
            allowed: AllowedInstruments(allowed),
            venue_grid: VenueGrid,
            min_notional: MinNotional,
            max_order_qty: MaxOrderQty(Qty::from_lots(limits.max_order_qty)),
            max_order_notional: MaxOrderNotional(limits.max_order_notional),
            reduce_only: ReduceOnly,
            account_known: AccountKnown,
            market_fresh: MarketFresh(limits.max_disagreement),
            price_collar: PriceCollar { entry: limits.price_collar, exit: limits.exit_collar },
            spot_short: SpotShort,
            max_position: MaxPosition(limits.max_position_notional),
            max_open_orders: MaxOpenOrders(limits.max_open_orders),
            max_concentration: MaxConcentration(limits.max_concentration),
            max_leverage: MaxLeverage(limits.max_leverage),
            min_margin_ratio: MinMarginRatio(limits.min_margin_ratio),
            max_trade_var: MaxTradeVar(limits.max_trade_var),
            max_depth_share: MaxDepthShare(limits.max_depth_share),
            max_net_exposure: MaxNetExposure(limits.max_net_exposure),
            min_liquidation_distance: MinLiquidationDistance(limits.min_liquidation_distance),
            governor: Governor {
                drawdown: profile.switches.drawdown,
                daily_loss: profile.switches.daily_loss,
                position_loss: profile.switches.position_loss,
                slippage: profile.governor.slippage,
            },
            self_trade: SelfTrade,
        };
        Self {
            rules,
            recent: Recent {
                orders: VecDeque::with_capacity(RECENT),
                window_ns: limits.duplicate_window_ns,
            },
            repeats: vec![Repeat::default(); strategies],
            max_repeated: limits.max_repeated,
            budget: MessageBudget::new(limits),
            epoch: 0,
        }
    }

    /// Approve or refuse one order.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`] among the rules. A refused order uses nothing of the message budget.
    pub fn review(&mut self, order: Order, view: &View<'_>) -> Result<Approved<Order>, Refusal> {
        self.rules.check(&Case::new(&order, view))?;
        self.admit(order, view.now_ns)
    }

    /// Approve one order, or as much of it as the rules about sizes let through, or refuse it. With
    /// the order that was judged in the end; the whole one, where nothing of it fits.
    pub fn review_up_to(
        &mut self,
        order: Order,
        view: &View<'_>,
    ) -> (Order, Result<Approved<Order>, Refusal>) {
        let Err(refusal) = self.rules.check(&Case::new(&order, view)) else {
            return (order, self.admit(order, view.now_ns));
        };
        let qty = self.headroom(&order, view);
        if qty == Qty::ZERO || qty == order.qty {
            return (order, Err(refusal));
        }
        let less = Order { qty, ..order };
        (less, self.review(less, view))
    }

    /// An order that the rules let through: what remains is what was sent before it.
    fn admit(&mut self, order: Order, now_ns: i64) -> Result<Approved<Order>, Refusal> {
        let protects = order.purpose.protects();
        if !protects {
            self.check_history(&order, now_ns)?;
        }
        if !self.budget.take(now_ns, protects) {
            let limit = i128::from(self.budget.next_ns(protects));
            let actual = i128::from(now_ns);
            return Err(Refusal { rule: RuleName::MessageRate, limit, actual });
        }
        if !protects {
            self.remember(&order, now_ns);
        }
        Ok(Approved::new(order, self.epoch))
    }

    fn check_history(&self, order: &Order, now_ns: i64) -> Result<(), Refusal> {
        let key = Key::of(order);
        if let Some(age) = self.recent.age_of_same(&key, now_ns) {
            let (limit, actual) = (i128::from(self.recent.window_ns), i128::from(age));
            return Err(Refusal { rule: RuleName::Duplicate, limit, actual });
        }
        let repeat = self.repeats.get(order.strategy.index()).copied().unwrap_or_default();
        let same = repeat.last == Some(key);
        if repeat.times >= self.max_repeated && (same || repeat.last.is_none()) {
            let (limit, actual) = (i128::from(self.max_repeated), i128::from(repeat.times));
            return Err(Refusal { rule: RuleName::RepeatedExecution, limit, actual });
        }
        Ok(())
    }

    fn remember(&mut self, order: &Order, now_ns: i64) {
        let key = Key::of(order);
        self.recent.remember(key, now_ns);
        if let Some(repeat) = self.repeats.get_mut(order.strategy.index()) {
            let same = repeat.last == Some(key);
            repeat.times = if same { repeat.times.saturating_add(1) } else { 1 };
            // Reaching the limit disables the strategy whatever it sends next.
            repeat.last = (repeat.times < self.max_repeated).then_some(key);
        }
    }

    /// The largest quantity, up to the order's own, whose size the rules let through: what sizing
    /// chooses below.
    fn headroom(&self, order: &Order, view: &View<'_>) -> Qty {
        let sized = |qty| Order { qty, ..*order };
        if self.rules.size_fits(&Case::new(order, view)) {
            return order.qty;
        }
        let (mut fits, mut too_much) = (0_u64, order.qty.lots());
        while too_much.saturating_sub(fits) > 1 {
            let middle = fits.midpoint(too_much);
            if self.rules.size_fits(&Case::new(&sized(Qty::from_lots(middle)), view)) {
                fits = middle;
            } else {
                too_much = middle;
            }
        }
        Qty::from_lots(fits)
    }

    /// A message that is no order: a cancel, a query. Protection may always send it.
    pub fn take_message(&mut self, now_ns: i64, protects: bool) -> bool {
        self.budget.take(now_ns, protects)
    }

    /// When the next message can be sent.
    pub fn next_message_ns(&self, protects: bool) -> i64 {
        self.budget.next_ns(protects)
    }

    /// A kill happened: approvals from before are no longer worth anything.
    pub const fn begin_epoch(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
    }

    /// Go on after another gate: a kill of before is still later than its approvals, and for each
    /// pair of its strategy and ours one that was disabled for repeating itself stays so.
    pub fn resume(&mut self, old: &Self, pairs: &[(StrategyId, StrategyId)]) {
        self.epoch = old.epoch.saturating_add(1);
        for &(from, to) in pairs {
            let before = old.repeats.get(from.index()).copied().unwrap_or_default();
            if let Some(repeat) = self.repeats.get_mut(to.index()) {
                let disabled = before.times >= old.max_repeated && before.last.is_none();
                let times = if disabled { self.max_repeated } else { before.times };
                *repeat = Repeat { times, ..before };
            }
        }
    }

    /// How far apart sources of a price may be.
    pub const fn max_disagreement(&self) -> Rate {
        self.rules.market_fresh.0
    }

    /// What may still be lost before a line is reached, of which this share may be used: what the
    /// governor bounds new risk by.
    pub fn loss_budget(&self, portfolio: &Portfolio, share: Rate) -> Money {
        self.rules.governor.left(portfolio, share)
    }

    /// Messages that a strategy could send now.
    pub fn messages_left(&self, now_ns: i64) -> u64 {
        self.budget.clone().available(now_ns, false)
    }

    /// The kill epoch.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// An operator looked at the strategies that were disabled for repeating themselves.
    pub fn forgive_repeats(&mut self) {
        self.repeats.fill(Repeat::default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Money, OrderKind, Purpose, TimeInForce};
    use crate::risk::testing::{Desk, ask, bid, profile, reduce};
    use crate::risk::{Mode, Reading, References};
    use crate::testing::price;

    fn gate() -> Gate {
        Gate::new(&profile(), vec![true], 1)
    }

    #[test]
    fn an_approved_order_is_the_order_and_carries_the_epoch() {
        let (mut gate, desk) = (gate(), Desk::new());
        for epoch in 0..3 {
            let order = bid(20_000 + i64::from(epoch), 100);
            let approved = gate.review(order, &desk.view()).unwrap();
            assert_eq!(approved.epoch(), epoch);
            assert_eq!(approved.into_inner(), order);
            gate.begin_epoch();
        }
    }

    #[test]
    fn the_same_order_within_the_window_is_refused() {
        let (mut gate, mut desk) = (gate(), Desk::new());
        let window = profile().gate.duplicate_window_ns;
        assert!(gate.review(bid(20_000, 100), &desk.view()).is_ok());
        for (now, expected) in [(1, true), (window - 1, true), (window, false)] {
            desk.now_ns = now;
            let refused = gate.review(bid(20_000, 100), &desk.view()).err();
            assert_eq!(refused.map(|r| r.rule), expected.then_some(RuleName::Duplicate), "{now}");
        }
        assert!(gate.review(bid(20_001, 100), &desk.view()).is_ok(), "another price is another");
    }

    #[test]
    fn a_loop_is_stopped_at_exactly_the_limit_and_stays_stopped() {
        let (mut gate, mut desk) = (gate(), Desk::new());
        let limit = profile().gate.max_repeated;
        let mut approved = 0;
        for k in 0..3 * i64::from(limit) {
            desk.set_now(k * 1_000_000_000);
            approved += u32::from(gate.review(bid(20_000, 100), &desk.view()).is_ok());
        }
        assert_eq!(approved, limit);
        desk.set_now(1_000_000_000_000_000);
        let other = gate.review(bid(20_001, 100), &desk.view()).unwrap_err();
        assert_eq!(other.rule, RuleName::RepeatedExecution, "a new price does not get around it");
        let bytes = postcard::to_allocvec(&gate).unwrap();
        let mut restored: Gate = postcard::from_bytes(&bytes).unwrap();
        assert!(restored.review(bid(20_001, 100), &desk.view()).is_err(), "nor does a restart");
        desk.hold(Side::Bid, 20_000, 10);
        assert!(restored.review(reduce(Side::Ask, 20_000, 10), &desk.view()).is_ok(), "exits pass");
        restored.forgive_repeats();
        assert!(restored.review(bid(20_001, 100), &desk.view()).is_ok());
    }

    #[test]
    fn another_gate_goes_on_with_a_strategy_that_was_disabled() {
        let (mut old, mut desk) = (gate(), Desk::new());
        for k in 0..i64::from(profile().gate.max_repeated) {
            desk.set_now(k * 1_000_000_000);
            assert!(old.review(bid(20_000, 100), &desk.view()).is_ok());
        }
        let mut limits = profile();
        limits.gate.max_repeated *= 2;
        let same = (StrategyId::new(0), StrategyId::new(0));
        for (pairs, passes) in [(vec![same], false), (vec![], true)] {
            let mut new = Gate::new(&limits, vec![true], 1);
            new.resume(&old, &pairs);
            assert!(new.epoch() > old.epoch());
            desk.set_now(1_000_000_000_000);
            assert_eq!(new.review(bid(20_001, 100), &desk.view()).is_ok(), passes, "{pairs:?}");
        }
    }

    #[test]
    fn another_gate_does_not_disable_a_strategy_that_was_not() {
        let (mut old, desk) = (gate(), Desk::new());
        let same = (StrategyId::new(0), StrategyId::new(0));
        let mut limits = profile();
        limits.gate.max_repeated = 3;
        for ordered in [false, true] {
            if ordered {
                assert!(old.review(bid(20_000, 100), &desk.view()).is_ok());
            }
            let mut new = Gate::new(&limits, vec![true], 1);
            new.resume(&old, &[same]);
            assert!(new.review(bid(20_001, 100), &desk.view()).is_ok(), "{ordered}");
        }
    }

    #[test]
    fn protection_still_has_messages_when_strategies_have_none() {
        let (mut gate, mut desk) = (gate(), Desk::new());
        let burst = profile().gate.message_burst;
        let mut sent = 0;
        let refused = loop {
            sent += 1;
            let order = bid(20_000 - i64::from(sent), 100);
            if let Err(refusal) = gate.review(order, &desk.view()) {
                break refusal.rule;
            }
        };
        assert_eq!(refused, RuleName::MessageRate);
        assert_eq!(sent - 1, burst - profile().gate.message_reserve);
        desk.hold(Side::Bid, 20_000, 10);
        assert!(gate.review(reduce(Side::Ask, 20_000, 10), &desk.view()).is_ok());
    }

    #[test]
    fn headroom_is_the_largest_size_that_passes() {
        let (mut gate, desk) = (gate(), Desk::new()); // 25 % of 1 000 USD: 125 lots at 2.0000
        assert_eq!(gate.headroom(&bid(20_000, 100), &desk.view()).lots(), 100);
        assert_eq!(gate.headroom(&bid(20_000, 5_000), &desk.view()).lots(), 125);
        assert!(gate.review(bid(20_000, 125), &desk.view()).is_ok());
        assert!(gate.review(bid(20_000, 126), &desk.view()).is_err());
    }

    fn any_price() -> impl Strategy<Value = i64> {
        prop_oneof![
            4 => 15_000_i64..25_000,
            1 => any::<i64>(),
            1 => Just(0),
            1 => Just(i64::MIN),
            1 => Just(i64::MAX),
        ]
    }

    fn any_reading() -> impl Strategy<Value = Reading> {
        let time = prop_oneof![Just(0_i64), any::<i64>()];
        prop_oneof![
            Just(Reading::default()),
            (any_price(), time).prop_map(|(ticks, time)| Reading::new(price(ticks), time)),
        ]
    }

    fn any_order() -> impl Strategy<Value = Order> {
        let lots = prop_oneof![3 => 0_u64..300, 1 => any::<u64>()];
        let purpose = prop_oneof![
            Just(Purpose::Entry),
            Just(Purpose::Quote),
            Just(Purpose::Stop),
            Just(Purpose::Exit),
            Just(Purpose::Flatten),
        ];
        (any_price(), lots, any::<bool>(), any::<bool>(), any::<bool>(), any_price(), purpose)
            .prop_map(|(ticks, lots, buy, reduce_only, stop, trigger, purpose)| Order {
                side: if buy { Side::Bid } else { Side::Ask },
                price: price(ticks),
                reduce_only,
                kind: if stop {
                    OrderKind::Stop { trigger: price(trigger) }
                } else {
                    OrderKind::Limit(TimeInForce::GoodTilCancelled)
                },
                purpose,
                ..bid(1, lots)
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000_000))]
        #[test]
        fn nothing_escapes(
            order in any_order(), mid in any_reading(), mark in any_reading(),
            oracle in any_reading(), average in any_reading(),
            held in -200_i64..200, mode in 0_usize..3,
        ) {
            let mut desk = Desk::new();
            if held != 0 {
                let side = if held > 0 { Side::Bid } else { Side::Ask };
                desk.hold(side, 20_000, held.unsigned_abs());
            }
            desk.references = References { mid, mark, oracle, average };
            desk.mode = [Mode::Normal, Mode::ReduceOnly, Mode::Killed][mode];
            let view = desk.view();
            let Ok(approved) = gate().review(order, &view) else { return Ok(()) };
            let order = approved.into_inner();
            // What follows is written without the rules' own helpers.
            let after = i128::from(held) + i128::from(order.qty.lots()) * i128::from(order.side.sign());
            let closes = order.reduce_only && held != 0 && (held > 0) == (order.side == Side::Ask);
            let closing_stop = closes && matches!(order.kind, OrderKind::Stop { .. });
            let reduces = closing_stop || (closes && after.signum() * i128::from(held.signum()) >= 0);
            prop_assert!(order.price.ticks() > 0 && order.qty.lots() > 0);
            prop_assert!(!order.reduce_only || reduces);
            if desk.mode != Mode::Normal {
                prop_assert!(reduces, "{:?} let {order:?} through at {held}", desk.mode);
            }
            if !reduces {
                let fresh: Vec<i64> = [mid, mark, oracle, average].iter()
                    .filter_map(|r| r.last().filter(|p| p.is_tradable()
                        && 0_i64.saturating_sub(r.time_ns()) <= profile().gate.max_data_age_ns))
                    .map(Price::ticks).collect();
                prop_assert!(!fresh.is_empty());
                let (low, high) = (*fresh.iter().min().unwrap(), *fresh.iter().max().unwrap());
                let judged = match order.kind {
                    OrderKind::Stop { trigger } => trigger.ticks(),
                    OrderKind::Limit(_) => order.price.ticks(),
                };
                prop_assert!(judged as f64 >= low as f64 * 0.99 - 1.0, "{judged} {fresh:?}");
                prop_assert!(judged as f64 <= high as f64 * 1.01 + 1.0, "{judged} {fresh:?}");
                let grows = after.abs() > i128::from(held).abs();
                let value = desk.instrument.value(order.price, Qty::from_lots(after.unsigned_abs() as u64));
                prop_assert!(!grows || value <= Money::from_whole(250), "{value}");
            }
        }
    }

    #[test]
    fn the_last_sixteen_orders_are_remembered() {
        let (mut gate, desk) = (gate(), Desk::new());
        for lots in 1..=17 {
            assert!(gate.review(bid(20_000, 10 + lots), &desk.view()).is_ok(), "{lots}");
        }
        let again = |gate: &mut Gate, lots: u64| gate.review(bid(20_000, 10 + lots), &desk.view());
        assert_eq!(again(&mut gate, 2).unwrap_err().rule, RuleName::Duplicate);
        assert!(again(&mut gate, 1).is_ok(), "the first of seventeen is forgotten");
    }

    #[test]
    fn a_gate_that_allows_fewer_repeats_counts_those_of_before() {
        let (mut old, mut desk) = (gate(), Desk::new());
        let few = profile().gate.max_repeated;
        for k in 1..i64::from(few) {
            desk.set_now(k * 1_000_000_000);
            assert!(old.review(bid(20_000, 100), &desk.view()).is_ok());
        }
        let mut limits = profile();
        limits.gate.max_repeated = few - 1;
        let mut new = Gate::new(&limits, vec![true], 1);
        let nobody = StrategyId::new(9);
        let us = StrategyId::new(0);
        new.resume(&old, &[(us, us), (us, nobody)]);
        desk.set_now(1_000_000_000_000);
        let same = new.clone().review(bid(20_000, 100), &desk.view()).unwrap_err();
        assert_eq!(same.rule, RuleName::RepeatedExecution);
        assert!(new.review(bid(20_001, 100), &desk.view()).is_ok(), "another one was not repeated");
        let foreign = Order { strategy: nobody, ..bid(20_002, 100) };
        assert!(new.review(foreign, &desk.view()).is_ok(), "nobody counts for whom nobody knows");
    }

    /// A profile in which one number is tight, and the rule that it belongs to.
    type Tight = (fn(&mut Profile), RuleName);

    #[test]
    fn headroom_knows_every_rule_about_sizes() {
        let percent = |n: i64| Rate::from_ppm(n * 10_000);
        let tight: [Tight; 9] = [
            (|it| it.gate.max_order_qty = 40, RuleName::MaxOrderQty),
            (|it| it.gate.max_order_notional = Money::from_whole(90), RuleName::MaxOrderNotional),
            (|it| it.gate.max_position_notional = Money::from_whole(90), RuleName::MaxPosition),
            (|it| it.gate.max_leverage = Rate::from_ppm(90_000), RuleName::MaxLeverage),
            (|it| it.gate.min_margin_ratio = Rate::from_ppm(400_000_000), RuleName::MinMarginRatio),
            (|it| it.gate.max_trade_var = Rate::from_ppm(100), RuleName::MaxTradeVar),
            (|it| it.gate.max_net_exposure = Rate::from_ppm(90_000), RuleName::MaxNetExposure),
            (
                |it| it.gate.min_liquidation_distance = Rate::from_ppm(10_000_000),
                RuleName::MinLiquidationDistance,
            ),
            (|it| it.governor.gap_floor = Rate::from_ppm(1_000_000), RuleName::Governor),
        ];
        for (change, rule) in tight {
            let mut limits = profile();
            limits.gate.max_concentration = percent(100_000);
            change(&mut limits);
            let mut desk = Desk::new();
            desk.scenarios = crate::risk::Scenarios::new(&limits, &[desk.instrument.clone()]);
            let mut gate = Gate::new(&limits, vec![true], 1);
            let fits = gate.headroom(&bid(20_000, 5_000), &desk.view()).lots();
            assert!((1..5_000).contains(&fits), "{rule:?}: {fits}");
            assert!(gate.review(bid(20_000, fits), &desk.view()).is_ok(), "{rule:?}");
            let refused = gate.review(bid(20_000, fits + 1), &desk.view()).unwrap_err();
            assert_eq!(refused.rule, rule, "one lot more than {fits}");
        }
        let mut spot = Desk::spot();
        spot.hold(Side::Bid, 20_000, 7);
        assert_eq!(gate().headroom(&ask(20_000, 50), &spot.view()).lots(), 7);
    }

    /// What is wrong with the world, the order, and the rule that says so.
    type Wrong = (fn(&mut Desk), Order, RuleName);

    #[test]
    fn every_rule_stands_in_the_gate() {
        let wrong: [Wrong; 14] = [
            (|it| it.mode = Mode::Killed, bid(20_000, 100), RuleName::Killed),
            (|_| (), bid(0, 100), RuleName::VenueGrid),
            (|_| (), bid(20_000, 1), RuleName::MinNotional),
            (|_| (), reduce(Side::Ask, 20_000, 100), RuleName::ReduceOnly),
            (|it| it.hold_unmarked(Side::Ask, 20_000, 1), bid(20_000, 100), RuleName::AccountKnown),
            (|it| it.now_ns = 10_000_000_000, bid(20_000, 100), RuleName::MarketFresh),
            (|_| (), bid(20_500, 100), RuleName::PriceCollar),
            (|it| *it = Desk::spot(), ask(20_000, 100), RuleName::SpotShort),
            (|it| it.exposure.open_orders = 100, bid(20_000, 100), RuleName::MaxOpenOrders),
            (|_| (), bid(20_000, 126), RuleName::MaxConcentration),
            (
                |it| it.exposure.value_elsewhere = Money::from_whole(2_900),
                bid(20_000, 100),
                RuleName::MaxLeverage,
            ),
            (|it| it.depth.bids = Qty::ZERO, bid(20_000, 100), RuleName::MaxDepthShare),
            (|it| it.lose(49), bid(20_000, 100), RuleName::Governor),
            (
                |it| it.exposure.best_ask = Some(price(20_000)),
                bid(20_000, 100),
                RuleName::SelfTrade,
            ),
        ];
        assert!(gate().review(bid(20_000, 100), &Desk::new().view()).is_ok());
        for (change, order, rule) in wrong {
            let mut desk = Desk::new();
            change(&mut desk);
            let refused = gate().review(order, &desk.view()).err();
            assert_eq!(refused.map(|it| it.rule), Some(rule));
        }
        let nothing =
            Gate::new(&profile(), vec![false], 1).review(bid(20_000, 100), &Desk::new().view());
        assert_eq!(nothing.unwrap_err().rule, RuleName::AllowedInstruments);
    }

    #[test]
    fn what_is_left_of_messages_and_of_the_budget_is_told() {
        let (mut gate, desk) = (gate(), Desk::new());
        let usable = u64::from(profile().gate.message_burst - profile().gate.message_reserve);
        assert_eq!(gate.messages_left(0), usable);
        for _ in 0..usable {
            assert!(gate.take_message(0, false));
        }
        assert_eq!(gate.messages_left(0), 0);
        assert!(gate.next_message_ns(false) > gate.next_message_ns(true), "protection waits less");
        assert_eq!(gate.loss_budget(&desk.portfolio, Rate::ONE), Money::from_whole(50));
    }
}
