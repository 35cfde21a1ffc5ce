//! Assigning guardrails to keys and members, one each.

mod keys;
mod members;

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use super::super::bad;
use crate::access::Caller;
use crate::http::reply::Refusal;
use crate::service::App;

/// Keys or members in one request, at most.
const MOST: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().merge(keys::routes()).merge(members::routes())
}

/// Every edge is told once the assignments are written.
async fn announce(app: &App, caller: &Caller) {
    app.announcer.tenant_changed(caller.tenant).await;
}

/// What was sent, each once.
fn distinct<T: Eq + Hash + Clone>(member: &str, sent: Vec<T>) -> Result<Vec<T>, Refusal> {
    if sent.is_empty() || sent.len() > MOST {
        return Err(bad(format!("{member}: name 1 to {MOST}")));
    }
    let mut seen = HashSet::new();
    Ok(sent.into_iter().filter(|one| seen.insert(one.clone())).collect())
}
