//! Organisations.

use clap::{Args, Subcommand};

use super::shown::{Column, Shown};
use super::{Session, members};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Opens an organisation, with its account, its default workspace and no credit
    Create(Create),
    /// Lists all organisations
    List,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Lower-case letters, digits and dashes
    slug: String,
    /// What it is called [default: the slug]
    #[arg(long)]
    name: Option<String>,
    /// The plan whose markup and fees it pays [default: the default plan]
    #[arg(long)]
    plan: Option<String>,
    /// The markup of a plan that is new, in hundredths of a percent
    #[arg(long, value_name = "POINTS")]
    markup: Option<u32>,
}

const LIST: &[Column] = &[("ID", "/id"), ("SLUG", "/slug"), ("NAME", "/name"), ("CREATED", "/created_at")];
const ONE: &[Column] = &[("id", "/id"), ("slug", "/slug"), ("name", "/name"), ("account", "/account_id")];

impl Command {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List => Ok(Shown::list(session.tenants().await?, LIST)),
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        let body = members([
            ("name", Some(self.name.unwrap_or_else(|| self.slug.clone()).into())),
            ("slug", Some(self.slug.into())),
            ("plan", self.plan.map(Into::into)),
            ("markup_basis_points", self.markup.map(Into::into)),
        ]);
        Ok(Shown::one(session.post("tenants", body).await?, ONE))
    }
}
