//! Waiting until processes are ready, and noticing when one has died instead.

use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::net::TcpStream;

use super::state::Instance;

const POLL: Duration = Duration::from_millis(100);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Waits until all of `instances` are ready.
///
/// # Errors
/// When one ends, with the end of its log, or when `limit` passes, naming those that are not ready.
pub(super) async fn ready(instances: &[&Instance], limit: Duration) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let until = Instant::now() + limit;
    let mut waiting = instances.to_vec();
    loop {
        let mut unready = Vec::new();
        for instance in waiting {
            if !is_ready(&client, instance).await {
                unready.push(instance);
            }
        }
        if unready.is_empty() {
            return Ok(());
        }
        if let Some(dead) = unready.iter().find(|instance| !instance.is_alive()) {
            let log = dead.log.display();
            bail!("{} has ended; its log {log} ends with:\n{}", dead.name(), backing::log_tail(&dead.log));
        }
        if Instant::now() >= until {
            let names: Vec<String> = unready.iter().map(|instance| instance.name()).collect();
            bail!("not ready after {} s: {}", limit.as_secs(), names.join(", "));
        }
        waiting = unready;
        tokio::time::sleep(POLL).await;
    }
}

/// Whether an instance takes work now.
pub(super) async fn is_ready(client: &reqwest::Client, instance: &Instance) -> bool {
    let asked = async {
        match instance.probe {
            Some(probe) => {
                let answer = client.get(format!("http://{probe}/readyz")).send().await;
                answer.is_ok_and(|answer| answer.status().is_success())
            }
            None => TcpStream::connect(instance.address).await.is_ok(),
        }
    };
    instance.is_alive() && tokio::time::timeout(ANSWER_WITHIN, asked).await.unwrap_or(false)
}
