//! What the engine says of itself. Numbers only: whoever shows a notice puts it into words.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Attention, ClientOrderId, InstrumentId, Money, NetQty, Order, Price, Rate, Restraint,
    SentinelState, StrategyId,
};

/// The kill switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchName {
    /// Loss from the peak of equity.
    Drawdown,
    /// Loss of one position against its entry.
    PositionLoss,
    /// Loss since the start of the day.
    DailyLoss,
    /// Loss from the peak beyond which everything ends.
    Emergency,
    /// Exposure against equity.
    Leverage,
    /// Equity against maintenance margin.
    Margin,
}

impl SwitchName {
    /// All six, in the order in which they are evaluated: the hardest first.
    pub const ALL: [Self; 6] = [
        Self::Emergency,
        Self::Drawdown,
        Self::DailyLoss,
        Self::Margin,
        Self::Leverage,
        Self::PositionLoss,
    ];

    /// The name that configuration, metrics and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drawdown => "drawdown",
            Self::PositionLoss => "position_loss",
            Self::DailyLoss => "daily_loss",
            Self::Emergency => "emergency",
            Self::Leverage => "leverage",
            Self::Margin => "margin",
        }
    }
}

/// What a kill or a flatten is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// The whole account.
    All,
    /// One instrument.
    Instrument(InstrumentId),
    /// What one strategy does.
    Strategy(StrategyId),
    /// One order.
    Order(ClientOrderId),
}

/// The rules of the gate, in the order in which they look at an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleName {
    /// Trading is killed, or may only reduce.
    Killed,
    /// The instrument is not on the list.
    AllowedInstruments,
    /// Price or size is not one that the venue takes.
    VenueGrid,
    /// Worth less than the venue's minimum.
    MinNotional,
    /// Larger than one order may be, in lots.
    MaxOrderQty,
    /// Worth more than one order may be.
    MaxOrderNotional,
    /// A reduce-only order that would not reduce.
    ReduceOnly,
    /// The account's state is not known.
    AccountKnown,
    /// The market data is too old, or its sources disagree.
    MarketFresh,
    /// The price is too far from every reference.
    PriceCollar,
    /// More spot would be sold than is held.
    SpotShort,
    /// The position would be too large with everything filled.
    MaxPosition,
    /// Too many orders.
    MaxOpenOrders,
    /// Too much of the account in one instrument.
    MaxConcentration,
    /// Gross exposure too large with everything filled.
    MaxLeverage,
    /// Margin too thin with everything filled.
    MinMarginRatio,
    /// More at stake in one position than its volatility allows.
    MaxTradeVar,
    /// A position that the book could not take back.
    MaxDepthShare,
    /// Too much in one direction with everything filled.
    MaxNetExposure,
    /// Too close to liquidation with everything filled.
    MinLiquidationDistance,
    /// If prices jumped now, more would be lost than may be.
    Governor,
    /// The same order again too soon.
    Duplicate,
    /// It would trade with an order of our own.
    SelfTrade,
    /// Too many automated orders in a row without anybody looking.
    RepeatedExecution,
    /// Too many messages.
    MessageRate,
}

impl RuleName {
    /// All of them, in order.
    pub const ALL: [Self; 25] = [
        Self::Killed,
        Self::AllowedInstruments,
        Self::VenueGrid,
        Self::MinNotional,
        Self::MaxOrderQty,
        Self::MaxOrderNotional,
        Self::ReduceOnly,
        Self::AccountKnown,
        Self::MarketFresh,
        Self::PriceCollar,
        Self::SpotShort,
        Self::MaxPosition,
        Self::MaxOpenOrders,
        Self::MaxConcentration,
        Self::MaxLeverage,
        Self::MinMarginRatio,
        Self::MaxTradeVar,
        Self::MaxDepthShare,
        Self::MaxNetExposure,
        Self::MinLiquidationDistance,
        Self::Governor,
        Self::Duplicate,
        Self::SelfTrade,
        Self::RepeatedExecution,
        Self::MessageRate,
    ];

    /// The name that configuration, metrics and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::AllowedInstruments => "allowed_instruments",
            Self::VenueGrid => "venue_grid",
            Self::MinNotional => "min_notional",
            Self::MaxOrderQty => "max_order_qty",
            Self::MaxOrderNotional => "max_order_notional",
            Self::ReduceOnly => "reduce_only",
            Self::AccountKnown => "account_known",
            Self::MarketFresh => "market_fresh",
            Self::PriceCollar => "price_collar",
            Self::SpotShort => "spot_short",
            Self::MaxPosition => "max_position",
            Self::MaxOpenOrders => "max_open_orders",
            Self::MaxConcentration => "max_concentration",
            Self::MaxLeverage => "max_leverage",
            Self::MinMarginRatio => "min_margin_ratio",
            Self::MaxTradeVar => "max_trade_var",
            Self::MaxDepthShare => "max_depth_share",
            Self::MaxNetExposure => "max_net_exposure",
            Self::MinLiquidationDistance => "min_liquidation_distance",
            Self::Governor => "governor",
            Self::Duplicate => "duplicate",
            Self::SelfTrade => "self_trade",
            Self::RepeatedExecution => "repeated_execution",
            Self::MessageRate => "message_rate",
        }
    }
}

/// Why the gate said no. Plain numbers in the rule's own unit, so that refusing allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The rule.
    pub rule: RuleName,
    /// What it allows.
    pub limit: i128,
    /// What the order came to.
    pub actual: i128,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} against a limit of {}", self.rule.as_str(), self.actual, self.limit)
    }
}

impl std::error::Error for Refusal {}

/// Why a position is being closed. Earlier ones take precedence over later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ExitReason {
    /// An operator killed it.
    Operator,
    /// A switch tripped.
    Switch(SwitchName),
    /// It lost more of the account than any position may.
    Catastrophic,
    /// It lost as much of the account as a position may.
    AbsoluteLoss,
    /// Its stop was crossed.
    Stop,
    /// No stop rests at the venue, and the time to place one is over.
    Unprotected,
    /// What risk needs to know has been unknown for too long.
    Blind,
    /// It was held as long as it may be.
    MaxHolding,
    /// It earned what was hoped for.
    TakeProfit,
}

impl ExitReason {
    /// The name that reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Switch(name) => name.as_str(),
            Self::Catastrophic => "catastrophic_loss",
            Self::AbsoluteLoss => "absolute_loss",
            Self::Stop => "stop",
            Self::Unprotected => "unprotected",
            Self::Blind => "blind",
            Self::MaxHolding => "max_holding",
            Self::TakeProfit => "take_profit",
        }
    }
}

/// What the engine says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Notice {
    /// The gate refused an order.
    Refused {
        /// The order.
        order: Order,
        /// Why.
        refusal: Refusal,
    },
    /// A switch tripped.
    Tripped {
        /// Which.
        switch: SwitchName,
        /// The position that it is about, for the switches that are about one.
        instrument: Option<InstrumentId>,
        /// What it allows.
        limit: Rate,
        /// What was there.
        actual: Rate,
    },
    /// A latch was released.
    Released {
        /// Of which switch; `None` for an operator's kill.
        switch: Option<SwitchName>,
        /// The position that it was about.
        instrument: Option<InstrumentId>,
    },
    /// A reset was refused: still latched.
    ResetRefused {
        /// Of which switch; `None` for an operator's kill.
        switch: Option<SwitchName>,
    },
    /// A position is being closed.
    Exit {
        /// Of what.
        instrument: InstrumentId,
        /// Why.
        reason: ExitReason,
        /// What is closed.
        position: NetQty,
    },
    /// The flatten protocol began.
    FlattenStarted {
        /// Of what.
        scope: Scope,
        /// Why.
        reason: ExitReason,
    },
    /// The venue confirmed that nothing is left.
    Flat {
        /// Of what.
        scope: Scope,
        /// Why it was flattened.
        reason: ExitReason,
        /// Nanoseconds from the start.
        took_ns: i64,
        /// Closing orders that it took.
        attempts: u32,
    },
    /// Flattening takes longer than it may: somebody must look.
    FlattenLate {
        /// Of what.
        scope: Scope,
        /// Nanoseconds from the start.
        age_ns: i64,
        /// Closing orders so far.
        attempts: u32,
    },
    /// Book messages are missing; the book is hidden until it is healed.
    Gap {
        /// Of what.
        instrument: InstrumentId,
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        actual: u64,
    },
    /// The book is whole again.
    Healed {
        /// Of what.
        instrument: InstrumentId,
    },
    /// An order's fate is unknown: no answer came in time.
    OutcomeUnknown {
        /// Of what.
        instrument: InstrumentId,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// The venue's position is not ours; the venue's is right.
    PositionMismatch {
        /// Of what.
        instrument: InstrumentId,
        /// What we thought.
        ours: NetQty,
        /// What the venue holds.
        venue: NetQty,
    },
    /// The account was worth more once than we knew, by the venue's records: its peak is right.
    PeakMismatch {
        /// What we thought.
        ours: Money,
        /// What the venue's records say.
        venue: Money,
    },
    /// A position has no confirmed stop at the venue.
    Unprotected {
        /// Of what.
        instrument: InstrumentId,
        /// For how long.
        for_ns: i64,
    },
    /// The venue liquidated a position.
    Liquidated {
        /// Of what.
        instrument: InstrumentId,
    },
    /// The venue rejected orders in a row: no more until somebody looks.
    Throttled {
        /// Of which strategy.
        strategy: StrategyId,
    },
    /// A round trip ended: the position is closed, or turned over.
    TradeClosed {
        /// Of what.
        instrument: InstrumentId,
        /// What it brought, fees and funding included.
        net: Money,
        /// When it was opened.
        opened_ns: i64,
    },
    /// We began or ceased to hear what happens to our account.
    Account {
        /// Whether we do now.
        known: bool,
    },
    /// The sentinel began or ceased to watch, or wants no new risk.
    Sentinel {
        /// What it is to us now.
        state: SentinelState,
    },
    /// A fill lies so far from the market data that the data is not believed until it changes.
    Doubted {
        /// Of what.
        instrument: InstrumentId,
        /// What was filled.
        filled: Price,
        /// What had been seen.
        seen: Price,
    },
    /// Somebody wants less to be risked, or let go.
    Restrained {
        /// Who, and what they leave.
        restraint: Restraint,
        /// What all of them together leave of the risk budget.
        share: Rate,
    },
    /// A strategy began or ceased to answer.
    Attention {
        /// Which.
        strategy: StrategyId,
        /// Whether it answers now.
        attention: Attention,
    },
    /// What is left of a position is less than the venue takes an order for: it cannot be closed.
    Dust {
        /// Of what.
        instrument: InstrumentId,
        /// What is left.
        position: NetQty,
    },
}
