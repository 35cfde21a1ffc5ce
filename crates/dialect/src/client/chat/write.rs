//! The pieces that streamed and whole answers share, as they go on the wire.

use serde::Serialize;
use serde_json::{Map, Value};

/// An image as `images` carries it.
#[derive(Serialize)]
pub(super) struct ImageBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    image_url: ImageUrl<'a>,
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
}

impl<'a> ImageBody<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        Self { kind: "image_url", image_url: ImageUrl { url } }
    }
}

/// Adds what came later to members of a message or choice: lists append, what streams in pieces
/// concatenates, the rest is replaced.
pub(super) fn merge(into: &mut Map<String, Value>, later: Map<String, Value>) {
    for (name, value) in later {
        let Some(known) = into.get_mut(&name) else {
            into.insert(name, value);
            continue;
        };
        match (known, value) {
            (_, Value::Null) => {}
            (Value::Array(items), Value::Array(more)) => items.extend(more),
            (Value::Object(members), Value::Object(more)) => merge(members, more),
            (Value::String(text), Value::String(more)) if name == "data" || name == "transcript" => {
                text.push_str(&more);
            }
            (known, value) => *known = value,
        }
    }
}
