//! The public shapes, as the reference describes them, as JSON Schemas.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Validators of the reference's schemas, each built when it is first asked for.
pub(crate) struct Schemas {
    document: Value,
    built: Mutex<BTreeMap<String, &'static OnceLock<Validator>>>,
}

impl Schemas {
    /// Reads `openrouter.openapi.yaml`.
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("the reference can be read");
        let options = serde_saphyr::options! { budget: None };
        let mut document: Value =
            serde_saphyr::from_str_with_options(&text, options).expect("the reference is YAML");
        as_json_schema(&mut document);
        Self { document, built: Mutex::new(BTreeMap::new()) }
    }

    /// What is wrong with `value` as the schema at `pointer`, such as `/components/schemas/ChatResult`; empty =
    /// nothing.
    pub(crate) fn faults(&self, pointer: &str, value: &Value) -> Vec<String> {
        let cell = *self
            .built
            .lock()
            .expect("no build failed")
            .entry(pointer.to_owned())
            .or_insert_with(|| Box::leak(Box::default()));
        let validator = cell.get_or_init(|| self.build(pointer));
        let faults = validator.iter_errors(value).take(3);
        faults
            .map(|fault| format!("{pointer} at {}: {}", fault.instance_path(), cut(&fault.to_string())))
            .collect()
    }

    fn build(&self, pointer: &str) -> Validator {
        assert!(self.document.pointer(pointer).is_some(), "the reference has no {pointer}");
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#{pointer}"),
            "components": self.document["components"],
            "paths": self.document["paths"],
        });
        jsonschema::validator_for(&schema).expect("the reference's schemas are schemas")
    }

    /// The reference's own examples of a component, which have to be valid.
    pub(crate) fn example(&self, component: &str) -> Option<Value> {
        self.document.pointer(&format!("/components/schemas/{component}/example")).cloned()
    }
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(300).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Turns what OpenAPI says otherwise than JSON Schema: a choice with a discriminator becomes one condition for
/// each of its values, which is also what makes a fault say where it is; other choices need not be exclusive.
fn as_json_schema(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(choices) = members.remove("oneOf") {
                let by = members.remove("discriminator");
                match by.as_ref().and_then(|by| conditions(by, &choices)) {
                    Some(conditions) => {
                        let all = members.entry("allOf").or_insert_with(|| json!([]));
                        all.as_array_mut().expect("a list").push(conditions);
                    }
                    None => drop(members.insert("anyOf".to_owned(), choices)),
                }
            }
            let inner = members.iter_mut().filter(|(name, _)| *name != "example");
            inner.for_each(|(_, value)| as_json_schema(value));
        }
        Value::Array(items) => items.iter_mut().for_each(as_json_schema),
        _ => {}
    }
}

fn conditions(by: &Value, choices: &Value) -> Option<Value> {
    let name = by["propertyName"].as_str()?;
    let mapping = by["mapping"].as_object()?;
    let all_are_named = choices
        .as_array()?
        .iter()
        .all(|choice| mapping.values().any(|target| choice.get("$ref") == Some(target)));
    if !all_are_named {
        return None;
    }
    let conditions: Vec<Value> = mapping
        .iter()
        .map(|(value, target)| {
            json!({"if": {"properties": {name: {"const": value}}, "required": [name]}, "then": {"$ref": target}})
        })
        .collect();
    let mut property = Map::new();
    property.insert(name.to_owned(), json!({"enum": mapping.keys().collect::<Vec<_>>()}));
    Some(json!({"type": "object", "properties": property, "required": [name], "allOf": conditions}))
}
