//! L1 actions: the hash of an action's `MessagePack` bytes, in a message of two fields.

use std::sync::LazyLock;

use serde::Serialize;

use super::{Address, Hash, Network, SignError, Signature, SigningKey, digest, domain, keccak};

/// What is signed beside the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Of the signer, used once: milliseconds since 1970 by custom.
    pub nonce: u64,
    /// The vault or sub-account that is traded for, if it is not the signer's own account.
    pub vault: Option<Address>,
    /// Milliseconds since 1970 after which the venue must not act on it any more.
    pub expires_after: Option<u64>,
}

impl Envelope {
    /// For the signer's own account, without an end.
    pub const fn new(nonce: u64) -> Self {
        Self { nonce, vault: None, expires_after: None }
    }
}

/// An action as `MessagePack`. The order of its keys is part of what is signed, so objects must
/// have kept the order in which they were written.
///
/// # Errors
///
/// [`SignError::Pack`] for what `MessagePack` cannot hold.
pub fn pack<T: Serialize + ?Sized>(action: &T) -> Result<Vec<u8>, SignError> {
    let mut bytes = Vec::with_capacity(256);
    pack_into(&mut bytes, action)?;
    Ok(bytes)
}

/// [`pack`] behind what `bytes` already holds.
///
/// # Errors
///
/// [`SignError::Pack`].
pub fn pack_into<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, action: &T) -> Result<(), SignError> {
    rmp_serde::encode::write_named(bytes, action).map_err(|e| SignError::Pack(e.to_string()))
}

/// The hash of an action and its envelope: the venue's `connectionId`.
pub fn action_hash(packed: &[u8], envelope: &Envelope) -> Hash {
    let nonce = envelope.nonce.to_be_bytes();
    let expires = envelope.expires_after.map(u64::to_be_bytes);
    let (vault, address): (&[u8], &[u8]) = match &envelope.vault {
        Some(address) => (&[1], address.bytes()),
        None => (&[0], &[]),
    };
    let (expires_follow, expires): (&[u8], &[u8]) = match &expires {
        Some(expires) => (&[0], expires),
        None => (&[], &[]),
    };
    keccak(&[packed, &nonce, vault, address, expires_follow, expires])
}

fn l1_digest(hash: &Hash, network: Network) -> Hash {
    static DOMAIN: LazyLock<Hash> = LazyLock::new(|| domain("Exchange", 1337));
    static TYPE: LazyLock<Hash> =
        LazyLock::new(|| keccak(&[b"Agent(string source,bytes32 connectionId)"]));
    digest(&DOMAIN, &keccak(&[&*TYPE, &keccak(&[network.source()]), hash]))
}

/// Sign an action, given as [`pack`] made it.
pub fn sign_l1(
    key: &SigningKey,
    packed: &[u8],
    envelope: &Envelope,
    network: Network,
) -> Signature {
    key.sign(&l1_digest(&action_hash(packed, envelope), network))
}

/// The address that signed an action: a [`serde_json::Value`] with the keys in the order in which
/// they came, or anything else that writes the same.
///
/// # Errors
///
/// [`SignError::Signature`] when it leads nowhere, [`SignError::Pack`].
pub fn recover_l1<T: Serialize + ?Sized>(
    action: &T,
    envelope: &Envelope,
    network: Network,
    signature: &Signature,
) -> Result<Address, SignError> {
    let hash = action_hash(&pack(action)?, envelope);
    signature.signer(&l1_digest(&hash, network))
}
