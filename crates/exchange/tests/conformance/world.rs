//! An exchange whose markets are moved by hand, and its clients.

use std::net::{IpAddr, Ipv4Addr};

use flyball_core::domain::{Decimal, InstrumentId, Level, Money, Price, Qty, Rate, SECOND, Side};
use flyball_exchange::markets::{Change, Listing, Markets};
use flyball_exchange::{Address, ConnId, Exchange, ExchangeConfig, Payload, Peer, PushKind};
use flyball_venues::hyperliquid::sign::{Envelope, Network, SigningKey, sign_user};
use flyball_venues::hyperliquid::{
    Action, Cancel, CancelByCloid, Cloid, Grouping, OrderRequest, OrderTerms, Signer, Tif, Tpsl,
    post_body,
};
use serde_json::{Value, json};

pub(crate) const BTC: u32 = 0;
pub(crate) const XRP: u32 = 1;
pub(crate) const START: i64 = 1_700_000_000_000_000_000;
pub(crate) const MS: i64 = 1_000_000;
pub(crate) const PEER: Peer = Peer(IpAddr::V4(Ipv4Addr::LOCALHOST));

pub(crate) fn number(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

/// Somebody with a key.
pub(crate) struct Client {
    pub(crate) key: SigningKey,
    pub(crate) address: Address,
}

impl Client {
    pub(crate) fn new(byte: u8) -> Self {
        let key = SigningKey::from_bytes(&[byte; 32]).unwrap();
        Self { address: key.address(), key }
    }
}

pub(crate) struct World {
    pub(crate) exchange: Exchange,
    pub(crate) now: i64,
    nonce: u64,
    /// Two accounts.
    pub(crate) alice: Client,
    pub(crate) bob: Client,
}

impl World {
    /// XRP around 2.1 and BTC around 100 000, deep books, alice and bob with 10 000 dollars each.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut ExchangeConfig)) -> Self {
        let (alice, bob) = (Client::new(1), Client::new(2));
        let mut config = ExchangeConfig::new(START);
        config.weight_per_minute = u32::MAX;
        for client in [&alice, &bob] {
            config.accounts.push((client.address, Money::from_whole(10_000)));
        }
        change(&mut config);
        let markets = Markets::new(vec![Listing::btc(), Listing::xrp()], Vec::new()).unwrap();
        let exchange = Exchange::new(&config, markets).unwrap();
        let nonce = u64::try_from(START / MS).unwrap();
        let mut world = Self { exchange, now: START, nonce, alice, bob };
        world.book(BTC, &[("99990", "5"), ("99980", "5")], &[("100010", "5"), ("100020", "5")]);
        world.mark(BTC, "100000");
        world.book(
            XRP,
            &[("2.0999", "10000"), ("2.0998", "10000"), ("2.09", "100000")],
            &[("2.1001", "10000"), ("2.1002", "10000"), ("2.11", "100000")],
        );
        world.mark(XRP, "2.1");
        world
    }

    fn id(asset: u32) -> InstrumentId {
        InstrumentId::new(u16::try_from(asset).unwrap())
    }

    fn level(&self, asset: u32, (price, qty): (&str, &str)) -> Level {
        let it = &self.exchange.instruments()[asset as usize];
        let ticks = number(price).in_steps(it.tick_size()).unwrap();
        let lots = number(qty).in_steps(it.lot_size()).unwrap();
        Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(u64::try_from(lots).unwrap()) }
    }

    pub(crate) fn feed(&mut self, asset: u32, change: Change) {
        self.exchange.feed(change, Self::id(asset), self.now);
    }

    /// The others' book becomes this.
    pub(crate) fn book(&mut self, asset: u32, bids: &[(&str, &str)], asks: &[(&str, &str)]) {
        let side = |levels: &[(&str, &str)]| {
            levels.iter().map(|&level| self.level(asset, level)).collect::<Vec<_>>()
        };
        let change = Change::Book { bids: side(bids), asks: side(asks) };
        self.feed(asset, change);
    }

    pub(crate) fn mark(&mut self, asset: u32, price: &str) {
        self.reference(asset, price, price);
    }

    pub(crate) fn reference(&mut self, asset: u32, mark: &str, oracle: &str) {
        let (mark, oracle) = (self.level(asset, (mark, "1")), self.level(asset, (oracle, "1")));
        self.feed(asset, Change::Reference { mark: mark.price, oracle: oracle.price });
    }

    /// Others trade.
    pub(crate) fn trade(&mut self, asset: u32, aggressor: Side, price: &str, qty: &str) {
        let level = self.level(asset, (price, qty));
        let id = u64::try_from(self.now - START).unwrap() + 1;
        self.feed(asset, Change::Trade { aggressor, level, id });
    }

    pub(crate) fn funding(&mut self, asset: u32, rate: Rate) {
        self.feed(asset, Change::Funding { rate, settles: true });
    }

    pub(crate) fn pass(&mut self, nanoseconds: i64) {
        self.now += nanoseconds;
        self.exchange.advance(self.now);
    }

    pub(crate) fn seconds(&mut self, seconds: i64) {
        self.pass(seconds * SECOND);
    }

    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.now / MS).unwrap()
    }

    /// A nonce that was not used yet, near the time.
    pub(crate) fn nonce(&mut self) -> u64 {
        self.nonce = self.now_ms().max(self.nonce + 1);
        self.nonce
    }

    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> (u16, Value) {
        let reply = self.exchange.request(PEER, path, body, self.now);
        let text = serde_json::from_str(&reply.body).unwrap_or(Value::String(reply.body));
        (reply.status, text)
    }

    pub(crate) fn body(key: &SigningKey, action: &Action, envelope: &Envelope) -> Vec<u8> {
        let mut signer = Signer::new(key.clone(), Network::Testnet);
        let signature = signer.sign(action, envelope).unwrap();
        post_body(action, envelope, &signature).unwrap()
    }

    /// Somebody acts: the whole answer.
    pub(crate) fn act_as(&mut self, key: &SigningKey, action: &Action) -> Value {
        let envelope = Envelope::new(self.nonce());
        let body = Self::body(key, action, &envelope);
        let (status, answer) = self.post("/exchange", &body);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Alice acts.
    pub(crate) fn act(&mut self, action: &Action) -> Value {
        self.act_as(&self.alice.key.clone(), action)
    }

    /// Somebody places orders: the statuses.
    pub(crate) fn place_as(&mut self, key: &SigningKey, orders: Vec<OrderRequest>) -> Vec<Value> {
        self.group_as(key, orders, Grouping::Na)
    }

    pub(crate) fn group_as(
        &mut self,
        key: &SigningKey,
        orders: Vec<OrderRequest>,
        grouping: Grouping,
    ) -> Vec<Value> {
        let answer = self.act_as(key, &Action::Order { orders, grouping });
        assert_eq!(answer["status"], "ok", "{answer}");
        assert_eq!(answer["response"]["type"], "order");
        answer["response"]["data"]["statuses"].as_array().unwrap().clone()
    }

    /// Alice places one order.
    pub(crate) fn place(&mut self, order: OrderRequest) -> Value {
        self.place_as(&self.alice.key.clone(), vec![order]).remove(0)
    }

    /// Alice places one order, which rests or waits: its id.
    pub(crate) fn rest(&mut self, order: OrderRequest) -> u64 {
        let status = self.place(order);
        status["resting"]["oid"].as_u64().unwrap_or_else(|| panic!("{status}"))
    }

    pub(crate) fn cancel(&mut self, asset: u32, oid: u64) -> Value {
        let answer = self.act(&Action::Cancel { cancels: vec![Cancel { asset, oid }] });
        answer["response"]["data"]["statuses"][0].clone()
    }

    pub(crate) fn cancel_cloid(&mut self, asset: u32, cloid: Cloid) -> Value {
        let cancels = vec![CancelByCloid { asset, cloid }];
        let answer = self.act(&Action::CancelByCloid { cancels });
        answer["response"]["data"]["statuses"][0].clone()
    }

    /// Somebody acts with what moves money or power.
    pub(crate) fn user_act(&mut self, key: &SigningKey, mut action: Value, nonce: u64) -> Value {
        action["signatureChainId"] = json!("0x66eee");
        action["hyperliquidChain"] = json!("Testnet");
        let signature = sign_user(key, &action, Network::Testnet).unwrap();
        let body = json!({"action": action, "nonce": nonce, "signature": signature});
        self.post("/exchange", body.to_string().as_bytes()).1
    }

    pub(crate) fn info(&mut self, question: &Value) -> Value {
        let (status, answer) = self.post("/info", question.to_string().as_bytes());
        assert_eq!(status, 200, "{question}: {answer}");
        answer
    }

    /// A question about alice.
    pub(crate) fn ask(&mut self, kind: &str) -> Value {
        self.info(&json!({"type": kind, "user": self.alice.address}))
    }

    /// The word for what became of alice's order.
    pub(crate) fn status(&mut self, oid: u64) -> String {
        let question = json!({"type": "orderStatus", "user": self.alice.address, "oid": oid});
        self.info(&question)["order"]["status"].as_str().unwrap_or("unknownOid").to_owned()
    }

    /// What alice holds.
    pub(crate) fn held(&mut self, coin: &str) -> String {
        let state = self.ask("clearinghouseState");
        let all = state["assetPositions"].as_array().unwrap();
        let found = all.iter().find(|it| it["position"]["coin"] == coin);
        found.map_or("0.0".into(), |it| it["position"]["szi"].as_str().unwrap().to_owned())
    }

    pub(crate) fn connect(&mut self, number: u64) -> ConnId {
        let conn = ConnId(number);
        self.exchange.open(conn, PEER, self.now).unwrap();
        conn
    }

    pub(crate) fn say(&mut self, conn: ConnId, message: &Value) -> Vec<Value> {
        self.exchange.frame(conn, message.to_string().as_bytes(), self.now);
        self.heard(conn)
    }

    /// Subscribe: what comes at once after the acknowledgement.
    pub(crate) fn subscribe(&mut self, conn: ConnId, subscription: &Value) -> Vec<Value> {
        let mut heard =
            self.say(conn, &json!({"method": "subscribe", "subscription": subscription}));
        assert_eq!(heard[0]["channel"], "subscriptionResponse", "{heard:?}");
        heard.remove(0);
        heard
    }

    /// What was sent over a connection since the last look.
    pub(crate) fn heard(&mut self, conn: ConnId) -> Vec<Value> {
        let pushes: Vec<_> = self.exchange.drain_pushes().collect();
        let mut heard = Vec::new();
        for push in pushes {
            if push.kind == PushKind::Post {
                self.exchange.answered(push.conn);
            }
            if push.conn == conn {
                heard.push(match push.payload {
                    Payload::Text(text) => serde_json::from_str(&text).unwrap(),
                    Payload::Close => json!("closed"),
                });
            }
        }
        heard
    }
}

pub(crate) fn limit(asset: u32, side: Side, price: &str, qty: &str, tif: Tif) -> OrderRequest {
    OrderRequest {
        asset,
        side,
        price: number(price),
        qty: number(qty),
        reduce_only: false,
        terms: OrderTerms::Limit { tif },
        cloid: None,
    }
}

pub(crate) fn buy(price: &str, qty: &str, tif: Tif) -> OrderRequest {
    limit(XRP, Side::Bid, price, qty, tif)
}

pub(crate) fn sell(price: &str, qty: &str, tif: Tif) -> OrderRequest {
    limit(XRP, Side::Ask, price, qty, tif)
}

pub(crate) fn reduce(order: OrderRequest) -> OrderRequest {
    OrderRequest { reduce_only: true, ..order }
}

pub(crate) fn named(order: OrderRequest, id: u128) -> OrderRequest {
    OrderRequest { cloid: Some(Cloid::from_bits(id)), ..order }
}

/// A reduce-only trigger order on XRP that goes to the market.
pub(crate) fn trigger(side: Side, price: &str, qty: &str, at: &str, tpsl: Tpsl) -> OrderRequest {
    let terms = OrderTerms::Trigger { is_market: true, trigger_px: number(at), tpsl };
    OrderRequest { terms, reduce_only: true, ..limit(XRP, side, price, qty, Tif::Gtc) }
}

/// The error of a status.
pub(crate) fn error(status: &Value) -> &str {
    status["error"].as_str().unwrap_or_else(|| panic!("no error: {status}"))
}
