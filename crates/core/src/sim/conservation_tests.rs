//! What holds whatever happens: random sequences of everything that a venue can be asked and that
//! can happen to it, with several accounts, on linear and on inverse instruments.

use proptest::prelude::*;

use crate::domain::{
    Body, CancelReason, Instrument, InstrumentKind, MarginMode, Money, Price, Qty, RejectReason,
    SECOND, Side, TimeInForce,
};
use crate::portfolio::Portfolio;
use crate::sim::market::Resting;
use crate::sim::testing::{ID, Rig, account, limit, resting, stop, take_profit};
use crate::sim::{Fault, Grouping, Life, QueueModel, VenueOrder, VenueOrderKind};
use crate::testing::{inverse_btc, price, qty, xrp};

const ACCOUNTS: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Wish {
    buy: bool,
    ticks: i64,
    lots: u64,
    kind: u8,
    flags: u8,
}

#[derive(Clone, Debug)]
enum Act {
    Place(usize, Wish),
    Group(usize, bool, Wish, i64, i64),
    Modify(usize, usize, Wish),
    Cancel(usize, usize),
    CancelAll(usize),
    Trade { buy: bool, ticks: i64, lots: u64 },
    Level { bid: bool, ticks: i64, lots: u64 },
    Mark(i64),
    Wild(Option<i64>),
    Funding(i64),
    Transfer(usize, i64),
    Leverage(usize, bool, u16),
    Margin(usize, i64),
    Fault(usize, u8),
    PostOnly(bool),
    Backstop(i64),
    Open,
    Wait(i64),
}

fn near() -> std::ops::Range<i64> {
    19_900..20_100
}

fn wishes() -> impl Strategy<Value = Wish> {
    let lots = prop_oneof![5_u64..300, 1_000_u64..9_000];
    (any::<bool>(), near(), lots, 0_u8..5, any::<u8>())
        .prop_map(|(buy, ticks, lots, kind, flags)| Wish { buy, ticks, lots, kind, flags })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = || 0..ACCOUNTS;
    let act = prop_oneof![
        16 => (who(), wishes()).prop_map(|(by, wish)| Act::Place(by, wish)),
        3 => (who(), any::<bool>(), wishes(), 1_i64..300, 1_i64..300)
            .prop_map(|(by, position, wish, down, up)| Act::Group(by, position, wish, down, up)),
        2 => (who(), 0_usize..4, wishes()).prop_map(|(by, at, wish)| Act::Modify(by, at, wish)),
        2 => (who(), 0_usize..4).prop_map(|(by, at)| Act::Cancel(by, at)),
        1 => who().prop_map(Act::CancelAll),
        3 => (any::<bool>(), near(), 1_u64..300).prop_map(|(buy, ticks, lots)| Act::Trade { buy, ticks, lots }),
        5 => (any::<bool>(), near(), 0_u64..900).prop_map(|(bid, ticks, lots)| Act::Level { bid, ticks, lots }),
        3 => (19_500_i64..20_500).prop_map(Act::Mark),
        2 => (17_000_i64..23_000).prop_map(Act::Mark),
        1 => proptest::option::of(10_000_i64..40_000).prop_map(Act::Wild),
        1 => (-50_000_i64..50_000).prop_map(Act::Funding),
        1 => (who(), -300_i64..300).prop_map(|(by, whole)| Act::Transfer(by, whole)),
        1 => (who(), any::<bool>(), 0_u16..22)
            .prop_map(|(by, alone, leverage)| Act::Leverage(by, alone, leverage)),
        1 => (who(), -300_i64..300).prop_map(|(by, whole)| Act::Margin(by, whole)),
        1 => (who(), 0_u8..3).prop_map(|(by, kind)| Act::Fault(by, kind)),
        1 => any::<bool>().prop_map(Act::PostOnly),
        1 => (1_i64..500).prop_map(Act::Backstop),
        1 => Just(Act::Open),
        1 => (1_i64..40).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..150)
}

fn order(wish: &Wish) -> VenueOrder {
    let side = if wish.buy { Side::Bid } else { Side::Ask };
    let time_in_force = match wish.kind {
        0 => TimeInForce::ImmediateOrCancel,
        1 => TimeInForce::PostOnly,
        _ => TimeInForce::GoodTilCancelled,
    };
    let plain = limit(side, wish.ticks, wish.lots, time_in_force);
    let far = VenueOrder { price: price(wish.ticks).worse(side, 2_000), ..plain };
    let triggered = match wish.kind {
        3 => stop(far, wish.ticks),
        4 => take_profit(far, wish.ticks),
        _ => return VenueOrder { reduce_only: wish.flags & 3 == 3, ..plain },
    };
    let order = VenueOrder { reduce_only: wish.flags & 1 == 1, ..triggered };
    if wish.flags & 2 == 2 { resting(order) } else { order }
}

/// An entry with its stop and take-profit, or these two for a position.
fn family(wish: &Wish, down: i64, up: i64) -> Vec<VenueOrder> {
    let entry = order(&Wish { kind: wish.kind % 3, flags: 0, ..*wish });
    let side = entry.side.opposite();
    let closing = VenueOrder { side, price: entry.price.worse(side, 3_000), ..entry };
    let below = price(wish.ticks - entry.side.sign() * down).ticks();
    let above = price(wish.ticks + entry.side.sign() * up).ticks();
    let profit = take_profit(closing, above);
    vec![entry, stop(closing, below), if wish.flags & 1 == 1 { resting(profit) } else { profit }]
}

fn nth(rig: &Rig, by: usize, at: usize) -> Option<crate::sim::OrderRef> {
    rig.venue.orders(account(by)).nth(at).map(|record| record.venue_order_id.into())
}

fn perform(rig: &mut Rig, act: &Act) {
    let side = |bid: bool| if bid { Side::Bid } else { Side::Ask };
    match *act {
        Act::Place(by, ref wish) => {
            rig.place(by, order(wish));
        }
        Act::Group(by, position, ref wish, down, up) => {
            let orders = family(wish, down, up);
            let (grouping, orders) = if position {
                (Grouping::Position, &orders[1..])
            } else {
                (Grouping::Normal, &orders[..])
            };
            rig.venue.place_group(account(by), grouping, orders, rig.now);
        }
        Act::Modify(by, at, ref wish) => {
            if let Some(id) = nth(rig, by, at) {
                let _either = rig.venue.modify(account(by), id, &order(wish), rig.now);
            }
        }
        Act::Cancel(by, at) => {
            if let Some(id) = nth(rig, by, at) {
                assert!(rig.venue.cancel_order(account(by), ID, id, rig.now).is_some());
            }
        }
        Act::CancelAll(by) => {
            rig.venue.cancel_all(account(by), CancelReason::Scheduled, rig.now);
            assert_eq!(rig.venue.open_orders(account(by)), 0);
        }
        Act::Trade { buy, ticks, lots } => rig.trade(side(buy), ticks, lots),
        Act::Level { bid: true, ticks, lots } => rig.book(&[(ticks, lots)], &[]),
        Act::Level { bid: false, ticks, lots } => rig.book(&[], &[(ticks, lots)]),
        Act::Mark(ticks) => rig.mark(ticks),
        Act::Wild(ticks) => rig.venue.force_mark(ID, ticks.map(price), rig.now),
        Act::Funding(ppm) => rig.funding(ppm),
        Act::Transfer(by, whole) => {
            rig.venue.transfer(account(by), Money::from_whole(whole), rig.now);
        }
        Act::Leverage(by, alone, leverage) => {
            let mode = if alone { MarginMode::Isolated } else { MarginMode::Cross };
            let _either = rig.venue.set_leverage(account(by), ID, mode, leverage);
        }
        Act::Margin(by, whole) => {
            let _either = rig.venue.add_margin(account(by), ID, Money::from_whole(whole));
        }
        Act::Fault(by, kind) => {
            let fault = match kind {
                0 => Some(Fault::Reject(RejectReason::Other)),
                1 => Some(Fault::PartialFill(qty(17))),
                _ => None,
            };
            rig.venue.set_fault(account(by), fault);
        }
        Act::PostOnly(open) => rig.venue.set_post_only_window(open),
        Act::Backstop(whole) => rig.venue.fund_backstop(Money::from_whole(whole)),
        Act::Open => {
            rig.venue.open_account(Money::from_whole(1_000)).unwrap();
        }
        Act::Wait(seconds) => rig.now += seconds * SECOND,
    }
    rig.listen();
}

/// What each account hears of adds up to what the venue says that it holds.
struct Listeners {
    own: Vec<Portfolio>,
    heard: usize,
}

impl Listeners {
    fn new() -> Self {
        let own = vec![Portfolio::new(1, Money::from_whole(1_000)); ACCOUNTS];
        Self { own, heard: 0 }
    }

    fn check(&mut self, rig: &Rig, instrument: &Instrument) {
        for report in &rig.heard[self.heard..] {
            let Some(own) = self.own.get_mut(report.account.index()) else { continue };
            match &report.body {
                Body::Fill(fill) => {
                    assert!(!fill.qty.is_zero());
                    assert_eq!(report.traded.unwrap().before, own.qty(ID));
                    let had = own.position(ID).unwrap().realised();
                    own.apply_fill(instrument, fill, 0);
                    let realised = own.position(ID).unwrap().realised().minus(had);
                    assert_eq!(report.traded.unwrap().realised, realised);
                }
                Body::Funding(payment) => own.apply_funding(ID, payment.amount),
                Body::Transfer(transfer) => own.apply_transfer(transfer.amount),
                _ => {}
            }
        }
        self.heard = rig.heard.len();
        for (by, own) in self.own.iter().enumerate() {
            assert_eq!((own.cash(), own.qty(ID).lots()), (rig.cash(by), rig.held(by)));
        }
    }
}

/// The venue's counts are what its orders say, and no two accounts' orders cross.
fn check_orders(rig: &Rig) {
    let market = &rig.venue.markets[0];
    for (at, owner) in rig.venue.accounts.iter().enumerate() {
        let own: Vec<_> = rig.venue.orders(account(at)).copied().collect();
        let money = &owner.portfolio;
        let apart = money.positions().iter().fold(Money::ZERO, |sum, it| sum.plus(it.apart()));
        assert_eq!(money.shared_equity().plus(apart), money.equity());
        assert_eq!(usize::try_from(owner.open_orders).unwrap(), own.len());
        let reserved = own.iter().filter(|it| it.life == Life::Resting && !it.order.reduce_only);
        let reserved = reserved.fold(Money::ZERO, |sum, it| {
            sum.plus(market.instrument.value(it.order.price, it.remaining))
        });
        // Values of inverse quantities are rounded, each by itself.
        assert!(owner.reserved[0].minus(reserved).abs() < Money::from_units(2_000));
        assert!(
            own.iter()
                .all(|it| it.filled.plus(it.remaining) <= it.order.qty.max(Qty::from_lots(1))
                    || it.triggered)
        );
        assert!(own.iter().all(|it| !it.remaining.is_zero() || it.order.whole_position()));
    }
    let prices =
        |side| market.resting.iter().filter(move |it| it.side() == side).map(Resting::price);
    let (bid, ask) = (prices(Side::Bid).max(), prices(Side::Ask).min());
    assert!(bid.zip(ask).is_none_or(|(bid, ask)| bid < ask), "crossed: {bid:?} {ask:?}");
    for waits in &market.triggers {
        assert!(matches!(waits.record.life, Life::AwaitsTrigger | Life::AwaitsParent(_)));
        assert!(matches!(waits.record.order.kind, VenueOrderKind::Trigger(_)));
    }
}

/// Side, price, rank and id of what rests.
fn queue(rig: &Rig) -> Vec<(Side, Price, u64, u64)> {
    let resting = rig.venue.markets[0].resting.iter();
    resting.map(|it| (it.side(), it.price(), it.rank, it.record.venue_order_id.raw())).collect()
}

/// Whoever came before an order that traded as maker does not rest any more.
fn check_priority(rig: &Rig, before: &[(Side, Price, u64, u64)], heard: usize) {
    let after = queue(rig);
    for report in &rig.heard[heard..] {
        let Body::Fill(fill) = report.body else { continue };
        let id = fill.venue_order_id.raw();
        let Some(&(side, price, rank, _)) = before.iter().find(|it| it.3 == id && fill.maker)
        else {
            continue;
        };
        for first in before.iter().filter(|it| it.0 == side) {
            if first.1.better(side, price) || (first.1 == price && first.2 < rank) {
                assert!(!after.iter().any(|it| it.3 == first.3), "{first:?} before {fill:?}");
            }
        }
    }
}

fn run(acts: &[Act], instrument: &Instrument, model: QueueModel, with_book: bool) {
    let mut rig = Rig::with(std::slice::from_ref(instrument), &[1_000; ACCOUNTS], model);
    if with_book {
        rig.book(&[(19_990, 500), (19_980, 500)], &[(20_010, 500), (20_020, 500)]);
    }
    let mut listeners = Listeners::new();
    for act in acts {
        if !with_book && matches!(act, Act::Level { .. }) {
            continue;
        }
        let (before, heard) = (queue(&rig), rig.heard.len());
        perform(&mut rig, act);
        let audit = rig.venue.audit();
        assert!(audit.is_balanced(), "{act:?}: {audit:?}");
        let rounded = rig.venue.ledger.rounded;
        assert!(rounded == Money::ZERO || instrument.kind() == InstrumentKind::Inverse);
        assert!(rounded.abs() < Money::from_units(1_000), "{rounded}");
        listeners.check(&rig, instrument);
        check_orders(&rig);
        check_priority(&rig, &before, heard);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn money_lots_counts_and_priority_hold_with_others_in_the_market(
        acts in acts(), power in 0.1_f64..10.0, model in 0_u8..3
    ) {
        let models = [QueueModel::Front, QueueModel::Back, QueueModel::Probability { power }];
        run(&acts, &xrp(), models[usize::from(model)], true);
    }

    #[test]
    fn money_lots_counts_and_priority_hold_where_only_accounts_trade(acts in acts()) {
        run(&acts, &xrp(), QueueModel::Back, false);
    }

    #[test]
    fn money_lots_counts_and_priority_hold_for_inverse_contracts(acts in acts()) {
        run(&acts, &inverse_btc(), QueueModel::Back, true);
    }

    #[test]
    fn the_same_inputs_give_the_same_reports(acts in acts()) {
        let once = || {
            let mut rig = Rig::with(&[xrp()], &[1_000; ACCOUNTS], QueueModel::Back);
            rig.book(&[(19_990, 500)], &[(20_010, 500)]);
            for act in &acts {
                perform(&mut rig, act);
            }
            rig.heard
        };
        prop_assert_eq!(once(), once());
    }
}

/// The random sequences get to what they are about.
#[test]
fn the_sequences_reach_liquidation_deleveraging_groups_and_cuts_by_margin() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..400 {
        let acts = acts().new_tree(&mut runner).unwrap().current();
        let mut rig = Rig::with(&[xrp()], &[1_000; ACCOUNTS], QueueModel::Back);
        rig.book(&[(19_990, 500)], &[(20_010, 500)]);
        for act in &acts {
            perform(&mut rig, act);
        }
        for report in &rig.heard {
            if let Some(traded) = report.traded {
                seen.insert(format!("{:?} {}", traded.cause, traded.other.is_some()));
            }
            if let Body::Order(order) = report.body {
                seen.insert(format!("{:?}", order.status));
            }
        }
    }
    let all = [
        "Order true",
        "Order false",
        "Liquidation true",
        "Liquidation false",
        "Backstop true",
        "Deleveraging true",
        "Deleveraging false",
        "Cancelled(Sibling)",
        "Cancelled(Parent)",
        "Cancelled(Margin)",
        "Cancelled(SelfTrade)",
        "Cancelled(ReduceOnly)",
        "Triggered",
        "Cancelled(PositionClosed)",
        "Cancelled(Replaced)",
        "Cancelled(Liquidated)",
        "Cancelled(PostOnlyWindow)",
        "Rejected(BadTrigger)",
        "Rejected(WouldTrade)",
        "Rejected(PostOnlyWindow)",
        "Rejected(Parent)",
        "Rejected(Margin)",
    ];
    for wanted in all {
        assert!(seen.contains(wanted), "never {wanted}: {seen:?}");
    }
}
