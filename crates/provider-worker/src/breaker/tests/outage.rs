//! Outages as two workers and two routers live through them, by one clock that the tests turn.
//!
//! The routers are the real health of the crate `router`, the workers the real breakers. What lies between is
//! written out below: a plan puts the endpoint first or last as its standing says, with a second one that is
//! always well, and observations reach both routers a quarter of a second later.

use router::HealthConfig;
use router::health::{Health, Key, Observed, State};
use uuid::Uuid;

use super::*;

const EPOCH_MS: u64 = 1_700_000_000_000;
/// One request each.
const STEP_MS: u64 = 50;
const OBSERVE_MS: u64 = 250;

/// How the endpoint fails while it is down.
#[derive(Debug, Clone, Copy)]
enum Down {
    /// An error after so many milliseconds.
    Error(u64),
    /// No answer, until the worker gives up after so many milliseconds.
    Hang(u64),
}

/// An attempt that is on its way.
struct Running {
    worker: usize,
    attempt: Attempt,
    began_ms: u64,
    ends_ms: u64,
    is_good: bool,
}

struct World {
    start: Instant,
    routers: [Health; 2],
    workers: [Breakers; 2],
    endpoint: Attempt,
    key: Key,
    running: Vec<Running>,
    /// When attempts went to the endpoint, and which of them its answer served.
    calls: Vec<u64>,
    served: Vec<u64>,
    requests: u64,
}

impl World {
    fn new() -> Self {
        let endpoint = Uuid::from_u128(7);
        Self {
            start: Instant::now(),
            routers: [Health::new(HealthConfig::default()), Health::new(HealthConfig::default())],
            workers: [Breakers::default(), Breakers::default()],
            endpoint: Attempt { endpoint_id: endpoint.to_string(), ..Attempt::default() },
            key: Key { endpoint, credential: Uuid::nil() },
            running: Vec::new(),
            calls: Vec::new(),
            served: Vec::new(),
            requests: 0,
        }
    }

    fn instant(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// Lives from one moment to another, the endpoint being well or down.
    fn live(&mut self, from_ms: u64, to_ms: u64, down: Option<Down>) {
        for now in (from_ms..to_ms).step_by(usize::try_from(STEP_MS).unwrap()) {
            self.end_attempts(now);
            if now % OBSERVE_MS == 0 {
                self.tell(now);
            }
            if now % 1_000 == 0 {
                self.routers.iter().for_each(|router| router.tick(EPOCH_MS + now));
            }
            self.request(now, down);
        }
    }

    fn end_attempts(&mut self, now: u64) {
        let (ended, running): (Vec<Running>, Vec<Running>) =
            std::mem::take(&mut self.running).into_iter().partition(|one| one.ends_ms <= now);
        self.running = running;
        for one in ended {
            let (began, now) = (self.instant(one.began_ms), self.instant(now));
            let worker = &self.workers[one.worker];
            if one.is_good {
                worker.answered(&one.attempt, began, now);
                worker.see(&one.attempt, SUCCESS, began, now);
            } else {
                worker.see(&one.attempt, Sighting::Fault, began, now);
            }
        }
    }

    fn tell(&self, now: u64) {
        for worker in &self.workers {
            let batch: Vec<(Key, Observed)> =
                worker.take(self.instant(now)).iter().filter_map(Observed::read).collect();
            for router in &self.routers {
                router.observe(&batch, EPOCH_MS + now);
            }
        }
    }

    /// One request: by turns over routers and workers. It goes to the endpoint where it comes first.
    fn request(&mut self, now: u64, down: Option<Down>) {
        self.requests += 1;
        let n = usize::try_from(self.requests).unwrap();
        let Some(is_probe) = self.comes_first(n % 2, now) else { return };
        let worker = (n / 2) % 2;
        let attempt = Attempt { probe: is_probe, ..self.endpoint.clone() };
        if !self.workers[worker].admits(&attempt, self.instant(now)) {
            return;
        }
        self.calls.push(now);
        let (takes, is_good) = match down {
            None => (100, true),
            Some(Down::Error(takes) | Down::Hang(takes)) => (takes, false),
        };
        if is_good {
            self.served.push(now);
        }
        self.running.push(Running { worker, attempt, began_ms: now, ends_ms: now + takes, is_good });
    }

    /// Whether the endpoint comes first in a plan, and as a probe.
    fn comes_first(&self, router: usize, now: u64) -> Option<bool> {
        let router = &self.routers[router];
        let standing = router.standings().get(&self.key).copied().unwrap_or_default();
        match standing.state {
            State::Ejected { .. } => router.claim_probe(self.key, EPOCH_MS + now).then_some(true),
            State::Recovering { .. } => self.requests.is_multiple_of(10).then_some(false),
            State::Closed => (!standing.outage).then_some(false),
        }
    }

    /// Lives through an outage of so long, and on; when the endpoint was well again, and when it served again.
    fn outage(&mut self, began: u64, lasts: u64, down: Down) -> (u64, u64) {
        let healed = began + lasts;
        self.live(began, healed, Some(down));
        self.live(healed, healed + 90_000, None);
        let again = *self.served.iter().find(|at| **at >= healed).unwrap();
        (healed, again)
    }

    /// Attempts within a span.
    fn calls_between(&self, from_ms: u64, to_ms: u64) -> usize {
        self.calls.iter().filter(|at| (from_ms..to_ms).contains(at)).count()
    }
}

#[test]
fn a_hard_outage_ejects_within_two_seconds_and_costs_two_probes_each_fifteen_seconds() {
    let mut world = World::new();
    world.live(0, 60_000, None);
    world.live(60_000, 1_260_000, Some(Down::Error(20)));
    for router in &world.routers {
        assert!(matches!(router.standings()[&world.key].state, State::Ejected { .. }));
    }
    assert!(world.calls_between(60_000, 62_000) <= 25, "{}", world.calls_between(60_000, 62_000));
    // Twenty minutes, each router and each worker at most once in fifteen seconds.
    let later = world.calls_between(62_000, 1_260_000);
    assert!((60..=160).contains(&later), "{later}");
    for from in (62_000..1_245_000).step_by(5_000) {
        assert!(world.calls_between(from, from + 15_000) <= 3, "from {from}");
    }
}

#[test]
fn an_endpoint_serves_again_within_forty_seconds_however_long_it_was_down() {
    for lasts in [3_000, 17_000, 61_000, 66_500, 303_000, 3_600_000] {
        for down in [Down::Error(20), Down::Error(2_000), Down::Hang(30_000)] {
            // Before an attempt has hung to its end nobody knows of an outage: that of one that is over by then
            // shows, and is acted upon, only afterwards.
            if matches!(down, Down::Hang(takes) if takes > lasts) {
                continue;
            }
            let mut world = World::new();
            world.live(0, 60_000, None);
            let (healed, again) = world.outage(60_000, lasts, down);
            assert!(again <= healed + 20_000, "served again {} ms after {lasts} of {down:?}", again - healed);
            // From then on it stays, and has its whole share before the forty seconds are over.
            let whole = world.calls_between(healed + 40_000, healed + 80_000);
            assert!(whole > 700, "{whole} of 800 after {lasts} of {down:?}");
        }
    }
}

#[test]
fn an_endpoint_that_fails_again_and_again_is_back_as_fast() {
    let mut world = World::new();
    world.live(0, 60_000, None);
    let mut began = 60_000;
    for _ in 0..5 {
        let (healed, again) = world.outage(began, 20_000, Down::Error(20));
        assert!(again <= healed + 25_000, "served again {} ms later", again - healed);
        let whole = world.calls_between(healed + 40_000, healed + 80_000);
        assert!(whole > 700, "{whole} of 800");
        began = healed + 90_000;
    }
}
