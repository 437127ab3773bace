//! Killed by the kernel at the system calls between an order's decision and the booking of its
//! answer.
//!
//! What the outside can see of a process are its system calls, so those are the moments at which a
//! crash can differ from another. For orders of several kinds every call is written down once; then
//! the process is killed at each: on entering it, when the system does nothing of it, and on
//! leaving it, when the system has done it and the thread never hears of it. Calls are counted by
//! thread and name from the moment before the decision: the first, the second, and so on until
//! orders are booked before there is such a call. So none is left out, however many there are in
//! one run or another. The HTTP threads are alike and count as one: the first that comes to the call.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::stage::{Stage, Subject, is_known};
use crate::strace::{Call, Edge, Tracer, missing, read, threads};
use crate::{is_flat, is_kept};

/// The threads on the way of an order, in the order in which it meets them.
const THREADS: [&str; 4] = ["strategy", "engine", "http", "journal"];
const LOTS: i64 = 200;
/// Whether a thread has to wake another depends on whether that one sleeps: only when so many runs
/// in a row have no such call any more is there none.
const RUNS: u32 = 3;
const RECOVERED: &str = "killed at a system call";

/// A word, how many actions it takes at least, and what has to be so then.
type Told = (&'static str, u64, fn(&Value) -> bool);

/// An order, or several that belong together.
struct Scene {
    name: &'static str,
    /// What is told before.
    before: &'static [Told],
    /// What goes wrong, and after how long no more.
    faults: Option<(&'static str, Duration)>,
    word: &'static str,
    /// How many actions it takes at least.
    actions: u64,
    booked: fn(&Value) -> bool,
}

const LOST: &str = "[[fault]]\nkind = \"lost_ack\"\ntarget = \"post\"\n";
const NEVER_ARRIVES: &str = "[[fault]]\nkind = \"drop\"\ntarget = \"post\"\n";

const SCENES: [Scene; 7] = [
    Scene {
        name: "an entry and its stop",
        before: &[("0", 0, is_empty)],
        faults: None,
        word: "200",
        actions: 2,
        booked: is_protected,
    },
    Scene {
        name: "an exit, and its stop's cancel",
        before: &[("200", 0, is_protected)],
        faults: None,
        word: "0",
        actions: 1,
        booked: is_empty,
    },
    Scene {
        name: "two quotes",
        before: &[("0", 0, is_empty)],
        faults: None,
        word: "quote",
        actions: 1,
        booked: is_quoted,
    },
    Scene {
        name: "a cancel of two quotes",
        before: &[("0", 0, is_empty), ("quote", 1, is_quoted)],
        faults: None,
        word: "withdraw",
        actions: 1,
        booked: is_empty,
    },
    Scene {
        name: "a kill: cancel, flatten, ask the venue",
        before: &[("200", 0, is_protected)],
        faults: None,
        word: "kill",
        actions: 1,
        booked: is_killed,
    },
    Scene {
        name: "quotes without an answer: asked about",
        before: &[("0", 0, is_empty)],
        faults: Some((LOST, Duration::from_millis(350))),
        word: "quote",
        actions: 1,
        booked: is_quoted,
    },
    Scene {
        name: "quotes that never arrive: asked about, burnt, placed anew",
        before: &[("0", 0, is_empty)],
        faults: Some((NEVER_ARRIVES, Duration::from_millis(350))),
        word: "quote",
        actions: 2,
        booked: is_quoted,
    },
];

/// Actions that it has signed. Those that are open are counted by the same thread at the same time.
fn actions(status: &Value) -> u64 {
    status["connections"]["session"]["actions"].as_u64().unwrap_or(0)
}

fn is_booked(status: &Value, position: i64, orders: u64) -> bool {
    let it = &status["instruments"][0];
    is_known(status)
        && is_kept(status)
        && it["position"] == position
        && it["orders"] == orders
        && it["unknown_orders"] == 0
}

fn is_empty(status: &Value) -> bool {
    is_booked(status, 0, 0) && is_flat(status)
}

fn is_protected(status: &Value) -> bool {
    is_booked(status, LOTS, 1) && !status["instruments"][0]["stop"].is_null()
}

fn is_quoted(status: &Value) -> bool {
    is_booked(status, 0, 2)
}

fn is_killed(status: &Value) -> bool {
    is_empty(status) && status["killed"] == true
}

/// How a process that was to be killed ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Before it was told anything: at the call in which the thread waited.
    AtRest,
    /// On the way of the order.
    OnTheWay,
    /// Not: everything was booked before there was such a call.
    Booked,
}

/// What was done.
#[derive(Default)]
struct Tally {
    deaths: u64,
    /// Deaths after the word of a kill that was said to be kept, and not.
    latched: u64,
    unsaid: u64,
}

struct Calls {
    stage: Stage,
    tally: Tally,
}

impl Calls {
    fn new(seed: u64) -> Self {
        let mut stage = Stage::new(seed, 4.0);
        stage.obeys = true;
        Self { stage, tally: Tally::default() }
    }

    /// Bring it to where the order begins; how it is doing then.
    fn prepare(&self, scene: &Scene, subject: &mut Subject) -> Value {
        let status = subject.until(scene.name, is_known);
        if status["killed"] == true {
            subject.until(scene.name, is_flat);
            subject.say("reset").unwrap();
            subject.until(scene.name, |status| status["killed"] == false);
        }
        for (word, least, so) in scene.before {
            let before = subject.say("status").unwrap();
            subject.say(word).unwrap();
            let so = |status: &Value| so(status) && actions(status) >= actions(&before) + least;
            subject.until(&format!("{}: {word}", scene.name), so);
        }
        if let Some((faults, _)) = scene.faults {
            self.stage.admin("/faults", faults);
        }
        subject.say("status").unwrap()
    }

    /// Say the word, and look on until all is booked or `ended` says that it has ended. Whether a
    /// kill was said to be kept, and whether it has ended.
    fn look_on(
        &self,
        scene: &Scene,
        (subject, before): (&mut Subject, &Value),
        mut ended: impl FnMut(&mut Subject) -> bool,
    ) -> (bool, bool) {
        let began = Instant::now();
        let enough = actions(before) + scene.actions;
        let (mut latched, mut look, mut heals) = (false, Duration::from_millis(40), scene.faults);
        subject.tell(scene.word);
        while began.elapsed() < Duration::from_secs(40) {
            if ended(subject) {
                return (latched, true);
            }
            let status = subject.heard().unwrap_or_default();
            latched |= status["killed"] == true && is_kept(&status);
            let sent = actions(&status) >= enough;
            if sent && (scene.booked)(&status) && heals.is_none() {
                return (latched, false);
            }
            if heals.is_some_and(|(_, after)| began.elapsed() > after) {
                self.stage.admin("/faults", "");
                heals = None;
            }
            if began.elapsed() > look {
                look += Duration::from_millis(60);
                subject.tell("status");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{}: never booked: {:#}", scene.name, subject.say("status").unwrap_or_default());
    }

    /// Kill it at a call on the way of an order, and see that the next one finds everything.
    fn kill_at(&mut self, scene: &Scene, at: &At<'_>, mut subject: Subject) -> (Subject, Fate) {
        let before = self.prepare(scene, &mut subject);
        let all = threads(subject.child.id());
        let group: Vec<u32> = all.iter().filter(|it| it.1 == at.thread).map(|it| *it.0).collect();
        let mut tracer = Tracer::stop_at(&group, at.call, at.edge, at.number);
        std::thread::sleep(Duration::from_millis(3));
        let mut ended = |subject: &mut Subject| tracer.holds() || subject.is_gone();
        let mut fate = if ended(&mut subject) { Fate::AtRest } else { Fate::OnTheWay };
        let mut latched = false;
        if fate == Fate::OnTheWay {
            let (kept, over) = self.look_on(scene, (&mut subject, &before), &mut ended);
            latched = kept;
            if !over {
                // What is written is on the disk within half a second.
                let linger = if at.call == "fdatasync" { 700 } else { 0 };
                let until = Instant::now() + Duration::from_millis(linger);
                while Instant::now() < until && !ended(&mut subject) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                let over = ended(&mut subject);
                fate = if over { Fate::OnTheWay } else { Fate::Booked };
            }
        }
        if fate == Fate::Booked {
            tracer.end();
            std::thread::sleep(Duration::from_millis(2));
            if !subject.is_gone() {
                return (subject, fate);
            }
            // It came to the call a moment before the tracer let go.
            fate = Fate::OnTheWay;
        } else {
            let _already = subject.child.kill();
            tracer.end();
        }
        subject.child.wait().unwrap();
        self.stage.admin("/faults", "");
        let context = format!("{}: {at:?}", scene.name);
        let mut next = self.stage.start();
        self.stage.recovered(RECOVERED, &mut next, &context);
        let killed = next.say("status").unwrap()["killed"] == true;
        assert!(killed || !latched, "{context}: it was said to be killed, and is not any more");
        self.tally.deaths += 1;
        if scene.word == "kill" {
            self.tally.latched += u64::from(latched);
            self.tally.unsaid += u64::from(!latched);
        }
        (next, fate)
    }

    /// The calls on the way of an order, by thread: those that were entered between its decision
    /// and the booking of its answer, and those in which a thread waited for it.
    fn record(&self, scene: &Scene, subject: &mut Subject) -> BTreeMap<String, Vec<Call>> {
        let before = self.prepare(scene, subject);
        let names = threads(subject.child.id());
        let file = self.stage.folder.path().join("calls");
        let tracer = Tracer::record(subject.child.id(), &file);
        std::thread::sleep(Duration::from_millis(50));
        let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        let began = now();
        let (_, over) = self.look_on(scene, (subject, &before), Subject::is_gone);
        assert!(!over, "{}: it is gone", scene.name);
        let ended = now();
        // Its journal is on the disk within half a second.
        std::thread::sleep(Duration::from_millis(700));
        tracer.end();
        let mut way: BTreeMap<String, Vec<Call>> = BTreeMap::new();
        for call in read(&file) {
            let Some(name) = names.get(&call.thread) else { continue };
            let calls = way.entry(name.clone()).or_default();
            if call.at_s < began {
                // The last of them is the one in which it waits.
                calls.retain(|it| it.thread != call.thread);
                calls.push(call);
            } else if call.at_s < ended || call.name == "fdatasync" {
                calls.push(call);
            }
        }
        way.retain(|name, _| THREADS.contains(&name.as_str()));
        way
    }

    /// Kill it at every call of one name by one thread. How many calls there were to be killed at:
    /// in which it waited, and others.
    fn every_one(
        &mut self,
        scene: &Scene,
        mut at: At<'_>,
        mut subject: Subject,
    ) -> (Subject, [u64; 2]) {
        let (mut count, mut booked) = ([0, 0], 0);
        at.number = 1;
        while booked < RUNS {
            let (next, fate) = self.kill_at(scene, &at, subject);
            subject = next;
            match fate {
                Fate::AtRest => count[0] += 1,
                Fate::OnTheWay => count[1] += 1,
                Fate::Booked => {
                    // Some calls are made at the first order of a process only.
                    subject.kill();
                    subject = self.stage.start();
                    booked += 1;
                    continue;
                }
            }
            (at.number, booked) = (at.number + 1, 0);
        }
        (subject, count)
    }

    fn whole_scene(&mut self, scene: &Scene, mut subject: Subject) -> Subject {
        println!("== {}", scene.name);
        let way = self.record(scene, &mut subject);
        for thread in THREADS {
            let Some(calls) = way.get(thread) else { continue };
            println!("  {thread}: {}", in_words(calls));
            let mut names: Vec<&str> = calls.iter().map(|it| it.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            for call in names {
                let recorded = calls.iter().filter(|it| it.name == call).count();
                let (mut told, mut deaths) = (Vec::new(), 0);
                for edge in [Edge::Before, Edge::After] {
                    let at = At { thread, call, edge, number: 1 };
                    let ([rest, way], next);
                    (next, [rest, way]) = self.every_one(scene, at, subject);
                    subject = next;
                    let waits = if rest > 0 { " with the wait" } else { "" };
                    told.push(format!("{} on {}{waits}", rest + way, edge.name()));
                    deaths += rest + way;
                }
                println!("    {call}: {recorded} written down, killed at {}", told.join(", "));
                let came = deaths > 0 || !OFTEN.contains(&call);
                assert!(came, "{thread} {call}: killed at none");
            }
        }
        subject
    }
}

/// Calls that every order makes. Others come now and then, from the allocator for one.
const OFTEN: [&str; 6] = ["write", "sendto", "recvfrom", "epoll_wait", "futex", "fdatasync"];

/// At which call.
#[derive(Clone, Copy, Debug)]
struct At<'a> {
    thread: &'a str,
    call: &'a str,
    edge: Edge,
    number: u64,
}

/// Calls in their order, each run of equal ones as one.
fn in_words(calls: &[Call]) -> String {
    let word = |it: &Call| {
        if it.about.is_empty() { it.name.clone() } else { format!("{}({})", it.name, it.about) }
    };
    let mut words: Vec<(String, u32)> = Vec::new();
    for call in calls {
        match words.last_mut() {
            Some((last, count)) if *last == word(call) => *count += 1,
            _ => words.push((word(call), 1)),
        }
    }
    let words = words.iter().map(|(word, count)| match count {
        1 => word.clone(),
        _ => format!("{word}×{count}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// At the first calls that keep and send an entry.
pub(crate) fn at_some(seed: u64) {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return;
    }
    let mut calls = Calls::new(seed);
    let mut subject = calls.stage.start();
    for call in ["write", "sendto"] {
        for edge in [Edge::Before, Edge::After] {
            let at = At { thread: "engine", call, edge, number: 1 };
            let fate;
            (subject, fate) = calls.kill_at(&SCENES[0], &at, subject);
            assert_eq!(fate, Fate::OnTheWay, "{at:?}");
        }
    }
    subject.kill();
    calls.stage.report();
}

/// At every call, for every kind of order. `FLYBALL_SCENE` names one by a part of its name.
pub(crate) fn at_every_one(seed: u64) {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return;
    }
    let only = std::env::var("FLYBALL_SCENE").unwrap_or_default();
    let mut calls = Calls::new(seed);
    let mut subject = calls.stage.start();
    let began = Instant::now();
    for scene in SCENES.iter().filter(|it| it.name.contains(&only)) {
        subject = calls.whole_scene(scene, subject);
    }
    subject.kill();
    let Tally { deaths, latched, unsaid } = calls.tally;
    println!("killed by the kernel at {deaths} system calls in {:.0?}", began.elapsed());
    println!(
        "of them on the way of an operator's kill: {latched} after it was said to be kept, and it \
         held each time; {unsaid} before"
    );
    calls.stage.report();
}
