//! A live run, started and watched from Python. Its own threads never take the GIL; a strategy's
//! thread takes it only while the strategy decides.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use serde::Deserialize;

use flyball_core::domain::{
    Decimal, Fees, Operator, Rate, Restrainer, Restraint, Scope, StrategyId, SwitchName,
};
use flyball_core::engine::EngineConfig;
use flyball_core::strategy::Draft;
use flyball_live::Clock;
use flyball_live::io::{Endpoints, Reach};
use flyball_live::kill::{KILL_FILE, Killer};
use flyball_live::mailbox::{Answer, Letters};
use flyball_live::report::{Verified, verify};
use flyball_live::runtime::{
    Control, Input, Launch, Patience, Plan, Run, StartError, Watcher, ask_control, listing,
    status_json,
};
use flyball_live::sentinel::beat::Said;
use flyball_live::sentinel::settings::WEIGHT_A_MINUTE as SENTINEL_WEIGHT;
use flyball_live::session::WEIGHT_A_MINUTE;
use flyball_venues::hyperliquid::sign::{Address, Network, SigningKey};

use crate::errors::{Kind, raise};
use crate::strategies::Strategy;
use crate::view::View;

/// What Python says of a run, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "settings")]
struct LivePlan {
    http: String,
    websocket: String,
    mainnet: bool,
    user: String,
    folder: PathBuf,
    engine: EngineConfig,
    numbers: Vec<u32>,
    /// The clock: system time at its anchor, what it showed then, how fast it runs.
    clock: Option<(i64, i64, u32)>,
    strategies: Vec<(String, usize)>,
    deadline_ns: i64,
    late_is_reduce_only: bool,
    expires_ns: i64,
    answer_ns: i64,
    adopt_positions: bool,
    cancel_foreign: bool,
    guarded: bool,
    seed: u64,
}

pub(crate) fn start_error(error: &StartError) -> PyErr {
    let kind = match error {
        StartError::Recover(_) | StartError::Journal(_) => Kind::Journal,
        StartError::Venue { .. } => Kind::Data,
        _ => Kind::Config,
    };
    raise(kind, error)
}

/// A live run.
#[pyclass(module = "flyball._core", frozen)]
pub(crate) struct LiveRun {
    run: Mutex<Option<Run>>,
    letters: Vec<Letters>,
    strategies: Vec<Mutex<Option<Strategy>>>,
    control: Mutex<Option<Control>>,
    operators: Operators,
    answers: Reach<Input>,
    folder: PathBuf,
}

#[pymethods]
impl LiveRun {
    /// Start a run: connects, reads the account, and trades once it is known.
    #[new]
    fn new(
        py: Python<'_>,
        plan: &str,
        key: &str,
        strategies: Vec<(String, Py<PyAny>, Py<View>, bool)>,
    ) -> PyResult<Self> {
        let plan: LivePlan =
            serde_json::from_str(plan).map_err(|error| raise(Kind::Config, error))?;
        let user = Address::parse(&plan.user)
            .map_err(|error| raise(Kind::Config, format!("account: {error}")))?;
        let key =
            SigningKey::parse(key).map_err(|error| raise(Kind::Config, format!("key: {error}")))?;
        let clock = plan.clock.map_or(Clock::SYSTEM, |(anchor_ns, start_ns, speed)| {
            Clock::scaled(anchor_ns, start_ns, speed)
        });
        let state = plan.folder.clone();
        let plan = Plan {
            endpoints: Endpoints { http: plan.http, websocket: plan.websocket },
            network: if plan.mainnet { Network::Mainnet } else { Network::Testnet },
            user,
            key,
            folder: plan.folder,
            engine: plan.engine,
            numbers: plan.numbers,
            clock,
            strategies: plan.strategies,
            patience: Patience {
                deadline_ns: plan.deadline_ns,
                reduce_only: plan.late_is_reduce_only,
            },
            expires_ns: plan.expires_ns,
            answer_ns: plan.answer_ns,
            adopt_positions: plan.adopt_positions,
            cancel_foreign: plan.cancel_foreign,
            // Both ask from the same address.
            weight_per_minute: if plan.guarded {
                WEIGHT_A_MINUTE - SENTINEL_WEIGHT
            } else {
                WEIGHT_A_MINUTE
            },
            guarded: plan.guarded,
            seed: plan.seed,
            build: crate::BUILD.to_owned(),
        };
        let (run, letters) = py.detach(|| Run::start(plan)).map_err(|error| start_error(&error))?;
        let (answers, folder) = (run.inputs(), run.folder().clone());
        let operators = Operators {
            inputs: run.inputs(),
            watcher: run.watcher(),
            killer: run.killer(),
            file: state.join(KILL_FILE),
        };
        let own = |one| Mutex::new(Some(Strategy::new(one)));
        let strategies = strategies.into_iter().map(own).collect();
        Ok(Self {
            run: Mutex::new(Some(run)),
            letters,
            strategies,
            control: Mutex::new(None),
            operators,
            answers,
            folder,
        })
    }

    /// Answer the questions to one strategy until the run ends: on a thread of Python's own.
    fn serve(&self, py: Python<'_>, index: u16) -> PyResult<()> {
        let at = usize::from(index);
        let (Some(letters), Some(strategy)) = (self.letters.get(at), self.strategies.get(at))
        else {
            return Err(raise(Kind::Config, format!("there is no strategy {index}")));
        };
        let id = StrategyId::new(index);
        let gone = Gone { id, answers: &self.answers };
        while let Some(question) = py.detach(|| letters.next()) {
            let Some(reason) = question.reason else { continue };
            let woken_ns = question.woken_ns;
            let mut draft = Draft::default();
            let mut held = strategy.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(asked) = held.as_mut() else {
                return Err(raise(Kind::Strategy, "it is gone already"));
            };
            if let Err(error) = asked.ask(py, reason, &question.view, &mut draft) {
                // Nobody asks it again: what it holds on to is let go.
                *held = None;
                // With what Python knows, instead of what dropping says.
                let what = error.value(py).to_string();
                gone.say(if what.is_empty() { error.to_string() } else { what });
                std::mem::forget(gone);
                return Err(error);
            }
            drop(held);
            letters.give_back(question);
            let answer = Answer::Decided { woken_ns, draft };
            let answers = &self.answers;
            let told = py.detach(|| answers.tell(Input::Answer(id, answer)).is_ok());
            if !told {
                break;
            }
        }
        std::mem::forget(gone);
        Ok(())
    }

    /// Say that a strategy will not answer any more.
    fn lose(&self, py: Python<'_>, index: u16, reason: String) {
        let answer = Answer::Gone { reason };
        let answers = &self.answers;
        py.detach(|| answers.tell(Input::Answer(StrategyId::new(index), answer)).is_ok());
    }

    /// How the run is doing: JSON.
    fn status(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| {
            let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            let run = run.as_mut().ok_or_else(|| raise(Kind::Config, "the run has ended"))?;
            run.keep_up();
            status_json(&run.inputs(), &self.operators.watcher)
                .ok_or_else(|| raise(Kind::Journal, "the engine does not answer"))
        })
    }

    /// Act as an operator: `kill` a scope, `flatten`, `request_reset` and `confirm_reset` a switch,
    /// `request_release` and `confirm_release` a scope, `restrict` to `WHO=SHARE`. Whether a kill is on the disk already.
    #[pyo3(signature = (what, scope=None))]
    fn operate(&self, py: Python<'_>, what: &str, scope: Option<&str>) -> PyResult<bool> {
        py.detach(|| self.operators.act(what, scope, "api"))
            .map_err(|error| raise(Kind::Config, error))
    }

    /// Hear the process's signals: `SIGUSR1` kills; with `end_too` also a `SIGTERM` that nobody
    /// else answers.
    fn hear_signals(&self, end_too: bool) -> PyResult<()> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = run.as_mut().map_or(Ok(()), |run| run.hear_signals(end_too));
        heard.map_err(|error| raise(Kind::Config, format!("signals: {error}")))
    }

    /// Listen for other processes at this path.
    fn listen(&self, path: PathBuf) -> PyResult<()> {
        let operators = self.operators.clone();
        let control = Control::start(&path, move |request| answer(&operators, request));
        let control = control.map_err(|error| {
            raise(Kind::Config, format!("{}: cannot listen there: {error}", path.display()))
        })?;
        if let Ok(mut place) = self.control.lock() {
            *place = Some(control);
        }
        Ok(())
    }

    /// Start a sentinel's process, and start it again whenever it ends before the run. What it
    /// reads from its input holds its key.
    fn guard(&self, command: Vec<String>, line: String, log: PathBuf) -> PyResult<()> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let run = run.as_mut().ok_or_else(|| raise(Kind::Config, "the run has ended"))?;
        let launch = Launch { command, input: line, log };
        run.guard(launch).map_err(|error| raise(Kind::Config, error))
    }

    /// Whether the engine's thread is alive.
    #[getter]
    fn alive(&self) -> bool {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        run.as_ref().is_some_and(Run::is_alive)
    }

    /// Where the journal lies.
    #[getter]
    fn journal(&self) -> PathBuf {
        self.folder.clone()
    }

    /// End the run, flattening first if so wanted. How it ended: JSON.
    fn stop(&self, py: Python<'_>, flatten: bool, patience_s: f64) -> PyResult<String> {
        py.detach(|| {
            let control = self.control.lock().ok().and_then(|mut place| place.take());
            let run = self.run.lock().unwrap_or_else(PoisonError::into_inner).take();
            let run = run.ok_or_else(|| raise(Kind::Config, "the run has ended"))?;
            let patience = Duration::try_from_secs_f64(patience_s).unwrap_or_default();
            let ending = run.stop(flatten, patience);
            drop(control);
            let ending = ending.map_err(|error| raise(Kind::Journal, error))?;
            Ok(serde_json::to_string(&ending).unwrap_or_default())
        })
    }
}

/// Says that a strategy is gone, however its thread ended.
struct Gone<'a> {
    id: StrategyId,
    answers: &'a Reach<Input>,
}

impl Gone<'_> {
    fn say(&self, reason: String) {
        let _ended = self.answers.tell(Input::Answer(self.id, Answer::Gone { reason }));
    }
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.say("its thread ended".to_owned());
    }
}

/// Those who may act on a run, from Python and from other processes.
#[derive(Clone)]
struct Operators {
    inputs: Reach<Input>,
    watcher: Watcher,
    killer: Killer,
    /// The file that kills as long as it is there.
    file: PathBuf,
}

impl Operators {
    /// Do what an operator says, in words. Whether a kill is on the disk.
    fn act(&self, what: &str, scope: Option<&str>, by: &str) -> Result<bool, String> {
        if what == "kill" {
            let scope = self.killer.names().scope(scope.unwrap_or("all"))?;
            return Ok(self.killer.kill(scope, by, "somebody asked for it"));
        }
        if what == "restrict" {
            let restraint = restraint(scope.unwrap_or_default())?;
            let sent = self.inputs.tell(Input::Restraint(restraint));
            return sent.map(|()| true).map_err(|_| "the run has ended".to_owned());
        }
        let operator = self.operator(what, scope)?;
        let releases = !matches!(operator, Operator::Flatten);
        if releases && self.file.exists() {
            return Err(format!("{} is there: remove it first", self.file.display()));
        }
        match self.inputs.tell(Input::Operator(operator)) {
            Ok(()) => Ok(true),
            Err(_) => Err("the run has ended".to_owned()),
        }
    }

    fn operator(&self, what: &str, scope: Option<&str>) -> Result<Operator, String> {
        let release = |scope: &str| match self.killer.names().scope(scope)? {
            Scope::Order(_) => Err("an order that was killed is gone".to_owned()),
            scope => Ok(scope),
        };
        match (what, scope) {
            ("flatten", None) => Ok(Operator::Flatten),
            ("request_reset", Some(name)) => Ok(Operator::RequestReset(switch(name)?)),
            ("confirm_reset", Some(name)) => Ok(Operator::ConfirmReset(switch(name)?)),
            ("request_release", Some(scope)) => Ok(Operator::RequestRelease(release(scope)?)),
            ("confirm_release", Some(scope)) => Ok(Operator::ConfirmRelease(release(scope)?)),
            _ => Err(format!(
                "{what:?} with {scope:?}: kill, flatten, restrict, request_reset, confirm_reset, \
                 request_release, confirm_release"
            )),
        }
    }
}

/// Who wants how much of the risk budget to be used: `operator=0.5`.
fn restraint(text: &str) -> Result<Restraint, String> {
    let wrong = || {
        let names: Vec<&str> = Restrainer::ALL.iter().map(|it| it.as_str()).collect();
        format!("{text:?}: say WHO=SHARE, of 0 to 1; who is {}", names.join(", "))
    };
    let (name, share) = text.split_once('=').ok_or_else(wrong)?;
    let by = Restrainer::ALL.into_iter().find(|it| it.as_str() == name).ok_or_else(wrong)?;
    let share = Decimal::parse(share.as_bytes()).map_err(|_| wrong())?;
    let share = Rate::from_parts(share.at_scale(12).map_err(|_| wrong())?);
    let known = (Rate::ZERO..=Rate::ONE).contains(&share);
    known.then_some(Restraint { by, share }).ok_or_else(wrong)
}

fn switch(name: &str) -> Result<Option<SwitchName>, String> {
    if name == "operator" {
        return Ok(None);
    }
    let found = SwitchName::ALL.into_iter().find(|switch| switch.as_str() == name);
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = SwitchName::ALL.iter().map(|it| it.as_str()).collect();
        format!("{name:?} is no switch: operator, {}", names.join(", "))
    })
}

/// What another process may ask of a run.
#[derive(Deserialize)]
struct Request {
    what: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    sentinel: Option<Said>,
}

fn answer(operators: &Operators, request: &str) -> String {
    let failed = |error: String| serde_json::json!({ "error": error }).to_string();
    let request: Request = match serde_json::from_str(request) {
        Ok(request) => request,
        Err(error) => return failed(error.to_string()),
    };
    if request.what == "status" {
        return status_json(&operators.inputs, &operators.watcher)
            .unwrap_or_else(|| failed("the engine does not answer".to_owned()));
    }
    if let ("beat", Some(said)) = (request.what.as_str(), request.sentinel) {
        return serde_json::to_string(&operators.watcher.pulse().answer(said)).unwrap_or_default();
    }
    match operators.act(&request.what, request.scope.as_deref(), "command") {
        Ok(kept) => serde_json::json!({ "done": request.what, "kept": kept }).to_string(),
        Err(error) => failed(error),
    }
}

/// Verify the report of a flatten: JSON of who signed it, what it says, and whether the report
/// before it is the one that it names.
#[pyfunction]
pub(crate) fn verify_report(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    let verified = py.detach(|| verify(&path)).map_err(|error| raise(Kind::Journal, error))?;
    let Verified { signer, report, chained } = verified;
    Ok(serde_json::json!({"signer": signer, "report": report, "chained": chained}).to_string())
}

/// Ask a run in another process: one line of JSON, and its answer.
#[pyfunction]
pub(crate) fn ask_run(py: Python<'_>, socket: PathBuf, request: &str) -> PyResult<String> {
    py.detach(|| ask_control(&socket, request)).map_err(|error| {
        raise(Kind::Config, format!("{}: no run answers there: {error}", socket.display()))
    })
}

/// The address of a private key, which is what a venue knows it by.
#[pyfunction]
pub(crate) fn key_address(key: &str) -> PyResult<String> {
    let key = SigningKey::parse(key).map_err(|error| raise(Kind::Config, error))?;
    Ok(key.address().to_string())
}

/// The perpetuals of these names as a venue lists them: JSON of their numbers and descriptions.
#[pyfunction]
pub(crate) fn venue_listing(
    py: Python<'_>,
    http: &str,
    coins: Vec<String>,
    fees: &str,
) -> PyResult<String> {
    let fees: Fees = serde_json::from_str(fees).map_err(|error| raise(Kind::Config, error))?;
    let listed = py.detach(|| listing(http, &coins, fees)).map_err(|error| start_error(&error))?;
    Ok(serde_json::to_string(&listed).unwrap_or_default())
}
