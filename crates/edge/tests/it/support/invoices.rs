//! Invoices that one tenant has one of.

use std::sync::{Arc, Mutex};

use rpc::Fault;
use rpc::billing::get_document_request::Form;
use rpc::billing::invoices_server::Invoices;
use rpc::billing::*;
use tokio_stream::Iter;
use tonic::{Request, Response, Status};

/// The one invoice that exists.
pub(crate) const INVOICE: &str = "01920000-0000-7000-8000-000000000009";
pub(crate) const NUMBER: &str = "INV-2026-000001";

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FakeInvoices {
    /// Whose it is; empty = nobody's.
    pub(crate) owner: Arc<Mutex<String>>,
    pub(crate) notes: Arc<Mutex<Vec<IssueCreditNoteRequest>>>,
    pub(crate) profiles: Arc<Mutex<Vec<PutBillingProfileRequest>>>,
    pub(crate) exports: Arc<Mutex<Vec<ExportUsageRequest>>>,
}

type Answered = Result<Response<InvoicingAnswer>, Status>;

fn answer(body: String) -> Answered {
    Ok(Response::new(InvoicingAnswer { body_json: body.into() }))
}

impl FakeInvoices {
    fn owner(&self) -> String {
        self.owner.lock().unwrap().clone()
    }

    fn invoice(&self, id: &str) -> Answered {
        if id != INVOICE {
            return Err(Fault::not_found("The invoice was not found.").into());
        }
        answer(format!(r#"{{"id":"{INVOICE}","number":"{NUMBER}","tenant_id":"{}"}}"#, self.owner()))
    }
}

#[tonic::async_trait]
impl Invoices for FakeInvoices {
    type ExportUsageStream = Iter<std::vec::IntoIter<Result<UsageCsv, Status>>>;

    async fn list_periods(&self, request: Request<ListPeriodsRequest>) -> Answered {
        answer(format!(r#"{{"data":[],"next":null,"after":{}}}"#, request.get_ref().after))
    }

    async fn close_period(&self, request: Request<ClosePeriodRequest>) -> Answered {
        answer(format!(r#"{{"id":"{}","state":"closed"}}"#, request.get_ref().period_id))
    }

    async fn list_invoices(&self, request: Request<ListInvoicesRequest>) -> Answered {
        answer(format!(r#"{{"data":[],"next":null,"period":{}}}"#, request.get_ref().period_id))
    }

    async fn get_invoice(&self, request: Request<GetInvoiceRequest>) -> Answered {
        self.invoice(&request.get_ref().invoice_id)
    }

    async fn finalise_invoice(&self, request: Request<FinaliseInvoiceRequest>) -> Answered {
        self.invoice(&request.get_ref().invoice_id)
    }

    async fn issue_credit_note(&self, request: Request<IssueCreditNoteRequest>) -> Answered {
        let request = request.into_inner();
        let invoice = self.invoice(&request.invoice_id);
        self.notes.lock().unwrap().push(request);
        invoice
    }

    async fn record_invoice_payment(&self, request: Request<RecordInvoicePaymentRequest>) -> Answered {
        self.invoice(&request.get_ref().invoice_id)
    }

    async fn freeze_invoicing(&self, request: Request<FreezeInvoicingRequest>) -> Answered {
        answer(format!(r#"{{"tenant_id":"{}","is_frozen":true}}"#, request.get_ref().tenant_id))
    }

    async fn unfreeze_invoicing(&self, request: Request<UnfreezeInvoicingRequest>) -> Answered {
        answer(format!(r#"{{"tenant_id":"{}","is_frozen":false}}"#, request.get_ref().tenant_id))
    }

    async fn put_billing_profile(&self, request: Request<PutBillingProfileRequest>) -> Answered {
        self.profiles.lock().unwrap().push(request.into_inner());
        answer("{}".to_owned())
    }

    async fn get_billing_profile(&self, _: Request<GetBillingProfileRequest>) -> Answered {
        Err(Fault::not_found("The billing profile was not found.").into())
    }

    async fn list_documents(&self, request: Request<ListDocumentsRequest>) -> Answered {
        let data = if request.get_ref().tenant_id == self.owner() {
            format!(r#"{{"number":"{NUMBER}"}}"#)
        } else {
            String::new()
        };
        answer(format!(r#"{{"data":[{data}],"next":null}}"#))
    }

    async fn get_document(
        &self,
        request: Request<GetDocumentRequest>,
    ) -> Result<Response<RenderedDocument>, Status> {
        let request = request.into_inner();
        let is_mine = request.tenant_id == self.owner() && request.number == NUMBER;
        if !is_mine && request.invoice_id != INVOICE {
            return Err(Fault::not_found("The document was not found.").into());
        }
        let (content_type, body) = match request.form() {
            Form::Pdf => ("application/pdf", "%PDF-1.7"),
            Form::Html => ("text/html; charset=utf-8", "<!doctype html>"),
            _ => ("application/json", "{}"),
        };
        Ok(Response::new(RenderedDocument {
            number: NUMBER.to_owned(),
            content_type: content_type.to_owned(),
            body: body.into(),
            sha256: "5f".repeat(32),
        }))
    }

    async fn export_usage(
        &self,
        request: Request<ExportUsageRequest>,
    ) -> Result<Response<Self::ExportUsageStream>, Status> {
        self.exports.lock().unwrap().push(request.into_inner());
        let pieces: Vec<_> =
            ["generation_id\r\n", "a\r\n"].into_iter().map(|csv| Ok(UsageCsv { csv: csv.into() })).collect();
        Ok(Response::new(tokio_stream::iter(pieces)))
    }
}
