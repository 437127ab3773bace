//! What clients say over websockets.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::exchange::{Exchange, PushKind};
use crate::faults::Tamper;
use crate::streams::Topic;
use crate::{ConnId, Peer};

#[derive(Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
enum Said {
    Ping,
    Subscribe { subscription: Value },
    Unsubscribe { subscription: Value },
    Post { id: u64, request: Posted },
}

#[derive(Deserialize)]
struct Posted {
    #[serde(rename = "type")]
    kind: String,
    payload: Value,
}

/// How much of what is wrong is shown again.
const SHOWN: usize = 200;

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..SHOWN).unwrap_or(bytes)).into_owned()
}

impl Exchange {
    /// A message of a client.
    pub(crate) fn hear(&mut self, conn: ConnId, bytes: &[u8], tamper: Tamper) {
        let Some(peer) = self.streams.peer(conn) else { return };
        if let Err(refusal) = self.peers.message(peer, self.now_ns) {
            self.complain(conn, &refusal.to_string());
            self.cut(conn);
            return;
        }
        match serde_json::from_slice(bytes) {
            Ok(Said::Ping) => self.send(conn, PushKind::Control, &json!({"channel": "pong"})),
            Ok(Said::Subscribe { subscription }) => self.subscribe(conn, peer, &subscription),
            Ok(Said::Unsubscribe { subscription }) => self.unsubscribe(conn, peer, &subscription),
            Ok(Said::Post { id, request }) => self.post(conn, peer, (id, &request), tamper),
            Err(_) => {
                let words = "Error parsing JSON into valid websocket request: ";
                self.complain(conn, &format!("{words}{}", shown(bytes)));
            }
        }
    }

    fn complain(&mut self, conn: ConnId, words: &str) {
        self.send(conn, PushKind::Control, &json!({"channel": "error", "data": words}));
    }

    fn subscribe(&mut self, conn: ConnId, peer: Peer, subscription: &Value) {
        let Some(topic) = Topic::parse(subscription, &self.markets) else {
            let text = subscription.to_string();
            self.complain(conn, &format!("Invalid subscription {}", shown(text.as_bytes())));
            return;
        };
        let told = topic.show(&self.markets);
        if self.streams.listens(conn, &topic) {
            self.complain(conn, &format!("Already subscribed: {told}"));
            return;
        }
        if let Err(refusal) = self.peers.subscribe(peer, topic.user()) {
            self.complain(conn, &refusal.to_string());
            return;
        }
        self.streams.listen(conn, topic);
        self.acknowledge(conn, "subscribe", &told);
        self.begin(conn, &topic);
        self.streams.begins(&topic, self.now_ns);
    }

    fn unsubscribe(&mut self, conn: ConnId, peer: Peer, subscription: &Value) {
        let topic = Topic::parse(subscription, &self.markets);
        let Some(topic) = topic.filter(|topic| self.streams.listens(conn, topic)) else {
            let text = subscription.to_string();
            self.complain(conn, &format!("Already unsubscribed: {}", shown(text.as_bytes())));
            return;
        };
        self.streams.unlisten(conn, &topic);
        self.peers.unsubscribe(peer, topic.user());
        let told = topic.show(&self.markets);
        self.acknowledge(conn, "unsubscribe", &told);
    }

    fn acknowledge(&mut self, conn: ConnId, method: &str, subscription: &Value) {
        let data = json!({"method": method, "subscription": subscription});
        let message = json!({"channel": "subscriptionResponse", "data": data});
        self.send(conn, PushKind::Control, &message);
    }

    fn post(&mut self, conn: ConnId, peer: Peer, (id, request): (u64, &Posted), tamper: Tamper) {
        let error = |words: String| json!({"type": "error", "payload": words});
        let response = if let Err(refusal) = self.peers.begin_post(peer) {
            error(refusal.to_string())
        } else {
            match request.kind.as_str() {
                "info" => {
                    let kind = request.payload.get("type").cloned().unwrap_or_default();
                    match self.ask(peer, &request.payload) {
                        Ok(data) => {
                            json!({"type": "info", "payload": {"type": kind, "data": data}})
                        }
                        Err(reply) => error(format!("{} {}", reply.status, reply.body)),
                    }
                }
                "action" => {
                    let body = request.payload.to_string();
                    let reply = self.act(peer, body.as_bytes(), tamper);
                    match serde_json::from_str::<Value>(&reply.body) {
                        Ok(payload) if reply.status == 200 => {
                            json!({"type": "action", "payload": payload})
                        }
                        _ => error(format!("{} {}", reply.status, reply.body)),
                    }
                }
                other => error(format!("Unknown post type {}", shown(other.as_bytes()))),
            }
        };
        let message = json!({"channel": "post", "data": {"id": id, "response": response}});
        self.send(conn, PushKind::Post, &message);
    }
}
