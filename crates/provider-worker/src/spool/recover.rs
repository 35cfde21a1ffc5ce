//! Reading a spool back after a stop or a crash.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use prost::Message as _;
use rpc::events::spool_entry::Entry;
use rpc::events::{Checkpoint, SpoolEntry, UsageRecord};

use super::index::{Account, Index, Key};
use super::segment::{Place, Segments, find, path};
use super::{Error, frame, io};

/// An execution that had no end when the process or its task died.
pub(super) struct Open {
    pub(super) start: UsageRecord,
    pub(super) checkpoint: Option<Checkpoint>,
}

/// Reads every segment in order. Answers the segments with a new one begun, the index of what is finished,
/// and a final account for each execution that was still running.
pub(super) fn replay(
    directory: &Path,
    segment_bytes: u64,
) -> Result<(Segments, Index, Vec<UsageRecord>), Error> {
    let found = find(directory)?;
    let mut index = Index::default();
    let mut open: HashMap<Key, Open> = HashMap::new();
    let mut finished: Vec<Key> = Vec::new();
    let mut acknowledged: HashSet<Key> = HashSet::new();
    for number in &found {
        let path = path(directory, *number);
        let bytes = std::fs::read(&path).map_err(io(&path))?;
        let mut rest = bytes.as_slice();
        while let Some((entry, after)) = frame::read(rest) {
            let offset = bytes.len() - after.len() - entry.len();
            let place = place(*number, offset, entry.len())?;
            rest = after;
            match SpoolEntry::decode(entry).ok().and_then(|entry| entry.entry) {
                Some(Entry::Start(start)) => {
                    let key = Key::of(&start)?;
                    index.started(key, place);
                    index.under(key, &start.leases);
                    // One that was carried to a later segment comes twice, and keeps its checkpoint.
                    open.entry(key).or_insert(Open { start, checkpoint: None });
                }
                Some(Entry::Checkpoint(checkpoint)) => {
                    if let Ok(generation) = checkpoint.generation_id.parse()
                        && let Some(open) = open.get_mut(&Key { generation, execution: checkpoint.execution })
                    {
                        open.checkpoint = Some(checkpoint);
                    }
                }
                Some(Entry::Final(record)) => {
                    let key = Key::of(&record)?;
                    open.remove(&key);
                    index.finished(key, Account::Disk(place));
                    index.under(key, &record.leases);
                    finished.push(key);
                }
                Some(Entry::Done(message)) => {
                    acknowledged.insert(Key::parse(&message)?);
                }
                Some(Entry::Settled(message)) => {
                    let key = Key::parse(&message)?;
                    open.remove(&key);
                    index.forget(key);
                }
                None => {}
            }
        }
        if !rest.is_empty() {
            tracing::warn!(path = %path.display(), bytes = rest.len(), "the tail of a spool segment is torn; it is left out");
        }
    }
    for key in finished {
        index.ended(key, acknowledged.contains(&key));
    }
    let mut segments = Segments::new(directory, segment_bytes, &found)?;
    segments.drop_unused(|segment| index.uses(segment));
    let unfinished = open.into_values().map(account).collect();
    Ok((segments, index, unfinished))
}

fn place(segment: u64, offset: usize, length: usize) -> Result<Place, Error> {
    Ok(Place {
        segment,
        offset: u64::try_from(offset).map_err(|_| Error::Failed)?,
        length: u32::try_from(length).map_err(|_| Error::Failed)?,
    })
}

/// What an interrupted execution comes to: what its last checkpoint had counted, nothing without one.
pub(super) fn account(open: Open) -> UsageRecord {
    let mut record = UsageRecord { finish_reason: "error".to_owned(), ..open.start };
    let Some(checkpoint) = open.checkpoint else { return record };
    record.partial = true;
    record.model = checkpoint.model;
    record.provider = checkpoint.provider;
    record.provider_name = checkpoint.provider_name;
    record.endpoint_id = checkpoint.endpoint_id;
    record.provider_response_id = checkpoint.provider_response_id;
    record.deltas = checkpoint.deltas;
    record.source = checkpoint.source;
    record.usage = checkpoint.usage;
    record.price = checkpoint.price;
    record.markup_basis_points = checkpoint.markup_basis_points;
    record.is_byok = checkpoint.is_byok;
    if !checkpoint.leases.is_empty() {
        record.reserved = checkpoint.reserved;
        record.leases = checkpoint.leases;
    }
    if crate::meter::price_record(&mut record).is_err() {
        tracing::error!(generation.id = %record.generation_id, "an interrupted execution could not be priced");
    }
    record
}
