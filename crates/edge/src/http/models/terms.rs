//! What callers without a key pay on top.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pricing::Markup;

/// The default plan's terms are asked for again after this long.
const FRESH: Duration = Duration::from_secs(60);

/// The default plan's markup.
pub(crate) struct DefaultMarkup {
    fresh: moka::future::Cache<(), Markup>,
    /// As it was told last: stands for as long as it cannot be asked for.
    last: Mutex<Option<Markup>>,
}

impl DefaultMarkup {
    pub(crate) fn new() -> Self {
        let fresh = moka::future::Cache::builder().time_to_live(FRESH).build();
        Self { fresh, last: Mutex::default() }
    }

    /// What is known, else what `ask` tells.
    pub(super) async fn get(
        &self,
        ask: impl Future<Output = Result<Markup, tonic::Status>>,
    ) -> Result<Markup, Arc<tonic::Status>> {
        let ask = async {
            let told = ask.await;
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            match told {
                Ok(markup) => Ok(*last.insert(markup)),
                Err(status) => last.ok_or(status),
            }
        };
        self.fresh.try_get_with((), ask).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_default_markup_outlives_whoever_tells_it() {
        let default = DefaultMarkup::new();
        let away = async || Err(tonic::Status::unavailable("away"));
        assert!(default.get(away()).await.is_err());
        let markup = Markup::from_basis_points(500);
        assert_eq!(default.get(async { Ok(markup) }).await.unwrap(), markup);
        default.fresh.invalidate_all();
        assert_eq!(default.get(away()).await.unwrap(), markup);
    }
}
