//! Endpoint health: observations in, standings out.
//!
//! Truth is local: every router judges by what it observes itself, and takes what others share as hints.
//! Time is passed in as Unix milliseconds that never run backwards, so every rule is testable.

mod cell;
mod day;
mod display;
mod history;
mod record;
mod sketch;
mod standing;
mod window;
mod windows;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use uuid::Uuid;

pub use cell::Cell;
pub(crate) use day::Told;
pub use day::{Pace, Stretch};
pub use display::Display;
pub use history::{Cause, Change};
use record::Record;
pub use record::{Observed, Report};
pub use sketch::Sketch;
pub use standing::{
    Key, PRIOR_LATENCY_MS, PRIOR_THROUGHPUT, Quantiles, Standing, Standings, State, Uptime, View,
};
pub(crate) use windows::Span;

use crate::HealthConfig;

/// Records are dropped when nothing was heard of them for this long: nothing is left in any window.
const IDLE_MS: u64 = 86_400_000;
/// The same where there are many.
const CROWDED_IDLE_MS: u64 = 900_000;
const CROWD: usize = 40_000;
/// Records at most; beyond that new endpoints stand as unseen ones do.
const LIMIT: usize = 50_000;
/// What was last seen longer ago than this stands as what was never seen.
const STANDING_MS: u64 = 7_200_000;
/// Records that are brought up to date in one go, before others may have the lock.
const CHUNK: usize = 512;

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

    /// The newest standings. Readers share nothing that one of them could hold up.
    #[must_use]
    pub fn standings(&self) -> Guard<Arc<Standings>> {
        self.standings.load()
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
        self.publish(&mut records, batch.iter().map(|(key, _)| *key), now_ms);
        ejected
    }

    /// Takes the right to probe an endpoint that is half open. `false` when someone else has it.
    #[must_use]
    pub fn claim_probe(&self, key: Key, now_ms: u64) -> bool {
        let mut records = self.lock();
        let claimed = records.get_mut(&key).is_some_and(|record| record.claim_probe(now_ms, &self.config));
        if claimed {
            self.publish(&mut records, [key], now_ms);
        }
        claimed
    }

    /// Lets time pass: windows roll on and idle records go.
    pub fn tick(&self, now_ms: u64) {
        let keys: Vec<Key> = self.lock().keys().copied().collect();
        for chunk in keys.chunks(CHUNK) {
            let mut records = self.lock();
            for key in chunk {
                if let Some(record) = records.get_mut(key) {
                    record.refresh(now_ms);
                    record.pass(now_ms, &self.config);
                }
            }
        }
        let mut records = self.lock();
        let idle_ms = if records.len() > CROWD { CROWDED_IDLE_MS } else { IDLE_MS };
        records.retain(|_, record| now_ms < record.last_seen_ms.saturating_add(idle_ms));
        let standing = |record: &&Record| now_ms < record.last_seen_ms.saturating_add(STANDING_MS);
        let standings = records
            .iter()
            .filter(|(_, record)| standing(record))
            .map(|(key, record)| (*key, record.standing(now_ms)))
            .collect();
        self.standings.store(Arc::new(standings));
    }

    /// The fullest views of buckets that we know of.
    pub(crate) fn views(&self, span: Span, buckets: &[u64]) -> Vec<(u64, Key, Told)> {
        let records = self.lock();
        let of = |bucket: u64| {
            let view = move |(key, record): (&Key, &Record)| {
                Some((bucket, *key, record.windows.view(span, bucket)?))
            };
            records.iter().filter_map(view)
        };
        buckets.iter().copied().flat_map(of).collect()
    }

    /// The running ejections: key, end in Unix milliseconds, how many in a row.
    pub(crate) fn ejections(&self, now_ms: u64) -> Vec<(Key, u64, u32)> {
        let records = self.lock();
        let running = |(key, record): (&Key, &Record)| {
            record.ejection(now_ms).map(|(until_ms, count)| (*key, until_ms, count))
        };
        records.iter().filter_map(running).collect()
    }

    /// Takes in what other routers saw.
    pub(crate) fn hear(&self, span: Span, views: &[(u64, Key, Told)], now_ms: u64) {
        if views.is_empty() {
            return;
        }
        let mut records = self.lock();
        for (bucket, key, view) in views {
            if records.len() < LIMIT || records.contains_key(key) {
                records.entry(*key).or_default().hear(span, *bucket, view, now_ms);
            }
        }
        self.publish(&mut records, views.iter().map(|(_, key, _)| *key), now_ms);
    }

    /// Takes over what other routers ejected.
    pub(crate) fn hear_ejections(&self, ejections: &[(Key, u64, u32)], now_ms: u64) {
        if ejections.is_empty() {
            return;
        }
        let mut records = self.lock();
        for (key, until_ms, count) in ejections {
            if records.len() < LIMIT || records.contains_key(key) {
                records.entry(*key).or_default().hear_ejection(*until_ms, *count, now_ms, &self.config);
            }
        }
        self.publish(&mut records, ejections.iter().map(|(key, ..)| *key), now_ms);
    }

    /// What operators are told of endpoints, by credential: of one, or of all that were seen.
    #[must_use]
    pub fn reports(&self, only: Option<Uuid>, now_ms: u64) -> HashMap<Uuid, Vec<(Key, Report)>> {
        let is_asked_for = |key: &&Key| only.is_none_or(|only| only == key.endpoint);
        let mut keys: Vec<Key> = self.lock().keys().filter(is_asked_for).copied().collect();
        keys.sort_unstable();
        let mut reports: HashMap<Uuid, Vec<(Key, Report)>> = HashMap::new();
        for chunk in keys.chunks(CHUNK) {
            let mut records = self.lock();
            for key in chunk {
                if let Some(record) = records.get_mut(key) {
                    reports.entry(key.endpoint).or_default().push((*key, record.report(now_ms)));
                }
            }
        }
        reports
    }

    /// What the last five minutes showed of an endpoint: good attempts, faults, rate limits.
    #[must_use]
    pub fn seen(&self, key: Key, now_ms: u64) -> (u64, u64, u64) {
        self.lock().get(&key).map(|record| record.seen(now_ms)).unwrap_or_default()
    }

    fn publish(&self, records: &mut HashMap<Key, Record>, keys: impl IntoIterator<Item = Key>, now_ms: u64) {
        let mut standings = Standings::clone(&self.standings.load());
        for key in keys {
            if let Some(record) = records.get_mut(&key) {
                record.refresh(now_ms);
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
