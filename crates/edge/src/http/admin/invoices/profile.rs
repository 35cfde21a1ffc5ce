//! Whom a tenant's documents are made out to, and whether they are held back.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::billing::{
    BillingProfile, FreezeInvoicingRequest, GetBillingProfileRequest, PutBillingProfileRequest,
    UnfreezeInvoicingRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::super::documents::Document;
use super::super::super::management::Named;
use super::super::super::reply::{self, Refusal};
use super::super::known;
use super::super::record::note;
use super::{Operator, asked, bad, read, tenant};
use crate::service::App;
use crate::text;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show, put)).routes(routes!(freeze, unfreeze))
}

/// Lines of an address; more fit no envelope.
const MAX_LINES: usize = 6;
/// Characters of a line.
const LONGEST_LINE: usize = 254;

/// Show whom documents are made out to
#[utoipa::path(get, path = "/tenants/{tenant}/billing-profile", operation_id = "getBillingProfile",
    tag = "Invoices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The billing profile; null where none was set", body = Option<Document>)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let of = tenant(&id)?;
    let message = GetBillingProfileRequest { tenant_id: of.to_string() };
    let found =
        asked(
            &app,
            message,
            |mut billing, message| async move { billing.get_billing_profile(message).await },
        );
    match found.await {
        Ok(found) => Ok(reply::raw_json(StatusCode::OK, found.body_json)),
        Err(refusal) if refusal.status() == StatusCode::NOT_FOUND.as_u16() => {
            known(&app, of).await?;
            Ok(reply::json(StatusCode::OK, &Value::Null))
        }
        Err(refusal) => Err(refusal),
    }
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BillingProfile)]
struct Profile {
    name: String,
    #[serde(default)]
    address: Vec<String>,
    /// ISO 3166, two letters.
    country: String,
    #[serde(default)]
    tax_id: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    tax: Treatment,
    #[serde(default)]
    tax_basis_points: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TaxTreatment)]
enum Treatment {
    #[default]
    None,
    Standard,
    Exempt,
    ReverseCharge,
}

impl Treatment {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Standard => "standard",
            Self::Exempt => "exempt",
            Self::ReverseCharge => "reverse_charge",
        }
    }
}

impl Profile {
    /// What stands on documents, each a line.
    fn check_texts(&self) -> Result<(), Refusal> {
        text::line("name", &self.name, LONGEST_LINE)?;
        for line in &self.address {
            text::optional_line("address", line, LONGEST_LINE)?;
        }
        let others = [("tax_id", &self.tax_id), ("email", &self.email), ("reference", &self.reference)];
        for (member, line) in others {
            text::optional_line(member, line, LONGEST_LINE)?;
        }
        Ok(())
    }
}

/// Set whom documents are made out to
#[utoipa::path(put, path = "/tenants/{tenant}/billing-profile", operation_id = "putBillingProfile",
    tag = "Invoices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Profile,
    responses((status = 200, description = "The billing profile as it is now", body = Document)),
    security(("operator_token" = [])))]
async fn put(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let of = tenant(&id)?;
    let sent: Profile = read(&app, request).await?;
    if sent.address.len() > MAX_LINES {
        return Err(bad("address: at most 6 lines"));
    }
    if sent.country.len() != 2 || !sent.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(bad("country: two capital letters, such as \"DE\""));
    }
    if (sent.tax == Treatment::Standard) != (1..=10_000).contains(&sent.tax_basis_points) {
        return Err(bad("tax_basis_points: from 1 to 10000 where `tax` is `standard`, otherwise 0"));
    }
    sent.check_texts()?;
    let details = json!(sent);
    let profile = BillingProfile {
        name: sent.name,
        address: sent.address,
        country: sent.country,
        tax_id: sent.tax_id,
        email: sent.email,
        reference: sent.reference,
        tax: sent.tax.name().to_owned(),
        tax_basis_points: sent.tax_basis_points,
    };
    let message = PutBillingProfileRequest { tenant_id: of.to_string(), profile: Some(profile) };
    let put =
        asked(
            &app,
            message,
            |mut billing, message| async move { billing.put_billing_profile(message).await },
        );
    let put = put.await?.body_json;
    note(&app, operator.does("billing_profile.put", Some(of), of.to_string(), details)).await;
    Ok(reply::raw_json(StatusCode::OK, put))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FreezeReason)]
struct Freeze {
    reason: String,
}

/// Hold the invoices of an organisation back
#[utoipa::path(put, path = "/tenants/{tenant}/invoicing-freeze", operation_id = "freezeInvoicing",
    tag = "Invoices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Freeze,
    responses((status = 200, description = "Whether invoices are held back", body = Document)),
    security(("operator_token" = [])))]
async fn freeze(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let of = tenant(&id)?;
    let sent: Freeze = read(&app, request).await?;
    text::reason("reason", &sent.reason)?;
    let message = FreezeInvoicingRequest { tenant_id: of.to_string(), reason: sent.reason.clone() };
    let frozen =
        asked(&app, message, |mut billing, message| async move { billing.freeze_invoicing(message).await });
    let frozen = frozen.await?.body_json;
    let details = json!({ "reason": sent.reason });
    note(&app, operator.does("invoicing.freeze", Some(of), of.to_string(), details)).await;
    Ok(reply::raw_json(StatusCode::OK, frozen))
}

/// Hold the invoices of an organisation back no longer
#[utoipa::path(delete, path = "/tenants/{tenant}/invoicing-freeze", operation_id = "unfreezeInvoicing",
    tag = "Invoices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "Whether invoices are held back", body = Document)),
    security(("operator_token" = [])))]
async fn unfreeze(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let of = tenant(&id)?;
    let message = UnfreezeInvoicingRequest { tenant_id: of.to_string() };
    let thawed =
        asked(&app, message, |mut billing, message| async move { billing.unfreeze_invoicing(message).await });
    let thawed = thawed.await?.body_json;
    note(&app, operator.does("invoicing.unfreeze", Some(of), of.to_string(), json!({}))).await;
    Ok(reply::raw_json(StatusCode::OK, thawed))
}
