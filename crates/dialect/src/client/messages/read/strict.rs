//! Whether a schema keeps to the rules that OpenAI's models have for strict schemas.

use serde_json::Value;

/// Whether every object in it is closed and needs all of its members, so that it can be kept to strictly
/// everywhere.
pub(super) fn is_strict(schema: &Value) -> bool {
    let Value::Object(members) = schema else { return !schema.is_boolean() };
    let is_object = members.contains_key("properties")
        || members.get("type").is_some_and(|kind| kind == "object" || lists(kind, "object"));
    if is_object && !is_closed(schema) {
        return false;
    }
    members.iter().all(|(name, value)| match name.as_str() {
        "properties" | "$defs" | "definitions" => {
            value.as_object().is_some_and(|schemas| schemas.values().all(is_strict))
        }
        "items" => is_strict(value),
        "anyOf" => value.as_array().is_some_and(|schemas| schemas.iter().all(is_strict)),
        "oneOf" | "allOf" | "not" | "patternProperties" | "prefixItems" | "if" => false,
        _ => true,
    })
}

fn is_closed(schema: &Value) -> bool {
    let properties = schema.get("properties").and_then(Value::as_object);
    let needs = |name: &str| schema.get("required").is_some_and(|required| lists(required, name));
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && properties.is_some_and(|properties| properties.keys().all(|name| needs(name)))
}

fn lists(list: &Value, word: &str) -> bool {
    list.as_array().is_some_and(|words| words.iter().any(|listed| listed == word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_closed_objects_that_need_all_members_are_strict() {
        let person = json!({
            "type": "object", "additionalProperties": false, "required": ["name", "tags"],
            "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}}},
            "$defs": {"tag": {"anyOf": [{"type": "string"}, {"type": "null"}]}}
        });
        assert!(is_strict(&person));
        let mut open = person.clone();
        open["additionalProperties"] = json!(true);
        let mut optional = person.clone();
        optional["required"] = json!(["name"]);
        let mut choice = person.clone();
        choice["properties"]["name"] = json!({"oneOf": [{"type": "string"}]});
        let mut inner = person;
        inner["$defs"]["tag"] = json!({"type": ["object", "null"]});
        for loose in [open, optional, choice, inner] {
            assert!(!is_strict(&loose), "{loose}");
        }
    }
}
