//! What a run leaves behind for people: samples of equity, orders, fills, notices.

use crate::backtest::Observer;
use crate::domain::{
    Body, CommandOf, Event, Fill, InstrumentId, Money, Notice, Order, OrderReport, Price,
};
use crate::engine::Engine;
use crate::journal::SinkError;
use crate::risk::Command;

/// The account at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub time_ns: i64,
    /// What it was worth; unknown while a position had no mark.
    pub equity: Money,
    /// The highest it had been worth.
    pub peak: Money,
    /// Σ|value| of positions.
    pub gross: Money,
    /// Lots held of the first instrument.
    pub position: i64,
    /// Its mark in ticks; 0 while there was none.
    pub mark: i64,
}

/// Collects what a run leaves behind. Samples are taken at fixed steps, at each fill, and at the
/// end.
#[derive(Debug)]
pub struct Collect {
    step_ns: i64,
    next_ns: i64,
    /// The account over time.
    pub samples: Vec<Sample>,
    /// Orders that were sent.
    pub orders: Vec<(i64, Order)>,
    /// What became of them.
    pub reports: Vec<(i64, OrderReport)>,
    /// Trades of ours.
    pub fills: Vec<(i64, Fill)>,
    /// What the engine said.
    pub notices: Vec<(i64, Notice)>,
    /// Funding received less funding paid.
    pub funding: Money,
    /// Events that the engine took in.
    pub events: u64,
    /// Decisions among them.
    pub decisions: u64,
}

impl Collect {
    /// Samples every `step_ns`.
    pub fn new(step_ns: i64) -> Self {
        Self {
            step_ns: step_ns.max(1),
            next_ns: i64::MIN,
            samples: Vec::with_capacity(8192),
            orders: Vec::with_capacity(4096),
            reports: Vec::with_capacity(8192),
            fills: Vec::with_capacity(4096),
            notices: Vec::with_capacity(1024),
            funding: Money::ZERO,
            events: 0,
            decisions: 0,
        }
    }

    /// Take a sample now.
    pub fn sample(&mut self, engine: &Engine) {
        let portfolio = engine.portfolio();
        let first = portfolio.position(InstrumentId::new(0));
        self.samples.push(Sample {
            time_ns: engine.now_ns(),
            equity: portfolio.equity(),
            peak: portfolio.peak(),
            gross: portfolio.gross(),
            position: first.map_or(0, |position| position.qty().lots()),
            mark: first.and_then(crate::portfolio::Position::mark).map_or(0, Price::ticks),
        });
    }
}

impl Observer for Collect {
    #[inline]
    fn event(&mut self, event: &Event<'_>, engine: &Engine) -> Result<(), SinkError> {
        self.events = self.events.saturating_add(1);
        let now = engine.now_ns();
        let mut sample = now >= self.next_ns;
        match &event.body {
            Body::Fill(fill) => {
                self.fills.push((now, *fill));
                sample = true;
            }
            Body::Order(report) => self.reports.push((now, *report)),
            Body::Funding(payment) => self.funding = self.funding.plus(payment.amount),
            Body::Decision(_) => self.decisions = self.decisions.saturating_add(1),
            _ => {}
        }
        if sample {
            self.sample(engine);
            let steps = now.div_euclid(self.step_ns).saturating_add(1);
            self.next_ns = steps.saturating_mul(self.step_ns);
        }
        Ok(())
    }

    #[inline]
    fn command(&mut self, command: &Command, engine: &Engine) -> Result<(), SinkError> {
        match command {
            CommandOf::Submit(order) => self.orders.push((engine.now_ns(), *order.get())),
            CommandOf::Notice(notice) => self.notices.push((engine.now_ns(), *notice)),
            _ => {}
        }
        Ok(())
    }
}
