//! Limits of spending over three edges: none is passed by a nano-dollar, and none strands money in leases.

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use testkit::{Api, Dialect, Organisation, Platform, Provider, Reply, Topology};

use super::chance::Chance;
use super::is_long;

/// Nano-dollars of one request.
const PRICE: u64 = 10_000_000;
/// What accounts have that are not what a case is about.
const PLENTY: &str = "1000";
/// Dollars per million tokens.
const PROMPT: &str = "1";
const COMPLETION: &str = "10";

/// What is scarce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scarce {
    Credit,
    Key(&'static str),
    Workspace(&'static str),
    /// All of them, each at random.
    Everything,
}

/// A busy machine's edges and billing are slow, not away: what one edge has no use for reaches the next in time.
const PATIENT: [(&str, &str); 2] =
    [("PATCHBAY__EDGE__LEASES__DEADLINE_MS", "30000"), ("PATCHBAY__BILLING__RECALL_WAIT_MS", "5000")];

const CASES: [Scarce; 6] = [
    Scarce::Credit,
    Scarce::Key("daily"),
    Scarce::Key("monthly"),
    Scarce::Workspace("daily"),
    Scarce::Workspace("monthly"),
    Scarce::Everything,
];

/// Three edges.
struct Edges {
    platform: Platform,
    bases: Vec<String>,
}

/// Whose money is spent, with which key, and how much of it there is in nano-dollars.
struct Payer {
    organisation: Organisation,
    key: String,
    limit: u64,
}

pub(super) async fn limits_hold_to_the_nano_over_three_edges() -> anyhow::Result<()> {
    let edges = Edges::start().await?;
    let mut chance = Chance::new();
    for scarce in CASES {
        edges.fixed_price(scarce, &mut chance).await.with_context(|| format!("{scarce:?}, per request"))?;
        if is_long() || matches!(scarce, Scarce::Credit | Scarce::Everything) {
            edges.tokens(scarce, &mut chance).await.with_context(|| format!("{scarce:?}, per token"))?;
        }
    }
    edges.end().await
}

fn connections() -> usize {
    if is_long() { 256 } else { 64 }
}

/// Requests of each connection, served or not.
fn asked() -> usize {
    if is_long() { 20 } else { 8 }
}

impl Edges {
    async fn start() -> anyhow::Result<Self> {
        let platform = Platform::start(Topology::Cluster, &PATIENT).await?;
        platform.cluster(&["add", "edge"]).await?;
        let bases = platform.edges_now()?;
        ensure!(bases.len() == 3, "{bases:?}");
        Ok(Self { platform, bases })
    }

    async fn end(self) -> anyhow::Result<()> {
        self.platform.ledger.settle_down().await?;
        let breaches = self.platform.admin.invariants().await?;
        ensure!(breaches.is_empty(), "{breaches:?}");
        self.platform.stop().await
    }

    /// Somebody who has `nanos` of what is scarce.
    async fn payer(&self, scarce: Scarce, nanos: u64, chance: &mut Chance) -> anyhow::Result<Payer> {
        let admin = &self.platform.admin;
        let mut limit = u64::MAX;
        let mut some = |is_scarce: bool| {
            if !is_scarce {
                return PLENTY.to_owned();
            }
            let part = if scarce == Scarce::Everything { nanos + chance.within(0, nanos) } else { nanos };
            limit = limit.min(part);
            dollars(part)
        };
        let organisation =
            admin.organisation(&some(matches!(scarce, Scarce::Credit | Scarce::Everything))).await?;
        let key = match scarce {
            Scarce::Key(interval) => admin.key_limited_each(&organisation, &some(true), interval).await?,
            Scarce::Everything => admin.key_limited_each(&organisation, &some(true), "daily").await?,
            Scarce::Credit | Scarce::Workspace(_) => organisation.api_key.clone(),
        };
        let budget = match scarce {
            Scarce::Workspace(interval) => Some(interval),
            Scarce::Everything => Some("monthly"),
            Scarce::Credit | Scarce::Key(_) => None,
        };
        if let Some(interval) = budget {
            let path = format!("/workspaces/{}/budgets/{interval}", organisation.workspace);
            let body = json!({"limit_usd": some(true).parse::<f64>()?});
            let reply = Api::new(&self.bases[0], &organisation.management_key).put(&path, &body).await?;
            ensure!(reply.status == 200, "{reply:?}");
        }
        Ok(Payer { organisation, key, limit })
    }

    /// What every connection is answered, spread over the edges.
    async fn asked(&self, payer: &Payer, bodies: &[Vec<Value>]) -> anyhow::Result<Vec<Reply>> {
        let connections = bodies.iter().enumerate().map(|(n, bodies)| {
            let api = Api::new(&self.bases[n % self.bases.len()], &payer.key);
            async move {
                let mut replies = Vec::new();
                for body in bodies {
                    replies.push(api.chat(body).await?);
                }
                anyhow::Ok(replies)
            }
        });
        Ok(try_join_all(connections).await?.into_iter().flatten().collect())
    }

    /// Exactly as many requests of one price are served as can be paid.
    async fn fixed_price(&self, scarce: Scarce, chance: &mut Chance) -> anyhow::Result<()> {
        let provider = self.platform.admin.patient_provider(Dialect::OpenAi).await?;
        let model = self.platform.admin.model_per_request(&provider, &dollars(PRICE)).await?;
        let nanos = chance.within(50, 200) * PRICE + chance.within(0, PRICE);
        let payer = self.payer(scarce, nanos, chance).await?;
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]});
        let bodies = vec![vec![body; asked()]; connections()];
        let replies = self.asked(&payer, &bodies).await?;
        let served = count_served(scarce, &replies)?;
        let affordable = payer.limit / PRICE;
        ensure!(served == affordable, "{served} requests were served where {affordable} can be paid");
        let spent = self.spent(&payer, &provider, &model).await?;
        ensure!(spent == served * PRICE, "{served} requests were charged {spent}");
        eprintln!("{scarce:?}: {served} of {} requests, all that can be paid", replies.len());
        Ok(())
    }

    /// Of answers that are shorter than what is reserved for them at least 99 % of what there is can be bought.
    async fn tokens(&self, scarce: Scarce, chance: &mut Chance) -> anyhow::Result<()> {
        let provider = self.platform.admin.patient_provider(Dialect::OpenAi).await?;
        let model = self.platform.admin.model(&[(&provider, PROMPT, COMPLETION)]).await?;
        let nanos = chance.within(150_000_000, 400_000_000);
        let payer = self.payer(scarce, nanos, chance).await?;
        let mut body = || {
            let content = format!("Talk. [[sim: tokens={} delay_ms=1]]", chance.within(20, 300));
            let messages = json!([{"role": "user", "content": content}]);
            json!({"model": model, "max_tokens": 400, "messages": messages})
        };
        let bodies: Vec<Vec<Value>> =
            (0..connections()).map(|_| (0..asked()).map(|_| body()).collect()).collect();
        let mut replies = self.asked(&payer, &bodies).await?;
        // What was reserved for longer answers can be spent as well.
        let mut last = vec![200; 3];
        while last.contains(&200) {
            let more = self.asked(&payer, &vec![vec![body()]; 3]).await?;
            last = more.iter().map(|reply| reply.status).collect();
            replies.extend(more);
        }
        let served = count_served(scarce, &replies)?;
        let spent = self.spent(&payer, &provider, &model).await?;
        let limit = payer.limit;
        ensure!(spent * 100 >= limit * 99, "only {spent} of {limit} nano-dollars could be spent");
        eprintln!("{scarce:?}: {served} of {} answers for {spent} of {limit} nano-dollars", replies.len());
        Ok(())
    }

    /// What was charged in the end, in nano-dollars: all accounts agree on it.
    async fn spent(&self, payer: &Payer, provider: &Provider, model: &str) -> anyhow::Result<u64> {
        let ledger = &self.platform.ledger;
        let sent = self.platform.simulator.sent(provider).await?;
        let settled = ledger.settled_all(model, sent.len()).await?;
        ensure!(settled.len() == sent.len(), "{} charges for {} answers", settled.len(), sent.len());
        for one in &settled {
            ensure!(one.charge == one.recomputed()? && one.absorbed == 0 && one.waived == 0, "{one:?}");
            ensure!(one.charge <= one.reserved, "more than was reserved: {one:?}");
            let sent = sent.iter().find(|sent| Some(&sent.response_id) == one.response_id.as_ref());
            let sent = sent.with_context(|| format!("{one:?} is of no answer"))?;
            ensure!(u64::try_from(one.completion_tokens)? == sent.completion_tokens, "{one:?}: {sent:?}");
        }
        let charged: i64 = settled.iter().map(|one| one.charge).sum();
        for balance in ledger.balances(&payer.organisation).await? {
            ensure!(balance.spent <= balance.added && balance.spent <= charged, "{balance:?}");
            ensure!(balance.kind != "credit" || balance.spent == charged, "{balance:?}, charged {charged}");
        }
        let charged = u64::try_from(charged)?;
        ensure!(charged <= payer.limit, "{charged} of {} nano-dollars were spent", payer.limit);
        Ok(charged)
    }
}

/// How many were served; everybody else was told what is short.
fn count_served(scarce: Scarce, replies: &[Reply]) -> anyhow::Result<u64> {
    let mut served = 0;
    for reply in replies {
        let message = reply.error_message();
        let is_credit = reply.status == 402 && message.starts_with("This request requires more credits");
        let is_key = reply.status == 402 && message.starts_with("Key limit exceeded");
        let is_budget = |interval: &str| {
            reply.status == 403
                && message.starts_with(&format!("Workspace {interval} budget of $"))
                && message.ends_with(" exceeded. Contact your org admin.")
        };
        let is_told = match scarce {
            Scarce::Credit => is_credit,
            Scarce::Key(_) => is_key,
            Scarce::Workspace(interval) => is_budget(interval),
            Scarce::Everything => is_credit || is_key || is_budget("monthly"),
        };
        served += u64::from(reply.status == 200);
        ensure!(reply.status == 200 || is_told, "{reply:?}");
    }
    Ok(served)
}

/// Nano-dollars in dollars.
fn dollars(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}
