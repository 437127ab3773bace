//! A backtest of a market maker: two books in dense windows, latency, a queue, one risk check.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sketch")]

use std::collections::VecDeque;

use crate::feed::Row;

const WINDOW: usize = 8192;
const LATENCY_NS: i64 = 5_000_000;

/// Sizes by price, in a window that is a power of two; the best price by scanning.
struct Ladder {
    sizes: Vec<i64>,
    best: i64,
    /// The worst price ever seen: scanning ends there.
    worst: i64,
    /// +1 for bids, -1 for asks: `best` is the largest of `sign * price`.
    sign: i64,
}

impl Ladder {
    fn new(sign: i64) -> Self {
        Self { sizes: vec![0; WINDOW], best: i64::MIN, worst: i64::MAX, sign }
    }

    const fn index(&self, key: i64) -> usize {
        ((key * self.sign) as usize) & (WINDOW - 1)
    }

    #[inline]
    fn set(&mut self, price: i64, qty: i64) {
        let key = price * self.sign;
        let at = self.index(key);
        self.sizes[at] = qty;
        if qty > 0 {
            self.best = self.best.max(key);
            self.worst = self.worst.min(key);
        } else if key == self.best {
            let mut next = key - 1;
            while next >= self.worst && self.sizes[self.index(next)] == 0 {
                next -= 1;
            }
            self.best = if next < self.worst { i64::MIN } else { next };
        }
    }

    #[inline]
    fn best(&self) -> Option<i64> {
        (self.best != i64::MIN).then(|| self.best * self.sign)
    }

    #[inline]
    fn at(&self, price: i64) -> i64 {
        self.sizes[self.index(price * self.sign)]
    }
}

/// Bids at 1, asks at 0.
struct Book([Ladder; 2]);

impl Book {
    fn new() -> Self {
        Self([Ladder::new(-1), Ladder::new(1)])
    }

    #[inline]
    fn set(&mut self, row: &Row) {
        self.0[usize::from(row.is_bid())].set(row.price, row.qty);
    }
}

#[derive(Clone, Copy, Default)]
struct Order {
    id: u64,
    price: i64,
    lots: i64,
    ahead: i64,
    live: bool,
}

enum Up {
    New(usize, Order),
    Cancel(usize, u64),
}

struct Down {
    side: usize,
    id: u64,
    filled: i64,
}

struct Limits {
    position: i64,
    lots: i64,
    band: i64,
    a_second: i64,
    second: i64,
    sent: i64,
}

impl Limits {
    #[inline]
    fn allows(&mut self, now_ns: i64, order: &Order, position_after: i64, mid: i64) -> bool {
        if now_ns / 1_000_000_000 != self.second {
            (self.second, self.sent) = (now_ns / 1_000_000_000, 0);
        }
        self.sent += 1;
        order.lots > 0
            && order.lots <= self.lots
            && position_after.abs() <= self.position
            && (order.price - mid).abs() <= self.band
            && self.sent <= self.a_second
    }
}

/// What the sketch wants: one price a side, or nothing there.
pub(crate) type Want = fn(bid: i64, ask: i64, step: i64) -> [Option<i64>; 2];

/// One bid and one ask, five ticks from the mid, as in the contest.
pub(crate) fn around(bid: i64, ask: i64, _: i64) -> [Option<i64>; 2] {
    let mid = i64::midpoint(bid, ask);
    [Some((mid + 5).max(ask)), Some((mid - 4).min(bid))]
}

/// Another bid each time, far from everything: only the order's own way costs.
pub(crate) fn cycle(bid: i64, _: i64, step: i64) -> [Option<i64>; 2] {
    [None, Some(bid - 100 - step % 200)]
}

/// Nothing: what the rest costs.
pub(crate) fn idle(_: i64, _: i64, _: i64) -> [Option<i64>; 2] {
    [None, None]
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) orders: u64,
    pub(crate) fills: u64,
    pub(crate) position: i64,
}

struct Desk {
    venue: Book,
    seen: Book,
    up: VecDeque<(i64, Up)>,
    down: VecDeque<(i64, Down)>,
    resting: [Order; 2],
    ours: [Order; 2],
    limits: Limits,
    done: Done,
    step: i64,
}

/// The first in the queue, if its time has come.
#[inline]
fn due<T>(queue: &mut VecDeque<(i64, T)>, now_ns: i64) -> Option<(i64, T)> {
    if queue.front()?.0 <= now_ns { queue.pop_front() } else { None }
}

impl Desk {
    /// The venue lives a row.
    #[inline]
    fn at_venue(&mut self, row: &Row) {
        let now = row.time_ns;
        while let Some((_, up)) = due(&mut self.up, now) {
            match up {
                Up::New(side, mut order) => {
                    let other = self.venue.0[1 - side].best();
                    let crosses = other.is_some_and(|it| {
                        if side == 1 { order.price >= it } else { order.price <= it }
                    });
                    if crosses {
                        self.down
                            .push_back((now + LATENCY_NS, Down { side, id: order.id, filled: 0 }));
                    } else {
                        order.ahead = self.venue.0[side].at(order.price);
                        self.resting[side] = order;
                    }
                }
                Up::Cancel(side, id) => {
                    let order = &mut self.resting[side];
                    order.live &= order.id != id;
                    self.down.push_back((now + LATENCY_NS, Down { side, id, filled: 0 }));
                }
            }
        }
        if row.is_trade() {
            let side = usize::from(!row.is_bid());
            let order = &mut self.resting[side];
            let through = if side == 1 { row.price < order.price } else { row.price > order.price };
            if row.price == order.price {
                order.ahead -= row.qty;
            }
            if order.live && (through || row.price == order.price && order.ahead < 0) {
                self.fill(side, now);
            }
        } else {
            self.venue.set(row);
            let side = usize::from(row.is_bid());
            let order = &mut self.resting[side];
            if order.live && order.price == row.price && row.qty < order.ahead {
                order.ahead = row.qty;
            }
            let (other, best) = (self.resting[1 - side], self.venue.0[side].best());
            let met = best
                .is_some_and(|it| if side == 0 { other.price >= it } else { other.price <= it });
            if other.live && met {
                self.fill(1 - side, now);
            }
        }
    }

    fn fill(&mut self, side: usize, now: i64) {
        let order = &mut self.resting[side];
        order.live = false;
        let filled = Down { side, id: order.id, filled: order.lots };
        self.down.push_back((now + LATENCY_NS, filled));
    }

    /// We hear a row.
    #[inline]
    fn here(&mut self, row: &Row) {
        while let Some((_, down)) = due(&mut self.down, row.received_ns) {
            let order = &mut self.ours[down.side];
            order.live &= order.id != down.id;
            if down.filled > 0 {
                self.done.fills += 1;
                self.done.position += if down.side == 1 { down.filled } else { -down.filled };
            }
        }
        if !row.is_trade() {
            self.seen.set(row);
        }
    }

    fn decide(&mut self, now_ns: i64, want: Want) {
        let (Some(ask), Some(bid)) = (self.seen.0[0].best(), self.seen.0[1].best()) else { return };
        self.step += 1;
        for (side, price) in want(bid, ask, self.step).into_iter().enumerate() {
            let Some(price) = price else { continue };
            let before = self.ours[side];
            if before.live && before.price == price {
                continue;
            }
            if before.live {
                self.up.push_back((now_ns + LATENCY_NS, Up::Cancel(side, before.id)));
            }
            let id = self.done.orders + 1;
            let order = Order { id, price, lots: 10, ahead: 0, live: true };
            let after = self.done.position + if side == 1 { 10 } else { -10 };
            if self.limits.allows(now_ns, &order, after, i64::midpoint(bid, ask)) {
                self.done.orders += 1;
                self.ours[side] = order;
                self.up.push_back((now_ns + LATENCY_NS, Up::New(side, order)));
            }
        }
    }
}

/// Walk the rows at the venue's time and at ours, and decide every `every_ns`.
pub(crate) fn backtest(rows: &[Row], every_ns: i64, want: Want) -> Done {
    let limits =
        Limits { position: 1_010, lots: 1_000, band: 5_000, a_second: 100, second: 0, sent: 0 };
    let mut desk = Desk {
        venue: Book::new(),
        seen: Book::new(),
        up: VecDeque::with_capacity(64),
        down: VecDeque::with_capacity(64),
        resting: [Order::default(); 2],
        ours: [Order::default(); 2],
        limits,
        done: Done::default(),
        step: 0,
    };
    let (mut venue, mut next_ns) = (0, 0);
    for row in rows {
        while let Some(other) = rows.get(venue).filter(|it| it.time_ns <= row.received_ns) {
            desk.at_venue(other);
            venue += 1;
        }
        desk.here(row);
        if row.received_ns >= next_ns {
            next_ns = row.received_ns + every_ns;
            desk.decide(row.received_ns, want);
        }
    }
    desk.done
}
