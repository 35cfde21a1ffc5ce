//! The OpenAPI documents of what is served, made from the code.

mod unguarded;

pub(super) use unguarded::document as unguarded;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, ServerBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::reply;
use crate::access::{self, COOKIE};
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

/// How errors are written to Anthropic's clients.
#[derive(Debug, Serialize, ToSchema)]
struct AnthropicErrorAnswer {
    /// `error`
    r#type: String,
    error: AnthropicErrorObject,
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Value>,
    /// The generation, where one was begun.
    request_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AnthropicErrorObject {
    /// Anthropic's word, such as `overloaded_error`.
    r#type: String,
    /// What went wrong and what to do.
    message: String,
    /// Ours, such as `provider_overloaded`.
    error_type: String,
}

/// A JSON object as the part of the platform writes it that the thing belongs to.
pub(super) enum Document {}

impl PartialSchema for Document {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some("An object, as docs/reference describes it."))
            .into()
    }
}

impl ToSchema for Document {}

/// Says of an operation that takes sessions people of which roles may call it.
const ROLES: &str = "x-patchbay-roles";

/// Where a document is, below its base.
const PATH: &str = "/openapi.json";

/// Serves a document, which speaks of itself as well.
pub(super) fn routes(base: &'static str, mut document: OpenApi) -> Router<Arc<App>> {
    document.paths.paths.insert(PATH.to_owned(), PathItem::new(HttpMethod::Get, itself()));
    let bytes: Bytes = serde_json::to_vec(&completed(base, document)).unwrap_or_default().into();
    let show = async move || reply::raw_json(StatusCode::OK, bytes);
    Router::new().route(&format!("{base}{PATH}"), get(show))
}

fn itself() -> Operation {
    let schema = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)));
    let answer = ResponseBuilder::new()
        .description("An OpenAPI document")
        .content("application/json", Content::new(Some(schema)))
        .build();
    OperationBuilder::new()
        .operation_id(Some("getOpenApi"))
        .tag("Documents")
        .summary(Some("Show this document"))
        .response("200", answer)
        .security(SecurityRequirement::default())
        .build()
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
    let error = error_answer(&ErrorAnswer::name());
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head];
        for operation in operations.into_iter().flatten() {
            if let Some(roles) = access::roles(operation) {
                let roles = Extensions::builder().add(ROLES, roles).build();
                operation.extensions.get_or_insert_default().merge(roles);
            }
            operation.responses.responses.entry("default".to_owned()).or_insert(RefOr::T(error.clone()));
        }
    }
    document
}

/// The answer to whatever goes wrong, as a schema of the components describes it.
fn error_answer(schema: &str) -> Response {
    ResponseBuilder::new()
        .description("An error")
        .content("application/json", Content::new(Some(Ref::from_schema_name(schema))))
        .build()
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
