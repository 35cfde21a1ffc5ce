//! The OpenAPI documents of what is served, made from the code.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder, ServerBuilder};
use utoipa::{PartialSchema as _, ToSchema};

use super::reply;
use crate::access::COOKIE;
use crate::service::App;

/// How every error is written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorAnswer {
    error: ErrorObject,
}

#[derive(Debug, Serialize, ToSchema)]
struct ErrorObject {
    /// The HTTP status.
    code: i32,
    /// What went wrong and what to do.
    message: String,
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Value>,
}

/// Serves a document at `{base}/openapi.json`.
pub(super) fn routes(base: &'static str, document: OpenApi) -> Router<Arc<App>> {
    let bytes: Bytes = serde_json::to_vec(&completed(base, document)).unwrap_or_default().into();
    let show = async move || reply::raw_json(StatusCode::OK, bytes);
    Router::new().route(&format!("{base}/openapi.json"), get(show))
}

/// The document with what all operations share.
fn completed(base: &str, mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new().title("Patchbay").version(env!("CARGO_PKG_VERSION")).build();
    document.servers = Some(vec![ServerBuilder::new().url(base).build()]);
    let components = document.components.get_or_insert_default();
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    components.schemas.insert(ErrorObject::name().into_owned(), ErrorObject::schema());
    components.schemas.insert(ErrorAnswer::name().into_owned(), ErrorAnswer::schema());
    let error = ResponseBuilder::new()
        .description("An error")
        .content("application/json", Content::new(Some(Ref::from_schema_name(ErrorAnswer::name()))))
        .build();
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.entry("default".to_owned()).or_insert(RefOr::T(error.clone()));
        }
    }
    document
}

fn schemes() -> [(&'static str, SecurityScheme); 4] {
    let bearer = |description: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
        SecurityScheme::Http(scheme)
    };
    [
        ("inference_key", bearer("An API key that calls models.")),
        ("management_key", bearer("An API key that administers an organisation.")),
        ("operator_token", bearer("An operator's token.")),
        ("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)))),
    ]
}
