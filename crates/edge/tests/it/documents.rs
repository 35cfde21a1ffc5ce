//! The OpenAPI documents: what is published is what is served.

use std::path::PathBuf;

use http::Method;
use serde_json::Value;

use crate::support::Platform;

/// Set to write the published documents anew.
const UPDATE: &str = "UPDATE_DOCS";

fn published(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
}

#[tokio::test]
async fn what_is_published_is_what_is_served() {
    let platform = Platform::start().await;
    for (base, name) in [("/api/v1", "openapi.json"), ("/admin/v1", "admin-openapi.json")] {
        let served = platform.call(Method::GET, &format!("{base}/openapi.json"), None, "").await.json();
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
