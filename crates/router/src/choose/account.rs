//! What a tenant's own rules allow.

use rpc::router::AllowList;

use super::Reason;
use super::filter::{is_listed, is_named};
use crate::catalogue::{Endpoint, Model};

/// A tenant's rules. All of them hold at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountPolicy<'a> {
    /// Slugs or canonical slugs; empty = everything.
    pub allowed_models: &'a [String],
    pub ignored_models: &'a [String],
    /// Routing slugs, of which a base slug means every endpoint of the provider; empty = everything.
    pub allowed_providers: &'a [String],
    pub ignored_providers: &'a [String],
    /// Each has to name the model; one without names allows nothing.
    pub model_lists: &'a [AllowList],
    /// Each has to name the provider.
    pub provider_lists: &'a [AllowList],
    /// Each has to name the endpoint's data region; `global` names every endpoint.
    pub region_lists: &'a [AllowList],
    /// For models of all groups.
    pub zero_data_retention: bool,
    /// Groups of authors: see [`group`].
    pub zdr_groups: &'a [String],
    pub deny_data_collection: bool,
    pub denied: DeniedUses,
}

/// Uses of data that rule an endpoint out. An endpoint of which it is not known that it collects no data does both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeniedUses {
    /// Training on it, where nothing is paid.
    pub free_training: bool,
    /// Training on it, where something is paid.
    pub paid_training: bool,
    /// Publishing it, where nothing is paid.
    pub free_publication: bool,
}

impl<'a> AccountPolicy<'a> {
    /// Reads the rules of a message.
    #[must_use]
    pub fn of(sent: &'a rpc::router::AccountPolicy) -> Self {
        Self {
            allowed_models: &sent.allowed_models,
            ignored_models: &sent.ignored_models,
            allowed_providers: &sent.allowed_providers,
            ignored_providers: &sent.ignored_providers,
            model_lists: &sent.model_lists,
            provider_lists: &sent.provider_lists,
            region_lists: &sent.region_lists,
            zero_data_retention: sent.zdr,
            zdr_groups: &sent.zdr_groups,
            deny_data_collection: sent.deny_data_collection,
            denied: DeniedUses {
                free_training: sent.deny_free_training,
                paid_training: sent.deny_paid_training,
                free_publication: sent.deny_free_publication,
            },
        }
    }

    /// What speaks against all endpoints of a model. `means` tells whether one of the names is the model's.
    pub(crate) fn against_model(&self, means: impl Fn(&[String]) -> bool) -> Option<Reason> {
        let is_allowed = (self.allowed_models.is_empty() || means(self.allowed_models))
            && self.model_lists.iter().all(|list| means(&list.names));
        if !is_allowed {
            return Some(Reason::ModelNotAllowed);
        }
        means(self.ignored_models).then_some(Reason::ModelIgnored)
    }

    /// The same, by the names that plans know.
    pub(super) fn against(&self, model: &Model) -> Option<Reason> {
        self.against_model(|names| is_listed(model, names))
    }

    /// Whether a provider is allowed. `means` tells whether one of the names is the provider's.
    pub(crate) fn allows_provider(&self, means: impl Fn(&[String]) -> bool) -> bool {
        (self.allowed_providers.is_empty() || means(self.allowed_providers))
            && self.provider_lists.iter().all(|list| means(&list.names))
    }

    /// Whether a rule rules an endpoint of the model out; never, for reasons that are no rule of an account.
    pub(crate) fn rules_out(&self, reason: Reason, model: &Model, endpoint: &Endpoint) -> bool {
        let means = |names: &[String]| names.iter().any(|name| is_named(name, endpoint, true));
        match reason {
            Reason::ProviderNotAllowed => !self.allows_provider(means),
            Reason::ProviderIgnored => means(self.ignored_providers),
            Reason::AccountZeroDataRetention => !endpoint.zero_data_retention && self.needs_zdr(model),
            Reason::AccountDataCollection => endpoint.collects_data && self.minds_collection(endpoint),
            Reason::AccountRegion => !self.allows_region(endpoint.row.region.as_deref()),
            _ => false,
        }
    }

    /// Whether requests may go to a data region; `None` = it is not known which.
    pub(super) fn allows_region(&self, place: Option<&str>) -> bool {
        let means =
            |name: &String| name == "global" || place.is_some_and(|place| place.eq_ignore_ascii_case(name));
        self.region_lists.iter().all(|list| list.names.iter().any(means))
    }

    /// Whether requests to a model may only go where nothing is kept.
    pub(super) fn needs_zdr(&self, model: &Model) -> bool {
        self.zero_data_retention || self.zdr_groups.iter().any(|named| named == group(model.author()))
    }

    fn minds_collection(&self, endpoint: &Endpoint) -> bool {
        let DeniedUses { free_training, paid_training, free_publication } = self.denied;
        self.deny_data_collection
            || if is_free(endpoint) { free_training || free_publication } else { paid_training }
    }
}

/// The group of authors that rules on data retention speak of.
fn group(author: &str) -> &'static str {
    match author {
        "anthropic" => "anthropic",
        "openai" => "openai",
        "google" => "google",
        "x-ai" | "xai" => "xai",
        _ => "other",
    }
}

/// Whether nothing is ever paid for it.
fn is_free(endpoint: &Endpoint) -> bool {
    let offers = endpoint.prices.offers();
    !offers.is_empty() && offers.iter().all(|offer| offer.book.is_free())
}
