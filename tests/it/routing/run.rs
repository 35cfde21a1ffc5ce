//! Plays the rows of a table, each in a world of its own, several at a time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value, json};
use testkit::{Admin, Api, Dialect, Platform, Provider, Reply, provider_model, unique};

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
    let casts = &set_up(platform, &rows).await.context("setting up")?;
    let played = stream::iter(rows).map(|row| async move {
        let outcome = play(casts, &row).await;
        outcome.err().map(|error| format!("- {}: {error:#}", row.name))
    });
    let failures: Vec<String> = played.buffer_unordered(ROWS).filter_map(async |said| said).collect().await;
    ensure!(failures.is_empty(), "{} of {count} rows:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

async fn play(casts: &BTreeMap<String, Cast<'_>>, row: &Row) -> anyhow::Result<()> {
    let cast = casts.get(&world(row)).context("no world")?;
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

/// The worlds of all rows, made in one change of the catalogue.
async fn set_up<'p>(platform: &'p Platform, rows: &[Row]) -> anyhow::Result<BTreeMap<String, Cast<'p>>> {
    let mut changes = Vec::new();
    let mut shared = BTreeMap::new();
    for offer in rows.iter().flat_map(|row| &row.offers) {
        shared.entry(offer.provider).or_insert_with(|| provider(platform, &json!({}), &mut changes));
    }
    let mut casts = BTreeMap::new();
    for row in rows {
        if let Entry::Vacant(place) = casts.entry(world(row)) {
            place.insert(cast(platform, &shared, row, &mut changes).await.context(row.name)?);
        }
    }
    let version = platform.admin.import(changes).await?;
    platform.admin.in_use(version).await?;
    Ok(casts)
}

fn provider(platform: &Platform, members: &Value, changes: &mut Vec<Value>) -> Provider {
    let (provider, change) = platform.admin.new_provider(Dialect::OpenAi, members);
    changes.push(change);
    provider
}

async fn cast<'p>(
    platform: &'p Platform,
    shared: &BTreeMap<char, Provider>,
    row: &Row,
    changes: &mut Vec<Value>,
) -> anyhow::Result<Cast<'p>> {
    let mut providers = shared.clone();
    providers.retain(|letter, _| row.offers.iter().any(|offer| offer.provider == *letter));
    for (letter, members) in &row.providers {
        providers.insert(*letter, provider(platform, members, changes));
    }
    let api = match row.own_credit {
        Some(dollars) => platform.api_as(&platform.admin.organisation(dollars).await?.api_key),
        None => platform.api(),
    };
    let cast = Cast { platform, author: unique("author"), providers, api };
    let mut models: BTreeMap<&str, Value> = BTreeMap::new();
    models.extend(row.offers.iter().map(|offer| (offer.model, json!({}))));
    models.extend(row.models.iter().map(|(name, members)| (*name, cast.value(members))));
    changes.extend(models.iter().map(|(name, members)| Admin::new_model(&cast.slug(name), members)));
    for offer in &row.offers {
        changes.push(endpoint(&cast, offer).await?);
    }
    Ok(cast)
}

async fn endpoint(cast: &Cast<'_>, offer: &Offer) -> anyhow::Result<Value> {
    let (slug, provider) = (cast.slug(offer.model), cast.provider(offer.provider)?);
    let members = cast.value(&offer.members);
    if let Some(script) = &offer.script {
        let model = members["provider_model"].as_str().map_or_else(|| provider_model(&slug), str::to_owned);
        cast.platform.simulator.fault_model(provider, &model, script).await?;
    }
    Ok(Admin::new_endpoint(&slug, provider, offer.price, &members))
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
