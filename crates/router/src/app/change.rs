//! One change of the catalogue: lock, edit, check the whole, raise the version, write it down, commit.

use std::sync::Arc;

use identity::MasterKey;
use serde_json::Value;

use super::{EndpointEdit, ModelEdit, PriceEdit, ProviderEdit};
use crate::Error;
use crate::catalogue::Catalogue;
use crate::service::Inner;
use crate::store::{self, Change, Writes, rows::Tables};

/// What an operator wants changed.
#[derive(Debug)]
pub(crate) enum Edit {
    Provider(ProviderEdit),
    Model(ModelEdit),
    Endpoint(EndpointEdit),
    Price(PriceEdit),
}

/// What a change came to.
#[derive(Debug)]
pub(crate) struct Changed {
    /// What it is about: a slug or an id.
    pub(crate) id: String,
    /// The version that holds it.
    pub(crate) version: u64,
}

/// What an edit comes to: rows to write, and what is written down of them.
pub(super) struct Applied {
    pub(super) id: String,
    pub(super) action: &'static str,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    pub(super) writes: Writes,
}

impl Applied {
    /// Whether anything is different from before.
    fn is_change(&self) -> bool {
        self.before != self.after && !self.writes.is_empty()
    }
}

/// Makes a change. It runs to its end even when the caller goes away.
///
/// # Errors
/// [`Error`] when the values are refused or the database is away; nothing is half done.
pub(crate) async fn change(inner: &Arc<Inner>, actor: String, edit: Edit) -> Result<Changed, Error> {
    if actor.trim().is_empty() {
        return Err(Error::Refused("the actor of a change must be named".to_owned()));
    }
    let owned = Arc::clone(inner);
    let task = inner.deps.tasks.spawn(async move { run(&owned, &actor, edit).await });
    let changed = task.await.map_err(|_| Error::Lost)??;
    inner.changed.notify_one();
    Ok(changed)
}

async fn run(inner: &Inner, actor: &str, edit: Edit) -> Result<Changed, Error> {
    let mut transaction = inner.deps.pool.begin().await?;
    store::lock(&mut transaction).await?;
    let tables = store::load(&mut *transaction).await?;
    let applied = apply(&tables, actor, edit, &inner.deps.master_key)?;
    if !applied.is_change() {
        return Ok(Changed { id: applied.id, version: tables.version });
    }
    let Applied { id, action, before, after, writes } = applied;
    store::write(&mut transaction, &writes).await?;
    Catalogue::build(tables.with(writes), inner.config.timeouts)?;
    let version = store::next_version(&mut transaction).await?;
    store::record(&mut transaction, version, Change { actor, action, subject: &id, before, after }).await?;
    transaction.commit().await?;
    tracing::info!(catalogue.version = version, actor, action, subject = id, "the catalogue was changed");
    Ok(Changed { id, version })
}

fn apply(tables: &Tables, actor: &str, edit: Edit, master_key: &MasterKey) -> Result<Applied, Error> {
    match edit {
        Edit::Provider(edit) => edit.apply(tables, actor, master_key),
        Edit::Model(edit) => edit.apply(tables),
        Edit::Endpoint(edit) => edit.apply(tables, actor),
        Edit::Price(edit) => edit.apply(tables, actor),
    }
}

/// A row for the record of changes, without what only seeds need.
pub(super) fn written<T: serde::Serialize>(row: &T) -> Result<Value, Error> {
    let mut value =
        serde_json::to_value(row).map_err(|error| Error::Database(sqlx::Error::Encode(Box::new(error))))?;
    if let Some(members) = value.as_object_mut() {
        members.remove("seeded");
    }
    Ok(value)
}
