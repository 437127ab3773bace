//! Liquidation, by Hyperliquid's rules (documentation, trading/liquidations): below maintenance the
//! venue sends market orders for the whole position, in slices of a fifth above 100 000 USD with
//! 30 s between them; below two thirds of maintenance the backstop takes positions and margin.

use crate::domain::{
    Body, CancelReason, ClientOrderId, Fill, Instrument, InstrumentId, Money, NetQty, Order,
    OrderKind, Price, Purpose, Qty, SECOND, StrategyId, TimeInForce, VenueOrderId,
};
use crate::sim::AccountId;
use crate::sim::market::Resting;
use crate::sim::queue::Place;
use crate::sim::venue::{Venue, closing_side};

const SLICED_ABOVE: Money = Money::from_whole(100_000);
const COOL_DOWN_NS: i64 = 30 * SECOND;

impl Venue {
    /// Deal with every account that is in distress.
    #[cold]
    pub(super) fn liquidate(&mut self, now: i64) {
        let (_, accounts, _) = self.parts();
        let count = accounts.len();
        for account in (0..count).map(AccountId::new) {
            let (_, accounts, _) = self.parts();
            let Some(owner) = accounts.get_mut(account.index()) else { continue };
            let (below, far_below) = owner.distress();
            if !below {
                continue;
            }
            let cooling = now < owner.cool_until_ns;
            if far_below {
                self.withdraw(account, CancelReason::Liquidated, now);
                self.backstop(account, now);
            } else if !cooling {
                self.withdraw(account, CancelReason::Liquidated, now);
                self.sell_off(account, now);
            }
        }
    }

    fn holdings(&mut self, account: AccountId) -> Vec<(Instrument, NetQty)> {
        let (markets, accounts, _) = self.parts();
        let Some(owner) = accounts.get(account.index()) else { return Vec::new() };
        let held = |instrument: &Instrument| owner.portfolio.qty(instrument.id());
        let all =
            markets.iter().map(|market| (market.instrument.clone(), held(&market.instrument)));
        all.filter(|(_, qty)| !qty.is_flat()).collect()
    }

    fn sell_off(&mut self, account: AccountId, now: i64) {
        for (instrument, held) in self.holdings(account) {
            let (markets, accounts, _) = self.parts();
            let mark = markets.get(instrument.id().index()).and_then(|market| market.mark);
            let value = mark.map_or(Money::UNKNOWN, |mark| instrument.value(mark, held.abs()));
            let sliced = value > SLICED_ABOVE;
            let qty =
                if sliced { Qty::from_lots(held.abs().lots().div_ceil(5)) } else { held.abs() };
            if let Some(owner) = accounts.get_mut(account.index())
                && sliced
            {
                owner.cool_until_ns = now.saturating_add(COOL_DOWN_NS);
            }
            let mut order = market_order(account, instrument.id(), held, qty);
            self.take_all(&mut order, now);
        }
    }

    /// Positions go at the mark, and what equity is left goes with them.
    fn backstop(&mut self, account: AccountId, now: i64) {
        let holdings = self.holdings(account);
        let count = holdings.len();
        for (at, (instrument, held)) in holdings.into_iter().enumerate() {
            let (markets, accounts, trade_count) = self.parts();
            let Some(mark) = markets.get(instrument.id().index()).and_then(|m| m.mark) else {
                continue;
            };
            let Some(owner) = accounts.get_mut(account.index()) else { continue };
            *trade_count = trade_count.saturating_add(1);
            let last = at.saturating_add(1) == count;
            let rest = owner.portfolio.equity().max(Money::ZERO);
            let fill = Fill {
                instrument: instrument.id(),
                client_order_id: ClientOrderId::default(),
                venue_order_id: VenueOrderId::default(),
                trade_id: *trade_count,
                side: closing_side(held.is_long()),
                price: mark,
                qty: held.abs(),
                fee: if last { rest } else { Money::ZERO },
                maker: false,
                liquidation: true,
            };
            owner.portfolio.apply_fill(&instrument, &fill, now);
            self.say(account, Body::Fill(fill), now);
        }
    }
}

fn market_order(account: AccountId, instrument: InstrumentId, held: NetQty, qty: Qty) -> Resting {
    let side = closing_side(held.is_long());
    let price = if held.is_long() {
        Price::from_ticks(1)
    } else {
        Price::from_ticks(Price::MAX.ticks().saturating_sub(1))
    };
    let order = Order {
        client_order_id: ClientOrderId::default(),
        instrument,
        strategy: StrategyId::default(),
        side,
        price,
        qty,
        kind: OrderKind::Limit(TimeInForce::ImmediateOrCancel),
        reduce_only: true,
        purpose: Purpose::Flatten,
    };
    Resting {
        account,
        order,
        venue_order_id: VenueOrderId::default(),
        remaining: qty,
        place: Place::default(),
    }
}
