//! Recorded bars of one instrument, in whole ticks.

use std::path::PathBuf;

use flyball_core::domain::{
    Bar, Body, Decimal, Event, Fees, InstrumentKind, InstrumentSpec, MarginTier, Rate,
};
use flyball_data::DataError;
use flyball_data::recording::{Format, Line, Recording, Visit, read, survey};
use flyball_venues::Listings;

use crate::setup::{ProofError, SourceSetup};

/// Bars of one instrument, oldest first.
#[derive(Clone, Debug)]
pub struct Source {
    /// For people: folder and file.
    pub name: String,
    /// The instrument as it is traded here: whatever it was, a linear perpetual with Hyperliquid's
    /// fees and tiers for XRP. What counts is the path of its price.
    pub spec: InstrumentSpec,
    /// How long a bar is.
    pub interval_ns: i64,
    /// End of each bar, and the bar.
    pub bars: Vec<(i64, Bar)>,
}

/// Hyperliquid's base fees and its tiers for XRP: 20 times up to 40 million, then 10.
pub(crate) fn as_perpetual(mut spec: InstrumentSpec) -> InstrumentSpec {
    spec.kind = InstrumentKind::Linear;
    spec.fees = Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) };
    spec.min_notional = Decimal::new(10, 0);
    spec.margin_tiers = vec![
        MarginTier { from_notional: 0, max_leverage: 20 },
        MarginTier { from_notional: 40_000_000, max_leverage: 10 },
    ];
    spec.book_depth = 16;
    spec
}

struct Take<'a>(&'a mut [Vec<(i64, Bar)>]);

impl Visit for Take<'_> {
    fn event(&mut self, event: &Event<'_>, _: Line) -> Result<(), DataError> {
        if let Body::Bar(mut bar) = event.body
            && let Some(bars) = self.0.get_mut(bar.instrument.index())
        {
            bar.instrument = flyball_core::domain::InstrumentId::new(0);
            bars.push((event.time_ns, bar));
        }
        Ok(())
    }
}

/// Whether a bar is one: prices above zero, in order, and somebody traded.
fn is_whole(bar: &Bar) -> bool {
    let prices = [bar.open, bar.high, bar.low, bar.close];
    prices.iter().all(|price| price.is_tradable())
        && prices.iter().all(|price| *price >= bar.low && *price <= bar.high)
        && bar.volume.lots() > 0
}

/// Read what a file holds: one source an instrument. Bars that nobody traded in are left out.
///
/// # Errors
///
/// [`ProofError::Data`] naming file and line.
pub(crate) fn load(setup: &SourceSetup) -> Result<Vec<Source>, ProofError> {
    let mut recording = Recording::new(Format::Bars, vec![PathBuf::from(&setup.path)]);
    recording.symbols = setup.symbol.iter().cloned().collect();
    let found = survey(&recording, InstrumentKind::Linear, &mut |_| Ok(()))?;
    recording.interval_ns = Some(found.interval_ns);
    let specs: Vec<InstrumentSpec> = found.instruments.into_iter().map(as_perpetual).collect();
    let instruments = specs.iter().zip(0..).map(|(spec, id)| {
        flyball_core::domain::Instrument::new(flyball_core::domain::InstrumentId::new(id), spec)
    });
    let instruments: Vec<_> = instruments.collect::<Result<_, _>>()?;
    let listings =
        Listings::of(&instruments).map_err(|error| ProofError::Setup(error.to_string()))?;
    let mut bars = vec![Vec::new(); specs.len()];
    read(&recording, listings, &mut Take(&mut bars))?;
    let several = specs.len() > 1;
    let sources = specs.into_iter().zip(bars).map(|(spec, mut bars)| {
        bars.retain(|(_, bar)| is_whole(bar));
        let name =
            if several { format!("{}/{}", setup.name, spec.symbol) } else { setup.name.clone() };
        Source { name, spec, interval_ns: found.interval_ns, bars }
    });
    Ok(sources.filter(|source| !source.bars.is_empty()).collect())
}
