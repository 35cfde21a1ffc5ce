//! The public catalogue, rendered for a caller.
//!
//! Rows are rendered once for each plan's markups and each account's rules; a list picks among them. Endpoints are
//! rendered when they are asked for, since their health changes all the time.

mod endpoint;
mod feed;
mod filter;
mod images;
mod policy;
mod prices;
mod query;
mod routers;
mod row;
mod seen;
mod sort;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use pricing::Markup;
use rpc::router::BrowseRequest;
use rpc::{Fault, Markups};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::policy::Rules;
use self::query::{Pairs, Query};
use self::row::Row;
use self::seen::Seen;
use self::view::View;
pub(crate) use self::view::Views;
use super::day;
use crate::catalogue::{Catalogue, Endpoint, Model};
use crate::health::Health;
use crate::service::Loaded;

const JSON: &str = "application/json";

/// A rendered resource.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    pub(crate) content_type: &'static str,
}

/// What most resources are.
#[derive(Serialize)]
struct Data<T> {
    data: T,
}

/// One list, as `ModelsListResponse`.
#[derive(Serialize)]
struct List<'a> {
    data: Vec<&'a RawValue>,
    total_count: usize,
    links: Links,
}

#[derive(Serialize)]
struct Links {
    next: Option<String>,
}

/// What a caller sees, and how.
struct Visit<'a> {
    catalogue: &'a Catalogue,
    view: Arc<View>,
    rules: Rules<'a>,
    markups: Markups<'a>,
    authenticated: bool,
    seen: Seen<'a>,
}

/// Renders a resource of the catalogue.
///
/// # Errors
/// [`Fault`] as a client may see it: a parameter that is no good, or a name that nothing goes by.
pub(crate) fn browse(
    loaded: &Loaded,
    health: &Health,
    now_ms: u64,
    request: &BrowseRequest,
) -> Result<Answer, Fault> {
    let standings = health.standings();
    let display = |key| health.display(key, now_ms);
    let day = |key| health.day(key, now_ms);
    answer(loaded, Seen { display: &display, day: &day, standings: &standings, now_ms }, request)
}

fn answer(loaded: &Loaded, seen: Seen<'_>, request: &BrowseRequest) -> Result<Answer, Fault> {
    let (catalogue, policy) = (&loaded.catalogue, request.policy.as_ref());
    let markups = Markups::new(request.markup_basis_points, &request.markup_overrides);
    let visit = Visit {
        catalogue,
        view: loaded.views.get(catalogue, markups, policy),
        rules: Rules::of(catalogue, policy),
        markups,
        authenticated: request.authenticated,
        seen,
    };
    let pairs = Pairs::of(&request.query);
    match request.resource.as_str() {
        "models" => visit.list(&pairs, "/api/v1/models"),
        "user" => visit.list(&pairs, "/api/v1/models/user"),
        "embeddings" => visit.embeddings(&pairs),
        "count" => {
            let count = visit.wanted(&Query::read(&pairs)?).len();
            data(json!({ "count": count }))
        }
        "model" => data(&visit.row(&request.name)?.json),
        "endpoints" => visit.endpoints(&request.name),
        "history" => visit.history(&request.name),
        "zdr" => data(visit.zero_data_retention()),
        "providers" => data(visit.providers()),
        "images" => data(visit.images()),
        "image_endpoints" => visit.image_endpoints(&request.name),
        // No endpoint takes jobs for videos yet.
        "videos" => data(json!([])),
        other => Err(Fault::not_found(format!("The catalogue has no `{other}`."))),
    }
}

fn data(data: impl Serialize) -> Result<Answer, Fault> {
    json(&Data { data })
}

fn json(value: &impl Serialize) -> Result<Answer, Fault> {
    let body = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the catalogue cannot be written");
        Fault::internal()
    })?;
    Ok(Answer { body: body.into(), content_type: JSON })
}

impl Visit<'_> {
    /// What the caller pays on top of an endpoint's list price.
    fn markup(&self, endpoint: &Endpoint) -> Markup {
        view::markup(self.markups, endpoint)
    }

    /// A list by the query's filters, order and page.
    fn list(&self, pairs: &Pairs, path: &str) -> Result<Answer, Fault> {
        self.render(&Query::read(pairs)?, pairs, path)
    }

    /// The list of models that embed, which has pages and nothing else.
    fn embeddings(&self, pairs: &Pairs) -> Result<Answer, Fault> {
        let mut query = Query::read_page(pairs)?;
        query.filter.outputs = vec!["embeddings".to_owned()];
        self.render(&query, pairs, "/api/v1/embeddings/models")
    }

    fn render(&self, query: &Query, pairs: &Pairs, path: &str) -> Result<Answer, Fault> {
        let mut rows = self.wanted(query);
        let total_count = rows.len();
        let mut next = None;
        if let Some(page) = query.page {
            let end = page.offset.saturating_add(page.limit);
            let following = query::Page { offset: end, ..page };
            next = (end < total_count).then(|| format!("{path}?{}", pairs.at(following)));
            rows = rows.into_iter().skip(page.offset).take(page.limit).collect();
        }
        if let Some(feed) = query.feed {
            let body = feed::render(&rows, feed).map_err(|_| Fault::internal())?;
            return Ok(Answer { body: body.into(), content_type: feed::CONTENT_TYPE });
        }
        let data = rows.iter().map(|row| &*row.json).collect();
        json(&List { data, total_count, links: Links { next } })
    }

    /// Every row that the query wants, in its order.
    fn wanted(&self, query: &Query) -> Vec<&Row> {
        let admitted = self.view.rows.iter().filter(|row| query.filter.admits(&row.facts, &self.seen));
        let mut rows: Vec<&Row> = admitted.collect();
        if let Some(sort) = query.sort {
            sort.apply(&mut rows, &self.seen);
        }
        rows
    }

    /// The row that a name leads to: a slug, a canonical slug, an alias, `~author/family-latest` or a router
    /// model, each also with dynamic variants.
    fn row(&self, name: &str) -> Result<&Row, Fault> {
        let row = self.slug(name).and_then(|slug| self.view.find(slug));
        row.ok_or_else(|| Fault::not_found(format!("There is no model `{name}`.")))
    }

    /// The slug that a row of this name has.
    fn slug<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        let mut rest = name;
        loop {
            if self.catalogue.latest(rest).is_some() || routers::ROUTERS.iter().any(|one| one.slug == rest) {
                return Some(rest);
            }
            if let Some(model) = self.catalogue.find(rest).and_then(|at| self.catalogue.models().get(at)) {
                return Some(model.slug());
            }
            let (stem, variant) = rest.rsplit_once(':')?;
            if !matches!(variant, "nitro" | "floor" | "exacto" | "online" | "thinking" | "extended") {
                return None;
            }
            rest = stem;
        }
    }

    /// The model whose endpoints a row's are: its own, or its alias's target's. `None` for router models.
    fn model(&self, row: &Row) -> Option<&Model> {
        let slug = row.facts.slug.as_str();
        let at = self.catalogue.latest(slug).or_else(|| self.catalogue.find(slug))?;
        self.catalogue.models().get(at)
    }

    fn endpoints(&self, name: &str) -> Result<Answer, Fault> {
        let row = self.row(name)?;
        let mut listed: Value = serde_json::from_str(row.json.get()).map_err(|_| Fault::internal())?;
        let mut shown = serde_json::Map::new();
        for member in ["id", "name", "created", "description", "architecture"] {
            shown.insert(member.to_owned(), listed[member].take());
        }
        let endpoints = self.model(row).map(|model| self.endpoints_of(model, endpoint::is_shown));
        shown.insert("endpoints".to_owned(), endpoints.unwrap_or_default().into());
        data(shown)
    }

    /// The last day of each endpoint of a model, with the platform's own credential.
    fn history(&self, name: &str) -> Result<Answer, Fault> {
        let row = self.row(name)?;
        let history = |model| self.admitted(model, endpoint::is_shown).map(|one| self.day_of(one)).collect();
        let endpoints: Vec<Value> = self.model(row).map(history).unwrap_or_default();
        let mut shown = day::frame(self.seen.now_ms);
        shown.insert("id".to_owned(), json!(row.facts.slug));
        shown.insert("endpoints".to_owned(), endpoints.into());
        data(shown)
    }

    fn day_of(&self, endpoint: &Endpoint) -> Value {
        let day = (self.seen.day)(endpoint.key);
        json!({
            "tag": endpoint.row.tag,
            "provider_name": endpoint.attempt.provider_name,
            "buckets": day::buckets(&day, self.authenticated),
        })
    }

    fn endpoints_of(&self, model: &Model, wanted: impl Fn(&Endpoint) -> bool) -> Vec<Value> {
        self.admitted(model, wanted)
            .map(|one| endpoint::endpoint(model, one, self.markup(one), &self.seen, self.authenticated))
            .collect()
    }

    /// The endpoints of a model that the account's rules leave.
    fn admitted<'m>(
        &'m self,
        model: &'m Model,
        wanted: impl Fn(&Endpoint) -> bool + 'm,
    ) -> impl Iterator<Item = &'m Endpoint> {
        let all = self.catalogue.endpoints_of(model).iter();
        all.filter(move |one| wanted(one) && self.rules.admit(model, one))
    }

    /// Every endpoint that keeps nothing and can be called.
    fn zero_data_retention(&self) -> Vec<Value> {
        let models = self.catalogue.models().iter();
        models
            .flat_map(|model| self.endpoints_of(model, |one| view::is_usable(one) && one.zero_data_retention))
            .collect()
    }

    fn providers(&self) -> Vec<Value> {
        let enabled = self.catalogue.providers().iter().filter(|row| !row.disabled);
        enabled
            .filter(|row| self.rules.admit_provider(row))
            .map(|row| {
                json!({
                    "name": row.name,
                    "slug": row.slug,
                    "privacy_policy_url": row.privacy_policy_url,
                    "terms_of_service_url": row.terms_of_service_url,
                    "status_page_url": row.status_page_url,
                    "headquarters": row.headquarters,
                    "datacenters": (!row.datacenters.is_empty()).then_some(&row.datacenters),
                })
            })
            .collect()
    }

    fn images(&self) -> Vec<Value> {
        let listed = |model: &Model| {
            let endpoints = images::endpoints(self.catalogue, model, self.rules);
            let row = self.view.find(model.slug()).filter(|_| !endpoints.is_empty())?;
            Some(images::listed(&row.facts, &endpoints))
        };
        self.catalogue.models().iter().filter_map(listed).collect()
    }

    fn image_endpoints(&self, name: &str) -> Result<Answer, Fault> {
        let row = self.row(name)?;
        let endpoints = self.model(row).map(|model| images::endpoints(self.catalogue, model, self.rules));
        let endpoints = endpoints.filter(|endpoints| !endpoints.is_empty());
        let endpoints = endpoints.ok_or_else(|| Fault::not_found(format!("`{name}` makes no images.")))?;
        let records: Vec<Value> = endpoints.iter().map(|one| images::record(one, self.markup(one))).collect();
        json(&json!({ "id": row.facts.slug, "endpoints": records }))
    }
}
