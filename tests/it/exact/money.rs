//! Periods that close and events that come under load.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Api, GOOD_CARD, event_signature, unique};

use super::{Site, all_whole, scaled};
use crate::business::nanos;

pub(super) async fn periods_that_close_under_load_add_up() -> anyhow::Result<()> {
    let site = Site::start(&[("PATCHBAY__BILLING__INVOICES__EVERY_MS", "500")]).await?;
    let admin = &site.platform.admin;
    let plan = unique("plan");
    admin.put(&format!("/plans/{plan}"), json!({"payment": "postpaid", "credit_limit": "100"})).await?;
    admin.put(&format!("/tenants/{}/plan", site.organisation.id), json!({"plan": plan})).await?;
    let load = site.load(16);
    let mut periods = Vec::new();
    for _ in 0..scaled(5) {
        load.progress(40).await;
        periods.push(admin.close_period().await?);
    }
    let seen = load.stop().await?;
    all_whole(&seen, "a period that closed")?;
    site.platform.ledger.settle_down().await?;
    // What was settled after the last close.
    periods.push(admin.close_period().await?);
    let transfers = transfers(&site).await?;
    let mut invoiced = 0;
    for period in &periods {
        let draft = admin.draft(&site.organisation, period).await?;
        let id = draft["id"].as_str().unwrap_or_default();
        admin.post(&format!("/invoices/{id}/finalise"), Value::Null).await?;
        let said: Value = admin.get(&format!("/invoices/{id}.json")).await?;
        let charges = nanos(&said["totals"]["charges"])?;
        let lines = said["lines"].as_array().into_iter().flatten();
        let lines: i64 = lines.map(|line| nanos(&line["amount"])).sum::<anyhow::Result<_>>()?;
        let moved = transfers.get(period).copied().unwrap_or_default();
        ensure!(charges == moved && lines == moved, "period {period} moved {moved}: {said}");
        invoiced += charges;
    }
    let all: i64 = transfers.values().sum();
    ensure!(invoiced == all && all > 0, "{all} were charged and {invoiced} invoiced");
    ensure!(transfers.len() > 2, "all transfers fell into few periods: {transfers:?}");
    site.audit(&seen).await
}

/// What usage moved in each period.
async fn transfers(site: &Site) -> anyhow::Result<BTreeMap<String, i64>> {
    let mut sums = BTreeMap::new();
    let mut after = String::new();
    loop {
        let path = format!("/ledger?tenant={}&kind=usage&limit=500&after={after}", site.organisation.id);
        let page = site.platform.admin.get(&path).await?;
        for row in page["data"].as_array().into_iter().flatten() {
            *sums.entry(row["period_id"].to_string()).or_default() += nanos(&row["amount"])?;
        }
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return Ok(sums),
        }
    }
}

pub(super) async fn one_event_fifty_times_at_once_is_one_credit() -> anyhow::Result<()> {
    let mut site = Site::start(&[]).await?;
    let kept = site.platform.kept()?;
    let secret = kept["webhook_secret"].as_str().context("payments are not simulated")?;
    site.platform.simulator.mute_payments(true).await?;
    let manager = site.platform.api_as(&site.organisation.management_key);
    for n in 0..scaled(1) {
        let order = json!({"amount": 25, "source_id": format!("order-{n}")});
        let opened = manager.call("POST", "/credits/checkout", &order).await?;
        let page = opened.body["data"]["url"].as_str().with_context(|| format!("{opened:?}"))?;
        site.platform.simulator.pay(page, GOOD_CARD).await?;
        let events = site.platform.simulator.payment_events().await?;
        let event = events.iter().rfind(|event| event["type"] == "payment_intent.succeeded");
        let body = event.context("nothing was paid")?.to_string();
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        for (what, signature) in [
            ("forged", event_signature("whsec_somebody_elses", &body, now)),
            ("old", event_signature(secret, &body, now - 301)),
            ("unsigned", String::new()),
        ] {
            for status in send(&site, &body, &signature, 10).await? {
                ensure!(status == 400, "{what}: {status}");
            }
        }
        let credit = site.platform.ledger.settled_balance(&site.organisation).await?;
        ensure!(credit == site.credit, "an event that is not believed brought credit: {credit}");
        for status in send(&site, &body, &event_signature(secret, &body, now), 50).await? {
            ensure!(status == 200, "{status}");
        }
        site.credit += 25_000_000_000;
        let credit = site.platform.ledger.settled_balance(&site.organisation).await?;
        ensure!(credit == site.credit, "{credit} is not {}", site.credit);
    }
    let path = format!("/ledger?tenant={}&kind=purchase&limit=500", site.organisation.id);
    let found = site.platform.admin.get(&path).await?;
    // The first was granted by hand.
    ensure!(found["data"].as_array().map(Vec::len) == Some(1 + scaled(1)), "{found}");
    site.audit(&[]).await
}

/// Sends an event so often at once, to every edge; the statuses.
async fn send(site: &Site, body: &str, signature: &str, times: usize) -> anyhow::Result<Vec<u16>> {
    let edges = &site.platform.dev.edges;
    let sent = (0..times).map(|n| {
        let edge = Api::new(&edges[n % edges.len()], "").with_header("stripe-signature", signature);
        let body = body.to_owned();
        async move { edge.post("/webhooks/stripe", body).await }
    });
    join_all(sent).await.into_iter().map(|reply| Ok(reply?.status)).collect()
}
