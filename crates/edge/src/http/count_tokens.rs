//! `POST /api/v1/messages/count_tokens`: about how many prompt tokens a conversation has, for clients that plan
//! by it. Counted here with a stand-in tokenizer; asks no provider and costs nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use dialect::client::Dialect;
use http::StatusCode;
use identity::KeyKind;
use rpc::worker::CountTokensRequest;
use rpc::worker::worker_client::WorkerClient;
use serde_json::json;

use super::body;
use super::reply::{Refusal, json};
use crate::service::App;
use crate::{auth, presets};

/// Answers Anthropic's clients.
pub(super) async fn count(State(app): State<Arc<App>>, request: axum::extract::Request) -> Response {
    match tokens(&app, request).await {
        Ok(tokens) => json(StatusCode::OK, &json!({"input_tokens": tokens})),
        Err(refusal) => refusal.spoken_in(Dialect::Messages).into_response(),
    }
}

async fn tokens(app: &App, request: axum::extract::Request) -> Result<u64, Refusal> {
    let caller = auth::authenticate_as(&app.keys, &request, KeyKind::Inference).await?;
    app.limits.count_request(&caller).await?;
    let http = &app.config.http;
    let body = body::read(request, http.max_body_bytes.get(), http.body_timeout_ms.get()).await?;
    let (body, peek) = match Dialect::Messages.peek(&body) {
        Ok(peek) => (body, peek),
        Err(refusal) => {
            let body = presets::with_model(&caller, Dialect::Messages, &body).await?.ok_or(refusal)?;
            let peek = Dialect::Messages.peek(&body)?;
            (body, peek)
        }
    };
    let body = presets::fill_in(app, &caller, Dialect::Messages, body, peek).await?.body;
    let question = CountTokensRequest { body, client_dialect: Dialect::Messages.as_str().to_owned() };
    let mut worker = WorkerClient::new(app.worker.clone()).max_encoding_message_size(rpc::MAX_MESSAGE);
    let answer = worker.count_tokens(question).await?;
    Ok(answer.into_inner().input_tokens)
}
