//! What the spool knows of each execution, in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::GenerationId;
use rpc::events::{RecordKey, UsageRecord};
use rpc::worker::LeaseUse;
use uuid::Uuid;

use super::Error;
use super::segment::Place;

/// One execution of one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) generation: GenerationId,
    pub(crate) execution: u32,
}

impl Key {
    pub(super) fn new(generation_id: &str, execution: u32) -> Result<Self, Error> {
        let generation = generation_id.parse().map_err(|_| Error::Failed)?;
        Ok(Self { generation, execution })
    }

    pub(super) fn of(record: &UsageRecord) -> Result<Self, Error> {
        Self::new(&record.generation_id, record.execution)
    }

    pub(super) fn parse(message: &RecordKey) -> Result<Self, Error> {
        Self::new(&message.generation_id, message.execution)
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
    /// A name that no other account of this spool has.
    pub(crate) name: String,
}

/// Where a final account is kept.
#[derive(Debug, Clone)]
pub(super) enum Account {
    Disk(Place),
    /// The disk refused it: it lives as long as the process, and is shipped all the same.
    Memory(Arc<UsageRecord>),
}

impl Account {
    const fn segment(&self) -> Option<u64> {
        match self {
            Self::Disk(place) => Some(place.segment),
            Self::Memory(_) => None,
        }
    }
}

#[derive(Default)]
struct Entry {
    start: Option<Place>,
    /// The latest; always behind its start.
    checkpoint: Option<Place>,
    account: Option<Account>,
    /// Sorted; shared with every other entry that is under the same ones.
    leases: Option<Arc<[Uuid]>>,
    state: State,
}

impl Entry {
    /// The segments that must be kept for it.
    fn segments(&self) -> impl Iterator<Item = u64> {
        let start = self.start.map(|place| place.segment);
        start.into_iter().chain(self.account.as_ref().and_then(Account::segment))
    }
}

#[derive(Default, Clone, Copy)]
enum State {
    #[default]
    Running,
    /// The account is written; the edge's word is awaited.
    Finished,
    Ready {
        confirmed: bool,
        shipped: Option<Instant>,
    },
}

/// What has to be written again so that an execution needs no older segment.
pub(super) enum Carried {
    Running { start: Place, checkpoint: Option<Place> },
    Finished { account: Place, confirmed: bool },
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
    /// The leases that executions are under, and how many are under just these.
    leases: HashMap<Arc<[Uuid]>, usize>,
}

impl Index {
    pub(super) fn started(&mut self, key: Key, place: Place) {
        let entry = self.entries.entry(key).or_default();
        let before = entry.start.replace(place);
        self.hold(place.segment);
        before.inspect(|place| release(&mut self.uses, place.segment));
    }

    pub(super) fn checkpointed(&mut self, key: Key, place: Place) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.checkpoint = Some(place);
        }
    }

    /// The final account makes the start needless.
    pub(super) fn finished(&mut self, key: Key, account: Account) {
        let segment = account.segment();
        let before = std::mem::take(self.entries.entry(key).or_default());
        segment.inspect(|segment| self.hold(*segment));
        self.release(&before);
        let entry = Entry {
            account: Some(account),
            leases: before.leases,
            state: State::Finished,
            ..Entry::default()
        };
        self.entries.insert(key, entry);
    }

    /// What an execution is charged to; they may grow. An id that cannot be read is none that billing knows.
    pub(super) fn under(&mut self, key: Key, uses: &[LeaseUse]) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let mut ids: Vec<Uuid> = uses.iter().filter_map(|lease| lease.lease_id.parse().ok()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() || entry.leases.as_deref() == Some(&ids) {
            return;
        }
        let known = self.leases.get_key_value(ids.as_slice());
        let ids = known.map_or_else(|| Arc::from(ids), |(known, _)| Arc::clone(known));
        *self.leases.entry(Arc::clone(&ids)).or_default() += 1;
        let before = entry.leases.replace(ids);
        self.leave(before);
    }

    fn leave(&mut self, leases: Option<Arc<[Uuid]>>) {
        if let Some(leases) = leases
            && let Some(count) = self.leases.get_mut(&leases)
        {
            *count -= 1;
            if *count == 0 {
                self.leases.remove(&leases);
            }
        }
    }

    /// The leases that anything is under; `None` when there are more than `limit`.
    pub(super) fn open_leases(&self, limit: usize) -> Option<BTreeSet<Uuid>> {
        let mut open = BTreeSet::new();
        for leases in self.leases.keys() {
            open.extend(leases.iter());
            if open.len() > limit {
                return None;
            }
        }
        Some(open)
    }

    pub(super) fn ended(&mut self, key: Key, confirmed: bool) {
        if let Some(entry) = self.entries.get_mut(&key)
            && matches!(entry.state, State::Finished)
        {
            entry.state = State::Ready { confirmed, shipped: None };
            self.unshipped.push_back(key);
        }
    }

    pub(super) fn account(&self, key: Key) -> Option<Account> {
        self.entries.get(&key)?.account.clone()
    }

    /// Where a running execution's start and latest checkpoint lie.
    pub(super) fn running(&self, key: Key) -> Option<(Place, Option<Place>)> {
        let entry = self.entries.get(&key).filter(|entry| matches!(entry.state, State::Running))?;
        Some((entry.start?, entry.checkpoint))
    }

    /// Whether it was there.
    pub(super) fn forget(&mut self, key: Key) -> bool {
        let Some(entry) = self.entries.remove(&key) else { return false };
        self.release(&entry);
        self.leave(entry.leases);
        true
    }

    /// What holds a segment, when it is no more than `few` parts.
    pub(super) fn holders(&self, segment: u64, few: usize) -> Vec<(Key, Carried)> {
        if self.uses.get(&segment).is_none_or(|uses| *uses > few) {
            return Vec::new();
        }
        let holds = |entry: &&Entry| entry.segments().any(|other| other == segment);
        let carried = |entry: &Entry| match (&entry.account, entry.start) {
            (Some(Account::Disk(account)), _) => {
                let confirmed = matches!(entry.state, State::Ready { confirmed: true, .. });
                Some(Carried::Finished { account: *account, confirmed })
            }
            (None, Some(start)) => Some(Carried::Running { start, checkpoint: entry.checkpoint }),
            _ => None,
        };
        let holders = self.entries.iter().filter(|(_, entry)| holds(entry));
        holders.filter_map(|(key, entry)| Some((*key, carried(entry)?))).collect()
    }

    /// A final account lies elsewhere now.
    pub(super) fn moved(&mut self, key: Key, place: Place) {
        if let Some(entry) = self.entries.get_mut(&key) {
            let before = entry.account.replace(Account::Disk(place));
            self.hold(place.segment);
            before.and_then(|account| account.segment()).inspect(|segment| release(&mut self.uses, *segment));
        }
    }

    fn hold(&mut self, segment: u64) {
        *self.uses.entry(segment).or_default() += 1;
    }

    fn release(&mut self, entry: &Entry) {
        for segment in entry.segments() {
            release(&mut self.uses, segment);
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
        let entry = self.entries.get_mut(&key)?;
        let State::Ready { confirmed, shipped } = &mut entry.state else { return None };
        *shipped = Some(now);
        self.shipped.push_back((now, key));
        let name = match entry.account.as_ref()? {
            Account::Disk(place) => place.name(),
            Account::Memory(_) => format!("{}/{}", key.generation, key.execution),
        };
        Some(Ready { key, confirmed: *confirmed, name })
    }

    /// Of the executions that have ended the one whose id was made first: ids carry their time.
    pub(super) fn oldest_ended(&self) -> Option<GenerationId> {
        let ended = self.entries.iter().filter(|(_, entry)| !matches!(entry.state, State::Running));
        ended.map(|(key, _)| key.generation).min_by_key(|generation| generation.uuid())
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
