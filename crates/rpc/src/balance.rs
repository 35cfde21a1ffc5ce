//! The replicas behind a remote channel: the less loaded of two, or the one that a key belongs to, and none
//! that just failed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use rand::RngExt as _;
use tonic::transport::{Channel as Transport, Endpoint};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ChannelError;

/// How long a replica that could not be reached is passed over.
const EJECTION: Duration = Duration::from_millis(1_000);

/// One replica's connection and what is known of it.
pub(crate) struct Replica {
    address: String,
    pub(crate) transport: Transport,
    in_flight: AtomicU32,
    ejected_until: Mutex<Option<Instant>>,
    served: AtomicU64,
}

impl Replica {
    fn connect(address: &str) -> Result<Arc<Self>, ChannelError> {
        let endpoint = Endpoint::from_shared(address.to_owned())
            .map_err(|_| ChannelError::Address(address.to_owned()))?
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(1))
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(5))
            .keep_alive_while_idle(true)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(8 << 20);
        Ok(Arc::new(Self {
            address: address.to_owned(),
            transport: endpoint.connect_lazy(),
            in_flight: AtomicU32::new(0),
            ejected_until: Mutex::new(None),
            served: AtomicU64::new(0),
        }))
    }

    pub(crate) fn eject(&self) {
        *self.ejected_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + EJECTION);
    }

    fn is_ejected(&self, now: Instant) -> bool {
        self.ejected_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| until > now)
    }
}

/// Counts a call as in flight for as long as it lives.
pub(crate) struct InFlight(pub(crate) Arc<Replica>);

impl InFlight {
    fn on(replica: &Arc<Replica>) -> Self {
        replica.in_flight.fetch_add(1, Ordering::Relaxed);
        replica.served.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(replica))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The current set of replicas.
pub(crate) struct Balancer {
    replicas: ArcSwap<Vec<Arc<Replica>>>,
}

impl Balancer {
    pub(crate) fn new(addresses: &[String]) -> Result<Self, ChannelError> {
        let replicas = addresses.iter().map(|address| Replica::connect(address)).collect::<Result<_, _>>()?;
        Ok(Self { replicas: ArcSwap::from_pointee(replicas) })
    }

    /// One of another balancer's replicas, with its connection.
    pub(crate) fn single(replica: Arc<Replica>) -> Self {
        Self { replicas: ArcSwap::from_pointee(vec![replica]) }
    }

    /// Replaces the set, keeping the connections of addresses that stay.
    pub(crate) fn update(&self, addresses: &[String]) {
        let old = self.replicas.load();
        if old.len() == addresses.len() && old.iter().all(|replica| addresses.contains(&replica.address)) {
            return;
        }
        let new = addresses
            .iter()
            .filter_map(|address| {
                let kept = old.iter().find(|replica| replica.address == *address).cloned();
                kept.or_else(|| Replica::connect(address).ok())
            })
            .collect();
        self.replicas.store(Arc::new(new));
    }

    /// The less loaded of two healthy replicas; when none is healthy, of all.
    pub(crate) fn pick(&self) -> Option<InFlight> {
        let replicas = self.replicas.load();
        let now = Instant::now();
        let healthy: Vec<&Arc<Replica>> =
            replicas.iter().filter(|replica| !replica.is_ejected(now)).collect();
        let pool = if healthy.is_empty() { replicas.iter().collect() } else { healthy };
        let replica = match pool.as_slice() {
            [] => return None,
            [only] => *only,
            [one, two] => less_loaded(one, two),
            many => {
                let mut rng = rand::rng();
                let first = rng.random_range(0..many.len());
                let second = (first + rng.random_range(1..many.len())) % many.len();
                less_loaded(many[first], many[second])
            }
        };
        Some(InFlight::on(replica))
    }

    /// The healthy replica that scores highest for a key; when none is healthy, of all. Every process that
    /// knows the same replicas answers alike, and a replica that goes takes only its own keys along.
    pub(crate) fn pick_for(&self, key: u64) -> Option<InFlight> {
        let replicas = self.replicas.load();
        let now = Instant::now();
        let rank = |replica: &&Arc<Replica>| {
            (!replica.is_ejected(now), xxh3_64_with_seed(replica.address.as_bytes(), key))
        };
        replicas.iter().max_by_key(rank).map(InFlight::on)
    }

    /// Every replica, for calls that all of them must hear.
    pub(crate) fn each(&self) -> Vec<Arc<Replica>> {
        self.replicas.load().iter().cloned().collect()
    }

    /// The address of the replica, when there is one alone.
    pub(crate) fn only_address(&self) -> Option<String> {
        match self.replicas.load().as_slice() {
            [only] => Some(only.address.clone()),
            _ => None,
        }
    }
}

/// Fewer calls in flight; of equals, the one that served less.
fn less_loaded<'a>(one: &'a Arc<Replica>, two: &'a Arc<Replica>) -> &'a Arc<Replica> {
    let load = |replica: &Arc<Replica>| {
        (replica.in_flight.load(Ordering::Relaxed), replica.served.load(Ordering::Relaxed))
    };
    if load(two) < load(one) { two } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: u64 = 2_000;

    fn balancer(addresses: &[&str]) -> Balancer {
        let addresses: Vec<String> = addresses.iter().map(|name| format!("http://{name}:7101")).collect();
        Balancer::new(&addresses).unwrap()
    }

    fn owner(balancer: &Balancer, key: u64) -> String {
        balancer.pick_for(key).unwrap().0.address.clone()
    }

    #[tokio::test]
    async fn a_replica_that_goes_moves_its_own_keys_and_no_others() {
        let (three, two) = (balancer(&["one", "two", "three"]), balancer(&["three", "one"]));
        let mut moved = 0;
        for key in 0..KEYS {
            let before = owner(&three, key);
            if before.contains("two") {
                moved += 1;
            } else {
                assert_eq!(owner(&two, key), before);
            }
        }
        // A third of the keys, more or less: each replica has its share.
        assert!((KEYS / 4..KEYS / 2).contains(&moved), "{moved}");
    }

    #[tokio::test]
    async fn a_key_goes_to_the_next_while_its_replica_is_passed_over() {
        let three = balancer(&["one", "two", "three"]);
        let first = three.pick_for(7).unwrap();
        first.0.eject();
        let second = three.pick_for(7).unwrap();
        assert_ne!(second.0.address, first.0.address);
        let without: Vec<&str> =
            ["one", "two", "three"].into_iter().filter(|name| !first.0.address.contains(*name)).collect();
        assert_eq!(owner(&balancer(&without), 7), second.0.address);
        three.each().iter().for_each(|replica| replica.eject());
        assert_eq!(owner(&three, 7), first.0.address);
        assert!(balancer(&[]).pick_for(7).is_none());
    }
}
