//! A strategy's decision becomes what is wanted.

use crate::domain::{
    Attention, DAY, Decision, Intent, NetQty, Notice, Qty, Quotes, Side, Signal, StrategyState,
    Target,
};
use crate::engine::Engine;
use crate::execution::{ExitPlan, Wanted, WantedPosition, WantedQuotes};
use crate::risk::{Commands, Mode};
use crate::strategy::SizingInput;

impl Engine {
    pub(super) fn on_decision(&mut self, decision: &Decision<'_>, out: &mut Commands) {
        let Some(slot) = self.slots.get(decision.strategy.index()) else { return };
        let (id, strategy) = (slot.instrument(), slot.id());
        if self.mode(id) != Mode::Normal || self.closing(id).is_some() {
            return;
        }
        let (wanted, plan) = match decision.intent {
            Intent::Signal(signal) => self.plan_signal(decision, &signal),
            Intent::Target(target) => plan_target(&target),
            Intent::Quotes(Quotes { bids, asks }) => {
                let Some(instrument) = self.instruments.get(id.index()) else { return };
                (Wanted::Quotes(WantedQuotes::new(instrument, bids, asks)), ExitPlan::default())
            }
        };
        if let Some(lane) = self.execution.lanes.get_mut(id.index()) {
            lane.want(strategy, wanted, plan);
        }
        self.work(id, out);
    }

    /// Signal → multipliers → size → wanted position. A signal for the side that is already held
    /// keeps the position as it is and renews how it is left.
    fn plan_signal(&self, decision: &Decision<'_>, signal: &Signal) -> (Wanted, ExitPlan) {
        let Signal { stop, take_profit, trailing, max_holding_ns, .. } = *signal;
        let plan = ExitPlan::new(stop, take_profit, trailing, max_holding_ns);
        let flat = (Wanted::Position(WantedPosition::new(NetQty::FLAT)), plan);
        let Some(side) = signal.direction.side() else { return flat };
        let Some(slot) = self.slots.get(decision.strategy.index()) else { return flat };
        let id = slot.instrument();
        let held = self.portfolio.qty(id);
        if held.side() == Some(side) {
            return (Wanted::Position(WantedPosition::new(held)), plan);
        }
        let qty = self.size(decision, signal, side).unwrap_or(Qty::ZERO);
        (Wanted::Position(WantedPosition::new(qty.signed(side))), plan)
    }

    fn size(&self, decision: &Decision<'_>, signal: &Signal, side: Side) -> Option<Qty> {
        let slot = self.slots.get(decision.strategy.index())?;
        let index = slot.instrument().index();
        let best = self.markets.get(index)?.best?;
        let input = SizingInput {
            instrument: self.instruments.get(index)?,
            price: best.level(side.opposite()).price,
            equity: self.portfolio.equity(),
            stop_distance: self.exits.stop_distance,
            daily_volatility: self.scenarios.volatility(slot.instrument(), DAY),
            holding_var: self.scenarios.holding_var(slot.instrument()),
            multipliers: slot.multipliers(),
        };
        Some(slot.sizing().size(signal, &input))
    }
}

impl Engine {
    /// A strategy began or ceased to answer. While it does not, nothing of what it wanted is
    /// pursued: quotes that nobody looks after are withdrawn, and its position may only shrink.
    pub(super) fn on_attention(&mut self, state: StrategyState, out: &mut Commands) {
        let StrategyState { strategy, attention } = state;
        let Some(slot) = self.slots.get_mut(strategy.index()) else { return };
        if !slot.set_attention(attention) {
            return;
        }
        let id = slot.instrument();
        out.notice(Notice::Attention { strategy, attention });
        if attention != Attention::Awake {
            self.on_lane(id, out, |lane, _, _| lane.forget());
        }
        self.work(id, out);
    }
}

fn plan_target(target: &Target) -> (Wanted, ExitPlan) {
    let Target { stop, take_profit, trailing, .. } = *target;
    let plan = ExitPlan::new(stop, take_profit, trailing, None);
    (Wanted::Position(WantedPosition::new(target.position)), plan)
}
