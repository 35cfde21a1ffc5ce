//! The presets that were asked for lately: fresh for a few seconds, good for longer while the database is away.

use std::sync::Arc;
use std::time::Duration;

use identity::TenantId;
use serde_json::{Map, Value};
use sqlx::PgPool;
use uuid::Uuid;

use super::Error;
use crate::auth::Context;
use crate::store;

/// What another edge wrote is seen here after so long at the latest.
const FRESH: Duration = Duration::from_secs(5);
/// Bytes of all that is kept.
const CAPACITY: u64 = 32 * 1024 * 1024;
/// Bytes of an entry beside its configuration, about.
const OVERHEAD: usize = 512;

/// Whose preset, and which.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) tenant: TenantId,
    pub(crate) workspace: Uuid,
    pub(crate) slug: String,
}

/// What the version in force says.
#[derive(Debug, Default)]
pub(crate) struct Preset {
    /// `active`, `disabled` or `archived`.
    pub(super) status: String,
    /// Members of a chat request.
    pub(super) config: Map<String, Value>,
    pub(super) system_prompt: Option<String>,
}

impl Preset {
    pub(super) fn cache_enabled(&self) -> Option<bool> {
        self.config.get("cache_enabled")?.as_bool()
    }

    pub(super) fn cache_ttl_seconds(&self) -> Option<u64> {
        self.config.get("cache_ttl_seconds")?.as_u64()
    }
}

/// A preset could not be looked up, which says nothing of the preset.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("the identity database cannot be asked")]
    Database(#[from] sqlx::Error),
    #[error("the look-up took too long")]
    Timeout,
}

/// A preset with its size; `None` = there is none of that name.
#[derive(Clone)]
struct Found(Option<(Arc<Preset>, usize)>);

impl Found {
    fn weight(name: &Name, found: &Self) -> u32 {
        let bytes = OVERHEAD + name.slug.len() + found.0.as_ref().map_or(0, |(_, bytes)| *bytes);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// Every preset that was asked for lately.
pub(crate) struct Presets {
    pool: PgPool,
    timeout: Duration,
    fresh: moka::future::Cache<Name, Found>,
    /// The last good answer for each preset that exists.
    stale: moka::sync::Cache<Name, Found>,
}

impl Presets {
    /// `timeout` bounds a look-up; for `stale` after the last good one its answer serves while there is no other.
    pub(crate) fn new(pool: PgPool, timeout: Duration, stale: Duration) -> Self {
        Self {
            pool,
            timeout,
            fresh: moka::future::Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(Found::weight)
                .time_to_live(FRESH)
                .build(),
            stale: moka::sync::Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(Found::weight)
                .time_to_live(stale)
                .build(),
        }
    }

    /// The preset of that name in the caller's workspace. Callers of one preset share one look-up.
    ///
    /// # Errors
    /// [`Error`] when there is none, when it is not active and when that cannot be told.
    pub(super) async fn active(&self, caller: &Context, slug: &str) -> Result<Arc<Preset>, Error> {
        if !super::is_slug(slug) {
            return Err(Error::Unknown(slug.chars().take(100).collect()));
        }
        let (tenant, workspace) = (caller.tenant(), caller.key.workspace);
        let name = Name { tenant, workspace, slug: slug.to_owned() };
        let look_up = self.look_up(name.clone());
        let found = self.fresh.try_get_with(name, look_up).await.map_err(Error::Unavailable)?;
        match found.0 {
            None => Err(Error::Unknown(slug.to_owned())),
            Some((preset, _)) if preset.status == "active" => Ok(preset),
            Some((preset, _)) => {
                Err(Error::OutOfForce { slug: slug.to_owned(), status: preset.status.clone() })
            }
        }
    }

    async fn look_up(&self, name: Name) -> Result<Found, LookupError> {
        let asked = tokio::time::timeout(self.timeout, ask(&self.pool, &name));
        match asked.await.unwrap_or(Err(LookupError::Timeout)) {
            Ok(found) => {
                if found.0.is_some() {
                    self.stale.insert(name, found.clone());
                } else {
                    self.stale.invalidate(&name);
                }
                Ok(found)
            }
            Err(error) => {
                let known = self.stale.get(&name);
                tracing::warn!(error = %error, known = known.is_some(), "a preset cannot be looked up");
                known.ok_or(error)
            }
        }
    }

    /// A preset changed.
    pub(crate) async fn forget(&self, name: &Name) {
        self.stale.invalidate(name);
        self.fresh.invalidate(name).await;
    }
}

async fn ask(pool: &PgPool, name: &Name) -> Result<Found, LookupError> {
    let (workspace, slug) = (name.workspace, name.slug.clone());
    let found = pg::in_tenant(pool, name.tenant, move |tx| {
        Box::pin(async move {
            let Some(preset) = store::presets::by_slug(tx, workspace, &slug).await? else { return Ok(None) };
            let version = store::presets::designated(tx, &preset).await?;
            Ok::<_, sqlx::Error>(version.map(|version| (preset.status, version)))
        })
    })
    .await?;
    Ok(Found(found.map(|(status, version)| {
        let bytes = version.config.to_string().len() + version.system_prompt.as_ref().map_or(0, String::len);
        let config = match version.config {
            Value::Object(config) => config,
            // The column admits nothing else.
            _ => Map::new(),
        };
        (Arc::new(Preset { status, config, system_prompt: version.system_prompt }), bytes)
    })))
}
