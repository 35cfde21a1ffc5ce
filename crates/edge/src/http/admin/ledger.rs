//! The ledger, and its reconciliation with what providers bill.

use std::sync::Arc;

use axum::Router;

use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
}
