//! Whole days without sockets: engines, their sessions and the exchange, with everything that the
//! real world has shown going wrong. After each storm: the same position, the same cash to the last
//! unit, the same orders at the engine and at the venue, none of them doubled; what was killed flat,
//! and said to be. The world itself checks limits after every event, and journals after crashes.
//!
//! `FLYBALL_SIM_HOURS` makes the long programme as long as that, `FLYBALL_SIM_MINUTES` the storm of
//! each seed, `FLYBALL_SIM_SEED` is the first (`make simulate`).

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "progress of a long programme"
)]

use std::collections::BTreeMap;

use flyball_core::domain::{
    MINUTE, Money, Notice, Operator, Random, Rate, Restrainer, SECOND, Scope,
    SwitchName::{DailyLoss, Drawdown, Emergency},
};
use flyball_core::engine::Engine;
use flyball_exchange::MarketSetup;
use flyball_exchange::faults::Script;
use flyball_world::{START_NS, World};

fn market() -> MarketSetup {
    MarketSetup::Synthetic { crash: None, messages_per_second: Some(4.0) }
}

/// Let everything that was begun come to an end, without faults and without decisions.
fn calm_down(world: &mut World) {
    world.gateway.set_script(Script::default());
    for client in &mut world.clients {
        client.decides = false;
    }
    world.run_until(world.now + 2 * MINUTE);
}

fn check(world: &World, context: &str) {
    for at in 0..world.clients.len() {
        let client = &world.clients[at];
        let context = format!("{context}, client {at}, {:.3} h", world.hours());
        assert!(client.session.is_known(), "{context}: the account is known again");
        assert_eq!(client.session.open_actions(), 0, "{context}: every action is settled");
        let (venue, engine) = (world.at_venue(at), world.at_engine(at));
        let adopted = |(_, notice): &&(i64, Notice)| {
            matches!(notice, Notice::PositionMismatch { .. } | Notice::PeakMismatch { .. })
        };
        let adopted: Vec<_> = client.notices.iter().filter(adopted).collect();
        assert!(adopted.is_empty(), "{context}: no position or peak was adopted: {adopted:?}");
        assert_eq!(engine, venue, "{context}: lots, cash, orders (engine, venue)");
        let (margined, counted_on) = world.margined(at);
        assert!(counted_on.is_some(), "{context}: the profile margins every position by itself");
        assert_eq!(margined, counted_on, "{context}: how the position is margined");
        let differed = client.session.counts().money_differed;
        assert_eq!(differed, 0, "{context}: the venue's money is what was told of it");
        let mut ids = world.ever_at_venue(at);
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{context}: no order twice");
        if client.node.engine().switches().is_stopped() {
            assert_eq!((venue.0, venue.2), (0, Vec::new()), "{context}: what is stopped is flat");
        }
    }
}

/// What is stopped has said since then that it is flat; an operator lets go. How many were stopped.
fn let_go(world: &mut World, since_ns: i64, context: &str) -> u64 {
    let mut stopped = 0;
    for at in 0..world.clients.len() {
        let is_stopped = |world: &World| world.clients[at].node.engine().switches().is_stopped();
        let cool_off_ns = world.clients[at].node.engine().switches().limits().cool_off_ns;
        if !is_stopped(world) {
            continue;
        }
        stopped += 1;
        let said = world.clients[at].notices.iter().any(|(ns, notice)| {
            *ns >= since_ns && matches!(notice, Notice::Flat { scope: Scope::All, .. })
        });
        assert!(said, "{context}, client {at}: it says that it is flat");
        world.run_until(world.now + cool_off_ns);
        for switch in [None, Some(Drawdown), Some(DailyLoss), Some(Emergency)] {
            world.operate(at, Operator::RequestReset(switch));
            world.operate(at, Operator::ConfirmReset(switch));
        }
        assert!(!is_stopped(world), "{context}, client {at}: an operator lets go");
    }
    stopped
}

fn trade(world: &mut World, until: i64) {
    for client in &mut world.clients {
        client.decides = true;
    }
    world.run_until(until);
}

#[test]
fn without_faults_engine_and_venue_agree() {
    let mut world = World::new(1, 2, market(), "");
    trade(&mut world, START_NS + 20 * MINUTE);
    let sent: Vec<u64> = world.clients.iter().map(|client| client.sent).collect();
    assert!(sent.iter().all(|sent| *sent > 100), "they traded: {sent:?}");
    calm_down(&mut world);
    check(&world, "calm");
    for client in &world.clients {
        let counts = client.session.counts();
        assert_eq!((counts.lost, counts.burnt, counts.malformed), (0, 0, 0), "{counts:?}");
    }
}

#[test]
fn money_of_which_nobody_tells_ends_new_risk_and_is_counted() {
    for dollars in [-75, 75] {
        let mut world = World::new(3, 1, market(), "");
        trade(&mut world, START_NS + 5 * MINUTE);
        let address = world.clients[0].address;
        let engine = |world: &World| world.clients[0].node.engine().clone();
        let drawdown = |engine: &Engine| engine.portfolio().max_drawdown().to_f64();
        let before = engine(&world);
        let exchange = world.gateway.exchange_mut();
        exchange.transfer_untold(address, Money::from_whole(dollars)).unwrap();
        trade(&mut world, START_NS + 7 * MINUTE);
        let (client, after) = (&world.clients[0], engine(&world));
        assert_eq!(client.session.counts().money_differed, 1, "{dollars}");
        assert_eq!(after.restraints().of(Restrainer::Ledger), Rate::ZERO, "{dollars}");
        let (venue, counted) = (world.at_venue(0), world.at_engine(0));
        assert_eq!(counted.1, venue.1, "{dollars}: the venue's money is counted");
        // 75 of 10 000, and what the trading of two minutes did.
        let deeper = drawdown(&after) - drawdown(&before);
        if dollars < 0 {
            assert!(deeper > 0.006, "a loss is a loss: {deeper}");
        } else {
            assert!(deeper < 0.001, "no gain, no loss: {deeper}");
            assert!(after.portfolio().peak() > before.portfolio().peak(), "the peak goes with it");
        }
    }
}

#[test]
fn a_peak_that_the_journal_has_lost_is_found_in_the_venues_records() {
    let mut world = World::new(4, 1, market(), "");
    world.clients[0].decides = false;
    world.run_until(START_NS + 57 * MINUTE);
    // Much, and nothing beside its stop that could close it.
    let holds = |(lots, _, orders): (i64, _, Vec<_>)| lots.abs() >= 80 && orders.len() == 1;
    while !holds(world.at_venue(0)) {
        assert!(world.now < START_NS + 59 * MINUTE, "it never held much");
        let until = world.now + 10 * SECOND;
        trade(&mut world, until);
        world.clients[0].decides = false;
        world.run_until(until + 30 * SECOND);
    }
    let engine = |world: &World| world.clients[0].node.engine().clone();
    let mut listed = world.gateway.exchange().instruments().iter();
    let xrp = listed.find(|it| it.symbol().as_str() == "XRP").unwrap().id();
    let held = world.at_venue(0).0;
    let (records, before) = (world.journalled(0), engine(&world));
    // It gains half, while the venue takes stock at the full hour, and gives it back.
    let high = if held > 0 { 1_500_000 } else { 500_000 };
    world.gateway.exchange_mut().move_prices(xrp, high);
    world.run_until(START_NS + 60 * MINUTE + 10 * SECOND);
    let seen = engine(&world).portfolio().peak();
    world.gateway.exchange_mut().move_prices(xrp, 1_000_000);
    world.run_until(START_NS + 63 * MINUTE);
    let calm = engine(&world);
    assert_eq!(calm.restraints().of(Restrainer::Ledger), Rate::ONE, "it knew of it all");
    let ours = before.portfolio().peak();
    assert!(seen > ours.scaled(101, 100), "{seen} {ours}");

    world.crash(0, world.journalled(0) - records);
    assert_eq!(engine(&world).portfolio().peak(), ours, "it is forgotten");
    world.run_until(START_NS + 65 * MINUTE);
    let after = engine(&world);
    let mismatch = |(_, notice): &&(i64, Notice)| matches!(notice, Notice::PeakMismatch { .. });
    assert_eq!(world.clients[0].notices.iter().filter(mismatch).count(), 1);
    let peak = after.portfolio().peak();
    let apart = peak.minus(seen).abs();
    assert!(apart < seen.scaled(1, 1_000), "{peak} is found, {seen} was seen");
    assert_eq!(after.restraints().of(Restrainer::Ledger), Rate::ZERO, "an operator has to look");
    let drawdowns = [&after, &calm].map(|it| it.portfolio().drawdown().unwrap().to_f64());
    assert!((drawdowns[0] - drawdowns[1]).abs() < 0.001, "{drawdowns:?}");
}

/// Every fault, as a line of a script.
const FAULTS: [(&str, &str); 20] = [
    ("lost info", r#"kind = "drop", target = "info", probability = 0.2"#),
    ("lost posts", r#"kind = "drop", target = "post", probability = 0.2"#),
    ("lost actions", r#"kind = "drop", target = "exchange", probability = 0.2"#),
    ("lost news", r#"kind = "drop", target = "user", probability = 0.2"#),
    ("lost market", r#"kind = "drop", target = "market", probability = 0.3"#),
    ("lost acks", r#"kind = "lost_ack", target = "post", probability = 0.2"#),
    (
        "slow",
        r#"kind = "delay", target = "any", probability = 0.3, delay_ms = 400, jitter_ms = 3000"#,
    ),
    (
        "slow posts",
        r#"kind = "delay", target = "post", probability = 0.3, delay_ms = 4000, jitter_ms = 4000"#,
    ),
    ("twice", r#"kind = "duplicate", target = "any", probability = 0.2"#),
    (
        "overtaken",
        r#"kind = "reorder", target = "any", probability = 0.2, delay_ms = 50, jitter_ms = 500"#,
    ),
    ("cut", r#"kind = "disconnect", target = "any", probability = 0.01"#),
    ("cut again and again", r#"kind = "disconnect", target = "any", every_ms = 20000"#),
    ("half open", r#"kind = "half_open", target = "any", every_ms = 90000"#),
    ("429", r#"kind = "too_many_requests", target = "any", probability = 0.2"#),
    ("503", r#"kind = "server_error", target = "any", probability = 0.2"#),
    (
        "503 and done",
        r#"kind = "server_error", target = "any", probability = 0.2, executed = true"#,
    ),
    ("rejects", r#"kind = "reject", probability = 0.2"#),
    ("parts", r#"kind = "partial_fill", probability = 0.4, factor = 0.3"#),
    ("restarts", r#"kind = "restart", every_ms = 120000, lasts_ms = 15000, post_only_ms = 5000"#),
    ("frozen", r#"kind = "frozen_feed", every_ms = 60000, lasts_ms = 20000"#),
];

const WILD: [(&str, &str); 2] = [
    ("wild prices", r#"kind = "wild_price", target = "market", probability = 0.05, factor = 1.5"#),
    ("wrong clock", r#"kind = "clock_skew", every_ms = 120000, lasts_ms = 30000, skew_ms = 4000"#),
];

fn script(lines: &[&str]) -> String {
    let all: Vec<_> = lines.iter().map(|line| line.replace(", ", "\n")).collect();
    all.iter().flat_map(|line| ["[[fault]]\n", line, "\n"]).collect()
}

#[test]
fn after_every_fault_alone_engine_and_venue_agree() {
    for (at, (name, line)) in (0..).zip(FAULTS.iter().chain(&WILD)) {
        let mut world = World::new(100 + at, 1, market(), &script(&[line]));
        trade(&mut world, START_NS + 8 * MINUTE);
        calm_down(&mut world);
        check(&world, name);
    }
}

#[test]
fn after_faults_together_and_crashes_engine_and_venue_agree() {
    let mut tally = Tally::default();
    for seed in 0..100 {
        tally.add(storm(seed, 3).1);
    }
    println!("{tally}");
    assert_eq!(tally.seeds, 100);
    assert!(tally.stops > 0, "{tally}");
    assert!(tally.faults.len() == FAULTS.len() + WILD.len(), "every class: {tally}");
}

#[test]
fn a_seed_is_the_same_storm_again() {
    let ended = |seed| {
        let (world, tally) = storm(seed, 12);
        let states = [0, 1].map(|at| world.state_of(at));
        let said = world.clients.iter().map(|client| client.notices.clone());
        (states, said.collect::<Vec<_>>(), tally.to_string())
    };
    assert_eq!(ended(1), ended(1));
    assert_ne!(ended(1).0, ended(2).0);
}

/// The long programme: storms of so many minutes until there are so many hours of them, or a seed
/// alone as a day (`FLYBALL_SIM_MINUTES=1440`).
#[test]
#[ignore = "long: make simulate"]
fn days_of_storms() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let hours = f64::from(number("FLYBALL_SIM_HOURS").unwrap_or(24));
    let minutes = i64::from(number("FLYBALL_SIM_MINUTES").unwrap_or(60));
    let mut seed = u64::from(number("FLYBALL_SIM_SEED").unwrap_or(1_000));
    let mut tally = Tally::default();
    while tally.hours < hours {
        let (world, stormed) = storm(seed, minutes);
        if minutes >= 24 * 60 {
            println!("seed {seed} ended as {:02x?}", world.state_of(0));
        }
        tally.add(stormed);
        if tally.seeds % 20 == 0 || tally.hours >= hours {
            println!("{hours} hours wanted, up to seed {seed}: {tally}");
        }
        seed += 1;
    }
}

/// What was simulated. Nothing broke in it: a violation ends the programme.
#[derive(Default)]
struct Tally {
    seeds: u32,
    hours: f64,
    crashes: u64,
    kills: u64,
    stops: u64,
    faults: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.seeds += 1;
        self.hours += other.hours;
        self.crashes += other.crashes;
        self.kills += other.kills;
        self.stops += other.stops;
        for (name, times) in other.faults {
            *self.faults.entry(name).or_default() += times;
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seeds, hours, crashes, kills, stops, faults } = self;
        let years = hours / 24.0 / 365.0;
        write!(
            f,
            "{seeds} seeds, {hours:.1} simulated hours ({years:.4} years), {crashes} crashes"
        )?;
        write!(f, ", {kills} kills, {stops} stops verified flat, 0 violations; storms with")?;
        for (name, times) in faults {
            write!(f, " · {name} {times}")?;
        }
        Ok(())
    }
}

/// Some faults at a time, changing; processes that die, operators who kill; in between, calm and a
/// comparison.
fn storm(seed: u64, minutes: i64) -> (World, Tally) {
    let mut random = Random::new(seed * 7 + 1);
    let mut world = World::new(seed, 2, market(), "");
    let mut tally = Tally::default();
    let end = START_NS + minutes * MINUTE;
    while world.now < end {
        let since_ns = world.now;
        let all: Vec<_> = FAULTS.iter().chain(&WILD).collect();
        let count = 1 + random.below(4);
        let picked: Vec<_> =
            (0..count).map(|_| all[random.below(all.len() as u64) as usize]).collect();
        let names: Vec<_> = picked.iter().map(|(name, _)| *name).collect();
        let lines: Vec<_> = picked.iter().map(|(_, line)| *line).collect();
        for name in &names {
            *tally.faults.entry(name).or_default() += 1;
        }
        world.gateway.set_script(Script::parse(&script(&lines)).unwrap());
        let until = world.now + 3 * MINUTE;
        while world.now < until {
            let next = world.now + SECOND + random.below(40 * SECOND.unsigned_abs()) as i64;
            trade(&mut world, next.min(until));
            if random.chance(0.3) {
                tally.crashes += 1;
                let lost = random.below(4) as usize;
                world.crash(random.below(2) as usize, lost);
            }
            if random.chance(0.02) {
                tally.kills += 1;
                world.operate(random.below(2) as usize, Operator::Kill(Scope::All));
            }
        }
        calm_down(&mut world);
        let context = format!("seed {seed}, {names:?}");
        check(&world, &context);
        tally.stops += let_go(&mut world, since_ns, &context);
    }
    let tally = Tally { hours: world.hours(), ..tally };
    (world, tally)
}

#[test]
fn a_kill_in_the_middle_of_a_storm_ends_flat_at_the_venue() {
    for seed in 0..4 {
        let lines = [FAULTS[1].1, FAULTS[5].1, FAULTS[10].1, FAULTS[14].1];
        let mut world = World::new(seed, 1, market(), &script(&lines));
        trade(&mut world, START_NS + 2 * MINUTE);
        world.operate(0, Operator::Kill(Scope::All));
        let killed_ns = world.now;
        world.run_until(world.now + 2 * MINUTE);
        let (lots, _, orders) = world.at_venue(0);
        assert_eq!((lots, orders.len()), (0, 0), "seed {seed}: flat, and nothing rests");
        let flat = world.clients[0].notices.iter().find_map(|(ns, notice)| match notice {
            Notice::Flat { scope: Scope::All, .. } if *ns >= killed_ns => Some(*ns - killed_ns),
            _ => None,
        });
        assert!(flat.is_some(), "seed {seed}: and it says so");
        // A crash does not un-kill.
        world.crash(0, 0);
        let later = world.now + 2 * MINUTE;
        trade(&mut world, later);
        let (lots, _, orders) = world.at_venue(0);
        assert_eq!((lots, orders.len()), (0, 0), "seed {seed}: still");
    }
}
