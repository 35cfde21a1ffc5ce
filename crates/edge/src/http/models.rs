//! `GET /api/v1/models`: the router's list at the caller's prices.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pricing::Markup;
use rpc::Channel;
use rpc::billing::GetTermsRequest;
use rpc::router::BrowseRequest;
use rpc::router::router_client::RouterClient;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::from_query;
use super::reply::{self, Refusal, UserFacing as _};
use crate::auth;
use crate::service::App;

/// A list is used this long before the router is asked whether it still stands.
const FRESH: Duration = Duration::from_secs(1);
/// The default plan's terms are asked for again after this long.
const TERMS_FRESH: Duration = Duration::from_secs(60);
/// Lists at different markups, and filtered ones, that are kept.
const KEPT: u64 = 256;

/// The list at one markup.
struct List {
    version: u64,
    body: Bytes,
    asked: Instant,
}

/// The lists that were asked for lately.
pub(crate) struct ModelLists {
    router: Channel,
    default_markup: DefaultMarkup,
    lists: moka::future::Cache<u32, Arc<List>>,
    /// By markup, version and filter; beside the body, how many models it has.
    filtered: moka::sync::Cache<(u32, u64, Filter), (Bytes, usize)>,
}

/// What callers without a key pay on top.
struct DefaultMarkup {
    fresh: moka::future::Cache<(), Markup>,
    /// As it was told last: stands for as long as it cannot be asked for.
    last: Mutex<Option<Markup>>,
}

impl DefaultMarkup {
    fn new() -> Self {
        let fresh = moka::future::Cache::builder().time_to_live(TERMS_FRESH).build();
        Self { fresh, last: Mutex::default() }
    }

    /// What is known, else what `ask` tells.
    async fn get(
        &self,
        ask: impl Future<Output = Result<Markup, tonic::Status>>,
    ) -> Result<Markup, Arc<tonic::Status>> {
        let ask = async {
            let told = ask.await;
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            match told {
                Ok(markup) => Ok(*last.insert(markup)),
                Err(status) => last.ok_or(status),
            }
        };
        self.fresh.try_get_with((), ask).await
    }
}

/// Which models are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    /// Comma-separated; every one must be supported.
    supported_parameters: Option<String>,
    /// Comma-separated, one is enough; `all` for every model. Text when it is absent.
    output_modalities: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

impl ModelLists {
    pub(crate) fn new(router: Channel) -> Self {
        Self {
            router,
            default_markup: DefaultMarkup::new(),
            lists: moka::future::Cache::new(KEPT),
            filtered: moka::sync::Cache::builder()
                .max_capacity(KEPT)
                .time_to_live(Duration::from_secs(600))
                .build(),
        }
    }

    /// The models that pass the filter, as JSON, and how many they are.
    async fn get(&self, markup: Markup, filter: Filter) -> Result<(Bytes, usize), tonic::Status> {
        let points = markup.basis_points();
        let list = self.list(points).await?;
        let key = (points, list.version, filter);
        if let Some(found) = self.filtered.get(&key) {
            return Ok(found);
        }
        let found = select(&list.body, &key.2);
        self.filtered.insert(key, found.clone());
        Ok(found)
    }

    async fn list(&self, points: u32) -> Result<Arc<List>, tonic::Status> {
        let known = self.lists.get(&points).await;
        if let Some(list) = known.as_ref().filter(|list| list.asked.elapsed() < FRESH) {
            return Ok(Arc::clone(list));
        }
        let asked = rpc::retry(3, || {
            let mut router =
                RouterClient::new(self.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
            let message = BrowseRequest {
                resource: "models".to_owned(),
                markup_basis_points: points,
                ..BrowseRequest::default()
            };
            async move { router.browse(message).await }
        })
        .await;
        let (version, body) = match (asked, known) {
            (Ok(answer), _) => {
                let answer = answer.into_inner();
                (answer.version, answer.body)
            }
            // A router that is away changes no prices.
            (Err(_), Some(list)) => (list.version, list.body.clone()),
            (Err(status), None) => return Err(status),
        };
        let list = Arc::new(List { version, body, asked: Instant::now() });
        self.lists.insert(points, Arc::clone(&list)).await;
        Ok(list)
    }
}

/// Picks the wanted rows of `{"data": [...]}`.
fn select(body: &Bytes, filter: &Filter) -> (Bytes, usize) {
    let mut list: Value = serde_json::from_slice(body).unwrap_or_default();
    let rows = match list.get_mut("data").map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    };
    let admitted: Vec<Value> = rows.into_iter().filter(|row| filter.admits(row)).collect();
    let count = admitted.len();
    let (offset, limit) = (filter.offset.unwrap_or(0), filter.limit.unwrap_or(usize::MAX));
    let end = offset.saturating_add(limit);
    let next = (end < count).then(|| filter.link(end, limit));
    let wanted: Vec<Value> = admitted.into_iter().skip(offset).take(limit).collect();
    let list = json!({ "data": wanted, "total_count": count, "links": { "next": next } });
    (serde_json::to_vec(&list).unwrap_or_default().into(), count)
}

impl Filter {
    /// Where the same list goes on.
    fn link(&self, offset: usize, limit: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("offset", &offset.to_string()).append_pair("limit", &limit.to_string());
        if let Some(names) = &self.supported_parameters {
            query.append_pair("supported_parameters", names);
        }
        if let Some(names) = &self.output_modalities {
            query.append_pair("output_modalities", names);
        }
        format!("/api/v1/models?{}", query.finish())
    }

    fn admits(&self, model: &Value) -> bool {
        let has = |list: &Value, wanted: &str| {
            list.as_array().is_some_and(|list| list.iter().any(|name| name == wanted))
        };
        let mut parameters = self.supported_parameters.iter().flat_map(|list| list.split(','));
        if !parameters.all(|name| name.trim().is_empty() || has(&model["supported_parameters"], name.trim()))
        {
            return false;
        }
        let modalities = self.output_modalities.as_deref().unwrap_or("text");
        modalities.split(',').any(|wanted| {
            wanted.trim() == "all" || has(&model["architecture"]["output_modalities"], wanted.trim())
        })
    }
}

/// `GET /api/v1/models`.
pub(crate) async fn list(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let (body, _) = wanted(&app, request).await?;
    Ok(reply::raw_json(StatusCode::OK, body))
}

/// `GET /api/v1/models/count`.
pub(crate) async fn count(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let (_, count) = wanted(&app, request).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "data": { "count": count } })))
}

async fn wanted(app: &App, request: Request) -> Result<(Bytes, usize), Refusal> {
    let (parts, _) = request.into_parts();
    let markup = markup(app, &parts.headers).await?;
    let filter: Filter = from_query(&parts)?;
    Ok(app.models.get(markup, filter).await?)
}

/// What a caller pays on top: a key's own terms, else the default plan's.
async fn markup(app: &App, headers: &HeaderMap) -> Result<Markup, Refusal> {
    if auth::bearer(headers).is_some() {
        return Ok(auth::authenticate(&app.keys, headers).await?.terms.markup);
    }
    let source = app.keys.source();
    let terms = async { source.terms(GetTermsRequest::default()).await.map(|terms| terms.markup) };
    app.models.default_markup.get(terms).await.map_err(|status| (*status).clone().refusal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Bytes {
        let row = |id: &str, output: &[&str], parameters: &[&str]| {
            json!({
                "id": id,
                "architecture": { "output_modalities": output },
                "supported_parameters": parameters,
            })
        };
        let rows = [
            row("a/text", &["text"], &["tools", "seed"]),
            row("a/image", &["image"], &[]),
            row("a/both", &["text", "image"], &["tools"]),
        ];
        serde_json::to_vec(&json!({ "data": rows })).unwrap().into()
    }

    #[tokio::test]
    async fn the_default_markup_outlives_whoever_tells_it() {
        let default = DefaultMarkup::new();
        let away = async || Err(tonic::Status::unavailable("away"));
        assert!(default.get(away()).await.is_err());
        let markup = Markup::from_basis_points(500);
        assert_eq!(default.get(async { Ok(markup) }).await.unwrap(), markup);
        default.fresh.invalidate_all();
        assert_eq!(default.get(away()).await.unwrap(), markup);
    }

    fn ids(filter: &Filter) -> Vec<String> {
        let (body, count) = select(&body(), filter);
        let list: Value = serde_json::from_slice(&body).unwrap();
        let rows = list["data"].as_array().unwrap();
        assert_eq!(list["total_count"], count);
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn filters_by_parameters_and_modalities() {
        assert_eq!(ids(&Filter::default()), ["a/text", "a/both"]);
        let filter = Filter { output_modalities: Some("all".to_owned()), ..Filter::default() };
        assert_eq!(ids(&filter).len(), 3);
        let filter = Filter { output_modalities: Some("image".to_owned()), ..Filter::default() };
        assert_eq!(ids(&filter), ["a/image", "a/both"]);
        let filter = Filter { supported_parameters: Some("tools,seed".to_owned()), ..Filter::default() };
        assert_eq!(ids(&filter), ["a/text"]);
        let filter = Filter { offset: Some(1), limit: Some(1), ..Filter::default() };
        assert_eq!(ids(&filter), ["a/both"]);
    }

    #[test]
    fn a_page_links_to_the_next_one_of_the_same_list() {
        let filter =
            Filter { output_modalities: Some("text,image".to_owned()), limit: Some(2), ..Filter::default() };
        let (body, count) = select(&body(), &filter);
        let list: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((count, list["data"].as_array().unwrap().len()), (3, 2));
        let next = "/api/v1/models?offset=2&limit=2&output_modalities=text%2Cimage";
        assert_eq!(list["links"]["next"], next);
        let last = Filter { offset: Some(2), ..filter };
        let list: Value = serde_json::from_slice(&select(&self::body(), &last).0).unwrap();
        assert!(list["links"]["next"].is_null());
    }
}
