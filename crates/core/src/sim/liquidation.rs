//! Liquidation, by Hyperliquid's rules (documentation, trading/liquidations): below maintenance the
//! venue sends market orders for the whole position; above 100 000 USD for a fifth of it, and within
//! 30 s of that for the whole. Below two thirds of maintenance the backstop takes over positions and
//! margin. Below nothing, see `deleverage`. A position that is margined by itself is dealt with by
//! itself: nobody asks for more than what is set aside for it, and orders of its instrument are
//! cancelled (the latter assumed).

use crate::domain::{
    CancelReason, Instrument, InstrumentId, Level, Money, NetQty, Price, Qty, SECOND, Side,
    TimeInForce, VenueOrderId,
};
use crate::sim::AccountId;
use crate::sim::account::Estate;
use crate::sim::booking::Deal;
use crate::sim::market::Resting;
use crate::sim::matching::Taker;
use crate::sim::order::{ClientId, Life, OrderRecord, VenueOrder, VenueOrderKind};
use crate::sim::report::Cause;
use crate::sim::venue::Venue;

const SLICED_ABOVE: Money = Money::from_whole(100_000);
const COOL_DOWN_NS: i64 = 30 * SECOND;

impl Venue {
    /// Deal with every account that is in distress, after the mark of `moved` did.
    #[cold]
    pub(super) fn liquidate(&mut self, moved: InstrumentId, now: i64) {
        for id in (0..self.accounts.len()).map(AccountId::new) {
            for estate in self.estates(id) {
                self.resolve(id, estate, (moved, now));
            }
        }
        if self.house.portfolio.equity() < Money::ZERO {
            self.deleverage(AccountId::BACKSTOP, Estate::Shared, (moved, now));
        }
    }

    /// Positions that are margined by themselves, and all others together.
    fn estates(&self, account: AccountId) -> Vec<Estate> {
        let alone = self.markets.iter().map(|market| market.instrument.id()).filter(|id| {
            let held = self.account(account).and_then(|owner| owner.portfolio.position(*id));
            held.is_some_and(|it| it.isolated().is_some() && !it.qty().is_flat())
        });
        alone.map(Estate::Alone).chain([Estate::Shared]).collect()
    }

    fn resolve(&mut self, id: AccountId, estate: Estate, (moved, now): (InstrumentId, i64)) {
        let Some(owner) = self.account(id) else { return };
        let (below, far_below) = owner.distress(estate);
        if !below {
            return;
        }
        let nothing_left = owner.worth(estate) < Money::ZERO;
        let of = match estate {
            Estate::Shared => None,
            Estate::Alone(instrument) => Some(instrument),
        };
        self.cancel_each(id, of, CancelReason::Liquidated, now);
        if nothing_left {
            self.deleverage(id, estate, (moved, now));
        } else if far_below {
            self.backstop(id, estate, now);
        } else {
            self.sell_off(id, estate, now);
        }
    }

    /// What is held in an estate.
    pub(super) fn holdings(&self, account: AccountId, estate: Estate) -> Vec<(Instrument, NetQty)> {
        let Some(owner) = self.account(account) else { return Vec::new() };
        let belongs = |id: InstrumentId| match estate {
            Estate::Alone(one) => one == id,
            Estate::Shared => owner.portfolio.position(id).is_none_or(|it| it.isolated().is_none()),
        };
        let all = self
            .markets
            .iter()
            .map(|market| (market.instrument.clone(), owner.portfolio.qty(market.instrument.id())));
        all.filter(|(instrument, qty)| !qty.is_flat() && belongs(instrument.id())).collect()
    }

    fn sell_off(&mut self, account: AccountId, estate: Estate, now: i64) {
        let whole = self.account(account).is_none_or(|owner| now < owner.whole_until_ns);
        for (instrument, held) in self.holdings(account, estate) {
            let Some(mark) = self.mark(instrument.id()) else { continue };
            let sliced = !whole && instrument.value(mark, held.abs()) > SLICED_ABOVE;
            let lots = held.abs().lots();
            let qty = Qty::from_lots(if sliced { lots.div_ceil(5) } else { lots });
            if sliced && let Some(owner) = self.account_mut(account) {
                owner.whole_until_ns = now.saturating_add(COOL_DOWN_NS);
            }
            let worth = self.account(account).map_or(Money::ZERO, |owner| owner.worth(estate));
            let spare = match estate {
                Estate::Shared => worth,
                Estate::Alone(_) => worth.scaled(qty.lots().into(), lots.max(1).into()),
            };
            let price = last_price(&instrument, (mark, qty), spare, held.is_long());
            let mut order = unnamed(account, &instrument, closing_side(held), (price, qty));
            let most = Qty::MAX;
            self.take(&mut Taker { resting: &mut order, most, cause: Cause::Liquidation }, now);
        }
    }

    /// Positions go to the backstop at the mark, and what equity is left goes with them.
    fn backstop(&mut self, account: AccountId, estate: Estate, now: i64) {
        let holdings = self.holdings(account, estate);
        let count = holdings.len();
        for (at, (instrument, held)) in holdings.into_iter().enumerate() {
            let Some(mark) = self.mark(instrument.id()) else { continue };
            let last = at.saturating_add(1) == count;
            let equity = self.account(account).map_or(Money::ZERO, |it| it.worth(estate));
            let rest = if last { equity.max(Money::ZERO) } else { Money::ZERO };
            let hand_over = HandOver {
                from: account,
                to: Some(AccountId::BACKSTOP),
                cause: Cause::Backstop,
                at: Level { price: mark, qty: held.abs() },
                side: closing_side(held),
                pays: rest,
            };
            self.hand_over(&instrument, &hand_over, now);
        }
    }

    /// A position, or a part of it, goes from one to another without the book.
    pub(super) fn hand_over(&mut self, instrument: &Instrument, what: &HandOver, now: i64) {
        let deal = Deal {
            trade_id: self.next_trade(),
            at: what.at,
            maker: false,
            cause: what.cause,
            other: what.to,
            liquidated: Some(what.from),
            settles: Some(what.pays),
        };
        let numbers = (what.at.price, what.at.qty);
        let from = unnamed(what.from, instrument, what.side, numbers);
        let Some(to) = what.to else { return self.book_with_others(&from, &deal, now) };
        self.book(&from, &deal, now);
        let to = unnamed(to, instrument, what.side.opposite(), numbers);
        let settles = match what.cause {
            Cause::Backstop => Some(what.pays.negated()),
            _ => Some(Money::ZERO),
        };
        self.book(&to, &Deal { other: Some(what.from), settles, ..deal }, now);
    }
}

/// A position, or a part of it, that changes hands without the book.
#[derive(Clone, Copy, Debug)]
pub(super) struct HandOver {
    pub(super) from: AccountId,
    /// `None` for the market's others.
    pub(super) to: Option<AccountId>,
    pub(super) cause: Cause,
    pub(super) at: Level,
    /// On which side of the trade `from` is.
    pub(super) side: Side,
    /// What `from` pays beside it.
    pub(super) pays: Money,
}

/// The price at which closing so much leaves nothing of what is spare: no liquidation goes further
/// (assumed), so none ends in debt.
fn last_price(
    instrument: &Instrument,
    (mark, qty): (Price, Qty),
    spare: Money,
    long: bool,
) -> Price {
    let value = instrument.value(mark, qty);
    let fee = value.at_rate(instrument.fees().taker);
    let spare = spare.minus(fee).max(Money::ZERO);
    let gains_with_value = instrument.gain(long, Money::ZERO, Money::ONE) > Money::ZERO;
    let last = if gains_with_value { value.minus(spare) } else { value.plus(spare) };
    let any = match closing(long) {
        Side::Ask => Price::from_ticks(1),
        Side::Bid => Price::from_ticks(Price::MAX.ticks().saturating_sub(1)),
    };
    instrument.price_for(last, qty).map_or(any, |price| match closing(long) {
        Side::Ask => price.offset(1).min(mark),
        Side::Bid => price.offset(-1).max(mark),
    })
}

/// The side of an order that closes a position.
pub(super) const fn closing_side(held: NetQty) -> Side {
    closing(held.is_long())
}

const fn closing(long: bool) -> Side {
    if long { Side::Ask } else { Side::Bid }
}

/// An order that the venue itself makes: it has no id.
fn unnamed(
    account: AccountId,
    instrument: &Instrument,
    side: Side,
    (price, qty): (Price, Qty),
) -> Resting {
    let order = VenueOrder {
        client_id: ClientId::NONE,
        instrument: instrument.id(),
        side,
        price,
        qty,
        reduce_only: true,
        kind: VenueOrderKind::Limit(TimeInForce::ImmediateOrCancel),
    };
    Resting::new(OrderRecord {
        account,
        venue_order_id: VenueOrderId::new(0),
        order,
        life: Life::Acting,
        remaining: qty,
        filled: Qty::ZERO,
        paid: Money::ZERO,
        triggered: false,
        placed_ns: 0,
        changed_ns: 0,
    })
}
