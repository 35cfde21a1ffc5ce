//! Clients of several organisations that leave at any time, over the same connections to the same provider: nobody
//! is ever told what another one's request said.

use std::time::Duration;

use anyhow::ensure;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use testkit::{Api, unique};

use super::Site;
use crate::drills::chance::Chance;
use crate::drills::is_long;

const TENANTS: usize = 6;
const AT_ONCE: usize = 32;

struct Tenant {
    /// One for each edge.
    clients: Vec<Api>,
    canary: String,
}

/// What a client does with its request.
#[derive(Debug, Clone, Copy)]
enum Leaves {
    After(Duration),
    Events(usize),
    /// Waits for the whole answer, in one piece, at most so long.
    Whole(Duration),
}

pub(super) async fn nobody_hears_anothers(site: &Site) -> anyhow::Result<()> {
    let many = if is_long() { 20_000 } else { 240 };
    let mut tenants = Vec::new();
    for _ in 0..TENANTS {
        let organisation = site.platform.admin.organisation("100").await?;
        tenants.push(Tenant { clients: site.clients_of(&organisation.api_key), canary: unique("canary") });
    }
    let mut chance = Chance::of_suite();
    let plan: Vec<(usize, Leaves)> = (0..many)
        .map(|n| match chance.within(0, 4) {
            0 => (n, Leaves::After(Duration::from_millis(chance.within(0, 120)))),
            1 => (n, Leaves::Whole(Duration::from_millis(chance.within(0, 200)))),
            _ => (n, Leaves::Events(usize::try_from(chance.within(0, 80)).unwrap_or(0))),
        })
        .collect();
    let tenants = &tenants;
    let said: Vec<(usize, String)> = futures::stream::iter(plan)
        .map(|(n, leaves)| {
            async move { (n % TENANTS, ask(site, &tenants[n % TENANTS], n, leaves).await) }.boxed()
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut own = 0;
    for (of, text) in &said {
        own += usize::from(text.contains(&tenants[*of].canary));
        for (n, other) in tenants.iter().enumerate() {
            ensure!(n == *of || !text.contains(&other.canary), "{} hears {text}", tenants[*of].canary);
        }
    }
    eprintln!("{many} requests of {TENANTS} organisations, {own} heard a canary, all of them their own");
    ensure!(own * 20 > many, "only {own} of {many} clients heard anything: this shows nothing");
    Ok(())
}

/// Whatever text came before the client left.
async fn ask(site: &Site, tenant: &Tenant, n: usize, leaves: Leaves) -> String {
    let mut api = tenant.clients[n / TENANTS % tenant.clients.len()].clone();
    // Names that every organisation uses for requests of its own.
    if n.is_multiple_of(5) {
        api = api.with_header("idempotency-key", &format!("same-{}", n / TENANTS % 8));
    } else if n % 5 == 1 {
        api = api.with_header("x-openrouter-cache", "true");
    }
    let words = [tenant.canary.as_str(); 4].join(" ");
    let body = json!({"model": site.model, "stream": !matches!(leaves, Leaves::Whole(_)),
                      "messages": [{"role": "user", "content": format!("Say this: {words} [[sim: delay_ms=2]]")}]});
    match leaves {
        Leaves::After(time) => {
            let streamed = tokio::time::timeout(time, api.stream_with(&body)).await;
            streamed.ok().and_then(Result::ok).map(|streamed| streamed.text())
        }
        Leaves::Events(events) => {
            let streamed = api.stream_until(&body, |chunks| chunks.len() >= events).await;
            streamed.ok().map(|streamed| streamed.text())
        }
        Leaves::Whole(time) => whole(&api, &body, time).await,
    }
    .unwrap_or_default()
}

async fn whole(api: &Api, body: &Value, time: Duration) -> Option<String> {
    let reply = tokio::time::timeout(time, api.chat(body)).await;
    Some(reply.ok()?.ok()?.body.to_string())
}
