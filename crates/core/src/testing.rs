//! What the unit tests of several rooms share.

use crate::domain::{
    ChecksumRule, ClientOrderId, Decimal, Fees, Fill, Instrument, InstrumentId, InstrumentKind,
    InstrumentSpec, MarginTier, Money, Price, PriceRule, Qty, Rate, SequenceRule, Side,
    VenueOrderId,
};

/// An XRP perpetual with Hyperliquid's tiers and base fees: ticks of 0.0001, lots of 1.
pub(crate) fn xrp_spec() -> InstrumentSpec {
    InstrumentSpec {
        symbol: "XRP".into(),
        kind: InstrumentKind::Linear,
        tick_size: Decimal::new(1, 4),
        lot_size: Decimal::new(1, 0),
        contract_size: Decimal::new(1, 0),
        price_rule: PriceRule::AnyTick,
        sequence_rule: SequenceRule::Unnumbered,
        checksum_rule: ChecksumRule::Absent,
        min_notional: Decimal::new(10, 0),
        fees: Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) },
        margin_tiers: vec![
            MarginTier { from_notional: 0, max_leverage: 20 },
            MarginTier { from_notional: 40_000_000, max_leverage: 10 },
        ],
        book_depth: 100,
    }
}

pub(crate) fn xrp() -> Instrument {
    Instrument::new(InstrumentId::new(0), &xrp_spec()).unwrap()
}

/// The same without fees, under this name.
pub(crate) fn free_of_fees(symbol: &str) -> Instrument {
    let fees = Fees { maker: Rate::ZERO, taker: Rate::ZERO };
    let spec = InstrumentSpec { symbol: symbol.into(), fees, ..xrp_spec() };
    Instrument::new(InstrumentId::new(0), &spec).unwrap()
}

/// Instruments with the same units under these names.
pub(crate) fn instruments(symbols: &[&str]) -> Vec<Instrument> {
    let one = |(id, symbol): (u16, &&str)| {
        let spec = InstrumentSpec { symbol: (*symbol).into(), ..xrp_spec() };
        Instrument::new(InstrumentId::new(id), &spec).unwrap()
    };
    (0..).zip(symbols).map(one).collect()
}

/// A coin-margined BTC perpetual: contracts of 100 USD, ticks of 0.1 USD.
pub(crate) fn inverse_btc() -> Instrument {
    let spec = InstrumentSpec {
        symbol: "BTCUSD_PERP".into(),
        kind: InstrumentKind::Inverse,
        tick_size: Decimal::new(1, 1),
        contract_size: Decimal::new(100, 0),
        min_notional: Decimal::new(0, 0),
        margin_tiers: vec![MarginTier { from_notional: 0, max_leverage: 20 }],
        ..xrp_spec()
    };
    Instrument::new(InstrumentId::new(0), &spec).unwrap()
}

pub(crate) const fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks)
}

pub(crate) const fn qty(lots: u64) -> Qty {
    Qty::from_lots(lots)
}

/// A fill without a fee.
pub(crate) fn fill(trade_id: u64, side: Side, ticks: i64, lots: u64) -> Fill {
    Fill {
        instrument: InstrumentId::new(0),
        client_order_id: ClientOrderId::new(1),
        venue_order_id: VenueOrderId::new(1),
        trade_id,
        side,
        price: price(ticks),
        qty: qty(lots),
        fee: Money::ZERO,
        maker: false,
        liquidation: false,
    }
}
