//! `POST /exchange`: who signed, whether it may be done, and doing it.

mod agents;
mod cancels;
mod money;
mod orders;
mod settings;
pub(crate) mod wire;

use flyball_core::sim::AccountId;
use flyball_venues::hyperliquid::sign::{Envelope as Signed, recover_l1, recover_user};
use serde_json::{Value, json};

use crate::actions::wire::{Envelope, L1, NOT_SERVED, UserSigned};
use crate::exchange::{Exchange, Reply};
use crate::faults::Tamper;
use crate::limits::{Spend, exchange_weight};
use crate::{Address, Peer};

/// What a stale `expiresAfter` costs of the account's budget.
const STALE_COST: u64 = 5;

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor {
    /// The account.
    pub(crate) address: Address,
    /// The venue's number for it.
    pub(crate) id: AccountId,
}

/// Why nothing is done: an answer with `status` "err".
pub(crate) type Refused = String;

/// An answer that says only that it was done.
pub(crate) fn done() -> Value {
    json!({"type": "default"})
}

/// An answer with a status for each order.
pub(crate) fn statuses(kind: &str, statuses: &[Value]) -> Value {
    json!({"type": kind, "data": {"statuses": statuses}})
}

fn refused(words: &str) -> Reply {
    Reply::ok(&json!({"status": "err", "response": words}))
}

/// What is asked, understood.
enum Asked {
    L1(L1),
    User(UserSigned),
}

impl Asked {
    fn batch(&self) -> usize {
        match self {
            Self::L1(action) => action.batch(),
            Self::User(_) => 1,
        }
    }

    fn spend(&self) -> Spend {
        let count = u64::try_from(self.batch()).unwrap_or(u64::MAX).max(1);
        match self {
            Self::L1(action) if action.cancels() => Spend::Cancel(count),
            _ => Spend::Action(count),
        }
    }
}

impl Exchange {
    /// Answer a `POST /exchange`.
    pub(crate) fn act(&mut self, peer: Peer, body: &[u8], tamper: Tamper) -> Reply {
        let envelope: Envelope = match serde_json::from_slice(body) {
            Ok(envelope) => envelope,
            Err(_) if !self.peers.admit(peer, 1, self.now_ns) => return Reply::too_many(),
            Err(_) => return Reply::not_understood(""),
        };
        let asked = understand(&envelope.action);
        let weight = exchange_weight(asked.as_ref().map_or(1, Asked::batch));
        if !self.peers.admit(peer, weight, self.now_ns) {
            return Reply::too_many();
        }
        match asked {
            Err(reply) => reply,
            Ok(asked) => match self.admit(&envelope, &asked) {
                Err(words) => refused(&words),
                Ok(actor) => match self.perform(actor, asked, tamper) {
                    Err(words) => refused(&words),
                    Ok(response) => Reply::ok(&json!({"status": "ok", "response": response})),
                },
            },
        }
    }

    /// Do what another client of an account would have it do, without signature, nonce and budget:
    /// for the operator of the exchange.
    ///
    /// # Errors
    ///
    /// What the venue would say.
    pub fn act_as(&mut self, address: Address, action: &Value) -> Result<Value, String> {
        let asked = understand(action).map_err(|reply| reply.body)?;
        let member = self.members.find(address);
        let actor = member.map(|member| Actor { address: member.address, id: member.id });
        let actor = actor.ok_or_else(|| format!("there is no account {address}"))?;
        let answer = self.perform(actor, asked, Tamper::default());
        self.push_due();
        answer
    }

    /// Who signed, and whether it may be done now.
    fn admit(&mut self, envelope: &Envelope, asked: &Asked) -> Result<Actor, Refused> {
        if let Some(vault) = envelope.vault_address {
            return Err(format!("Vault not registered: {vault}"));
        }
        let signer = self.signer(envelope, asked)?;
        let now_ms = self.clock_ms();
        let member = match asked {
            Asked::L1(_) => self.members.signs_for(signer, now_ms),
            Asked::User(_) => self.members.find(signer),
        };
        let actor = member.map(|member| Actor { address: member.address, id: member.id });
        let actor = actor.ok_or_else(|| match asked {
            Asked::L1(_) => format!("User or API Wallet {signer} does not exist."),
            Asked::User(_) => format!("Must deposit before performing actions. User: {signer}"),
        })?;
        if let Some(until) = envelope.expires_after
            && i64::try_from(until).unwrap_or(i64::MAX) < now_ms
        {
            if let Some(member) = self.members.find_mut(actor.address) {
                member.budget.charge(STALE_COST);
            }
            // Unverified words; that the nonce is not used up by it is assumed.
            return Err(format!("Action expired: expiresAfter {until} is before {now_ms}."));
        }
        let nonce = self.nonces.take(signer, envelope.nonce, self.clock_ns());
        nonce.map_err(|error| error.to_string())?;
        let at_ns = self.now_ns;
        if let Some(member) = self.members.find_mut(actor.address)
            && !member.budget.admit(asked.spend(), at_ns)
        {
            return Err(member.budget.refusal());
        }
        Ok(actor)
    }

    /// Whose signature it is. A wrong one is a stranger's.
    fn signer(&self, envelope: &Envelope, asked: &Asked) -> Result<Address, Refused> {
        let unreadable = |_| "Unable to recover signer.".to_owned();
        match asked {
            Asked::L1(action) => {
                let signed = Signed {
                    nonce: envelope.nonce,
                    vault: envelope.vault_address,
                    expires_after: envelope.expires_after,
                };
                recover_l1(action, &signed, self.chain, &envelope.signature).map_err(unreadable)
            }
            Asked::User(action) => {
                if action.nonce() != envelope.nonce {
                    return Err("Nonce of the action differs from that of the request.".to_owned());
                }
                if envelope.expires_after.is_some() {
                    return Err("expiresAfter is not supported on this action.".to_owned());
                }
                let found = recover_user(&envelope.action, self.chain, &envelope.signature);
                found.map_err(|error| error.to_string())
            }
        }
    }

    fn perform(&mut self, actor: Actor, asked: Asked, tamper: Tamper) -> Result<Value, Refused> {
        let response = match asked {
            Asked::L1(L1::Order { orders, grouping, builder }) => {
                self.place_orders(actor, &orders, (grouping, builder), tamper)
            }
            Asked::L1(L1::Cancel { cancels, fast }) => Ok(self.cancel(actor, &cancels, fast)),
            Asked::L1(L1::CancelByCloid { cancels, fast }) => {
                Ok(self.cancel_by_cloid(actor, &cancels, fast))
            }
            Asked::L1(L1::Modify { oid, order, always_place }) => {
                self.modify(actor, oid, &order, always_place)
            }
            Asked::L1(L1::BatchModify { modifies, always_place }) => {
                Ok(self.batch_modify(actor, &modifies, always_place))
            }
            Asked::L1(L1::UpdateLeverage { asset, is_cross, leverage }) => {
                self.update_leverage(actor, asset, is_cross, leverage)
            }
            Asked::L1(L1::UpdateIsolatedMargin { asset, ntli, .. }) => {
                self.update_isolated_margin(actor, asset, ntli)
            }
            Asked::L1(L1::ScheduleCancel { time }) => self.schedule_cancel(actor, time),
            Asked::L1(L1::Noop) => Ok(done()),
            Asked::User(UserSigned::UsdSend { destination, amount, .. }) => {
                self.usd_send(actor, destination, amount.0)
            }
            Asked::User(UserSigned::Withdraw3 { amount, time, .. }) => {
                self.withdraw(actor, amount.0, time)
            }
            Asked::User(UserSigned::ApproveAgent { agent_address, agent_name, .. }) => {
                self.approve_agent(actor, agent_address, agent_name.as_deref().unwrap_or(""))
            }
        };
        self.settle();
        response
    }
}

/// What an action asks for; the answer when it is not understood, or not served.
fn understand(action: &Value) -> Result<Asked, Reply> {
    let name = action.get("type").and_then(Value::as_str).unwrap_or_default();
    if NOT_SERVED.contains(&name) {
        return Err(refused(&format!("{name} is not served by this local exchange.")));
    }
    let user_signed = matches!(name, "usdSend" | "withdraw3" | "approveAgent");
    let read = if user_signed {
        serde_json::from_value(action.clone()).map(Asked::User)
    } else {
        serde_json::from_value(action.clone()).map(Asked::L1)
    };
    read.map_err(|_| Reply::not_understood(""))
}
