//! Every column is an operator's to set and to clear, and nothing wrong gets in.

use rpc::Fault;
use rpc::router::{
    DescribeCatalogueRequest, ListChangesRequest, PutEndpointRequest, PutModelRequest, PutProviderRequest,
};
use serde_json::{Value, json};
use tonic::Status;

use crate::catalogue::offer;
use crate::support::eventually;
use crate::support::platform::{Router, Surroundings, chat, simulated};

fn provider(slug: &str, changes: &Value) -> PutProviderRequest {
    PutProviderRequest {
        slug: slug.to_owned(),
        changes_json: changes.to_string(),
        actor: "olga".to_owned(),
        ..PutProviderRequest::default()
    }
}

fn model(slug: &str, changes: &Value) -> PutModelRequest {
    PutModelRequest {
        slug: slug.to_owned(),
        changes_json: changes.to_string(),
        actor: "olga".to_owned(),
        ..PutModelRequest::default()
    }
}

fn endpoint(id: &str, changes: &Value) -> PutEndpointRequest {
    PutEndpointRequest {
        endpoint_id: id.to_owned(),
        changes_json: changes.to_string(),
        actor: "olga".to_owned(),
        ..PutEndpointRequest::default()
    }
}

/// The row once it says what it is to say.
async fn row(router: &Router, resource: &str, name: &str, version: u64) -> Value {
    let request = DescribeCatalogueRequest {
        resource: resource.to_owned(),
        name: name.to_owned(),
        ..DescribeCatalogueRequest::default()
    };
    eventually("the version", async || {
        let answer = router.client.clone().describe_catalogue(request.clone()).await.ok()?.into_inner();
        let answer: Value = serde_json::from_slice(&answer.body_json).unwrap();
        (answer["version"].as_u64() >= Some(version)).then(|| answer["data"].clone())
    })
    .await
}

fn assert_holds(row: &Value, wanted: &Value) {
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&row[name], value, "{name} of {row}");
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (u16, String) {
    let fault = Fault::from_status(&outcome.unwrap_err());
    (fault.status, fault.message)
}

#[tokio::test]
async fn every_column_can_be_set_and_cleared() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let id = offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let mut client = router.client.clone();

    let set = json!({
        "name": "Acme", "quirks": { "drop": ["seed"] }, "credential_required": false,
        "cancel_stops_billing": true, "collects_data": false, "zero_data_retention": true,
        "headquarters": "NL", "datacenters": ["DE", "US"], "disabled": false,
        "privacy_policy_url": "https://acme.example/privacy", "terms_of_service_url": "https://acme.example/terms",
        "status_page_url": "https://status.acme.example",
    });
    let timed = json!({ "timeouts": { "connect_ms": 5, "stall_ms": 6 } });
    client.put_provider(provider("acme", &timed)).await.unwrap();
    let put = client.put_provider(provider("acme", &set)).await.unwrap().into_inner();
    let shown = row(&router, "providers", "acme", put.catalogue_version).await;
    assert_holds(&shown, &set);
    assert_eq!((&shown["timeouts"]["connect_ms"], &shown["timeouts"]["total_ms"]), (&json!(5), &json!(null)));
    let clear = json!({
        "quirks": null, "collects_data": null, "headquarters": null, "datacenters": null,
        "privacy_policy_url": null, "timeouts": { "connect_ms": null },
    });
    let put = client.put_provider(provider("acme", &clear)).await.unwrap().into_inner();
    let shown = row(&router, "providers", "acme", put.catalogue_version).await;
    let cleared = json!({ "quirks": {}, "collects_data": null, "headquarters": null, "datacenters": [],
                          "privacy_policy_url": null, "name": "Acme" });
    assert_holds(&shown, &cleared);
    assert_eq!((&shown["timeouts"]["connect_ms"], &shown["timeouts"]["stall_ms"]), (&json!(null), &json!(6)));

    let set = json!({
        "name": "Rocket", "created": 1_700_000_000, "context_length": 9_000, "max_output": 400,
        "input_modalities": ["text", "image"], "output_modalities": ["text"],
        "supported_parameters": ["seed", "tools"], "tokenizer": "GPT", "hugging_face_id": "acme/rocket",
        "family": "rocket", "distillable": true, "knowledge_cutoff": "2026-01-31",
        "default_parameters": { "temperature": 0.5 }, "scores": { "intelligence": 0.5, "coding": 0.25 },
        "scores_source": "our own measurement", "quirks": { "a": 1 }, "first_token_ms": 9_000, "disabled": false,
    });
    let put = client.put_model(model("acme/rocket", &set)).await.unwrap().into_inner();
    assert_holds(&row(&router, "models", "acme/rocket", put.catalogue_version).await, &set);
    let clear = json!({ "max_output": null, "family": null, "distillable": null, "knowledge_cutoff": null,
                        "default_parameters": null, "scores_source": null, "hugging_face_id": null });
    let put = client.put_model(model("acme/rocket", &clear)).await.unwrap().into_inner();
    assert_holds(&row(&router, "models", "acme/rocket", put.catalogue_version).await, &clear);
    let put = client.put_model(model("acme/rocket", &json!({ "scores": null }))).await.unwrap().into_inner();
    let shown = row(&router, "models", "acme/rocket", put.catalogue_version).await;
    assert_holds(&shown, &json!({ "scores": {}, "name": "Rocket" }));

    let set = json!({
        "provider_model": "r-2", "dialect": "anthropic", "context_length": 7_000, "max_output": 300,
        "quantization": "fp8", "region": "eu", "collects_data": true, "zero_data_retention": false,
        "supported_parameters": ["tools"], "implicit_caching": true, "quirks": { "b": 2 },
        "deprecation_date": "2030-12-31", "disabled": false,
    });
    let put = client.put_endpoint(endpoint(&id, &set)).await.unwrap().into_inner();
    assert_holds(&row(&router, "endpoints", &id, put.catalogue_version).await, &set);
    let clear = json!({ "dialect": null, "max_output": null, "quantization": null, "region": null,
                        "supported_parameters": null, "quirks": null, "deprecation_date": null,
                        "zero_data_retention": null });
    let put = client.put_endpoint(endpoint(&id, &clear)).await.unwrap().into_inner();
    let shown = row(&router, "endpoints", &id, put.catalogue_version).await;
    let inherited = json!({ "dialect": "openai", "quantization": null, "region": null, "quirks": {},
                            "deprecation_date": null, "zero_data_retention": true, "provider_model": "r-2" });
    assert_holds(&shown, &inherited);
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_by_name() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let id = offer(&router, "acme/rocket", "acme", 1_000_000).await;
    eventually("the new model", async || router.plan(chat(&["acme/rocket"], 1)).await.ok()).await;
    let before = router.describe("").await["version"].clone();
    let mut client = router.client.clone();
    for (changes, named) in [
        (json!({ "colour": "red" }), "colour"),
        (json!({ "headquarters": "nl" }), "headquarters"),
        (json!({ "datacenters": ["Germany"] }), "datacenters"),
        (json!({ "status_page_url": "ftp://acme.example" }), "status_page_url"),
        (json!({ "timeouts": { "connect_ms": 0 } }), "timeouts.connect_ms"),
        (json!({ "name": " " }), "name"),
        (json!({ "collects_data": "maybe" }), "collects_data"),
        (json!({ "name": "Ac\u{202e}me" }), "name"),
        (json!({ "status_page_url": "https://acme.example/\u{9}" }), "status_page_url"),
    ] {
        let (status, message) = refusal(client.put_provider(provider("acme", &changes)).await);
        assert!(status == 400 && message.contains(&format!("`{named}`")), "{changes}: {message}");
    }
    for (changes, named) in [
        (json!({ "scores": { "coding": 2 } }), "scores.coding"),
        (json!({ "knowledge_cutoff": "2026-02-30" }), "knowledge_cutoff"),
        (json!({ "input_modalities": ["smell"] }), "input_modalities"),
        (json!({ "output_modalities": [] }), "output_modalities"),
        (json!({ "default_parameters": 1 }), "default_parameters"),
        (json!({ "family": "No Family" }), "family"),
        (json!({ "canonical_slug": "acme/other" }), "canonical_slug"),
        (json!({ "remove_aliases": ["acme/unheard-of"] }), "acme/unheard-of"),
        (json!({ "aliases": "acme/r" }), "aliases"),
        (json!({ "aliases": ["acme/r\u{200b}"] }), "acme/r\\u{200b}"),
        (json!({ "aliases": ["acme/r\u{e9}"] }), "acme/r\u{e9}"),
        (json!({ "name": "Rocket\u{feff}" }), "name"),
        (json!({ "scores_source": "us\nand them" }), "scores_source"),
        (json!({ "context_length": 0 }), "context_length"),
    ] {
        let (status, message) = refusal(client.put_model(model("acme/rocket", &changes)).await);
        assert!(status == 400 && message.contains(&format!("`{named}`")), "{changes}: {message}");
    }
    for (changes, named) in [
        (json!({ "quantization": "fp9" }), "quantization"),
        (json!({ "provider_model": "r\u{1b}[2J" }), "provider_model"),
        (json!({ "region": "EU" }), "region"),
        (json!({ "deprecation_date": "soon" }), "deprecation_date"),
        (json!({ "dialect": "klingon" }), "dialect"),
        (json!({ "service_tier": "flex" }), "service_tier"),
        (json!({ "tag": "acme/other" }), "tag"),
        (json!({ "model": "openai/gpt-4o" }), "model"),
    ] {
        let (status, message) = refusal(client.put_endpoint(endpoint(&id, &changes)).await);
        assert!(status == 400 && message.contains(&format!("`{named}`")), "{changes}: {message}");
    }
    let changes = json!({ "context_length": 1 });
    for slug in ["acme/ro\u{2066}cket", "acme/r\u{f6}cket", "acme/ro\u{0}cket"] {
        let (status, message) = refusal(client.put_model(model(slug, &changes)).await);
        assert!(status == 400 && message.contains("no model name"), "{slug:?}: {message}");
    }
    let absent = PutProviderRequest { must_exist: true, ..provider("nobody", &json!({ "name": "N" })) };
    assert_eq!(refusal(client.put_provider(absent).await).0, 404);
    let absent = PutModelRequest { must_exist: true, ..model("no/body", &json!({ "context_length": 1 })) };
    assert_eq!(refusal(client.put_model(absent).await).0, 404);
    let nobody = uuid::Uuid::now_v7().to_string();
    assert_eq!(refusal(client.put_endpoint(endpoint(&nobody, &json!({}))).await).0, 404);
    assert_eq!(router.describe("").await["version"], before, "nothing of it was kept");
}

#[tokio::test]
async fn a_tier_is_an_endpoint_of_its_own_behind_the_providers_tag() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let tier = |tag: &str, tier: &str| PutEndpointRequest {
        model: "acme/rocket".to_owned(),
        provider: "acme".to_owned(),
        provider_model: "m-1".to_owned(),
        tag: tag.to_owned(),
        price: Some(crate::catalogue::price(500_000, 500_000)),
        changes_json: json!({ "service_tier": tier }).to_string(),
        actor: "olga".to_owned(),
        ..PutEndpointRequest::default()
    };
    let mut client = router.client.clone();
    assert_eq!(refusal(client.put_endpoint(tier("acme/priority", "flex")).await).0, 400);
    assert_eq!(refusal(client.put_endpoint(tier("other/flex", "flex")).await).0, 400);
    let put = client.put_endpoint(tier("flex", "flex")).await.unwrap().into_inner();
    let shown = row(&router, "endpoints", &put.id, put.catalogue_version).await;
    assert_holds(&shown, &json!({ "tag": "acme/flex", "service_tier": "flex" }));
}

#[tokio::test]
async fn an_alias_that_is_removed_stays_away_and_can_name_another() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let (alias, owner) = ("anthropic/claude-3-5-sonnet", "anthropic/claude-3.5-sonnet");
    let mut client = router.client.clone();
    client.put_model(model(owner, &json!({ "remove_aliases": [alias] }))).await.unwrap();
    router::seed(&surroundings.database.pool(), &surroundings.master_key, &simulated(10)).await.unwrap();
    eventually("the alias to be gone", async || {
        router.plan(chat(&[alias], 1)).await.err().filter(|fault| fault.status == 400 || fault.status == 404)
    })
    .await;
    offer(&router, "acme/rocket", "acme", 1_000_000).await;
    client.put_model(model("acme/rocket", &json!({ "aliases": [alias] }))).await.unwrap();
    let plan = eventually("the new owner", async || router.plan(chat(&[alias], 1)).await.ok()).await;
    assert_eq!(plan.attempts[0].model, "acme/rocket");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let before = router.describe("").await["version"].clone();
    let mut client = router.client.clone();
    let dry = PutProviderRequest { dry_run: true, ..provider("openai", &json!({ "name": "Other" })) };
    let put = client.put_provider(dry.clone()).await.unwrap().into_inner();
    let preview: Value = serde_json::from_str(&put.preview_json).unwrap();
    assert_eq!(preview["changes"], json!({ "name": { "from": "OpenAI", "to": "Other" } }));
    assert_eq!((&preview["dry_run"], &json!(put.catalogue_version)), (&json!(true), &before));
    let bad = PutProviderRequest { changes_json: r#"{"base_url":"http://u@h"}"#.to_owned(), ..dry };
    assert_eq!(refusal(client.put_provider(bad).await).0, 400);
    assert_eq!(router.describe("").await["version"], before);
}

#[tokio::test]
async fn routers_hear_of_a_change_without_asking() {
    let mut surroundings = Surroundings::seeded().await;
    // Nobody asks within this test.
    surroundings.config.poll_ms = 3_600_000;
    let (one, two) = (surroundings.router().await, surroundings.router().await);
    one.ready().await;
    two.ready().await;
    offer(&one, "acme/rocket", "acme", 1_000_000).await;
    for router in [&one, &two] {
        eventually("the new model", async || router.plan(chat(&["acme/rocket"], 1)).await.ok()).await;
    }
}

#[tokio::test]
async fn the_record_of_changes_is_read_page_by_page() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let mut client = router.client.clone();
    for name in ["A", "B", "C"] {
        client.put_provider(provider("openai", &json!({ "name": name }))).await.unwrap();
    }
    client.put_provider(provider("groq", &json!({ "name": "G" }))).await.unwrap();
    let mut page = async |after: i64| -> Value {
        let request = ListChangesRequest { subject: "openai".to_owned(), after, limit: 2 };
        let answer = client.list_changes(request).await.unwrap().into_inner();
        serde_json::from_slice(&answer.body_json).unwrap()
    };
    let first = page(0).await;
    let names = |page: &Value| -> Vec<Value> {
        page["data"].as_array().unwrap().iter().map(|change| change["after"]["name"].clone()).collect()
    };
    assert_eq!(names(&first), ["C", "B"]);
    let change = &first["data"][0];
    assert_eq!((&change["actor"], &change["action"]), (&json!("olga"), &json!("put_provider")));
    assert_eq!((&change["before"]["name"], &change["catalogue_version"]), (&json!("B"), &json!(4)));
    let last = page(first["next"].as_i64().unwrap()).await;
    assert_eq!((names(&last), &last["next"]), (vec![json!("A")], &json!(null)));
}

#[tokio::test]
async fn lists_are_searched_and_paged() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let models = |text: &str, after: &str| DescribeCatalogueRequest {
        resource: "models".to_owned(),
        text: text.to_owned(),
        after: after.to_owned(),
        limit: 2,
        ..DescribeCatalogueRequest::default()
    };
    let first = router.described(models("GPT-4o", "")).await;
    let next = first["next"].as_str().unwrap();
    assert_eq!(first["data"][1]["slug"], next);
    let second = router.described(models("GPT-4o", next)).await;
    for row in first["data"].as_array().unwrap().iter().chain(second["data"].as_array().unwrap()) {
        assert!(row.to_string().to_lowercase().contains("gpt-4o"), "{row}");
    }
    assert_ne!(first["data"], second["data"]);
    let request = DescribeCatalogueRequest {
        resource: "endpoints".to_owned(),
        model: "openai/gpt-4".to_owned(),
        provider: "openai".to_owned(),
        ..DescribeCatalogueRequest::default()
    };
    let endpoints = router.described(request).await;
    assert_eq!(endpoints["data"].as_array().map(Vec::len), Some(1));
    assert_holds(&endpoints["data"][0], &json!({ "model": "openai/gpt-4", "provider": "openai" }));
}
