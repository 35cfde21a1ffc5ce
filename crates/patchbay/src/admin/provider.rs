//! Upstream providers and what they are authenticated to with. Credentials come from a file or the standard input:
//! arguments are seen by every user of a machine and kept in the shell's history.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::shown::{Column, Shown};
use super::{Session, members};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds a provider, or changes what is given of one that is there
    Add(Add),
    /// Lists all providers
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum CredentialCommand {
    /// Gives a provider its credential, in place of the one that it has; it is kept sealed and never shown
    Add {
        /// The provider's slug
        provider: String,
        /// A file with the credential, `-` for the standard input
        #[arg(long, value_name = "FILE", default_value = "-")]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Lower-case letters, digits, dashes and dots
    slug: String,
    #[arg(long)]
    name: Option<String>,
    /// What a client of its own would be given, such as `https://api.acme.example/v1`
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// openai, anthropic, gemini, vertex, bedrock, mistral, cohere or ollama
    #[arg(long)]
    dialect: Option<String>,
    /// Further members as a JSON object, as docs/reference/admin-catalogue.md lists them
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
    /// A file with its credential, `-` for the standard input
    #[arg(long, value_name = "FILE")]
    credential_file: Option<PathBuf>,
    /// Only shows what would change
    #[arg(long)]
    dry_run: bool,
}

const LIST: &[Column] = &[
    ("SLUG", "/slug"),
    ("NAME", "/name"),
    ("DIALECT", "/dialect"),
    ("BASE URL", "/base_url"),
    ("CREDENTIAL", "/credential"),
    ("DISABLED", "/disabled"),
];
const PUT: &[Column] = &[("provider", "/id"), ("catalogue", "/catalogue_version"), ("changes", "/changes")];

impl Command {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        match self {
            Self::Add(add) => add.run(session).await,
            Self::List => Ok(Shown::list(session.api.all("providers", &[]).await?, LIST)),
        }
    }
}

impl CredentialCommand {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        let Self::Add { provider, file } = self;
        let body = json!({ "credential": credential(&file)? });
        Ok(Shown::one(session.api.patch(&format!("providers/{provider}"), &body).await?, PUT))
    }
}

impl Add {
    async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        let mut body = match &self.members {
            Some(path) => object(path)?,
            None => Map::new(),
        };
        body.extend(members([
            ("slug", Some(self.slug.into())),
            ("name", self.name.map(Into::into)),
            ("base_url", self.base_url.map(Into::into)),
            ("dialect", self.dialect.map(Into::into)),
            ("credential", self.credential_file.as_deref().map(credential).transpose()?.map(Into::into)),
            ("dry_run", self.dry_run.then_some(true.into())),
        ]));
        Ok(Shown::one(session.post("providers", body).await?, PUT))
    }
}

fn object(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} must hold a JSON object", path.display()))
}

/// A secret without the line's end that an editor or `echo` leaves behind it.
fn credential(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|found| text = found)
    };
    read.with_context(|| format!("the credential cannot be read from {}", path.display()))?;
    match text.trim() {
        "" => bail!("there is no credential in {}", path.display()),
        credential => Ok(credential.to_owned()),
    }
}
