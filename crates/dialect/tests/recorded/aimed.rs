//! An adapter that is told another endpoint than it is asked about: that of a recording.

use bytes::Bytes;
use dialect::canonical::{Event, Operation, Task};
use dialect::client::Dialect;
use dialect::codec::{Adapter, Encoded, StreamDecoder, Target, adapter};
use dialect::error::{BadRequest, ProviderError};
use http::HeaderMap;
use serde_json::{Map, Value};

/// An endpoint and the adapter that the catalogue's words choose for it.
pub(crate) struct Aimed {
    dialect: &'static str,
    operation: Operation,
    model: String,
    quirks: Map<String, Value>,
}

impl Aimed {
    pub(crate) fn at(dialect: &'static str, operation: Operation, model: &str, quirks: Value) -> Self {
        let quirks = serde_json::from_value(quirks).unwrap();
        Self { dialect, operation, model: model.to_owned(), quirks }
    }

    fn target(&self) -> Target<'_> {
        Target {
            model: "author/model",
            provider: "provider",
            provider_model: &self.model,
            max_output: Some(8_192),
            supported_parameters: &[],
            service_tier: "",
            quirks: &self.quirks,
        }
    }

    fn adapter(&self) -> &'static dyn Adapter {
        adapter(self.dialect, self.operation, Dialect::Chat, &self.target()).unwrap()
    }

    /// The path, without what encodes it otherwise, and the body of a chat request.
    pub(crate) fn chat(&self, body: &Value) -> (String, Value) {
        let task = Dialect::Chat.decode(&Bytes::from(body.to_string())).unwrap();
        let encoded = self.encode(&task, &self.target()).unwrap();
        (encoded.path, serde_json::from_slice(&encoded.body).unwrap())
    }
}

impl Adapter for Aimed {
    fn encode(&self, task: &Task, _target: &Target<'_>) -> Result<Encoded, BadRequest> {
        self.adapter().encode(task, &self.target())
    }

    fn decode(&self, body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        self.adapter().decode(body, &self.target())
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        self.adapter().stream(&self.target())
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        self.adapter().classify(status, headers, body)
    }
}
