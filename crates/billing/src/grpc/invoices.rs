//! Invoices as callers speak of them.

use chrono::NaiveDate;
use identity::TenantId;
use rpc::billing::get_document_request::Form as Wanted;
use rpc::billing::invoices_server::Invoices;
use rpc::billing::{
    BillingProfile, ClosePeriodRequest, ExportUsageRequest, FinaliseInvoiceRequest, FreezeInvoicingRequest,
    GetBillingProfileRequest, GetDocumentRequest, GetInvoiceRequest, InvoicingAnswer, IssueCreditNoteRequest,
    ListDocumentsRequest, ListInvoicesRequest, ListPeriodsRequest, PutBillingProfileRequest,
    RecordInvoicePaymentRequest, RenderedDocument, UnfreezeInvoicingRequest, UsageCsv,
};
use rpc::convert::Malformed;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{check_source, tenant};
use crate::app::insistently;
use crate::app::invoices::Form;
use crate::app::usage_export::Span;
use crate::store::invoices::{self, issue, page};
use crate::{Error, Service};

/// Pieces of an export that wait at most for a slow reader.
const WAITING: usize = 2;
/// A cent in nano-USD.
const CENT: i64 = 10_000_000;
/// Days that one export may span.
const MAX_DAYS: i64 = 366;

#[tonic::async_trait]
impl Invoices for Service {
    type ExportUsageStream = ReceiverStream<Result<UsageCsv, Status>>;

    async fn list_periods(
        &self,
        request: Request<ListPeriodsRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let request = request.into_inner();
        answer(invoices::periods(&self.app.pool, request.after, page(request.limit)).await?)
    }

    async fn close_period(
        &self,
        request: Request<ClosePeriodRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let (pool, period) = (self.app.pool.clone(), request.into_inner().period_id);
        let closed = self.app.owned(async move { insistently(|| issue::close_period(&pool, period)).await });
        answer(closed.await?)
    }

    async fn list_invoices(
        &self,
        request: Request<ListInvoicesRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let ListInvoicesRequest { tenant_id, period_id, state, after, limit } = request.into_inner();
        let of = said(tenant_id).map(|id| tenant(&id)).transpose()?;
        let after = said(after).map(|id| uuid(&id, "after")).transpose()?;
        let period = Some(period_id).filter(|id| *id != 0);
        answer(invoices::invoices(&self.app.pool, of, period, said(state), after, page(limit)).await?)
    }

    async fn get_invoice(
        &self,
        request: Request<GetInvoiceRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let id = uuid(&request.into_inner().invoice_id, "invoice_id")?;
        answer(invoices::invoice(&self.app.pool, id).await?.ok_or(Error::Unknown("invoice"))?)
    }

    async fn finalise_invoice(
        &self,
        request: Request<FinaliseInvoiceRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let id = uuid(&request.into_inner().invoice_id, "invoice_id")?;
        let app = self.app.clone();
        let issued = self.app.owned(async move {
            let (issuer, days) = (app.issuer(), app.due_days());
            insistently(|| issue::finalise(&app.pool, id, &issuer, days, true)).await
        });
        answer(issued.await?)
    }

    async fn issue_credit_note(
        &self,
        request: Request<IssueCreditNoteRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let IssueCreditNoteRequest { invoice_id, amount, reason, source_id } = request.into_inner();
        let id = uuid(&invoice_id, "invoice_id")?;
        if amount < 1 {
            return Err(Malformed("amount").into());
        }
        if reason.is_empty() {
            return Err(Malformed("reason").into());
        }
        check_source(&source_id)?;
        let app = self.app.clone();
        let issued = self.app.owned(async move {
            let issuer = app.issuer();
            insistently(|| issue::credit_note(&app.pool, id, amount, &reason, &source_id, &issuer)).await
        });
        answer(issued.await?)
    }

    async fn record_invoice_payment(
        &self,
        request: Request<RecordInvoicePaymentRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let request = request.into_inner();
        let id = uuid(&request.invoice_id, "invoice_id")?;
        let received: NaiveDate = request.received_on.parse().map_err(|_| Malformed("received_on"))?;
        if request.amount < 1 || request.amount % CENT != 0 {
            return Err(Malformed("amount").into());
        }
        check_source(&request.source_id)?;
        let pool = self.app.pool.clone();
        let recorded = self.app.owned(async move {
            let said = (request.source_id.as_str(), request.reference.as_str());
            insistently(|| issue::record_payment(&pool, id, request.amount, said, received)).await
        });
        answer(recorded.await?)
    }

    async fn freeze_invoicing(
        &self,
        request: Request<FreezeInvoicingRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let FreezeInvoicingRequest { tenant_id, reason } = request.into_inner();
        let (pool, id) = (self.app.pool.clone(), tenant(&tenant_id)?);
        let frozen = self.app.owned(async move { issue::freeze(&pool, id, &reason).await });
        answer(changed(id, frozen.await?, true))
    }

    async fn unfreeze_invoicing(
        &self,
        request: Request<UnfreezeInvoicingRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let (pool, id) = (self.app.pool.clone(), tenant(&request.into_inner().tenant_id)?);
        let thawed = self.app.owned(async move { issue::unfreeze(&pool, id).await });
        answer(changed(id, thawed.await?, false))
    }

    async fn put_billing_profile(
        &self,
        request: Request<PutBillingProfileRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let request = request.into_inner();
        let (pool, id) = (self.app.pool.clone(), tenant(&request.tenant_id)?);
        let profile = checked(request.profile.unwrap_or_default())?;
        let put =
            self.app.owned(async move { insistently(|| issue::put_profile(&pool, id, &profile)).await });
        answer(put.await?)
    }

    async fn get_billing_profile(
        &self,
        request: Request<GetBillingProfileRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let id = tenant(&request.into_inner().tenant_id)?;
        answer(invoices::profile(&self.app.pool, id).await?.ok_or(Error::Unknown("billing profile"))?)
    }

    async fn list_documents(
        &self,
        request: Request<ListDocumentsRequest>,
    ) -> Result<Response<InvoicingAnswer>, Status> {
        let ListDocumentsRequest { tenant_id, kind, after, limit } = request.into_inner();
        let id = tenant(&tenant_id)?;
        answer(invoices::documents(&self.app.pool, id, said(kind), said(after), page(limit)).await?)
    }

    async fn get_document(
        &self,
        request: Request<GetDocumentRequest>,
    ) -> Result<Response<RenderedDocument>, Status> {
        let request = request.into_inner();
        let form = match request.form() {
            Wanted::Json => Form::Json,
            Wanted::Html => Form::Html,
            Wanted::Pdf => Form::Pdf,
            Wanted::Unspecified => return Err(Malformed("form").into()),
        };
        let found = if request.invoice_id.is_empty() {
            self.app.document(tenant(&request.tenant_id)?, &request.number, form).await?
        } else {
            self.app.document_of(uuid(&request.invoice_id, "invoice_id")?, form).await?
        };
        Ok(Response::new(RenderedDocument {
            number: found.number,
            content_type: found.content_type.to_owned(),
            body: found.body.into(),
            sha256: found.sha256,
        }))
    }

    async fn export_usage(
        &self,
        request: Request<ExportUsageRequest>,
    ) -> Result<Response<Self::ExportUsageStream>, Status> {
        let request = request.into_inner();
        let (id, span) = (tenant(&request.tenant_id)?, span(&request)?);
        let (pieces, stream) = tokio::sync::mpsc::channel(WAITING);
        self.app.tasks.spawn(self.app.clone().export_usage(id, span, pieces));
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

fn answer(body: Vec<u8>) -> Result<Response<InvoicingAnswer>, Status> {
    Ok(Response::new(InvoicingAnswer { body_json: body.into() }))
}

fn changed(tenant: TenantId, changed: bool, frozen: bool) -> Vec<u8> {
    format!("{{\"tenant_id\":\"{tenant}\",\"is_frozen\":{frozen},\"changed\":{changed}}}").into_bytes()
}

/// What was said, if anything.
fn said(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn uuid(text: &str, name: &'static str) -> Result<Uuid, Malformed> {
    text.parse().map_err(|_| Malformed(name))
}

fn span(request: &ExportUsageRequest) -> Result<Span, Malformed> {
    if request.period_id != 0 {
        return Ok(Span::Period(request.period_id));
    }
    let first: NaiveDate = request.first_day.parse().map_err(|_| Malformed("first_day"))?;
    let last: NaiveDate = request.last_day.parse().map_err(|_| Malformed("last_day"))?;
    if !(0..MAX_DAYS).contains(&last.signed_duration_since(first).num_days()) {
        return Err(Malformed("last_day"));
    }
    Ok(Span::Days(first, last))
}

/// A profile as it can be kept: only `standard` has a rate.
fn checked(profile: BillingProfile) -> Result<BillingProfile, Malformed> {
    if profile.name.trim().is_empty() {
        return Err(Malformed("profile.name"));
    }
    if profile.country.len() != 2 || !profile.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Malformed("profile.country"));
    }
    match profile.tax.as_str() {
        "standard" if (1..=10_000).contains(&profile.tax_basis_points) => {}
        "none" | "exempt" | "reverse_charge" if profile.tax_basis_points == 0 => {}
        "none" | "standard" | "exempt" | "reverse_charge" => {
            return Err(Malformed("profile.tax_basis_points"));
        }
        _ => return Err(Malformed("profile.tax")),
    }
    Ok(profile)
}
