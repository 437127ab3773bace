//! What comes from outside: HTTP requests, websockets.

use serde_json::Value;

use crate::exchange::{Exchange, Reply};
use crate::faults::Tamper;
use crate::limits::{SocketRefusal, extra_weight, info_weight};
use crate::{ConnId, Peer};

impl Exchange {
    /// Answer an HTTP request: `POST /info` and `POST /exchange`.
    pub fn request(&mut self, peer: Peer, path: &str, body: &[u8], now_ns: i64) -> Reply {
        self.request_with(peer, path, body, (now_ns, Tamper::default()))
    }

    /// As [`Exchange::request`], with something done differently to actions.
    pub fn request_with(
        &mut self,
        peer: Peer,
        path: &str,
        body: &[u8],
        (now_ns, tamper): (i64, Tamper),
    ) -> Reply {
        self.advance(now_ns);
        let reply = match path {
            "/info" => self.answer_info(peer, body),
            "/exchange" => self.act(peer, body, tamper),
            _ => Reply { status: 404, body: "Not Found".to_owned() },
        };
        self.push_due();
        reply
    }

    fn answer_info(&mut self, peer: Peer, body: &[u8]) -> Reply {
        let Ok(question) = serde_json::from_slice::<Value>(body) else {
            return if self.peers.admit(peer, 1, self.now_ns) {
                Reply::not_understood("")
            } else {
                Reply::too_many()
            };
        };
        match self.ask(peer, &question) {
            Ok(answer) => Reply::ok(&answer),
            Err(reply) => reply,
        }
    }

    /// Answer a question, within the limits of who asks.
    pub(crate) fn ask(&mut self, peer: Peer, question: &Value) -> Result<Value, Reply> {
        let kind = question.get("type").and_then(Value::as_str).unwrap_or_default();
        if !self.peers.admit(peer, info_weight(kind), self.now_ns) {
            return Err(Reply::too_many());
        }
        let answer = self.info(kind, question)?;
        let rows = answer.as_array().map_or(0, Vec::len);
        self.peers.add(peer, extra_weight(kind, rows), self.now_ns);
        Ok(answer)
    }

    /// A websocket wants to open.
    ///
    /// # Errors
    ///
    /// [`SocketRefusal`] when there are too many.
    pub fn open(&mut self, conn: ConnId, peer: Peer, now_ns: i64) -> Result<(), SocketRefusal> {
        self.advance(now_ns);
        self.peers.open(peer, self.now_ns)?;
        self.streams.open(conn, peer, self.now_ns);
        Ok(())
    }

    /// A message came over a websocket. Connections that are not open are not heard.
    pub fn frame(&mut self, conn: ConnId, bytes: &[u8], now_ns: i64) {
        self.frame_with(conn, bytes, (now_ns, Tamper::default()));
    }

    /// As [`Exchange::frame`], with something done differently to actions.
    pub fn frame_with(&mut self, conn: ConnId, bytes: &[u8], (now_ns, tamper): (i64, Tamper)) {
        self.advance(now_ns);
        self.hear(conn, bytes, tamper);
        self.push_due();
    }

    /// A websocket is gone.
    pub fn close(&mut self, conn: ConnId) {
        let Some((peer, topics)) = self.streams.close(conn) else { return };
        for topic in topics {
            self.peers.unsubscribe(peer, topic.user());
        }
        self.peers.close(peer);
    }

    /// Whether a connection listens to market data, and to an account's own streams.
    pub fn carries(&self, conn: ConnId) -> (bool, bool) {
        self.streams.carries(conn)
    }

    /// The answer to a post was delivered: it is in flight no more.
    pub fn answered(&mut self, conn: ConnId) {
        if let Some(peer) = self.streams.peer(conn) {
            self.peers.end_post(peer);
        }
    }
}
