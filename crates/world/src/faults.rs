//! Twenty classes of faults, each put in where it would come from.

use flyball_core::domain::{InstrumentId, MILLISECOND, Price, Rate, SECOND};
use flyball_exchange::faults::{Fault, Kind, Script, Target};
use flyball_exchange::markets::Change;
use serde_json::json;

use crate::scene::Scene;

/// Where a fault is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Real: what the local exchange says or does.
    Exchange,
    /// Real: the way between, simulated as all of it.
    Network,
    /// Real: the clock that the engine and its sessions read.
    Clock,
    /// Real: the strategy that the engine asks.
    Strategy,
    /// Real: the engine's process stands still.
    Process,
    /// Simulated: numbers of the machine, which a world in one thread does not have.
    Machine,
}

impl Place {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Network => "network",
            Self::Clock => "clock",
            Self::Strategy => "strategy",
            Self::Process => "process",
            Self::Machine => "machine",
        }
    }
}

/// All classes, and where they are put in.
pub const FAULTS: [(&str, Place); 20] = [
    ("feed_freeze", Place::Exchange),
    ("slow_venue", Place::Exchange),
    ("memory_leak", Place::Machine),
    ("creeping_latency", Place::Network),
    ("loss_streak", Place::Strategy),
    ("reject_storm", Place::Exchange),
    ("clock_drift", Place::Clock),
    ("disk_filling", Place::Machine),
    ("stuck_strategy", Place::Strategy),
    ("wrong_price", Place::Exchange),
    ("missing_fills", Place::Exchange),
    ("foreign_trades", Place::Exchange),
    ("spread_blowout", Place::Exchange),
    ("message_flood", Place::Exchange),
    ("reconnect_loop", Place::Network),
    ("journal_lag", Place::Machine),
    ("rate_drain", Place::Strategy),
    ("funding_spike", Place::Exchange),
    ("sentinel_lost", Place::Machine),
    ("starved", Place::Process),
];

/// A fault that goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Active {
    name: &'static str,
    size: f64,
    since_ns: i64,
    /// 1 or -1, by chance.
    sign: f64,
    /// When it does something again.
    next_ns: i64,
}

/// From the one to the other as the size goes from 0 to 1, on a logarithmic scale.
fn between(least: f64, most: f64, size: f64) -> f64 {
    least * (most / least).powf(size)
}

fn seconds(value: f64) -> i64 {
    (value * SECOND as f64) as i64
}

impl Scene {
    /// From now on this goes wrong, so much: 0 is hardly worth a look, 1 is gross.
    ///
    /// # Errors
    ///
    /// Without such a class, or while something else goes on.
    pub fn inject(&mut self, name: &str, size: f64) -> Result<(), String> {
        let known = FAULTS.iter().find(|(known, _)| *known == name);
        let (name, _) = known.ok_or_else(|| format!("there is no class of faults {name:?}"))?;
        if self.active.is_some() {
            return Err("something goes wrong already: end it first".to_owned());
        }
        if !(0.0..=1.0).contains(&size) {
            return Err(format!("a size lies between 0 and 1: {size}"));
        }
        let sign = if self.random.chance(0.5) { 1.0 } else { -1.0 };
        let since_ns = self.world.now;
        self.active = Some(Active { name, size, since_ns, sign, next_ns: since_ns });
        self.begin(name, size, sign);
        Ok(())
    }

    fn begin(&mut self, name: &str, size: f64, sign: f64) {
        let now = self.world.now;
        match name {
            "feed_freeze" => self.script(Fault::new(Kind::FrozenFeed, Target::Market)),
            "slow_venue" => {
                let delay_ms = (between(0.3, 8.0, size) * 1e3) as u64;
                let jitter_ms = delay_ms / 2;
                self.script(Fault { delay_ms, jitter_ms, ..Fault::new(Kind::Delay, Target::Post) });
            }
            "memory_leak" => self.machine.leaks = between(1e6, 20e6, size),
            "loss_streak" => {
                self.trader().churns_ns = Some(seconds(between(6.0, 0.7, size)));
            }
            "reject_storm" => {
                let probability = Some(between(0.15, 1.0, size));
                self.script(Fault { probability, ..Fault::new(Kind::Reject, Target::Post) });
            }
            "clock_drift" => {
                let rate = sign * between(0.0005, 0.05, size);
                self.world.clients[0].clock.drift(rate, now);
            }
            "disk_filling" => self.machine.fills = between(10e6, 200e6, size),
            "stuck_strategy" => self.trader().is_stuck = true,
            "wrong_price" => {
                let factor = Some(1.0 + sign * between(0.01, 0.5, size));
                self.script(Fault { factor, ..Fault::new(Kind::WildPrice, Target::Market) });
            }
            "missing_fills" => {
                let probability = Some(between(0.3, 1.0, size));
                self.script(Fault { probability, ..Fault::new(Kind::Drop, Target::User) });
            }
            "spread_blowout" => self.knobs.set_spread(between(5.0, 50.0, size)),
            "message_flood" => self.knobs.set_messages(between(8.0, 80.0, size)),
            "reconnect_loop" => {
                let every_ms = Some((between(10.0, 1.0, size) * 1e3) as u64);
                self.script(Fault { every_ms, ..Fault::new(Kind::Disconnect, Target::Market) });
            }
            "journal_lag" => self.machine.slow = between(0.1, 1.0, size),
            "rate_drain" => {
                self.trader().hurries_ns = Some(seconds(between(0.8, 0.05, size)));
            }
            _ => {}
        }
    }

    fn script(&mut self, fault: Fault) {
        self.world.gateway.set_script(Script { fault: vec![fault] });
    }

    /// It ends: what was broken is mended.
    pub fn end(&mut self) {
        self.active = None;
        self.world.gateway.set_script(Script::default());
        self.knobs.set_spread(1.0);
        self.knobs.set_messages(1.0);
        self.machine.mend();
        let trader = self.trader();
        (trader.churns_ns, trader.hurries_ns, trader.is_stuck) = (None, None, false);
        self.world.unstick(0);
        if let Some(way) = &mut self.world.way {
            way.more_ns = 0;
        }
        // A clock that is wrong is slewed back within ten minutes.
        let now = self.world.now;
        let clock = &mut self.world.clients[0].clock;
        let ahead = clock.ahead_ns(now) as f64;
        clock.drift(-ahead / 600e9, now);
        self.slewed_ns = now + 600 * SECOND;
    }

    /// What goes wrong again and again, or more and more, ten times a second.
    pub(crate) fn go_on_wrong(&mut self) {
        let Some(active) = self.active else { return };
        let now = self.world.now;
        let Active { name, size, since_ns, sign, next_ns } = active;
        if name == "creeping_latency"
            && let Some(way) = &mut self.world.way
        {
            let ms = between(1.0, 20.0, size) * (now - since_ns) as f64 / SECOND as f64;
            way.more_ns = (ms * MILLISECOND as f64) as i64;
        }
        if now < next_ns {
            return;
        }
        let again = match name {
            "starved" => {
                // Half of the time it stands still: others have the processor.
                let lasts = between(0.25, 3.0, size) * (0.5 + self.random.uniform());
                self.world.clients[0].still_until_ns = now + seconds(lasts);
                seconds(2.0 * lasts)
            }
            "foreign_trades" => {
                self.trade_as_stranger(sign, size);
                seconds(between(60.0, 3.0, size))
            }
            "funding_spike" => {
                let rate = Rate::from_ppm((sign * between(0.005, 0.04, size) * 1e6) as i64);
                let change = Change::Funding { rate, settles: true };
                let id = self.instrument();
                self.world.gateway.exchange_mut().feed(change, id, now);
                60 * SECOND
            }
            _ => return,
        };
        if let Some(active) = &mut self.active {
            (active.next_ns, active.sign) = (now + again, -sign);
            if name == "funding_spike" {
                active.sign = sign;
            }
        }
    }

    /// Whether this goes wrong.
    pub(crate) fn is_wrong(&self, name: &str) -> bool {
        self.active.is_some_and(|active| active.name == name)
    }

    fn instrument(&self) -> InstrumentId {
        self.world.clients[0].node.engine().instruments()[0].id()
    }

    /// Somebody else with a key to the account trades on it: at the market.
    fn trade_as_stranger(&mut self, sign: f64, size: f64) {
        let user = self.world.clients[0].address;
        let exchange = self.world.gateway.exchange_mut();
        let Some(instrument) = exchange.instruments().first().cloned() else { return };
        let Some(mark) = exchange.mark(instrument.id()) else { return };
        let buys = sign > 0.0;
        let far = mark.ticks() + (mark.ticks() as f64 * sign * 0.02) as i64;
        let limit = instrument.round_passive(
            Price::from_ticks(far),
            if buys { flyball_core::domain::Side::Bid } else { flyball_core::domain::Side::Ask },
        );
        let price = limit.ticks() as f64 * instrument.tick_size().to_f64();
        let lots = between(20.0, 400.0, size).round();
        let action = json!({
            "type": "order",
            "orders": [{
                "a": 0, "b": buys, "p": format!("{price:.4}"), "s": format!("{lots:.0}"), "r": false,
                "t": {"limit": {"tif": "Ioc"}},
            }],
            "grouping": "na",
        });
        // What the venue does not take is not done, as for anybody.
        let _said = exchange.act_as(user, &action);
    }
}
