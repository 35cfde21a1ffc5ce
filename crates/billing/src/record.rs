//! One execution's account, in the shape of the SQL type `billing.record`.

use identity::{EndpointId, GenerationId, KeyId, PriceVersionId, TenantId};
use pricing::{Amount, Class, Markup, PriceBook, Usage};
use rpc::billing::Witness;
use rpc::billing::witness::Outcome;
use rpc::convert::{self, Malformed};
use rpc::events::UsageRecord;
use rpc::worker::{AttemptOutcome, LeaseUse};
use serde::Serialize;
use uuid::Uuid;

use crate::Error;

/// Where the books of price versions are looked up while records are read.
pub(crate) trait Books {
    /// The book that is kept under this id, which every price of the batch has been put under before.
    fn book(&self, id: PriceVersionId) -> Option<&PriceBook>;
}

/// See `billing.record`. `due = charge + absorbed + waived`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    pub generation_id: Uuid,
    pub execution: i32,
    pub confirmed: bool,
    /// The edge's word; `None` in a worker's record.
    pub outcome: Option<&'static str>,
    pub evidence: &'static str,
    pub worker_id: Option<String>,
    pub tenant_id: Uuid,
    pub key_id: Option<Uuid>,
    pub lease_ids: Vec<Uuid>,
    pub account_ids: Vec<Uuid>,
    /// What is reserved under each lease.
    pub lease_amounts: Vec<i64>,
    pub reserved: i64,
    pub price_version_id: Option<Uuid>,
    pub markup_bps: i32,
    pub units: [i64; Class::ALL.len()],
    pub source: &'static str,
    #[serde(flatten)]
    pub sums: Sums,
    pub provider_cost: i64,
    pub model: Option<String>,
    pub provider: Option<String>,
    pub provider_name: Option<String>,
    pub endpoint_id: Option<Uuid>,
    pub provider_response_id: Option<String>,
    pub finish_reason: Option<String>,
    pub native_finish_reason: Option<String>,
    pub streamed: bool,
    pub cancelled: bool,
    pub partial: bool,
    pub received_at_ms: i64,
    pub latency_ms: u32,
    pub generation_time_ms: u32,
    pub deltas: u32,
    pub end_user: Option<String>,
    pub app_referer: Option<String>,
    pub app_title: Option<String>,
    pub session_id: Option<String>,
    pub workspace_id: Option<Uuid>,
    pub user_id: Option<Uuid>,
    pub is_byok: bool,
    pub upstream_cost: i64,
    pub attempts: Vec<Attempt>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Attempt {
    n: u32,
    endpoint_id: Option<Uuid>,
    provider_name: Option<String>,
    model: Option<String>,
    status: u32,
    outcome: String,
    latency_ms: u32,
    error_type: Option<String>,
}

/// What a usage comes to and who bears it, in nano-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Sums {
    pub due: i64,
    pub charge: i64,
    pub absorbed: i64,
    pub waived: i64,
}

impl Record {
    /// Reads a worker's record.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the field, or [`Error::OutOfRange`].
    pub(crate) fn from_worker(record: &UsageRecord, worker: &str, books: &impl Books) -> Result<Self, Error> {
        let price = price_id(record.price.as_ref())?;
        let usage = record.usage.as_ref().map(convert::usage_in).unwrap_or_default();
        let leases = Leases::read(&record.leases)?;
        let reserved = if leases.ids.is_empty() { 0 } else { positive(record.reserved, "reserved")? };
        let worker = if record.worker_id.is_empty() { worker } else { &record.worker_id };
        let (provider_cost, upstream_cost) = costs(record, price, &usage, books)?;
        Ok(Self {
            generation_id: convert::id::<GenerationId>(&record.generation_id, "generation_id")?.uuid(),
            execution: execution(record.execution)?,
            confirmed: record.confirmed,
            outcome: None,
            evidence: if record.confirmed { "worker" } else { "claim" },
            worker_id: text(worker),
            tenant_id: convert::id::<TenantId>(&record.tenant_id, "tenant_id")?.uuid(),
            key_id: optional::<KeyId>(&record.key_id, "key_id")?.map(KeyId::uuid),
            lease_ids: leases.ids,
            account_ids: leases.accounts,
            lease_amounts: leases.amounts,
            reserved,
            price_version_id: price.map(PriceVersionId::uuid),
            markup_bps: convert::markup(record.markup_basis_points).basis_points(),
            units: units(&usage)?,
            source: source(record.source()),
            sums: Sums::of(price, record.markup_basis_points, &usage, reserved, asked(record)?, books)?,
            provider_cost,
            model: text(&record.model),
            provider: text(&record.provider),
            provider_name: text(&record.provider_name),
            endpoint_id: optional::<EndpointId>(&record.endpoint_id, "endpoint_id")?.map(EndpointId::uuid),
            provider_response_id: text(&record.provider_response_id),
            finish_reason: text(&record.finish_reason),
            native_finish_reason: text(&record.native_finish_reason),
            streamed: record.streamed,
            cancelled: record.cancelled,
            partial: record.partial,
            received_at_ms: record.received_at_ms,
            latency_ms: record.latency_ms,
            generation_time_ms: record.generation_time_ms,
            deltas: record.deltas,
            end_user: text(&record.end_user),
            app_referer: text(&record.app_referer),
            app_title: text(&record.app_title),
            session_id: text(&record.session_id),
            workspace_id: optional(&record.workspace_id, "workspace_id")?,
            user_id: optional(&record.user_id, "user_id")?,
            is_byok: record.is_byok,
            upstream_cost,
            attempts: record.attempts.iter().map(Attempt::read).collect::<Result<_, _>>()?,
        })
    }

    /// Reads the edge's word on a generation as the record that it would be.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the field, or [`Error::OutOfRange`].
    pub(crate) fn from_edge(witness: &Witness, books: &impl Books) -> Result<Self, Error> {
        let outcome = match witness.outcome() {
            Outcome::Finished => "finished",
            Outcome::Lost => "lost",
            Outcome::NothingOwed => "nothing_owed",
            Outcome::Unspecified => return Err(Malformed("outcome").into()),
        };
        // The edge saw what a record would say, but knows nothing of attempts and the provider's answer.
        let seen = UsageRecord {
            generation_id: witness.generation_id.clone(),
            execution: witness.execution,
            tenant_id: witness.tenant_id.clone(),
            key_id: witness.key_id.clone(),
            leases: witness.leases.clone(),
            reserved: witness.reserved,
            price: witness.price.clone(),
            markup_basis_points: witness.markup_basis_points,
            usage: witness.usage,
            source: witness.source,
            charge: witness.charge,
            model: witness.model.clone(),
            provider: witness.provider.clone(),
            endpoint_id: witness.endpoint_id.clone(),
            streamed: witness.streamed,
            partial: outcome == "lost",
            received_at_ms: witness.received_at_ms,
            deltas: witness.deltas,
            workspace_id: witness.workspace_id.clone(),
            user_id: witness.user_id.clone(),
            is_byok: witness.is_byok,
            upstream_cost: witness.upstream_cost,
            ..UsageRecord::default()
        };
        let record = Self::from_worker(&seen, "", books)?;
        Ok(Self { outcome: Some(outcome), evidence: "edge", ..record })
    }
}

/// What the provider asks of us, and of the tenant whose own credential served: the list price, whatever was said,
/// since it uses up the tenant's allowance. In nano-USD.
fn costs(
    record: &UsageRecord,
    price: Option<PriceVersionId>,
    usage: &Usage,
    books: &impl Books,
) -> Result<(i64, i64), Error> {
    if !record.is_byok {
        return Ok((positive(record.provider_cost, "provider_cost")?, 0));
    }
    let Some(id) = price else { return Ok((0, 0)) };
    let book = books.book(id).ok_or(Malformed("price"))?;
    Ok((0, pricing::provider_cost(book, usage)?.nanos()))
}

/// What a worker asked for: the charge, and what of it it could not reserve.
fn asked(record: &UsageRecord) -> Result<(i64, i64), Malformed> {
    Ok((positive(record.charge, "charge")?, positive(record.absorbed, "absorbed")?))
}

impl Sums {
    /// Splits what is due by what was asked for and what was reserved. The charge is never above any of them.
    fn of(
        price: Option<PriceVersionId>,
        markup: i32,
        usage: &Usage,
        reserved: i64,
        (charge, absorbed): (i64, i64),
        books: &impl Books,
    ) -> Result<Self, Error> {
        let due = match price {
            Some(id) => {
                let book = books.book(id).ok_or(Malformed("price"))?;
                pricing::charge(book, Markup::from_basis_points(markup), usage)?
            }
            None => Amount::ZERO,
        };
        Ok(Self::split(due.nanos(), charge, absorbed, reserved))
    }

    fn split(due: i64, charge: i64, absorbed: i64, reserved: i64) -> Self {
        let asked = charge.min(due);
        let taken = asked.min(reserved);
        // Not negative, none above `due`: these differences fit.
        let rest = due.saturating_sub(taken);
        let absorbed = absorbed.saturating_add(asked.saturating_sub(taken)).min(rest);
        Self { due, charge: taken, absorbed, waived: rest.saturating_sub(absorbed) }
    }
}

impl Attempt {
    fn read(attempt: &AttemptOutcome) -> Result<Self, Malformed> {
        Ok(Self {
            n: attempt.n,
            endpoint_id: optional::<EndpointId>(&attempt.endpoint_id, "attempts.endpoint_id")?
                .map(EndpointId::uuid),
            provider_name: text(&attempt.provider_name),
            model: text(&attempt.model),
            status: attempt.status,
            outcome: attempt.outcome.replace('\0', ""),
            latency_ms: attempt.latency_ms,
            error_type: text(&attempt.error_type),
        })
    }
}

struct Leases {
    ids: Vec<Uuid>,
    accounts: Vec<Uuid>,
    amounts: Vec<i64>,
}

impl Leases {
    fn read(leases: &[LeaseUse]) -> Result<Self, Malformed> {
        let mut read =
            Self { ids: Vec::new(), accounts: Vec::new(), amounts: Vec::with_capacity(leases.len()) };
        for lease in leases {
            let id = convert::id(&lease.lease_id, "leases.lease_id")?;
            let amount = positive(lease.amount, "leases.amount")?;
            // One that is named twice gives both amounts.
            let before = read.ids.iter().position(|known| *known == id);
            if let Some(known) = before.and_then(|place| read.amounts.get_mut(place)) {
                *known = known.saturating_add(amount);
                continue;
            }
            read.ids.push(id);
            read.accounts.push(convert::id(&lease.account_id, "leases.account_id")?);
            read.amounts.push(amount);
        }
        Ok(read)
    }
}

pub(crate) fn price_id(
    price: Option<&rpc::pricing::PriceVersion>,
) -> Result<Option<PriceVersionId>, Malformed> {
    price.map(|price| convert::id(&price.id, "price.id")).transpose()
}

fn optional<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<Option<T>, Malformed> {
    if text.is_empty() { Ok(None) } else { convert::id(text, field).map(Some) }
}

/// Text as Postgres can keep it; nothing when empty.
fn text(text: &str) -> Option<String> {
    let kept = text.replace('\0', "");
    if kept.is_empty() { None } else { Some(kept) }
}

fn positive(amount: i64, field: &'static str) -> Result<i64, Malformed> {
    if amount < 0 { Err(Malformed(field)) } else { Ok(amount) }
}

/// Executions number ledger entries, which count in sixteen bits.
fn execution(execution: u32) -> Result<i32, Malformed> {
    i16::try_from(execution).map(i32::from).map_err(|_| Malformed("execution"))
}

fn units(usage: &Usage) -> Result<[i64; Class::ALL.len()], Malformed> {
    let mut units = [0; Class::ALL.len()];
    for (unit, class) in units.iter_mut().zip(Class::ALL) {
        *unit = i64::try_from(usage.get(class)).map_err(|_| Malformed("usage"))?;
    }
    Ok(units)
}

pub(crate) const fn source(source: rpc::pricing::Source) -> &'static str {
    match source {
        rpc::pricing::Source::Provider => "provider",
        rpc::pricing::Source::Counted => "counted",
        rpc::pricing::Source::Estimated => "estimated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_split_between_customer_and_us() {
        let sums = |due, charge, absorbed, waived| Sums { due, charge, absorbed, waived };
        assert_eq!(Sums::split(100, 100, 0, 200), sums(100, 100, 0, 0));
        // Above the reservation: ours.
        assert_eq!(Sums::split(100, 100, 0, 60), sums(100, 60, 40, 0));
        assert_eq!(Sums::split(100, 60, 40, 60), sums(100, 60, 40, 0));
        // Not asked for: waived.
        assert_eq!(Sums::split(100, 0, 0, 200), sums(100, 0, 0, 100));
        // More than is due is never taken.
        assert_eq!(Sums::split(100, 130, 0, 200), sums(100, 100, 0, 0));
        assert_eq!(Sums::split(0, 130, 7, 200), sums(0, 0, 0, 0));
    }
}
