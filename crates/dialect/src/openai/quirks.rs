//! The quirks of an endpoint, read from the catalogue's data.

use serde_json::{Map, Value};

use crate::codec::{AuthStyle, Target};

#[derive(Clone, Copy)]
pub(super) struct Quirks<'a>(&'a Map<String, Value>);

impl<'a> Quirks<'a> {
    pub(super) fn of(target: &Target<'a>) -> Self {
        Self(target.quirks)
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str()
    }

    pub(super) fn is(self, name: &str, word: &str) -> bool {
        self.text(name) == Some(word)
    }

    /// Whether anything is said of a deviation.
    pub(super) fn names(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a switch is on.
    pub(super) fn has(self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    /// Whether an ability is denied.
    pub(super) fn denies(self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(false))
    }

    pub(super) fn list(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    pub(super) fn lists(self, name: &str, word: &str) -> bool {
        self.list(name).any(|listed| listed == word)
    }

    pub(super) fn map(self, name: &str) -> Option<&'a Map<String, Value>> {
        self.0.get(name)?.as_object()
    }

    /// How the credential is presented.
    pub(super) fn auth(self) -> AuthStyle {
        match self.text("auth") {
            Some("api-key") => AuthStyle::ApiKey,
            Some("none") => AuthStyle::None,
            _ => AuthStyle::Bearer,
        }
    }
}
