//! Schemas of what tools take, for the providers that want objects.

use std::borrow::Cow;

use serde_json::{Value, json};

/// The schema of a tool's input, which must be an object.
pub(crate) fn schema(parameters: Option<&Value>) -> Cow<'_, Value> {
    match parameters {
        Some(schema) if schema.get("type").is_some_and(|kind| kind == "object") => Cow::Borrowed(schema),
        Some(Value::Object(members)) if !members.is_empty() => {
            let mut members = members.clone();
            members.insert("type".to_owned(), "object".into());
            Cow::Owned(Value::Object(members))
        }
        _ => Cow::Owned(json!({ "type": "object", "properties": {} })),
    }
}

/// Whether a schema can be that of a tool's input as it stands: of an object, and no choice between schemas.
pub(crate) fn is_one(schema: &Value) -> bool {
    let is_object = match schema.get("type") {
        Some(kind) => kind == "object",
        None => schema.get("properties").is_some(),
    };
    is_object && ["anyOf", "oneOf", "allOf"].iter().all(|choice| schema.get(choice).is_none())
}
