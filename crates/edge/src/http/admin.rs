//! The operators' API, below `/admin/v1`. One file a resource; each operation's `#[utoipa::path]` is its route, its
//! documentation and its guard at once ([`crate::access`]).

mod audit;
mod bills;
mod budgets;
mod catalogue;
mod catalogue_import;
mod catalogue_lists;
mod credit;
mod decisions;
mod erasure;
mod flags;
mod health;
mod idempotency;
mod invitations;
pub(super) mod invoices;
mod keys;
mod ledger;
mod limits;
mod live;
mod notices;
mod parked;
mod payments;
mod plans;
mod prices;
mod progress;
mod record;
mod status;
mod tenants;
mod usage;
mod versions;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use dialect::error::{BadRequest, ErrorType};
use identity::TenantId;
use serde::de::DeserializeOwned;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required};
use utoipa_axum::router::OpenApiRouter;

use super::body::{self, sent};
use super::reply::{Refusal, UserFacing as _};
use crate::access::Operator;
use crate::service::App;
use crate::store::organisations;

/// All operations: `POST` once under an `Idempotency-Key`, changes with `If-Match`.
pub(super) fn routes(app: &Arc<App>) -> OpenApiRouter<Arc<App>> {
    let readers: Router = operations().split_for_parts().0.with_state(Arc::clone(app));
    let mut api = operations();
    api.get_openapi_mut().paths.paths.values_mut().for_each(headers);
    api.route_layer(from_fn_with_state(Arc::clone(app), idempotency::layer))
        .route_layer(from_fn_with_state(readers, versions::layer))
}

/// Says of operations which headers all of their kind take.
fn headers(item: &mut PathItem) {
    let header = |name: &str, says: &str| {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let header =
            ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).description(Some(says));
        RefOr::T(header.required(Required::False).schema(Some(text)).build())
    };
    let says = "Names the request, so that it is done once and answered alike for a day.";
    if let Some(operation) = &mut item.post {
        operation.parameters.get_or_insert_default().push(header("Idempotency-Key", says));
    }
    let says =
        "The `ETag` of what was read; when it is so no longer, nothing is changed and the answer is 412.";
    for operation in [&mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
        operation.parameters.get_or_insert_default().push(header("If-Match", says));
    }
}

fn operations() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(audit::routes())
        .merge(budgets::routes())
        .merge(catalogue::routes())
        .merge(catalogue_import::routes())
        .merge(catalogue_lists::routes())
        .merge(credit::routes())
        .merge(decisions::routes())
        .merge(erasure::routes())
        .merge(flags::routes())
        .merge(health::routes())
        .merge(invitations::routes())
        .merge(invoices::routes())
        .merge(keys::routes())
        .merge(ledger::routes())
        .merge(limits::routes())
        .merge(live::routes())
        .merge(notices::routes())
        .merge(payments::routes())
        .merge(plans::routes())
        .merge(prices::routes())
        .merge(status::routes())
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

/// Refuses an organisation that there is not, and was not before an erasure either.
async fn known(app: &App, tenant: TenantId) -> Result<(), Refusal> {
    let found = pg::in_tenant(&app.pool, tenant, |tx| Box::pin(organisations::settings(tx))).await?;
    found.map(|_| ()).ok_or_else(|| not_found("tenant"))
}

fn not_found(what: &str) -> Refusal {
    Refusal::new(ErrorType::NotFound, format!("There is no such {what}."))
}

fn bad(message: impl Into<String>) -> Refusal {
    BadRequest::new(message).refusal()
}
