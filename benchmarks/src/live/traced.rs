//! The threads of a run, joined as [`flyball_live::runtime::Run`] joins them, with a clock at the
//! points where one hands over to the next. For the table of stages only: what is compared with
//! others is the run itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};

use flyball_core::domain::{Body, Event, Money, StrategyId};
use flyball_core::engine::{Engine, EngineConfig};
use flyball_data::journal::Journal;
use flyball_live::Clock;
use flyball_live::duty::{Duty, Outcome, Todo};
use flyball_live::io::Io;
use flyball_live::mailbox::Mailbox;
use flyball_live::market::{Deliver, Market, Wish};
use flyball_live::measures::Meters;
use flyball_live::node::Node;
use flyball_live::outbox::{Outbox, OutboxFile};
use flyball_live::recorder::Recorder;
use flyball_live::recover::Told;
use flyball_live::runtime::{Beside, EngineThread, Input, Joints, Plan, Pulse, ToEngine};
use flyball_live::session::{Batch, Ground, Session, Settings};
use flyball_venues::Listings;
use flyball_venues::hyperliquid::{Assets, EngineTag, Signer};

use crate::Fallible;
use crate::subject::{Marks, Point, strategy};

/// As in a run.
const INPUTS: usize = 8_192;
const REQUESTS: usize = 3;
const SEGMENT_BYTES: u64 = 256 << 20;

/// Notes when a market event is decoded.
struct Noting {
    inner: ToEngine,
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

/// The market's thread.
struct Hearing {
    market: Market<Noting>,
    marks: Marks,
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

/// The account's thread.
struct Sending {
    session: Session<OutboxFile>,
    to: SyncSender<Input>,
    known: Arc<AtomicBool>,
    marks: Marks,
    /// Commands are being sent.
    busy: bool,
}

impl Sending {
    fn pump(&mut self) {
        while let Some((time_ns, body)) = self.session.next_event() {
            let _sent = self.to.send(Input::Account { time_ns, body });
        }
    }
}

impl Duty for Sending {
    type Message = Batch;

    fn message(&mut self, batch: Batch, now_ns: i64) {
        self.marks.note(Point::Commands);
        self.session.message(batch, now_ns);
        self.pump();
        self.marks.note(Point::Signed);
        self.busy = true;
    }

    fn connected(&mut self, now_ns: i64) {
        self.session.connected(now_ns);
        self.pump();
    }

    fn disconnected(&mut self, now_ns: i64) {
        self.session.disconnected(now_ns);
        self.pump();
    }

    fn frame(&mut self, text: &[u8], now_ns: i64) {
        self.session.frame(text, now_ns);
        self.pump();
    }

    fn answered(&mut self, id: u64, outcome: Outcome<'_>, now_ns: i64) {
        self.session.answered(id, outcome, now_ns);
        self.pump();
    }

    fn due_ns(&self) -> i64 {
        self.session.due_ns()
    }

    fn tick(&mut self, now_ns: i64) {
        self.session.tick(now_ns);
        self.pump();
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

/// A run with clocks in it. Its threads end with the process.
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
    let (to, from) = mpsc::sync_channel(INPUTS);
    let (empty, emptied) = mpsc::channel();
    let account_io = Io::<Sending>::new(endpoints.clone(), clock, REQUESTS)?;
    let market_io = Io::<Hearing>::new(endpoints, clock, 0)?;
    let (mailbox, letters) = Mailbox::new(StrategyId::new(0), 0);
    let meters = Arc::new(Meters::new(1, clock.speed()));
    let joints = Joints {
        from,
        orders: account_io.reach(),
        market: market_io.reach(),
        empty,
        pulse: Pulse::new(false, clock.now_ns()),
        meters: Arc::clone(&meters),
    };
    let beside = vec![Beside::new("quoter".into(), mailbox)];
    let thread = EngineThread::new(Node::new(engine, recorder), clock, joints, beside, patience);
    let known = Arc::new(AtomicBool::new(false));
    let marks_of = || marks.clone();
    let mut sending = Sending {
        session,
        to: to.clone(),
        known: Arc::clone(&known),
        marks: marks_of(),
        busy: false,
    };
    let deliver = Noting {
        inner: ToEngine::new(to.clone(), emptied, Arc::clone(&meters)),
        marks: marks_of(),
    };
    let mut hearing = Hearing { market: Market::new(listings, deliver, 1), marks: marks_of() };
    strategy(letters, to, marks_of(), false);
    std::thread::spawn(move || thread.run());
    std::thread::spawn(move || account_io.run(&mut sending));
    std::thread::spawn(move || market_io.run(&mut hearing));
    Ok(Traced { known })
}
