//! The wire: messages in, use cases, messages out.

mod edits;
mod plan;

use std::sync::Arc;
use std::time::Instant;

use rpc::Fault;
use rpc::router::router_server::Router;
use rpc::router::{
    BrowseRequest, BrowseResponse, DescribeCatalogueRequest, DescribeCatalogueResponse,
    DescribeHealthRequest, DescribeHealthResponse, ObserveRequest, ObserveResponse, PlanRequest,
    PlanResponse, PutEndpointRequest, PutModelRequest, PutPriceRequest, PutProviderRequest, PutResponse,
    StickRequest, StickResponse,
};
use tonic::{Request, Response, Status};

use crate::app::{self, Edit};
use crate::jobs;
use crate::metrics::Outcome;
use crate::service::{Inner, Loaded};

/// The router as the generated server calls it.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

impl Server {
    pub(crate) const fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// The snapshot in use, once there is one. Until then callers are turned away, without a fault's
    /// details: another router may know more.
    fn loaded(&self) -> Result<Arc<Loaded>, Status> {
        let loaded = self.0.current.load_full();
        if loaded.catalogue.is_empty() {
            return Err(Status::unavailable("the catalogue is not loaded yet"));
        }
        Ok(loaded)
    }

    async fn put(&self, actor: String, edit: Result<Edit, Fault>) -> Result<Response<PutResponse>, Status> {
        let changed = app::change(&self.0, actor, edit?).await.map_err(Fault::from)?;
        Ok(Response::new(PutResponse { id: changed.id, catalogue_version: changed.version }))
    }
}

#[tonic::async_trait]
impl Router for Server {
    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let started = Instant::now();
        let plan = self.loaded().and_then(|loaded| Ok(plan::plan(&self.0, &loaded, request.get_ref())?));
        let outcome = if plan.is_ok() { "planned" } else { "refused" };
        self.0.metrics.plans.get_or_create(&Outcome { outcome }).inc();
        self.0.metrics.plan_seconds.observe(started.elapsed().as_secs_f64());
        Ok(Response::new(plan?))
    }

    async fn stick(&self, _: Request<StickRequest>) -> Result<Response<StickResponse>, Status> {
        Ok(Response::new(StickResponse {}))
    }

    async fn browse(&self, request: Request<BrowseRequest>) -> Result<Response<BrowseResponse>, Status> {
        let (loaded, request) = (self.loaded()?, request.get_ref());
        Ok(Response::new(BrowseResponse {
            version: loaded.catalogue.version(),
            body: app::list_models(&loaded, rpc::convert::markup(request.markup_basis_points)),
            content_type: "application/json".to_owned(),
        }))
    }

    async fn observe(&self, request: Request<ObserveRequest>) -> Result<Response<ObserveResponse>, Status> {
        jobs::take_in(&self.0, &request.get_ref().observations);
        Ok(Response::new(ObserveResponse {}))
    }

    async fn put_provider(
        &self,
        request: Request<PutProviderRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        let mut request = request.into_inner();
        self.put(std::mem::take(&mut request.actor), edits::provider(request)).await
    }

    async fn put_model(&self, request: Request<PutModelRequest>) -> Result<Response<PutResponse>, Status> {
        let mut request = request.into_inner();
        self.put(std::mem::take(&mut request.actor), Ok(edits::model(request))).await
    }

    async fn put_endpoint(
        &self,
        request: Request<PutEndpointRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        let mut request = request.into_inner();
        self.put(std::mem::take(&mut request.actor), edits::endpoint(request)).await
    }

    async fn put_price(&self, request: Request<PutPriceRequest>) -> Result<Response<PutResponse>, Status> {
        let mut request = request.into_inner();
        self.put(std::mem::take(&mut request.actor), edits::price(&request)).await
    }

    async fn describe_catalogue(
        &self,
        request: Request<DescribeCatalogueRequest>,
    ) -> Result<Response<DescribeCatalogueResponse>, Status> {
        let loaded = self.0.current.load_full();
        let name = request.get_ref().model.as_str();
        let only = match name {
            "" => None,
            name => Some(
                loaded
                    .catalogue
                    .find(name)
                    .ok_or_else(|| Fault::not_found(format!("There is no model `{name}`.")))?,
            ),
        };
        let body = app::describe(&self.0, &loaded, only).to_string();
        Ok(Response::new(DescribeCatalogueResponse {
            version: loaded.catalogue.version(),
            body_json: body.into(),
        }))
    }
    async fn describe_health(
        &self,
        request: Request<DescribeHealthRequest>,
    ) -> Result<Response<DescribeHealthResponse>, Status> {
        let (loaded, request) = (self.0.current.load_full(), request.get_ref());
        let is_known =
            |id: &str| loaded.catalogue.endpoints().iter().any(|one| one.attempt.endpoint_id == id);
        if !request.endpoint_id.is_empty() && !is_known(&request.endpoint_id) {
            return Err(Fault::not_found("There is no such endpoint.").into());
        }
        let body = app::describe_health(&self.0, &loaded, request).to_string();
        Ok(Response::new(DescribeHealthResponse { body_json: body.into() }))
    }
}
