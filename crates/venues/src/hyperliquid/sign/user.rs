//! User-signed actions: their own fields are the typed message.

use serde_json::Value;

use super::{
    Address, Hash, Network, SignError, Signature, SigningKey, digest, domain, keccak, word,
};

/// What a field is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// A text that may be missing and is then empty.
    Optional,
    Number,
    Flag,
    Account,
}

impl Kind {
    const fn solidity(self) -> &'static str {
        match self {
            Self::Text | Self::Optional => "string",
            Self::Number => "uint64",
            Self::Flag => "bool",
            Self::Account => "address",
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Optional => "a text",
            Self::Number => "a whole number",
            Self::Flag => "true or false",
            Self::Account => "an address",
        }
    }

    fn encode(self, value: Option<&Value>) -> Option<Hash> {
        match (self, value) {
            (Self::Optional, None | Some(Value::Null)) => Some(keccak(&[])),
            (Self::Text | Self::Optional, Some(Value::String(text))) => {
                Some(keccak(&[text.as_bytes()]))
            }
            (Self::Number, Some(value)) => value.as_u64().map(word),
            (Self::Flag, Some(value)) => value.as_bool().map(|flag| word(u64::from(flag))),
            (Self::Account, Some(value)) => {
                value.as_str().and_then(|text| Address::parse(text).ok()).map(|it| it.word())
            }
            _ => None,
        }
    }
}

/// A user-signed action. `hyperliquidChain` comes before the fields that are named here.
struct Shape {
    /// Its `type`.
    action: &'static str,
    /// Its name in the typed data, behind `HyperliquidTransaction:`.
    name: &'static str,
    fields: &'static [(&'static str, Kind)],
}

use Kind::{Account, Flag, Number, Optional, Text};

const SHAPES: &[Shape] = &[
    Shape {
        action: "usdSend",
        name: "UsdSend",
        fields: &[("destination", Text), ("amount", Text), ("time", Number)],
    },
    Shape {
        action: "spotSend",
        name: "SpotSend",
        fields: &[("destination", Text), ("token", Text), ("amount", Text), ("time", Number)],
    },
    Shape {
        action: "withdraw3",
        name: "Withdraw",
        fields: &[("destination", Text), ("amount", Text), ("time", Number)],
    },
    Shape {
        action: "usdClassTransfer",
        name: "UsdClassTransfer",
        fields: &[("amount", Text), ("toPerp", Flag), ("nonce", Number)],
    },
    Shape {
        action: "sendAsset",
        name: "SendAsset",
        fields: &[
            ("destination", Text),
            ("sourceDex", Text),
            ("destinationDex", Text),
            ("token", Text),
            ("amount", Text),
            ("fromSubAccount", Text),
            ("nonce", Number),
        ],
    },
    Shape {
        action: "approveAgent",
        name: "ApproveAgent",
        // An agent without a name is sent without it and signed with an empty one.
        fields: &[("agentAddress", Account), ("agentName", Optional), ("nonce", Number)],
    },
    Shape {
        action: "approveBuilderFee",
        name: "ApproveBuilderFee",
        fields: &[("maxFeeRate", Text), ("builder", Account), ("nonce", Number)],
    },
    Shape {
        action: "tokenDelegate",
        name: "TokenDelegate",
        fields: &[
            ("validator", Account),
            ("wei", Number),
            ("isUndelegate", Flag),
            ("nonce", Number),
        ],
    },
    Shape {
        action: "userDexAbstraction",
        name: "UserDexAbstraction",
        fields: &[("user", Account), ("enabled", Flag), ("nonce", Number)],
    },
    Shape {
        action: "userSetAbstraction",
        name: "UserSetAbstraction",
        fields: &[("user", Account), ("abstraction", Text), ("nonce", Number)],
    },
    Shape {
        action: "convertToMultiSigUser",
        name: "ConvertToMultiSigUser",
        fields: &[("signers", Text), ("nonce", Number)],
    },
];

impl Shape {
    fn type_hash(&self) -> Hash {
        let mut text = format!("HyperliquidTransaction:{}(string hyperliquidChain", self.name);
        for (name, kind) in self.fields {
            text.extend([",", kind.solidity(), " ", name]);
        }
        text.push(')');
        keccak(&[text.as_bytes()])
    }

    fn field<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        value: Option<T>,
    ) -> Result<T, SignError> {
        value.ok_or(SignError::Field { action: self.action, field, expected })
    }

    fn digest(&self, action: &Value, network: Network) -> Result<Hash, SignError> {
        let chain = action.get("signatureChainId").and_then(Value::as_str);
        let chain = chain.and_then(|text| text.strip_prefix("0x"));
        let chain = chain.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let chain = self.field("signatureChainId", "a hexadecimal number", chain)?;
        let said = action.get("hyperliquidChain").and_then(Value::as_str);
        let same = (said == Some(network.as_str())).then_some(());
        self.field("hyperliquidChain", network.as_str(), same)?;
        let mut message = Vec::with_capacity(320);
        message.extend_from_slice(&self.type_hash());
        message.extend_from_slice(&keccak(&[network.as_str().as_bytes()]));
        for &(name, kind) in self.fields {
            let word = self.field(name, kind.expected(), kind.encode(action.get(name)))?;
            message.extend_from_slice(&word);
        }
        Ok(digest(&domain("HyperliquidSignTransaction", chain), &keccak(&[&message])))
    }
}

fn shape(action: &Value) -> Result<&'static Shape, SignError> {
    let name = action.get("type").and_then(Value::as_str).unwrap_or_default();
    let found = SHAPES.iter().find(|shape| shape.action == name);
    found.ok_or_else(|| SignError::UnknownAction(name.to_owned()))
}

/// Whether an action is one of those that are user-signed, by its `type`.
pub fn is_user_signed(action: &Value) -> bool {
    shape(action).is_ok()
}

/// Sign an action that moves money or power. It carries `type`, `signatureChainId` (any chain:
/// `0x66eee` by custom), `hyperliquidChain` and its own fields.
///
/// # Errors
///
/// [`SignError::UnknownAction`], or [`SignError::Field`], also when `hyperliquidChain` is not
/// `network`.
pub fn sign_user(
    key: &SigningKey,
    action: &Value,
    network: Network,
) -> Result<Signature, SignError> {
    Ok(key.sign(&shape(action)?.digest(action, network)?))
}

/// The address that signed an action that moves money or power.
///
/// # Errors
///
/// As [`sign_user`]; [`SignError::Signature`] when it leads nowhere.
pub fn recover_user(
    action: &Value,
    network: Network,
    signature: &Signature,
) -> Result<Address, SignError> {
    signature.signer(&shape(action)?.digest(action, network)?)
}
