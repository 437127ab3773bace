//! Actions as they come. What is signed is what the venue writes from what it has understood: a
//! number with zeros behind it, a flag that should have been left out or a key too many leads to
//! another signer, as it does at the venue.

use flyball_core::domain::Decimal;
use flyball_venues::hyperliquid::Cloid;
use flyball_venues::hyperliquid::sign::Signature;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::Address;

/// The body of a `POST /exchange`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    /// What is to be done.
    pub(crate) action: Value,
    /// The signer's number for it.
    pub(crate) nonce: u64,
    /// Who wants it.
    pub(crate) signature: Signature,
    /// For whom, if not for the signer.
    #[serde(default)]
    pub(crate) vault_address: Option<Address>,
    /// Until when, ms since 1970.
    #[serde(default)]
    pub(crate) expires_after: Option<u64>,
}

/// A decimal number in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Decimal);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Decimal::parse(text.as_bytes()).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A client's id of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientText(pub(crate) Cloid);

impl<'de> Deserialize<'de> for ClientText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Cloid::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for ClientText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// How long a limit order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Tif {
    /// Post only.
    Alo,
    /// Immediate or cancel.
    Ioc,
    /// Good until cancelled.
    Gtc,
}

/// Which way a trigger order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tpsl {
    /// Take profit.
    Tp,
    /// Stop loss.
    Sl,
}

/// What makes an order act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Terms {
    /// At once.
    Limit {
        /// How long it lives.
        tif: Tif,
    },
    /// When the mark is there.
    #[serde(rename_all = "camelCase")]
    Trigger {
        /// At the market.
        is_market: bool,
        /// The mark.
        trigger_px: Text,
        /// Profit or loss.
        tpsl: Tpsl,
    },
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct WireOrder {
    /// Number of the instrument.
    #[serde(rename = "a")]
    pub(crate) asset: u32,
    /// Whether it buys.
    #[serde(rename = "b")]
    pub(crate) buys: bool,
    /// Limit price.
    #[serde(rename = "p")]
    pub(crate) price: Text,
    /// Size.
    #[serde(rename = "s")]
    pub(crate) size: Text,
    /// Reduce only.
    #[serde(rename = "r")]
    pub(crate) reduce_only: bool,
    /// What makes it act.
    #[serde(rename = "t")]
    pub(crate) terms: Terms,
    /// The client's id.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) cloid: Option<ClientText>,
}

/// How orders belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum WireGrouping {
    /// By name.
    Named(Named),
    /// By priority.
    Priority {
        /// The price of it.
        p: u64,
    },
}

/// The groupings with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Named {
    /// Not at all.
    Na,
    /// A parent and its children.
    NormalTpsl,
    /// With the position.
    PositionTpsl,
}

/// Who built the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Builder {
    /// Its address.
    pub(crate) b: Address,
    /// Its fee, in tenths of a basis point.
    pub(crate) f: u32,
}

/// An order, by either id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum WireId {
    /// The venue's.
    Venue(u64),
    /// The client's.
    Client(ClientText),
}

/// A cancel by the venue's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct WireCancel {
    /// Number of the instrument.
    #[serde(rename = "a")]
    pub(crate) asset: u32,
    /// The venue's id.
    #[serde(rename = "o")]
    pub(crate) oid: u64,
}

/// A cancel by the client's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct WireCancelByCloid {
    /// Number of the instrument.
    pub(crate) asset: u32,
    /// The client's id.
    pub(crate) cloid: ClientText,
}

/// A replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct WireModify {
    /// Which goes.
    pub(crate) oid: WireId,
    /// Which comes.
    pub(crate) order: WireOrder,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
const fn is_off(flag: &bool) -> bool {
    !*flag
}

/// L1 actions that are served.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum L1 {
    /// Place orders.
    Order {
        orders: Vec<WireOrder>,
        grouping: WireGrouping,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        builder: Option<Builder>,
    },
    /// Cancel by the venue's ids. `f` asks for the fast way (where it stands is assumed).
    Cancel {
        cancels: Vec<WireCancel>,
        #[serde(rename = "f", default, skip_serializing_if = "is_off")]
        fast: bool,
    },
    /// Cancel by the client's ids.
    CancelByCloid {
        cancels: Vec<WireCancelByCloid>,
        #[serde(rename = "f", default, skip_serializing_if = "is_off")]
        fast: bool,
    },
    /// Replace one.
    Modify {
        oid: WireId,
        order: WireOrder,
        #[serde(rename = "a", default, skip_serializing_if = "is_off")]
        always_place: bool,
    },
    /// Replace several.
    BatchModify {
        modifies: Vec<WireModify>,
        #[serde(rename = "a", default, skip_serializing_if = "is_off")]
        always_place: bool,
    },
    /// Set a leverage.
    UpdateLeverage { asset: u32, is_cross: bool, leverage: u32 },
    /// Put money aside for a position that is margined by itself, in millionths; or take it back.
    UpdateIsolatedMargin { asset: u32, is_buy: bool, ntli: i64 },
    /// Set the dead-man switch.
    ScheduleCancel {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<u64>,
    },
    /// Use up a nonce.
    Noop,
}

impl L1 {
    /// How many orders or cancels it holds.
    pub(crate) fn batch(&self) -> usize {
        match self {
            Self::Order { orders, .. } => orders.len(),
            Self::Cancel { cancels, .. } => cancels.len(),
            Self::CancelByCloid { cancels, .. } => cancels.len(),
            Self::BatchModify { modifies, .. } => modifies.len(),
            _ => 1,
        }
    }

    /// Whether it cancels, and nothing else.
    pub(crate) const fn cancels(&self) -> bool {
        matches!(self, Self::Cancel { .. } | Self::CancelByCloid { .. })
    }
}

/// What moves money or power.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum UserSigned {
    /// Give money to another account.
    UsdSend { destination: Address, amount: Text, time: u64 },
    /// Take money out.
    Withdraw3 { destination: Address, amount: Text, time: u64 },
    /// Let an agent sign.
    ApproveAgent {
        agent_address: Address,
        #[serde(default)]
        agent_name: Option<String>,
        nonce: u64,
    },
}

impl UserSigned {
    /// The number that is signed with it.
    pub(crate) const fn nonce(&self) -> u64 {
        match self {
            Self::UsdSend { time, .. } | Self::Withdraw3 { time, .. } => *time,
            Self::ApproveAgent { nonce, .. } => *nonce,
        }
    }
}

/// Actions of the venue that are not served here: refused by their names.
pub(crate) const NOT_SERVED: &[&str] = &[
    "agentEnableDexAbstraction",
    "agentSetAbstraction",
    "approveBuilderFee",
    "borrowLend",
    "cDeposit",
    "cWithdraw",
    "claimRewards",
    "convertToMultiSigUser",
    "createSubAccount",
    "createVault",
    "CSignerAction",
    "CValidatorAction",
    "evmUserModify",
    "gossipPriorityBid",
    "linkStakingUser",
    "multiSig",
    "perpDeploy",
    "registerReferrer",
    "reserveRequestWeight",
    "sendAsset",
    "sendToEvmWithData",
    "setDisplayName",
    "setReferrer",
    "spotDeploy",
    "spotSend",
    "spotUser",
    "subAccountModify",
    "subAccountSpotTransfer",
    "subAccountTransfer",
    "tokenDelegate",
    "topUpIsolatedOnlyMargin",
    "twapCancel",
    "twapOrder",
    "usdClassTransfer",
    "useBigBlocks",
    "userDexAbstraction",
    "userPortfolioMargin",
    "userSetAbstraction",
    "validatorL1Stream",
    "vaultDistribute",
    "vaultModify",
    "vaultTransfer",
];

#[cfg(test)]
mod tests {
    use flyball_venues::hyperliquid::sign::{Envelope as Signed, Network, SigningKey};
    use flyball_venues::hyperliquid::sign::{pack, recover_l1, sign_l1};

    use super::*;

    fn signer(text: &str) -> (Address, Address) {
        let key = SigningKey::from_bytes(&[7; 32]).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        let envelope = Signed::new(1);
        let signature = sign_l1(&key, &pack(&value).unwrap(), &envelope, Network::Testnet);
        let action: L1 = serde_json::from_str(text).unwrap();
        let found = recover_l1(&action, &envelope, Network::Testnet, &signature).unwrap();
        (found, key.address())
    }

    #[test]
    fn what_is_written_as_the_venue_writes_it_leads_to_its_signer() {
        for text in [
            r#"{"type":"order","orders":[{"a":1,"b":true,"p":"2.1","s":"10","r":false,"t":{"limit":{"tif":"Gtc"}}}],"grouping":"na"}"#,
            r#"{"type":"order","orders":[{"a":0,"b":false,"p":"100000","s":"0.001","r":true,"t":{"trigger":{"isMarket":true,"triggerPx":"99000","tpsl":"sl"}},"c":"0x00000000000000000000000000000001"}],"grouping":"positionTpsl"}"#,
            r#"{"type":"cancel","cancels":[{"a":0,"o":123}]}"#,
            r#"{"type":"cancel","cancels":[{"a":0,"o":123}],"f":true}"#,
            r#"{"type":"cancelByCloid","cancels":[{"asset":0,"cloid":"0x00000000000000000000000000000001"}]}"#,
            r#"{"type":"batchModify","modifies":[{"oid":"0x00000000000000000000000000000001","order":{"a":1,"b":true,"p":"2.1","s":"10","r":false,"t":{"limit":{"tif":"Alo"}}}}]}"#,
            r#"{"type":"updateLeverage","asset":1,"isCross":true,"leverage":5}"#,
            r#"{"type":"scheduleCancel","time":1700000000000}"#,
            r#"{"type":"scheduleCancel"}"#,
            r#"{"type":"noop"}"#,
        ] {
            let (found, signed) = signer(text);
            assert_eq!(found, signed, "{text}");
        }
    }

    #[test]
    fn anything_else_leads_to_a_stranger() {
        for text in [
            // zeros behind the number
            r#"{"type":"order","orders":[{"a":1,"b":true,"p":"2.10","s":"10","r":false,"t":{"limit":{"tif":"Gtc"}}}],"grouping":"na"}"#,
            // another order of keys
            r#"{"type":"order","grouping":"na","orders":[{"a":1,"b":true,"p":"2.1","s":"10","r":false,"t":{"limit":{"tif":"Gtc"}}}]}"#,
            // a flag that must be left out
            r#"{"type":"cancel","cancels":[{"a":0,"o":123}],"f":false}"#,
            // a key too many
            r#"{"type":"cancel","cancels":[{"a":0,"o":123,"x":1}]}"#,
        ] {
            let (found, signed) = signer(text);
            assert_ne!(found, signed, "{text}");
        }
    }

    #[test]
    fn an_action_that_is_none_is_an_error() {
        for text in [
            r#"{"type":"order","orders":[{"a":1,"b":true,"p":2.1,"s":"10","r":false,"t":{"limit":{"tif":"Gtc"}}}],"grouping":"na"}"#,
            r#"{"type":"order","orders":[{"a":-1,"b":true,"p":"2.1","s":"10","r":false,"t":{"limit":{"tif":"Gtc"}}}],"grouping":"na"}"#,
            r#"{"type":"order","orders":[{"a":1,"b":true,"p":"nan","s":"10","r":false,"t":{"limit":{"tif":"Gtc"}}}],"grouping":"na"}"#,
            r#"{"type":"order","orders":[{"a":1,"b":true,"p":"1","s":"10","r":false,"t":{"limit":{"tif":"Fok"}}}],"grouping":"na"}"#,
            r#"{"type":"cancel","cancels":[{"a":0,"o":99999999999999999999999}]}"#,
            r#"{"type":"somethingElse"}"#,
            "{}",
        ] {
            assert!(serde_json::from_str::<L1>(text).is_err(), "{text}");
        }
    }
}
