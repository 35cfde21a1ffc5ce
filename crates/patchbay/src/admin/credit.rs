//! Prepaid credit.

use clap::{Args, Subcommand, ValueEnum};

use super::shown::{Column, Shown};
use super::{Session, members};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Gives an organisation credit and shows its balance
    Grant(Grant),
}

#[derive(Debug, Args)]
pub(super) struct Grant {
    /// The organisation's id or slug
    #[arg(long)]
    tenant: String,
    /// In USD, such as 25 or 12.50
    #[arg(long, value_name = "USD")]
    amount: String,
    /// Whether it was paid for
    #[arg(long, value_enum, default_value_t = Kind::Purchase)]
    kind: Kind,
    /// Stands in the ledger and the audit log
    #[arg(long, default_value = "")]
    reason: String,
    /// When what is left of a promotion is taken away, such as 2027-12-31T23:59:59Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Purchase,
    Promotion,
}

const GRANTED: &[Column] = &[("tenant", "/tenant_id"), ("balance", "/balance"), ("source", "/source_id")];

impl Command {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        let Self::Grant(grant) = self;
        let path = format!("tenants/{}/credits", session.tenant(&grant.tenant).await?);
        let kind = match grant.kind {
            Kind::Purchase => "purchase",
            Kind::Promotion => "promotion",
        };
        let body = members([
            ("amount", Some(grant.amount.into())),
            ("kind", Some(kind.into())),
            ("reason", Some(grant.reason.into())),
            ("expires_at", grant.expires_at.map(Into::into)),
        ]);
        Ok(Shown::one(session.post(&path, body).await?, GRANTED))
    }
}
