//! Approval as a type.

use serde::{Serialize, Serializer};

/// Proof that the gate let `T` through. It cannot be built anywhere else:
///
/// ```compile_fail
/// use flyball_core::risk::Approved;
/// let forged = Approved { inner: 5, epoch: 0 }; // error: private fields
/// ```
///
/// nor can it be read back from bytes:
///
/// ```compile_fail
/// fn wants<T: serde::de::DeserializeOwned>() {}
/// wants::<flyball_core::risk::Approved<u8>>(); // error: Approved is not Deserialize
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an approved order does nothing until a venue sends it"]
pub struct Approved<T> {
    inner: T,
    epoch: u32,
}

impl<T> Approved<T> {
    pub(super) const fn new(inner: T, epoch: u32) -> Self {
        Self { inner, epoch }
    }

    /// What was approved.
    pub const fn get(&self) -> &T {
        &self.inner
    }

    /// The kill epoch in which it was approved. Whoever sends drops what is older than the last
    /// kill.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The approved thing.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

/// Written as what it holds: a journal keeps the order, not the proof.
impl<T: Serialize> Serialize for Approved<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(to)
    }
}
