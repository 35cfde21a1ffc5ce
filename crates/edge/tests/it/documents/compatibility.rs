//! docs/reference/compatibility.md: every operation of OpenRouter's OpenAPI file, and what becomes of it here.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::{UPDATE, published, served};
use crate::support::Platform;
use crate::support::specification::Specification;

/// Named by OpenRouter's newest clients, but not by the file.
const BESIDES: [(&str, &str, &str); 3] =
    [("post", "/oauth/token", "OAuth"), ("get", "/oauth/jwks", "OAuth"), ("get", "/scim/sync-jobs", "SCIM")];

const LATER: &str = "not yet";

/// Why what these paths begin with is not served.
const REASONS: &[(&str, &str)] = &[
    ("/benchmarks", "not yet; the catalogue's own scores are filters of `/models`"),
    ("/byok", LATER),
    ("/classifications/", "not yet: it describes what is asked of a whole platform"),
    ("/datasets/", "not yet: they describe the traffic of a whole platform"),
    ("/files", LATER),
    ("/guardrails", LATER),
    ("/keys", LATER),
    (
        "/oauth/",
        "not yet: it exchanges tokens of an organisation's own identity provider (RFC 8693), by policies there are none of",
    ),
    ("/observability/", LATER),
    ("/organization/", LATER),
    ("/scim/", LATER),
    ("/videos", LATER),
    ("/workspaces", LATER),
];

/// What is served, but not quite as it is there.
const DIFFERENCES: &[(&str, &str)] = &[
    ("/analytics/query", "no classifiers; the names are in [analytics.md](analytics.md)"),
    ("/auth/keys", "a code's method need not be repeated; [oauth.md](oauth.md)"),
    ("/audio/speech", "what crosses to each provider is in [dialects.md](dialects.md)"),
    ("/audio/transcriptions", "what crosses to each provider is in [dialects.md](dialects.md)"),
    ("/chat/completions", "what crosses to each provider is in [dialects.md](dialects.md)"),
    ("/credits", "management keys and sessions; credit is bought below `/credits/checkout`, which is ours"),
    ("/credits/coinbase", "answers 410, as OpenRouter's does"),
    ("/embeddings", "what crosses to each provider is in [dialects.md](dialects.md)"),
    (
        "/generation/content",
        "inference keys see what was made with themselves; members of our own: `output.tool_calls`, `truncated`",
    ),
    ("/generation", "members for what is not kept, such as `app_id` and `user_agent`, are null"),
    ("/images", "what crosses to each provider is in [dialects.md](dialects.md)"),
    ("/key", "`rate_limit.requests` is the key's own limit; -1 where it has none"),
    ("/messages", "what crosses to each provider is in [dialects.md](dialects.md)"),
    ("/models", "no `benchmarks`; of the categories only `programming` is known"),
    (
        "/observability/destinations",
        "types `langfuse`, `otel-collector`, `s3` and `webhook`; others answer 400",
    ),
    ("/observability/destinations/{id}", "types `langfuse`, `otel-collector`, `s3` and `webhook`"),
    (
        "/presets",
        "of the workspace of the inference key that calls, or of `workspace_id`; not for keys of apps",
    ),
    (
        "/presets/{slug}",
        "of the workspace of the inference key that calls, or of `workspace_id`; not for keys of apps",
    ),
    ("/providers", "headquarters and datacenters where the operator gave them"),
    ("/rerank", "what crosses to each provider is in [dialects.md](dialects.md)"),
    ("/responses", "what crosses to each provider is in [dialects.md](dialects.md)"),
    ("/videos/models", "empty: no endpoint takes jobs for videos"),
];

const HEAD: &str = "# What of OpenRouter's API is served

<!-- Written by the test `the_table_of_compatibility_is_true` of `crates/edge`; run it with UPDATE_DOCS=1. -->

Every operation of OpenRouter's OpenAPI file, below `/api/v1`, and what its newest clients call beside. Requests and
answers have OpenRouter's shapes; tests hold answers against the file. What is served beyond it is in
[openapi.json](openapi.json), which the service itself answers at `/api/v1/openapi.json`; the operators' calls are in
[admin-openapi.json](admin-openapi.json).

| Operation | Is | Where it differs, or why it is missing |
|---|---|---|
";

fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = ["get", "put", "post", "patch", "delete"];
        methods
            .into_iter()
            .filter(|name| item.get(*name).is_some())
            .map(|name| (path.clone(), name.to_owned()))
    });
    all.collect()
}

fn row(path: &str, method: &str, is_served: bool) -> String {
    let method = method.to_uppercase();
    if is_served {
        let difference = DIFFERENCES.iter().find(|(of, _)| *of == path);
        let (is, note) = difference.map_or(("served", ""), |(_, note)| ("served, differs", note));
        return format!("| `{method} {path}` | {is} | {note} |\n");
    }
    let reason = REASONS.iter().find(|(start, _)| path.starts_with(start));
    let (_, reason) = reason.unwrap_or_else(|| panic!("say why {method} {path} is not served"));
    format!("| `{method} {path}` | not served | {reason} |\n")
}

/// Method and path of each row, and whether it says that the operation is served.
fn rows(text: &str) -> Vec<(String, String, bool)> {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.splitn(3, '|');
        let (method, path) = cells.next()?.trim().trim_end_matches('`').split_once(' ')?;
        Some((path.to_owned(), method.to_lowercase(), cells.next()?.trim().starts_with("served")))
    });
    rows.collect()
}

#[tokio::test]
async fn the_table_of_compatibility_is_true() {
    let platform = Platform::start().await;
    let served = operations(&served(&platform, "/api/v1").await);
    platform.stop().await;
    let path = published("compatibility.md");
    if let Some(specification) = Specification::find() {
        let mut all = operations(specification.document());
        assert!(all.len() > 90);
        all.extend(BESIDES.map(|(method, path, _)| (path.to_owned(), method.to_owned())));
        let mut text = HEAD.to_owned();
        for (path, method) in &all {
            let is_served = served.contains(&(path.clone(), method.clone()));
            write!(text, "{}", row(path, method, is_served)).unwrap();
        }
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "compatibility.md is not what is served: run this test with {UPDATE}=1");
    }
    for (path, method, is_served) in rows(&std::fs::read_to_string(&path).unwrap()) {
        assert_eq!(served.contains(&(path.clone(), method.clone())), is_served, "{method} {path}");
    }
}
