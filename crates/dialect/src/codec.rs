//! Provider dialects behind one narrow trait. No I/O: bytes in, events out.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::canonical::{Event, Operation, Request, Task};
use crate::client::Dialect;
use crate::error::{BadRequest, ProviderError};

/// What the chosen endpoint is and can do.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The model's public slug, `author/name`.
    pub model: &'a str,
    /// The provider's slug, such as `groq`.
    pub provider: &'a str,
    /// The provider's own name of the model.
    pub provider_model: &'a str,
    /// Completion tokens at most; what the provider gets when the client sets none and one is required.
    pub max_output: Option<u64>,
    /// Public names of the parameters the endpoint takes; others are dropped. Empty = unknown: all pass.
    pub supported_parameters: &'a [String],
    /// The tier of service that is to be asked for, `flex` or `priority`; empty = the usual one. What the client
    /// itself says of tiers never goes out: a tier has a price of its own.
    pub service_tier: &'a str,
    /// Deviations of this endpoint from its dialect, as data.
    pub quirks: &'a Map<String, Value>,
}

impl Target<'_> {
    /// Whether a parameter may be sent.
    #[must_use]
    pub fn takes(&self, parameter: &str) -> bool {
        self.supported_parameters.is_empty() || self.supported_parameters.iter().any(|name| name == parameter)
    }

    /// A limit of the client's, and no more tokens than the endpoint writes.
    pub(crate) fn within(&self, limit: u64) -> u64 {
        self.max_output.map_or(limit, |most| limit.min(most))
    }

    /// What a yes-or-no deviation is set to; absent = the endpoint is like its dialect.
    #[must_use]
    pub fn quirk(&self, name: &str) -> Option<bool> {
        self.quirks.get(name).and_then(Value::as_bool)
    }
}

/// How a credential is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthStyle {
    /// `authorization: Bearer …`
    Bearer,
    /// `x-api-key: …`
    XApiKey,
    /// `x-goog-api-key: …`
    XGoogApiKey,
    /// `api-key: …`
    ApiKey,
    /// An AWS signature, version 4, for this service; a credential that is a plain key goes as
    /// `authorization: Bearer …`.
    SigV4 {
        service: &'static str,
    },
    /// `authorization: Bearer …` with the access token that a Google service account gets; a credential that is
    /// a token already goes as it is.
    GoogleOAuth,
    None,
}

/// A request in a provider's dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// What follows the endpoint's base URL, query included. `{region}`, `{location}`, `{project}` and
    /// `{resource}` are filled in from the endpoint or its credential.
    pub path: String,
    /// They replace the transport's defaults of the same names: `content-type`, `accept` and `user-agent`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub auth: AuthStyle,
    pub body: Bytes,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

impl Encoded {
    /// A request with a body in JSON, for an answer in the form of `accept`.
    ///
    /// # Errors
    /// [`BadRequest`] when the body cannot be written.
    pub(crate) fn json(
        path: impl Into<String>,
        accept: &'static str,
        auth: AuthStyle,
        body: &impl Serialize,
    ) -> Result<Self, BadRequest> {
        let body = serde_json::to_vec(body).map_err(BadRequest::unwritable)?;
        Ok(Self::written(path, accept, auth, body))
    }

    /// [`Self::json`] of a body that is written.
    pub(crate) fn written(
        path: impl Into<String>,
        accept: &'static str,
        auth: AuthStyle,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers =
            vec![(CONTENT_TYPE, HeaderValue::from_static(JSON)), (ACCEPT, HeaderValue::from_static(accept))];
        Self { path: path.into(), headers, auth, body: body.into() }
    }
}

/// A provider dialect. Stateless; what a stream needs to remember is in its [`StreamDecoder`].
pub trait Adapter: Send + Sync {
    /// Writes a request for an endpoint. The task is of the operation that this adapter was chosen for.
    ///
    /// # Errors
    /// [`BadRequest`] when the endpoint cannot express what is asked for.
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest>;

    /// Reads a whole answer of `target` that came with a good status, as the events of a stream.
    ///
    /// # Errors
    /// [`ProviderError`] when the body is an error after all, or nothing this dialect knows.
    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError>;

    /// A reader for one streamed answer of `target`.
    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder>;

    /// Classes an answer that came with a bad status.
    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError;
}

/// Reads one streamed answer, whatever way its bytes are cut.
pub trait StreamDecoder: Send {
    /// Takes the next bytes and appends what they complete.
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>);

    /// The body ended. Appends what is still owed: a [`Event::Failure`] when the answer was cut short.
    fn end(&mut self, events: &mut Vec<Event>);
}

/// The adapter that speaks a provider's dialect for a kind of work. `client` is what the client speaks, for
/// providers that speak several dialects; `target` tells which those are.
///
/// `None` when the dialect is unknown or does not do that work.
#[must_use]
pub fn adapter(
    dialect: &str,
    operation: Operation,
    client: Dialect,
    target: &Target<'_>,
) -> Option<&'static dyn Adapter> {
    match dialect {
        "openai" => crate::openai::adapter(operation, client, target),
        "anthropic" => crate::anthropic::adapter(operation),
        "gemini" => crate::gemini::adapter(operation, target),
        "vertex" => crate::vertex::adapter(operation, target),
        "bedrock" => crate::bedrock::adapter(operation, target),
        "mistral" => crate::mistral::adapter(operation),
        "cohere" => crate::cohere::adapter(operation),
        "ollama" => crate::ollama::adapter(operation),
        _ => None,
    }
}

/// The provider dialects there are, by their names in the catalogue.
pub const DIALECTS: [&str; 8] =
    ["openai", "anthropic", "gemini", "vertex", "bedrock", "mistral", "cohere", "ollama"];

/// The conversation of a task that was routed to a conversation's adapter.
///
/// # Errors
/// [`BadRequest`] when the task is another.
pub(crate) fn conversation(task: &Task) -> Result<&Request, BadRequest> {
    task.chat().ok_or_else(|| BadRequest::new("this endpoint answers conversations only"))
}
