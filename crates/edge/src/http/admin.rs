//! The operators' API, below `/admin/v1`.

mod bills;
mod budgets;
mod catalogue;
mod catalogue_lists;
mod credit;
mod decisions;
mod health;
pub(super) mod invoices;
mod keys;
mod ledger;
mod notices;
mod parked;
mod payments;
mod plans;
mod prices;
mod tenants;
mod usage;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{delete, get, patch, post};
use dialect::error::{BadRequest, ErrorType};
use identity::TenantId;
use serde::de::DeserializeOwned;

use super::body::{self, sent};
use super::reply::{Refusal, UserFacing as _};
use crate::access::Operator;
use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/catalogue", get(catalogue_lists::all))
        .route("/providers", get(catalogue_lists::providers).post(catalogue::put_provider))
        .route(
            "/providers/{slug}",
            get(catalogue_lists::provider)
                .patch(catalogue::change_provider)
                .delete(catalogue::disable_provider),
        )
        .route("/models", get(catalogue_lists::models).post(catalogue::put_model))
        .route(
            "/models/{author}/{name}",
            get(catalogue_lists::model).patch(catalogue::change_model).delete(catalogue::disable_model),
        )
        .route("/endpoints", get(catalogue_lists::endpoints).post(catalogue::put_endpoint))
        .route(
            "/endpoints/{id}",
            get(catalogue_lists::endpoint)
                .patch(catalogue::change_endpoint)
                .delete(catalogue::disable_endpoint),
        )
        .route("/health", get(health::all))
        .route("/endpoints/{id}/health", get(health::one))
        .route("/prices", get(prices::list).post(prices::put))
        .route("/prices/{id}", delete(prices::withdraw))
        .route("/changes", get(catalogue_lists::changes))
        .route("/tenants", get(tenants::list).post(tenants::create))
        .route("/tenants/{tenant}/keys", get(keys::list).post(keys::create))
        .route("/tenants/{tenant}/credits", post(credit::grant))
        .route("/tenants/{tenant}/balance", get(credit::balance))
        .route("/keys/{hash}/rotate", post(keys::rotate))
        .route("/keys/{hash}", patch(keys::change).delete(keys::delete).get(keys::show))
        .route("/decisions", get(decisions::list))
        .route("/decisions/{generation}", get(decisions::show))
        .route("/route/explain", post(decisions::explain))
        .route("/route/replay", post(decisions::replay))
        .route("/invariants", get(credit::invariants))
        .merge(budgets::routes())
        .merge(invoices::routes())
        .merge(ledger::routes())
        .merge(notices::routes())
        .merge(payments::routes())
        .merge(plans::routes())
        .merge(usage::routes())
        .method_not_allowed_fallback(super::routes::wrong_method)
}

/// The body of an admin request, as a closed struct.
async fn read<T: DeserializeOwned>(app: &App, request: Request) -> Result<T, Refusal> {
    let http = &app.config.http;
    let bytes = body::read(request, http.max_admin_body_bytes.get(), http.body_timeout_ms.get()).await?;
    body::from_json(&bytes)
}

/// The tenant that a path names.
fn tenant(text: &str) -> Result<TenantId, Refusal> {
    text.parse().map_err(|_| not_found("tenant"))
}

fn not_found(what: &str) -> Refusal {
    Refusal::new(ErrorType::NotFound, format!("There is no such {what}."))
}

fn bad(message: impl Into<String>) -> Refusal {
    BadRequest::new(message).refusal()
}
