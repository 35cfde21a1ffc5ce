//! Invoices and statements.

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::shown::{Column, Shown};
use super::{Session, members};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Closes a period: its invoices are drafted and issued, and what comes late goes to the next
    Close {
        /// The period's id, so that asking again closes no other [default: the one that is open]
        #[arg(long, value_name = "ID")]
        period: Option<String>,
    },
    /// Lists invoices and statements
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of an organisation, by its id or slug
    #[arg(long)]
    tenant: Option<String>,
    /// Only those of a period
    #[arg(long, value_name = "ID")]
    period: Option<String>,
    /// `draft`, `grace`, `finalised` or `void`
    #[arg(long)]
    state: Option<String>,
}

const LIST: &[Column] = &[
    ("ID", "/id"),
    ("NUMBER", "/number"),
    ("PAYMENT", "/payment"),
    ("STATE", "/state"),
    ("TENANT", "/tenant_id"),
    ("PERIOD", "/period_id"),
    ("CHARGES", "/charges"),
    ("TOTAL", "/total"),
    ("DUE", "/due_on"),
];
const PERIOD: &[Column] = &[("period", "/id"), ("state", "/state"), ("closed", "/closed_at")];

impl Command {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<Shown> {
        match self {
            Self::Close { period } => {
                let period = match period {
                    Some(period) => period,
                    None => open_period(session).await?,
                };
                let body = members([("period_id", Some(period.into()))]);
                Ok(Shown::one(session.post("periods/close", body).await?, PERIOD))
            }
            Self::List(list) => {
                let tenant = match list.tenant {
                    Some(tenant) => Some(session.tenant(&tenant).await?),
                    None => None,
                };
                let filters = [("tenant_id", tenant), ("period_id", list.period), ("state", list.state)];
                let query: Vec<(&str, String)> =
                    filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                Ok(Shown::list(session.api.all("invoices", &query).await?, LIST))
            }
        }
    }
}

async fn open_period(session: &Session) -> anyhow::Result<String> {
    let periods = session.api.all("periods", &[]).await?;
    let open = periods.iter().find(|period| period["state"] == "open");
    let id = open.and_then(|period| period["id"].as_str()).context("no period is open")?;
    Ok(id.to_owned())
}
