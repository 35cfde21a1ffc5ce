//! Inference: one handler for every dialect, from the request's head to the answer's last byte.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, post};
use bytes::{Bytes, BytesMut};
use dialect::client::{Dialect, Peek, chat};
use dialect::error::ErrorType;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use identity::{GenerationId, KeyKind};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Instrument as _;

use super::events::{Events, Form};
use super::reply::{Refusal, raw_json};
use super::{body, upload};
use crate::admission::{self, StickyKey};
use crate::auth::{self, Context};
use crate::execution::{self, Client, Outgoing, Request};
use crate::guardrails::filters::{self, Passed};
use crate::metrics::Open;
use crate::presets::{self, Filled};
use crate::replay;
use crate::service::App;

pub(crate) const GENERATION_ID: HeaderName = HeaderName::from_static("x-generation-id");
const REQUEST_ID: [HeaderName; 2] =
    [HeaderName::from_static("x-request-id"), HeaderName::from_static("request-id")];
const SIMULATED: HeaderName = HeaderName::from_static("x-patchbay-simulated");
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// No model's name is longer, with all of its variants, in bytes.
const LONGEST_NAME: usize = 256;
/// What an app calls itself with is kept up to so many bytes: the name and the address are in one key of an index, which
/// takes 2,700 at most.
const MAX_ATTRIBUTION: usize = 1_024;

/// The route of a dialect.
pub(super) fn route(dialect: Dialect) -> MethodRouter<Arc<App>> {
    post(move |State(app): State<Arc<App>>, request: axum::extract::Request| infer(app, dialect, request))
}

/// Answers one request, streamed or whole.
async fn infer(app: Arc<App>, dialect: Dialect, request: axum::extract::Request) -> Response {
    let generation = GenerationId::generate();
    let span = tracing::info_span!(
        "inference",
        otel.kind = "server",
        dialect = dialect.as_str(),
        generation.id = %generation,
        tenant.id = tracing::field::Empty,
        model.slug = tracing::field::Empty,
    );
    rpc::continue_trace(&span, request.headers());
    let wish = replay::Wish::of(request.headers());
    let answered = async {
        let (accepted, place) = accept(&app, generation, dialect, request).await?;
        match wish?.asked(&accepted) {
            None => answer(&app, accepted, place).await,
            // Boxed, so that those who ask for nothing carry nothing of it.
            Some(asked) => Box::pin(replay::answer(&app, accepted, place, asked)).await,
        }
    };
    let answered = answered.instrument(span).await;
    let mut response = answered.unwrap_or_else(|refusal| refusal.spoken_in(dialect).into_response());
    // An answer that is given again says itself whose it is.
    let known = response.headers().get(GENERATION_ID).cloned();
    if let Some(id) = known.or_else(|| HeaderValue::from_str(&generation.to_string()).ok()) {
        // Where the official clients of OpenAI and Anthropic look for it.
        for name in REQUEST_ID {
            response.headers_mut().insert(name, id.clone());
        }
        response.headers_mut().insert(GENERATION_ID, id);
    }
    response
}

/// Who asks and for what; nothing has been done yet.
async fn accept(
    app: &App,
    generation: GenerationId,
    dialect: Dialect,
    request: axum::extract::Request,
) -> Result<(Request, OwnedSemaphorePermit), Refusal> {
    let caller = auth::authenticate_as(&app.keys, &request, KeyKind::Inference).await?;
    tracing::Span::current().record("tenant.id", tracing::field::display(caller.tenant()));
    let place = Arc::clone(&app.open).try_acquire_owned().map_err(|_| {
        app.metrics.denied("busy");
        Refusal::unavailable()
    })?;
    let referer = header(request.headers(), &["http-referer", "referer"]);
    let title = header(request.headers(), &["x-openrouter-title", "x-title"]);
    let head = admission::Head::of(request.headers(), request.uri(), &app.config.regions)?;
    let anthropic_beta = header(request.headers(), &["x-anthropic-beta", "anthropic-beta"]);
    let body = read(app, dialect, request).await?;
    let (dialect, body, peek) = open(&caller, dialect, body).await?;
    let Filled { body, peek, requested, cache_enabled, cache_ttl_seconds } =
        presets::fill_in(app, &caller, dialect, body, peek).await?;
    let Passed { body, peek, pipeline } =
        filters::screen(app, &caller, dialect, body, peek).await.map_err(|stopped| {
            stopped.refusal(head.wants_metadata.then_some((requested.as_deref(), head.region.as_str())))
        })?;
    if peek.models.is_empty() {
        return Err(Refusal::new(ErrorType::InvalidRequest, "No model was named: set `model` or `models`."));
    }
    if peek.models.iter().any(|name| name.len() > LONGEST_NAME) {
        let message = format!("A model's name has at most {LONGEST_NAME} bytes.");
        return Err(Refusal::new(ErrorType::InvalidRequest, message));
    }
    tracing::Span::current().record("model.slug", peek.models.first().map_or("", String::as_str));
    presets::check_tools(&caller, &body, &peek).await?;
    let mut preferences = admission::preferences(peek.provider.as_deref(), peek.partition)?;
    preferences.default_sort = caller.governance.defaults.provider_sort.clone().unwrap_or_default();
    let plugins = admission::plugins(peek.plugins.as_deref(), &caller.governance.defaults.plugins)?;
    let session_id = peek.session_id.clone().filter(|id| !id.is_empty()).unwrap_or(head.session_id);
    let sticky_key = StickyKey::of(caller.tenant(), dialect.operation(), &session_id, &peek);
    let request = Request {
        generation,
        caller,
        dialect,
        body,
        preferences,
        received_at_ms: chrono::Utc::now().timestamp_millis(),
        referer,
        title,
        anthropic_beta,
        session_id,
        sticky_key,
        plugins,
        region: head.region,
        wants_metadata: head.wants_metadata,
        pipeline,
        requested,
        cache_enabled,
        cache_ttl_seconds,
        peek,
    };
    Ok((request, place))
}

/// What admission needs of a body, with the default model of the caller's workspace where it names none.
async fn open(caller: &Context, dialect: Dialect, body: Bytes) -> Result<(Dialect, Bytes, Peek), Refusal> {
    match peek(dialect, &body) {
        Ok((dialect, peek)) => Ok((dialect, body, peek)),
        // A body without a model cannot be read. Whoever names one pays nothing for those who do not.
        Err(refusal) => {
            let body = presets::with_model(caller, dialect, &body).await?.ok_or(refusal)?;
            let (dialect, peek) = peek(dialect, &body)?;
            Ok((dialect, body, peek))
        }
    }
}

/// What admission needs of a body. A chat with a `prompt` instead of `messages` is a text completion.
fn peek(dialect: Dialect, body: &[u8]) -> Result<(Dialect, Peek), Refusal> {
    match dialect.peek(body) {
        Ok(peek) => Ok((dialect, peek)),
        Err(_) if dialect == Dialect::Chat && chat::has_prompt(body) => {
            Ok((Dialect::Completions, Dialect::Completions.peek(body)?))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// A request's body as JSON, whichever way it was sent.
async fn read(app: &App, dialect: Dialect, request: axum::extract::Request) -> Result<Bytes, Refusal> {
    let http = &app.config.http;
    let timeout = http.body_timeout_ms.get();
    match upload::boundary(dialect, request.headers()) {
        Some(boundary) => {
            let form = body::read(request, http.max_upload_bytes.get(), timeout).await?;
            upload::as_json(dialect, boundary, form).await
        }
        None => body::read(request, http.max_body_bytes.get(), timeout).await,
    }
}

fn header(headers: &HeaderMap, names: &[&str]) -> String {
    let value = names.iter().find_map(|name| headers.get(*name)?.to_str().ok()).unwrap_or_default();
    value.chars().take(MAX_ATTRIBUTION).collect()
}

/// Has the answer made for this request alone.
pub(crate) async fn answer(
    app: &Arc<App>,
    request: Request,
    place: OwnedSemaphorePermit,
) -> Result<Response, Refusal> {
    let form = Form::asked(&request);
    let (client, outgoing) = Client::new(app.config.requests.stalled_client_ms.get());
    let work = execution::run(Arc::clone(app), request, client);
    let work = async move {
        work.await;
        drop(place);
    };
    app.tasks.spawn(work.in_current_span());
    deliver(app, form, outgoing).await
}

/// Answers with what comes, as a stream where there is a form of one.
pub(crate) async fn deliver(
    app: &App,
    form: Option<Form>,
    outgoing: mpsc::Receiver<Outgoing>,
) -> Result<Response, Refusal> {
    match form {
        Some(form) => stream(app, form, outgoing).await,
        None => whole(outgoing).await,
    }
}

/// Waits for the first frames, an error, or the silence that makes the status 200 before either.
async fn stream(app: &App, form: Form, mut outgoing: mpsc::Receiver<Outgoing>) -> Result<Response, Refusal> {
    let every = app.config.requests.keep_alive_ms.get();
    let mut simulated = false;
    let begun = begin(&mut outgoing, &mut simulated);
    let first = match form.keep_alive() {
        Some(keep_alive) => match tokio::time::timeout(every, begun).await {
            Ok(begun) => begun?,
            Err(_) => Bytes::from_static(keep_alive),
        },
        None => begun.await?,
    };
    let content_type = HeaderValue::from_static(form.content_type());
    let open = Open::one(&app.metrics.open_streams);
    let events = Events::new(first, outgoing, every, form, open);
    let mut response = Response::new(Body::new(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    mark(&mut response, simulated);
    Ok(response)
}

async fn whole(mut outgoing: mpsc::Receiver<Outgoing>) -> Result<Response, Refusal> {
    let mut simulated = false;
    let first = begin(&mut outgoing, &mut simulated).await?;
    let mut rest = BytesMut::new();
    while let Some(more) = outgoing.recv().await {
        match more {
            Outgoing::Frames(frames) => rest.extend_from_slice(&frames),
            Outgoing::Refused(refusal) => return Err(refusal),
            Outgoing::Planned { .. } | Outgoing::Begin { .. } => {}
        }
    }
    let body = if rest.is_empty() { first } else { [first.as_ref(), rest.as_ref()].concat().into() };
    let mut response = raw_json(StatusCode::OK, body);
    mark(&mut response, simulated);
    Ok(response)
}

/// The first frames of an answer, and whether it is simulated, as far as is known.
async fn begin(outgoing: &mut mpsc::Receiver<Outgoing>, is_simulated: &mut bool) -> Result<Bytes, Refusal> {
    while let Some(message) = outgoing.recv().await {
        match message {
            Outgoing::Planned { simulated } | Outgoing::Begin { simulated } => *is_simulated = simulated,
            Outgoing::Frames(frames) => return Ok(frames),
            Outgoing::Refused(refusal) => return Err(refusal),
        }
    }
    // The task ended without a word, which only a bug makes it do.
    Err(rpc::Fault::internal().into())
}

fn mark(response: &mut Response, simulated: bool) {
    if simulated {
        response.headers_mut().insert(SIMULATED, HeaderValue::from_static("true"));
    }
}
