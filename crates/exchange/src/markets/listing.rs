//! What the venue says about an instrument.

use flyball_core::domain::{
    ChecksumRule, Decimal, Fees, InstrumentKind, InstrumentSpec, MarginTier, PriceRule, Rate,
    SequenceRule,
};

/// Decimals that the price and the size of a perpetual share.
const PERP_DECIMALS: u8 = 6;
/// Significant figures of a price.
const FIGURES: u8 = 5;
/// Book levels that are kept a side.
const DEPTH: u32 = 512;

/// A perpetual as Hyperliquid lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its name.
    pub coin: String,
    /// Decimals of its size; prices have at most six less these.
    pub sz_decimals: u8,
    /// Leverage by size of position, lowest tier first.
    pub tiers: Vec<MarginTier>,
    /// What fills cost.
    pub fees: Fees,
}

impl Listing {
    /// A perpetual with the base fees.
    pub fn new(coin: &str, sz_decimals: u8, tiers: &[(i64, u16)]) -> Self {
        let tier = |&(from_notional, max_leverage)| MarginTier { from_notional, max_leverage };
        Self {
            coin: coin.to_owned(),
            sz_decimals: sz_decimals.min(PERP_DECIMALS),
            tiers: tiers.iter().map(tier).collect(),
            fees: Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) },
        }
    }

    /// BTC. That its second tier begins at 150 million is assumed.
    pub fn btc() -> Self {
        Self::new("BTC", 5, &[(0, 40), (150_000_000, 20)])
    }

    /// XRP.
    pub fn xrp() -> Self {
        Self::new("XRP", 0, &[(0, 20), (40_000_000, 10)])
    }

    /// A coin by its name: size decimals as far as they are known, tiers assumed.
    pub fn of(coin: &str, sz_decimals: Option<u8>) -> Self {
        match coin {
            "BTC" => Self::btc(),
            "XRP" => Self::xrp(),
            "ETH" => Self::new(coin, 4, &[(0, 25)]),
            "SOL" => Self::new(coin, 2, &[(0, 20)]),
            _ => Self::new(coin, sz_decimals.unwrap_or(0), &[(0, 10)]),
        }
    }

    /// Highest leverage of the smallest position.
    pub fn max_leverage(&self) -> u16 {
        self.tiers.first().map_or(1, |tier| tier.max_leverage)
    }

    /// The instrument: five significant figures, at least ten dollars.
    pub fn spec(&self) -> InstrumentSpec {
        InstrumentSpec {
            symbol: self.coin.clone(),
            kind: InstrumentKind::Linear,
            tick_size: Decimal::new(1, PERP_DECIMALS.saturating_sub(self.sz_decimals)),
            lot_size: Decimal::new(1, self.sz_decimals),
            contract_size: Decimal::new(1, 0),
            price_rule: PriceRule::SignificantFigures(FIGURES),
            sequence_rule: SequenceRule::Unnumbered,
            checksum_rule: ChecksumRule::Absent,
            min_notional: Decimal::new(10, 0),
            fees: self.fees,
            margin_tiers: self.tiers.clone(),
            book_depth: DEPTH,
        }
    }
}
