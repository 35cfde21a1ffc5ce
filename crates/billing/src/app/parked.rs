//! Messages that were set aside: what they are, trying them again, letting them go.

use prost::Message as _;
use rpc::billing::Witness;
use rpc::convert::Malformed;
use rpc::events::{UsageBatch, UsageRecord};
use serde_json::{Value, json};

use crate::Error;
use crate::app::App;
use crate::app::settlement::Shipped;
use crate::record::Record;
use crate::store::parked::{self, Parked};

/// A message that was set aside, read.
enum Content {
    Records(Vec<Shipped>),
    Witness(Box<Witness>),
    Unreadable,
}

fn read(parked: &Parked) -> Content {
    let payload = parked.payload.as_slice();
    match parked.subject.as_str() {
        "record" => UsageRecord::decode(payload).map_or(Content::Unreadable, |record| {
            Content::Records(vec![Shipped { worker: record.worker_id.clone(), record }])
        }),
        "witness" => Witness::decode(payload)
            .map_or(Content::Unreadable, |witness| Content::Witness(Box::new(witness))),
        _ => UsageBatch::decode(payload).map_or(Content::Unreadable, |batch| {
            let shipped = |record| Shipped { worker: batch.worker_id.clone(), record };
            Content::Records(batch.records.into_iter().map(shipped).collect())
        }),
    }
}

/// A message as operators see it.
fn shown(parked: &Parked) -> Value {
    let about = |generation: &str, tenant: &str, charge: i64| {
        json!({
            "generation_id": generation,
            "tenant_id": tenant,
            "charge": pricing::Amount::from_nanos(charge).to_string(),
        })
    };
    let content: Vec<Value> = match read(parked) {
        Content::Records(shipped) => shipped
            .iter()
            .map(|item| about(&item.record.generation_id, &item.record.tenant_id, item.record.charge))
            .collect(),
        Content::Witness(witness) => vec![about(&witness.generation_id, &witness.tenant_id, 0)],
        Content::Unreadable => Vec::new(),
    };
    let time = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    json!({
        "parked_id": parked.parked_id.to_string(),
        "subject": parked.subject,
        "bytes": parked.payload.len(),
        "content": content,
        "error": parked.error,
        "parked_at": time(parked.parked_at),
        "decision": parked.decision,
        "decided_at": parked.decided_at.map(time),
        "decided_by": parked.decided_by,
        "reason": parked.reason,
    })
}

impl App {
    /// A page of messages, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn list_parked(
        &self,
        with_decided: bool,
        before: i64,
        limit: u32,
    ) -> Result<Value, Error> {
        let page = parked::list(&self.pool, with_decided, before, i64::from(limit)).await?;
        let is_full = u32::try_from(page.len()).is_ok_and(|rows| rows == limit);
        let next = page.last().filter(|_| is_full).map(|last| last.parked_id.to_string());
        let data: Vec<Value> = page.iter().map(shown).collect();
        Ok(json!({ "data": data, "next": next }))
    }

    /// Tries a message again, or lets it go. A message that fails again stays, and the error says why.
    ///
    /// # Errors
    /// [`Error::Unknown`]; [`Error::Conflict`] when it was decided before or fails again; [`Error::Malformed`].
    pub(crate) async fn decide_parked(
        &self,
        id: i64,
        decision: &str,
        by: &str,
        reason: &str,
    ) -> Result<Value, Error> {
        let parked = parked::one(&self.pool, id).await?.ok_or(Error::Unknown("parked message"))?;
        if parked.decision.is_some() {
            return Err(Error::Conflict("The message was decided before.".to_owned()));
        }
        match decision {
            "retry" => self.retry(&parked).await.map_err(|error| match error {
                error if error.is_transient() => error,
                error => Error::Conflict(format!("It fails again: {error}")),
            })?,
            "drop" if reason.is_empty() => return Err(Malformed("reason").into()),
            "drop" => {}
            _ => return Err(Malformed("decision").into()),
        }
        if !parked::decide(&self.pool, id, decision, by, reason).await? {
            return Err(Error::Conflict("The message was decided before.".to_owned()));
        }
        let parked = parked::one(&self.pool, id).await?.ok_or(Error::Unknown("parked message"))?;
        Ok(shown(&parked))
    }

    /// Settles what a message holds; again it changes nothing.
    async fn retry(&self, parked: &Parked) -> Result<(), Error> {
        match read(parked) {
            Content::Unreadable => Err(Error::Refused("it is no message that billing knows".to_owned())),
            Content::Witness(witness) => {
                self.read_witness(&witness).await?;
                self.witness(std::slice::from_ref(&*witness)).await
            }
            Content::Records(shipped) => {
                let books = self.books_for(shipped.iter().map(|item| &item.record)).await?;
                let mut records = Vec::with_capacity(shipped.len());
                for item in &shipped {
                    records.push(Record::from_worker(&item.record, &item.worker, &books)?);
                }
                self.settle_read(&records).await
            }
        }
    }
}
