//! The warm way of a reservation with nothing around it, for measuring what it costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing::Amount;
use rpc::worker::LeaseUse;

use crate::lease::{Held, Life, Name, Pool, Rules};

/// Leases large enough for any number of requests, in nano-USD.
const GRANTED: i64 = i64::MAX / 4;
const BOUND: i64 = 50_000_000;
const CHARGE: Amount = Amount::from_nanos(1_234_567);
const HOUR: Duration = Duration::from_secs(3_600);

/// A pool of leases for keys that each pay with an organisation's credit and a limit of their own.
pub struct Rehearsal {
    pool: Arc<Pool>,
    keys: Vec<[String; 2]>,
}

impl Rehearsal {
    /// So many keys, shared out among so many organisations.
    #[must_use]
    pub fn new(organisations: usize, keys: usize) -> Self {
        let rules = Rules { requests: 32, most: GRANTED, idle: HOUR, tight: HOUR };
        let pool = Arc::new(Pool::new(rules));
        let account = || uuid::Uuid::now_v7().to_string();
        let credits: Vec<String> = (0..organisations.max(1)).map(|_| account()).collect();
        let keys: Vec<_> =
            credits.iter().cycle().take(keys).map(|credit| [credit.clone(), account()]).collect();
        let now = Instant::now();
        let life = Life { asked_at: now, expires_in: HOUR, ends_in: HOUR };
        for account_id in credits.iter().chain(keys.iter().map(|[_, limit]| limit)) {
            let granted =
                LeaseUse { lease_id: account(), account_id: account_id.clone(), epoch: 1, amount: GRANTED };
            pool.account(account_id).state().grant(now, Name::of(granted), GRANTED, life);
        }
        Self { pool, keys }
    }

    /// Reserves for one request of a key, settles it, and has it reported. What went with the request to its
    /// worker, or nothing when there is no such key.
    #[must_use]
    pub fn request(&self, key: usize) -> Vec<LeaseUse> {
        let Some(accounts) = self.keys.get(key) else { return Vec::new() };
        let needs = self.pool.needs(accounts.iter().map(|account| (account.as_str(), BOUND, BOUND)));
        let Ok(mut taken) = self.pool.take(Instant::now(), &needs, |_| false) else { return Vec::new() };
        let held = Held::taken(&self.pool, &mut taken);
        let leases = held.leases();
        held.settle(CHARGE).stored();
        leases
    }
}
