//! How time goes on: the markets move, what the venue has to say becomes histories and messages.

use flyball_core::domain::{
    Body, Fill, HOUR, InstrumentId, Level, Price, Random, Rate, Side, Status,
};
use flyball_core::sim::{Cause, Life, PublicTrade, Report};

use crate::Address;
use crate::exchange::{Exchange, PAST_RATES, RECENT_TRADES};
use crate::history::{FillRow, FundingRow, Worth};
use crate::markets::{Change, Happening};
use crate::shapes::market::{RateRow, TradeRow};

/// Numbers of others' trades begin here: those of accounts stay below.
const OTHERS_TRADES: u64 = 500_000_000_000_000;

impl Exchange {
    /// Let time go on to `now_ns`: everything that is due by then happens, in order.
    ///
    /// Time never goes back: an earlier time changes nothing.
    pub fn advance(&mut self, now_ns: i64) {
        while let Some(due) = self.next_due_ns().filter(|due| *due <= now_ns) {
            self.now_ns = self.now_ns.max(due);
            self.step();
        }
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// When something happens by itself next.
    pub fn next_due_ns(&mut self) -> Option<i64> {
        let market = self.markets.next_ns();
        let cancels = self.members.all().iter().filter_map(|member| member.schedule.at_ns()).min();
        // The switch is set by the clock that it was told in.
        let cancels = cancels.map(|at| at.saturating_sub(self.skew_ns));
        let hour = Some(self.next_hour_ns);
        let others = [market, cancels, self.post_only_until_ns, hour, self.streams.next_due_ns()];
        others.into_iter().flatten().min()
    }

    /// What is due at `self.now_ns`.
    fn step(&mut self) {
        if self.post_only_until_ns.is_some_and(|until| until <= self.now_ns) {
            self.post_only_until_ns = None;
            self.venue.set_post_only_window(false);
        }
        self.fire_schedules();
        if self.next_hour_ns <= self.now_ns {
            self.take_stock();
        }
        if let Some(happening) = self.markets.pop(self.now_ns) {
            self.happen(&happening);
        }
        self.push_due();
    }

    /// Something happens in a market.
    pub(crate) fn happen(&mut self, happening: &Happening) {
        let id = happening.instrument;
        if let Change::Funding { rate, settles } = happening.change {
            self.note_rate(id, rate, settles);
        }
        happening.as_event(|event| self.venue.on_market(event));
        if let Change::Reference { mark, oracle } = happening.change
            && let Some(board) = self.boards.get_mut(id.index())
        {
            board.context.oracle = Some(oracle);
            board.context.mark = Some(mark);
        }
        let funding = match happening.change {
            Change::Funding { rate, settles: true } => Some(rate),
            _ => None,
        };
        self.settle_at(funding);
        if let Change::Trade { aggressor, level, id: number } = happening.change {
            // Orders of accounts that it reached have fills with numbers of their own (assumed).
            let tid = OTHERS_TRADES.saturating_add(number);
            self.print_trade(id, aggressor, level, (tid, [None, None]));
        }
        if let Some(board) = self.boards.get_mut(id.index()) {
            board.context.mark = self.venue.mark(id).or(board.context.mark);
        }
        self.touch_feed(id);
    }

    fn note_rate(&mut self, id: InstrumentId, rate: Rate, settles: bool) {
        let time_ms = self.clock_ms();
        let Some(board) = self.boards.get_mut(id.index()) else { return };
        board.context.funding = rate;
        if settles {
            if board.rates.len() == PAST_RATES {
                board.rates.pop_front();
            }
            board.rates.push_back(RateRow { time_ms, rate, premium: Rate::ZERO });
        }
    }

    /// Cancel what is due to be cancelled.
    fn fire_schedules(&mut self) {
        let clock = self.clock_ns();
        let due = self.members.iter_mut().filter_map(|it| it.schedule.fire(clock).then_some(it.id));
        for id in due.collect::<Vec<_>>() {
            let reason = flyball_core::domain::CancelReason::Scheduled;
            self.venue.cancel_all(id, reason, self.now_ns);
            self.settle();
        }
    }

    /// Every hour: what each account is worth.
    fn take_stock(&mut self) {
        let hour = self.now_ns.div_euclid(HOUR).saturating_add(1);
        self.next_hour_ns = hour.saturating_mul(HOUR);
        let time_ms = self.clock_ms();
        for member in self.members.iter_mut() {
            if let Some(portfolio) = self.venue.portfolio(member.id) {
                let (equity, deposited) = (portfolio.equity(), portfolio.deposited());
                let volume = self.venue.volume(member.id);
                member.history.worth(Worth { time_ms, equity, deposited, volume });
            }
        }
    }

    /// What the venue has to say becomes histories and messages.
    pub(crate) fn settle(&mut self) {
        self.settle_at(None);
    }

    /// As [`Exchange::settle`], while funding of this rate is paid.
    fn settle_at(&mut self, funding: Option<Rate>) {
        let trades: Vec<PublicTrade> = self.venue.drain_trades().collect();
        let reports: Vec<Report> = self.venue.drain_reports().collect();
        if trades.is_empty() && reports.is_empty() {
            return;
        }
        let hash = self.transaction();
        for trade in trades {
            let users = [trade.buyer, trade.seller];
            let known = users.map(|user| user.and_then(|id| Some(self.members.by_id(id)?.address)));
            let level = Level { price: trade.trade.price, qty: trade.trade.qty };
            let id = trade.trade.instrument;
            self.print_trade(id, trade.trade.aggressor, level, (trade.trade.id, known));
            self.touch_feed(id);
        }
        for report in &reports {
            self.tell(report, funding, hash);
        }
    }

    /// One report to one account.
    fn tell(&mut self, report: &Report, funding: Option<Rate>, hash: u64) {
        let Some(address) = self.members.by_id(report.account).map(|member| member.address) else {
            return;
        };
        match report.body {
            Body::Order(told) => {
                self.push_order(address, report);
                if let (Status::Cancelled(reason), Some(record)) = (told.status, report.order)
                    && reason != flyball_core::domain::CancelReason::Requested
                {
                    self.push_cancelled(address, &record);
                }
                self.touch_feed(told.instrument);
            }
            Body::Fill(fill) => {
                self.note_fill(address, report, fill, hash);
                self.touch_feed(fill.instrument);
            }
            Body::Funding(paid) => {
                let held = self.venue.portfolio(report.account).map(|it| it.qty(paid.instrument));
                let row = FundingRow {
                    time_ms: self.clock_ms(),
                    instrument: paid.instrument,
                    amount: paid.amount,
                    held: held.unwrap_or_default(),
                    rate: funding.unwrap_or(Rate::ZERO),
                };
                if let Some(member) = self.members.find_mut(address) {
                    member.history.funding(row);
                }
                self.push_funding(address, &row);
            }
            _ => {}
        }
    }

    fn note_fill(&mut self, address: Address, report: &Report, fill: Fill, hash: u64) {
        let client_id = report.order.map_or_else(Default::default, |it| it.order.client_id);
        let row =
            FillRow { time_ms: self.clock_ms(), fill, traded: report.traded, client_id, hash };
        let value = self.instrument(fill.instrument).map(|it| it.value(fill.price, fill.qty));
        if let Some(member) = self.members.find_mut(address) {
            member.history.fill(row);
            if let Some(value) = value {
                member.budget.traded(value);
            }
        }
        self.push_fill(address, &row);
        // What is at the market this moment is told when it comes to rest, or has ended.
        let told = report.order.is_some_and(|it| it.life != Life::Acting);
        if told && !fill.liquidation {
            self.push_order(address, report);
        }
        let liquidated = report.traded.is_some_and(|it| it.cause != Cause::Order);
        if liquidated && fill.liquidation {
            self.note_liquidation(address, report);
        }
    }

    /// A trade that everybody sees. Of others nothing is known but their number.
    fn print_trade(
        &mut self,
        id: InstrumentId,
        aggressor: Side,
        level: Level,
        (tid, users): (u64, [Option<Address>; 2]),
    ) {
        let mut nobody = Random::new(tid);
        let users = users.map(|user| user.unwrap_or_else(|| stranger(&mut nobody)));
        let row = TradeRow {
            time_ms: self.clock_ms(),
            aggressor,
            level,
            tid,
            hash: self.transactions.saturating_add(tid),
            users,
        };
        let now_ns = self.now_ns;
        let instrument = self.markets.instruments().get(id.index());
        let (Some(instrument), Some(board)) = (instrument, self.boards.get_mut(id.index())) else {
            return;
        };
        board.context.trade(instrument, level, now_ns);
        board.candles.trade(level, now_ns);
        if board.trades.len() == RECENT_TRADES {
            board.trades.pop_front();
        }
        board.trades.push_back(row);
        self.push_trade(id, row);
    }

    /// Hand in something that happens in a market now: for those who drive one by hand.
    pub fn feed(&mut self, change: Change, id: InstrumentId, now_ns: i64) {
        self.advance(now_ns);
        let happening = Happening { time_ns: self.now_ns, instrument: id, change };
        self.happen(&happening);
        self.push_due();
    }

    /// The mark of an instrument.
    pub fn mark(&self, id: InstrumentId) -> Option<Price> {
        self.venue.mark(id)
    }
}

/// The address of somebody.
fn stranger(random: &mut Random) -> Address {
    let mut bytes = [0; 20];
    for chunk in bytes.chunks_mut(8) {
        let fresh = random.bits().to_be_bytes();
        for (to, from) in chunk.iter_mut().zip(fresh) {
            *to = from;
        }
    }
    Address(bytes)
}
