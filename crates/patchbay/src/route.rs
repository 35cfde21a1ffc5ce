//! `patchbay route`: why a request goes where it goes, and what other rules would do. Asks the admin API of a
//! platform that runs.

mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::admin_api::AdminApi;
use crate::cli::Shared;
use crate::say;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows why each endpoint would be, or was, chosen or not
    Explain(Explain),
    /// Makes kept decisions again under other rules or prices, and compares
    Replay(Replay),
}

/// Where the admin API is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// Base URL of the admin API [default: PATCHBAY_ADMIN_URL, else that of dev.json in the data directory]
    #[arg(long, visible_alias = "url", value_name = "URL")]
    admin_url: Option<String>,
    /// An operator's token [default: PATCHBAY_ADMIN_TOKEN, else that of dev.json]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Prints the answer as JSON
    #[arg(long)]
    json: bool,
}

impl Place {
    fn api(&self, shared: &Shared) -> anyhow::Result<AdminApi> {
        AdminApi::of(shared, self.admin_url.clone(), self.token.clone())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The model to ask for, as a client would name it
    #[arg(long, required_unless_present_any = ["file", "generation"], conflicts_with = "generation")]
    model: Option<String>,
    /// A chat's body as JSON, for everything else that routing goes by
    #[arg(long, value_name = "FILE", conflicts_with = "generation")]
    file: Option<PathBuf>,
    /// A generation whose decision was kept, instead of one that would be made now
    #[arg(long, value_name = "ID")]
    generation: Option<String>,
    /// The organisation whose terms and conversations apply
    #[arg(long, value_name = "ID", conflicts_with = "generation")]
    tenant: Option<String>,
    /// The data region to stay in
    #[arg(long, conflicts_with = "generation")]
    region: Option<String>,
    /// Repeats the draw of an earlier explanation
    #[arg(long, conflicts_with = "generation")]
    seed: Option<u64>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A time, or how long ago: `90s`, `15m`, `1h`, `7d`
    #[arg(long, default_value = "1h", value_parser = table::since)]
    since: String,
    /// Likewise; the first moment that does not count
    #[arg(long, value_parser = table::since)]
    until: Option<String>,
    /// Decisions at most
    #[arg(long, default_value_t = 100_000)]
    limit: u32,
    /// Members of the router's policy that are to be different, as a JSON object
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Other prices, as a JSON array of `{"endpoint_id" or "model" and "provider", "price"}`
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Providers, or ids of endpoints, that are not to be used
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    disable: Vec<String>,
    /// Basis points on the providers' prices, in place of every organisation's own
    #[arg(long, value_name = "POINTS")]
    markup: Option<u32>,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(shared: &Shared, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Explain(explain) => explain.run(shared).await,
        Command::Replay(replay) => replay.run(shared).await,
    }
}

impl Explain {
    async fn run(self, shared: &Shared) -> anyhow::Result<()> {
        let admin = self.place.api(shared)?;
        let answer = match &self.generation {
            Some(generation) => admin.get(&format!("decisions/{generation}"), &[]).await?,
            None => admin.post("route/explain", &self.query(), &self.body()?).await?,
        };
        if self.place.json {
            say::line(serde_json::to_string_pretty(&answer)?);
        } else if self.generation.is_some() {
            say::line(table::decision(&answer));
        } else {
            say::line(table::explanation(&answer));
        }
        Ok(())
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let seed = self.seed.map(|seed| seed.to_string());
        [("tenant", self.tenant.clone()), ("region", self.region.clone()), ("seed", seed)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    fn body(&self) -> anyhow::Result<Value> {
        let mut body = match &self.file {
            Some(path) => object(path)?,
            None => Map::new(),
        };
        if let Some(model) = &self.model {
            body.insert("model".to_owned(), model.as_str().into());
        }
        // A model alone is enough to ask about: any short chat will do.
        body.entry("messages").or_insert_with(|| json!([{ "role": "user", "content": "Hello!" }]));
        Ok(Value::Object(body))
    }
}

impl Replay {
    async fn run(self, shared: &Shared) -> anyhow::Result<()> {
        let admin = self.place.api(shared)?;
        let mut body = json!({ "since": self.since, "limit": self.limit, "disable": self.disable });
        if let Some(until) = &self.until {
            body["until"] = until.as_str().into();
        }
        if let Some(points) = self.markup {
            body["markup"] = points.into();
        }
        if let Some(path) = &self.policy {
            body["policy"] = Value::Object(object(path)?);
        }
        if let Some(path) = &self.prices {
            let prices = json_of(path)?;
            if !prices.is_array() {
                bail!("{} must hold a JSON array", path.display());
            }
            body["prices"] = prices;
        }
        let report = admin.post("route/replay", &[], &body).await?;
        if self.place.json {
            say::line(serde_json::to_string_pretty(&report)?);
        } else {
            say::line(table::report(&report));
        }
        Ok(())
    }
}

fn json_of(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no JSON", path.display()))
}

fn object(path: &Path) -> anyhow::Result<Map<String, Value>> {
    match json_of(path)? {
        Value::Object(members) => Ok(members),
        _ => bail!("{} must hold a JSON object", path.display()),
    }
}
