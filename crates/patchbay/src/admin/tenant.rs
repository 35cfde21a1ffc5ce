//! Organisations.

use clap::{Args, Subcommand, ValueEnum};

use super::shown::{Column, Shown};
use super::{Session, members, word};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Opens an organisation, with its account, its default workspace and no credit
    Create(Create),
    /// Invites somebody into an organisation by mail, as its owner if nothing else is said
    Invite(Invite),
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
    /// Whoever is to own it, who is invited by mail [default: nobody]
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Invite {
    /// The organisation's id or slug
    tenant: String,
    /// Who is invited
    #[arg(long)]
    email: String,
    /// As what
    #[arg(long, value_enum, default_value_t = Role::Owner)]
    role: Role,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Owner,
    Admin,
    Billing,
    Developer,
    Viewer,
}

const LIST: &[Column] = &[("ID", "/id"), ("SLUG", "/slug"), ("NAME", "/name"), ("CREATED", "/created_at")];
const ONE: &[Column] = &[
    ("id", "/id"),
    ("slug", "/slug"),
    ("name", "/name"),
    ("account", "/account_id"),
    ("invited", "/invitation/email"),
];
const INVITED: &[Column] = &[
    ("invitation", "/data/id"),
    ("email", "/data/email"),
    ("role", "/data/role"),
    ("expires", "/data/expires_at"),
];

impl Command {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::Invite(invite) => invite.run(session).await,
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
            ("owner", self.owner.map(Into::into)),
        ]);
        Ok(Shown::one(session.post("tenants", body).await?, ONE))
    }
}

impl Invite {
    async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        let path = format!("tenants/{}/invitations", session.tenant(&self.tenant).await?);
        let body = members([("email", Some(self.email.into())), ("role", word(self.role))]);
        Ok(Shown::one(session.post(&path, body).await?, INVITED))
    }
}
