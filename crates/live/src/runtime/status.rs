//! How a run is doing, for people and programmes: plain numbers and names.

use flyball_core::domain::{Attention, Notice, OrderKind, Rate, Restrainer, SwitchName};
use flyball_core::engine::Engine;
use flyball_core::execution::{LiveOrder, OrderState};
use flyball_core::risk::Mode;
use serde::Serialize;

use crate::measures::{AccountMeasures, Meters, STREAMS, Tally, Totals};
use crate::runtime::beside::Beside;

/// How a run is doing. Money is text in the settlement currency, exactly.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "facts, side by side")]
pub struct Status {
    /// Now, by the engine's clock: UTC nanoseconds since 1970.
    pub time_ns: i64,
    /// What the account is worth, or `unknown`.
    pub equity: String,
    /// Cash.
    pub cash: String,
    /// The highest equity so far.
    pub peak: String,
    /// Loss from the peak, as a fraction; none while unknown.
    pub drawdown: Option<f64>,
    /// Loss since the start of the day.
    pub daily_loss: Option<f64>,
    /// Whether nothing is held.
    pub flat: bool,
    /// Whether the whole account is being flattened.
    pub flattening: bool,
    /// Whether we hear what happens to the account.
    pub account_known: bool,
    /// Switches that are latched, and since when.
    pub tripped: Vec<(&'static str, i64)>,
    /// Whether an operator has killed it.
    pub killed: bool,
    /// What may be used of the risk budget, as a fraction: less than one while somebody wants less.
    pub share: f64,
    /// Who wants that, and how much each of them leaves.
    pub restraints: Vec<(&'static str, f64)>,
    /// By instrument.
    pub instruments: Vec<InstrumentStatus>,
    /// By strategy.
    pub strategies: Vec<StrategyStatus>,
    /// What the engine said of late: when, and what.
    pub notices: Vec<(i64, Notice)>,
    /// Events about something that is not configured.
    pub refused_events: u64,
    /// What the engine's thread measures: shown beside what the others do.
    #[serde(skip)]
    pub measured: Option<Box<Measured>>,
}

/// What the engine's thread measures.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Counts.
    pub totals: Totals,
    /// The account.
    pub account: AccountMeasures,
    /// What waits in the engine's queue.
    pub queued: u64,
}

impl Measured {
    /// As it is now.
    pub fn of(engine: &Engine, tally: &Tally, meters: &Meters) -> Self {
        let heard = |at: usize| STREAMS.into_iter().zip(meters.heard_ns(at)).collect();
        let account = AccountMeasures::of(engine, heard);
        Self { totals: tally.totals(engine), account, queued: 0 }
    }
}

/// One instrument.
#[derive(Clone, Debug, Serialize)]
pub struct InstrumentStatus {
    /// Its name.
    pub symbol: String,
    /// Best bid and ask in ticks, while the book can be looked at.
    pub best: Option<(i64, i64)>,
    /// The mark, in ticks.
    pub mark: Option<i64>,
    /// Lots held.
    pub position: i64,
    /// Average price of the position, in ticks.
    pub entry: Option<i64>,
    /// Gain or loss of the position at the mark.
    pub unrealised: String,
    /// Where its stop rests at the venue, in ticks: confirmed by the venue.
    pub stop: Option<i64>,
    /// `normal`, `reduce_only` or `killed`.
    pub mode: &'static str,
    /// Whether the position is being closed, and why.
    pub closing: Option<&'static str>,
    /// Since when the position has no confirmed stop at the venue.
    pub unprotected_since_ns: Option<i64>,
    /// Orders that have not ended.
    pub orders: u64,
    /// Those of them whose fate is unknown.
    pub unknown_orders: u64,
    /// Their numbers, by which one of them can be killed.
    pub order_ids: Vec<u64>,
    /// Whether an operator has killed it by itself.
    pub locked: bool,
    /// Whether what is held is too little to be closed, as the venue has said.
    pub dust: bool,
}

/// One strategy.
#[derive(Clone, Debug, Serialize)]
pub struct StrategyStatus {
    /// Its name.
    pub name: String,
    /// `awake`, `late` or `gone`.
    pub attention: &'static str,
    /// Why it is gone.
    pub reason: Option<String>,
    /// Questions that it was asked.
    pub asked: u64,
    /// Questions that a newer one replaced before it read them.
    pub replaced: u64,
    /// How often its answer was overdue.
    pub overruns: u64,
    /// Decisions that came too late and were dropped.
    pub dropped: u64,
}

impl Status {
    /// As it is now.
    pub fn of(
        engine: &Engine,
        strategies: &[Beside],
        notices: Vec<(i64, Notice)>,
        refused_events: u64,
    ) -> Self {
        of(engine, strategies, notices, refused_events)
    }
}

fn of(
    engine: &Engine,
    strategies: &[Beside],
    notices: Vec<(i64, Notice)>,
    refused_events: u64,
) -> Status {
    let portfolio = engine.portfolio();
    let switches = engine.switches();
    let latched = SwitchName::ALL.iter().filter_map(|&switch| {
        let since = if switch == SwitchName::PositionLoss {
            let all = engine.instruments().iter();
            all.filter_map(|it| switches.position_latch(it.id()).tripped_ns()).min()
        } else {
            switches.latch(switch).tripped_ns()
        };
        Some((switch.as_str(), since?))
    });
    Status {
        time_ns: engine.now_ns(),
        equity: portfolio.equity().to_string(),
        cash: portfolio.cash().to_string(),
        peak: portfolio.peak().to_string(),
        drawdown: portfolio.drawdown().map(Rate::to_f64),
        daily_loss: portfolio.daily_loss().map(Rate::to_f64),
        flat: portfolio.is_flat(),
        flattening: engine.is_flattening(),
        account_known: engine.account_known(),
        tripped: latched.collect(),
        killed: switches.operator_latch().is_tripped(),
        share: engine.restraints().share().to_f64(),
        restraints: restraints(engine),
        instruments: instruments(engine),
        strategies: strategies.iter().map(strategy).collect(),
        notices,
        refused_events,
        measured: None,
    }
}

fn restraints(engine: &Engine) -> Vec<(&'static str, f64)> {
    let shares = Restrainer::ALL.iter().map(|&by| (by.as_str(), engine.restraints().of(by)));
    shares.filter(|(_, share)| *share < Rate::ONE).map(|(by, share)| (by, share.to_f64())).collect()
}

fn instruments(engine: &Engine) -> Vec<InstrumentStatus> {
    let one = |instrument: &flyball_core::domain::Instrument| {
        let id = instrument.id();
        let best = engine.market(id).and_then(|market| market.best);
        let position = engine.portfolio().position(id);
        let orders = engine.execution().orders.of(id);
        let unknown = |live: &&LiveOrder| live.state == OrderState::Unknown;
        let lane = engine.execution().lane(id);
        InstrumentStatus {
            symbol: instrument.symbol().as_str().to_owned(),
            best: best.map(|best| (best.bid.price.ticks(), best.ask.price.ticks())),
            mark: position
                .and_then(flyball_core::portfolio::Position::mark)
                .map(flyball_core::domain::Price::ticks),
            position: engine.portfolio().qty(id).lots(),
            entry: position
                .and_then(|it| it.entry_price(instrument))
                .map(flyball_core::domain::Price::ticks),
            stop: orders.iter().find_map(resting_stop),
            unrealised: position.map_or_else(String::new, |it| it.unrealised().to_string()),
            mode: match engine.mode(id) {
                Mode::Normal => "normal",
                Mode::ReduceOnly => "reduce_only",
                Mode::Killed => "killed",
            },
            closing: engine.closing(id).map(|job| job.reason().as_str()),
            unprotected_since_ns: lane.and_then(|lane| lane.protection().unprotected_since_ns()),
            orders: orders.len() as u64,
            unknown_orders: orders.iter().filter(unknown).count() as u64,
            order_ids: orders.iter().map(|live| live.order.client_order_id.raw()).collect(),
            locked: engine.is_locked(id),
            dust: engine.is_dust(id),
        }
    };
    engine.instruments().iter().map(one).collect()
}

/// The trigger of a stop that the venue has confirmed.
fn resting_stop(live: &LiveOrder) -> Option<i64> {
    match live.order.kind {
        OrderKind::Stop { trigger } if live.state == OrderState::Working && !live.cancelling => {
            Some(trigger.ticks())
        }
        _ => None,
    }
}

fn strategy(beside: &Beside) -> StrategyStatus {
    let (asked, replaced) = beside.mailbox.counts();
    StrategyStatus {
        name: beside.name.clone(),
        attention: match beside.attention {
            Attention::Awake => "awake",
            Attention::Late => "late",
            Attention::Gone => "gone",
        },
        reason: beside.reason.clone(),
        asked,
        replaced,
        overruns: beside.overruns,
        dropped: beside.dropped,
    }
}
