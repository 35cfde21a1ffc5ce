//! What an account's rules leave of the catalogue.

use rpc::router::AccountPolicy;

use crate::catalogue::{Catalogue, Endpoint, Model};
use crate::choose::{self, Reason};
use crate::store::rows;

/// The rules that are about endpoints, not models.
const OF_ENDPOINTS: [Reason; 5] = [
    Reason::ProviderNotAllowed,
    Reason::ProviderIgnored,
    Reason::AccountZeroDataRetention,
    Reason::AccountDataCollection,
    Reason::AccountRegion,
];

/// An account's rules over one catalogue.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    catalogue: &'a Catalogue,
    policy: Option<&'a AccountPolicy>,
}

impl<'a> Rules<'a> {
    pub(super) const fn of(catalogue: &'a Catalogue, policy: Option<&'a AccountPolicy>) -> Self {
        Self { catalogue, policy }
    }

    /// Whether the account may use an endpoint of a model.
    pub(super) fn admit(&self, model: &Model, endpoint: &Endpoint) -> bool {
        let Some(policy) = self.policy else { return true };
        let policy = choose::AccountPolicy::of(policy);
        let means = |names: &[String]| names.iter().any(|name| self.is_model(name, model));
        policy.against_model(means).is_none()
            && !OF_ENDPOINTS.into_iter().any(|rule| policy.rules_out(rule, model, endpoint))
    }

    /// Whether the account may use a provider at all.
    pub(super) fn admit_provider(&self, provider: &rows::Provider) -> bool {
        let Some(policy) = self.policy else { return true };
        let means = |names: &[String]| {
            let own = [&provider.slug, &provider.name];
            names.iter().any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(base(name))))
        };
        let ignored = |names: &[String]| {
            let own = [&provider.slug, &provider.name];
            names.iter().any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)))
        };
        choose::AccountPolicy::of(policy).allows_provider(means) && !ignored(&policy.ignored_providers)
    }

    /// Whether a name, of any kind that a model goes by, means this one.
    fn is_model(&self, name: &str, model: &Model) -> bool {
        let stem = model.slug().split_once(':').map_or(model.slug(), |(stem, _)| stem);
        if stem == name {
            return true;
        }
        let at = self.catalogue.find(name).or_else(|| self.catalogue.latest(name));
        at.and_then(|at| self.catalogue.models().get(at)).is_some_and(|found| found.slug() == model.slug())
    }
}

/// The provider that a routing slug is of.
fn base(slug: &str) -> &str {
    slug.split_once('/').map_or(slug, |(base, _)| base)
}
