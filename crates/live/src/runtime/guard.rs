//! The run's side of its sentinel: the beats that the engine's thread writes for it, what it says of
//! itself, and whether it is missing.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flyball_core::domain::{Instrument, MILLISECOND, SECOND, SentinelState};
use flyball_core::engine::Engine;
use flyball_core::risk::Mode;
use serde::Serialize;

use crate::sentinel::beat::{Beat, Said, Wish};

/// The engine's thread writes a beat this often, by the machine's clock.
pub(super) const BEAT_EVERY: Duration = Duration::from_millis(50);
pub(super) const BEAT_EVERY_NS: i64 = 50 * MILLISECOND;
/// A sentinel that was not heard for longer is missing.
const LOST_NS: i64 = 3 * SECOND;
/// A thread that did not run for as long does not know what happened meanwhile: the sentinel is
/// missing until it is heard again.
const HELD_UP_NS: i64 = 500 * MILLISECOND;
/// A run that ended in order waits this long for the sentinel to hear of it.
const GOODBYE: Duration = Duration::from_secs(1);
/// A sentinel that ended is started again after this, and later each time in a row.
const RESTART: Duration = Duration::from_millis(200);
const MOST_RESTART: Duration = Duration::from_secs(10);

/// What the sentinel said last, and when, by the machine's monotonic clock.
#[derive(Clone, Debug)]
struct Heard {
    at_ns: i64,
    said: Said,
}

/// What the run's threads share about its sentinel.
#[derive(Debug)]
pub struct Pulse {
    expected: bool,
    began: Instant,
    beat: Mutex<Beat>,
    heard: Mutex<Option<Heard>>,
    goodbye_heard: AtomicBool,
    starts: AtomicU64,
}

/// How the sentinel is doing, as the run knows it.
#[derive(Clone, Debug, Serialize)]
pub struct SentinelStatus {
    /// Whether the run has one.
    pub expected: bool,
    /// Milliseconds since it was heard; none when it never was.
    pub heard_ms: Option<i64>,
    /// How often its process was started by the run.
    pub starts: u64,
    /// What it said last.
    pub said: Option<Said>,
}

impl Pulse {
    /// Of a run that began at `run` (its name in beats) and has a sentinel, or has none.
    pub fn new(expected: bool, run: i64) -> Arc<Self> {
        Arc::new(Self {
            expected,
            began: Instant::now(),
            beat: Mutex::new(Beat { run, ..Beat::default() }),
            heard: Mutex::new(None),
            goodbye_heard: AtomicBool::new(false),
            starts: AtomicU64::new(0),
        })
    }

    /// The machine's monotonic clock, from the run's beginning.
    pub(super) fn now_ns(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// The engine's thread says how the engine is.
    pub(super) fn write(&self, engine: &Engine, time_ns: i64) {
        let portfolio = engine.portfolio();
        let equity = portfolio.equity();
        let all = engine.instruments();
        let held =
            all.iter().map(|it| (it.symbol().as_str().to_owned(), portfolio.qty(it.id()).lots()));
        let any = |what: &dyn Fn(&Instrument) -> bool| all.iter().any(what);
        let closing = engine.is_flattening() || any(&|it| engine.closing(it.id()).is_some());
        let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        *beat = Beat {
            run: beat.run,
            sequence: beat.sequence.saturating_add(1),
            time_ns,
            equity: (!equity.is_unknown()).then(|| equity.units()),
            account_known: engine.account_known(),
            killed: any(&|it| engine.mode(it.id()) == Mode::Killed),
            closing,
            held: held.collect(),
            goodbye: false,
        };
    }

    /// The sentinel's beat came over the control socket; the engine's goes back.
    pub fn answer(&self, said: Said) -> Beat {
        let heard = Heard { at_ns: self.now_ns(), said };
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
        let beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if beat.goodbye {
            self.goodbye_heard.store(true, Ordering::Relaxed);
        }
        beat
    }

    fn heard(&self) -> Option<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the sentinel is doing.
    pub fn status(&self) -> SentinelStatus {
        let heard = self.heard();
        let now = self.now_ns();
        SentinelStatus {
            expected: self.expected,
            heard_ms: heard.as_ref().map(|it| now.saturating_sub(it.at_ns) / MILLISECOND),
            starts: self.starts.load(Ordering::Relaxed),
            said: heard.map(|it| it.said),
        }
    }

    /// The run ended in order: say so, and wait until the sentinel has heard it.
    pub(super) fn goodbye(&self) {
        {
            let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
            beat.sequence = beat.sequence.saturating_add(1);
            beat.goodbye = true;
        }
        let began = Instant::now();
        while self.heard().is_some()
            && !self.goodbye_heard.load(Ordering::Relaxed)
            && began.elapsed() < GOODBYE
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What the engine's thread is to do about the sentinel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is something else to us than before.
    Tell(SentinelState),
    /// It wants everything stopped and closed.
    Kill,
}

/// Whether the sentinel is missing, as the engine's thread sees it. Knows time as an argument.
#[derive(Clone, Copy, Debug)]
pub struct Guarded {
    expected: bool,
    told: SentinelState,
    looked_ns: i64,
    /// What was heard before counts no more: this thread stood still since.
    void_ns: i64,
}

impl Guarded {
    /// Of a run that has a sentinel, or has none.
    pub const fn new(expected: bool) -> Self {
        Self { expected, told: SentinelState::Watching, looked_ns: 0, void_ns: -1 }
    }

    /// To be asked before anything is taken in. `killed`: whether trading is stopped already.
    pub fn look(&mut self, heard: Option<(i64, Wish)>, killed: bool, now_ns: i64) -> Option<Step> {
        if now_ns.saturating_sub(self.looked_ns) > HELD_UP_NS {
            self.void_ns = now_ns;
        }
        self.looked_ns = now_ns;
        if !self.expected && heard.is_none() {
            return None;
        }
        let fresh = heard
            .filter(|(at_ns, _)| *at_ns > self.void_ns && now_ns.saturating_sub(*at_ns) <= LOST_NS);
        let state = match fresh {
            None => SentinelState::Lost,
            Some((_, Wish::Kill)) if !killed => return Some(Step::Kill),
            Some((_, Wish::Nothing)) => SentinelState::Watching,
            Some(_) => SentinelState::Restrains,
        };
        if state == self.told {
            return None;
        }
        self.told = state;
        Some(Step::Tell(state))
    }
}

impl Pulse {
    pub(super) fn wish(&self) -> Option<(i64, Wish)> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.as_ref().map(|it| (it.at_ns, it.said.wish))
    }

    pub(super) const fn is_expected(&self) -> bool {
        self.expected
    }
}

/// How a sentinel's process is started. Nothing prints what it reads: its key stands there.
#[derive(Clone)]
pub struct Launch {
    /// The programme and its arguments.
    pub command: Vec<String>,
    /// What it reads from its standard input.
    pub input: String,
    /// Where what it says goes.
    pub log: PathBuf,
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launch").field("command", &self.command).finish_non_exhaustive()
    }
}

impl Launch {
    fn start(&self) -> std::io::Result<Child> {
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or_else(|| std::io::Error::other("the sentinel's command is empty"))?;
        let log: File = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(self.input.as_bytes())?;
        }
        Ok(child)
    }
}

/// Starts a sentinel's process, and starts it again when it ends before the run. A thread that
/// needs nothing of Python's.
#[derive(Debug)]
pub struct Supervisor {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Begin.
    ///
    /// # Errors
    ///
    /// [`std::io::Error`] when the system gives no thread.
    pub fn start(launch: Launch, pulse: Arc<Pulse>) -> std::io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let named = std::thread::Builder::new().name("flyball-guard".into());
        let thread = named.spawn(move || supervise(&launch, &pulse, &ended))?;
        Ok(Self { over, thread: Some(thread) })
    }

    /// Start it no more. A sentinel that heard of the run's end ends by itself.
    pub fn stop(mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn supervise(launch: &Launch, pulse: &Pulse, over: &AtomicBool) {
    let mut wait = RESTART;
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        if let Ok(mut child) = launch.start() {
            pulse.starts.fetch_add(1, Ordering::Relaxed);
            while !matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                if over.load(Ordering::Relaxed) {
                    // It is given a moment, so that it leaves no dead entry behind.
                    for _ in 0..40 {
                        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                            return;
                        }
                        std::thread::sleep(Duration::from_millis(25));
                    }
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        wait = if began.elapsed() > MOST_RESTART { RESTART } else { (wait * 2).min(MOST_RESTART) };
        let until = Instant::now() + wait;
        while Instant::now() < until && !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: i64 = 50 * MILLISECOND;

    #[test]
    fn a_sentinel_that_is_not_heard_for_too_long_is_lost_until_it_is_heard() {
        let mut guarded = Guarded::new(true);
        assert_eq!(guarded.look(None, false, TICK), Some(Step::Tell(SentinelState::Lost)));
        let heard = |at| Some((at, Wish::Nothing));
        assert_eq!(
            guarded.look(heard(TICK), false, 2 * TICK),
            Some(Step::Tell(SentinelState::Watching))
        );
        let mut at = 2 * TICK;
        while at < TICK + LOST_NS {
            at += TICK;
            assert_eq!(guarded.look(heard(TICK), false, at), None);
        }
        let lost = Some(Step::Tell(SentinelState::Lost));
        assert_eq!(guarded.look(heard(TICK), false, TICK + LOST_NS + 1), lost);
    }

    #[test]
    fn a_thread_that_stood_still_trusts_nothing_that_it_heard_before() {
        let mut guarded = Guarded::new(true);
        let heard = |at| Some((at, Wish::Nothing));
        guarded.look(heard(1), false, TICK);
        guarded.look(heard(1), false, 2 * TICK);
        let wakes = 2 * TICK + HELD_UP_NS + 1;
        let lost = Some(Step::Tell(SentinelState::Lost));
        assert_eq!(guarded.look(heard(2 * TICK), false, wakes), lost, "not three seconds yet");
        let back = Some(Step::Tell(SentinelState::Watching));
        assert_eq!(guarded.look(heard(wakes + 1), false, wakes + TICK), back);
    }

    #[test]
    fn what_it_wants_is_done_and_a_kill_again_whenever_it_was_released() {
        let mut guarded = Guarded::new(true);
        let said = |wish| Some((TICK, wish));
        assert_eq!(guarded.look(said(Wish::Kill), false, TICK), Some(Step::Kill));
        let restrains = Some(Step::Tell(SentinelState::Restrains));
        assert_eq!(guarded.look(said(Wish::Kill), true, TICK), restrains);
        assert_eq!(
            guarded.look(said(Wish::Kill), false, 2 * TICK),
            Some(Step::Kill),
            "not un-killed"
        );
        let watching = Some(Step::Tell(SentinelState::Watching));
        assert_eq!(guarded.look(said(Wish::Nothing), true, 2 * TICK), watching);
        assert_eq!(guarded.look(said(Wish::ReduceOnly), false, 2 * TICK), restrains);
    }

    #[test]
    fn a_run_without_a_sentinel_misses_none_and_heeds_one_that_comes() {
        let mut guarded = Guarded::new(false);
        assert_eq!(guarded.look(None, false, 100 * SECOND), None);
        let said = Some((100 * SECOND + 1, Wish::Kill));
        assert_eq!(guarded.look(said, false, 100 * SECOND + 2), Some(Step::Kill));
    }
}
