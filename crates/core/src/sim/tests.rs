use proptest::prelude::*;

use super::*;
use crate::domain::{
    Body, CancelReason, ClientOrderId, Depth, DepthKind, Event, Fill, FundingRate, Instrument,
    InstrumentId, InstrumentKind, Level, Money, NetQty, Order, OrderKind, Price, Purpose, Qty,
    Rate, Reference, RejectReason, SECOND, Sequence, Side, Status, TimeInForce, Trade,
};
use crate::portfolio::Portfolio;
use crate::risk::testing::{approve, ask, bid, reduce};
use crate::testing::{price, qty, xrp, xrp_spec};

const ID: InstrumentId = InstrumentId::new(0);
const US: AccountId = AccountId::FIRST;

struct Pit {
    venue: Venue,
    now: i64,
    ids: u64,
    heard: Vec<Body<'static>>,
}

type Levels<'a> = &'a [(i64, u64)];

impl Pit {
    /// 100 lots on each of 1.9990, 1.9980 and 2.0010, 2.0020, and 1 000 USD.
    fn new() -> Self {
        Self::with(&xrp(), 1_000, QueueModel::Back)
    }

    fn with(instrument: &Instrument, cash: i64, model: QueueModel) -> Self {
        let cash = [Money::from_whole(cash)];
        let venue = Venue::new(std::slice::from_ref(instrument), &cash, model);
        let mut pit = Self { venue, now: 0, ids: 0, heard: Vec::new() };
        let (bids, asks) = ([(19_990, 100), (19_980, 100)], [(20_010, 100), (20_020, 100)]);
        pit.book(DepthKind::Snapshot, &bids, &asks);
        pit
    }

    fn tell(&mut self, body: Body<'_>) {
        self.now += 1;
        self.venue.on_market(&Event { time_ns: self.now, received_ns: self.now, body });
        self.heard.extend(self.venue.drain_reports().map(|report| report.body));
    }

    fn book(&mut self, kind: DepthKind, bids: Levels<'_>, asks: Levels<'_>) {
        let levels = |all: Levels<'_>| -> Vec<Level> {
            all.iter().map(|&(p, q)| Level { price: price(p), qty: qty(q) }).collect()
        };
        let (bids, asks) = (levels(bids), levels(asks));
        let sequence = Sequence::default();
        let depth =
            Depth { instrument: ID, kind, sequence, checksum: None, bids: &bids, asks: &asks };
        self.tell(Body::Depth(depth));
    }

    fn change(&mut self, bids: Levels<'_>, asks: Levels<'_>) {
        self.book(DepthKind::Diff, bids, asks);
    }

    fn trade(&mut self, aggressor: Side, ticks: i64, lots: u64) {
        let (price, qty) = (price(ticks), qty(lots));
        self.tell(Body::Trade(Trade { instrument: ID, aggressor, price, qty, id: 1 }));
    }

    fn mark(&mut self, ticks: i64) {
        let mark = price(ticks);
        self.tell(Body::Reference(Reference { instrument: ID, mark, oracle: mark }));
    }

    fn send(&mut self, order: Order) -> ClientOrderId {
        self.ids += 1;
        let client_order_id = ClientOrderId::new(self.ids);
        self.venue.submit(US, &approve(Order { client_order_id, ..order }), self.now);
        self.heard.extend(self.venue.drain_reports().map(|report| report.body));
        client_order_id
    }

    fn fills(&self) -> Vec<(i64, u64, bool)> {
        let fills = self.heard.iter().filter_map(|body| match body {
            Body::Fill(fill) => Some((fill.price.ticks(), fill.qty.lots(), fill.maker)),
            _ => None,
        });
        fills.collect()
    }

    fn statuses(&self) -> Vec<Status> {
        let statuses = self.heard.iter().filter_map(|body| match body {
            Body::Order(report) => Some(report.status),
            _ => None,
        });
        statuses.collect()
    }

    fn held(&self) -> i64 {
        self.venue.portfolio(US).unwrap().qty(ID).lots()
    }
}

fn ioc(order: Order) -> Order {
    Order { kind: OrderKind::Limit(TimeInForce::ImmediateOrCancel), ..order }
}

fn post(order: Order) -> Order {
    Order { kind: OrderKind::Limit(TimeInForce::PostOnly), ..order }
}

fn stop(side: Side, trigger: i64, limit: i64) -> Order {
    let kind = OrderKind::Stop { trigger: price(trigger) };
    Order { kind, purpose: Purpose::Stop, ..reduce(side, limit, 1) }
}

#[test]
fn a_taker_walks_the_levels_and_pays_their_prices() {
    let mut pit = Pit::new();
    pit.send(ioc(bid(20_020, 150)));
    assert_eq!(pit.fills(), [(20_010, 100, false), (20_020, 50, false)]);
    assert!(pit.statuses().is_empty(), "filled: the fills say so");
}

#[test]
fn what_was_taken_is_gone_until_the_level_changes() {
    let mut pit = Pit::new();
    pit.send(ioc(bid(20_010, 60)));
    pit.send(ioc(bid(20_010, 60)));
    assert_eq!(pit.fills(), [(20_010, 60, false), (20_010, 40, false)]);
    assert_eq!(pit.statuses(), [Status::Cancelled(CancelReason::Unfilled)]);
    pit.change(&[], &[(20_010, 30)]);
    pit.send(ioc(bid(20_010, 60)));
    assert_eq!(pit.fills().last(), Some(&(20_010, 30, false)), "a new level is new liquidity");
}

#[test]
fn post_only_rests_or_is_rejected() {
    let mut pit = Pit::new();
    pit.send(post(bid(20_010, 10)));
    pit.send(post(bid(20_009, 10)));
    assert_eq!(pit.statuses(), [Status::Rejected(RejectReason::WouldTrade), Status::Working]);
}

#[test]
fn a_resting_order_waits_for_those_ahead() {
    let mut pit = Pit::new();
    pit.send(post(bid(19_990, 50)));
    pit.trade(Side::Ask, 19_990, 80);
    assert_eq!(pit.fills(), []);
    pit.trade(Side::Ask, 19_990, 40);
    assert_eq!(pit.fills(), [(19_990, 20, true)], "20 of the 40 passed the 20 still ahead");
    pit.trade(Side::Bid, 20_010, 500);
    assert_eq!(pit.fills().len(), 1, "a buyer does not fill a bid");
}

#[test]
fn a_trade_beyond_the_price_fills_it_whole() {
    let mut pit = Pit::new();
    pit.send(post(bid(19_990, 50)));
    pit.trade(Side::Ask, 19_980, 1);
    assert_eq!(pit.fills(), [(19_990, 50, true)]);
}

#[test]
fn a_book_that_moves_through_the_price_fills_it_with_what_is_there() {
    let mut pit = Pit::new();
    pit.send(post(bid(20_000, 50)));
    pit.change(&[], &[(19_995, 30)]);
    assert_eq!(pit.fills(), [(20_000, 30, true)], "at our price, as far as it reaches");
    pit.change(&[], &[(19_995, 40)]);
    assert_eq!(pit.fills().last(), Some(&(20_000, 20, true)));
}

#[test]
fn reduce_only_never_opens_and_is_cut_to_the_position() {
    let mut pit = Pit::new();
    pit.send(ioc(reduce(Side::Ask, 19_990, 10)));
    assert_eq!(pit.statuses(), [Status::Rejected(RejectReason::WouldIncrease)]);
    pit.send(ioc(bid(20_010, 30)));
    pit.send(ioc(reduce(Side::Ask, 19_990, 90)));
    assert_eq!((pit.held(), pit.fills().last()), (0, Some(&(19_990, 30, false))));
}

#[test]
fn the_venue_rejects_what_it_does_not_take() {
    let mut pit = Pit::new();
    for (order, reason) in [
        (bid(0, 10), RejectReason::BadPrice),
        (bid(20_000, 0), RejectReason::BadPrice),
        (bid(20_000, 4), RejectReason::TooSmall),
        (bid(20_000, 10_001), RejectReason::Margin), // 20 times 1 000 USD and a lot
    ] {
        pit.send(ioc(order));
        assert_eq!(pit.statuses().last(), Some(&Status::Rejected(reason)), "{order:?}");
    }
}

#[test]
fn spot_is_bought_with_what_is_there_and_never_sold_short() {
    let mut spec = xrp_spec();
    spec.kind = InstrumentKind::Spot;
    let mut pit = Pit::with(&Instrument::new(ID, &spec).unwrap(), 100, QueueModel::Back);
    pit.send(ioc(ask(19_990, 10)));
    pit.send(ioc(bid(20_010, 50)));
    let margin = Status::Rejected(RejectReason::Margin);
    assert_eq!(pit.statuses(), [margin, margin], "50 × 2.0010 is more than 100");
    pit.send(ioc(bid(20_010, 49)));
    pit.send(ioc(ask(19_990, 49)));
    assert_eq!((pit.held(), pit.fills().len()), (0, 2));
}

#[test]
fn a_stop_goes_off_at_the_mark_and_closes_what_is_held_by_then() {
    let mut pit = Pit::new();
    pit.send(ioc(bid(20_010, 30)));
    let id = pit.send(stop(Side::Ask, 19_900, 18_000));
    pit.send(ioc(bid(20_010, 20)));
    pit.mark(19_901);
    assert_eq!(pit.held(), 50);
    pit.mark(19_900);
    assert_eq!((pit.held(), pit.fills().last()), (0, Some(&(19_990, 50, false))));
    assert_eq!(pit.statuses(), [Status::Working, Status::Triggered, Status::Filled]);
    pit.venue.query(US, ID, id, 9);
    let report = pit.venue.drain_reports().next().unwrap();
    assert!(matches!(report.body, Body::Order(r) if r.status == Status::Filled));
}

#[test]
fn a_stop_goes_with_its_position() {
    let mut pit = Pit::new();
    pit.send(ioc(bid(20_010, 30)));
    pit.send(stop(Side::Ask, 19_900, 18_000));
    pit.send(ioc(reduce(Side::Ask, 19_990, 30)));
    assert_eq!(pit.statuses().last(), Some(&Status::Cancelled(CancelReason::PositionClosed)));
    assert_eq!(pit.venue.open_orders(US), 0);
}

#[test]
fn a_cancel_answers_with_the_truth() {
    let mut pit = Pit::new();
    let resting = pit.send(post(bid(19_000, 10)));
    let gone = pit.send(ioc(bid(20_010, 10)));
    for (id, status) in [
        (resting, Status::Cancelled(CancelReason::Requested)),
        (gone, Status::Filled),
        (ClientOrderId::new(99), Status::NotFound),
    ] {
        pit.venue.cancel(US, ID, id, 5);
        let body = pit.venue.drain_reports().next().unwrap().body;
        assert!(matches!(body, Body::Order(r) if r.status == status), "{body:?}");
    }
}

#[test]
fn an_order_of_ours_that_would_be_met_by_another_goes() {
    let mut pit = Pit::new();
    pit.send(post(ask(20_005, 10)));
    pit.send(ioc(bid(20_010, 10)));
    assert_eq!(pit.statuses(), [Status::Working, Status::Cancelled(CancelReason::SelfTrade)]);
    assert_eq!(pit.fills(), [(20_010, 10, false)]);
}

#[test]
fn fees_are_charged_by_role() {
    let mut pit = Pit::new();
    pit.send(ioc(bid(20_010, 100)));
    pit.send(post(ask(20_015, 100)));
    pit.change(&[(20_015, 500)], &[(20_010, 0), (20_020, 0), (20_030, 9)]);
    let fees: Vec<Money> = pit
        .heard
        .iter()
        .filter_map(|body| if let Body::Fill(Fill { fee, .. }) = body { Some(*fee) } else { None })
        .collect();
    // 200.10 × 0.045 %, 200.15 × 0.015 %
    assert_eq!(fees, [Money::from_units(900_450_000), Money::from_units(300_225_000)]);
    let cash = pit.venue.portfolio(US).unwrap().cash();
    assert_eq!(cash.to_string(), "999.9299325"); // + 0.05 − 0.090045 − 0.0300225
}

#[test]
fn longs_pay_a_positive_rate_on_the_oracle() {
    let mut pit = Pit::new();
    pit.send(ioc(bid(20_010, 100)));
    pit.mark(20_000);
    let rate = Rate::from_ppm(100); // 0.01 % of 200
    pit.tell(Body::FundingRate(FundingRate { instrument: ID, rate, settles: false }));
    pit.tell(Body::FundingRate(FundingRate { instrument: ID, rate, settles: true }));
    let paid: Vec<Money> = pit
        .heard
        .iter()
        .filter_map(|body| if let Body::Funding(p) = body { Some(p.amount) } else { None })
        .collect();
    assert_eq!(paid, [Money::from_units(-200_000_000)]);
}

/// 1 000 USD, and a position in a book of 10 000 lots a level whose entry is 2.0010.
fn leveraged(lots: u64) -> Pit {
    let mut pit = Pit::new();
    pit.change(&[(19_990, 1_000_000)], &[(20_010, 1_000_000)]);
    pit.send(ioc(bid(20_010, lots)));
    pit
}

#[test]
fn below_maintenance_the_venue_sells() {
    let mut pit = leveraged(9_000); // 18 009 USD
    pit.send(post(bid(19_000, 100)));
    pit.mark(19_398); // −550.8 − fee 8.1: equity 441.1 against maintenance 436.5
    assert_eq!(pit.held(), 9_000);
    pit.mark(19_380); // 424.9 against 436.1
    assert_eq!((pit.held(), pit.venue.open_orders(US)), (0, 0));
    assert!(pit.statuses().contains(&Status::Cancelled(CancelReason::Liquidated)));
}

#[test]
fn below_two_thirds_of_it_the_backstop_takes_everything() {
    let mut pit = leveraged(9_000);
    pit.change(&[(19_990, 0), (19_980, 0)], &[]); // nobody buys
    pit.mark(19_100); // −819.9 − 8.1: equity 171.9 against 429.8
    let account = pit.venue.portfolio(US).unwrap();
    assert!(account.is_flat());
    assert_eq!(account.equity(), Money::ZERO);
    assert!(pit.heard.iter().any(|body| matches!(body, Body::Fill(f) if f.liquidation)));
}

#[test]
fn money_moves_in_and_out() {
    let mut pit = Pit::new();
    pit.venue.transfer(US, Money::from_whole(-400), 5);
    assert_eq!(pit.venue.portfolio(US).unwrap().equity(), Money::from_whole(600));
}

#[test]
fn the_account_can_be_read() {
    let mut pit = Pit::new();
    pit.send(ioc(bid(20_010, 30)));
    pit.send(post(bid(19_000, 10)));
    pit.venue.read_account(US, 7, 5);
    let Body::Position(report) = pit.venue.drain_reports().next().unwrap().body else { panic!() };
    assert_eq!((report.request, report.position, report.last), (7, NetQty::from_lots(30), true));
    assert_eq!(report.open_orders, 1);
}

#[test]
fn a_synthetic_market_follows_from_its_seed_and_is_never_crossed() {
    let config = SyntheticConfig {
        seed: 5,
        start_ns: 0,
        duration_ns: 600 * SECOND,
        start_price: Price::from_ticks(25_000),
        messages_per_second: 20.0,
        volatility: 1.0,
        drift: 0.0,
        levels: 20,
        level_lots: 5_000.0,
        jumps_per_day: 50.0,
        jump_size: 0.01,
        crash: Some(Crash { at_ns: 300 * SECOND, duration_ns: 120 * SECOND, drop: 0.37, gap: 0.0 }),
    };
    let run = |seed| {
        let mut market = Synthetic::new(SyntheticConfig { seed, ..config }, &xrp()).unwrap();
        let mut book = crate::book::Book::new(&xrp());
        let (mut hash, mut mids, mut trades) = (0_u64, Vec::new(), 0);
        let mut emit = |event: &Event<'_>| {
            match &event.body {
                Body::Depth(depth) => {
                    book.apply(depth).unwrap();
                    let best = book.best().expect("the book is whole after every message");
                    assert!(book.depth(Side::Bid) <= 60 && book.depth(Side::Ask) <= 60);
                    hash = hash.wrapping_mul(31).wrapping_add(best.twice_mid().cast_unsigned());
                    mids.push(best.mid().ticks());
                }
                Body::Trade(_) => trades += 1,
                _ => {}
            }
            Ok::<(), ()>(())
        };
        while market.step(&mut emit).unwrap() {}
        (hash, mids, trades)
    };
    let (hash, mids, trades) = run(5);
    assert_eq!(run(5).0, hash);
    assert_ne!(run(6).0, hash);
    let (first, last) = (mids[0] as f64, *mids.last().unwrap() as f64);
    assert!((0.5..0.8).contains(&(last / first)), "37 % are lost, give or take: {first} {last}");
    assert!(trades > 1_000, "{trades}");
}

#[derive(Clone, Debug)]
enum Act {
    Send { buy: bool, ticks: i64, lots: u64, kind: u8, reduce_only: bool },
    Cancel(u64),
    Trade { buy: bool, ticks: i64, lots: u64 },
    Level { bid: bool, ticks: i64, lots: u64 },
    Mark(i64),
    Funding(i64),
    Transfer(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let near = || 19_900_i64..20_100;
    let act = prop_oneof![
        6 => (any::<bool>(), near(), 1_u64..300, 0_u8..4, any::<bool>())
            .prop_map(|(buy, ticks, lots, kind, reduce_only)| Act::Send { buy, ticks, lots, kind, reduce_only }),
        1 => (1_u64..40).prop_map(Act::Cancel),
        3 => (any::<bool>(), near(), 1_u64..300).prop_map(|(buy, ticks, lots)| Act::Trade { buy, ticks, lots }),
        4 => (any::<bool>(), near(), 0_u64..300).prop_map(|(bid, ticks, lots)| Act::Level { bid, ticks, lots }),
        2 => (19_000_i64..21_000).prop_map(Act::Mark),
        1 => (-1_000_i64..1_000).prop_map(Act::Funding),
        1 => (-50_i64..50).prop_map(Act::Transfer),
    ];
    proptest::collection::vec(act, 1..120)
}

fn perform(pit: &mut Pit, act: &Act) {
    match *act {
        Act::Send { buy, ticks, lots, kind, reduce_only } => {
            let side = if buy { Side::Bid } else { Side::Ask };
            let kind = match kind {
                0 => OrderKind::Limit(TimeInForce::GoodTilCancelled),
                1 => OrderKind::Limit(TimeInForce::ImmediateOrCancel),
                2 => OrderKind::Limit(TimeInForce::PostOnly),
                _ => OrderKind::Stop { trigger: price(ticks) },
            };
            let reduce_only = reduce_only || matches!(kind, OrderKind::Stop { .. });
            let plain = if buy { bid(ticks, lots) } else { ask(ticks, lots) };
            pit.send(Order { side, kind, reduce_only, ..plain });
        }
        Act::Cancel(id) => pit.venue.cancel(US, ID, ClientOrderId::new(id), pit.now),
        Act::Trade { buy, ticks, lots } => {
            pit.trade(if buy { Side::Bid } else { Side::Ask }, ticks, lots);
        }
        Act::Level { bid: true, ticks, lots } => pit.change(&[(ticks, lots)], &[]),
        Act::Level { bid: false, ticks, lots } => pit.change(&[], &[(ticks, lots)]),
        Act::Mark(ticks) => pit.mark(ticks),
        Act::Funding(ppm) => {
            let rate = Rate::from_ppm(ppm);
            pit.tell(Body::FundingRate(FundingRate { instrument: ID, rate, settles: true }));
        }
        Act::Transfer(whole) => pit.venue.transfer(US, Money::from_whole(whole), pit.now),
    }
    pit.heard.extend(pit.venue.drain_reports().map(|report| report.body));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn what_the_account_hears_adds_up_to_what_the_venue_holds(acts in acts()) {
        let mut pit = Pit::new();
        let mut ours = Portfolio::new(1, Money::from_whole(1_000));
        let mut known = 0;
        for act in &acts {
            perform(&mut pit, act);
            for body in &pit.heard[known..] {
                match body {
                    Body::Fill(fill) => { ours.apply_fill(&xrp(), fill, 0); }
                    Body::Funding(payment) => ours.apply_funding(ID, payment.amount),
                    Body::Transfer(transfer) => ours.apply_transfer(transfer.amount),
                    _ => {}
                }
            }
            known = pit.heard.len();
            let venue = pit.venue.portfolio(US).unwrap();
            prop_assert_eq!(ours.cash(), venue.cash());
            prop_assert_eq!(ours.qty(ID), venue.qty(ID));
        }
        let fills = pit.heard.iter().filter_map(|body| match body {
            Body::Fill(fill) if !fill.liquidation => Some(*fill),
            _ => None,
        });
        for fill in fills {
            prop_assert!(fill.qty > Qty::ZERO);
        }
        prop_assert!(usize::try_from(pit.venue.open_orders(US)).unwrap() <= acts.len());
    }
}
