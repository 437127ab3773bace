//! A world without sockets and clocks: the local exchange behind a network with faults, and engines
//! with their sessions that trade on it. Everything follows from one seed.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "each test uses its part"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use flyball_core::domain::{
    AccountState, Body, ClientOrderId, CommandOf, Decision, Event, HOUR, InstrumentId, Intent,
    Level, MILLISECOND, Money, NetQty, Notice, Operator, Price, Qty, Quotes, Random, Rate, SECOND,
    StrategyId, Target,
};
use flyball_core::engine::{Engine, EngineConfig, InstrumentConfig, Sight, StrategyConfig};
use flyball_core::journal::{Entry, decode};
use flyball_core::portfolio::{Portfolio, Position};
use flyball_core::risk::{Commands, Profile};
use flyball_core::strategy::{Sizing, WakeSpec};
use flyball_exchange::{
    AccountSetup, Address, ConnId, Delivered, Gateway, MarketSetup, Peer, RequestId, Setup,
};
use flyball_live::duty::{Duty, Path, Todo};
use flyball_live::market::{Deliver, Market, Wish};
use flyball_live::node::{Keep, Node};
use flyball_live::outbox::Outbox;
use flyball_live::recover::Told;
use flyball_live::session::{Batch, Ground, Session, Settings};
use flyball_venues::Listings;
use flyball_venues::hyperliquid::sign::{Network, SigningKey};
use flyball_venues::hyperliquid::{Assets, EngineTag, Query, Signer, info, query_body};

pub const START_NS: i64 = 1_760_054_400_000_000_000;
const COIN: &str = "XRP";
/// A client gives up on an HTTP request after this.
const HTTP_PATIENCE: i64 = 5 * SECOND;
const CONNECT_NS: i64 = 2 * MILLISECOND;
const WAY_NS: i64 = MILLISECOND;

/// Words of the journal, as they would lie on a disk.
#[derive(Clone, Default)]
pub struct Disk(Rc<RefCell<Vec<Vec<u64>>>>);

impl Keep for Disk {
    fn keep(&mut self, words: &mut Vec<u64>, _: u32) {
        self.0.borrow_mut().push(std::mem::take(words));
    }
}

#[derive(Default)]
struct Inbox(Vec<Vec<u64>>, flyball_core::journal::Encode);

impl Deliver for Inbox {
    fn deliver(&mut self, event: &Event<'_>) {
        let mut words = Vec::new();
        self.1.event(event, &mut words);
        self.0.push(words);
    }
}

/// What is on its way to a client, beside what the gateway brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    Connected { market: bool, attempt: u64, stands: bool },
    Timeout(u64),
}

/// An engine with everything that belongs to it.
pub struct Client {
    pub node: Node<Disk>,
    pub session: Session<Vec<u8>>,
    market: Market<Inbox>,
    disk: Disk,
    first: Vec<u8>,
    told: Told,
    account_conn: Option<ConnId>,
    market_conn: Option<ConnId>,
    attempts: [u64; 2],
    asks: BTreeMap<u64, u64>,
    pub notices: Vec<(i64, Notice)>,
    pub sent: u64,
    random: Random,
    pub address: Address,
    pub decides: bool,
}

/// The exchange, its network, and the clients.
pub struct World {
    pub gateway: Gateway,
    pub clients: Vec<Client>,
    keys: Vec<(Address, String)>,
    config: EngineConfig,
    number: u32,
    pub now: i64,
    later: BTreeMap<(i64, u64), (usize, Later)>,
    last_later: u64,
    last_conn: u64,
    last_request: u64,
    conns: BTreeMap<ConnId, (usize, bool)>,
    requests: BTreeMap<RequestId, (usize, u64)>,
    overdue: u32,
}

fn peer() -> Peer {
    Peer(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn key(number: u64) -> String {
    format!("0x{number:064x}")
}

fn profile() -> Profile {
    serde_json::from_str(include_str!("emergency.json")).unwrap()
}

impl World {
    /// A world with `count` engines on accounts of their own, and these faults.
    pub fn new(seed: u64, count: usize, market: MarketSetup, faults: &str) -> Self {
        let keys: Vec<(Address, String)> = (0..count as u64)
            .map(|at| {
                let master = SigningKey::parse(&key(1_000 + at)).unwrap().address();
                (master, key(2_000 + at))
            })
            .collect();
        let accounts = keys.iter().map(|(address, agent)| AccountSetup {
            address: *address,
            cash: "10000".to_owned(),
            agents: vec![("engine".to_owned(), SigningKey::parse(agent).unwrap().address())],
        });
        let setup = Setup {
            accounts: accounts.collect(),
            market,
            start_ns: Some(START_NS),
            faults: (!faults.is_empty()).then(|| faults.to_owned()),
            // All engines share the one address of this machine.
            weight_per_minute: Some(1_200 * u32::try_from(count).unwrap()),
            ..Setup::synthetic(seed)
        };
        let mut gateway = setup.gateway(START_NS).unwrap().telling_silence();
        let meta = query_body(&Query::Meta).unwrap();
        let reply = gateway.exchange_mut().request(peer(), "/info", &meta, START_NS);
        let meta = info::meta(reply.body.as_bytes()).unwrap();
        let (number, perp) = meta.perp(COIN).unwrap();
        let fees =
            flyball_core::domain::Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) };
        let spec = meta.spec(perp, fees).unwrap();
        let config = EngineConfig {
            instruments: vec![InstrumentConfig { spec, quiet_ns: 3 * SECOND }],
            strategies: vec![StrategyConfig {
                name: "random".into(),
                instrument: 0,
                wake: WakeSpec { every_ns: Some(2 * SECOND), ..WakeSpec::default() },
                bars: None,
                features: vec![],
                sizing: Sizing::EquityFraction { fraction: Rate::from_ppm(100_000) },
            }],
            profile: profile(),
            cash: Money::from_whole(10_000),
            answer_timeout_ns: 5 * SECOND,
        };
        let mut world = Self {
            gateway,
            clients: Vec::new(),
            keys,
            config,
            number,
            now: START_NS,
            later: BTreeMap::new(),
            last_later: 0,
            last_conn: 0,
            last_request: 0,
            conns: BTreeMap::new(),
            requests: BTreeMap::new(),
            overdue: 0,
        };
        for at in 0..count {
            let engine = Engine::new(&world.config).unwrap();
            let told = Told::since(START_NS - 1);
            let client = world.client(at, seed, engine, told, &[]);
            world.clients.push(client);
        }
        world
    }

    fn client(&self, at: usize, seed: u64, engine: Engine, told: Told, kept: &[u8]) -> Client {
        let (address, agent) = self.keys[at].clone();
        let outbox = Outbox::resume(kept, kept.to_vec()).unwrap();
        let mut engine = engine;
        if let Some(order) = outbox.last_order() {
            engine.skip_ids(order);
        }
        let mut assets = Assets::new();
        assets.add(self.number, &engine.instruments()[0]).unwrap();
        let signer = Signer::new(SigningKey::parse(&agent).unwrap(), Network::Testnet);
        let settings = Settings {
            user: address,
            tag: EngineTag::new(0x464c_5942_0000_0000 | at as u64),
            expires_ns: 5 * SECOND,
            answer_ns: 3 * SECOND,
            cancel_foreign: false,
            weight_per_minute: 1_200,
            seed: seed + at as u64,
        };
        let listings = Listings::of(engine.instruments()).unwrap();
        let ground = Ground { engine: &engine, assets, signer, outbox, told: told.clone() };
        let session = Session::new(settings, ground);
        let disk = Disk::default();
        let first = engine.snapshot();
        let mut node = Node::new(engine, disk.clone());
        // As the engine's thread begins.
        node.happened(Body::Account(AccountState { known: false }), self.now).unwrap();
        Client {
            node,
            session,
            market: Market::new(listings, Inbox::default(), seed + 77),
            disk,
            first,
            told,
            account_conn: None,
            market_conn: None,
            attempts: [0, 0],
            asks: BTreeMap::new(),
            notices: Vec::new(),
            sent: 0,
            random: Random::new(seed ^ (at as u64 + 5)),
            address,
            decides: true,
        }
    }

    /// Kill a client's process and start it anew from what it kept. The last `lost` records of the
    /// journal had not reached the system.
    pub fn crash(&mut self, at: usize, lost: usize) {
        let old = self.clients.remove(at);
        for conn in [old.account_conn, old.market_conn].into_iter().flatten() {
            self.conns.remove(&conn);
            self.gateway.close(conn, self.now);
        }
        self.requests.retain(|_, (client, _)| *client != at);
        self.later.retain(|_, (client, _)| *client != at);
        let records = old.disk.0.borrow();
        let keep = records.len().saturating_sub(lost);
        let mut engine = Engine::restore(&old.first).unwrap();
        let mut told = old.told.clone();
        let mut out = Commands::with_capacity(64);
        for words in &records[..keep] {
            let mut rest = words.as_slice();
            while let Ok((entry, length)) = decode(rest) {
                if let Entry::Event(event) = entry {
                    told.heard(&event);
                    engine.on_event(&event, &mut out).unwrap();
                    out.clear();
                }
                rest = &rest[length..];
            }
        }
        let seed = self.now.unsigned_abs();
        let mut client = self.client(at, seed, engine, told, old.session.kept());
        client.notices.clone_from(&old.notices);
        client.sent = old.sent;
        client.decides = old.decides;
        client.random = old.random.clone();
        drop(records);
        self.clients.insert(at, client);
    }

    /// Let time go on until then.
    pub fn run_until(&mut self, until: i64) {
        while self.now < until {
            let mut next = until;
            if let Some(due) = self.gateway.next_due_ns() {
                next = next.min(due);
            }
            if let Some(((due, _), _)) = self.later.first_key_value() {
                next = next.min(*due);
            }
            for client in &self.clients {
                let engine = client.node.engine().due_ns();
                next = next.min(client.session.due_ns()).min(client.market.due_ns()).min(engine);
            }
            // Time goes on, whatever is overdue; but nothing may be overdue again and again.
            self.overdue = if next <= self.now { self.overdue + 1 } else { 0 };
            assert!(self.overdue < 10_000, "{}", self.who_is_due());
            self.now = next.max(self.now + 1);
            self.gateway.advance(self.now);
            self.deliver();
            self.late();
            for at in 0..self.clients.len() {
                let client = &mut self.clients[at];
                client.session.tick(self.now);
                client.market.tick(self.now);
                self.settle(at);
                if self.clients[at].node.engine().due_ns() <= self.now {
                    self.happened(at, Body::Timer);
                }
            }
        }
    }

    fn who_is_due(&mut self) -> String {
        let now = self.now;
        let mut told = vec![format!("gateway {:?}", self.gateway.next_due_ns().map(|ns| ns - now))];
        for client in &self.clients {
            let engine = client.node.engine().due_ns().saturating_sub(now);
            let session = client.session.due_ns().saturating_sub(now);
            let market = client.market.due_ns().saturating_sub(now);
            told.push(format!("engine {engine}, session {session}, market {market}"));
        }
        told.join("; ")
    }

    /// What the gateway has for clients.
    fn deliver(&mut self) {
        loop {
            let delivered: Vec<_> = self.gateway.drain().collect();
            if delivered.is_empty() {
                return;
            }
            for delivery in delivered {
                self.one(delivery.what);
            }
        }
    }

    fn one(&mut self, what: Delivered) {
        match what {
            Delivered::Answer(id, reply) => {
                let Some((at, ask)) = self.requests.remove(&id) else { return };
                if self.clients[at].asks.remove(&ask).is_none() {
                    return;
                }
                let outcome = Some((reply.status, reply.body.as_bytes()));
                self.clients[at].session.answered(ask, outcome, self.now);
                self.settle(at);
            }
            Delivered::Cut(id) => {
                let Some((at, ask)) = self.requests.remove(&id) else { return };
                if self.clients[at].asks.remove(&ask).is_some() {
                    self.clients[at].session.answered(ask, None, self.now);
                    self.settle(at);
                }
            }
            // Its client loses patience by itself.
            Delivered::Silent(_) | Delivered::Stalled(_) => {}
            Delivered::Text(conn, text) => {
                let Some(&(at, market)) = self.conns.get(&conn) else { return };
                let client = &mut self.clients[at];
                if market {
                    client.market.frame(text.as_bytes(), self.now);
                } else {
                    client.session.frame(text.as_bytes(), self.now);
                }
                self.settle(at);
            }
            Delivered::Closed(conn) => self.closed(conn),
        }
    }

    fn closed(&mut self, conn: ConnId) {
        let Some((at, market)) = self.conns.remove(&conn) else { return };
        let client = &mut self.clients[at];
        if market {
            client.market_conn = None;
            client.market.disconnected(self.now);
        } else {
            client.account_conn = None;
            client.session.disconnected(self.now);
        }
        self.settle(at);
    }

    fn later(&mut self, at_ns: i64, client: usize, what: Later) {
        self.last_later += 1;
        self.later.insert((at_ns, self.last_later), (client, what));
    }

    fn late(&mut self) {
        while let Some((&(due, number), &(at, what))) = self.later.first_key_value() {
            if due > self.now {
                return;
            }
            self.later.remove(&(due, number));
            match what {
                Later::Timeout(ask) => {
                    if self.clients[at].asks.remove(&ask).is_some() {
                        self.clients[at].session.answered(ask, None, self.now);
                        self.settle(at);
                    }
                }
                Later::Connected { market, attempt, stands } => {
                    let client = &mut self.clients[at];
                    if client.attempts[usize::from(market)] != attempt {
                        continue;
                    }
                    match (market, stands) {
                        (true, true) => client.market.connected(self.now),
                        (true, false) => client.market.disconnected(self.now),
                        (false, true) => client.session.connected(self.now),
                        (false, false) => client.session.disconnected(self.now),
                    }
                    self.settle(at);
                }
            }
        }
    }

    /// What a client has to do and to say, until it has nothing more.
    fn settle(&mut self, at: usize) {
        for _ in 0..10_000 {
            let mut idle = true;
            if let Some(todo) = self.clients[at].session.next_todo() {
                self.carry_out(at, todo, false);
                idle = false;
            }
            if let Some(todo) = self.clients[at].market.next_todo() {
                self.carry_out(at, todo, true);
                idle = false;
            }
            if let Some((time_ns, body)) = self.clients[at].session.next_event() {
                let event = Event { time_ns, received_ns: self.now, body };
                self.event(at, &event);
                idle = false;
            }
            let inbox = std::mem::take(&mut self.clients[at].market.delivery().0);
            for words in &inbox {
                if let Ok((Entry::Event(event), _)) = decode(words) {
                    self.event(at, &event);
                }
                idle = false;
            }
            if idle {
                return;
            }
        }
        panic!("a client never comes to rest");
    }

    fn happened(&mut self, at: usize, body: Body<'_>) {
        let event = Event { time_ns: self.now, received_ns: self.now, body };
        self.event(at, &event);
    }

    fn event(&mut self, at: usize, event: &Event<'_>) {
        self.clients[at].node.take(event).unwrap();
        let commands: Vec<_> = self.clients[at].node.drain().collect();
        self.watch(at, &commands);
        let mut batch = Vec::new();
        for command in commands {
            match command {
                CommandOf::Wake { .. } => self.decide(at),
                CommandOf::Notice(notice) => self.clients[at].notices.push((self.now, notice)),
                CommandOf::Resnapshot { instrument } => {
                    self.clients[at].market.message(Wish::Resnapshot(instrument), self.now);
                }
                other => {
                    self.clients[at].sent += u64::from(matches!(other, CommandOf::Submit(_)));
                    batch.push(other);
                }
            }
        }
        if !batch.is_empty() {
            let epoch = self.clients[at].node.engine().gate().epoch();
            self.clients[at]
                .session
                .message(Batch { epoch, commands: batch, since_ns: None }, self.now);
        }
    }

    /// What must hold after every event, whatever goes wrong: nothing adds risk after a kill, and
    /// if every order that may still fill does, the position is within a quarter of the account
    /// (and what the price has moved since), by the engine's count and at the venue.
    fn watch(&self, at: usize, commands: &[flyball_core::risk::Command]) {
        let engine = self.clients[at].node.engine();
        for command in commands {
            if let CommandOf::Submit(order) = command
                && engine.switches().is_stopped()
            {
                assert!(order.get().reduce_only, "after a kill: {:?}", order.get());
            }
        }
        let instrument = &engine.instruments()[0];
        let (id, portfolio) = (instrument.id(), engine.portfolio());
        let Some(mark) = portfolio.position(id).and_then(Position::mark) else { return };
        let exposure = engine.execution().orders.exposure(id);
        let (held, equity) = (portfolio.qty(id).lots(), portfolio.equity());
        let most = (held + exposure.bids.lots() as i64)
            .abs()
            .max((held - exposure.asks.lots() as i64).abs())
            .max(self.at_venue(at).0.abs());
        let value = instrument.value(mark, Qty::from_lots(most.unsigned_abs()));
        let share = value.to_f64() / equity.to_f64();
        assert!(share < 0.25 * 1.2, "client {at}: {most} lots are {share:.3} of the account");
    }

    /// A strategy without a plan: positions, quotes, nothing, at random.
    fn decide(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if !client.decides {
            return;
        }
        let strategy = StrategyId::new(0);
        let Some(best) = client.node.engine().view(strategy).and_then(|view| view.best()) else {
            return;
        };
        let random = &mut client.random;
        let instrument = client.node.engine().instruments()[0].clone();
        let woken_ns = self.now;
        let lots = random.below(800) as i64;
        let side = if random.chance(0.5) { 1 } else { -1 };
        let target = |lots| Target {
            position: NetQty::from_lots(lots),
            stop: None,
            take_profit: None,
            trailing: None,
        };
        let away = 1 + random.below(20) as i64;
        let quote = |price: Price, sign: i64| {
            let moved = Price::from_ticks(price.ticks() + sign * away * 10);
            let side = if sign < 0 {
                flyball_core::domain::Side::Bid
            } else {
                flyball_core::domain::Side::Ask
            };
            [Level { price: instrument.round_passive(moved, side), qty: Qty::from_lots(50) }]
        };
        let (bids, asks) = (quote(best.bid.price, -1), quote(best.ask.price, 1));
        let intent = match random.below(10) {
            0..=3 => Intent::Target(target(side * lots)),
            4 => Intent::Target(target(0)),
            5..=8 => Intent::Quotes(Quotes { bids: &bids, asks: &asks }),
            _ => return,
        };
        self.happened(at, Body::Decision(Decision { strategy, woken_ns, intent }));
    }

    fn carry_out(&mut self, at: usize, todo: Todo, market: bool) {
        match todo {
            Todo::Connect => {
                self.last_conn += 1;
                let conn = ConnId(self.last_conn);
                let stands = self.gateway.open(conn, peer(), self.now).is_ok();
                let client = &mut self.clients[at];
                client.attempts[usize::from(market)] += 1;
                let attempt = client.attempts[usize::from(market)];
                if stands {
                    if market {
                        client.market_conn = Some(conn);
                    } else {
                        client.account_conn = Some(conn);
                    }
                    self.conns.insert(conn, (at, market));
                }
                let connected = Later::Connected { market, attempt, stands };
                self.later(self.now + CONNECT_NS, at, connected);
            }
            Todo::Close => {
                let client = &mut self.clients[at];
                client.attempts[usize::from(market)] += 1;
                let place = if market { &mut client.market_conn } else { &mut client.account_conn };
                if let Some(conn) = place.take() {
                    self.conns.remove(&conn);
                    self.gateway.close(conn, self.now);
                }
                let client = &mut self.clients[at];
                if market {
                    client.market.disconnected(self.now);
                } else {
                    client.session.disconnected(self.now);
                }
            }
            Todo::Send(text) => {
                let client = &self.clients[at];
                let conn = if market { client.market_conn } else { client.account_conn };
                if let Some(conn) = conn {
                    self.gateway.frame(conn, &text, self.now + WAY_NS - WAY_NS);
                }
            }
            Todo::Ask { id, path, body } => {
                self.last_request += 1;
                let request = RequestId(self.last_request);
                self.requests.insert(request, (at, id));
                self.clients[at].asks.insert(id, self.last_request);
                self.later(self.now + HTTP_PATIENCE, at, Later::Timeout(id));
                let path = match path {
                    Path::Info => "/info",
                    Path::Exchange => "/exchange",
                };
                self.gateway.request(request, peer(), (path, &body), self.now);
            }
        }
    }

    /// An operator acts.
    pub fn operate(&mut self, at: usize, operator: Operator) {
        self.happened(at, Body::Operator(operator));
        self.settle(at);
    }

    /// What the venue holds for a client: lots, money, its open orders by our ids.
    ///
    /// Money is cash less what the position cost: what has flowed in and out. Which of it is
    /// realised depends on the order of the fills, and a fill whose message was lost comes later.
    pub fn at_venue(&self, at: usize) -> (i64, Money, Vec<ClientOrderId>) {
        let exchange = self.gateway.exchange();
        let account = exchange.account(self.clients[at].address).unwrap();
        let xrp = exchange.instruments().iter().find(|it| it.symbol().as_str() == COIN).unwrap();
        let venue = exchange.venue();
        let portfolio = venue.portfolio(account).unwrap();
        let orders =
            venue.orders(account).map(|order| ClientOrderId::new(low(order.order.client_id.raw())));
        let mut orders: Vec<_> = orders.collect();
        orders.sort_unstable();
        (portfolio.qty(xrp.id()).lots(), flowed(portfolio, xrp.id()), orders)
    }

    /// Client ids of all orders that the venue ever took from a client and still remembers.
    pub fn ever_at_venue(&self, at: usize) -> Vec<u64> {
        let exchange = self.gateway.exchange();
        let account = exchange.account(self.clients[at].address).unwrap();
        let venue = exchange.venue();
        let all = venue.orders(account).chain(venue.history(account));
        let ids = all.map(|order| low(order.order.client_id.raw()));
        ids.filter(|id| *id != 0).collect()
    }

    /// What the engine believes: lots, cash, its open orders.
    pub fn at_engine(&self, at: usize) -> (i64, Money, Vec<ClientOrderId>) {
        let engine = self.clients[at].node.engine();
        let id = engine.instruments()[0].id();
        let live = engine.execution().orders.of(id).iter();
        let mut orders: Vec<_> = live.map(|live| live.order.client_order_id).collect();
        orders.sort_unstable();
        let portfolio = engine.portfolio();
        (portfolio.qty(id).lots(), flowed(portfolio, id), orders)
    }

    /// Hours since the start.
    pub fn hours(&self) -> f64 {
        (self.now - START_NS) as f64 / HOUR as f64
    }
}

/// Cash less what the position cost, with its sign.
fn flowed(portfolio: &Portfolio, id: InstrumentId) -> Money {
    let cost = portfolio.position(id).map_or(Money::ZERO, Position::entry_value);
    let long = portfolio.qty(id).is_long();
    if long { portfolio.cash().minus(cost) } else { portfolio.cash().plus(cost) }
}

/// The second half of a client order id at the venue: the engine's own id.
fn low(id: u128) -> u64 {
    u64::try_from(id & u128::from(u64::MAX)).unwrap()
}
