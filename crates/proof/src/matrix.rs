//! The whole matrix: planned, run on several threads, the same result whatever their number.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::cell::{Cell, Stage, assumed, tape};
use crate::judge::Outcome;
use crate::plan::{Quad, plan};
use crate::predecessor::{Case, case, is_its_market};
use crate::quiet::{FalseTrip, Sensible, chosen, run as run_quiet};
use crate::setup::{ProofError, Scale, Setup};
use crate::source::{Source, load};
use crate::strategies::Bad;
use crate::summary::summary;
use crate::windows::{Class, Window, crashes, synthetic};

/// Something to run.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// Cells of one window, from here to there in the plan.
    Cells(usize, usize),
    Quiet(usize, Sensible),
    Predecessor(usize),
}

/// What a job came to.
enum Done {
    Cells(Vec<(Cell, Outcome)>),
    /// By profile: hours and trips.
    Quiet(Vec<(f64, Vec<FalseTrip>)>),
    Predecessor(Case),
}

/// What there is to run, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// Crash windows found in recorded bars.
    pub recorded: usize,
    /// Made windows.
    pub made: usize,
    /// Cells that will be run, profiles included.
    pub cells: usize,
    /// Cells that there are, profiles included.
    pub total: usize,
}

/// Everything that a proof came to, in the order of the plan.
pub(crate) struct Results {
    pub(crate) cells: Vec<(Cell, Outcome)>,
    /// By profile.
    pub(crate) quiet: Vec<(f64, Vec<FalseTrip>)>,
    pub(crate) quiet_total_h: f64,
    pub(crate) case: Option<Case>,
}

/// The matrix.
pub struct Matrix {
    setup: Setup,
    windows: Vec<Window>,
    quads: Vec<Quad>,
    total_quads: usize,
    quiet: Vec<Window>,
    quiet_total_h: f64,
    jobs: Vec<Job>,
    done: Vec<Option<Done>>,
    next: usize,
}

/// Cells of one window that one thread runs at a time.
const TOGETHER: usize = 16;

impl Matrix {
    /// Read the recordings, find the windows, plan the cells.
    ///
    /// # Errors
    ///
    /// [`ProofError`]: a recording cannot be read, a profile makes no sense.
    pub fn new(setup: Setup) -> Result<Self, ProofError> {
        if setup.profiles.len() < 2 {
            let reason = "a proof compares profiles with the absence of protection: name two";
            return Err(ProofError::Setup(reason.to_owned()));
        }
        for profile in &setup.profiles {
            profile.check()?;
        }
        let mut sources: Vec<Source> = Vec::new();
        for source in &setup.sources {
            sources.extend(load(source)?);
        }
        let mut windows = synthetic();
        windows.extend(sources.iter().flat_map(crashes));
        let (mut quiet, quiet_total_h) = chosen(&sources, setup.scale, setup.seed);
        let mut scale = setup.scale;
        if let Some(wanted) = &setup.window {
            windows.retain(|window| window.name.contains(wanted.as_str()));
            quiet.clear();
            scale = Scale::Full;
        }
        if windows.is_empty() {
            return Err(ProofError::Setup("there is no window of that name".to_owned()));
        }
        let (quads, total_quads) = plan(&windows, scale, setup.seed);
        let jobs = jobs(&quads, &quiet, &windows);
        let done = jobs.iter().map(|_| None).collect();
        Ok(Self { setup, windows, quads, total_quads, quiet, quiet_total_h, jobs, done, next: 0 })
    }

    /// What there is to run.
    pub fn spec(&self) -> Spec {
        let profiles = self.setup.profiles.len();
        let made = self.windows.iter().filter(|it| it.class == Class::Synthetic).count();
        Spec {
            recorded: self.windows.len() - made,
            made,
            cells: self.quads.len() * profiles,
            total: self.total_quads * profiles,
        }
    }

    /// The windows.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The part that is done, 0 to 1.
    pub fn progress(&self) -> f64 {
        self.next as f64 / self.jobs.len().max(1) as f64
    }

    /// Run some more jobs. Whether there is more.
    ///
    /// # Errors
    ///
    /// [`ProofError::Cell`] naming the cell that could not be run.
    pub fn step(&mut self, jobs: usize) -> Result<bool, ProofError> {
        let until = self.next.saturating_add(jobs.max(1)).min(self.jobs.len());
        let place = AtomicUsize::new(self.next);
        let found: Mutex<Vec<(usize, Result<Done, ProofError>)>> = Mutex::new(Vec::new());
        let this = &*self;
        std::thread::scope(|scope| {
            for _ in 0..this.setup.threads.max(1) {
                scope.spawn(|| {
                    loop {
                        let at = place.fetch_add(1, Ordering::Relaxed);
                        if at >= until {
                            return;
                        }
                        let outcome = this.run(this.jobs[at]);
                        if let Ok(mut found) = found.lock() {
                            found.push((at, outcome));
                        }
                    }
                });
            }
        });
        let found = found.into_inner().unwrap_or_default();
        for (at, outcome) in found {
            self.done[at] = Some(outcome?);
        }
        self.next = until;
        Ok(self.next < self.jobs.len())
    }

    fn run(&self, job: Job) -> Result<Done, ProofError> {
        let Setup { profiles, seed, cash, .. } = &self.setup;
        match job {
            Job::Cells(from, to) => self.cells(&self.quads[from..to]),
            Job::Quiet(at, strategy) => {
                let protected = &profiles[..profiles.len() - 1];
                let window = &self.quiet[at];
                let each = protected
                    .iter()
                    .map(|profile| run_quiet(window, strategy, profile, *seed, *cash));
                Ok(Done::Quiet(each.collect::<Result<_, _>>()?))
            }
            Job::Predecessor(at) => {
                Ok(Done::Predecessor(case(&self.windows[at], profiles, *seed, *cash)?))
            }
        }
    }

    fn cells(&self, quads: &[Quad]) -> Result<Done, ProofError> {
        let mut done = Vec::with_capacity(quads.len() * self.setup.profiles.len());
        let Some(first) = quads.first() else { return Ok(Done::Cells(done)) };
        let window = &self.windows[first.window];
        let words = tape(window)?;
        // The same yardstick for all, that of the first profile.
        let assumed = assumed(&self.setup.profiles[0], window);
        for quad in quads {
            let Quad { window: at, strategy, fault, path } = *quad;
            // The same market, latencies and draws for every profile.
            let seed = mix(self.setup.seed, &window.name, quad);
            let cash = self.setup.cash;
            let stage = Stage { window, tape: &words, cash, seed, assumed };
            for (profile, limits) in self.setup.profiles.iter().enumerate() {
                let outcome = stage.run(Bad::new(strategy, seed), fault, path, limits)?;
                done.push((Cell { window: at, strategy, fault, path, profile }, outcome));
            }
        }
        Ok(Done::Cells(done))
    }

    /// What came out, as JSON. Everything has to have been run.
    ///
    /// # Errors
    ///
    /// [`ProofError::Setup`] when something has not.
    pub fn finish(self) -> Result<Value, ProofError> {
        let protected = self.setup.profiles.len() - 1;
        let mut results = Results {
            cells: Vec::new(),
            quiet: vec![(0.0, Vec::new()); protected],
            quiet_total_h: self.quiet_total_h,
            case: None,
        };
        for done in self.done {
            match done {
                Some(Done::Cells(cells)) => results.cells.extend(cells),
                Some(Done::Quiet(each)) => {
                    for (sum, (hours, trips)) in results.quiet.iter_mut().zip(each) {
                        sum.0 += hours;
                        sum.1.extend(trips);
                    }
                }
                Some(Done::Predecessor(case)) => results.case = Some(case),
                None => return Err(ProofError::Setup("the matrix was not run to its end".into())),
            }
        }
        Ok(summary(&self.setup, &self.windows, self.total_quads, &results))
    }
}

fn mix(seed: u64, window: &str, quad: &Quad) -> u64 {
    let text = format!(
        "{seed} {} {} {} {}",
        window,
        quad.strategy.as_str(),
        quad.fault.as_str(),
        quad.path.as_str()
    );
    let hash = blake3::hash(text.as_bytes());
    hash.as_bytes()[..8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn jobs(quads: &[Quad], quiet: &[Window], windows: &[Window]) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut from = 0;
    for at in 1..=quads.len() {
        let ends =
            at == quads.len() || quads[at].window != quads[from].window || at - from == TOGETHER;
        if ends {
            jobs.push(Job::Cells(from, at));
            from = at;
        }
    }
    for at in 0..quiet.len() {
        jobs.extend(Sensible::ALL.map(|strategy| Job::Quiet(at, strategy)));
    }
    jobs.extend(windows.iter().position(is_its_market).map(Job::Predecessor));
    jobs
}
