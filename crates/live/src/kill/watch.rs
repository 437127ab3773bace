//! The thread that looks out for kills from outside: a file that somebody puts into the state
//! folder, and signals. It takes no lock of Python's, and writes nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use flyball_core::domain::Scope;
use signal_hook::SigId;
use signal_hook::consts::{SIGTERM, SIGUSR1};

use crate::kill::{Killed, Killer, Names};

/// A file of this name in the state folder kills. What stands in it may name a scope.
pub const KILL_FILE: &str = "KILL";

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long whoever asked for an orderly end waits before it becomes a kill.
const ORDERLY_END: Duration = Duration::from_secs(3);
/// A scope is no longer than this.
const MAX_SCOPE: usize = 256;

/// The signals that a run hears. `SIGUSR1` kills. `SIGTERM` asks for an orderly end, which is
/// Python's business; when that has not begun after three seconds, it kills.
#[derive(Debug)]
pub struct Signals {
    kill: Arc<AtomicBool>,
    end: Arc<AtomicBool>,
    ids: Vec<SigId>,
}

impl Signals {
    /// Hear `SIGUSR1`, and `SIGTERM` where somebody else handles that as well: a process that ends
    /// by it must go on doing so.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the system does not allow it.
    pub fn hear(end_too: bool) -> io::Result<Self> {
        let mut heard = Self {
            kill: Arc::new(AtomicBool::new(false)),
            end: Arc::new(AtomicBool::new(false)),
            ids: Vec::new(),
        };
        heard.ids.push(signal_hook::flag::register(SIGUSR1, Arc::clone(&heard.kill))?);
        if end_too {
            heard.ids.push(signal_hook::flag::register(SIGTERM, Arc::clone(&heard.end))?);
        }
        Ok(heard)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// The thread, from outside.
#[derive(Debug)]
pub struct Watch {
    over: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Look out for the kill file in `folder`, and for these signals.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the system gives no thread.
    pub fn start(folder: &Path, killer: Killer, signals: Option<Signals>) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::new(AtomicBool::new(false));
        let watching = Watching {
            path: folder.join(KILL_FILE),
            seen: stamp(&folder.join(KILL_FILE)),
            killer,
            signals,
            asked: None,
            over: Arc::clone(&over),
            ends: Arc::clone(&ends),
        };
        let thread = std::thread::Builder::new()
            .name("flyball-watch".into())
            .spawn(move || watching.run())?;
        Ok(Self { over, ends, thread: Some(thread) })
    }

    /// The run ends in order: whoever asked for it needs no kill. The rest is looked out for still.
    pub fn ends(&self) {
        self.ends.store(true, Ordering::Release);
    }

    /// Look no more.
    pub fn stop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

/// When a file was changed last, and its length; `None` while it is not there.
type Stamp = Option<(Option<SystemTime>, u64)>;

fn stamp(path: &Path) -> Stamp {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.modified().ok(), found.len()))
}

struct Watching {
    path: PathBuf,
    seen: Stamp,
    killer: Killer,
    signals: Option<Signals>,
    /// When an orderly end was asked for.
    asked: Option<Instant>,
    over: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
}

impl Watching {
    fn run(mut self) {
        while !self.over.load(Ordering::Acquire) {
            self.look_for_file();
            self.look_for_signals();
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn look_for_file(&mut self) {
        let now = stamp(&self.path);
        if now == self.seen {
            return;
        }
        self.seen = now;
        if now.is_some() {
            let (scope, why) = wanted(&self.path, self.killer.names());
            self.killer.kill(scope, "file", &why);
        }
    }

    fn look_for_signals(&mut self) {
        let Some(signals) = &self.signals else { return };
        if signals.kill.swap(false, Ordering::AcqRel) {
            self.killer.kill(Scope::All, "signal:SIGUSR1", "the process got SIGUSR1");
        }
        if signals.end.swap(false, Ordering::AcqRel) && self.asked.is_none() {
            self.asked = Some(Instant::now());
        }
        let waited = self.asked.is_some_and(|then| then.elapsed() >= ORDERLY_END);
        if waited && !self.ends.load(Ordering::Acquire) {
            self.asked = None;
            let why = "the process got SIGTERM, and did not begin to end";
            self.killer.kill(Scope::All, "signal:SIGTERM", why);
        }
    }
}

/// What the kill file says. What is not understood means everything.
fn wanted(path: &Path, names: &Names) -> (Scope, String) {
    let said = fs::read(path).unwrap_or_default();
    let text = said.get(..said.len().min(MAX_SCOPE)).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    let there = format!("{} is there", path.display());
    if text.is_empty() {
        return (Scope::All, there);
    }
    match names.scope(text) {
        Ok(scope) => (scope, format!("{there} and says {text}")),
        Err(error) => (Scope::All, format!("{there}, and what it says is not understood: {error}")),
    }
}

/// The kill that a file means that is there when a run begins.
pub fn at_start(folder: &Path, names: &Names, now_ns: i64) -> Option<Killed> {
    let path = folder.join(KILL_FILE);
    stamp(&path)?;
    let (scope, why) = wanted(&path, names);
    Some(Killed {
        scope: names.words(scope),
        trigger: "file".to_owned(),
        time_ns: now_ns,
        why,
        number: 0,
    })
}
