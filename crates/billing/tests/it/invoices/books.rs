//! Billing with somebody who keeps its books: closes, drafts, issues, step by step.

use identity::{KeyId, TenantId};
use rpc::Channel;
use rpc::billing::invoices_client::InvoicesClient;
use rpc::billing::{
    BillingProfile, ClosePeriodRequest, FinaliseInvoiceRequest, GetDocumentRequest, GrantCreditRequest,
    IssueCreditNoteRequest, OpenTenantRequest, PutBillingProfileRequest, RecordInvoicePaymentRequest,
    get_document_request::Form,
};
use serde_json::Value;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::{Billing, Customer, account_ids, issuer, promotion};

pub(super) struct Books {
    pub billing: Billing,
    pub client: InvoicesClient<Channel>,
    /// As the service has it.
    pub pool: PgPool,
    pub edge: Edge,
}

impl Books {
    pub(super) async fn open() -> Self {
        let billing = Billing::start().await;
        let client = InvoicesClient::new(billing.channel.clone());
        let edge = Edge::join(&billing.client, "edge", 1).await;
        let pool = billing.database.pool();
        Self { billing, client, pool, edge }
    }

    /// A tenant that pays by invoice, at a markup of 5 %.
    pub(super) async fn postpaid(&self, credit: i64) -> Customer {
        // What a tenant pays by is its plan's matter.
        let plan = "alter table billing.plan_version add column if not exists payment text not null default 'prepaid';
            with made as (insert into billing.plan (name) values ('invoiced') on conflict do nothing returning plan_id)
            insert into billing.plan_version (plan_id, version, markup_bps, payment)
            select plan_id, 1, 500, 'postpaid' from made";
        sqlx::raw_sql(plan).execute(self.billing.admin()).await.unwrap();
        let (tenant, key) = (TenantId::generate(), KeyId::generate());
        let mut client = self.billing.client.clone();
        let open = OpenTenantRequest {
            tenant_id: tenant.to_string(),
            plan: "invoiced".to_owned(),
            markup_basis_points: 500,
        };
        client.open_tenant(open).await.unwrap();
        let paid = GrantCreditRequest { kind: "purchase".to_owned(), ..promotion(tenant, credit, "deposit") };
        client.grant_credit(paid).await.unwrap();
        let accounts = account_ids(&self.billing.terms(tenant, key).await);
        Customer { tenant, key, accounts }
    }

    /// One request that comes to `nanos`.
    pub(super) async fn spend(&self, customer: &Customer, nanos: i64) {
        let granted = self.edge.ask(customer, nanos).await.unwrap();
        settle(&self.billing.client, &[record(customer, &granted, nanos)]).await;
    }

    pub(super) async fn open_period(&self) -> i64 {
        self.billing.count("select period_id from billing.period where state = 'open'").await
    }

    /// Closes the open period and drafts its invoices. The period.
    pub(super) async fn close(&self) -> i64 {
        let period_id = self.open_period().await;
        self.client.clone().close_period(ClosePeriodRequest { period_id }).await.unwrap();
        sqlx::query("select billing.draft_invoices()").execute(&self.pool).await.unwrap();
        period_id
    }

    pub(super) async fn invoice_of(&self, customer: &Customer, period: i64) -> Uuid {
        sqlx::query_scalar("select invoice_id from billing.invoice where tenant_id = $1 and period_id = $2")
            .bind(customer.tenant.uuid())
            .bind(period)
            .fetch_one(self.billing.admin())
            .await
            .unwrap()
    }

    /// Closes the open period and issues the customer's invoice for it.
    pub(super) async fn issue(&self, customer: &Customer) -> Issued {
        let period = self.close().await;
        let invoice = self.invoice_of(customer, period).await;
        self.finalise(invoice).await.unwrap()
    }

    pub(super) async fn finalise(&self, invoice: Uuid) -> Result<Issued, Status> {
        let request = FinaliseInvoiceRequest { invoice_id: invoice.to_string() };
        let answer = self.client.clone().finalise_invoice(request).await?.into_inner();
        let answer = json(&answer.body_json);
        Ok(Issued {
            id: invoice,
            number: text(&answer["number"]),
            document: self.document_of(invoice).await,
            answer,
        })
    }

    /// What was issued for an invoice, or what it says so far.
    pub(super) async fn document_of(&self, invoice: Uuid) -> Value {
        json(&self.rendered(invoice, Form::Json).await)
    }

    pub(super) async fn rendered(&self, invoice: Uuid, form: Form) -> Vec<u8> {
        let request = GetDocumentRequest {
            invoice_id: invoice.to_string(),
            form: form.into(),
            ..GetDocumentRequest::default()
        };
        self.client.clone().get_document(request).await.unwrap().into_inner().body.into()
    }

    pub(super) async fn credit(&self, invoice: Uuid, amount: i64, source: &str) -> Result<Value, Status> {
        let request = IssueCreditNoteRequest {
            invoice_id: invoice.to_string(),
            amount,
            reason: "an outage".to_owned(),
            source_id: source.to_owned(),
        };
        let answer = self.client.clone().issue_credit_note(request).await?.into_inner();
        Ok(json(&answer.body_json))
    }

    /// Money came for an invoice.
    pub(super) async fn pay(&self, invoice: Uuid, amount: i64, source: &str) -> Result<Value, Status> {
        let request = RecordInvoicePaymentRequest {
            invoice_id: invoice.to_string(),
            amount,
            source_id: source.to_owned(),
            reference: "transfer 4711".to_owned(),
            received_on: "2030-02-14".to_owned(),
        };
        let answer = self.client.clone().record_invoice_payment(request).await?.into_inner();
        Ok(json(&answer.body_json))
    }

    pub(super) async fn tax(&self, customer: &Customer, tax: &str, basis_points: u32) {
        let profile = BillingProfile {
            name: "Beispiel GmbH".to_owned(),
            address: vec!["Königstraße 7".to_owned(), "70173 Stuttgart".to_owned()],
            country: "DE".to_owned(),
            tax_id: "DE811234567".to_owned(),
            tax: tax.to_owned(),
            tax_basis_points: basis_points,
            ..BillingProfile::default()
        };
        let request =
            PutBillingProfileRequest { tenant_id: customer.tenant.to_string(), profile: Some(profile) };
        self.client.clone().put_billing_profile(request).await.unwrap();
    }

    /// Receipts for whatever was bought without one. How many.
    pub(super) async fn receipts(&self) -> i64 {
        sqlx::query_scalar("select billing.issue_receipts($1, 'epoch', 100)")
            .bind(serde_json::to_value(issuer()).unwrap())
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Everything that breaks an invariant, that of documents among them.
    pub(super) async fn breaches(&self) -> Vec<String> {
        let mut found: Vec<String> =
            sqlx::query_scalar("select detail from billing.invariant_9('epoch', billing.clock())")
                .fetch_all(&self.pool)
                .await
                .unwrap();
        found.extend(
            self.billing.breaches().await.into_iter().map(|(name, detail)| format!("{name} {detail}")),
        );
        found
    }

    pub(super) async fn assert_sound(&self) {
        assert_eq!(self.breaches().await, Vec::<String>::new());
    }
}

/// An invoice that was issued.
pub(super) struct Issued {
    pub id: Uuid,
    pub number: String,
    pub document: Value,
    pub answer: Value,
}

impl Issued {
    pub(super) fn total(&self, name: &str) -> String {
        text(&self.document["totals"][name])
    }

    pub(super) fn lines(&self) -> &[Value] {
        self.document["lines"].as_array().unwrap()
    }
}

pub(super) fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
