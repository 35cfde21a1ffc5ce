//! The erasure of an organisation: its keys and sessions end at once, what names anybody goes with them, and what the
//! books need stays under ids. What is under way still settles.

use std::time::Duration;

use identity::TenantId;
use lifecycle::Tasks;
use rpc::Channel;
use rpc::billing::EraseTenantRequest;
use rpc::billing::billing_client::BillingClient;
use sqlx::PgPool;

use crate::access::Operator;
use crate::service::App;
use crate::store::erasures;
use crate::store::{audit, organisations, workspaces};

/// What becomes of the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Deleted,
    /// What names anybody is taken out of them.
    Blanked,
    Kept,
}

impl Fate {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Blanked => "blanked",
            Self::Kept => "kept",
        }
    }
}

/// What an erasure does with the rows of the organisation in one table.
#[derive(Debug)]
pub(crate) struct Rule {
    /// With its schema.
    pub(crate) table: &'static str,
    pub(crate) fate: Fate,
    pub(crate) because: &'static str,
}

const fn deleted(table: &'static str, because: &'static str) -> Rule {
    Rule { table, fate: Fate::Deleted, because }
}

const fn blanked(table: &'static str, because: &'static str) -> Rule {
    Rule { table, fate: Fate::Blanked, because }
}

const fn kept(table: &'static str, because: &'static str) -> Rule {
    Rule { table, fate: Fate::Kept, because }
}

/// Every table with rows of organisations outside of billing, which has a plan of its own. Rows are deleted in this
/// order. A table that is new belongs here.
pub(crate) const PLAN: &[Rule] = &[
    deleted("identity.guardrail_key", "Assignments."),
    deleted("identity.guardrail_member", "Assignments."),
    deleted("identity.guardrail", "Rules, with their names."),
    deleted("identity.provider_credential", "Secrets."),
    deleted("identity.trace", "Traces on their way to destinations."),
    deleted("identity.destination", "Addresses and secrets."),
    deleted("identity.exchange", "What was sent to models and answered."),
    deleted("identity.generation_feedback", "What people said of answers."),
    deleted("identity.auth_code", "What apps were allowed to have keys for."),
    deleted("identity.tenant_key", "Whatever is sealed under the data keys can be read by nobody any more."),
    deleted("identity.preset_version", "Prompts."),
    deleted("identity.preset", "Names."),
    deleted("identity.answer", "Answers that were kept for clients."),
    deleted("identity.invitation", "E-mail addresses."),
    deleted("identity.session", "Sessions in the organisation, with addresses and browsers."),
    deleted("identity.workspace_member", "Memberships."),
    deleted("identity.member", "Memberships."),
    deleted("identity.flag", "What was turned on or off for the organisation."),
    blanked(
        "identity.api_key",
        "Revoked; usage refers to the row, which has no name, label or address any more.",
    ),
    blanked("identity.workspace", "Deleted; usage refers to the row, which has no name any more."),
    blanked("identity.audit_log", "Who did what and when stays, by ids and in its chain; the details go."),
    kept("identity.audit_link", "The chain of the record of changes."),
    kept("identity.audit_fault", "What verifying the chain found, by ids."),
    kept("identity.erasure", "That the organisation was erased, when and by whom."),
    kept("identity.key_change", "What edges have to hear; forgotten after 10,000 changes."),
    kept("catalog.decision", "How requests were routed, by ids; forgotten when decisions are."),
];

/// Why an organisation is not erased.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no such organisation")]
    Unknown,
    #[error("the confirmation is not the organisation's slug")]
    Unconfirmed,
    #[error("the database cannot be asked")]
    Database(#[from] sqlx::Error),
}

/// Erases an organisation, as far as it lies here, and begins what takes longer. Again and again the same.
///
/// # Errors
/// [`Error`]; then nothing has changed.
pub(crate) async fn begin(
    app: &App,
    operator: &Operator,
    tenant: TenantId,
    confirmed: String,
) -> Result<(), Error> {
    let entry = operator.does("tenant.erase", Some(tenant), tenant.to_string(), serde_json::json!({}));
    let actor = operator.actor.clone();
    let begun: Result<(), Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            organisations::hold(tx).await?;
            let known = organisations::settings(tx).await?.ok_or(Error::Unknown)?;
            if known.slug != confirmed {
                return Err(Error::Unconfirmed);
            }
            erasures::begin(tx, &actor).await?;
            erasures::erase(tx, PLAN).await?;
            audit::insert(tx.connection(), &entry).await?;
            Ok(workspaces::tenant_changed(tx).await?)
        })
    })
    .await;
    begun?;
    app.announcer.tenant_changed(tenant).await;
    if let Err(error) = go_on(&app.pool, &app.billing, tenant).await {
        tracing::warn!(error = %error, tenant.id = %tenant, "an erasure is not finished, it is gone on with later");
    }
    Ok(())
}

/// Why an erasure could not be gone on with.
#[derive(Debug, thiserror::Error)]
enum Delay {
    #[error("the database cannot be asked: {0}")]
    Database(#[from] sqlx::Error),
    #[error("billing cannot be asked: {0}")]
    Billing(#[from] Box<tonic::Status>),
}

/// Has billing forget who the organisation is, as often as something of it settles.
async fn go_on(pool: &PgPool, billing: &Channel, tenant: TenantId) -> Result<(), Delay> {
    let message = EraseTenantRequest { tenant_id: tenant.to_string() };
    let answer = BillingClient::new(billing.clone()).erase_tenant(message).await.map_err(Box::new)?;
    let unsettled = answer.into_inner().unsettled;
    let told: Result<(), sqlx::Error> = pg::in_tenant(pool, tenant, move |tx| {
        Box::pin(async move {
            // What a request wrote that was under way.
            erasures::erase(tx, PLAN).await?;
            erasures::look(tx, unsettled).await
        })
    })
    .await;
    Ok(told?)
}

/// Goes on with erasures until nothing of them is under way, in the background until the stop begins.
pub(crate) fn finish(tasks: &Tasks, pool: PgPool, billing: Channel, every: Duration) {
    let stop = tasks.shutdown().wait();
    let work = async move {
        loop {
            tokio::time::sleep(every).await;
            for tenant in erasures::unfinished(&pool).await.unwrap_or_default() {
                if let Err(error) = go_on(&pool, &billing, tenant).await {
                    tracing::warn!(error = %error, tenant.id = %tenant, "an erasure is not finished, it is tried again");
                }
            }
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = stop => {}
            () = work => {}
        }
    });
}
