//! Another venue's market data, handed to a local exchange as it comes: live data, simulated fills.

use flyball_core::domain::{Body, Event, InstrumentId, SECOND};
use flyball_exchange::markets::Change;
use flyball_exchange::server::Feed;
use flyball_live::Clock;
use flyball_live::io::{Endpoints, Io, Reach};
use flyball_live::market::{Deliver, Market, Wish};
use flyball_venues::Listings;

/// Trades that are older than this are a replay of before we listened.
const OLD_NS: i64 = 10 * SECOND;

/// A thread that listens to a venue and feeds an exchange.
pub(crate) struct Mirror {
    reach: Reach<Wish>,
}

impl Mirror {
    /// Listen to these instruments at `endpoints`.
    pub(crate) fn start(
        endpoints: Endpoints,
        listings: Listings,
        feed: Feed,
    ) -> std::io::Result<Self> {
        let io = Io::<Market<ToExchange>>::new(&endpoints, Clock::SYSTEM, 0)?;
        let reach = io.reach();
        let mut market = Market::new(listings, ToExchange(feed), 1);
        std::thread::Builder::new()
            .name("flyball-mirror".into())
            .spawn(move || io.run(&mut market))?;
        Ok(Self { reach })
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.reach.stop();
    }
}

struct ToExchange(Feed);

impl Deliver for ToExchange {
    fn deliver(&mut self, event: &Event<'_>) {
        let (instrument, change): (InstrumentId, Change) = match &event.body {
            Body::Depth(depth) => {
                let (bids, asks) = (depth.bids.to_vec(), depth.asks.to_vec());
                (depth.instrument, Change::Book { bids, asks })
            }
            Body::Trade(trade) if event.received_ns.saturating_sub(event.time_ns) < OLD_NS => {
                let level = flyball_core::domain::Level { price: trade.price, qty: trade.qty };
                let aggressor = trade.aggressor;
                (trade.instrument, Change::Trade { aggressor, level, id: trade.id })
            }
            Body::Reference(reference) => {
                let (mark, oracle) = (reference.mark, reference.oracle);
                (reference.instrument, Change::Reference { mark, oracle })
            }
            Body::FundingRate(rate) => {
                (rate.instrument, Change::Funding { rate: rate.rate, settles: false })
            }
            // The best prices come with the next book: half a book would be a crossed one.
            _ => return,
        };
        self.0.happened(change, instrument);
    }
}
