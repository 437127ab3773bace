//! Real processes, real sockets, real signals: an engine that trades on the local exchange is
//! killed at any moment and at every system call on the way of an order, its network is cut, its
//! exchange restarted; and after each time it finds its account as it is, with no order lost and
//! none doubled.
//!
//! The process under test is this test's own programme, started again with `FLYBALL_SUBJECT` set.
//! `FLYBALL_CRASHES` makes the long programme as long as that (`make crash`).

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "two processes that talk over it, and a report"
)]

mod calls;
mod process;
#[path = "../proxy/mod.rs"]
mod proxy;
mod stage;
mod strace;

use std::time::{Duration, Instant};

use flyball_venues::hyperliquid::sign::{Address, SigningKey};
use proxy::Proxy;
use stage::{Stage, Subject, is_known};

const MASTER: &str = "0x00000000000000000000000000000000000000000000000000000000000003e9";
const AGENT: &str = "0x00000000000000000000000000000000000000000000000000000000000007d1";
const COIN: &str = "XRP";

fn address(key: &str) -> Address {
    SigningKey::parse(key).unwrap().address()
}

fn crashes() -> u64 {
    std::env::var("FLYBALL_CRASHES").ok().and_then(|it| it.parse().ok()).unwrap_or(500)
}

#[test]
#[ignore = "the process under test"]
fn subject() {
    if let Ok(url) = std::env::var("FLYBALL_SUBJECT") {
        process::run(&url);
    }
}

/// Kill it at random moments: while it starts, reads, trades, flattens.
fn killed(count: u64, seed: u64) {
    let mut stage = Stage::new(seed, 20.0);
    let mut latched = false;
    for number in 0..count {
        let context = format!("kill {number}");
        let mut subject = stage.start();
        if stage.random.chance(0.1) {
            // In the middle of its start.
            let wait = stage.random.below(60);
            std::thread::sleep(Duration::from_millis(wait));
            subject.kill();
            continue;
        }
        stage.recovered("killed at a random moment", &mut subject, &context);
        if latched {
            let status = subject.say("status").unwrap();
            assert_eq!(status["killed"], true, "{context}: a restart releases no latch");
            subject.until(&context, is_flat);
            subject.say("reset").unwrap();
            let status = subject.say("status").unwrap();
            assert_eq!(status["killed"], false, "{context}: an operator does: {status}");
            latched = false;
        }
        subject.say("go").unwrap();
        std::thread::sleep(Duration::from_millis(20 + stage.random.below(400)));
        if stage.random.chance(0.1) {
            subject.say("kill").unwrap();
            // Said to be kept: the journal has taken it.
            subject.until(&context, |status| status["killed"] == true && is_kept(status));
            latched = true;
            std::thread::sleep(Duration::from_millis(stage.random.below(30)));
        }
        subject.kill();
        if number % 50 == 49 {
            println!("{} of {count}", number + 1);
        }
    }
    stage.report();
}

/// Nothing waits for the journal.
fn is_kept(status: &serde_json::Value) -> bool {
    status["connections"]["journal_lag"] == 0
}

fn is_flat(status: &serde_json::Value) -> bool {
    let idle = status["instruments"][0]["closing"].is_null();
    status["flat"] == true && idle && status["flattening"] == false
}

#[test]
fn killed_at_random_moments_it_finds_its_account_again() {
    killed(6, 11);
}

#[test]
#[ignore = "long: make crash"]
fn killed_at_hundreds_of_random_moments_it_finds_its_account_again() {
    killed(crashes(), 12);
}

/// Connections are closed, answers lost, the exchange restarted, while it goes on.
fn disturbed(count: u64, seed: u64) {
    let mut stage = Stage::new(seed, 20.0);
    let mut subject = stage.start();
    for number in 0..count {
        subject.say("go").unwrap();
        std::thread::sleep(Duration::from_millis(100 + stage.random.below(300)));
        subject.began = Instant::now();
        let of = match stage.random.below(3) {
            0 => {
                stage.admin("/admin", r#"{"type":"restart"}"#);
                "exchange restarted"
            }
            1 => {
                let body = "[[fault]]\nkind = \"disconnect\"\nprobability = 0.3\n";
                stage.admin("/faults", body);
                "connections closed by the venue"
            }
            _ => {
                stage.admin("/faults", "[[fault]]\nkind = \"lost_ack\"\nprobability = 0.5\n");
                "answers to actions lost"
            }
        };
        std::thread::sleep(Duration::from_millis(stage.random.below(700)));
        stage.admin("/faults", "");
        subject.say("quiet").unwrap();
        stage.recovered(of, &mut subject, &format!("{of} {number}"));
    }
    subject.kill();
    stage.report();
}

#[test]
fn disturbed_it_finds_its_account_again() {
    disturbed(4, 21);
}

#[test]
#[ignore = "long: make crash"]
fn disturbed_a_hundred_times_it_finds_its_account_again() {
    disturbed(crashes() / 5, 22);
}

/// How a network is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Both ends of every connection are reset.
    Reset,
    /// Everything vanishes on the way, and nobody is told; new connections work after a while.
    HalfOpen,
    /// Every piece takes 300 ms longer in each direction, for a while.
    Delay,
}

impl Cut {
    const fn name(self) -> &'static str {
        match self {
            Self::Reset => "network cut: connections reset",
            Self::HalfOpen => "network cut: half-open",
            Self::Delay => "network cut: 300 ms late",
        }
    }
}

/// The network between engine and exchange is cut while it trades.
fn cut_off(cuts: &[Cut], seed: u64) {
    let mut stage = Stage::new(seed, 20.0);
    let proxy = Proxy::start(stage.server.port(), ()).unwrap();
    stage.url = proxy.url();
    let mut subject = stage.start();
    for (number, cut) in cuts.iter().enumerate() {
        let context = format!("{cut:?} {number}");
        subject.known(&context);
        subject.say("go").unwrap();
        std::thread::sleep(Duration::from_millis(100 + stage.random.below(300)));
        let before = subject.say("status").unwrap();
        subject.began = Instant::now();
        match cut {
            Cut::Reset => assert!(proxy.reset() >= 2, "both websockets"),
            Cut::HalfOpen => proxy.swallow(),
            Cut::Delay => proxy.delay(Duration::from_millis(300)),
        }
        std::thread::sleep(Duration::from_millis(200 + stage.random.below(500)));
        proxy.heal();
        subject.say("quiet").unwrap();
        let again = |status: &serde_json::Value, what: &str| {
            let connects = |status: &serde_json::Value| status["connections"][what].as_u64();
            connects(status) > connects(&before)
        };
        let status = subject.until(&context, |status| {
            let noticed = matches!(cut, Cut::Delay)
                || (again(status, "account_connects") && again(status, "market_connects"));
            noticed && is_known(status)
        });
        let took = subject.began.elapsed();
        stage.agreed(cut.name(), &mut subject, (took, &status), &context);
    }
    subject.kill();
    stage.report();
}

#[test]
fn cut_off_it_finds_its_account_again() {
    cut_off(&[Cut::Reset, Cut::Delay, Cut::HalfOpen], 51);
}

#[test]
#[ignore = "long: make crash"]
fn cut_off_each_way_twenty_times_it_finds_its_account_again() {
    let each = crashes().div_ceil(25);
    let rounds = (0..each).flat_map(|_| [Cut::Reset, Cut::Delay, Cut::HalfOpen]);
    cut_off(&rounds.collect::<Vec<_>>(), 52);
}

#[test]
fn killed_before_and_after_it_keeps_and_sends_an_order_it_finds_its_account_again() {
    calls::at_some(31);
}

#[test]
#[ignore = "long: make crash"]
fn killed_at_every_system_call_of_an_order_it_finds_its_account_again() {
    calls::at_every_one(32);
}

#[test]
fn a_start_knows_that_it_does_not_know_the_account_until_it_is_read() {
    let mut stage = Stage::new(61, 20.0);
    let proxy = Proxy::start(stage.server.port(), ()).unwrap();
    stage.url = proxy.url();
    for _ in 0..2 {
        // Reading it takes a while.
        proxy.delay(Duration::from_millis(100));
        let mut subject = stage.start();
        let status = subject.say("status").unwrap();
        assert_eq!(status["account_known"], false, "{status}");
        proxy.heal();
        let (_, status) = subject.known("a start");
        assert_eq!(status["account_known"], true, "{status}");
        subject.kill();
    }
}

#[test]
fn a_second_engine_on_the_same_account_is_refused() {
    let stage = Stage::new(41, 20.0);
    let first = stage.start();
    let second = Subject::start(&stage.url, stage.folder.path(), false);
    let refused = second.line(&["refused"]).unwrap();
    assert!(refused.contains("another run trades on this account"), "{refused}");
    first.kill();
    second.kill();
}
