//! How an edge hears that a key changed, or what it buys at: the database's notification, the bus, and looking
//! itself.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use identity::{KeyHash, TenantId};
use lifecycle::{Shutdown, Tasks};
use sqlx::PgPool;
use sqlx::postgres::PgListener;

use super::Keys;
use crate::http::models::DefaultMarkups;
use crate::store;
use crate::store::changes::{CHANNEL, Change, since};

/// How long to wait before a lost connection is opened again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the last uses of keys are written down.
const TOUCH_EVERY: Duration = Duration::from_secs(30);

/// The channel on which billing notifies of other terms, with the tenant's id; empty = everybody's.
const TERMS: &str = "patchbay_terms";

/// Tells every edge of changes that this one made. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Announcer {
    keys: Arc<Keys>,
    default: Arc<DefaultMarkups>,
    bus: Option<async_nats::Client>,
}

impl Announcer {
    pub(crate) const fn new(
        keys: Arc<Keys>,
        default: Arc<DefaultMarkups>,
        bus: Option<async_nats::Client>,
    ) -> Self {
        Self { keys, default, bus }
    }

    /// A tenant's terms changed, or everybody's. The others hear of it from billing.
    pub(crate) fn terms_changed(&self, tenant: Option<TenantId>) {
        forget_terms(&self.keys, &self.default, tenant);
    }

    /// A key changed, and the change is committed.
    pub(crate) async fn changed(&self, hash: KeyHash) {
        self.tell(Change::Key(hash)).await;
    }

    /// Something changed that governs all keys of a tenant, and the change is committed: `identity.tenant_changed`
    /// was called in its transaction.
    pub(crate) async fn tenant_changed(&self, tenant: TenantId) {
        self.tell(Change::Tenant(tenant)).await;
    }

    async fn tell(&self, change: Change) {
        forget(&self.keys, change).await;
        if let Some(bus) = &self.bus
            && let Err(error) = bus.publish(rpc::subjects::KEYS_CHANGED, change.to_string().into()).await
        {
            tracing::debug!(error = %error, "a change could not be published, the database tells of it");
        }
    }
}

/// Follows changes in the background until the stop begins. `seen` is told once changes are followed.
pub(crate) fn follow(
    tasks: &Tasks,
    pool: &PgPool,
    (keys, default): (&Arc<Keys>, &Arc<DefaultMarkups>),
    bus: Option<async_nats::Client>,
    poll: Duration,
    seen: impl Fn() + Send + 'static,
) {
    let stop = tasks.shutdown();
    tasks.spawn(until(stop, listen(pool.clone(), Arc::clone(keys), Arc::clone(default))));
    tasks.spawn(until(stop, look(pool.clone(), Arc::clone(keys), poll, seen)));
    tasks.spawn(until(stop, touch(pool.clone(), Arc::clone(keys))));
    if let Some(bus) = bus {
        tasks.spawn(until(stop, subscribe(bus, Arc::clone(keys))));
    }
}

fn until(
    stop: &Shutdown,
    work: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> + Send + 'static {
    let stop = stop.wait();
    async move {
        tokio::select! {
            () = stop => {}
            () = work => {}
        }
    }
}

async fn forget(keys: &Keys, change: Change) {
    match change {
        Change::Key(hash) => keys.forget(hash).await,
        Change::Tenant(tenant) => keys.forget_terms(tenant),
    }
}

async fn heard(keys: &Keys, payload: &[u8]) {
    match Change::read(payload) {
        Some(change) => forget(keys, change).await,
        None => keys.forget_all(),
    }
}

fn forget_terms(keys: &Keys, default: &DefaultMarkups, tenant: Option<TenantId>) {
    match tenant {
        Some(tenant) => keys.forget_terms(tenant),
        None => {
            keys.forget_all();
            default.forget();
        }
    }
}

/// Changes of keys that are notified while the connection is down are found by [`look`]. For those of terms
/// everything is looked up again.
async fn listen(pool: PgPool, keys: Arc<Keys>, default: Arc<DefaultMarkups>) {
    loop {
        if let Ok(mut listener) = PgListener::connect_with(&pool).await
            && listener.listen_all([CHANNEL, TERMS]).await.is_ok()
        {
            keys.look_again();
            default.forget();
            while let Ok(Some(notification)) = listener.try_recv().await {
                let payload = notification.payload();
                if notification.channel() == TERMS {
                    forget_terms(&keys, &default, payload.parse().ok());
                } else {
                    heard(&keys, payload.as_bytes()).await;
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn subscribe(bus: async_nats::Client, keys: Arc<Keys>) {
    loop {
        if let Ok(mut messages) = bus.subscribe(rpc::subjects::KEYS_CHANGED).await {
            while let Some(message) = messages.next().await {
                heard(&keys, &message.payload).await;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks for changes that nobody told of.
async fn look(pool: PgPool, keys: Arc<Keys>, every: Duration, seen: impl Fn()) {
    let mut known = None;
    loop {
        match since(&pool, known.unwrap_or_default()).await {
            Ok(changes) => {
                match changes.changes {
                    // Whatever was looked up before the first look may be older than it.
                    _ if known.is_none() => keys.forget_all(),
                    Some(changes) => {
                        for change in changes {
                            forget(&keys, change).await;
                        }
                    }
                    None => keys.forget_all(),
                }
                known = Some(changes.revision);
                seen();
            }
            Err(error) => tracing::debug!(error = %error, "changes to keys cannot be looked for"),
        }
        tokio::time::sleep(every).await;
    }
}

/// Writes down when keys were last used.
async fn touch(pool: PgPool, keys: Arc<Keys>) {
    loop {
        tokio::time::sleep(TOUCH_EVERY).await;
        for context in keys.known() {
            let Some(at) = context.take_last_used() else { continue };
            let id = context.key.id;
            let written: Result<(), sqlx::Error> =
                pg::in_tenant(&pool, context.tenant(), move |tx| Box::pin(store::keys::touch(tx, id, at)))
                    .await;
            if let Err(error) = written {
                tracing::debug!(error = %error, "a key's last use could not be written down");
                break;
            }
        }
    }
}
