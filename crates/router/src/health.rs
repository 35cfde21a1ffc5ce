//! Endpoint health: observations in, standings out.
//!
//! Truth is local: every router judges by what it observes itself, and takes what others share as hints.
//! Time is passed in as Unix milliseconds that never run backwards, so every rule is testable.

mod record;
mod standing;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

pub use record::Observed;
pub(crate) use record::{Coarse, Record};
pub use standing::{
    Display, Key, PRIOR_LATENCY_MS, PRIOR_THROUGHPUT, Quantiles, Standing, Standings, State, Uptime, View,
};
pub use window::Cell;

use crate::HealthConfig;

/// Records are dropped when nothing was heard of them for this long.
const IDLE_MS: u64 = 900_000;
/// Records at most; beyond that new endpoints stand as unseen ones do.
const LIMIT: usize = 50_000;

/// The health of all endpoints. Writers lock; readers load a map that is never changed.
#[derive(Debug)]
pub struct Health {
    records: Mutex<HashMap<Key, Record>>,
    standings: ArcSwap<Standings>,
    config: HealthConfig,
}

impl Health {
    #[must_use]
    pub fn new(config: HealthConfig) -> Self {
        Self { records: Mutex::default(), standings: ArcSwap::default(), config }
    }

    #[must_use]
    pub fn standings(&self) -> Arc<Standings> {
        self.standings.load_full()
    }

    #[must_use]
    pub const fn config(&self) -> &HealthConfig {
        &self.config
    }

    /// Takes observations in and makes them count from the next plan on. The endpoints they ejected.
    pub fn observe(&self, batch: &[(Key, Observed)], now_ms: u64) -> Vec<Key> {
        let mut records = self.lock();
        let mut ejected = Vec::new();
        for (key, seen) in batch {
            if records.len() >= LIMIT && !records.contains_key(key) {
                continue;
            }
            if records.entry(*key).or_default().observe(seen, now_ms, &self.config, jitter(*key, now_ms)) {
                ejected.push(*key);
            }
        }
        self.publish(&records, batch.iter().map(|(key, _)| *key), now_ms);
        ejected
    }

    /// Takes the right to probe an endpoint that is half open. `false` when someone else has it.
    #[must_use]
    pub fn claim_probe(&self, key: Key, now_ms: u64) -> bool {
        let mut records = self.lock();
        let claimed = records.get_mut(&key).is_some_and(|record| record.claim_probe(now_ms, &self.config));
        if claimed {
            self.publish(&records, [key], now_ms);
        }
        claimed
    }

    /// Lets time pass: windows roll on and idle records go.
    pub fn tick(&self, now_ms: u64) {
        let mut records = self.lock();
        records.retain(|_, record| now_ms < record.last_seen_ms.saturating_add(IDLE_MS));
        let standings = records.iter().map(|(key, record)| (*key, record.standing(now_ms))).collect();
        self.standings.store(Arc::new(standings));
    }

    /// Our own view of the buckets that end with the one of `now_ms`, newest first.
    pub(crate) fn own(&self, now_ms: u64, count: u64) -> Vec<(u64, Key, Cell)> {
        let records = self.lock();
        Coarse::buckets(now_ms, count)
            .flat_map(|bucket| {
                records.iter().filter_map(move |(key, record)| Some((bucket, *key, record.own(bucket)?)))
            })
            .collect()
    }

    /// The running ejections: key, end in Unix milliseconds, how many in a row.
    pub(crate) fn ejections(&self, now_ms: u64) -> Vec<(Key, u64, u32)> {
        let records = self.lock();
        let running = |(key, record): (&Key, &Record)| {
            record.ejection(now_ms).map(|(until_ms, count)| (*key, until_ms, count))
        };
        records.iter().filter_map(running).collect()
    }

    /// Takes in what other routers saw and ejected.
    pub(crate) fn hear(&self, cells: &[(u64, Key, Cell)], ejections: &[(Key, u64, u32)], now_ms: u64) {
        if cells.is_empty() && ejections.is_empty() {
            return;
        }
        let mut records = self.lock();
        for (bucket, key, cell) in cells {
            if records.len() < LIMIT || records.contains_key(key) {
                records.entry(*key).or_default().hear(*bucket, cell, now_ms);
            }
        }
        for (key, until_ms, count) in ejections {
            if records.len() < LIMIT || records.contains_key(key) {
                records.entry(*key).or_default().hear_ejection(*until_ms, *count, now_ms, &self.config);
            }
        }
        let touched = cells.iter().map(|(_, key, _)| *key).chain(ejections.iter().map(|(key, ..)| *key));
        self.publish(&records, touched, now_ms);
    }

    /// What the last five minutes showed of an endpoint.
    #[must_use]
    pub fn seen(&self, key: Key, now_ms: u64) -> Cell {
        self.lock().get(&key).map(|record| record.seen(now_ms, 30)).unwrap_or_default()
    }

    /// What the public is told of an endpoint. Of one that nobody has seen: nothing.
    #[must_use]
    pub fn display(&self, key: Key, now_ms: u64) -> Display {
        let seen = self.seen(key, now_ms);
        Display { uptime_5m: record::uptime_percent(seen.successes, seen.total()), ..Display::default() }
    }

    fn publish(&self, records: &HashMap<Key, Record>, keys: impl IntoIterator<Item = Key>, now_ms: u64) {
        let mut standings = Standings::clone(&self.standings.load());
        for key in keys {
            if let Some(record) = records.get(&key) {
                standings.insert(key, record.standing(now_ms));
            }
        }
        self.standings.store(Arc::new(standings));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 0 to 99, so that endpoints ejected together do not all come back together.
fn jitter(key: Key, now_ms: u64) -> u64 {
    crate::choose::mix(key.endpoint.as_u64_pair().1 ^ now_ms) % 100
}

#[cfg(test)]
mod tests;
