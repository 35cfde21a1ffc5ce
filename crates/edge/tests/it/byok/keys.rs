//! The keys that credentials are sealed under: exchanged while they are in use, and forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use identity::KeyWrapper;

use super::*;

async fn wraps(platform: &Platform) -> Vec<(i32, String, Vec<u8>)> {
    sqlx::query_as("select version, wrapped_by, wrapped from identity.tenant_key order by tenant_id, version")
        .fetch_all(&owner(platform).await)
        .await
        .unwrap()
}

async fn sealed(platform: &Platform) -> Vec<Vec<u8>> {
    sqlx::query_scalar("select sealed from identity.provider_credential order by id")
        .fetch_all(&owner(platform).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_outer_key_is_exchanged_under_load_without_a_failure() {
    let platform = Platform::start().await;
    for provider in ["acme", "openai", "acme"] {
        create(&platform, json!({ "provider": provider, "key": SECRET })).await;
    }
    let new = MasterKey::generate_hex();
    let both = Arc::new(MasterKey::from_hex(&new).unwrap().with_previous(MASTER_KEY).unwrap());
    let after = MasterKey::from_hex(&new).unwrap();
    let (wrapped, ciphertexts) = (wraps(&platform).await, sealed(&platform).await);
    let done = AtomicBool::new(false);
    let load = async {
        let mut opens = 0;
        while !done.load(Ordering::Relaxed) || opens < 50 {
            for one in own(&platform).await {
                assert_eq!(opened(&one, &both, platform.tenant).await.as_deref(), Some(SECRET));
                opens += 1;
            }
        }
        opens
    };
    let exchange = async {
        let wrapper: Arc<dyn KeyWrapper> = Arc::<MasterKey>::clone(&both);
        let rewrapped = edge::rewrap_tenant_keys(&platform.pool, Arc::clone(&wrapper)).await.unwrap();
        assert_eq!((rewrapped.keys, rewrapped.unreadable), (1, 0));
        assert_eq!(sealed(&platform).await, ciphertexts, "only wraps change");
        for turn in 1..=5 {
            let count = edge::rotate_tenant_key(&platform.pool, Arc::clone(&wrapper), platform.tenant).await;
            assert_eq!(count.unwrap(), 3);
            assert_eq!(wraps(&platform).await[0].0, 1 + turn);
        }
        assert_eq!(
            edge::rewrap_tenant_keys(&platform.pool, wrapper).await.unwrap().keys,
            0,
            "nothing is left"
        );
        done.store(true, Ordering::Relaxed);
    };
    let (opens, ()) = tokio::join!(load, exchange);
    assert!(opens >= 50);
    let now = wraps(&platform).await;
    assert_eq!(now.len(), 1);
    assert!(now[0].1 == after.name() && now[0].1 != wrapped[0].1);
    assert!(sealed(&platform).await.iter().all(|now| !ciphertexts.contains(now)));
    eventually("what is in use opens without the old key", async || {
        let own = own(&platform).await;
        let mut all = own.len() == 3;
        for one in own {
            all &= opened(&one, &after, platform.tenant).await.as_deref() == Some(SECRET);
        }
        all.then_some(())
    })
    .await;
    platform.stop().await;
}

#[tokio::test]
async fn a_key_that_opens_with_nothing_is_told_and_left() {
    let platform = Platform::start().await;
    create(&platform, json!({ "provider": "acme", "key": SECRET })).await;
    let before = wraps(&platform).await;
    let stranger: Arc<dyn KeyWrapper> = Arc::new(MasterKey::from_hex(&MasterKey::generate_hex()).unwrap());
    let rewrapped = edge::rewrap_tenant_keys(&platform.pool, Arc::clone(&stranger)).await.unwrap();
    assert_eq!((rewrapped.keys, rewrapped.unreadable), (0, 1));
    assert!(edge::rotate_tenant_key(&platform.pool, stranger, platform.tenant).await.is_err());
    assert_eq!(wraps(&platform).await, before);
    platform.stop().await;
}

#[tokio::test]
async fn a_forgotten_key_makes_everything_under_it_unreadable() {
    let platform = Platform::start().await;
    let made = create(&platform, json!({ "provider": "acme", "key": SECRET })).await;
    let [kept] = own(&platform).await.try_into().unwrap();
    assert_eq!(edge::forget_tenant_keys(&platform.pool, platform.tenant).await.unwrap(), 1);
    eventually("no edge uses it", async || own(&platform).await.is_empty().then_some(())).await;
    // The row is still there, and so it is after the next key is made.
    create(&platform, json!({ "provider": "acme", "key": ANOTHER })).await;
    let [next] = own(&platform).await.try_into().unwrap();
    assert_ne!(next.credential_id, made["id"].as_str().unwrap());
    let (old, new) =
        (Envelope::from_bytes(&kept.sealed).unwrap(), Envelope::from_bytes(&next.sealed).unwrap());
    assert!(new.key_version > old.key_version, "the version of a key is never used again");
    let mixed = Envelope { wrapped_key: new.wrapped_key, key_version: new.key_version, ..old };
    let record = kept.credential_id.parse().unwrap();
    assert!(mixed.open(&master(), platform.tenant, "acme", record).await.is_err());
    platform.stop().await;
}

#[tokio::test]
async fn a_row_in_the_place_of_another_does_not_open() {
    let platform = Platform::start().await;
    let mine = create(&platform, json!({ "provider": "acme", "key": SECRET })).await;
    let other = create(&platform, json!({ "provider": "acme", "key": ANOTHER })).await;
    let database = owner(&platform).await;
    sqlx::query(
        "update identity.provider_credential c set sealed = o.sealed from identity.provider_credential o
         where c.id = $1::uuid and o.id = $2::uuid",
    )
    .bind(mine["id"].as_str().unwrap())
    .bind(other["id"].as_str().unwrap())
    .execute(&database)
    .await
    .unwrap();
    sqlx::query("select identity.tenant_changed($1)")
        .bind(platform.tenant.uuid())
        .execute(&database)
        .await
        .unwrap();
    let own = own(&platform).await;
    assert_eq!(opened(&own[0], &master(), platform.tenant).await, None);
    assert_eq!(opened(&own[1], &master(), platform.tenant).await.as_deref(), Some(ANOTHER));
    platform.stop().await;
}
