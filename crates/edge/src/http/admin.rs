//! The operators' API, below `/admin/v1`. One file a resource; each operation's `#[utoipa::path]` is its route, its
//! documentation and its guard at once ([`crate::access`]).

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

use axum::extract::Request;
use dialect::error::{BadRequest, ErrorType};
use identity::TenantId;
use serde::de::DeserializeOwned;
use utoipa_axum::router::OpenApiRouter;

use super::body;
use super::reply::{Refusal, UserFacing as _};
use crate::access::Operator;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(budgets::routes())
        .merge(catalogue::routes())
        .merge(catalogue_lists::routes())
        .merge(credit::routes())
        .merge(decisions::routes())
        .merge(health::routes())
        .merge(invoices::routes())
        .merge(keys::routes())
        .merge(ledger::routes())
        .merge(notices::routes())
        .merge(payments::routes())
        .merge(plans::routes())
        .merge(prices::routes())
        .merge(tenants::routes())
        .merge(usage::routes())
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

/// A value that was sent, be it `null`; the default of the field is that it was not.
fn sent<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}
