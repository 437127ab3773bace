//! The thread of a run, joined as [`flyball_live::runtime::Run`] joins it, with a clock at the points
//! where one part hands over to the next. For the table of stages only: what is compared with others
//! is the run itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flyball_core::domain::{Body, Event, Money, StrategyId};
use flyball_core::engine::{Engine, EngineConfig};
use flyball_data::journal::Journal;
use flyball_live::Clock;
use flyball_live::duty::{Duty, Outcome, Todo};
use flyball_live::io::Inbox;
use flyball_live::mailbox::Mailbox;
use flyball_live::market::{self, Deliver, Market, Wish};
use flyball_live::measures::Meters;
use flyball_live::node::Node;
use flyball_live::outbox::{Outbox, OutboxFile};
use flyball_live::recorder::Recorder;
use flyball_live::recover::Told;
use flyball_live::runtime::{
    Account, AccountSide, Beside, EngineThread, Feed, Joints, Plan, Pulse, Words,
};
use flyball_live::session::{Batch, Ground, Session, Settings};
use flyball_venues::Listings;
use flyball_venues::hyperliquid::{Assets, EngineTag, Signer};

use crate::Fallible;
use crate::subject::{Marks, Point, strategy};

/// As in a run.
const INPUTS: usize = 8_192;
const SEGMENT_BYTES: u64 = 256 << 20;

/// Notes when a market event is decoded.
struct Noting {
    inner: Words,
    marks: Marks,
}

impl Deliver for Noting {
    fn deliver(&mut self, event: &Event<'_>) {
        if matches!(event.body, Body::Depth(_) | Body::Touch(_)) {
            self.marks.note(Point::Decoded);
        }
        self.inner.deliver(event);
    }
}

/// The market.
struct Hearing {
    market: Market<Noting>,
    marks: Marks,
}

impl Feed for Hearing {
    fn words(&mut self) -> &mut Vec<u64> {
        self.market.delivery().inner.words()
    }

    fn counts(&self) -> market::Counts {
        self.market.counts()
    }
}

impl Duty for Hearing {
    type Message = Wish;

    fn message(&mut self, wish: Wish, now_ns: i64) {
        self.market.message(wish, now_ns);
    }

    fn connected(&mut self, now_ns: i64) {
        self.market.connected(now_ns);
    }

    fn disconnected(&mut self, now_ns: i64) {
        self.market.disconnected(now_ns);
    }

    fn frame(&mut self, text: &[u8], now_ns: i64) {
        self.marks.note(Point::Frame);
        self.market.frame(text, now_ns);
    }

    fn answered(&mut self, id: u64, outcome: Outcome<'_>, now_ns: i64) {
        self.market.answered(id, outcome, now_ns);
    }

    fn due_ns(&self) -> i64 {
        self.market.due_ns()
    }

    fn tick(&mut self, now_ns: i64) {
        self.market.tick(now_ns);
    }

    fn next_todo(&mut self) -> Option<Todo> {
        self.market.next_todo()
    }
}

/// The account.
struct Sending {
    session: Session<OutboxFile>,
    known: Arc<AtomicBool>,
    marks: Marks,
    /// Commands are being sent.
    busy: bool,
}

impl Account for Sending {
    fn next_event(&mut self) -> Option<(i64, Body<'static>)> {
        self.session.next_event()
    }

    fn side(&self, now_ns: i64) -> AccountSide {
        AccountSide::of(&self.session, now_ns)
    }
}

impl Duty for Sending {
    type Message = Batch;

    fn message(&mut self, batch: Batch, now_ns: i64) {
        self.marks.note(Point::Commands);
        self.session.message(batch, now_ns);
        self.marks.note(Point::Signed);
        self.busy = true;
    }

    fn connected(&mut self, now_ns: i64) {
        self.session.connected(now_ns);
    }

    fn disconnected(&mut self, now_ns: i64) {
        self.session.disconnected(now_ns);
    }

    fn frame(&mut self, text: &[u8], now_ns: i64) {
        self.session.frame(text, now_ns);
    }

    fn answered(&mut self, id: u64, outcome: Outcome<'_>, now_ns: i64) {
        self.session.answered(id, outcome, now_ns);
    }

    fn due_ns(&self) -> i64 {
        self.session.due_ns()
    }

    fn tick(&mut self, now_ns: i64) {
        self.session.tick(now_ns);
        self.known.store(self.session.is_known(), Ordering::Relaxed);
    }

    fn next_todo(&mut self) -> Option<Todo> {
        let next = self.session.next_todo();
        if next.is_none() && std::mem::take(&mut self.busy) {
            self.marks.note(Point::Sent);
        }
        next
    }
}

/// A run with clocks in it. Its thread ends with the process.
pub(crate) struct Traced {
    known: Arc<AtomicBool>,
}

impl Traced {
    pub(crate) fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }
}

fn session(plan: Plan, engine: &Engine, outbox: &Path) -> Fallible<Session<OutboxFile>> {
    let mut assets = Assets::new();
    for (instrument, number) in engine.instruments().iter().zip(&plan.numbers) {
        assets.add(*number, instrument)?;
    }
    let settings = Settings {
        user: plan.user,
        tag: EngineTag::new(1),
        expires_ns: plan.expires_ns,
        answer_ns: plan.answer_ns,
        cancel_foreign: plan.cancel_foreign,
        weight_per_minute: plan.weight_per_minute,
        seed: plan.seed,
    };
    let ground = Ground {
        engine,
        assets,
        signer: Signer::new(plan.key, plan.network),
        outbox: Outbox::open(outbox)?,
        told: Told::since(Clock::SYSTEM.now_ns()),
    };
    Ok(Session::new(settings, ground))
}

/// Start a run on a fresh account.
pub(crate) fn start(plan: Plan, marks: &Marks) -> Fallible<Traced> {
    let (clock, endpoints, patience) = (plan.clock, plan.endpoints.clone(), plan.patience);
    let config = EngineConfig { cash: Money::from_whole(10_000), ..plan.engine.clone() };
    let engine = Engine::new(&config)?;
    let recorder =
        Recorder::start(Journal::create(plan.folder.join("run"), "{}", SEGMENT_BYTES)?, clock)?;
    let listings = Listings::of(engine.instruments())?;
    let outbox = plan.folder.join("outbox");
    let session = session(plan, &engine, &outbox)?;
    let inbox = Inbox::new(INPUTS)?;
    let to = inbox.reach();
    let (mailbox, letters) = Mailbox::new(StrategyId::new(0), 0);
    let joints = Joints {
        inbox,
        endpoints,
        strategies: vec![Beside::new("quoter".into(), mailbox)],
        patience,
        account: Arc::default(),
        market: Arc::default(),
        pulse: Pulse::new(false, clock.now_ns()),
        meters: Arc::new(Meters::new(1, clock.speed())),
    };
    let known = Arc::new(AtomicBool::new(false));
    let sending = Sending { session, known: Arc::clone(&known), marks: marks.clone(), busy: false };
    let deliver = Noting { inner: Words::default(), marks: marks.clone() };
    let hearing = Hearing { market: Market::new(listings, deliver, 1), marks: marks.clone() };
    let node = Node::new(engine, recorder);
    let thread = EngineThread::new(node, clock, sending, hearing, joints)?;
    strategy(letters, to, marks.clone(), false);
    std::thread::spawn(move || thread.run());
    Ok(Traced { known })
}
