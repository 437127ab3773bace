//! Our account at the venue: what the engine wants done becomes signed actions that are kept before
//! they are sent; what the venue says becomes events for the engine, in an order that makes sense.
//!
//! - An action that is not answered is not known to have failed. What protects is sent again, byte
//!   for byte. What adds risk is asked about, and when the venue has not heard of it, its nonce is
//!   burnt, so that it can never arrive late.
//! - After every connection the account is read: orders, fills, funding, transfers, positions.
//!   Until that is done the engine is told that the account is not known.
//! - Nothing that adds risk is sent until the venue has agreed to how positions are margined.
//! - Everything is told once, and an order's end after its fills.
//! - Where the venue's money is not what the told fills, payments and transfers add up to, new risk
//!   ends until an operator has looked, and the engine counts the venue's. So it does where the
//!   venue's history knows of a higher peak.
//!
//! Pure: bytes and time in, bytes and events out.

mod actions;
pub(crate) mod budget;
mod flight;
pub mod heard;
mod history;
mod holdings;
mod margins;
mod money;
mod orders;
mod reads;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use flyball_core::domain::{
    AccountState, Body, ClientOrderId, CommandOf, Instrument, InstrumentId, NEVER, OrderReport,
    SECOND, Status, VenueOrderId,
};
use flyball_core::engine::Engine;
use flyball_core::risk::Command;
use flyball_venues::hyperliquid::sign::Address;
use flyball_venues::hyperliquid::{
    Assets, EngineTag, PING, Query, Signer, Subscription, subscribe,
};

use crate::duty::{Duty, Outcome, Path, Todo};
use crate::kill::Halt;
use crate::link::{Link, Step};
use crate::measures::{Meters, Stage};
use crate::outbox::{Ahead, Effect, Outbox};
use crate::recover::Told;
use crate::session::heard::News;
use budget::Budget;
pub use budget::WEIGHT_A_MINUTE;
use flight::Flights;
use history::History;
use holdings::Holdings;
use margins::Margins;
use money::Ledger;
use orders::{Missing, Orders};
use reads::Reads;
pub(crate) use wire::account_view;
use wire::{Came, Frame, Wire};

/// What the engine wants done because of one event.
#[derive(Debug)]
pub struct Batch {
    /// The kill epoch: what was approved before the last kill is no longer sent.
    pub epoch: u32,
    /// Submit, cancel, query, read.
    pub commands: Vec<Command>,
    /// When what they answer reached us, where orders or cancels are among them.
    pub since_ns: Option<i64>,
}

/// Whose account, and how it is dealt with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account: never an agent's address.
    pub user: Address,
    /// Which engine's orders are ours.
    pub tag: EngineTag,
    /// An action that adds risk is void after this.
    pub expires_ns: i64,
    /// An action without an answer for this long is lost.
    pub answer_ns: i64,
    /// Whether orders on the account that are not ours are cancelled when they are seen.
    pub cancel_foreign: bool,
    /// Weight that may be asked for in a minute: the venue's, or a share of it where others use the
    /// same address.
    pub weight_per_minute: u32,
    /// Retries are spread by this.
    pub seed: u64,
}

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Action(u64),
    Burn(u64),
    Leverage(InstrumentId),
    Status { order: ClientOrderId, nonce: Option<u64>, resync: bool },
    State,
    Open,
    Fills { read: bool },
    Funding,
    Transfers,
    Prices,
    History,
    RateLimit,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    wanted: Wanted,
    due_ns: i64,
    on_socket: bool,
}

/// Counts since the start, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Actions that were signed.
    pub actions: u64,
    /// Actions that were sent again, byte for byte.
    pub sent_again: u64,
    /// Actions whose fate was unknown for a while.
    pub lost: u64,
    /// Nonces that were burnt.
    pub burnt: u64,
    /// Messages that could not be decoded.
    pub malformed: u64,
    /// Times the account was read.
    pub reads: u64,
    /// Times the venue's history of the account was read and compared with the peak.
    pub histories: u64,
    /// Orders of ours that no engine remembered, cancelled.
    pub orphans: u64,
    /// Orders of others that rest on the account.
    pub foreign_orders: u64,
    /// Fills of nobody's order here: others trade on the account, or the venue has.
    pub foreign_fills: u64,
    /// Fills that were found by reading the account: their message did not come before.
    pub late_fills: u64,
    /// Actions that were not sent because they could not be kept.
    pub not_kept: u64,
    /// Times the venue's money was not what was told of it, read again and again.
    pub money_differed: u64,
    /// Times the venue refused to margin an instrument as the engine counts on: until it agrees,
    /// nothing that adds risk is sent.
    pub margins_refused: u64,
}

/// Our account at the venue.
#[derive(Debug)]
pub struct Session<A> {
    settings: Settings,
    signer: Signer,
    wire: Wire,
    instruments: Vec<Instrument>,
    outbox: Outbox<A>,
    told: Told,
    holdings: Holdings,
    ledger: Ledger,
    history: History,
    link: Link,
    pending: BTreeMap<u64, Pending>,
    last_request: u64,
    flights: Flights,
    /// Whether the last answer was none: nothing came, or the venue said that it cannot.
    away: bool,
    orders: Orders,
    reads: Reads,
    margins: Margins,
    budget: Budget,
    next_rate_limit_ns: i64,
    epoch: u32,
    known: bool,
    halt: Arc<Halt>,
    /// Whether it was seen that trading is stopped, and the account was read for it.
    halt_seen: bool,
    meters: Option<Arc<Meters>>,
    /// Of orders on their way to the socket: when what they answer reached us.
    leaving_ns: Vec<i64>,
    counts: Counts,
    fills_told: u64,
    news: Vec<News>,
    told_now: Vec<Body<'static>>,
    todo: VecDeque<Todo>,
    events: VecDeque<(i64, Body<'static>)>,
}

/// What the session stands on.
#[derive(Debug)]
pub struct Ground<'a, A> {
    /// The engine, as it is before the first event.
    pub engine: &'a Engine,
    /// The venue's numbers of its instruments.
    pub assets: Assets,
    /// Who signs.
    pub signer: Signer,
    /// What was signed before and is not settled.
    pub outbox: Outbox<A>,
    /// What the engine was told of the account.
    pub told: Told,
}

const RATE_LIMIT_EVERY_NS: i64 = 60 * SECOND;

impl<A: Ahead> Session<A> {
    /// The session of this account.
    pub fn new(settings: Settings, ground: Ground<'_, A>) -> Self {
        let Ground { engine, assets, signer, outbox, told } = ground;
        let instruments = engine.instruments().to_vec();
        let mut orders = Orders::default();
        for instrument in &instruments {
            for live in engine.execution().orders.of(instrument.id()) {
                orders.sent(&live.order, live.filled);
            }
        }
        let held = instruments.iter().map(|it| engine.portfolio().qty(it.id())).collect();
        let reads = Reads::new(&told);
        let margins = Margins::new(engine);
        let ledger = Ledger::of(engine.portfolio(), &instruments);
        let weight = settings.weight_per_minute;
        let flights = Flights::resume(outbox.open_actions().map(|signed| signed.nonce));
        Self {
            wire: Wire::new(settings.user, settings.tag, assets, &instruments),
            link: Link::new(settings.seed),
            settings,
            signer,
            instruments,
            outbox,
            told,
            holdings: Holdings::new(held),
            ledger,
            history: History::new(),
            pending: BTreeMap::new(),
            last_request: 0,
            flights,
            away: false,
            orders,
            reads,
            margins,
            budget: Budget::new(weight),
            next_rate_limit_ns: i64::MIN,
            epoch: 0,
            known: false,
            halt: Arc::default(),
            halt_seen: false,
            meters: None,
            leaving_ns: Vec::new(),
            counts: Counts::default(),
            fills_told: 0,
            news: Vec::new(),
            told_now: Vec::new(),
            todo: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Whoever kills says so here, and nothing that adds risk is sent from then on.
    #[must_use]
    pub fn halted_by(mut self, halt: Arc<Halt>) -> Self {
        self.halt = halt;
        self
    }

    /// Note how long orders take to leave and to be answered.
    #[must_use]
    pub fn measured(mut self, meters: Arc<Meters>) -> Self {
        self.measure(meters);
        self
    }

    /// As [`Session::measured`], from now on.
    pub fn measure(&mut self, meters: Arc<Meters>) {
        self.meters = Some(meters);
    }

    /// When something came last, while the connection stands.
    pub const fn heard_ns(&self) -> Option<i64> {
        self.link.heard_ns()
    }

    /// While trading is stopped nobody's orders may add risk: what else rests on the account is
    /// looked for at once.
    fn look_at_halt(&mut self, now_ns: i64) {
        let stopped = self.halt.is_stopped();
        if stopped && !self.halt_seen {
            self.read(None, now_ns);
        }
        self.halt_seen = stopped;
    }

    /// The next event for the engine: when it happened by the venue's clock, and what.
    pub fn next_event(&mut self) -> Option<(i64, Body<'static>)> {
        self.events.pop_front()
    }

    /// Whether the account is known: connected, read, and nothing of it open.
    pub const fn is_known(&self) -> bool {
        self.known
    }

    /// Whether the venue has agreed to how positions are margined.
    pub const fn margins_agreed(&self) -> bool {
        self.margins.is_agreed()
    }

    /// Counts since the start.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Connections that were made.
    pub const fn connects(&self) -> u64 {
        self.link.connects()
    }

    /// Actions whose fate is not known.
    pub fn open_actions(&self) -> usize {
        self.outbox.open_actions().count()
    }

    /// What is kept, for a simulation of a crash.
    pub const fn kept(&self) -> &A {
        self.outbox.ahead()
    }

    /// How much may still be asked: weight in this minute, requests of the account.
    pub fn budget_left(&self, now_ns: i64) -> (u32, Option<u64>) {
        (self.budget.weight_left(now_ns), self.budget.left())
    }

    fn say(&mut self, time_ns: i64, body: Body<'static>) {
        self.events.push_back((time_ns, body));
    }

    /// Hand on what the orders' keeper said.
    fn say_told(&mut self, now_ns: i64) {
        let told = std::mem::take(&mut self.told_now);
        self.events.extend(told.iter().map(|body| (now_ns, *body)));
        self.told_now = told;
        self.told_now.clear();
    }

    fn set_known(&mut self, known: bool, now_ns: i64) {
        if self.known != known {
            self.known = known;
            self.say(now_ns, Body::Account(AccountState { known }));
        }
    }

    /// The account is known once it has been read and the venue was told how it is margined.
    fn know(&mut self, now_ns: i64) {
        if self.link.is_up() && self.reads.is_done() && self.margins.is_told() {
            self.set_known(true, now_ns);
        }
    }

    fn request(&mut self, wanted: Wanted, on_socket: bool, now_ns: i64) -> u64 {
        self.last_request += 1;
        let due_ns = now_ns.saturating_add(self.settings.answer_ns);
        self.pending.insert(self.last_request, Pending { wanted, due_ns, on_socket });
        self.last_request
    }

    /// Ask a question over HTTP. Whether the budget allows it.
    fn ask(&mut self, wanted: Wanted, body: Option<(Vec<u8>, u32)>, now_ns: i64) -> bool {
        let Some((body, weight)) = body else { return false };
        if !self.budget.allows(weight, true, now_ns) {
            return false;
        }
        self.budget.take(weight, 0, now_ns);
        let id = self.request(wanted, false, now_ns);
        self.todo.push_back(Todo::Ask { id, path: Path::Info, body });
        true
    }

    fn carry_out(&mut self, batch: Batch, now_ns: i64) {
        self.epoch = self.epoch.max(batch.epoch);
        if self.meters.is_some() {
            self.leaving_ns.extend(batch.since_ns);
        }
        let mut actions = actions::Grouped::default();
        for command in batch.commands {
            match command {
                CommandOf::Submit(order) => {
                    actions.submit(&order, order.epoch() < self.epoch);
                }
                CommandOf::Cancel { instrument, client_order_id } => {
                    actions.cancel(instrument, client_order_id);
                }
                CommandOf::Query { client_order_id, instrument } => {
                    self.query(instrument, client_order_id, now_ns);
                }
                CommandOf::ReadAccount { request } => self.read(Some(request), now_ns),
                CommandOf::Resnapshot { .. } | CommandOf::Wake { .. } | CommandOf::Notice(_) => {}
            }
        }
        for group in actions.into_groups() {
            self.act(group, now_ns);
        }
    }

    /// The engine wants to know what became of an order.
    fn query(&mut self, instrument: InstrumentId, order: ClientOrderId, now_ns: i64) {
        if let Some(signed) = self.outbox.sending(order) {
            let nonce = signed.nonce;
            self.flights.hurry(nonce, now_ns);
        } else if self.orders.knows(order) {
            let body = self.wire.ask_status(order);
            self.ask(Wanted::Status { order, nonce: None, resync: false }, body, now_ns);
        } else {
            // Never kept, so never sent; or it has ended, and the engine has been told.
            let report = OrderReport {
                instrument,
                client_order_id: order,
                venue_order_id: VenueOrderId::default(),
                status: Status::NotFound,
            };
            self.say(now_ns, Body::Order(report));
        }
    }

    /// Take in what was decoded.
    fn take_news(&mut self, now_ns: i64) {
        let mut news = std::mem::take(&mut self.news);
        for one in news.drain(..) {
            self.take_one(one, now_ns);
        }
        self.news = news;
    }

    fn take_one(&mut self, news: News, now_ns: i64) {
        match news {
            News::Order(order) => {
                if let heard::Whose::Ours(id) = order.whose {
                    self.orders.news(id, &order, now_ns, &mut self.told_now);
                    self.say_told(now_ns);
                }
            }
            News::Fill(time_ns, fill) => {
                if self.told.fill(time_ns, fill.trade_id) {
                    self.counts.foreign_fills += u64::from(fill.client_order_id.raw() == 0);
                    self.fills_told += 1;
                    let change = fill.qty.signed(fill.side);
                    self.holdings.filled(time_ns, fill.instrument, change);
                    let instrument = self.instruments.get(fill.instrument.index());
                    let moved = instrument.map(|it| money::moved(it, &fill));
                    self.ledger.told(time_ns, moved.unwrap_or_default());
                    self.say(time_ns, Body::Fill(fill));
                    self.orders.filled(fill.client_order_id, fill.qty, &mut self.told_now);
                    self.say_told(now_ns);
                }
            }
            News::Funding(time_ns, payment) => {
                if self.told.funding(time_ns, payment.instrument) {
                    self.ledger.told(time_ns, payment.amount);
                    self.say(time_ns, Body::Funding(payment));
                }
            }
            News::Transfer(time_ns, transfer) => {
                if self.told.transfer(time_ns, transfer.amount) {
                    self.ledger.told(time_ns, transfer.amount);
                    self.say(time_ns, Body::Transfer(transfer));
                }
            }
        }
    }

    /// An answer came, on whichever way; or it is known that none will.
    fn came(&mut self, id: u64, came: Came<'_>, now_ns: i64) {
        let Some(Pending { wanted, due_ns, .. }) = self.pending.remove(&id) else { return };
        let away = came.is_away();
        if self.away && !away {
            self.flights.hurry_all(now_ns);
            self.reads.hurry(now_ns);
        }
        self.away = away;
        match wanted {
            Wanted::Action(nonce) => {
                if let (Some(meters), false) = (&self.meters, matches!(came, Came::Nothing)) {
                    let sent_ns = due_ns.saturating_sub(self.settings.answer_ns);
                    meters.note(Stage::Answer, now_ns.saturating_sub(sent_ns));
                }
                let answered = self.wire.action_answer(came, &self.placed_by(nonce));
                self.action_answered(nonce, answered, now_ns);
            }
            Wanted::Burn(nonce) => {
                let answered = self.wire.action_answer(came, &[]);
                self.burn_answered(nonce, &answered, now_ns);
            }
            Wanted::Leverage(instrument) => {
                let answered = self.wire.action_answer(came, &[]);
                self.margin_answered(instrument, &answered, now_ns);
            }
            Wanted::Status { order, nonce, resync } => {
                let asked = self.wire.order_status(&came);
                self.status_answered(order, nonce, asked, now_ns);
                if resync {
                    self.status_read(asked.is_some(), now_ns);
                }
            }
            Wanted::RateLimit => {
                if let Some(requests) = Wire::requests_left(&came) {
                    self.budget.set(requests);
                }
            }
            Wanted::History => self.history_answered(&came, now_ns),
            other => self.read_answered(other, &came, now_ns),
        }
    }

    /// The instruments of the orders that an action places, as they stand in it.
    fn placed_by(&self, nonce: u64) -> Vec<InstrumentId> {
        let signed = self.outbox.get(nonce);
        let placing = signed.filter(|it| matches!(it.effect, Effect::Adds | Effect::Protects));
        placing.map_or_else(Vec::new, |it| it.orders.iter().map(|order| order.0).collect())
    }
}

impl<A: Ahead> Duty for Session<A> {
    type Message = Batch;

    fn message(&mut self, batch: Batch, now_ns: i64) {
        self.carry_out(batch, now_ns);
    }

    fn connected(&mut self, now_ns: i64) {
        self.link.connected(now_ns);
        let user = self.settings.user;
        let streams = [
            Subscription::OrderUpdates { user },
            Subscription::UserFills { user },
            Subscription::UserFundings { user },
            Subscription::UserNonFundingLedgerUpdates { user },
        ];
        for stream in &streams {
            // Ours can be written.
            self.todo.extend(subscribe(stream).map(Todo::Send));
        }
        self.tell_margins(now_ns);
        self.resync(now_ns);
    }

    fn disconnected(&mut self, now_ns: i64) {
        self.link.disconnected(now_ns);
        self.set_known(false, now_ns);
        let lost: Vec<u64> =
            self.pending.iter().filter(|(_, it)| it.on_socket).map(|(id, _)| *id).collect();
        for id in lost {
            self.came(id, Came::Nothing, now_ns);
        }
    }

    fn frame(&mut self, text: &[u8], now_ns: i64) {
        self.link.heard(now_ns);
        match self.wire.frame(text, &mut self.news) {
            Frame::News => self.take_news(now_ns),
            Frame::Answer { id, answer } => self.came(id, Came::Action(answer), now_ns),
            Frame::Control => {}
            Frame::Malformed => {
                self.counts.malformed += 1;
                // Something of the account was not understood: read all of it.
                self.read(None, now_ns);
            }
        }
    }

    fn answered(&mut self, id: u64, outcome: Outcome<'_>, now_ns: i64) {
        let came = outcome.map_or(Came::Nothing, |(status, body)| Came::Http(status, body));
        self.came(id, came, now_ns);
    }

    fn due_ns(&self) -> i64 {
        let pending = self.pending.values().map(|it| it.due_ns).min().unwrap_or(NEVER);
        let orders = self.orders.due_ns().unwrap_or(NEVER);
        let rate = if self.link.is_up() { self.next_rate_limit_ns } else { NEVER };
        let flights = self.flights.due_ns();
        let margins = if self.link.is_up() { self.margins.due_ns() } else { NEVER };
        let own = pending.min(orders).min(rate).min(flights).min(margins);
        self.link.due_ns().min(own).min(self.reads.due_ns())
    }

    fn tick(&mut self, now_ns: i64) {
        match self.link.step(now_ns) {
            Some(Step::Connect) => self.todo.push_back(Todo::Connect),
            Some(Step::Close) => self.todo.push_back(Todo::Close),
            Some(Step::Ping) => self.todo.push_back(Todo::Send(PING.to_vec())),
            None => {}
        }
        let late: Vec<u64> =
            self.pending.iter().filter(|(_, it)| it.due_ns <= now_ns).map(|(id, _)| *id).collect();
        for id in late {
            self.came(id, Came::Nothing, now_ns);
        }
        self.look_at_halt(now_ns);
        self.fly(now_ns);
        match self.orders.missing(now_ns, &mut self.told_now) {
            Missing::Nothing => {}
            Missing::Fills => self.ask_fills(false, now_ns),
            Missing::Account => self.read(None, now_ns),
        }
        self.say_told(now_ns);
        self.read_due(now_ns);
        self.margins_due(now_ns);
        if self.link.is_up() && now_ns >= self.next_rate_limit_ns {
            self.next_rate_limit_ns = now_ns.saturating_add(RATE_LIMIT_EVERY_NS);
            let body = Wire::ask(&Query::UserRateLimit { user: self.settings.user });
            self.ask(Wanted::RateLimit, body, now_ns);
        }
    }

    fn next_todo(&mut self) -> Option<Todo> {
        self.todo.pop_front()
    }

    fn handed_over(&mut self, now_ns: i64) {
        let leaving = self.leaving_ns.drain(..);
        if let Some(meters) = &self.meters {
            leaving.for_each(|since| meters.note(Stage::Send, now_ns.saturating_sub(since)));
        }
    }
}
