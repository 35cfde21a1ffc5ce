//! Reconciliation: what providers bill, beside what we say we owe them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use rpc::billing::{GetBillRequest, ImportBillRequest, ListBillsRequest, PayBillRequest};
use serde::Deserialize;
use serde_json::json;

use super::super::body::{self, from_query};
use super::super::reply::Refusal;
use super::ledger::{amount, document, ledger, record};
use super::{Operator, bad, read};
use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/reconciliations", get(list).post(import))
        .route("/reconciliations/{id}", get(show))
        .route("/reconciliations/{id}/pay", post(pay))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    provider: String,
    after: String,
    limit: u32,
}

async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Wanted { provider, after, limit } = from_query(&request.into_parts().0)?;
    let message = ListBillsRequest { provider, after, limit };
    Ok(document(ledger(&app).list_bills(message).await?))
}

/// The query beside a CSV file. The maps are JSON objects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: String,
    #[serde(default = "generic")]
    format: String,
    first_day: String,
    last_day: String,
    #[serde(default)]
    file_name: String,
    columns: Option<String>,
    models: Option<String>,
}

fn generic() -> String {
    "generic".to_owned()
}

fn map(text: Option<&str>, field: &str) -> Result<HashMap<String, String>, Refusal> {
    text.map_or_else(
        || Ok(HashMap::new()),
        |text| {
            serde_json::from_str(text)
                .map_err(|error| bad(format!("{field}: it is no JSON object of strings: {error}")))
        },
    )
}

async fn import(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let file: File = from_query(&parts)?;
    let http = &app.config.http;
    let request = Request::from_parts(parts, body);
    let csv = body::read(request, http.max_body_bytes.get(), http.body_timeout_ms.get()).await?;
    let details = json!({
        "provider": file.provider,
        "first_day": file.first_day,
        "last_day": file.last_day,
        "file_name": file.file_name,
        "bytes": csv.len(),
    });
    let message = ImportBillRequest {
        columns: map(file.columns.as_deref(), "columns")?,
        models: map(file.models.as_deref(), "models")?,
        provider: file.provider.clone(),
        format: file.format,
        first_day: file.first_day,
        last_day: file.last_day,
        file_name: file.file_name,
        csv,
        actor: operator.actor.clone(),
    };
    let imported = ledger(&app).import_bill(message).await?;
    record(&app, &operator.does("reconciliation.import", None, file.provider, details)).await;
    Ok(document(imported))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Page {
    after: String,
    limit: u32,
}

async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let Page { after, limit } = from_query(&request.into_parts().0)?;
    let message = GetBillRequest { bill_id: id, after, limit };
    Ok(document(ledger(&app).get_bill(message).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payment {
    /// USD as a string. A bill is paid once; paying it again with the same amount changes nothing.
    amount: String,
    #[serde(default)]
    reference: String,
}

async fn pay(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: Payment = read(&app, request).await?;
    let message = PayBillRequest {
        bill_id: id.clone(),
        amount: amount(&sent.amount, "amount")?,
        reference: sent.reference.clone(),
    };
    let paid = rpc::retry(3, || {
        let (mut ledger, message) = (ledger(&app), message.clone());
        async move { ledger.pay_bill(message).await }
    })
    .await?;
    let details = json!({ "amount": sent.amount, "reference": sent.reference });
    record(&app, &operator.does("reconciliation.pay", None, id, details)).await;
    Ok(document(paid))
}
