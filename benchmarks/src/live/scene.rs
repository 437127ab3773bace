//! The exchange with its market and its account, the proxy before it, and what an engine that
//! trades there is made of.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flyball_core::domain::{Fees, InstrumentId, Money, Rate, SECOND};
use flyball_core::engine::{EngineConfig, InstrumentConfig, StrategyConfig};
use flyball_core::risk::Profile;
use flyball_core::strategy::{Sizing, WakeSpec};
use flyball_exchange::faults::Script;
use flyball_exchange::markets::{Listing, Markets};
use flyball_exchange::server::{Handle, Server, ServerConfig};
use flyball_exchange::{Address, Exchange, ExchangeConfig, Gateway};
use flyball_live::Clock;
use flyball_live::io::Endpoints;
use flyball_live::runtime::{Patience, Plan, listing};
use flyball_venues::hyperliquid::sign::{Network, SigningKey};

use crate::paced::Paced;
use crate::proxy::Proxy;
use crate::sights::Sights;
use crate::{Fallible, wrong};

/// Nobody's money: made up, and known to everybody.
const MASTER: &str = "0x00000000000000000000000000000000000000000000000000000000000003e9";
pub(crate) const AGENT: &str = "0x00000000000000000000000000000000000000000000000000000000000007d1";
pub(crate) const COIN: &str = "XRP";
/// No client is held back by a limit: what is measured is speed.
const PLENTY: u32 = 10_000_000;

/// The account that trades.
pub(crate) fn account() -> Fallible<Address> {
    Ok(SigningKey::parse(MASTER)?.address())
}

/// The exchange and the proxy before it.
pub(crate) struct Scene {
    _server: Handle,
    pub(crate) proxy: Proxy<Sights>,
    pub(crate) port: u16,
    fallen: Arc<AtomicBool>,
}

impl Scene {
    /// Serve a market that ticks every `every_ns`.
    pub(crate) fn start(every_ns: i64) -> Fallible<Self> {
        let now_ns = Clock::SYSTEM.now_ns();
        let start_ns = now_ns - now_ns.rem_euclid(1_000_000);
        let perp = Listing::xrp();
        let fallen = Arc::new(AtomicBool::new(false));
        let times = (start_ns, every_ns);
        let paced = Paced::new(&perp, InstrumentId::new(0), times, Arc::clone(&fallen))?;
        let markets = Markets::new(vec![perp], vec![Box::new(paced)])?;
        let mut config = ExchangeConfig::new(start_ns);
        config.weight_per_minute = PLENTY;
        config.sockets.new_per_minute = PLENTY;
        config.sockets.messages_per_minute = PLENTY;
        let agent = SigningKey::parse(AGENT)?.address();
        config.accounts.push((account()?, Money::from_whole(10_000)));
        config.agents.push((account()?, "bench".to_owned(), agent));
        let mut exchange = Exchange::new(&config, markets)?;
        exchange.advance(start_ns);
        let gateway = Gateway::new(exchange, 1, Script::default());
        let server = Server::start(gateway, ServerConfig::default())?;
        let port = server.port();
        Ok(Self { proxy: Proxy::start(port, Sights::default())?, _server: server, port, fallen })
    }

    /// Let the market fall, at its next tick.
    pub(crate) fn fall(&self) {
        self.fallen.store(true, Ordering::Relaxed);
    }
}

/// What an engine is made of that is woken by the book and quotes on it.
pub(crate) fn plan(url: &str, folder: PathBuf, profile: &str) -> Fallible<Plan> {
    let fees = Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) };
    let listed = listing(url, &[COIN.to_owned()], fees)?;
    let perp = listed.first().ok_or_else(|| wrong("nothing is listed"))?;
    let mut profile: Profile = serde_json::from_str(&std::fs::read_to_string(profile)?)?;
    // Every rule is on; those that count messages allow as many as there are ticks.
    profile.gate.max_repeated = 1_000_000;
    profile.gate.messages_per_second = 1_000;
    profile.gate.message_burst = 2_000;
    let engine = EngineConfig {
        instruments: vec![InstrumentConfig { spec: perp.spec.clone(), quiet_ns: 3 * SECOND }],
        strategies: vec![StrategyConfig {
            name: "quoter".into(),
            instrument: 0,
            wake: WakeSpec { book: true, ..WakeSpec::default() },
            bars: None,
            features: vec![],
            sizing: Sizing::EquityFraction { fraction: Rate::from_ppm(100_000) },
        }],
        profile,
        cash: Money::ZERO,
        answer_timeout_ns: 2 * SECOND,
    };
    Ok(Plan {
        endpoints: Endpoints {
            http: url.to_owned(),
            websocket: format!("{}/ws", url.replacen("http", "ws", 1)),
        },
        network: Network::Testnet,
        user: account()?,
        key: SigningKey::parse(AGENT)?,
        folder,
        engine,
        numbers: vec![perp.number],
        clock: Clock::SYSTEM,
        strategies: vec![("quoter".into(), 0)],
        patience: Patience { deadline_ns: SECOND, reduce_only: true },
        expires_ns: 3 * SECOND,
        answer_ns: SECOND,
        adopt_positions: false,
        guarded: false,
        cancel_foreign: true,
        weight_per_minute: PLENTY,
        seed: 1,
        build: env!("CARGO_PKG_VERSION").into(),
    })
}
