//! The HTTP client that tests use: loopback only, never through a proxy.

use std::time::Duration;

/// Longer than any answer takes.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Well before the edge closes a connection that says nothing, which may cross with the next request on it.
const IDLE: Duration = Duration::from_secs(3);

pub(crate) fn client() -> reqwest::Client {
    // Fails when it is there already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().timeout(TIMEOUT).pool_idle_timeout(IDLE).no_proxy().build().unwrap_or_default()
}
