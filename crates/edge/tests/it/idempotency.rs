//! Requests with a name of the client's: made once, given alike ever after.

use std::time::Duration;

use http_body_util::BodyExt as _;
use identity::GenerationId;
use sha2::{Digest as _, Sha256};

use crate::support::client::whole;
use crate::support::database::Database;
use crate::support::worker::Step;
use crate::support::{Platform, eventually};

const NAME: (&str, &str) = ("idempotency-key", "order-17");
const PATH: &str = "/api/v1/chat/completions";
const STREAM: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
const WHOLE: &str = r#"{"model":"acme/echo","messages":[{"role":"user","content":"Hello"}]}"#;
const FIRST: &str = "data: {\"id\":\"gen-old\",\"said\":\"Canary\"}\n\n";
const REST: &str = "data: {\"id\":\"gen-old\",\"usage\":{\"cost\":0.5}}\n\ndata: [DONE]\n\n";

fn slowly(pause: u64) -> Vec<Step> {
    vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data(FIRST, 1),
        Step::Pause(Duration::from_millis(pause)),
        Step::Data(REST, 1),
        Step::Final(9),
    ]
}

/// The state of an answer, and its bytes at rest.
type Row = (String, Option<Vec<u8>>);

/// Waits until the answer under the name is no longer being made, and answers its state and its bytes at rest.
async fn at_rest(platform: &Platform) -> (String, Vec<u8>) {
    eventually("the answer is kept", async || {
        let rows: Result<Option<Row>, sqlx::Error> = pg::in_tenant(&platform.pool, platform.tenant, |tx| {
            Box::pin(async move {
                sqlx::query_as("select state, sealed from identity.answer where state <> 'claimed'")
                    .fetch_optional(tx.connection())
                    .await
            })
        })
        .await;
        rows.unwrap().map(|(state, sealed)| (state, sealed.unwrap_or_default()))
    })
    .await
}

/// Runs a statement in the demo organisation. How many rows it changed.
async fn change(platform: &Platform, statement: &'static str) -> u64 {
    let changed: Result<u64, sqlx::Error> = pg::in_tenant(&platform.pool, platform.tenant, move |tx| {
        Box::pin(async move { Ok(sqlx::query(statement).execute(tx.connection()).await?.rows_affected()) })
    })
    .await;
    changed.unwrap()
}

#[tokio::test]
async fn fifty_at_once_are_one_execution_one_charge_and_the_same_bytes() {
    let platform = Platform::start().await;
    platform.worker.script(slowly(400));
    let answers = futures::future::join_all((0..50).map(|_| platform.chat_with(&[NAME], STREAM))).await;
    let made: Vec<_> =
        answers.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).collect();
    assert_eq!((made.len(), platform.executions()), (1, 1));
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), answer.text()), (200, [FIRST, REST].concat().as_str()));
        assert_eq!(answer.header("x-generation-id"), made[0].header("x-generation-id"));
        assert_eq!(answer.header("content-type"), "text/event-stream");
    }
    platform.witness().await;
    assert_eq!(platform.billing.with(|heard| (heard.asks.len(), heard.witnesses.len())), (1, 1));
    platform.stop().await;
}

#[tokio::test]
async fn a_retry_gets_the_same_bytes_from_the_database_where_they_lie_sealed() {
    let platform = Platform::start().await;
    let body = r#"{"id":"gen-old","said":"Canary","usage":{"cost":0.5}}"#;
    platform.worker.script(vec![Step::Started(0), Step::Commit(0), Step::Data(body, 3), Step::Final(9)]);
    let first = platform.chat_with(&[NAME], WHOLE).await;
    assert_eq!((first.text(), first.header("idempotent-replayed")), (body, ""));
    let (state, sealed) = at_rest(&platform).await;
    assert!(state == "kept" && !sealed.is_empty());
    assert!(!sealed.windows(6).any(|window| window == b"Canary"));
    for body_again in [WHOLE.to_owned(), WHOLE.replace(':', ": ")] {
        let again = platform.chat_with(&[NAME], &body_again).await;
        assert_eq!((again.text(), again.header("idempotent-replayed")), (body, "true"));
        assert_eq!(again.header("x-generation-id"), first.header("x-generation-id"));
        assert_eq!(again.header("request-id"), first.header("x-generation-id"));
        assert_eq!(again.header("x-patchbay-simulated"), "true");
        assert_eq!(again.header("content-type"), "application/json");
    }
    platform.witness().await;
    assert_eq!(platform.billing.with(|heard| (heard.asks.len(), heard.witnesses.len())), (1, 1));
    // Swapped into another row, it does not open.
    let swapped = "update identity.answer set name = decode(repeat('ab', 32), 'hex'), request = request";
    assert_eq!(change(&platform, swapped).await, 1);
    let fresh = platform.chat_with(&[NAME], WHOLE).await;
    assert_eq!((fresh.status.as_u16(), fresh.header("idempotent-replayed")), (200, ""));
    platform.stop().await;
}

#[tokio::test]
async fn a_name_stands_for_one_request_of_one_key() {
    let platform = Platform::start().await;
    platform.worker.script(slowly(300));
    let first = platform.open_at(PATH, &[NAME], STREAM).await;
    // While it is made, and after.
    let other = platform.chat_with(&[NAME], WHOLE).await;
    assert_eq!(other.error(), (422, 422, "unprocessable".to_owned()));
    assert_eq!(whole(first).await.status, 200);
    at_rest(&platform).await;
    assert_eq!(platform.chat_with(&[NAME], WHOLE).await.error().0, 422);
    let key = format!("Bearer {}", platform.demo.markup_api_key.expose());
    for headers in [&[NAME, ("authorization", key.as_str())][..], &[("idempotency-key", "order-18")]] {
        let answer = platform.chat_with(headers, STREAM).await;
        assert_eq!((answer.status.as_u16(), answer.header("idempotent-replayed")), (200, ""));
    }
    assert_eq!(platform.executions(), 3);
    for bad in ["", "a b", &"x".repeat(256)] {
        assert_eq!(platform.chat_with(&[("idempotency-key", bad)], STREAM).await.error().0, 400);
    }
    assert_eq!(platform.executions(), 3);
    platform.stop().await;
}

#[tokio::test]
async fn what_cost_nothing_is_tried_again() {
    let platform = Platform::start().await;
    platform.worker.script(vec![Step::Started(0), Step::Failed(429, "rate_limit_exceeded", "slow")]);
    let failed = platform.chat_with(&[NAME], STREAM).await;
    assert_eq!((failed.error().0, failed.header("retry-after")), (429, "3"));
    let answer = eventually("the claim is given back", async || {
        let answer = platform.chat_with(&[NAME], STREAM).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_ne!(answer.header("x-generation-id"), failed.header("x-generation-id"));
    platform.empty_the_pool().await;
    platform.billing.with(|heard| heard.available = 0);
    let broke = platform.chat_with(&[("idempotency-key", "b")], STREAM).await;
    assert_eq!(broke.error().0, 402);
    platform.billing.with(|heard| heard.available = 1_000_000_000);
    eventually("the refusal is not kept", async || {
        (platform.chat_with(&[("idempotency-key", "b")], STREAM).await.status == 200).then_some(())
    })
    .await;
    platform.stop().await;
}

#[tokio::test]
async fn what_was_charged_in_part_is_kept_with_its_error() {
    let platform = Platform::start().await;
    platform.worker.script(vec![Step::Started(0), Step::Commit(0), Step::Data(FIRST, 1), Step::Lose]);
    let first = platform.chat_with(&[NAME], STREAM).await;
    assert!(first.text().contains("\"finish_reason\":\"error\""), "{}", first.text());
    at_rest(&platform).await;
    let again = platform.chat_with(&[NAME], STREAM).await;
    assert_eq!((again.text(), again.header("idempotent-replayed")), (first.text(), "true"));
    assert_eq!(platform.executions(), 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_medium_that_broke_off_breaks_off_again() {
    let platform = Platform::start().await;
    let speech = r#"{"model":"acme/echo","input":"Nine only","voice":"alloy"}"#;
    let steps = vec![Step::Started(0), Step::Commit(0), Step::Data("ID3", 1), Step::FinalAs("error")];
    platform.worker.script(steps);
    for _ in 0..2 {
        let mut response = platform.open_at("/api/v1/audio/speech", &[NAME], speech).await;
        assert_eq!(response.status(), 200);
        let sound = response.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(sound.as_ref(), b"ID3");
        let mut rest = response.frame().await;
        while let Some(Ok(_)) = rest {
            rest = response.frame().await;
        }
        assert!(matches!(rest, Some(Err(_))));
        at_rest(&platform).await;
    }
    assert_eq!(platform.executions(), 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_comes_back_for_its_answer() {
    let platform = Platform::start().await;
    platform.worker.script(slowly(300));
    let mut response = platform.open_at(PATH, &[NAME], STREAM).await;
    let _ = response.frame().await;
    let id = response.headers()["x-generation-id"].clone();
    drop(response);
    let (state, _) = at_rest(&platform).await;
    let again = platform.chat_with(&[NAME], STREAM).await;
    assert_eq!((state.as_str(), again.text()), ("kept", [FIRST, REST].concat().as_str()));
    assert_eq!((again.header("x-generation-id"), platform.executions()), (id.to_str().unwrap(), 1));
    assert!(platform.worker.with(|seen| seen.stops.is_empty()));
    assert_eq!(platform.witness().await.charge, 9);
    platform.stop().await;
}

#[tokio::test]
async fn another_edge_waits_for_the_answer_and_gives_it() {
    let database = Database::create().await;
    let one = Platform::start_on(database.clone(), "", None, None).await;
    let inline = "[edge.requests]\nkeep_alive_ms = 50\n[edge.idempotency]\nlook_again_ms = 20";
    let two = Platform::start_on(database, inline, None, None).await;
    let key = format!("Bearer {}", one.demo.api_key.expose());
    let mine = [NAME, ("authorization", key.as_str())];
    one.worker.script(slowly(600));
    let first = one.open_at(PATH, &[NAME], STREAM).await;
    let waiting = two.open_at(PATH, &mine, STREAM).await;
    assert_eq!(waiting.headers()["x-generation-id"], first.headers()["x-generation-id"]);
    assert_eq!(waiting.headers()["idempotent-replayed"], "true");
    assert_eq!(two.chat_with(&mine, WHOLE).await.error().0, 422);
    let (first, second) = tokio::join!(whole(first), whole(waiting));
    assert!(second.text().starts_with(": OPENROUTER PROCESSING\n\n"), "{}", second.text());
    assert_eq!(second.text().replace(": OPENROUTER PROCESSING\n\n", ""), first.text());
    assert_eq!((one.executions(), two.executions()), (1, 0));
    one.stop().await;
    two.stop().await;
}

/// Claims the name as an edge that has died since.
async fn claimed_by_the_dead(platform: &Platform, request: &str, lasts: &str) -> GenerationId {
    let generation = GenerationId::generate();
    let (name, key) = (Sha256::digest(NAME.1).to_vec(), platform.demo.api_key.hash().0.to_vec());
    let (request, lasts) = (hex::decode(request).unwrap(), lasts.to_owned());
    let made: Result<u64, sqlx::Error> = pg::in_tenant(&platform.pool, platform.tenant, move |tx| {
        Box::pin(async move {
            let tenant = tx.tenant().uuid();
            let done = sqlx::query(
                "insert into identity.answer
                     (key_id, name, tenant_id, request, generation_id, state, edge, claim_ends_at, expires_at)
                 select id, $1, $2, $3, $4, 'claimed', 'dead', now() + $5::text::interval, now() + interval '1 day'
                 from identity.api_key where hash = $6",
            )
            .bind(name)
            .bind(tenant)
            .bind(request)
            .bind(generation.uuid())
            .bind(lasts)
            .bind(key)
            .execute(tx.connection())
            .await?;
            Ok(done.rows_affected())
        })
    })
    .await;
    assert_eq!(made.unwrap(), 1);
    generation
}

/// The SHA-256 that the platform knows a request by, in hex.
async fn known_as(platform: &Platform) -> String {
    assert_eq!(platform.chat_with(&[NAME], STREAM).await.status, 200);
    at_rest(platform).await;
    let rows: Result<Vec<u8>, sqlx::Error> = pg::in_tenant(&platform.pool, platform.tenant, |tx| {
        Box::pin(async move {
            sqlx::query_scalar("delete from identity.answer returning request")
                .fetch_one(tx.connection())
                .await
        })
    })
    .await;
    hex::encode(rows.unwrap())
}

#[tokio::test]
async fn the_claim_of_a_dead_edge_lapses_and_is_taken_over() {
    let platform = Platform::start_with("[edge.idempotency]\nlook_again_ms = 20", None).await;
    let request = known_as(&platform).await;
    let dead = claimed_by_the_dead(&platform, &request, "700 milliseconds").await;
    let answer = platform.chat_with(&[NAME], STREAM).await;
    assert_eq!((answer.status.as_u16(), platform.executions()), (200, 2));
    assert!(answer.text().ends_with("[DONE]\n\n"));
    let (state, _) = at_rest(&platform).await;
    let again = platform.chat_with(&[NAME], STREAM).await;
    assert_eq!((state.as_str(), again.header("idempotent-replayed")), ("kept", "true"));
    assert_ne!(again.header("x-generation-id"), dead.to_string());
    platform.stop().await;
}

#[tokio::test]
async fn a_lapsed_claim_is_another_requests_never() {
    let platform = Platform::start().await;
    let request = known_as(&platform).await;
    claimed_by_the_dead(&platform, &request, "-1 seconds").await;
    assert_eq!(platform.chat_with(&[NAME], WHOLE).await.error().0, 422);
    assert_eq!(platform.chat_with(&[NAME], STREAM).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn a_claim_is_held_as_long_as_its_answer_is_made() {
    let inline = "[edge.idempotency]\nlook_again_ms = 20\nclaim_ms = 400\nheartbeat_ms = 50";
    let database = Database::create().await;
    let one = Platform::start_on(database.clone(), inline, None, None).await;
    let two = Platform::start_on(database, inline, None, None).await;
    let key = format!("Bearer {}", one.demo.api_key.expose());
    one.worker.script(slowly(1_500));
    let first = one.open_at(PATH, &[NAME], STREAM).await;
    let second = two.chat_with(&[NAME, ("authorization", key.as_str())], STREAM).await;
    assert_eq!((second.text(), two.executions()), (whole(first).await.text(), 0));
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn without_the_database_only_named_requests_are_refused() {
    let platform = Platform::start().await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.database.lose().await;
    let refused = platform.chat_with(&[NAME], STREAM).await;
    assert_eq!(refused.error().0, 503);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    assert_eq!(platform.chat_with(&[("x-openrouter-cache", "true")], STREAM).await.status, 200);
    assert_eq!(platform.executions(), 3);
    platform.stop().await;
}

#[tokio::test]
async fn what_is_too_large_is_given_once() {
    let platform = Platform::start_with("[edge.idempotency]\nmax_answer_bytes = 50", None).await;
    platform.worker.script(slowly(0));
    let first = platform.chat_with(&[NAME], STREAM).await;
    assert_eq!(first.text(), [FIRST, REST].concat());
    assert_eq!(at_rest(&platform).await.0, "too_large");
    assert_eq!(platform.chat_with(&[NAME], STREAM).await.error(), (409, 409, "conflict".to_owned()));
    assert_eq!(platform.executions(), 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_name_and_the_cache_go_together() {
    let platform = Platform::start().await;
    platform.worker.script(slowly(0));
    let cache = ("x-openrouter-cache", "true");
    let miss = platform.chat_with(&[NAME, cache], STREAM).await;
    assert_eq!(miss.header("x-openrouter-cache-status"), "MISS");
    at_rest(&platform).await;
    let again = platform.chat_with(&[NAME, cache], STREAM).await;
    assert_eq!((again.text(), again.header("idempotent-replayed")), (miss.text(), "true"));
    let hit = platform.chat_with(&[("idempotency-key", "b"), cache], STREAM).await;
    assert_eq!((hit.header("x-openrouter-cache-status"), hit.header("idempotent-replayed")), ("HIT", ""));
    assert!(hit.text().contains("Canary") && hit.text().contains("\"cost\":0}"));
    assert_eq!(hit.header("x-openrouter-cache-source-id"), miss.header("x-generation-id"));
    let hit_again = eventually("the hit is kept under its name", async || {
        let again = platform.chat_with(&[("idempotency-key", "b")], STREAM).await;
        (again.header("idempotent-replayed") == "true").then_some(again)
    })
    .await;
    assert_eq!((hit_again.text(), platform.executions()), (hit.text(), 1));
    platform.stop().await;
}

#[tokio::test]
async fn answers_are_forgotten_when_their_time_is_over() {
    let platform = Platform::start_with("[edge.idempotency]\nsweep_every_ms = 50", None).await;
    assert_eq!(platform.chat_with(&[NAME], STREAM).await.status, 200);
    at_rest(&platform).await;
    change(&platform, "update identity.answer set expires_at = now()").await;
    eventually("it is swept away", async || {
        (change(&platform, "update identity.answer set edge = edge").await == 0).then_some(())
    })
    .await;
    assert_eq!(platform.chat_with(&[NAME], STREAM).await.header("idempotent-replayed"), "");
    assert_eq!(platform.executions(), 2);
    platform.stop().await;
}
