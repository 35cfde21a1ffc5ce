//! Settled usage on its way to destinations.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use identity::{GenerationId, KeyWrapper, MasterKey};
use rpc::billing::UsageRow;
use rpc::events::UsageRecord;
use rpc::pricing::Usage;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{create, manage, one, start, webhook};
use crate::support::client::Answer;
use crate::support::platform::MASTER_KEY;
use crate::support::receiver::{Received, Receiver};
use crate::support::{Platform, eventually};

/// The demo organisation's default workspace, and the demo key's id.
async fn places(platform: &Platform) -> (Uuid, Uuid) {
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let statement = "select workspace_id, id from identity.api_key where hash = $1";
    sqlx::query_as(statement).bind(platform.demo.api_key.hash().0.as_slice()).fetch_one(&owner).await.unwrap()
}

async fn record(platform: &Platform) -> UsageRecord {
    let (workspace, key) = places(platform).await;
    UsageRecord {
        generation_id: Uuid::now_v7().to_string(),
        tenant_id: platform.tenant.to_string(),
        workspace_id: workspace.to_string(),
        key_id: key.to_string(),
        usage: Some(Usage { input: 12, output: 5, ..Usage::default() }),
        charge: 1_500,
        model: "acme/echo".to_owned(),
        provider: "acme".to_owned(),
        provider_name: "Acme".to_owned(),
        finish_reason: "stop".to_owned(),
        received_at_ms: 1_767_225_600_000,
        latency_ms: 200,
        generation_time_ms: 300,
        end_user: "user-1".to_owned(),
        session_id: "session-1".to_owned(),
        ..UsageRecord::default()
    }
}

/// Has billing settle these, once the edge has begun to follow.
async fn settle(platform: &Platform, records: &[UsageRecord]) {
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    eventually("the edge follows", async || {
        let statement = "select mark <> '' from identity.trace_mark";
        let follows: bool = sqlx::query_scalar(statement).fetch_one(&owner).await.unwrap();
        follows.then_some(())
    })
    .await;
    let rows = records.iter().map(|record| UsageRow { record: Some(record.clone()), ..UsageRow::default() });
    platform.reports.with(|told| told.settled.extend(rows));
}

async fn traces(receiver: &Receiver, count: usize) -> Vec<Received> {
    eventually("traces come", async || {
        let traces = receiver.traces();
        let spans: usize = traces.iter().map(|trace| trace.spans().len()).sum();
        (spans >= count).then_some(traces)
    })
    .await
}

async fn failures(platform: &Platform, made: &Value) -> Value {
    manage(platform, Method::GET, &format!("{}/failures", one(made)), &Value::Null).await.json()
}

async fn retry(platform: &Platform, made: &Value, body: Value) -> Answer {
    manage(platform, Method::POST, &format!("{}/retry", one(made)), &body).await
}

/// The attributes of a span by name, whatever their type.
fn attribute<'a>(span: &'a Value, name: &str) -> Option<&'a Value> {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|attribute| attribute["key"] == name)?;
    found["value"].as_object().unwrap().values().next()
}

fn trace_ids(received: &[Received]) -> Vec<String> {
    let spans = received.iter().flat_map(Received::spans);
    spans.map(|span| span["traceId"].as_str().unwrap().to_owned()).collect()
}

fn trace_id(record: &UsageRecord) -> String {
    record.generation_id.replace('-', "")
}

#[tokio::test]
async fn what_was_said_goes_along_where_privacy_does_not_forbid_it_and_is_not_kept_for_others() {
    let (platform, receiver) = start(3).await;
    let mut private = webhook(&receiver);
    (private["name"], private["privacy_mode"]) = (json!("Private"), json!(true));
    private["config"]["url"] = json!(receiver.url("/private"));
    create(&platform, private).await;
    let asked = async || {
        let asked =
            platform.chat(r#"{"model":"acme/echo","messages":[{"role":"user","content":"a question"}]}"#);
        let id: GenerationId = asked.await.header("x-generation-id").parse().unwrap();
        UsageRecord { generation_id: id.uuid().to_string(), ..record(&platform).await }
    };
    let silent = asked().await;
    create(&platform, webhook(&receiver)).await;
    let open = asked().await;
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let kept: Vec<Uuid> = eventually("the content is kept to be handed on", async || {
        let statement = "select generation_id from identity.exchange where not is_logged";
        let kept: Vec<Uuid> = sqlx::query_scalar(statement).fetch_all(&owner).await.unwrap();
        (!kept.is_empty()).then_some(kept)
    })
    .await;
    assert_eq!(kept, [open.generation_id.parse::<Uuid>().unwrap()], "only what a destination wants");
    let shown = format!("/api/v1/generation/content?id={}", open.generation_id);
    assert_eq!(manage(&platform, Method::GET, &shown, &Value::Null).await.status, 404, "it is not logged");

    settle(&platform, &[silent, open]).await;
    let came = traces(&receiver, 4).await;
    for trace in &came {
        for span in trace.spans() {
            let is_told =
                attribute(span, "gen_ai.prompt").is_some_and(|text| text.to_string().contains("a question"));
            let may_be =
                !trace.path.starts_with("/private") && span["traceId"] == kept[0].simple().to_string();
            assert_eq!(is_told, may_be, "{}: {span}", trace.path);
        }
    }
    platform.stop().await;
    receiver.stop();
}

#[tokio::test]
async fn settled_usage_is_sent_to_every_kind_as_it_wants_it() {
    let (platform, receiver) = start(3).await;
    let base = receiver.url("");
    for (kind, config) in [
        (
            "webhook",
            json!({ "url": receiver.url("/hook"), "method": "PUT", "headers": { "X-Token": "abc" } }),
        ),
        ("otel-collector", json!({ "endpoint": receiver.url("/otel") })),
        ("langfuse", json!({ "baseUrl": base, "publicKey": "pk", "secretKey": "sk" })),
        (
            "s3",
            json!({ "endpoint": base, "bucketName": "traces", "accessKeyId": "AKID", "secretAccessKey": "sk",
                    "pathTemplate": "{prefix}/{year}/{apiKeyName}", "prefix": "p" }),
        ),
    ] {
        create(
            &platform,
            json!({ "type": kind, "name": kind, "config": config, "broadcast_generation_cost": true }),
        )
        .await;
    }
    let record = record(&platform).await;
    settle(&platform, std::slice::from_ref(&record)).await;
    let came = traces(&receiver, 4).await;
    let at = |path: &str| came.iter().find(|trace| trace.path.starts_with(path)).unwrap().clone();

    let hook = at("/hook");
    assert_eq!((hook.method.as_str(), hook.header("x-token")), ("PUT", "abc"));
    assert_eq!(hook.header("content-type"), "application/json");
    let service = &hook.body["resourceSpans"][0]["resource"]["attributes"][0];
    assert_eq!(service, &json!({ "key": "service.name", "value": { "stringValue": "openrouter" } }));
    let span = hook.spans()[0].clone();
    assert_eq!(span["traceId"], trace_id(&record));
    assert_eq!(span["startTimeUnixNano"], "1767225600000000000");
    assert_eq!(span["endTimeUnixNano"], "1767225600500000000");
    for (name, value) in [
        ("gen_ai.request.model", json!("acme/echo")),
        ("gen_ai.usage.prompt_tokens", json!("12")),
        ("gen_ai.usage.completion_tokens", json!("5")),
        ("gen_ai.usage.total_cost", json!(0.0000015)),
        ("user.id", json!("user-1")),
        ("session.id", json!("session-1")),
    ] {
        assert_eq!(attribute(&span, name), Some(&value), "{name}");
    }
    assert_eq!(attribute(&span, "trace.metadata.openrouter.api_key_name"), None, "it was not asked for");

    assert_eq!(at("/otel").path, "/otel/v1/traces");
    let langfuse = at("/api/public/otel/v1/traces");
    assert_eq!(langfuse.header("authorization"), format!("Basic {}", STANDARD.encode("pk:sk")));
    let span = langfuse.spans()[0].clone();
    assert_eq!(attribute(&span, "langfuse.observation.type"), Some(&json!("generation")));
    let object = at("/traces/p/2026/");
    assert!(object.path.ends_with(&format!("/{}-1767225600000.json", trace_id(&record))), "{}", object.path);
    assert!(object.method == "PUT" && object.header("authorization").starts_with("AWS4-HMAC-SHA256 "));
    platform.stop().await;
    receiver.stop();
}

#[tokio::test]
async fn only_what_a_destination_is_for_is_sent_to_it() {
    let (platform, receiver) = start(3).await;
    let mut body = webhook(&receiver);
    body["api_key_hashes"] = json!([platform.demo.api_key.hash().to_string()]);
    body["sampling_rate"] = json!(0.5);
    body["filter_rules"] =
        json!({ "groups": [{ "rules": [{ "field": "total_tokens", "operator": "gte", "value": 17 }] }] });
    create(&platform, body).await;
    let usual = record(&platform).await;
    let with = |session: &str, change: &dyn Fn(&mut UsageRecord)| {
        let mut record = UsageRecord {
            generation_id: Uuid::now_v7().to_string(),
            session_id: session.to_owned(),
            ..usual.clone()
        };
        change(&mut record);
        record
    };
    // Of many sessions about half are sampled, each whole or not at all.
    let sessions: Vec<String> = (0..20).map(|n| format!("s-{n}")).collect();
    let sampled: Vec<UsageRecord> =
        sessions.iter().flat_map(|session| [with(session, &|_| {}), with(session, &|_| {})]).collect();
    settle(&platform, &sampled).await;
    let first = traces(&receiver, 1).await;
    let session = attribute(first[0].spans()[0], "session.id").unwrap().as_str().unwrap().to_owned();
    // The last is wanted, so that what comes before it was decided on.
    let last = with(&session, &|_| {});
    let other = Uuid::now_v7().to_string();
    let unwanted = [
        with(&session, &|record| record.key_id.clone_from(&other)),
        with(&session, &|record| record.workspace_id.clone_from(&other)),
        with(&session, &|record| record.tenant_id.clone_from(&other)),
        with(&session, &|record| record.usage = Some(Usage { input: 1, ..Usage::default() })),
    ];
    settle(&platform, &unwanted).await;
    settle(&platform, std::slice::from_ref(&last)).await;
    let ids = eventually("the last comes", async || {
        let ids = trace_ids(&receiver.traces());
        ids.contains(&trace_id(&last)).then_some(ids)
    })
    .await;
    assert!(unwanted.iter().all(|record| !ids.contains(&trace_id(record))), "{ids:?}");
    let of = |session: &str| {
        let all = sampled.iter().filter(|record| record.session_id == session);
        all.filter(|record| ids.contains(&trace_id(record))).count()
    };
    let counts: Vec<usize> = sessions.iter().map(|session| of(session)).collect();
    assert!(counts.iter().all(|count| matches!(count, 0 | 2)), "{counts:?}");
    assert!(counts.contains(&0) && counts.contains(&2), "{counts:?}");
    platform.stop().await;
    receiver.stop();
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_given_up_and_sent_when_somebody_says_so() {
    let (platform, receiver) = start(3).await;
    let made = create(&platform, webhook(&receiver)).await;
    receiver.answer(503);
    let records = [record(&platform).await, record(&platform).await, record(&platform).await];
    settle(&platform, &records).await;
    let failed = eventually("all are given up", async || {
        let failed = failures(&platform, &made).await;
        (failed["total_count"] == 3).then_some(failed)
    })
    .await;
    assert_eq!((failed["waiting_count"].as_i64(), failed["data"][0]["tries"].as_i64()), (Some(0), Some(3)));
    assert_eq!(failed["data"][0]["reason"], "it answered with status 503");
    assert!(failed["data"][0]["generation_id"].as_str().unwrap().starts_with("gen-"));

    receiver.answer(200);
    receiver.forget();
    let generation = GenerationId::from_uuid(records[1].generation_id.parse().unwrap()).to_string();
    let retried = retry(&platform, &made, json!({ "generation_ids": [generation] })).await;
    assert_eq!(retried.json()["data"]["retried"], 1, "{}", retried.text());
    assert_eq!(trace_ids(&traces(&receiver, 1).await), [trace_id(&records[1])]);
    assert_eq!(retry(&platform, &made, json!({})).await.json()["data"]["retried"], 2);
    let mut ids = trace_ids(&traces(&receiver, 3).await);
    ids.sort();
    let mut wanted: Vec<String> = records.iter().map(trace_id).collect();
    wanted.sort();
    assert_eq!(ids, wanted, "each once");
    eventually("nothing is left", async || {
        let left = failures(&platform, &made).await;
        (left["total_count"] == 0 && left["waiting_count"] == 0).then_some(())
    })
    .await;
    assert_eq!(retry(&platform, &made, json!({ "generation_ids": ["x"] })).await.status, 400);
    platform.stop().await;
    receiver.stop();
}

#[tokio::test]
async fn traces_wait_out_a_fault_and_an_exchange_of_keys() {
    let (platform, receiver) = start(1_000).await;
    let made = create(&platform, webhook(&receiver)).await;
    receiver.answer(500);
    let record = record(&platform).await;
    settle(&platform, std::slice::from_ref(&record)).await;
    traces(&receiver, 2).await;
    let wrapper: Arc<dyn KeyWrapper> = Arc::new(MasterKey::from_hex(MASTER_KEY).unwrap());
    let resealed = edge::rotate_tenant_key(&platform.pool, wrapper, platform.tenant).await.unwrap();
    assert_eq!(resealed, 1);
    receiver.answer(200);
    eventually("it is sent", async || {
        let left = failures(&platform, &made).await;
        (left["total_count"] == 0 && left["waiting_count"] == 0).then_some(())
    })
    .await;
    platform.stop().await;
    receiver.stop();
}

#[tokio::test]
async fn what_a_request_says_of_its_trace_goes_along_without_what_it_asks() {
    let (platform, receiver) = start(3).await;
    let mut private = webhook(&receiver);
    private["privacy_mode"] = json!(true);
    create(&platform, private).await;
    let body = r#"{"model":"acme/echo","messages":[{"role":"user","content":"a question"}],
                   "trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","env":"prod"}}"#;
    let id: GenerationId = platform.chat(body).await.header("x-generation-id").parse().unwrap();
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    eventually("the trace is kept to be handed on", async || {
        let kept: i64 =
            sqlx::query_scalar("select count(*) from identity.exchange").fetch_one(&owner).await.unwrap();
        (kept == 1).then_some(())
    })
    .await;
    settle(&platform, &[UsageRecord { generation_id: id.uuid().to_string(), ..record(&platform).await }])
        .await;
    let came = traces(&receiver, 1).await;
    let span = &came[0].spans()[0];
    assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(attribute(span, "trace.metadata.env"), Some(&json!("prod")));
    assert!(!span.to_string().contains("a question") && attribute(span, "gen_ai.prompt").is_none());
    platform.stop().await;
}
