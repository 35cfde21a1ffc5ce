//! Google's paths: AI Studio's and Vertex's.

use super::{Address, Asked, Host, Operation, Route, decoded};
use crate::dialect::Dialect;

const UNKNOWN: Route = Route::Unknown(Some(Dialect::Gemini));

impl Asked<'_> {
    /// `[{version}/]models/{model}:{method}`.
    pub(super) fn gemini(&self) -> Route {
        let rest = self.versionless();
        match rest.strip_prefix("models/") {
            _ if !self.posted && rest == "models" => Route::Models(Dialect::Gemini),
            Some(call) if self.posted => self.google(call, Host::Own),
            _ => UNKNOWN,
        }
    }

    /// The path without its version; the version may be a part of the base URL or not.
    fn versionless(&self) -> &str {
        match self.rest.split_once('/') {
            Some((version, rest)) if version.starts_with('v') => rest,
            _ => self.rest,
        }
    }

    /// `[{version}/]projects/{project}/locations/{location}/...` with a publisher's model or an OpenAI-shaped
    /// endpoint.
    pub(super) fn vertex(&self) -> Route {
        let parts: Vec<&str> = self.versionless().splitn(5, '/').collect();
        let ["projects", _, "locations", _, rest] = parts[..] else { return UNKNOWN };
        if !self.posted {
            return UNKNOWN;
        }
        if rest == "endpoints/openapi/chat/completions" {
            let address = Address { host: Host::Vertex, ..Address::default() };
            return Route::Work(Dialect::OpenAi, Operation::Chat, address);
        }
        // What the operator has deployed has a number.
        let own = rest.strip_prefix("endpoints/").or_else(|| rest.strip_prefix("publishers/google/models/"));
        if let Some(call) = own {
            return self.google(call, Host::Vertex);
        }
        rest.strip_prefix("publishers/anthropic/models/").map_or(UNKNOWN, |call| self.claude(call))
    }

    fn google(&self, call: &str, host: Host) -> Route {
        let Some(address) = self.address(call, host) else { return UNKNOWN };
        let operation = match address.method.as_str() {
            "generateContent" | "streamGenerateContent" => Operation::Chat,
            "embedContent" | "batchEmbedContents" => Operation::Embeddings,
            "predict" if host == Host::Vertex => Operation::Predict,
            "countTokens" => return Route::CountTokens(Dialect::Gemini, address),
            _ => return UNKNOWN,
        };
        Route::Work(Dialect::Gemini, operation, address)
    }

    fn claude(&self, call: &str) -> Route {
        match self.address(call, Host::Vertex) {
            Some(address) if matches!(address.method.as_str(), "rawPredict" | "streamRawPredict") => {
                Route::Work(Dialect::Anthropic, Operation::Chat, address)
            }
            _ => UNKNOWN,
        }
    }

    /// `{model}:{method}`.
    fn address(&self, call: &str, host: Host) -> Option<Address> {
        let (model, method) = call.rsplit_once(':')?;
        Some(Address {
            host,
            model: Some(decoded(model)),
            stream: method.starts_with("stream"),
            array: !self.query.split('&').any(|pair| pair == "alt=sse"),
            method: method.to_owned(),
        })
    }
}
