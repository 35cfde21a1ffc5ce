//! Credentials that are more than a key, and addresses that wait for them.

use rpc::router::Attempt;
use serde_json::{Value, json};

use crate::upstream::{Reply, Upstream, good};
use crate::world::{World, attempt, master_key, request};

fn holding(attempt: Attempt, credential: &Value) -> Attempt {
    let credential_id = "00000000-0000-7000-8000-000000000001".to_owned();
    let sealed_credential = master_key().seal(&credential.to_string(), &credential_id).unwrap();
    Attempt { credential_id, sealed_credential: sealed_credential.into(), ..attempt }
}

#[tokio::test]
async fn a_credential_with_more_in_it_shows_its_key_and_fills_in_the_address() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![good()]).await;
    let credential = json!({ "api_key": "key-9f3a", "resource": "v1" });
    let endpoint = holding(attempt(&upstream, "acme"), &credential);
    let base_url = endpoint.base_url.replace("/v1", "/{resource}");
    let heard = world.run(request(vec![Attempt { base_url, ..endpoint }])).await;
    assert_eq!(heard.content(), "Hello world");
    let headers = &upstream.seen()[0].headers;
    assert_eq!(headers["authorization"], "Bearer key-9f3a");
    assert_eq!(headers.get_all("content-type").iter().count(), 1);
    assert_eq!(headers.get_all("accept").iter().count(), 1);
}

#[tokio::test]
async fn an_endpoint_without_its_place_or_key_is_passed_over_without_a_word_of_why() {
    let world = World::start().await;
    let backup = Upstream::start((0..3).map(|_| good()).collect()).await;
    let nowhere = Upstream::start(vec![]).await;
    let placeless = Attempt {
        base_url: format!("{}/{{region}}", nowhere.base_url),
        ..holding(attempt(&nowhere, "placeless"), &json!({ "api_key": "key-9f3a" }))
    };
    let odd = Attempt {
        base_url: format!("{}/{{region}}", nowhere.base_url),
        ..holding(attempt(&nowhere, "odd"), &json!({ "api_key": "key-9f3a", "region": "evil.example/" }))
    };
    let keyless = holding(attempt(&nowhere, "keyless"), &json!({ "client_email": "a", "private_key": "b" }));
    for bad in [placeless, odd, keyless] {
        let heard = world.run(request(vec![bad.clone(), attempt(&backup, "backup")])).await;
        assert_eq!(heard.started, [0, 1]);
        assert_eq!(heard.content(), "Hello world");

        let heard = world.run(request(vec![bad.clone()])).await;
        let told = heard.error().to_string();
        assert!(told.contains("cannot be used at present"), "{told}");
        for word in ["region", "credential", "evil", "key-9f3a"] {
            assert!(!told.contains(word), "{told}");
        }
    }
    assert!(nowhere.seen().is_empty());
}

#[tokio::test]
async fn no_part_of_a_credential_comes_back_in_an_error() {
    let world = World::start().await;
    let credential = json!({
        "api_key": "kf3a", "secret_access_key": "wJal rXUt", "session_token": "st.9f", "project_id": "acme-prod",
    });
    let message = format!("no such thing in acme-prod: kf3a, wJal rXUt, st.9f, {credential}");
    let body = json!({ "error": { "message": message } });
    let reply = Reply::Status { status: 400, headers: Vec::new(), body };
    let upstream = Upstream::start(vec![reply]).await;
    let heard = world.run(request(vec![holding(attempt(&upstream, "acme"), &credential)])).await;
    let told = heard.error().to_string();
    assert!(told.contains("no such thing in [redacted]"), "{told}");
    for secret in ["acme-prod", "kf3a", "wJal", "st.9f"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}
