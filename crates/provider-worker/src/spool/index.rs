//! What the spool knows of each execution, in memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::GenerationId;
use rpc::events::{RecordKey, UsageRecord};

use super::Error;
use super::segment::Place;

/// One execution of one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) generation: GenerationId,
    pub(crate) execution: u32,
}

impl Key {
    pub(super) fn of(record: &UsageRecord) -> Result<Self, Error> {
        let generation = record.generation_id.parse().map_err(|_| Error::Failed)?;
        Ok(Self { generation, execution: record.execution })
    }

    pub(super) fn parse(message: &RecordKey) -> Result<Self, Error> {
        let generation = message.generation_id.parse().map_err(|_| Error::Failed)?;
        Ok(Self { generation, execution: message.execution })
    }

    pub(super) fn message(self, confirmed: bool) -> RecordKey {
        RecordKey { generation_id: self.generation.uuid().to_string(), execution: self.execution, confirmed }
    }
}

/// An account that may be shipped.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) key: Key,
    pub(crate) confirmed: bool,
    pub(crate) account: Account,
}

impl Ready {
    /// A name that no other account of this spool has.
    pub(crate) fn name(&self) -> String {
        match &self.account {
            Account::Disk(place) => place.name(),
            Account::Memory(_) => format!("{}/{}", self.key.generation, self.key.execution),
        }
    }
}

/// Where a final account is kept.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    Disk(Place),
    /// The disk refused it: it lives as long as the process, and is shipped all the same.
    Memory(Arc<UsageRecord>),
}

struct Entry {
    /// Segments that hold a part of it; neither when the disk refused all of it.
    first: Option<u64>,
    last: Option<u64>,
    state: State,
}

enum State {
    Running,
    /// The account is written; the edge's word is awaited.
    Finished(Account),
    Ready {
        account: Account,
        confirmed: bool,
        shipped: Option<Instant>,
    },
}

/// Every execution that billing has not settled.
#[derive(Default)]
pub(super) struct Index {
    entries: HashMap<Key, Entry>,
    /// In the order they became ready.
    unshipped: VecDeque<Key>,
    /// In the order they were shipped; holds keys that have been settled since.
    shipped: VecDeque<(Instant, Key)>,
    /// How many parts of executions each segment holds.
    uses: BTreeMap<u64, usize>,
}

impl Index {
    pub(super) fn started(&mut self, key: Key, place: Place) {
        let entry = Entry { first: Some(place.segment), last: None, state: State::Running };
        if let Some(old) = self.entries.insert(key, entry) {
            self.release(&old);
        }
        self.hold(place.segment);
    }

    pub(super) fn finished(&mut self, key: Key, account: Account) {
        let segment = match &account {
            Account::Disk(place) => Some(place.segment),
            Account::Memory(_) => None,
        };
        let entry =
            self.entries.entry(key).or_insert(Entry { first: None, last: None, state: State::Running });
        let before = std::mem::replace(&mut entry.last, segment);
        entry.state = State::Finished(account);
        segment.inspect(|segment| self.hold(*segment));
        before.inspect(|segment| release(&mut self.uses, *segment));
    }

    pub(super) fn ended(&mut self, key: Key, confirmed: bool) {
        if let Some(entry) = self.entries.get_mut(&key)
            && let State::Finished(account) = &entry.state
        {
            entry.state = State::Ready { account: account.clone(), confirmed, shipped: None };
            self.unshipped.push_back(key);
        }
    }

    /// Whether it was there.
    pub(super) fn forget(&mut self, key: Key) -> bool {
        let Some(entry) = self.entries.remove(&key) else { return false };
        self.release(&entry);
        true
    }

    fn hold(&mut self, segment: u64) {
        *self.uses.entry(segment).or_default() += 1;
    }

    fn release(&mut self, entry: &Entry) {
        for segment in entry.first.iter().chain(&entry.last) {
            release(&mut self.uses, *segment);
        }
    }

    pub(super) fn uses(&self, segment: u64) -> bool {
        self.uses.contains_key(&segment)
    }

    pub(super) fn take_ready(&mut self, limit: usize, now: Instant) -> Vec<Ready> {
        let mut batch = Vec::new();
        while batch.len() < limit
            && let Some(key) = self.unshipped.pop_front()
        {
            batch.extend(self.ship(key, now));
        }
        batch
    }

    pub(super) fn take_overdue(&mut self, age: Duration, limit: usize, now: Instant) -> Vec<Ready> {
        let mut batch = Vec::new();
        // What is shipped anew goes to the back and is not looked at again.
        for _ in 0..self.shipped.len() {
            let Some((at, key)) = self.shipped.front().copied() else { break };
            if batch.len() == limit || now.duration_since(at) < age {
                break;
            }
            self.shipped.pop_front();
            let current = matches!(
                self.entries.get(&key),
                Some(Entry { state: State::Ready { shipped: Some(shipped), .. }, .. }) if *shipped == at
            );
            if current {
                batch.extend(self.ship(key, now));
            }
        }
        batch
    }

    fn ship(&mut self, key: Key, now: Instant) -> Option<Ready> {
        match &mut self.entries.get_mut(&key)?.state {
            State::Ready { account, confirmed, shipped } => {
                *shipped = Some(now);
                self.shipped.push_back((now, key));
                Some(Ready { key, confirmed: *confirmed, account: account.clone() })
            }
            State::Running | State::Finished(_) => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

fn release(uses: &mut BTreeMap<u64, usize>, segment: u64) {
    if let Some(count) = uses.get_mut(&segment) {
        *count -= 1;
        if *count == 0 {
            uses.remove(&segment);
        }
    }
}
