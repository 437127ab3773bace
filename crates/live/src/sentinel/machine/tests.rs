//! The sentinel against a venue that is a list of answers: no sockets, no clock.

use flyball_core::domain::{MILLISECOND, Rate};
use flyball_venues::hyperliquid::sign::{Network, SigningKey};

use super::*;
use crate::sentinel::account::testing::{state, universe};
use crate::sentinel::settings::{Ladder, Lines, TIMES};

const VENUE_NS: i64 = 1_760_054_400_000_000_000;
const STEP: i64 = 50 * MILLISECOND;

/// What the venue answers. Money is whole dollars.
#[derive(Clone, Debug)]
struct Venue {
    raw: i64,
    lots: i64,
    /// Open orders: id, and whether it is reduce-only.
    orders: Vec<(u64, bool)>,
    /// Deposits and withdrawals: when, and how much.
    ledger: Vec<(i64, i64)>,
    /// Answers to closing orders, in turn; when there are no more, they fill.
    answers: Vec<Reply>,
    /// Questions are answered with this status.
    status: u16,
    silent: bool,
}

#[derive(Clone, Copy, Debug)]
enum Reply {
    Fill(i64),
    Refuse(&'static str),
    Status(u16),
    Nothing,
    /// It is done, and the answer is lost.
    DoneUnheard,
}

/// A mark of two dollars: 400 lots are worth 800.
impl Venue {
    fn holding(lots: i64) -> Self {
        Self {
            raw: 10_000 - 2 * lots,
            lots,
            orders: vec![(1, true)],
            ledger: vec![],
            answers: vec![],
            status: 200,
            silent: false,
        }
    }

    fn equity(&self) -> i64 {
        self.raw + 2 * self.lots
    }

    fn fill(&mut self, lots: i64) {
        let signed = lots * self.lots.signum();
        self.lots -= signed;
        self.raw += 2 * signed;
        if self.lots == 0 {
            self.orders.retain(|(_, reduces)| !reduces);
        }
    }

    fn info(&self, body: &str, now_ms: i64) -> String {
        if body.contains("clearinghouseState") {
            let value = (2 * self.lots).abs().to_string();
            let lots = self.lots.to_string();
            let held = [("XRP", lots.as_str(), value.as_str())];
            let held = if self.lots == 0 { &[][..] } else { &held[..] };
            let text = state(&self.raw.to_string(), &self.equity().to_string(), held);
            return text.replace("1760054400000", &now_ms.to_string());
        }
        if body.contains("frontendOpenOrders") {
            let one = |(oid, reduces): &(u64, bool)| {
                format!(
                    r#"{{"coin":"XRP","side":"A","limitPx":"1.9","sz":"1","oid":{oid},
                    "timestamp":1,"reduceOnly":{reduces}}}"#
                )
            };
            return format!("[{}]", self.orders.iter().map(one).collect::<Vec<_>>().join(","));
        }
        let one = |(at, usd): &(i64, i64)| {
            let kind = if *usd > 0 { "true" } else { "false" };
            format!(
                r#"{{"time":{at},"hash":"0x","delta":{{"type":"accountClassTransfer",
                "usdc":"{}","toPerp":{kind}}}}}"#,
                usd.abs()
            )
        };
        format!("[{}]", self.ledger.iter().map(one).collect::<Vec<_>>().join(","))
    }

    fn exchange(&mut self, body: &str) -> Option<(u16, String)> {
        let value: Value = serde_json::from_str(body).unwrap();
        let action = &value["action"];
        let each = |all: &str| {
            format!(
                r#"{{"status":"ok","response":{{"type":"order","data":{{"statuses":[{all}]}}}}}}"#
            )
        };
        if action["type"] == "cancel" {
            let gone: Vec<u64> = action["cancels"]
                .as_array()
                .unwrap()
                .iter()
                .map(|cancel| cancel["o"].as_u64().unwrap())
                .collect();
            self.orders.retain(|(oid, _)| !gone.contains(oid));
            return Some((200, each(&vec![r#""success""#; gone.len()].join(","))));
        }
        let order = &action["orders"][0];
        assert_eq!(order["r"], true, "only what reduces");
        assert_eq!(order["b"], self.lots < 0, "the right side");
        let asked: i64 = order["s"].as_str().unwrap().parse().unwrap();
        assert_eq!(asked, self.lots.abs(), "sized by what the venue holds");
        let reply =
            if self.answers.is_empty() { Reply::Fill(asked) } else { self.answers.remove(0) };
        match reply {
            Reply::Fill(lots) => {
                self.fill(lots);
                Some((
                    200,
                    each(&format!(r#"{{"filled":{{"oid":9,"totalSz":"{lots}","avgPx":"2"}}}}"#)),
                ))
            }
            Reply::Refuse(text) => Some((200, each(&format!(r#"{{"error":"{text}"}}"#)))),
            Reply::Status(status) => Some((status, "no".into())),
            Reply::Nothing => None,
            Reply::DoneUnheard => {
                self.fill(asked);
                None
            }
        }
    }
}

/// What the engine says.
#[derive(Clone, Copy, Debug)]
enum Says {
    Nothing,
    AsVenue,
    /// That the account is worth this, and holds so many lots.
    This(i64, i64),
}

struct Rig {
    sentinel: Sentinel<Vec<u8>>,
    venue: Venue,
    at: i64,
    beats: u64,
    engine: Says,
    closing: bool,
    reports: Vec<(i64, &'static str, Value)>,
    kept: Vec<Kept>,
    /// What was to be done, in order: `keep`, `action`.
    order: Vec<&'static str>,
    ended: bool,
    beat_every: i64,
    asked: Vec<(i64, String)>,
}

fn settings() -> Settings {
    Settings {
        lines: Lines {
            drawdown: Rate::from_ppm(55_000),
            emergency: Rate::from_ppm(150_000),
            leverage: Rate::from_ppm(5_500_000),
            margin: Rate::from_ppm(1_180_000),
        },
        ladder: Ladder {
            first: Rate::from_ppm(1_000),
            last: Rate::from_ppm(100_000),
            retry_ns: 100 * MILLISECOND,
            deadline_ns: 5 * SECOND,
        },
        times: TIMES,
        tolerance: Rate::from_ppm(10_000),
        with_run: false,
    }
}

impl Rig {
    fn new(venue: Venue) -> Self {
        Self::on(venue, Stand::Never, settings())
    }

    fn on(venue: Venue, stand: Stand, settings: Settings) -> Self {
        let key = SigningKey::parse(&format!("0x{:064x}", 77)).unwrap();
        let ground = Ground {
            user: Address([1; 20]),
            signer: Signer::new(key, Network::Testnet),
            tag: EngineTag::new(9),
            outbox: Outbox::resume(&[], Vec::new()).unwrap(),
            universe: universe(),
            stand,
            expected: true,
            pid: 1,
        };
        let sentinel = Sentinel::new(settings, ground, clock(0));
        Self {
            sentinel,
            venue,
            at: 0,
            beats: 0,
            engine: Says::AsVenue,
            closing: false,
            reports: vec![],
            kept: vec![],
            order: vec![],
            ended: false,
            beat_every: 100 * MILLISECOND,
            asked: vec![],
        }
    }

    /// Let so much time pass.
    fn run(&mut self, ns: i64) {
        let until = self.at + ns;
        while self.at < until {
            self.at += STEP;
            if self.at % self.beat_every == 0 {
                self.beat();
            }
            self.sentinel.tick(clock(self.at));
            self.drain();
        }
    }

    fn beat(&mut self) {
        let said = self.sentinel.said(clock(self.at));
        assert!(said.sequence > 0);
        let (equity, lots) = match self.engine {
            Says::Nothing => return,
            Says::AsVenue => (self.venue.equity(), self.venue.lots),
            Says::This(equity, lots) => (equity, lots),
        };
        self.beats += 1;
        let beat = Beat {
            run: 1,
            sequence: self.beats,
            equity: Some(Money::from_whole(equity).units()),
            account_known: true,
            closing: self.closing,
            held: vec![("XRP".into(), lots)],
            ..Beat::default()
        };
        self.sentinel.beat(beat, clock(self.at));
    }

    fn drain(&mut self) {
        while let Some(todo) = self.sentinel.next_todo() {
            match todo {
                Todo::Keep(kept) => {
                    self.order.push("keep");
                    self.kept.push(kept);
                }
                Todo::Report(kind, about) => self.reports.push((self.at, kind, about)),
                Todo::End => self.ended = true,
                Todo::Ask { id, path, body } => {
                    self.ask(id, path, &String::from_utf8(body).unwrap());
                }
            }
        }
    }

    fn ask(&mut self, id: u64, path: Path, body: &str) {
        self.asked.push((self.at, body.to_owned()));
        if path == Path::Exchange {
            self.order.push("action");
        }
        if self.venue.silent {
            return;
        }
        let answer = match path {
            Path::Info if self.venue.status != 200 => Some((self.venue.status, "no".to_owned())),
            Path::Info => Some((200, self.venue.info(body, clock(self.at).venue_ns / 1_000_000))),
            Path::Exchange => self.venue.exchange(body),
        };
        if let Some((status, text)) = answer {
            self.sentinel.answered(id, Some((status, text.as_bytes())), clock(self.at));
        }
    }

    fn said(&self, kind: &str) -> Vec<&(i64, &'static str, Value)> {
        self.reports.iter().filter(|(_, it, _)| *it == kind).collect()
    }

    fn tripped(&self) -> Option<(i64, String)> {
        let found = self.said("tripped");
        found.first().map(|(at, _, about)| (*at, about["cause"].as_str().unwrap().to_owned()))
    }

    fn operate(&mut self, what: &str) -> Value {
        let answer = self.sentinel.operate(&format!(r#"{{"what":"{what}"}}"#), clock(self.at));
        self.drain();
        serde_json::from_str(&answer).unwrap()
    }
}

fn clock(ns: i64) -> Now {
    Now { ns, venue_ns: VENUE_NS + ns, system_ns: VENUE_NS + ns }
}

#[test]
fn a_calm_account_is_read_within_the_budget_and_left_alone() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(180 * SECOND);
    assert_eq!(rig.tripped(), None);
    assert_eq!(rig.sentinel.wish(), Wish::Nothing);
    assert!(!rig.order.contains(&"action"));
    let minute: Vec<&str> = rig
        .asked
        .iter()
        .filter(|(at, _)| *at > 120 * SECOND)
        .map(|(_, body)| body.as_str())
        .collect();
    let weight: usize =
        minute.iter().map(|body| if body.contains("clearinghouseState") { 2 } else { 20 }).sum();
    assert!(weight <= 200, "{weight} in a minute");
}

#[test]
fn an_engine_that_falls_silent_over_a_position_is_acted_for_within_two_seconds() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.venue.orders.push((2, false));
    rig.run(10 * SECOND);
    let last_beat = rig.at;
    rig.engine = Says::Nothing;
    rig.run(3 * SECOND);
    let (at, cause) = rig.tripped().unwrap();
    assert_eq!(cause, "silence");
    let silent = at - last_beat;
    assert!(
        silent > TIMES.silence_ns && silent <= TIMES.silence_ns + 100 * MILLISECOND,
        "{silent}"
    );
    assert_eq!(rig.said("sent").first().unwrap().0, at, "the account had been read before");
    assert_eq!((rig.venue.lots, rig.venue.orders.as_slice()), (0, &[][..]));
    let flat = rig.said("flat");
    assert_eq!(flat.len(), 1);
    assert!(flat[0].0 - last_beat < 2 * SECOND);
    let action = rig.order.iter().position(|it| *it == "action").unwrap();
    assert_eq!(rig.order[action - 1], "keep", "the latch is on the disk before the first action");
    assert!(rig.kept.last().unwrap().latch.is_set());
    assert_eq!(rig.sentinel.wish(), Wish::Kill);
}

#[test]
fn an_engine_that_comes_back_finds_the_latch_set_and_what_opens_is_closed() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    rig.engine = Says::Nothing;
    rig.run(3 * SECOND);
    rig.engine = Says::AsVenue;
    rig.run(2 * SECOND);
    assert_eq!(rig.sentinel.wish(), Wish::Kill, "nothing releases it by itself");
    rig.venue.lots = -100;
    rig.venue.raw = 10_200;
    rig.run(2 * SECOND);
    assert_eq!(rig.venue.lots, 0);
    assert_eq!(rig.said("reopened").len(), 1);
    rig.venue.orders.push((7, false));
    rig.run(15 * SECOND);
    assert!(rig.venue.orders.is_empty(), "an order that may add risk goes, too");
}

#[test]
fn a_silence_over_nothing_is_watched_and_acted_on_when_something_appears() {
    let mut rig = Rig::new(Venue { orders: vec![], ..Venue::holding(0) });
    rig.run(5 * SECOND);
    rig.engine = Says::Nothing;
    rig.run(20 * SECOND);
    assert_eq!(rig.tripped(), None, "there is nothing to close");
    // An order that was on its way arrives late.
    rig.venue.lots = 50;
    rig.venue.raw = 9_900;
    rig.run(2 * SECOND);
    assert_eq!(rig.tripped().unwrap().1, "silence");
    assert_eq!(rig.venue.lots, 0);
}

#[test]
fn a_venue_that_cannot_be_read_while_the_engine_is_silent_is_no_reason_to_wait() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    rig.engine = Says::Nothing;
    rig.venue.status = 502;
    rig.run(10 * SECOND);
    assert_eq!(rig.tripped().unwrap().1, "silence", "what is not known is at stake");
    assert!(!rig.said("late").is_empty(), "it is said that it takes too long");
    assert!(rig.said("sent").is_empty(), "nothing is sent blindly");
    rig.venue.status = 200;
    rig.run(3 * SECOND);
    assert_eq!(rig.venue.lots, 0);
    assert_eq!(rig.said("flat").len(), 1);
}

#[test]
fn a_goodbye_is_no_silence() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    let beat = Beat { run: 1, sequence: 1_000, goodbye: true, ..Beat::default() };
    rig.sentinel.beat(beat, clock(rig.at));
    rig.engine = Says::Nothing;
    rig.run(60 * SECOND);
    assert_eq!((rig.tripped(), rig.venue.lots, rig.ended), (None, 400, false));
    let with_run = Settings { with_run: true, ..settings() };
    let mut rig = Rig::on(Venue::holding(400), Stand::Never, with_run);
    rig.run(5 * SECOND);
    assert!(!rig.ended);
    let beat = Beat { run: 1, sequence: 1_000, goodbye: true, ..Beat::default() };
    rig.sentinel.beat(beat, clock(rig.at));
    rig.engine = Says::Nothing;
    rig.run(SECOND);
    assert!(rig.ended, "one that belongs to a run ends with it");
}

#[test]
fn partial_fills_refusals_and_lost_answers_are_gone_on_from() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.venue.answers = vec![
        Reply::Refuse("Order could not immediately match against any resting orders. asset=1"),
        Reply::Fill(150),
        Reply::Status(502),
        Reply::Nothing,
        Reply::Status(429),
        Reply::Refuse("Only post-only orders allowed immediately after a network upgrade"),
        Reply::Fill(100),
        Reply::DoneUnheard,
    ];
    rig.run(5 * SECOND);
    rig.engine = Says::Nothing;
    rig.run(20 * SECOND);
    assert_eq!(rig.venue.lots, 0);
    let sent: Vec<&Value> = rig
        .said("sent")
        .iter()
        .map(|it| &it.2)
        .filter(|it| it["action"]["type"] == "order")
        .collect();
    assert_eq!(sent.len(), 8);
    let price = |at: usize| sent[at]["action"]["orders"][0]["p"].as_str().unwrap().to_owned();
    assert_eq!((price(0), price(1), price(2)), ("1.998".into(), "1.996".into(), "1.992".into()));
    assert_eq!(rig.said("flat").len(), 1);
    let nonces: Vec<u64> =
        rig.said("sent").iter().map(|it| it.2["nonce"].as_u64().unwrap()).collect();
    assert!(nonces.windows(2).all(|two| two[0] < two[1]), "no nonce twice");
}

#[test]
fn dust_is_reported_and_the_account_is_flat_with_it() {
    let mut rig = Rig::new(Venue::holding(3));
    rig.venue.answers = vec![Reply::Refuse("Order must have minimum value of $10. asset=1"); 99];
    rig.run(5 * SECOND);
    rig.engine = Says::Nothing;
    rig.run(30 * SECOND);
    let flat = rig.said("flat");
    assert_eq!(flat.len(), 1);
    assert_eq!(flat[0].2["dust"], json!({"XRP": 3}));
    assert_eq!(rig.venue.answers.len(), 97, "tried twice and left");
    assert!(rig.said("reopened").is_empty(), "dust is not closed again and again");
}

#[test]
fn a_restart_in_the_middle_goes_on_closing() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.venue.answers = vec![Reply::Fill(100), Reply::Nothing];
    rig.run(5 * SECOND);
    rig.engine = Says::Nothing;
    rig.run(SECOND + 200 * MILLISECOND);
    assert_eq!(rig.venue.lots, 300);
    let kept = rig.kept.last().unwrap().clone();
    let mut again = Rig::on(rig.venue.clone(), Stand::Kept(kept), settings());
    again.engine = Says::Nothing;
    again.venue.answers.clear();
    again.run(2 * SECOND);
    assert_eq!(again.venue.lots, 0);
    assert_eq!(again.said("goes_on").len(), 1);
    assert_eq!(again.sentinel.wish(), Wish::Kill);
}

#[test]
fn a_state_that_cannot_be_read_is_a_latch_and_closes_everything() {
    let stand = Stand::Damaged("state is damaged".into());
    let mut rig = Rig::on(Venue::holding(400), stand, settings());
    rig.run(2 * SECOND);
    assert_eq!(rig.tripped().unwrap().1, "damaged");
    assert_eq!((rig.venue.lots, rig.sentinel.wish()), (0, Wish::Kill));
    assert!(rig.kept.iter().all(|kept| kept.latch.is_set()), "it was never clear");
}

#[test]
fn a_loss_that_the_engine_lets_run_is_closed_after_its_grace() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    rig.venue.raw -= 549;
    rig.run(20 * SECOND);
    assert_eq!(rig.tripped(), None, "one dollar above the line");
    rig.venue.raw -= 1;
    let crossed = rig.at;
    rig.run(10 * SECOND);
    let (at, cause) = rig.tripped().unwrap();
    assert_eq!(cause, "line");
    let took = at - crossed;
    let most = TIMES.grace_ns + 1_500 * MILLISECOND;
    assert!((TIMES.grace_ns..=most).contains(&took), "{took}");
    assert_eq!(rig.venue.lots, 0);
}

#[test]
fn an_engine_that_is_closing_already_is_given_more_time() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    rig.venue.raw -= 600;
    rig.closing = true;
    rig.run(TIMES.closing_grace_ns - SECOND);
    assert_eq!(rig.tripped(), None);
    rig.run(3 * SECOND);
    assert_eq!(rig.tripped().unwrap().1, "line");
}

#[test]
fn a_withdrawal_is_no_breach_and_a_gain_never_one() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    rig.venue.raw -= 5_000;
    rig.venue.ledger.push(((VENUE_NS + rig.at) / MILLISECOND, -5_000));
    rig.run(20 * SECOND);
    assert_eq!(rig.tripped(), None, "it was taken out");
    rig.venue.raw += 50_000;
    rig.run(20 * SECOND);
    assert_eq!(rig.tripped(), None);
    rig.venue.raw -= 50_000;
    rig.run(20 * SECOND);
    assert_eq!(rig.tripped().unwrap().1, "line", "and what was won can be lost");
}

#[test]
fn a_disagreement_restrains_the_engine_first_and_then_closes() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    rig.engine = Says::This(10_000, 300);
    rig.run(TIMES.restrain_ns + 2 * SECOND);
    assert_eq!((rig.sentinel.wish(), rig.tripped()), (Wish::ReduceOnly, None));
    rig.engine = Says::AsVenue;
    rig.run(2 * SECOND);
    assert_eq!(rig.sentinel.wish(), Wish::Nothing, "they agree again");
    rig.engine = Says::This(9_000, 400);
    rig.run(TIMES.disagree_ns - SECOND);
    assert_eq!((rig.sentinel.wish(), rig.tripped()), (Wish::ReduceOnly, None));
    rig.run(3 * SECOND);
    assert_eq!(rig.tripped().unwrap().1, "disagreement");
    assert_eq!(rig.venue.lots, 0);
}

#[test]
fn an_account_that_cannot_be_read_restrains_an_engine_that_lives() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    rig.venue.silent = true;
    rig.run(TIMES.blind_ns + 2 * SECOND);
    assert_eq!((rig.sentinel.wish(), rig.tripped()), (Wish::ReduceOnly, None));
    rig.venue.silent = false;
    rig.run(4 * SECOND);
    assert_eq!(rig.sentinel.wish(), Wish::Nothing);
}

#[test]
fn a_latch_is_released_by_two_steps_on_a_flat_account_and_by_nothing_else() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    assert_eq!(rig.operate("request_release")["error"], "it is not latched");
    rig.venue.answers = vec![Reply::Status(502); 30];
    rig.engine = Says::Nothing;
    rig.run(3 * SECOND);
    assert_eq!(rig.operate("request_release")["error"], "everything is being closed");
    rig.venue.answers.clear();
    rig.run(10 * SECOND);
    assert_eq!(rig.venue.lots, 0);
    assert!(rig.operate("confirm_release")["error"].is_string(), "the first step is missing");
    assert_eq!(rig.operate("request_release")["done"], "request_release");
    rig.run(61 * SECOND);
    assert!(rig.operate("confirm_release")["error"].is_string(), "too late");
    rig.operate("request_release");
    rig.venue.silent = true;
    rig.run(4 * SECOND);
    assert_eq!(rig.operate("confirm_release")["error"], "what the account holds is not known");
    rig.venue.silent = false;
    rig.run(4 * SECOND);
    assert!(rig.operate("confirm_release")["error"].is_string(), "a refusal needs both steps anew");
    rig.operate("request_release");
    assert_eq!(rig.operate("confirm_release")["done"], "confirm_release");
    assert!(!rig.kept.last().unwrap().latch.is_set());
    rig.run(20 * SECOND);
    assert!(!rig.kept.last().unwrap().latch.is_set(), "an engine that is gone is not missed twice");
}

#[test]
fn an_operator_may_trip_it_by_hand() {
    let mut rig = Rig::new(Venue::holding(400));
    rig.run(5 * SECOND);
    rig.operate("trip");
    rig.run(SECOND);
    assert_eq!((rig.tripped().unwrap().1.as_str(), rig.venue.lots), ("operator", 0));
    assert!(rig.operate("dance")["error"].as_str().unwrap().contains("request_release"));
    assert!(rig.operate("status")["latched"].as_bool().unwrap());
}
