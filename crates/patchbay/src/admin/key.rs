//! Keys of an organisation.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::shown::{Column, Shown};
use super::{Session, members, word};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a key and prints it, this once
    Create(Create),
    /// Lists the keys of an organisation
    List {
        /// The organisation's id or slug
        #[arg(long)]
        tenant: String,
    },
    /// Deletes a key: it is refused on every edge within a second
    Revoke {
        /// The key's hash, which `key list` shows
        hash: String,
        /// Only disables it, so that it can be enabled again
        #[arg(long)]
        disable: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The organisation's id or slug
    #[arg(long)]
    tenant: String,
    /// 1 to 200 characters
    #[arg(long)]
    name: String,
    /// What it is for: calling models, or administering the organisation
    #[arg(long, value_enum, default_value_t = Kind::Inference)]
    kind: Kind,
    /// The workspace's id [default: the default workspace]
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// What it may spend, in USD
    #[arg(long, value_name = "USD")]
    limit: Option<String>,
    /// When the limit starts anew [default: never]
    #[arg(long, value_enum, requires = "limit")]
    limit_reset: Option<Reset>,
    /// What the organisation's own provider keys pay counts towards the limit
    #[arg(long, requires = "limit")]
    include_byok_in_limit: bool,
    /// When it ends, in UTC, such as 2027-12-31T23:59:59Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Requests a minute
    #[arg(long, value_name = "COUNT")]
    rate_limit_rpm: Option<u32>,
    /// Addresses and networks that it may be used from [default: anywhere]
    #[arg(long, value_delimiter = ',', value_name = "ADDRESS")]
    allowed_ips: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Inference,
    Management,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reset {
    Daily,
    Weekly,
    Monthly,
}

const LIST: &[Column] = &[
    ("HASH", "/hash"),
    ("KIND", "/kind"),
    ("NAME", "/name"),
    ("LABEL", "/label"),
    ("LIMIT", "/limit"),
    ("RESET", "/limit_reset"),
    ("DISABLED", "/disabled"),
    ("EXPIRES", "/expires_at"),
    ("LAST USED", "/last_used_at"),
];
const MADE: &[Column] = &[
    ("key", "/key"),
    ("hash", "/data/hash"),
    ("kind", "/data/kind"),
    ("workspace", "/data/workspace_id"),
    ("limit", "/data/limit"),
    ("resets", "/data/limit_reset"),
    ("expires", "/data/expires_at"),
];
const REVOKED: &[Column] = &[("hash", "/hash"), ("deleted", "/deleted"), ("disabled", "/disabled")];

impl Command {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List { tenant } => {
                let path = format!("tenants/{}/keys", session.tenant(&tenant).await?);
                Ok(Shown::list(session.api.all(&path, &[]).await?, LIST))
            }
            Self::Revoke { hash, disable: false } => {
                session.api.delete(&format!("keys/{hash}")).await?;
                Ok(Shown::one(json!({ "hash": hash, "deleted": true }), REVOKED))
            }
            Self::Revoke { hash, disable: true } => {
                let mut answer =
                    session.api.patch(&format!("keys/{hash}"), &json!({ "disabled": true })).await?;
                Ok(Shown::one(answer["data"].take(), REVOKED))
            }
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        let path = format!("tenants/{}/keys", session.tenant(&self.tenant).await?);
        let ips = Some(self.allowed_ips).filter(|ips| !ips.is_empty());
        let body = members([
            ("name", Some(self.name.into())),
            ("kind", word(self.kind)),
            ("workspace_id", self.workspace.map(Into::into)),
            ("limit", self.limit.map(Into::into)),
            ("limit_reset", self.limit_reset.and_then(word)),
            ("include_byok_in_limit", self.include_byok_in_limit.then_some(true.into())),
            ("expires_at", self.expires_at.map(Into::into)),
            ("rate_limit_rpm", self.rate_limit_rpm.map(Into::into)),
            ("allowed_ips", ips.map(Into::into)),
        ]);
        Ok(Shown::one(session.post(&path, body).await?, MADE))
    }
}
