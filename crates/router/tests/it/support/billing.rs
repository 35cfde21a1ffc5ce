//! Billing as the router sees it: keeps price versions, or is away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rpc::billing::billing_server::{Billing, BillingServer};
use rpc::billing::{
    CheckInvariantsRequest, CheckInvariantsResponse, Credits, EraseTenantRequest, EraseTenantResponse,
    Generation, GetCreditsRequest, GetGenerationRequest, GetKeyUsageRequest, GetTermsRequest,
    GrantCreditRequest, GrantCreditResponse, KeyUsage, LeaseDown, LeaseUp, ListKeyUsageRequest,
    ListKeyUsageResponse, OpenLeases, OpenLeasesStored, OpenTenantRequest, OpenTenantResponse, PinnedPrice,
    PutKeyLimitRequest, PutKeyLimitResponse, PutPricesRequest, PutPricesResponse, Terms,
};
use rpc::events::{Settled, UsageBatch};
use tonic::{Request, Response, Status, Streaming};

#[derive(Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) is_away: Arc<AtomicBool>,
    prices: Arc<Mutex<BTreeMap<String, PinnedPrice>>>,
}

impl Ledger {
    pub(crate) fn channel(&self) -> rpc::Channel {
        rpc::Channel::local(BillingServer::new(self.clone()))
    }

    pub(crate) fn keeps(&self, price_version: &str) -> bool {
        self.prices.lock().unwrap().contains_key(price_version)
    }

    pub(crate) fn count(&self) -> usize {
        self.prices.lock().unwrap().len()
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn unasked<T>() -> Answer<T> {
    Err(Status::unimplemented("the router does not call this"))
}

#[tonic::async_trait]
impl Billing for Ledger {
    type LeaseSessionStream = tokio_stream::Empty<Result<LeaseDown, Status>>;

    async fn put_prices(&self, request: Request<PutPricesRequest>) -> Answer<PutPricesResponse> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(Status::unavailable("away"));
        }
        let mut prices = self.prices.lock().unwrap();
        for pinned in request.into_inner().prices {
            assert!(
                !pinned.endpoint_id.is_empty() && !pinned.model.is_empty() && !pinned.provider.is_empty()
            );
            prices.insert(pinned.price.as_ref().unwrap().id.clone(), pinned);
        }
        Ok(Response::new(PutPricesResponse {}))
    }

    async fn lease_session(&self, _: Request<Streaming<LeaseUp>>) -> Answer<Self::LeaseSessionStream> {
        unasked()
    }
    async fn settle_batch(&self, _: Request<UsageBatch>) -> Answer<Settled> {
        unasked()
    }
    async fn report_open(&self, _: Request<OpenLeases>) -> Answer<OpenLeasesStored> {
        unasked()
    }
    async fn get_terms(&self, _: Request<GetTermsRequest>) -> Answer<Terms> {
        unasked()
    }
    async fn get_credits(&self, _: Request<GetCreditsRequest>) -> Answer<Credits> {
        unasked()
    }
    async fn get_key_usage(&self, _: Request<GetKeyUsageRequest>) -> Answer<KeyUsage> {
        unasked()
    }
    async fn list_key_usage(&self, _: Request<ListKeyUsageRequest>) -> Answer<ListKeyUsageResponse> {
        unasked()
    }
    async fn get_generation(&self, _: Request<GetGenerationRequest>) -> Answer<Generation> {
        unasked()
    }
    async fn open_tenant(&self, _: Request<OpenTenantRequest>) -> Answer<OpenTenantResponse> {
        unasked()
    }
    async fn erase_tenant(&self, _: Request<EraseTenantRequest>) -> Answer<EraseTenantResponse> {
        unasked()
    }
    async fn put_key_limit(&self, _: Request<PutKeyLimitRequest>) -> Answer<PutKeyLimitResponse> {
        unasked()
    }
    async fn grant_credit(&self, _: Request<GrantCreditRequest>) -> Answer<GrantCreditResponse> {
        unasked()
    }
    async fn check_invariants(&self, _: Request<CheckInvariantsRequest>) -> Answer<CheckInvariantsResponse> {
        unasked()
    }
}
