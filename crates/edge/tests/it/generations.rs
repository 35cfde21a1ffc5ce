//! People look through the single generations of their organisation.

use identity::GenerationId;
use rpc::billing::{ListUsageResponse, UsageRow};
use rpc::events::UsageRecord;
use rpc::pricing::Usage;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::support::Platform;
use crate::support::person::Person;

/// A generation of the demo key that ended well.
fn good(key: Uuid) -> UsageRecord {
    UsageRecord {
        generation_id: GenerationId::generate().uuid().to_string(),
        key_id: key.to_string(),
        charge: 1_500_000_000,
        usage: Some(Usage { input: 7, cache_read: 3, output: 5, reasoning: 2, ..Usage::default() }),
        model: "acme/echo".to_owned(),
        provider: "acme".to_owned(),
        provider_name: "Acme".to_owned(),
        finish_reason: "stop".to_owned(),
        deltas: 4,
        received_at_ms: 1_793_491_200_000,
        latency_ms: 120,
        generation_time_ms: 880,
        ..UsageRecord::default()
    }
}

async fn demo_key(platform: &Platform) -> Uuid {
    let mut database = sqlx::PgConnection::connect(platform.database.url().expose_secret()).await.unwrap();
    let statement = "select id from identity.api_key where hash = $1";
    let hash = platform.demo.api_key.hash();
    sqlx::query_scalar(statement).bind(hash.0.as_slice()).fetch_one(&mut database).await.unwrap()
}

#[tokio::test]
async fn the_newest_come_first_with_names_and_a_cursor() {
    let platform = Platform::start().await;
    let key = demo_key(&platform).await;
    let one = good(key);
    let id: Uuid = one.generation_id.parse().unwrap();
    let id = GenerationId::from_uuid(id);
    let error = UsageRecord { finish_reason: String::new(), deltas: 0, charge: 0, ..good(Uuid::now_v7()) };
    let broken = UsageRecord { finish_reason: "error".to_owned(), ..good(key) };
    let cut = UsageRecord { partial: true, ..good(key) };
    let left = UsageRecord { cancelled: true, finish_reason: String::new(), deltas: 0, ..good(key) };
    platform.reports.with(|told| {
        let rows = [one, error, broken, cut, left].into_iter();
        let rows = rows.map(|record| UsageRow { record: Some(record), attempts: 2, ..UsageRow::default() });
        told.page = ListUsageResponse { rows: rows.collect(), next: id.uuid().to_string() };
    });
    let mut admin = Person::admin(&platform).await;
    let page = admin.get("/generations?limit=2&status=error&model=acme%2Fecho&provider=Acme").await.json();
    let row = &page["data"][0];
    assert_eq!(
        (row["id"].as_str(), row["created_at"].as_str()),
        (Some(&*id.to_string()), Some("2026-11-01T00:00:00.000Z"))
    );
    assert_eq!(row["key"]["hash"], platform.demo.api_key.hash().to_string());
    assert!(row["key"]["name"].as_str().is_some_and(|name| !name.is_empty()), "{row}");
    assert_eq!((&row["cost"], &row["attempts"], &row["status"]), (&json!(1.5), &json!(2), &json!("ok")));
    assert_eq!((&row["ttft_ms"], &row["latency_ms"]), (&json!(120), &json!(1_000)));
    let tokens =
        ["prompt", "completion", "reasoning", "cached"].map(|name| row[format!("tokens_{name}")].clone());
    assert_eq!(tokens, [10, 7, 2, 3].map(Value::from));
    // Of a key that is there no more, its id alone.
    assert_eq!(page["data"][1]["key"]["name"], Value::Null);
    let statuses: Vec<&str> =
        page["data"].as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ok", "error", "partial", "partial", "cancelled"]);
    assert_eq!(page["next"], id.to_string());

    let key_hash = platform.demo.api_key.hash();
    let more = format!("/generations?cursor={id}&from=2026-11-01T00:00:00Z&key={key_hash}");
    assert_eq!(admin.get(&more).await.status, 200);
    let (first, second) = platform.reports.with(|told| (told.listed.remove(0), told.listed.remove(0)));
    let filter = first.filter.unwrap();
    assert_eq!((filter.tenant_id, first.limit), (platform.tenant.to_string(), 2));
    assert_eq!(
        (filter.status.as_str(), filter.model.as_str(), filter.provider_name.as_str()),
        ("error", "acme/echo", "Acme")
    );
    assert_eq!((second.after, second.since_ms, second.limit), (id.uuid().to_string(), 1_793_491_200_000, 50));
    assert_eq!(second.filter.unwrap().key_id, key.to_string());
    platform.stop().await;
}

#[tokio::test]
async fn what_is_no_question_is_refused_and_what_is_anothers_is_not_there() {
    let platform = Platform::start().await;
    let mut admin = Person::admin(&platform).await;
    for bad in
        ["?status=good", "?cursor=x", "?from=x", "?workspace=x", "?colour=red", "?from=1960-01-01T00:00:00Z"]
    {
        assert_eq!(admin.get(&format!("/generations{bad}")).await.status, 400, "{bad}");
    }
    let foreign = platform.demo.markup_api_key.hash();
    let nowhere = Uuid::now_v7();
    for gone in [
        format!("key={foreign}"),
        "key=x".to_owned(),
        format!("key={nowhere}"),
        format!("workspace={nowhere}"),
    ] {
        assert_eq!(admin.get(&format!("/generations?{gone}")).await.status, 404, "{gone}");
    }
    assert!(platform.reports.with(|told| told.listed.is_empty()));
    assert_eq!(Person::stranger(&platform).get("/generations").await.status, 401);
    platform.stop().await;
}

#[tokio::test]
async fn a_session_says_what_its_role_may_do() {
    let platform = Platform::start().await;
    let mut admin = Person::admin(&platform).await;
    let actions = async |person: &mut Person<'_>| -> Vec<String> {
        let session = person.get("/session").await.json();
        session["data"]["actions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect()
    };
    let of_owner = actions(&mut admin).await;
    assert!(["keys.write", "activity.read", "self"].iter().all(|one| of_owner.contains(&(*one).to_owned())));
    let mut database = sqlx::PgConnection::connect(platform.database.url().expose_secret()).await.unwrap();
    let demoted = "update identity.member set role = 'viewer' where tenant_id = $1";
    sqlx::query(demoted).bind(platform.tenant.uuid()).execute(&mut database).await.unwrap();
    let of_viewer = actions(&mut admin).await;
    assert!(of_viewer.contains(&"activity.read".to_owned()), "{of_viewer:?}");
    assert!(!of_viewer.iter().any(|one| one.ends_with(".write")), "{of_viewer:?}");
    platform.stop().await;
}
