//! A desk to try rules at: one XRP perpetual, 1 000 USD, mid price 2.0000.

use crate::domain::{
    ClientOrderId, Fill, Instrument, InstrumentId, InstrumentKind, MILLISECOND, MarginMode, Money,
    Order, OrderKind, Purpose, Rate, Refusal, RuleName, SECOND, Side, StrategyId, TimeInForce,
};
use crate::portfolio::Portfolio;
use crate::risk::{
    Case, ExitLimits, Exposure, GateLimits, GovernorLimits, Mode, NearDepth, Profile, Reading,
    References, Rule, Scenarios, SwitchLimits, View,
};
use crate::testing::{fill, price, qty, xrp, xrp_spec};

pub(crate) struct Desk {
    pub(crate) now_ns: i64,
    pub(crate) instrument: Instrument,
    pub(crate) portfolio: Portfolio,
    pub(crate) references: References,
    pub(crate) exposure: Exposure,
    pub(crate) depth: NearDepth,
    pub(crate) scenarios: Scenarios,
    pub(crate) share: Rate,
    pub(crate) mode: Mode,
    pub(crate) max_age_ns: i64,
    fills: u64,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with_cash(1_000)
    }

    pub(crate) fn with_cash(whole: i64) -> Self {
        let mid = Reading::new(price(20_000), 0);
        Self {
            now_ns: 0,
            instrument: xrp(),
            portfolio: Portfolio::new(1, Money::from_whole(whole)),
            references: References { mid, ..References::default() },
            exposure: Exposure::default(),
            depth: NearDepth { bids: qty(1_000_000), asks: qty(1_000_000) },
            scenarios: Scenarios::new(&profile(), &[xrp()]),
            share: Rate::ONE,
            mode: Mode::Normal,
            max_age_ns: 2 * SECOND,
            fills: 0,
        }
    }

    pub(crate) fn spot() -> Self {
        let mut spec = xrp_spec();
        spec.kind = InstrumentKind::Spot;
        let instrument = Instrument::new(InstrumentId::new(0), &spec).unwrap();
        Self { instrument, ..Self::new() }
    }

    /// With a second instrument, of the same units.
    pub(crate) fn pair() -> Self {
        Self {
            portfolio: Portfolio::new(2, Money::from_whole(1_000)),
            scenarios: Scenarios::new(&profile(), &crate::testing::instruments(&["XRP", "BTC"])),
            ..Self::new()
        }
    }

    /// Hold something of the second instrument.
    pub(crate) fn hold_other(&mut self, side: Side, ticks: i64, lots: u64) {
        let id = InstrumentId::new(1);
        let other = Instrument::new(id, &xrp_spec()).unwrap();
        self.fills += 1;
        let fill = Fill { instrument: id, ..fill(self.fills, side, ticks, lots) };
        self.portfolio.apply_fill(&other, &fill, 0);
        self.portfolio.set_mark(&other, price(ticks));
    }

    pub(crate) fn view(&self) -> View<'_> {
        View {
            now_ns: self.now_ns,
            instrument: &self.instrument,
            portfolio: &self.portfolio,
            references: self.references,
            max_age_ns: self.max_age_ns,
            exposure: self.exposure,
            depth: self.depth,
            scenarios: &self.scenarios,
            share: self.share,
            mode: self.mode,
        }
    }

    pub(crate) fn check(&self, rule: &impl Rule, order: &Order) -> Result<(), Refusal> {
        rule.check(&Case::new(order, &self.view()))
    }

    pub(crate) fn refused(&self, rule: &impl Rule, order: &Order) -> Option<RuleName> {
        self.check(rule, order).err().map(|refusal| refusal.rule)
    }

    pub(crate) fn set_mark(&mut self, ticks: i64) {
        self.references.mark = Reading::new(price(ticks), self.now_ns);
    }

    pub(crate) fn set_now(&mut self, now_ns: i64) {
        self.now_ns = now_ns;
        self.references.mid = Reading::new(price(20_000), now_ns);
    }

    pub(crate) fn hold_unmarked(&mut self, side: Side, ticks: i64, lots: u64) {
        self.fills += 1;
        self.portfolio.apply_fill(&self.instrument, &fill(self.fills, side, ticks, lots), 0);
    }

    pub(crate) fn hold(&mut self, side: Side, ticks: i64, lots: u64) {
        self.hold_unmarked(side, ticks, lots);
        self.portfolio.set_mark(&self.instrument, price(ticks));
    }

    /// Lose this many whole units of cash.
    pub(crate) fn lose(&mut self, whole: i64) {
        self.portfolio.apply_funding(self.instrument.id(), Money::from_whole(-whole));
    }
}

pub(crate) fn bid(ticks: i64, lots: u64) -> Order {
    Order {
        client_order_id: ClientOrderId::new(1),
        instrument: InstrumentId::new(0),
        strategy: StrategyId::new(0),
        side: Side::Bid,
        price: price(ticks),
        qty: qty(lots),
        kind: OrderKind::Limit(TimeInForce::GoodTilCancelled),
        reduce_only: false,
        purpose: Purpose::Entry,
    }
}

pub(crate) fn ask(ticks: i64, lots: u64) -> Order {
    Order { side: Side::Ask, ..bid(ticks, lots) }
}

pub(crate) fn reduce(side: Side, ticks: i64, lots: u64) -> Order {
    Order { side, reduce_only: true, purpose: Purpose::Exit, ..bid(ticks, lots) }
}

/// The numbers of the `emergency` profile, with a small message budget.
pub(crate) fn profile() -> Profile {
    let percent = |n: i64| Rate::from_ppm(n * 10_000);
    Profile {
        name: "test".into(),
        version: 1,
        switches: SwitchLimits {
            drawdown: percent(5),
            position_loss: percent(2),
            daily_loss: percent(10),
            emergency: percent(15),
            leverage: percent(500),
            margin: percent(120),
            hysteresis: percent(10),
            cool_off_ns: 60 * SECOND,
        },
        gate: GateLimits {
            price_collar: percent(1),
            exit_collar: percent(10),
            max_order_qty: 1_000_000,
            max_order_notional: Money::from_whole(100_000),
            max_position_notional: Money::from_whole(100_000),
            max_open_orders: 100,
            max_concentration: percent(25),
            max_leverage: percent(300),
            min_margin_ratio: percent(200),
            max_net_exposure: percent(300),
            min_liquidation_distance: percent(30),
            max_depth_share: percent(1_000_000),
            max_trade_var: percent(2),
            max_data_age_ns: 2 * SECOND,
            max_disagreement: percent(2),
            duplicate_window_ns: 20 * MILLISECOND,
            max_repeated: 20,
            messages_per_second: 10,
            message_burst: 30,
            message_reserve: 10,
        },
        // A gap so small that the other rules can be seen; the governor's own tests set theirs.
        governor: GovernorLimits {
            gap_floor: percent(1),
            gaps: Vec::new(),
            gap_factor: percent(100),
            gap_sigmas: percent(500),
            outage_ns: 300 * SECOND,
            slippage: Rate::from_ppm(10),
            margin_mode: MarginMode::Cross,
        },
        exits: ExitLimits {
            absolute_loss: percent(2),
            catastrophic_loss: percent(5),
            stop_distance: Rate::from_ppm(18_000),
            stop_slippage: percent(10),
            stop_drift: Rate::from_ppm(500),
            max_unprotected_ns: SECOND,
            max_holding_ns: 300 * SECOND,
            max_blind_ns: 5 * SECOND,
            close_slippage: Rate::from_ppm(1_000),
            max_close_slippage: percent(10),
            close_retry_ns: 100 * MILLISECOND,
            close_deadline_ns: 5 * SECOND,
        },
    }
}

/// Let positions become as large as the switches allow: for tests that get into trouble.
pub(crate) fn assume_no_gaps(profile: &mut Profile) {
    let percent = |n: i64| Rate::from_ppm(n * 10_000);
    profile.gate.max_net_exposure = percent(1_000_000);
    profile.gate.min_liquidation_distance = Rate::ZERO;
    profile.gate.max_trade_var = percent(1_000_000);
    profile.governor.gap_floor = Rate::ZERO;
    profile.governor.gap_factor = Rate::from_parts(1);
    profile.governor.gap_sigmas = Rate::from_parts(1);
}

/// What the gate would give for an order that it lets through: for tests of what takes orders.
pub(crate) const fn approve(order: Order) -> crate::risk::Approved<Order> {
    crate::risk::Approved::new(order, 0)
}
