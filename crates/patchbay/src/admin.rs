//! `patchbay admin`: a platform run from a shell, over the operators' API.
//!
//! Exit codes: 0 done, 1 broken invariants and whatever is wrong here, 2 a command that cannot be read, 65 refused,
//! 66 not found, 69 not to be reached, 75 come back later, 77 not allowed.

mod credit;
mod invariants;
mod invoice;
mod key;
mod provider;
mod shown;
mod tenant;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::admin_api::AdminApi;
use crate::cli::Shared;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 done; 1 broken invariants, or something is wrong here; 2 the command cannot be read; 65 refused; \
66 not found; 69 the platform cannot be reached; 75 come back later; 77 the token may not do this.")]
pub(crate) struct Admin {
    /// Base URL of the admin API [default: PATCHBAY_ADMIN_URL, else that of dev.json in the data directory]
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// An operator's token [default: PATCHBAY_ADMIN_TOKEN, which other users cannot see; else that of dev.json]
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Prints the API's answers as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Does what is sent under this key once, however often the command is run within a day [default: a new key]
    #[arg(long, global = true, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Organisations
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Keys of an organisation
    #[command(subcommand)]
    Key(key::Command),
    /// Prepaid credit
    #[command(subcommand)]
    Credit(credit::Command),
    /// Upstream providers
    #[command(subcommand)]
    Provider(provider::Command),
    /// What providers are authenticated to with
    #[command(subcommand)]
    Credential(provider::CredentialCommand),
    /// Invoices and statements
    #[command(subcommand)]
    Invoice(invoice::Command),
    /// Whether the books are in order; exits with 1 when something is broken
    Invariants(invariants::Check),
}

/// A platform, and what holds of a whole command.
struct Session {
    api: AdminApi,
    idempotency_key: Option<String>,
}

impl Admin {
    pub(crate) async fn run(self, shared: &Shared) -> anyhow::Result<()> {
        let api = AdminApi::of(shared, self.url, self.token)?;
        let session = Session { api, idempotency_key: self.idempotency_key };
        let shown = match self.command {
            Command::Tenant(command) => command.run(&session).await?,
            Command::Key(command) => command.run(&session).await?,
            Command::Credit(command) => command.run(&session).await?,
            Command::Provider(command) => command.run(&session).await?,
            Command::Credential(command) => command.run(&session).await?,
            Command::Invoice(command) => command.run(&session).await?,
            Command::Invariants(check) => return check.run(&session, self.json).await,
        };
        shown.print(self.json)
    }
}

impl Session {
    async fn post(&self, path: &str, body: Map<String, Value>) -> anyhow::Result<Value> {
        self.api.post_once(path, self.idempotency_key.as_deref(), &Value::Object(body)).await
    }

    /// Every organisation, by id.
    async fn tenants(&self) -> anyhow::Result<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            // The list ends with the page that brings nothing new.
            let after = all.last().and_then(|tenant| tenant["id"].as_str()).map(str::to_owned);
            let query: Vec<(&str, String)> = after.into_iter().map(|id| ("after", id)).collect();
            let page = self.api.all("tenants", &query).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// The id of an organisation that is named by its id or its slug.
    async fn tenant(&self, name: &str) -> anyhow::Result<String> {
        if let Ok(id) = name.parse::<Uuid>() {
            return Ok(id.to_string());
        }
        let tenants = self.tenants().await?;
        let found = tenants.iter().find(|tenant| tenant["slug"] == name);
        let id = found.and_then(|tenant| tenant["id"].as_str());
        id.map(str::to_owned).with_context(|| format!("there is no organisation `{name}`"))
    }
}

/// The members that were given.
fn members<const N: usize>(all: [(&str, Option<Value>); N]) -> Map<String, Value> {
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// As the API writes it, which is as the command line does.
fn word<T: ValueEnum>(value: T) -> Option<Value> {
    value.to_possible_value().map(|word| word.get_name().into())
}
