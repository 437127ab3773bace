//! The gateway does to messages what the script says, and the same again for the same seed.

use flyball_exchange::faults::Script;
use flyball_exchange::{ConnId, Delivered, Gateway, RequestId};
use flyball_venues::hyperliquid::sign::Envelope;
use flyball_venues::hyperliquid::{Action, Grouping, Tif};
use serde_json::{Value, json};

use crate::world::{MS, PEER, World, buy};

struct Line {
    gateway: Gateway,
    now: i64,
    sent: u64,
    world: World,
}

impl Line {
    fn new(script: &str) -> Self {
        Self::seeded(script, 7)
    }

    fn seeded(script: &str, seed: u64) -> Self {
        let spare = World::new();
        let mut world = World::new();
        let exchange = std::mem::replace(&mut world.exchange, spare.exchange);
        let now = exchange.now_ns();
        let gateway = Gateway::new(exchange, seed, Script::parse(script).unwrap());
        Self { gateway, now, sent: 0, world }
    }

    fn pass(&mut self, nanoseconds: i64) -> Vec<Delivered> {
        self.now += nanoseconds;
        self.gateway.advance(self.now);
        self.drain()
    }

    fn drain(&mut self) -> Vec<Delivered> {
        self.gateway.drain().map(|it| it.what).collect()
    }

    fn post(&mut self, path: &str, body: &[u8]) -> Vec<Delivered> {
        self.sent += 1;
        self.gateway.request(RequestId(self.sent), PEER, (path, body), self.now);
        self.drain()
    }

    fn order(&mut self, order: flyball_venues::hyperliquid::OrderRequest) -> Vec<Delivered> {
        let action = Action::Order { orders: vec![order], grouping: Grouping::Na };
        let envelope = Envelope::new(self.world.nonce());
        let body = World::body(&self.world.alice.key.clone(), &action, &envelope);
        self.post("/exchange", &body)
    }

    fn open_orders(&self) -> u32 {
        let exchange = self.gateway.exchange();
        exchange.venue().open_orders(exchange.account(self.world.alice.address).unwrap())
    }

    fn listen(&mut self, conn: u64, subscription: &Value) {
        self.gateway.open(ConnId(conn), PEER, self.now).unwrap();
        let message = json!({"method": "subscribe", "subscription": subscription});
        self.gateway.frame(ConnId(conn), message.to_string().as_bytes(), self.now);
        self.drain();
    }
}

fn status(delivered: &[Delivered]) -> Option<u16> {
    delivered.iter().find_map(|it| match it {
        Delivered::Answer(_, reply) => Some(reply.status),
        _ => None,
    })
}

fn rests() -> flyball_venues::hyperliquid::OrderRequest {
    buy("2", "10", Tif::Gtc)
}

const MIDS: &[u8] = br#"{"type":"allMids"}"#;

#[test]
fn without_faults_an_answer_comes_at_once() {
    let mut line = Line::new("");
    assert_eq!(status(&line.post("/info", MIDS)), Some(200));
}

#[test]
fn a_dropped_request_is_not_executed_and_a_lost_ack_is() {
    let mut line = Line::new("[[fault]]\nkind = \"drop\"\ntarget = \"exchange\"");
    assert_eq!(line.order(rests()), []);
    assert_eq!(line.open_orders(), 0);
    let mut line = Line::new("[[fault]]\nkind = \"lost_ack\"");
    assert_eq!(line.order(rests()), []);
    assert_eq!(line.open_orders(), 1, "executed, and nobody knows");
    assert_eq!(status(&line.post("/info", MIDS)), Some(200), "questions have no ack to lose");
}

#[test]
fn an_error_of_the_server_may_hide_that_it_was_done() {
    for (executed, orders) in [("false", 0), ("true", 1)] {
        let script = format!("[[fault]]\nkind = \"server_error\"\nexecuted = {executed}");
        let mut line = Line::new(&script);
        assert_eq!(status(&line.order(rests())), Some(503));
        assert_eq!(line.open_orders(), orders);
    }
    let mut line = Line::new("[[fault]]\nkind = \"too_many_requests\"\ntarget = \"info\"");
    assert_eq!(status(&line.post("/info", MIDS)), Some(429));
}

#[test]
fn a_delayed_request_arrives_later_and_its_answer_later_still() {
    let mut line = Line::new("[[fault]]\nkind = \"delay\"\ndelay_ms = 100");
    assert_eq!(line.order(rests()), []);
    assert_eq!(line.pass(49 * MS), []);
    assert_eq!(line.open_orders(), 0);
    assert_eq!(line.pass(MS), []);
    assert_eq!(line.open_orders(), 1, "half of it before the venue");
    assert_eq!(status(&line.pass(50 * MS)), Some(200));
}

#[test]
fn a_request_that_comes_twice_is_done_once() {
    let mut line = Line::new("[[fault]]\nkind = \"duplicate\"\ntarget = \"exchange\"");
    let delivered = line.order(rests());
    assert_eq!(delivered.len(), 1);
    assert_eq!(line.open_orders(), 1, "the nonce saw to it");
}

#[test]
fn requests_can_overtake_each_other() {
    let mut line = Line::new("[[fault]]\nkind = \"reorder\"\nprobability = 0.5\njitter_ms = 500");
    for _ in 0..20 {
        line.order(rests());
        line.now += MS;
    }
    line.pass(1000 * MS);
    let id = line.gateway.exchange().account(line.world.alice.address).unwrap();
    let venue = line.gateway.exchange().venue();
    assert_eq!(venue.open_orders(id), 20);
    let mut placed: Vec<_> = venue.orders(id).map(|it| (it.venue_order_id, it.placed_ns)).collect();
    placed.sort();
    assert!(placed.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    assert!(placed.last().unwrap().1 - placed[0].1 > 50 * MS);
}

#[test]
fn rejects_and_partial_fills_are_the_venue_s() {
    let mut line = Line::new("[[fault]]\nkind = \"reject\"");
    let answer = line.order(rests());
    let Delivered::Answer(_, reply) = &answer[0] else { panic!() };
    assert!(reply.body.contains(r#""statuses":[{"error":"#), "{}", reply.body);
    let mut line = Line::new("[[fault]]\nkind = \"partial_fill\"\nfactor = 0.4");
    let answer = line.order(buy("2.1001", "100", Tif::Ioc));
    let Delivered::Answer(_, reply) = &answer[0] else { panic!() };
    assert!(reply.body.contains(r#""totalSz":"40.0""#), "{}", reply.body);
}

#[test]
fn a_frozen_feed_says_nothing_and_still_answers_pings() {
    let mut line = Line::new("[[fault]]\nkind = \"frozen_feed\"\nfrom_ms = 1000\nuntil_ms = 5000");
    line.listen(1, &json!({"type": "bbo", "coin": "XRP"}));
    let mut moved = |at: i64, bid: &str| {
        line.now = line.gateway.now_ns().max(crate::world::START + at * MS);
        line.gateway.advance(line.now);
        let ticks = (bid.parse::<f64>().unwrap() * 1e6).round();
        #[expect(clippy::cast_possible_truncation, reason = "small")]
        let price = flyball_core::domain::Price::from_ticks(ticks as i64);
        let level = |price| flyball_core::domain::Level {
            price,
            qty: flyball_core::domain::Qty::from_lots(5),
        };
        let change = flyball_exchange::markets::Change::Book {
            bids: vec![level(price)],
            asks: vec![level(flyball_core::domain::Price::from_ticks(2_200_000))],
        };
        let id = line.gateway.exchange().coin("XRP").unwrap();
        line.gateway.exchange_mut().feed(change, id, line.now);
        line.gateway.advance(line.now);
        line.gateway.frame(ConnId(1), br#"{"method":"ping"}"#, line.now);
        line.drain().len()
    };
    assert_eq!(moved(500, "2.01"), 2);
    assert_eq!(moved(2000, "2.02"), 1, "only the pong");
    assert_eq!(moved(6000, "2.03"), 2);
}

#[test]
fn connections_are_cut_or_go_silent_by_what_they_carry() {
    let mut line = Line::new(
        "[[fault]]\nkind = \"disconnect\"\ntarget = \"user\"\nfrom_ms = 1000\nlasts_ms = 1",
    );
    let user = line.world.alice.address;
    line.listen(1, &json!({"type": "l2Book", "coin": "XRP"}));
    line.listen(2, &json!({"type": "userFills", "user": user}));
    assert_eq!(line.pass(2000 * MS), [Delivered::Closed(ConnId(2))]);
    let mut line = Line::new(
        "[[fault]]\nkind = \"half_open\"\ntarget = \"market\"\nfrom_ms = 1000\nlasts_ms = 1",
    );
    line.listen(1, &json!({"type": "l2Book", "coin": "XRP"}));
    assert_eq!(line.pass(2000 * MS), [Delivered::Stalled(ConnId(1))]);
    line.gateway.frame(ConnId(1), br#"{"method":"ping"}"#, line.now);
    assert_eq!(line.drain(), [], "not even a pong");
}

#[test]
fn a_restart_cuts_everything_and_keeps_the_state() {
    let mut line = Line::new(
        "[[fault]]\nkind = \"restart\"\nfrom_ms = 1000\nlasts_ms = 2000\npost_only_ms = 1000",
    );
    line.order(rests());
    line.listen(1, &json!({"type": "l2Book", "coin": "XRP"}));
    assert_eq!(line.pass(1000 * MS), [Delivered::Closed(ConnId(1))]);
    assert!(matches!(line.post("/info", MIDS)[..], [Delivered::Cut(_)]));
    assert!(line.gateway.open(ConnId(2), PEER, line.now).is_err());
    line.pass(2000 * MS);
    assert_eq!(status(&line.post("/info", MIDS)), Some(200));
    assert_eq!(line.open_orders(), 1);
    let answer = line.order(buy("2.1001", "10", Tif::Ioc));
    let Delivered::Answer(_, reply) = &answer[0] else { panic!() };
    assert!(reply.body.contains("Only post-only orders allowed"), "{}", reply.body);
}

#[test]
fn a_fault_may_be_there_from_the_start_or_be_set_while_it_runs() {
    let away = "[[fault]]\nkind = \"restart\"\nlasts_ms = 1000";
    let mut line = Line::new(away);
    assert!(matches!(line.post("/info", MIDS)[..], [Delivered::Cut(_)]));
    line.pass(1000 * MS);
    assert_eq!(status(&line.post("/info", MIDS)), Some(200));
    line.pass(5000 * MS);
    line.gateway.set_script(Script::parse(away).unwrap());
    assert!(matches!(line.post("/info", MIDS)[..], [Delivered::Cut(_)]));
    line.pass(1000 * MS);
    assert_eq!(status(&line.post("/info", MIDS)), Some(200));
}

#[test]
fn a_wrong_clock_is_the_venue_s_alone() {
    let mut line = Line::new(
        "[[fault]]\nkind = \"clock_skew\"\nfrom_ms = 1000\nuntil_ms = 2000\nskew_ms = 176400000",
    );
    let noop = |line: &mut Line| {
        let envelope = Envelope::new(line.world.nonce());
        let body = World::body(&line.world.alice.key.clone(), &Action::Noop, &envelope);
        match &line.post("/exchange", &body)[..] {
            [Delivered::Answer(_, reply)] => reply.body.contains(r#""status":"ok""#),
            other => panic!("{other:?}"),
        }
    };
    assert!(noop(&mut line));
    line.pass(1000 * MS);
    assert!(!noop(&mut line), "49 hours ahead: nonces of now are more than two days old");
    line.pass(1000 * MS);
    assert!(noop(&mut line));
}

#[test]
fn one_seed_gives_one_day() {
    let script = r#"
        [[fault]]
        kind = "drop"
        probability = 0.1
        [[fault]]
        kind = "delay"
        probability = 0.3
        jitter_ms = 400
        [[fault]]
        kind = "lost_ack"
        probability = 0.1
        [[fault]]
        kind = "disconnect"
        target = "market"
        every_ms = 5000
        lasts_ms = 1
    "#;
    let day = |seed| {
        let mut line = Line::seeded(script, seed);
        let mut all = Vec::new();
        for round in 0..200 {
            if round % 10 == 0 {
                let _ = line.gateway.open(ConnId(round), PEER, line.now);
                let message = json!({"method": "subscribe", "subscription": {"type": "l2Book", "coin": "XRP"}});
                line.gateway.frame(ConnId(round), message.to_string().as_bytes(), line.now);
            }
            all.extend(line.order(rests()));
            all.extend(line.pass(137 * MS));
        }
        (all, line.open_orders())
    };
    assert_eq!(day(1), day(1));
    assert_ne!(day(1).0, day(2).0);
}
