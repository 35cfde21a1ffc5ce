//! An immutable snapshot of everything that can be called: models, their endpoints, prices, credentials.
//!
//! A snapshot is built whole from the tables or not at all. What routing compares is held in the form in
//! which it is compared; what an attempt carries is built once per endpoint and cloned into plans.

mod build;
mod price;
mod sets;

use std::collections::HashMap;
use std::ops::Range;

use identity::{CredentialId, EndpointId, PriceVersionId};
use pricing::PriceBook;

pub use build::Invalid;
pub use price::Blended;
pub(crate) use price::{CLASSES, book_in, book_out};
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
}

/// One model, and where its endpoints are.
#[derive(Debug)]
pub struct Model {
    pub(crate) row: rows::Model,
    /// What it is made for.
    pub(crate) operations: Operations,
    pub(crate) endpoints: Range<usize>,
}

impl Model {
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.row.slug
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
    /// What of the model's work its dialect can ask for.
    pub(crate) operations: Operations,
    /// `None` = nobody said what it takes: everything is sent.
    pub(crate) parameters: Option<ParameterSet>,
    pub(crate) collects_data: bool,
    pub(crate) zero_data_retention: bool,
    pub(crate) blended: Blended,
    pub(crate) price: Option<(PriceVersionId, PriceBook)>,
    pub(crate) credential: Option<CredentialId>,
    /// What a plan carries for it; cloned, never changed.
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
