//! Several changes of the catalogue that hold together or not at all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::router::catalogue_change::Change as Message;
use rpc::router::{CatalogueChange, ImportRequest, PutResponse};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::documents::Document;
use super::super::reply::{self, Refusal, UserFacing as _};
use super::catalogue::{
    Members, endpoint_message, model_message, named_endpoint, needed, provider_message, router,
};
use super::prices::NewPrice;
use super::record::note;
use super::{Operator, bad, read};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(import))
}

/// Changes in their order; each may build on those before it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CatalogueImport)]
struct Import {
    changes: Vec<Change>,
    /// Changes nothing and answers what each would come to.
    #[serde(default)]
    dry_run: bool,
}

/// One change, by what it is of, with the members of the call that makes it alone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CatalogueImportChange)]
enum Change {
    #[schema(value_type = Document)]
    Provider(Members),
    #[schema(value_type = Document)]
    Model(Members),
    #[schema(value_type = Document)]
    Endpoint(Members),
    Price(Box<NewPrice>),
}

impl Change {
    fn message(self) -> Result<Message, Refusal> {
        Ok(match self {
            Self::Provider(mut sent) => {
                Message::Provider(provider_message(needed(&mut sent, "slug")?, sent)?)
            }
            Self::Model(mut sent) => Message::Model(model_message(needed(&mut sent, "slug")?, sent)),
            Self::Endpoint(mut sent) => {
                let named = named_endpoint(&mut sent)?;
                Message::Endpoint(endpoint_message(named, sent)?)
            }
            Self::Price(sent) if sent.dry_run => return Err(bad("dry_run: it stands beside `changes`")),
            Self::Price(sent) => Message::Price(sent.message()?),
        })
    }
}

/// Make several changes at once
///
/// All of them or none, in one version of the catalogue. A refusal says which change it is about.
#[utoipa::path(post, path = "/catalogue", operation_id = "importCatalogue", tag = "Catalogue",
    request_body = Import,
    responses((status = 200, description = "Where the changes are, or what a dry run would do", body = Document)),
    security(("operator_token" = [])))]
async fn import(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Import { changes, dry_run } = read(&app, request).await?;
    let entry = operator.does("catalogue.import", None, "catalogue", json!({ "changes": changes.len() }));
    let changes = changes.into_iter().enumerate().map(|(at, change)| {
        let change = Some(change.message().map_err(|refusal| refusal.about(&format!("changes[{at}]")))?);
        Ok(CatalogueChange { change })
    });
    let changes = changes.collect::<Result<_, Refusal>>()?;
    let message = ImportRequest { changes, dry_run, actor: operator.actor.clone() };
    let done = router(&app).import(message).await?.into_inner();
    if dry_run {
        let told: Vec<Box<RawValue>> = done.changes.into_iter().map(preview).collect::<Result<_, _>>()?;
        return Ok(reply::json(StatusCode::OK, &json!({ "dry_run": true, "changes": told })));
    }
    note(&app, entry).await;
    let ids: Vec<Value> = done.changes.into_iter().map(|one| json!({ "id": one.id })).collect();
    let body = json!({ "changes": ids, "catalogue_version": done.catalogue_version });
    Ok(reply::json(StatusCode::OK, &body))
}

fn preview(change: PutResponse) -> Result<Box<RawValue>, Refusal> {
    RawValue::from_string(change.preview_json).map_err(|_| rpc::Fault::internal().refusal())
}
