//! A billing service and a router that take notes.

use std::sync::{Arc, Mutex};

use rpc::Channel;
use rpc::billing::billing_server::{Billing, BillingServer};
use rpc::billing::*;
use rpc::events::{RecordKey, Settled, UsageBatch, UsageRecord};
use rpc::router::router_server::{Router, RouterServer};
use rpc::router::*;
use tokio::sync::watch;
use tokio_stream::Empty;
use tonic::{Request, Response, Status, Streaming};

/// What reached billing and the routers.
#[derive(Clone)]
pub(crate) struct Notes(Arc<Inner>);

struct Inner {
    records: watch::Sender<Vec<UsageRecord>>,
    observations: watch::Sender<Vec<Observation>>,
    /// The worker's last word on what it has open.
    open: watch::Sender<OpenLeases>,
    is_down: Mutex<bool>,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            records: watch::Sender::default(),
            observations: watch::Sender::default(),
            open: watch::Sender::default(),
            is_down: Mutex::new(false),
        }))
    }

    pub(crate) fn billing(&self) -> Channel {
        Channel::local(BillingServer::new(self.clone()))
    }

    pub(crate) fn router(&self) -> Channel {
        Channel::local(RouterServer::new(self.clone()))
    }

    /// Whether billing answers nothing.
    pub(crate) fn set_down(&self, is_down: bool) {
        *self.0.is_down.lock().unwrap() = is_down;
    }

    /// The accounts that reached billing, once there are `count`.
    pub(crate) async fn records(&self, count: usize) -> Vec<UsageRecord> {
        let mut records = self.0.records.subscribe();
        records.wait_for(|records| records.len() >= count).await.unwrap().clone()
    }

    /// Waits until the worker says of what it has open what `wanted` accepts.
    pub(crate) async fn open(&self, wanted: impl Fn(&OpenLeases) -> bool) {
        self.0.open.subscribe().wait_for(|open| wanted(open)).await.unwrap();
    }

    /// The one account that reached billing.
    pub(crate) async fn record(&self) -> UsageRecord {
        let records = self.records(1).await;
        assert_eq!(records.len(), 1);
        records[0].clone()
    }

    /// The first observation of an endpoint that `wanted` accepts.
    pub(crate) async fn observation(&self, wanted: impl Fn(&Observation) -> bool) -> Observation {
        let mut observations = self.0.observations.subscribe();
        let seen = observations.wait_for(|all| all.iter().any(&wanted)).await.unwrap();
        seen.iter().find(|observation| wanted(observation)).unwrap().clone()
    }

    /// Everything that was told of an endpoint, once `wanted` accepts it.
    pub(crate) async fn seen(&self, endpoint_id: &str, wanted: impl Fn(&Observation) -> bool) -> Observation {
        let sum = |all: &Vec<Observation>| {
            let concerned = all.iter().filter(|one| one.endpoint_id == endpoint_id);
            concerned.fold(Observation::default(), |mut sum, one| {
                sum.successes += one.successes;
                sum.faults += one.faults;
                sum.late_faults += one.late_faults;
                sum.rate_limits += one.rate_limits;
                sum.revivals += one.revivals;
                sum
            })
        };
        let mut observations = self.0.observations.subscribe();
        let seen = observations.wait_for(|all| wanted(&sum(all))).await.unwrap();
        sum(&seen)
    }
}

#[tonic::async_trait]
impl Billing for Notes {
    type LeaseSessionStream = Empty<Result<LeaseDown, Status>>;

    async fn lease_session(
        &self,
        _: Request<Streaming<LeaseUp>>,
    ) -> Result<Response<Self::LeaseSessionStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn settle_batch(&self, request: Request<UsageBatch>) -> Result<Response<Settled>, Status> {
        if *self.0.is_down.lock().unwrap() {
            return Err(Status::unavailable("down"));
        }
        let records = request.into_inner().records;
        let keys = records
            .iter()
            .map(|record| RecordKey {
                generation_id: record.generation_id.clone(),
                execution: record.execution,
                confirmed: record.confirmed,
            })
            .collect();
        // What billing was slow to acknowledge comes again, and is the same account. Another one would be seen.
        self.0.records.send_modify(|all| {
            for record in records {
                if !all.contains(&record) {
                    all.push(record);
                }
            }
        });
        Ok(Response::new(Settled { keys }))
    }

    async fn report_open(&self, request: Request<OpenLeases>) -> Result<Response<OpenLeasesStored>, Status> {
        self.0.open.send_replace(request.into_inner());
        Ok(Response::new(OpenLeasesStored {}))
    }

    async fn get_terms(&self, _: Request<GetTermsRequest>) -> Result<Response<Terms>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_credits(&self, _: Request<GetCreditsRequest>) -> Result<Response<Credits>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_key_usage(&self, _: Request<GetKeyUsageRequest>) -> Result<Response<KeyUsage>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_key_usage(
        &self,
        _: Request<ListKeyUsageRequest>,
    ) -> Result<Response<ListKeyUsageResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_generation(&self, _: Request<GetGenerationRequest>) -> Result<Response<Generation>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_prices(&self, _: Request<PutPricesRequest>) -> Result<Response<PutPricesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn open_tenant(
        &self,
        _: Request<OpenTenantRequest>,
    ) -> Result<Response<OpenTenantResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn erase_tenant(
        &self,
        _: Request<EraseTenantRequest>,
    ) -> Result<Response<EraseTenantResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_key_limit(
        &self,
        _: Request<PutKeyLimitRequest>,
    ) -> Result<Response<PutKeyLimitResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn grant_credit(
        &self,
        _: Request<GrantCreditRequest>,
    ) -> Result<Response<GrantCreditResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn check_invariants(
        &self,
        _: Request<CheckInvariantsRequest>,
    ) -> Result<Response<CheckInvariantsResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl Router for Notes {
    type ReplayDecisionsStream = Empty<Result<ReplayProgress, Status>>;

    async fn plan(&self, _: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn stick(&self, _: Request<StickRequest>) -> Result<Response<StickResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn browse(&self, _: Request<BrowseRequest>) -> Result<Response<BrowseResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn check_plugins(
        &self,
        _: Request<CheckPluginsRequest>,
    ) -> Result<Response<CheckPluginsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn observe(&self, request: Request<ObserveRequest>) -> Result<Response<ObserveResponse>, Status> {
        self.0.observations.send_modify(|all| all.extend(request.into_inner().observations));
        Ok(Response::new(ObserveResponse {}))
    }

    async fn put_provider(&self, _: Request<PutProviderRequest>) -> Result<Response<PutResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_model(&self, _: Request<PutModelRequest>) -> Result<Response<PutResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_endpoint(&self, _: Request<PutEndpointRequest>) -> Result<Response<PutResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_price(&self, _: Request<PutPriceRequest>) -> Result<Response<PutResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn import(&self, _: Request<ImportRequest>) -> Result<Response<ImportResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn withdraw_price(
        &self,
        _: Request<WithdrawPriceRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_prices(&self, _: Request<ListPricesRequest>) -> Result<Response<ListResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_changes(&self, _: Request<ListChangesRequest>) -> Result<Response<ListResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn describe_catalogue(
        &self,
        _: Request<DescribeCatalogueRequest>,
    ) -> Result<Response<DescribeCatalogueResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn describe_health(
        &self,
        _: Request<DescribeHealthRequest>,
    ) -> Result<Response<DescribeHealthResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_decisions(
        &self,
        _: Request<ListDecisionsRequest>,
    ) -> Result<Response<DecisionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn read_decision(
        &self,
        _: Request<ReadDecisionRequest>,
    ) -> Result<Response<DecisionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn replay_decisions(
        &self,
        _: Request<ReplayDecisionsRequest>,
    ) -> Result<Response<Self::ReplayDecisionsStream>, Status> {
        Err(Status::unimplemented(""))
    }
}
