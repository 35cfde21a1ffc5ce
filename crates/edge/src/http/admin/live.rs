//! Traffic and health as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use identity::KeyHash;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::reply::Refusal;
use super::Operator;
use crate::access::Session;
use crate::auth;
use crate::live::Viewer;
use crate::service::App;
use crate::store;

/// What keeps proxies from holding events back.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// A comment after so long a silence.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(watch))
}

/// Watch traffic and health
///
/// Server-sent events. `traffic`, every two seconds, over all edges that this one hears of:
/// `{"at": ms, "requests": n, "errors": n, "tokens": n, "spend_nano_usd": "n", "in_flight": n}`. `health`, when an
/// endpoint changes: `{"at": ms, "endpoint": id, "model": id, "provider": slug, "state": "..."}`; a stream begins with the
/// endpoints that are not `healthy`. It ends when the edge stops and when the session or token is no longer in force.
#[utoipa::path(get, path = "/live", operation_id = "watchLive", tag = "Status",
    responses((status = 200, description = "The events", body = String, content_type = "text/event-stream")),
    security(("operator_token" = [])))]
async fn watch(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let leave = Leave::of(&request).ok_or(auth::Error::Missing)?;
    let viewer = app.live.watch();
    let check_at = Instant::now() + app.config.live.check_ms.get();
    let watching = Watching { app, leave, viewer, check_at };
    let events =
        Sse::new(futures::stream::unfold(watching, next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(unbuffered(events.into_response()))
}

/// For nobody to keep or to hold back.
pub(super) fn unbuffered(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

/// What lets somebody watch.
enum Leave {
    Token(KeyHash),
    Session(Session),
}

impl Leave {
    fn of(request: &Request) -> Option<Self> {
        let token = || auth::bearer(request.headers()).map(|secret| Self::Token(KeyHash::of(secret)));
        request.extensions().get::<Session>().cloned().map(Self::Session).or_else(token)
    }

    /// Whether it still does. A database that is away takes it from nobody.
    async fn is_in_force(&self, app: &App) -> bool {
        let found: Result<bool, sqlx::Error> = match self {
            Self::Token(hash) => store::operators::by_hash(&app.pool, *hash).await.map(|name| name.is_some()),
            Self::Session(session) => {
                let id = session.id;
                store::people::as_person(&app.pool, session.person, move |tx| {
                    Box::pin(async move { store::sessions::is_of_operator(tx, id).await })
                })
                .await
            }
        };
        found.unwrap_or(true)
    }
}

struct Watching {
    app: Arc<App>,
    leave: Leave,
    viewer: Viewer,
    check_at: Instant,
}

async fn next(mut watching: Watching) -> Option<(Result<Event, Infallible>, Watching)> {
    let shutdown = watching.app.tasks.shutdown().clone();
    loop {
        tokio::select! {
            () = shutdown.begun() => return None,
            () = tokio::time::sleep_until(watching.check_at) => {
                if !watching.leave.is_in_force(&watching.app).await {
                    return None;
                }
                watching.check_at = Instant::now() + watching.app.config.live.check_ms.get();
            }
            told = watching.viewer.next() => {
                let told = told?;
                return Some((Ok(Event::default().event(told.event).data(&*told.data)), watching));
            }
        }
    }
}
