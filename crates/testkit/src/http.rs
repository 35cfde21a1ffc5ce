//! The HTTP client that tests use: loopback only, never through a proxy.

use std::time::Duration;

/// Longer than any answer takes.
const TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) fn client() -> reqwest::Client {
    // Fails when it is there already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().unwrap_or_default()
}
