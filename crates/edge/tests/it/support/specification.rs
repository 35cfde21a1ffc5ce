//! The public shapes, as the specification describes them, as JSON Schemas over whole answers.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub(crate) struct Specification(Value);

impl Specification {
    /// In a folder beside one that holds the repository. Says so when it is not there.
    pub(crate) fn find() -> Option<Self> {
        const NAME: &str = "shared/reference/openrouter.openapi.yaml";
        let mut places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join(NAME));
        let Some(place) = places.find(|place: &PathBuf| place.exists()) else {
            println!("skipped: there is no {NAME} to hold answers against");
            return None;
        };
        let text = std::fs::read_to_string(place).unwrap();
        let options = serde_saphyr::options! { budget: None };
        let document: Value = serde_saphyr::from_str_with_options(&text, options).unwrap();
        Some(Self(document))
    }

    /// Fails unless `answer` is a 200 of the operation.
    pub(crate) fn check(&self, method: &str, path: &str, answer: &Value) {
        self.check_as(method, path, 200, answer);
    }

    /// Fails unless `answer` is one of the operation with this status.
    pub(crate) fn check_as(&self, method: &str, path: &str, status: u16, answer: &Value) {
        let name = path.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D");
        let pointer = format!("/paths/{name}/{method}/responses/{status}/content/application~1json/schema");
        let schema = jsonschema::validator_for(&json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#{pointer}"),
            "components": self.0["components"],
            "paths": self.0["paths"],
        }))
        .unwrap();
        let faults: Vec<String> = schema
            .iter_errors(answer)
            .map(|fault| format!("{path} at {}: {fault:.300}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}\n{answer}");
    }
}
