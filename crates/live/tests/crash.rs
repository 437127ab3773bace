//! Real processes, real sockets, real signals: an engine that trades on the local exchange is
//! killed at any moment, at any system call, its connections cut, its exchange restarted; and after
//! each time it finds its account as it is, with no order lost and none doubled.
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

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use flyball_core::domain::{
    Fees, Intent, Level, MILLISECOND, Money, NetQty, Operator, Price, Qty, Quotes, Random, Rate,
    SECOND, Scope, StrategyId, Target,
};
use flyball_core::engine::{EngineConfig, InstrumentConfig, Sight, StrategyConfig};
use flyball_core::strategy::{Draft, Sizing, WakeSpec};
use flyball_exchange::server::{Handle, Server, ServerConfig};
use flyball_exchange::{AccountSetup, MarketSetup, Setup};
use flyball_live::Clock;
use flyball_live::io::Endpoints;
use flyball_live::mailbox::Answer;
use flyball_live::runtime::{Input, Patience, Plan, Run, listing, status_json};
use flyball_live::transport::ask_once;
use flyball_venues::hyperliquid::sign::{Address, Network, SigningKey};
use flyball_venues::hyperliquid::{Query, info, query_body};
use serde_json::Value;

const MASTER: &str = "0x00000000000000000000000000000000000000000000000000000000000003e9";
const AGENT: &str = "0x00000000000000000000000000000000000000000000000000000000000007d1";
const COIN: &str = "XRP";

fn address(key: &str) -> Address {
    SigningKey::parse(key).unwrap().address()
}

// ---- the process that is killed -----------------------------------------------------------------

#[test]
#[ignore = "the process under test"]
fn subject() {
    let Ok(url) = std::env::var("FLYBALL_SUBJECT") else { return };
    let folder = PathBuf::from(std::env::var("FLYBALL_FOLDER").unwrap());
    let (run, letters) = Run::start(plan(&url, folder)).unwrap_or_else(|error| {
        println!("refused {error}");
        std::process::exit(3);
    });
    let decides = Arc::new(AtomicBool::new(false));
    let (inputs, watcher) = (run.inputs(), run.watcher());
    for end in letters {
        let (inputs, decides) = (inputs.clone(), Arc::clone(&decides));
        let mut random = Random::new(u64::from(std::process::id()));
        std::thread::spawn(move || {
            while let Some(question) = end.next() {
                let mut draft = Draft::default();
                if decides.load(Ordering::Relaxed) {
                    decide(&question.view, &mut random, &mut draft);
                }
                let woken_ns = question.woken_ns;
                end.give_back(question);
                let answer = Answer::Decided { woken_ns, draft };
                if inputs.send(Input::Answer(StrategyId::new(0), answer)).is_err() {
                    return;
                }
            }
        });
    }
    println!("started");
    for line in std::io::stdin().lock().lines() {
        match line.unwrap().as_str() {
            "go" => decides.store(true, Ordering::Relaxed),
            "quiet" => decides.store(false, Ordering::Relaxed),
            "kill" => run.operate(Operator::Kill(Scope::All)),
            "reset" => {
                run.operate(Operator::RequestReset(None));
                run.operate(Operator::ConfirmReset(None));
            }
            _ => {}
        }
        println!("{}", status_json(&inputs, &watcher).unwrap_or_else(|| "{}".into()));
    }
}

fn decide(view: &impl Sight, random: &mut Random, draft: &mut Draft) {
    let (Some(best), Some(instrument)) = (view.best(), view.instrument()) else { return };
    let lots = random.below(400) as i64 - 200;
    let quote = |price: Price, ticks: i64, side| {
        let price = instrument.round_passive(Price::from_ticks(price.ticks() + ticks), side);
        [Level { price, qty: Qty::from_lots(30) }]
    };
    let away = 100 + random.below(2_000) as i64;
    let bids = quote(best.bid.price, -away, flyball_core::domain::Side::Bid);
    let asks = quote(best.ask.price, away, flyball_core::domain::Side::Ask);
    draft.write(&match random.below(3) {
        0 => Intent::Target(Target {
            position: NetQty::from_lots(lots),
            stop: None,
            take_profit: None,
            trailing: None,
        }),
        _ => Intent::Quotes(Quotes { bids: &bids, asks: &asks }),
    });
}

fn plan(url: &str, folder: PathBuf) -> Plan {
    let fees = Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) };
    let listed = listing(url, &[COIN.to_owned()], fees).unwrap();
    let mut profile: flyball_core::risk::Profile =
        serde_json::from_str(include_str!("world/emergency.json")).unwrap();
    profile.gate.max_repeated = 1_000_000;
    // Many orders in little time.
    profile.gate.messages_per_second = 400;
    profile.gate.message_burst = 800;
    profile.gate.message_reserve = 200;
    let engine = EngineConfig {
        instruments: vec![InstrumentConfig { spec: listed[0].spec.clone(), quiet_ns: 3 * SECOND }],
        strategies: vec![StrategyConfig {
            name: "random".into(),
            instrument: 0,
            wake: WakeSpec { every_ns: Some(20 * MILLISECOND), ..WakeSpec::default() },
            bars: None,
            features: vec![],
            sizing: Sizing::EquityFraction { fraction: Rate::from_ppm(100_000) },
        }],
        profile,
        cash: Money::ZERO,
        answer_timeout_ns: 2 * SECOND,
    };
    Plan {
        endpoints: Endpoints {
            http: url.to_owned(),
            websocket: format!("{}/ws", url.replace("http", "ws")),
        },
        network: Network::Testnet,
        user: address(MASTER),
        key: SigningKey::parse(AGENT).unwrap(),
        folder,
        engine,
        numbers: vec![listed[0].number],
        clock: Clock::SYSTEM,
        strategies: vec![("random".into(), 0)],
        patience: Patience { deadline_ns: SECOND, reduce_only: true },
        expires_ns: 3 * SECOND,
        answer_ns: SECOND,
        adopt_positions: false,
        guarded: false,
        cancel_foreign: false,
        weight_per_minute: 1_000_000,
        seed: 1,
        build: "test".into(),
    }
}

// ---- whoever kills it ---------------------------------------------------------------------------

struct Subject {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    began: Instant,
}

impl Subject {
    /// Start it; with `before` in front of its command line.
    fn start(url: &str, folder: &Path, before: &[String]) -> Self {
        let this = std::env::current_exe().unwrap();
        let mut words = before.to_vec();
        words.push(this.to_str().unwrap().to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["subject", "--exact", "--ignored", "--nocapture", "-q"]);
        command.env("FLYBALL_SUBJECT", url).env("FLYBALL_FOLDER", folder);
        let told = std::fs::File::create(folder.join("stderr")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(told);
        let mut child = command.spawn().unwrap();
        let (to, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin, lines, began: Instant::now() }
    }

    /// The next line that begins so; none when it has ended.
    fn line(&self, begins: &[&str]) -> Option<String> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).ok()?;
            if begins.iter().any(|it| line.starts_with(it)) {
                return Some(line);
            }
        }
    }

    fn say(&mut self, word: &str) -> Option<Value> {
        writeln!(self.stdin, "{word}").ok()?;
        self.stdin.flush().ok()?;
        serde_json::from_str(&self.line(&["{"])?).ok()
    }

    /// Wait until its account is known and nothing is open; how long that took since its start.
    fn known(&mut self, context: &str) -> Duration {
        let until = Instant::now() + Duration::from_secs(40);
        let mut status = Value::Null;
        while Instant::now() < until {
            status = self
                .say("status")
                .unwrap_or_else(|| panic!("{context}: it is gone: {:?}", self.child.try_wait()));
            let connections = &status["connections"];
            if connections["account_known"] == true && connections["open_actions"] == 0 {
                return self.began.elapsed();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{context}: never known: {status:#}");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The exchange, the folder of the account, and what has been seen.
struct Stage {
    server: Handle,
    folder: tempfile::TempDir,
    random: Random,
    recovered: Vec<Duration>,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let setup = Setup {
            accounts: vec![AccountSetup {
                address: address(MASTER),
                cash: "10000".to_owned(),
                agents: vec![("engine".to_owned(), address(AGENT))],
            }],
            market: MarketSetup::Synthetic { crash: None, messages_per_second: Some(20.0) },
            // Hundreds of starts in minutes: no user has that many.
            weight_per_minute: Some(1_000_000),
            sockets_per_minute: Some(100_000),
            messages_per_minute: Some(1_000_000),
            ..Setup::synthetic(seed)
        };
        let now = Clock::SYSTEM.now_ns();
        let config = ServerConfig { admin: true, ..ServerConfig::default() };
        let server = Server::start(setup.gateway(now).unwrap(), config).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { server, folder, random: Random::new(seed), recovered: Vec::new() }
    }

    fn info(&self, query: &Query<'_>) -> Vec<u8> {
        let body = query_body(query).unwrap();
        let (status, answer) = ask_once(&self.server.url(), "/info", &body).unwrap();
        assert_eq!(status, 200);
        answer
    }

    fn admin(&self, path: &'static str, body: &str) {
        let (status, answer) = ask_once(&self.server.url(), path, body.as_bytes()).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    fn start(&self) -> Subject {
        // What was killed may hold its lock for a moment more.
        for _ in 0..100 {
            let subject = Subject::start(&self.server.url(), self.folder.path(), &[]);
            match subject.line(&["started", "refused"]) {
                Some(line) if line == "started" => return subject,
                Some(line) if line.contains("another run trades") => subject.kill(),
                Some(line) => panic!("{line}"),
                None => {
                    let said = std::fs::read_to_string(self.folder.path().join("stderr"));
                    panic!("it does not start: {said:?}");
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the lock is never free");
    }

    /// Its account as it sees it, and as the venue does: the same, and no order twice.
    fn compare(&self, subject: &mut Subject, context: &str) {
        let mut last = String::new();
        // An order may end between two questions.
        for _ in 0..20 {
            let Some(status) = subject.say("status") else { panic!("{context}: it is gone") };
            let user = address(MASTER);
            let state = info::clearinghouse(&self.info(&Query::ClearinghouseState { user }));
            let open = info::open_orders(&self.info(&Query::FrontendOpenOrders { user })).unwrap();
            let state = state.unwrap();
            let position = state.positions.first().map_or(0, |it| whole(it.qty));
            let ours = &status["instruments"][0];
            let (held, orders) = (ours["position"].as_i64(), ours["orders"].as_u64());
            let unknown = ours["unknown_orders"].as_u64();
            last = format!(
                "{context}: held {held:?} at the engine, {position} at the venue; orders \
                 {orders:?} and {}, unknown {unknown:?}",
                open.len()
            );
            let same = held == Some(position);
            if same && orders == Some(open.len() as u64) && unknown == Some(0) {
                self.once_each(context);
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{last}\n{:?}", subject.say("status"));
    }

    /// No client order id was ever taken twice.
    fn once_each(&self, context: &str) {
        let user = address(MASTER);
        let all = info::historical_orders(&self.info(&Query::HistoricalOrders { user })).unwrap();
        let mut ids: Vec<_> = all.iter().map(|it| (it.order.cloid, it.order.oid)).collect();
        ids.sort_unstable();
        ids.dedup();
        let count = ids.len();
        ids.dedup_by_key(|it| it.0);
        assert_eq!(ids.len(), count, "{context}: an order was taken twice");
    }

    fn report(&mut self, what: &str) {
        self.recovered.sort_unstable();
        let at = |share: f64| {
            let index = (self.recovered.len() as f64 * share) as usize;
            self.recovered[index.min(self.recovered.len() - 1)]
        };
        let user = address(MASTER);
        let orders = info::historical_orders(&self.info(&Query::HistoricalOrders { user }));
        let fills = info::user_fills(&self.info(&Query::UserFills { user })).unwrap().len();
        let orders = orders.unwrap().len();
        assert!(orders > self.recovered.len() && fills > 0, "{what}: it traded");
        println!("{what}: of the last 2000 each, {orders} orders and {fills} fills at the venue");
        println!(
            "{what}: {} times; from its start until its account is known: p50 {:?}, p90 {:?}, \
             longest {:?}",
            self.recovered.len(),
            at(0.5),
            at(0.9),
            at(1.0)
        );
    }
}

/// A number of whole lots, however many decimals it was written with.
fn whole(qty: flyball_venues::Number) -> i64 {
    qty.mantissa() / 10_i64.pow(u32::from(qty.decimals()))
}

fn crashes(otherwise: u64) -> u64 {
    std::env::var("FLYBALL_CRASHES").ok().and_then(|it| it.parse().ok()).unwrap_or(otherwise)
}

/// Kill it at random moments: while it starts, reads, trades, flattens.
fn killed(count: u64, seed: u64) {
    let mut stage = Stage::new(seed);
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
        let took = subject.known(&context);
        stage.recovered.push(took);
        stage.compare(&mut subject, &context);
        if latched {
            let status = subject.say("status").unwrap();
            assert_eq!(status["killed"], true, "{context}: a restart releases no latch");
            flat(&mut subject, &context);
            subject.say("reset").unwrap();
            let status = subject.say("status").unwrap();
            assert_eq!(status["killed"], false, "{context}: an operator does: {status}");
            latched = false;
        }
        subject.say("go").unwrap();
        std::thread::sleep(Duration::from_millis(20 + stage.random.below(400)));
        if stage.random.chance(0.1) {
            subject.say("kill").unwrap();
            latched = true;
            std::thread::sleep(Duration::from_millis(stage.random.below(30)));
        }
        subject.kill();
        if number % 50 == 49 {
            println!("{} of {count}", number + 1);
        }
    }
    stage.report("killed at random moments");
}

fn flat(subject: &mut Subject, context: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        let status = subject.say("status").unwrap();
        let idle = status["instruments"][0]["closing"].is_null();
        if status["flat"] == true && idle && status["flattening"] == false {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{context}: a kill before the crash did not end flat after it: {:?}", subject.say("x"));
}

#[test]
fn killed_at_random_moments_it_finds_its_account_again() {
    killed(6, 11);
}

#[test]
#[ignore = "long: make crash"]
fn killed_at_hundreds_of_random_moments_it_finds_its_account_again() {
    killed(crashes(500), 12);
}

/// The connections are cut, go half dead, and the exchange restarts, while it goes on.
fn cut_off(count: u64, seed: u64) {
    let mut stage = Stage::new(seed);
    let mut subject = stage.start();
    for number in 0..count {
        let context = format!("cut {number}");
        subject.say("go").unwrap();
        std::thread::sleep(Duration::from_millis(100 + stage.random.below(300)));
        match stage.random.below(3) {
            0 => stage.admin("/admin", r#"{"type":"restart"}"#),
            1 => stage.admin("/faults", "[[fault]]\nkind = \"disconnect\"\nprobability = 0.3\n"),
            _ => stage.admin("/faults", "[[fault]]\nkind = \"lost_ack\"\nprobability = 0.5\n"),
        }
        std::thread::sleep(Duration::from_millis(stage.random.below(700)));
        stage.admin("/faults", "");
        subject.say("quiet").unwrap();
        subject.began = Instant::now();
        let took = subject.known(&context);
        stage.recovered.push(took);
        stage.compare(&mut subject, &context);
    }
    subject.kill();
    stage.report("connections cut, acks lost, exchange restarted");
}

#[test]
fn cut_off_it_finds_its_account_again() {
    cut_off(4, 21);
}

#[test]
#[ignore = "long: make crash"]
fn cut_off_a_hundred_times_it_finds_its_account_again() {
    cut_off(crashes(500) / 5, 22);
}

/// Killed by the kernel at the n-th call of each kind on the way of an order: writing what is kept,
/// sending, receiving, waiting.
fn at_every_call(most: u64, seed: u64) {
    let tool = ["-f", "-qq", "-o", "/dev/null"];
    let works = Command::new("strace").args(tool).args(["-e", "trace=none", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        println!("skipped: strace is not here, or may not trace");
        return;
    }
    let mut stage = Stage::new(seed);
    let (mut deaths, mut calls) = (0, Vec::new());
    for call in ["write", "sendto", "recvfrom", "read", "epoll_wait", "futex", "fdatasync"] {
        let mut number = 1;
        while number <= most {
            let inject = format!("inject={call}:signal=SIGKILL:when={number}");
            let mut before: Vec<String> = vec!["strace".into()];
            before.extend(tool.iter().map(|&it| it.to_owned()));
            before.extend(["-e".into(), format!("trace={call}"), "-e".into(), inject]);
            let url = stage.server.url();
            let mut subject = Subject::start(&url, stage.folder.path(), &before);
            let began = Instant::now();
            subject.say("go");
            while began.elapsed() < Duration::from_secs(3)
                && subject.child.try_wait().unwrap().is_none()
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            let died = subject.child.try_wait().unwrap().is_some();
            let _gone = Command::new("pkill")
                .args(["-KILL", "-P", &subject.child.id().to_string()])
                .status();
            subject.kill();
            std::thread::sleep(Duration::from_millis(20));
            let context = format!("{call} {number}");
            let mut next = stage.start();
            let after = next.known(&context);
            stage.recovered.push(after);
            stage.compare(&mut next, &context);
            next.kill();
            deaths += u64::from(died);
            if !died {
                break;
            }
            // Every one of the first calls, then ever fewer.
            number += 1 + number / 12;
        }
        calls.push(format!("{call} up to {number}"));
    }
    println!("killed by the kernel at {deaths} system calls: {}", calls.join(", "));
    stage.report("killed at system calls");
}

#[test]
#[ignore = "long: make crash"]
fn killed_at_every_system_call_of_an_order_it_finds_its_account_again() {
    at_every_call(crashes(500).min(400), 31);
}

#[test]
fn a_second_engine_on_the_same_account_is_refused() {
    let stage = Stage::new(41);
    let first = stage.start();
    let second = Subject::start(&stage.server.url(), stage.folder.path(), &[]);
    let refused = second.line(&["refused"]).unwrap();
    assert!(refused.contains("another run trades on this account"), "{refused}");
    first.kill();
    second.kill();
}
