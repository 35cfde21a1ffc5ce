//! What a grant and a settlement cost. Asserts nothing; run alone with
//! `cargo xtask settlement`.

use std::sync::Arc;
use std::time::Instant;

use billing::{Config, UsageConfig};
use rpc::billing::Granted;
use rpc::events::UsageRecord;

use crate::support::edge::Edge;
use crate::support::postgres::Database;
use crate::support::records::{part, record, settle};
use crate::support::{Billing, Customer, config};

const REQUESTS: usize = 12_800;
const CLIENTS: usize = 128;
const BATCH: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure_grants_and_settlements() {
    let usage = UsageConfig { fold_every_ms: 1_000, ..config().usage };
    let config = Config { sweep_every_ms: 1_000, ask_batch: 256, usage, ..config() };
    let billing = Arc::new(Billing::over(Database::create().await, config, None).await);
    sqlx::raw_sql("alter system set fsync = on").execute(billing.admin()).await.unwrap();
    sqlx::raw_sql("select pg_reload_conf()").execute(billing.admin()).await.unwrap();
    for (tenants, limited, shared) in [
        (1, false, false),
        (64, false, false),
        (64, true, false),
        (1, false, true),
        (64, false, true),
        (64, true, true),
    ] {
        let mut customers = Vec::new();
        for _ in 0..tenants {
            let mut customer = billing.customer(1_000_000_000_000).await;
            if limited {
                billing.limit(&mut customer, Some(900_000_000_000), "monthly").await;
            }
            customers.push(customer);
        }
        let accounts = customers[0].accounts.len();
        let edge =
            Arc::new(Edge::join(&billing.client, &format!("edge-{tenants}-{limited}-{shared}"), 1).await);
        let kind = if shared { "shared leases" } else { "leases" };
        let started = Meter::start(&billing).await;
        let granted =
            if shared { grant_shared(&edge, &customers).await } else { grant(&edge, &customers).await };
        started.tell(&format!("requests granted {kind} on {accounts} accounts of {tenants} tenants"));

        // One price, as an endpoint has.
        let price = record(&customers[0], &granted[0].1, 0).price;
        let records: Vec<UsageRecord> = granted
            .iter()
            .map(|(customer, granted)| UsageRecord { price: price.clone(), ..record(customer, granted, 700) })
            .collect();
        let started = Meter::start(&billing).await;
        let settling = (0..4).map(|lane| {
            let billing = Arc::clone(&billing);
            let batches: Vec<Vec<UsageRecord>> =
                records.chunks(BATCH).skip(lane).step_by(4).map(<[UsageRecord]>::to_vec).collect();
            tokio::spawn(async move {
                for batch in batches {
                    settle(&billing.client, &batch).await;
                }
            })
        });
        for lane in futures::future::join_all(settling).await {
            lane.unwrap();
        }
        started.tell(&format!(
            "settlements, {BATCH} a batch, under {kind} on {accounts} accounts of {tenants} tenants"
        ));
    }
    for invariant in [
        "select count(*) from billing.invariants()",
        "select count(*) from billing.invariants(billing.clock() - interval '5 seconds')",
    ] {
        let started = Instant::now();
        assert_eq!(billing.count(invariant).await, 0);
        eprintln!("{invariant}: {:.2} s over {} records", started.elapsed().as_secs_f64(), 6 * REQUESTS);
    }
}

/// A lease for each request.
async fn grant(edge: &Arc<Edge>, customers: &[Customer]) -> Vec<(Customer, Granted)> {
    let asking = (0..CLIENTS).map(|client| {
        let (edge, customers) = (Arc::clone(edge), customers.to_vec());
        tokio::spawn(async move {
            let mut granted: Vec<(Customer, Granted)> = Vec::new();
            for n in 0..REQUESTS / CLIENTS {
                let customer = &customers[(client + n * CLIENTS) % customers.len()];
                granted.push((customer.clone(), edge.ask(customer, 1_000).await.unwrap()));
            }
            granted
        })
    });
    futures::future::join_all(asking).await.into_iter().flat_map(Result::unwrap).collect()
}

/// A lease for all requests of a tenant.
async fn grant_shared(edge: &Edge, customers: &[Customer]) -> Vec<(Customer, Granted)> {
    let each = i64::try_from(REQUESTS).unwrap() * 1_000;
    let mut granted = Vec::new();
    for customer in customers {
        granted.push(edge.ask_shared(customer, each, each).await.unwrap());
    }
    let places = (0..REQUESTS).map(|n| n % customers.len());
    places.map(|place| (customers[place].clone(), part(&granted[place], 1_000))).collect()
}

/// Wall clock and the CPU time of this process and of its database's sessions, which is steady on a busy machine.
struct Meter {
    database: String,
    started: Instant,
    ours: u64,
    sessions: u64,
}

impl Meter {
    async fn start(billing: &Billing) -> Self {
        let database: String =
            sqlx::query_scalar("select current_database()::text").fetch_one(billing.admin()).await.unwrap();
        let (ours, sessions) = ticks(&database);
        Self { database, started: Instant::now(), ours, sessions }
    }

    fn tell(&self, what: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let (ours, sessions) = ticks(&self.database);
        let requests = f64::from(u32::try_from(REQUESTS).unwrap());
        // A tick is 10 ms.
        let each = |ticks: u64| f64::from(u32::try_from(ticks).unwrap()) * 10_000.0 / requests;
        eprintln!(
            "{:6.0}/s {what}; CPU each: billing and client {:.0} us, Postgres {:.0} us",
            requests / seconds,
            each(ours - self.ours),
            each(sessions - self.sessions),
        );
    }
}

/// CPU ticks so far: of this process, and of the Postgres sessions on `database`.
fn ticks(database: &str) -> (u64, u64) {
    let of = |folder: &std::path::Path| -> Option<u64> {
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    let sessions = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            std::fs::read_to_string(entry.path().join("cmdline"))
                .is_ok_and(|line| line.starts_with("postgres:") && line.contains(database))
        })
        .filter_map(|entry| of(&entry.path()))
        .sum();
    (of(std::path::Path::new("/proc/self")).unwrap_or(0), sessions)
}
