//! What one organisation's calls leave to others, when all of them are slow.

use futures::future::join_all;
use http::Method;
use serde_json::json;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::client::Answer;
use crate::support::people::{self, manage};
use crate::support::person::Person;
use crate::support::{Platform, eventually};

/// What waits for [`slow`]'s lock.
const RENAMED: &str = r#"{"name":"Renamed"}"#;
/// One call at once, and none that waits.
const ALONE: &str = "[edge.calls]\nat_once = 1\nwaiting = 0";

/// Makes every change of the demo organisation's workspaces wait until the transaction is over.
async fn slow(platform: &Platform, owner: &PgPool) -> Transaction<'static, Postgres> {
    let mut lock = owner.begin().await.unwrap();
    sqlx::query("select 1 from identity.workspace where tenant_id = $1 for update")
        .bind(platform.tenant.uuid())
        .execute(&mut *lock)
        .await
        .unwrap();
    lock
}

/// How many statements wait for a lock.
async fn waiting(owner: &PgPool) -> i64 {
    let statement = "select count(*) from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock'";
    sqlx::query_scalar(statement).fetch_one(owner).await.unwrap()
}

async fn rename(platform: &Platform) -> Answer {
    manage(platform, Method::PATCH, "/workspaces/default", RENAMED).await
}

/// The management key of another organisation.
async fn neighbour(platform: &Platform) -> String {
    let body = r#"{"name":"Neighbour","slug":"neighbour"}"#;
    let made = platform.admin(Method::POST, "/tenants", body).await.json();
    let path = format!("/tenants/{}/keys", made["id"].as_str().unwrap());
    let body = json!({ "name": "k", "kind": "management" }).to_string();
    let key = platform.admin(Method::POST, &path, &body).await.json();
    key["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_organisation_with_more_slow_calls_than_there_are_connections_slows_nobody_else() {
    let platform = Platform::start().await;
    let (owner, neighbour) = (people::owner(&platform).await, neighbour(&platform).await);
    let lock = slow(&platform, &owner).await;
    let calls = join_all((0..40).map(|_| rename(&platform)));
    let others = async {
        eventually("a call waits for the lock", async || (waiting(&owner).await >= 1).then_some(())).await;
        let managed = platform.get("/api/v1/workspaces", Some(&neighbour)).await;
        assert_eq!(managed.status, 200, "another organisation: {}", managed.text());
        let mut person = Person::stranger(&platform);
        let signed_in = person.try_to_sign_in("admin@patchbay.localhost", "a password of tests").await;
        assert_eq!(signed_in.status, 200, "a sign-in: {}", signed_in.text());
        let operated = platform.admin(Method::GET, "/tenants", "").await;
        assert_eq!(operated.status, 200, "an operator: {}", operated.text());
        let cookie = [("cookie", person.cookie.as_str())];
        let watched = platform.call_with(Method::GET, "/admin/v1/tenants", &cookie, "").await;
        assert_eq!(watched.status, 200, "an operator with a session: {}", watched.text());
        assert!(waiting(&owner).await <= 2, "half of the connections wait for one organisation");
        lock.rollback().await.unwrap();
    };
    let (answers, ()) = tokio::join!(calls, others);
    // Some may have waited longer for the lock than a statement may.
    assert!(answers.iter().any(|answer| answer.status == 200), "calls that waited had their turn");
    platform.stop().await;
}

#[tokio::test]
async fn who_finds_no_place_and_no_room_to_wait_is_told_which_limit_it_is() {
    let platform = Platform::start_with(ALONE, None).await;
    let owner = people::owner(&platform).await;
    let lock = slow(&platform, &owner).await;
    let others = async {
        eventually("a call waits for the lock", async || (waiting(&owner).await == 1).then_some(())).await;
        let refused = manage(&platform, Method::GET, "/workspaces", "").await;
        assert_eq!(refused.error(), (429, 429, "rate_limit_exceeded".to_owned()));
        let name = "concurrent management requests of this organization";
        assert!(refused.text().contains(name), "{}", refused.text());
        assert_eq!(
            (refused.header("x-ratelimit-limit"), refused.header("x-ratelimit-remaining")),
            ("1", "0")
        );
        assert_eq!(refused.header("retry-after"), "1");
        let metrics = platform.metrics.render();
        assert!(metrics.contains(r#"patchbay_edge_calls_refused_total{reason="own"} 1"#), "{metrics}");
        // Models are asked all the same.
        let chat =
            platform.chat(r#"{"model":"acme/echo","messages":[{"role":"user","content":"hi"}]}"#).await;
        assert_eq!(chat.status, 200, "{}", chat.text());
        lock.rollback().await.unwrap();
    };
    let (_, ()) = tokio::join!(rename(&platform), others);
    assert_eq!(manage(&platform, Method::GET, "/workspaces", "").await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn who_leaves_keeps_its_place_while_its_statement_runs() {
    let platform = Platform::start_with(ALONE, None).await;
    let owner = people::owner(&platform).await;
    let lock = slow(&platform, &owner).await;
    let found = eventually("a call waits for the lock", async || (waiting(&owner).await == 1).then_some(()));
    tokio::select! {
        answer = rename(&platform) => panic!("it is locked: {}", answer.text()),
        () = found => {}
    }
    // The client has closed its connection.
    assert_eq!(waiting(&owner).await, 1, "the statement goes on");
    let refused = manage(&platform, Method::GET, "/workspaces", "").await;
    assert_eq!(refused.status, 429, "its place was given away: {}", refused.text());
    lock.rollback().await.unwrap();
    let listed = eventually("the place is free", async || {
        Some(manage(&platform, Method::GET, "/workspaces", "").await).filter(|answer| answer.status == 200)
    });
    assert!(listed.await.text().contains("Renamed"), "what was begun was seen through");
    platform.stop().await;
}

#[tokio::test]
async fn who_sends_slowly_has_no_place_meanwhile() {
    let platform = Platform::start_with(ALONE, None).await;
    let mut slow = TcpStream::connect(platform.address).await.unwrap();
    let head = format!(
        "POST /api/v1/workspaces HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nexpect: 100-continue\r\n\
         content-length: 100\r\n\r\n",
        platform.demo.management_key.expose()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut said = [0; 25];
    slow.read_exact(&mut said).await.unwrap();
    assert!(said.starts_with(b"HTTP/1.1 100 Continue"), "the body is not waited for");
    assert_eq!(manage(&platform, Method::GET, "/workspaces", "").await.status, 200);
    drop(slow);
    platform.stop().await;
}

#[tokio::test]
async fn a_test_of_a_destination_that_never_answers_holds_no_place_and_few_are_made_at_once() {
    let tarpit = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("http://{}", tarpit.local_addr().unwrap());
    let inline = format!(
        "{ALONE}\noutside = 1\n[edge.destinations]\nallowed_origins = [\"{there}\"]\ntimeout_ms = 600000"
    );
    let platform = Platform::start_with(&inline, None).await;
    let body = json!({ "type": "webhook", "name": "Tarpit", "config": { "url": there } }).to_string();
    let create = || manage(&platform, Method::POST, "/observability/destinations", &body);
    let others = async {
        let (held, _) = tarpit.accept().await.unwrap();
        let listed = manage(&platform, Method::GET, "/workspaces", "").await;
        assert_eq!(listed.status, 200, "the test holds a place: {}", listed.text());
        let refused = create().await;
        assert_eq!(refused.error(), (429, 429, "rate_limit_exceeded".to_owned()), "a second test at once");
        let name = "concurrent connection tests of this organization";
        assert!(refused.text().contains(name), "{}", refused.text());
        let metrics = platform.metrics.render();
        assert!(metrics.contains(r#"patchbay_edge_calls_refused_total{reason="outside"} 1"#), "{metrics}");
        drop(held);
    };
    let (answer, ()) = tokio::join!(create(), others);
    assert_eq!(answer.status, 400, "the test failed, and was told: {}", answer.text());
    platform.stop().await;
}

#[tokio::test]
async fn who_floods_with_a_session_keeps_nobody_else_of_their_network_out() {
    let platform = Platform::start_with(ALONE, None).await;
    let owner = people::owner(&platform).await;
    let ada = people::Person::join(&platform, "ada", "developer").await;
    let ask = async || ada.call_at(&platform, Method::GET, "/account/v1/session", "").await;
    let mut admin = Person::admin(&platform).await;
    assert_eq!(ask().await.status, 200);
    let mut lock = owner.begin().await.unwrap();
    // Every look-up of this session waits, as if there were very many.
    sqlx::query("update identity.session set last_seen_at = now() - interval '1 hour' where person_id = $1")
        .bind(ada.id)
        .execute(&owner)
        .await
        .unwrap();
    sqlx::query("select 1 from identity.session where person_id = $1 for update")
        .bind(ada.id)
        .execute(&mut *lock)
        .await
        .unwrap();
    let others = async {
        eventually("a look-up waits", async || (waiting(&owner).await == 1).then_some(())).await;
        assert_eq!(ask().await.status, 429, "another one of the same session");
        let seen = admin.get("/session").await;
        assert_eq!(seen.status, 200, "somebody else of the same network: {}", seen.text());
        let operated = platform.admin(Method::GET, "/tenants", "").await;
        assert_eq!(operated.status, 200, "an operator of the same network: {}", operated.text());
        lock.rollback().await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask(), others);
    assert_eq!(answer.status, 200, "{}", answer.text());
    platform.stop().await;
}

#[tokio::test]
async fn an_organisation_may_call_so_often_a_minute() {
    let inline = "[edge.limits]\norganization_management_requests_per_minute = 3";
    let platform = Platform::start_with(inline, None).await;
    let mut answers = Vec::new();
    // A minute may begin in between; then there are three more.
    for _ in 0..7 {
        answers.push(manage(&platform, Method::GET, "/workspaces", "").await);
    }
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((3..=6).contains(&served), "{served} of 7");
    let last = answers.pop().unwrap();
    assert_eq!(last.error(), (429, 429, "rate_limit_exceeded".to_owned()));
    assert!(last.text().contains("management requests per minute of this organization"), "{}", last.text());
    assert_eq!((last.header("x-ratelimit-limit"), last.header("x-ratelimit-remaining")), ("3", "0"));
    let seconds: u64 = last.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(platform.admin(Method::GET, "/tenants", "").await.status, 200, "operators are not counted");
    let neighbour = neighbour(&platform).await;
    assert_eq!(platform.get("/api/v1/workspaces", Some(&neighbour)).await.status, 200);
    let inference = platform.demo.api_key.expose();
    assert_eq!(
        platform.get("/api/v1/key", Some(inference)).await.status,
        200,
        "keys that call models have their own"
    );
    platform.stop().await;
}
