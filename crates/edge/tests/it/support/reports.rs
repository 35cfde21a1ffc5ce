//! Usage reports that answer what they are told to and remember what they were asked.

use std::sync::{Arc, Mutex};

use rpc::billing::usage_reports_server::UsageReports;
use rpc::billing::{
    GetUsageRequest, GetUsageResponse, ListSettledRequest, ListSettledResponse, ListUsageRequest,
    ListUsageResponse, QueryAnalyticsRequest, QueryAnalyticsResponse, UsageRow,
};
use tonic::{Request, Response, Status};

#[derive(Default)]
pub(crate) struct Told {
    pub(crate) asked: Vec<GetUsageRequest>,
    pub(crate) listed: Vec<ListUsageRequest>,
    pub(crate) queried: Vec<QueryAnalyticsRequest>,
    /// Every question gets the same answer.
    pub(crate) sums: GetUsageResponse,
    pub(crate) page: ListUsageResponse,
    /// What settled, in its order; marks are places in it.
    pub(crate) settled: Vec<UsageRow>,
    pub(crate) analytics: QueryAnalyticsResponse,
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FakeReports(Arc<Mutex<Told>>);

impl FakeReports {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

#[tonic::async_trait]
impl UsageReports for FakeReports {
    async fn get_usage(
        &self,
        request: Request<GetUsageRequest>,
    ) -> Result<Response<GetUsageResponse>, Status> {
        Ok(Response::new(self.with(|told| {
            told.asked.push(request.into_inner());
            told.sums.clone()
        })))
    }

    async fn list_usage(
        &self,
        request: Request<ListUsageRequest>,
    ) -> Result<Response<ListUsageResponse>, Status> {
        Ok(Response::new(self.with(|told| {
            told.listed.push(request.into_inner());
            told.page.clone()
        })))
    }

    async fn list_settled(
        &self,
        request: Request<ListSettledRequest>,
    ) -> Result<Response<ListSettledResponse>, Status> {
        let request = request.into_inner();
        Ok(Response::new(self.with(|told| {
            let begin = request.mark.parse().unwrap_or(told.settled.len());
            let of = |row: &&UsageRow| {
                row.record.as_ref().is_some_and(|record| request.tenant_ids.contains(&record.tenant_id))
            };
            let rows = told.settled.iter().skip(begin).filter(of).cloned().collect();
            ListSettledResponse { rows, mark: told.settled.len().to_string(), more: false }
        })))
    }

    async fn query_analytics(
        &self,
        request: Request<QueryAnalyticsRequest>,
    ) -> Result<Response<QueryAnalyticsResponse>, Status> {
        Ok(Response::new(self.with(|told| {
            told.queried.push(request.into_inner());
            told.analytics.clone()
        })))
    }
}
