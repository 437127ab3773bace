//! What the venues' tests share: events as one line of text each.

use flyball_core::domain::{Body, Decimal, DepthKind, Event, InstrumentId, Level, Side};

use crate::{Decode, DecodeError, Listings, Seen};

/// One instrument with steps of this many decimals.
pub(crate) fn listed(symbol: &str, tick_decimals: u8, lot_decimals: u8) -> Listings {
    let mut listings = Listings::new();
    let step = |decimals| Decimal::new(1, decimals);
    let id = InstrumentId::new(0);
    listings.add(id, symbol, step(tick_decimals), step(lot_decimals)).unwrap();
    listings
}

/// Decode a message that was received at 7 ns.
pub(crate) fn decode(
    decoder: &mut impl Decode,
    message: &str,
) -> Result<(Seen, Vec<String>), DecodeError> {
    let mut lines = Vec::new();
    let seen = decoder.decode(message.as_bytes(), 7, |event| {
        lines.push(line(event));
        Ok::<_, DecodeError>(())
    })?;
    Ok((seen, lines))
}

/// Its time in milliseconds (or "received") and what it says.
pub(crate) fn line(event: &Event<'_>) -> String {
    let level = |level: &Level| format!("{}x{}", level.price.ticks(), level.qty.lots());
    let levels = |all: &[Level]| all.iter().map(level).collect::<Vec<_>>().join(" ");
    let what = match &event.body {
        Body::Depth(it) => {
            let kind = if it.kind == DepthKind::Snapshot { "snapshot" } else { "diff" };
            let number = it.sequence;
            let checksum = it.checksum.map_or(String::new(), |sum| format!(" #{sum}"));
            format!(
                "{kind} {}-{} after {}{checksum} bids {} asks {}",
                number.first,
                number.last,
                number.previous,
                levels(it.bids),
                levels(it.asks)
            )
        }
        Body::Touch(it) => {
            format!("touch {} bid {} ask {}", it.sequence, level(&it.bid), level(&it.ask))
        }
        Body::Trade(it) => {
            let taker = if it.aggressor == Side::Bid { "buyer" } else { "seller" };
            format!("trade {} {taker} {}x{}", it.id, it.price.ticks(), it.qty.lots())
        }
        Body::Reference(it) => {
            format!("mark {} oracle {}", it.mark.ticks(), it.oracle.ticks())
        }
        Body::FundingRate(it) => format!("funding {} settles {}", it.rate.parts(), it.settles),
        Body::Feed(it) => format!("feed {}", if it.connected { "back" } else { "lost" }),
        other => format!("{other:?}"),
    };
    if event.time_ns == event.received_ns {
        return format!("received: {what}");
    }
    format!("{}: {what}", event.time_ns / 1_000_000)
}
