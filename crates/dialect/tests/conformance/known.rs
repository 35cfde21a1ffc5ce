//! What is known to be missing. Each line names its reason, and a line that is no longer true fails the test.

use bytes::Bytes;
use dialect::client::Dialect;

/// Providers (empty = all) and wire formats whose adapter is not written yet.
pub(crate) const WITHOUT_ADAPTER: [(&str, &str); 0] = [];

/// Faults: a part of the case's name, a part of what is found, the reason.
pub(crate) const FAULTS: [(&str, &str, &str); 0] = [];

/// Whether clients are served in a dialect.
pub(crate) fn is_served(dialect: Dialect) -> bool {
    let refusal = dialect.decode(&Bytes::from_static(b"{}")).map(drop).unwrap_err();
    !refusal.message.ends_with("not served yet")
}
