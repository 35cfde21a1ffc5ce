//! What is known of one key, and where it is asked for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{KeyHash, TenantId};
use rpc::Channel;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{GetTermsRequest, OwnKeyTerms, SpendAccount};
use sqlx::PgPool;

use super::Markups;
use crate::byok::OwnCredentials;
use crate::content::Logging;
use crate::destinations::Wants;
use crate::flags::Flags;
use crate::guardrails::Guardrails;
use crate::http::address::ClientAddress;
use crate::limits::Ceilings;
use crate::store;
use crate::store::keys::Key;
use crate::store::workspaces::Defaults;

/// At which terms a key buys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) markups: Markups,
    /// What the tenant's own credentials cost; nothing by default.
    pub(crate) own_keys: OwnKeyTerms,
    /// Every account that a request of the key reserves from.
    pub(crate) accounts: Vec<SpendAccount>,
    /// The credit that was ever bought, in nano-USD, less what went back.
    pub(crate) bought: i64,
}

/// What governs a key's requests beside its terms.
#[derive(Debug, Clone, Default)]
pub(crate) struct Governance {
    /// All that apply, as one.
    pub(crate) guardrails: Guardrails,
    /// The organisation's own credentials that the key may use.
    pub(crate) own: OwnCredentials,
    /// What the key's workspace says for requests that leave it open.
    pub(crate) defaults: Defaults,
    /// What is allowed of all keys of the organisation together.
    pub(crate) ceilings: Ceilings,
    /// That the key's workspace keeps what is said with the key.
    pub(crate) logging: Option<Logging>,
    /// What destinations want of the key's generations.
    pub(crate) destinations: Vec<Wants>,
    /// What the operator lets the organisation do.
    pub(crate) flags: Flags,
}

/// What the edge knows of a key that exists.
#[derive(Debug)]
pub(crate) struct Context {
    /// Of the secret that was shown; the key's public name is `key.hash`.
    pub(crate) hash: KeyHash,
    pub(crate) key: Key,
    /// When that secret ends, where the key has another by now.
    secret_until: Option<DateTime<Utc>>,
    pub(crate) terms: Terms,
    pub(crate) governance: Governance,
    /// Unix milliseconds of the last use seen here; 0 = none.
    last_used: AtomicI64,
}

impl Context {
    pub(crate) const fn tenant(&self) -> TenantId {
        self.key.tenant
    }

    /// Whether key and secret are good at this moment, which needs no event to end.
    pub(crate) fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        let goes_on = |end: Option<DateTime<Utc>>| end.is_none_or(|end| now < end);
        !self.key.disabled && goes_on(self.key.expires_at) && goes_on(self.secret_until)
    }

    /// Whether the key may be used from there. From nowhere only a key that may be used from anywhere.
    pub(crate) fn admits(&self, address: Option<ClientAddress>) -> bool {
        self.key.allowed_ips.as_ref().is_none_or(|networks| {
            address.is_some_and(|from| networks.iter().any(|network| network.contains(&from.0)))
        })
    }

    pub(crate) fn used(&self, now: DateTime<Utc>) {
        self.last_used.store(now.timestamp_millis(), Ordering::Relaxed);
    }

    /// When the key was used since this was last asked.
    pub(crate) fn take_last_used(&self) -> Option<DateTime<Utc>> {
        match self.last_used.swap(0, Ordering::Relaxed) {
            0 => None,
            millis => DateTime::from_timestamp_millis(millis),
        }
    }
}

/// A key could not be looked up, which says nothing of the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("the identity database cannot be asked")]
    Database(#[source] sqlx::Error),
    #[error("billing cannot be asked for the key's terms")]
    Terms(#[source] Box<tonic::Status>),
    #[error("the look-up took too long")]
    Timeout,
    #[error("the key changed again and again while it was looked up")]
    Unsettled,
}

/// Where keys are looked up.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) pool: PgPool,
    pub(crate) billing: Channel,
    pub(crate) timeout: Duration,
}

impl Source {
    /// Looks a key up, with its terms.
    ///
    /// # Errors
    /// [`LookupError`] when that cannot be told.
    pub(crate) async fn find(&self, hash: KeyHash) -> Result<Option<Context>, LookupError> {
        tokio::time::timeout(self.timeout, self.ask(hash)).await.unwrap_or(Err(LookupError::Timeout))
    }

    async fn ask(&self, hash: KeyHash) -> Result<Option<Context>, LookupError> {
        let found = store::keys::by_secret(&self.pool, hash).await.map_err(LookupError::Database)?;
        let Some((key, secret_until)) = found else { return Ok(None) };
        let governance = store::governance::of(&self.pool, &key).await.map_err(LookupError::Database)?;
        let ids = |ids: &[uuid::Uuid]| ids.iter().map(ToString::to_string).collect();
        let request = GetTermsRequest {
            tenant_id: key.tenant.to_string(),
            key_id: key.id.to_string(),
            workspace_id: key.workspace.to_string(),
            user_id: key.creator_id(),
            guardrail_ids: ids(&governance.guardrails.key_budgets),
            member_guardrail_ids: ids(&governance.guardrails.member_budgets),
        };
        let terms = self.terms(request).await.map_err(|status| LookupError::Terms(Box::new(status)))?;
        Ok(Some(Context { hash, key, secret_until, terms, governance, last_used: AtomicI64::new(0) }))
    }

    /// What billing says of a key's terms; empty ids stand for callers without a key.
    pub(crate) async fn terms(&self, request: GetTermsRequest) -> Result<Terms, tonic::Status> {
        let answer = rpc::retry(3, || {
            let mut billing = BillingClient::new(self.billing.clone());
            let request = request.clone();
            async move { billing.get_terms(request).await }
        })
        .await?
        .into_inner();
        Ok(Terms {
            markups: Markups::new(answer.markup_basis_points, answer.markup_overrides),
            own_keys: answer.own_keys.unwrap_or_default(),
            accounts: answer.accounts,
            bought: answer.bought,
        })
    }
}
