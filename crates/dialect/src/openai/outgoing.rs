//! What the requests that are no conversations have in common: where they go, and which members beside the
//! standard ones go along.

#[cfg(test)]
pub(super) mod tests;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value};

use super::quirks::Quirks;
use crate::codec::{AuthStyle, Encoded, Target};
use crate::error::BadRequest;

/// The members of a body that is being made.
pub(super) struct Outgoing<'a> {
    quirks: Quirks<'a>,
    pub(super) members: Map<String, Value>,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(target: &Target<'a>) -> Self {
        let members = Map::from_iter([("model".to_owned(), Value::from(target.provider_model))]);
        Self { quirks: Quirks::of(target), members }
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.members.insert(name.to_owned(), value.into());
    }

    pub(super) fn set_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Adds what the client sent beside what is standard, where the catalogue accepts it by name: whatever is not
    /// known here could make the request cost more than was reserved for it. What is set already stays.
    pub(super) fn add_accepted<'m>(&mut self, members: impl IntoIterator<Item = (&'m String, &'m Value)>) {
        for (name, value) in members {
            if self.quirks.lists("accepts", name) && !self.members.contains_key(name) {
                self.set(name, value.clone());
            }
        }
    }

    /// Drops, renames and adds what the endpoint wants so.
    pub(super) fn finish(&mut self) {
        let members = std::mem::take(&mut self.members);
        for (name, value) in members {
            if self.quirks.lists("drop", &name) {
                continue;
            }
            let renamed = self.quirks.map("rename").and_then(|names| names.get(&name)?.as_str());
            self.members.insert(renamed.map_or(name.clone(), str::to_owned), value);
        }
        for (name, value) in self.quirks.map("add").into_iter().flatten() {
            self.set(name, value.clone());
        }
    }

    /// The request with these members as JSON, to the path of that name.
    ///
    /// # Errors
    /// [`BadRequest`] when they cannot be written.
    pub(super) fn into_json(mut self, path: &str, accept: &'static str) -> Result<Encoded, BadRequest> {
        self.finish();
        let body = serde_json::to_vec(&self.members).map_err(BadRequest::unwritable)?;
        let json = HeaderValue::from_static("application/json");
        Ok(encoded(self.quirks, path, json, accept, body.into()))
    }
}

/// A request to the path that is named `path`, such as `images/edits`.
pub(super) fn encoded(
    quirks: Quirks<'_>,
    path: &str,
    content_type: HeaderValue,
    accept: &'static str,
    body: Bytes,
) -> Encoded {
    let other = quirks.map("paths").and_then(|paths| paths.get(path)?.as_str());
    Encoded {
        path: other.map_or_else(|| format!("/{path}"), str::to_owned),
        headers: vec![(CONTENT_TYPE, content_type), (ACCEPT, HeaderValue::from_static(accept))],
        auth: match quirks.text("auth") {
            Some("api-key") => AuthStyle::ApiKey,
            Some("none") => AuthStyle::None,
            _ => AuthStyle::Bearer,
        },
        body,
    }
}

/// What a client wants said to this one provider (`provider.options`).
pub(super) fn options<'m>(
    options: &'m Map<String, Value>,
    target: &Target<'_>,
) -> impl Iterator<Item = (&'m String, &'m Value)> {
    options.get(target.provider).and_then(Value::as_object).into_iter().flatten()
}
