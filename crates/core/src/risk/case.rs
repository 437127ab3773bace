//! An order, and what it would do: worked out once, for all rules.

use crate::domain::{Money, NetQty, Order, OrderKind, Price, Qty, Side};
use crate::portfolio::Position;
use crate::risk::{Fresh, View};

/// An order that is to be judged, what can be seen, and what the order would do if it and all our
/// others on its side filled.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The order.
    pub order: &'a Order,
    /// What can be seen.
    pub view: &'a View<'a>,
    /// Whether it can only bring the position closer to nothing.
    pub reduces: bool,
    /// Whether it could make the position larger than it is, or turn it over.
    pub adds_risk: bool,
    /// The position then.
    pub worst: NetQty,
    /// The price by which risk values things: the mark, else the order's own.
    pub mark: Price,
    /// What the position would be worth, counted at the higher of mark and order.
    pub value: Money,
    /// What the order alone is worth, counted at its own price.
    pub order_value: Money,
    /// Σ of what all positions would be worth then, in all instruments, without sign.
    pub gross: Money,
    /// The margin that they would have to keep.
    pub maintenance: Money,
    /// What the account is worth.
    pub equity: Money,
    /// The prices that are fresh.
    pub fresh: Fresh,
}

impl<'a> Case<'a> {
    /// What this order would do.
    pub fn new(order: &'a Order, view: &'a View<'a>) -> Self {
        let (portfolio, exposure) = (view.portfolio, &view.exposure);
        let position = portfolio.position(view.instrument.id());
        let held = position.map_or(NetQty::FLAT, Position::qty);
        let (held_value, held_margin) = position
            .map_or((Money::ZERO, Money::ZERO), |it| (Position::value(it), it.maintenance()));
        let closes = held.reducing_side() == Some(order.side);
        let whole = matches!(order.kind, OrderKind::Stop { .. });
        let reduces = order.reduce_only && closes && (whole || order.qty <= held.abs());
        let open = match order.side {
            Side::Bid => exposure.bids,
            Side::Ask => exposure.asks,
        };
        let worst = held.plus(open.plus(order.qty).signed(order.side));
        let mark = view.references.last().unwrap_or(order.price);
        let at = |price| view.instrument.value(price, worst.abs());
        let at_mark = at(mark);
        let value = if mark == order.price { at_mark } else { at_mark.max(at(order.price)) };
        Self {
            order,
            view,
            reduces,
            adds_risk: !reduces && worst.side() == Some(order.side),
            worst,
            mark,
            value,
            order_value: view.instrument.value(order.price, order.qty),
            gross: portfolio.gross().minus(held_value).plus(exposure.value_elsewhere).plus(value),
            maintenance: portfolio
                .maintenance()
                .minus(held_margin)
                .plus(exposure.maintenance_elsewhere)
                .plus(view.instrument.maintenance_margin(value)),
            equity: portfolio.equity(),
            fresh: view.references.fresh(view.now_ns, view.max_age_ns),
        }
    }

    /// What the book could take of the position, when it is closed again.
    pub const fn closing_depth(&self) -> Qty {
        match self.order.side {
            Side::Bid => self.view.depth.bids,
            Side::Ask => self.view.depth.asks,
        }
    }
}
