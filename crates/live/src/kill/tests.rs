use std::fs;

use flyball_core::domain::{ExitReason, Rate};
use flyball_core::engine::{EngineConfig, InstrumentConfig};
use flyball_exchange::markets::Listing;
use tempfile::TempDir;

use super::*;
use crate::io::{Inbound, Inbox};

fn names() -> Names {
    Names {
        venue: "http://127.0.0.1:8100".into(),
        account: "0xd88d0000000000000000000000000000005977a7".into(),
        instruments: vec!["BTC".into(), "XRP".into()],
        strategies: vec!["Maker".into(), "Holder".into()],
    }
}

fn killed(scope: &str, trigger: &str, number: u64) -> Killed {
    let (scope, trigger) = (scope.to_owned(), trigger.to_owned());
    Killed { scope, trigger, time_ns: 7, why: "a test".to_owned(), number }
}

fn engine() -> Engine {
    let text = include_str!("../../tests/world/emergency.json");
    let profile = serde_json::from_str(text).unwrap();
    Engine::new(&EngineConfig {
        instruments: vec![InstrumentConfig { spec: Listing::xrp().spec(), quiet_ns: 0 }],
        strategies: Vec::new(),
        profile,
        cash: flyball_core::domain::Money::from_whole(1_000),
        answer_timeout_ns: 1,
    })
    .unwrap()
}

#[test]
fn scopes_have_words_and_words_have_scopes() {
    let names = names();
    let instrument = Scope::Instrument(InstrumentId::new(1));
    let strategy = Scope::Strategy(StrategyId::new(1));
    let order = Scope::Order(ClientOrderId::new(17));
    for (text, scope) in [
        ("all", Scope::All),
        ("venue", Scope::All),
        ("venue:127.0.0.1:8100", Scope::All),
        ("account", Scope::All),
        ("account:5977a7", Scope::All),
        ("account:0xD88D0000000000000000000000000000005977A7", Scope::All),
        ("instrument:XRP", instrument),
        ("instrument:1", instrument),
        ("strategy:Holder", strategy),
        ("order:17", order),
    ] {
        assert_eq!(names.scope(text), Ok(scope), "{text}");
    }
    for scope in [Scope::All, instrument, strategy, order] {
        assert_eq!(names.scope(&names.words(scope)), Ok(scope));
    }
    for wrong in [
        "",
        "everything",
        "all:of it",
        "instrument",
        "instrument:ETH",
        "instrument:2",
        "strategy:",
        "order:",
        "order:x",
        "order:-1",
        "venue:hyperliquid",
        "account:0x1",
    ] {
        assert!(names.scope(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_was_written_is_read_and_any_damage_means_that_everything_is_killed() {
    let folder = TempDir::new().unwrap();
    let file = KillFile::of(folder.path());
    assert_eq!(file.read(false, 0), Seen { killed: vec![], alarm: None }, "a new folder");
    let missing = file.read(true, 0);
    assert_eq!((missing.killed[0].scope.as_str(), missing.killed.len()), ("all", 1));
    assert!(missing.alarm.unwrap().contains("missing"));
    let some = vec![killed("instrument:XRP", "api", 0), killed("all", "switch:drawdown", 0)];
    file.write(&some).unwrap();
    assert_eq!(file.read(true, 0), Seen { killed: some, alarm: None });
    let good = fs::read(file.path()).unwrap();
    for cut in 0..good.len() {
        fs::write(file.path(), &good[..cut]).unwrap();
        let found = file.read(true, 0);
        assert!(found.alarm.is_some() && found.killed[0].scope == "all", "cut at {cut}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(file.path(), &bad).unwrap();
        assert!(file.read(true, 0).alarm.is_some(), "byte {at} changed");
        assert!(file.read(false, 0).alarm.is_some(), "also in a folder that is new");
    }
    let other = good.iter().chain(b"{}\n").copied().collect::<Vec<u8>>();
    fs::write(file.path(), other).unwrap();
    assert!(file.read(true, 0).alarm.is_some(), "a line too many");
    fs::remove_file(file.path()).unwrap();
    fs::create_dir(file.path()).unwrap();
    assert!(file.read(true, 0).alarm.is_some(), "no file at all");
}

#[test]
fn an_empty_file_without_a_kill_is_not_what_nothing_killed_looks_like() {
    let folder = TempDir::new().unwrap();
    let file = KillFile::of(folder.path());
    file.write(&[]).unwrap();
    assert_eq!(file.read(true, 0), Seen { killed: vec![], alarm: None });
    fs::write(file.path(), "").unwrap();
    assert_eq!(file.read(true, 0).killed[0].trigger, "unreadable");
}

/// The keeper of a folder, and what the folder then says.
fn kept_after(notes: Vec<Note>) -> Vec<(String, String)> {
    let folder = TempDir::new().unwrap();
    let file = KillFile::of(folder.path());
    let key = flyball_venues::hyperliquid::sign::SigningKey::parse(&"17".repeat(32)).unwrap();
    let reports = crate::report::Reports::of(folder.path(), key);
    let mut keeper = Keeper::start(file.clone(), Vec::new(), reports).unwrap();
    for note in notes {
        keeper.notes().send(note).unwrap();
    }
    keeper.stop();
    let found = file.read(true, 0);
    assert_eq!(found.alarm, None);
    found.killed.into_iter().map(|it| (it.scope, it.trigger)).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_release_takes_back_what_came_before_it_and_nothing_else() {
    let kill = |scope, trigger, number| Note::Killed(killed(scope, trigger, number), None);
    let release = |scope: &str, number| Note::Released { scopes: vec![scope.into()], number };
    let found = kept_after(vec![
        kill("all", "api", 2),
        kill("all", "switch:drawdown", 2),
        kill("instrument:XRP", "file", 3),
        release("all", 3),
        kill("all", "command", 4),
        release("all", 3),
    ]);
    let left = [("all", "switch:drawdown"), ("instrument:XRP", "file"), ("all", "command")];
    assert_eq!(found, pairs(&left));
    let found = kept_after(vec![
        kill("all", "switch:drawdown", 0),
        Note::SwitchReleased { trigger: "switch:drawdown".into() },
    ]);
    assert_eq!(found, []);
}

#[test]
fn a_halt_is_released_only_by_those_who_knew_of_the_newest_kill() {
    let halt = Halt::default();
    halt.begin(2);
    halt.begin(1);
    halt.release(1);
    assert!(halt.is_on());
    halt.release(2);
    assert!(!halt.is_on());
    halt.stopped.store(true, Ordering::Release);
    assert!(halt.is_on() && halt.is_stopped());
}

#[test]
fn a_kill_reaches_the_senders_before_the_engine_has_heard_of_it() {
    let folder = TempDir::new().unwrap();
    let file = KillFile::of(folder.path());
    let key = flyball_venues::hyperliquid::sign::SigningKey::parse(&"17".repeat(32)).unwrap();
    let reports = crate::report::Reports::of(folder.path(), key);
    let keeper = Keeper::start(file.clone(), Vec::new(), reports).unwrap();
    let inbox = Inbox::new(1).unwrap();
    let to = inbox.reach();
    let halt = Arc::new(Halt::default());
    let names = Arc::new(names());
    let killer = Killer::new(to, keeper.notes(), Arc::clone(&halt), names, Clock::SYSTEM);
    assert!(killer.kill(Scope::Instrument(InstrumentId::new(0)), "api", ""), "on the disk");
    assert!(!halt.is_on(), "of one instrument: the engine's gate does it");
    // The engine's queue is full now: a kill of everything is kept and heard by the senders.
    let second = killer.clone();
    let thread = std::thread::spawn(move || second.kill(Scope::All, "api", ""));
    let until = std::time::Instant::now() + Duration::from_secs(5);
    while !halt.is_on() && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    assert!(halt.is_on());
    while file.read(true, 0).killed.len() < 2 && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    let all = file.read(true, 0).killed;
    assert_eq!(all.last().map(|it| it.scope.as_str()), Some("all"), "kept, the engine hanging");
    let mut heard = Vec::new();
    while heard.len() < 2 && std::time::Instant::now() < until {
        heard.extend(inbox.next());
    }
    let Inbound::Message(last) = &heard[1] else { panic!("{heard:?}") };
    assert!(matches!(last, Input::Kill { scope: Scope::All, number: 3, .. }));
    assert!(thread.join().unwrap());
}

#[test]
fn what_the_engine_lost_it_is_told_again_and_what_the_file_lost_is_noted() {
    let engine = engine();
    let names = names();
    let mut kept = vec![
        killed("all", "switch:drawdown", 0),
        killed("instrument:ETH", "file", 0),
        killed("of another build", "file", 0),
    ];
    let begin = reconcile(&mut kept, &names, &engine);
    assert_eq!(begin, [Operator::Kill(Scope::All)], "once");
    assert_eq!(kept[0].trigger, "was switch:drawdown", "an operator can release it");
    assert_eq!(kept.len(), 3, "what is not traded now stays killed");
    let mut killed_engine = engine;
    let mut out = flyball_core::risk::Commands::with_capacity(8);
    let body = flyball_core::domain::Body::Operator(Operator::Kill(Scope::All));
    let event = flyball_core::domain::Event { time_ns: 1, received_ns: 1, body };
    killed_engine.on_event(&event, &mut out).unwrap();
    let mut kept = Vec::new();
    assert_eq!(reconcile(&mut kept, &names, &killed_engine), []);
    assert_eq!((kept[0].scope.as_str(), kept[0].trigger.as_str()), ("all", "journal"));
    let before = kept.clone();
    reconcile(&mut kept, &names, &killed_engine);
    assert_eq!(kept, before, "noted once");
}

#[test]
fn a_file_kills_with_the_scope_that_it_names_and_with_everything_where_it_names_none() {
    let folder = TempDir::new().unwrap();
    assert_eq!(at_start(folder.path(), &names(), 0), None);
    for (said, scope) in [
        ("", "all"),
        ("\n", "all"),
        ("instrument:XRP\n", "instrument:XRP"),
        ("strategy:Maker", "strategy:Maker"),
        ("instrument:DOGE", "all"),
        ("venue:another", "all"),
        ("\u{0}\u{1}", "all"),
    ] {
        fs::write(folder.path().join(KILL_FILE), said).unwrap();
        let found = at_start(folder.path(), &names(), 0).unwrap();
        assert_eq!((found.scope.as_str(), found.trigger.as_str()), (scope, "file"), "{said:?}");
    }
}

#[test]
fn a_trip_is_kept_and_only_of_a_switch_that_stops_trading() {
    let (to, from) = mpsc::channel();
    let told = Told::new(to, Arc::default(), Arc::new(names()));
    let zero = Rate::from_parts(0);
    let tripped = |switch| Notice::Tripped { switch, instrument: None, limit: zero, actual: zero };
    told.said(&tripped(SwitchName::Leverage), 5);
    told.said(&Notice::FlattenStarted { scope: Scope::All, reason: ExitReason::Operator }, 5);
    assert!(from.try_recv().is_err());
    told.said(&tripped(SwitchName::Emergency), 5);
    let Note::Killed(kept, None) = from.try_recv().unwrap() else { panic!("no kill") };
    assert_eq!((kept.scope.as_str(), kept.trigger.as_str()), ("all", "switch:emergency"));
}
