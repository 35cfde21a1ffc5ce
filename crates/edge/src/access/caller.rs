//! Whoever passed the guard, as handlers take it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use identity::{PersonId, TenantId};
use rpc::Fault;
use serde_json::Value;

use super::{Role, Session, Turn};
use crate::auth::Context;
use crate::http::reply::Refusal;
use crate::service::App;
use crate::store::audit;

/// Somebody who acts for an organisation, and may do what the operation does.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) tenant: TenantId,
    pub(crate) who: Who,
}

#[derive(Clone)]
pub(crate) enum Who {
    Key(Arc<Context>),
    Person { id: PersonId, role: Role },
}

impl Caller {
    /// As the audit log and the other services name whoever changed something.
    pub(crate) fn actor(&self) -> String {
        match &self.who {
            Who::Key(context) => format!("key:{}", context.key.id),
            Who::Person { id, .. } => format!("user:{id}"),
        }
    }

    /// The person who calls; `None` for keys.
    pub(crate) const fn person(&self) -> Option<PersonId> {
        match &self.who {
            Who::Key(_) => None,
            Who::Person { id, .. } => Some(*id),
        }
    }

    /// An entry for what this caller does to something of its organisation.
    pub(crate) fn does(
        &self,
        action: &'static str,
        target: impl Into<String>,
        details: Value,
    ) -> audit::Entry {
        audit::Entry {
            tenant: Some(self.tenant),
            actor: self.actor(),
            action,
            target: target.into(),
            details,
        }
    }
}

/// An operator of the platform.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) actor: String,
}

impl Operator {
    /// An entry for what this operator does.
    pub(crate) fn does(
        &self,
        action: &'static str,
        tenant: Option<TenantId>,
        target: impl Into<String>,
        details: Value,
    ) -> audit::Entry {
        audit::Entry { tenant, actor: self.actor.clone(), action, target: target.into(), details }
    }
}

/// What the guard left in the request. A route outside the guard has no caller.
fn left<T: Clone + Send + Sync + 'static>(parts: &Parts) -> Result<T, Refusal> {
    parts.extensions.get().cloned().ok_or_else(|| {
        tracing::error!(path = parts.uri.path(), "a route that needs a caller is not guarded");
        Fault::internal().into()
    })
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        left(parts)
    }
}

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        left(parts)
    }
}

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        left(parts)
    }
}

impl FromRequestParts<Arc<App>> for Turn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        left(parts)
    }
}
