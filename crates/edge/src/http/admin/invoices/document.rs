//! Issued documents in their three forms, and usage as CSV: for operators, and for tenants of their own.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use chrono::NaiveDate;
use futures::StreamExt as _;
use http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use identity::TenantId;
use rpc::billing::get_document_request::Form as Wire;
use rpc::billing::{ExportUsageRequest, GetDocumentRequest, ListDocumentsRequest, RenderedDocument};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::super::accept::accepted;
use super::super::super::body::from_query;
use super::super::super::documents::Document;
use super::super::super::management::Named;
use super::super::super::reply::{self, Refusal, UserFacing as _};
use super::{Operator, asked, bad, client, number, tenant};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(of_tenant))
        .routes(routes!(one_of_tenant))
        .routes(routes!(usage_of_tenant))
}

/// What a document is asked for as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Html,
    Pdf,
}

impl Form {
    /// The name without its suffix, and what is asked for: by the suffix, else by what `Accept` wants most of what is known.
    pub(super) fn of<'n>(name: &'n str, headers: &HeaderMap) -> (&'n str, Option<Self>) {
        for (suffix, form) in [(".json", Self::Json), (".html", Self::Html), (".pdf", Self::Pdf)] {
            if let Some(name) = name.strip_suffix(suffix) {
                return (name, Some(form));
            }
        }
        let mut known = accepted(headers, &ACCEPT).into_iter().filter_map(|kind| match kind {
            "application/pdf" => Some(Some(Self::Pdf)),
            "text/html" => Some(Some(Self::Html)),
            "application/json" => Some(None),
            _ => None,
        });
        (name, known.next().flatten())
    }

    const fn wire(self) -> Wire {
        match self {
            Self::Json => Wire::Json,
            Self::Html => Wire::Html,
            Self::Pdf => Wire::Pdf,
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }
}

/// What was issued for an invoice, or what it says so far.
pub(super) async fn of_invoice(app: &App, invoice_id: String, form: Form) -> Result<Response, Refusal> {
    let message =
        GetDocumentRequest { invoice_id, form: form.wire().into(), ..GetDocumentRequest::default() };
    read(app, message, form).await
}

/// A document of this tenant's by its number, which may end with the form's suffix; JSON unless another is asked for.
pub(in crate::http) async fn read_document(
    app: &App,
    of: TenantId,
    name: &str,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let (number, form) = Form::of(name, headers);
    let form = form.unwrap_or(Form::Json);
    let message = GetDocumentRequest {
        tenant_id: of.to_string(),
        number: number.to_owned(),
        form: form.wire().into(),
        ..GetDocumentRequest::default()
    };
    read(app, message, form).await
}

async fn read(app: &App, message: GetDocumentRequest, form: Form) -> Result<Response, Refusal> {
    let found =
        asked(app, message, |mut billing, message| async move { billing.get_document(message).await });
    let RenderedDocument { number, content_type, body, sha256 } = found.await?;
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put(CONTENT_TYPE, content_type);
    put(HeaderName::from_static("x-document-sha256"), sha256);
    put(
        HeaderName::from_static("content-security-policy"),
        "default-src 'none'; style-src 'unsafe-inline'".to_owned(),
    );
    let name = if number.is_empty() { "draft" } else { &number };
    put(CONTENT_DISPOSITION, format!("inline; filename=\"{name}.{}\"", form.suffix()));
    Ok(response)
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Wanted {
    kind: String,
    /// The last number of the page before.
    after: String,
    limit: u32,
}

/// The documents of a tenant, newest first.
pub(in crate::http) async fn documents(app: &App, of: TenantId, parts: &Parts) -> Result<Response, Refusal> {
    let wanted: Wanted = from_query(parts)?;
    if !matches!(wanted.kind.as_str(), "" | "invoice" | "statement" | "credit_note" | "receipt") {
        return Err(bad("kind: `invoice`, `statement`, `credit_note` or `receipt`"));
    }
    let message = ListDocumentsRequest {
        tenant_id: of.to_string(),
        kind: wanted.kind,
        after: wanted.after,
        limit: wanted.limit,
    };
    let listed =
        asked(app, message, |mut billing, message| async move { billing.list_documents(message).await });
    Ok(reply::raw_json(StatusCode::OK, listed.await?.body_json))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Span {
    /// A period's id, or the days `from` and `to`, UTC and both included.
    period: String,
    from: String,
    to: String,
}

/// Usage of a tenant as CSV, sent on as it comes.
pub(in crate::http) async fn usage_csv(app: &App, of: TenantId, parts: &Parts) -> Result<Response, Refusal> {
    let span: Span = from_query(parts)?;
    let day = |text: &str, name: &str| {
        let day: Result<NaiveDate, _> = text.parse();
        day.map_err(|_| bad(format!("{name}: `{text}` is no day: write \"2026-01-31\", or name a `period`")))
    };
    let mut message = ExportUsageRequest { tenant_id: of.to_string(), ..ExportUsageRequest::default() };
    if span.period.is_empty() {
        let (first, last) = (day(&span.from, "from")?, day(&span.to, "to")?);
        if !(0..366).contains(&last.signed_duration_since(first).num_days()) {
            return Err(bad("to: from the first day on, at most 366 days in all"));
        }
        (message.first_day, message.last_day) = (first.to_string(), last.to_string());
    } else {
        message.period_id = number(&span.period, "period")?;
    }
    let pieces = client(app).export_usage(message).await.map_err(tonic::Status::refusal)?.into_inner();
    // A failure after the first piece cuts the answer off, which the client sees.
    let body = Body::from_stream(pieces.map(|piece| piece.map(|piece| piece.csv)));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"usage.csv\""));
    Ok(response)
}

/// List the documents of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/invoices", operation_id = "listTenantDocuments",
    tag = "Invoices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id"), Wanted),
    responses((status = 200, description = "Invoices, statements, credit notes and receipts, newest first", body = Document)),
    security(("operator_token" = [])))]
async fn of_tenant(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    documents(&app, tenant(&id)?, &request.into_parts().0).await
}

/// Show a document of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/invoices/{number}", operation_id = "getTenantDocument",
    tag = "Invoices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id"),
        ("number" = String, Path, description = "The document's number, which may end with `.json`, `.html` or `.pdf`")),
    responses((status = 200, description = "The document", content((Document = "application/json"),
        (String = "text/html"), (Vec<u8> = "application/pdf")))),
    security(("operator_token" = [])))]
async fn one_of_tenant(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named((id, number)): Named<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    read_document(&app, tenant(&id)?, &number, request.headers()).await
}

/// Export the usage of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/usage.csv", operation_id = "exportTenantUsage", tag = "Usage",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id"), Span),
    responses((status = 200, description = "A row for each generation", body = String, content_type = "text/csv")),
    security(("operator_token" = [])))]
async fn usage_of_tenant(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    usage_csv(&app, tenant(&id)?, &request.into_parts().0).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_counts_before_the_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(Form::of("INV-2026-000001", &headers), ("INV-2026-000001", None));
        headers.insert(ACCEPT, HeaderValue::from_static("image/png, text/html;q=0.9, application/pdf"));
        assert_eq!(Form::of("INV-2026-000001", &headers), ("INV-2026-000001", Some(Form::Pdf)));
        assert_eq!(Form::of("INV-2026-000001.html", &headers), ("INV-2026-000001", Some(Form::Html)));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/html"));
        assert_eq!(Form::of("x", &headers), ("x", None));
    }
}
