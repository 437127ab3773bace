//! Agents.

use serde_json::Value;

use crate::Address;
use crate::accounts::Agent;
use crate::actions::{Actor, Refused, done};
use crate::exchange::Exchange;

/// Behind a name: until when the agent may sign.
const VALID_UNTIL: &str = " valid_until ";

impl Exchange {
    pub(super) fn approve_agent(
        &mut self,
        actor: Actor,
        address: Address,
        name: &str,
    ) -> Result<Value, Refused> {
        let (name, until) = match name.rsplit_once(VALID_UNTIL) {
            Some((name, until)) => {
                let until = until.parse().map_err(|_| "Invalid agent name.".to_owned())?;
                (name, until)
            }
            None => (name, 0),
        };
        let agent = Agent { name: name.to_owned(), address, valid_until_ms: until };
        let ended = self.members.approve(actor.address, agent, self.clock_ms());
        // An agent that ended is forgotten with its nonces: its actions could be sent again.
        if let Some(ended) = ended.map_err(|error| error.to_string())? {
            self.nonces.forget(ended);
        }
        Ok(done())
    }
}
