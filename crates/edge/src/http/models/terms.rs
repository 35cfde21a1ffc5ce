//! What callers without a key pay on top.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::auth::Markups;

/// The default plan's terms are asked for again after this long.
const FRESH: Duration = Duration::from_secs(60);

/// The default plan's markups.
pub(crate) struct DefaultMarkups {
    /// With the count of changes when they were asked for.
    fresh: moka::future::Cache<(), (Markups, u64)>,
    /// As they were told last: stand for as long as they cannot be asked for.
    last: Mutex<Option<Markups>>,
    changes: AtomicU64,
}

impl DefaultMarkups {
    pub(crate) fn new() -> Self {
        let fresh = moka::future::Cache::builder().time_to_live(FRESH).build();
        Self { fresh, last: Mutex::default(), changes: AtomicU64::new(0) }
    }

    /// The plan changed.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// What is known, else what `ask` tells.
    pub(super) async fn get<F>(&self, ask: impl Fn() -> F) -> Result<Markups, Arc<tonic::Status>>
    where
        F: Future<Output = Result<Markups, tonic::Status>>,
    {
        let asking = || async {
            let as_of = self.changes.load(Ordering::SeqCst);
            let told = ask().await;
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let markups = match told {
                Ok(markups) => last.insert(markups).clone(),
                Err(status) => last.clone().ok_or(status)?,
            };
            Ok((markups, as_of))
        };
        let (markups, as_of) = self.fresh.try_get_with((), asking()).await?;
        if as_of >= self.changes.load(Ordering::SeqCst) {
            return Ok(markups);
        }
        self.fresh.invalidate(&()).await;
        Ok(self.fresh.try_get_with((), asking()).await?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markups(points: i32) -> Markups {
        Markups::new(points, Vec::new())
    }

    #[tokio::test]
    async fn the_default_markups_outlive_whoever_tells_them() {
        let default = DefaultMarkups::new();
        let away = || async { Err(tonic::Status::unavailable("away")) };
        assert!(default.get(away).await.is_err());
        assert_eq!(default.get(|| async { Ok(markups(500)) }).await.unwrap(), markups(500));
        default.forget();
        assert_eq!(default.get(away).await.unwrap(), markups(500));
    }

    #[tokio::test]
    async fn a_change_is_asked_for_at_once() {
        let default = DefaultMarkups::new();
        default.get(|| async { Ok(markups(500)) }).await.unwrap();
        assert_eq!(
            default.get(|| async { Ok(markups(700)) }).await.unwrap(),
            markups(500),
            "known for a while"
        );
        default.forget();
        assert_eq!(default.get(|| async { Ok(markups(700)) }).await.unwrap(), markups(700));
    }
}
