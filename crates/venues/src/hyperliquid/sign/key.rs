//! Keys, addresses, signatures.

use std::fmt;

use base16ct::HexDisplay;
use k256::ecdsa::{self, RecoveryId, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use super::{Hash, SignError, keccak};

/// `N` bytes from `0x` and up to 2 `N` hexadecimal digits of any case, filled with zeros in front.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let missing = N.checked_mul(2)?.checked_sub(digits.len())?;
    // At most 64 digits are ever asked for.
    let mut padded = [b'0'; 64];
    let padded = padded.get_mut(..N.checked_mul(2)?)?;
    padded.get_mut(missing..)?.copy_from_slice(digits.as_bytes());
    let mut bytes = [0; N];
    let decoded = base16ct::mixed::decode(&*padded, &mut bytes).map(<[u8]>::len);
    padded.zeroize();
    if decoded == Ok(N) {
        return Some(bytes);
    }
    bytes.zeroize();
    None
}

/// Twenty bytes that stand for an account, or for an agent of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// Read `0x` and 40 hexadecimal digits of any case.
    ///
    /// # Errors
    ///
    /// [`SignError::Address`].
    pub fn parse(text: &str) -> Result<Self, SignError> {
        let full = text.len() == 42 && text.starts_with("0x");
        full.then(|| from_hex(text)).flatten().map(Self).ok_or(SignError::Address)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The address that a public key stands for.
    pub(super) fn of(key: &VerifyingKey) -> Self {
        let point = key.to_sec1_point(false);
        // 0x04, then both coordinates.
        let hash = keccak(&[point.as_bytes().get(1..).unwrap_or_default()]);
        Self(hash.last_chunk().copied().unwrap_or_default())
    }

    /// Its 32-byte word in typed data.
    pub(super) fn word(&self) -> Hash {
        let mut word = [0; 32];
        if let Some(tail) = word.last_chunk_mut::<20>() {
            *tail = self.0;
        }
        word
    }
}

/// `0x` and 40 lowercase digits: the only form that is safe to sign.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", HexDisplay(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Address {
    type Err = SignError;

    fn from_str(text: &str) -> Result<Self, SignError> {
        Self::parse(text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A private key. It is wiped when it is dropped, and nothing prints it.
#[derive(Clone)]
pub struct SigningKey {
    key: ecdsa::SigningKey,
    address: Address,
}

impl SigningKey {
    /// Read 64 hexadecimal digits, with or without `0x`. Whoever hands the text in wipes it.
    ///
    /// # Errors
    ///
    /// [`SignError::Key`], which does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, SignError> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mut bytes: Hash =
            (digits.len() == 64).then(|| from_hex(digits)).flatten().ok_or(SignError::Key)?;
        let key = Self::from_bytes(&bytes);
        bytes.zeroize();
        key
    }

    /// The key of these bytes. Whoever hands them in wipes them.
    ///
    /// # Errors
    ///
    /// [`SignError::Key`] when they are zero, or not below the order of secp256k1.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SignError> {
        let key = ecdsa::SigningKey::from_slice(bytes).map_err(|_| SignError::Key)?;
        let address = Address::of(key.verifying_key());
        Ok(Self { key, address })
    }

    /// The address that its signatures lead to.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Sign a hash. The same hash gives the same signature (RFC 6979).
    pub(super) fn sign(&self, hash: &Hash) -> Signature {
        let (signature, id) = self.key.sign_prehash_recoverable(hash);
        let (r, s) = signature.split_bytes();
        Signature { r: r.into(), s: s.into(), v: id.to_byte().saturating_add(27) }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.address)
    }
}

/// A signature that leads back to the signer's address.
///
/// As JSON it is `{"r":"0x…","s":"0x…","v":27}`. The official SDK writes the two numbers without
/// zeros in front, and so do we; with them they are read as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signature {
    /// First number, big-endian.
    #[serde(with = "number")]
    pub r: [u8; 32],
    /// Second number, big-endian.
    #[serde(with = "number")]
    pub s: [u8; 32],
    /// 27 or 28: which of the two points with this `r` is meant.
    pub v: u8,
}

impl Signature {
    /// Whose key signed a hash.
    pub(super) fn signer(&self, hash: &Hash) -> Result<Address, SignError> {
        let bad = |_| SignError::Signature;
        // Ids 2 and 3 exist on paper: nobody has ever seen one.
        let id = self.v.checked_sub(27).filter(|id| *id < 2).and_then(RecoveryId::from_byte);
        let id = id.ok_or(SignError::Signature)?;
        let signature = ecdsa::Signature::from_scalars(self.r, self.s).map_err(bad)?;
        let key = VerifyingKey::recover_from_prehash(hash, &signature, id).map_err(bad)?;
        Ok(Address::of(&key))
    }
}

/// A number of 32 bytes as `0x…`.
mod number {
    use super::{Deserialize, Deserializer, HexDisplay, Serializer, from_hex};

    pub(super) fn serialize<S: Serializer>(
        bytes: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let digits = format!("{:x}", HexDisplay(bytes));
        let kept = digits.trim_start_matches('0');
        serializer.collect_str(&format_args!("0x{}", if kept.is_empty() { "0" } else { kept }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let full = text.starts_with("0x") && text.len() > 2;
        full.then(|| from_hex(&text))
            .flatten()
            .ok_or_else(|| serde::de::Error::custom("not 0x and up to 64 hexadecimal digits"))
    }
}
