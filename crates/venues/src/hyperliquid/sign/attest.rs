//! Signatures on what we say ourselves: reports. They can never be taken for an action.

use super::{Address, Hash, SignError, Signature, SigningKey, keccak};

/// Stands before what is signed. An action's hash begins with the bytes 0x19 0x01 of EIP-712.
const PREFIX: &[u8] = b"\x19Flyball attestation:\n";

fn hash(bytes: &[u8]) -> Hash {
    keccak(&[PREFIX, bytes])
}

/// Sign what we say: Keccak-256 of a prefix of ours and these bytes.
pub fn attest(key: &SigningKey, bytes: &[u8]) -> Signature {
    key.sign(&hash(bytes))
}

/// Whose key signed these bytes.
///
/// # Errors
///
/// [`SignError::Signature`].
pub fn attested_by(bytes: &[u8], signature: &Signature) -> Result<Address, SignError> {
    signature.signer(&hash(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_leads_to_who_said_it_and_a_change_to_somebody_else() {
        let key = SigningKey::parse(&"17".repeat(32)).unwrap();
        let signature = attest(&key, b"flat");
        assert_eq!(attested_by(b"flat", &signature), Ok(key.address()));
        assert_ne!(attested_by(b"flat.", &signature), Ok(key.address()));
    }
}
