//! Deposits, withdrawals and transfers: what changes the perpetuals' cash without a trade.

use flyball_core::domain::{Money, Transfer};
use serde::Deserialize;

use super::number::{money, some_money};
use super::sign::Address;
use crate::DecodeError;
use crate::listing::from_millis;

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LedgerUpdate {
    /// When: milliseconds since 1970.
    #[serde(rename = "time")]
    pub time_ms: i64,
    /// The transaction.
    pub hash: String,
    /// What happened.
    pub delta: Delta,
}

/// What happened. Amounts are USDC unless a token is named.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are the venue's, and the variants say what they are")]
#[non_exhaustive]
pub enum Delta {
    /// Money came in.
    Deposit {
        #[serde(deserialize_with = "money")]
        usdc: Money,
    },
    /// Money went out. Assumed, not verified: that the fee comes on top of the amount.
    Withdraw {
        #[serde(deserialize_with = "money")]
        usdc: Money,
        #[serde(deserialize_with = "money")]
        fee: Money,
    },
    /// From one account to another.
    InternalTransfer {
        #[serde(deserialize_with = "money")]
        usdc: Money,
        user: Address,
        destination: Address,
        #[serde(deserialize_with = "money")]
        fee: Money,
    },
    /// Between a master and its sub-account.
    SubAccountTransfer {
        #[serde(deserialize_with = "money")]
        usdc: Money,
        user: Address,
        destination: Address,
    },
    /// Between the spot and the perpetuals' account of one user.
    AccountClassTransfer {
        #[serde(deserialize_with = "money")]
        usdc: Money,
        to_perp: bool,
    },
    /// Between any two places: a name of a perpetuals' exchange, empty for the first, or `spot`.
    Send {
        user: Address,
        destination: Address,
        source_dex: String,
        destination_dex: String,
        token: String,
        #[serde(deserialize_with = "money")]
        amount: Money,
        #[serde(deserialize_with = "money")]
        fee: Money,
    },
    /// Money into a new vault.
    VaultCreate {
        #[serde(deserialize_with = "money")]
        usdc: Money,
        #[serde(default, deserialize_with = "some_money")]
        fee: Option<Money>,
    },
    /// Money into a vault.
    VaultDeposit {
        #[serde(deserialize_with = "money")]
        usdc: Money,
    },
    /// Money from a vault.
    VaultDistribution {
        #[serde(deserialize_with = "money")]
        usdc: Money,
    },
    /// Money from a vault.
    VaultWithdraw {
        #[serde(deserialize_with = "money")]
        net_withdrawn_usd: Money,
    },
    /// A vault's leader is paid.
    VaultLeaderCommission {
        #[serde(deserialize_with = "money")]
        usdc: Money,
    },
    /// The account was liquidated: what that cost comes with its fills.
    Liquidation {},
    /// Between spot accounts.
    SpotTransfer {},
    /// New spot tokens.
    SpotGenesis {},
    /// To or from staking.
    #[serde(rename = "cStakingTransfer")]
    StakingTransfer {},
    /// Something that this build does not know.
    #[serde(other)]
    Unknown,
}

impl LedgerUpdate {
    /// When: UTC nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it does not fit.
    pub fn time_ns(&self) -> Result<i64, DecodeError> {
        from_millis(self.time_ms)
    }

    /// What it did to the cash of this user's perpetuals' account: `None` when nothing, unknown
    /// money when this build does not know.
    pub fn transfer(&self, user: Address) -> Option<Transfer> {
        let amount = self.delta.cash(user);
        (amount != Money::ZERO).then_some(Transfer { amount })
    }
}

impl Delta {
    fn cash(&self, me: Address) -> Money {
        let moved = |from: Address, to: Address, amount: Money, fee: Money| {
            let paid = if from == me { amount.plus(fee).negated() } else { Money::ZERO };
            if to == me { paid.plus(amount) } else { paid }
        };
        match self {
            Self::Deposit { usdc }
            | Self::VaultDistribution { usdc }
            | Self::VaultLeaderCommission { usdc } => *usdc,
            Self::VaultWithdraw { net_withdrawn_usd } => *net_withdrawn_usd,
            Self::Withdraw { usdc, fee } => usdc.plus(*fee).negated(),
            Self::VaultDeposit { usdc } => usdc.negated(),
            Self::VaultCreate { usdc, fee } => usdc.plus(fee.unwrap_or(Money::ZERO)).negated(),
            Self::InternalTransfer { usdc, user, destination, fee } => {
                moved(*user, *destination, *usdc, *fee)
            }
            Self::SubAccountTransfer { usdc, user, destination } => {
                moved(*user, *destination, *usdc, Money::ZERO)
            }
            Self::AccountClassTransfer { usdc, to_perp } => {
                if *to_perp {
                    *usdc
                } else {
                    usdc.negated()
                }
            }
            Self::Send { user, destination, source_dex, destination_dex, token, amount, fee } => {
                // Only what leaves or enters the first exchange, which has no name, is its cash.
                let from = (*user == me && source_dex.is_empty()).then_some(me);
                let to = (*destination == me && destination_dex.is_empty()).then_some(me);
                if token != "USDC" {
                    return Money::ZERO;
                }
                let nobody = Address::default();
                moved(from.unwrap_or(nobody), to.unwrap_or(nobody), *amount, *fee)
            }
            Self::Liquidation {}
            | Self::SpotTransfer {}
            | Self::SpotGenesis {}
            | Self::StakingTransfer {} => Money::ZERO,
            Self::Unknown => Money::UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperliquid::number::parse_money;

    const ME: &str = "0x2ba553d9f990a3b66b03b2dc0d030dfc1c061036";
    const OTHER: &str = "0xaaa0c2769cb990f4f37db951a9e48de2385c2733";

    fn cash(delta: &str) -> Option<Money> {
        let text = format!(r#"{{"time":1,"hash":"0x","delta":{delta}}}"#);
        let update: LedgerUpdate = serde_json::from_str(&text).unwrap();
        update.transfer(Address::parse(ME).unwrap()).map(|it| it.amount)
    }

    fn dollars(text: &str) -> Money {
        parse_money(text).unwrap()
    }

    #[test]
    fn money_that_comes_in_is_positive_and_money_that_goes_out_is_negative() {
        assert_eq!(cash(r#"{"type":"deposit","usdc":"97.142685"}"#), Some(dollars("97.142685")));
        let out = r#"{"type":"withdraw","usdc":"9.0","nonce":1,"fee":"1.0"}"#;
        assert_eq!(cash(out), Some(dollars("-10")));
        let class =
            |to| format!(r#"{{"type":"accountClassTransfer","usdc":"12.0","toPerp":{to}}}"#);
        assert_eq!(cash(&class(true)), Some(dollars("12")));
        assert_eq!(cash(&class(false)), Some(dollars("-12")));
        let vault = |kind| format!(r#"{{"type":"{kind}","vault":"{OTHER}","usdc":"5"}}"#);
        assert_eq!(cash(&vault("vaultDeposit")), Some(dollars("-5")));
        assert_eq!(cash(&vault("vaultDistribution")), Some(dollars("5")));
    }

    #[test]
    fn a_transfer_depends_on_who_we_are_in_it() {
        let transfer = |from, to| {
            format!(
                r#"{{"type":"internalTransfer","usdc":"7","user":"{from}","destination":"{to}","fee":"1"}}"#
            )
        };
        assert_eq!(cash(&transfer(ME, OTHER)), Some(dollars("-8")));
        assert_eq!(cash(&transfer(OTHER, ME)), Some(dollars("7")));
        let send = |from, from_dex, to, to_dex, token| {
            format!(
                r#"{{"type":"send","user":"{from}","destination":"{to}","sourceDex":"{from_dex}",
                "destinationDex":"{to_dex}","token":"{token}","amount":"4","usdcValue":"4",
                "fee":"0.0","nativeTokenFee":"0.0","nonce":1,"feeToken":""}}"#
            )
        };
        assert_eq!(cash(&send(ME, "", ME, "spot", "USDC")), Some(dollars("-4")));
        assert_eq!(cash(&send(ME, "spot", ME, "", "USDC")), Some(dollars("4")));
        assert_eq!(cash(&send(OTHER, "", ME, "", "USDC")), Some(dollars("4")));
        assert_eq!(cash(&send(ME, "spot", OTHER, "spot", "USDC")), None);
        assert_eq!(cash(&send(ME, "", ME, "", "USDC")), None);
        assert_eq!(cash(&send(ME, "spot", OTHER, "spot", "HYPE")), None);
    }

    #[test]
    fn what_does_not_touch_the_cash_is_nothing_and_what_is_new_is_unknown() {
        let liquidation = r#"{"type":"liquidation","accountValue":"1","leverageType":"Cross",
            "liquidatedPositions":[{"coin":"BTC","szi":"1"}]}"#;
        assert_eq!(cash(liquidation), None);
        assert_eq!(cash(r#"{"type":"spotGenesis","token":"X","amount":"1"}"#), None);
        assert_eq!(cash(r#"{"type":"cStakingTransfer","token":"HYPE","amount":"1"}"#), None);
        assert_eq!(cash(r#"{"type":"airDrop","usdc":"1"}"#), Some(Money::UNKNOWN));
    }
}
