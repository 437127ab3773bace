//! What execution works with, and the only way out: the gate.

use serde::{Deserialize, Serialize};

use crate::book::Best;
use crate::domain::{
    ClientOrderId, CommandOf, Instrument, InstrumentId, Order, OrderKind, Price, Purpose, Qty,
    Rate, Refusal, Side, StrategyId, TimeInForce,
};
use crate::execution::orders::Orders;
use crate::execution::refusals::Refusals;
use crate::portfolio::{Portfolio, Position};
use crate::risk::{
    Approved, Commands, ExitLimits, Gate, Mode, NearDepth, References, Scenarios, View,
};

/// What is known of an instrument's market.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Market {
    /// Best bid and ask, while the book can be looked at.
    pub best: Option<Best>,
    /// Prices by source, with their times.
    pub references: References,
    /// What lasts in the book near the best prices.
    pub depth: NearDepth,
    /// Oldest price on which risk may be added here.
    pub max_age_ns: i64,
}

/// An instrument, its market, and everything that an order in it needs to pass.
pub struct Desk<'a> {
    /// Now.
    pub now_ns: i64,
    /// The instrument.
    pub instrument: &'a Instrument,
    /// Its market.
    pub market: Market,
    /// The account.
    pub portfolio: &'a Portfolio,
    /// What could happen to prices.
    pub scenarios: &'a Scenarios,
    /// How positions are left.
    pub limits: &'a ExitLimits,
    /// What may be used of the risk budget.
    pub share: Rate,
    /// Whether new risk may be taken.
    pub mode: Mode,
    /// The gate.
    pub gate: &'a mut Gate,
    /// Our orders.
    pub orders: &'a mut Orders,
    /// What the gate refused.
    pub refusals: &'a mut Refusals,
    /// What is said and sent.
    pub out: &'a mut Commands,
}

/// What to send; the desk fills in the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) strategy: StrategyId,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) kind: OrderKind,
    pub(super) reduce_only: bool,
    pub(super) purpose: Purpose,
}

impl Wish {
    /// An immediate-or-cancel order that only reduces.
    pub(super) const fn close(purpose: Purpose, side: Side, price: Price, qty: Qty) -> Self {
        Self {
            strategy: StrategyId::new(0),
            side,
            price,
            qty,
            kind: OrderKind::Limit(TimeInForce::ImmediateOrCancel),
            reduce_only: true,
            purpose,
        }
    }
}

impl<'a> Desk<'a> {
    pub(super) fn id(&self) -> InstrumentId {
        self.instrument.id()
    }

    /// The position, if the instrument has one.
    pub(super) fn position(&self) -> Option<&'a Position> {
        self.portfolio.position(self.id())
    }

    /// What a rule sees.
    pub(super) fn view(&self) -> View<'a> {
        View {
            now_ns: self.now_ns,
            instrument: self.instrument,
            portfolio: self.portfolio,
            references: self.market.references,
            max_age_ns: self.market.max_age_ns,
            exposure: self.orders.exposure(self.id()),
            depth: self.market.depth,
            scenarios: self.scenarios,
            share: self.share,
            mode: self.mode,
        }
    }

    fn order(&self, wish: &Wish, client_order_id: ClientOrderId) -> Order {
        Order {
            client_order_id,
            instrument: self.id(),
            strategy: wish.strategy,
            side: wish.side,
            price: wish.price,
            qty: wish.qty,
            kind: wish.kind,
            reduce_only: wish.reduce_only,
            purpose: wish.purpose,
        }
    }

    /// Take an order through the gate and send it.
    ///
    /// # Errors
    ///
    /// The gate's [`Refusal`].
    pub(super) fn submit(&mut self, wish: &Wish) -> Result<(), Refusal> {
        let client_order_id = self.orders.next_id();
        let order = self.order(wish, client_order_id);
        let judged = self.gate.review(order, &self.view());
        self.send(order, judged)
    }

    /// The same with as much of it as the gate's rules about sizes let through. With the quantity
    /// that was shown to the gate in the end; all of it, where nothing fits.
    pub(super) fn submit_up_to(&mut self, wish: &Wish) -> (Qty, Result<(), Refusal>) {
        let client_order_id = self.orders.next_id();
        let order = self.order(wish, client_order_id);
        let (order, judged) = self.gate.review_up_to(order, &self.view());
        (order.qty, self.send(order, judged))
    }

    fn send(
        &mut self,
        order: Order,
        judged: Result<Approved<Order>, Refusal>,
    ) -> Result<(), Refusal> {
        match judged {
            Ok(approved) => {
                self.orders.sent(self.instrument, order, self.now_ns);
                self.out.push(CommandOf::Submit(approved));
                Ok(())
            }
            Err(refusal) => {
                self.refusals.add(order, refusal, self.now_ns, self.out);
                Err(refusal)
            }
        }
    }

    /// Ask for an order's cancel. Whether the message budget allowed it.
    pub(super) fn cancel(&mut self, client_order_id: ClientOrderId, protects: bool) -> bool {
        if !self.gate.take_message(self.now_ns, protects) {
            return false;
        }
        self.orders.cancel_sent(self.instrument, client_order_id, self.now_ns);
        self.out.push(CommandOf::Cancel { instrument: self.id(), client_order_id });
        true
    }

    /// Ask for the cancel of every order of these purposes whose cancel was not asked for yet.
    /// Whether all of them were asked for.
    pub(super) fn cancel_all(&mut self, purposes: &[Purpose], protects: bool) -> bool {
        while let Some(id) = self.next_to_cancel(purposes) {
            if !self.cancel(id, protects) {
                return false;
            }
        }
        true
    }

    fn next_to_cancel(&self, purposes: &[Purpose]) -> Option<ClientOrderId> {
        let wanted = self
            .orders
            .of(self.id())
            .iter()
            .find(|live| !live.cancelling && purposes.contains(&live.order.purpose))?;
        Some(wanted.order.client_order_id)
    }
}
