//! Reconciliation: what providers bill, beside what we say we owe them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use rpc::billing::{GetBillRequest, ImportBillRequest, ListBillsRequest, PayBillRequest};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::{self, from_query};
use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::Refusal;
use super::ledger::{amount, document, ledger, record};
use super::{Operator, bad, read};
use crate::service::App;
use crate::text;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, import)).routes(routes!(show)).routes(routes!(pay))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    provider: String,
    after: String,
    limit: u32,
}

/// List the bills of providers
#[utoipa::path(get, path = "/reconciliations", operation_id = "listReconciliations", tag = "Reconciliation",
    params(Wanted),
    responses((status = 200, description = "The bills", body = Document)),
    security(("operator_token" = [])))]
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
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
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

/// Import the bill of a provider
#[utoipa::path(post, path = "/reconciliations", operation_id = "importBill", tag = "Reconciliation",
    params(File),
    request_body(content = String, content_type = "text/csv", description = "The provider's file"),
    responses((status = 200, description = "The bill beside what we say we owe", body = Document)),
    security(("operator_token" = [])))]
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

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Page {
    after: String,
    limit: u32,
}

/// Show the bill of a provider
#[utoipa::path(get, path = "/reconciliations/{id}", operation_id = "getReconciliation",
    tag = "Reconciliation",
    params(("id" = String, Path, description = "The bill's id"), Page),
    responses((status = 200, description = "The bill beside what we say we owe", body = Document)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let Page { after, limit } = from_query(&request.into_parts().0)?;
    let message = GetBillRequest { bill_id: id, after, limit };
    Ok(document(ledger(&app).get_bill(message).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BillPayment)]
struct Payment {
    /// USD as a string. A bill is paid once; paying it again with the same amount changes nothing.
    amount: String,
    #[serde(default)]
    reference: String,
}

/// Record that a bill was paid
#[utoipa::path(post, path = "/reconciliations/{id}/pay", operation_id = "payBill", tag = "Reconciliation",
    params(("id" = String, Path, description = "The bill's id")),
    request_body = Payment,
    responses((status = 200, description = "The bill", body = Document)),
    security(("operator_token" = [])))]
async fn pay(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: Payment = read(&app, request).await?;
    text::optional_line("reference", &sent.reference, text::LONGEST_REFERENCE)?;
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
