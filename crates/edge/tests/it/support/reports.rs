//! Usage reports that answer what they are told to and remember what they were asked.

use std::sync::{Arc, Mutex};

use rpc::billing::usage_reports_server::UsageReports;
use rpc::billing::{
    GetUsageRequest, GetUsageResponse, ListUsageRequest, ListUsageResponse, QueryAnalyticsRequest,
    QueryAnalyticsResponse,
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
