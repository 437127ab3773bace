//! The exchange behind a network on which things go wrong. Without sockets: the server and
//! in-process simulations use it alike.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use crate::exchange::{Exchange, Payload, Push, PushKind, Reply, SocketRefusal};
use crate::faults::{Fault, Kind, Lost, Network, Refuse, RequestPlan, Script, Target};
use crate::faults::{distort, nanoseconds};
use crate::{ConnId, Peer};

/// Which HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What reaches a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The answer to an HTTP request.
    Answer(RequestId, Reply),
    /// The connection of an HTTP request was cut without an answer.
    Cut(RequestId),
    /// An HTTP request will never be answered: its client waits until it loses patience.
    Silent(RequestId),
    /// A message over a websocket.
    Text(ConnId, Arc<str>),
    /// A websocket was closed or cut.
    Closed(ConnId),
    /// A websocket stays open, and nothing goes over it any more: its client is not told.
    Stalled(ConnId),
}

/// Something that reaches a client, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub time_ns: i64,
    /// What.
    pub what: Delivered,
}

/// An HTTP request.
#[derive(Clone, Debug)]
struct Request {
    id: RequestId,
    peer: Peer,
    path: Box<str>,
    body: Box<[u8]>,
    plan: RequestPlan,
}

/// Something on its way.
#[derive(Clone, Debug)]
enum Way {
    /// To the exchange.
    Request(Request),
    /// The same request again: nobody waits for this answer.
    Again(Request),
    /// To the exchange, over a websocket.
    Frame(ConnId, Box<[u8]>, RequestPlan),
    /// To a client.
    Out(Delivered),
}

/// The order in which things arrive: by time, then as they were sent.
#[derive(Clone, Debug)]
struct Parcel {
    time_ns: i64,
    number: u64,
    way: Way,
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        (self.time_ns, self.number) == (other.time_ns, other.number)
    }
}

impl Eq for Parcel {}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parcel {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time_ns, self.number).cmp(&(other.time_ns, other.number))
    }
}

/// The exchange, and the network before it.
#[derive(Debug)]
pub struct Gateway {
    exchange: Exchange,
    network: Network,
    parcels: BinaryHeap<Reverse<Parcel>>,
    delivered: Vec<Delivery>,
    sent: u64,
    now_ns: i64,
    /// Connections that are open as their clients see it.
    open: BTreeSet<ConnId>,
    /// Those over which nothing goes any more.
    half_open: BTreeSet<ConnId>,
    /// When the last message that keeps its place arrives over a connection.
    last_ns: BTreeMap<ConnId, i64>,
    /// Away until then.
    away_until_ns: Option<i64>,
    /// Whether [`Delivered::Silent`] is told.
    tells_silence: bool,
}

impl Gateway {
    /// The exchange behind a network that plays this script.
    pub fn new(exchange: Exchange, seed: u64, script: Script) -> Self {
        let now_ns = exchange.now_ns();
        let mut gateway = Self {
            network: Network::new(seed, script, now_ns),
            exchange,
            parcels: BinaryHeap::new(),
            delivered: Vec::new(),
            sent: 0,
            now_ns,
            open: BTreeSet::new(),
            half_open: BTreeSet::new(),
            last_ns: BTreeMap::new(),
            away_until_ns: None,
            tells_silence: false,
        };
        gateway.follow(now_ns.saturating_sub(1));
        gateway
    }

    /// Tell of requests that will never be answered, so that whoever holds something for them can
    /// let go of it.
    #[must_use]
    pub const fn telling_silence(mut self) -> Self {
        self.tells_silence = true;
        self
    }

    /// The exchange.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The exchange, for its operator.
    pub const fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// How far it is.
    pub const fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// Play another script; its times are counted from now.
    pub fn set_script(&mut self, script: Script) {
        self.network.set_script(script, self.now_ns);
        self.follow(self.now_ns.saturating_sub(1));
    }

    /// What is played.
    pub const fn script(&self) -> &Script {
        self.network.script()
    }

    /// What reached clients since the last call, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Delivery> + '_ {
        self.delivered.drain(..)
    }

    /// An HTTP request is sent.
    pub fn request(&mut self, id: RequestId, peer: Peer, (path, body): (&str, &[u8]), now_ns: i64) {
        self.advance(now_ns);
        if self.is_away() {
            return self.deliver(self.now_ns, Delivered::Cut(id));
        }
        let target = if path == "/exchange" { Target::Exchange } else { Target::Info };
        let plan = self.network.request(target, self.now_ns);
        match plan.refuse {
            Some(Refuse::Silence) => return self.silence(id),
            Some(Refuse::Disconnect) => return self.deliver(self.now_ns, Delivered::Cut(id)),
            Some(Refuse::TooManyRequests) => {
                return self.deliver(self.now_ns, Delivered::Answer(id, Reply::too_many()));
            }
            Some(Refuse::ServerError) => {
                return self.deliver(self.now_ns, Delivered::Answer(id, Reply::unavailable()));
            }
            None => {}
        }
        let request = Request { id, peer, path: path.into(), body: body.into(), plan };
        let arrives = self.now_ns.saturating_add(plan.arrives_after_ns);
        if plan.twice {
            self.dispatch(arrives, Way::Request(request.clone()));
            self.dispatch(arrives, Way::Again(request));
        } else if plan.arrives_after_ns == 0 {
            self.serve(request, true);
        } else {
            self.dispatch(arrives, Way::Request(request));
        }
        self.advance(self.now_ns);
    }

    /// A websocket is opened.
    ///
    /// # Errors
    ///
    /// [`SocketRefusal`] when the exchange does not take it; `None` when it is away.
    pub fn open(
        &mut self,
        conn: ConnId,
        peer: Peer,
        now_ns: i64,
    ) -> Result<(), Option<SocketRefusal>> {
        self.advance(now_ns);
        if self.is_away() {
            return Err(None);
        }
        self.exchange.open(conn, peer, self.now_ns).map_err(Some)?;
        self.open.insert(conn);
        Ok(())
    }

    /// A client sends a message over a websocket.
    pub fn frame(&mut self, conn: ConnId, bytes: &[u8], now_ns: i64) {
        self.advance(now_ns);
        if !self.open.contains(&conn) || self.half_open.contains(&conn) {
            return;
        }
        if self.network.is_sound() {
            self.exchange.frame(conn, bytes, self.now_ns);
            return self.collect();
        }
        let posts = posts_something(bytes);
        let plan = if posts {
            self.network.request(Target::Post, self.now_ns)
        } else {
            RequestPlan::default()
        };
        match plan.refuse {
            Some(Refuse::Silence | Refuse::TooManyRequests | Refuse::ServerError) => return,
            Some(Refuse::Disconnect) => return self.cut(conn),
            None => {}
        }
        let arrives = self.now_ns.saturating_add(plan.arrives_after_ns);
        for _ in 0..=u8::from(plan.twice) {
            self.dispatch(arrives, Way::Frame(conn, bytes.into(), plan));
        }
        self.advance(self.now_ns);
    }

    /// A client closed a websocket.
    pub fn close(&mut self, conn: ConnId, now_ns: i64) {
        self.advance(now_ns);
        self.gone(conn);
    }

    /// Let time go on: what is due by then happens and reaches clients.
    pub fn advance(&mut self, now_ns: i64) {
        loop {
            let parcel = self.parcels.peek().map(|Reverse(parcel)| parcel.time_ns);
            let fault = self.network.next_due_ns(self.now_ns);
            let due = [parcel, fault].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= now_ns) else { break };
            let before = self.now_ns;
            self.step_to(due.max(before));
            self.follow(before);
            while let Some(Reverse(first)) = self.parcels.peek() {
                if first.time_ns > self.now_ns {
                    break;
                }
                let Some(Reverse(parcel)) = self.parcels.pop() else { break };
                self.arrive(parcel.way);
            }
        }
        self.step_to(now_ns.max(self.now_ns));
        self.delivered.sort_by_key(|delivery| delivery.time_ns);
    }

    /// When something happens by itself next.
    pub fn next_due_ns(&mut self) -> Option<i64> {
        let parcel = self.parcels.peek().map(|Reverse(parcel)| parcel.time_ns);
        let fault = self.network.next_due_ns(self.now_ns);
        [parcel, fault, self.exchange.next_due_ns()].into_iter().flatten().min()
    }

    fn step_to(&mut self, now_ns: i64) {
        self.exchange.advance(now_ns);
        self.now_ns = now_ns;
        self.collect();
    }

    const fn is_away(&self) -> bool {
        self.away_until_ns.is_some()
    }

    /// Faults that happen at a time: those that began since, those that ended.
    fn follow(&mut self, since_ns: i64) {
        self.exchange.set_clock_skew(self.network.skew_ns(self.now_ns));
        for fault in self.network.begun(since_ns, self.now_ns) {
            match fault.kind {
                Kind::Disconnect => {
                    for conn in self.matching(&fault) {
                        self.cut(conn);
                    }
                }
                Kind::HalfOpen => {
                    for conn in self.matching(&fault) {
                        self.stall(conn);
                    }
                }
                Kind::Restart => self.go_away(),
                _ => {}
            }
            if fault.kind == Kind::Restart && fault.post_only_ms > 0 {
                let back = self.network.away_until(self.now_ns).unwrap_or(self.now_ns);
                let until = back.saturating_add(nanoseconds(fault.post_only_ms));
                self.exchange.post_only_until(until);
            }
        }
        self.away_until_ns = self.network.away_until(self.now_ns);
    }

    /// Go away now and come back at once: every connection is cut, what was on its way is lost.
    pub fn restart(&mut self) {
        self.go_away();
    }

    fn go_away(&mut self) {
        self.exchange.restart();
        for Reverse(parcel) in std::mem::take(&mut self.parcels).into_sorted_vec() {
            match parcel.way {
                Way::Request(request) => self.deliver(self.now_ns, Delivered::Cut(request.id)),
                Way::Out(Delivered::Answer(id, _)) => {
                    self.deliver(self.now_ns, Delivered::Cut(id));
                }
                _ => {}
            }
        }
        for conn in std::mem::take(&mut self.open) {
            self.deliver(self.now_ns, Delivered::Closed(conn));
        }
        self.half_open.clear();
        self.last_ns.clear();
    }

    /// Connections that a fault concerns, by what they listen to.
    fn matching(&self, fault: &Fault) -> Vec<ConnId> {
        let concerns = |conn: &&ConnId| {
            let (market, user) = self.exchange.carries(**conn);
            match fault.target {
                Target::Market => market,
                Target::User => user,
                _ => true,
            }
        };
        self.open.iter().filter(concerns).copied().collect()
    }

    fn cut(&mut self, conn: ConnId) {
        if self.open.contains(&conn) {
            self.gone(conn);
            self.deliver(self.now_ns, Delivered::Closed(conn));
        }
    }

    fn stall(&mut self, conn: ConnId) {
        if self.half_open.insert(conn) {
            self.deliver(self.now_ns, Delivered::Stalled(conn));
        }
    }

    fn gone(&mut self, conn: ConnId) {
        self.exchange.close(conn);
        self.open.remove(&conn);
        self.half_open.remove(&conn);
        self.last_ns.remove(&conn);
    }

    fn dispatch(&mut self, time_ns: i64, way: Way) {
        self.sent = self.sent.saturating_add(1);
        self.parcels.push(Reverse(Parcel { time_ns, number: self.sent, way }));
    }

    fn deliver(&mut self, time_ns: i64, what: Delivered) {
        self.delivered.push(Delivery { time_ns, what });
    }

    fn silence(&mut self, id: RequestId) {
        if self.tells_silence {
            self.deliver(self.now_ns, Delivered::Silent(id));
        }
    }

    fn arrive(&mut self, way: Way) {
        match way {
            Way::Request(request) => self.serve(request, true),
            Way::Again(request) => self.serve(request, false),
            Way::Frame(conn, bytes, plan) => {
                if self.open.contains(&conn) && !self.half_open.contains(&conn) {
                    self.exchange.frame_with(conn, &bytes, (self.now_ns, plan.tamper));
                    self.collect_by(&plan);
                }
            }
            Way::Out(what) => {
                let lost = match &what {
                    Delivered::Text(conn, _) => {
                        !self.open.contains(conn) || self.half_open.contains(conn)
                    }
                    _ => false,
                };
                if !lost {
                    self.deliver(self.now_ns, what);
                }
            }
        }
    }

    fn serve(&mut self, request: Request, waits: bool) {
        let Request { id, peer, path, body, plan } = request;
        let reply = self.exchange.request_with(peer, &path, &body, (self.now_ns, plan.tamper));
        self.collect();
        if !waits {
            return;
        }
        let what = match plan.lost {
            Some(Lost::Silence) => return self.silence(id),
            Some(Lost::Disconnect) => Delivered::Cut(id),
            Some(Lost::ServerError) => Delivered::Answer(id, Reply::unavailable()),
            None => Delivered::Answer(id, reply),
        };
        if plan.answered_after_ns == 0 {
            self.deliver(self.now_ns, what);
        } else {
            self.dispatch(self.now_ns.saturating_add(plan.answered_after_ns), Way::Out(what));
        }
    }

    /// Take what the exchange has to send onto the network.
    fn collect(&mut self) {
        self.collect_by(&RequestPlan::default());
    }

    /// As [`Gateway::collect`], with the answer to a post handled by the plan that was made for it.
    fn collect_by(&mut self, plan: &RequestPlan) {
        if !self.exchange.has_pushes() {
            return;
        }
        let pushes: Vec<Push> = self.exchange.drain_pushes().collect();
        for mut push in pushes {
            if push.kind == PushKind::Post {
                self.exchange.answered(push.conn);
                match plan.lost {
                    Some(Lost::Disconnect) => self.cut(push.conn),
                    Some(_) => continue,
                    None => {}
                }
                push.time_ns = push.time_ns.saturating_add(plan.answered_after_ns);
            }
            self.push(push);
        }
    }

    fn push(&mut self, push: Push) {
        let Push { conn, time_ns, kind, payload } = push;
        if !self.open.contains(&conn) || self.half_open.contains(&conn) {
            return;
        }
        let text = match payload {
            Payload::Text(text) => text,
            Payload::Close => {
                self.gone(conn);
                return self.deliver(time_ns, Delivered::Closed(conn));
            }
        };
        let target = match kind {
            PushKind::Market => Target::Market,
            PushKind::User => Target::User,
            PushKind::Control | PushKind::Post => {
                return self.queue(conn, time_ns, (text, true));
            }
        };
        if self.network.is_sound() {
            return self.deliver(time_ns, Delivered::Text(conn, text));
        }
        let plan = self.network.push(target, time_ns);
        if plan.disconnect {
            return self.cut(conn);
        }
        if plan.half_open {
            return self.stall(conn);
        }
        let text = plan.wild.map_or(text.clone(), |factor| distort(&text, factor).into());
        let arrives = time_ns.saturating_add(plan.after_ns);
        for _ in 0..plan.copies {
            self.queue(conn, arrives, (Arc::clone(&text), plan.in_order));
        }
    }

    /// Send a message so that it arrives then, behind those before it if it keeps its place.
    fn queue(&mut self, conn: ConnId, arrives_ns: i64, (text, in_order): (Arc<str>, bool)) {
        let last = self.last_ns.get(&conn).copied().unwrap_or(i64::MIN);
        let arrives = if in_order { arrives_ns.max(last) } else { arrives_ns };
        let what = Delivered::Text(conn, text);
        if arrives <= self.now_ns {
            return self.deliver(arrives, what);
        }
        if in_order {
            self.last_ns.insert(conn, arrives);
        }
        self.dispatch(arrives, Way::Out(what));
    }
}

/// Whether a message asks for something by `post`.
fn posts_something(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Method<'a> {
        #[serde(borrow)]
        method: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice::<Method<'_>>(bytes).is_ok_and(|it| it.method == "post")
}
