//! The rules once more, as plainly as they can be written and as slowly as that may be: over rows, by words, one
//! endpoint and one pair at a time. It knows nothing of the implementation but the shape of its inputs.

use std::cmp::Ordering;

use super::*;

/// Everything that one choice is made from, but for the draw.
pub(super) struct World<'w> {
    pub(super) tables: &'w rows::Tables,
    pub(super) standings: &'w Standings,
    pub(super) request: &'w Request<'w>,
    /// Names of the parameters that the request sets.
    pub(super) parameters: &'w [&'w str],
    /// Kinds of output that it asks for.
    pub(super) outputs: &'w [&'w str],
    /// Basis points on prices, where no override is for the model or its provider.
    pub(super) usual_markup: i32,
    pub(super) overrides: &'w [MarkupOverride],
    /// The most that a prompt token may cost the caller, in pico-USD.
    pub(super) cap: Option<i64>,
}

/// An endpoint by its row, and the tenant's own credential by its place in their list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Choice {
    pub(super) row: usize,
    pub(super) own: Option<usize>,
}

/// A model that is asked for, by its row, with what its name's variant says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) model: usize,
    pub(super) variant: Option<&'static str>,
}

impl World<'_> {
    /// The models of the request, each once.
    pub(super) fn asked(&self) -> Vec<Asked> {
        let mut asked: Vec<Asked> = Vec::new();
        for name in self.request.models {
            let variant = ["nitro", "floor"].into_iter().find(|variant| name.ends_with(variant));
            let stem = variant.map_or(name.as_str(), |variant| &name[..name.len() - variant.len() - 1]);
            let found = self.tables.models.iter().position(|row| row.slug == stem);
            if let Some(model) = found
                && !asked.iter().any(|known| known.model == model)
            {
                asked.push(Asked { model, variant });
            }
        }
        asked
    }

    /// Everything that may serve a model: the endpoints that pass, once for the platform and once per own key.
    pub(super) fn may_serve(&self, asked: &Asked) -> Vec<Choice> {
        let rows = || (0..self.tables.endpoints.len()).filter(|row| self.model_of(*row) == asked.model);
        let hard: Vec<usize> = rows().filter(|row| self.passes(*row, asked)).collect();
        let wants_tools = self.parameters.contains(&"tools");
        let some_know = hard.iter().any(|row| self.takes(*row, "tools"));
        let soft = hard.into_iter().filter(|row| !wants_tools || !some_know || self.takes(*row, "tools"));
        soft.flat_map(|row| self.copies(row)).collect()
    }

    fn copies(&self, row: usize) -> Vec<Choice> {
        let keys: Vec<usize> = (0..self.request.own.len()).filter(|key| self.key_serves(*key, row)).collect();
        let is_exclusive = keys.iter().any(|key| self.request.own[*key].is_exclusive);
        let mut copies: Vec<Choice> = keys.into_iter().map(|key| Choice { row, own: Some(key) }).collect();
        if !is_exclusive && !self.provider(row).credential_required {
            copies.push(Choice { row, own: None });
        }
        copies
    }

    fn key_serves(&self, key: usize, row: usize) -> bool {
        let (own, endpoint) = (&self.request.own[key], &self.tables.endpoints[row]);
        own.provider == endpoint.provider && (own.models.is_empty() || own.models.contains(&endpoint.model))
    }

    fn model_of(&self, row: usize) -> usize {
        let slug = &self.tables.endpoints[row].model;
        self.tables.models.iter().position(|model| model.slug == *slug).unwrap()
    }

    fn provider(&self, row: usize) -> &rows::Provider {
        let slug = &self.tables.endpoints[row].provider;
        self.tables.providers.iter().find(|provider| provider.slug == *slug).unwrap()
    }

    fn takes(&self, row: usize, parameter: &str) -> bool {
        let endpoint = &self.tables.endpoints[row];
        let own = endpoint.supported_parameters.as_ref();
        let names = own.unwrap_or(&self.tables.models[self.model_of(row)].supported_parameters);
        names.is_empty() || names.iter().any(|name| name == parameter)
    }

    /// Every hard filter, one after the other.
    fn passes(&self, row: usize, asked: &Asked) -> bool {
        let (request, endpoint) = (self.request, &self.tables.endpoints[row]);
        let (model, provider) = (&self.tables.models[asked.model], self.provider(row));
        let (wishes, policy) = (&request.preferences, &request.policy);
        if endpoint.disabled || !self.is_reachable(row) {
            return false;
        }
        // The tests' now is the 14th of November 2023.
        if endpoint.deprecation_date.as_deref().is_some_and(|date| date < "2023-11-14") {
            return false;
        }
        if !self.tier_fits(row, asked) {
            return false;
        }
        let stem = model.slug.split(':').next().unwrap();
        let listed = |list: &[String]| {
            list.iter().any(|slug| *slug == model.slug || *slug == model.canonical_slug || slug == stem)
        };
        if !policy.allowed_models.is_empty() && !listed(policy.allowed_models)
            || listed(policy.ignored_models)
        {
            return false;
        }
        let of_provider =
            |list: &[String]| list.iter().any(|slug| *slug == endpoint.tag || *slug == provider.slug);
        if !policy.allowed_providers.is_empty() && !of_provider(policy.allowed_providers)
            || of_provider(policy.ignored_providers)
        {
            return false;
        }
        if !wishes.only.is_empty() && !self.is_named_by(wishes.only, row, asked)
            || self.is_named_by(wishes.ignore, row, asked)
        {
            return false;
        }
        let is_strict = !wishes.allow_fallbacks && !wishes.order.is_empty();
        if is_strict && !self.is_named_by(wishes.order, row, asked) {
            return false;
        }
        let retains = !endpoint.zero_data_retention.unwrap_or(provider.zero_data_retention);
        if retains && (wishes.zero_data_retention || policy.zero_data_retention) {
            return false;
        }
        let collects = endpoint.collects_data.or(provider.collects_data).unwrap_or(true);
        if collects && (wishes.data_collection == DataCollection::Deny || policy.deny_data_collection) {
            return false;
        }
        if request.region.is_some() && endpoint.region.as_deref() != request.region {
            return false;
        }
        let quantization = endpoint.quantization.as_deref().unwrap_or("unknown");
        let covers = |wanted: &String| match wanted.as_str() {
            "fp4" => ["fp4", "mxfp4", "nvfp4"].contains(&quantization),
            "fp8" => ["fp8", "mxfp8"].contains(&quantization),
            other => other == quantization,
        };
        if !wishes.quantizations.is_empty() && !wishes.quantizations.iter().any(covers) {
            return false;
        }
        if self.cap.is_some_and(|cap| self.price(row, true) > i128::from(cap) * 10_000) {
            return false;
        }
        if wishes.distillable && model.distillable != Some(true) {
            return false;
        }
        if !self.outputs.iter().all(|kind| model.output_modalities.iter().any(|own| own == kind)) {
            return false;
        }
        if request.profile.body_bytes / 16 > endpoint.context_length {
            return false;
        }
        if request.profile.max_tokens > Some(endpoint.max_output.unwrap()) {
            return false;
        }
        !wishes.require_parameters || self.parameters.iter().all(|name| self.takes(row, name))
    }

    fn is_reachable(&self, row: usize) -> bool {
        !self.provider(row).credential_required
            || (0..self.request.own.len()).any(|key| self.key_serves(key, row))
    }

    /// What the caller pays for a token, in ten-thousandths of a pico-USD, with or without the markup.
    fn price(&self, row: usize, is_marked: bool) -> i128 {
        let list = i128::from(self.tables.prices[row].book["base"]["input"].as_i64().unwrap());
        let mut points = self.usual_markup;
        for one in self.overrides.iter().rev() {
            let endpoint = &self.tables.endpoints[row];
            let is_of_provider = one.provider.is_empty() || one.provider == endpoint.provider;
            let is_of_model = one.model.is_empty() || one.model == endpoint.model.split(':').next().unwrap();
            if is_of_provider && is_of_model {
                points = one.basis_points;
            }
        }
        list * i128::from(10_000 + if is_marked { points } else { 0 })
    }

    /// Which class of service is let in beside the usual one.
    fn admitted(&self, asked: &Asked) -> Option<&'static str> {
        match (self.request.tier, asked.variant) {
            (TierWish::Only(crate::catalogue::Tier::Flex), _) => Some("flex"),
            (TierWish::Only(crate::catalogue::Tier::Priority), _) => Some("priority"),
            (TierWish::Auto, Some("nitro")) if self.request.preferences.order.is_empty() => Some("priority"),
            (TierWish::Auto, Some("floor")) if self.request.preferences.order.is_empty() => Some("flex"),
            _ => None,
        }
    }

    fn wants_flex(&self) -> bool {
        self.request.tier == TierWish::Only(crate::catalogue::Tier::Flex)
    }

    fn tier_fits(&self, row: usize, asked: &Asked) -> bool {
        let tier = self.tables.endpoints[row].service_tier.as_deref();
        let usable_flex = |row: usize| {
            let endpoint = &self.tables.endpoints[row];
            self.model_of(row) == asked.model
                && endpoint.service_tier.as_deref() == Some("flex")
                && !endpoint.disabled
                && endpoint.deprecation_date.as_deref().is_none_or(|date| date >= "2023-11-14")
                && self.is_reachable(row)
        };
        if self.wants_flex() && (0..self.tables.endpoints.len()).any(usable_flex) {
            return tier == Some("flex");
        }
        let wishes = &self.request.preferences;
        let tag = &self.tables.endpoints[row].tag;
        tier.is_none()
            || tier == self.admitted(asked)
            || wishes.only.contains(tag)
            || wishes.order.contains(tag)
    }

    fn is_named_by(&self, names: &[String], row: usize, asked: &Asked) -> bool {
        let endpoint = &self.tables.endpoints[row];
        let tier = endpoint.service_tier.as_deref();
        let base_counts = tier.is_none() || tier == self.admitted(asked);
        names.iter().any(|name| *name == endpoint.tag || base_counts && *name == endpoint.provider)
    }

    pub(super) fn standing(&self, choice: Choice) -> Standing {
        let credential = choice.own.map_or(Uuid::nil(), |key| self.request.own[key].credential);
        let key = Key { endpoint: endpoint_id(choice.row), credential };
        self.standings.get(&key).copied().unwrap_or_default()
    }

    /// 0 well, 1 degraded, 2 unstable, 3 cooling, 4 ejected.
    pub(super) fn illness(&self, choice: Choice) -> u8 {
        let standing = self.standing(choice);
        match standing.state {
            State::Ejected { until_ms } if until_ms > NOW => 4,
            State::Ejected { .. } if standing.next_probe_ms > NOW => 4,
            State::Ejected { .. } => 0,
            _ if standing.cooling_until_ms > NOW => 3,
            State::Recovering { .. } => 0,
            State::Closed if standing.outage || standing.uptime == Uptime::Poor => 2,
            State::Closed if standing.uptime == Uptime::Degraded => 1,
            State::Closed => 0,
        }
    }

    fn misses(&self, choice: Choice) -> bool {
        let (standing, thresholds) = (self.standing(choice), self.request.preferences.thresholds);
        thresholds.min_throughput.p50.is_some_and(|least| standing.throughput < least)
            || thresholds.max_latency.p90.is_some_and(|seconds| standing.latency_ms > seconds * 1_000.0)
    }

    pub(super) fn is_held(&self, choice: Choice) -> bool {
        let credential = choice.own.map_or(Uuid::nil(), |key| self.request.own[key].credential);
        let held = Held { endpoint: endpoint_id(choice.row), credential };
        self.request.held == Some(held)
            && self.request.preferences.order.is_empty()
            && self.illness(choice) < 3
            && !self.misses(choice)
            && self.is_wished_tier(choice)
            && self.tables.prices[choice.row].book["base"].get("cache_read").is_some()
    }

    fn is_wished_tier(&self, choice: Choice) -> bool {
        match self.request.tier {
            TierWish::Only(tier) => {
                self.tables.endpoints[choice.row].service_tier.as_deref() == Some(tier.as_str())
            }
            _ => true,
        }
    }

    /// What the endpoints of one pool are sorted by; `None` = the first is drawn.
    pub(super) fn sort(&self, first: &Asked, pool: &[Choice]) -> Option<Sort> {
        let is_flex =
            |choice: &Choice| self.tables.endpoints[choice.row].service_tier.as_deref() == Some("flex");
        match (self.request.preferences.sort, first.variant, self.request.tier) {
            (Some(sort), ..) => Some(sort),
            (_, Some("nitro"), _) => Some(Sort::Throughput),
            (_, Some(_), _) => Some(Sort::Price),
            (.., TierWish::Only(crate::catalogue::Tier::Priority)) => Some(Sort::Throughput),
            (.., TierWish::Only(_)) if pool.iter().any(is_flex) => Some(Sort::Price),
            _ => None,
        }
    }

    /// Which of two in one pool goes first, all but sort and price.
    pub(super) fn by_place(&self, one: Choice, two: Choice, sort: Option<Sort>) -> Ordering {
        let severe = |choice: Choice| self.illness(choice).max(2);
        let group = |choice: Choice| match choice.own {
            Some(key) if self.request.own[key].is_fallback => 2,
            Some(_) => 0,
            None => 1,
        };
        let position = |choice: Choice| {
            let order = self.request.preferences.order;
            let asked = Asked { model: self.model_of(choice.row), variant: None };
            let named = |name: &String| self.is_named_by(std::slice::from_ref(name), choice.row, &asked);
            order.iter().position(named).unwrap_or(usize::MAX)
        };
        let rank = |choice: Choice| self.illness(choice).max(u8::from(sort.is_some()));
        severe(one)
            .cmp(&severe(two))
            .then(group(one).cmp(&group(two)))
            .then(position(one).cmp(&position(two)))
            .then(self.is_held(two).cmp(&self.is_held(one)))
            .then(one.own.unwrap_or(0).cmp(&two.own.unwrap_or(0)))
            .then(self.is_wished_tier(two).cmp(&self.is_wished_tier(one)))
            .then((self.illness(one) >= 2).cmp(&(self.illness(two) >= 2)))
            .then(self.misses(one).cmp(&self.misses(two)))
            .then(rank(one).cmp(&rank(two)))
    }

    /// Which of two in one pool goes first, as far as that is certain.
    pub(super) fn compare(&self, one: Choice, two: Choice, sort: Option<Sort>) -> Ordering {
        let (a, b) = (self.standing(one), self.standing(two));
        let by_sort = match sort {
            Some(Sort::Throughput) => b.throughput.total_cmp(&a.throughput),
            Some(Sort::Latency) => a.latency_ms.total_cmp(&b.latency_ms),
            _ => Ordering::Equal,
        };
        // Of the tenant's own credentials all have the same fee.
        let price = |choice: Choice| self.price(choice.row, choice.own.is_none());
        self.by_place(one, two, sort).then(by_sort).then(price(one).cmp(&price(two)))
    }
}
