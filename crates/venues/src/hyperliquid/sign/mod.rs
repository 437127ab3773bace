//! Signing what Hyperliquid is asked to do, and finding out who signed. Knows nothing of the rest
//! of the codec. Sources: Hyperliquid documentation, "API › Signing", EIP-712, and the vectors of
//! the official SDK's tests, which are met byte for byte.
//!
//! There are two schemes. What trades (orders, cancels, leverage) is an "L1 action": the hash of
//! its `MessagePack` bytes stands in a small typed message ([`sign_l1`]). What moves money or power
//! (transfers, withdrawals, agents) is "user-signed": its own fields are the typed message
//! ([`sign_user`]).
//!
//! A signature never says who signed. It only leads back to an address, and any change of what was
//! signed leads to another one: a wrong byte is a stranger, not an error.
//!
//! ```
//! use flyball_venues::hyperliquid::sign::{Envelope, Network, SigningKey, recover_l1, sign_l1};
//!
//! let key = SigningKey::parse("0x0123456789012345678901234567890123456789012345678901234567890123")?;
//! let action = serde_json::json!({"type": "noop"});
//! let envelope = Envelope::new(1_700_000_000_000);
//! let packed = flyball_venues::hyperliquid::sign::pack(&action)?;
//! let signature = sign_l1(&key, &packed, &envelope, Network::Testnet);
//! assert_eq!(recover_l1(&action, &envelope, Network::Testnet, &signature)?, key.address());
//! assert_ne!(recover_l1(&action, &envelope, Network::Mainnet, &signature)?, key.address());
//! # Ok::<(), flyball_venues::hyperliquid::sign::SignError>(())
//! ```

mod attest;
mod key;
mod l1;
#[cfg(test)]
mod tests;
mod user;

pub use attest::{attest, attested_by};
pub use key::{Address, Signature, SigningKey};
pub use l1::{Envelope, action_hash, pack, pack_into, recover_l1, sign_l1};
pub use user::{is_user_signed, recover_user, sign_user};

use sha3::{Digest, Keccak256};

/// Which of the two networks an action is for. A signature for one is a stranger's on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// Real money.
    Mainnet,
    /// Play money.
    Testnet,
}

impl Network {
    /// The name in `hyperliquidChain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mainnet => "Mainnet",
            Self::Testnet => "Testnet",
        }
    }

    /// What stands for it in an L1 action's message.
    const fn source(self) -> &'static [u8] {
        match self {
            Self::Mainnet => b"a",
            Self::Testnet => b"b",
        }
    }
}

/// Why something cannot be signed, or its signer not be found. No text holds a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A key's text is not one.
    #[error("a key is 64 hexadecimal digits of a number between 1 and the order of secp256k1")]
    Key,
    /// An address's text is not one.
    #[error("an address is 0x and 40 hexadecimal digits")]
    Address,
    /// A signature is malformed, or leads to no address.
    #[error("the signature is no signature")]
    Signature,
    /// An action cannot be written as `MessagePack`.
    #[error("the action cannot be packed: {0}")]
    Pack(String),
    /// A user-signed action of a type that this build does not know.
    #[error("no user-signed action is called {0:?}")]
    UnknownAction(String),
    /// A field of a user-signed action is missing or is not what its type says.
    #[error("{action}: {field:?} is missing or not {expected}")]
    Field {
        /// The action's type.
        action: &'static str,
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

/// 32 bytes of a hash.
pub type Hash = [u8; 32];

fn keccak(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The 32-byte word of a number.
fn word(number: u64) -> Hash {
    let mut word = [0; 32];
    if let Some(tail) = word.last_chunk_mut::<8>() {
        *tail = number.to_be_bytes();
    }
    word
}

/// The hash of an EIP-712 domain whose contract is the zero address.
fn domain(name: &str, chain_id: u64) -> Hash {
    const TYPE: &[u8] =
        b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    let (name, version) = (keccak(&[name.as_bytes()]), keccak(&[b"1"]));
    keccak(&[&keccak(&[TYPE]), &name, &version, &word(chain_id), &word(0)])
}

/// What EIP-712 signs: a message in a domain.
fn digest(domain: &Hash, message: &Hash) -> Hash {
    keccak(&[b"\x19\x01", domain, message])
}
