use super::*;

fn make(schema: &Value, seed: u64) -> Value {
    Maker::new(schema, Dice::new(seed), &["Lisbon".to_owned()]).make()
}

/// Whether a value is valid: an independent reading of the keywords the maker knows.
fn valid(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let fail = |why: &str| Err(format!("{why}: {value} against {schema}"));
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return valid(root, root.pointer(&target[1..]).unwrap(), value);
    }
    if schema.get("const").is_some_and(|fixed| fixed != value) {
        return fail("const");
    }
    if schema.get("enum").is_some_and(|choices| !choices.as_array().unwrap().contains(value)) {
        return fail("enum");
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(key).and_then(Value::as_array)
            && !options.iter().any(|option| valid(root, option, value).is_ok())
        {
            return fail(key);
        }
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        valid(root, part, value)?;
    }
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let is = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        return fail("type");
    }
    let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
    if let Some(number) = value.as_f64() {
        let wrong = limit("minimum").is_some_and(|low| number < low)
            || limit("maximum").is_some_and(|high| number > high)
            || limit("exclusiveMinimum").is_some_and(|low| number <= low)
            || limit("exclusiveMaximum").is_some_and(|high| number >= high)
            || limit("multipleOf").is_some_and(|step| (number / step - (number / step).round()).abs() > 1e-6);
        if wrong {
            return fail("range");
        }
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as f64;
        if limit("minLength").is_some_and(|low| length < low)
            || limit("maxLength").is_some_and(|high| length > high)
        {
            return fail("length");
        }
    }
    if let Some(items) = value.as_array() {
        let length = items.len() as f64;
        if limit("minItems").is_some_and(|low| length < low)
            || limit("maxItems").is_some_and(|high| length > high)
        {
            return fail("items");
        }
        for (at, item) in items.iter().enumerate() {
            let first = schema.get("prefixItems").and_then(|first| first.get(at));
            if let Some(schema) = first.or_else(|| schema.get("items")) {
                valid(root, schema, item)?;
            }
            if schema.get("uniqueItems") == Some(&json!(true)) && items[..at].contains(item) {
                return fail("unique");
            }
        }
    }
    if let Some(object) = value.as_object() {
        for name in strings(schema.get("required")) {
            if !object.contains_key(name) {
                return fail("required");
            }
        }
        for (name, item) in object {
            match schema.get("properties").and_then(|properties| properties.get(name)) {
                Some(schema) => valid(root, schema, item)?,
                None if schema.get("additionalProperties") == Some(&json!(false)) => {
                    return fail("additional");
                }
                None => {}
            }
        }
    }
    Ok(())
}

#[test]
fn made_values_are_valid() {
    let schemas = [
        json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1,
            "maximum": 7}, "unit": {"enum": ["c", "f"]}}, "required": ["city", "unit"], "additionalProperties": false}),
        json!({"type": "array", "items": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "minItems": 2, "maxItems": 4, "uniqueItems": true}),
        json!({"$defs": {"node": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}, "next": {"anyOf": [{"$ref":
            "#/$defs/node"}, {"type": "null"}]}}, "required": ["name", "next"]}}, "$ref": "#/$defs/node"}),
        json!({"allOf": [{"type": "object", "properties": {"a": {"const": 3}}, "required": ["a"]},
            {"properties": {"b": {"type": ["string", "null"], "minLength": 40}}, "required": ["b"]}]}),
        json!({"oneOf": [{"type": "integer", "multipleOf": 5, "minimum": 11}, {"type": "boolean"}]}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"type": "null"},
            "maxItems": 2}),
        json!({"type": "object", "required": ["free"], "additionalProperties": {"type": "integer"}}),
        json!({"type": "number", "minimum": 0.1, "maximum": 0.10001}),
    ];
    for schema in &schemas {
        for seed in 0..40 {
            let value = make(schema, seed);
            valid(schema, schema, &value).unwrap();
        }
    }
}

#[test]
fn hints_and_formats_fill_strings() {
    let schema = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "when": {"type": "STRING",
        "format": "date"}}});
    let value = make(&schema, 1);
    assert_eq!(value["city"], "Lisbon");
    assert_eq!(value["when"].as_str().unwrap().len(), 10);
    assert_eq!(make(&schema, 1), value);
}
