//! What the venue lets an account do: its rules for orders, leverage and margin (Hyperliquid's
//! documentation, trading/margining, trading/contract-specifications, hypercore/order-book).
//!
//! Initial margin is value ÷ leverage, by the position's tier or by what the account chose, where
//! that is less. It is asked for when a position is opened: when an order comes, and again when one
//! that rests is to trade. Resting orders count as if each added to a position (assumed). A position
//! that is margined by itself uses what is set aside for it with what it gained or lost.

use crate::domain::{
    Instrument, InstrumentId, InstrumentKind, MarginMode, Money, Qty, RejectReason, Side,
    TimeInForce,
};
use crate::portfolio::Position;
use crate::sim::AccountId;
use crate::sim::account::Account;
use crate::sim::market::{Market, Resting};
use crate::sim::order::{TriggerThen, TriggerWhen, VenueOrder, VenueOrderKind};
use crate::sim::venue::Venue;

/// Open orders that everybody may have; with as many, nothing that only reduces or waits is taken.
const OPEN_ORDERS: u32 = 1_000;
/// Open orders that nobody may have more of.
const OPEN_ORDERS_MAX: u32 = 5_000;
/// One more open order for so much traded.
const VOLUME_AN_ORDER: Money = Money::from_whole(5_000_000);

/// Why a leverage was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeverageError {
    /// No such account or instrument.
    #[error("no such account or instrument")]
    Unknown,
    /// Something is held or wanted of the instrument: how it is margined stays as it is.
    #[error("how it is margined cannot be changed while a position or an order is open")]
    Busy,
    /// Not between one and the highest.
    #[error("must lie between 1 and {max}")]
    OutOfRange {
        /// The highest that the instrument's tiers allow.
        max: u16,
    },
    /// The account's money does not carry its positions at this leverage.
    #[error("the account's margin does not carry its positions at this leverage")]
    Margin,
}

/// The largest value of an order at the market, by the instrument's highest leverage; limit orders
/// may be ten times as large.
const fn market_order_max(max_leverage: u16) -> Money {
    Money::from_whole(match max_leverage {
        25.. => 30_000_000,
        20..=24 => 5_000_000,
        10..=19 => 2_000_000,
        _ => 500_000,
    })
}

impl Account {
    /// Open orders that the account may have.
    fn open_orders_max(&self) -> u32 {
        let more = self.volume.units().checked_div(VOLUME_AN_ORDER.units());
        let more = more.and_then(|more| u32::try_from(more).ok()).unwrap_or(0);
        OPEN_ORDERS.saturating_add(more).min(OPEN_ORDERS_MAX)
    }

    /// The leverage at which a position of this value is opened.
    pub(super) fn leverage_at(&self, instrument: &Instrument, value: Money) -> u16 {
        if matches!(instrument.kind(), InstrumentKind::Spot) {
            return 1;
        }
        let most = instrument.leverage_at(value);
        match self.leverage.get(instrument.id().index()) {
            Some(&chosen) if chosen > 0 => chosen.min(most),
            _ => most,
        }
    }

    /// How an instrument is margined.
    fn mode(&self, instrument: InstrumentId) -> MarginMode {
        let position = self.portfolio.position(instrument);
        let alone = position.is_some_and(|position| position.isolated().is_some());
        if alone { MarginMode::Isolated } else { MarginMode::Cross }
    }

    /// Initial margin of what is held and reserved, with `extra` in one instrument.
    fn margin_with(&self, markets: &[Market], extra: Option<(InstrumentId, Money)>) -> Money {
        markets.iter().fold(Money::ZERO, |sum, market| {
            let instrument = &market.instrument;
            let id = instrument.id();
            let position = self.portfolio.position(id);
            let held = position.map_or(Money::ZERO, Position::value);
            let extra = extra.filter(|(of, _)| *of == id).map_or(Money::ZERO, |(_, value)| value);
            let reserved = self.reserved.get(id.index()).copied().unwrap_or(Money::ZERO);
            let wanted = reserved.plus(extra);
            let leverage = self.leverage_at(instrument, held.plus(extra.max(Money::ZERO)));
            let margin = |value: Money| value.scaled(1, i128::from(leverage));
            match position.filter(|it| it.isolated().is_some()) {
                Some(alone) => sum.plus(alone.apart()).plus(margin(wanted)),
                None => sum.plus(margin(held.plus(wanted))),
            }
        })
    }

    /// Whether the account's money carries `adding` lots more on the order's side, when `freed` is
    /// not reserved any more.
    fn carries(
        &self,
        markets: &[Market],
        order: &VenueOrder,
        (adding, freed): (Qty, Money),
    ) -> bool {
        if adding.is_zero() {
            return true;
        }
        let Some(market) = markets.get(order.instrument.index()) else { return false };
        let value = market.instrument.value(order.price, adding);
        let equity = self.portfolio.equity();
        if equity.is_unknown() || value.is_unknown() {
            return false;
        }
        if matches!(market.instrument.kind(), InstrumentKind::Spot) {
            let spot = markets.iter().filter(|it| it.instrument.kind() == InstrumentKind::Spot);
            let paid = spot.fold(Money::ZERO, |sum, it| {
                let held = self.portfolio.position(it.instrument.id());
                sum.plus(held.map_or(Money::ZERO, Position::entry_value))
            });
            let reserved = self.reserved.iter().fold(Money::ZERO, |sum, it| sum.plus(*it));
            let free = self.portfolio.cash().minus(paid).minus(reserved).plus(freed);
            return order.side == Side::Bid && value <= free;
        }
        let needed = self.margin_with(markets, Some((order.instrument, value.minus(freed))));
        !needed.is_unknown() && needed <= equity
    }
}

impl Venue {
    /// Whether the account's money carries the order.
    pub(super) fn affords(&self, account: AccountId, order: &VenueOrder) -> bool {
        self.account(account).is_some_and(|owner| {
            let adding = order.qty.minus(owner.closable(order.instrument, order.side));
            owner.carries(&self.markets, order, (adding, Money::ZERO))
        })
    }

    /// Whether the account's money still carries a resting order of which `qty` is to trade.
    pub(super) fn carries(&self, resting: &Resting, qty: Qty) -> bool {
        let order = &resting.record.order;
        let owner = self.account(resting.record.account).zip(self.market(order.instrument));
        owner.is_some_and(|(owner, market)| {
            let adding = qty.minus(owner.closable(order.instrument, order.side));
            let freed = market.instrument.value(order.price, qty);
            owner.carries(&self.markets, order, (adding, freed))
        })
    }

    /// Whether the venue takes the order, by everything but the state of the book. `child`: it is
    /// going to wait for another one.
    pub(super) fn admits(
        &self,
        account: AccountId,
        order: &VenueOrder,
        child: bool,
    ) -> Result<(), RejectReason> {
        let Some((owner, market)) = self.account(account).zip(self.market(order.instrument)) else {
            return Err(RejectReason::Other);
        };
        let instrument = &market.instrument;
        check_numbers(instrument, order)?;
        let (open, waits) = (owner.open_orders, order.trigger().is_some());
        let full = open >= OPEN_ORDERS && (order.reduce_only || waits);
        if full || open >= owner.open_orders_max() {
            return Err(RejectReason::TooManyOrders);
        }
        let posts = matches!(order.kind, VenueOrderKind::Limit(TimeInForce::PostOnly));
        if self.post_only && !posts && !waits {
            return Err(RejectReason::PostOnlyWindow);
        }
        if let (Some(trigger), Some(mark), false) = (order.trigger(), market.marks.mark, child)
            && trigger.reached(order.side, mark)
        {
            return Err(RejectReason::BadTrigger);
        }
        if order.reduce_only {
            let closes = !owner.closable(order.instrument, order.side).is_zero();
            return if closes || waits { Ok(()) } else { Err(RejectReason::WouldIncrease) };
        }
        if instrument.value(order.price, order.qty) < instrument.min_notional() {
            return Err(RejectReason::TooSmall);
        }
        // What waits is asked for its margin when it goes off.
        if waits || self.affords(account, order) { Ok(()) } else { Err(RejectReason::Margin) }
    }

    /// Set the leverage that an account opens positions with.
    ///
    /// # Errors
    ///
    /// [`LeverageError`]; the leverage is then as it was.
    pub fn set_leverage(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        mode: MarginMode,
        leverage: u16,
    ) -> Result<(), LeverageError> {
        let markets = &self.markets;
        let owner = self.accounts.get_mut(account.index());
        let (Some(owner), Some(market)) = (owner, markets.get(instrument.index())) else {
            return Err(LeverageError::Unknown);
        };
        let (max, kind) = (market.instrument.max_leverage(), market.instrument.kind());
        if leverage == 0 || leverage > max || kind == InstrumentKind::Spot {
            return Err(LeverageError::OutOfRange { max });
        }
        let wants = market.live().any(|resting| resting.record.account == account);
        let busy = wants || !owner.portfolio.qty(instrument).is_flat();
        if owner.mode(instrument) != mode && busy {
            return Err(LeverageError::Busy);
        }
        let Some(chosen) = owner.leverage.get_mut(instrument.index()) else {
            return Err(LeverageError::Unknown);
        };
        let was = std::mem::replace(chosen, leverage);
        let alone = (mode == MarginMode::Isolated).then_some(leverage);
        let held = owner.portfolio.position(instrument);
        let top_up = held.zip(alone).map_or(Money::ZERO, |(held, alone)| held.top_up(alone));
        let needed = owner.margin_with(markets, None).plus(top_up);
        let less = leverage < if was == 0 { max } else { was };
        if less && (needed.is_unknown() || needed > owner.portfolio.equity()) {
            if let Some(chosen) = owner.leverage.get_mut(instrument.index()) {
                *chosen = was;
            }
            return Err(LeverageError::Margin);
        }
        owner.portfolio.isolate(instrument, alone);
        Ok(())
    }

    /// Put more money aside for a position that is margined by itself; less than zero takes some of
    /// it back, down to the initial margin.
    ///
    /// # Errors
    ///
    /// [`LeverageError::Margin`] where the money is not there or the position needs it;
    /// [`LeverageError::Unknown`] where there is no such position.
    pub fn add_margin(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        amount: Money,
    ) -> Result<(), LeverageError> {
        let markets = &self.markets;
        let owner = self.accounts.get_mut(account.index()).ok_or(LeverageError::Unknown)?;
        let market = markets.get(instrument.index()).ok_or(LeverageError::Unknown)?;
        let held = owner.portfolio.position(instrument);
        let held = held.filter(|it| it.isolated().is_some() && !it.qty().is_flat());
        let held = held.ok_or(LeverageError::Unknown)?;
        let leverage = owner.leverage_at(&market.instrument, held.value());
        let initial = held.value().scaled(1, i128::from(leverage));
        let after = held.isolated_worth().plus(amount);
        let free = owner.portfolio.equity().minus(owner.margin_with(markets, None));
        let short = if amount > Money::ZERO { amount > free } else { after < initial };
        if short || after.is_unknown() || free.is_unknown() || initial.is_unknown() {
            return Err(LeverageError::Margin);
        }
        owner.portfolio.add_margin(instrument, amount);
        Ok(())
    }

    /// How a position of the account in this instrument is margined, or would be.
    pub fn margin_mode(&self, account: AccountId, instrument: InstrumentId) -> MarginMode {
        self.account(account).map_or(MarginMode::Cross, |owner| owner.mode(instrument))
    }

    /// The leverage that the account chose; the highest where it chose none.
    pub fn leverage(&self, account: AccountId, instrument: InstrumentId) -> Option<u16> {
        let (owner, market) = (self.account(account)?, self.market(instrument)?);
        let chosen = owner.leverage.get(instrument.index()).copied().unwrap_or(0);
        let max = market.instrument.max_leverage();
        Some(if chosen == 0 { max } else { chosen })
    }

    /// Initial margin of the account's position in an instrument, at the mark; what is set aside for
    /// it and what it gained or lost where it is margined by itself.
    pub fn position_margin(&self, account: AccountId, instrument: InstrumentId) -> Money {
        let Some((owner, market)) = self.account(account).zip(self.market(instrument)) else {
            return Money::UNKNOWN;
        };
        let position = owner.portfolio.position(instrument);
        if let Some(alone) = position.filter(|it| it.isolated().is_some()) {
            return alone.apart();
        }
        let held = position.map_or(Money::ZERO, Position::value);
        held.scaled(1, i128::from(owner.leverage_at(&market.instrument, held)))
    }

    /// Initial margin of all positions and resting orders of an account, at the marks.
    pub fn margin_used(&self, account: AccountId) -> Money {
        let owner = self.account(account);
        owner.map_or(Money::UNKNOWN, |owner| owner.margin_with(&self.markets, None))
    }

    /// What may be taken out of an account: equity less the larger of margin used and a tenth of
    /// the value of all positions.
    pub fn withdrawable(&self, account: AccountId) -> Money {
        let Some(owner) = self.account(account) else { return Money::UNKNOWN };
        let tenth = owner.portfolio.gross().scaled(1, 10);
        let bound = self.margin_used(account).max(tenth);
        let free = owner.portfolio.equity().minus(bound);
        if free.is_unknown() { free } else { free.max(Money::ZERO) }
    }
}

/// The numbers of an order, by themselves.
fn check_numbers(instrument: &Instrument, order: &VenueOrder) -> Result<(), RejectReason> {
    let sized = !order.qty.is_zero() || order.whole_position();
    if !instrument.is_valid_price(order.price) || !sized || order.qty > Qty::MAX {
        return Err(RejectReason::BadPrice);
    }
    let mut most = market_order_max(instrument.max_leverage()).scaled(10, 1);
    if let Some(trigger) = order.trigger() {
        if !instrument.is_valid_price(trigger.price) {
            return Err(RejectReason::BadPrice);
        }
        // A stop-loss that may only trade at better prices than its trigger would rest.
        let stops = trigger.when == TriggerWhen::StopLoss;
        if stops && order.price.better(order.side.opposite(), trigger.price) {
            return Err(RejectReason::BadTrigger);
        }
        if trigger.then == TriggerThen::Market {
            most = market_order_max(instrument.max_leverage());
        }
    }
    let perpetual = !matches!(instrument.kind(), InstrumentKind::Spot);
    let value = instrument.value(order.price, order.qty);
    if perpetual && value > most && !order.whole_position() {
        return Err(RejectReason::TooLarge);
    }
    Ok(())
}
