//! What holds whatever goes wrong, and both sides' books to compare; a strategy without a plan.

use flyball_core::domain::{
    Body, ClientOrderId, CommandOf, Decision, InstrumentId, Intent, Level, Money, NetQty, Price,
    Qty, Quotes, StrategyId, Target,
};
use flyball_core::engine::Sight;
use flyball_core::portfolio::{Portfolio, Position};

use crate::world::{COIN, World};

impl World {
    /// What must hold after every event, whatever goes wrong: nothing adds risk after a kill, and
    /// if every order that may still fill does, the position is within a quarter of the account
    /// (and what the price has moved since), by the engine's count and at the venue.
    pub(crate) fn watch(&self, at: usize, commands: &[flyball_core::risk::Command]) {
        let engine = self.clients[at].node.engine();
        for command in commands {
            if let CommandOf::Submit(order) = command
                && engine.switches().is_stopped()
            {
                assert!(order.get().reduce_only, "after a kill: {:?}", order.get());
            }
        }
        let instrument = &engine.instruments()[0];
        let (id, portfolio) = (instrument.id(), engine.portfolio());
        let Some(mark) = portfolio.position(id).and_then(Position::mark) else { return };
        let exposure = engine.execution().orders.exposure(id);
        let (held, equity) = (portfolio.qty(id).lots(), portfolio.equity());
        let most = (held + exposure.bids.lots() as i64)
            .abs()
            .max((held - exposure.asks.lots() as i64).abs())
            .max(self.at_venue(at).0.abs());
        let value = instrument.value(mark, Qty::from_lots(most.unsigned_abs()));
        let share = value.to_f64() / equity.to_f64();
        assert!(share < 0.25 * 1.2, "client {at}: {most} lots are {share:.3} of the account");
    }

    /// A strategy without a plan: positions, quotes, nothing, at random.
    pub(crate) fn decide(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if !client.decides {
            return;
        }
        let strategy = StrategyId::new(0);
        let Some(best) = client.node.engine().view(strategy).and_then(|view| view.best()) else {
            return;
        };
        let random = &mut client.random;
        let instrument = client.node.engine().instruments()[0].clone();
        let woken_ns = client.clock.read(self.now);
        let lots = random.below(800) as i64;
        let side = if random.chance(0.5) { 1 } else { -1 };
        let target = |lots| Target {
            position: NetQty::from_lots(lots),
            stop: None,
            take_profit: None,
            trailing: None,
        };
        let away = 1 + random.below(20) as i64;
        let quote = |price: Price, sign: i64| {
            let moved = Price::from_ticks(price.ticks() + sign * away * 10);
            let side = if sign < 0 {
                flyball_core::domain::Side::Bid
            } else {
                flyball_core::domain::Side::Ask
            };
            [Level { price: instrument.round_passive(moved, side), qty: Qty::from_lots(50) }]
        };
        let (bids, asks) = (quote(best.bid.price, -1), quote(best.ask.price, 1));
        let intent = match random.below(10) {
            0..=3 => Intent::Target(target(side * lots)),
            4 => Intent::Target(target(0)),
            5..=8 => Intent::Quotes(Quotes { bids: &bids, asks: &asks }),
            _ => return,
        };
        self.happened(at, Body::Decision(Decision { strategy, woken_ns, intent }));
    }

    /// What the venue holds for a client: lots, money, its open orders by our ids.
    ///
    /// Money is cash less what the position cost: what has flowed in and out. Which of it is
    /// realised depends on the order of the fills, and a fill whose message was lost comes later.
    pub fn at_venue(&self, at: usize) -> (i64, Money, Vec<ClientOrderId>) {
        let exchange = self.gateway.exchange();
        let account = exchange.account(self.clients[at].address).unwrap();
        let xrp = exchange.instruments().iter().find(|it| it.symbol().as_str() == COIN).unwrap();
        let venue = exchange.venue();
        let portfolio = venue.portfolio(account).unwrap();
        let orders =
            venue.orders(account).map(|order| ClientOrderId::new(low(order.order.client_id.raw())));
        let mut orders: Vec<_> = orders.collect();
        orders.sort_unstable();
        (portfolio.qty(xrp.id()).lots(), flowed(portfolio, xrp.id()), orders)
    }

    /// The leverage at which a client's position is margined by itself: at the venue, and as its engine
    /// counts on.
    pub fn margined(&self, at: usize) -> (Option<u16>, Option<u16>) {
        let exchange = self.gateway.exchange();
        let account = exchange.account(self.clients[at].address).unwrap();
        let xrp = exchange.instruments().iter().find(|it| it.symbol().as_str() == COIN).unwrap();
        let venue = exchange.venue().portfolio(account).unwrap();
        let engine = self.clients[at].node.engine();
        (venue.isolated(xrp.id()), engine.portfolio().isolated(engine.instruments()[0].id()))
    }

    /// Client ids of all orders that the venue ever took from a client and still remembers.
    pub fn ever_at_venue(&self, at: usize) -> Vec<u64> {
        let exchange = self.gateway.exchange();
        let account = exchange.account(self.clients[at].address).unwrap();
        let venue = exchange.venue();
        let all = venue.orders(account).chain(venue.history(account));
        let ids = all.map(|order| low(order.order.client_id.raw()));
        ids.filter(|id| *id != 0).collect()
    }

    /// What a client's engine is, down to the last bit, and what it has written and sent.
    pub fn state_of(&self, at: usize) -> ([u8; 32], usize, u64) {
        let client = &self.clients[at];
        (client.node.engine().state_hash(), self.journalled(at), client.sent)
    }

    /// How many records a client's journal has.
    pub fn journalled(&self, at: usize) -> usize {
        self.clients[at].disk.words().len()
    }

    /// What the engine believes: lots, cash, its open orders.
    pub fn at_engine(&self, at: usize) -> (i64, Money, Vec<ClientOrderId>) {
        let engine = self.clients[at].node.engine();
        let id = engine.instruments()[0].id();
        let live = engine.execution().orders.of(id).iter();
        let mut orders: Vec<_> = live.map(|live| live.order.client_order_id).collect();
        orders.sort_unstable();
        let portfolio = engine.portfolio();
        (portfolio.qty(id).lots(), flowed(portfolio, id), orders)
    }
}

/// Cash less what the position cost, with its sign.
fn flowed(portfolio: &Portfolio, id: InstrumentId) -> Money {
    let cost = portfolio.position(id).map_or(Money::ZERO, Position::entry_value);
    let long = portfolio.qty(id).is_long();
    if long { portfolio.cash().minus(cost) } else { portfolio.cash().plus(cost) }
}

/// The second half of a client order id at the venue: the engine's own id.
fn low(id: u128) -> u64 {
    u64::try_from(id & u128::from(u64::MAX)).unwrap()
}
