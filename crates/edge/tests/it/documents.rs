//! The OpenAPI documents: what is published is what is served.

mod compatibility;

use std::path::PathBuf;

use http::Method;
use serde_json::Value;

use crate::support::Platform;

/// Set to write what is published anew.
const UPDATE: &str = "UPDATE_DOCS";
const DOCUMENTS: [(&str, &str); 3] = [
    ("/api/v1", "openapi.json"),
    ("/account/v1", "account-openapi.json"),
    ("/admin/v1", "admin-openapi.json"),
];
/// All parameters of queries that cannot be left out.
const REQUIRED: [(&str, &str); 8] = [
    ("/generation", "id"),
    ("/generation/content", "id"),
    ("/reconciliations", "first_day"),
    ("/reconciliations", "last_day"),
    ("/reconciliations", "provider"),
    ("/tenants/{tenant}/budgets", "interval"),
    ("/tenants/{tenant}/budgets", "subject_id"),
    ("/tenants/{tenant}/budgets", "subject_kind"),
];

/// A file of docs/reference.
fn published(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
}

async fn served(platform: &Platform, base: &str) -> Value {
    platform.call(Method::GET, &format!("{base}/openapi.json"), None, "").await.json()
}

#[tokio::test]
async fn what_is_published_is_what_is_served() {
    let platform = Platform::start().await;
    for (base, name) in DOCUMENTS {
        let served = served(&platform, base).await;
        let path = published(name);
        if std::env::var_os(UPDATE).is_some() {
            let text = serde_json::to_string_pretty(&served).unwrap() + "\n";
            std::fs::write(&path, text).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let kept: Value = serde_json::from_str(&text).unwrap_or_default();
        assert!(kept == served, "{name} is not what is served: run this test with {UPDATE}=1");
    }
    platform.stop().await;
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn whatever_a_document_refers_to_is_in_it() {
    let platform = Platform::start().await;
    for (base, _) in DOCUMENTS {
        let document = served(&platform, base).await;
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{base}: there is no {reference}");
        }
    }
    platform.stop().await;
}

/// The path and name of each parameter of a query that the document calls required.
fn required(document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let of_query = parameters.filter(|one| one["in"] == "query" && one["required"] == true);
            found.extend(of_query.map(|one| (path.clone(), one["name"].as_str().unwrap().to_owned())));
        }
    }
    found
}

#[tokio::test]
async fn what_may_be_left_out_of_a_query_is_not_called_required() {
    let platform = Platform::start().await;
    let mut found = Vec::new();
    for (base, _) in DOCUMENTS {
        found.extend(required(&served(&platform, base).await));
    }
    found.sort();
    let found: Vec<(&str, &str)> = found.iter().map(|(path, name)| (path.as_str(), name.as_str())).collect();
    assert_eq!(found, REQUIRED);
    platform.stop().await;
}
