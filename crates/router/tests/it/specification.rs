//! The public shapes, as the specification describes them, as JSON Schemas over whole answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

pub(crate) struct Specification {
    document: Value,
    built: Mutex<BTreeMap<String, Arc<Validator>>>,
}

impl Specification {
    /// In a folder beside one that holds the repository.
    pub(crate) fn find() -> Option<Self> {
        const NAME: &str = "shared/reference/openrouter.openapi.yaml";
        let mut places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join(NAME));
        let text = std::fs::read_to_string(places.find(|place: &PathBuf| place.exists())?).unwrap();
        let options = serde_saphyr::options! { budget: None };
        let mut document: Value = serde_saphyr::from_str_with_options(&text, options).unwrap();
        as_json_schema(&mut document);
        Some(Self { document, built: Mutex::default() })
    }

    /// Fails unless `answer` is a 200 of `GET path`.
    pub(crate) fn check(&self, path: &str, answer: &Value) {
        let faults = self.faults(path, answer);
        assert!(faults.is_empty(), "{faults:#?}");
    }

    /// What is wrong with `answer` as a 200 of `GET path`; empty = nothing.
    pub(crate) fn faults(&self, path: &str, answer: &Value) -> Vec<String> {
        let mut answer = answer.clone();
        take_known_names(&mut answer);
        let validator = Arc::clone(
            self.built.lock().unwrap().entry(path.to_owned()).or_insert_with(|| Arc::new(self.build(path))),
        );
        let faults = validator.iter_errors(&answer).take(3);
        faults.map(|fault| format!("{path} at {}: {fault:.300}", fault.instance_path())).collect()
    }

    fn build(&self, path: &str) -> Validator {
        let name = path.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D");
        let pointer = format!("/paths/{name}/get/responses/200/content/application~1json/schema");
        jsonschema::validator_for(&json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#{pointer}"),
            "components": self.document["components"],
            "paths": self.document["paths"],
        }))
        .unwrap()
    }
}

/// The specification lists the providers that its author has; other names are as good.
fn take_known_names(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if name == "provider_name" {
                    assert!(value.as_str().is_some_and(|name| !name.is_empty()));
                    *value = "FakeProvider".into();
                }
                take_known_names(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(take_known_names),
        _ => {}
    }
}

/// A choice need not be exclusive, and examples are no schemas.
fn as_json_schema(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("discriminator");
            if let Some(choices) = members.remove("oneOf") {
                members.insert("anyOf".to_owned(), choices);
            }
            let inner = members.iter_mut().filter(|(name, _)| *name != "example");
            inner.for_each(|(_, value)| as_json_schema(value));
        }
        Value::Array(items) => items.iter_mut().for_each(as_json_schema),
        _ => {}
    }
}
