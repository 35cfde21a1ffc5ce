//! `GET /api/v1/generation/content?id=`: what was sent to a model and what came back, where it is kept.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use chrono::Utc;
use dialect::error::ErrorType;
use http::StatusCode;
use identity::{GenerationId, KeyKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Data};
use crate::access::{Caller, Who};
use crate::content::{self, Exchange, Failure, Output};
use crate::http::reply::{self, Refusal, UserFacing};
use crate::service::App;

/// What ended a moment ago may still be on its way to the database: it is waited for.
const STORED_WITHIN: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Of older generations there is nothing to wait for.
const RECENT: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// `gen-...`
    id: String,
}

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Both sides of a generation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GenerationContent)]
struct Content {
    /// An object with the `messages` that were sent, or with the `prompt`.
    #[schema(value_type = Object)]
    input: Value,
    output: Output,
    /// Null where the answer is whole.
    error: Option<Failure>,
    /// Something was longer than what is kept; the texts say where.
    truncated: bool,
}

impl From<Exchange> for Content {
    fn from(kept: Exchange) -> Self {
        Self { input: kept.input, output: kept.output, error: kept.failure, truncated: kept.is_cut }
    }
}

/// Show what was sent to a model and what came back
///
/// Only where the key's workspace kept it. An inference key is shown what was made with itself.
#[utoipa::path(get, path = "/generation/content", operation_id = "listGenerationContent", tag = "Generations",
    params(Wanted),
    responses((status = 200, description = "The content", body = Data<Content>)),
    security(("inference_key" = ["content.read"]), ("management_key" = ["content.read"]),
        ("session" = ["content.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let not_found = || {
        let message = format!(
            "No content of generation {} is kept. Content is kept while input and output logging is on in the key's \
             workspace, for the requests that are sampled.",
            wanted.id
        );
        Refusal::new(ErrorType::NotFound, message)
    };
    let id: GenerationId = wanted.id.parse().map_err(|_| not_found())?;
    let deadline = tokio::time::Instant::now() + STORED_WITHIN;
    loop {
        let wrapper = Arc::clone(&app.wrapper);
        let found = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
            Box::pin(async move { content::read(tx, wrapper.as_ref(), id).await })
        });
        if let Some(kept) = found.await? {
            if !kept.is_logged || !may_see(&caller, &kept) {
                return Err(not_found());
            }
            return Ok(reply::json(StatusCode::OK, &Data { data: Content::from(kept) }));
        }
        if !is_recent(id) || tokio::time::Instant::now() >= deadline {
            return Err(not_found());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// A key that was given to a program is no key to what others say.
fn may_see(caller: &Caller, kept: &Exchange) -> bool {
    match &caller.who {
        Who::Key(context) if context.key.kind == KeyKind::Inference => context.key.id.uuid() == kept.key,
        Who::Key(_) | Who::Person { .. } => true,
    }
}

/// Whether the id was made a moment ago; it carries its time.
fn is_recent(id: GenerationId) -> bool {
    let Some(made) = id.uuid().get_timestamp() else { return false };
    let (seconds, _) = made.to_unix();
    let now = u64::try_from(Utc::now().timestamp()).unwrap_or_default();
    now.saturating_sub(seconds) < RECENT.as_secs()
}

impl UserFacing for content::Error {
    fn refusal(self) -> Refusal {
        if let Self::Database(error) = self {
            return error.refusal();
        }
        tracing::error!(error = %self, "kept content cannot be shown");
        rpc::Fault::internal().refusal()
    }
}
