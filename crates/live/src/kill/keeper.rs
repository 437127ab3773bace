//! The thread that keeps what must outlive the process: kills, and the reports of flattens. It
//! waits for the disk so that nobody else has to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::kill::file::{KillFile, Killed};
use crate::report::{Draft, Reports};

const TRY_AGAIN: Duration = Duration::from_millis(200);
/// At the end of a run the disk gets this many more chances.
const LAST_TRIES: u32 = 10;

/// What is to be kept.
#[derive(Debug)]
pub enum Note {
    /// Something was killed. Whoever waits is told when it is on the disk.
    Killed(Killed, Option<Sender<()>>),
    /// An operator released these scopes; kills with a later number stay.
    Released {
        /// Which, in words.
        scopes: Vec<String>,
        /// The newest kill that the engine had taken in.
        number: u64,
    },
    /// A switch was released.
    SwitchReleased {
        /// What had killed: `switch:…`.
        trigger: String,
    },
    /// A flatten ended, or is late.
    Flatten(Box<Draft>),
    /// The run ends.
    Stop,
}

/// What is kept, for those who look on.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    killed: Arc<Mutex<Vec<Killed>>>,
    failing: Arc<AtomicBool>,
}

impl Kept {
    /// What was killed and not released.
    pub fn killed(&self) -> Vec<Killed> {
        self.killed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it, or a report, cannot be written.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    fn put(&self, killed: &[Killed]) {
        let mut place = self.killed.lock().unwrap_or_else(PoisonError::into_inner);
        killed.clone_into(&mut place);
    }
}

/// The thread, from outside.
#[derive(Debug)]
pub struct Keeper {
    to: Sender<Note>,
    kept: Kept,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Keep kills in `file`, which holds `killed` now, and reports where `reports` says.
    ///
    /// # Errors
    ///
    /// [`std::io::Error`] when the system gives no thread.
    pub fn start(file: KillFile, killed: Vec<Killed>, reports: Reports) -> std::io::Result<Self> {
        let (to, from) = mpsc::channel();
        let kept = Kept::default();
        kept.put(&killed);
        let shared = kept.clone();
        let keeping = Keeping { file, killed, reports, from, kept: shared, dirty: false };
        let thread = std::thread::Builder::new()
            .name("flyball-keeper".into())
            .spawn(move || keeping.run())?;
        Ok(Self { to, kept, thread: Some(thread) })
    }

    /// Where notes go.
    pub fn notes(&self) -> Sender<Note> {
        self.to.clone()
    }

    /// What is kept.
    pub fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// Keep what came until now, and end.
    pub fn stop(&mut self) {
        let _sent = self.to.send(Note::Stop);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Keeping {
    file: KillFile,
    killed: Vec<Killed>,
    reports: Reports,
    from: Receiver<Note>,
    kept: Kept,
    /// Whether the file is behind.
    dirty: bool,
}

impl Keeping {
    fn run(mut self) {
        let mut waiting: Vec<Sender<()>> = Vec::new();
        loop {
            let note = if self.dirty {
                self.from.recv_timeout(TRY_AGAIN)
            } else {
                self.from.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            let mut drafts = Vec::new();
            let mut next = match note {
                Ok(note) => Some(note),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.last(),
            };
            while let Some(note) = next {
                match note {
                    Note::Stop => {
                        self.report(drafts);
                        return self.last();
                    }
                    Note::Flatten(draft) => drafts.push(*draft),
                    other => self.take(other, &mut waiting),
                }
                next = self.from.try_recv().ok();
            }
            if self.write() {
                for one in waiting.drain(..) {
                    // Whoever waited may have gone.
                    let _told = one.send(());
                }
            }
            self.report(drafts);
        }
    }

    fn take(&mut self, note: Note, waiting: &mut Vec<Sender<()>>) {
        match note {
            Note::Killed(killed, kept) => {
                let same = |it: &Killed| it.scope == killed.scope && it.trigger == killed.trigger;
                self.killed.retain(|it| !same(it));
                self.killed.push(killed);
                waiting.extend(kept);
            }
            Note::Released { scopes, number } => {
                let gone = |it: &Killed| {
                    let switch = it.trigger.starts_with("switch:");
                    !switch && it.number <= number && scopes.contains(&it.scope)
                };
                self.killed.retain(|it| !gone(it));
            }
            Note::SwitchReleased { trigger } => self.killed.retain(|it| it.trigger != trigger),
            Note::Flatten(_) | Note::Stop => return,
        }
        self.kept.put(&self.killed);
        self.dirty = true;
    }

    fn write(&mut self) -> bool {
        if self.dirty {
            self.dirty = self.file.write(&self.killed).is_err();
            self.kept.failing.store(self.dirty, Ordering::Relaxed);
        }
        !self.dirty
    }

    fn report(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            if self.reports.write(draft).is_err() {
                self.kept.failing.store(true, Ordering::Relaxed);
            }
        }
    }

    fn last(mut self) {
        for _ in 0..LAST_TRIES {
            if self.write() {
                return;
            }
            std::thread::sleep(TRY_AGAIN);
        }
    }
}
