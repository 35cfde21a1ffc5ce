//! Where presets are: in the workspace of an inference key, or in one that somebody chooses who reaches several.

use std::sync::Arc;

use identity::KeyKind;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::super::not_found;
use crate::access::{Caller, Who};
use crate::auth::Context;
use crate::http::reply::Refusal;
use crate::keys::{self, Manager, Reach};
use crate::service::App;
use crate::store::keys::{Place as Found, place};

/// Which workspace is meant.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Place {
    /// The workspace: a key's own, else the default one, unless another is named.
    pub(super) workspace_id: Option<Uuid>,
}

/// The key that calls, where it is one that calls models.
pub(super) fn inference_key(caller: &Caller) -> Option<&Arc<Context>> {
    match &caller.who {
        Who::Key(context) if context.key.kind == KeyKind::Inference => Some(context),
        Who::Key(_) | Who::Person { .. } => None,
    }
}

impl Place {
    /// The workspace whose presets the caller reads.
    ///
    /// # Errors
    /// A [`Refusal`] with 404 when there is no such workspace, or it is another one than the key's.
    pub(super) async fn to_read(self, app: &App, caller: &Caller) -> Result<Uuid, Refusal> {
        Ok(self.find(app, caller).await?.workspace)
    }

    /// The same, to write there: whoever makes only keys of their own makes presets only where they belong.
    ///
    /// # Errors
    /// As [`Self::to_read`], and 403 where the caller may only read.
    pub(super) async fn to_write(self, app: &App, caller: &Caller) -> Result<Uuid, Refusal> {
        let found = self.find(app, caller).await?;
        if matches!(Manager::of(caller).reach, Reach::Own(_)) && !found.is_inside {
            return Err(keys::Error::Forbidden(keys::OUTSIDE).into());
        }
        Ok(found.workspace)
    }

    async fn find(self, app: &App, caller: &Caller) -> Result<Found, Refusal> {
        let wanted = self.workspace_id;
        if let Some(key) = inference_key(caller) {
            let workspace = key.key.workspace;
            let is_own = wanted.is_none_or(|wanted| wanted == workspace);
            let found = is_own.then_some(Found { workspace, is_member: true, is_inside: true });
            return found.ok_or_else(not_found);
        }
        let person = caller.person();
        let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
            Box::pin(async move { place(tx, wanted, person).await })
        })
        .await;
        found?.ok_or_else(not_found)
    }
}
