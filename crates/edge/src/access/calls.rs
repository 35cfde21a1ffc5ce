//! How many calls that are not inference run at once at this edge.
//!
//! An edge reaches its database over few connections. Each organisation, operator and network has a few places of its
//! own, and calls beyond them wait in a short queue. Beside that, organisations, operators and those who have not said
//! who they are have a share of the connections each, so that none of the three ever waits for another. A call that waits
//! for somebody else's server has no place meanwhile ([`Turn`]).

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use identity::{KeyHash, KeyId, PersonId, TenantId};
use ipnet::IpNet;
use rpc::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio::time::Instant;

use super::turn::{Outside, Turn};
use crate::config::CallsConfig;
use crate::http::address::ClientAddress;
use crate::http::body;
use crate::http::reply::{Refusal, UserFacing};
use crate::limits::Exceeded;
use crate::service::App;

/// Secrets of which it is remembered whose they were, and for how long without use. An edge that has forgotten asks all
/// the same.
const MAX_HOLDERS: u64 = 100_000;
const REMEMBERED: Duration = Duration::from_secs(24 * 3_600);

/// Whose a call is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    Organization(TenantId),
    /// A key for calling models: whoever has only that takes nothing from those who manage the organisation.
    Key(KeyId),
    /// Somebody who works in none.
    Person(PersonId),
    /// By the name in the record of changes.
    Operator(String),
    /// Where somebody is who has not shown who they are.
    Network(IpNet),
}

impl Party {
    /// Of a request that shows nothing, or nothing yet.
    pub(crate) fn of_stranger(request: &Request) -> Result<Self, Refusal> {
        let address: Option<&ClientAddress> = request.extensions().get();
        Ok(Self::Network(address.ok_or_else(Fault::internal)?.network()))
    }

    /// What the limit on calls at once is called.
    const fn at_once(&self) -> &'static str {
        match self {
            Self::Organization(_) => "concurrent management requests of this organization",
            Self::Key(_) => "concurrent management requests of this key",
            Self::Person(_) => "concurrent requests of this person",
            Self::Operator(_) => "concurrent requests of this operator",
            Self::Network(_) => "concurrent requests of this network",
        }
    }

    /// What the limit on calls that wait for somebody else's server is called.
    const fn outside(&self) -> &'static str {
        match self {
            Self::Organization(_) => "concurrent connection tests of this organization",
            Self::Key(_) => "concurrent connection tests of this key",
            Self::Person(_) => "concurrent connection tests of this person",
            Self::Operator(_) => "concurrent connection tests of this operator",
            Self::Network(_) => "concurrent sign-ins with the issuer from this network",
        }
    }

    /// What the limit on calls per minute is called.
    pub(crate) const fn per_minute(&self) -> &'static str {
        match self {
            Self::Organization(_) => "management requests per minute of this organization",
            Self::Key(_) => "management requests per minute of this key",
            Self::Person(_) => "requests per minute of this person",
            Self::Operator(_) => "requests per minute of this operator",
            Self::Network(_) => "requests per minute of this network",
        }
    }

    /// What the limit on streams is called.
    const fn streams(&self) -> &'static str {
        match self {
            Self::Organization(_) => "open streams of this organization",
            Self::Key(_) => "open streams of this key",
            Self::Person(_) => "open streams of this person",
            Self::Operator(_) => "open streams of this operator",
            Self::Network(_) => "open streams of this network",
        }
    }
}

/// As limits know them.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(id) => write!(f, "tenant:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::Network(network) => write!(f, "network:{network}"),
        }
    }
}

/// There is no place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Crowded {
    /// The caller's own calls have them all.
    #[error(transparent)]
    Own(#[from] Exceeded),
    /// Too many others are served.
    #[error("the edge serves as many calls as it can")]
    Full,
}

impl Crowded {
    /// As the metric has it.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Own(_) => "own",
            Self::Full => "full",
        }
    }
}

impl UserFacing for Crowded {
    fn refusal(self) -> Refusal {
        match self {
            Self::Own(exceeded) => exceeded.refusal(),
            Self::Full => Fault::unavailable("Too many calls are being served. Try again shortly.").refusal(),
        }
    }
}

/// The calls that run, and the streams that are open.
pub(crate) struct Calls {
    config: CallsConfig,
    organizations: Share,
    operators: Share,
    strangers: Share,
    /// Those whose session or token is being looked up.
    unknown: Share,
    /// Whose a secret was when it was last looked up.
    holders: moka::sync::Cache<KeyHash, Party>,
    /// Those that wait for servers that callers name.
    named: Share,
    /// Those that wait for servers that operators name.
    configured: Share,
    streams: Parties,
}

impl Calls {
    /// `connections` are those to the database. All three shares together leave one of them for the look-ups of keys and
    /// what runs in the background.
    pub(crate) fn new(config: &CallsConfig, connections: u32) -> Self {
        let connections = usize::try_from(connections).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let own = config.at_once.get();
        Self {
            organizations: Share::of_rivals(connections.saturating_sub(1) / 2, own),
            // They trust each other.
            operators: Share::new(connections / 4, own),
            strangers: Share::of_rivals(connections / 4, own),
            // One statement each, by a key: they are bounded for each network alone.
            unknown: Share::new(Semaphore::MAX_PERMITS, own),
            holders: moka::sync::Cache::builder().max_capacity(MAX_HOLDERS).time_to_idle(REMEMBERED).build(),
            named: Share::of_rivals(config.outside_of_all.get(), config.outside.get()),
            // Nobody makes those slow for others: they are bounded for each party alone.
            configured: Share::new(Semaphore::MAX_PERMITS, config.outside.get()),
            streams: Parties::default(),
            config: config.clone(),
        }
    }

    /// Takes a place, when there is one in time.
    pub(crate) async fn enter(&self, party: Party) -> Result<Place, Crowded> {
        let share = match party {
            Party::Organization(_) | Party::Key(_) | Party::Person(_) => &self.organizations,
            Party::Operator(_) => &self.operators,
            Party::Network(_) => &self.strangers,
        };
        let name = party.at_once();
        self.enter_share(share, party, name).await
    }

    /// Takes a place for looking up whose a secret is: of whoever it was the last time, so that others behind their
    /// network do not wait for them; else of the network that it comes from.
    pub(super) async fn look_up(&self, secret: KeyHash, from: Party) -> Result<Place, Crowded> {
        let party = self.holders.get(&secret).unwrap_or(from);
        let name = party.at_once();
        self.enter_share(&self.unknown, party, name).await
    }

    /// Remembers whose a secret is; `None` when it is nobody's.
    pub(crate) fn met(&self, secret: KeyHash, whose: Option<Party>) {
        match whose {
            Some(party) => self.holders.insert(secret, party),
            None => self.holders.invalidate(&secret),
        }
    }

    /// Takes a place among those who wait for somebody else's server.
    pub(super) async fn go_out(&self, whose: Outside, party: Party) -> Result<Place, Crowded> {
        let share = match whose {
            Outside::Named => &self.named,
            Outside::Configured => &self.configured,
        };
        let name = party.outside();
        self.enter_share(share, party, name).await
    }

    async fn enter_share(&self, share: &Share, party: Party, name: &'static str) -> Result<Place, Crowded> {
        let crowded = Exceeded::at_once(name, share.own);
        let room = share.own.saturating_add(self.config.waiting);
        let Some(present) = share.parties.come(party, share.own, room) else { return Err(crowded.into()) };
        let until = Instant::now() + self.config.wait_ms.get();
        // A party waits for a place among all with no more calls than it may have of them: all have their turn.
        let own = tokio::time::timeout_at(until, Arc::clone(&present.places).acquire_owned()).await;
        let own = own.ok().and_then(Result::ok).ok_or(crowded)?;
        let shared = tokio::time::timeout_at(until, Arc::clone(&share.places).acquire_owned()).await;
        let shared = shared.ok().and_then(Result::ok).ok_or(Crowded::Full)?;
        Ok(Place { _permits: [own, shared], present })
    }

    /// Opens a stream.
    fn open(&self, party: &Party) -> Result<Present, Crowded> {
        let most = self.config.streams.get();
        let crowded = Exceeded::at_once(party.streams(), most);
        self.streams.come(party.clone(), 0, most).ok_or_else(|| crowded.into())
    }
}

/// Places that some parties share.
struct Share {
    places: Arc<Semaphore>,
    /// Of one party at most.
    own: usize,
    parties: Parties,
}

impl Share {
    fn new(places: usize, own: usize) -> Self {
        let places = places.max(1);
        Self { places: Arc::new(Semaphore::new(places)), own: own.min(places), parties: Parties::default() }
    }

    /// One that no single party ever has all of.
    fn of_rivals(places: usize, own: usize) -> Self {
        Self::new(places, own.min(places.saturating_sub(1)).max(1))
    }
}

/// Who is here, with or without a place. Cheap to clone.
#[derive(Clone, Default)]
struct Parties(Arc<Mutex<HashMap<Party, Here>>>);

struct Here {
    places: Arc<Semaphore>,
    count: usize,
}

impl Parties {
    fn lock(&self) -> MutexGuard<'_, HashMap<Party, Here>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more call of a party, which has so many places; `None` where there is room for none.
    fn come(&self, party: Party, places: usize, room: usize) -> Option<Present> {
        let mut parties = self.lock();
        let here = parties
            .entry(party.clone())
            .or_insert_with(|| Here { places: Arc::new(Semaphore::new(places)), count: 0 });
        if here.count >= room {
            return None;
        }
        here.count += 1;
        let places = Arc::clone(&here.places);
        drop(parties);
        Some(Present { parties: self.clone(), party, places })
    }
}

/// A call that is here, until it is dropped.
struct Present {
    parties: Parties,
    party: Party,
    places: Arc<Semaphore>,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut parties = self.parties.lock();
        if let Some(here) = parties.get_mut(&self.party) {
            here.count -= 1;
            if here.count == 0 {
                parties.remove(&self.party);
            }
        }
    }
}

/// A call that may run. Dropped, the next one may.
pub(crate) struct Place {
    _permits: [OwnedSemaphorePermit; 2],
    present: Present,
}

impl Place {
    pub(super) const fn party(&self) -> &Party {
        &self.present.party
    }
}

/// A call of a party with its body and a place. `longest` is what the body may have in bytes.
///
/// # Errors
/// A [`Refusal`] when there is no place, when the party has spent its minute, or when the body does not come.
pub(crate) async fn enter(
    app: &App,
    (party, longest): (Party, usize),
    request: Request,
) -> Result<(Request, Place), Refusal> {
    if matches!(party, Party::Organization(_) | Party::Key(_) | Party::Person(_)) {
        let counted = app.limits.count_management(&party).await;
        counted.inspect_err(|_| app.metrics.call_refused("minute"))?;
    }
    // Whoever sends slowly has no place meanwhile.
    let request = read(app, longest, request).await?;
    let refused = |crowded: &Crowded| app.metrics.call_refused(crowded.reason());
    let place = app.calls.enter(party).await.inspect_err(refused)?;
    Ok((request, place))
}

/// Has the rest of the routes answer a call.
///
/// # Errors
/// A [`Refusal`] when the answer is a stream and there are too many of the party's.
pub(crate) async fn answer(
    app: &Arc<App>,
    (mut request, place): (Request, Place),
    next: Next,
) -> Result<Response, Refusal> {
    // A task of its own: a statement that runs still has its connection when its caller has left, and so its place.
    let turn = Turn::new(place);
    request.extensions_mut().insert(turn.clone());
    let held = turn.clone();
    let work = app.tasks.spawn(async move {
        let response = next.run(request).await;
        held.end();
        response
    });
    let response = match work.await.map_err(JoinError::try_into_panic) {
        Ok(answered) => answered,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => return Err(Fault::internal().into()),
    };
    if response.body().size_hint().exact().is_some() {
        return Ok(response);
    }
    let stream = app.calls.open(turn.party()).inspect_err(|_| app.metrics.call_refused("streams"))?;
    Ok(response.map(|body| Body::new(Streamed { body, _stream: stream })))
}

/// The request with its body in memory, which handlers may bound more narrowly.
async fn read(app: &App, longest: usize, request: Request) -> Result<Request, Refusal> {
    if request.method().is_safe() || request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let sent = Request::from_parts(parts.clone(), body);
    let bytes = body::read(sent, longest, app.config.http.body_timeout_ms.get()).await?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// A body that counts as a stream of its party while it lasts.
struct Streamed {
    body: Body,
    _stream: Present,
}

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::config::Millis;

    fn calls(waiting: usize, wait_ms: u64) -> Calls {
        let number = |n| NonZeroUsize::new(n).unwrap();
        let wait_ms = Millis(wait_ms.try_into().unwrap());
        let config = CallsConfig {
            at_once: number(3),
            waiting,
            wait_ms,
            outside: number(2),
            outside_of_all: number(3),
            streams: number(2),
        };
        Calls::new(&config, 10)
    }

    fn somebody() -> Party {
        Party::Organization(TenantId::generate())
    }

    fn network(text: &str) -> Party {
        Party::Network(ClientAddress(text.parse().unwrap()).network())
    }

    #[tokio::test]
    async fn an_organisation_has_a_few_places_and_others_have_theirs() {
        let (calls, one) = (calls(0, 1), somebody());
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(calls.enter(one.clone()).await.expect("a place of its own"));
        }
        assert!(matches!(calls.enter(one.clone()).await, Err(Crowded::Own(_))));
        let other = calls.enter(somebody()).await.expect("nobody has all places of organisations");
        assert!(matches!(calls.enter(somebody()).await, Err(Crowded::Full)), "all four are taken");
        for party in [Party::Operator("user:x".to_owned()), network("192.0.2.1")] {
            assert!(calls.enter(party).await.is_ok(), "operators and strangers have places of their own");
        }
        drop(held);
        drop(other);
        assert!(calls.enter(one).await.is_ok());
        assert!(calls.organizations.parties.lock().is_empty(), "nobody is remembered who has left");
    }

    #[tokio::test]
    async fn who_finds_no_place_waits_for_one_but_not_with_many() {
        let (calls, one) = (calls(1, 3_600_000), somebody());
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(calls.enter(one.clone()).await.expect("a place"));
        }
        let mut waits = Box::pin(calls.enter(one.clone()));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        assert!(matches!(calls.enter(one.clone()).await, Err(Crowded::Own(_))), "the queue is full");
        held.pop();
        assert!(waits.await.is_ok());
    }

    #[tokio::test]
    async fn a_network_is_an_address_or_what_a_provider_gives_one_customer() {
        let calls = calls(0, 1);
        let held = calls.enter(network("2001:db8::1")).await.expect("a place");
        assert!(matches!(calls.enter(network("2001:db8::ffff:2")).await, Err(Crowded::Own(_))));
        assert!(calls.enter(network("2001:db8:0:1::1")).await.is_ok(), "another customer's");
        drop(held);
        let _held = calls.enter(network("192.0.2.1")).await.expect("a place");
        assert!(calls.enter(network("192.0.2.2")).await.is_ok(), "another address");
    }

    #[tokio::test]
    async fn streams_are_counted_without_a_place() {
        let (calls, one) = (calls(0, 1), somebody());
        let (first, second) = (calls.open(&one), calls.open(&one));
        assert!(first.is_ok() && second.is_ok());
        assert!(matches!(calls.open(&one), Err(Crowded::Own(_))));
        drop(first);
        assert!(calls.open(&one).is_ok());
    }

    #[tokio::test]
    async fn who_waits_for_a_server_of_theirs_takes_nothing_from_who_waits_for_the_platforms() {
        let (calls, one) = (calls(0, 1), somebody());
        let mut held = Vec::new();
        for party in [&one, &one, &somebody()] {
            held.push(calls.go_out(Outside::Named, party.clone()).await.expect("room outside"));
        }
        let refused = calls.go_out(Outside::Named, one.clone()).await;
        assert!(matches!(refused, Err(Crowded::Own(_))), "its own two are taken");
        let refused = calls.go_out(Outside::Named, somebody()).await;
        assert!(matches!(refused, Err(Crowded::Full)), "all three are taken");
        assert!(calls.go_out(Outside::Configured, somebody()).await.is_ok(), "another's server");
        assert!(calls.enter(one).await.is_ok(), "places are for the database alone");
    }

    #[tokio::test]
    async fn secrets_that_nobody_has_are_their_networks_and_others_are_their_holders() {
        let (calls, here) = (calls(0, 1), network("192.0.2.1"));
        let secret = |text: &str| KeyHash::of(text);
        let look_up = |text: &str| calls.look_up(secret(text), here.clone());
        let (ada, bob) = (PersonId::generate(), PersonId::generate());
        for (text, person) in [("a", ada), ("b", ada), ("c", bob)] {
            calls.met(secret(text), Some(Party::Person(person)));
        }
        let mut held = Vec::new();
        for number in 0..3 {
            held.push(look_up(&number.to_string()).await.expect("a place of the network"));
        }
        assert!(look_up("another").await.is_err(), "however many secrets somebody makes up");
        for text in ["a", "b", "a"] {
            held.push(look_up(text).await.expect("a place of their own"));
        }
        assert!(look_up("b").await.is_err(), "however many sessions somebody has");
        assert!(look_up("c").await.is_ok(), "another one behind the same network");
        calls.met(secret("c"), None);
        assert!(look_up("c").await.is_err(), "it is nobody's any more");
    }
}
