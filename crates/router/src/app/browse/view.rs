//! The rows that one kind of caller sees, rendered once per version of the catalogue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pricing::Markup;
use prost::Message as _;
use rpc::Markups;
use rpc::pricing::MarkupOverride;
use rpc::router::AccountPolicy;
use serde_json::Value;

use super::policy::Rules;
use super::routers::{self, ROUTERS};
use super::row::{self, Facts, Row};
use crate::catalogue::{Catalogue, Endpoint, Model};

/// Views that are kept: as many as there are plans, and accounts with rules of their own of late.
const KEPT: usize = 64;

/// Markups, the usual one in basis points, and the account's rules as they are encoded.
type Caller = (i32, Vec<MarkupOverride>, Vec<u8>);

/// Views of one version of the catalogue.
#[derive(Debug, Default)]
pub(crate) struct Views(Mutex<HashMap<Caller, Arc<View>>>);

/// Models by slug, then the aliases of families, then router models.
#[derive(Debug)]
pub(super) struct View {
    pub(super) rows: Vec<Row>,
}

impl Views {
    pub(super) fn get(
        &self,
        catalogue: &Catalogue,
        markups: Markups<'_>,
        policy: Option<&AccountPolicy>,
    ) -> Arc<View> {
        let rules = policy.map(AccountPolicy::encode_to_vec).unwrap_or_default();
        let key: Caller = (markups.usual().basis_points(), markups.overrides().to_vec(), rules);
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = views.get(&key) {
            return Arc::clone(view);
        }
        if views.len() >= KEPT {
            views.clear();
        }
        let view = Arc::new(View::render(catalogue, markups, Rules::of(catalogue, policy)));
        views.insert(key, Arc::clone(&view));
        view
    }
}

impl View {
    fn render(catalogue: &Catalogue, markups: Markups<'_>, rules: Rules<'_>) -> Self {
        let row = |model| row::model(catalogue, model, &usable(catalogue, model, rules), markups);
        let mut rows: Vec<(Value, Facts)> = catalogue.models().iter().filter_map(row).collect();
        let routers: Vec<_> = ROUTERS.iter().filter_map(|router| routers::row(router, &rows)).collect();
        let mut latest: Vec<(&str, usize)> = catalogue.latest_aliases().collect();
        latest.sort_unstable();
        let aliases: Vec<_> = latest
            .into_iter()
            .filter_map(|(alias, at)| {
                let slug = catalogue.models().get(at)?.slug();
                let target = rows.iter().find(|(_, facts)| facts.slug == slug)?;
                Some(row::alias(alias, target))
            })
            .collect();
        rows.extend(aliases);
        rows.extend(routers);
        Self { rows: rows.into_iter().filter_map(|(json, facts)| Row::new(&json, facts)).collect() }
    }

    pub(super) fn find(&self, slug: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.facts.slug == slug)
    }
}

/// The endpoints that can serve a model to the caller.
pub(super) fn usable<'a>(catalogue: &'a Catalogue, model: &Model, rules: Rules<'_>) -> Vec<&'a Endpoint> {
    let endpoints = catalogue.endpoints_of(model).iter();
    endpoints.filter(|endpoint| is_usable(endpoint) && rules.admit(model, endpoint)).collect()
}

/// What a caller pays on top of an endpoint's list price.
pub(super) fn markup(markups: Markups<'_>, endpoint: &Endpoint) -> Markup {
    markups.at(&endpoint.attempt.provider, &endpoint.attempt.model)
}

/// Whether anything can be asked of it.
pub(super) fn is_usable(endpoint: &Endpoint) -> bool {
    endpoint.unusable.is_none() && endpoint.operations.iter().next().is_some()
}
