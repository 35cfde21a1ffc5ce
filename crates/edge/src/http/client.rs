//! Where a request comes from.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use rpc::Fault;

use super::reply::Refusal;
use crate::service::App;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Whoever is at the other end of the connection, as the accept loop leaves it in each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The client's address: of the connection, or what the proxies in front of it say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// `proxies` = how many stand in front, each of which appends to `x-forwarded-for` whom it heard from. `None`
    /// where there is no connection.
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap, proxies: usize) -> Option<Self> {
        let Peer(peer) = *extensions.get::<Peer>()?;
        Some(Self(forwarded(headers, proxies).unwrap_or(peer)))
    }
}

/// What the outermost of our proxies heard. Whatever stands before that, its client may have made up.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let hop = hops.get(hops.len().checked_sub(proxies)?)?;
    hop.parse().ok().map(|address: IpAddr| address.to_canonical())
}

impl FromRequestParts<Arc<App>> for ClientAddress {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        Self::of(&parts.extensions, &parts.headers, app.config.http.proxies).ok_or_else(|| {
            tracing::error!("a request came over no connection");
            Fault::internal().into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(forwarded_for: &str, proxies: usize) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(Peer([127, 0, 0, 1].into()));
        let mut headers = HeaderMap::new();
        if !forwarded_for.is_empty() {
            headers.insert(FORWARDED_FOR, forwarded_for.parse().unwrap());
        }
        ClientAddress::of(&extensions, &headers, proxies).unwrap().0.to_string()
    }

    #[test]
    fn what_a_client_says_of_itself_is_not_believed() {
        assert_eq!(of("", 0), "127.0.0.1");
        assert_eq!(of("6.6.6.6", 0), "127.0.0.1");
        assert_eq!(of("6.6.6.6, 10.0.0.9", 1), "10.0.0.9");
        assert_eq!(of("6.6.6.6, 203.0.113.7, 10.0.0.9", 2), "203.0.113.7");
        assert_eq!(of("::ffff:10.0.0.9", 1), "10.0.0.9");
        assert_eq!(of("nonsense", 1), "127.0.0.1");
        assert_eq!(of("10.0.0.9", 2), "127.0.0.1");
    }
}
