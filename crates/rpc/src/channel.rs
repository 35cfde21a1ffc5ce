//! One cloneable channel to a service: its replicas over the network, or the service itself in process.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Frame;
use identity::Role;
use serde::Deserialize;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service, ServiceExt as _};

use crate::balance::{Balancer, InFlight};
use crate::guard::Guard;
use crate::{ServiceKeys, trace};

/// How often a DNS name is looked up again.
const RESOLVE_EVERY: Duration = Duration::from_secs(5);

/// Where a service's replicas are: a list of `host:port`, in which a DNS name stands for all its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(transparent)]
pub struct Replicas(pub Vec<String>);

/// A channel cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    #[error("`{0}` is no address of a service: use host:port")]
    Address(String),
    #[error("no address is configured for the service `{0}`")]
    NoAddress(Role),
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;
type LocalService = tower::util::BoxCloneSyncService<Request<Body>, Response<Body>, std::convert::Infallible>;

/// A channel to one service. Cheap to clone; every clone shares connections.
#[derive(Clone)]
pub struct Channel {
    kind: Kind,
    /// What calls belong to, where they belong to one replica.
    key: Option<u64>,
}

#[derive(Clone)]
enum Kind {
    Local(LocalService),
    Remote(Arc<Remote>),
}

struct Remote {
    caller: Role,
    callee: Role,
    keys: ServiceKeys,
    balancer: Arc<Balancer>,
}

impl Channel {
    /// The service itself, in this process, behind the same layers as over the network.
    pub fn local<S>(server: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self::of(Kind::Local(LocalService::new(Guard::new(server, None))))
    }

    /// The replicas of `callee`. Connects when first used and again whenever a connection is lost.
    /// Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`ChannelError`] when there is no address or one cannot be one.
    pub fn remote(
        replicas: &Replicas,
        caller: Role,
        callee: Role,
        keys: ServiceKeys,
    ) -> Result<Self, ChannelError> {
        if replicas.0.is_empty() {
            return Err(ChannelError::NoAddress(callee));
        }
        let named: Vec<String> = replicas.0.clone();
        let literal = |address: &String| address.parse::<std::net::SocketAddr>().is_ok();
        let addresses: Vec<String> = named.iter().map(|address| format!("http://{address}")).collect();
        let balancer = Arc::new(Balancer::new(&addresses)?);
        if !named.iter().all(literal) {
            resolve_from_now_on(named, Arc::downgrade(&balancer));
        }
        Ok(Self::of(Kind::Remote(Arc::new(Remote { caller, callee, keys, balancer }))))
    }

    const fn of(kind: Kind) -> Self {
        Self { kind, key: None }
    }

    /// The same channel for calls that belong together: those of one key go to one replica as long as it can
    /// be reached, then to the next in an order that is the key's own and the same in every process. Itself
    /// when local.
    #[must_use]
    pub fn keyed(&self, key: u64) -> Self {
        Self { kind: self.kind.clone(), key: Some(key) }
    }

    /// Where the one replica behind this channel is: tells the channels that [`Self::each`] answers at one
    /// time from those it answers at another. `None` when local, or when there are several.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match &self.kind {
            Kind::Local(_) => None,
            Kind::Remote(remote) => remote.balancer.only_address(),
        }
    }

    /// One channel per replica, for what every replica must hear. Itself alone when local.
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        match &self.kind {
            Kind::Local(_) => vec![self.clone()],
            Kind::Remote(remote) => remote
                .balancer
                .each()
                .into_iter()
                .map(|replica| {
                    Self::of(Kind::Remote(Arc::new(Remote {
                        caller: remote.caller,
                        callee: remote.callee,
                        keys: remote.keys.clone(),
                        balancer: Arc::new(Balancer::single(replica)),
                    })))
                })
                .collect(),
        }
    }
}

/// Looks the names up again and again, until the channel is gone.
fn resolve_from_now_on(names: Vec<String>, balancer: std::sync::Weak<Balancer>) {
    tokio::spawn(async move {
        while let Some(balancer) = balancer.upgrade() {
            let mut addresses = Vec::new();
            for name in &names {
                if let Ok(found) = tokio::net::lookup_host(name.as_str()).await {
                    addresses.extend(found.map(|address| format!("http://{address}")));
                }
            }
            addresses.sort();
            addresses.dedup();
            // A name server that answers nothing is no reason to forget who was there.
            if !addresses.is_empty() {
                balancer.update(&addresses);
            }
            drop(balancer);
            tokio::time::sleep(RESOLVE_EVERY).await;
        }
    });
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Readiness is awaited inside the call, on the clone that makes it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        trace::inject(request.headers_mut());
        match &self.kind {
            Kind::Local(service) => {
                let service = service.clone();
                Box::pin(async move { service.oneshot(request).await.map_err(|never| match never {}) })
            }
            Kind::Remote(remote) => {
                let (remote, key) = (Arc::clone(remote), self.key);
                Box::pin(async move { remote.call(request, key).await })
            }
        }
    }
}

impl Remote {
    async fn call(&self, mut request: Request<Body>, key: Option<u64>) -> Result<Response<Body>, Status> {
        let token = self
            .keys
            .header(self.caller, self.callee)
            .map_err(|_| Status::internal("a service token could not be signed"))?;
        request.headers_mut().insert(http::header::AUTHORIZATION, token);
        let in_flight = key
            .map_or_else(|| self.balancer.pick(), |key| self.balancer.pick_for(key))
            .ok_or_else(|| Status::unavailable(format!("no replica of {}", self.callee)))?;
        let transport = in_flight.0.transport.clone();
        match transport.oneshot(request).await {
            Ok(response) => {
                if turns_away(response.headers()) {
                    in_flight.0.eject();
                }
                Ok(response.map(|body| Body::new(Tracked { body, in_flight: Some(in_flight) })))
            }
            Err(error) => {
                in_flight.0.eject();
                tracing::debug!(service = %self.callee, %error, "a replica could not be reached");
                Err(Status::unavailable(format!("{} is not reachable", self.callee)))
            }
        }
    }
}

/// Whether a replica answers that it takes no calls now, as one that has only just started does: the next
/// try is another's. A fault, which carries details, is an answer like any other.
fn turns_away(headers: &http::HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|code| code == "14")
        && !headers.contains_key("grpc-status-details-bin")
}

/// A response body that keeps its replica's call counted, and ejects the replica if the connection breaks.
struct Tracked {
    body: Body,
    in_flight: Option<InFlight>,
}

impl http_body::Body for Tracked {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Err(_))) => {
                if let Some(in_flight) = self.in_flight.take() {
                    in_flight.0.eject();
                }
            }
            Poll::Ready(None) => self.in_flight = None,
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Calls again while the answer is that the service cannot be reached; each try may go to another replica.
/// Only for calls that change nothing when repeated.
///
/// # Errors
/// The last try's status.
pub async fn retry<T, F, C>(tries: u32, mut call: F) -> Result<T, Status>
where
    F: FnMut() -> C,
    C: Future<Output = Result<T, Status>>,
{
    let mut pause = Duration::from_millis(20);
    for _ in 1..tries {
        match call().await {
            Err(status) if is_transient(&status) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(500));
            }
            outcome => return outcome,
        }
    }
    call().await
}

/// Whether the call may not have reached its service. A fault that a service raised itself carries details.
fn is_transient(status: &Status) -> bool {
    status.details().is_empty()
        && (status.code() == Code::Unavailable
            // A connection that broke under a call shows as one of these.
            || matches!(status.code(), Code::Unknown | Code::Cancelled | Code::Internal)
                && std::error::Error::source(status).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn a_bare_refusal_turns_a_caller_away_and_a_fault_does_not() {
        let headers = |status: Status| status.into_http::<Body>().headers().clone();
        assert!(turns_away(&headers(Status::unavailable("just started"))));
        assert!(!turns_away(&headers(Fault::unavailable("no provider has room").into())));
        assert!(!turns_away(&headers(Status::not_found("no such model"))));
    }
}
