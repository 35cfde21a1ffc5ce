//! The record of changes that other services made for operators.

use crate::service::App;
use crate::store::audit;

/// Writes down what an operator did. The change is another service's and stands, whether or not that
/// succeeds.
pub(super) async fn note(app: &App, entry: audit::Entry) {
    let action = entry.action;
    let written = match entry.tenant {
        None => audit::insert(&app.pool, &entry).await,
        Some(tenant) => {
            pg::in_tenant(&app.pool, tenant, move |tx| {
                Box::pin(async move { audit::insert(tx.connection(), &entry).await })
            })
            .await
        }
    };
    if let Err(error) = written {
        tracing::error!(error = %error, action, "a change could not be written to the audit log");
    }
}

/// Writes down what moved money of a tenant under a name, once. The money has moved whatever becomes of it.
pub(super) async fn note_once(app: &App, entry: audit::Entry) {
    let Some(tenant) = entry.tenant else { return note(app, entry).await };
    let action = entry.action;
    let written = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move { audit::insert_once(tx, &entry).await })
    });
    if let Err(error) = written.await {
        tracing::error!(error = %error, action, "a change could not be written to the audit log");
    }
}
