//! How positions are left.

use super::*;

#[test]
fn the_stop_acts_on_the_event_that_crosses_it() {
    let mut rig = Rig::new(&config());
    let target = Target {
        position: NetQty::from_lots(100),
        stop: Some(price(19_900)),
        take_profit: None,
        trailing: None,
    };
    rig.decide(Intent::Target(target));
    rig.market(19_901);
    assert_eq!(rig.held(), 100);
    rig.market(19_900);
    assert_eq!(rig.held(), 0);
    assert!(rig.tripped().is_empty(), "an ordinary stop is no switch");
    assert_eq!(rig.flat_scopes(), [(Scope::Instrument(ID), ExitReason::Stop)]);
}

#[test]
fn a_stop_that_fires_at_the_venue_ends_the_position_and_the_wish_for_it() {
    let mut rig = Rig::new(&config());
    rig.want(100);
    // The venue's market falls through the stop before the engine hears of it, and is thin.
    let level = |ticks, lots| Level { price: price(ticks), qty: qty(lots) };
    let touch =
        Touch { instrument: ID, sequence: 0, bid: level(19_620, 40), ask: level(19_622, 1_000) };
    let event = Event { time_ns: rig.now, received_ns: rig.now, body: Body::Touch(touch) };
    rig.venue.on_market(&event);
    rig.settle();
    let begun =
        Notice::Exit { instrument: ID, reason: ExitReason::Stop, position: NetQty::from_lots(100) };
    assert!(rig.said.contains(&begun), "{:?}", rig.said);
    for _ in 0..3 {
        rig.wait(SECOND);
        rig.market(19_620);
    }
    assert_eq!(rig.held(), 0, "what the stop left is closed, and nothing is bought again");
    assert_eq!(rig.flat_scopes(), [(Scope::Instrument(ID), ExitReason::Stop)]);
    let entries = rig.sent.iter().filter(|order| order.purpose == Purpose::Entry).count();
    assert_eq!(entries, 1);
}

#[test]
fn profits_are_taken_and_time_runs_out() {
    let mut rig = Rig::new(&config());
    let target = Target {
        position: NetQty::from_lots(-100),
        stop: None,
        take_profit: Some(price(19_800)),
        trailing: None,
    };
    rig.decide(Intent::Target(target));
    rig.market(19_800);
    rig.want(50);
    for _ in 0..299 {
        rig.wait(SECOND);
        rig.market(19_800);
    }
    assert_eq!(rig.held(), 50);
    rig.wait(2 * SECOND);
    assert_eq!(rig.held(), 0);
    let reasons: Vec<_> = rig.flat_scopes().into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons, [ExitReason::TakeProfit, ExitReason::MaxHolding]);
}

#[test]
fn a_trailing_stop_follows_the_best_mark_and_never_goes_back() {
    for side in [1, -1] {
        let mut rig = Rig::new(&config());
        let at = |ticks: i64| 20_000 + side * ticks;
        let wish = |trailing| Target {
            position: NetQty::from_lots(100 * side),
            stop: None,
            take_profit: None,
            trailing: Some(Rate::from_ppm(trailing)),
        };
        rig.decide(Intent::Target(wish(10_000)));
        for ticks in [50, 100, 200, 150] {
            rig.wait(SECOND);
            rig.market(at(ticks));
        }
        // The best was 200 away: 1 % of it back, and the stop at the venue lies there too.
        let level = at(200) - side * at(200) / 100;
        let stop = rig.sent.iter().rfind(|order| order.purpose == Purpose::Stop).unwrap();
        let OrderKind::Stop { trigger } = stop.kind else { panic!("{stop:?}") };
        let resting = trigger.ticks();
        let drift = level / 2_000 + 1;
        assert!((resting - level).abs() <= drift, "{resting} instead of {level}");
        rig.decide(Intent::Target(wish(10_000)));
        rig.market(level + side);
        assert_eq!(rig.held(), 100 * side, "a tick before; asking again does not loosen it");
        rig.market(level);
        assert_eq!(rig.held(), 0);
        assert_eq!(rig.flat_scopes(), [(Scope::Instrument(ID), ExitReason::Stop)]);
        // The next position does not inherit the best price of this one.
        rig.market(20_000);
        rig.wait(SECOND);
        rig.decide(Intent::Target(wish(10_000)));
        assert_eq!(rig.held(), 100 * side);
    }
}

#[test]
fn the_nearer_of_the_fixed_and_the_trailing_stop_counts() {
    for (stop, left_at) in [(19_950, 19_950), (19_000, 19_800)] {
        let mut rig = Rig::new(&config());
        rig.decide(Intent::Target(Target {
            position: NetQty::from_lots(100),
            stop: Some(price(stop)),
            take_profit: None,
            trailing: Some(Rate::from_ppm(10_000)),
        }));
        rig.market(20_000);
        rig.market(left_at + 1);
        assert_eq!(rig.held(), 100, "stop {stop}");
        rig.market(left_at);
        assert_eq!(rig.held(), 0, "stop {stop}");
    }
}
