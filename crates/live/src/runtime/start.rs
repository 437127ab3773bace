//! Before a run: whose account it is, whether we may trade on it, what it holds, what the last run
//! left. Only then are there threads.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use flyball_core::domain::{ConfigError, Fees, Instrument, Operator};
use flyball_core::engine::{Engine, EngineConfig};
use flyball_data::DataError;
use flyball_data::journal::Journal;
use flyball_venues::Listings;
use flyball_venues::hyperliquid::info::{AccountMode, Role};
use flyball_venues::hyperliquid::sign::{Address, Network, SigningKey};
use flyball_venues::hyperliquid::{Assets, EngineTag, Query, Signer, info, query_body};
use serde::Serialize;

use crate::clock::Clock;
use crate::io::Endpoints;
use crate::kill::{self, KillFile, Killed, Names, Seen};
use crate::outbox::{Outbox, OutboxFile};
use crate::recorder::Recorder;
use crate::recover::{About, RecoverError, Told, recover};
use crate::report::Reports;
use crate::runtime::beside::Patience;
use crate::session::heard::AccountView;
use crate::session::{Ground, Session, Settings, account_view};
use crate::transport::ask_once;

/// A journal's segment is ended at this size.
const SEGMENT_BYTES: u64 = 256 << 20;

/// What a run is made of.
#[derive(Debug)]
pub struct Plan {
    /// Where the venue is.
    pub endpoints: Endpoints,
    /// Which network signatures are for.
    pub network: Network,
    /// The account.
    pub user: Address,
    /// The agent's key: never the account's own.
    pub key: SigningKey,
    /// Where the account's journals and outbox lie.
    pub folder: PathBuf,
    /// What the engine is made of. Its cash is what the venue says.
    pub engine: EngineConfig,
    /// The venue's numbers of its instruments, in their order.
    pub numbers: Vec<u32>,
    /// The clock.
    pub clock: Clock,
    /// Strategies: name, and levels of the book that they see.
    pub strategies: Vec<(String, usize)>,
    /// What is done about strategies that answer late.
    pub patience: Patience,
    /// An action that adds risk is void after this.
    pub expires_ns: i64,
    /// An action without an answer for this long is lost.
    pub answer_ns: i64,
    /// Whether positions that the engine did not open are taken over.
    pub adopt_positions: bool,
    /// Whether orders that are not ours are cancelled.
    pub cancel_foreign: bool,
    /// Weight that may be asked for in a minute.
    pub weight_per_minute: u32,
    /// Whether a sentinel is to watch over the run: while none is heard it takes no new risk.
    pub guarded: bool,
    /// Retries are spread by this.
    pub seed: u64,
    /// The build, for the journal.
    pub build: String,
}

/// Why a run does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another run trades on this account.
    #[error("{0}: another run trades on this account; stop it first (`flyball status` shows it)")]
    Locked(PathBuf),
    /// The venue does not answer.
    #[error("{url} does not answer: {reason}")]
    Venue {
        /// Which.
        url: String,
        /// Why.
        reason: String,
    },
    /// The key is the account's own.
    #[error(
        "the key is the account's own: a run signs with an agent's key, which cannot take money \
         out. Approve an agent for it and give its key"
    )]
    MasterKey,
    /// The key is no agent of the account.
    #[error("the key's address {signer} is no agent of {user} at this venue: {found}")]
    NotAnAgent {
        /// The key's address.
        signer: Address,
        /// The account.
        user: Address,
        /// What the venue says it is.
        found: String,
    },
    /// The account is of a kind that cannot be traded on.
    #[error(
        "the account's mode is {0}: its perpetuals' balance means nothing by itself then. Set the \
         account to the standard mode"
    )]
    Mode(String),
    /// The account holds what the run does not expect.
    #[error("{0}")]
    Foreign(String),
    /// The sentinel closed everything, or what it kept is damaged: a person must look first.
    #[error(
        "{folder}: the sentinel's latch is set: {reason}. Look at the account, then \
         `flyball resume --sentinel --state {folder}`"
    )]
    Latched {
        /// The run's folder.
        folder: PathBuf,
        /// Why it is set.
        reason: String,
    },
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What the last run left cannot be gone on with.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] DataError),
    /// A file cannot be written or read.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system refuses something.
    #[error("the system refuses: {0}")]
    System(String),
}

/// What is ready to run.
#[derive(Debug)]
pub struct Started {
    /// The engine.
    pub engine: Engine,
    /// The account's session.
    pub session: Session<OutboxFile>,
    /// The instruments, for the market's decoder.
    pub listings: Listings,
    /// The journal's thread.
    pub recorder: Recorder,
    /// Where the journal lies.
    pub folder: PathBuf,
    /// The lock on the account.
    pub lock: File,
    /// What is killed.
    pub kills: Kept,
}

/// What is killed when a run begins.
#[derive(Debug)]
pub struct Kept {
    /// Where it is kept.
    pub file: KillFile,
    /// What was not released.
    pub killed: Vec<Killed>,
    /// Why everything is killed, when what was kept is the reason.
    pub alarm: Option<String>,
    /// Where reports of flattens go.
    pub reports: Reports,
    /// What the run's parts are called.
    pub names: Names,
    /// What the engine must still be told.
    pub begin: Vec<Operator>,
}

/// An instrument as the venue lists it.
#[derive(Clone, Debug, Serialize)]
pub struct ListedPerp {
    /// The venue's number.
    pub number: u32,
    /// The engine's description of it.
    pub spec: flyball_core::domain::InstrumentSpec,
}

/// The perpetuals of these names, as the venue lists them.
///
/// # Errors
///
/// [`StartError::Venue`], and [`StartError::Config`] when there is none of a name.
pub fn listing(http: &str, coins: &[String], fees: Fees) -> Result<Vec<ListedPerp>, StartError> {
    let body = ask(http, &Query::Meta)?;
    let meta = info::meta(&body).map_err(|error| unclear(http, &error))?;
    let one = |coin: &String| {
        let found = meta.perp(coin).filter(|(_, perp)| !perp.is_delisted);
        let (number, perp) = found.ok_or_else(|| {
            let names: Vec<_> = meta.universe.iter().map(|perp| perp.name.as_str()).collect();
            let some = names.get(..names.len().min(12)).unwrap_or_default().join(", ");
            ConfigError::new("instrument", format!("{coin} is not listed there: {some} …"))
        })?;
        Ok(ListedPerp { number, spec: meta.spec(perp, fees)? })
    };
    coins.iter().map(one).collect()
}

fn unclear(url: &str, reason: &impl ToString) -> StartError {
    StartError::Venue { url: url.to_owned(), reason: reason.to_string() }
}

/// Ask the venue once, and wait for its answer.
///
/// # Errors
///
/// [`StartError::Venue`].
pub fn ask(http: &str, query: &Query<'_>) -> Result<Vec<u8>, StartError> {
    let body = query_body(query).map_err(|error| unclear(http, &error))?;
    let (status, answer) = ask_once(http, "/info", &body).map_err(|error| unclear(http, &error))?;
    if status == 200 {
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(&answer).chars().take(200).collect::<String>();
    Err(unclear(http, &format!("status {status} {text}")))
}

/// Find out all that a run needs to know.
pub(super) fn prepare(plan: Plan) -> Result<Started, StartError> {
    fs::create_dir_all(&plan.folder).map_err(file(&plan.folder))?;
    let lock = lock(&plan.folder)?;
    if let Some(reason) = crate::sentinel::latch::stand(&plan.folder).refuses() {
        return Err(StartError::Latched { folder: plan.folder, reason });
    }
    let http = plan.endpoints.http.clone();
    check_signer(&plan, &http)?;
    let instruments = plan.engine.instruments()?;
    let assets = assets(&instruments, &plan.numbers)?;
    let user = plan.user;
    let state = ask(&http, &Query::ClearinghouseState { user })?;
    let state = account_view(&assets, &state)
        .ok_or_else(|| unclear(&http, &"the account's state cannot be read"))?;
    if let Some(coin) = state.foreign.first() {
        let text = format!(
            "the account holds {coin}, which this run does not know: close it, or name it among \
             the instruments"
        );
        return Err(StartError::Foreign(text));
    }
    let outbox_path = plan.folder.join("outbox");
    let outbox = Outbox::open(&outbox_path).map_err(file(&outbox_path))?;
    let tag = tag(&plan.folder)?;
    let last = last_run(&plan.folder)?;
    let (engine, told) = engine(&plan, last.as_deref(), &state)?;
    let mut engine = engine;
    check_margins(&engine, &state)?;
    engine.wakes();
    if let Some(order) = outbox.last_order() {
        engine.skip_ids(order);
    }
    let open = ask(&http, &Query::FrontendOpenOrders { user })?;
    check_orders(&plan, &open, tag)?;
    let kills = kills(&plan, &engine, last.is_some())?;
    let about = About {
        kind: "live".to_owned(),
        build: plan.build.clone(),
        account: plan.user.to_string(),
        engine: serde_json::to_value(&plan.engine).unwrap_or_default(),
        told: told.clone(),
    };
    let folder = next_run(&plan.folder, last.as_deref());
    let text = serde_json::to_string(&about).unwrap_or_default();
    let journal = begin_journal(&folder, &text, &engine, plan.clock)?;
    let recorder = Recorder::start(journal, plan.clock)
        .map_err(|error| StartError::System(error.to_string()))?;
    let settings = Settings {
        user,
        tag,
        expires_ns: plan.expires_ns,
        answer_ns: plan.answer_ns,
        cancel_foreign: plan.cancel_foreign,
        weight_per_minute: plan.weight_per_minute,
        seed: plan.seed,
    };
    let signer = Signer::new(plan.key, plan.network);
    let listings =
        Listings::of(&instruments).map_err(|error| StartError::System(error.to_string()))?;
    let ground = Ground { engine: &engine, assets, signer, outbox, told };
    let session = Session::new(settings, ground);
    Ok(Started { engine, session, listings, recorder, folder, lock, kills })
}

fn file(path: &Path) -> impl Fn(io::Error) -> StartError + '_ {
    move |error| StartError::File { path: path.to_owned(), reason: error.to_string() }
}

/// Nobody else trades on this account from this machine as long as the lock is held.
fn lock(folder: &Path) -> Result<File, StartError> {
    let path = folder.join("lock");
    let held = File::options().create(true).truncate(false).write(true).open(&path);
    let held = held.map_err(file(&path))?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(TryLockError::WouldBlock) => Err(StartError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(file(&path)(error)),
    }
}

/// The key must be an agent's of the account, and the account of a kind that we understand.
fn check_signer(plan: &Plan, http: &str) -> Result<(), StartError> {
    check_agent(plan.key.address(), plan.user, http)
}

/// This signer must be an agent of the account, and the account of a kind that we understand.
///
/// # Errors
///
/// [`StartError`].
pub fn check_agent(signer: Address, owner: Address, http: &str) -> Result<(), StartError> {
    if signer == owner {
        return Err(StartError::MasterKey);
    }
    let role = ask(http, &Query::UserRole { user: signer })?;
    let role = info::role(&role).map_err(|error| unclear(http, &error))?;
    match role {
        Role::Agent { user } if user == owner => {}
        other => {
            let (user, found) = (owner, format!("{other:?}"));
            return Err(StartError::NotAnAgent { signer, user, found });
        }
    }
    let mode = ask(http, &Query::UserAbstraction { user: owner })?;
    let mode = info::account_mode(&mode).map_err(|error| unclear(http, &error))?;
    match mode {
        AccountMode::Standard | AccountMode::Default => Ok(()),
        other => Err(StartError::Mode(format!("{other:?}"))),
    }
}

fn assets(instruments: &[Instrument], numbers: &[u32]) -> Result<Assets, StartError> {
    let mut assets = Assets::new();
    for (instrument, number) in instruments.iter().zip(numbers) {
        let added = assets.add(*number, instrument);
        added.map_err(|error| ConfigError::new("instruments", error.to_string()))?;
    }
    Ok(assets)
}

/// Which engine sends the account's orders: the same after every restart, from this folder.
fn tag(folder: &Path) -> Result<EngineTag, StartError> {
    let path = folder.join("tag");
    match fs::read_to_string(&path) {
        Ok(text) => match u64::from_str_radix(text.trim(), 16) {
            Ok(tag) => Ok(EngineTag::new(tag)),
            Err(error) => Err(StartError::File { path, reason: error.to_string() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut random = [0_u8; 4];
            File::open("/dev/urandom")
                .and_then(|mut source| io::Read::read_exact(&mut source, &mut random))
                .map_err(file(&path))?;
            let tag = (u64::from(u32::from_be_bytes(*b"FLYB")) << 32)
                | u64::from(u32::from_be_bytes(random));
            fs::write(&path, format!("{tag:016x}\n")).map_err(file(&path))?;
            Ok(EngineTag::new(tag))
        }
        Err(error) => Err(file(&path)(error)),
    }
}

/// The folder of the last run.
fn last_run(folder: &Path) -> Result<Option<PathBuf>, StartError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(file(folder))? {
        let name = entry.map_err(file(folder))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("run-"));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    Ok(numbers.into_iter().max().map(|number| run_folder(folder, number)))
}

/// A journal that begins with the engine's state. Its folder has its name only when that is on the
/// disk: a run that was killed before is as if it had never begun.
fn begin_journal(
    folder: &Path,
    about: &str,
    engine: &Engine,
    clock: Clock,
) -> Result<Journal, StartError> {
    let draft = folder.with_extension("new");
    match fs::remove_dir_all(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file(&draft)(error)),
        _ => {}
    }
    let mut journal = Journal::create(&draft, about, SEGMENT_BYTES)?;
    journal.snapshot(&engine.snapshot(), clock.now_ns())?;
    journal.rename(folder)?;
    Ok(journal)
}

fn run_folder(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("run-{number:06}"))
}

fn next_run(folder: &Path, last: Option<&Path>) -> PathBuf {
    let name = last.and_then(Path::file_name).and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix("run-")?.parse::<u32>().ok());
    run_folder(folder, number.map_or(1, |number| number.saturating_add(1)))
}

/// The engine: as the last run left it, or new with what the venue says the account is worth.
fn engine(
    plan: &Plan,
    last: Option<&Path>,
    state: &AccountView,
) -> Result<(Engine, Told), StartError> {
    if let Some(last) = last {
        let found = recover(last)?;
        let same = serde_json::to_value(&plan.engine).ok() == Some(found.about.engine);
        let engine = if same { found.engine } else { Engine::resume(&plan.engine, &found.engine)? };
        return Ok((engine, found.told));
    }
    if let (Some(held), false) = (state.held.first(), plan.adopt_positions) {
        let symbol = plan.engine.instruments.get(held.instrument.index());
        let symbol = symbol.map_or("?", |instrument| instrument.spec.symbol.as_str());
        let text = format!(
            "the account holds {symbol}, which no run of ours opened: close it, or say that it \
             is to be adopted"
        );
        return Err(StartError::Foreign(text));
    }
    let config = EngineConfig { cash: state.equity, ..plan.engine.clone() };
    Ok((Engine::new(&config)?, Told::since(state.time_ns)))
}

/// A position that is held already is margined as the engine counts on: the venue does not change that.
fn check_margins(engine: &Engine, state: &AccountView) -> Result<(), StartError> {
    let wants = |id| engine.portfolio().isolated(id).is_some();
    let shared = state.held.iter().find(|held| !held.isolated && wants(held.instrument));
    let Some(held) = shared else { return Ok(()) };
    let symbol = engine.instruments().get(held.instrument.index());
    let symbol = symbol.map_or("?", |instrument| instrument.symbol().as_str());
    let text = format!(
        "the account holds {symbol} at cross margin, and the profile sets money aside for every \
         position: the venue changes that only while nothing is held. Close it, or run with a \
         profile of your own whose governor.margin_mode is \"cross\""
    );
    Err(StartError::Foreign(text))
}

/// What is killed: by what was kept, by a file that lies there, by the engine's own latches. It is
/// on the disk before anything begins.
fn kills(plan: &Plan, engine: &Engine, ran_before: bool) -> Result<Kept, StartError> {
    let now_ns = plan.clock.now_ns();
    let names = Names {
        venue: plan.endpoints.http.clone(),
        account: plan.user.to_string(),
        instruments: engine
            .instruments()
            .iter()
            .map(|it| it.symbol().as_str().to_owned())
            .collect(),
        strategies: plan.strategies.iter().map(|(name, _)| name.clone()).collect(),
    };
    let file = KillFile::of(&plan.folder);
    let Seen { mut killed, alarm } = file.read(ran_before, now_ns);
    killed.extend(kill::at_start(&plan.folder, &names, now_ns));
    let begin = kill::reconcile(&mut killed, &names, engine);
    file.write(&killed)
        .map_err(|error| StartError::File { path: error.path, reason: error.reason })?;
    let reports = Reports::of(&plan.folder, plan.key.clone());
    Ok(Kept { file, killed, alarm, reports, names, begin })
}

fn check_orders(plan: &Plan, open: &[u8], tag: EngineTag) -> Result<(), StartError> {
    if plan.cancel_foreign {
        return Ok(());
    }
    let orders = info::open_orders(open).map_err(|error| unclear(&plan.endpoints.http, &error))?;
    let foreign = |order: &&flyball_venues::hyperliquid::OpenOrder| {
        order.cloid.and_then(|cloid| cloid.ours(tag)).is_none()
    };
    match orders.iter().filter(foreign).count() {
        0 => Ok(()),
        count => Err(StartError::Foreign(format!(
            "{count} orders rest on the account that this engine did not place: cancel them, say \
             that they are to be cancelled, or stop whoever placed them"
        ))),
    }
}
