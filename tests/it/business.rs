//! A tenant and an operator do business from the plan to the invoice, through their APIs alone, and every figure
//! that anyone is shown agrees with the books.

mod paper;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Api, Charge, Dialect, GOOD_CARD, Organisation, Platform, Topology, unique};

use crate::{Alone, alone};

pub(crate) fn scenarios() -> Vec<(&'static str, Alone)> {
    alone![one_process_does_business_from_plan_to_invoice, a_cluster_does_business_from_plan_to_invoice]
}

/// What comes by itself comes soon. Payments are asked about only after a minute, so that before it is an event
/// that brings them.
const PROMPT: [(&str, &str); 4] = [
    ("PATCHBAY__BILLING__SEAL_EVERY_MS", "1000"),
    ("PATCHBAY__BILLING__CHECK_EVERY_MS", "1000"),
    ("PATCHBAY__BILLING__INVOICES__EVERY_MS", "500"),
    ("PATCHBAY__BILLING__PAYMENTS__POLL_EVERY_MS", "500"),
];
const DOLLAR: i64 = 1_000_000_000;
/// 5.5 % of $25 is $1.375.
const FEE: i64 = 1_380_000_000;

async fn one_process_does_business_from_plan_to_invoice() -> anyhow::Result<()> {
    do_business(Topology::OneProcess).await
}

async fn a_cluster_does_business_from_plan_to_invoice() -> anyhow::Result<()> {
    do_business(Topology::Cluster).await
}

async fn do_business(topology: Topology) -> anyhow::Result<()> {
    let platform = Platform::start(topology, &PROMPT).await?;
    let mut business = Business::open(&platform).await?;
    let payment = business.buy().await.context("buying credit")?;
    business.use_models().await.context("using models")?;
    business.figures_agree().await.context("comparing figures")?;
    let period = platform.admin.close_period().await?;
    let statement = business.statement(&period).await.context("the statement")?;
    business.receipt().await.context("the receipt")?;
    business.money_leads_everywhere(&period, &statement).await.context("tracing a request")?;
    business.refund(&payment).await.context("the refund")?;
    business.top_up().await.context("the automatic purchase")?;
    business.books_are_whole().await.context("the books")?;
    drop(business);
    platform.stop().await
}

/// Nano-dollars of an amount, be it a number or a string.
pub(crate) fn nanos(amount: &Value) -> anyhow::Result<i64> {
    let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    let number: f64 = text.parse().with_context(|| format!("{amount} is no amount"))?;
    Ok((number * 1e9).round() as i64)
}

struct Business<'p> {
    platform: &'p Platform,
    organisation: Organisation,
    manager: Api,
    /// At 10 % and, by an override, at 5 %.
    models: [String; 2],
    generations: Vec<(String, Charge)>,
}

impl<'p> Business<'p> {
    async fn open(platform: &'p Platform) -> anyhow::Result<Self> {
        let admin = &platform.admin;
        let provider = admin.provider(Dialect::OpenAi).await?;
        let usual = admin.model(&[(&provider, "3", "15")]).await?;
        let special = admin.model(&[(&provider, "0.15", "0.6")]).await?;
        let plan = unique("plan");
        let terms = json!({
            "markup_basis_points": 1000,
            "markup_overrides": [{"model": special, "basis_points": 500}],
            "purchase_fee": {"basis_points": 550, "minimum": "0.80"},
        });
        admin.put(&format!("/plans/{plan}"), terms).await?;
        let organisation = admin.organisation("0").await?;
        admin.put(&format!("/tenants/{}/plan", organisation.id), json!({"plan": plan})).await?;
        let profile = json!({"name": "Example Ltd", "address": ["1 Road", "Town"], "country": "GB",
            "tax_id": "GB123", "reference": "PO 7"});
        admin.put(&format!("/tenants/{}/billing-profile", organisation.id), profile).await?;
        let manager = platform.api_as(&organisation.management_key);
        Ok(Self { platform, organisation, manager, models: [usual, special], generations: Vec::new() })
    }

    async fn credits(&self) -> anyhow::Result<(i64, i64)> {
        let reply = self.manager.get("/credits").await?;
        ensure!(reply.status == 200, "{reply:?}");
        Ok((nanos(&reply.body["data"]["total_credits"])?, nanos(&reply.body["data"]["total_usage"])?))
    }

    /// Waits for a payment of the tenant that is as it should be.
    async fn payment(&self, id: &str, is_there: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let path = format!("/tenants/{}/payments", self.organisation.id);
        let one = |body: &Value| {
            let rows = body["data"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| (id.is_empty() || row["id"] == id) && is_there(row))
        };
        let body = self.platform.admin.wait_for(&path, |body| one(body).is_some()).await?;
        one(&body).context("it was there")
    }

    /// Buys $25 on a page of the processor; an event brings them, and telling it again brings no more.
    async fn buy(&self) -> anyhow::Result<Value> {
        let before = self.platform.api_as(&self.organisation.api_key).ask(&self.models[0], "hello").await?;
        ensure!(before.status == 402, "without credit: {before:?}");
        let order = json!({"amount": 25, "save_card": true, "source_id": "order-1"});
        let opened = self.manager.call("POST", "/credits/checkout", &order).await?;
        ensure!(opened.status == 201, "{opened:?}");
        let again = self.manager.call("POST", "/credits/checkout", &order).await?;
        ensure!(again.body["data"]["id"] == opened.body["data"]["id"], "{opened:?} {again:?}");
        let other = json!({"amount": 26, "save_card": true, "source_id": "order-1"});
        let other = self.manager.call("POST", "/credits/checkout", &other).await?;
        ensure!(other.status == 409, "{other:?}");
        let data = &opened.body["data"];
        ensure!((nanos(&data["fee"])?, nanos(&data["total"])?) == (FEE, 25 * DOLLAR + FEE), "{data}");
        ensure!(self.credits().await? == (0, 0), "an open page is no credit");
        self.platform.simulator.pay(data["url"].as_str().unwrap_or_default(), GOOD_CARD).await?;
        let id = data["id"].as_str().unwrap_or_default();
        self.payment(id, |row| row["status"] == "succeeded").await?;
        ensure!(self.credits().await? == (25 * DOLLAR, 0), "{:?}", self.credits().await?);
        for event in self.platform.simulator.payment_events().await? {
            self.platform.simulator.deliver_again(event["id"].as_str().unwrap_or_default()).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        ensure!(self.credits().await? == (25 * DOLLAR, 0), "{:?}", self.credits().await?);
        let paid = self.manager.get(&format!("/credits/payments/{id}")).await?;
        ensure!(paid.body["data"]["status"] == "succeeded", "{paid:?}");
        Ok(paid.body["data"].clone())
    }

    /// Both models, whole answers and streams, at every edge: each is charged at its price and markup.
    async fn use_models(&mut self) -> anyhow::Result<()> {
        for base in self.platform.api_bases() {
            let api = Api::new(&base, &self.organisation.api_key);
            for (model, (prompt, completion)) in self.models.iter().zip([(33_000, 165_000), (1_575, 6_300)]) {
                let whole = api.ask(model, "Say hello to the books.").await?;
                ensure!(whole.status == 200, "{whole:?}");
                let streamed = api.stream(model, "Say hello. [[sim: tokens=33]]").await?;
                let told = streamed.usage().map(|usage| usage["cost"].clone());
                let told = [
                    (whole.body["id"].as_str().map(str::to_owned), whole.body["usage"]["cost"].clone()),
                    (streamed.id().map(str::to_owned), told.unwrap_or_default()),
                ];
                for (id, cost) in told {
                    let id = id.context("no id")?;
                    let charge = self.platform.ledger.charge(&id).await?;
                    // Tenths of nano-dollars, rounded half to even.
                    let tenths = charge.prompt_tokens * prompt + charge.completion_tokens * completion;
                    let due = half_to_even(i64::try_from(tenths)?);
                    ensure!(charge.nanos == due, "{model}: {charge:?} is not {due}");
                    ensure!(nanos(&cost)? == charge.nanos, "{model}: told {cost}, took {charge:?}");
                    self.generations.push((id, charge));
                }
            }
        }
        Ok(())
    }

    fn sum(&self) -> i64 {
        self.generations.iter().map(|(_, charge)| charge.nanos).sum()
    }

    /// Everything that tenants and operators are shown is what `report.usage` has.
    async fn figures_agree(&self) -> anyhow::Result<()> {
        let admin = &self.platform.admin;
        let kept = self.platform.ledger.usage_of(&self.organisation).await?;
        ensure!((kept.len(), kept.iter().sum()) == (self.generations.len(), self.sum()), "{kept:?}");
        let key = self.platform.api_as(&self.organisation.api_key).get("/key").await?;
        for window in ["usage", "usage_daily", "usage_weekly", "usage_monthly"] {
            ensure!(nanos(&key.body["data"][window])? == self.sum(), "{window}: {key:?}");
        }
        ensure!(key.body["data"]["is_free_tier"] == false, "{key:?}");
        ensure!(self.credits().await? == (25 * DOLLAR, self.sum()), "{:?}", self.credits().await?);
        for (id, charge) in &self.generations {
            let shown = self.manager.get(&format!("/generation?id={id}")).await?;
            let data = &shown.body["data"];
            ensure!(nanos(&data["total_cost"])? == charge.nanos, "{charge:?} {data}");
            ensure!(
                nanos(&data["upstream_inference_cost"])? == charge.provider_cost_nanos,
                "{charge:?} {data}"
            );
        }
        // Days that are not over are not in it.
        let activity = self.manager.get("/activity").await?;
        ensure!(activity.status == 200 && activity.body["data"] == json!([]), "{activity:?}");
        let series = format!("/usage/series?tenant={}&grain=all", self.organisation.id);
        let series = admin.get(&series).await?;
        ensure!(nanos(&series["data"][0]["charge"])? == self.sum(), "{series}");
        let rows = admin.usage_rows(&self.organisation).await?;
        let listed: i64 = rows.iter().map(|row| nanos(&row["charge"])).sum::<anyhow::Result<_>>()?;
        ensure!((rows.len(), listed) == (self.generations.len(), self.sum()), "{rows:?}");
        let left = self.platform.ledger.settled_balance(&self.organisation).await?;
        ensure!(left == 25 * DOLLAR - self.sum(), "{left} are left");
        Ok(())
    }

    /// From a request's id to its price, transfers, seal, period and line.
    async fn money_leads_everywhere(&self, period: &str, statement: &Value) -> anyhow::Result<()> {
        for (id, charge) in &self.generations {
            let path = format!("/generations/{id}/money");
            let is_sealed = |body: &Value| {
                let transfers = body["transfers"].as_array();
                transfers
                    .is_some_and(|rows| !rows.is_empty() && rows.iter().all(|row| !row["seal"].is_null()))
            };
            let money = self.platform.admin.wait_for(&path, is_sealed).await?;
            ensure!(money["state"] == "settled" && money["charge"]["agrees"] == true, "{money}");
            ensure!(money["charge"]["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{money}");
            let amount = |kind: &str| {
                let rows = money["transfers"].as_array().into_iter().flatten();
                let rows: Vec<&Value> = rows.filter(|row| row["kind"] == kind).collect();
                if let [row] = rows[..] { nanos(&row["amount"]) } else { anyhow::bail!("{kind}: {money}") }
            };
            ensure!(amount("usage")? == charge.nanos, "{money}");
            ensure!(amount("provider_cost")? == charge.provider_cost_nanos, "{money}");
            ensure!(money["period"]["period_id"].as_i64() == period.parse().ok(), "{money}");
            ensure!(money["invoice"]["number"] == statement["number"], "{money}");
            ensure!(money["invoice"]["lines"].as_array().is_some_and(|lines| lines.len() == 1), "{money}");
        }
        Ok(())
    }

    /// $5 go back to the card, once.
    async fn refund(&self, payment: &Value) -> anyhow::Result<()> {
        let id = payment["id"].as_str().unwrap_or_default();
        let path = format!("/credits/payments/{id}/refund");
        let body = json!({"amount": "5", "reason": "too much", "source_id": "back-1"});
        for _ in 0..2 {
            let reply = self.manager.call("POST", &path, &body).await?;
            ensure!(reply.status == 200, "{reply:?}");
        }
        let all = json!({"amount": "25", "reason": "too much"});
        let refused = self.manager.call("POST", &path, &all).await?;
        ensure!((400..500).contains(&refused.status), "{refused:?}");
        let is_back = |row: &Value| row["reversals"][0]["status"] == "done";
        let payment = self.payment(id, is_back).await?;
        let reversals = payment["reversals"].as_array().map(Vec::len);
        ensure!(
            reversals == Some(1) && nanos(&payment["reversals"][0]["amount"])? == 5 * DOLLAR,
            "{payment}"
        );
        let left = self.platform.ledger.settled_balance(&self.organisation).await?;
        ensure!(left == 20 * DOLLAR - self.sum(), "{left} are left");
        Ok(())
    }

    /// Less than $20 are left, which buys $10 from the saved card, once.
    async fn top_up(&self) -> anyhow::Result<()> {
        let settings = json!({"enabled": true, "threshold": 20, "amount": 10});
        let put = self.manager.call("PUT", "/credits/auto-topup", &settings).await?;
        ensure!(put.status == 200 && put.body["data"]["card"]["last4"] == "4242", "{put:?}");
        self.payment("", |row| row["status"] == "succeeded" && row["kind"] == "auto_top_up").await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let left = self.platform.ledger.settled_balance(&self.organisation).await?;
        ensure!(left == 30 * DOLLAR - self.sum(), "{left} are left");
        Ok(())
    }

    /// The ledger has it all, sealed, and no invariant is broken.
    async fn books_are_whole(&self) -> anyhow::Result<()> {
        let admin = &self.platform.admin;
        let tenant = &self.organisation.id;
        for (kind, count, sum) in [
            ("usage", self.generations.len(), self.sum()),
            ("purchase", 2, 35 * DOLLAR),
            // The second time it is the least, $0.80.
            ("purchase_fee", 2, FEE + 800_000_000),
            ("refund", 1, 5 * DOLLAR),
        ] {
            let path = format!("/ledger?tenant={tenant}&kind={kind}&limit=500");
            let is_sealed = |body: &Value| {
                body["data"].as_array().is_some_and(|rows| rows.iter().all(|row| !row["block"].is_null()))
            };
            let found = admin.wait_for(&path, is_sealed).await?;
            let rows = found["data"].as_array().cloned().unwrap_or_default();
            let total: i64 = rows.iter().map(|row| nanos(&row["amount"])).sum::<anyhow::Result<_>>()?;
            ensure!((rows.len(), total) == (count, sum), "{kind}: {found}");
        }
        let verified = admin.post(&format!("/ledger/seals/verify?tenant={tenant}"), json!({})).await?;
        ensure!(verified["faults"] == json!([]), "{verified}");
        self.platform.ledger.settle_down().await?;
        let breaches = admin.invariants().await?;
        ensure!(breaches.is_empty(), "{breaches:?}");
        let breaches = admin.kept_breaches().await?;
        ensure!(breaches.is_empty(), "{breaches:?}");
        Ok(())
    }
}

/// Tenths rounded to wholes.
fn half_to_even(tenths: i64) -> i64 {
    let (whole, rest) = (tenths / 10, tenths % 10);
    whole + i64::from(rest > 5 || (rest == 5 && whole % 2 == 1))
}
