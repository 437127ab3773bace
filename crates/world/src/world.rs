//! The exchange, its network and its clients, in virtual time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use flyball_core::domain::{
    AccountState, Body, CommandOf, Event, HOUR, MILLISECOND, Money, Operator, Random, Rate, SECOND,
};
use flyball_core::engine::{Engine, EngineConfig, InstrumentConfig, StrategyConfig};
use flyball_core::journal::{Entry, decode};
use flyball_core::risk::{Commands, Profile};
use flyball_core::strategy::{Sizing, WakeSpec};
use flyball_exchange::{
    AccountSetup, Address, ConnId, Delivered, Gateway, MarketSetup, Peer, RequestId, Setup,
};
use flyball_live::duty::{Duty, Path, Todo};
use flyball_live::market::{Market, Wish};
use flyball_live::node::Node;
use flyball_live::outbox::Outbox;
use flyball_live::recover::Told;
use flyball_live::session::{Batch, Ground, Session, Settings};
use flyball_venues::Listings;
use flyball_venues::hyperliquid::sign::{Network, SigningKey};
use flyball_venues::hyperliquid::{Assets, EngineTag, Query, Signer, info, query_body};

use crate::client::{Client, Disk, Inbox, Shelf};
use crate::clock::Steered;
use crate::desk::{Desk, Thought};
use crate::way::Way;

/// When every world begins.
pub const START_NS: i64 = 1_760_054_400_000_000_000;
pub(crate) const COIN: &str = "XRP";
/// A client gives up on an HTTP request after this.
const HTTP_PATIENCE: i64 = 5 * SECOND;
const CONNECT_NS: i64 = 2 * MILLISECOND;

/// What is on its way, beside what the gateway brings.
#[derive(Debug)]
enum Later {
    Connected {
        market: bool,
        attempt: u64,
        stands: bool,
    },
    Timeout(u64),
    /// To a client, over a way with delays.
    Arrives(Delivered),
    /// To the exchange.
    Frame(ConnId, Vec<u8>),
    Request(RequestId, &'static str, Vec<u8>),
    /// The strategy looks into its mailbox.
    Thinks,
    /// Its answer reaches the engine.
    Answers(Thought),
}

/// The exchange, its network, and the clients.
pub struct World {
    /// The exchange behind its network.
    pub gateway: Gateway,
    /// Engines with their sessions.
    pub clients: Vec<Client>,
    keys: Vec<(Address, String)>,
    config: EngineConfig,
    number: u32,
    /// What time it is.
    pub now: i64,
    /// Delays between clients and the exchange; without it everything is there at once.
    pub way: Option<Way>,
    /// Whether what must hold is checked after every event.
    checked: bool,
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

/// The account of a client, and the key of its agent.
pub(crate) fn account(at: u64) -> (Address, String) {
    (SigningKey::parse(&key(1_000 + at)).unwrap().address(), key(2_000 + at))
}

/// How an account begins: with ten thousand dollars.
pub(crate) fn opened((address, agent): &(Address, String)) -> AccountSetup {
    AccountSetup {
        address: *address,
        cash: "10000".to_owned(),
        agents: vec![("engine".to_owned(), SigningKey::parse(agent).unwrap().address())],
    }
}

fn key(number: u64) -> String {
    format!("0x{number:064x}")
}

fn profile() -> Profile {
    serde_json::from_str(include_str!("../../live/tests/world/emergency.json")).unwrap()
}

impl World {
    /// A world with `count` engines on accounts of their own, and these faults.
    pub fn new(seed: u64, count: usize, market: MarketSetup, faults: &str) -> Self {
        let keys: Vec<(Address, String)> = (0..count as u64).map(account).collect();
        let setup = Setup {
            accounts: keys.iter().map(opened).collect(),
            market,
            start_ns: Some(START_NS),
            faults: (!faults.is_empty()).then(|| faults.to_owned()),
            // All engines share the one address of this machine.
            weight_per_minute: Some(1_200 * u32::try_from(count).unwrap()),
            ..Setup::synthetic(seed)
        };
        let gateway = setup.gateway(START_NS).unwrap().telling_silence();
        let wake = WakeSpec { every_ns: Some(2 * SECOND), ..WakeSpec::default() };
        Self::behind(gateway, seed, keys, wake, true)
    }

    /// Engines on these accounts of the exchange behind this network.
    pub(crate) fn behind(
        mut gateway: Gateway,
        seed: u64,
        keys: Vec<(Address, String)>,
        wake: WakeSpec,
        checked: bool,
    ) -> Self {
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
                wake,
                bars: None,
                features: vec![],
                sizing: Sizing::EquityFraction { fraction: Rate::from_ppm(100_000) },
            }],
            profile: profile(),
            cash: Money::from_whole(10_000),
            answer_timeout_ns: 5 * SECOND,
        };
        let count = keys.len();
        let mut world = Self {
            gateway,
            clients: Vec::new(),
            keys,
            config,
            number,
            now: START_NS,
            way: None,
            checked,
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
            let client = world.client(at, seed, engine, told, &Shelf::default());
            world.clients.push(client);
        }
        world
    }

    fn client(&self, at: usize, seed: u64, engine: Engine, told: Told, kept: &Shelf) -> Client {
        let (address, agent) = self.keys[at].clone();
        let ahead = Shelf { forgets: !self.checked, ..kept.clone() };
        let outbox = Outbox::resume(&kept.bytes, ahead).unwrap();
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
        let disk = if self.checked { Disk::default() } else { Disk::counting() };
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
            clock: Steered::default(),
            still_until_ns: 0,
            desk: None,
        }
    }

    /// Kill a client's process and start it anew from what it kept. The last `lost` records of the
    /// journal had not reached the system; where none were lost, the engine is the same again.
    pub fn crash(&mut self, at: usize, lost: usize) {
        let old = self.clients.remove(at);
        for conn in [old.account_conn, old.market_conn].into_iter().flatten() {
            self.conns.remove(&conn);
            self.gateway.close(conn, self.now);
        }
        self.requests.retain(|_, (client, _)| *client != at);
        self.later.retain(|_, (client, _)| *client != at);
        let records = old.disk.words();
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
        if keep == records.len() {
            let same = engine.state_hash() == old.node.engine().state_hash();
            assert!(same, "client {at}: its journal, played again, gives the same engine");
        }
        let seed = self.now.unsigned_abs();
        let mut client = self.client(at, seed, engine, told, old.session.kept());
        client.notices.clone_from(&old.notices);
        client.sent = old.sent;
        client.decides = old.decides;
        client.random = old.random.clone();
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
                next = next.min(client.due_ns());
            }
            // Time goes on, whatever is overdue; but nothing may be overdue again and again.
            self.overdue = if next <= self.now { self.overdue + 1 } else { 0 };
            assert!(self.overdue < 10_000, "{}", self.who_is_due());
            self.now = next.max(self.now + 1);
            self.gateway.advance(self.now);
            self.deliver();
            self.late();
            for at in 0..self.clients.len() {
                self.tick(at);
            }
        }
    }

    /// What time a client's machine shows.
    fn time(&self, at: usize) -> i64 {
        self.clients[at].clock.read(self.now)
    }

    fn tick(&mut self, at: usize) {
        let now = self.time(at);
        let client = &mut self.clients[at];
        if self.now < client.still_until_ns {
            return;
        }
        client.session.tick(now);
        client.market.tick(now);
        let overdue = client.desk.as_mut().and_then(|desk| desk.overdue(now));
        self.settle(at);
        if let Some(body) = overdue {
            self.happened(at, body);
        }
        if self.clients[at].node.engine().due_ns() <= now {
            self.happened(at, Body::Timer);
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
                match self.on_the_way(&delivery.what) {
                    Some((at, arrives)) => self.later(arrives, at, Later::Arrives(delivery.what)),
                    None => self.one(delivery.what),
                }
            }
        }
    }

    /// Whom something is for and when it is there, if it is not there at once.
    fn on_the_way(&mut self, what: &Delivered) -> Option<(usize, i64)> {
        let (at, lane) = match what {
            Delivered::Answer(id, _) | Delivered::Cut(id) => {
                (self.requests.get(id)?.0, (u64::MAX - id.0, false))
            }
            Delivered::Text(conn, _) | Delivered::Closed(conn) => {
                (self.conns.get(conn)?.0, (conn.0, false))
            }
            Delivered::Silent(_) | Delivered::Stalled(_) => return None,
        };
        let mut arrives = self.now;
        if let Some(way) = &mut self.way {
            arrives = way.arrives(lane, self.now);
            if lane.0 > u64::MAX / 2 {
                way.forget(lane.0);
            }
        }
        let arrives = arrives.max(self.clients[at].still_until_ns);
        (arrives > self.now).then_some((at, arrives))
    }

    fn one(&mut self, what: Delivered) {
        let now = match &what {
            Delivered::Answer(id, _) | Delivered::Cut(id) => {
                self.requests.get(id).map(|(at, _)| self.time(*at))
            }
            Delivered::Text(conn, _) => self.conns.get(conn).map(|(at, _)| self.time(*at)),
            _ => None,
        };
        let now = now.unwrap_or(self.now);
        match what {
            Delivered::Answer(id, reply) => {
                let Some((at, ask)) = self.requests.remove(&id) else { return };
                if self.clients[at].asks.remove(&ask).is_none() {
                    return;
                }
                let outcome = Some((reply.status, reply.body.as_bytes()));
                self.clients[at].session.answered(ask, outcome, now);
                self.settle(at);
            }
            Delivered::Cut(id) => {
                let Some((at, ask)) = self.requests.remove(&id) else { return };
                if self.clients[at].asks.remove(&ask).is_some() {
                    self.clients[at].session.answered(ask, None, now);
                    self.settle(at);
                }
            }
            // Its client loses patience by itself.
            Delivered::Silent(_) | Delivered::Stalled(_) => {}
            Delivered::Text(conn, text) => {
                let Some(&(at, market)) = self.conns.get(&conn) else { return };
                let client = &mut self.clients[at];
                if market {
                    client.market.frame(text.as_bytes(), now);
                } else {
                    client.session.frame(text.as_bytes(), now);
                }
                self.settle(at);
            }
            Delivered::Closed(conn) => self.closed(conn),
        }
    }

    fn closed(&mut self, conn: ConnId) {
        let Some((at, market)) = self.conns.remove(&conn) else { return };
        let now = self.time(at);
        if let Some(way) = &mut self.way {
            way.forget(conn.0);
        }
        let client = &mut self.clients[at];
        if market {
            client.market_conn = None;
            client.market.disconnected(now);
        } else {
            client.account_conn = None;
            client.session.disconnected(now);
        }
        self.settle(at);
    }

    fn later(&mut self, at_ns: i64, client: usize, what: Later) {
        self.last_later += 1;
        self.later.insert((at_ns, self.last_later), (client, what));
    }

    fn late(&mut self) {
        while let Some((&(due, number), _)) = self.later.first_key_value() {
            if due > self.now {
                return;
            }
            let Some((at, what)) = self.later.remove(&(due, number)) else { return };
            let outside = matches!(what, Later::Frame(..) | Later::Request(..));
            let still = self.clients[at].still_until_ns;
            if still > self.now && !outside {
                self.later.insert((still, number), (at, what));
                continue;
            }
            self.comes(at, what);
        }
    }

    fn comes(&mut self, at: usize, what: Later) {
        let now = self.time(at);
        match what {
            Later::Timeout(ask) => {
                if self.clients[at].asks.remove(&ask).is_some() {
                    self.clients[at].session.answered(ask, None, now);
                    self.settle(at);
                }
            }
            Later::Connected { market, attempt, stands } => {
                let client = &mut self.clients[at];
                if client.attempts[usize::from(market)] != attempt {
                    return;
                }
                match (market, stands) {
                    (true, true) => client.market.connected(now),
                    (true, false) => client.market.disconnected(now),
                    (false, true) => client.session.connected(now),
                    (false, false) => client.session.disconnected(now),
                }
                self.settle(at);
            }
            Later::Arrives(what) => self.one(what),
            Later::Frame(conn, text) => self.gateway.frame(conn, &text, self.now),
            Later::Request(id, path, body) => {
                self.gateway.request(id, peer(), (path, &body), self.now);
            }
            Later::Thinks => {
                let thought = self.clients[at].desk.as_mut().and_then(|desk| desk.think());
                if let Some((takes, thought)) = thought {
                    self.later(self.now + takes, at, Later::Answers(thought));
                }
            }
            Later::Answers(thought) => {
                let Some(desk) = &mut self.clients[at].desk else { return };
                let (awake, decided) = desk.answered(&thought, now);
                for body in [awake, decided].into_iter().flatten() {
                    self.happened(at, body);
                }
                self.settle(at);
            }
        }
    }

    /// A strategy that was stuck looks into its mailbox again.
    pub(crate) fn unstick(&mut self, at: usize) {
        if self.clients[at].desk.as_ref().is_some_and(|desk| desk.has_unread()) {
            self.later(self.now, at, Later::Thinks);
        }
    }

    /// The engine's thread looks at the beats of its sentinel.
    pub(crate) fn heed_sentinel(&mut self, at: usize) {
        let now = self.now;
        let heard = self.clients[at].desk.as_mut().and_then(|desk| desk.watched(now));
        if let Some(body) = heard {
            self.happened(at, body);
            self.settle(at);
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
                let event = Event { time_ns, received_ns: self.time(at), body };
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
                let now = self.time(at);
                self.clients[at].session.handed_over(now);
                return;
            }
        }
        panic!("a client never comes to rest");
    }

    pub(crate) fn happened(&mut self, at: usize, body: Body<'_>) {
        let now = self.time(at);
        self.event(at, &Event { time_ns: now, received_ns: now, body });
    }

    fn event(&mut self, at: usize, event: &Event<'_>) {
        let now = self.time(at);
        let client = &mut self.clients[at];
        let taken = client.node.take(event);
        if let Some(desk) = &mut client.desk {
            match taken {
                Ok(()) => desk.tally.event(&event.body, client.node.engine()),
                Err(_) => desk.refused += 1,
            }
        } else {
            taken.unwrap();
        }
        let commands: Vec<_> = client.node.drain().collect();
        if self.checked {
            self.watch(at, &commands);
        }
        let mut batch = Vec::new();
        for command in commands {
            let Client { node, desk, .. } = &mut self.clients[at];
            if let Some(desk) = desk {
                desk.tally.command(&command, node.engine());
            }
            match command {
                CommandOf::Wake { reason, .. } => self.wake(at, reason),
                CommandOf::Notice(notice) => match &mut self.clients[at].desk {
                    Some(desk) => desk.said(now, notice),
                    None => self.clients[at].notices.push((self.now, notice)),
                },
                CommandOf::Resnapshot { instrument } => {
                    self.clients[at].market.message(Wish::Resnapshot(instrument), now);
                }
                other => {
                    self.clients[at].sent += u64::from(matches!(other, CommandOf::Submit(_)));
                    batch.push(other);
                }
            }
        }
        if !batch.is_empty() {
            let epoch = self.clients[at].node.engine().gate().epoch();
            let since_ns = Some(event.received_ns);
            self.clients[at].session.message(Batch { epoch, commands: batch, since_ns }, now);
        }
    }

    fn wake(&mut self, at: usize, reason: flyball_core::domain::WakeReason) {
        let now = self.time(at);
        let client = &mut self.clients[at];
        match &mut client.desk {
            None => self.decide(at),
            Some(desk) => {
                if let Some(reads) = desk.ask(client.node.engine(), reason, now) {
                    self.later(self.now + reads, at, Later::Thinks);
                }
            }
        }
    }

    fn carry_out(&mut self, at: usize, todo: Todo, market: bool) {
        match todo {
            Todo::Connect => {
                self.last_conn += 1;
                let conn = ConnId(self.last_conn);
                let stands = self.gateway.open(conn, peer(), self.now).is_ok();
                let takes = match &mut self.way {
                    // Names, handshakes: three times there and back.
                    Some(way) => 6 * (way.arrives((conn.0, true), self.now) - self.now),
                    None => CONNECT_NS,
                };
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
                self.later(self.now + takes, at, connected);
            }
            Todo::Close => {
                let client = &mut self.clients[at];
                client.attempts[usize::from(market)] += 1;
                let place = if market { &mut client.market_conn } else { &mut client.account_conn };
                if let Some(conn) = place.take() {
                    self.conns.remove(&conn);
                    self.gateway.close(conn, self.now);
                    if let Some(way) = &mut self.way {
                        way.forget(conn.0);
                    }
                }
                let now = self.time(at);
                let client = &mut self.clients[at];
                if market {
                    client.market.disconnected(now);
                } else {
                    client.session.disconnected(now);
                }
            }
            Todo::Send(text) => {
                let client = &self.clients[at];
                let conn = if market { client.market_conn } else { client.account_conn };
                match (conn, &mut self.way) {
                    (Some(conn), Some(way)) => {
                        let arrives = way.arrives((conn.0, true), self.now);
                        self.later(arrives, at, Later::Frame(conn, text));
                    }
                    (Some(conn), None) => self.gateway.frame(conn, &text, self.now),
                    (None, _) => {}
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
                match &mut self.way {
                    Some(way) => {
                        let lane = (u64::MAX - request.0, true);
                        let arrives = way.arrives(lane, self.now);
                        way.forget(lane.0);
                        self.later(arrives, at, Later::Request(request, path, body));
                    }
                    None => self.gateway.request(request, peer(), (path, &body), self.now),
                }
            }
        }
    }

    /// Put somebody beside a client: its run is looked at from now on.
    pub(crate) fn attend(&mut self, at: usize, desk: Desk) {
        let client = &mut self.clients[at];
        client.session.measure(desk.meters.clone());
        client.market.measure(desk.meters.clone());
        client.desk = Some(Box::new(desk));
    }

    /// The venue, or somebody between, cuts a client's connections to the market or to its account.
    pub(crate) fn cut(&mut self, at: usize, market: bool) {
        let client = &self.clients[at];
        if let Some(conn) = if market { client.market_conn } else { client.account_conn } {
            self.gateway.close(conn, self.now);
            self.closed(conn);
        }
    }

    /// An operator acts.
    pub fn operate(&mut self, at: usize, operator: Operator) {
        self.happened(at, Body::Operator(operator));
        self.settle(at);
    }

    /// Hours since the start.
    pub fn hours(&self) -> f64 {
        (self.now - START_NS) as f64 / HOUR as f64
    }
}
