//! The process that is killed: an engine with a strategy, told over its standard input what to do.

use std::io::BufRead;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};

use flyball_core::domain::{
    Fees, HOUR, Intent, Level, MILLISECOND, Money, NetQty, Operator, Price, Qty, Quotes, Random,
    Rate, SECOND, Scope, Side, StrategyId, Target,
};
use flyball_core::engine::{EngineConfig, InstrumentConfig, Sight, Sighting, StrategyConfig};
use flyball_core::strategy::{Draft, Sizing, WakeSpec};
use flyball_live::Clock;
use flyball_live::io::{Endpoints, Reach};
use flyball_live::mailbox::{Answer, Letters};
use flyball_live::runtime::{Input, Patience, Plan, Run, listing, status_json};
use flyball_venues::hyperliquid::sign::{Network, SigningKey};

use crate::{AGENT, COIN, MASTER, address};

/// Run until it is killed. `url` is the exchange's.
pub(crate) fn run(url: &str) {
    let folder = PathBuf::from(std::env::var("FLYBALL_FOLDER").unwrap());
    let obeys = std::env::var("FLYBALL_OBEYS").is_ok();
    let (run, letters) = Run::start(plan(url, folder, obeys)).unwrap_or_else(|error| {
        println!("refused {error}");
        std::process::exit(3);
    });
    let (inputs, watcher) = (run.inputs(), run.watcher());
    let (tell, told) = mpsc::channel();
    let (decided, is_decided) = mpsc::channel();
    let mut strategy = Some(Strategy { told, inputs: inputs.clone(), decided });
    for end in letters {
        let strategy = strategy.take().unwrap();
        let decide = if obeys { obey } else { play };
        let named = std::thread::Builder::new().name("strategy".into());
        named.spawn(move || decide(&end, &strategy)).unwrap();
    }
    println!("started");
    for line in std::io::stdin().lock().lines() {
        match line.unwrap().as_str() {
            "status" => {}
            "kill" => run.operate(Operator::Kill(Scope::All)),
            "reset" => {
                run.operate(Operator::RequestReset(None));
                run.operate(Operator::ConfirmReset(None));
            }
            wish => {
                tell.send(wish.to_owned()).unwrap();
                if obeys {
                    // The engine has it before it is asked how it is doing.
                    is_decided.recv().unwrap();
                }
            }
        }
        println!("{}", status_json(&inputs, &watcher).unwrap_or_else(|| "{}".into()));
    }
}

/// Ticks between what is quoted and the best price: never met.
const AWAY: i64 = 8_000;

/// What the strategy's thread is joined to.
struct Strategy {
    told: Receiver<String>,
    inputs: Reach<Input>,
    decided: Sender<()>,
}

/// Take the question that lies there, or the next one, and answer it; false when the run is over.
fn answer(end: &Letters, strategy: &Strategy, decide: impl FnOnce(&Sighting, &mut Draft)) -> bool {
    let Some(question) = end.next() else { return false };
    let mut draft = Draft::default();
    decide(&question.view, &mut draft);
    let woken_ns = question.woken_ns;
    end.give_back(question);
    let answer = Answer::Decided { woken_ns, draft };
    strategy.inputs.tell(Input::Answer(StrategyId::new(0), answer)).is_ok()
}

/// Decide at random, between `go` and `quiet`.
fn play(end: &Letters, strategy: &Strategy) {
    let mut random = Random::new(u64::from(std::process::id()));
    let mut goes = false;
    while answer(end, strategy, |view, draft| {
        goes = strategy.told.try_iter().last().map_or(goes, |wish| wish == "go");
        if goes {
            anything(view, &mut random, draft);
        }
    }) {}
}

/// Decide what is told, when it is told: a position in lots, `quote`, `withdraw`.
fn obey(end: &Letters, strategy: &Strategy) {
    for wish in &strategy.told {
        let mut decided = false;
        while !decided {
            let heard = answer(end, strategy, |view, draft| {
                decided = view.best().is_some();
                match wish.as_str() {
                    _ if !decided => {}
                    "quote" => quote(view, AWAY, draft),
                    "withdraw" => draft.write(&Intent::Quotes(Quotes { bids: &[], asks: &[] })),
                    lots => target(lots.parse().unwrap(), draft),
                }
            });
            if !heard {
                return;
            }
        }
        strategy.decided.send(()).unwrap();
    }
}

fn anything(view: &Sighting, random: &mut Random, draft: &mut Draft) {
    let lots = random.below(400) as i64 - 200;
    let away = 100 + random.below(2_000) as i64;
    match random.below(3) {
        0 => target(lots, draft),
        _ => quote(view, away, draft),
    }
}

fn target(lots: i64, draft: &mut Draft) {
    let position = NetQty::from_lots(lots);
    draft.write(&Intent::Target(Target {
        position,
        stop: None,
        take_profit: None,
        trailing: None,
    }));
}

fn quote(view: &Sighting, away: i64, draft: &mut Draft) {
    let (Some(best), Some(instrument)) = (view.best(), view.instrument()) else { return };
    let level = |price: Price, ticks: i64, side| {
        let price = instrument.round_passive(Price::from_ticks(price.ticks() + ticks), side);
        [Level { price, qty: Qty::from_lots(30) }]
    };
    let bids = level(best.bid.price, -away, Side::Bid);
    let asks = level(best.ask.price, away, Side::Ask);
    draft.write(&Intent::Quotes(Quotes { bids: &bids, asks: &asks }));
}

/// One that obeys is asked rarely and answers when it is told to: between two orders there is
/// little that the system is called for.
fn plan(url: &str, folder: PathBuf, obeys: bool) -> Plan {
    let fees = Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) };
    let listed = listing(url, &[COIN.to_owned()], fees).unwrap();
    let mut profile: flyball_core::risk::Profile =
        serde_json::from_str(include_str!("../world/emergency.json")).unwrap();
    profile.gate.max_repeated = 1_000_000;
    // Many orders in little time.
    profile.gate.messages_per_second = 400;
    profile.gate.message_burst = 800;
    profile.gate.message_reserve = 200;
    let every_ns = if obeys { 100 * MILLISECOND } else { 20 * MILLISECOND };
    let engine = EngineConfig {
        instruments: vec![InstrumentConfig { spec: listed[0].spec.clone(), quiet_ns: 3 * SECOND }],
        strategies: vec![StrategyConfig {
            name: "strategy".into(),
            instrument: 0,
            wake: WakeSpec { every_ns: Some(every_ns), ..WakeSpec::default() },
            bars: None,
            features: vec![],
            sizing: Sizing::EquityFraction { fraction: Rate::from_ppm(100_000) },
        }],
        profile,
        cash: Money::ZERO,
        answer_timeout_ns: 2 * SECOND,
    };
    let websocket = format!("{}/ws", url.replace("http", "ws"));
    Plan {
        endpoints: Endpoints { http: url.to_owned(), websocket },
        network: Network::Testnet,
        user: address(MASTER),
        key: SigningKey::parse(AGENT).unwrap(),
        folder,
        engine,
        numbers: vec![listed[0].number],
        clock: Clock::SYSTEM,
        strategies: vec![("strategy".into(), 0)],
        patience: Patience { deadline_ns: if obeys { HOUR } else { SECOND }, reduce_only: true },
        expires_ns: 3 * SECOND,
        answer_ns: if obeys { 300 * MILLISECOND } else { SECOND },
        adopt_positions: false,
        guarded: false,
        cancel_foreign: false,
        weight_per_minute: 1_000_000,
        seed: 1,
        build: "test".into(),
    }
}
