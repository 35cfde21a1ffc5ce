//! What an organisation was sent, and its usage in rows: `/invoices` and `/usage.csv`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use identity::KeyKind;

use super::admin::invoices::{documents, read_document, usage_csv};
use super::reply::Refusal;
use crate::auth;
use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/invoices", get(list))
        .route("/api/v1/invoices/{number}", get(show))
        .route("/api/v1/usage.csv", get(usage))
}

/// `GET /api/v1/invoices`: invoices, statements, credit notes and receipts.
async fn list(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = auth::authenticate_as(&app.keys, &request, KeyKind::Management).await?;
    documents(&app, context.tenant(), &request.into_parts().0).await
}

/// `GET /api/v1/invoices/{number}`: one of them, as JSON, HTML or PDF.
async fn show(
    State(app): State<Arc<App>>,
    Path(number): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let context = auth::authenticate_as(&app.keys, &request, KeyKind::Management).await?;
    read_document(&app, context.tenant(), &number, request.headers()).await
}

/// `GET /api/v1/usage.csv`: a row for each generation.
async fn usage(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = auth::authenticate_as(&app.keys, &request, KeyKind::Management).await?;
    usage_csv(&app, context.tenant(), &request.into_parts().0).await
}
