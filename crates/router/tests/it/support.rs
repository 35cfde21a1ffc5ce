//! What the tests share.

pub(crate) mod billing;
pub(crate) mod database;
pub(crate) mod platform;

use std::future::Future;
use std::time::Duration;

/// Asks again until the answer is there; gives up, naming what was waited for, when it takes absurdly long.
pub(crate) async fn eventually<T, F, A>(what: &str, mut ask: F) -> T
where
    F: FnMut() -> A,
    A: Future<Output = Option<T>>,
{
    for _ in 0..1_200 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited in vain for: {what}");
}
