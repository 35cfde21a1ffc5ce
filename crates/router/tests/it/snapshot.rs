//! The last good catalogue outlives restarts, whatever has become of the database.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use identity::MasterKey;
use sqlx::PgPool;

use crate::support::eventually;
use crate::support::platform::{Surroundings, a_few_polls, chat};

const MODEL: &str = "openai/gpt-4o";
const BREAK: &str = "update catalog.provider set base_url = 'http://user@nowhere' where slug = 'openai';
                     update catalog.version set number = number + 1";
const MEND: &str = "update catalog.provider set base_url = 'http://127.0.0.1:3' where slug = 'openai';
                    update catalog.version set number = number + 1";

fn nowhere() -> PgPool {
    let config = pg::Config { url: "postgres://nobody@127.0.0.1:1/nothing".into(), max_connections: 2 };
    pg::connect(&config, pg::Owner::Catalog).unwrap()
}

/// Surroundings whose router keeps its catalogue in a folder, and has done so.
async fn kept(folder: &Path) -> Surroundings {
    let mut surroundings = Surroundings::seeded().await;
    surroundings.config.snapshot_path = folder.join("router-0.snapshot");
    let router = surroundings.router().await;
    router.ready().await;
    eventually("the file", async || surroundings.config.snapshot_path.exists().then_some(())).await;
    surroundings
}

#[tokio::test]
async fn a_router_starts_from_disk_while_the_database_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = kept(folder.path()).await;
    let router = surroundings.router_on(nowhere()).await;
    router.ready().await;
    let plan = router.plan(chat(&[MODEL], 1)).await.unwrap();
    assert!(surroundings.ledger.keeps(&plan.attempts[0].price.as_ref().unwrap().id));
    let told = router.describe(MODEL).await;
    assert_eq!((&told["source"], &told["stale"]), (&"snapshot".into(), &true.into()));
    assert!(told["newest_version"].is_null() && told["refused"].is_null());
    assert!(router.metrics.render().contains("router_catalogue_stale 1"));
}

#[tokio::test]
async fn a_router_starts_from_disk_while_billing_is_away_and_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = kept(folder.path()).await;
    surroundings.ledger.is_away.store(true, Ordering::Relaxed);
    let router = surroundings.router().await;
    router.ready().await;
    assert_eq!(router.describe(MODEL).await["source"], "snapshot");
    surroundings.ledger.is_away.store(false, Ordering::Relaxed);
    eventually("the database's own", async || {
        (router.describe(MODEL).await["source"] == "database").then_some(())
    })
    .await;
    router.counted("router_catalogue_stale 0").await;
}

#[tokio::test]
async fn what_is_refused_is_refused_across_a_restart_and_the_last_good_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = kept(folder.path()).await;
    surroundings.database.tamper(BREAK).await;
    let router = surroundings.router().await;
    router.ready().await;
    router.counted("router_catalogue_refused_total 1").await;
    a_few_polls().await;
    assert!(router.metrics.render().contains("router_catalogue_refused_total 1"), "it is counted once");
    let told = router.describe(MODEL).await;
    assert!(told["refused"].as_str().unwrap().contains("openai"), "{}", told["refused"]);
    assert_eq!((&told["version"], &told["newest_version"]), (&1.into(), &2.into()));
    assert!(router.plan(chat(&[MODEL], 1)).await.is_ok());
    surroundings.database.tamper(MEND).await;
    eventually("the mended catalogue", async || {
        let told = router.describe(MODEL).await;
        (told["refused"].is_null() && told["source"] == "database").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_damaged_or_of_another_installation_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut surroundings = kept(folder.path()).await;
    let path = surroundings.config.snapshot_path.clone();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let router = surroundings.router_on(nowhere()).await;
    router.counted("router_snapshot_failures_total 1").await;
    assert!(!router.health.is_ready());

    std::fs::write(&path, &whole).unwrap();
    surroundings.master_key = Arc::new(MasterKey::from_hex(&MasterKey::generate_hex()).unwrap());
    let router = surroundings.router_on(nowhere()).await;
    router.counted("router_snapshot_failures_total 1").await;
    assert!(!router.health.is_ready());

    let router = surroundings.router().await;
    router.ready().await;
    assert_eq!(router.describe(MODEL).await["source"], "database");
}
