//! A router whose plans are what it is told.

use std::sync::{Arc, Mutex};

use pricing::{Class, PriceBook, Rate, Rates};
use rpc::Fault;
use rpc::router::router_server::Router;
use rpc::router::*;
use tonic::{Request, Response, Status};

pub(crate) struct Said {
    pub(crate) plans: Vec<PlanRequest>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) providers: Vec<PutProviderRequest>,
    pub(crate) prices: Vec<PutPriceRequest>,
    /// Plans that fail as if the replica were killed, before one is answered again.
    pub(crate) failures: usize,
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
            attempts: vec![attempt(1, 2), attempt(2, 4)],
            providers: Vec::new(),
            prices: Vec::new(),
            failures: 0,
        })))
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Said) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

fn put() -> Result<Response<PutResponse>, Status> {
    Ok(Response::new(PutResponse { id: "made".to_owned(), catalogue_version: 7 }))
}

#[tonic::async_trait]
impl Router for FakeRouter {
    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let request = request.into_inner();
        self.with(|said| {
            if said.failures > 0 {
                said.failures -= 1;
                return Err(Status::unavailable("killed"));
            }
            let is_unknown = request.models.iter().all(|model| model.starts_with("nobody/"));
            let name = request.models.first().cloned().unwrap_or_default();
            said.plans.push(request);
            if is_unknown {
                let fault = Fault {
                    availability: Some(r#"{"code":"model_not_found","retryable":false}"#.to_owned()),
                    ..Fault::invalid(format!("{name} is not a valid model ID"))
                };
                return Err(fault.into());
            }
            let attempts = said.attempts.clone();
            Ok(Response::new(PlanResponse { attempts, ..PlanResponse::default() }))
        })
    }

    async fn stick(&self, _: Request<StickRequest>) -> Result<Response<StickResponse>, Status> {
        Ok(Response::new(StickResponse {}))
    }

    async fn browse(&self, request: Request<BrowseRequest>) -> Result<Response<BrowseResponse>, Status> {
        let points = request.get_ref().markup_basis_points;
        let body = format!(
            r#"{{"data":[{{"id":"acme/echo","pricing":{{"prompt":"{points}"}},"supported_parameters":["tools"],
                "architecture":{{"output_modalities":["text"]}}}},
                {{"id":"acme/paint","supported_parameters":[],"architecture":{{"output_modalities":["image"]}}}}]}}"#
        );
        Ok(Response::new(BrowseResponse {
            version: 3,
            body: body.into(),
            content_type: "application/json".to_owned(),
        }))
    }

    async fn observe(&self, _: Request<ObserveRequest>) -> Result<Response<ObserveResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_provider(
        &self,
        request: Request<PutProviderRequest>,
    ) -> Result<Response<PutResponse>, Status> {
        self.with(|said| said.providers.push(request.into_inner()));
        put()
    }

    async fn put_model(&self, _: Request<PutModelRequest>) -> Result<Response<PutResponse>, Status> {
        put()
    }

    async fn put_endpoint(&self, _: Request<PutEndpointRequest>) -> Result<Response<PutResponse>, Status> {
        Err(Fault::not_found("There is no such model.").into())
    }

    async fn put_price(&self, request: Request<PutPriceRequest>) -> Result<Response<PutResponse>, Status> {
        self.with(|said| said.prices.push(request.into_inner()));
        put()
    }

    async fn describe_catalogue(
        &self,
        _: Request<DescribeCatalogueRequest>,
    ) -> Result<Response<DescribeCatalogueResponse>, Status> {
        let body = r#"{"providers":[{"slug":"acme"}],
            "models":[{"slug":"acme/echo","endpoints":[{"id":"e1","provider":"acme","price":{"id":"p1"}}]}]}"#;
        Ok(Response::new(DescribeCatalogueResponse {
            version: 7,
            body_json: body.as_bytes().to_vec().into(),
        }))
    }
    async fn describe_health(
        &self,
        request: Request<DescribeHealthRequest>,
    ) -> Result<Response<DescribeHealthResponse>, Status> {
        let DescribeHealthRequest { endpoint_id, state, model, provider, .. } = request.into_inner();
        if endpoint_id == "unknown" {
            return Err(Fault::not_found("There is no such endpoint.").into());
        }
        let asked = serde_json::json!({
            "endpoint_id": endpoint_id, "state": state, "model": model, "provider": provider,
        });
        let body = serde_json::json!({ "endpoints": [asked] }).to_string();
        Ok(Response::new(DescribeHealthResponse { body_json: body.into() }))
    }
}
