//! Managing the keys of an organisation: what is allowed, and how a change is carried out, whichever API asks for it.
//!
//! A limit is billing's before the key that it limits is anybody's, and a key's row is locked while billing is told of a
//! change: a crash in between leaves a limit without a key, or a change that the next one repeats, never a key without
//! its limit.

mod makers;
mod manager;
mod rules;

use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dialect::error::{BadRequest, ErrorType};
use identity::{ApiKey, KeyHash, KeyId, KeyKind, PersonId, TenantId};
use ipnet::IpNet;
use pg::TenantTx;
use pricing::Amount;
use rpc::Channel;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{KeyUsage, ListKeyUsageRequest, PutKeyLimitRequest};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use self::makers::disable_made_by;
pub(crate) use self::manager::{Manager, Reach};
pub(crate) use self::rules::{Kind, MAX_OVERLAP, Reset, addresses, ceilings, expiry, limit};
use crate::http::reply::{Refusal, UserFacing};
use crate::limits::Ceilings;
use crate::people;
use crate::service::App;
use crate::store::keys::{self as store, Key, NewKey};

/// Keys that billing is asked after at once.
const ASKED_AT_ONCE: usize = 100;
/// How long billing may take to keep a limit: the key's row is locked meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
/// Said to members who reach only what is theirs.
pub(crate) const OUTSIDE: &str = "You are no member of this workspace. Ask an owner or admin.";

/// Why keys are not managed as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("there is no such key")]
    NotFound,
    #[error("the identity database cannot be asked")]
    Database(#[from] sqlx::Error),
    #[error("billing refused")]
    Billing(#[source] Box<tonic::Status>),
}

impl UserFacing for Error {
    fn refusal(self) -> Refusal {
        match self {
            Self::Invalid(message) => BadRequest::new(message).refusal(),
            Self::Forbidden(message) => Refusal::new(ErrorType::PermissionDenied, message),
            Self::NotFound => Refusal::new(ErrorType::NotFound, "Resource not found"),
            Self::Database(error) => error.refusal(),
            Self::Billing(status) => status.refusal(),
        }
    }
}

/// What a new key is to be.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) kind: KeyKind,
    /// `None` = the default workspace.
    pub(crate) workspace: Option<Uuid>,
    /// Whom it is for; `None` = whoever makes it.
    pub(crate) creator: Option<PersonId>,
    /// The app that gets it; `None` = it is no app's.
    pub(crate) app: Option<String>,
    pub(crate) limit: Option<Amount>,
    pub(crate) limit_reset: Option<Reset>,
    /// Whether what the organisation's own credentials serve counts against the limit.
    pub(crate) counts_own_keys: Option<bool>,
    pub(crate) ceilings: Ceilings,
    pub(crate) allowed_ips: Option<Vec<IpNet>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// What is to be different of a key; `None` = as it is.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) disabled: Option<bool>,
    pub(crate) limit: Option<Option<Amount>>,
    pub(crate) limit_reset: Option<Option<Reset>>,
    pub(crate) counts_own_keys: Option<bool>,
    pub(crate) requests_per_minute: Option<Option<u32>>,
    pub(crate) tokens_per_minute: Option<Option<u32>>,
    pub(crate) concurrent: Option<Option<u32>>,
    pub(crate) allowed_ips: Option<Option<Vec<IpNet>>>,
}

impl Change {
    const fn is_of_the_limit(&self) -> bool {
        self.limit.is_some() || self.limit_reset.is_some() || self.counts_own_keys.is_some()
    }

    /// The limits that are sent.
    fn ceilings(&self) -> Ceilings {
        Ceilings {
            requests_per_minute: self.requests_per_minute.flatten(),
            tokens_per_minute: self.tokens_per_minute.flatten(),
            concurrent: self.concurrent.flatten(),
        }
    }

    /// Members that are sent, as the audit log keeps them.
    fn details(&self) -> Value {
        let mut details = serde_json::Map::new();
        let mut put =
            |name: &str, value: Option<Value>| details.extend(value.map(|value| (name.to_owned(), value)));
        put("name", self.name.as_ref().map(|name| json!(name)));
        put("disabled", self.disabled.map(|disabled| json!(disabled)));
        put("limit", self.limit.map(|limit| json!(limit.map(|limit| limit.to_string()))));
        put("limit_reset", self.limit_reset.map(|reset| json!(reset.map(Reset::as_str))));
        put("include_byok_in_limit", self.counts_own_keys.map(|counts| json!(counts)));
        put("rate_limit_rpm", self.requests_per_minute.map(|limit| json!(limit)));
        put("rate_limit_tpm", self.tokens_per_minute.map(|limit| json!(limit)));
        put("max_concurrent", self.concurrent.map(|limit| json!(limit)));
        put("allowed_ips", self.allowed_ips.as_ref().map(|networks| json!(networks)));
        Value::Object(details)
    }

    fn apply(self, key: &mut Key) {
        if let Some(name) = self.name {
            key.name = name;
        }
        key.disabled = self.disabled.unwrap_or(key.disabled);
        key.limit = self.limit.unwrap_or(key.limit);
        if let Some(reset) = self.limit_reset {
            key.limit_reset = reset.map(|reset| reset.as_str().to_owned());
        }
        let ceilings = &mut key.ceilings;
        ceilings.requests_per_minute = self.requests_per_minute.unwrap_or(ceilings.requests_per_minute);
        ceilings.tokens_per_minute = self.tokens_per_minute.unwrap_or(ceilings.tokens_per_minute);
        ceilings.concurrent = self.concurrent.unwrap_or(ceilings.concurrent);
        if let Some(networks) = self.allowed_ips {
            key.allowed_ips = networks;
        }
    }
}

/// A secret, for the one moment it is shown, and the key that it is of.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) secret: ApiKey,
    pub(crate) key: Key,
}

/// Makes a key.
///
/// # Errors
/// [`Error::Invalid`] for a name, workspace or creator that cannot be, [`Error::Forbidden`] for what `manager` may not
/// make, [`Error::NotFound`] when there is no such organisation.
pub(crate) async fn create(app: &App, manager: Manager, draft: Draft) -> Result<Minted, Error> {
    create_after(app, manager, draft, |_, _| Box::pin(async { Ok(()) })).await
}

/// The same in one transaction with what comes `first`, which is told the key's public name: there is a key only when
/// that succeeds, and it is done only when there is a key.
///
/// # Errors
/// As [`create`], and what `first` answers.
pub(crate) async fn create_after<F>(
    app: &App,
    manager: Manager,
    draft: Draft,
    first: F,
) -> Result<Minted, Error>
where
    F: for<'t> FnOnce(
            &'t mut TenantTx,
            KeyHash,
        ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 't>>
        + Send
        + 'static,
{
    rules::name(&draft.name)?;
    let creator = manager.creator(&draft)?;
    let secret = ApiKey::generate(draft.kind);
    let new = NewKey {
        id: KeyId::generate(),
        hash: secret.hash(),
        kind: draft.kind,
        label: secret.label(),
        name: draft.name,
        workspace: draft.workspace,
        creator,
        app: draft.app,
        made_by: manager.actor.clone(),
        ceilings: rules::ceilings(draft.ceilings)?,
        limit: draft.limit,
        limit_reset: draft.limit_reset.map(|reset| reset.as_str().to_owned()),
        allowed_ips: draft.allowed_ips,
        expires_at: draft.expires_at,
    };
    let (billing, counts) = (app.billing.clone(), draft.counts_own_keys);
    let key = pg::in_tenant(&app.pool, manager.tenant, move |tx| {
        Box::pin(async move {
            first(tx, new.hash).await?;
            insert(tx, billing, &manager, new, counts).await
        })
    })
    .await?;
    app.announcer.changed(key.hash).await;
    Ok(Minted { secret, key })
}

async fn insert(
    tx: &mut TenantTx,
    billing: Channel,
    manager: &Manager,
    new: NewKey,
    counts_own_keys: Option<bool>,
) -> Result<Key, Error> {
    let unknown = || match new.workspace {
        Some(_) => Error::Invalid("workspace_id: there is no such workspace".to_owned()),
        None => Error::NotFound,
    };
    let place = store::place(tx, new.workspace, new.creator).await?.ok_or_else(unknown)?;
    if new.creator.is_some() && !place.is_member {
        return Err(Error::Invalid("creator_user_id: this user is no member of the organization".to_owned()));
    }
    if matches!(manager.reach, Reach::Own(_)) && !place.is_inside {
        return Err(Error::Forbidden(OUTSIDE));
    }
    if new.kind == KeyKind::Management {
        manager.still_manages(tx, new.creator).await?;
    }
    if new.limit.is_some() || counts_own_keys.is_some() {
        let limit = (new.limit, new.limit_reset.as_deref(), counts_own_keys);
        put_limit(billing, tx.tenant(), new.id, limit).await?;
    }
    store::insert(tx, &new).await?;
    let details = json!({ "kind": new.kind.as_str(), "name": new.name, "label": new.label,
                          "workspace_id": place.workspace, "creator_user_id": new.creator.map(|id| id.to_string()),
                          "limit": new.limit.map(|limit| limit.to_string()), "limit_reset": new.limit_reset,
                          "include_byok_in_limit": counts_own_keys, "allowed_ips": new.allowed_ips,
                          "expires_at": new.expires_at, "rate_limit_rpm": new.ceilings.requests_per_minute,
                          "rate_limit_tpm": new.ceilings.tokens_per_minute,
                          "max_concurrent": new.ceilings.concurrent });
    manager.did(tx, "key.create", new.hash, details).await?;
    store::find(tx, new.hash).await?.ok_or(Error::NotFound)
}

/// Changes a key.
///
/// # Errors
/// [`Error::Invalid`] for a name that cannot be, [`Error::Forbidden`] for a key that `manager` may not change.
pub(crate) async fn change(app: &App, manager: Manager, name: KeyHash, change: Change) -> Result<Key, Error> {
    if let Some(name) = &change.name {
        rules::name(name)?;
    }
    rules::ceilings(change.ceilings())?;
    let billing = app.billing.clone();
    let key: Key = pg::in_tenant(&app.pool, manager.tenant, move |tx| {
        Box::pin(async move {
            let mut key = manager.locked(tx, name).await?;
            if key.disabled && change.disabled == Some(false) {
                makers::check(tx, &key).await?;
            }
            let (details, counts) = (change.details(), change.counts_own_keys);
            let is_of_the_limit = change.is_of_the_limit();
            change.apply(&mut key);
            if is_of_the_limit {
                let limit = (key.limit, key.limit_reset.as_deref(), counts);
                put_limit(billing, key.tenant, key.id, limit).await?;
            }
            store::update(tx, &key).await?;
            manager.did(tx, "key.change", key.hash, details).await?;
            store::find(tx, key.hash).await?.ok_or(Error::NotFound)
        })
    })
    .await?;
    app.announcer.changed(key.hash).await;
    Ok(key)
}

/// Gives a key another secret. The present one is in force for `overlap` more, one before it no longer.
///
/// # Errors
/// [`Error::Invalid`] for an overlap that is too long, [`Error::Forbidden`] for a key that `manager` may not change.
pub(crate) async fn rotate(
    app: &App,
    manager: Manager,
    name: KeyHash,
    overlap: Duration,
) -> Result<Minted, Error> {
    if overlap > MAX_OVERLAP {
        return Err(Error::Invalid(format!("overlap_seconds: use 0 to {}", MAX_OVERLAP.as_secs())));
    }
    let minted = pg::in_tenant(&app.pool, manager.tenant, move |tx| {
        Box::pin(async move {
            let key = manager.locked(tx, name).await?;
            let secret = ApiKey::generate(key.kind);
            let label = secret.label();
            store::rotate(tx, key.id, (secret.hash(), &label), manager.person(), overlap).await?;
            let details = json!({ "label": label, "overlap_seconds": overlap.as_secs() });
            manager.did(tx, "key.rotate", key.hash, details).await?;
            let key = store::find(tx, key.hash).await?.ok_or(Error::NotFound)?;
            Ok::<_, Error>(Minted { secret, key })
        })
    })
    .await?;
    app.announcer.changed(minted.key.hash).await;
    Ok(minted)
}

/// Deletes a key.
///
/// # Errors
/// [`Error::Forbidden`] for a key that `manager` may not change.
pub(crate) async fn delete(app: &App, manager: Manager, name: KeyHash) -> Result<(), Error> {
    let hash = pg::in_tenant(&app.pool, manager.tenant, move |tx| {
        Box::pin(async move {
            let key = manager.locked(tx, name).await?;
            store::delete(tx, key.id).await?;
            manager.did(tx, "key.delete", key.hash, json!({ "label": key.label, "name": key.name })).await?;
            let inviter = [format!("key:{}", key.id)];
            people::withdraw(tx, &manager.actor, (&inviter, None), "key.delete").await?;
            Ok::<_, Error>(key.hash)
        })
    })
    .await?;
    app.announcer.changed(hash).await;
    Ok(())
}

/// What keys of one tenant used, in their order.
///
/// # Errors
/// [`Error::Billing`] when that cannot be told.
pub(crate) async fn usage(app: &App, tenant: TenantId, keys: &[Key]) -> Result<Vec<KeyUsage>, Error> {
    let mut used = Vec::with_capacity(keys.len());
    for keys in keys.chunks(ASKED_AT_ONCE) {
        let key_ids: Vec<String> = keys.iter().map(|key| key.id.to_string()).collect();
        let message = ListKeyUsageRequest { tenant_id: tenant.to_string(), key_ids };
        let answer = rpc::retry(3, || {
            let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
            async move { billing.list_key_usage(message).await }
        });
        used.extend(answer.await.map_err(|status| Error::Billing(Box::new(status)))?.into_inner().usage);
    }
    Ok(used)
}

/// A key's public name, as paths write it; `None` for what names nothing.
pub(crate) fn named(text: &str) -> Option<KeyHash> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(KeyHash(bytes))
}

/// Tells billing of a key's limit, its reset and whether own credentials count, and waits until it is kept.
async fn put_limit(
    billing: Channel,
    tenant: TenantId,
    key: KeyId,
    (limit, reset, counts_own_keys): (Option<Amount>, Option<&str>, Option<bool>),
) -> Result<(), Error> {
    let message = PutKeyLimitRequest {
        tenant_id: tenant.to_string(),
        key_id: key.to_string(),
        limit: limit.map(Amount::nanos),
        reset: reset.unwrap_or_default().to_owned(),
        counts_own_keys,
    };
    let put = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(billing.clone()), message.clone());
        async move { billing.put_key_limit(message).await }
    });
    let late = |_| Err(tonic::Status::unavailable("billing takes too long"));
    let put = tokio::time::timeout(PATIENCE, put).await.unwrap_or_else(late);
    put.map_err(|status| Error::Billing(Box::new(status)))?;
    Ok(())
}
