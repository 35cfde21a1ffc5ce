//! Connections to addresses that were checked, and to no others.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{ConfigBuilderExt as _, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use url::Host;

use crate::resolve::Resolve;
use crate::rules::{Checked, Rules};

const CONNECT: Duration = Duration::from_secs(3);

/// The addresses that one connection may be made to, all of them checked.
#[derive(Debug, Clone)]
pub struct Pinned(Arc<[SocketAddr]>);

/// A URL leads nowhere that may be called. For logs: whoever named the URL must not explore a network by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    #[error("its host has no address")]
    Unresolved,
    #[error("its host is on a private network")]
    Private,
}

impl Pinned {
    /// Where a URL leads, asked once: what is checked here is what is connected to.
    ///
    /// # Errors
    /// [`Unreachable`] when that is nowhere, or not all of it on the public internet.
    pub async fn to(
        Checked { url, is_vouched }: &Checked,
        rules: &Rules,
        resolver: &dyn Resolve,
    ) -> Result<Self, Unreachable> {
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            Some(Host::Domain(name)) => {
                resolver.resolve(name.to_owned()).await.map_err(|_| Unreachable::Unresolved)?
            }
            None => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(Unreachable::Unresolved);
        }
        // One private address among public ones is a trap.
        if !is_vouched && !addresses.iter().all(|address| (rules.is_public)(*address)) {
            return Err(Unreachable::Private);
        }
        let port = url.port_or_known_default().unwrap_or_default();
        Ok(Self(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()))
    }
}

/// TLS that trusts the public authorities.
///
/// # Errors
/// When the TLS library offers nothing that is safe.
pub fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_webpki_roots()
        .with_no_client_auth())
}

/// A client that connects to the pinned addresses whatever host a request names, each time anew.
#[must_use]
pub fn client<B>(tls: ClientConfig, pinned: Pinned) -> Client<impl Connect + Clone + Send + Sync + 'static, B>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    // The connector is never told the host, and so cannot look it up again.
    let tcp = tower::service_fn(move |_: http::Uri| {
        let Pinned(addresses) = pinned.clone();
        Box::pin(async move {
            let connecting = tokio::time::timeout(CONNECT, TcpStream::connect(&*addresses));
            let stream = connecting.await.map_err(std::io::Error::from)??;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        })
    });
    let https =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).pool_timer(TokioTimer::new()).build(https)
}
