//! What operators may change, what is refused, and what is written down.

use rpc::Fault;
use rpc::router::{PutEndpointRequest, PutModelRequest, PutPriceRequest, PutProviderRequest, Timeouts};
use tonic::Status;

use crate::catalogue::{offer, price};
use crate::support::eventually;
use crate::support::platform::{Surroundings, chat};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (u16, String) {
    let fault = Fault::from_status(&outcome.unwrap_err());
    (fault.status, fault.message)
}

#[tokio::test]
async fn a_price_may_jump_tenfold_only_by_force_and_every_price_is_a_version() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let endpoint_id = offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let mut client = router.client.clone();
    let put = |input, force| PutPriceRequest {
        endpoint_id: endpoint_id.clone(),
        price: Some(price(input, 1_000_000)),
        force,
        actor: "olga".to_owned(),
        ..PutPriceRequest::default()
    };
    let (status, message) = refused(client.put_price(put(11_000_000, false)).await);
    assert_eq!(status, 400);
    assert!(message.contains("tenfold"), "{message}");
    let forced = client.put_price(put(11_000_000, true)).await.unwrap().into_inner();
    let same = client.put_price(put(11_000_000, false)).await.unwrap().into_inner();
    assert_eq!((&same.id, same.catalogue_version), (&forced.id, forced.catalogue_version));
    let id = eventually("the new price", async || {
        let plan = router.plan(chat(&["acme/rocket"], 1)).await.ok()?;
        let price = plan.attempts[0].price.clone()?;
        (price.base?.input == Some(11_000_000)).then_some(price.id)
    })
    .await;
    assert_eq!(id, forced.id);
    assert_eq!(
        refused(client.put_price(PutPriceRequest { endpoint_id: "x".to_owned(), ..put(1, true) }).await).0,
        400
    );
    let nobody = uuid::Uuid::now_v7().to_string();
    assert_eq!(
        refused(client.put_price(PutPriceRequest { endpoint_id: nobody, ..put(1, true) }).await).0,
        404
    );
    assert_eq!(refused(client.put_price(put(-1, true)).await).0, 400);
}

#[tokio::test]
async fn malformed_changes_are_refused_with_their_reason() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let mut client = router.client.clone();
    let provider = PutProviderRequest {
        slug: "acme".to_owned(),
        base_url: "http://127.0.0.1:9".to_owned(),
        dialect: "openai".to_owned(),
        actor: "olga".to_owned(),
        ..PutProviderRequest::default()
    };
    for (what, bad) in [
        ("slug", PutProviderRequest { slug: "Not A Slug".to_owned(), ..provider.clone() }),
        ("dialect", PutProviderRequest { dialect: "klingon".to_owned(), ..provider.clone() }),
        ("base_url", PutProviderRequest { base_url: String::new(), ..provider.clone() }),
        (
            "base URL",
            PutProviderRequest { base_url: "http://169.254.169.254/".to_owned(), ..provider.clone() },
        ),
        ("quirks", PutProviderRequest { quirks_json: "[]".to_owned(), ..provider.clone() }),
        ("credential", PutProviderRequest { credential: Some(" ".to_owned()), ..provider.clone() }),
        ("actor", PutProviderRequest { actor: String::new(), ..provider.clone() }),
    ] {
        let (status, message) = refused(client.put_provider(bad).await);
        assert!(status == 400 && message.contains(what), "{what}: {status} {message}");
    }
    let model = PutModelRequest {
        slug: "acme/rocket".to_owned(),
        context_length: 1,
        actor: "olga".to_owned(),
        ..PutModelRequest::default()
    };
    for bad in [
        PutModelRequest { slug: "no-author".to_owned(), ..model.clone() },
        PutModelRequest { context_length: 0, ..model.clone() },
        PutModelRequest { aliases: vec!["anthropic/claude-3-5-sonnet".to_owned()], ..model.clone() },
        PutModelRequest { aliases: vec!["openai/gpt-4o".to_owned()], ..model.clone() },
        PutModelRequest { slug: "anthropic/claude-3-5-sonnet".to_owned(), ..model.clone() },
    ] {
        assert_eq!(refused(client.put_model(bad.clone()).await).0, 400, "{bad:?}");
    }
    let endpoint = PutEndpointRequest {
        model: "openai/gpt-4o".to_owned(),
        provider: "groq".to_owned(),
        provider_model: "x".to_owned(),
        price: Some(price(1, 1)),
        actor: "olga".to_owned(),
        ..PutEndpointRequest::default()
    };
    for (status, bad) in [
        (404, PutEndpointRequest { model: "no/body".to_owned(), ..endpoint.clone() }),
        (404, PutEndpointRequest { provider: "nobody".to_owned(), ..endpoint.clone() }),
        (400, PutEndpointRequest { price: None, ..endpoint.clone() }),
        (400, PutEndpointRequest { provider_model: String::new(), ..endpoint.clone() }),
        (400, PutEndpointRequest { tag: "A tag!".to_owned(), ..endpoint.clone() }),
    ] {
        assert_eq!(refused(client.put_endpoint(bad.clone()).await).0, status, "{bad:?}");
    }
    assert_eq!(router.describe("").await["version"], 1, "nothing of it was kept");
}

#[tokio::test]
async fn endpoints_are_changed_in_place_and_every_change_is_written_down_with_its_actor() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let mut client = router.client.clone();
    let id = offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let secret = PutProviderRequest {
        slug: "acme".to_owned(),
        credential: Some("hush-hush-hush".to_owned()),
        actor: "piet".to_owned(),
        ..PutProviderRequest::default()
    };
    client.put_provider(secret).await.unwrap();
    let change = PutEndpointRequest {
        model: "acme/rocket".to_owned(),
        provider: "acme".to_owned(),
        max_output: Some(512),
        timeouts: Some(Timeouts { first_token_ms: 1_234, ..Timeouts::default() }),
        actor: "piet".to_owned(),
        ..PutEndpointRequest::default()
    };
    let changed = client.put_endpoint(change.clone()).await.unwrap().into_inner();
    assert_eq!(changed.id, id);
    let attempt = eventually("the change", async || {
        let plan = router.plan(chat(&["acme/rocket"], 1)).await.ok()?;
        plan.attempts.into_iter().find(|attempt| attempt.max_output == Some(512))
    })
    .await;
    assert_eq!(attempt.timeouts.unwrap().first_token_ms, 1_234);
    assert!(!attempt.sealed_credential.is_empty());
    client.put_endpoint(PutEndpointRequest { disabled: Some(true), ..change }).await.unwrap();
    eventually("the endpoint to be gone", async || {
        router.plan(chat(&["acme/rocket"], 1)).await.err().filter(|fault| fault.status == 404)
    })
    .await;
    let written: Vec<(String, String)> =
        sqlx::query_as("select actor, action from catalog.change where actor <> 'seed' order by id")
            .fetch_all(&surroundings.database.pool())
            .await
            .unwrap();
    let expected = [
        ("olga", "put_provider"),
        ("olga", "put_model"),
        ("olga", "put_endpoint"),
        ("piet", "put_provider"),
        ("piet", "put_endpoint"),
        ("piet", "put_endpoint"),
    ];
    assert_eq!(written, expected.map(|(actor, action)| (actor.to_owned(), action.to_owned())));
    let spilled: i64 =
        sqlx::query_scalar("select count(*) from catalog.change where after::text like '%hush%'")
            .fetch_one(&surroundings.database.pool())
            .await
            .unwrap();
    assert_eq!(spilled, 0, "secrets are never written down");
    let immutable = sqlx::query("delete from catalog.change").execute(&surroundings.database.pool()).await;
    assert!(immutable.is_err());
}
