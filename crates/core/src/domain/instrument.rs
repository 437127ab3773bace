//! What is traded: units, venue rules, fees, margin tiers.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ConfigError, Decimal, InstrumentId, Money, NetQty, Price, Qty, Rate, Side, div_round,
};

/// The name that a venue gives an instrument, at most 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Symbol {
    bytes: [u8; 24],
    len: u8,
}

impl Symbol {
    /// The symbol of this name.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the name is empty or longer than 24 bytes.
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::new("symbol", format!("{name:?} is not 1 to 24 bytes long"));
        let len = u8::try_from(name.len()).map_err(|_| wrong())?;
        let mut bytes = [0; 24];
        let target = bytes.get_mut(..name.len()).filter(|_| len > 0).ok_or_else(wrong)?;
        target.copy_from_slice(name.as_bytes());
        Ok(Self { bytes, len })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl std::fmt::Debug for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a position in this instrument turns into money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstrumentKind {
    /// The thing itself: cannot be sold short, cannot be borrowed against.
    Spot,
    /// A perpetual settled in the quote currency: worth price × quantity.
    Linear,
    /// A perpetual settled in the base currency: a contract of fixed quote value, worth
    /// contract value ÷ price.
    Inverse,
}

/// Which prices a venue takes, beyond being whole ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceRule {
    /// Every whole tick.
    AnyTick,
    /// At most this many significant figures; whole numbers always.
    SignificantFigures(u8),
}

/// How a feed numbers its book messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SequenceRule {
    /// It does not; every message stands on its own.
    Unnumbered,
    /// Each message starts one after the last one ended (Binance spot).
    Contiguous,
    /// Each message names the end of the one before it (Binance futures).
    NamesPrevious,
}

/// How a feed lets us check the rebuilt book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumRule {
    /// It does not.
    Absent,
    /// CRC-32 over the ten best asks and bids, written without points and leading zeros (Kraken).
    KrakenTop10,
}

/// What a fill costs, as a rate of its value; negative is a rebate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// For the order that rested.
    pub maker: Rate,
    /// For the order that took.
    pub taker: Rate,
}

/// A step of a margin table: from this notional on, this much leverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginTier {
    /// Notional from which the tier holds, in whole units of the settlement currency.
    pub from_notional: i64,
    /// Highest leverage in the tier.
    pub max_leverage: u16,
}

/// What the edge knows of an instrument. [`Instrument::new`] checks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentSpec {
    /// The venue's name for it.
    pub symbol: String,
    /// How a position turns into money.
    pub kind: InstrumentKind,
    /// Size of one tick, in quote currency.
    pub tick_size: Decimal,
    /// Size of one lot, in base currency (spot, linear) or contracts (inverse).
    pub lot_size: Decimal,
    /// Quote value of one contract (inverse) or base units of one contract (linear): often 1.
    pub contract_size: Decimal,
    /// Which prices the venue takes.
    pub price_rule: PriceRule,
    /// How its book messages are numbered.
    pub sequence_rule: SequenceRule,
    /// How its books are checked.
    pub checksum_rule: ChecksumRule,
    /// Smallest value of an order that adds risk, in settlement currency.
    pub min_notional: Decimal,
    /// What fills cost.
    pub fees: Fees,
    /// Leverage by size of position, lowest tier first, the first one from zero. At most 8.
    pub margin_tiers: Vec<MarginTier>,
    /// Book levels a side that start-up makes room for.
    pub book_depth: u32,
}

/// An instrument whose numbers have been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    id: InstrumentId,
    symbol: Symbol,
    kind: InstrumentKind,
    tick_size: Decimal,
    lot_size: Decimal,
    /// Spot, linear: money units of one tick × one lot. Inverse: money units × ticks of one lot.
    unit_value: i128,
    price_rule: PriceRule,
    sequence_rule: SequenceRule,
    checksum_rule: ChecksumRule,
    min_notional: Money,
    fees: Fees,
    margin_tiers: Vec<MarginTier>,
    maintenance_lines: Vec<(u16, Money)>,
    book_depth: u32,
}

const MAX_TIERS: usize = 8;

impl Instrument {
    /// Check a specification.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn new(id: InstrumentId, spec: &InstrumentSpec) -> Result<Self, ConfigError> {
        for (key, step) in [("tick_size", spec.tick_size), ("lot_size", spec.lot_size)] {
            if step.units() <= 0 {
                return Err(ConfigError::new(key, format!("{step} is not above zero")));
            }
        }
        if spec.contract_size.units() <= 0 {
            return Err(ConfigError::new("contract_size", "must be above zero"));
        }
        let unit_value = unit_value(spec)?;
        check_tiers(&spec.margin_tiers)?;
        if !(1..=1 << 20).contains(&spec.book_depth) {
            return Err(ConfigError::new("book_depth", "must lie between 1 and 1048576"));
        }
        let min_notional = spec
            .min_notional
            .at_scale(Money::DECIMALS)
            .map_err(|error| ConfigError::new("min_notional", error.to_string()))?;
        Ok(Self {
            id,
            symbol: Symbol::new(&spec.symbol)?,
            kind: spec.kind,
            tick_size: spec.tick_size,
            lot_size: spec.lot_size,
            unit_value,
            price_rule: spec.price_rule,
            sequence_rule: spec.sequence_rule,
            checksum_rule: spec.checksum_rule,
            min_notional: Money::from_units(i128::from(min_notional)),
            fees: spec.fees,
            margin_tiers: spec.margin_tiers.clone(),
            maintenance_lines: maintenance_lines(&spec.margin_tiers),
            book_depth: spec.book_depth,
        })
    }

    /// Its index.
    pub const fn id(&self) -> InstrumentId {
        self.id
    }

    /// The venue's name for it.
    pub const fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// How a position in it turns into money.
    pub const fn kind(&self) -> InstrumentKind {
        self.kind
    }

    /// Size of one tick, in quote currency.
    pub const fn tick_size(&self) -> Decimal {
        self.tick_size
    }

    /// Size of one lot.
    pub const fn lot_size(&self) -> Decimal {
        self.lot_size
    }

    /// How its book messages are numbered.
    pub const fn sequence_rule(&self) -> SequenceRule {
        self.sequence_rule
    }

    /// How its books are checked.
    pub const fn checksum_rule(&self) -> ChecksumRule {
        self.checksum_rule
    }

    /// Smallest value of an order that adds risk.
    pub const fn min_notional(&self) -> Money {
        self.min_notional
    }

    /// What fills cost.
    pub const fn fees(&self) -> Fees {
        self.fees
    }

    /// Leverage by size of position, lowest tier first.
    pub fn margin_tiers(&self) -> &[MarginTier] {
        &self.margin_tiers
    }

    /// Highest leverage of the smallest position.
    pub fn max_leverage(&self) -> u16 {
        self.margin_tiers.first().map_or(1, |tier| tier.max_leverage)
    }

    /// Book levels a side that start-up makes room for; where checksums are
    /// [`ChecksumRule::KrakenTop10`], the depth that was subscribed to.
    pub const fn book_depth(&self) -> u32 {
        self.book_depth
    }

    /// What `qty` is worth at `price`, in settlement currency: never negative. Unknown when the
    /// price is not tradable or the value does not fit.
    #[inline]
    pub fn value(&self, price: Price, qty: Qty) -> Money {
        if !price.is_tradable() || qty > Qty::MAX {
            return Money::UNKNOWN;
        }
        let (ticks, lots) = (i128::from(price.ticks()), i128::from(qty.lots()));
        let value = match self.kind {
            InstrumentKind::Spot | InstrumentKind::Linear => {
                // Ticks < 2^47, lots ≤ 2^53: their product fits easily.
                let size = ticks.wrapping_mul(lots);
                match (i64::try_from(size), i64::try_from(self.unit_value)) {
                    // So does that of two factors of 64 bits; it is quicker than one that is checked.
                    (Ok(size), Ok(unit)) => Some(i128::from(size).wrapping_mul(i128::from(unit))),
                    _ => size.checked_mul(self.unit_value),
                }
            }
            InstrumentKind::Inverse => {
                lots.checked_mul(self.unit_value).map(|value| div_round(value, ticks))
            }
        };
        value.map_or(Money::UNKNOWN, Money::from_units)
    }

    /// What a position gained between two values of it: entry and now.
    #[inline]
    pub const fn gain(&self, long: bool, entry: Money, now: Money) -> Money {
        let rises_with_value = !matches!(self.kind, InstrumentKind::Inverse);
        if long == rises_with_value { now.minus(entry) } else { entry.minus(now) }
    }

    /// The largest quantity whose value at `price` does not exceed `value`.
    pub fn qty_for(&self, value: Money, price: Price) -> Qty {
        if !price.is_tradable() || value <= Money::ZERO || value.is_unknown() {
            return Qty::ZERO;
        }
        let ticks = i128::from(price.ticks());
        let lots = match self.kind {
            InstrumentKind::Spot | InstrumentKind::Linear => {
                value.units().checked_div(ticks.saturating_mul(self.unit_value))
            }
            InstrumentKind::Inverse => value
                .units()
                .checked_mul(ticks)
                .and_then(|scaled| scaled.checked_div(self.unit_value)),
        };
        let lots = lots.and_then(|lots| u64::try_from(lots).ok()).unwrap_or(0);
        Qty::from_lots(lots.min(Qty::MAX.lots()))
    }

    /// The price at which `qty` is worth `value`, to the nearest tick; `None` where there is none.
    pub fn price_for(&self, value: Money, qty: Qty) -> Option<Price> {
        if value <= Money::ZERO || value.is_unknown() || qty.is_zero() {
            return None;
        }
        let unit = i128::from(qty.lots()).checked_mul(self.unit_value)?;
        let ticks = match self.kind {
            InstrumentKind::Spot | InstrumentKind::Linear => div_round(value.units(), unit),
            InstrumentKind::Inverse => div_round(unit, value.units()),
        };
        let price = Price::from_ticks(i64::try_from(ticks).ok()?);
        price.is_tradable().then_some(price)
    }

    /// Ticks between neighbouring valid prices around `price`.
    pub fn price_step(&self, price: Price) -> i64 {
        let PriceRule::SignificantFigures(figures) = self.price_rule else { return 1 };
        let digits = price.ticks().unsigned_abs().checked_ilog10().unwrap_or(0).saturating_add(1);
        let by_figures = digits.saturating_sub(u32::from(figures));
        let by_whole = u32::from(self.tick_size.decimals());
        10_i64.saturating_pow(by_figures.min(by_whole))
    }

    /// Whether the venue takes this price.
    pub fn is_valid_price(&self, price: Price) -> bool {
        price.is_tradable() && price.ticks().checked_rem(self.price_step(price)) == Some(0)
    }

    /// The nearest valid price that is no worse for the owner of an order on `side`: bids round
    /// down, asks round up.
    #[must_use]
    pub fn round_passive(&self, price: Price, side: Side) -> Price {
        let step = self.price_step(price);
        let down =
            price.ticks().saturating_sub(price.ticks().checked_rem_euclid(step).unwrap_or(0));
        match side {
            Side::Ask if down != price.ticks() => Price::from_ticks(down.saturating_add(step)),
            _ => Price::from_ticks(down),
        }
    }

    /// The nearest valid price that trades at least as far: bids round up, asks round down.
    #[must_use]
    pub fn round_aggressive(&self, price: Price, side: Side) -> Price {
        self.round_passive(price, side.opposite())
    }

    /// Margin that a position of this value must keep: notional ÷ (2 × the tier's leverage), less
    /// the deduction that makes the tiers meet. Spot needs none: it is paid for.
    pub fn maintenance_margin(&self, notional: Money) -> Money {
        if matches!(self.kind, InstrumentKind::Spot) {
            return Money::ZERO;
        }
        if notional.is_unknown() {
            return Money::UNKNOWN;
        }
        let fits = |tier: &&MarginTier| Money::from_whole(tier.from_notional) <= notional;
        let tier = self.margin_tiers.iter().take_while(fits).count().saturating_sub(1);
        self.maintenance_lines.get(tier).map_or(Money::UNKNOWN, |&(leverage, deduction)| {
            half_over(notional, leverage).minus(deduction)
        })
    }

    /// Leverage and deduction of each tier.
    pub fn maintenance_lines(&self) -> &[(u16, Money)] {
        &self.maintenance_lines
    }

    /// The tier's leverage for a position of this value.
    pub fn leverage_at(&self, notional: Money) -> u16 {
        let fits = |tier: &&MarginTier| Money::from_whole(tier.from_notional) <= notional;
        self.margin_tiers.iter().take_while(fits).last().map_or(1, |tier| tier.max_leverage)
    }

    /// The signed value of a position: what it would add to gross exposure, with its sign.
    pub fn signed_value(&self, price: Price, qty: NetQty) -> Money {
        let value = self.value(price, qty.abs());
        if qty.lots() < 0 { value.negated() } else { value }
    }
}

fn maintenance_lines(tiers: &[MarginTier]) -> Vec<(u16, Money)> {
    let mut deduction = Money::ZERO;
    let mut previous: Option<u16> = None;
    let line = tiers.iter().map(|tier| {
        let leverage = tier.max_leverage;
        if let Some(previous) = previous.replace(leverage) {
            let from = Money::from_whole(tier.from_notional);
            deduction = deduction.plus(half_over(from, leverage)).minus(half_over(from, previous));
        }
        (leverage, deduction)
    });
    line.collect()
}

fn half_over(notional: Money, leverage: u16) -> Money {
    if leverage == 0 {
        return Money::UNKNOWN;
    }
    Money::from_units(div_round(notional.units(), i128::from(leverage).wrapping_mul(2)))
}

fn unit_value(spec: &InstrumentSpec) -> Result<i128, ConfigError> {
    let wide = |d: Decimal| i128::from(d.units());
    let lot = wide(spec.lot_size).saturating_mul(wide(spec.contract_size));
    let lot_decimals = i32::from(spec.lot_size.decimals())
        .saturating_add(i32::from(spec.contract_size.decimals()));
    let (units, decimals) = match spec.kind {
        InstrumentKind::Spot | InstrumentKind::Linear => {
            let decimals = lot_decimals.saturating_add(i32::from(spec.tick_size.decimals()));
            (lot.saturating_mul(wide(spec.tick_size)), decimals)
        }
        InstrumentKind::Inverse => {
            // As many decimals as money keeps, so that what is left over is too fine for it.
            let spare = i32::from(Money::DECIMALS)
                .saturating_add(i32::from(spec.tick_size.decimals()))
                .saturating_sub(lot_decimals);
            let lot = lot.saturating_mul(10_i128.saturating_pow(spare.max(0).unsigned_abs()));
            let tick = wide(spec.tick_size);
            if spare < 0 || lot.checked_rem(tick) != Some(0) {
                let reason = "contract_size × lot_size ÷ tick_size is finer than money is kept";
                return Err(ConfigError::new("contract_size", reason));
            }
            (lot.checked_div(tick).unwrap_or(0), i32::from(Money::DECIMALS))
        }
    };
    let shift = i32::from(Money::DECIMALS).saturating_sub(decimals);
    let factor = 10_i128.saturating_pow(shift.unsigned_abs());
    if shift >= 0 {
        return Ok(units.saturating_mul(factor));
    }
    if units.checked_rem(factor) != Some(0) {
        let reason = format!(
            "tick_size {} × lot_size {} is finer than the 10^-{} that money keeps",
            spec.tick_size,
            spec.lot_size,
            Money::DECIMALS
        );
        return Err(ConfigError::new("lot_size", reason));
    }
    Ok(units.checked_div(factor).unwrap_or(0))
}

fn check_tiers(tiers: &[MarginTier]) -> Result<(), ConfigError> {
    let wrong = |reason: &str| Err(ConfigError::new("margin_tiers", reason));
    if tiers.is_empty() || tiers.len() > MAX_TIERS {
        return wrong("must hold 1 to 8 tiers");
    }
    if tiers.first().is_none_or(|first| first.from_notional != 0) {
        return wrong("the first tier must start at notional 0");
    }
    if tiers.iter().any(|tier| tier.max_leverage == 0) {
        return wrong("max_leverage must be at least 1");
    }
    let rising = tiers.windows(2).all(|pair| match pair {
        [a, b] => a.from_notional < b.from_notional && a.max_leverage > b.max_leverage,
        _ => true,
    });
    if rising { Ok(()) } else { wrong("tiers must rise in notional and fall in leverage") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec(kind: InstrumentKind, tick: &str, lot: &str, contract: &str) -> InstrumentSpec {
        let decimal = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
        InstrumentSpec {
            kind,
            tick_size: decimal(tick),
            lot_size: decimal(lot),
            contract_size: decimal(contract),
            ..crate::testing::xrp_spec()
        }
    }

    fn instrument(spec: &InstrumentSpec) -> Instrument {
        Instrument::new(InstrumentId::new(0), spec).unwrap()
    }

    #[test]
    fn a_linear_value_is_price_times_quantity() {
        let xrp = instrument(&spec(InstrumentKind::Linear, "0.0001", "1", "1"));
        // 2.0579 × 300 = 617.37
        assert_eq!(xrp.value(Price::from_ticks(20_579), Qty::from_lots(300)).to_string(), "617.37");
    }

    #[test]
    fn an_inverse_value_is_contracts_over_price() {
        let btc = instrument(&spec(InstrumentKind::Inverse, "0.1", "1", "100"));
        // 10 contracts of 100 USD at 61 801.3 USD = 0.01618089... BTC
        let value = btc.value(Price::from_ticks(618_013), Qty::from_lots(10));
        assert_eq!(value.units(), 161_808_894);
        let later = btc.value(Price::from_ticks(620_000), Qty::from_lots(10));
        assert!(btc.gain(true, value, later) > Money::ZERO, "a long gains when the price rises");
        assert!(btc.gain(false, value, later) < Money::ZERO);
    }

    #[test]
    fn tiers_meet_where_they_change() {
        let xrp = instrument(&spec(InstrumentKind::Linear, "0.0001", "1", "1"));
        let margin = |whole| xrp.maintenance_margin(Money::from_whole(whole));
        assert_eq!(margin(1_000), Money::from_whole(25));
        assert_eq!(margin(40_000_000), Money::from_whole(1_000_000));
        // above: 5 % of the whole less 1 000 000
        assert_eq!(margin(60_000_000), Money::from_whole(2_000_000));
        assert_eq!(xrp.leverage_at(Money::from_whole(39_999_999)), 20);
        assert_eq!(xrp.leverage_at(Money::from_whole(40_000_000)), 10);
    }

    #[test]
    fn five_significant_figures_or_a_whole_number() {
        let mut spec = spec(InstrumentKind::Linear, "0.1", "0.00001", "1");
        spec.price_rule = PriceRule::SignificantFigures(5);
        let btc = instrument(&spec);
        let valid = |ticks| btc.is_valid_price(Price::from_ticks(ticks));
        assert!(valid(99_999)); // 9 999.9
        assert!(valid(1_050_550)); // 105 055: six figures, but whole
        assert!(!valid(1_050_551)); // 105 055.1
        assert_eq!(btc.round_passive(Price::from_ticks(1_050_551), Side::Bid).ticks(), 1_050_550);
        assert_eq!(btc.round_passive(Price::from_ticks(1_050_551), Side::Ask).ticks(), 1_050_560);
        assert_eq!(
            btc.round_aggressive(Price::from_ticks(1_050_551), Side::Bid).ticks(),
            1_050_560
        );
    }

    #[test]
    fn a_wrong_specification_names_its_key() {
        type Spoil = fn(&mut InstrumentSpec);
        let cases: [(&str, Spoil); 5] = [
            ("tick_size", |s| s.tick_size = Decimal::new(0, 0)),
            ("lot_size", |s| s.lot_size = Decimal::new(1, 12)),
            ("margin_tiers", |s| s.margin_tiers.clear()),
            ("symbol", |s| s.symbol.clear()),
            ("book_depth", |s| s.book_depth = 0),
        ];
        for (key, spoil) in cases {
            let mut spec = spec(InstrumentKind::Linear, "0.0001", "1", "1");
            spoil(&mut spec);
            assert_eq!(Instrument::new(InstrumentId::new(0), &spec).unwrap_err().key, key);
        }
    }

    #[test]
    fn an_untradable_price_has_no_value() {
        let xrp = instrument(&spec(InstrumentKind::Linear, "0.0001", "1", "1"));
        for ticks in [0, -1, i64::MIN, i64::MAX] {
            assert!(xrp.value(Price::from_ticks(ticks), Qty::from_lots(1)).is_unknown());
        }
        assert!(xrp.value(Price::from_ticks(1), Qty::from_lots(u64::MAX)).is_unknown());
    }

    proptest! {
        #[test]
        fn the_quantity_for_a_value_never_exceeds_it(
            ticks in 1_i64..100_000_000, value in 0_i64..10_000_000, inverse: bool
        ) {
            let kind = if inverse { InstrumentKind::Inverse } else { InstrumentKind::Linear };
            let spec = spec(kind, "0.1", "1", if inverse { "100" } else { "0.001" });
            let it = instrument(&spec);
            let (value, price) = (Money::from_whole(value), Price::from_ticks(ticks));
            let qty = it.qty_for(value, price);
            // The value of an inverse quantity is rounded to the nearest unit, so it may exceed by one.
            prop_assert!(it.value(price, qty).units() <= value.units() + 1);
            prop_assert!(it.value(price, qty.plus(Qty::from_lots(1))) >= value);
        }
    }
}
