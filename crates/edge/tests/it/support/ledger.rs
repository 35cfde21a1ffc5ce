//! A ledger that answers what it was asked.

use std::sync::{Arc, Mutex};

use rpc::billing::ledger_server::Ledger;
use rpc::billing::*;
use tonic::{Request, Response, Status};

type Answer = Result<Response<LedgerDocument>, Status>;

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FakeLedger(Arc<Mutex<Vec<String>>>);

impl FakeLedger {
    /// Every request so far, as it is debugged.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn hear(&self, call: &str, request: &impl std::fmt::Debug) -> Answer {
        self.0.lock().unwrap().push(format!("{request:?}"));
        Ok(Response::new(LedgerDocument { body_json: format!(r#"{{"call":"{call}"}}"#) }))
    }
}

#[tonic::async_trait]
impl Ledger for FakeLedger {
    async fn list_transfers(&self, request: Request<ListTransfersRequest>) -> Answer {
        self.hear("list_transfers", request.get_ref())
    }

    async fn list_ledger_accounts(&self, request: Request<ListLedgerAccountsRequest>) -> Answer {
        self.hear("list_ledger_accounts", request.get_ref())
    }

    async fn list_seals(&self, request: Request<ListSealsRequest>) -> Answer {
        self.hear("list_seals", request.get_ref())
    }

    async fn verify_seals(&self, request: Request<VerifySealsRequest>) -> Answer {
        self.hear("verify_seals", request.get_ref())
    }

    async fn trace_money(&self, request: Request<TraceMoneyRequest>) -> Answer {
        self.hear("trace_money", request.get_ref())
    }

    async fn import_bill(&self, request: Request<ImportBillRequest>) -> Answer {
        self.hear("import_bill", request.get_ref())
    }

    async fn list_bills(&self, request: Request<ListBillsRequest>) -> Answer {
        self.hear("list_bills", request.get_ref())
    }

    async fn get_bill(&self, request: Request<GetBillRequest>) -> Answer {
        self.hear("get_bill", request.get_ref())
    }

    async fn pay_bill(&self, request: Request<PayBillRequest>) -> Answer {
        self.hear("pay_bill", request.get_ref())
    }

    async fn list_parked(&self, request: Request<ListParkedRequest>) -> Answer {
        self.hear("list_parked", request.get_ref())
    }

    async fn decide_parked(&self, request: Request<DecideParkedRequest>) -> Answer {
        self.hear("decide_parked", request.get_ref())
    }

    async fn record_payout(
        &self,
        request: Request<RecordPayoutRequest>,
    ) -> Result<Response<RecordPayoutResponse>, Status> {
        self.hear("record_payout", request.get_ref())?;
        Ok(Response::new(RecordPayoutResponse { clearing: 500_000_000 }))
    }
}
