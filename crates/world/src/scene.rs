//! A run as its watcher sees it: one engine that trades, the network and the machine around it, and
//! once a second all that it tells of itself.

use std::sync::Arc;

use flyball_core::domain::{Instrument, InstrumentId, MILLISECOND, Random, SECOND};
use flyball_core::strategy::WakeSpec;
use flyball_exchange::faults::Script;
use flyball_exchange::markets::{Listing, Markets};
use flyball_exchange::{Exchange, ExchangeConfig, Gateway};
use flyball_live::measures::Meters;
use flyball_live::runtime::{AccountSide, All, Connections, Kills, Measures, SentinelStatus};
use flyball_live::session::WEIGHT_A_MINUTE;

use crate::desk::Desk;
use crate::faults::Active;
use crate::machine::{Host, Machine};
use crate::market::{Knobs, Recorded, Recording};
use crate::trader::Trader;
use crate::way::Way;
use crate::world::{self, START_NS, World};

/// What goes wrong all the time goes on in steps of this.
const STEP_NS: i64 = SECOND / 10;
/// Each connection is cut so often a day (assumed).
const CUTS_A_DAY: f64 = 2.0;

/// What is seen at one look.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What `flyball status --json` would say.
    pub status: String,
    /// What the run's clock shows.
    pub now_ns: i64,
    /// A steady clock of the machine, seconds.
    pub steady_s: f64,
    /// Its wall clock, seconds.
    pub wall_s: f64,
    /// Processor time of the process, seconds: simulated.
    pub cpu_s: f64,
    /// Bytes of the process: simulated.
    pub memory: f64,
    /// Bytes that are free on the disk: simulated.
    pub disk_free: f64,
}

/// A run and what stands around it.
pub struct Scene {
    pub(crate) world: World,
    pub(crate) knobs: Arc<Knobs>,
    pub(crate) machine: Machine,
    pub(crate) random: Random,
    pub(crate) active: Option<Active>,
    /// A clock that was wrong is right again then.
    pub(crate) slewed_ns: i64,
    meters: Arc<Meters>,
    host: Host,
    looks: i64,
    events: u64,
    sentinel_quiet_ns: i64,
    first_ns: i64,
}

impl Scene {
    /// A run on this market. Everything that is chance follows from the seed.
    ///
    /// # Errors
    ///
    /// When the recording is shorter than an hour, or holds what is no number.
    pub fn new(seed: u64, recording: Arc<Recording>) -> Result<Self, String> {
        if !recording.is_sound() {
            return Err("a recording of an hour or more is wanted, of finite numbers".to_owned());
        }
        let knobs = Arc::new(Knobs::default());
        let random = Random::new(seed ^ 0x7363_656e);
        let start_ns = START_NS;
        let listing = Listing::xrp();
        let instrument = Instrument::new(InstrumentId::new(0), &listing.spec())
            .map_err(|error| error.to_string())?;
        let before_ns = start_ns - 10 * SECOND;
        let market = Recorded::new(instrument, recording, Arc::clone(&knobs), (seed, before_ns));
        let markets = Markets::new(vec![listing], vec![Box::new(market)]);
        let markets = markets.map_err(|error| error.to_string())?;
        let keys = vec![world::account(0)];
        let opened = world::opened(&keys[0]);
        let mut config = ExchangeConfig::new(start_ns);
        config.accounts.push((opened.address, flyball_core::domain::Money::from_whole(10_000)));
        for (name, agent) in opened.agents {
            config.agents.push((opened.address, name, agent));
        }
        let mut exchange = Exchange::new(&config, markets).map_err(|error| error.to_string())?;
        exchange.advance(start_ns);
        let gateway = Gateway::new(exchange, seed, Script::default()).telling_silence();
        let wake = WakeSpec { every_ns: Some(SECOND), book: true, ..WakeSpec::default() };
        let mut world = World::behind(gateway, seed, keys, wake, false);
        world.way = Some(Way::new(seed, start_ns));
        let meters = Arc::new(Meters::new(1, 1));
        let desk = Desk::new(Trader::new(seed), Arc::clone(&meters), start_ns);
        world.attend(0, desk);
        let machine = Machine::new(seed);
        Ok(Self {
            world,
            knobs,
            machine,
            random,
            active: None,
            slewed_ns: 0,
            meters,
            host: Host::default(),
            looks: 0,
            events: 0,
            sentinel_quiet_ns: 0,
            first_ns: start_ns,
        })
    }

    /// The world in which it runs.
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// A second goes by, more or less; then somebody looks.
    pub fn step(&mut self) -> Reading {
        self.looks += 1;
        let due = self.first_ns + self.looks * SECOND;
        let until = due + self.machine.wakes_late_ns();
        while self.world.now < until {
            self.go_on_wrong();
            self.beat();
            let next = (self.world.now / STEP_NS + 1) * STEP_NS;
            self.world.run_until(next.min(until));
        }
        // Whoever looks is a thread of the same process.
        let still = self.world.clients[0].still_until_ns;
        if still > self.world.now {
            self.world.run_until(still);
        }
        self.second();
        self.look()
    }

    /// The sentinel says something, and is heard, unless it is gone or the process stands still. Four
    /// times a day it is quiet for a moment (assumed).
    fn beat(&mut self) {
        let now = self.world.now;
        if self.random.chance(4.0 / 864_000.0) {
            self.sentinel_quiet_ns =
                now + 100 * MILLISECOND + self.random.below(700_000_000) as i64;
        }
        if now < self.world.clients[0].still_until_ns {
            return;
        }
        let is_quiet = now < self.sentinel_quiet_ns || self.is_wrong("sentinel_lost");
        if let (false, Some(desk)) = (is_quiet, &mut self.world.clients[0].desk) {
            desk.sentinel_ns = now;
        }
        self.world.heed_sentinel(0);
    }

    /// What goes on beside the engine.
    fn second(&mut self) {
        let now = self.world.now;
        if let Some(way) = &mut self.world.way {
            way.second(now);
        }
        for market in [true, false] {
            if self.random.chance(CUTS_A_DAY / 86_400.0) {
                self.world.cut(0, market);
            }
        }
        let is_drifting = self.is_wrong("clock_drift");
        let clock = &mut self.world.clients[0].clock;
        if !is_drifting && now >= self.slewed_ns {
            // Time is kept to some tens of microseconds; once a day it is put right by more.
            clock.drift(2e-5 * self.random.normal() - clock.ahead_ns(now) as f64 / 100e9, now);
            if self.random.chance(1.0 / 86_400.0) {
                clock.put((3e6 * self.random.normal()).clamp(-8e6, 8e6) as i64, now);
            }
        }
        let client = &self.world.clients[0];
        let events = client.node.events();
        let disk = client.disk.counts();
        self.host = self.machine.second(events - self.events, disk);
        self.events = events;
    }

    /// All that is told of the run now.
    fn look(&self) -> Reading {
        let world_ns = self.world.now;
        let client = &self.world.clients[0];
        let now_ns = client.clock.read(world_ns);
        let engine = client.node.engine();
        let Some(desk) = &client.desk else { return Reading::default() };
        let (status, measured) = desk.status(engine);
        let account = AccountSide::of(&client.session, now_ns);
        let journal = (self.host.failing, self.host.lag);
        let connections = Connections::of(&account, &client.market.counts(), journal);
        let heard_ms = (world_ns - desk.sentinel_ns) / MILLISECOND;
        let sentinel =
            SentinelStatus { expected: true, heard_ms: Some(heard_ms), starts: 1, said: None };
        let whole = Measures {
            engine: measured,
            latencies: self.meters.stages(),
            queue_room: 0,
            journal_written: client.disk.counts().0.saturating_sub(self.host.lag),
            account_heard_ns: client.session.heard_ns(),
            weight_a_minute: WEIGHT_A_MINUTE,
            speed: 1,
        };
        let kills = Kills::default();
        let all = All { status, connections, sentinel, kills, measures: Some(whole) };
        Reading {
            status: all.to_json().unwrap_or_default(),
            now_ns,
            steady_s: (world_ns - self.first_ns) as f64 / SECOND as f64,
            wall_s: now_ns as f64 / SECOND as f64,
            cpu_s: self.host.cpu_s,
            memory: self.host.memory,
            disk_free: self.host.disk_free,
        }
    }

    pub(crate) fn trader(&mut self) -> &mut Trader {
        let desk = self.world.clients[0].desk.as_mut();
        &mut desk.expect("a scene's engine has a desk").trader
    }
}
