//! Payments as callers speak of them.

use chrono::{DateTime, Utc};
use identity::TenantId;
use rpc::billing::payments_server::Payments;
use rpc::billing::{
    AutoTopUp, CreateCheckoutRequest, GetAutoTopUpRequest, GetPaymentRequest, ListPaymentsRequest,
    ListPaymentsResponse, Payment, PutAutoTopUpRequest, ReceiveEventRequest, ReceiveEventResponse,
    RefundPaymentRequest, Reversal,
};
use rpc::convert::Malformed;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{check_source, tenant};
use crate::app::payments::{Purchase, Wanted};
use crate::store::payments::{self, Settings};
use crate::{Error, Service};

/// Payments on one page at most.
const PAGE: i32 = 100;
const URL_MAX: usize = 2_000;

#[tonic::async_trait]
impl Payments for Service {
    async fn create_checkout(
        &self,
        request: Request<CreateCheckoutRequest>,
    ) -> Result<Response<Payment>, Status> {
        let request = request.into_inner();
        let is_url = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        let url = request.return_url;
        if !url.is_empty() && (!is_url(&url) || url.len() > URL_MAX) {
            return Err(Malformed("return_url").into());
        }
        let purchase = Purchase {
            tenant: tenant(&request.tenant_id)?,
            amount: request.amount,
            source: source(request.source_id)?,
            saves_card: request.save_card,
            return_url: url,
        };
        let app = self.app.clone();
        let opened = self.app.owned(async move { app.open_checkout(purchase).await }).await?;
        Ok(Response::new(payment(opened)))
    }

    async fn get_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<Payment>, Status> {
        let request = request.into_inner();
        let found = self.one(&request.payment_id, &request.tenant_id).await?;
        Ok(Response::new(payment(found)))
    }

    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        let after = match request.after.as_str() {
            "" => None,
            after => Some(after.parse().map_err(|_| Malformed("after"))?),
        };
        let limit = if request.limit == 0 { PAGE } else { request.limit.clamp(1, PAGE) };
        let found = payments::list(&self.app.pool, tenant, after, i64::from(limit) + 1).await?;
        let limit = usize::try_from(limit).unwrap_or(1);
        let next = (found.len() > limit).then(|| found.get(limit - 1).map(|last| last.payment_id)).flatten();
        Ok(Response::new(ListPaymentsResponse {
            payments: found.into_iter().take(limit).map(payment).collect(),
            next: next.map(|id| id.to_string()).unwrap_or_default(),
        }))
    }

    async fn refund_payment(
        &self,
        request: Request<RefundPaymentRequest>,
    ) -> Result<Response<Payment>, Status> {
        let request = request.into_inner();
        if request.amount.is_some_and(|amount| amount < 1) {
            return Err(Malformed("amount").into());
        }
        let wanted = Wanted {
            payment: self.one(&request.payment_id, &request.tenant_id).await?.payment_id,
            tenant: owner(&request.tenant_id)?,
            amount: request.amount,
            source: source(request.source_id)?,
            reason: request.reason,
            actor: request.actor,
        };
        let app = self.app.clone();
        let refunded = self.app.owned(async move { app.refund(wanted).await }).await?;
        Ok(Response::new(payment(refunded)))
    }

    async fn get_auto_top_up(
        &self,
        request: Request<GetAutoTopUpRequest>,
    ) -> Result<Response<AutoTopUp>, Status> {
        let tenant = tenant(&request.into_inner().tenant_id)?;
        Ok(Response::new(auto_top_up(payments::auto_top_up(&self.app.pool, tenant).await?)))
    }

    async fn put_auto_top_up(
        &self,
        request: Request<PutAutoTopUpRequest>,
    ) -> Result<Response<AutoTopUp>, Status> {
        let PutAutoTopUpRequest { tenant_id, enabled, threshold, amount } = request.into_inner();
        let tenant = tenant(&tenant_id)?;
        if threshold < 0 || amount < 0 {
            return Err(Malformed("amount").into());
        }
        let app = self.app.clone();
        let wish = Settings { enabled, threshold, amount };
        let put = self.app.owned(async move { app.put_auto_top_up(tenant, wish).await }).await?;
        Ok(Response::new(auto_top_up(put)))
    }

    async fn receive_event(
        &self,
        request: Request<ReceiveEventRequest>,
    ) -> Result<Response<ReceiveEventResponse>, Status> {
        let ReceiveEventRequest { body, signature } = request.into_inner();
        let app = self.app.clone();
        self.app.owned(async move { app.receive(&body, &signature, Utc::now()).await }).await?;
        Ok(Response::new(ReceiveEventResponse {}))
    }
}

impl Service {
    /// The payment, if it is the tenant's; anybody's when none is named.
    async fn one(&self, id: &str, tenant: &str) -> Result<payments::Payment, Error> {
        let id: Uuid = id.parse().map_err(|_| Error::Unknown("payment"))?;
        let owner = owner(tenant)?;
        let found = payments::get(&self.app.pool, id).await?;
        found
            .filter(|payment| owner.is_none_or(|owner| owner.uuid() == payment.tenant_id))
            .ok_or(Error::Unknown("payment"))
    }
}

fn owner(text: &str) -> Result<Option<TenantId>, Malformed> {
    if text.is_empty() { Ok(None) } else { tenant(text).map(Some) }
}

fn source(text: String) -> Result<String, Error> {
    check_source(&text)?;
    // Names with a colon are made here.
    if text.starts_with("auto:") { Err(Malformed("source_id").into()) } else { Ok(text) }
}

fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

fn payment(payment: payments::Payment) -> Payment {
    let is_open = payment.state == "pending";
    Payment {
        payment_id: payment.payment_id.to_string(),
        tenant_id: payment.tenant_id.to_string(),
        kind: payment.kind,
        amount: payment.amount,
        fee: payment.fee,
        tax: payment.tax,
        state: payment.state,
        url: payment.url.filter(|_| is_open).unwrap_or_default(),
        failure: payment.failure.unwrap_or_default(),
        created_at_ms: millis(payment.created_at),
        paid_at_ms: payment.paid_at.map_or(0, millis),
        session_id: payment.session_id.unwrap_or_default(),
        intent_id: payment.intent_id.unwrap_or_default(),
        reversals: payment.reversals.0.into_iter().map(reversal).collect(),
        source_id: payment.source,
    }
}

fn reversal(reversal: payments::Reversal) -> Reversal {
    let is_undone = reversal.state == "undone";
    Reversal {
        reversal_id: reversal.reversal_id.to_string(),
        kind: reversal.kind,
        amount: reversal.amount,
        credit: reversal.credit,
        owed: if is_undone { 0 } else { reversal.lost },
        state: reversal.state,
        reason: reversal.reason,
        actor: reversal.actor,
        created_at_ms: millis(reversal.created_at),
        processor_id: reversal.processor_id.unwrap_or_default(),
    }
}

fn auto_top_up(found: payments::AutoTopUp) -> AutoTopUp {
    AutoTopUp {
        enabled: found.enabled,
        threshold: found.threshold,
        amount: found.amount,
        card_brand: found.card_brand.unwrap_or_default(),
        card_last4: found.card_last4.unwrap_or_default(),
        running: found.running,
        failures: found.failures,
        last_failure: found.failure.unwrap_or_default(),
        next_try_at_ms: found.next_at.map_or(0, millis),
        flagged: found.flagged,
    }
}
