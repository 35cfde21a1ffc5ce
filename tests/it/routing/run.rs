//! Plays the rows of a table, each in a world of its own, several at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value, json};
use testkit::{Api, Dialect, Platform, Provider, Reply, provider_model, unique};
use tokio::sync::OnceCell;

use super::check::Check;
use super::row::{Method, Offer, Row, Step};

/// Rows that are played at once, and requests of a step.
const ROWS: usize = 6;
const REQUESTS: usize = 8;
/// How often a patient step is tried, and any other: on a busy machine one of two routers may be a version behind
/// for a moment, although the other one answered for both. The pause between.
const TRIES: usize = 60;
const SETTLING: usize = 12;
const PAUSE: Duration = Duration::from_millis(250);

/// The providers, models and client of one row.
pub(crate) struct Cast<'p> {
    pub(crate) platform: &'p Platform,
    author: String,
    providers: BTreeMap<char, Provider>,
    api: Api,
}

impl Cast<'_> {
    /// # Errors
    /// When the row has no endpoint there.
    pub(crate) fn provider(&self, letter: char) -> anyhow::Result<&Provider> {
        self.providers.get(&letter).with_context(|| format!("nobody plays `{letter}`"))
    }

    pub(crate) fn slug(&self, model: &str) -> String {
        format!("{}/{model}", self.author)
    }

    /// A text with what the braces stand for.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut filled = text.replace("{t}", &self.author);
        for (letter, provider) in &self.providers {
            filled = filled.replace(&format!("{{{letter}}}"), &provider.slug);
        }
        filled
    }

    /// A value with every text in it filled in, names of members too.
    pub(crate) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.value(value)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (self.text(name), self.value(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// How often the endpoint of a model at a provider was called.
    ///
    /// # Errors
    /// When the simulator cannot be asked.
    pub(crate) async fn calls(&self, model: &str, letter: char) -> anyhow::Result<usize> {
        let model = provider_model(&self.slug(model));
        Ok(self.platform.simulator.asked(self.provider(letter)?, &model).await?.len())
    }
}

/// Plays every row and tells of those that are not as promised.
pub(crate) async fn all(platform: &Platform, rows: Vec<Row>) -> anyhow::Result<()> {
    let count = rows.len();
    let letters = rows.iter().flat_map(|row| &row.offers).map(|offer| offer.provider);
    let mut letters: Vec<char> = letters.collect();
    letters.sort_unstable();
    letters.dedup();
    let mut shared = BTreeMap::new();
    for letter in letters {
        shared.insert(letter, platform.admin.provider(Dialect::OpenAi).await?);
    }
    let shared = &shared;
    let worlds: BTreeMap<String, OnceCell<Cast<'_>>> =
        rows.iter().map(|row| (world(row), OnceCell::new())).collect();
    let worlds = &worlds;
    let played = stream::iter(rows).map(|row| async move {
        let outcome = play(platform, shared, worlds, &row).await;
        outcome.err().map(|error| format!("- {}: {error:#}", row.name))
    });
    let failures: Vec<String> = played.buffer_unordered(ROWS).filter_map(async |said| said).collect().await;
    ensure!(failures.is_empty(), "{} of {count} rows:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

async fn play<'p>(
    platform: &'p Platform,
    shared: &BTreeMap<char, Provider>,
    worlds: &BTreeMap<String, OnceCell<Cast<'p>>>,
    row: &Row,
) -> anyhow::Result<()> {
    let cell = worlds.get(&world(row)).context("no world")?;
    let cast = cell.get_or_try_init(|| set_up(platform, shared, row)).await.context("setting up")?;
    for (n, step) in row.steps.iter().enumerate() {
        perform(cast, step).await.with_context(|| format!("step {}", n + 1))?;
    }
    Ok(())
}

/// What a row's world is made of: rows that want the same share one, unless they count calls or spend money of
/// their own.
fn world(row: &Row) -> String {
    let calls = |step: &Step| step.checks.iter().any(|check| matches!(check, Check::Calls(..)));
    let own = row.own_credit.is_some() || row.steps.iter().any(calls);
    let offers = row.offers.iter().map(|offer| {
        json!([offer.model, offer.provider.to_string(), offer.price, offer.members, offer.script])
    });
    let providers = row.providers.iter().map(|(letter, members)| json!([letter.to_string(), members]));
    json!([own.then_some(row.name), row.models, providers.collect::<Value>(), offers.collect::<Value>()])
        .to_string()
}

async fn set_up<'p>(
    platform: &'p Platform,
    shared: &BTreeMap<char, Provider>,
    row: &Row,
) -> anyhow::Result<Cast<'p>> {
    let mut providers = BTreeMap::new();
    for Offer { provider, .. } in &row.offers {
        if let Some(known) = shared.get(provider) {
            providers.insert(*provider, known.clone());
        }
    }
    for (letter, members) in &row.providers {
        providers.insert(*letter, platform.admin.provider_with(Dialect::OpenAi, members).await?);
    }
    let api = match row.own_credit {
        Some(dollars) => platform.api_as(&platform.admin.organisation(dollars).await?.api_key),
        None => platform.api(),
    };
    let cast = Cast { platform, author: unique("author"), providers, api };
    let mut models: BTreeMap<&str, Value> = BTreeMap::new();
    models.extend(row.offers.iter().map(|offer| (offer.model, json!({}))));
    models.extend(row.models.iter().map(|(name, members)| (*name, cast.value(members))));
    let mut version = 0;
    for (name, members) in &models {
        version = platform.admin.put_model(&cast.slug(name), members).await?;
    }
    for offer in &row.offers {
        version = put(&cast, offer).await?;
    }
    platform.admin.in_use(version).await?;
    Ok(cast)
}

async fn put(cast: &Cast<'_>, offer: &Offer) -> anyhow::Result<u64> {
    let (slug, provider) = (cast.slug(offer.model), cast.provider(offer.provider)?);
    if let Some(script) = &offer.script {
        let model = cast.value(&offer.members)["provider_model"].as_str().map(str::to_owned);
        let model = model.unwrap_or_else(|| provider_model(&slug));
        cast.platform.simulator.fault_model(provider, &model, script).await?;
    }
    cast.platform.admin.put_endpoint(&slug, provider, offer.price, &cast.value(&offer.members)).await
}

async fn perform(cast: &Cast<'_>, step: &Step) -> anyhow::Result<()> {
    let tries = if step.is_patient { TRIES } else { SETTLING };
    for _ in 1..tries {
        let outcome = attempt(cast, step).await;
        if outcome.is_ok() {
            return outcome;
        }
        tokio::time::sleep(PAUSE).await;
    }
    attempt(cast, step).await
}

async fn attempt(cast: &Cast<'_>, step: &Step) -> anyhow::Result<()> {
    let at_once = if step.is_orderly { 1 } else { REQUESTS };
    let sent = stream::iter(0..step.times).map(|_| send(cast, step));
    let replies: Vec<Reply> = sent.buffered(at_once).try_collect().await?;
    if step.checks.is_empty() {
        let refused = replies.iter().find(|reply| reply.status != 200);
        ensure!(refused.is_none(), "{refused:?}");
    }
    for check in &step.checks {
        check.hold(cast, &replies).await?;
    }
    Ok(())
}

async fn send(cast: &Cast<'_>, step: &Step) -> anyhow::Result<Reply> {
    let mut api = if step.has_key { cast.api.clone() } else { cast.platform.api_as("") };
    for (name, value) in &step.headers {
        api = api.with_header(name, &cast.text(value));
    }
    match step.method {
        Method::Get(path) => api.get(&cast.text(path)).await,
        Method::Post(path) => {
            let reply = api.post(path, cast.value(&step.body).to_string()).await?;
            Ok(Reply { body: whole(reply.body), ..reply })
        }
    }
}

/// A stream as one object: the members of its chunks, later ones over earlier ones, and all of it as `stream`.
fn whole(body: Value) -> Value {
    let Value::String(text) = &body else { return body };
    let mut members = Map::new();
    for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
        if let Ok(Value::Object(chunk)) = serde_json::from_str(data) {
            members.extend(chunk);
        }
    }
    members.insert("stream".to_owned(), body);
    Value::Object(members)
}
