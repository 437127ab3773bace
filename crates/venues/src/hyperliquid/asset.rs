//! What the venue calls the engine's instruments, and by which rules they trade.

use flyball_core::domain::{
    ChecksumRule, ConfigError, Decimal, DecimalError, Fees, Instrument, InstrumentId,
    InstrumentKind, InstrumentSpec, MarginTier, Price, PriceRule, Qty, SequenceRule,
};

use crate::{DecodeError, Grid};

/// Levels a side of a full `l2Book`.
const BOOK_DEPTH: u32 = 20;
/// Smallest value of an order, in USDC.
const MIN_NOTIONAL: i64 = 10;
/// A perpetual's price has at most this many decimals, less those of its size.
const PERP_DECIMALS: u8 = 6;
/// A spot pair's price has at most this many decimals, less those of its size.
const SPOT_DECIMALS: u8 = 8;

/// The rules of a perpetual: prices of five significant figures and at most `6 − szDecimals`
/// decimals (whole numbers always), sizes of `szDecimals` decimals, orders of at least 10 USDC.
///
/// # Errors
///
/// [`ConfigError`] when `sz_decimals` is above 6.
pub fn perp_spec(
    coin: &str,
    sz_decimals: u8,
    margin_tiers: Vec<MarginTier>,
    fees: Fees,
) -> Result<InstrumentSpec, ConfigError> {
    spec(coin, (sz_decimals, PERP_DECIMALS), InstrumentKind::Linear, margin_tiers, fees)
}

/// The rules of a spot pair: as [`perp_spec`], with at most `8 − szDecimals` decimals.
///
/// # Errors
///
/// [`ConfigError`] when `sz_decimals` is above 8.
pub fn spot_spec(coin: &str, sz_decimals: u8, fees: Fees) -> Result<InstrumentSpec, ConfigError> {
    let paid = vec![MarginTier { from_notional: 0, max_leverage: 1 }];
    spec(coin, (sz_decimals, SPOT_DECIMALS), InstrumentKind::Spot, paid, fees)
}

fn spec(
    coin: &str,
    (sz_decimals, most): (u8, u8),
    kind: InstrumentKind,
    margin_tiers: Vec<MarginTier>,
    fees: Fees,
) -> Result<InstrumentSpec, ConfigError> {
    let decimals = most.checked_sub(sz_decimals).ok_or_else(|| {
        ConfigError::new("sz_decimals", format!("{coin}: {sz_decimals} is above {most}"))
    })?;
    Ok(InstrumentSpec {
        symbol: coin.to_owned(),
        kind,
        tick_size: Decimal::new(1, decimals),
        lot_size: Decimal::new(1, sz_decimals),
        contract_size: Decimal::new(1, 0),
        price_rule: PriceRule::SignificantFigures(5),
        sequence_rule: SequenceRule::Unnumbered,
        checksum_rule: ChecksumRule::Absent,
        min_notional: Decimal::new(MIN_NOTIONAL, 0),
        fees,
        margin_tiers,
        book_depth: BOOK_DEPTH,
    })
}

/// One instrument as the venue knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The engine's id.
    pub id: InstrumentId,
    /// The venue's name: `BTC`, `@107`.
    pub coin: String,
    /// The venue's number: the index in `meta` for perpetuals, 10 000 + index for spot.
    pub number: u32,
    /// Its ticks.
    pub price: Grid,
    /// Its lots.
    pub qty: Grid,
}

impl Asset {
    /// A price as a decimal number.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OutOfRange`].
    pub fn decimal_price(&self, price: Price) -> Result<Decimal, DecimalError> {
        self.price.decimal(price.ticks())
    }

    /// A quantity as a decimal number.
    ///
    /// # Errors
    ///
    /// [`DecimalError::OutOfRange`].
    pub fn decimal_qty(&self, qty: Qty) -> Result<Decimal, DecimalError> {
        self.qty.decimal(i64::try_from(qty.lots()).map_err(|_| DecimalError::OutOfRange)?)
    }
}

/// The engine's instruments by the venue's names and numbers. A few dozen at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    all: Vec<Asset>,
}

impl Assets {
    /// No instruments.
    pub const fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// One more instrument, under the venue's number for it.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Listing`] when its name, number or id is there already.
    pub fn add(&mut self, number: u32, instrument: &Instrument) -> Result<(), DecodeError> {
        let coin = instrument.symbol().as_str();
        let taken = |it: &Asset| it.id == instrument.id() || it.coin == coin || it.number == number;
        if self.all.iter().any(taken) {
            let reason = "its name, its number or its id is listed already".to_owned();
            return Err(DecodeError::Listing { symbol: coin.to_owned(), reason });
        }
        self.all.push(Asset {
            id: instrument.id(),
            coin: coin.to_owned(),
            number,
            price: Grid::new(instrument.tick_size()),
            qty: Grid::new(instrument.lot_size()),
        });
        Ok(())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Asset> {
        self.all.iter()
    }

    /// The instrument of this name.
    pub fn coin(&self, coin: &str) -> Option<&Asset> {
        self.all.iter().find(|it| it.coin == coin)
    }

    /// The instrument with the engine's id.
    pub fn id(&self, id: InstrumentId) -> Option<&Asset> {
        self.all.iter().find(|it| it.id == id)
    }

    /// The instrument with the venue's number.
    pub fn number(&self, number: u32) -> Option<&Asset> {
        self.all.iter().find(|it| it.number == number)
    }
}

#[cfg(test)]
mod tests {
    use flyball_core::domain::{Money, Rate, Side};

    use super::*;

    fn fees() -> Fees {
        Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) }
    }

    fn perp(sz_decimals: u8) -> Instrument {
        let tiers = vec![MarginTier { from_notional: 0, max_leverage: 20 }];
        let spec = perp_spec("X", sz_decimals, tiers, fees()).unwrap();
        Instrument::new(InstrumentId::new(0), &spec).unwrap()
    }

    fn valid(instrument: &Instrument, text: &str) -> bool {
        let number = crate::Number::parse(text.as_bytes()).unwrap();
        let price = Grid::new(instrument.tick_size()).price(number);
        price.is_ok_and(|price| instrument.is_valid_price(price))
    }

    #[test]
    fn the_documented_examples_of_prices_hold() {
        for (sz_decimals, text, expected) in [
            (0, "1234.5", true),
            (0, "1234.56", false),
            (0, "0.001234", true),
            (0, "0.0012345", false),
            (1, "0.01234", true),
            (1, "0.012345", false),
            (0, "123456", true),
            (0, "12345.6", false),
            (5, "123456", true),
            (5, "12345.6", false),
            (5, "99999.9", false),
            (5, "9999.9", true),
            (6, "1", true),
            (6, "1.5", false),
            (0, "12345", true),
            (0, "0.000001", true),
        ] {
            assert_eq!(valid(&perp(sz_decimals), text), expected, "{sz_decimals} {text}");
        }
    }

    #[test]
    fn the_documented_examples_of_spot_prices_hold() {
        let spot = |sz_decimals| {
            let spec = spot_spec("X/USDC", sz_decimals, fees()).unwrap();
            Instrument::new(InstrumentId::new(0), &spec).unwrap()
        };
        for (sz_decimals, expected) in [(0, true), (1, true), (2, false)] {
            assert_eq!(valid(&spot(sz_decimals), "0.0001234"), expected, "{sz_decimals}");
        }
    }

    #[test]
    fn a_size_has_as_many_decimals_as_the_asset_says() {
        let three = Grid::new(perp(3).lot_size());
        let qty = |text: &[u8]| three.qty(crate::Number::parse(text).unwrap());
        assert_eq!(qty(b"1.001").map(Qty::lots), Ok(1001));
        assert_eq!(qty(b"1.0001"), Err(DecimalError::OffGrid));
    }

    #[test]
    fn ten_dollars_are_enough_and_a_hair_less_is_not() {
        let it = perp(5);
        // 0.1 × 10^-5 = 10^-6 a tick and lot: 100 000 ticks × 100 lots = 10 USDC.
        let value = |lots| it.value(Price::from_ticks(100_000), Qty::from_lots(lots));
        assert_eq!(value(100), it.min_notional());
        assert_eq!(it.min_notional(), Money::from_whole(10));
        assert!(value(99) < it.min_notional());
    }

    #[test]
    fn rounding_lands_on_prices_that_the_venue_takes() {
        let it = perp(5);
        let price = Price::from_ticks(1_234_567); // 123 456.7
        assert!(!it.is_valid_price(price));
        assert_eq!(it.round_passive(price, Side::Bid), Price::from_ticks(1_234_560));
        assert_eq!(it.round_passive(price, Side::Ask), Price::from_ticks(1_234_570));
    }

    #[test]
    fn more_decimals_than_the_venue_allows_are_refused() {
        assert!(perp_spec("X", 7, Vec::new(), fees()).is_err());
        assert!(spot_spec("X", 9, fees()).is_err());
    }

    #[test]
    fn instruments_are_found_by_name_number_and_id_and_listed_once() {
        let mut assets = Assets::new();
        assets.add(159, &perp(2)).unwrap();
        let it = assets.coin("X").unwrap();
        assert_eq!((assets.number(159), assets.id(InstrumentId::new(0))), (Some(it), Some(it)));
        assert_eq!(assets.coin("Y"), None);
        assert_eq!(it.decimal_price(Price::from_ticks(349_690)), Ok(Decimal::new(34_969, 3)));
        assert_eq!(it.decimal_qty(Qty::from_lots(147_300)), Ok(Decimal::new(1473, 0)));
        assert!(assets.add(160, &perp(2)).is_err());
    }
}
