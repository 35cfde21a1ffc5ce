//! The management API, below `/api/v1`: what an organisation does with its keys and the console's sessions. One file a
//! resource; each operation's `#[utoipa::path]` is its route, its documentation and its guard at once
//! ([`crate::access`]).

mod account;
mod activity;
mod analytics;
mod auth_keys;
mod budgets;
mod byok;
mod content;
mod destinations;
mod feedback;
mod generation;
mod guardrails;
mod invoices;
mod keys;
mod organization;
mod payments;
mod presets;
mod settings;
mod workspace_members;
mod workspaces;

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use dialect::error::{BadRequest, ErrorType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::body;
use super::reply::{Refusal, UserFacing as _};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(account::routes())
        .merge(activity::routes())
        .merge(analytics::routes())
        .merge(auth_keys::routes())
        .merge(budgets::routes())
        .merge(byok::routes())
        .merge(content::routes())
        .merge(destinations::routes())
        .merge(feedback::routes())
        .merge(generation::routes())
        .merge(guardrails::routes())
        .merge(invoices::routes())
        .merge(keys::routes())
        .merge(organization::routes())
        .merge(payments::routes())
        .merge(presets::routes())
        .merge(workspace_members::routes())
        .merge(workspaces::routes())
}

/// A JSON body, within the bounds of the management API.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let http = &app.config.http;
        let bytes = body::read(request, http.max_admin_body_bytes.get(), http.body_timeout_ms.get()).await?;
        body::from_json(&bytes).map(Self)
    }
}

/// What a path names, as it is written there; whatever cannot be read names nothing.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send> axum::extract::FromRequestParts<Arc<App>> for Named<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut http::request::Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        // No name has one, and the database takes none.
        if parts.uri.path().contains("%00") {
            return Err(not_found());
        }
        let path = axum::extract::Path::<T>::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path(named)| Self(named)).map_err(|_| not_found())
    }
}

/// A query string.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> axum::extract::FromRequestParts<Arc<App>> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        body::from_query(parts).map(Self)
    }
}

/// An answer that is one thing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    /// Of the whole list.
    pub(super) total_count: i64,
}

/// Rows of a page, unless another number is asked for, and at most.
const USUAL_ROWS: u32 = 50;
const MOST_ROWS: u32 = 100;

/// Rows to pass over, and rows to answer at most, as a query asks for them.
///
/// # Errors
/// A [`Refusal`] when it asks for none or for too many.
pub(super) fn rows(offset: Option<u32>, limit: Option<u32>) -> Result<(i64, i64), Refusal> {
    let limit = limit.unwrap_or(USUAL_ROWS);
    if !(1..=MOST_ROWS).contains(&limit) {
        return Err(bad(format!("limit: use 1 to {MOST_ROWS}")));
    }
    Ok((offset.unwrap_or(0).into(), limit.into()))
}

/// Something is there no longer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Deleted {
    /// Always true.
    pub(super) deleted: bool,
}

pub(super) fn not_found() -> Refusal {
    Refusal::new(ErrorType::NotFound, "Resource not found")
}

pub(super) fn bad(message: impl Into<String>) -> Refusal {
    BadRequest::new(message).refusal()
}
