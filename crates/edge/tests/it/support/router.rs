//! A router whose plans are what it is told.

use std::sync::{Arc, Mutex};

use pricing::{Class, PriceBook, Rate, Rates};
use rpc::Fault;
use rpc::router::router_server::Router;
use rpc::router::*;
use tonic::{Request, Response, Status};

pub(crate) struct Said {
    pub(crate) plans: Vec<PlanRequest>,
    pub(crate) sticks: Vec<StickRequest>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) providers: Vec<PutProviderRequest>,
    pub(crate) models: Vec<PutModelRequest>,
    pub(crate) endpoints: Vec<PutEndpointRequest>,
    pub(crate) prices: Vec<PutPriceRequest>,
    pub(crate) withdrawals: Vec<WithdrawPriceRequest>,
    pub(crate) imports: Vec<ImportRequest>,
    pub(crate) descriptions: Vec<DescribeCatalogueRequest>,
    pub(crate) changes: Vec<ListChangesRequest>,
    /// Plans that fail as if the replica were killed, before one is answered again.
    pub(crate) failures: usize,
    pub(crate) browsed: Vec<BrowseRequest>,
    pub(crate) lists: Vec<ListDecisionsRequest>,
    pub(crate) reads: Vec<ReadDecisionRequest>,
    pub(crate) replays: Vec<ReplayDecisionsRequest>,
    /// Endpoints that are not healthy, with their state.
    pub(crate) unwell: Vec<(String, &'static str)>,
    /// Whether the catalogue cannot be asked for.
    pub(crate) is_away: bool,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct FakeRouter(Arc<Mutex<Said>>);

/// An endpoint at so many nano-dollars per token.
pub(crate) fn attempt(input: i64, output: i64) -> Attempt {
    let base = Rates::default()
        .with(Class::Input, Rate::from_picos(input * 1_000))
        .with(Class::Output, Rate::from_picos(output * 1_000));
    let book = PriceBook { base, tiers: Vec::new() };
    Attempt {
        endpoint_id: uuid::Uuid::now_v7().to_string(),
        model: "acme/echo".to_owned(),
        provider: "acme".to_owned(),
        provider_name: "Acme".to_owned(),
        price: Some(rpc::convert::price_out(identity::PriceVersionId::generate(), &book)),
        context_length: 8_192,
        max_output: Some(1_000),
        ..Attempt::default()
    }
}

impl FakeRouter {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Said {
            plans: Vec::new(),
            sticks: Vec::new(),
            attempts: vec![attempt(1, 2), attempt(2, 4)],
            providers: Vec::new(),
            models: Vec::new(),
            endpoints: Vec::new(),
            prices: Vec::new(),
            withdrawals: Vec::new(),
            imports: Vec::new(),
            descriptions: Vec::new(),
            changes: Vec::new(),
            failures: 0,
            browsed: Vec::new(),
            lists: Vec::new(),
            reads: Vec::new(),
            replays: Vec::new(),
            unwell: Vec::new(),
            is_away: false,
        })))
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Said) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

fn body(json: &str) -> Result<Response<DecisionsResponse>, Status> {
    Ok(Response::new(DecisionsResponse { body_json: json.as_bytes().to_vec().into() }))
}

fn put(dry_run: bool) -> Result<Response<PutResponse>, Status> {
    let preview_json = if dry_run { r#"{"dry_run":true}"#.to_owned() } else { String::new() };
    Ok(Response::new(PutResponse { id: "made".to_owned(), catalogue_version: 7, preview_json }))
}

#[tonic::async_trait]
impl Router for FakeRouter {
    type ReplayDecisionsStream = tokio_stream::Iter<std::vec::IntoIter<Result<ReplayProgress, Status>>>;

    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let request = request.into_inner();
        self.with(|said| {
            if said.failures > 0 {
                said.failures -= 1;
                return Err(Status::unavailable("killed"));
            }
            let is_unknown = request.models.iter().all(|model| model.starts_with("nobody/"));
            let name = request.models.first().cloned().unwrap_or_default();
            let metadata_json = if request.explain {
                r#"{"total":2,"available":[{"provider":"Acme","model":"acme/echo"}],"params":{"cost_tier":"low"}}"#
            } else {
                ""
            };
            let points = request.markup_basis_points;
            let policy = request.policy.clone().unwrap_or_default();
            let mut lists = policy.model_lists.iter();
            let is_forbidden = !lists.all(|list| request.models.iter().any(|model| list.names.contains(model)));
            said.plans.push(request);
            if is_forbidden {
                return Err(Fault::new("permission_denied", 403, "A guardrail does not allow it.").into());
            }
            if is_unknown {
                let fault = Fault {
                    availability: Some(r#"{"code":"model_not_found","retryable":false}"#.to_owned()),
                    ..Fault::invalid(format!("{name} is not a valid model ID"))
                };
                return Err(fault.into());
            }
            let mut attempts = said.attempts.clone();
            for attempt in &mut attempts {
                attempt.markup_basis_points = points;
            }
            Ok(Response::new(PlanResponse {
                attempts,
                order: "default".to_owned(),
                strategy: "alias".to_owned(),
                name,
                metadata_json: metadata_json.to_owned(),
                explanation_json: r#"{"strategy":"alias","endpoints":[]}"#.to_owned(),
                ..PlanResponse::default()
            }))
        })
    }

    async fn stick(&self, request: Request<StickRequest>) -> Result<Response<StickResponse>, Status> {
        self.with(|said| said.sticks.push(request.into_inner()));
        Ok(Response::new(StickResponse {}))
    }

    async fn browse(&self, request: Request<BrowseRequest>) -> Result<Response<BrowseResponse>, Status> {
        let request = request.into_inner();
        self.with(|said| {
            if said.is_away {
                return Err(Status::unavailable("away"));
            }
            let fault = match (request.name.as_str(), request.query.as_str()) {
                ("nobody/nothing", _) => Some(Fault::not_found("There is no model `nobody/nothing`.")),
                (_, "sort=odd") => Some(Fault::invalid("`sort` must be something else.")),
                _ => None,
            };
            let is_feed = request.query.contains("use_rss");
            let body =
                format!(r#"{{"points":{},"turn":{}}}"#, request.markup_basis_points, said.browsed.len());
            said.browsed.push(request);
            if let Some(fault) = fault {
                return Err(fault.into());
            }
            let content_type = if is_feed { "application/rss+xml" } else { "application/json" };
            Ok(Response::new(BrowseResponse {
                version: 3,
                body: body.into(),
                content_type: content_type.to_owned(),
            }))
        })
    }

    async fn check_plugins(
        &self,
        request: Request<CheckPluginsRequest>,
    ) -> Result<Response<CheckPluginsResponse>, Status> {
        if self.with(|said| said.is_away) {
            return Err(Status::unavailable("away"));
        }
        let lists = request.into_inner().plugins_json;
        let wrong =
            |json: &String| if json.contains("nonsense") { "it has no member `nonsense`" } else { "" };
        let wrong = lists.iter().map(|json| wrong(json).to_owned()).collect();
        Ok(Response::new(CheckPluginsResponse { wrong }))
    }

    async fn observe(&self, _: Request<ObserveRequest>) -> Result<Response<ObserveResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_provider(
        &self,
        request: Request<PutProviderRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        let request = request.into_inner();
        let dry_run = request.dry_run;
        self.with(|said| said.providers.push(request));
        put(dry_run)
    }

    async fn put_model(&self, request: Request<PutModelRequest>) -> Result<Response<PutResponse>, Status> {
        self.with(|said| said.models.push(request.into_inner()));
        put(false)
    }

    async fn put_endpoint(
        &self,
        request: Request<PutEndpointRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        let request = request.into_inner();
        if request.endpoint_id.is_empty() {
            return Err(Fault::not_found("There is no such model.").into());
        }
        self.with(|said| said.endpoints.push(request));
        put(false)
    }

    async fn put_price(&self, request: Request<PutPriceRequest>) -> Result<Response<PutResponse>, Status> {
        self.with(|said| said.prices.push(request.into_inner()));
        put(false)
    }

    async fn import(&self, request: Request<ImportRequest>) -> Result<Response<ImportResponse>, Status> {
        let request = request.into_inner();
        let put = put(request.dry_run)?.into_inner();
        let changes = vec![put; request.changes.len()];
        self.with(|said| said.imports.push(request));
        Ok(Response::new(ImportResponse { changes, catalogue_version: 7 }))
    }

    async fn withdraw_price(
        &self,
        request: Request<WithdrawPriceRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        self.with(|said| said.withdrawals.push(request.into_inner()));
        put(false)
    }

    async fn list_prices(
        &self,
        request: Request<ListPricesRequest>,
    ) -> Result<Response<ListResponse>, Status> {
        let body = format!(r#"{{"endpoint_id":"{}","data":[]}}"#, request.get_ref().endpoint_id);
        Ok(Response::new(ListResponse { body_json: body.into() }))
    }

    async fn list_changes(
        &self,
        request: Request<ListChangesRequest>,
    ) -> Result<Response<ListResponse>, Status> {
        self.with(|said| said.changes.push(request.into_inner()));
        Ok(Response::new(ListResponse { body_json: r#"{"data":[],"next":null}"#.into() }))
    }

    async fn describe_catalogue(
        &self,
        request: Request<DescribeCatalogueRequest>,
    ) -> Result<Response<DescribeCatalogueResponse>, Status> {
        let request = request.into_inner();
        let canonical = if request.model == "acme/parrot" { "acme/echo" } else { request.model.as_str() };
        let of_model = format!(r#"{{"version":7,"data":[{{"canonical_slug":"{canonical}"}}],"next":null}}"#);
        if request.model.starts_with("nobody/") || request.name == "nobody" {
            return Err(Fault::not_found("There is no such row.").into());
        }
        let body = match request.resource.as_str() {
            "models" if !request.model.is_empty() => of_model.as_str(),
            "providers" if !request.name.is_empty() => {
                let row = match request.name.as_str() {
                    "azure" => {
                        r#"{"slug":"azure","dialect":"openai","base_url":"https://{resource}.openai.azure.com"}"#
                    }
                    _ => r#"{"slug":"acme","dialect":"openai","base_url":"https://api.acme.example"}"#,
                };
                let body = format!(r#"{{"version":7,"data":{row}}}"#);
                return Ok(Response::new(DescribeCatalogueResponse { version: 7, body_json: body.into() }));
            }
            "providers" => r#"{"version":7,"data":[{"slug":"acme"}],"next":null}"#,
            "endpoints" => {
                r#"{"version":7,"next":null,
                    "data":[{"id":"e1","model":"acme/echo","provider":"acme","price":{"id":"p1"}}]}"#
            }
            _ => r#"{"version":7,"providers":[{"slug":"acme"}]}"#,
        };
        let body_json = body.to_owned().into();
        self.with(|said| said.descriptions.push(request));
        Ok(Response::new(DescribeCatalogueResponse { version: 7, body_json }))
    }
    async fn describe_health(
        &self,
        request: Request<DescribeHealthRequest>,
    ) -> Result<Response<DescribeHealthResponse>, Status> {
        let DescribeHealthRequest { endpoint_id, state, model, provider, only_unwell } = request.into_inner();
        if only_unwell {
            let endpoint = |(id, state): &(String, &str)| serde_json::json!({ "endpoint_id": id, "model": "acme/echo", "provider": "acme", "state": state });
            let unwell = self.with(|said| said.unwell.iter().map(endpoint).collect::<Vec<_>>());
            let body = serde_json::json!({ "endpoints": unwell }).to_string();
            return Ok(Response::new(DescribeHealthResponse { body_json: body.into() }));
        }
        if endpoint_id == "unknown" {
            return Err(Fault::not_found("There is no such endpoint.").into());
        }
        let asked = serde_json::json!({
            "endpoint_id": endpoint_id, "state": state, "model": model, "provider": provider,
        });
        let body = serde_json::json!({ "endpoints": [asked] }).to_string();
        Ok(Response::new(DescribeHealthResponse { body_json: body.into() }))
    }

    async fn list_decisions(
        &self,
        request: Request<ListDecisionsRequest>,
    ) -> Result<Response<DecisionsResponse>, Status> {
        self.with(|said| said.lists.push(request.into_inner()));
        body(r#"{"data":[{"generation_id":"gen-1"}],"next":null}"#)
    }

    async fn read_decision(
        &self,
        request: Request<ReadDecisionRequest>,
    ) -> Result<Response<DecisionsResponse>, Status> {
        self.with(|said| said.reads.push(request.into_inner()));
        body(r#"{"replay":{"identical":true}}"#)
    }

    async fn replay_decisions(
        &self,
        request: Request<ReplayDecisionsRequest>,
    ) -> Result<Response<Self::ReplayDecisionsStream>, Status> {
        self.with(|said| said.replays.push(request.into_inner()));
        let progress = |done| ReplayProgress { done, total: 3, ..ReplayProgress::default() };
        let report =
            ReplayProgress { body_json: r#"{"decisions":3}"#.as_bytes().into(), ..ReplayProgress::default() };
        Ok(Response::new(tokio_stream::iter(vec![Ok(progress(0)), Ok(progress(2)), Ok(report)])))
    }
}
