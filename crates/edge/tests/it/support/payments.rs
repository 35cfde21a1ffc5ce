//! Payments that remember what they are asked for and answer with one payment.

use std::sync::{Arc, Mutex};

use rpc::Fault;
use rpc::billing::payments_server::Payments;
use rpc::billing::*;
use tonic::{Request, Response, Status};

#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) checkouts: Vec<CreateCheckoutRequest>,
    pub(crate) refunds: Vec<RefundPaymentRequest>,
    pub(crate) settings: Vec<PutAutoTopUpRequest>,
    pub(crate) events: Vec<ReceiveEventRequest>,
    /// What every call fails with.
    pub(crate) fault: Option<Fault>,
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FakePayments(Arc<Mutex<Asked>>);

impl FakePayments {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Asked) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn reach(&self) -> Result<(), Status> {
        self.with(|asked| asked.fault.clone().map_or(Ok(()), |fault| Err(fault.into())))
    }

    fn payment(&self, id: &str, tenant: &str) -> Result<Response<Payment>, Status> {
        self.reach()?;
        let tenant_id = if tenant.is_empty() { "00000000-0000-0000-0000-000000000000" } else { tenant };
        Ok(Response::new(Payment {
            payment_id: id.to_owned(),
            tenant_id: tenant_id.to_owned(),
            kind: "checkout".to_owned(),
            amount: 20_000_000_000,
            fee: 1_100_000_000,
            state: "pending".to_owned(),
            url: "https://pay.example/1".to_owned(),
            created_at_ms: 1_790_000_000_000,
            reversals: vec![Reversal {
                amount: 5_000_000_000,
                actor: "operator:x".to_owned(),
                ..Reversal::default()
            }],
            ..Payment::default()
        }))
    }
}

#[tonic::async_trait]
impl Payments for FakePayments {
    async fn create_checkout(
        &self,
        request: Request<CreateCheckoutRequest>,
    ) -> Result<Response<Payment>, Status> {
        let request = request.into_inner();
        let tenant = request.tenant_id.clone();
        self.with(|asked| asked.checkouts.push(request));
        self.payment("p-1", &tenant)
    }

    async fn get_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<Payment>, Status> {
        let request = request.into_inner();
        self.payment(&request.payment_id, &request.tenant_id)
    }

    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        let payment = self.payment("p-1", &request.into_inner().tenant_id)?.into_inner();
        Ok(Response::new(ListPaymentsResponse { payments: vec![payment], next: "p-1".to_owned() }))
    }

    async fn refund_payment(
        &self,
        request: Request<RefundPaymentRequest>,
    ) -> Result<Response<Payment>, Status> {
        let request = request.into_inner();
        let (id, tenant) = (request.payment_id.clone(), request.tenant_id.clone());
        self.with(|asked| asked.refunds.push(request));
        self.payment(&id, &tenant)
    }

    async fn get_auto_top_up(&self, _: Request<GetAutoTopUpRequest>) -> Result<Response<AutoTopUp>, Status> {
        self.reach()?;
        Ok(Response::new(AutoTopUp::default()))
    }

    async fn put_auto_top_up(
        &self,
        request: Request<PutAutoTopUpRequest>,
    ) -> Result<Response<AutoTopUp>, Status> {
        self.reach()?;
        let request = request.into_inner();
        let PutAutoTopUpRequest { enabled, threshold, amount, .. } = request;
        self.with(|asked| asked.settings.push(request));
        let card_last4 = "4242".to_owned();
        Ok(Response::new(AutoTopUp { enabled, threshold, amount, card_last4, ..AutoTopUp::default() }))
    }

    async fn receive_event(
        &self,
        request: Request<ReceiveEventRequest>,
    ) -> Result<Response<ReceiveEventResponse>, Status> {
        self.reach()?;
        self.with(|asked| asked.events.push(request.into_inner()));
        Ok(Response::new(ReceiveEventResponse {}))
    }
}
