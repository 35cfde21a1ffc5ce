//! `POST /api/v1/generation/feedback`: what an organisation says of one of its generations.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use identity::GenerationId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Data, Sent, bad, generation};
use crate::access::Caller;
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::{audit, feedback};
use crate::text;

/// Characters of a comment.
const LONGEST: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(submit))
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FeedbackCategory)]
enum Category {
    Latency,
    Incoherence,
    IncorrectResponse,
    Formatting,
    Billing,
    ApiError,
    Other,
}

impl Category {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Incoherence => "incoherence",
            Self::IncorrectResponse => "incorrect_response",
            Self::Formatting => "formatting",
            Self::Billing => "billing",
            Self::ApiError => "api_error",
            Self::Other => "other",
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Feedback)]
struct Said {
    /// `gen-...`
    #[schema(min_length = 1)]
    generation_id: String,
    category: Category,
    /// At most 1,000 characters.
    #[schema(max_length = 1000)]
    comment: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedbackRecorded)]
struct Recorded {
    /// Always true.
    success: bool,
}

/// Say what was wrong with a generation
///
/// One word on each generation is kept: the last.
#[utoipa::path(post, path = "/generation/feedback", operation_id = "submitGenerationFeedback", tag = "Generations",
    request_body = Said,
    responses((status = 200, description = "It is recorded", body = Data<Recorded>)),
    security(("management_key" = ["feedback.write"]), ("session" = ["feedback.write"])))]
async fn submit(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(said): Sent<Said>,
) -> Result<Response, Refusal> {
    if said.generation_id.is_empty() {
        return Err(bad("generation_id: use the id of a generation"));
    }
    text::note("comment", said.comment.as_deref().unwrap_or_default(), LONGEST)?;
    let id: GenerationId =
        said.generation_id.parse().map_err(|_| generation::not_found(&said.generation_id))?;
    generation::find(&app, caller.tenant, id).await?;
    pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let comment = said.comment.as_deref().filter(|comment| !comment.is_empty());
            let is_new = feedback::put(tx, id, said.category.as_str(), comment, &caller.actor()).await?;
            if is_new {
                let details = json!({ "category": said.category.as_str(), "has_comment": comment.is_some() });
                let entry = caller.does("generation.feedback", format!("generation:{id}"), details);
                audit::insert(tx.connection(), &entry).await?;
            }
            Ok::<_, sqlx::Error>(())
        })
    })
    .await?;
    Ok(reply::json(StatusCode::OK, &Data { data: Recorded { success: true } }))
}
