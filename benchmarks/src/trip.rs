//! How long it takes from the event that crosses a line to the commands that cancel and close.

use std::error::Error;
use std::time::Instant;

use flyball_core::domain::{
    Body, CommandOf, Decision, Event, Intent, Level, MILLISECOND, MarginMode, Money, Notice, Price,
    Qty, Quotes, Rate, StrategyId, SwitchName, Touch,
};
use flyball_core::engine::{Engine, EngineConfig};
use flyball_core::risk::{Commands, Profile};
use flyball_core::sim::{AccountId, QueueModel, Venue};
use serde_json::json;

use crate::core::{nanoseconds, statistics};

const US: AccountId = AccountId::FIRST;
const TIMES: usize = 20_000;

/// An engine and a venue without latency.
struct Desk {
    engine: Engine,
    venue: Venue,
    out: Commands,
    now_ns: i64,
}

impl Desk {
    fn touch(&self, ticks: i64) -> Event<'static> {
        let instrument = &self.engine.instruments()[0];
        let step = instrument.price_step(Price::from_ticks(ticks));
        let qty = Qty::from_lots(1 << 40);
        let level = |ticks| Level { price: Price::from_ticks(ticks), qty };
        let (bid, ask) = (level(ticks - step), level(ticks + step));
        let touch = Touch { instrument: instrument.id(), sequence: 0, bid, ask };
        Event { time_ns: self.now_ns, received_ns: self.now_ns, body: Body::Touch(touch) }
    }

    fn tell(&mut self, event: &Event<'_>) -> Result<(), Box<dyn Error>> {
        self.engine.on_event(event, &mut self.out)?;
        loop {
            let commands: Vec<_> = self.out.drain().collect();
            for command in commands {
                match command {
                    CommandOf::Submit(order) => self.venue.submit(US, &order, self.now_ns),
                    CommandOf::Cancel { instrument, client_order_id } => {
                        self.venue.cancel(US, instrument, client_order_id, self.now_ns);
                    }
                    _ => {}
                }
            }
            let reports: Vec<_> = self.venue.drain_reports().collect();
            if reports.is_empty() {
                return Ok(());
            }
            for report in reports {
                let (time_ns, received_ns) = (self.now_ns, self.now_ns);
                let event = Event { time_ns, received_ns, body: report.body };
                self.engine.on_event(&event, &mut self.out)?;
            }
        }
    }

    fn market(&mut self, ticks: i64) -> Result<(), Box<dyn Error>> {
        self.now_ns += MILLISECOND;
        let event = self.touch(ticks);
        self.venue.on_market(&event);
        self.tell(&event)
    }
}

/// The same switches, and room for a position that a fall of a few hundredths carries over a line.
fn roomy(profile: &Profile) -> Profile {
    let mut roomy = profile.clone();
    let much = Rate::from_ppm(2_000_000);
    roomy.governor.margin_mode = MarginMode::Cross;
    roomy.governor.gap_floor = Rate::ZERO;
    roomy.governor.gap_factor = Rate::from_parts(1);
    roomy.governor.gap_sigmas = Rate::from_parts(1);
    roomy.gate.max_concentration = much;
    roomy.gate.max_net_exposure = much;
    roomy.gate.max_trade_var = much;
    roomy.gate.max_order_qty = u64::MAX;
    roomy.gate.max_order_notional = Money::from_whole(i64::MAX);
    roomy.gate.max_position_notional = Money::from_whole(i64::MAX);
    roomy
}

/// A maker with quotes on both sides and a position of what was filled of them.
fn quoting(config: &EngineConfig) -> Result<(Desk, i64), Box<dyn Error>> {
    let instruments = config.instruments()?;
    let instrument = instruments.first().ok_or("no instrument")?;
    let step = instrument.price_step(Price::from_ticks(100_000));
    let mid = step * 100_000;
    let config = &EngineConfig { profile: roomy(&config.profile), ..config.clone() };
    let venue = Venue::new(&instruments, &[config.cash], QueueModel::Back);
    let engine = Engine::new(config)?;
    let mut desk = Desk { engine, venue, out: Commands::with_capacity(256), now_ns: 0 };
    desk.market(mid)?;
    desk.now_ns += 2_000 * MILLISECOND;
    desk.market(mid)?;
    let qty = instrument.qty_for(config.cash.scaled(40, 100), Price::from_ticks(mid));
    let level = |ticks| Level { price: Price::from_ticks(ticks), qty };
    let bids = [3, 4, 200, 210].map(|far| level(mid - far * step));
    let asks = [200, 210, 220, 230].map(|far| level(mid + far * step));
    let intent = Intent::Quotes(Quotes { bids: &bids, asks: &asks });
    let decision = Decision { strategy: StrategyId::new(0), woken_ns: desk.now_ns, intent };
    let body = Body::Decision(decision);
    desk.tell(&Event { time_ns: desk.now_ns, received_ns: desk.now_ns, body })?;
    desk.market(mid - 6 * step)?;
    Ok((desk, mid))
}

/// Nanoseconds from an event that crosses the drawdown line to its commands.
pub(crate) fn trip(config: &EngineConfig) -> Result<serde_json::Value, Box<dyn Error>> {
    let (mut desk, mid) = quoting(config)?;
    desk.now_ns += MILLISECOND;
    let crash = desk.touch(mid * 93 / 100);
    let mut out = Commands::with_capacity(256);
    let mut times = Vec::with_capacity(TIMES);
    let (mut cancels, mut closes) = (0, 0);
    for _ in 0..TIMES {
        let mut engine = desk.engine.clone();
        out.clear();
        let started = Instant::now();
        engine.on_event(&crash, &mut out)?;
        times.push(nanoseconds(started));
        let commands = out.as_slice();
        let is_trip = |it: &&flyball_core::risk::Command| {
            matches!(it, CommandOf::Notice(Notice::Tripped { switch: SwitchName::Drawdown, .. }))
        };
        if commands.iter().find(is_trip).is_none() {
            return Err("the crash does not cross the drawdown line".into());
        }
        let count = |of: fn(&flyball_core::risk::Command) -> bool| {
            commands.iter().filter(|it| of(it)).count()
        };
        cancels = count(|it| matches!(it, CommandOf::Cancel { .. }));
        closes = count(|it| matches!(it, CommandOf::Submit(order) if order.get().reduce_only));
    }
    if cancels == 0 || closes == 0 {
        return Err(format!("{cancels} cancels and {closes} closes: nothing to measure").into());
    }
    Ok(json!({"ns": statistics(&times), "cancels": cancels, "closes": closes}))
}
