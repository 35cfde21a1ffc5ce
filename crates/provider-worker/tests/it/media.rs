//! Images that clients name by URL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::get;
use provider_worker::{Config, Media};
use rpc::router::Attempt;
use rpc::worker::Start;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::upstream::{Upstream, good};
use crate::world::{World, attempt, request};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// A server of one image on this machine: its origin, and whether anybody called.
async fn images() -> (String, Arc<AtomicBool>) {
    let called = Arc::new(AtomicBool::new(false));
    let calls = Arc::clone(&called);
    let image = move || {
        calls.store(true, Ordering::SeqCst);
        async { PNG }
    };
    let app = Router::new().route("/a.png", get(image));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (origin, called)
}

fn seeing(attempts: Vec<Attempt>, url: &str) -> Start {
    let body = json!({
        "model": "openai/gpt-4o",
        "stream": true,
        "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "What is this?" },
            { "type": "image_url", "image_url": { "url": url, "detail": "low" } },
        ] }],
    });
    Start { body: body.to_string().into(), ..request(attempts) }
}

fn inlining(attempt: Attempt) -> Attempt {
    Attempt { quirks_json: json!({ "media_urls": "inline" }).to_string(), ..attempt }
}

fn sent(upstream: &Upstream) -> Value {
    upstream.seen()[0].body["messages"][0]["content"][1]["image_url"].clone()
}

#[tokio::test]
async fn an_endpoint_that_wants_bytes_gets_them() {
    let (origin, _) = images().await;
    let vouched = vec![origin.clone()];
    let world = World::with(|config| {
        let media = Media { allowed_origins: vouched, ..config.media };
        Config { media, ..config }
    })
    .await;
    let upstream = Upstream::start(vec![good()]).await;
    let start = seeing(vec![inlining(attempt(&upstream, "bytes"))], &format!("{origin}/a.png"));
    let heard = world.run(start).await;
    assert_eq!(heard.content(), "Hello world");
    let image = sent(&upstream);
    assert_eq!(image["url"], "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==");
    assert_eq!(image["detail"], "low");
}

#[tokio::test]
async fn an_endpoint_that_fetches_itself_gets_the_url() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![good()]).await;
    let url = "https://images.example/a.png?size=1";
    let heard = world.run(seeing(vec![attempt(&upstream, "fetches")], url)).await;
    assert_eq!(heard.content(), "Hello world");
    assert_eq!(sent(&upstream)["url"], url);
}

#[tokio::test]
async fn a_private_url_goes_nowhere_whoever_would_fetch_it() {
    let (origin, called) = images().await;
    let world = World::start().await;
    let private = origin.replace("http", "https");
    for url in [format!("{origin}/a.png"), format!("{private}/a.png"), "https://169.254.169.254/".to_owned()]
    {
        let upstream = Upstream::start(vec![]).await;
        let attempts = vec![attempt(&upstream, "fetches"), inlining(attempt(&upstream, "bytes"))];
        let heard = world.run(seeing(attempts, &url)).await;
        let failed = heard.failed.as_ref().unwrap();
        assert_eq!((failed.status, failed.error_type.as_str()), (400, "image_download_failed"));
        assert_eq!(heard.outcomes(), ["refused"], "{url}");
        assert!(heard.error()["error"]["message"].as_str().unwrap().contains("data URL"));
        assert!(upstream.seen().is_empty(), "{url} is not passed on");
    }
    assert!(!called.load(Ordering::SeqCst));
}
