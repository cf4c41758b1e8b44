//! A web server that relays the events of a response to a browser as they arrive.
//!
//! The credentials stay in the server. A browser that closes the page drops the stream, which ends
//! the request upstream; one that reads slowly slows the service down.

use core::convert::Infallible;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use codex_client::types::{CreateResponse, ResponseEvent};
use codex_client::{Client, Error};
use futures_util::StreamExt as _;

/// Returns the routes: the page at `/`, and `/ask?question=..` with the events of the response.
pub fn router(client: Client, model: impl Into<String>) -> Router {
    Router::new()
        .route("/", get(async || Html(include_str!("relay.html"))))
        .route("/ask", get(ask))
        .with_state((client, model.into()))
}

#[derive(serde::Deserialize)]
struct Ask {
    question: String,
}

async fn ask(State((client, model)): State<(Client, String)>, Query(ask): Query<Ask>) -> Response {
    let request = CreateResponse::new(model).input(ask.question);
    match client.stream(&request).await {
        Ok(events) => {
            let events = events.map(|event| Ok::<_, Infallible>(relayed(event)));
            let keep_alive = KeepAlive::default();
            Sse::new(events).keep_alive(keep_alive).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// The events of the service keep their JSON. A failure of the stream is an event as well, because
/// the status has been sent.
fn relayed(event: Result<ResponseEvent, Error>) -> Event {
    match event.map(|event| event.to_json()) {
        Ok(Ok(json)) => Event::default().data(json),
        Ok(Err(error)) => Event::default().event("failure").data(error.to_string()),
        Err(error) => Event::default().event("failure").data(error.to_string()),
    }
}
