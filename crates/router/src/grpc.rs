//! The wire: messages in, use cases, messages out.

mod decisions;
mod edits;
mod status;
mod stick;

use std::sync::Arc;
use std::time::Instant;

use rpc::Fault;
use rpc::router::router_server::Router;
use rpc::router::{
    BrowseRequest, BrowseResponse, CheckPluginsRequest, CheckPluginsResponse, DecisionsResponse,
    DescribeCatalogueRequest, DescribeCatalogueResponse, DescribeHealthRequest, DescribeHealthResponse,
    ImportRequest, ImportResponse, ListChangesRequest, ListDecisionsRequest, ListPricesRequest, ListResponse,
    ObserveRequest, ObserveResponse, PlanRequest, PlanResponse, PutEndpointRequest, PutModelRequest,
    PutPriceRequest, PutProviderRequest, PutResponse, ReadDecisionRequest, ReplayDecisionsRequest,
    StickRequest, StickResponse, WithdrawPriceRequest,
};
use tonic::{Request, Response, Status};

use crate::app::{self, Asked, Changed, Edit};
use crate::choose::Plugins;
use crate::jobs;
use crate::service::{Inner, Loaded};

/// The router as the generated server calls it.
#[derive(Clone)]
pub(crate) struct Server(Arc<Inner>);

impl Server {
    pub(crate) const fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// The snapshot in use, once there is one. Until then callers are turned away, without a fault's
    /// details: another router may know more.
    fn loaded(&self) -> Result<Arc<Loaded>, Status> {
        let loaded = self.0.current.load_full();
        checked(&loaded)?;
        Ok(loaded)
    }

    async fn put(
        &self,
        actor: String,
        edit: Result<Edit, Fault>,
        dry_run: bool,
    ) -> Result<Response<PutResponse>, Status> {
        let changed = app::change(&self.0, actor, vec![edit?], dry_run).await.map_err(Fault::from)?;
        let changed = changed.into_iter().next().ok_or_else(Fault::internal)?;
        Ok(Response::new(changed.into()))
    }
}

impl From<Changed> for PutResponse {
    fn from(changed: Changed) -> Self {
        Self {
            id: changed.id,
            catalogue_version: changed.version,
            preview_json: changed.preview.map(|preview| preview.to_string()).unwrap_or_default(),
        }
    }
}

fn checked(loaded: &Loaded) -> Result<(), Status> {
    if loaded.catalogue.is_empty() {
        return Err(Status::unavailable("the catalogue is not loaded yet"));
    }
    Ok(())
}

#[tonic::async_trait]
impl Router for Server {
    type ReplayDecisionsStream = decisions::Steps;

    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let started = Instant::now();
        let (sent, metrics) = (request.into_inner(), &self.0.metrics);
        let loaded = self.0.current.load();
        if let Err(status) = checked(&loaded) {
            metrics.refused.inc();
            return Err(status);
        }
        let desk = self.0.desk(&loaded);
        let mut seen = desk.see(&sent);
        let planned = desk.plan(&sent, &mut seen);
        if planned.is_ok() { &metrics.planned } else { &metrics.refused }.inc();
        metrics.plan_seconds.observe(started.elapsed());
        for bad in planned.iter().flat_map(|planned| &planned.left_out) {
            metrics.default_plugins_left_out.inc();
            tracing::warn!(tenant.id = sent.tenant_id, error = %bad, "a default plugin cannot be read and is left out");
        }
        self.0.decisions.offer(sent, &loaded, seen, planned.as_ref(), metrics);
        let planned = planned?;
        if planned.is_probe {
            metrics.probes.inc();
        }
        Ok(Response::new(planned.response))
    }

    async fn stick(&self, request: Request<StickRequest>) -> Result<Response<StickResponse>, Status> {
        stick::stick(&self.0.sticky, request.get_ref())?;
        Ok(Response::new(StickResponse {}))
    }

    async fn browse(&self, request: Request<BrowseRequest>) -> Result<Response<BrowseResponse>, Status> {
        let loaded = self.loaded()?;
        let answer = app::browse(&loaded, &self.0.health, self.0.clock.now_ms(), request.get_ref())?;
        Ok(Response::new(BrowseResponse {
            version: loaded.catalogue.version(),
            body: answer.body,
            content_type: answer.content_type.to_owned(),
        }))
    }

    async fn check_plugins(
        &self,
        request: Request<CheckPluginsRequest>,
    ) -> Result<Response<CheckPluginsResponse>, Status> {
        let lists = request.into_inner().plugins_json;
        let wrong = lists.iter().map(|json| match Plugins::read(json) {
            Ok(_) => String::new(),
            Err(bad) => bad.to_string(),
        });
        Ok(Response::new(CheckPluginsResponse { wrong: wrong.collect() }))
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
        let (actor, dry_run) = (std::mem::take(&mut request.actor), request.dry_run);
        self.put(actor, edits::provider(request), dry_run).await
    }

    async fn put_model(&self, request: Request<PutModelRequest>) -> Result<Response<PutResponse>, Status> {
        let mut request = request.into_inner();
        let (actor, dry_run) = (std::mem::take(&mut request.actor), request.dry_run);
        self.put(actor, edits::model(request), dry_run).await
    }

    async fn put_endpoint(
        &self,
        request: Request<PutEndpointRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        let mut request = request.into_inner();
        let (actor, dry_run) = (std::mem::take(&mut request.actor), request.dry_run);
        self.put(actor, edits::endpoint(request), dry_run).await
    }

    async fn put_price(&self, request: Request<PutPriceRequest>) -> Result<Response<PutResponse>, Status> {
        let mut request = request.into_inner();
        let actor = std::mem::take(&mut request.actor);
        self.put(actor, edits::price(&request), request.dry_run).await
    }

    async fn withdraw_price(
        &self,
        request: Request<WithdrawPriceRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        let mut request = request.into_inner();
        let actor = std::mem::take(&mut request.actor);
        self.put(actor, edits::withdrawal(&request), false).await
    }

    async fn import(&self, request: Request<ImportRequest>) -> Result<Response<ImportResponse>, Status> {
        let ImportRequest { changes, actor, dry_run } = request.into_inner();
        let edits = edits::all(changes)?;
        let changed = app::change(&self.0, actor, edits, dry_run).await.map_err(Fault::from)?;
        let catalogue_version = changed.first().map(|one| one.version).unwrap_or_default();
        let changes = changed.into_iter().map(PutResponse::from).collect();
        Ok(Response::new(ImportResponse { changes, catalogue_version }))
    }

    async fn list_prices(
        &self,
        request: Request<ListPricesRequest>,
    ) -> Result<Response<ListResponse>, Status> {
        let endpoint = rpc::convert::id(&request.get_ref().endpoint_id, "endpoint_id")?;
        let list = app::list_prices(&self.0, endpoint).await.map_err(Fault::from)?;
        Ok(Response::new(ListResponse { body_json: list.to_string().into() }))
    }

    async fn list_changes(
        &self,
        request: Request<ListChangesRequest>,
    ) -> Result<Response<ListResponse>, Status> {
        let request = request.get_ref();
        let subject = Some(request.subject.as_str()).filter(|subject| !subject.is_empty());
        let after = Some(request.after).filter(|after| *after > 0);
        let list = app::list_changes(&self.0, subject, after, request.limit).await.map_err(Fault::from)?;
        Ok(Response::new(ListResponse { body_json: list.to_string().into() }))
    }

    async fn describe_catalogue(
        &self,
        request: Request<DescribeCatalogueRequest>,
    ) -> Result<Response<DescribeCatalogueResponse>, Status> {
        let loaded = self.0.current.load_full();
        let asked = Asked::from(request.into_inner());
        let body = app::describe(&self.0, &loaded, &asked).map_err(Fault::from)?.to_string();
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

    async fn list_decisions(
        &self,
        request: Request<ListDecisionsRequest>,
    ) -> Result<Response<DecisionsResponse>, Status> {
        decisions::list(&self.0, request.into_inner()).await.map_err(Into::into).map(Response::new)
    }

    async fn read_decision(
        &self,
        request: Request<ReadDecisionRequest>,
    ) -> Result<Response<DecisionsResponse>, Status> {
        decisions::read(&self.0, request.get_ref()).await.map_err(Into::into).map(Response::new)
    }

    async fn replay_decisions(
        &self,
        request: Request<ReplayDecisionsRequest>,
    ) -> Result<Response<Self::ReplayDecisionsStream>, Status> {
        Ok(Response::new(decisions::replay(&self.0, request.into_inner())?))
    }
}
