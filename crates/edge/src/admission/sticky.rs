//! What keeps a conversation at the endpoint that holds its prompt's cache: a key for it, and word of where
//! it was served to the router that remembers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dialect::canonical::Operation;
use dialect::client::Peek;
use identity::TenantId;
use rpc::Channel;
use rpc::router::router_client::RouterClient;
use rpc::router::{Attempt, StickRequest};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::service::App;

/// Words to routers that are under way at once. What is more is not said: the next success says it again.
const AT_ONCE: usize = 1_024;
/// A word that takes longer is given up.
const WITHIN: Duration = Duration::from_secs(2);

/// What stands for a conversation, its tenant in it: nobody can make another tenant's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StickyKey([u8; 16]);

/// What a conversation is told apart by.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Session(&'a str),
    PromptCache(&'a str),
    Opening(u64),
}

impl StickyKey {
    /// By the first of these that there is: the session, the key of the prompt's cache, what the conversation
    /// begins with. Only conversations have one.
    pub(crate) fn of(tenant: TenantId, operation: Operation, session_id: &str, peek: &Peek) -> Option<Self> {
        if operation != Operation::Chat {
            return None;
        }
        let cache_key = peek.prompt_cache_key.as_deref().filter(|key| !key.is_empty());
        let source = if session_id.is_empty() {
            cache_key.map(Source::PromptCache).or_else(|| peek.opening.map(Source::Opening))?
        } else {
            Source::Session(session_id)
        };
        Some(Self::hash(tenant, source))
    }

    fn hash(tenant: TenantId, source: Source<'_>) -> Self {
        let mut hash = Sha256::new();
        hash.update(tenant.uuid().as_bytes());
        match source {
            Source::Session(id) => hash.update([&[1], id.as_bytes()].concat()),
            Source::PromptCache(key) => hash.update([&[2], key.as_bytes()].concat()),
            Source::Opening(fingerprint) => {
                hash.update([3]);
                hash.update(fingerprint.to_le_bytes());
            }
        }
        let hash: [u8; 32] = hash.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        Self(key)
    }

    pub(super) fn bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }

    /// The router that remembers this conversation.
    pub(super) fn router(self, routers: &Channel) -> Channel {
        let mut half = [0; 8];
        half.copy_from_slice(&self.0[..8]);
        routers.keyed(u64::from_le_bytes(half))
    }
}

/// Room for the words that are under way.
#[derive(Clone)]
pub(crate) struct Sticks(Arc<Semaphore>);

impl Default for Sticks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// Tells the router that answered the plan where the conversation was served. Waits for nothing.
pub(crate) fn stick(app: &App, key: StickyKey, name: &str, served: &Attempt) {
    let Ok(room) = Arc::clone(&app.sticks.0).try_acquire_owned() else { return };
    let mut word = tonic::Request::new(StickRequest {
        sticky_key: key.bytes(),
        name: name.to_owned(),
        endpoint_id: served.endpoint_id.clone(),
        credential_id: served.credential_id.clone(),
    });
    word.set_timeout(WITHIN);
    let mut router = RouterClient::new(key.router(&app.router));
    let saying = async move {
        if let Err(status) = router.stick(word).await {
            tracing::debug!(error = %status, "a router did not hear where a conversation was served");
        }
        drop(room);
    };
    app.tasks.spawn(saying.in_current_span());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_told_apart_by_the_first_that_there_is() {
        let tenant = TenantId::generate();
        let full = Peek { prompt_cache_key: Some("k".to_owned()), opening: Some(7), ..Peek::default() };
        let of = |session: &str, peek: &Peek| StickyKey::of(tenant, Operation::Chat, session, peek);
        let by_session = of("s", &full);
        assert_eq!(by_session, of("s", &Peek::default()));
        let by_cache = of("", &full);
        assert_eq!(by_cache, of("", &Peek { opening: None, ..full.clone() }));
        let by_opening = of("", &Peek { prompt_cache_key: Some(String::new()), ..full.clone() });
        assert_eq!(by_opening, of("", &Peek { opening: Some(7), ..Peek::default() }));
        assert_eq!(of("", &Peek::default()), None);
        // A session is not the cache key of the same name.
        assert_ne!(of("k", &full), by_cache);
        assert_ne!(by_session, StickyKey::of(TenantId::generate(), Operation::Chat, "s", &full));
        assert_eq!(StickyKey::of(tenant, Operation::Embeddings, "s", &full), None);
        assert!(by_session.is_some() && by_cache.is_some() && by_opening.is_some());
    }
}
