//! What the account is worth and how near its limits are, as floats for those who look on. Nothing
//! decides by them.

use flyball_core::domain::{Instrument, Money, Rate, SwitchName};
use flyball_core::engine::Engine;
use flyball_core::portfolio::{Portfolio, Position};
use flyball_core::risk::SwitchLimits;
use serde::Serialize;

/// How near a switch is to firing.
#[derive(Clone, Debug, Serialize)]
pub struct SwitchMeasure {
    /// Which.
    pub switch: &'static str,
    /// At what it fires: a fraction, or equity over maintenance margin for `margin`.
    pub limit: f64,
    /// What is there now; none while unknown.
    pub value: Option<f64>,
    /// The way that is left: 1 when nothing was used, 0 where it fires.
    pub distance: Option<f64>,
    /// Since when it is latched.
    pub tripped_ns: Option<i64>,
}

/// One instrument.
#[derive(Clone, Debug, Serialize)]
pub struct InstrumentMeasures {
    /// Its name.
    pub symbol: String,
    /// What is held, in the settlement currency; negative is short. None while unknown.
    pub value: Option<f64>,
    /// The part of equity that it is, without sign.
    pub concentration: Option<f64>,
    /// What a position of this size loses over its longest holding time is less with 95 %.
    pub value_at_risk: Option<f64>,
    /// Loss against its entry, as a fraction; 0 when it gains.
    pub loss_of_entry: Option<f64>,
    /// The assumed jump of the price before anybody can act, as a fraction.
    pub assumed_gap: f64,
    /// When each stream was heard last, by the run's clock; 0 before.
    pub heard_ns: Vec<(&'static str, i64)>,
}

/// The account.
#[derive(Clone, Debug, Serialize)]
pub struct AccountMeasures {
    /// Σ of what positions are worth, without sign.
    pub gross: Option<f64>,
    /// The same with signs.
    pub net: Option<f64>,
    /// Gross over equity.
    pub leverage: Option<f64>,
    /// The margin that positions must keep.
    pub maintenance: Option<f64>,
    /// Equity over maintenance margin; none without a position.
    pub margin_ratio: Option<f64>,
    /// Σ of the instruments' values at risk: as if all fell together.
    pub value_at_risk: Option<f64>,
    /// What may still be lost before the drawdown or the daily loss reaches its line.
    pub loss_budget: Option<f64>,
    /// The same before anything was lost.
    pub loss_budget_full: Option<f64>,
    /// Messages that strategies could send now, by the profile's budget.
    pub messages_left: u64,
    /// When the switches were evaluated last.
    pub evaluated_ns: Option<i64>,
    /// How near each switch is.
    pub switches: Vec<SwitchMeasure>,
    /// By instrument.
    pub instruments: Vec<InstrumentMeasures>,
}

fn known(money: Money) -> Option<f64> {
    (!money.is_unknown()).then(|| money.to_f64())
}

fn ratio(part: Money, whole: Money) -> Option<f64> {
    let (part, whole) = (known(part)?, known(whole)?);
    (whole > 0.0).then(|| part / whole)
}

impl AccountMeasures {
    /// What the engine knows now.
    pub fn of(engine: &Engine, heard: impl Fn(usize) -> Vec<(&'static str, i64)>) -> Self {
        let portfolio = engine.portfolio();
        let equity = portfolio.equity();
        let instruments: Vec<_> = engine
            .instruments()
            .iter()
            .map(|it| instrument(engine, it, heard(it.id().index())))
            .collect();
        let sum = |each: fn(&InstrumentMeasures) -> Option<f64>| -> Option<f64> {
            instruments.iter().map(each).sum()
        };
        let limits = engine.switches().limits();
        let by_peak = portfolio.peak().at_rate(limits.drawdown);
        let by_day = portfolio.day_start().at_rate(limits.daily_loss);
        let left = if equity.is_unknown() {
            Money::UNKNOWN
        } else {
            engine.gate().loss_budget(portfolio, engine.restraints().share())
        };
        Self {
            gross: known(portfolio.gross()),
            net: sum(|it| it.value),
            leverage: ratio(portfolio.gross(), equity),
            maintenance: known(portfolio.maintenance()),
            margin_ratio: ratio(equity, portfolio.maintenance()),
            value_at_risk: sum(|it| it.value_at_risk),
            loss_budget: known(left),
            loss_budget_full: known(by_peak.min(by_day)),
            messages_left: engine.gate().messages_left(engine.now_ns()),
            evaluated_ns: engine.switches().evaluated_ns(),
            switches: SwitchName::ALL.iter().map(|it| switch(engine, *it)).collect(),
            instruments,
        }
    }
}

fn instrument(
    engine: &Engine,
    instrument: &Instrument,
    heard_ns: Vec<(&'static str, i64)>,
) -> InstrumentMeasures {
    let (id, portfolio) = (instrument.id(), engine.portfolio());
    let position = portfolio.position(id);
    // The value of a position without a mark is not known, even when it is there.
    let marked = position.is_none_or(|it| it.qty().is_flat() || it.mark().is_some());
    let size = position.map_or(Money::ZERO, Position::value);
    let size = if marked { size } else { Money::UNKNOWN };
    let short = portfolio.qty(id).lots() < 0;
    InstrumentMeasures {
        symbol: instrument.symbol().as_str().to_owned(),
        value: known(size).map(|value| if short { -value } else { value }),
        concentration: ratio(size, portfolio.equity()),
        value_at_risk: known(size).map(|it| it * engine.scenarios().holding_var(id).to_f64()),
        loss_of_entry: position.and_then(Position::loss_of_entry).map(Rate::to_f64),
        assumed_gap: engine.scenarios().gap(id).to_f64(),
        heard_ns,
    }
}

fn switch(engine: &Engine, name: SwitchName) -> SwitchMeasure {
    let (portfolio, switches) = (engine.portfolio(), engine.switches());
    let (limit, value) = reading(portfolio, switches.limits(), name);
    let distance = value.map(|value| {
        let used = if name == SwitchName::Margin { limit / value } else { value / limit };
        (1.0 - used).clamp(0.0, 1.0)
    });
    let tripped_ns = if name == SwitchName::PositionLoss {
        let all = engine.instruments().iter();
        all.filter_map(|it| switches.position_latch(it.id()).tripped_ns()).min()
    } else {
        switches.latch(name).tripped_ns()
    };
    // Without a position nothing is near to a margin that nobody must keep.
    let no_margin = name == SwitchName::Margin && portfolio.maintenance() == Money::ZERO;
    let distance = if no_margin { Some(1.0) } else { distance };
    SwitchMeasure { switch: name.as_str(), limit, value, distance, tripped_ns }
}

fn reading(portfolio: &Portfolio, limits: &SwitchLimits, name: SwitchName) -> (f64, Option<f64>) {
    let equity = portfolio.equity();
    let drawdown = portfolio.drawdown().map(Rate::to_f64);
    let (limit, value) = match name {
        SwitchName::Drawdown => (limits.drawdown, drawdown),
        SwitchName::Emergency => (limits.emergency, drawdown),
        SwitchName::DailyLoss => (limits.daily_loss, portfolio.daily_loss().map(Rate::to_f64)),
        SwitchName::Leverage => (limits.leverage, ratio(portfolio.gross(), equity)),
        SwitchName::Margin => (limits.margin, ratio(equity, portfolio.maintenance())),
        SwitchName::PositionLoss => {
            let open = portfolio.positions().iter().filter(|it| !it.qty().is_flat());
            let losses = open.map(|it| it.loss_of_entry().map_or(f64::NAN, Rate::to_f64));
            let worst = losses.fold(0.0, |worst: f64, loss| {
                if worst.is_nan() || loss.is_nan() { f64::NAN } else { worst.max(loss) }
            });
            (limits.position_loss, (!worst.is_nan()).then_some(worst))
        }
    };
    (limit.to_f64(), value)
}
