//! What is known of one key, and where it is asked for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{KeyHash, PersonId, TenantId};
use rpc::Channel;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{GetTermsRequest, OwnKeyTerms, SpendAccount};
use sqlx::PgPool;

use super::Markups;
use crate::byok::OwnCredentials;
use crate::guardrails::Guardrails;
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
    /// Whether credit was ever bought.
    pub(crate) has_paid: bool,
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
    /// The member who made the key: whose budgets its requests count for.
    pub(crate) creator: Option<PersonId>,
}

/// What the edge knows of a key that exists.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) hash: KeyHash,
    pub(crate) key: Key,
    pub(crate) terms: Terms,
    pub(crate) governance: Governance,
    /// Unix milliseconds of the last use seen here; 0 = none.
    last_used: AtomicI64,
}

impl Context {
    pub(crate) const fn tenant(&self) -> TenantId {
        self.key.tenant
    }

    /// The member whose request it is, as services are told; empty = nobody's in particular.
    pub(crate) fn user_id(&self) -> String {
        self.governance.creator.map(|creator| creator.to_string()).unwrap_or_default()
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
        let Some(key) = store::keys::by_hash(&self.pool, hash).await.map_err(LookupError::Database)? else {
            return Ok(None);
        };
        let governance = store::governance::of(&self.pool, &key).await.map_err(LookupError::Database)?;
        let ids = |ids: &[uuid::Uuid]| ids.iter().map(ToString::to_string).collect();
        let request = GetTermsRequest {
            tenant_id: key.tenant.to_string(),
            key_id: key.id.to_string(),
            workspace_id: key.workspace.to_string(),
            user_id: governance.creator.map(|creator| creator.to_string()).unwrap_or_default(),
            guardrail_ids: ids(&governance.guardrails.key_budgets),
            member_guardrail_ids: ids(&governance.guardrails.member_budgets),
        };
        let terms = self.terms(request).await.map_err(|status| LookupError::Terms(Box::new(status)))?;
        Ok(Some(Context { hash, key, terms, governance, last_used: AtomicI64::new(0) }))
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
            has_paid: answer.has_paid,
        })
    }
}
