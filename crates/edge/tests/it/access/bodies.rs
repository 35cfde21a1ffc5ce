//! What is sent that no operation knows: where the API is our own it is refused, where it is OpenRouter's ignored.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;
use uuid::Uuid;

use super::matrix::{ACCOUNT, Caller, OPERATORS, Operation, PUBLIC, People};
use crate::support::Platform;
use crate::support::specification::Specification;

/// What a misspelt member looks like.
const MISSPELT: &str = r#"{"no_such_member":true}"#;
/// A body that is described elsewhere: a request to a model, or a row of the catalogue, whose owner refuses what it does
/// not know.
const DESCRIBED_ELSEWHERE: &str = "#/components/schemas/Document";

/// Where an object of the schema takes members that it does not list.
fn open(document: &Value, schema: &Value, path: &str, seen: &BTreeSet<String>, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        let mut seen = seen.clone();
        if seen.insert(name.to_owned()) {
            open(document, &document["components"]["schemas"][name], path, &seen, found);
        }
        return;
    }
    for kind in ["oneOf", "anyOf", "allOf"] {
        for part in schema[kind].as_array().into_iter().flatten() {
            open(document, part, path, seen, found);
        }
    }
    if schema["items"].is_object() {
        open(document, &schema["items"], &format!("{path}[]"), seen, found);
    }
    let Some(members) = schema["properties"].as_object() else { return };
    if schema["additionalProperties"] != false {
        found.push(if path.is_empty() { "the body".to_owned() } else { path.to_owned() });
    }
    for (name, member) in members {
        open(document, member, &format!("{path}.{name}"), seen, found);
    }
}

#[tokio::test]
async fn a_member_that_is_not_known_is_refused_where_the_api_is_our_own() {
    let platform = Platform::start().await;
    let people = People::of(&platform).await;
    let specification = Specification::find();
    let (mut asked, mut wrong) = (0, Vec::new());
    for base in [OPERATORS, ACCOUNT, PUBLIC] {
        let document = platform.get(&format!("{base}/openapi.json"), None).await.json();
        for operation in Operation::all(&platform, base).await {
            let schema = &operation.said["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_null() || schema["$ref"] == DESCRIBED_ELSEWHERE {
                continue;
            }
            let method = operation.method.as_str().to_lowercase();
            let is_theirs = |specification: &Specification| {
                !specification.document()["paths"][&operation.path][&method].is_null()
            };
            // Their clients may send more than we know of.
            if base == PUBLIC && specification.as_ref().is_none_or(is_theirs) {
                continue;
            }
            asked += 1;
            let mut found = Vec::new();
            open(&document, schema, "", &BTreeSet::new(), &mut found);
            if found.is_empty() {
                continue;
            }
            let path = operation.with(&Uuid::now_v7().to_string());
            let answer = people.send_as(&Caller::PlatformAdmin, &operation, &path, MISSPELT).await;
            if answer.status != 400 || !answer.text().contains("no_such_member") {
                wrong.push(format!(
                    "{} {path} takes anything in {found:?}: {}",
                    operation.method, answer.status
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "add `#[serde(deny_unknown_fields)]`: {wrong:#?}");
    assert!(asked >= 30, "only {asked} operations were looked at");
    platform.stop().await;
}

#[tokio::test]
async fn a_member_that_openrouter_may_know_is_ignored_in_its_own_operations() {
    let platform = Platform::start().await;
    let key = platform.demo.management_key.expose();
    let body = r#"{"name":"New","no_such_member":true}"#;
    assert_eq!(platform.call(Method::POST, "/api/v1/keys", Some(key), body).await.status, 201);
    platform.stop().await;
}
