//! Records settled in batches; what cannot be settled is tried again, then set aside for people.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use prost::Message as _;
use rpc::billing::Witness;
use rpc::events::{RecordKey, UsageRecord};
use uuid::Uuid;

use crate::Error;
use crate::app::{App, insistently, millis};
use crate::record::Record;
use crate::store::settlement::{self, Fate};

/// Records that one transaction settles at most.
const BATCH: usize = 256;
/// Records in trouble that are remembered at most.
const TRIES_LIMIT: usize = 10_000;

/// A record and the worker that shipped it.
#[derive(Debug, Clone)]
pub(crate) struct Shipped {
    pub worker: String,
    pub record: UsageRecord,
}

impl Shipped {
    pub(crate) fn key(&self) -> RecordKey {
        RecordKey {
            generation_id: self.record.generation_id.clone(),
            execution: self.record.execution,
            confirmed: self.record.confirmed,
        }
    }
}

/// Why a record is set aside that cannot be told from a replay any more.
#[derive(Debug, thiserror::Error)]
#[error("the generation is older than what is settled")]
struct Ancient;

/// How often each record has failed.
#[derive(Default)]
pub(crate) struct Tries(Mutex<HashMap<(Uuid, i32), u32>>);

impl Tries {
    /// Counts one more failure and says how many there were.
    fn failed(&self, record: &Record) -> u32 {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() > TRIES_LIMIT {
            tries.clear();
        }
        let count = tries.entry((record.generation_id, record.execution)).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    fn forget(&self, record: &Record) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&(record.generation_id, record.execution));
    }
}

impl App {
    /// Settles, keeps as a claim, or sets aside. Says for each record, in order, whether it is durable here
    /// and its worker may forget it.
    ///
    /// # Errors
    /// When nothing is known to be durable: the database is away.
    pub(crate) async fn settle(&self, shipped: &[Shipped]) -> Result<Vec<bool>, Error> {
        let books = self.books_for(shipped.iter().map(|item| &item.record)).await?;
        let mut durable = vec![false; shipped.len()];
        let mut read: Vec<(usize, Record)> = Vec::with_capacity(shipped.len());
        for (place, item) in shipped.iter().enumerate() {
            if self.is_ancient(&item.record.generation_id).await? {
                self.park("record", &item.record.encode_to_vec(), &Ancient).await?;
                mark(&mut durable, place);
                continue;
            }
            match Record::from_worker(&item.record, &item.worker, &books) {
                Ok(record) => {
                    if item.record.charge > record.sums.due {
                        self.metrics.mispriced.inc();
                        tracing::error!(
                            generation.id = item.record.generation_id,
                            charge = item.record.charge,
                            due = record.sums.due,
                            "a worker charges more than billing computes; the lower is taken"
                        );
                    }
                    read.push((place, record));
                }
                Err(error) => {
                    self.park("record", &item.record.encode_to_vec(), &error).await?;
                    mark(&mut durable, place);
                }
            }
        }
        for batch in read.chunks(BATCH) {
            let records: Vec<Record> = batch.iter().map(|(_, record)| record.clone()).collect();
            match self.settle_read(&records).await {
                Ok(()) => batch.iter().for_each(|(place, _)| mark(&mut durable, *place)),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a batch cannot be settled");
                    for (place, record) in batch {
                        let Some(item) = shipped.get(*place) else { continue };
                        if self.settle_alone(record, &item.record).await? {
                            mark(&mut durable, *place);
                        }
                    }
                }
            }
        }
        Ok(durable)
    }

    /// Whether a generation is so old that its settlement may be forgotten already, by the time in its id. The
    /// database's clock has the last word.
    async fn is_ancient(&self, generation: &str) -> Result<bool, Error> {
        let Ok(id) = generation.parse::<Uuid>() else { return Ok(false) };
        let Some((seconds, _)) = id.get_timestamp().map(|made| made.to_unix()) else { return Ok(false) };
        let made = i64::try_from(seconds).unwrap_or(i64::MAX);
        let oldest = i64::from(self.config.usage.oldest_days).saturating_mul(86_400);
        let is_older = |now: i64| made < now.saturating_sub(oldest);
        Ok(is_older(Utc::now().timestamp()) && is_older(settlement::now(&self.pool).await?.timestamp()))
    }

    /// Settles records that were read, all or none of them.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn settle_read(&self, records: &[Record]) -> Result<(), Error> {
        let grace = millis(self.config.grace_ms);
        let fates = insistently(|| settlement::settle(&self.pool, records, grace)).await?;
        self.fated(&fates);
        Ok(())
    }

    /// Whether one record of a batch that failed is durable now.
    async fn settle_alone(&self, record: &Record, original: &UsageRecord) -> Result<bool, Error> {
        let error = match self.settle_read(std::slice::from_ref(record)).await {
            Ok(()) => {
                self.tries.forget(record);
                return Ok(true);
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => error,
        };
        if self.tries.failed(record) < self.config.park_after {
            return Ok(false);
        }
        self.park("record", &original.encode_to_vec(), &error).await?;
        self.tries.forget(record);
        Ok(true)
    }

    /// Takes the edge's word on generations. What cannot be read is set aside.
    ///
    /// # Errors
    /// When it is not durable.
    pub(crate) async fn witness(&self, witnesses: &[Witness]) -> Result<(), Error> {
        let priced: Vec<UsageRecord> = witnesses.iter().map(priced).collect();
        let books = self.books_for(priced.iter()).await?;
        let mut records = Vec::with_capacity(witnesses.len());
        for witness in witnesses {
            if self.is_ancient(&witness.generation_id).await? {
                self.park("witness", &witness.encode_to_vec(), &Ancient).await?;
                continue;
            }
            match Record::from_edge(witness, &books) {
                Ok(record) => records.push(record),
                Err(error) => self.park("witness", &witness.encode_to_vec(), &error).await?,
            }
        }
        let grace = millis(self.config.grace_ms);
        for batch in records.chunks(BATCH) {
            let fates = insistently(|| settlement::witness(&self.pool, batch, grace)).await?;
            self.fated(&fates);
        }
        Ok(())
    }

    /// Whether the edge's word can be read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn read_witness(&self, witness: &Witness) -> Result<(), Error> {
        let books = self.books_for(std::iter::once(&priced(witness))).await?;
        Record::from_edge(witness, &books).map(|_| ())
    }

    /// Sets a message aside for people.
    ///
    /// # Errors
    /// When it could not even be set aside.
    pub(crate) async fn park(
        &self,
        subject: &str,
        payload: &[u8],
        reason: &(dyn std::error::Error + Sync),
    ) -> Result<(), Error> {
        let mut text = reason.to_string();
        let mut source = reason.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        settlement::park(&self.pool, subject, payload, &text.replace('\0', "")).await?;
        self.metrics.parked.inc();
        tracing::error!(subject, reason = text, "a message cannot be settled and was parked");
        Ok(())
    }

    pub(crate) fn fated(&self, fates: &[Fate]) {
        for fate in fates {
            self.metrics.fated(&fate.fate);
            if let Ok(absorbed @ 1..) = u64::try_from(fate.absorbed) {
                self.metrics.absorbed.inc_by(absorbed);
            }
        }
    }
}

/// The price that a witness carries, as a record has it.
fn priced(witness: &Witness) -> UsageRecord {
    UsageRecord {
        price: witness.price.clone(),
        endpoint_id: witness.endpoint_id.clone(),
        provider: witness.provider.clone(),
        model: witness.model.clone(),
        ..UsageRecord::default()
    }
}

fn mark(durable: &mut [bool], place: usize) {
    if let Some(flag) = durable.get_mut(place) {
        *flag = true;
    }
}
