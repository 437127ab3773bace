//! The account as the venue shows it, and nothing else: what is held, what works, what it is worth.
//! The engine's own count has no part in it.

use flyball_core::domain::{Fees, Instrument, InstrumentId, Money, NetQty, Price, Rate, Side};
use flyball_venues::hyperliquid::{Cancel, Cloid, EngineTag, info};
use flyball_venues::{DecodeError, Grid};

/// A perpetual of the venue.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The venue's number.
    pub number: u32,
    /// Its rules.
    pub instrument: Instrument,
    /// Its ticks.
    pub price: Grid,
    /// Its lots.
    pub qty: Grid,
}

/// All perpetuals that the venue lists: a position may be one that nobody configured.
#[derive(Clone, Debug, Default)]
pub struct Universe(Vec<Listed>);

impl Universe {
    /// From an answer to `meta`. What breaks the documented rules is left out.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is no such answer.
    pub fn of(answer: &[u8]) -> Result<Self, DecodeError> {
        let meta = info::meta(answer)?;
        let none = Fees { maker: Rate::ZERO, taker: Rate::ZERO };
        let one = |(at, perp): (u16, &info::Perp)| {
            let spec = meta.spec(perp, none).ok()?;
            let instrument = Instrument::new(InstrumentId::new(at), &spec).ok()?;
            let price = Grid::new(instrument.tick_size());
            let qty = Grid::new(instrument.lot_size());
            Some(Listed { number: u32::from(at), instrument, price, qty })
        };
        Ok(Self((0_u16..).zip(&meta.universe).filter_map(one).collect()))
    }

    /// The perpetual of this name.
    pub fn coin(&self, coin: &str) -> Option<&Listed> {
        self.0.iter().find(|it| it.instrument.symbol().as_str() == coin)
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A position at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The venue's name of the instrument.
    pub coin: String,
    /// Lots; none when the instrument is not listed where we look: it cannot be closed by us.
    pub qty: Option<NetQty>,
    /// What it is worth at the mark, without its sign.
    pub value: Money,
    /// The mark, to the nearest tick.
    pub mark: Option<Price>,
}

impl Held {
    /// The side of an order that reduces it.
    pub fn reducing_side(&self) -> Option<Side> {
        self.qty.and_then(NetQty::reducing_side)
    }
}

/// The account at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When the question was sent, by the monotonic clock: it is at least as new as that.
    pub asked_ns: i64,
    /// By the venue's clock: milliseconds since 1970.
    pub venue_ms: i64,
    /// What it is worth. Where the venue's sum and our own differ, the lower.
    pub equity: Money,
    /// Value of all positions.
    pub gross: Money,
    /// Margin that they must keep: the larger of the venue's word and our own sum.
    pub maintenance: Money,
    /// The positions.
    pub held: Vec<Held>,
}

impl Seen {
    /// From an answer to `clearinghouseState`; none when it cannot be understood as a whole.
    pub fn of(answer: &[u8], universe: &Universe, asked_ns: i64) -> Option<Self> {
        let state = info::clearinghouse(answer).ok()?;
        let (mut own, mut gross, mut maintenance) =
            (state.margin_summary.total_raw, Money::ZERO, Money::ZERO);
        let mut held = Vec::new();
        for position in &state.positions {
            let size = position.qty.mantissa();
            if size == 0 {
                continue;
            }
            let value = position.value.abs();
            own = if size < 0 { own.minus(value) } else { own.plus(value) };
            gross = gross.plus(value);
            let listed = universe.coin(&position.coin);
            let lots = match listed {
                Some(it) => Some(NetQty::from_lots(it.qty.steps(position.qty).ok()?)),
                None => None,
            };
            // An instrument whose tiers are not known keeps what the venue says is in use for it.
            let margin = listed.map(|it| it.instrument.maintenance_margin(value));
            maintenance = maintenance.plus(margin.unwrap_or(position.margin_used));
            let mark =
                listed.zip(lots).and_then(|(it, lots)| it.instrument.price_for(value, lots.abs()));
            held.push(Held { coin: position.coin.clone(), qty: lots, value, mark });
        }
        let told = state.cross_maintenance_margin_used.unwrap_or(Money::ZERO);
        let seen = Self {
            asked_ns,
            venue_ms: state.time_ms?,
            equity: own.min(state.margin_summary.account_value),
            gross,
            maintenance: maintenance.max(told),
            held,
        };
        let known =
            ![own, seen.equity, seen.gross, seen.maintenance].iter().any(|it| it.is_unknown());
        known.then_some(seen)
    }

    /// Whether some position is in an instrument that is not listed where we looked.
    pub fn has_strangers(&self) -> bool {
        self.held.iter().any(|held| held.qty.is_none())
    }

    /// Gross exposure as a multiple of equity; none when that has no meaning: nothing is held. An
    /// account that is worth nothing and holds something has the largest there is.
    pub fn leverage(&self) -> Option<Rate> {
        if self.gross == Money::ZERO {
            return None;
        }
        Some(self.gross.fraction_of(self.equity).unwrap_or(Rate::MAX))
    }

    /// Equity as a multiple of the maintenance margin; none when nothing needs margin.
    pub fn margin_ratio(&self) -> Option<Rate> {
        if self.maintenance <= Money::ZERO {
            return None;
        }
        let none = Rate::from_parts(if self.equity > Money::ZERO { i64::MAX } else { 0 });
        Some(self.equity.fraction_of(self.maintenance).unwrap_or(none))
    }

    /// Lots held of an instrument.
    pub fn lots(&self, coin: &str) -> i64 {
        let found = self.held.iter().find(|held| held.coin == coin);
        found.and_then(|held| held.qty).map_or(0, NetQty::lots)
    }
}

/// An order that works at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Working {
    /// What cancels it; none when its instrument is not listed where we look.
    pub cancel: Option<Cancel>,
    /// Whether it may add risk: whatever is not known to be reduce-only.
    pub adds: bool,
    /// Whether the sentinel placed it.
    pub own: bool,
}

/// All orders that work at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// When the question was sent.
    pub asked_ns: i64,
    /// The orders.
    pub all: Vec<Working>,
}

impl Orders {
    /// From an answer to `frontendOpenOrders`; orders with this tag are the sentinel's own.
    pub fn of(answer: &[u8], universe: &Universe, tag: EngineTag, asked_ns: i64) -> Option<Self> {
        let orders = info::open_orders(answer).ok()?;
        let own = |cloid: Option<Cloid>| cloid.and_then(|it| it.ours(tag)).is_some();
        let working = orders.iter().map(|order| Working {
            cancel: universe
                .coin(&order.coin)
                .map(|it| Cancel { asset: it.number, oid: order.oid }),
            adds: order.reduce_only != Some(true),
            own: own(order.cloid),
        });
        Some(Self { asked_ns, all: working.collect() })
    }

    /// Whether one of them may add risk.
    pub fn add_risk(&self) -> bool {
        self.all.iter().any(|order| order.adds)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A universe of XRP (one decimal of size, number 1) and BTC (five, number 0).
    pub(crate) const META: &str = r#"{"universe":[
        {"name":"BTC","szDecimals":5,"maxLeverage":40,"marginTableId":40},
        {"name":"XRP","szDecimals":0,"maxLeverage":20,"marginTableId":20}]}"#;

    pub(crate) fn universe() -> Universe {
        Universe::of(META.as_bytes()).unwrap()
    }

    /// An answer to `clearinghouseState`: cash without positions, and positions of coin, size and
    /// value.
    pub(crate) fn state(raw: &str, value: &str, held: &[(&str, &str, &str)]) -> String {
        let positions: Vec<String> = held
            .iter()
            .map(|(coin, size, value)| {
                format!(
                    r#"{{"type":"oneWay","position":{{"coin":"{coin}","szi":"{size}","leverage":
                    {{"type":"cross","value":20}},"entryPx":"2.0","positionValue":"{value}",
                    "unrealizedPnl":"0.0","liquidationPx":null,"marginUsed":"1.0"}}}}"#
                )
            })
            .collect();
        let summary = format!(
            r#"{{"accountValue":"{value}","totalNtlPos":"0.0","totalRawUsd":"{raw}",
            "totalMarginUsed":"0.0"}}"#
        );
        format!(
            r#"{{"marginSummary":{summary},"crossMarginSummary":{summary},
            "crossMaintenanceMarginUsed":"0.0","withdrawable":"0.0","assetPositions":[{}],
            "time":1760054400000}}"#,
            positions.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;

    fn seen(raw: &str, value: &str, held: &[(&str, &str, &str)]) -> Option<Seen> {
        Seen::of(state(raw, value, held).as_bytes(), &universe(), 5)
    }

    #[test]
    fn what_is_held_is_what_the_venue_shows() {
        let it = seen("9200", "10000", &[("XRP", "400.0", "800.0"), ("BTC", "0.0", "0")]).unwrap();
        assert_eq!(it.held.len(), 1, "a flat position is none");
        assert_eq!(it.lots("XRP"), 400);
        assert_eq!(it.held[0].mark, Some(Price::from_ticks(2_000_000)));
        assert_eq!((it.equity, it.gross), (Money::from_whole(10_000), Money::from_whole(800)));
        assert_eq!(it.maintenance, Money::from_whole(20), "a half of a twentieth");
        assert_eq!(it.leverage(), Some(Rate::from_ppm(80_000)));
        assert_eq!(it.margin_ratio(), Some(Rate::from_ppm(500_000_000)));
        let short = seen("10800", "10000", &[("XRP", "-400.0", "800.0")]).unwrap();
        assert_eq!(short.lots("XRP"), -400);
        assert_eq!(short.held[0].reducing_side(), Some(Side::Bid));
    }

    #[test]
    fn of_two_sums_that_differ_the_lower_counts() {
        let low = seen("9200", "9000", &[("XRP", "400.0", "800.0")]).unwrap();
        assert_eq!(low.equity, Money::from_whole(9_000));
        let own = seen("9200", "99000", &[("XRP", "400.0", "800.0")]).unwrap();
        assert_eq!(own.equity, Money::from_whole(10_000));
    }

    #[test]
    fn an_account_worth_nothing_that_holds_something_is_beyond_every_line() {
        let gone = seen("-900", "-100", &[("XRP", "400.0", "800.0")]).unwrap();
        assert_eq!(gone.leverage(), Some(Rate::MAX));
        assert_eq!(gone.margin_ratio(), Some(Rate::ZERO).map(|_| gone.margin_ratio().unwrap()));
        assert!(gone.margin_ratio().unwrap() <= Rate::ZERO);
        let flat = seen("0", "0", &[]).unwrap();
        assert_eq!((flat.leverage(), flat.margin_ratio()), (None, None));
    }

    #[test]
    fn what_cannot_be_understood_is_not_known() {
        assert!(seen("9200", "10000", &[("XRP", "400.5", "800.0")]).is_none(), "off the grid");
        assert!(Seen::of(b"{}", &universe(), 0).is_none());
        assert!(Seen::of(b"", &universe(), 0).is_none());
        let stranger = seen("9200", "10000", &[("ODD", "4", "800.0")]).unwrap();
        assert!(stranger.has_strangers() && stranger.held[0].qty.is_none());
        assert_eq!(stranger.gross, Money::from_whole(800), "its risk counts all the same");
    }

    #[test]
    fn an_order_adds_risk_unless_the_venue_says_that_it_reduces() {
        let order = |oid: u64, extra: &str| {
            format!(
                r#"{{"coin":"XRP","side":"B","limitPx":"2.0","sz":"10","oid":{oid},
                "timestamp":1,"origSz":"10"{extra}}}"#
            )
        };
        let tag = EngineTag::new(7);
        let own = Cloid::new(tag, flyball_core::domain::ClientOrderId::new(1));
        let text = format!(
            "[{},{},{},{}]",
            order(1, r#","reduceOnly":true,"isTrigger":true"#),
            order(2, r#","reduceOnly":false"#),
            order(3, ""),
            order(4, &format!(r#","reduceOnly":true,"cloid":"{own}""#)),
        );
        let orders = Orders::of(text.as_bytes(), &universe(), tag, 0).unwrap();
        let adds: Vec<bool> = orders.all.iter().map(|it| it.adds).collect();
        assert_eq!(adds, [false, true, true, false]);
        assert_eq!(
            orders.all[3],
            Working { cancel: Some(Cancel { asset: 1, oid: 4 }), adds: false, own: true }
        );
        assert!(orders.add_risk());
    }
}
