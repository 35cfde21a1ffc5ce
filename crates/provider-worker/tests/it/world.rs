//! One worker with everything around it, and an edge that speaks to it.

use std::path::Path;
use std::sync::Arc;

use identity::{EndpointId, GenerationId, KeyId, MasterKey, PriceVersionId, Role, TenantId};
use lifecycle::{Health, Metrics, Tasks};
use pricing::{Class, PriceBook, Rate, Rates};
use provider_worker::{Config, Deps, Service};
use rpc::Channel;
use rpc::router::{Attempt, Timeouts};
use rpc::worker::execute_down::Message as Down;
use rpc::worker::execute_up::Message as Up;
use rpc::worker::worker_client::WorkerClient;
use rpc::worker::{Commit, Done, ExecuteDown, ExecuteUp, Failed, Final, LeaseUse, Start, Stop};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::billing::Notes;
use crate::upstream::Upstream;

/// Pico-USD per token.
pub(crate) const INPUT: i64 = 2_500_000;
pub(crate) const OUTPUT: i64 = 10_000_000;
/// Basis points.
pub(crate) const MARKUP: i32 = 500;

/// What a usage costs a customer, in nano-USD, reckoned apart from the code under test.
pub(crate) fn cost(input: i64, output: i64) -> i64 {
    let picos = input * INPUT + output * OUTPUT;
    let marked = picos * (10_000 + i64::from(MARKUP));
    assert_eq!(marked % 10_000_000, 0, "the tests use numbers that need no rounding");
    marked / 10_000_000
}

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) notes: Notes,
    pub(crate) tasks: Tasks,
    pub(crate) directory: tempfile::TempDir,
}

/// The settings of `config/default.toml` with a spool of its own and short waits where a test would sit them
/// out.
pub(crate) fn config(directory: &Path) -> Config {
    #[derive(serde::Deserialize)]
    struct Whole {
        worker: Config,
    }
    let whole: Whole = lifecycle::load(include_str!("../../../../config/default.toml"), None, "").unwrap();
    Config {
        spool_dir: directory.join("spool"),
        settle_wait_ms: 50,
        observe_ms: 10,
        open_leases_ms: 10,
        drain_ms: 5_000,
        ..whole.worker
    }
}

pub(crate) fn deps(notes: &Notes, tasks: &Tasks) -> Deps {
    Deps {
        billing: notes.billing(),
        router: notes.router(),
        bus: None,
        redis: None,
        master_key: Arc::new(master_key()),
        tasks: tasks.clone(),
        health: Health::default(),
        metrics: Metrics::default(),
    }
}

pub(crate) fn master_key() -> MasterKey {
    MasterKey::from_hex(&"5a".repeat(32)).unwrap()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (notes, tasks) = (Notes::new(), Tasks::default());
        let config = change(config(directory.path()));
        let service = Service::start(config, deps(&notes, &tasks)).await.unwrap();
        Self { service, notes, tasks, directory }
    }

    /// With another master key.
    pub(crate) async fn with_key(master_key: MasterKey) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (notes, tasks) = (Notes::new(), Tasks::default());
        let deps = Deps { master_key: Arc::new(master_key), ..deps(&notes, &tasks) };
        let service = Service::start(config(directory.path()), deps).await.unwrap();
        Self { service, notes, tasks, directory }
    }

    pub(crate) async fn execute(&self, start: Start) -> Result<Conversation, Status> {
        Conversation::begin(Channel::local(self.service.grpc()), start).await
    }

    /// This worker over the network.
    pub(crate) async fn remote(&self) -> Channel {
        let keys = rpc::ServiceKeys::parse(&rpc::ServiceKeys::generate().unwrap()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let replicas = rpc::Replicas(vec![listener.local_addr().unwrap().to_string()]);
        let (server, stop) = (self.service.grpc(), self.tasks.shutdown().wait());
        tokio::spawn(rpc::serve(listener, Role::ProviderWorker, keys.clone(), server, stop));
        Channel::remote(&replicas, Role::Edge, Role::ProviderWorker, keys).unwrap()
    }

    /// Executes and acknowledges, as an edge whose client stays to the end.
    pub(crate) async fn run(&self, start: Start) -> Heard {
        self.execute(start).await.unwrap().hear_all().await
    }
}

/// A paid, streamed request for these attempts.
pub(crate) fn request(attempts: Vec<Attempt>) -> Start {
    let account = LeaseUse { amount: 1_000_000_000, ..LeaseUse::default() };
    Start {
        generation_id: GenerationId::generate().uuid().to_string(),
        execution: 1,
        tenant_id: TenantId::generate().to_string(),
        key_id: KeyId::generate().to_string(),
        body: body(true).to_string().into(),
        client_dialect: "chat".to_owned(),
        stream: true,
        attempts,
        leases: vec![account],
        reserved: 1_000_000_000,
        received_at_ms: 1_700_000_000_000,
        ..Start::default()
    }
}

/// The same, not streamed.
pub(crate) fn whole_request(attempts: Vec<Attempt>) -> Start {
    Start { stream: false, body: body(false).to_string().into(), ..request(attempts) }
}

fn body(stream: bool) -> Value {
    json!({
        "model": "openai/gpt-4o",
        "stream": stream,
        "messages": [{ "role": "user", "content": "Say hello to the world." }],
    })
}

/// An endpoint at this provider.
pub(crate) fn attempt(upstream: &Upstream, provider: &str) -> Attempt {
    let rates = Rates::default()
        .with(Class::Input, Rate::from_picos(INPUT))
        .with(Class::Output, Rate::from_picos(OUTPUT));
    let book = PriceBook { base: rates, tiers: Vec::new() };
    Attempt {
        endpoint_id: EndpointId::generate().to_string(),
        model: "openai/gpt-4o".to_owned(),
        provider: provider.to_owned(),
        provider_name: format!("The {provider}"),
        provider_model: "m".to_owned(),
        base_url: upstream.base_url.clone(),
        dialect: "openai".to_owned(),
        price: Some(rpc::convert::price_out(PriceVersionId::generate(), &book)),
        cancel_stops_billing: true,
        markup_basis_points: MARKUP,
        context_length: 128_000,
        ..Attempt::default()
    }
}

/// Makes an endpoint give up early on a provider that says nothing.
pub(crate) fn impatient(attempt: Attempt) -> Attempt {
    let timeouts = Timeouts { first_token_ms: 100, stall_ms: 100, ..Timeouts::default() };
    Attempt { timeouts: Some(timeouts), ..attempt }
}

/// One execution, as the edge sees it.
pub(crate) struct Conversation {
    up: mpsc::Sender<ExecuteUp>,
    down: Streaming<ExecuteDown>,
    pub(crate) heard: Heard,
}

/// What an edge was told.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) started: Vec<u32>,
    pub(crate) commit: Option<Commit>,
    pub(crate) text: String,
    pub(crate) deltas: u32,
    pub(crate) used_tokens: u64,
    pub(crate) r#final: Option<Final>,
    pub(crate) failed: Option<Failed>,
}

impl Heard {
    /// The objects that a client reads from the stream, without `[DONE]`.
    pub(crate) fn chunks(&self) -> Vec<Value> {
        let data = self.text.split("\n\n").filter_map(|frame| frame.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    /// The text that the client reads.
    pub(crate) fn content(&self) -> String {
        let chunks = self.chunks();
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
    }

    pub(crate) fn error(&self) -> Value {
        serde_json::from_slice(&self.failed.as_ref().unwrap().body).unwrap()
    }

    /// What became of each attempt.
    pub(crate) fn outcomes(&self) -> Vec<&str> {
        let attempts = match (&self.r#final, &self.failed) {
            (Some(last), _) => &last.attempts,
            (_, Some(failed)) => &failed.attempts,
            _ => return Vec::new(),
        };
        attempts.iter().map(|attempt| attempt.outcome.as_str()).collect()
    }
}

impl Conversation {
    pub(crate) async fn begin(worker: Channel, start: Start) -> Result<Self, Status> {
        let (up, receiver) = mpsc::channel(8);
        up.send(ExecuteUp { message: Some(Up::Start(start)) }).await.unwrap();
        let down = WorkerClient::new(worker).execute(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Self { up, down, heard: Heard::default() })
    }

    pub(crate) async fn say(&self, message: Up) {
        self.up.send(ExecuteUp { message: Some(message) }).await.unwrap();
    }

    pub(crate) async fn stop(&self) {
        self.say(Up::Stop(Stop { reason: "client_gone".to_owned() })).await;
    }

    /// Takes one message; `false` when it was the last word.
    pub(crate) async fn next(&mut self) -> bool {
        let Some(ExecuteDown { message: Some(message) }) = self.down.message().await.unwrap() else {
            panic!("the worker left without a last word");
        };
        let heard = &mut self.heard;
        match message {
            Down::AttemptStarted(started) => heard.started.push(started.n),
            Down::Commit(commit) => assert!(heard.commit.replace(commit).is_none()),
            Down::Data(data) => {
                assert!(heard.commit.is_some(), "no frame before the commit");
                assert!(data.deltas >= heard.deltas);
                heard.deltas = data.deltas;
                heard.used_tokens = data.used_tokens;
                heard.text.push_str(std::str::from_utf8(&data.frames).unwrap());
            }
            Down::Final(last) => heard.r#final = Some(last),
            Down::Failed(failed) => heard.failed = Some(failed),
        }
        heard.r#final.is_none() && heard.failed.is_none()
    }

    /// Takes messages until this text has come.
    pub(crate) async fn until(&mut self, text: &str) {
        while !self.heard.text.contains(text) {
            assert!(self.next().await, "the answer ended before `{text}`");
        }
    }

    /// Takes all messages, acknowledges the last, and waits for the worker to close.
    pub(crate) async fn hear_all(mut self) -> Heard {
        while self.next().await {}
        self.say(Up::Done(Done {})).await;
        assert!(self.down.message().await.unwrap().is_none());
        self.heard
    }
}
