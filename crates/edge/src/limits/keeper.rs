//! Keeps what this edge holds in Redis.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::Tasks;

use super::places::Places;
use super::shared::Shared;

/// How often leases are renewed, and the longest that places are held for nothing.
const EVERY: Duration = Duration::from_secs(1);

pub(super) fn keep(tasks: &Tasks, shared: &Arc<Shared>, places: &Arc<Places>) {
    let (shared, places, stop) = (Arc::clone(shared), Arc::clone(places), tasks.shutdown().wait());
    tasks.spawn(async move {
        let rounds = async {
            loop {
                shared.count_edges().await;
                places.renew().await;
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = stop => {}
            () = rounds => {}
        }
    });
}
