//! Questions about an account as it is now.

use flyball_core::domain::VenueOrderId;
use flyball_core::sim::{ClientId, OrderRecord, OrderRef};
use flyball_venues::hyperliquid::Cloid;
use serde_json::{Value, json};

use crate::Address;
use crate::accounts::Role;
use crate::exchange::{Exchange, Reply};
use crate::info::not_understood;
use crate::shapes::{account, order};
use crate::text;

impl Exchange {
    pub(super) fn account_info(
        &self,
        kind: &str,
        question: &Value,
        user: Address,
    ) -> Result<Value, Reply> {
        Ok(match kind {
            "clearinghouseState" => self.state_of(user),
            "spotClearinghouseState" => json!({"balances": []}),
            "openOrders" => self.open_orders_of(user),
            "frontendOpenOrders" => self.frontend_orders(user),
            "orderStatus" => self.order_status(question, user)?,
            "userRateLimit" => self.rate_limit(user),
            "userRole" => self.user_role(user),
            "extraAgents" => self.extra_agents(user),
            "userFees" => self.user_fees(),
            // The account's mode: perpetuals and spot are kept apart, as they are recommended to be.
            "userAbstraction" => json!("disabled"),
            "subAccounts" | "userToMultiSigSigners" => Value::Null,
            "isVip" => json!(false),
            "activeAssetData" => {
                let coin = question.get("coin").and_then(Value::as_str).unwrap_or_default();
                let instrument = self.markets.find(coin).ok_or_else(not_understood)?;
                self.asset_data(user, instrument.id())
            }
            "webData2" => self.web_data(user),
            _ => return Err(not_understood()),
        })
    }

    /// `clearinghouseState`. An agent's address holds nothing: one asks for the master's.
    pub(crate) fn state_of(&self, user: Address) -> Value {
        let Some(member) = self.members.find(user) else { return account::empty(self.clock_ms()) };
        let (history, instruments) = (&member.history, self.markets.instruments());
        account::state(&self.venue, member.id, history, instruments, self.clock_ms())
    }

    /// Orders of an account that rest or wait, the newest first.
    fn live_orders(&self, user: Address) -> Vec<&OrderRecord> {
        let Some(id) = self.account(user) else { return Vec::new() };
        let mut all: Vec<_> = self.venue.orders(id).collect();
        all.sort_by_key(|record| std::cmp::Reverse(record.venue_order_id));
        all
    }

    fn open_orders_of(&self, user: Address) -> Value {
        let all = self.live_orders(user).into_iter();
        all.filter_map(|it| Some(order::open(it, self.instrument(it.order.instrument)?))).collect()
    }

    /// `frontendOpenOrders`.
    pub(crate) fn frontend_orders(&self, user: Address) -> Value {
        let all = self.live_orders(user);
        Value::Array(order::tree(&all, |record| self.instrument(record.order.instrument)))
    }

    fn order_status(&self, question: &Value, user: Address) -> Result<Value, Reply> {
        let which = match question.get("oid") {
            Some(Value::Number(oid)) => {
                OrderRef::Venue(VenueOrderId::new(oid.as_u64().ok_or_else(not_understood)?))
            }
            Some(Value::String(cloid)) => {
                let cloid = Cloid::parse(cloid).map_err(|_| not_understood())?;
                OrderRef::Client(ClientId::new(cloid.bits()))
            }
            _ => return Err(not_understood()),
        };
        let found = self.account(user).and_then(|id| self.venue.order(id, which));
        let told = found.and_then(|record| {
            let instrument = self.instrument(record.order.instrument)?;
            Some(json!({"status": "order", "order": order::with_status(record, instrument)}))
        });
        Ok(told.unwrap_or_else(|| json!({"status": "unknownOid"})))
    }

    fn rate_limit(&self, user: Address) -> Value {
        let budget = self.members.find(user).map(|member| member.budget).unwrap_or_default();
        json!({
            "cumVlm": text::usdc(budget.volume()),
            "nRequestsUsed": budget.used(),
            "nRequestsCap": budget.limit(),
        })
    }

    fn user_role(&self, user: Address) -> Value {
        match self.members.role(user, self.clock_ms()) {
            Role::User => json!({"role": "user"}),
            Role::Agent(master) => json!({"role": "agent", "data": {"user": master}}),
            Role::Missing => json!({"role": "missing"}),
        }
    }

    fn extra_agents(&self, user: Address) -> Value {
        let now_ms = self.clock_ms();
        let Some(member) = self.members.find(user) else { return json!([]) };
        let named = member.agents.iter().filter(|it| !it.name.is_empty());
        let valid = named.filter(|it| it.valid_until_ms > now_ms);
        valid
            .map(|it| {
                json!({"name": it.name, "address": it.address, "validUntil": it.valid_until_ms})
            })
            .collect()
    }

    fn user_fees(&self) -> Value {
        let fees = self.markets.listings().first().map(|listing| listing.fees);
        let (add, cross) = fees.map_or(("0.0".into(), "0.0".into()), |fees| {
            (text::rate(fees.maker), text::rate(fees.taker))
        });
        json!({
            "dailyUserVlm": [],
            "feeSchedule": {
                "cross": cross,
                "add": add,
                "tiers": {"vip": [], "mm": []},
                "referralDiscount": "0.0",
                "stakingDiscountTiers": [],
            },
            "userCrossRate": cross,
            "userAddRate": add,
            "activeReferralDiscount": "0.0",
        })
    }
}
