//! scheduleCancel, the dead-man switch.

use flyball_core::domain::{Money, Side};
use flyball_venues::hyperliquid::{Action, Tif, Tpsl};
use serde_json::{Value, json};

use crate::world::{World, XRP, buy, sell, trigger};

fn schedule(world: &mut World, time: Option<u64>) -> Value {
    world.act(&Action::ScheduleCancel { time })
}

/// Alice has traded a million dollars.
fn veteran() -> World {
    let mut world = World::with(|config| {
        for (_, cash) in &mut config.accounts {
            *cash = Money::from_whole(100_000);
        }
    });
    for _ in 0..12 {
        world.book(XRP, &[("2.0999", "1000000")], &[("2.1001", "1000000")]);
        world.place(buy("2.1001", "20000", Tif::Ioc));
        world.place(sell("2.0999", "20000", Tif::Ioc));
        world.seconds(1);
    }
    world
}

#[test]
fn it_is_refused_until_a_million_dollars_were_traded() {
    let mut world = World::new();
    world.place(buy("2.1001", "1000", Tif::Ioc));
    let time = world.now_ms() + 10_000;
    let answer = schedule(&mut world, Some(time));
    assert_eq!(
        answer,
        json!({"status": "err", "response": "Cannot set scheduled cancel time until \
        enough volume traded. Required: $1000000. Traded: $2100.1."})
    );
}

#[test]
fn it_cancels_every_order_stops_too_and_closes_no_position() {
    let mut world = veteran();
    world.place(buy("2.1001", "1000", Tif::Ioc));
    let rests = world.rest(buy("2", "10", Tif::Gtc));
    let waits = world.rest(trigger(Side::Ask, "1.8", "1000", "2", Tpsl::Sl));
    let time = world.now_ms() + 5_000;
    assert_eq!(schedule(&mut world, Some(time))["status"], "ok");
    world.pass(5_000_000_000 - 1_000_000);
    assert_eq!(world.status(rests), "open");
    world.pass(1_000_000);
    assert_eq!(
        (world.status(rests), world.status(waits)),
        ("scheduledCancel".into(), "scheduledCancel".into())
    );
    assert_eq!(world.held("XRP"), "1000.0");
}

#[test]
fn it_needs_five_seconds_of_lead_and_can_be_moved_and_taken_back() {
    let mut world = veteran();
    let now = world.now_ms();
    assert_eq!(schedule(&mut world, Some(now + 4_999))["status"], "err");
    assert_eq!(schedule(&mut world, Some(now + 5_000))["status"], "ok");
    let oid = world.rest(buy("2", "10", Tif::Gtc));
    world.seconds(3);
    assert_eq!(schedule(&mut world, Some(now + 20_000))["status"], "ok");
    world.seconds(10);
    assert_eq!(world.status(oid), "open");
    assert_eq!(schedule(&mut world, None)["status"], "ok");
    world.seconds(60);
    assert_eq!(world.status(oid), "open");
}

#[test]
fn it_goes_off_ten_times_a_day_by_utc() {
    let mut world = veteran();
    for _ in 0..10 {
        let time = world.now_ms() + 5_000;
        assert_eq!(schedule(&mut world, Some(time))["status"], "ok");
        world.seconds(6);
    }
    let time = world.now_ms() + 5_000;
    assert_eq!(schedule(&mut world, Some(time))["status"], "err");
    world.seconds(24 * 3600);
    let time = world.now_ms() + 5_000;
    assert_eq!(schedule(&mut world, Some(time))["status"], "ok");
}
