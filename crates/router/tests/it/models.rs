//! The public model list.

use std::path::{Path, PathBuf};

use rpc::router::BrowseRequest;
use serde_json::Value;

use crate::support::platform::{Router, Surroundings};

async fn list(router: &Router, markup_basis_points: u32) -> Value {
    let request =
        BrowseRequest { resource: "models".to_owned(), markup_basis_points, ..BrowseRequest::default() };
    let answer = router.client.clone().browse(request).await.unwrap().into_inner();
    serde_json::from_slice(&answer.body).unwrap()
}

fn row<'a>(list: &'a Value, id: &str) -> &'a Value {
    list["data"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

/// The public specification, in a folder beside one that holds the repository.
fn specification() -> Option<String> {
    const NAME: &str = "shared/reference/openrouter.openapi.yaml";
    let mut places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join(NAME));
    places.find(|place: &PathBuf| place.exists()).map(|place| std::fs::read_to_string(place).unwrap())
}

/// The keys that a schema of the specification requires, by the layout of its lines.
fn required(specification: &str, schema: &str) -> Vec<String> {
    let header = format!("    {schema}:");
    let body = specification.lines().skip_while(|line| *line != header).skip(1);
    let own = body.take_while(|line| line.is_empty() || line.starts_with("      "));
    own.skip_while(|line| *line != "      required:")
        .skip(1)
        .map_while(|line| line.strip_prefix("        - "))
        .map(|name| name.trim_matches('\'').to_owned())
        .collect()
}

#[tokio::test]
async fn every_row_has_every_key_that_strict_clients_require() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let list = list(&router, 0).await;
    let rows = list["data"].as_array().unwrap();
    assert!(rows.len() >= 300, "{} models", rows.len());
    assert_eq!(list["total_count"], rows.len());
    assert!(list["links"]["next"].is_null());
    for id in ["openai/gpt-4o", "anthropic/claude-3.5-sonnet", "google/gemini-2.5-pro", "amazon/nova-pro-v1"]
    {
        assert!(!row(&list, id)["description"].as_str().unwrap().is_empty());
    }
    let Some(specification) = specification() else {
        println!("SKIPPED: no folder shared/reference beside the repository; required keys are not checked");
        return;
    };
    let check = |value: &Value, schema: &str| {
        let keys = required(&specification, schema);
        assert!(!keys.is_empty(), "{schema} requires something");
        for key in keys {
            assert!(value.get(&key).is_some(), "{schema}.{key} is missing in {value}");
        }
    };
    check(&list, "ModelsListResponse");
    for row in rows {
        check(row, "Model");
        check(&row["architecture"], "ModelArchitecture");
        check(&row["pricing"], "PublicPricing");
        check(&row["top_provider"], "TopProviderInfo");
        check(&row["links"], "ModelLinks");
        if row.get("reasoning").is_some() {
            check(&row["reasoning"], "ModelReasoning");
        }
    }
}

#[tokio::test]
async fn prices_carry_the_callers_markup() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let (plain, marked) = (list(&router, 0).await, list(&router, 500).await);
    let prompt = |list: &Value| row(list, "openai/gpt-4o")["pricing"]["prompt"].clone();
    assert_eq!((prompt(&plain), prompt(&marked)), ("0.0000025".into(), "0.000002625".into()));
    let tiers = &row(&marked, "google/gemini-1.5-pro")["pricing"]["overrides"];
    assert_eq!(tiers[0]["min_prompt_tokens"], 128_000);
    assert_eq!(tiers[0]["prompt"], "0.000002625");
    assert_eq!(row(&plain, "openai/gpt-4o")["pricing"]["request"], "0");
}
