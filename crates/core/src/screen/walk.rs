//! The walk over bars with one row of targets. Nothing is allocated on the way.

use serde::{Deserialize, Serialize};

use crate::domain::{ConfigError, Instrument, InstrumentKind, Money, NetQty, Price, Rate, Side};
use crate::screen::account::Account;
use crate::screen::columns::{BLOCK, Columns};
use crate::strategy::{Multipliers, Sizing, SizingInput};

/// What is assumed, and what protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Cash at the start.
    pub cash: Money,
    /// How large a full target is.
    pub sizing: Sizing,
    /// Distance of bid and ask, as a fraction of the price; at least one tick.
    pub spread: Rate,
    /// Whether the price jumps within a bar: then stops and lines are left at the bar's extreme,
    /// not where they lie.
    pub jumps: bool,
    /// The profile's stop: a fraction of the entry price.
    pub stop_distance: Rate,
    /// A position that loses this fraction of equity is closed.
    pub absolute_loss: Rate,
    /// How long a position may be held.
    pub max_holding_ns: i64,
    /// 1 − equity / peak at or above this ends all trading.
    pub drawdown: Rate,
}

impl Terms {
    /// Check what screening can do with them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.sizing.check()?;
        if matches!(self.sizing, Sizing::VarFraction { .. } | Sizing::VolatilityTarget { .. }) {
            let reason = "screening knows no volatility: size by lots, notional, equity_fraction, \
                          risk_fraction or kelly";
            return Err(ConfigError::new("sizing", reason));
        }
        if self.cash <= Money::ZERO || self.cash.is_unknown() {
            return Err(ConfigError::new("cash", "must be above zero"));
        }
        Ok(())
    }

    /// Best prices around a price, in ticks: as the `Walk` of `sim` makes them.
    pub(super) fn touch(&self, ticks: i64) -> (i64, i64) {
        let wide = Money::from_units(i128::from(ticks)).at_rate(self.spread).units();
        let wide = i64::try_from(wide).unwrap_or(1).max(1);
        let bid = ticks.saturating_sub(wide / 2).max(1);
        (bid, bid.saturating_add(wide))
    }

    /// The position that a target asks for, sized by what is known now.
    pub(super) fn wanted(
        &self,
        instrument: &Instrument,
        share: (i8, i8),
        equity: Money,
        touch: (i64, i64),
    ) -> NetQty {
        let (level, full) = share;
        let (side, price) = match level {
            0 => return NetQty::FLAT,
            1.. => (Side::Bid, touch.1),
            _ => (Side::Ask, touch.0),
        };
        let signal = crate::domain::Signal {
            direction: match side {
                Side::Bid => crate::domain::Direction::Long,
                Side::Ask => crate::domain::Direction::Short,
            },
            confidence: f64::from(level.unsigned_abs()) / f64::from(full.unsigned_abs().max(1)),
            stop: None,
            take_profit: None,
            trailing: None,
            max_holding_ns: None,
        };
        let input = SizingInput {
            instrument,
            price: Price::from_ticks(price),
            equity,
            stop_distance: self.stop_distance,
            daily_volatility: Rate::ZERO,
            holding_var: Rate::ZERO,
            multipliers: Multipliers::IDENTITY,
        };
        self.sizing.size(&signal, &input).signed(side)
    }
}

/// Which bars are walked, and after which of them equity is noted.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// The first bar whose target counts.
    pub from: usize,
    /// One behind the last bar.
    pub to: usize,
    /// For each note of equity, how many bars had ended: in order.
    pub edges: &'a [usize],
}

/// What a walk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// At the end; what is open is valued at the last close.
    pub equity: Money,
    /// Paid.
    pub fees: Money,
    /// The largest fall from a peak, seen at every price of every bar.
    pub max_drawdown: Rate,
    /// Round trips that ended.
    pub trades: u64,
    /// Targets that differed from the one before.
    pub changes: u64,
    /// Positions that were left by a stop, by their loss or by their time.
    pub exits: u64,
    /// The bar in which the drawdown line was crossed.
    pub tripped_at: Option<usize>,
    /// Bars that were walked.
    pub bars: usize,
}

/// Bars, and what is assumed of everything else.
#[derive(Clone, Copy, Debug)]
pub struct Screen<'a> {
    instrument: &'a Instrument,
    columns: &'a Columns,
    terms: Terms,
}

impl<'a> Screen<'a> {
    /// A screen of these bars.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming what is wrong.
    pub fn new(
        instrument: &'a Instrument,
        columns: &'a Columns,
        terms: Terms,
    ) -> Result<Self, ConfigError> {
        terms.check()?;
        Ok(Self { instrument, columns, terms })
    }

    /// Walk the bars of `span` with one target a bar, `full` for a whole position, and note equity.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the columns do not fit together, a target is larger than `full`, or
    /// money leaves its range.
    pub fn run(
        &self,
        targets: &[i8],
        full: i8,
        span: Span<'_>,
        notes: &mut [Money],
    ) -> Result<Found, ConfigError> {
        let wrong = |reason: &str| Err(ConfigError::new("targets", reason));
        if targets.len() != self.columns.len() || span.edges.len() != notes.len() {
            return wrong("there must be one for each bar");
        }
        let (lowest, highest) = extremes(targets);
        if full < 1 || highest > full || lowest < full.saturating_neg() {
            return wrong("each must lie between -1 and 1 of a position");
        }
        if lowest < 0 && self.instrument.kind() == InstrumentKind::Spot {
            return wrong("spot cannot be sold short");
        }
        let mut walker = Walker::new(*self, span, notes);
        walker.walk(targets, full);
        let found = walker.found();
        if found.equity.is_unknown() {
            return wrong("the account left the range of money");
        }
        Ok(found)
    }
}

/// Lowest and highest target.
fn extremes(targets: &[i8]) -> (i8, i8) {
    targets.iter().fold((0, 0), |(low, high), target| (low.min(*target), high.max(*target)))
}

/// The first index from `from` on whose target is another one than `level`; `to` when there is none.
#[inline]
fn next_change(targets: &[i8], from: usize, to: usize, level: i8) -> usize {
    const STRIDE: usize = 64;
    let mut at = from;
    let rest = targets.get(from..to).unwrap_or_default();
    for part in rest.chunks(STRIDE) {
        if part.iter().fold(0, |seen, target| seen | (target ^ level)) != 0 {
            let inside = part.iter().position(|target| *target != level);
            return at.saturating_add(inside.unwrap_or(0));
        }
        at = at.saturating_add(part.len());
    }
    to
}

/// Prices of a stretch, as the position feels them: larger is better for it.
#[derive(Clone, Copy, Debug)]
struct Felt {
    worst: i64,
    best: i64,
}

impl Felt {
    const NOTHING: Self = Self { worst: i64::MAX, best: i64::MIN };

    #[inline]
    fn of(long: bool, low: i64, high: i64) -> Self {
        if long {
            Self { worst: low, best: high }
        } else {
            Self { worst: high.saturating_neg(), best: low.saturating_neg() }
        }
    }
}

/// Changes of targets that are looked for at once.
const AHEAD: usize = 32;

/// A target that is another one than that of the bar before.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    /// The bar that it belongs to.
    decided: usize,
    level: i8,
    /// The last price of that bar.
    close: i64,
    /// The first of the next.
    open: i64,
}

/// One walk.
struct Walker<'a, 'b> {
    screen: Screen<'a>,
    span: Span<'b>,
    notes: &'b mut [Money],
    /// How many of the notes are made.
    noted: usize,
    account: Account<'a>,
    long: bool,
    /// Where the position is left, as it feels prices.
    stop: i64,
    /// The bar at whose open it has been held for long enough.
    due: usize,
    /// Whether there is such a bar at all.
    timed: bool,
    peak: Money,
    /// Equity below this falls further from its peak than ever.
    floor: Money,
    found: Found,
}

impl<'a, 'b> Walker<'a, 'b> {
    fn new(screen: Screen<'a>, span: Span<'b>, notes: &'b mut [Money]) -> Self {
        let (cash, columns) = (screen.terms.cash, screen.columns);
        let last = columns.end_ns.last().copied().unwrap_or(0);
        Self {
            timed: screen.terms.max_holding_ns < last.saturating_sub(columns.start_ns(0)),
            account: Account::new(screen.instrument, cash),
            screen,
            span: Span { to: span.to.min(screen.columns.len()), ..span },
            notes,
            noted: 0,
            long: true,
            stop: i64::MIN,
            due: usize::MAX,
            peak: cash,
            floor: cash,
            found: Found::default(),
        }
    }

    fn walk(&mut self, targets: &[i8], full: i8) {
        let mut turns = [Turn::default(); AHEAD];
        let (mut at, mut level) = (self.span.from, 0);
        while self.found.tripped_at.is_none() {
            let seen = self.look_ahead(targets, (at, level), &mut turns);
            let Some(last) = seen.last() else { break };
            (at, level) = (last.decided.saturating_add(1), last.level);
            for turn in seen {
                self.turn(*turn, full);
                if self.found.tripped_at.is_some() {
                    break;
                }
            }
        }
        self.hold(self.walked(), self.span.to);
        self.note_up_to(usize::MAX, self.span.to.saturating_sub(1));
    }

    /// The next changes of targets from `at` on, where `level` was the one before. Their prices lie
    /// far apart in memory: asked for together, they come together.
    fn look_ahead<'t>(
        &self,
        targets: &[i8],
        (mut at, mut level): (usize, i8),
        turns: &'t mut [Turn; AHEAD],
    ) -> &'t [Turn] {
        let (columns, to) = (self.screen.columns, self.span.to);
        let mut count = 0_usize;
        for turn in turns.iter_mut() {
            let decided = next_change(targets, at, to, level);
            let Some(next) = targets.get(decided).filter(|_| decided < to) else { break };
            (at, level) = (decided.saturating_add(1), *next);
            *turn = Turn { decided, level, close: columns.close(decided), open: columns.open(at) };
            count = count.saturating_add(1);
        }
        turns.get(..count).unwrap_or_default()
    }

    /// A target changes: hold what is held until its bar has closed, trade at the next open.
    fn turn(&mut self, turn: Turn, full: i8) {
        let Screen { instrument, terms, .. } = self.screen;
        self.found.changes = self.found.changes.saturating_add(1);
        let next = turn.decided.saturating_add(1);
        self.hold(self.walked(), next);
        if next < self.span.to && self.found.tripped_at.is_none() {
            let equity = self.account.equity(turn.close);
            let touch = terms.touch(turn.close);
            let wanted = terms.wanted(instrument, (turn.level, full), equity, touch);
            self.trade(wanted, turn.open, next);
        }
    }

    /// Bars that are behind.
    fn walked(&self) -> usize {
        self.span.from.saturating_add(self.found.bars)
    }

    fn found(&self) -> Found {
        let last = self.screen.columns.close(self.span.to.saturating_sub(1));
        Found {
            equity: self.account.equity(last),
            fees: self.account.fees(),
            trades: self.account.trades(),
            ..self.found
        }
    }

    /// Trade at the best prices around a price, in bar `at`.
    fn trade(&mut self, wanted: NetQty, ticks: i64, at: usize) {
        let Screen { instrument, terms, .. } = self.screen;
        let before = self.account.held();
        let (bid, ask) = terms.touch(ticks);
        let price = if wanted.lots() > before.lots() { ask } else { bid };
        self.account.trade(wanted, Price::from_ticks(price), instrument.fees().taker);
        self.long = wanted.is_long();
        let opened = before.is_flat() || before.is_long() != wanted.is_long();
        if wanted.is_flat() {
            self.due = usize::MAX;
        } else if opened {
            self.due = self.due_of(at);
        }
        self.stop = self.stop_level();
        self.look(ticks, at);
    }

    fn due_of(&self, at: usize) -> usize {
        if !self.timed {
            return usize::MAX;
        }
        let columns = self.screen.columns;
        let until = columns.start_ns(at).saturating_add(self.screen.terms.max_holding_ns);
        let later = columns.end_ns.get(at..).unwrap_or_default();
        let starts = |end: &i64| end.saturating_sub(columns.interval_ns()) < until;
        at.saturating_add(later.partition_point(starts))
    }

    /// Where the position is left: at the profile's distance from its entry, or where it has lost
    /// the fraction of equity that one position may, whichever is nearer.
    fn stop_level(&self) -> i64 {
        let Screen { instrument, terms, .. } = self.screen;
        let Some(entry) = self.account.entry_price() else { return i64::MIN };
        let far = Money::from_units(i128::from(entry.ticks())).at_rate(terms.stop_distance).units();
        let far = i64::try_from(far).unwrap_or(i64::MAX);
        let side = if self.long { Side::Ask } else { Side::Bid };
        let stop = instrument.round_passive(entry.worse(side, far), side).ticks();
        let stop = if self.long { stop } else { stop.saturating_neg() };
        let lossy = if terms.absolute_loss < Rate::ONE { self.loss_level() } else { i64::MIN };
        stop.max(lossy)
    }

    /// Of equity E before it moved, a loss L with L ÷ (E − L) = r is E × r ÷ (1 + r).
    fn loss_level(&self) -> i64 {
        let rate = self.screen.terms.absolute_loss;
        let before = self.account.entry_price().map_or(0, Price::ticks);
        let (part, whole) = (rate.parts(), rate.plus(Rate::ONE).parts());
        let loss = self.account.equity(before).scaled(part.into(), whole.into());
        let Some(price) = self.account.price_of_loss(loss) else { return i64::MIN };
        if self.long { price.ticks() } else { price.ticks().saturating_neg() }
    }

    /// Hold what is held from the open of bar `from` until the close of the one before `to`.
    fn hold(&mut self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let edge = self.span.edges.get(self.noted).copied().unwrap_or(usize::MAX);
            let until = if edge <= at { to } else { to.min(edge) };
            if edge <= at {
                self.note_up_to(at, at.saturating_sub(1));
                continue;
            }
            self.stretch(at, until);
            at = until;
        }
        self.note_up_to(to, to.saturating_sub(1));
        self.found.bars = self.found.bars.max(to.saturating_sub(self.span.from));
    }

    /// Note equity where `ended` bars or fewer had ended, at the close of bar `last`.
    fn note_up_to(&mut self, ended: usize, last: usize) {
        while let Some(edge) = self.span.edges.get(self.noted)
            && *edge <= ended
        {
            let begun = *edge > self.span.from;
            let close = self.screen.columns.close(last);
            let equity = if begun { self.account.equity(close) } else { self.screen.terms.cash };
            if let Some(note) = self.notes.get_mut(self.noted) {
                *note = equity;
            }
            self.noted = self.noted.saturating_add(1);
        }
    }

    /// Bars without a note in between.
    fn stretch(&mut self, from: usize, to: usize) {
        let mut at = from;
        while at < to && !self.account.held().is_flat() {
            let in_block = at.checked_rem(BLOCK).unwrap_or(0);
            let end = to.min(at.saturating_add(BLOCK.saturating_sub(in_block)));
            let felt = if in_block == 0 && end.saturating_sub(at) == BLOCK {
                self.felt_block(at / BLOCK)
            } else {
                self.felt_bars(at, end)
            };
            self.part(at, end, felt);
            at = end;
        }
    }

    fn felt_block(&self, block: usize) -> Felt {
        let (low, high) = self.screen.columns.blocks.get(block).copied().unwrap_or_default();
        Felt::of(self.long, low, high)
    }

    #[inline]
    fn felt_bars(&self, from: usize, to: usize) -> Felt {
        let Columns { low, high, .. } = self.screen.columns;
        let lows = low.get(from..to).unwrap_or_default();
        let highs = high.get(from..to).unwrap_or_default();
        let low = lows.iter().fold(i64::MAX, |seen, price| seen.min(*price));
        let high = highs.iter().fold(i64::MIN, |seen, price| seen.max(*price));
        if lows.is_empty() { Felt::NOTHING } else { Felt::of(self.long, low, high) }
    }

    /// A few bars: bar by bar only where their extremes change something whose order matters.
    #[inline]
    fn part(&mut self, from: usize, to: usize, felt: Felt) {
        let worst = self.account.equity(felt.worst.saturating_abs());
        let rises = self.account.equity(felt.best.saturating_abs()) > self.peak;
        let stops = felt.worst <= self.stop || (from..to).contains(&self.due);
        if rises || stops || (worst < self.floor && self.crosses(worst)) {
            for at in from..to {
                self.bar(at);
            }
        } else if worst < self.floor {
            self.record(worst);
        }
    }

    /// One bar, along its path.
    #[cold]
    fn bar(&mut self, at: usize) {
        if self.account.held().is_flat() {
            return;
        }
        let columns = self.screen.columns;
        let open = columns.open(at);
        if at >= self.due {
            self.leave(open, at);
            return;
        }
        let price = |column: &[i64]| column.get(at).copied().unwrap_or(0);
        let (low, high) = (price(&columns.low), price(&columns.high));
        let (worst, best) = if self.long { (low, high) } else { (high, low) };
        let felt = |ticks: i64| if self.long { ticks } else { ticks.saturating_neg() };
        let (felt_open, felt_worst) = (felt(open), felt(worst));
        self.rise(self.account.equity(open));
        let line = self.line_within(felt_open, felt_worst);
        let stop = (felt_worst <= self.stop).then_some(self.stop.min(felt_open));
        if let Some(left) = line.max(stop) {
            let jumped =
                if self.screen.terms.jumps && left < felt_open { felt_worst } else { left };
            self.look(jumped.saturating_abs(), at);
            if self.found.tripped_at.is_none() {
                self.leave(jumped.saturating_abs(), at);
            }
            return;
        }
        self.look(worst, at);
        self.look(best, at);
        self.look(columns.close(at), at);
    }

    /// The best price between the open and the worst one at which the drawdown line is crossed.
    fn line_within(&self, open: i64, worst: i64) -> Option<i64> {
        let crossed = |felt: i64| self.crosses(self.account.equity(felt.saturating_abs()));
        if !crossed(worst) {
            return None;
        }
        if crossed(open) {
            return Some(open);
        }
        let (mut sound, mut beyond) = (open, worst);
        while sound.saturating_sub(beyond) > 1 {
            let middle = sound.midpoint(beyond);
            if crossed(middle) { beyond = middle } else { sound = middle }
        }
        Some(beyond)
    }

    /// Equity was seen at a price: a new peak, a deeper fall, or the line.
    fn look(&mut self, ticks: i64, at: usize) {
        let equity = self.account.equity(ticks);
        self.rise(equity);
        if equity < self.floor {
            self.record(equity);
        }
        if self.crosses(equity) && self.found.tripped_at.is_none() {
            self.found.tripped_at = Some(at);
            if !self.account.held().is_flat() {
                self.leave(ticks, at);
            }
        }
    }

    /// Close what is held, at the best prices around a price.
    fn leave(&mut self, ticks: i64, at: usize) {
        self.found.exits = self.found.exits.saturating_add(1);
        self.trade(NetQty::FLAT, ticks, at);
    }

    #[inline]
    fn rise(&mut self, equity: Money) {
        if equity > self.peak && !equity.is_unknown() {
            self.peak = equity;
            self.set_floor();
        }
    }

    /// Equity fell deeper below its peak than ever.
    fn record(&mut self, equity: Money) {
        let fall = self.peak.minus(equity).fraction_of(self.peak);
        self.found.max_drawdown = self.found.max_drawdown.max(fall.unwrap_or(Rate::ZERO));
        self.set_floor();
    }

    fn set_floor(&mut self) {
        self.floor = self.peak.minus(self.peak.at_rate(self.found.max_drawdown));
    }

    /// Whether this equity is at the drawdown line, or nothing is left.
    fn crosses(&self, equity: Money) -> bool {
        let fall = self.peak.minus(equity);
        let line = self.screen.terms.drawdown;
        equity <= Money::ZERO || (line < Rate::ONE && fall >= self.peak.at_rate(line))
    }
}
