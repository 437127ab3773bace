//! Websockets.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::server::http::cut;
use crate::server::hub::{Hub, Outgoing, Socket};
use crate::server::io::Client;

/// Who does not take a message for so long is cut off.
const SLOW: Duration = Duration::from_secs(5);

/// A client asks for a websocket.
pub(super) async fn upgrade(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(client): ConnectInfo<Client>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let socket = match hub.open(client.peer) {
        Ok(socket) => socket,
        Err(Some(refusal)) => return (StatusCode::TOO_MANY_REQUESTS, refusal).into_response(),
        Err(None) => return cut(&client),
    };
    let conn = socket.conn;
    let (max, shared) = (hub.config.max_bytes, Arc::clone(&hub));
    upgrade
        .max_message_size(max)
        .max_frame_size(max)
        .on_failed_upgrade(move |_| shared.close(conn))
        .on_upgrade(move |stream| serve(hub, socket, stream))
}

/// Why a websocket's task ends.
enum End {
    /// The client is gone, or cannot follow.
    Gone,
    /// The venue closes.
    Closed,
    /// Nothing goes over it any more.
    Stalled,
}

async fn serve(hub: Arc<Hub>, mut socket: Socket, mut stream: WebSocket) {
    let end = exchange_messages(&hub, &mut socket, &mut stream).await;
    match end {
        End::Gone => {}
        End::Closed => {
            let frame = CloseFrame { code: close_code::NORMAL, reason: "".into() };
            let _ = tokio::time::timeout(SLOW, stream.send(Message::Close(Some(frame)))).await;
        }
        // Hold the socket open until the exchange lets go of it.
        End::Stalled => while socket.receiver.recv().await.is_some() {},
    }
    hub.close(socket.conn);
}

async fn exchange_messages(hub: &Hub, socket: &mut Socket, stream: &mut WebSocket) -> End {
    loop {
        tokio::select! {
            outgoing = socket.receiver.recv() => match outgoing {
                None => return End::Closed,
                Some(Outgoing::Stall) => return End::Stalled,
                Some(Outgoing::Text(text)) => {
                    let message = Message::Text(text.as_ref().into());
                    match tokio::time::timeout(SLOW, stream.send(message)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) | Err(_) => return End::Gone,
                    }
                }
            },
            incoming = stream.recv() => match incoming {
                Some(Ok(Message::Text(text))) => {
                    hub.with(|gateway, now| gateway.frame(socket.conn, text.as_bytes(), now));
                }
                Some(Ok(Message::Binary(bytes))) => {
                    hub.with(|gateway, now| gateway.frame(socket.conn, &bytes, now));
                }
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
            },
        }
    }
}
