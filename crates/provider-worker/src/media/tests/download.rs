//! Downloads from an origin that the operator vouches for, so that a plain server on this machine will do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use dialect::canonical::{
    Document, EmbeddingInput, EmbeddingsRequest, ImagesRequest, Media, Message, Part, PartKind, Request,
    RerankRequest, Speaker, Task,
};
use dialect::error::{ErrorType, ProviderError, Retry};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::super::{Fetcher, urls};
use super::{Config, Script, config, fetcher};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const PDF: &[u8] = b"%PDF-1.7\n";

struct Server {
    origin: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let app = Router::new()
            .route("/a.png", get(image))
            .route("/a.pdf", get(|| async { ([(CONTENT_TYPE, "application/pdf; x=y")], PDF) }))
            .route("/page", get(|| async { ([(CONTENT_TYPE, "image/png")], "<!DOCTYPE html><html></html>") }))
            .route("/announced", get(|| async { vec![0_u8; 5_000] }))
            .route("/endless", get(|| async { Body::from_stream(zeros(Duration::ZERO)) }))
            .route("/slow", get(|| async { Body::from_stream(zeros(Duration::from_millis(20))) }))
            .route("/hang", get(std::future::pending::<()>))
            .route("/large.png", get(|| async { [PNG, &[0; 4_000]].concat() }))
            .route("/packed", get(|| async { ([(CONTENT_ENCODING, "gzip")], "x") }))
            .with_state(Arc::clone(&asked));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { origin, asked }
    }

    fn fetcher(&self, change: impl FnOnce(Config) -> Config) -> Fetcher {
        let config = change(Config { allowed_origins: vec![self.origin.clone()], ..config() });
        fetcher(&config, &[], Arc::new(Script::default()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }
}

async fn image(State(asked): State<Arc<AtomicUsize>>, headers: HeaderMap) -> Response {
    asked.fetch_add(1, Ordering::SeqCst);
    let is_bare = headers.get("authorization").is_none() && headers.get("cookie").is_none();
    if is_bare { PNG.into_response() } else { StatusCode::BAD_REQUEST.into_response() }
}

fn zeros(pause: Duration) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::repeat(()).then(move |()| async move {
        tokio::time::sleep(pause).await;
        Ok(Bytes::from_static(&[0; 64]))
    })
}

fn image_of(url: &str) -> PartKind {
    PartKind::Image { source: Media::Url(url.to_owned()), detail: None }
}

fn chat(messages: Vec<Message>) -> Task {
    Task::Chat(Request { messages, ..Request::default() })
}

fn message(kinds: Vec<PartKind>) -> Message {
    Message {
        speaker: Speaker::User,
        name: None,
        content: kinds.into_iter().map(|kind| Part { kind, cache_control: None }).collect(),
        tool_calls: Vec::new(),
        tool_call_id: None,
        reasoning: Vec::new(),
        refusal: None,
    }
}

async fn refused(fetcher: &Fetcher, url: &str) -> (ErrorType, String) {
    let error = fetcher.inline_task(&mut chat(vec![message(vec![image_of(url)])])).await.unwrap_err();
    let error = ProviderError::from(error);
    assert_eq!((error.retry, error.is_fault), (Retry::Never, false));
    (error.error_type, error.message)
}

#[tokio::test]
async fn remote_media_become_bytes_and_the_rest_stays() {
    let server = Server::start().await;
    let fetcher = server.fetcher(|config| config);
    let file = PartKind::File { name: Some("a".to_owned()), source: Media::Url(server.url("a.pdf")) };
    let data = image_of("data:image/png,abc");
    let id = PartKind::File { name: None, source: Media::Id("file-1".to_owned()) };
    let png = image_of(&server.url("a.png"));
    let kept = [PartKind::Text("see".to_owned()), data, id];
    let first = message(kept.iter().cloned().chain([png.clone(), file]).collect());
    let mut task = chat(vec![first, message(vec![png.clone(), png])]);
    fetcher.check_task(&task).unwrap();
    fetcher.inline_task(&mut task).await.unwrap();
    assert_eq!(urls(&task), [] as [&str; 0]);
    let [first, second] = &*task.chat().unwrap().messages else { panic!("{task:?}") };
    let kinds: Vec<&PartKind> = first.content.iter().map(|part| &part.kind).collect();
    assert_eq!(kinds[..3], kept.iter().collect::<Vec<_>>());
    let inline = |kind: &PartKind| match kind {
        PartKind::Image { source: Media::Inline { media_type, data }, .. }
        | PartKind::File { source: Media::Inline { media_type, data }, .. } => {
            (media_type.clone(), data.clone())
        }
        other => panic!("{other:?}"),
    };
    let png = ("image/png".to_owned(), "iVBORw0KGgoAAAANSUhEUg==".to_owned());
    assert_eq!(inline(kinds[3]), png);
    assert_eq!(inline(kinds[4]), ("application/pdf".to_owned(), "JVBERi0xLjcK".to_owned()));
    assert!(second.content.iter().all(|part| inline(&part.kind) == png));
    assert_eq!(server.asked.load(Ordering::SeqCst), 1, "one URL is one download");
}

#[tokio::test]
async fn every_kind_of_request_is_checked_and_inlined() {
    let server = Server::start().await;
    let (trusting, fetcher) = (server.fetcher(|config| config), fetcher(&config(), &[], Arc::default()));
    let url = server.url("a.png");
    let png = || Media::Url(url.clone());
    let part = Part { kind: PartKind::Image { source: png(), detail: None }, cache_control: None };
    let inputs = vec![EmbeddingInput::Text("a".to_owned()), EmbeddingInput::Parts(vec![part])];
    let text = Document { text: Some("a".to_owned()), image: None };
    let image = Document { text: None, image: Some(url.clone()) };
    for mut task in [
        Task::Embeddings(EmbeddingsRequest { inputs, ..EmbeddingsRequest::default() }),
        Task::Images(ImagesRequest { references: vec![png()], ..ImagesRequest::default() }),
        Task::Rerank(RerankRequest { documents: vec![text, image], ..RerankRequest::default() }),
    ] {
        assert_eq!(urls(&task), [&url]);
        assert!(fetcher.check_task(&task).is_err(), "{task:?}");
        trusting.check_task(&task).unwrap();
        trusting.inline_task(&mut task).await.unwrap();
        assert!(urls(&task).is_empty());
        assert!(format!("{task:?}").contains("iVBORw0KGgoAAAANSUhEUg=="), "{task:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_told_by_its_reason() {
    let server = Server::start().await;
    let fetcher = server.fetcher(|config| config);
    for (path, error_type, words) in [
        ("none.png", ErrorType::ImageDownloadFailed, "status 404"),
        ("packed", ErrorType::ImageDownloadFailed, "compressed"),
        ("page", ErrorType::InvalidImage, "text/html and no image"),
        ("a.pdf", ErrorType::InvalidImage, "application/pdf and no image"),
        ("announced", ErrorType::ImageTooLarge, "over 4096 bytes"),
        ("endless", ErrorType::ImageTooLarge, "over 4096 bytes"),
    ] {
        let (told, message) = refused(&fetcher, &server.url(path)).await;
        assert_eq!(told, error_type, "{path}: {message}");
        assert!(message.contains(words), "{path}: {message}");
    }
    let impatient = server.fetcher(|config| Config { timeout_ms: 100, ..config });
    for path in ["slow", "hang"] {
        let (told, message) = refused(&impatient, &server.url(path)).await;
        assert_eq!(told, ErrorType::ImageDownloadFailed);
        assert!(message.contains("does not arrive in time"), "{message}");
    }
}

#[tokio::test]
async fn a_request_has_limits_of_its_own() {
    let server = Server::start().await;
    let fetcher = server.fetcher(|config| config);
    let many = |path: &str, count: usize| {
        let urls = (0..count).map(|n| server.url(&format!("{path}?{n}")));
        chat(vec![message(urls.map(|url| image_of(&url)).collect())])
    };
    fetcher.inline_task(&mut many("a.png", 3)).await.unwrap();
    let error = ProviderError::from(fetcher.inline_task(&mut many("a.png", 4)).await.unwrap_err());
    assert_eq!(error.error_type, ErrorType::InvalidRequest);
    assert!(error.message.contains("may name 3 files by URL"), "{}", error.message);
    assert_eq!(server.asked.load(Ordering::SeqCst), 3, "none is fetched of too many");
    fetcher.inline_task(&mut many("large.png", 2)).await.unwrap();
    let error = ProviderError::from(fetcher.inline_task(&mut many("large.png", 3)).await.unwrap_err());
    assert_eq!(error.error_type, ErrorType::ImageTooLarge);
    assert!(error.message.contains("come to over 10000 bytes"), "{}", error.message);
}

#[tokio::test]
async fn downloads_wait_for_each_other_where_the_worker_is_full() {
    let server = Server::start().await;
    let fetcher = server.fetcher(|config| Config { max_fetches: 1, ..config });
    let urls = (0..3).map(|n| image_of(&server.url(&format!("a.png?{n}"))));
    fetcher.inline_task(&mut chat(vec![message(urls.collect())])).await.unwrap();
    assert_eq!(server.asked.load(Ordering::SeqCst), 3);
}

#[test]
fn urls_that_a_provider_would_fetch_are_checked_wherever_they_stand() {
    let fetcher = fetcher(&config(), &[], Arc::new(Script::default()));
    let checked = |value: Value| fetcher.check_task(&chat(vec![message(vec![PartKind::Other(value)])]));
    for place in [
        |url: &str| json!({ "type": "video_url", "video_url": { "url": url } }),
        |url: &str| json!({ "type": "input_video", "video_url": url }),
        |url: &str| json!({ "type": "audio_url", "audio_url": { "url": url } }),
        |url: &str| json!({ "type": "document", "source": { "type": "url", "url": url } }),
        |url: &str| json!({ "type": "input_image", "image_url": { "url": url } }),
        |url: &str| json!({ "type": "a_url", "a_url": "https://public.example/", "image_url": url }),
        |url: &str| json!({ "type": "video", "video": ["https://public.example/", url] }),
        |url: &str| json!({ "type": "image", "image": url }),
    ] {
        checked(place("https://public.example/a.mp4")).unwrap();
        checked(place("data:video/mp4;base64,AAAA")).unwrap();
        checked(place("https://127.0.0.1/a.mp4")).unwrap_err();
    }
    checked(json!({ "type": "search_result", "source": "http://wiki.corp/", "url": "http://wiki.corp/" }))
        .unwrap();
    checked(json!({ "type": "video_url" })).unwrap();
    let file = PartKind::File { name: None, source: Media::Url("http://public.example/a.pdf".to_owned()) };
    fetcher.check_task(&chat(vec![message(vec![file])])).unwrap_err();
    for (id, is_fine) in [("file-abc", true), ("http://127.0.0.1/a.pdf", false), ("s3://bucket/a", false)] {
        let file = PartKind::File { name: None, source: Media::Id(id.to_owned()) };
        assert_eq!(fetcher.check_task(&chat(vec![message(vec![file])])).is_ok(), is_fine, "{id}");
    }
}

#[test]
fn only_whole_origins_can_be_vouched_for() {
    for bad in [
        "",
        "127.0.0.1:9000",
        "http://127.0.0.1:9000/path",
        "https://u@h.example",
        "file:///x",
        "https://h/?q",
    ] {
        let config = Config { allowed_origins: vec![bad.to_owned()], ..config() };
        assert!(Fetcher::new(&config).is_err(), "{bad}");
    }
    let config = Config { allowed_origins: vec!["http://127.0.0.1:9000".to_owned()], ..config() };
    let fetcher = Fetcher::new(&config).unwrap();
    fetcher.check("http://127.0.0.1:9000/a.png").unwrap();
    for other in [
        "http://127.0.0.1:9001/",
        "https://127.0.0.1:9000/",
        "http://u@127.0.0.1:9000/",
        "http://127.0.0.2:9000/",
    ] {
        fetcher.check(other).unwrap_err();
    }
}
