use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::client::{Simulator, chat, with};

const PATH: &str = "/openai/v1/chat/completions";

fn stream(prompt: &str) -> Value {
    with(chat(prompt), &json!({"stream": true, "stream_options": {"include_usage": true}}))
}

#[tokio::test]
async fn statuses_come_with_shape_and_wait() {
    let simulator = Simulator::start().await;
    let reply =
        simulator.post(PATH, &chat("Hi [[sim: status=429 retry_after=1.5 message=\"slow down\"]]")).await;
    assert_eq!(reply.status, 429);
    assert_eq!((reply.header("retry-after"), reply.header("retry-after-ms")), (Some("2"), Some("1500")));
    let error = reply.json()["error"].clone();
    assert_eq!((&error["message"], &error["code"]), (&json!("slow down"), &json!("rate_limit_exceeded")));
    let reply = simulator.post(PATH, &chat("Hi [[sim: status=429 code=insufficient_quota]]")).await;
    assert_eq!(reply.json()["error"]["type"], "insufficient_quota");
    let reply = simulator.post(PATH, &chat("Hi [[sim: nonsense=1]]")).await;
    assert!(reply.status == 400 && reply.text().contains("nonsense"));
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["outcome"], &entry["tokens_sent"]), (&json!("failed"), &json!(0)));
}

#[tokio::test]
async fn a_directive_applies_as_often_as_it_says() {
    let simulator = Simulator::start().await;
    let request = chat("Hi [[sim: status=503 times=1]]");
    let first = simulator.post("/p/a/openai/chat/completions", &request).await;
    let second = simulator.post("/p/b/openai/chat/completions", &request).await;
    assert_eq!((first.status, second.status), (503, 200));
    assert!(!second.text().contains("sim:"));
    let only = chat("Hello [[sim: status=503 provider=a]]");
    assert_eq!(simulator.post("/p/b/openai/chat/completions", &only).await.status, 200);
    assert_eq!(simulator.post("/p/a/openai/chat/completions", &only).await.status, 503);
}

#[tokio::test]
async fn streams_break_exactly_where_they_are_told_to() {
    let simulator = Simulator::start().await;
    let reply = simulator.post(PATH, &stream("Hi [[sim: cut_at_byte=1000 tokens=60]]")).await;
    assert_eq!((reply.body.len(), reply.whole), (1000, false));
    let reply = simulator.post(PATH, &chat("Hi [[sim: cut_at_byte=100]]")).await;
    assert_eq!((reply.body.len(), reply.whole), (100, false));
    let reply = simulator.post(PATH, &chat("Hi [[sim: cut_at_byte=0]]")).await;
    assert_eq!((reply.status, reply.body.len()), (0, 0));
    let reply = simulator.post(PATH, &stream("Hi [[sim: end_after_tokens=5]]")).await;
    assert!(reply.whole && !reply.text().contains("[DONE]"));
    assert_eq!(simulator.last_entry().await["tokens_sent"], 5);
}

#[tokio::test]
async fn errors_and_garbage_come_inside_streams() {
    let simulator = Simulator::start().await;
    let reply = simulator.post(PATH, &stream("Hi [[sim: error_after_tokens=3]]")).await;
    assert!(reply.status == 200 && reply.whole);
    assert_eq!(reply.events().last().unwrap()["error"]["message"], "Overloaded");
    let request = with(chat("Hi [[sim: error_after_tokens=0]]"), &json!({"max_tokens": 50, "stream": true}));
    let reply = simulator.post("/anthropic/v1/messages", &request).await;
    assert!(reply.text().contains("event: error"), "{}", reply.text());
    assert_eq!(reply.events().last().unwrap()["error"]["type"], "overloaded_error");
    assert_eq!(simulator.post(PATH, &chat("Hi [[sim: error_after_tokens=3]]")).await.status, 500);
    let reply = simulator.post(PATH, &stream("Hi [[sim: garbage_after_tokens=3]]")).await;
    assert!(String::from_utf8(reply.body.clone()).is_err() && reply.text().contains("[DONE]"));
    assert_eq!(simulator.last_entry().await["outcome"], "spoiled");
    let reply = simulator.post(PATH, &chat("Hi [[sim: garbage]]")).await;
    assert!(reply.status == 200 && String::from_utf8(reply.body).is_err());
    let reply = simulator.post(PATH, &chat("Hi [[sim: garbage_after_tokens=3]]")).await;
    assert!(reply.whole && String::from_utf8(reply.body).is_err());
}

#[tokio::test]
async fn answers_may_be_empty_unmetered_refused_or_mislabelled() {
    let simulator = Simulator::start().await;
    let body = simulator.post(PATH, &chat("Hi [[sim: empty]]")).await.json();
    assert_eq!(
        (&body["choices"][0]["message"]["content"], &body["usage"]["completion_tokens"]),
        (&json!(""), &json!(0))
    );
    let body = simulator.post(PATH, &chat("Hi [[sim: no_usage]]")).await.json();
    assert!(body.get("usage").is_none());
    let entry = simulator.last_entry().await;
    assert_eq!(entry["says_usage"], false);
    assert!(entry["usage"]["completion"].as_u64().unwrap() > 0);
    let events = simulator.post(PATH, &stream("Hi [[sim: no_usage]]")).await.events();
    assert!(events.iter().all(|event| event.get("usage").is_none()));
    let body = simulator.post(PATH, &chat("Hi [[sim: refusal]]")).await.json();
    assert!(body["choices"][0]["message"]["refusal"].is_string());
    let reply = simulator.post(PATH, &chat("Hi [[sim: content_type=text/html]]")).await;
    assert_eq!(reply.header("content-type"), Some("text/html"));
    let body = simulator.post(PATH, &chat("Hi [[sim: text=\"exactly this\" finish=weird]]")).await.json();
    assert_eq!(body["choices"][0]["message"]["content"], "exactly this");
    assert_eq!(body["choices"][0]["finish_reason"], "weird");
}

#[tokio::test]
async fn a_drip_splits_every_frame_and_loses_nothing() {
    let simulator = Simulator::start().await;
    let reply = simulator.post(PATH, &stream("Hi [[sim: tokens=4 drip_bytes=7 drip_delay_ms=0]]")).await;
    assert!(reply.whole && reply.chunks.iter().all(|size| *size <= 7));
    assert_eq!(reply.events().last().unwrap()["usage"]["completion_tokens"], 4);
    let reply = simulator.post(PATH, &chat("Hi [[sim: tokens=4 drip_bytes=50 drip_delay_ms=0]]")).await;
    assert_eq!(reply.json()["usage"]["completion_tokens"], 4);
    assert_eq!(simulator.last_entry().await["tokens_sent"], 4);
}

#[tokio::test]
async fn stalls_and_hangs_see_the_client_go() {
    let simulator = Simulator::start().await;
    let stalled = stream("Hi [[sim: tokens=60 stall_after_tokens=9]]").to_string();
    let mut socket = simulator.send("POST", PATH, "", &stalled).await;
    let mut seen = Vec::new();
    while seen.windows(11).filter(|window| window == b"\"content\":\"").count() < 10 {
        let mut buffer = [0; 4096];
        let read = socket.read(&mut buffer).await.unwrap();
        assert!(read > 0);
        seen.extend_from_slice(&buffer[..read]);
    }
    drop(socket);
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["outcome"], &entry["stalled"]), (&json!("disconnected"), &json!(true)));
    assert_eq!((&entry["tokens_sent"], &entry["client_disconnected"]), (&json!(9), &json!(true)));

    let socket = simulator.send("POST", PATH, "", &chat("Hi [[sim: hang]]").to_string()).await;
    loop {
        let log = simulator.get("/_admin/log?after=1").await;
        if log[0]["stalled"] == true {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    drop(socket);
    let entry = simulator.last_entry().await;
    assert_eq!(
        (&entry["outcome"], &entry["status"], &entry["tokens_sent"]),
        (&json!("disconnected"), &json!(0), &json!(0))
    );

    let unary = chat("Hi [[sim: tokens=60 stall_after_tokens=30]]").to_string();
    let mut socket = simulator.send("POST", PATH, "", &unary).await;
    let mut buffer = [0; 4096];
    assert!(socket.read(&mut buffer).await.unwrap() > 0);
    drop(socket);
    assert_eq!(simulator.last_entry().await["outcome"], "disconnected");
}

#[tokio::test]
async fn a_client_that_leaves_a_slow_stream_is_seen() {
    let simulator = Simulator::start().await;
    let slow = stream("Hi [[sim: tokens=5000 delay_ms=2]]").to_string();
    let mut socket = simulator.send("POST", PATH, "", &slow).await;
    let mut buffer = [0; 1024];
    for _ in 0..3 {
        assert!(socket.read(&mut buffer).await.unwrap() > 0);
    }
    drop(socket);
    let entry = simulator.last_entry().await;
    assert_eq!(entry["client_disconnected"], true);
    let sent = entry["tokens_sent"].as_u64().unwrap();
    assert!(sent > 0 && sent < 5000, "{sent}");
}
