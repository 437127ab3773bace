//! Identities. Instruments and strategies are dense indices, so that a look-up is a slice access.

use serde::{Deserialize, Serialize};

macro_rules! dense_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[repr(transparent)]
        pub struct $name(u16);

        impl $name {
            /// The id with this index.
            pub const fn new(index: u16) -> Self {
                Self(index)
            }

            /// The raw number.
            pub const fn raw(self) -> u16 {
                self.0
            }

            /// Where this one's state lies in a slice.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

dense_id! {
    /// Which instrument: an index into the engine's instruments.
    InstrumentId
}
dense_id! {
    /// Which strategy: an index into the engine's strategies.
    StrategyId
}

/// The id that the engine gives to an order, unique within an account for ever.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct ClientOrderId(u64);

impl ClientOrderId {
    /// The id with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The raw number.
    pub const fn raw(self) -> u64 {
        self.0
    }
}

/// The id that the venue gives to an order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct VenueOrderId(u64);

impl VenueOrderId {
    /// The id with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The raw number.
    pub const fn raw(self) -> u64 {
        self.0
    }
}
