//! What an organisation was sent, and its usage in rows.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Named;
use crate::access::Caller;
use crate::http::admin::invoices::{Span, WantedDocuments, documents, read_document, usage_csv};
use crate::http::documents::Document;
use crate::http::reply::Refusal;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(usage))
}

/// List invoices, statements, credit notes and receipts
#[utoipa::path(get, path = "/invoices", operation_id = "listInvoices", tag = "Invoices", params(WantedDocuments),
    responses((status = 200, description = "The documents, newest first", body = Document)),
    security(("management_key" = ["invoices.read"]), ("session" = ["invoices.read"])))]
async fn list(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Result<Response, Refusal> {
    documents(&app, caller.tenant, &request.into_parts().0).await
}

/// Show an invoice, statement, credit note or receipt
#[utoipa::path(get, path = "/invoices/{number}", operation_id = "getInvoice", tag = "Invoices",
    params(("number" = String, Path,
        description = "The document's number, which may end with `.json`, `.html` or `.pdf`")),
    responses((status = 200, description = "The document", content((Document = "application/json"),
        (String = "text/html"), (Vec<u8> = "application/pdf")))),
    security(("management_key" = ["invoices.read"]), ("session" = ["invoices.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(number): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    read_document(&app, caller.tenant, &number, request.headers()).await
}

/// Export usage as CSV
#[utoipa::path(get, path = "/usage.csv", operation_id = "exportUsage", tag = "Invoices", params(Span),
    responses((status = 200, description = "A row for each generation", body = String,
        content_type = "text/csv")),
    security(("management_key" = ["invoices.read"]), ("session" = ["invoices.read"])))]
async fn usage(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Result<Response, Refusal> {
    usage_csv(&app, caller.tenant, &request.into_parts().0).await
}
