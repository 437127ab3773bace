//! Who trades: accounts by their addresses, and the agents that sign for them.

use std::collections::BTreeMap;

use flyball_core::domain::{DAY, MILLISECOND};
use flyball_core::sim::AccountId;

use crate::Address;
use crate::history::History;
use crate::limits::AccountBudget;
use crate::schedule::Schedule;

/// Named agents of one account.
const NAMED_AGENTS: usize = 3;
/// How long an agent is valid at most, ms.
const VALID_MS: i64 = 180 * (DAY / MILLISECOND);

/// An agent: a key that may sign actions, and nothing that moves money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    /// Empty for the one without a name.
    pub(crate) name: String,
    /// What its signatures lead to.
    pub(crate) address: Address,
    /// Until when it may sign, ms since 1970.
    pub(crate) valid_until_ms: i64,
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its address.
    pub(crate) address: Address,
    /// The venue's number for it.
    pub(crate) id: AccountId,
    /// Its budget of actions.
    pub(crate) budget: AccountBudget,
    /// What happened to it.
    pub(crate) history: History,
    /// When its orders are to be cancelled.
    pub(crate) schedule: Schedule,
    /// Who signs for it.
    pub(crate) agents: Vec<Agent>,
}

/// Why an agent is not approved. The words of all but the first are unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgentError {
    /// It signs for somebody already, or did.
    Used,
    /// There are three with names.
    TooMany,
    /// Its validity is in the past, or too far away.
    Validity,
    /// It is the account itself.
    Own,
}

impl std::fmt::Display for AgentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Used => "Extra agent already used.",
            Self::TooMany => "Too many extra agents.",
            Self::Validity => "Agent validity must end within 180 days.",
            Self::Own => "Cannot approve the account itself as its agent.",
        })
    }
}

/// Who an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An account.
    User,
    /// An agent of this account.
    Agent(Address),
    /// Nobody.
    Missing,
}

/// All accounts and agents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    all: Vec<Member>,
    by_address: BTreeMap<Address, usize>,
    /// Agents that are approved, and those that were.
    by_agent: BTreeMap<Address, usize>,
}

impl Members {
    /// One more account. Its number is the one after the last.
    pub(crate) fn add(&mut self, address: Address, id: AccountId) {
        self.by_address.insert(address, self.all.len());
        self.all.push(Member {
            address,
            id,
            budget: AccountBudget::default(),
            history: History::default(),
            schedule: Schedule::default(),
            agents: Vec::new(),
        });
    }

    pub(crate) fn all(&self) -> &[Member] {
        &self.all
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.all.iter_mut()
    }

    /// The account at an address.
    pub(crate) fn find(&self, address: Address) -> Option<&Member> {
        self.all.get(*self.by_address.get(&address)?)
    }

    pub(crate) fn find_mut(&mut self, address: Address) -> Option<&mut Member> {
        self.all.get_mut(*self.by_address.get(&address)?)
    }

    /// The account with the venue's number.
    pub(crate) fn by_id(&self, id: AccountId) -> Option<&Member> {
        self.all.get(id.index()).filter(|member| member.id == id)
    }

    /// The account that a signer acts for: its own, or that of the agent's master.
    pub(crate) fn signs_for(&self, signer: Address, now_ms: i64) -> Option<&Member> {
        if let Some(own) = self.find(signer) {
            return Some(own);
        }
        let master = self.all.get(*self.by_agent.get(&signer)?)?;
        let valid = |agent: &&Agent| agent.address == signer && agent.valid_until_ms > now_ms;
        master.agents.iter().find(valid).map(|_| master)
    }

    /// Who an address is.
    pub(crate) fn role(&self, address: Address, now_ms: i64) -> Role {
        match self.signs_for(address, now_ms) {
            Some(member) if member.address == address => Role::User,
            Some(member) => Role::Agent(member.address),
            None => Role::Missing,
        }
    }

    /// Approve an agent. An agent of the same name ends; its address is returned.
    ///
    /// # Errors
    ///
    /// [`AgentError`]; nothing changes then.
    pub(crate) fn approve(
        &mut self,
        master: Address,
        mut agent: Agent,
        now_ms: i64,
    ) -> Result<Option<Address>, AgentError> {
        let Some(&at) = self.by_address.get(&master) else { return Err(AgentError::Own) };
        if self.by_address.contains_key(&agent.address) {
            return Err(AgentError::Own);
        }
        if self.by_agent.contains_key(&agent.address) {
            return Err(AgentError::Used);
        }
        let latest = now_ms.saturating_add(VALID_MS);
        if agent.valid_until_ms == 0 {
            agent.valid_until_ms = latest;
        }
        if agent.valid_until_ms <= now_ms || agent.valid_until_ms > latest {
            return Err(AgentError::Validity);
        }
        let Some(member) = self.all.get_mut(at) else { return Err(AgentError::Own) };
        member.agents.retain(|other| other.valid_until_ms > now_ms);
        let named = |other: &&Agent| !other.name.is_empty() && other.name != agent.name;
        let full = member.agents.iter().filter(named).count() >= NAMED_AGENTS;
        if !agent.name.is_empty() && full {
            return Err(AgentError::TooMany);
        }
        let same = member.agents.iter().position(|other| other.name == agent.name);
        let ended = same.map(|at| member.agents.remove(at).address);
        self.by_agent.insert(agent.address, at);
        member.agents.push(agent);
        Ok(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn address(byte: u8) -> Address {
        Address([byte; 20])
    }

    fn agent(name: &str, byte: u8) -> Agent {
        Agent { name: name.to_owned(), address: address(byte), valid_until_ms: 0 }
    }

    fn members() -> Members {
        let mut members = Members::default();
        members.add(address(1), AccountId::new(0));
        members
    }

    #[test]
    fn one_agent_without_a_name_and_three_with_one() {
        let mut members = members();
        let mut approve = |agent| members.approve(address(1), agent, NOW);
        assert_eq!(approve(agent("", 10)), Ok(None));
        for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
            assert_eq!(approve(agent(name, 20 + at as u8)), Ok(None));
        }
        assert_eq!(approve(agent("d", 30)), Err(AgentError::TooMany));
        assert_eq!(approve(agent("b", 31)), Ok(Some(address(21))), "the old one of the name ends");
        assert_eq!(approve(agent("", 32)), Ok(Some(address(10))));
        assert!(members.signs_for(address(21), NOW).is_none());
        assert_eq!(members.signs_for(address(31), NOW).unwrap().address, address(1));
        assert_eq!(members.role(address(32), NOW), Role::Agent(address(1)));
        assert_eq!(members.role(address(10), NOW), Role::Missing);
    }

    #[test]
    fn an_agent_s_address_is_never_used_twice() {
        let mut members = members();
        members.add(address(2), AccountId::new(1));
        members.approve(address(1), agent("", 10), NOW).unwrap();
        members.approve(address(1), agent("", 11), NOW).unwrap();
        for master in [1, 2] {
            let again = members.approve(address(master), agent("x", 10), NOW);
            assert_eq!(again, Err(AgentError::Used));
        }
        assert_eq!(members.approve(address(1), agent("x", 2), NOW), Err(AgentError::Own));
    }

    #[test]
    fn an_agent_is_valid_for_180_days_at_most() {
        let mut members = members();
        let mut until =
            |ms| members.approve(address(1), Agent { valid_until_ms: ms, ..agent("x", 10) }, NOW);
        assert_eq!(until(NOW), Err(AgentError::Validity));
        assert_eq!(until(NOW + VALID_MS + 1), Err(AgentError::Validity));
        assert_eq!(until(NOW + VALID_MS), Ok(None));
        assert!(members.signs_for(address(10), NOW + VALID_MS - 1).is_some());
        assert!(members.signs_for(address(10), NOW + VALID_MS).is_none(), "it ended");
    }
}
