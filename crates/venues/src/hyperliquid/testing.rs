//! What the tests of this venue share.

use flyball_core::domain::{Fees, Instrument, InstrumentId, MarginTier, Rate};

use super::sign::Address;
use super::{Assets, EngineTag, Owner, perp_spec};

pub(super) const ME: &str = "0x31ca8395cf837de08b24da3f660e77761dfb974b";
pub(super) const OTHER: &str = "0xaaa0c2769cb990f4f37db951a9e48de2385c2733";

pub(super) fn fees() -> Fees {
    Fees { maker: Rate::from_ppm(150), taker: Rate::from_ppm(450) }
}

/// HYPE: the engine's instrument 3, the venue's number 159, ticks of 0.0001, lots of 0.01.
pub(super) fn assets() -> Assets {
    let tiers = vec![MarginTier { from_notional: 0, max_leverage: 10 }];
    let spec = perp_spec("HYPE", 2, tiers, fees()).unwrap();
    let mut assets = Assets::new();
    assets.add(159, &Instrument::new(InstrumentId::new(3), &spec).unwrap()).unwrap();
    assets
}

pub(super) fn owner(assets: &Assets) -> Owner<'_> {
    Owner { user: Address::parse(ME).unwrap(), tag: EngineTag::new(7), assets }
}
