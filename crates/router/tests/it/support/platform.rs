//! A router with what it needs around it.

use std::sync::Arc;
use std::time::Duration;

use identity::MasterKey;
use router::{Config, Deps, ProviderOverride, Service, known_providers};
use rpc::Fault;
use rpc::router::router_client::RouterClient;
use rpc::router::{
    DescribeCatalogueRequest, DescribeHealthRequest, Observation, ObserveRequest, PlanRequest, PlanResponse,
    Profile, ProviderPreferences,
};
use serde_json::Value;
use sqlx::PgPool;

use super::billing::Ledger;
use super::database::Database;
use super::eventually;

pub(crate) type Client = RouterClient<rpc::Channel>;

/// Everything that several routers of one test share.
pub(crate) struct Surroundings {
    pub(crate) database: Database,
    pub(crate) ledger: Ledger,
    pub(crate) master_key: Arc<MasterKey>,
    pub(crate) bus: Option<async_nats::Client>,
    pub(crate) redis: Option<redis::Client>,
    pub(crate) config: Config,
}

/// One router. Stops when dropped.
pub(crate) struct Router {
    pub(crate) client: Client,
    pub(crate) health: lifecycle::Health,
    pub(crate) metrics: lifecycle::Metrics,
    tasks: lifecycle::Tasks,
}

impl Drop for Router {
    fn drop(&mut self) {
        self.tasks.shutdown().begin();
    }
}

impl Surroundings {
    /// A migrated database without a catalogue.
    pub(crate) async fn bare() -> Self {
        Self {
            database: Database::create().await,
            ledger: Ledger::default(),
            master_key: Arc::new(MasterKey::from_hex(&MasterKey::generate_hex()).unwrap()),
            bus: None,
            redis: None,
            config: config(),
        }
    }

    /// The same with the shipped catalogue, every provider simulated.
    pub(crate) async fn seeded() -> Self {
        let bare = Self::bare().await;
        router::seed(&bare.database.pool(), &bare.master_key, &simulated(9)).await.unwrap();
        bare
    }

    pub(crate) async fn router(&self) -> Router {
        self.router_on(self.database.pool()).await
    }

    pub(crate) async fn router_on(&self, pool: PgPool) -> Router {
        self.router_with(pool, |_| {}).await
    }

    /// A router that leaves failing endpoints alone for so many milliseconds.
    pub(crate) async fn router_ejecting_for(&self, ejection_ms: u64) -> Router {
        self.router_with(self.database.pool(), |config| config.health.ejection_ms = ejection_ms).await
    }

    pub(crate) async fn router_with(&self, pool: PgPool, change: impl FnOnce(&mut Config)) -> Router {
        let (tasks, health) = (lifecycle::Tasks::default(), lifecycle::Health::default());
        let metrics = lifecycle::Metrics::default();
        let mut config = self.config.clone();
        change(&mut config);
        let deps = Deps {
            pool,
            bus: self.bus.clone(),
            redis: self.redis.clone(),
            billing: self.ledger.channel(),
            master_key: Arc::clone(&self.master_key),
            tasks: tasks.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
        };
        let service = Service::start(config, deps).await.unwrap();
        let client =
            Client::new(rpc::Channel::local(service.grpc())).max_decoding_message_size(rpc::MAX_MESSAGE);
        Router { client, health, metrics, tasks }
    }
}

/// The defaults, in more of a hurry.
fn config() -> Config {
    let mut config = Config { poll_ms: 100, ..Config::default() };
    config.health.share_every_ms = 100;
    config
}

/// Every known provider as dev mode has it without credentials.
pub(crate) fn simulated(port: u16) -> Vec<ProviderOverride> {
    known_providers()
        .unwrap()
        .into_iter()
        .map(|known| ProviderOverride {
            base_url: Some(format!("http://127.0.0.1:{port}/{}", known.dialect)),
            provider: known.slug,
            credential: None,
            simulated: true,
        })
        .collect()
}

/// A plain chat of one short message.
pub(crate) fn chat(models: &[&str], seed: u64) -> PlanRequest {
    PlanRequest {
        models: models.iter().map(|model| (*model).to_owned()).collect(),
        profile: Some(Profile {
            body_bytes: 300,
            messages: 1,
            input_modalities: vec!["text".to_owned()],
            ..Profile::default()
        }),
        seed,
        ..PlanRequest::default()
    }
}

/// The same by price alone.
pub(crate) fn cheapest(model: &str) -> PlanRequest {
    let provider = ProviderPreferences { sort: "price".to_owned(), ..ProviderPreferences::default() };
    PlanRequest { provider: Some(provider), ..chat(&[model], 1) }
}

impl Router {
    pub(crate) async fn ready(&self) {
        eventually("the router to be ready", async || self.health.is_ready().then_some(())).await;
    }

    pub(crate) async fn plan(&self, request: PlanRequest) -> Result<PlanResponse, Fault> {
        let outcome = self.client.clone().plan(request).await;
        outcome.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }

    pub(crate) async fn tags(&self, request: PlanRequest) -> Vec<String> {
        let plan = self.plan(request).await.unwrap();
        plan.attempts.into_iter().map(|attempt| attempt.tag).collect()
    }

    pub(crate) async fn describe(&self, model: &str) -> Value {
        let request =
            DescribeCatalogueRequest { model: model.to_owned(), ..DescribeCatalogueRequest::default() };
        self.described(request).await
    }

    /// The list or row that is asked for.
    pub(crate) async fn described(&self, request: DescribeCatalogueRequest) -> Value {
        let answer = self.client.clone().describe_catalogue(request).await.unwrap().into_inner();
        serde_json::from_slice(&answer.body_json).unwrap()
    }

    pub(crate) async fn health(&self, request: DescribeHealthRequest) -> Result<Value, Fault> {
        let answer = self.client.clone().describe_health(request).await;
        let answer = answer.map_err(|status| Fault::from_status(&status))?.into_inner();
        Ok(serde_json::from_slice(&answer.body_json).unwrap())
    }

    pub(crate) async fn observe(&self, observation: Observation) {
        let request = ObserveRequest { observations: vec![observation] };
        self.client.clone().observe(request).await.unwrap();
    }

    /// Waits until the metrics say so.
    pub(crate) async fn counted(&self, line: &str) {
        eventually(line, async || self.metrics.render().contains(line).then_some(())).await;
    }
}

/// Long enough for a poll or two to have happened.
pub(crate) async fn a_few_polls() {
    tokio::time::sleep(Duration::from_millis(400)).await;
}
