//! The exchange, the folder of the account, the process that trades on it, and whether they agree.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use flyball_core::domain::{Money, Random};
use flyball_core::portfolio::Position;
use flyball_exchange::server::{Handle, Server, ServerConfig};
use flyball_exchange::{AccountSetup, MarketSetup, Setup};
use flyball_live::Clock;
use flyball_live::recover::recover;
use flyball_live::transport::ask_once;
use flyball_venues::hyperliquid::{Query, info, query_body};
use serde_json::Value;

use crate::{AGENT, MASTER, address};

/// The process under test, seen from outside.
pub(crate) struct Subject {
    pub(crate) child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    /// Words that it has not answered.
    owed: usize,
    pub(crate) began: Instant,
}

impl Subject {
    /// Start it. One that obeys decides what it is told, else at random.
    pub(crate) fn start(url: &str, folder: &Path, obeys: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["subject", "--exact", "--ignored", "--nocapture", "-q"]);
        command.env("FLYBALL_SUBJECT", url).env("FLYBALL_FOLDER", folder);
        if obeys {
            command.env("FLYBALL_OBEYS", "1");
        }
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
        Self { child, stdin, lines, owed: 0, began: Instant::now() }
    }

    /// The next line that begins so; none when it has ended.
    pub(crate) fn line(&self, begins: &[&str]) -> Option<String> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).ok()?;
            if begins.iter().any(|it| line.starts_with(it)) {
                return Some(line);
            }
        }
    }

    /// Tell it something without waiting for what it says; false when it has ended.
    pub(crate) fn tell(&mut self, word: &str) -> bool {
        self.owed += 1;
        writeln!(self.stdin, "{word}").and_then(|()| self.stdin.flush()).is_ok()
    }

    /// How it was doing at the last word that it has answered by now.
    pub(crate) fn heard(&mut self) -> Option<Value> {
        let mut last = None;
        while let Ok(line) = self.lines.try_recv() {
            if line.starts_with('{') {
                self.owed -= 1;
                last = serde_json::from_str(&line).ok();
            }
        }
        last
    }

    /// Tell it something and wait for how it is doing then.
    pub(crate) fn say(&mut self, word: &str) -> Option<Value> {
        if !self.tell(word) {
            return None;
        }
        loop {
            let line = self.line(&["{"])?;
            self.owed -= 1;
            if self.owed == 0 {
                return serde_json::from_str(&line).ok();
            }
        }
    }

    /// Wait until it is so; how it is doing then.
    pub(crate) fn until(&mut self, context: &str, so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(60);
        let mut status = Value::Null;
        while Instant::now() < until {
            status = self
                .say("status")
                .unwrap_or_else(|| panic!("{context}: it is gone: {:?}", self.child.try_wait()));
            if so(&status) {
                return status;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{context}: never: {status:#}");
    }

    /// Wait until its account is known and nothing is open; how long that took since it began, and
    /// how it is doing then.
    pub(crate) fn known(&mut self, context: &str) -> (Duration, Value) {
        let status = self.until(context, is_known);
        (self.began.elapsed(), status)
    }

    pub(crate) fn is_gone(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub(crate) fn is_known(status: &Value) -> bool {
    let connections = &status["connections"];
    connections["account_known"] == true && connections["open_actions"] == 0
}

/// A recovery: how long until the account was known, and until all agreed on it; of what, and how
/// the connections were doing when it was known.
struct Recovery {
    took: Duration,
    agreed: Duration,
    of: String,
    connections: Value,
}

/// The exchange, the folder of the account, and what has been seen.
pub(crate) struct Stage {
    pub(crate) server: Handle,
    pub(crate) folder: tempfile::TempDir,
    /// Where the process connects: the exchange, or something before it.
    pub(crate) url: String,
    pub(crate) obeys: bool,
    pub(crate) random: Random,
    recovered: BTreeMap<&'static str, Vec<Recovery>>,
}

impl Stage {
    pub(crate) fn new(seed: u64, messages_per_second: f64) -> Self {
        let setup = Setup {
            accounts: vec![AccountSetup {
                address: address(MASTER),
                cash: "100000".to_owned(),
                agents: vec![("engine".to_owned(), address(AGENT))],
            }],
            market: MarketSetup::Synthetic {
                crash: None,
                messages_per_second: Some(messages_per_second),
            },
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
        let (url, random) = (server.url(), Random::new(seed));
        Self { server, folder, url, obeys: false, random, recovered: BTreeMap::new() }
    }

    fn info(&self, query: &Query<'_>) -> Vec<u8> {
        let body = query_body(query).unwrap();
        let (status, answer) = ask_once(&self.server.url(), "/info", &body).unwrap();
        assert_eq!(status, 200);
        answer
    }

    pub(crate) fn admin(&self, path: &'static str, body: &str) {
        let (status, answer) = ask_once(&self.server.url(), path, body.as_bytes()).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    pub(crate) fn start(&self) -> Subject {
        // What was killed may hold its lock for a moment more.
        for _ in 0..100 {
            let subject = Subject::start(&self.url, self.folder.path(), self.obeys);
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

    /// It has recovered from this: note how long that took, and see that all agree.
    pub(crate) fn recovered(&mut self, of: &'static str, subject: &mut Subject, context: &str) {
        let (took, status) = subject.known(context);
        self.agreed(of, subject, (took, &status), context);
    }

    /// Its account was known after so long: see that all agree.
    pub(crate) fn agreed(
        &mut self,
        of: &'static str,
        subject: &mut Subject,
        (took, status): (Duration, &Value),
        context: &str,
    ) {
        self.compare(subject, context);
        let (agreed, connections) = (subject.began.elapsed(), status["connections"].clone());
        let recovery = Recovery { took, agreed, of: context.to_owned(), connections };
        self.recovered.entry(of).or_default().push(recovery);
    }

    /// Its account as it sees it, as its journal adds up, and as the venue does: the same position,
    /// the same money, the same orders, and no order twice.
    pub(crate) fn compare(&self, subject: &mut Subject, context: &str) {
        let mut last = String::new();
        // An order may end between two questions; one whose cancel is not heard of is asked about
        // after two seconds.
        for _ in 0..100 {
            let Some(status) = subject.say("status") else { panic!("{context}: it is gone") };
            let user = address(MASTER);
            let state = info::clearinghouse(&self.info(&Query::ClearinghouseState { user }));
            let open = info::open_orders(&self.info(&Query::FrontendOpenOrders { user })).unwrap();
            let state = state.unwrap();
            let position = state.positions.first().map_or(0, |it| whole(it.qty));
            let money = state.margin_summary.total_raw;
            let ours = &status["instruments"][0];
            let (held, orders) = (ours["position"].as_i64(), ours["orders"].as_u64());
            let unknown = ours["unknown_orders"].as_u64();
            let (kept, flowed) = self.journal();
            last = format!(
                "{context}: held {held:?} at the engine, {kept} in its journal, {position} at the \
                 venue; money {flowed} in the journal, {money} at the venue; orders {orders:?} \
                 and {}, unknown {unknown:?}",
                open.len()
            );
            let same = held == Some(position) && kept == position && flowed == money;
            if same && orders == Some(open.len() as u64) && unknown == Some(0) {
                self.once_each(context);
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{last}\n{:?}", subject.say("status"));
    }

    /// What the journal adds up to: lots, and what has flowed in and out, without what is held.
    fn journal(&self) -> (i64, Money) {
        let runs = std::fs::read_dir(self.folder.path()).unwrap();
        let runs = runs.map(|it| it.unwrap().path());
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.strip_prefix("run-").is_some_and(|it| it.parse::<u32>().is_ok())
        };
        let engine = recover(&runs.filter(named).max().unwrap()).unwrap().engine;
        let id = engine.instruments()[0].id();
        let (portfolio, held) = (engine.portfolio(), engine.portfolio().qty(id));
        let cost = portfolio.position(id).map_or(Money::ZERO, Position::entry_value);
        let cash = portfolio.cash();
        (held.lots(), if held.is_long() { cash.minus(cost) } else { cash.plus(cost) })
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

    /// Print how long it took, by kind.
    pub(crate) fn report(&mut self) {
        let user = address(MASTER);
        let orders = info::historical_orders(&self.info(&Query::HistoricalOrders { user }));
        let fills = info::user_fills(&self.info(&Query::UserFills { user })).unwrap().len();
        let orders = orders.unwrap().len();
        assert!(orders > 0, "it traded");
        println!("of the last 2000 each, {orders} orders and {fills} fills at the venue");
        for (of, all) in &mut self.recovered {
            all.sort_unstable_by_key(|it| it.took);
            let at = |share: f64| {
                let index = (all.len() as f64 * share) as usize;
                all[index.min(all.len() - 1)].took
            };
            println!(
                "{of}: {} times; until its account is known again: p50 {:.2?}, p90 {:.2?}, \
                 longest {:.2?}",
                all.len(),
                at(0.5),
                at(0.9),
                at(1.0)
            );
            let longest = &all[all.len() - 1];
            println!("  the longest: {}, {}", longest.of, longest.connections);
            all.sort_unstable_by_key(|it| it.agreed);
            let at = |share: f64| {
                let index = (all.len() as f64 * share) as usize;
                &all[index.min(all.len() - 1)]
            };
            println!(
                "  until all agree on it: p50 {:.2?}, p90 {:.2?}, longest {:.2?} ({})",
                at(0.5).agreed,
                at(0.9).agreed,
                at(1.0).agreed,
                at(1.0).of
            );
        }
    }
}

/// A number of whole lots, however many decimals it was written with.
fn whole(qty: flyball_venues::Number) -> i64 {
    qty.mantissa() / 10_i64.pow(u32::from(qty.decimals()))
}
