//! Between what clients call keys, people, workspaces and generations, and their ids.

use std::collections::HashMap;

use identity::{GenerationId, TenantId};
use rpc::billing::AnalyticsRow;
use uuid::Uuid;

use super::names::{Dimension, Kind};
use super::question::Question;
use crate::http::reply::Refusal;
use crate::service::App;
use crate::store::analytics::{self, KeyName};

/// What the names in a question stand for.
pub(super) struct Scope {
    /// The workspace of usage that names none.
    pub(super) home: Uuid,
    /// The names of all workspaces.
    pub(super) workspaces: HashMap<Uuid, String>,
    /// Of each filter, its values as billing knows them; those that are nobody's are left out.
    pub(super) values: Vec<Vec<String>>,
    pub(super) warnings: Vec<String>,
}

impl Scope {
    pub(super) async fn of(app: &App, tenant: TenantId, question: &Question) -> Result<Self, Refusal> {
        let of_keys = question.filters.iter().filter(|filter| filter.dimension.kind == Kind::Key);
        let hashes: Vec<Vec<u8>> =
            of_keys.flat_map(|filter| &filter.values).filter_map(|value| hex::decode(value).ok()).collect();
        let found = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move {
                let workspaces = analytics::workspaces(tx).await?;
                let keys =
                    if hashes.is_empty() { Vec::new() } else { analytics::keys_of(tx, &hashes).await? };
                Ok::<_, sqlx::Error>((workspaces, keys))
            })
        });
        let (workspaces, keys) = found.await?;
        let mut scope = Self {
            home: workspaces.iter().find(|one| one.is_default).map_or(Uuid::nil(), |one| one.id),
            workspaces: workspaces.into_iter().map(|one| (one.id, one.name)).collect(),
            values: Vec::new(),
            warnings: Vec::new(),
        };
        for filter in &question.filters {
            let mut values = Vec::new();
            for value in &filter.values {
                match scope.id_of(filter.dimension, value, &keys) {
                    Some(id) => values.push(id),
                    None => scope.warnings.push(format!(
                        "Filter `{}`: `{value:.80}` could not be resolved and matches nothing.",
                        filter.dimension.name
                    )),
                }
            }
            scope.values.push(values);
        }
        Ok(scope)
    }

    /// A value as billing knows it.
    fn id_of(&self, dimension: &Dimension, value: &str, keys: &[KeyName]) -> Option<String> {
        match dimension.kind {
            Kind::Summed | Kind::Single => Some(value.to_owned()),
            Kind::User => value.parse().ok().map(|id: Uuid| id.to_string()),
            Kind::Workspace => {
                value.parse().ok().filter(|id| self.workspaces.contains_key(id)).map(|id| id.to_string())
            }
            Kind::Generation => value.parse().ok().map(|id: GenerationId| id.uuid().to_string()),
            Kind::Key => match value.parse::<Uuid>() {
                Ok(id) => Some(id.to_string()),
                Err(_) => {
                    let hash = hex::decode(value).ok()?;
                    keys.iter().find(|key| key.is_named(&hash)).map(|key| key.id.to_string())
                }
            },
        }
    }
}

/// What is shown in place of ids.
pub(super) struct Labels {
    /// The name of a key, and its hash.
    keys: HashMap<String, (String, String)>,
    people: HashMap<String, String>,
    workspaces: HashMap<Uuid, String>,
}

impl Labels {
    pub(super) async fn of(
        app: &App,
        tenant: TenantId,
        question: &Question,
        rows: &[AnalyticsRow],
        workspaces: HashMap<Uuid, String>,
    ) -> Result<Self, Refusal> {
        let (keys, people) = (ids(question, rows, Kind::Key), ids(question, rows, Kind::User));
        if keys.is_empty() && people.is_empty() {
            return Ok(Self { keys: HashMap::new(), people: HashMap::new(), workspaces });
        }
        let found = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move {
                let keys = analytics::key_names(tx, &keys).await?;
                Ok::<_, sqlx::Error>((keys, analytics::people_names(tx, &people).await?))
            })
        });
        let (keys, people) = found.await?;
        let keys = keys.into_iter().map(|key| (key.id.to_string(), (key.name, hex::encode(key.hash))));
        Ok(Self {
            keys: keys.collect(),
            people: people.into_iter().map(|one| (one.id.to_string(), one.name)).collect(),
            workspaces,
        })
    }

    /// What is shown of a value, and the id that filters take; of what is no more, its id alone.
    pub(super) fn show(&self, dimension: &Dimension, value: &str) -> (Option<String>, Option<String>) {
        if value.is_empty() {
            return (None, None);
        }
        let itself = || value.to_owned();
        let (label, id) = match dimension.kind {
            Kind::Summed | Kind::Single => (itself(), itself()),
            Kind::Generation => {
                let id: Option<Uuid> = value.parse().ok();
                (id.map_or_else(itself, |id| GenerationId::from_uuid(id).to_string()), itself())
            }
            Kind::Key => self.keys.get(value).cloned().unwrap_or_else(|| (itself(), itself())),
            Kind::User => (self.people.get(value).cloned().unwrap_or_else(itself), itself()),
            Kind::Workspace => {
                let name = value.parse().ok().and_then(|id: Uuid| self.workspaces.get(&id).cloned());
                (name.unwrap_or_else(itself), itself())
            }
        };
        (Some(label), Some(id))
    }
}

/// The different ids of a kind in the rows.
fn ids(question: &Question, rows: &[AnalyticsRow], kind: Kind) -> Vec<Uuid> {
    let Some(place) = question.dimensions.iter().position(|dimension| dimension.kind == kind) else {
        return Vec::new();
    };
    let mut ids: Vec<Uuid> =
        rows.iter().filter_map(|row| row.values.get(place)).filter_map(|value| value.parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
