//! Where requests come from.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Request};
use ipnet::{IpNet, Ipv6Net};
use rpc::Fault;
use tower::ServiceExt as _;
use tower::util::MapRequest;

use super::reply::Refusal;
use crate::service::App;

/// Each proxy adds the address that it was asked from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address, IPv4 as IPv4: the peer of the connection, or whom trusted proxies forward for. In the extensions
/// of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// See [`network()`].
    pub(crate) fn network(self) -> IpNet {
        network(self.0)
    }
}

/// What one customer of a provider has: an address of IPv4, the upper half of one of IPv6.
pub(crate) fn network(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(_) => address.into(),
        IpAddr::V6(ip) => Ipv6Net::new(ip, 64).map_or(address.into(), |net| net.trunc().into()),
    }
}

impl FromRequestParts<Arc<App>> for ClientAddress {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        parts.extensions.get().copied().ok_or_else(|| {
            tracing::error!("a request came over no connection");
            Fault::internal().into()
        })
    }
}

/// The service for one connection: every request carries its [`ClientAddress`].
pub(super) fn located<S, B>(
    service: S,
    peer: IpAddr,
    proxies: Arc<[IpNet]>,
) -> MapRequest<S, impl FnMut(Request<B>) -> Request<B> + Clone>
where
    S: tower::Service<Request<B>>,
{
    service.map_request(move |mut request: Request<B>| {
        let address = client(peer, request.headers(), &proxies);
        request.extensions_mut().insert(address);
        request
    })
}

/// The first address, from the nearest on, that is no trusted proxy's. What a proxy writes that is no address is where it
/// ends: the proxy itself is the last that is known.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> ClientAddress {
    let mut address = peer.to_canonical();
    // A line that is no text is no address either, and not skipped for what stands before it.
    let lines = headers.get_all(FORWARDED_FOR).iter().rev().map(|line| line.to_str().unwrap_or_default());
    let mut hops = lines.flat_map(|line| line.rsplit(','));
    while proxies.iter().any(|proxy| proxy.contains(&address))
        && let Some(hop) = hops.next().and_then(read)
    {
        address = hop;
    }
    ClientAddress(address)
}

/// An address, with a port or without.
fn read(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn found(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let proxies: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap()).to_vec();
        client(peer.parse().unwrap(), &headers, &proxies).0.to_string()
    }

    #[test]
    fn what_strangers_say_of_themselves_counts_for_nothing() {
        assert_eq!(found("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(found("::ffff:192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn trusted_proxies_say_whom_they_forward_for() {
        assert_eq!(found("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(found("::ffff:10.0.0.1", &["203.0.113.9, 198.51.100.7 ,10.1.1.1"]), "198.51.100.7");
        assert_eq!(found("fd00::1", &["203.0.113.9", "[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(found("10.0.0.1", &["10.9.9.9"]), "10.9.9.9");
        assert_eq!(found("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn behind_what_is_no_address_nothing_is_believed() {
        assert_eq!(found("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &["198.51.100.7,, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(found("10.0.0.1", &["198.51.100.7", "\u{e9}, 198.51.100.8"]), "10.0.0.1");
    }

    #[test]
    fn whoever_has_a_network_is_one() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.7"), "203.0.113.7/32");
        assert_eq!(of("2001:db8:1:2:a:b:c:d"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
