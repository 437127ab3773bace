//! From the quotes that are wanted to the quotes that work, with the fewest messages: what already
//! rests at a wanted price stays, what is not wanted is cancelled, what is missing is sent.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ClientOrderId, Instrument, Level, MAX_QUOTES, OrderKind, Price, Purpose, Refusal, Side,
    StrategyId, TimeInForce,
};
use crate::execution::desk::{Desk, Wish};

/// The quotes that a strategy wants resting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedQuotes {
    bids: [Level; MAX_QUOTES],
    asks: [Level; MAX_QUOTES],
    bid_count: u8,
    ask_count: u8,
}

impl WantedQuotes {
    /// These quotes at the prices that the venue takes, no worse for their owner; what meets at one
    /// price is added up. Those beyond [`MAX_QUOTES`] a side are left out.
    pub fn new(instrument: &Instrument, bids: &[Level], asks: &[Level]) -> Self {
        let mut wanted = Self::default();
        wanted.bid_count = take(instrument, Side::Bid, bids, &mut wanted.bids);
        wanted.ask_count = take(instrument, Side::Ask, asks, &mut wanted.asks);
        wanted
    }

    /// Want this one no longer.
    pub(super) fn drop_quote(&mut self, side: Side, price: Price) {
        let (levels, count) = match side {
            Side::Bid => (&mut self.bids, &mut self.bid_count),
            Side::Ask => (&mut self.asks, &mut self.ask_count),
        };
        let kept = levels.iter().take(usize::from(*count)).position(|level| level.price == price);
        if let Some(at) = kept {
            if let Some(rest) = levels.get_mut(at..) {
                rest.rotate_left(1);
            }
            *count = count.saturating_sub(1);
        }
    }

    fn side(&self, side: Side) -> &[Level] {
        match side {
            Side::Bid => self.bids.get(..usize::from(self.bid_count)),
            Side::Ask => self.asks.get(..usize::from(self.ask_count)),
        }
        .unwrap_or_default()
    }
}

fn take(it: &Instrument, side: Side, from: &[Level], to: &mut [Level; MAX_QUOTES]) -> u8 {
    let mut count = 0_u8;
    for level in from {
        let price = it.round_passive(level.price, side);
        let known = to.get_mut(..usize::from(count)).unwrap_or_default();
        if let Some(same) = known.iter_mut().find(|known| known.price == price) {
            same.qty = same.qty.plus(level.qty);
        } else if let Some(place) = to.get_mut(usize::from(count)) {
            *place = Level { price, qty: level.qty };
            count = count.saturating_add(1);
        }
    }
    count
}

/// Bring the working quotes to the wanted ones. The first refusal that a missing quote met.
pub(super) fn reconcile(
    desk: &mut Desk<'_>,
    strategy: StrategyId,
    wanted: &WantedQuotes,
) -> Option<Refusal> {
    let mut refusal = None;
    for side in [Side::Bid, Side::Ask] {
        let mut missing = [true; MAX_QUOTES];
        while let Some(id) = next_unwanted(desk, wanted.side(side), side, &mut missing) {
            if !desk.cancel(id, false) {
                break;
            }
        }
        for (quote, _) in wanted.side(side).iter().zip(missing).filter(|(_, missing)| *missing) {
            refusal = refusal.or(send(desk, strategy, *quote, side).err());
        }
    }
    refusal
}

/// The first working quote that is not wanted; marks which of the wanted ones already work.
fn next_unwanted(
    desk: &Desk<'_>,
    wanted: &[Level],
    side: Side,
    missing: &mut [bool; MAX_QUOTES],
) -> Option<ClientOrderId> {
    missing.fill(true);
    let quotes = desk.orders.of(desk.id()).iter().filter(|live| {
        live.order.purpose == Purpose::Quote && live.order.side == side && !live.cancelling
    });
    for live in quotes {
        let serves = |(level, missing): &(&Level, &mut bool)| {
            **missing && level.price == live.order.price && live.remaining() <= level.qty
        };
        match wanted.iter().zip(missing.iter_mut()).find(serves) {
            Some((_, missing)) => *missing = false,
            None => return Some(live.order.client_order_id),
        }
    }
    None
}

fn send(
    desk: &mut Desk<'_>,
    strategy: StrategyId,
    quote: Level,
    side: Side,
) -> Result<(), Refusal> {
    let wish = Wish {
        strategy,
        side,
        price: quote.price,
        qty: quote.qty,
        kind: OrderKind::Limit(TimeInForce::PostOnly),
        reduce_only: false,
        purpose: Purpose::Quote,
    };
    desk.submit_up_to(&wish).1
}
