//! Starts each target, or says why not.

mod litellm;
mod nginx;
mod patchbay;

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::bail;
use tokio::process::Child;

use crate::Options;
use crate::scenario::Shape;
use crate::target::{Kind, Route, Stop, Target};
use crate::upstream::Upstream;

/// Starts a target that sends everything to the upstream.
///
/// # Errors
/// Why it cannot be measured here.
pub(crate) async fn start(kind: Kind, upstream: &Upstream, options: &Options) -> anyhow::Result<Target> {
    match kind {
        Kind::Direct => Ok(Target {
            kind,
            version: concat!("simulator ", env!("CARGO_PKG_VERSION"), ", fast mode").to_owned(),
            authority: upstream.base.trim_start_matches("http://").to_owned(),
            key: "none".to_owned(),
            route: Route::Path,
            own: vec![upstream.pid],
            backing: Vec::new(),
            database_url: None,
            stop: Stop::Nothing,
        }),
        Kind::Nginx => nginx::start(upstream).await,
        Kind::Litellm => litellm::start(upstream).await,
        Kind::Dev => patchbay::dev(upstream, options).await,
        Kind::Cluster => patchbay::cluster(upstream, options).await,
    }
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Waits until something listens there.
async fn listening(child: &mut Child, port: u16, patience: Duration) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            bail!("it ended at once: {status}");
        }
        if tokio::time::Instant::now() > deadline {
            bail!("it did not listen within {} s", patience.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The base URL of a shape's virtual provider.
fn provider_base(upstream: &Upstream, shape: Shape) -> String {
    format!("{}/p/{}/openai/v1", upstream.base, shape.name())
}
