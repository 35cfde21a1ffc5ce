//! Steady traffic: clients that each ask at a set pace, and keep what they were told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use testkit::{Api, Platform, Reply};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Together 80 requests a second, as long as the machine keeps up.
const CLIENTS: u32 = 16;
const PACE: Duration = Duration::from_millis(200);

/// What a client was told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// When it asked, in Unix milliseconds.
    pub(super) at_ms: u64,
    /// 0 when no answer came.
    pub(super) status: u16,
    /// Of the error's availability; of an error without one, its message.
    pub(super) code: String,
    pub(super) retry_after: String,
}

/// Runs until it is stopped.
pub(super) struct Traffic {
    clients: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Traffic {
    /// Clients of every edge, with a key of an organisation of their own.
    pub(super) async fn start(platform: &Platform, model: &str) -> anyhow::Result<Self> {
        let organisation = platform.admin.organisation("100").await?;
        let bases = platform.api_bases();
        let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let clients = (0..CLIENTS)
            .map(|n| {
                let api = Api::new(&bases[n as usize % bases.len()], &organisation.api_key);
                let late = PACE / CLIENTS * n;
                tokio::spawn(keep_asking(api, model.to_owned(), late, Arc::clone(&stop), Arc::clone(&told)))
            })
            .collect();
        Ok(Self { clients, stop, told })
    }

    /// Waits until so many requests have ended.
    pub(super) async fn progress(&self, requests: usize) {
        while self.since(0) < requests && !self.clients.iter().all(JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many requests that were sent since have ended.
    pub(super) fn since(&self, at_ms: u64) -> usize {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|one| one.at_ms >= at_ms).count()
    }

    /// Lets the running requests end and hands over what was told.
    pub(super) async fn stop(self) -> anyhow::Result<Vec<Told>> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await?;
        }
        Ok(self.told.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

async fn keep_asking(
    api: Api,
    model: String,
    late: Duration,
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<Told>>>,
) {
    let body =
        json!({"model": model, "max_tokens": 4, "messages": [{"role": "user", "content": "Say hello."}]});
    tokio::time::sleep(late).await;
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let at_ms = now_ms();
        let one = match api.chat(&body).await {
            Ok(reply) => Told {
                at_ms,
                status: reply.status,
                code: code(&reply).to_owned(),
                retry_after: reply.header("retry-after").to_owned(),
            },
            Err(error) => Told { at_ms, status: 0, code: format!("{error:#}"), retry_after: String::new() },
        };
        told.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }
}

fn code(reply: &Reply) -> &str {
    reply.body["error"]["availability"]["code"].as_str().unwrap_or(reply.error_message())
}

/// The clock that the simulator's log goes by, in Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
