//! HTTP requests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};

use crate::exchange::Reply;
use crate::server::hub::{Hub, Outcome};
use crate::server::io::Client;
use crate::server::{admin, ws};

/// Who gets no answer is let go of after this time.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is served where.
pub(super) fn routes(hub: Arc<Hub>) -> Router {
    let mut routes = Router::new()
        .route("/info", post(info))
        .route("/exchange", post(exchange))
        .route("/ws", any(ws::upgrade));
    if hub.config.admin {
        routes = routes
            .route("/admin", post(admin::act))
            .route("/faults", post(admin::set_faults).get(admin::faults));
    }
    routes.layer(DefaultBodyLimit::max(hub.config.max_bytes)).with_state(hub)
}

async fn info(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(client): ConnectInfo<Client>,
    body: Bytes,
) -> Response {
    serve(&hub, &client, ("/info", &body)).await
}

async fn exchange(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(client): ConnectInfo<Client>,
    body: Bytes,
) -> Response {
    serve(&hub, &client, ("/exchange", &body)).await
}

async fn serve(hub: &Hub, client: &Client, (path, body): (&str, &[u8])) -> Response {
    match hub.request(client.peer, path, body).await {
        Ok(Outcome::Answer(reply)) => answer(reply),
        Ok(Outcome::Silent) => {
            tokio::time::sleep(PATIENCE).await;
            cut(client)
        }
        Ok(Outcome::Cut) | Err(_) => cut(client),
    }
}

/// End the connection without an answer.
pub(super) fn cut(client: &Client) -> Response {
    client.cut();
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

pub(super) fn answer(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = status == StatusCode::OK || reply.body == "null";
    let kind = if json { "application/json" } else { "text/plain; charset=utf-8" };
    (status, [(header::CONTENT_TYPE, kind)], reply.body).into_response()
}
