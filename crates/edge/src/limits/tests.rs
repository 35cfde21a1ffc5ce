use secrecy::ExposeSecret as _;

use super::*;
use crate::config::Millis;

/// A Redis of one's own, and edges that share it.
struct Cluster {
    server: backing::Server,
    client: redis::Client,
    _directory: tempfile::TempDir,
}

impl Cluster {
    /// `None`, said aloud, where Redis is not installed.
    async fn start() -> Option<Self> {
        if !backing::Kind::Redis.is_installed() {
            eprintln!("SKIPPED: Redis is not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let options =
            backing::ServerOptions { directory: directory.path().to_owned(), port: None, password: None };
        let server = backing::Server::start(backing::Kind::Redis, &options).await.unwrap();
        let client = redis::Client::open(server.url().expose_secret()).unwrap();
        Some(Self { server, client, _directory: directory })
    }

    /// Edges that know how many they are.
    async fn edges<const N: usize>(&self) -> [Limits; N] {
        let patient = LimitsConfig { redis_timeout_ms: Millis(5_000.try_into().unwrap()), ..config() };
        let edges = std::array::from_fn(|n| {
            Limits::new(patient.clone(), Some(&self.client), &format!("edge-{n}")).unwrap()
        });
        for _ in 0..2 {
            for edge in &edges {
                edge.shared.count_edges().await;
            }
        }
        edges
    }

    async fn flush(&self) {
        let mut connection = self.client.get_multiplexed_async_connection().await.unwrap();
        let _: () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
    }
}

/// Takes so much at a time from each edge in turn, until none has any more. What each got.
async fn drain<const N: usize>(edges: &[Limits; N], rule: &Rule, at_a_time: u64) -> [u64; N] {
    let mut taken = [0; N];
    let mut is_more = true;
    while is_more {
        is_more = false;
        for (edge, taken) in edges.iter().zip(&mut taken) {
            if edge.window(rule).take(&edge.shared, rule, at_a_time).await.is_ok() {
                *taken += at_a_time;
                is_more = true;
            }
        }
    }
    taken
}

fn at_once(limit: u64) -> AtOnce {
    AtOnce { scope: "test".to_owned(), limit, name: "test" }
}

/// Fills places at an edge until it has no more.
async fn fill(edge: &Limits, rule: &AtOnce) -> Vec<Pass> {
    let mut filled = Vec::new();
    while let Ok(place) = edge.places.enter(rule).await {
        let mut pass = Pass::new(Arc::clone(&edge.shared));
        pass.places.push(place);
        filled.push(pass);
    }
    filled
}

fn config() -> LimitsConfig {
    LimitsConfig {
        requests_per_minute: 0,
        tokens_per_minute: 0,
        concurrent: 0,
        organization_requests_per_minute: 0,
        organization_tokens_per_minute: 0,
        organization_concurrent: 0,
        organization_management_requests_per_minute: 0,
        free_requests_per_minute: 20,
        free_requests_per_day: 50,
        free_requests_per_day_paid: 1_000,
        free_requests_paid_from_nano: 10_000_000_000,
        redis_timeout_ms: Millis(30.try_into().unwrap()),
    }
}

fn rule(limit: u64, window: Duration) -> Rule {
    Rule { scope: "test".to_owned(), limit, window, name: "test" }
}

#[test]
fn small_limits_are_taken_one_by_one_and_large_ones_by_tenths() {
    assert_eq!(rule(20, MINUTE).slice(), 1);
    assert_eq!(rule(60, MINUTE).slice(), 1);
    assert_eq!(rule(1_000, DAY).slice(), 1);
    assert_eq!(rule(61, MINUTE).slice(), 6);
    assert_eq!(rule(5_000, MINUTE).slice(), 500);
}

#[tokio::test]
async fn without_redis_the_whole_limit_is_this_edges() {
    let limits = Limits::new(config(), None, "edge-1").unwrap();
    let rule = rule(3, DAY);
    for _ in 0..3 {
        limits.spend(&rule).await.unwrap();
    }
    let exceeded = limits.spend(&rule).await.unwrap_err();
    assert_eq!((exceeded.limit, limits.spent(&rule).await), (3, 3));
    assert!(exceeded.remaining <= DAY);
}

#[tokio::test]
async fn a_redis_that_cannot_be_reached_changes_nothing() {
    let client = redis::Client::open("redis://127.0.0.1:1/").unwrap();
    let limits = Limits::new(config(), Some(&client), "edge-1").unwrap();
    let rule = rule(2, DAY);
    limits.spend(&rule).await.unwrap();
    limits.spend(&rule).await.unwrap();
    assert!(limits.spend(&rule).await.is_err());
}

#[test]
fn what_has_no_limit_has_no_rule() {
    assert_eq!(per_minute("key".to_owned(), 0, "test"), None);
    assert_eq!(per_minute("key".to_owned(), 7, "test").unwrap().limit, 7);
    let limits = Limits::new(config(), None, "edge-1").unwrap();
    let tenant = identity::TenantId::generate();
    assert_eq!(limits.of_free_models(tenant, 0)[1].limit, 50);
}

#[test]
fn the_larger_quota_of_free_models_begins_with_what_was_bought_in_all() {
    let of = |paid_from, bought| {
        let config = LimitsConfig { free_requests_paid_from_nano: paid_from, ..config() };
        let limits = Limits::new(config, None, "edge-1").unwrap();
        limits.free_per_day(identity::TenantId::generate(), bought).limit
    };
    assert_eq!((of(10_000_000_000, 9_999_999_999), of(10_000_000_000, 10_000_000_000)), (50, 1_000));
    // Without a least amount any purchase will do, but there must be one.
    assert_eq!((of(0, 0), of(0, 1)), (50, 1_000));
}

#[tokio::test]
async fn edges_together_take_the_limit_and_no_more() {
    let Some(cluster) = Cluster::start().await else { return };
    let edges: [Limits; 2] = cluster.edges().await;
    let rule = rule(1_000_000, DAY);
    assert_eq!(rule.slice(), 100_000);
    let taken: u64 = drain(&edges, &rule, 7_000).await.iter().sum();
    // Each may be left with less than it was asked for.
    assert!((1_000_000 - 2 * 7_000..=1_000_000).contains(&taken), "{taken}");
    let exceeded = edges[0].window(&rule).take(&edges[0].shared, &rule, 7_000).await.unwrap_err();
    assert!(exceeded.left < 7_000 && exceeded.limit == 1_000_000);
    cluster.server.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_taken_is_corrected_by_what_was_used() {
    let Some(cluster) = Cluster::start().await else { return };
    let edges: [Limits; 2] = cluster.edges().await;
    let rule = rule(1_000_000, DAY);
    let window = edges[0].window(&rule);
    // Taken for nothing: all but a slice goes back to the other edge.
    let taken = window.take(&edges[0].shared, &rule, 900_000).await.unwrap();
    window.correct(&rule, taken, 0);
    window.give_back(&edges[0].shared, &rule).await;
    assert_eq!(edges[0].spent(&rule).await, 100_000);
    let other = edges[1].window(&rule);
    let more = other.take(&edges[1].shared, &rule, 500_000).await.unwrap();
    // Used beyond what was taken: it is taken from what comes next.
    other.correct(&rule, more, 700_000);
    let rest: u64 = drain(&edges, &rule, 50_000).await.iter().sum();
    assert_eq!(rest, 1_000_000 - 700_000);
    cluster.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_larger_than_a_limit_takes_all_of_it() {
    let limits = Limits::new(config(), None, "edge-1").unwrap();
    let rule = rule(1_000, DAY);
    let window = limits.window(&rule);
    let taken = window.take(&limits.shared, &rule, 5_000).await.unwrap();
    assert_eq!(window.spent(&rule), 1_000);
    window.correct(&rule, taken, 400);
    assert!(window.take(&limits.shared, &rule, 601).await.is_err());
    assert!(window.take(&limits.shared, &rule, 600).await.is_ok());
}

#[tokio::test]
async fn a_flush_allows_at_most_what_the_other_edges_had_spent() {
    let Some(cluster) = Cluster::start().await else { return };
    let edges: [Limits; 2] = cluster.edges().await;
    let rule = rule(1_000_000, DAY);
    let before = drain(&edges, &rule, 10_000).await;
    cluster.flush().await;
    // Redis is not asked again before a while has passed; edges that start then have nothing to remember.
    let again: [Limits; 2] = cluster.edges().await;
    edges[0].window(&rule).forget_that_it_is_dry();
    let after = edges[0].window(&rule).take(&edges[0].shared, &rule, before[1] + 10_000).await;
    assert!(after.is_err(), "it remembers its own part");
    let after: u64 = drain(&again, &rule, 10_000).await.iter().sum();
    assert!(after <= 1_000_000 - before[0], "{after} after {before:?}");
    cluster.server.stop().await.unwrap();
}

#[tokio::test]
async fn without_redis_each_edge_has_its_share() {
    let Some(cluster) = Cluster::start().await else { return };
    let edges: [Limits; 3] = cluster.edges().await;
    let rule = rule(3_000_000, DAY);
    edges[0].window(&rule).take(&edges[0].shared, &rule, 600_000).await.unwrap();
    cluster.server.stop().await.unwrap();
    let taken = drain(&edges, &rule, 100_000).await;
    // What the first one had taken counts.
    assert_eq!(taken, [400_000, 1_000_000, 1_000_000]);
    let filled = [fill(&edges[0], &at_once(10)).await.len(), fill(&edges[1], &at_once(10)).await.len()];
    assert_eq!(filled, [4, 4]);
}

#[tokio::test]
async fn few_places_are_exact_over_all_edges() {
    let Some(cluster) = Cluster::start().await else { return };
    let edges: [Limits; 2] = cluster.edges().await;
    let rule = at_once(5);
    let mut first = fill(&edges[0], &rule).await;
    assert_eq!((first.len(), fill(&edges[1], &rule).await.len()), (5, 0));
    // What one leaves the other has at once.
    first.pop().unwrap().end(None).await;
    let second = fill(&edges[1], &rule).await;
    assert_eq!((second.len(), fill(&edges[0], &rule).await.len()), (1, 0));
    drop(second);
    edges[1].places.renew().await;
    edges[1].places.renew().await;
    assert_eq!(
        fill(&edges[0], &rule).await.len(),
        1,
        "a place that was dropped comes back with the next round"
    );
    cluster.server.stop().await.unwrap();
}

#[tokio::test]
async fn many_places_are_taken_by_tenths() {
    let Some(cluster) = Cluster::start().await else { return };
    let edges: [Limits; 2] = cluster.edges().await;
    let rule = at_once(40);
    let mut first = fill(&edges[0], &rule).await;
    assert_eq!(first.len(), 40);
    for pass in first.drain(..20) {
        pass.end(None).await;
    }
    // A tenth stays at hand, for as long as nobody needs it elsewhere but a round.
    let second = fill(&edges[1], &rule).await;
    assert_eq!(second.len(), 16);
    edges[0].places.renew().await;
    edges[0].places.renew().await;
    assert_eq!(fill(&edges[1], &rule).await.len(), 4);
    cluster.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_flush_lets_in_no_more_than_ran_elsewhere_until_the_next_round() {
    let Some(cluster) = Cluster::start().await else { return };
    let edges: [Limits; 2] = cluster.edges().await;
    let rule = at_once(6);
    let first = fill(&edges[0], &rule).await;
    cluster.flush().await;
    let one = edges[1].places.enter(&rule).await.unwrap();
    edges[0].places.renew().await;
    assert!(edges[1].places.enter(&rule).await.is_err());
    assert_eq!(first.len(), 6);
    drop(one);
    cluster.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_dead_edge_holds_no_place_beyond_its_lease() {
    let Some(cluster) = Cluster::start().await else { return };
    let [edge]: [Limits; 1] = cluster.edges().await;
    let mut connection = cluster.client.get_multiplexed_async_connection().await.unwrap();
    let mut dies = async |expires: u64| {
        let mut put = redis::cmd("HSET");
        let () = put
            .arg("patchbay:places:test")
            .arg("dead")
            .arg(format!("3:{expires}"))
            .query_async(&mut connection)
            .await
            .unwrap();
    };
    dies(u64::MAX / 4_096).await;
    let filled = fill(&edge, &at_once(5)).await;
    assert_eq!(filled.len(), 2);
    dies(1).await;
    assert_eq!(fill(&edge, &at_once(5)).await.len(), 3);
    cluster.server.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_forgiven_can_be_spent_again() {
    let Some(cluster) = Cluster::start().await else { return };
    let [here, there]: [Limits; 2] = cluster.edges().await;
    let alone = Limits::new(config(), None, "alone").unwrap();
    let rule = Rule { scope: "forgiven".to_owned(), limit: 2, window: DAY, name: "tries" };
    for edge in [&here, &alone] {
        assert!(edge.spend(&rule).await.is_ok() && edge.spend(&rule).await.is_ok());
        assert!(edge.spend(&rule).await.is_err());
        assert_eq!(edge.spent(&rule).await, 2);
    }
    assert_eq!(there.spent(&rule).await, 2);
    there.forgive(&rule).await;
    alone.forgive(&rule).await;
    assert_eq!((here.spent(&rule).await, there.spent(&rule).await, alone.spent(&rule).await), (0, 0, 0));
    assert!(there.spend(&rule).await.is_ok() && alone.spend(&rule).await.is_ok());
    cluster.server.stop().await.unwrap();
}
