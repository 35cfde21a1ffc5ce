//! What operators watch: traffic and health as they happen, and whether each part of the platform answers.

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use prost::Message as _;
use rpc::events::EdgeTraffic;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::person::Person;
use crate::support::worker::Step;
use crate::support::{Platform, client, eventually};

const OFTEN: &str = "[edge.live]\nevery_ms = 20";
const CHECKED_OFTEN: &str = "[edge.live]\nevery_ms = 100\ncheck_ms = 100\n[edge.calls]\nstreams = 2";
/// Events within which something has to come.
const SOON: usize = 10_000;
const BODY: &str = r#"{"model":"acme/echo","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

/// A stream of events that is being read.
struct Stream {
    body: Incoming,
    text: String,
}

impl Stream {
    async fn open(platform: &Platform, headers: &[(&str, &str)]) -> Result<Self, StatusCode> {
        let answer = client::send(platform.address, Method::GET, "/admin/v1/live", headers, "").await;
        if answer.status() != StatusCode::OK {
            return Err(answer.status());
        }
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Ok(Self { body: answer.into_body(), text: String::new() })
    }

    async fn of_operator(platform: &Platform) -> Result<Self, StatusCode> {
        let bearer = format!("Bearer {}", platform.demo.admin_token.expose());
        Self::open(platform, &[("authorization", &bearer)]).await
    }

    async fn of_person(person: &Person<'_>) -> Result<Self, StatusCode> {
        Self::open(person.platform, &[("cookie", &person.cookie)]).await
    }

    /// The next event's name and data; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let read = line("event:").zip(line("data:"));
                let read = read.map(|(name, data)| (name.to_owned(), serde_json::from_str(data).unwrap()));
                self.text = rest.to_owned();
                if read.is_some() {
                    return read;
                }
                continue;
            }
            let frame = self.body.frame().await?.unwrap();
            self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// Sums `traffic` until it is as wanted.
    async fn until(&mut self, wanted: impl Fn(&[u64; 4]) -> bool) -> [u64; 4] {
        let mut sums = [0; 4];
        for _ in 0..SOON {
            let Some((event, data)) = self.next().await else { break };
            if event != "traffic" {
                continue;
            }
            let spend: u64 = data["spend_nano_usd"].as_str().unwrap().parse().unwrap();
            let number = |name: &str| data[name].as_u64().unwrap();
            for (sum, more) in
                sums.iter_mut().zip([number("requests"), number("errors"), number("tokens"), spend])
            {
                *sum += more;
            }
            assert!(data["at"].as_i64().unwrap() > 0 && data["in_flight"].is_u64(), "{data}");
            if wanted(&sums) {
                return sums;
            }
        }
        panic!("it never came to more than {sums:?}");
    }

    async fn ends(mut self) {
        while self.next().await.is_some() {}
    }
}

#[tokio::test]
async fn what_is_answered_is_told_once() {
    let platform = Platform::start_with(OFTEN, None).await;
    let mut stream = Stream::of_operator(&platform).await.unwrap();
    platform.worker.script(vec![Step::Started(0), Step::Failed(502, "provider_unavailable", "away")]);
    assert_eq!(platform.chat(BODY).await.status, 502);
    for _ in 0..2 {
        assert_eq!(platform.chat(BODY).await.status, 200);
    }
    let sums = stream.until(|sums| sums[0] >= 3).await;
    assert_eq!(sums, [3, 1, 24, 2_468]);
    // Nothing of it comes again.
    assert_eq!(platform.chat(BODY).await.status, 200);
    assert_eq!(stream.until(|sums| sums[0] >= 1).await, [1, 0, 12, 1_234]);
    platform.stop().await;
}

#[tokio::test]
async fn endpoints_that_change_are_told_and_those_that_are_unwell_come_first() {
    let platform = Platform::start_with(OFTEN, None).await;
    let mut first = Stream::of_operator(&platform).await.unwrap();
    let health = async |stream: &mut Stream| loop {
        let (event, data) = stream.next().await.unwrap();
        if event == "health" {
            return (
                data["endpoint"].as_str().unwrap().to_owned(),
                data["state"].as_str().unwrap().to_owned(),
            );
        }
    };
    let told = |id: &str, state: &str| (id.to_owned(), state.to_owned());
    platform.router.with(|said| said.unwell.push(("e1".to_owned(), "ejected")));
    assert_eq!(health(&mut first).await, told("e1", "ejected"));
    let mut second = Stream::of_operator(&platform).await.unwrap();
    assert_eq!(health(&mut second).await, told("e1", "ejected"));
    platform.router.with(|said| said.unwell = vec![("e2".to_owned(), "cooling")]);
    assert_eq!(health(&mut first).await, told("e1", "healthy"));
    assert_eq!(health(&mut first).await, told("e2", "cooling"));
    platform.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_session_and_at_the_stop_and_there_are_only_so_many() {
    let platform = Platform::start_with(CHECKED_OFTEN, None).await;
    let mut admin = Person::admin(&platform).await;
    let (one, other) = (Stream::of_person(&admin).await.unwrap(), Stream::of_person(&admin).await.unwrap());
    assert_eq!(Stream::of_person(&admin).await.err(), Some(StatusCode::TOO_MANY_REQUESTS));
    drop(other);
    let again = eventually("a place is free", async || Stream::of_person(&admin).await.ok()).await;
    let mut of_token = Stream::of_operator(&platform).await.unwrap();
    assert_eq!(admin.call(Method::POST, "/sign-out", &Value::Null).await.status, 204);
    one.ends().await;
    again.ends().await;
    assert!(of_token.next().await.is_some(), "others go on");
    // Neither a person who is no operator, nor nobody.
    assert_eq!(Stream::open(&platform, &[]).await.err(), Some(StatusCode::UNAUTHORIZED));
    platform.begin_stop();
    of_token.ends().await;
    platform.stop().await;
}

#[tokio::test]
async fn edges_tell_each_other_over_the_bus() {
    if !backing::Kind::Nats.is_installed() {
        println!("SKIPPED: NATS is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let options =
        backing::ServerOptions { directory: directory.path().to_owned(), port: None, password: None };
    let server = backing::Server::start(backing::Kind::Nats, &options).await.unwrap();
    let options = async_nats::ConnectOptions::with_user_and_password(
        "patchbay".to_owned(),
        server.password().expose_secret().to_owned(),
    );
    let bus = options.connect(format!("127.0.0.1:{}", server.port())).await.unwrap();
    // An interval so long that a peer is not forgotten on a slow machine.
    let inline = "[edge.live]\nevery_ms = 300";
    let platform = Platform::start_on(Database::create().await, inline, None, Some(bus.clone())).await;
    let mut heard = bus.subscribe(rpc::subjects::TRAFFIC).await.unwrap();
    let mut stream = Stream::of_operator(&platform).await.unwrap();
    assert_eq!(platform.chat(BODY).await.status, 200);
    let mut own = EdgeTraffic::default();
    while own.requests == 0 {
        let message = tokio_stream::StreamExt::next(&mut heard).await.unwrap();
        own = EdgeTraffic::decode(message.payload).unwrap();
    }
    assert_eq!((own.requests, own.tokens, own.spend), (1, 12, 1_234));
    let said = EdgeTraffic {
        edge_id: "edge-b".to_owned(),
        requests: 5,
        errors: 1,
        tokens: 70,
        spend: 9,
        in_flight: 4,
    };
    eventually("the other edge is heard", async || {
        bus.publish(rpc::subjects::TRAFFIC, said.encode_to_vec().into()).await.unwrap();
        let status = platform.admin(Method::GET, "/status", "").await.json();
        let parts = status["data"].as_array().unwrap().clone();
        parts.iter().any(|part| part["service"] == "edge" && part["name"] == "edge-b").then_some(())
    })
    .await;
    let sums = stream.until(|sums| sums[0] > 1).await;
    assert_eq!((sums[0] % 5, sums[1] > 0, sums[2] % 70), (1, true, 12), "{sums:?}");
    platform.stop().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_status_names_every_part_and_says_what_is_not_used() {
    let platform = Platform::start().await;
    let status = platform.admin(Method::GET, "/status", "").await.json();
    let parts = status["data"].as_array().unwrap();
    let state = |service: &str| {
        let part = parts.iter().find(|part| part["service"] == service).unwrap();
        part["state"].as_str().unwrap().to_owned()
    };
    for service in ["edge", "router", "provider-worker", "billing", "postgres"] {
        assert_eq!(state(service), "up", "{status}");
    }
    assert_eq!((state("redis"), state("nats")), ("unused".to_owned(), "unused".to_owned()));
    let postgres = parts.iter().find(|part| part["service"] == "postgres").unwrap();
    assert!(postgres["version"].as_str().is_some_and(|version| version.starts_with("1")), "{postgres}");
    // Neighbours of these tests know nothing of this question, which is no fault.
    assert_eq!(status["spool"], json!({ "records": 0, "bytes": 0, "oldest_seconds": null }));
    assert_eq!(status["parked"], Value::Null);
    platform.stop().await;
}
