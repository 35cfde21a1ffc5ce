//! Documents in the order of how well they answer a query.

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct RerankRequest {
    /// As the client named it.
    pub model: String,
    pub query: String,
    pub documents: Vec<Document>,
    /// Results wanted; absent = all.
    pub top_n: Option<u32>,
    /// Members of the body that have no field here, as sent.
    pub extra: Map<String, Value>,
}

impl RerankRequest {
    /// Documents that one search may rank.
    pub const PER_SEARCH: u64 = 100;

    /// Searches it takes when no document is so long that it counts as several.
    #[must_use]
    pub fn searches(&self) -> u64 {
        (self.documents.len() as u64).div_ceil(Self::PER_SEARCH)
    }
}

/// A document: a text, an image by URL, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    pub text: Option<String>,
    pub image: Option<String>,
}
