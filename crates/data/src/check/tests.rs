use flyball_core::domain::{
    Bar, ChecksumRule, Decimal, Fees, InstrumentId, InstrumentKind, MarginTier, Price, PriceRule,
    Qty, Rate, SequenceRule, Trade,
};

use super::*;

const IT: InstrumentId = InstrumentId::new(0);

fn spec() -> InstrumentSpec {
    InstrumentSpec {
        symbol: "XRP".into(),
        kind: InstrumentKind::Linear,
        tick_size: Decimal::new(1, 4),
        lot_size: Decimal::new(1, 0),
        contract_size: Decimal::new(1, 0),
        price_rule: PriceRule::AnyTick,
        sequence_rule: SequenceRule::Contiguous,
        checksum_rule: ChecksumRule::Absent,
        min_notional: Decimal::new(0, 0),
        fees: Fees { maker: Rate::ZERO, taker: Rate::ZERO },
        margin_tiers: vec![MarginTier { from_notional: 0, max_leverage: 1 }],
        book_depth: 100,
    }
}

fn check(events: &[Event<'_>]) -> Report {
    let mut checker = Checker::new(&[spec()], Vec::new(), CheckOptions::new(true)).unwrap();
    for (number, event) in (1..).zip(events) {
        checker.event(event, Place::Event(number)).unwrap();
    }
    checker.finish()
}

fn at(time_ns: i64, body: Body<'_>) -> Event<'_> {
    Event { time_ns, received_ns: time_ns + 1_000_000, body }
}

fn trade(id: u64, ticks: i64) -> Body<'static> {
    Body::Trade(Trade {
        instrument: IT,
        aggressor: Side::Bid,
        price: Price::from_ticks(ticks),
        qty: Qty::from_lots(1),
        id,
    })
}

fn bar([open, high, low, close]: [i64; 4], volume: u64) -> Body<'static> {
    let price = Price::from_ticks;
    Body::Bar(Bar {
        instrument: IT,
        interval_ns: 60,
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(close),
        volume: Qty::from_lots(volume),
    })
}

const fn level(ticks: i64) -> Level {
    Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(1) }
}

const BIDS: [Level; 1] = [level(99)];
const ASKS: [Level; 1] = [level(101)];
const HIGH_BIDS: [Level; 1] = [level(101)];
const NO_PRICE: [Level; 1] = [level(0)];

const fn depth<'a>(number: u64, bids: &'a [Level], asks: &'a [Level]) -> Depth<'a> {
    let sequence = Sequence { first: number, last: number, previous: 0 };
    Depth { instrument: IT, kind: DepthKind::Diff, sequence, checksum: None, bids, asks }
}

const fn snapshot(number: u64) -> Depth<'static> {
    Depth { kind: DepthKind::Snapshot, ..depth(number, &BIDS, &ASKS) }
}

fn example(report: &Report, kind: FindingKind) -> &str {
    let finding = report.findings.iter().find(|it| it.kind == kind).unwrap();
    &finding.examples[0].detail
}

#[test]
fn a_sound_book_has_no_findings() {
    let events = [at(1, Body::Depth(snapshot(1))), at(2, Body::Depth(depth(2, &BIDS, &ASKS)))];
    let report = check(&events);
    assert_eq!((report.findings.len(), report.worst()), (0, None));
    assert_eq!((report.counts.snapshots, report.counts.diffs, report.counts.levels), (1, 1, 4));
    assert_eq!((report.first_ns, report.last_ns), (Some(1_000_001), Some(1_000_002)));
}

#[test]
fn a_gap_is_found_and_what_waits_for_its_end() {
    let numbers = [2, 4, 5];
    let mut events = vec![at(1, Body::Depth(snapshot(1)))];
    events.extend(numbers.map(|number| at(2, Body::Depth(depth(number, &BIDS, &ASKS)))));
    let report = check(&events);
    assert_eq!(report.count(FindingKind::SequenceGap), 1);
    assert_eq!(example(&report, FindingKind::SequenceGap), "gap: expected sequence 3, got 4");
    assert_eq!(report.count(FindingKind::Waiting), 1);
    assert_eq!(report.worst(), Some(Severity::Error));
    assert_eq!(report.findings[0].kind, FindingKind::SequenceGap, "the worst comes first");
}

#[test]
fn a_crossed_book_and_a_crossed_quote_are_found() {
    let touch = Touch { instrument: IT, sequence: 9, bid: level(100), ask: level(100) };
    let events = [
        at(1, Body::Depth(snapshot(1))),
        at(2, Body::Depth(depth(2, &HIGH_BIDS, &[]))),
        at(3, Body::Touch(touch)),
    ];
    let report = check(&events);
    assert_eq!(report.count(FindingKind::CrossedBook), 1);
    assert_eq!(report.count(FindingKind::CrossedQuote), 1);
}

#[test]
fn messages_that_come_twice_late_or_out_of_time_are_found() {
    let events = [
        at(5, Body::Depth(snapshot(1))),
        at(6, Body::Depth(depth(2, &BIDS, &[]))),
        at(6, Body::Depth(depth(2, &BIDS, &[]))),
        at(3, Body::Depth(depth(3, &NO_PRICE, &[]))),
    ];
    let report = check(&events);
    for (kind, count) in [
        (FindingKind::DuplicateMessage, 1),
        (FindingKind::Stale, 1),
        (FindingKind::VenueTimeBack, 1),
        (FindingKind::ReceivedBack, 1),
        (FindingKind::ImpossiblePrice, 1),
    ] {
        assert_eq!(report.count(kind), count, "{kind:?}");
    }
}

#[test]
fn trades_that_are_missing_or_come_twice_are_found() {
    let ids = [5, 6, 6, 10, 11, 7];
    let events: Vec<_> = ids.iter().map(|&id| at(1, trade(id, 100))).collect();
    let report = check(&events);
    assert_eq!(report.count(FindingKind::MissingTrade), 3);
    assert_eq!(example(&report, FindingKind::MissingTrade), "7 to 9");
    assert_eq!(report.count(FindingKind::DuplicateTrade), 1);
    let nameless: Vec<_> = (0..9).map(|_| at(1, trade(0, 100))).collect();
    assert!(check(&nameless).findings.is_empty(), "0 stands for no number");
}

#[test]
fn a_price_far_from_its_neighbours_is_found() {
    let price = |n: u64| if n == 12 { 90 } else { 100 };
    let events: Vec<_> = (1..30).map(|n| at(1, trade(n, price(n)))).collect();
    let report = check(&events);
    assert_eq!(report.count(FindingKind::Outlier), 1);
    let expected = "90 ticks, the median of its neighbours is 100";
    assert_eq!(example(&report, FindingKind::Outlier), expected);
    let report = check(&[at(1, trade(1, 0)), at(2, trade(2, -5))]);
    assert_eq!(report.count(FindingKind::ImpossiblePrice), 2);
}

#[test]
fn bars_that_are_missing_empty_or_contradictory_are_found() {
    let sound = [10, 12, 9, 11];
    let bars: [(i64, [i64; 4], u64); 6] = [
        (60, sound, 1),
        (120, sound, 0),
        (300, sound, 1),
        (300, sound, 1),
        (360, [10, 9, 12, 11], 1),
        (420, [13, 12, 9, 11], 1),
    ];
    let event = |(time, prices, volume): (i64, [i64; 4], u64)| Event {
        time_ns: time,
        received_ns: time,
        body: bar(prices, volume),
    };
    let report = check(&bars.map(event));
    for (kind, count) in [
        (FindingKind::MissingBar, 2),
        (FindingKind::ZeroVolumeBar, 1),
        (FindingKind::DuplicateBar, 1),
        (FindingKind::BadBar, 2),
    ] {
        assert_eq!(report.count(kind), count, "{kind:?}");
    }
    assert_eq!(example(&report, FindingKind::MissingBar), "2 before it");
    assert!(report.latency.is_none() && report.longest_silence.is_none());
}

#[test]
fn a_slow_clock_is_found_and_what_would_set_it_right() {
    let event = |time_ns: i64, latency: i64| Event {
        time_ns,
        received_ns: time_ns + latency,
        body: Body::Depth(snapshot(u64::try_from(time_ns).unwrap())),
    };
    let report =
        check(&[event(1_000, -3_000_000), event(2_000, -1_000_000), event(3_000, 2_000_000)]);
    let latency = report.latency.unwrap();
    assert_eq!((latency.min_ns, latency.max_ns, latency.negative), (-3_000_000, 2_000_000, 2));
    assert_eq!(
        report.clock_offset_ns, 3_500_000,
        "the smallest latency becomes half a millisecond"
    );
    assert_eq!(report.count(FindingKind::NegativeLatency), 2);
    assert_eq!(example(&report, FindingKind::NegativeLatency), "by 3.000 ms");

    let silence = report.longest_silence.unwrap();
    assert_eq!((silence.ns, silence.place.as_str()), (3_001_000, "event 3"));
    let fast = check(&[event(1, 350_000_000), event(2, 400_000_000)]);
    assert_eq!(fast.clock_offset_ns, 0, "a long way is no wrong clock");
}

#[test]
fn an_event_about_an_unknown_instrument_is_an_error() {
    let mut checker = Checker::new(&[], Vec::new(), CheckOptions::new(true)).unwrap();
    let error = checker.event(&at(1, trade(1, 1)), Place::Event(1)).unwrap_err();
    assert_eq!(error.to_string(), "an event is about instrument 0 of 0");
}

#[test]
fn a_report_survives_json() {
    let report =
        check(&[at(1, Body::Depth(snapshot(1))), at(2, Body::Depth(depth(9, &BIDS, &[])))]);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}
