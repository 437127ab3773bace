//! Money from account to account, and out.

use flyball_core::domain::{Decimal, Money};
use serde_json::{Value, json};

use crate::Address;
use crate::actions::{Actor, Refused, done};
use crate::exchange::Exchange;
use crate::history::LedgerRow;
use crate::text;

/// What taking money out costs.
const WITHDRAWAL_FEE: Money = Money::from_whole(1);

/// An amount of USDC: above zero, at most six decimals.
fn amount_of(number: Decimal) -> Result<Money, Refused> {
    let invalid = || "Invalid amount.".to_owned();
    if number.units() <= 0 || number.decimals() > 6 {
        return Err(invalid());
    }
    let units = number.at_scale(Money::DECIMALS).map_err(|_| invalid())?;
    Ok(Money::from_units(i128::from(units)))
}

impl Exchange {
    pub(super) fn usd_send(
        &mut self,
        actor: Actor,
        destination: Address,
        amount: Decimal,
    ) -> Result<Value, Refused> {
        let amount = amount_of(amount)?;
        let free = self.venue.withdrawable(actor.id);
        if free.is_unknown() || amount > free {
            return Err("Insufficient balance for token transfer.".to_owned());
        }
        if destination == actor.address {
            return Err("Cannot send to oneself.".to_owned());
        }
        let receiver = self.open_account(destination).ok_or("There are too many accounts.")?;
        self.venue.transfer(actor.id, amount.negated(), self.now_ns);
        self.venue.transfer(receiver, amount, self.now_ns);
        let delta = json!({
            "type": "internalTransfer",
            "usdc": text::usdc(amount),
            "user": actor.address,
            "destination": destination,
            "fee": "0.0",
        });
        self.write_ledger(&[actor.address, destination], &delta);
        Ok(done())
    }

    pub(super) fn withdraw(
        &mut self,
        actor: Actor,
        amount: Decimal,
        nonce: u64,
    ) -> Result<Value, Refused> {
        let amount = amount_of(amount)?;
        let free = self.venue.withdrawable(actor.id);
        if free.is_unknown() || amount > free || amount <= WITHDRAWAL_FEE {
            return Err("Insufficient balance for withdrawal.".to_owned());
        }
        self.venue.transfer(actor.id, amount.negated(), self.now_ns);
        let delta = json!({
            "type": "withdraw",
            "usdc": text::usdc(amount.minus(WITHDRAWAL_FEE)),
            "nonce": nonce,
            "fee": text::usdc(WITHDRAWAL_FEE),
        });
        self.write_ledger(&[actor.address], &delta);
        Ok(done())
    }

    /// One transaction in the ledgers of these accounts.
    pub(crate) fn write_ledger(&mut self, addresses: &[Address], delta: &Value) {
        let (time_ms, hash) = (self.clock_ms(), self.transaction());
        for address in addresses {
            let row = LedgerRow { time_ms, hash, delta: delta.clone() };
            let told = crate::shapes::fill::ledger(&row);
            if let Some(member) = self.members.find_mut(*address) {
                member.history.ledger(row);
            }
            self.push_ledger(*address, &told);
        }
    }
}
