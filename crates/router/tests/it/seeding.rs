//! The shipped catalogue in a real database.

use router::{ProviderOverride, seed};
use rpc::router::{PlanRequest, PutProviderRequest};
use secrecy::{ExposeSecret as _, SecretString};

use crate::support::platform::{Surroundings, cheapest, simulated};

fn real(provider: &str, credential: &str) -> ProviderOverride {
    ProviderOverride {
        provider: provider.to_owned(),
        base_url: None,
        credential: Some(SecretString::from(credential)),
        simulated: false,
    }
}

#[tokio::test]
async fn seeding_again_changes_nothing_and_moved_ports_are_followed() {
    let surroundings = Surroundings::bare().await;
    let (pool, key) = (surroundings.database.pool(), &surroundings.master_key);
    let first = seed(&pool, key, &simulated(1)).await.unwrap();
    assert!(first.models >= 335 && first.endpoints == first.prices, "{first:?}");
    assert_eq!(first.version, 1);
    let again = seed(&pool, key, &simulated(1)).await.unwrap();
    assert_eq!(again, router::SeedReport { version: 1, ..router::SeedReport::default() });
    let moved = seed(&pool, key, &simulated(2)).await.unwrap();
    assert_eq!((moved.providers, moved.endpoints, moved.prices, moved.version), (first.providers, 0, 0, 2));
    let stray = ProviderOverride { provider: "nobody".to_owned(), ..real("x", "y") };
    assert!(seed(&pool, key, &[stray]).await.is_err());
}

#[tokio::test]
async fn an_operators_word_outlives_every_seed() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let mut client = router.client.clone();
    let change = PutProviderRequest {
        slug: "groq".to_owned(),
        base_url: "http://127.0.0.1:7/v1".to_owned(),
        credential: Some("operators-own-secret".to_owned()),
        actor: "olga".to_owned(),
        ..PutProviderRequest::default()
    };
    client.put_provider(change).await.unwrap();
    let pool = surroundings.database.pool();
    let mut overrides = simulated(2);
    overrides.retain(|given| given.provider != "groq");
    overrides.push(real("groq", "from-the-environment"));
    seed(&pool, &surroundings.master_key, &overrides).await.unwrap();
    let seen = crate::support::eventually("the moved port", async || {
        let described = router.describe("meta-llama/llama-3.3-70b-instruct").await;
        let provider = |slug: &str| {
            let all = described["providers"].as_array().unwrap();
            all.iter().find(|provider| provider["slug"] == slug).unwrap().clone()
        };
        (provider("together")["base_url"] == "http://127.0.0.1:2/openai").then(|| provider("groq"))
    })
    .await;
    assert_eq!(seen["base_url"], "http://127.0.0.1:7/v1");
    assert_eq!((&seen["simulated"], &seen["credential"]["source"]), (&false.into(), &"olga".into()));
}

#[tokio::test]
async fn a_credential_from_the_environment_is_sealed_for_its_own_id_and_follows_rotation() {
    let surroundings = Surroundings::bare().await;
    let (pool, key) = (surroundings.database.pool(), &surroundings.master_key);
    assert_eq!(seed(&pool, key, &[real("openai", "sk-first-secret")]).await.unwrap().credentials, 1);
    assert_eq!(seed(&pool, key, &[real("openai", "sk-first-secret")]).await.unwrap().credentials, 0);
    assert_eq!(seed(&pool, key, &[real("openai", "sk-second-secret")]).await.unwrap().credentials, 1);
    let router = surroundings.router().await;
    router.ready().await;
    let asked = PlanRequest { explain: true, ..cheapest("openai/gpt-4o") };
    let plan = router.plan(asked).await.unwrap();
    let attempt = &plan.attempts[0];
    assert_eq!((attempt.base_url.as_str(), attempt.simulated), ("https://api.openai.com/v1", false));
    let opened = key.open(&attempt.sealed_credential, &attempt.credential_id).unwrap();
    assert_eq!(opened.expose_secret(), "sk-second-secret");
    // Azure has a base URL that nobody filled in, and nobody asked for a class of service.
    let left_out: Vec<&str> = plan.exclusions.iter().map(|excluded| excluded.reason.as_str()).collect();
    assert_eq!(left_out, ["not_configured", "service_tier"]);
    assert_eq!(router.plan(cheapest("anthropic/claude-3-haiku")).await.unwrap_err().status, 404);
    assert!(!router.describe("").await.to_string().contains("secret"), "secrets are never described");
}
