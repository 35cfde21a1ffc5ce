//! Hears from the database what is recalled and what was freed, and looks by itself in case it was not told.

use std::collections::HashMap;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use sqlx::postgres::{PgListener, PgNotification, PgPoolOptions};

use crate::Error;
use crate::app::App;

const RECALL: &str = "billing_recall";
const FREED: &str = "billing_freed";
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Notifications = BoxStream<'static, Result<PgNotification, sqlx::Error>>;

/// Passes recalls on to this replica's edges until the process stops.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let mut notifications = None;
    let mut seen = HashMap::new();
    while !shutdown.has_begun() {
        if notifications.is_none() {
            notifications = listen(&app).await.ok();
        }
        let is_freed = tokio::select! {
            heard = hear(&mut notifications) => heard.is_some_and(|heard| heard.channel() == FREED),
            () = tokio::time::sleep(LOOK_EVERY) => false,
            () = shutdown.begun() => return,
        };
        if is_freed {
            app.freed.notify_waiters();
        } else if let Err(error) = app.look_for_recalls(&mut seen).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "recalls could not be looked for");
        }
    }
}

async fn listen(app: &App) -> Result<Notifications, Error> {
    // A connection of its own: one that listens for good would be missing from the pool.
    let options = app.pool.connect_options().as_ref().clone();
    let own = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen_all([RECALL, FREED]).await?;
    Ok(listener.into_stream().boxed())
}

/// The next notification. `None` when the connection was lost; waits for good where there is none.
async fn hear(notifications: &mut Option<Notifications>) -> Option<PgNotification> {
    let Some(open) = notifications else { return std::future::pending().await };
    let heard = open.try_next().await.ok().flatten();
    if heard.is_none() {
        *notifications = None;
    }
    heard
}
