//! The spool: this worker's durable account of every execution, from before the upstream call until billing
//! says that it is settled.
//!
//! Appends are written through to the page cache before they return, so they survive the death of any
//! process; a thread syncs them to the disk within [`Options::sync_interval`], which only `strict` waits for.
//! Entries leave in the order of their segments, and only by billing's word.

mod frame;
mod index;
mod recover;
mod segment;
mod sync;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prost::Message as _;
use rpc::events::spool_entry::Entry;
use rpc::events::{Checkpoint, RecordKey, SpoolEntry, UsageRecord};
use tokio::sync::Notify;
use uuid::Uuid;

use self::index::{Account, Carried, Index};
pub(crate) use self::index::{Key, Ready};
use self::recover::Open;
use self::segment::{Place, Segments};
use self::sync::Syncer;

/// A segment that this few parts hold is freed by writing them again.
const FEW: usize = 256;

/// How a spool works.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The directory, which no other process may hold.
    pub(crate) directory: PathBuf,
    /// Bytes on disk above which paid requests are refused.
    pub(crate) max_bytes: u64,
    /// Bytes after which a new segment begins.
    pub(crate) segment_bytes: u64,
    /// How long an append may wait for the disk.
    pub(crate) sync_interval: Duration,
    /// Whether [`Spool::start`] and [`Spool::finish`] wait for the disk.
    pub(crate) strict: bool,
}

/// The spool cannot take or give entries.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the spool directory {directory} is held by another process")]
    Held { directory: PathBuf },
    #[error("the spool at {path} cannot be used")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the spool is full: {bytes} bytes wait for billing")]
    Full { bytes: u64 },
    #[error("the spool's disk failed")]
    Failed,
}

/// The spool of one worker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Spool(Arc<Inner>);

struct Inner {
    options: Options,
    state: Mutex<State>,
    syncer: Syncer,
    /// Wakes the shipper when an entry becomes ready.
    ready: Notify,
    /// Held for as long as the spool lives.
    _lock: File,
}

struct State {
    segments: Segments,
    index: Index,
}

impl State {
    fn entry(&self, place: Place) -> Result<Option<Entry>, Error> {
        let bytes = self.segments.read(place)?;
        Ok(SpoolEntry::decode(bytes.as_slice()).map_err(|_| Error::Failed)?.entry)
    }

    fn drop_unused(&mut self) {
        let Self { segments, index } = self;
        segments.drop_unused(|segment| index.uses(segment));
    }
}

impl Spool {
    /// Opens the spool, taking its lock, and brings every execution that a crash left open to its end: what
    /// was delivered up to its last checkpoint becomes a claim.
    ///
    /// # Errors
    /// [`Error::Held`] when another process has it, [`Error::Io`] when the directory cannot be used.
    pub(crate) fn open(options: Options) -> Result<Self, Error> {
        let directory = &options.directory;
        std::fs::create_dir_all(directory).map_err(io(directory))?;
        let path = directory.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(io(&path))?;
        if lock.try_lock().is_err() {
            return Err(Error::Held { directory: directory.clone() });
        }
        let (mut segments, mut index, unfinished) = recover::replay(directory, options.segment_bytes)?;
        for record in unfinished {
            let key = Key::of(&record)?;
            let entry = encode(Entry::Final(record.clone()));
            let place = segments.append(&entry)?;
            index.finished(key, Account::Disk(place));
            index.under(key, &record.leases);
            index.ended(key, false);
        }
        let syncer = Syncer::start(options.sync_interval, segments.active())?;
        let ready = Notify::new();
        ready.notify_one();
        let state = Mutex::new(State { segments, index });
        Ok(Self(Arc::new(Inner { options, state, syncer, ready, _lock: lock })))
    }

    /// Records an execution before its upstream call.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Failed`] or [`Error::Io`]: no upstream call may be made that someone pays for.
    pub(crate) async fn start(&self, record: UsageRecord) -> Result<(), Error> {
        let key = Key::of(&record)?;
        let leases = record.leases.clone();
        let entry = encode(Entry::Start(record));
        {
            let mut state = self.state();
            let bytes = state.segments.bytes();
            if bytes + entry.len() as u64 > self.0.options.max_bytes {
                return Err(Error::Full { bytes });
            }
            if self.0.syncer.has_failed() {
                return Err(Error::Failed);
            }
            let place = self.append(&mut state, &entry)?;
            state.index.started(key, place);
            state.index.under(key, &leases);
        }
        if self.synced().await {
            return Ok(());
        }
        self.state().index.forget(key);
        Err(Error::Failed)
    }

    /// Records how far a running stream has come. Taken even when the spool is full.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses.
    pub(crate) fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), Error> {
        let key = Key::new(&checkpoint.generation_id, checkpoint.execution)?;
        let leases = checkpoint.leases.clone();
        let mut state = self.state();
        // Under these whether or not the disk takes it.
        state.index.under(key, &leases);
        let place = self.append(&mut state, &encode(Entry::Checkpoint(checkpoint)))?;
        state.index.checkpointed(key, place);
        Ok(())
    }

    /// Records the final account of an execution, before its last chunk leaves. It is shipped once
    /// [`Self::ended`] says how the edge took it. Taken even when the spool is full; what the disk refuses is
    /// kept in memory, beside the edge's own account of it.
    ///
    /// # Errors
    /// [`Error::Failed`] when the record has no valid id.
    pub(crate) async fn finish(&self, record: UsageRecord) -> Result<(), Error> {
        let key = Key::of(&record)?;
        let entry = encode(Entry::Final(record.clone()));
        let leases = record.leases.clone();
        {
            let mut state = self.state();
            let account = match self.append(&mut state, &entry) {
                Ok(place) => Account::Disk(place),
                Err(error) => {
                    tracing::error!(%error, generation.id = %key.generation, "a final account is kept in memory only");
                    Account::Memory(Arc::new(record))
                }
            };
            state.index.finished(key, account);
            state.index.under(key, &leases);
        }
        self.synced().await;
        Ok(())
    }

    /// The edge acknowledged the final account, or left without a word, which makes it a claim.
    pub(crate) fn ended(&self, key: Key, acknowledged: bool) {
        let mut state = self.state();
        if acknowledged {
            // Lost with the machine, the acknowledgement turns into a claim, which the edge confirms.
            let _ = self.append(&mut state, &encode(Entry::Done(key.message(true))));
        }
        state.index.ended(key, acknowledged);
        drop(state);
        self.0.ready.notify_one();
    }

    /// An execution died without a final account: what was delivered up to its last checkpoint becomes a claim.
    pub(crate) async fn abandon(&self, key: Key) {
        let open = {
            let state = self.state();
            state.index.running(key).and_then(|(start, checkpoint)| {
                let Ok(Some(Entry::Start(start))) = state.entry(start) else { return None };
                let checkpoint = match checkpoint.map(|place| state.entry(place)) {
                    Some(Ok(Some(Entry::Checkpoint(checkpoint)))) => Some(checkpoint),
                    _ => None,
                };
                Some(Open { start, checkpoint })
            })
        };
        if let Some(open) = open
            && self.finish(recover::account(open)).await.is_ok()
        {
            self.ended(key, false);
        }
    }

    /// Forgets what billing has settled, and deletes segments that hold nothing else.
    pub(crate) fn settled(&self, keys: &[RecordKey]) {
        let mut state = self.state();
        for message in keys {
            let Ok(key) = Key::parse(message) else { continue };
            if state.index.forget(key) {
                let _ = self.append(&mut state, &encode(Entry::Settled(message.clone())));
            }
        }
        state.drop_unused();
        if state.segments.bytes() > self.0.options.max_bytes / 2 {
            self.carry_on(&mut state);
        }
    }

    /// A few long-running executions must not keep everything behind them on the disk: writes what they hold
    /// of the oldest segment again at the end.
    fn carry_on(&self, state: &mut State) {
        let Some(oldest) = state.segments.oldest() else { return };
        for (key, carried) in state.index.holders(oldest, FEW) {
            if let Err(error) = self.carry(state, key, carried) {
                tracing::warn!(%error, "the oldest spool segment could not be freed");
                return;
            }
        }
        state.drop_unused();
    }

    fn carry(&self, state: &mut State, key: Key, carried: Carried) -> Result<(), Error> {
        let again = |state: &mut State, place| {
            let bytes = state.segments.read(place)?;
            self.append(state, &bytes)
        };
        match carried {
            Carried::Running { start, checkpoint } => {
                let start = again(state, start)?;
                let checkpoint = checkpoint.map(|place| again(state, place)).transpose()?;
                state.index.started(key, start);
                checkpoint.inspect(|place| state.index.checkpointed(key, *place));
            }
            Carried::Finished { account, confirmed } => {
                let account = again(state, account)?;
                if confirmed {
                    self.append(state, &encode(Entry::Done(key.message(true))))?;
                }
                state.index.moved(key, account);
            }
        }
        Ok(())
    }

    /// Up to `limit` accounts that have not been shipped yet, waiting until there is one.
    pub(crate) async fn next(&self, limit: usize) -> Vec<Ready> {
        loop {
            let batch = self.ready(limit);
            if !batch.is_empty() {
                return batch;
            }
            self.0.ready.notified().await;
        }
    }

    /// Up to `limit` accounts that have not been shipped yet.
    pub(crate) fn ready(&self, limit: usize) -> Vec<Ready> {
        self.state().index.take_ready(limit, Instant::now())
    }

    /// Up to `limit` accounts that were shipped at least `age` ago and are not settled; they count as
    /// shipped anew.
    #[must_use]
    pub(crate) fn overdue(&self, age: Duration, limit: usize) -> Vec<Ready> {
        self.state().index.take_overdue(age, limit, Instant::now())
    }

    /// Reads an account back. `None` when it has been settled meanwhile.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub(crate) fn read(&self, ready: &Ready) -> Result<Option<UsageRecord>, Error> {
        let state = self.state();
        let place = match state.index.account(ready.key) {
            Some(Account::Disk(place)) => place,
            Some(Account::Memory(record)) => {
                return Ok(Some(UsageRecord { confirmed: ready.confirmed, ..UsageRecord::clone(&record) }));
            }
            None => return Ok(None),
        };
        match state.entry(place)? {
            Some(Entry::Final(record)) => Ok(Some(UsageRecord { confirmed: ready.confirmed, ..record })),
            _ => Err(Error::Failed),
        }
    }

    /// How many executions wait for billing or are still running.
    #[must_use]
    pub(crate) fn depth(&self) -> usize {
        self.state().index.len()
    }

    /// The leases of everything that waits for billing or is still running; `None` when there are more than `limit`.
    #[must_use]
    pub(crate) fn open_leases(&self, limit: usize) -> Option<BTreeSet<Uuid>> {
        self.state().index.open_leases(limit)
    }

    /// When the oldest of those came in that have ended, in Unix seconds; `None` = there is none.
    #[must_use]
    pub(crate) fn oldest(&self) -> Option<u64> {
        let (seconds, _) = self.state().index.oldest_ended()?.uuid().get_timestamp()?.to_unix();
        Some(seconds)
    }

    /// Bytes on disk.
    #[must_use]
    pub(crate) fn bytes(&self) -> u64 {
        self.state().segments.bytes()
    }

    /// Whether a paid request may start.
    #[must_use]
    pub(crate) fn accepts(&self) -> bool {
        !self.0.syncer.has_failed() && self.bytes() < self.0.options.max_bytes
    }

    fn append(&self, state: &mut State, entry: &[u8]) -> Result<Place, Error> {
        let before = state.segments.active_number();
        let outcome = state.segments.append(entry);
        if state.segments.active_number() != before {
            self.0.syncer.switch(state.segments.active());
        }
        let place = outcome?;
        self.0.syncer.wrote();
        Ok(place)
    }

    /// In strict mode waits for the disk. Whether what was appended may be relied on.
    async fn synced(&self) -> bool {
        !self.0.options.strict || self.0.syncer.synced().await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(entry: Entry) -> Vec<u8> {
    SpoolEntry { entry: Some(entry) }.encode_to_vec()
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

#[cfg(test)]
mod tests;
