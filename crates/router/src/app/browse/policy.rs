//! What an account's rules leave of the catalogue.

use rpc::router::AccountPolicy;

use crate::catalogue::{Catalogue, Endpoint, Model};
use crate::store::rows;

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
        let models = |names: &[String]| names.iter().any(|name| self.is_model(name, model));
        let providers = |names: &[String]| {
            let attempt = &endpoint.attempt;
            let own = [&attempt.tag, &attempt.provider, &attempt.provider_name];
            names.iter().any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)))
        };
        (policy.allowed_models.is_empty() || models(&policy.allowed_models))
            && !models(&policy.ignored_models)
            && (policy.allowed_providers.is_empty() || providers(&policy.allowed_providers))
            && !providers(&policy.ignored_providers)
            && (!policy.zdr || endpoint.zero_data_retention)
            && (!policy.deny_data_collection || !endpoint.collects_data)
    }

    /// Whether the account may use a provider at all.
    pub(super) fn admit_provider(&self, provider: &rows::Provider) -> bool {
        let Some(policy) = self.policy else { return true };
        let named = |names: &[String]| {
            let own = [&provider.slug, &provider.name];
            names.iter().any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)))
        };
        (policy.allowed_providers.is_empty() || named(&policy.allowed_providers))
            && !named(&policy.ignored_providers)
    }

    /// Whether a name, of any kind that a model goes by, means this one.
    fn is_model(&self, name: &str, model: &Model) -> bool {
        let at = self.catalogue.find(name).or_else(|| self.catalogue.latest(name));
        at.and_then(|at| self.catalogue.models().get(at)).is_some_and(|found| found.slug() == model.slug())
    }
}
