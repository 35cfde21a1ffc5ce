//! Several changes at once: all of them in one version, or none.

use rpc::Fault;
use rpc::router::catalogue_change::Change;
use rpc::router::{
    CatalogueChange, ImportRequest, ListChangesRequest, PutEndpointRequest, PutModelRequest, PutPriceRequest,
    PutProviderRequest,
};
use serde_json::{Value, json};

use crate::catalogue::{offer, price};
use crate::support::eventually;
use crate::support::platform::{Router, Surroundings, chat};

/// A provider, a model of it, and its endpoint, which needs both.
fn parts(provider: &str, model: &str) -> Vec<Change> {
    vec![
        Change::Provider(PutProviderRequest {
            slug: provider.to_owned(),
            base_url: "http://127.0.0.1:9/v1".to_owned(),
            dialect: "openai".to_owned(),
            ..PutProviderRequest::default()
        }),
        Change::Model(PutModelRequest {
            slug: model.to_owned(),
            context_length: 8_192,
            ..PutModelRequest::default()
        }),
        Change::Endpoint(PutEndpointRequest {
            model: model.to_owned(),
            provider: provider.to_owned(),
            provider_model: "m-1".to_owned(),
            price: Some(price(1_000_000, 1_000_000)),
            ..PutEndpointRequest::default()
        }),
    ]
}

fn import(changes: Vec<Change>, dry_run: bool) -> ImportRequest {
    let changes = changes.into_iter().map(|change| CatalogueChange { change: Some(change) }).collect();
    ImportRequest { changes, actor: "olga".to_owned(), dry_run }
}

async fn version(router: &Router) -> u64 {
    let listed =
        router.client.clone().list_changes(ListChangesRequest::default()).await.unwrap().into_inner();
    let listed: Value = serde_json::from_slice(&listed.body_json).unwrap();
    listed["data"][0]["catalogue_version"].as_u64().unwrap()
}

#[tokio::test]
async fn changes_that_need_each_other_are_one_version_and_each_is_written_down() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let before = version(&router).await;
    let done = router.client.clone().import(import(parts("acme", "acme/rocket"), false)).await.unwrap();
    let done = done.into_inner();
    assert_eq!(done.catalogue_version, before + 1);
    let ids: Vec<&str> = done.changes.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids[..2], ["acme", "acme/rocket"]);
    let plan = eventually("the plan", async || router.plan(chat(&["acme/rocket"], 1)).await.ok()).await;
    assert_eq!(plan.attempts[0].endpoint_id, ids[2]);
    let listed = ListChangesRequest { limit: 3, ..ListChangesRequest::default() };
    let listed = router.client.clone().list_changes(listed).await.unwrap().into_inner();
    let listed: Value = serde_json::from_slice(&listed.body_json).unwrap();
    let subjects: Vec<&str> =
        listed["data"].as_array().unwrap().iter().map(|row| row["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, [ids[2], "acme/rocket", "acme"]);
    let again = router.client.clone().import(import(parts("acme", "acme/rocket"), false)).await.unwrap();
    assert_eq!(again.into_inner().catalogue_version, before + 1, "nothing is different");
}

#[tokio::test]
async fn one_bad_change_undoes_all_and_is_named() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let before = version(&router).await;
    let refused = async |changes| {
        let refusal = router.client.clone().import(import(changes, false)).await.unwrap_err();
        let Fault { status, message, .. } = Fault::from_status(&refusal);
        (status, message)
    };
    let mut orphan = parts("acme", "acme/rocket");
    orphan.swap(1, 2);
    let (status, message) = refused(orphan).await;
    assert!(status == 404 && message.starts_with("changes[1]: "), "{message}");
    let mut malformed = parts("acme", "acme/rocket");
    malformed
        .push(Change::Price(PutPriceRequest { endpoint_id: "x".to_owned(), ..PutPriceRequest::default() }));
    let (status, message) = refused(malformed).await;
    assert!(status == 400 && message.starts_with("changes[3]: "), "{message}");
    let endpoint_id = offer(&router, "acme/held", "held", 1_000_000).await;
    let dearer = |input| {
        let price = Some(price(input, 1_000_000));
        Change::Price(PutPriceRequest {
            endpoint_id: endpoint_id.clone(),
            price,
            ..PutPriceRequest::default()
        })
    };
    let (status, message) = refused(vec![dearer(9_000_000), dearer(80_000_000)]).await;
    assert!(status == 400 && message.starts_with("changes[1]: "), "in steps it is a jump: {message}");
    let later = PutPriceRequest {
        endpoint_id: endpoint_id.clone(),
        price: Some(price(2_000_000, 1_000_000)),
        effective_at: "2099-01-01T00:00:00Z".to_owned(),
        ..PutPriceRequest::default()
    };
    let now = PutEndpointRequest {
        endpoint_id: endpoint_id.clone(),
        price: Some(price(2_000_000, 1_000_000)),
        ..PutEndpointRequest::default()
    };
    let (status, message) = refused(vec![Change::Price(later), Change::Endpoint(now)]).await;
    assert!(status == 400 && message.starts_with("changes[1]: "), "one price an endpoint: {message}");
    let before = version(&router).await.max(before);
    assert_eq!(refused(Vec::new()).await.0, 400);
    assert_eq!(version(&router).await, before);
    assert!(router.plan(chat(&["acme/rocket"], 1)).await.is_err());
}

#[tokio::test]
async fn a_dry_run_tells_of_every_change_and_makes_none() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let before = version(&router).await;
    let done = router.client.clone().import(import(parts("acme", "acme/rocket"), true)).await.unwrap();
    let told = done.into_inner().changes;
    let actions: Vec<Value> = told
        .iter()
        .map(|change| serde_json::from_str::<Value>(&change.preview_json).unwrap()["action"].take())
        .collect();
    assert_eq!(actions, ["put_provider", "put_model", "put_endpoint"]);
    assert_eq!(version(&router).await, before);
}

#[tokio::test]
async fn of_many_aliases_of_one_model_each_change_says_its_own() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    offer(&router, "acme/held", "held", 1_000_000).await;
    let alias = |n: usize| format!("acme/held-under-a-rather-long-name-number-{n:04}");
    let named = |n| {
        let (slug, aliases) = ("acme/held".to_owned(), vec![alias(n)]);
        Change::Model(PutModelRequest { slug, aliases, ..PutModelRequest::default() })
    };
    let changes: Vec<Change> = (0..1_000).map(named).collect();
    let told = router.client.clone().import(import(changes.clone(), true)).await.unwrap().into_inner();
    for (n, told) in told.changes.iter().enumerate() {
        let preview: Value = serde_json::from_str(&told.preview_json).unwrap();
        let wanted = json!({ "aliases": { "from": null, "to": [alias(n)] } });
        assert_eq!(preview["changes"], wanted, "all aliases in each change are a million of them");
    }
    router.client.clone().import(import(changes, false)).await.unwrap();
    let removed = PutModelRequest {
        slug: "acme/held".to_owned(),
        changes_json: json!({ "remove_aliases": [alias(7)] }).to_string(),
        actor: "olga".to_owned(),
        ..PutModelRequest::default()
    };
    router.client.clone().put_model(removed).await.unwrap();
    let listed = ListChangesRequest { limit: 2, ..ListChangesRequest::default() };
    let listed = router.client.clone().list_changes(listed).await.unwrap().into_inner();
    let listed: Value = serde_json::from_slice(&listed.body_json).unwrap();
    let [last, one_before] = [&listed["data"][0]["after"], &listed["data"][1]["after"]];
    assert_eq!((&last["aliases"], &last["remove_aliases"]), (&Value::Null, &json!([alias(7)])), "{last}");
    assert_eq!(one_before["aliases"], json!([alias(999)]), "{one_before}");
}
