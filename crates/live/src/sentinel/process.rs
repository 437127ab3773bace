//! The sentinel's process: threads and sockets around [`machine`](super::machine).
//!
//! ```text
//! beat thread ── beats ──▶ main thread: machine ── requests ──▶ HTTP threads ──▶ venue
//!  (control socket of the run)  │   ▲   └──▶ state, outbox, report: on the disk
//!                 control socket ┘   └── answers
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flyball_venues::hyperliquid::sign::{Address, Network, SigningKey};
use flyball_venues::hyperliquid::{EngineTag, Query, Signer};
use serde::Deserialize;

use crate::clock::Clock;
use crate::outbox::{Outbox, OutboxFile};
use crate::runtime::{Control, StartError, ask_venue, check_agent};
use crate::sentinel::account::Universe;
use crate::sentinel::beat::{self, Beat, Said};
use crate::sentinel::latch::{FOLDER, Kept, KeptFile, Stand, stand};
use crate::sentinel::machine::{Ground, Now, Sentinel, Todo};
use crate::sentinel::report::{Line, Report};
use crate::sentinel::settings::{Limits, Settings};
use crate::transport::{Ask, Http};

/// Beats go out this often.
const BEAT_EVERY: Duration = Duration::from_millis(100);
/// A run that does not answer on a connection for this long is connected to anew.
const RECONNECT: Duration = Duration::from_secs(2);
const HTTP_THREADS: usize = 6;
const HTTP_PATIENCE: Duration = Duration::from_secs(2);
const START_AGAIN: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// A local exchange that does not answer for as long, and whose run is gone, is gone with it.
const ABANDONED: Duration = Duration::from_secs(5);

/// What a sentinel is started with.
#[derive(Debug)]
pub struct Plan {
    /// Where the venue's HTTP is.
    pub http: String,
    /// Which network signatures are for.
    pub network: Network,
    /// The account.
    pub user: Address,
    /// The key of an agent that only the sentinel uses.
    pub key: SigningKey,
    /// The agent that the engine signs with.
    pub engine_agent: Option<Address>,
    /// The run's folder.
    pub run: PathBuf,
    /// Where it listens.
    pub socket: PathBuf,
    /// The limits of the run's profile.
    pub limits: Limits,
    /// The run's clock.
    pub clock: Clock,
    /// Whether it ends with the run.
    pub with_run: bool,
    /// Whether the venue is a local exchange that ends with the run.
    pub own_exchange: bool,
}

/// What the run's folder says of the run.
#[derive(Debug, Deserialize)]
struct RunFile {
    pid: u32,
    socket: PathBuf,
    #[serde(default)]
    ended_ns: Option<i64>,
}

fn read_run(folder: &Path) -> Option<RunFile> {
    serde_json::from_slice(&fs::read(folder.join("run.json")).ok()?).ok()
}

enum Inbound {
    Told(crate::transport::Told),
    Beat(Beat),
    /// There is no connection to a run; what its folder says.
    Unheard {
        ended: bool,
    },
    Asked(String, SyncSender<String>),
}

/// Watch over a run until there is nothing to watch over, or `stop` is set.
///
/// # Errors
///
/// [`StartError`] when the key is no agent of the account or another sentinel watches there, and
/// when the folder cannot be written.
pub fn run(plan: Plan, stop: &AtomicBool) -> Result<(), StartError> {
    let folder = plan.run.join(FOLDER);
    let file = KeptFile::new(&plan.run).map_err(in_file(&folder))?;
    let stood = stand(&plan.run);
    let _lock = lock(&folder)?;
    if stood == Stand::Never {
        // On the disk before anything else that only a sentinel writes.
        file.keep(&Kept::default()).map_err(in_file(&folder))?;
    }
    let (report, damaged) = Report::open(&folder).map_err(in_file(&folder))?;
    let outbox_path = folder.join("outbox");
    let outbox = Outbox::open(&outbox_path).map_err(in_file(&outbox_path))?;
    let Some(universe) = wait_for_venue(&plan, stop)? else { return Ok(()) };
    let expected = read_run(&plan.run).is_some_and(|run| run.ended_ns.is_none());
    let ground = Ground {
        user: plan.user,
        tag: tag(plan.key.address()),
        signer: Signer::new(plan.key.clone(), plan.network),
        outbox,
        universe,
        stand: stood,
        expected,
        pid: std::process::id(),
    };
    let began = Instant::now();
    let clocks = Clocks { began, clock: plan.clock };
    let mut settings = Settings::of(&plan.limits, plan.with_run);
    // The venue counts it by its own clock.
    settings.times.expires_ns *= i64::from(plan.clock.speed());
    let sentinel: Sentinel<OutboxFile> = Sentinel::new(settings, ground, clocks.now());
    Shell { plan, file, report, damaged, clocks, sentinel }.run(stop)
}

/// Which orders are the sentinel's own: the same after every restart, from its key's address.
fn tag(agent: Address) -> EngineTag {
    let mut low = [0_u8; 4];
    for (to, from) in low.iter_mut().zip(agent.bytes()) {
        *to = *from;
    }
    EngineTag::new(
        (u64::from(u32::from_be_bytes(*b"SNTL")) << 32) | u64::from(u32::from_be_bytes(low)),
    )
}

fn in_file(path: &Path) -> impl Fn(io::Error) -> StartError + '_ {
    move |error| StartError::File { path: path.to_owned(), reason: error.to_string() }
}

fn lock(folder: &Path) -> Result<File, StartError> {
    let path = folder.join("lock");
    let held = File::options().create(true).truncate(false).write(true).open(&path);
    let held = held.map_err(in_file(&path))?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(TryLockError::WouldBlock) => Err(StartError::File {
            path: folder.to_owned(),
            reason: "another sentinel watches there".to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(in_file(&path)(error)),
    }
}

/// Ask who signs and what is listed, until the venue answers.
fn wait_for_venue(plan: &Plan, stop: &AtomicBool) -> Result<Option<Universe>, StartError> {
    let signer = plan.key.address();
    if plan.engine_agent == Some(signer) {
        return Err(StartError::Foreign(
            "the sentinel's key is the engine's: it wants an agent of its own, or their nonces meet"
                .to_owned(),
        ));
    }
    while !stop.load(Ordering::Relaxed) {
        let asked = check_agent(signer, plan.user, &plan.http)
            .and_then(|()| ask_venue(&plan.http, &Query::Meta));
        match asked.map(|meta| Universe::of(&meta)) {
            Ok(Ok(universe)) if !universe.is_empty() => return Ok(Some(universe)),
            Err(
                error @ (StartError::MasterKey
                | StartError::NotAnAgent { .. }
                | StartError::Mode(_)),
            ) => {
                return Err(error);
            }
            _ => std::thread::sleep(START_AGAIN),
        }
    }
    Ok(None)
}

#[derive(Clone, Copy, Debug)]
struct Clocks {
    began: Instant,
    clock: Clock,
}

impl Clocks {
    fn now(self) -> Now {
        Now {
            ns: i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX),
            venue_ns: self.clock.now_ns(),
            system_ns: system_ns(),
        }
    }
}

fn system_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

struct Shell {
    plan: Plan,
    file: KeptFile,
    report: Report,
    damaged: Option<u64>,
    clocks: Clocks,
    sentinel: Sentinel<OutboxFile>,
}

impl Shell {
    fn run(mut self, stop: &AtomicBool) -> Result<(), StartError> {
        let (to, from) = mpsc::channel::<Inbound>();
        let back = to.clone();
        let http = Http::start(&self.plan.http, HTTP_THREADS, move |told| {
            let _heard = back.send(Inbound::Told(told));
        })
        .map_err(|error| StartError::System(error.to_string()))?;
        let asked = Mutex::new(to.clone());
        let _control = Control::start(&self.plan.socket, move |line| answer(&asked, line))
            .map_err(in_file(&self.plan.socket))?;
        let said = Arc::new(Mutex::new(self.sentinel.said(self.clocks.now())));
        let (shared, folder) = (Arc::clone(&said), self.plan.run.clone());
        std::thread::Builder::new()
            .name("flyball-beat".into())
            .spawn(move || beats(&folder, &shared, &to))
            .map_err(|error| StartError::System(error.to_string()))?;
        if let Some(line) = self.damaged.take() {
            let about = serde_json::json!({ "line": line });
            self.write(&Line { kind: "report_damaged", time_ns: system_ns(), about });
        }
        let mut unheard = None;
        while !stop.load(Ordering::Relaxed) {
            self.sentinel.tick(self.clocks.now());
            if self.carry_out(&http) {
                return Ok(());
            }
            *said.lock().unwrap_or_else(PoisonError::into_inner) =
                self.sentinel.said(self.clocks.now());
            self.take(&from, &mut unheard);
        }
        Ok(())
    }

    fn take(&mut self, from: &Receiver<Inbound>, unheard: &mut Option<Instant>) {
        let due = self.sentinel.due_ns().saturating_sub(self.clocks.now().ns).max(0);
        let wait = Duration::from_nanos(due.unsigned_abs()).min(LONGEST_WAIT);
        let mut came = from.recv_timeout(wait).ok();
        while let Some(inbound) = came {
            let now = self.clocks.now();
            match inbound {
                Inbound::Beat(beat) => {
                    *unheard = None;
                    self.sentinel.beat(beat, now);
                }
                Inbound::Unheard { ended: true } => self.sentinel.left(now),
                Inbound::Unheard { ended: false } => {
                    let since = unheard.get_or_insert_with(Instant::now).elapsed();
                    if self.plan.own_exchange && since > ABANDONED && self.is_deserted() {
                        self.sentinel.abandon(now);
                    }
                }
                Inbound::Told(told) => {
                    let outcome = told.outcome.as_ref().ok();
                    let outcome = outcome.map(|(status, body)| (*status, body.as_slice()));
                    self.sentinel.answered(told.id, outcome, now);
                }
                Inbound::Asked(line, back) => {
                    let _heard = back.send(self.sentinel.operate(&line, now));
                }
            }
            came = from.try_recv().ok();
        }
    }

    /// Whether the run's own exchange is gone together with the run.
    fn is_deserted(&self) -> bool {
        let gone = read_run(&self.plan.run)
            .is_none_or(|run| !Path::new("/proc").join(run.pid.to_string()).exists());
        gone && ask_venue(&self.plan.http, &Query::Meta).is_err()
    }

    /// Whether it is over.
    fn carry_out(&mut self, http: &Http) -> bool {
        while let Some(todo) = self.sentinel.next_todo() {
            match todo {
                Todo::Keep(kept) => {
                    if self.file.keep(&kept).is_err() {
                        self.sentinel.not_kept();
                    }
                }
                Todo::Ask { id, path, body } => {
                    let path = path.as_str();
                    http.ask(Ask { id, path, body, timeout: HTTP_PATIENCE });
                }
                Todo::Report(kind, about) => {
                    self.write(&Line { kind, time_ns: system_ns(), about });
                }
                Todo::End => {
                    let about = serde_json::json!({});
                    self.write(&Line { kind: "ended", time_ns: system_ns(), about });
                    return true;
                }
            }
        }
        false
    }

    fn write(&mut self, line: &Line) {
        if self.report.append(line).is_err() {
            self.sentinel.not_kept();
        }
    }
}

fn answer(to: &Mutex<mpsc::Sender<Inbound>>, line: &str) -> String {
    let (back, answer) = mpsc::sync_channel(1);
    let asked = Inbound::Asked(line.to_owned(), back);
    let sent = to.lock().unwrap_or_else(PoisonError::into_inner).send(asked).is_ok();
    let said = sent.then(|| answer.recv_timeout(Duration::from_secs(2)).ok()).flatten();
    said.unwrap_or_else(|| {
        serde_json::json!({ "error": "the sentinel does not answer" }).to_string()
    })
}

/// Exchange beats with the run, on one connection for as long as it lasts.
fn beats(folder: &Path, said: &Mutex<Said>, to: &mpsc::Sender<Inbound>) {
    loop {
        let run = read_run(folder);
        let ended = run.as_ref().is_none_or(|run| run.ended_ns.is_some());
        let stream = run.and_then(|run| UnixStream::connect(run.socket).ok());
        if let Some(stream) = stream {
            // However it ended, it is connected anew.
            let _over = converse(&stream, said, to);
        }
        if to.send(Inbound::Unheard { ended }).is_err() {
            return;
        }
        std::thread::sleep(BEAT_EVERY);
    }
}

fn converse(stream: &UnixStream, said: &Mutex<Said>, to: &mpsc::Sender<Inbound>) -> io::Result<()> {
    stream.set_read_timeout(Some(RECONNECT))?;
    stream.set_write_timeout(Some(RECONNECT))?;
    let mut lines = BufReader::new(stream);
    loop {
        let own = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut request = beat::request(&own);
        request.push('\n');
        (&*stream).write_all(request.as_bytes())?;
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(beat) = beat::parse(&line) {
            let goodbye = beat.goodbye;
            if to.send(Inbound::Beat(beat)).is_err() || goodbye {
                return Ok(());
            }
        }
        std::thread::sleep(BEAT_EVERY);
    }
}

/// Release the latch of a sentinel that does not run. The account was read and is flat, says the
/// caller, and worth this much at this time of the venue in milliseconds.
///
/// # Errors
///
/// [`StartError`] when a sentinel runs there, and when it cannot be kept.
pub fn release(run: &Path, worth: i128, venue_ms: i64) -> Result<(), StartError> {
    let folder = run.join(FOLDER);
    let _lock = lock(&folder)?;
    let reason = stand(run).refuses();
    let file = KeptFile::new(run).map_err(in_file(&folder))?;
    let (mut report, _) = Report::open(&folder).map_err(in_file(&folder))?;
    let kept = Kept { peak: Some((worth, worth, venue_ms)), ..Kept::default() };
    file.keep(&kept).map_err(in_file(&folder))?;
    let about = serde_json::json!({ "reason": reason, "by": "a person, while no sentinel ran" });
    let line = Line { kind: "released", time_ns: system_ns(), about };
    report.append(&line).map_err(in_file(&folder))
}
