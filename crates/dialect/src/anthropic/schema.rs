//! JSON schemas within what the provider accepts.

use serde_json::{Map, Value};

/// Constraints that the provider refuses in schemas of answers.
const REFUSED: [&str; 13] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "$schema",
];

/// The schema of a whole answer: objects are closed, and what cannot be enforced is told in words.
pub(super) fn for_output(schema: &Value) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut written = Map::new();
    let mut told = Vec::new();
    for (name, value) in members {
        match name.as_str() {
            "$schema" | "additionalProperties" => {}
            "minItems" if value.as_u64().is_some_and(|least| least <= 1) => {
                written.insert(name.clone(), value.clone());
            }
            refused if REFUSED.contains(&refused) => told.push(format!("{name}: {value}")),
            "properties" | "$defs" | "definitions" | "patternProperties" => {
                written.insert(name.clone(), of_each_member(value));
            }
            "oneOf" => {
                written.insert("anyOf".to_owned(), of_each_item(value));
            }
            "anyOf" | "allOf" | "prefixItems" => {
                written.insert(name.clone(), of_each_item(value));
            }
            "items" | "not" => {
                written.insert(name.clone(), for_output(value));
            }
            _ => {
                written.insert(name.clone(), value.clone());
            }
        }
    }
    if members.contains_key("properties") || members.get("type").is_some_and(|kind| kind == "object") {
        written.insert("additionalProperties".to_owned(), false.into());
    }
    tell(&mut written, &told);
    Value::Object(written)
}

fn of_each_member(value: &Value) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    Value::Object(members.iter().map(|(name, schema)| (name.clone(), for_output(schema))).collect())
}

fn of_each_item(value: &Value) -> Value {
    let Value::Array(items) = value else { return value.clone() };
    Value::Array(items.iter().map(for_output).collect())
}

fn tell(schema: &mut Map<String, Value>, told: &[String]) {
    if told.is_empty() {
        return;
    }
    let told = format!("({})", told.join(", "));
    let description = match schema.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description} {told}"),
        None => told,
    };
    schema.insert("description".to_owned(), description.into());
}
