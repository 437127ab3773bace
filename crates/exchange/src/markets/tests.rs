//! Markets by themselves.

use flyball_core::domain::Decimal;

use super::*;

fn synthetic(seed: u64) -> SyntheticMarket {
    let options = SyntheticOptions::new(seed, 0, Decimal::new(21, 1));
    SyntheticMarket::new(&Listing::xrp(), InstrumentId::new(0), options).unwrap()
}

#[test]
fn the_synthetic_market_follows_from_its_seed_and_shows_valid_prices_only() {
    let (mut one, mut two, mut other) = (synthetic(1), synthetic(1), synthetic(2));
    let xrp = Instrument::new(InstrumentId::new(0), &Listing::xrp().spec()).unwrap();
    let mut last = 0;
    let mut differs = false;
    for _ in 0..5000 {
        let happening = one.pop().unwrap();
        assert_eq!(Some(&happening), two.pop().as_ref());
        differs |= Some(&happening) != other.pop().as_ref();
        assert!(happening.time_ns >= last);
        last = happening.time_ns;
        match happening.change {
            Change::Book { bids, asks } => {
                assert!(bids[0].price < asks[0].price && bids.len() >= 20 && asks.len() >= 20);
                assert!(bids.windows(2).all(|pair| pair[0].price > pair[1].price));
                assert!(asks.windows(2).all(|pair| pair[0].price < pair[1].price));
                assert!(bids.iter().chain(&asks).all(|level| xrp.is_valid_price(level.price)));
            }
            Change::Trade { level, .. } => assert!(xrp.is_valid_price(level.price)),
            Change::Reference { mark, .. } => assert!(mark.is_tradable()),
            Change::Funding { .. } => {}
        }
    }
    assert!(differs && last > 0);
}

#[test]
fn markets_come_in_the_order_of_time_and_can_be_moved() {
    let btc = SyntheticOptions::new(3, 0, Decimal::new(100_000, 0));
    let btc = SyntheticMarket::new(&Listing::btc(), InstrumentId::new(1), btc).unwrap();
    let listings = vec![Listing::xrp(), Listing::btc()];
    let sources: Vec<Box<dyn Source>> = vec![Box::new(synthetic(1)), Box::new(btc)];
    let mut markets = Markets::new(listings, sources).unwrap();
    let mut last = 0;
    while let Some(happening) = markets.pop(10_000_000_000) {
        assert!(happening.time_ns >= last);
        last = happening.time_ns;
    }
    assert!(markets.next_ns().unwrap() > 10_000_000_000);
    markets.move_prices(InstrumentId::new(1), 500_000);
    let book = |happening: Happening| match happening {
        Happening { instrument, change: Change::Book { bids, .. }, .. }
            if instrument.index() == 1 =>
        {
            Some(bids[0].price.ticks())
        }
        _ => None,
    };
    let bid = std::iter::from_fn(|| markets.pop(i64::MAX)).find_map(book).unwrap();
    assert!((450_000..550_000).contains(&bid), "about 50 000 instead of 100 000: {bid}");
}

#[test]
fn a_start_price_off_the_grid_is_refused() {
    let options = SyntheticOptions::new(1, 0, Decimal::new(2_123_456, 6));
    let refused = SyntheticMarket::new(&Listing::xrp(), InstrumentId::new(0), options);
    assert_eq!(refused.err().unwrap().key, "start_price");
}

#[test]
fn candles_hold_every_trade_of_their_time() {
    let mut candles = Candles::new();
    let level = |ticks, lots| Level {
        price: Price::from_ticks(ticks),
        qty: flyball_core::domain::Qty::from_lots(lots),
    };
    let minute = 60_000_000_000;
    for (ticks, lots, at) in [(10, 1, 0), (14, 2, 1), (9, 3, minute - 1), (12, 4, minute)] {
        candles.trade(level(ticks, lots), at);
    }
    let (length, minutes) = candles.between("1m", 0, i64::MAX).unwrap();
    assert_eq!((length, minutes.len()), (minute, 2));
    let first = minutes[0];
    assert_eq!([first.open, first.high, first.low, first.close].map(Price::ticks), [10, 14, 9, 9]);
    assert_eq!((first.volume.lots(), first.trades), (6, 3));
    assert_eq!(candles.last("1h").unwrap().1.volume.lots(), 10);
    assert!(candles.between("7m", 0, 1).is_none());
}
