//! What the engine sees of the market reaches the governor.

use super::*;
use crate::domain::{Fill, RuleName};

#[test]
fn moves_that_were_seen_and_volatility_make_positions_smaller() {
    let mut config = config();
    config.profile.governor.gap_floor = Rate::from_ppm(10_000);
    let mut rig = Rig::new(&config);
    let calm = rig.engine.scenarios().gap(ID);
    for ticks in [20_000, 17_000, 17_000] {
        rig.wait(10 * SECOND);
        rig.market(ticks);
    }
    let scenarios = rig.engine.scenarios();
    assert!(scenarios.largest_move(ID) >= Rate::from_ppm(140_000), "{scenarios:?}");
    assert!(scenarios.gap(ID) > calm);
    let (seen, restored) = (scenarios.gap(ID), Engine::resume(&config, &rig.engine).unwrap());
    assert_eq!(restored.scenarios().gap(ID), seen, "and it is remembered");
}

#[test]
fn depth_that_comes_is_trusted_slowly_and_depth_that_goes_is_gone_at_once() {
    let mut rig = Rig::new(&config());
    let bids = |rig: &Rig| rig.engine.market(ID).unwrap().depth.bids.lots();
    rig.market_of(20_000, 100);
    rig.wait(SECOND);
    rig.market_of(20_000, 100);
    assert_eq!(bids(&rig), 100);
    rig.wait(100 * MILLISECOND);
    rig.market_of(20_000, 1_100);
    let (soon, later) = (bids(&rig), 1_100);
    assert!((200..=250).contains(&soon), "a tenth of a second of a thousand more: {soon}");
    rig.wait(2 * SECOND);
    rig.market_of(20_000, 1_100);
    assert_eq!(bids(&rig), later);
    rig.wait(100 * MILLISECOND);
    rig.market_of(20_000, 5);
    assert_eq!(bids(&rig), 5);
}

#[test]
fn a_feed_that_a_fill_contradicts_is_not_believed_before_it_changes() {
    let mut rig = Rig::new(&config());
    let touch = |ticks: i64| {
        let level = |ticks| Level { price: price(ticks), qty: qty(1_000_000) };
        let (bid, ask) = (level(ticks - 1), level(ticks + 1));
        Body::Touch(Touch { instrument: ID, sequence: 0, bid, ask })
    };
    let venue_only = |rig: &mut Rig, ticks| {
        let body = touch(ticks);
        rig.venue.on_market(&Event { time_ns: rig.now, received_ns: rig.now, body });
    };
    let doubted = |rig: &Rig| {
        let all = rig.said.iter().filter(|it| matches!(it, Notice::Doubted { .. }));
        all.count()
    };
    venue_only(&mut rig, 19_599);
    rig.want(10);
    assert_eq!((rig.held(), doubted(&rig)), (10, 0), "2 % is what sources may differ by");
    let mut rig = Rig::new(&config());
    venue_only(&mut rig, 17_000);
    rig.want(20);
    assert_eq!((rig.held(), doubted(&rig)), (20, 1));
    let unrealised = rig.engine.portfolio().position(ID).unwrap().unrealised();
    assert!(unrealised <= Money::ZERO, "no gain by a price that is not there: {unrealised}");
    let stop = rig.sent.last().map(|order| order.kind);
    let below = |kind| matches!(kind, OrderKind::Stop { trigger } if trigger < price(17_000));
    assert!(stop.is_some_and(below), "{stop:?}");
    assert!(rig.engine.market(ID).unwrap().best.is_none());
    let entries = |rig: &Rig| rig.sent.iter().filter(|it| it.purpose == Purpose::Entry).count();
    let before = entries(&rig);
    for _ in 0..5 {
        rig.now += 100 * MILLISECOND;
        rig.tell(touch(20_000)); // frozen
        rig.want(30);
    }
    assert_eq!((rig.held(), entries(&rig)), (20, before), "nothing is added");
    rig.wait(10 * SECOND);
    assert_eq!(rig.held(), 0, "nothing was seen for too long: closed, near the fill");
    rig.market(17_010);
    rig.want(10);
    assert_eq!((rig.held(), doubted(&rig)), (10, 1), "it moves: believed again");
}

#[test]
fn a_fill_that_is_older_than_the_prices_or_rested_contradicts_nothing() {
    let filled = |maker| {
        let plain = fill(7, Side::Bid, 20_000, 10);
        Body::Fill(Fill { maker, ..plain })
    };
    for (maker, before) in [(true, 0), (false, 1)] {
        let mut rig = Rig::new(&config());
        rig.market(17_000);
        let (time_ns, received_ns) = (rig.now - before, rig.now);
        let body = filled(maker);
        rig.engine.on_event(&Event { time_ns, received_ns, body }, &mut rig.out).unwrap();
        assert!(rig.engine.market(ID).unwrap().best.is_some(), "maker {maker}");
    }
}

#[test]
fn a_mark_that_a_fill_contradicts_is_not_believed_before_it_changes() {
    let mut rig = Rig::new(&config());
    let mark = |ticks| {
        let (mark, oracle) = (price(ticks), price(ticks));
        Body::Reference(Reference { instrument: ID, mark, oracle })
    };
    rig.tell(mark(20_390));
    let level = |ticks| Level { price: price(ticks), qty: qty(1_000_000) };
    let (bid, ask) = (level(19_949), level(19_951));
    let body = Body::Touch(Touch { instrument: ID, sequence: 0, bid, ask });
    rig.venue.on_market(&Event { time_ns: rig.now, received_ns: rig.now, body });
    rig.want(10);
    let marked = |rig: &Rig| rig.engine.portfolio().position(ID).unwrap().mark();
    assert_eq!(marked(&rig), Some(price(19_951)), "the fill, not the mark 2.2 % away");
    rig.tell(mark(20_390));
    assert_eq!(marked(&rig), Some(price(19_951)));
    rig.tell(mark(20_100));
    assert_eq!(marked(&rig), Some(price(20_100)));
    rig.tell(mark(20_390));
    assert_eq!(marked(&rig), Some(price(20_390)), "it moved there");
}

#[test]
fn a_book_with_a_message_missing_has_no_price_however_young_it_is() {
    let mut spec = config();
    spec.instruments[0].spec.sequence_rule = SequenceRule::Contiguous;
    let mut engine = Engine::new(&spec).unwrap();
    let mut out = Commands::with_capacity(64);
    let levels = [Level { price: price(19_999), qty: qty(1_000) }];
    let asks = [Level { price: price(20_001), qty: qty(1_000) }];
    for (kind, number) in [(DepthKind::Snapshot, 1), (DepthKind::Diff, 5)] {
        let sequence = Sequence { first: number, last: number, previous: number - 1 };
        let bids = &levels;
        let depth = Depth { instrument: ID, kind, sequence, checksum: None, bids, asks: &asks };
        let body = Body::Depth(depth);
        engine.on_event(&Event { time_ns: 1, received_ns: 1, body }, &mut out).unwrap();
    }
    let market = engine.market(ID).unwrap();
    assert_eq!((market.references.mid.last(), market.depth.bids), (None, qty(0)));
    out.clear();
    let quotes = Quotes { bids: &levels, asks: &[] };
    let decision =
        Decision { strategy: StrategyId::new(0), woken_ns: 1, intent: Intent::Quotes(quotes) };
    let event = Event { time_ns: 2, received_ns: 2, body: Body::Decision(decision) };
    engine.on_event(&event, &mut out).unwrap();
    let told = out.as_slice();
    assert!(!told.iter().any(|it| matches!(it, CommandOf::Submit(_))), "{told:?}");
    let counts = engine.execution().refusals.counts();
    assert!(counts.contains(&(RuleName::MarketFresh, 1)), "{counts:?}");
}
