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
