//! What the platform is made of, and whether each part of it answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use rpc::Channel;
use rpc::status::service_status_client::ServiceStatusClient;
use rpc::status::{DescribeRequest, Description};
use serde::Serialize;
use tonic::Code;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::reply::{self, Refusal};
use super::Operator;
use crate::service::App;
use crate::store;

/// How long a part may take to answer. All are asked at once.
const WAIT: Duration = Duration::from_secs(1);
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum PartState {
    Up,
    /// It did not answer within a second.
    Down,
    /// None is configured; the platform does without.
    Unused,
}

/// One replica of a service, or one server behind them.
#[derive(Debug, Serialize, ToSchema)]
struct PlatformPart {
    /// `edge`, `router`, `provider-worker`, `billing`, `postgres`, `redis` or `nats`.
    service: &'static str,
    /// Its address, or what it calls itself; `in process` where it is a part of this edge's process.
    name: String,
    state: PartState,
    /// Of what is down why, else what there is to say; may be empty.
    detail: String,
    /// Null where it did not say.
    version: Option<String>,
    /// How long it took to answer; null where it was not asked or did not answer.
    latency_ms: Option<u64>,
}

/// What workers hold that billing has not settled, all together.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
struct SpoolStatus {
    /// Running requests included.
    records: u64,
    bytes: u64,
    /// How long ago the oldest request came in that has ended; null = there is none.
    oldest_seconds: Option<u64>,
}

impl SpoolStatus {
    fn add(&mut self, of_worker: &rpc::status::Spool) {
        self.records = self.records.saturating_add(of_worker.records);
        self.bytes = self.bytes.saturating_add(of_worker.bytes);
        self.oldest_seconds = self.oldest_seconds.max(of_worker.oldest_seconds);
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct PlatformStatus {
    data: Vec<PlatformPart>,
    /// Of the workers that answered.
    spool: SpoolStatus,
    /// Messages that are set aside for people; null where billing did not say.
    parked: Option<u64>,
}

/// What one part came to.
struct Found {
    part: PlatformPart,
    said: Option<Description>,
}

impl Found {
    fn of(service: &'static str, name: impl Into<String>, state: PartState) -> Self {
        let part = PlatformPart {
            service,
            name: name.into(),
            state,
            detail: String::new(),
            version: None,
            latency_ms: None,
        };
        Self { part, said: None }
    }

    fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.part.detail = detail.into();
        self
    }

    fn with_version(mut self, version: impl Into<String>) -> Self {
        self.part.version = Some(version.into()).filter(|version| !version.is_empty());
        self
    }

    fn within(mut self, since: Instant) -> Self {
        self.part.latency_ms = u64::try_from(since.elapsed().as_millis()).ok();
        self
    }
}

/// Show whether each part of the platform answers
#[utoipa::path(get, path = "/status", operation_id = "getStatus", tag = "Status",
    responses((status = 200, description = "Every part, asked just now", body = PlatformStatus)),
    security(("operator_token" = [])))]
async fn show(_operator: Operator, State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let mut found = edges(&app);
    let mut asked: Vec<BoxFuture<'_, Found>> = Vec::new();
    for (service, channel) in
        [("router", &app.router), ("provider-worker", &app.worker), ("billing", &app.billing)]
    {
        asked.extend(
            channel.each().into_iter().map(|one| Box::pin(replica(service, one)) as BoxFuture<'_, _>),
        );
    }
    asked.push(Box::pin(postgres(&app)));
    asked.push(Box::pin(redis(&app)));
    asked.push(Box::pin(async { nats(&app) }));
    found.extend(join_all(asked).await);
    let mut answer = PlatformStatus { data: Vec::new(), spool: SpoolStatus::default(), parked: None };
    for Found { part, said } in found {
        if let Some(said) = said {
            said.spool.iter().for_each(|spool| answer.spool.add(spool));
            // Every replica counts the same ones.
            answer.parked = answer.parked.max(said.parked);
        }
        answer.data.push(part);
    }
    Ok(reply::json(StatusCode::OK, &answer))
}

/// This edge, and those that it hears of.
fn edges(app: &App) -> Vec<Found> {
    let mut edges = vec![Found::of("edge", app.live.edge_id(), PartState::Up).with_version(VERSION)];
    edges.extend(app.live.peers().into_iter().map(|peer| {
        let detail = format!("heard {} s ago, {} requests under way", peer.heard.as_secs(), peer.in_flight);
        Found::of("edge", peer.edge_id, PartState::Up).with_detail(detail)
    }));
    edges
}

async fn replica(service: &'static str, channel: Channel) -> Found {
    let name = channel.address().unwrap_or_else(|| "in process".to_owned());
    let since = Instant::now();
    let mut client = ServiceStatusClient::new(channel);
    match tokio::time::timeout(WAIT, client.describe(DescribeRequest {})).await {
        Ok(Ok(answer)) => {
            let said = answer.into_inner();
            let found = Found::of(service, name, PartState::Up).within(since);
            let found = found.with_version(said.version.clone()).with_detail(said.detail.clone());
            Found { said: Some(said), ..found }
        }
        // An older one, which is there all the same.
        Ok(Err(status)) if status.code() == Code::Unimplemented => {
            Found::of(service, name, PartState::Up).within(since)
        }
        Ok(Err(status)) => Found::of(service, name, PartState::Down).with_detail(status.message()),
        Err(_) => Found::of(service, name, PartState::Down).with_detail("it did not answer in time"),
    }
}

async fn postgres(app: &App) -> Found {
    let since = Instant::now();
    match tokio::time::timeout(WAIT, store::server_version(&app.pool)).await {
        Ok(Ok(version)) => {
            Found::of("postgres", "database", PartState::Up).within(since).with_version(version)
        }
        Ok(Err(error)) => {
            tracing::debug!(error = %error, "the database does not answer");
            Found::of("postgres", "database", PartState::Down).with_detail("it refuses or cannot be reached")
        }
        Err(_) => Found::of("postgres", "database", PartState::Down).with_detail("it did not answer in time"),
    }
}

async fn redis(app: &App) -> Found {
    let Some(client) = &app.redis else { return Found::of("redis", "redis", PartState::Unused) };
    let since = Instant::now();
    let asked = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await
    };
    match tokio::time::timeout(WAIT, asked).await {
        Ok(Ok(info)) => {
            let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("");
            Found::of("redis", "redis", PartState::Up).within(since).with_version(version.trim())
        }
        Ok(Err(error)) => {
            tracing::debug!(error = %error, "Redis does not answer");
            Found::of("redis", "redis", PartState::Down).with_detail("it refuses or cannot be reached")
        }
        Err(_) => Found::of("redis", "redis", PartState::Down).with_detail("it did not answer in time"),
    }
}

/// As the connection knows it, which is kept up all the time.
fn nats(app: &App) -> Found {
    let Some(bus) = &app.bus else { return Found::of("nats", "nats", PartState::Unused) };
    if bus.connection_state() != async_nats::connection::State::Connected {
        return Found::of("nats", "nats", PartState::Down).with_detail("there is no connection to it");
    }
    let server = bus.server_info();
    Found::of("nats", server.server_name, PartState::Up).with_version(server.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spools_of_workers_add_up_and_the_oldest_is_the_oldest_of_all() {
        let mut sum = SpoolStatus::default();
        for (records, oldest_seconds) in [(2, None), (3, Some(7)), (0, None), (1, Some(4))] {
            sum.add(&rpc::status::Spool { records, bytes: 10, oldest_seconds });
        }
        assert_eq!(sum, SpoolStatus { records: 6, bytes: 40, oldest_seconds: Some(7) });
    }
}
