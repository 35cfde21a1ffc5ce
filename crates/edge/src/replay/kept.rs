//! An answer that is kept, and how it lies sealed outside this process.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use identity::{GenerationId, MasterKey, SealError};
use serde::{Deserialize, Serialize};

/// Answers above so many bytes are sealed and opened where they hold nobody up.
const LARGE: usize = 64 * 1024;

/// An answer as it went to the client first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) about: About,
    pub(super) frames: Bytes,
}

/// What is to be known of it beside its bytes. Its status is 200, and its type follows from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) generation: GenerationId,
    pub(super) simulated: bool,
    /// The medium broke off.
    pub(super) is_broken: bool,
    /// Unix milliseconds.
    pub(super) made_at_ms: i64,
    /// Seconds for which it may be given again.
    pub(super) ttl: u32,
}

/// A kept answer could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("a kept answer cannot be read")]
    Malformed(#[from] serde_json::Error),
    #[error("the runtime is going down")]
    GoingDown,
}

impl Kept {
    pub(super) fn age(&self) -> Duration {
        let age = chrono::Utc::now().timestamp_millis().saturating_sub(self.about.made_at_ms);
        Duration::from_millis(u64::try_from(age).unwrap_or_default())
    }

    /// For how long it may still be given again.
    pub(super) fn remaining(&self) -> Duration {
        Duration::from_secs(self.about.ttl.into()).saturating_sub(self.age())
    }

    pub(super) fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }
}

/// Seals kept answers, each kind of them under keys of its own.
pub(super) struct Sealer {
    key: Arc<MasterKey>,
    kind: &'static str,
}

impl Sealer {
    pub(super) const fn new(key: Arc<MasterKey>, kind: &'static str) -> Self {
        Self { key, kind }
    }

    /// Seals an answer for the record named `record`.
    ///
    /// # Errors
    /// [`Error`] when the cipher refuses.
    pub(super) async fn seal(&self, kept: &Kept, record: String) -> Result<Vec<u8>, Error> {
        let about = serde_json::to_vec(&kept.about)?;
        let mut plain = BytesMut::with_capacity(about.len() + 1 + kept.frames.len());
        plain.put_slice(&about);
        plain.put_u8(b'\n');
        plain.put_slice(&kept.frames);
        let key = self.key_of(&record);
        apart(plain.freeze(), move |plain| Ok(key.seal_bytes(&plain, &record)?)).await
    }

    /// # Errors
    /// [`Error`] when it is of another record, key or build.
    pub(super) async fn open(&self, sealed: Vec<u8>, record: String) -> Result<Kept, Error> {
        let key = self.key_of(&record);
        apart(Bytes::from(sealed), move |sealed| {
            let plain = Bytes::from(key.open_bytes(&sealed, &record)?);
            let end = plain.iter().position(|byte| *byte == b'\n').unwrap_or(plain.len());
            let about = serde_json::from_slice(&plain[..end])?;
            Ok(Kept { about, frames: plain.slice((end + 1).min(plain.len())..) })
        })
        .await
    }

    fn key_of(&self, record: &str) -> MasterKey {
        self.key.derive(&format!("{} {record}", self.kind))
    }
}

/// Does work on bytes, large ones on a thread of their own.
async fn apart<T: Send + 'static>(
    bytes: Bytes,
    work: impl FnOnce(Bytes) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    if bytes.len() <= LARGE {
        return work(bytes);
    }
    tokio::task::spawn_blocking(move || work(bytes)).await.unwrap_or(Err(Error::GoingDown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_opens_as_its_own_record_alone() {
        let key = Arc::new(MasterKey::from_hex(&MasterKey::generate_hex()).unwrap());
        let sealer = Sealer::new(Arc::clone(&key), "cache");
        let about = About {
            generation: GenerationId::generate(),
            simulated: true,
            is_broken: false,
            made_at_ms: 5,
            ttl: 300,
        };
        for frames in [Bytes::from_static(b"one\ntwo"), Bytes::new(), vec![b'x'; 100_000].into()] {
            let kept = Kept { about, frames };
            let sealed = sealer.seal(&kept, "a".to_owned()).await.unwrap();
            assert!(!sealed.windows(3).any(|window| window == b"two" || window == b"xxx"));
            assert_eq!(sealer.open(sealed.clone(), "a".to_owned()).await.unwrap(), kept);
            assert!(sealer.open(sealed.clone(), "b".to_owned()).await.is_err());
            assert!(Sealer::new(Arc::clone(&key), "other").open(sealed, "a".to_owned()).await.is_err());
        }
    }
}
