//! An immutable snapshot of everything that can be called: models, their endpoints, prices, credentials.
//!
//! A snapshot is built whole from the tables or not at all. What routing compares is held in the form in
//! which it is compared; what an attempt carries is built once per endpoint and cloned into plans.

mod build;
mod capability;
mod price;
mod rank;
mod schedule;
mod sets;

use std::collections::HashMap;
use std::ops::Range;

use identity::{CredentialId, EndpointId};
use uuid::Uuid;

pub use build::Invalid;
pub(crate) use capability::{Capabilities, Capability};
pub use price::Blended;
pub(crate) use price::{CLASSES, book_in, book_out};
pub(crate) use schedule::{Offer, Schedule, Window, minute_of_week};
pub use sets::{Modalities, Operations, ParameterSet, Parameters};

use crate::choose::Reason;
use crate::health::Key;
use crate::store::rows;

/// One version of the catalogue.
#[derive(Debug, Default)]
pub struct Catalogue {
    version: u64,
    /// Slugs, canonical slugs, aliases, and bare names that only one model answers to.
    names: HashMap<Box<str>, usize>,
    models: Vec<Model>,
    /// Grouped by model.
    endpoints: Vec<Endpoint>,
    providers: Vec<rows::Provider>,
    credentials: Vec<rows::Credential>,
    aliases: Vec<rows::Alias>,
    parameters: Parameters,
    /// Where each endpoint stands, by its id.
    places: HashMap<Uuid, Place>,
    /// The newest model of each family, by `~author/family-latest`.
    latest: HashMap<Box<str>, usize>,
    /// Models that can be called, cheapest first by their cheapest usual endpoint.
    by_price: Vec<usize>,
    /// Models that can be called in some way, by the least that they may ask.
    by_floor: Vec<usize>,
}

/// Where an endpoint stands: indices in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) model: usize,
    pub(crate) endpoint: usize,
}

impl Place {
    /// Of every endpoint, by its id.
    fn all(models: &[Model], endpoints: &[Endpoint]) -> HashMap<Uuid, Self> {
        let of = |(model, row): (usize, &Model)| {
            row.endpoints.clone().filter_map(move |endpoint| {
                Some((endpoints.get(endpoint)?.id.uuid(), Place { model, endpoint }))
            })
        };
        models.iter().enumerate().flat_map(of).collect()
    }
}

/// One model, and where its endpoints are.
#[derive(Debug)]
pub struct Model {
    pub(crate) row: rows::Model,
    /// What it is made for.
    pub(crate) operations: Operations,
    /// What it answers in.
    pub(crate) outputs: Modalities,
    pub(crate) endpoints: Range<usize>,
    /// The lowest blended price among its usable endpoints of the usual tier, in pico-USD per token, by the
    /// price that applies whenever no window does; `None` = it cannot be called.
    pub(crate) cheapest: Option<u64>,
    /// The least that it may ask of any request, in pico-USD per token, whatever the tier, the prompt's length
    /// and the time of day; `None` = it cannot be called.
    pub(crate) floor: Option<u64>,
    /// Its endpoints by the least that each may ask, in pico-USD per token, the cheapest first.
    pub(crate) by_least: Box<[(u64, usize)]>,
    /// None of its endpoints ever costs anything.
    pub(crate) is_free: bool,
    /// What its price suggests of how well it does, in millionths.
    pub(crate) estimated_score: u32,
}

impl Model {
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.row.slug
    }

    /// Who made it: the slug's first part.
    #[must_use]
    pub fn author(&self) -> &str {
        self.row.slug.split_once('/').map_or("", |(author, _)| author)
    }

    /// The static variant that its slug names, such as `free`.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.row.slug.split_once(':').map(|(_, variant)| variant)
    }
}

/// A class of service beside a provider's usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    Flex,
    Priority,
}

impl Tier {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Flex, Self::Priority].into_iter().find(|tier| tier.as_str() == name)
    }
}

/// One provider's offer of one model, ready for comparing and for sending.
#[derive(Debug)]
pub struct Endpoint {
    pub(crate) id: EndpointId,
    /// What its health is kept under.
    pub(crate) key: Key,
    /// Why it can never be chosen in this version, whatever the request.
    pub(crate) unusable: Option<Reason>,
    pub(crate) context_length: u64,
    pub(crate) max_output: Option<u64>,
    pub(crate) inputs: Modalities,
    pub(crate) outputs: Modalities,
    /// When it is gone, in Unix milliseconds: the end of its deprecation date.
    pub(crate) retires_ms: Option<u64>,
    /// What of the model's work its dialect can ask for.
    pub(crate) operations: Operations,
    /// `None` = nobody said what it takes: everything is sent.
    pub(crate) parameters: Option<ParameterSet>,
    pub(crate) capabilities: Capabilities,
    pub(crate) collects_data: bool,
    pub(crate) zero_data_retention: bool,
    /// `None` = the provider's usual service.
    pub(crate) tier: Option<Tier>,
    /// Whether the author lets answers train other models.
    pub(crate) distillable: bool,
    pub(crate) prices: Schedule,
    pub(crate) credential: Option<CredentialId>,
    /// What a plan carries for it, all but the price, which depends on the time of day; cloned, never changed.
    pub(crate) attempt: rpc::router::Attempt,
    pub(crate) row: rows::Endpoint,
}

impl Catalogue {
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The model that goes by this very name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The newest model of a family, by `~author/family-latest`.
    #[must_use]
    pub(crate) fn latest(&self, alias: &str) -> Option<usize> {
        self.latest.get(alias).copied()
    }

    /// Every alias `~author/family-latest` with the model it stands for.
    pub(crate) fn latest_aliases(&self) -> impl Iterator<Item = (&str, usize)> {
        self.latest.iter().map(|(alias, at)| (&**alias, *at))
    }

    /// Where the endpoint with this id stands, if this version has it.
    pub(crate) fn place(&self, endpoint: Uuid) -> Option<Place> {
        self.places.get(&endpoint).copied()
    }

    /// Models that can be called, cheapest first.
    pub(crate) fn by_price(&self) -> &[usize] {
        &self.by_price
    }

    /// Models that can be called in some way, by ascending [`Model::floor`].
    pub(crate) fn by_floor(&self) -> &[usize] {
        &self.by_floor
    }

    pub(crate) fn models(&self) -> &[Model] {
        &self.models
    }

    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    pub(crate) fn endpoints_of<'a>(&'a self, model: &Model) -> &'a [Endpoint] {
        self.endpoints.get(model.endpoints.clone()).unwrap_or_default()
    }

    pub(crate) fn providers(&self) -> &[rows::Provider] {
        &self.providers
    }

    pub(crate) fn credentials(&self) -> &[rows::Credential] {
        &self.credentials
    }

    pub(crate) fn aliases(&self) -> &[rows::Alias] {
        &self.aliases
    }
}
