//! What the tests of this service share.

pub(crate) mod billing;
pub(crate) mod books;
pub(crate) mod browser;
pub(crate) mod budgets;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod invoices;
pub(crate) mod issuer;
pub(crate) mod ledger;
pub(crate) mod payments;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod plans;
pub(crate) mod platform;
pub(crate) mod receiver;
pub(crate) mod redis;
pub(crate) mod reports;
pub(crate) mod router;
pub(crate) mod specification;
pub(crate) mod worker;

use std::time::Duration;

pub(crate) use platform::Platform;

/// Waits until `probe` answers something, for as long as a slow machine may need.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1_500 {
        if let Some(found) = probe().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came to this: {what}");
}
