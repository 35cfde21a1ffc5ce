//! The public catalogue over the shipped one, against the public specification.

use rpc::Fault;
use rpc::router::BrowseRequest;
use serde_json::Value;

use crate::specification::Specification;
use crate::support::platform::{Router, Surroundings};

async fn ask(router: &Router, request: BrowseRequest) -> Result<Value, Fault> {
    let answer = router.client.clone().browse(request).await;
    let answer = answer.map_err(|status| Fault::from_status(&status))?.into_inner();
    assert_eq!(answer.content_type, "application/json");
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

fn wanted(resource: &str, name: &str, query: &str) -> BrowseRequest {
    BrowseRequest {
        resource: resource.to_owned(),
        name: name.to_owned(),
        query: query.to_owned(),
        authenticated: true,
        ..BrowseRequest::default()
    }
}

async fn list(router: &Router, markup_basis_points: i32) -> Value {
    ask(router, BrowseRequest { markup_basis_points, ..wanted("models", "", "") }).await.unwrap()
}

fn row<'a>(list: &'a Value, id: &str) -> &'a Value {
    list["data"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_list_knows_the_classics() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let list = list(&router, 0).await;
    assert!(ids(&list).len() >= 300, "{} models", ids(&list).len());
    assert_eq!(list["total_count"], ids(&list).len());
    assert!(list["links"]["next"].is_null());
    for id in ["openai/gpt-4o", "anthropic/claude-3.5-sonnet", "google/gemini-2.5-pro", "amazon/nova-pro-v1"]
    {
        assert!(!row(&list, id)["description"].as_str().unwrap().is_empty());
    }
    for router in ["openrouter/auto", "patchbay/cheapest"] {
        assert_eq!(row(&list, router)["pricing"]["prompt"], "-1");
    }
    assert!(!ids(&list).contains(&"openai/tts-1"), "lists are of text unless more is asked for");
}

#[tokio::test]
async fn every_answer_is_as_the_specification_says() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let Some(specification) = Specification::find() else {
        println!("SKIPPED: no folder shared/reference beside the repository; shapes are not checked");
        return;
    };
    let check = async |path: &str, resource: &str, name: &str, query: &str| {
        let answer = ask(&router, wanted(resource, name, query)).await.unwrap();
        specification.check(path, &answer);
        answer
    };
    let all = check("/models", "models", "", "output_modalities=all").await;
    assert!(ids(&all).len() > 350);
    let mut odd = all.clone();
    odd["data"][0]["architecture"]["tokenizer"] = "abacus".into();
    assert_eq!(specification.faults("/models", &odd).len(), 1, "what is wrong deep down is seen");
    check("/models", "models", "", "limit=2&sort=newest").await;
    check("/models/user", "user", "", "").await;
    check("/models/count", "count", "", "output_modalities=all").await;
    let embeddings = check("/embeddings/models", "embeddings", "", "limit=3").await;
    assert_eq!(ids(&embeddings).len(), 3);
    check("/videos/models", "videos", "", "").await;
    let zdr = check("/endpoints/zdr", "zdr", "", "").await;
    assert!(zdr["data"].as_array().is_some_and(|endpoints| !endpoints.is_empty()));
    let providers = check("/providers", "providers", "", "").await;
    assert!(providers["data"].as_array().is_some_and(|providers| providers.len() > 20));
    for id in ids(&all) {
        check("/model/{author}/{slug}", "model", id, "").await;
        check("/models/{author}/{slug}/endpoints", "endpoints", id, "").await;
    }
    let images = check("/images/models", "images", "", "").await;
    assert!(ids(&images).contains(&"openai/gpt-image-1"));
    for id in ids(&images) {
        let path = "/images/models/{author}/{slug}/endpoints";
        let endpoints = check(path, "image_endpoints", id, "").await;
        assert!(
            endpoints["endpoints"][0]["pricing"].as_array().is_some_and(|lines| !lines.is_empty()),
            "{id}"
        );
    }
}

#[tokio::test]
async fn endpoints_have_what_the_newest_clients_need() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let answer = ask(&router, wanted("endpoints", "openai/gpt-4o:nitro", "")).await.unwrap();
    let endpoint = &answer["data"]["endpoints"][0];
    for (member, value) in [
        ("native_tools", serde_json::json!({})),
        ("service_tier", Value::Null),
        ("supports_diarization", Value::Bool(false)),
        ("uptime_last_5m", Value::Null),
    ] {
        assert_eq!(endpoint.get(member), Some(&value), "{member} in {endpoint}");
    }
    for choice in ["auto", "none", "required", "function"] {
        assert!(endpoint["supports_tool_choice"][choice].is_boolean());
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_fault_that_says_so() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    for (resource, name, query, status) in [
        ("model", "nobody/nothing", "", 404),
        ("endpoints", "nobody/nothing", "", 404),
        ("image_endpoints", "openai/gpt-4o", "", 404),
        ("nonsense", "", "", 404),
        ("models", "", "sort=odd", 400),
    ] {
        let fault = ask(&router, wanted(resource, name, query)).await.unwrap_err();
        assert_eq!(fault.status, status, "{resource} {name} {query}");
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
