//! A change of the catalogue, or several at once: lock, edit, check the whole, write, raise the version, write it
//! down, commit.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use identity::{EndpointId, MasterKey};
use serde_json::Value;
use sqlx::PgConnection;

use super::edit_row::refused;
use super::preview::preview;
use super::{EndpointEdit, ModelEdit, PriceEdit, ProviderEdit, WithdrawEdit};
use crate::Error;
use crate::catalogue::Catalogue;
use crate::service::Inner;
use crate::store::{self, Change, PastPrice, Writes, rows, rows::Tables};

/// What an operator wants changed.
#[derive(Debug)]
pub(crate) enum Edit {
    Provider(ProviderEdit),
    Model(ModelEdit),
    Endpoint(EndpointEdit),
    Price(PriceEdit),
    Withdraw(WithdrawEdit),
}

impl Edit {
    /// `priced` is the endpoint of the price that is taken back.
    fn apply(self, context: &Context<'_>, priced: Option<EndpointId>) -> Result<Applied, Error> {
        match self {
            Self::Provider(edit) => edit.apply(context),
            Self::Model(edit) => edit.apply(context),
            Self::Endpoint(edit) => edit.apply(context),
            Self::Price(edit) => edit.apply(context),
            Self::Withdraw(edit) => edit.apply(context, priced),
        }
    }
}

/// What a change came to.
#[derive(Debug)]
pub(crate) struct Changed {
    /// What it is about: a slug or an id.
    pub(crate) id: String,
    /// The version that holds it.
    pub(crate) version: u64,
    /// What it would come to; only where nothing was to be changed.
    pub(crate) preview: Option<Value>,
}

/// What an edit is laid over.
pub(super) struct Context<'a> {
    pub(super) tables: &'a Tables,
    /// Every price of the endpoint that a price is for, the latest to take effect first.
    pub(super) history: &'a [PastPrice],
    pub(super) actor: &'a str,
    pub(super) master_key: &'a MasterKey,
    pub(super) dry_run: bool,
}

impl Context<'_> {
    /// The price in effect.
    pub(super) fn price_of(&self, endpoint: EndpointId) -> Option<&rows::Price> {
        self.tables.prices.iter().find(|price| price.endpoint_id == endpoint)
    }
}

/// What an edit comes to: rows to write, and what is written down of them.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) id: String,
    /// What the record of changes has it under.
    pub(super) subject: String,
    pub(super) action: &'static str,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    pub(super) writes: Writes,
    /// Whose place among its model's endpoints may change.
    pub(super) endpoint: Option<EndpointId>,
    pub(super) price: Option<PriceChange>,
    /// Whether it says what the endpoint is to cost, different or not.
    pub(super) sets_price: bool,
    pub(super) effective_at: Option<DateTime<Utc>>,
    /// What would be refused without force; only in a dry run.
    pub(super) warnings: Vec<String>,
}

/// Price books as they are kept.
pub(super) struct PriceChange {
    pub(super) from: Option<Value>,
    pub(super) to: Value,
}

impl Applied {
    /// One that changes nothing yet.
    pub(super) fn of(action: &'static str, id: impl Into<String>) -> Self {
        let id = id.into();
        Self { subject: id.clone(), id, action, ..Self::default() }
    }

    /// Refuses a second price of an endpoint: prices are measured by what was in effect before all of it, and one of two
    /// would pass unmeasured.
    fn alone_of_its_price(self, others: &[Self]) -> Result<Self, Error> {
        let priced = self.priced();
        if priced.is_some() && others.iter().any(|other| other.priced() == priced) {
            return Err(refused("another of the changes sets a price of this endpoint"));
        }
        Ok(self)
    }

    /// The endpoint whose price it is about.
    fn priced(&self) -> Option<EndpointId> {
        self.endpoint.filter(|_| self.sets_price)
    }

    /// Whether anything is different from before.
    fn is_change(&self) -> bool {
        self.before != self.after && !self.writes.is_empty()
    }
}

/// Makes changes, all or none, each laid over those before it; or says what they would come to. It runs to its end
/// even when the caller goes away. One [`Changed`] for each.
///
/// # Errors
/// [`Error`] when the values are refused or the database is away; nothing is half done.
pub(crate) async fn change(
    inner: &Arc<Inner>,
    actor: String,
    edits: Vec<Edit>,
    dry_run: bool,
) -> Result<Vec<Changed>, Error> {
    if actor.trim().is_empty() {
        return Err(Error::Refused("the actor of a change must be named".to_owned()));
    }
    let owned = Arc::clone(inner);
    let task = inner.deps.tasks.spawn(async move { run(&owned, &actor, edits, dry_run).await });
    let changed = task.await.map_err(|_| Error::Lost)??;
    inner.changed.notify_one();
    Ok(changed)
}

async fn run(inner: &Inner, actor: &str, edits: Vec<Edit>, dry_run: bool) -> Result<Vec<Changed>, Error> {
    let mut transaction = inner.deps.pool.begin().await?;
    store::take_time(&mut transaction).await?;
    store::lock(&mut transaction).await?;
    let before = store::load(&mut *transaction).await?;
    let mut after = before.clone();
    let mut applied = Vec::with_capacity(edits.len());
    let is_one = edits.len() == 1;
    for (at, edit) in edits.into_iter().enumerate() {
        // Prices are measured by what was in effect before all of it.
        let (priced, history) = history(&mut transaction, &edit).await?;
        let master_key = &inner.deps.master_key;
        let context = Context { tables: &after, history: &history, actor, master_key, dry_run };
        let done = edit.apply(&context, priced).and_then(|done| done.alone_of_its_price(&applied));
        let done = if is_one { done } else { done.map_err(|error| error.of_change(at)) }?;
        after.lay(done.writes.clone());
        applied.push(done);
    }
    if !dry_run && !applied.iter().any(Applied::is_change) {
        let unchanged = |one: Applied| Changed { id: one.id, version: before.version, preview: None };
        return Ok(applied.into_iter().map(unchanged).collect());
    }
    let timeouts = inner.config.timeouts;
    let after = Catalogue::build(after, timeouts)?;
    // What the database has to say against it is heard in a dry run too.
    for one in &applied {
        store::write(&mut transaction, &one.writes).await?;
    }
    if dry_run {
        transaction.rollback().await?;
        let version = before.version;
        let before = Catalogue::build(before, timeouts).unwrap_or_default();
        let told = applied.into_iter().map(|one| {
            let preview = Some(preview(&one, &before, &after));
            Changed { id: one.id, version, preview }
        });
        return Ok(told.collect());
    }
    let version = store::next_version(&mut transaction).await?;
    for Applied { action, subject, before, after, .. } in applied.iter_mut().filter(|one| one.is_change()) {
        let change = Change { actor, action, subject, before: before.take(), after: after.take() };
        store::record(&mut transaction, version, change).await?;
    }
    transaction.commit().await?;
    let done = applied.into_iter().map(|Applied { id, action, subject, .. }| {
        tracing::info!(catalogue.version = version, actor, action, subject, "the catalogue was changed");
        Changed { id, version, preview: None }
    });
    Ok(done.collect())
}

/// The endpoint that a price is for, and all of its prices; nothing for other edits.
async fn history(
    connection: &mut PgConnection,
    edit: &Edit,
) -> Result<(Option<EndpointId>, Vec<PastPrice>), Error> {
    let endpoint = match edit {
        Edit::Price(edit) => Some(edit.endpoint_id),
        Edit::Withdraw(edit) => store::priced(&mut *connection, edit.price_id).await?,
        _ => None,
    };
    let Some(endpoint) = endpoint else { return Ok((None, Vec::new())) };
    Ok((Some(endpoint), store::prices(connection, endpoint).await?))
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
