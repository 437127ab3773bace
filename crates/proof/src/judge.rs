//! What a cell is judged by: measured at the venue, whose account is the truth, and at the engine.

use flyball_core::backtest::{Backtest, Observer};
use flyball_core::domain::{CommandOf, Event, Money, Notice, OrderKind, Scope, SwitchName};
use flyball_core::engine::Engine;
use flyball_core::journal::{Records, SinkError};
use flyball_core::risk::{Command, Profile};
use flyball_core::sim::{AccountId, Venue};
use serde::{Deserialize, Serialize};

use crate::cell::TRADED;

fn account() -> AccountId {
    AccountId::new(0)
}

/// What a cell came to. Fractions are of 1; times are simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Outcome {
    /// The deepest drawdown of the account, which is the venue's.
    pub drawdown: f64,
    /// As the engine's portfolio measured it: deeper where it had not heard that its stop filled.
    pub engine_drawdown: f64,
    /// Where the profile's drawdown switch is.
    pub line: f64,
    /// How far the drawdown went beyond the line.
    pub overshoot: f64,
    /// The largest move against the position, while it was held, between two prices of the venue at
    /// which the engine could act: an outage is one gap.
    pub gap_met: f64,
    /// The gap that was to be expected before the window.
    pub gap_assumed: f64,
    /// The largest loss of a position, of its entry.
    pub position_loss: f64,
    /// The switch on all trading that fired first.
    pub tripped: Option<SwitchName>,
    /// Positions that their own switch closed.
    pub position_trips: u32,
    /// From the first stop of all trading to the moment from which the venue held nothing.
    pub flat_s: Option<f64>,
    /// Whether the venue held nothing at the end, no order among it, and the engine had said so.
    pub verified_flat: bool,
    /// Orders that could add risk, sent after all trading was stopped.
    pub orders_after_stop: u32,
    /// Whether the drawdown went beyond the emergency line.
    pub emergency_breach: bool,
    /// The longest time for which a position had no stop at the venue.
    pub unprotected_s: f64,
    /// Positions that the venue liquidated.
    pub liquidations: u32,
    /// The largest exposure, as a multiple of equity.
    pub leverage: f64,
    /// Whether engine and venue held the same position and the same money at the end.
    pub agrees: bool,
    /// By how many lots they differ.
    pub lots_apart: i64,
    /// By how much cash they differ.
    pub cash_apart: f64,
    /// Whether anything was ever held.
    pub traded: bool,
}

impl Outcome {
    /// Whether the largest move met was one that had to be expected.
    pub fn is_within(&self) -> bool {
        self.gap_met <= self.gap_assumed
    }
}

/// Looks on while a cell runs.
pub(crate) struct Judge {
    outcome: Outcome,
    emergency: f64,
    stopped: bool,
    stopped_ns: i64,
    flat_since_ns: Option<i64>,
    said_flat: bool,
    mark: i64,
    qty: i64,
    entry: f64,
    naked_since_ns: Option<i64>,
    volume: Money,
    now_ns: i64,
    /// While the engine cannot act: the price at which it last could, or at which the position began.
    acted_at: Option<i64>,
}

impl Judge {
    pub(crate) fn new(profile: &Profile, assumed: f64) -> Self {
        Self {
            outcome: Outcome {
                line: profile.switches.drawdown.to_f64(),
                gap_assumed: assumed,
                ..Outcome::default()
            },
            emergency: profile.switches.emergency.to_f64(),
            stopped: false,
            stopped_ns: 0,
            flat_since_ns: None,
            said_flat: false,
            mark: 0,
            qty: 0,
            entry: 0.0,
            naked_since_ns: None,
            volume: Money::ZERO,
            now_ns: i64::MIN,
            acted_at: None,
        }
    }

    /// From now on the engine can act, or cannot.
    pub(crate) const fn helpless(&mut self, helpless: bool) {
        self.acted_at = if helpless { Some(self.mark) } else { None };
    }

    /// Look at the venue.
    pub(crate) fn look(&mut self, venue: &Venue, now_ns: i64) {
        self.now_ns = now_ns;
        let Some(held) = venue.portfolio(account()) else { return };
        let qty = held.qty(TRADED).lots();
        let mark = venue.mark(TRADED).map_or(self.mark, flyball_core::domain::Price::ticks);
        if qty == self.qty && mark == self.mark && qty == 0 {
            self.volume = venue.volume(account());
            return;
        }
        let volume = venue.volume(account());
        // What filled in a move met it, also when it is gone already.
        if volume != self.volume && self.mark != 0 {
            let moved = (mark - self.mark).abs() as f64 / self.mark as f64;
            self.outcome.gap_met = self.outcome.gap_met.max(moved);
        }
        self.volume = volume;
        self.moved(mark, qty);
        if qty != self.qty || qty != 0 {
            let position = held.position(TRADED);
            let entry =
                position.zip(venue.instrument(TRADED)).and_then(|(p, it)| p.entry_price(it));
            self.entry = entry.map_or(0.0, |price| price.ticks() as f64);
            let equity = held.equity().to_f64();
            if qty != 0 && equity > 0.0 {
                self.outcome.leverage = self.outcome.leverage.max(held.gross().to_f64() / equity);
            }
        }
        self.outcome.traded |= qty != 0;
        (self.mark, self.qty) = (mark, qty);
        if qty == 0 {
            self.flat_since_ns.get_or_insert(now_ns);
            self.clothed(now_ns);
            return;
        }
        self.flat_since_ns = None;
        let stopped = venue
            .orders(account())
            .any(|record| record.order.reduce_only && record.order.trigger().is_some());
        if stopped {
            self.clothed(now_ns);
        } else {
            self.naked_since_ns.get_or_insert(now_ns);
        }
    }

    /// The position that was held met this price; one that a move itself opened, by filling what
    /// rested, met the move.
    fn moved(&mut self, mark: i64, qty: i64) {
        let held = if self.qty == 0 { qty } else { self.qty };
        if held == 0 || self.mark == 0 {
            return;
        }
        let side = held.signum() as f64;
        let against = |from: i64| -side * (mark - from) as f64 / from as f64;
        self.outcome.gap_met = self.outcome.gap_met.max(against(self.mark));
        if let Some(from) = &mut self.acted_at {
            if self.qty == 0 || *from == 0 {
                *from = self.mark;
            }
            self.outcome.gap_met = self.outcome.gap_met.max(against(*from));
        }
        if self.entry > 0.0 {
            let loss = -side * (mark as f64 - self.entry) / self.entry;
            self.outcome.position_loss = self.outcome.position_loss.max(loss);
        }
    }

    /// The position has a stop again, or is gone.
    fn clothed(&mut self, now_ns: i64) {
        if let Some(since) = self.naked_since_ns.take() {
            let naked = seconds(now_ns - since);
            self.outcome.unprotected_s = self.outcome.unprotected_s.max(naked);
        }
    }

    pub(crate) fn verdict<'t, R: Records<'t> + Clone>(mut self, test: &Backtest<'t, R>) -> Outcome {
        self.clothed(self.now_ns);
        let (venue, engine) = (test.venue(), test.engine());
        let Some(held) = venue.portfolio(account()) else { return self.outcome };
        let ours = engine.portfolio();
        let mut out = self.outcome;
        out.engine_drawdown = ours.max_drawdown().to_f64();
        out.drawdown = held.max_drawdown().to_f64();
        out.overshoot = (out.drawdown - out.line).max(0.0);
        out.emergency_breach = out.drawdown >= self.emergency;
        out.agrees = held.cash() == ours.cash() && held.qty(TRADED) == ours.qty(TRADED);
        out.lots_apart = held.qty(TRADED).lots() - ours.qty(TRADED).lots();
        out.cash_apart = held.cash().minus(ours.cash()).to_f64();
        if self.stopped {
            let flat = held.is_flat() && venue.open_orders(account()) == 0;
            out.verified_flat = flat && self.said_flat && ours.is_flat();
            out.flat_s = self
                .flat_since_ns
                .filter(|_| flat)
                .map(|since| seconds((since - self.stopped_ns).max(0)));
        }
        out
    }
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

impl Observer for Judge {
    fn event(&mut self, _: &Event<'_>, _: &Engine) -> Result<(), SinkError> {
        Ok(())
    }

    fn command(&mut self, command: &Command, _: &Engine) -> Result<(), SinkError> {
        match command {
            CommandOf::Submit(order) => {
                let order = order.get();
                let protects = order.reduce_only || matches!(order.kind, OrderKind::Stop { .. });
                if self.stopped && !protects {
                    self.outcome.orders_after_stop += 1;
                }
            }
            CommandOf::Notice(Notice::Tripped { switch, .. }) => self.trip(*switch),
            CommandOf::Notice(Notice::Flat { scope: Scope::All, .. }) => self.said_flat = true,
            CommandOf::Notice(Notice::Liquidated { .. }) => self.outcome.liquidations += 1,
            _ => {}
        }
        Ok(())
    }
}

impl Judge {
    fn trip(&mut self, switch: SwitchName) {
        match switch {
            SwitchName::Emergency | SwitchName::Drawdown | SwitchName::DailyLoss => {
                if !self.stopped {
                    self.stopped = true;
                    self.stopped_ns = self.now_ns;
                    self.outcome.tripped = Some(switch);
                }
                self.said_flat = false;
            }
            SwitchName::PositionLoss => self.outcome.position_trips += 1,
            SwitchName::Leverage | SwitchName::Margin => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        let profile = include_str!("../../live/tests/world/emergency.json");
        Judge::new(&serde_json::from_str(profile).unwrap(), 0.4)
    }

    /// The largest gap of a walk of the price, with something held that the walk is against.
    fn met(judge: &mut Judge, held: i64, walk: &[i64]) -> f64 {
        for &mark in walk {
            judge.moved(mark, held);
            (judge.mark, judge.qty) = (mark, held);
        }
        judge.outcome.gap_met
    }

    #[test]
    fn an_outage_is_one_gap_and_a_walk_on_which_one_can_act_is_not() {
        let mut free = judge();
        assert!((met(&mut free, 5, &[100, 90, 81]) - 0.1).abs() < 1e-12);
        let mut helpless = judge();
        met(&mut helpless, 5, &[100]);
        helpless.helpless(true);
        assert!((met(&mut helpless, 5, &[90, 81]) - 0.19).abs() < 1e-12);
        helpless.helpless(false);
        assert!((met(&mut helpless, 5, &[80, 79]) - 0.19).abs() < 1e-12, "steps again");
        let mut short = judge();
        met(&mut short, -5, &[100]);
        short.helpless(true);
        assert!((met(&mut short, -5, &[110, 121]) - 0.21).abs() < 1e-12);
    }

    #[test]
    fn a_position_that_begins_in_an_outage_meets_what_comes_after_it() {
        let mut judge = judge();
        met(&mut judge, 0, &[100]);
        judge.helpless(true);
        assert!((met(&mut judge, 0, &[50]) - 0.0).abs() < 1e-12, "nothing was held");
        assert!((met(&mut judge, 5, &[45, 40]) - 0.2).abs() < 1e-12);
    }
}
